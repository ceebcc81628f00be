namespace Replay.Replayer.Kvm.Mmu;

/// <summary>A table of zeros: the root where the guest's own lies in no memslot. Made when it is first needed.</summary>
/// <remarks>KVM: kvm_mmu_get_dummy_root(), which takes the page of zeros that the whole host shares.</remarks>
internal sealed class DummyRoot(TablePages pages)
{
    private TablePage? _page;

    public TablePage Take(int level) => _page ??= pages.AllocateSpecial(level);

    /// <summary>The root of a vCPU is this one, or there is neither.</summary>
    public bool Is(TablePage? root) => root == _page;
}
