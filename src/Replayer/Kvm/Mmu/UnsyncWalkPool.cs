namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Walks for reuse; one is needed at a time, except where zapping nests.</summary>
internal sealed class UnsyncWalkPool(TablePages tables)
{
    private readonly Stack<UnsyncWalk> _free = new();

    public UnsyncWalk Rent() => _free.TryPop(out var walk) ? walk : new UnsyncWalk(tables);

    public void Return(UnsyncWalk walk) => _free.Push(walk);
}
