using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>An access of a filtered capture whose repetitions may have been dropped.</summary>
internal readonly record struct RecentAccess(long Ordinal, ulong Gva, AccessKind Kind, AccessFlags Flags, byte Vcpu)
{
    /// <summary>Whether a repetition would notice that an entry on its way has lost something.</summary>
    public bool Needs(EntryLoss lost)
    {
        var needed = EntryLoss.Translation
            | Kind switch { AccessKind.Write => EntryLoss.Write, AccessKind.Fetch => EntryLoss.Execute, _ => EntryLoss.None }
            | ((Flags & AccessFlags.User) != 0 ? EntryLoss.User : EntryLoss.Supervisor);
        return (lost & needed) != 0;
    }
}

/// <summary>
/// The accesses of a filtered capture since the last flush point: whatever the filter dropped repeats one of them. For shadow paging,
/// where tables are walked by guest-virtual address.
/// </summary>
internal sealed class RecentAccesses(KvmVm vm, long epochLength)
{
    private readonly List<RecentAccess> _accesses = [];

    /// <summary>A flush point.</summary>
    public void Forget() => _accesses.Clear();

    /// <summary>A stretch that is about to be replayed.</summary>
    public void Add(TraceChunk chunk, int from, int to)
    {
        ForgetBefore(EpochStart(chunk.Ordinals[from]));
        for (var i = from; i < to; i++)
            _accesses.Add(new RecentAccess(chunk.Ordinals[i], chunk.Gvas[i], (AccessKind)chunk.Kinds[i], (AccessFlags)chunk.Flags[i], chunk.Vcpus[i]));
    }

    /// <summary>Whether one of them went by an entry that has just been written, and needs what the entry lost.</summary>
    public bool Need(EntryLoss lost, in TableWrite write)
    {
        var start = EpochStart(write.Ordinal);
        for (var i = _accesses.Count - 1; i >= 0 && _accesses[i].Ordinal >= start; i--)
        {
            var access = _accesses[i];
            // Those behind the write are the stretch under way: they are still to come, and not dropped.
            if (access.Ordinal < write.Ordinal && access.Needs(lost) && GoesBy(write, access))
                return true;
        }

        return false;
    }

    /// <summary>As the CPU walks. Entries above the one written are as they were: had they been taken away, that would have been told.</summary>
    private bool GoesBy(in TableWrite write, in RecentAccess access)
    {
        var root = vm.Vcpus[access.Vcpu].LoadedRoot;
        // Without a root nothing says what the walk would have been.
        if (root.Table is not { } table)
            return true;
        var isPae = root.Level <= PgLevel.RootPae;
        var page = (isPae ? (uint)access.Gva : access.Gva) >> 12;
        for (var level = isPae ? PgLevel.RootPae : root.Level; ; level--)
        {
            var index = PageLevels.EntryIndex(page, level);
            if (table.Id == write.TableId)
                return index == write.Index;
            var entry = table[index];
            if ((entry.Raw & vm.Format.PresentMask) == 0 || entry.IsLast(level) || vm.Pages.At(entry.Pfn) is not { } next)
                return false;
            table = next;
        }
    }

    private void ForgetBefore(long ordinal)
    {
        if (_accesses.Count > 0 && _accesses[0].Ordinal < ordinal)
            _accesses.RemoveAll(access => access.Ordinal < ordinal);
    }

    private long EpochStart(long ordinal) => ordinal - (ordinal % epochLength);
}
