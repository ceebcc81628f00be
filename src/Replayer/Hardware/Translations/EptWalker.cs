using System.Runtime.CompilerServices;
using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>The walk of extended page tables.</summary>
/// <remarks>SDM: EPT Translation Mechanism, EPT-Induced VM Exits, Accessed and Dirty Flags for EPT.</remarks>
internal sealed class EptWalker(
    TablePages pages, TableWriter writer, HostProfile profile, NestedTlb? tlb, PagingStructureCache? cache, bool isShadow = false)
    : SecondDimension(tlb, writer)
{
    /// <summary>Exit qualification: the address is that of an access of the guest's, not of an entry of its tables.</summary>
    public const ulong OnFinalTranslation = 1UL << 8;

    /// <summary>Of an exit qualification: the access was a fetch.</summary>
    public const ulong Fetch = 1UL << 2;

    private const ulong Read = 1;
    private const ulong Write = 2;
    private const ulong Execute = 4;
    private const ulong AnyRight = Read | Write | Execute;
    private const int MemoryTypeShift = 3;
    private const ulong MustBeZeroInNonLeaf = 0xfUL << 3;
    private const uint Accessed = 1u << 8;
    private const uint Dirty = 1u << 9;
    private const ulong EptpAccessedDirty = 1UL << 6;

    private readonly ulong _unreachableFrames = Spte.BaseAddressMask & ~((1UL << profile.PhysicalAddressBits) - 1);

    /// <inheritdoc/>
    public override bool IsShadow => isShadow;

    public override bool TableReadsAreWrites => SetsAccessedAndDirty;

    private bool SetsAccessedAndDirty => (Root.Register & EptpAccessedDirty) != 0;

    protected override bool Walk(ulong gpa, in GpaAccess access, out ulong hpa)
    {
        var wanted = WantedRights(access);
        var (page, first, rights) = Start(gpa);
        for (var level = first; ; level--)
        {
            var shift = PageLevels.GfnShift(level) + 12;
            var index = (int)(gpa >> shift & 511);
            var entry = page[index];
            References++;
            Recorder?.OfKvm(level, (page.Pfn << 12) + ((ulong)index * 8), entry.Raw);
            rights &= entry.Raw;
            if ((entry.Raw & AnyRight) == 0)
                return Violation(gpa, access, rights, out hpa);
            var leaf = entry.IsLast(level);
            if (IsMisconfigured(entry, level, leaf))
                return Exit(ExitReason.EptMisconfig, 0, gpa, out hpa);
            if (!leaf)
            {
                SetBits(page, index, entry, Accessed, gpa, shift);
                page = Child(entry);
                if (level == PgLevel.Size2M)
                    cache?.Fill(gpa, Epoch, new WalkPosition(page.Pfn << 12, PgLevel.Size4K, new PageRights(rights)), (0, Root.Level - PgLevel.Size4K));
                continue;
            }

            if ((wanted & ~rights) != 0)
                return Violation(gpa, access, rights, out hpa);
            if (!TryFinish(page, index, entry, (wanted & Write) != 0, gpa, shift))
                return Exit(ExitReason.PmlFull, 0, gpa, out hpa);
            if (isShadow)
                Target = KvmTables.TargetGfn(page, index, gpa) << 12 | (gpa & 0xfff);
            var offset = (1UL << shift) - 1;
            hpa = (entry.Raw & Spte.BaseAddressMask & ~offset) | (gpa & offset);
            return true;
        }
    }

    /// <summary>The root, or the page table that an earlier walk came to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (TablePage Page, int Level, ulong Rights) Start(ulong gpa)
    {
        if (cache is null || !cache.TryFind(gpa, Epoch, out var pageTable, out var references))
            return (Root.Table!, Root.Level, AnyRight);
        References += references.Kvm;
        return (pages.At(pageTable.Table >> 12)!, pageTable.Level, pageTable.Rights.Bits);
    }

    /// <summary>With accessed and dirty bits on, each access to a guest table counts as a write.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong WantedRights(in GpaAccess access) => access.Purpose switch
    {
        GpaPurpose.TableRead => SetsAccessedAndDirty ? Write : Read,
        GpaPurpose.TableUpdate => profile.GuestAdUpdatesBypassEpt && !SetsAccessedAndDirty ? Read : Write,
        GpaPurpose.PdpteLoad => Read,
        _ => access.Kind switch
        {
            AccessKind.Write => Write,
            AccessKind.Fetch => Execute,
            _ => Read,
        },
    };

    /// <summary>The exit qualification of an EPT violation.</summary>
    /// <remarks>
    /// <code>
    /// 11   10   9    8                  7                    5..3                  2..0
    /// XD   R/W  U/S  final translation  linear address valid  X W R of the entries  X W R of the access
    /// </code>
    /// Bits 11 to 9 are the guest's own rights, told with bits 8 and 7 by CPUs that have advanced VM-exit information.
    /// </remarks>
    private bool Violation(ulong gpa, in GpaAccess access, ulong rights, out ulong hpa)
    {
        var qualification = WantedRights(access) | rights << 3;
        if (access.Purpose == GpaPurpose.TableRead && SetsAccessedAndDirty && !profile.EptWalkViolationIsWriteOnly)
            qualification |= Read;
        if (access.Purpose != GpaPurpose.PdpteLoad)
            qualification |= 1UL << 7;
        if (access.Purpose == GpaPurpose.Final)
        {
            qualification |= OnFinalTranslation;
            if (profile.AdvancedExitInformation)
                qualification |= LinearRights(access);
        }

        return Exit(ExitReason.EptViolation, qualification, gpa, out hpa);
    }

    private static ulong LinearRights(in GpaAccess access) =>
        (access.LinearRights.User ? 1UL << 9 : 0)
        | (access.LinearRights.Writable ? 1UL << 10 : 0)
        | (access.LinearRights.Executable ? 0 : 1UL << 11);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsMisconfigured(Spte entry, int level, bool leaf)
    {
        var raw = entry.Raw;
        if ((raw & (Read | Write)) == Write || ((raw & AnyRight) == Execute && !profile.EptExecuteOnly))
            return true;
        if ((raw & _unreachableFrames) != 0)
            return true;
        if (!leaf)
            return (raw & MustBeZeroInNonLeaf) != 0;
        if ((raw >> MemoryTypeShift & 7) is 2 or 3 or 7)
            return true;
        if (level == 1)
            return false;
        var offset = (1UL << (PageLevels.GfnShift(level) + 12)) - 1;
        return level > (profile.GigabytePages ? 3 : 2) || (raw & Spte.BaseAddressMask & offset) != 0;
    }

    /// <summary>Sets the leaf's bits; false where the log of dirty pages must be emptied first.</summary>
    private bool TryFinish(TablePage page, int index, Spte entry, bool write, ulong gpa, int shift)
    {
        if (!write || (entry.Raw & Dirty) != 0)
        {
            SetBits(page, index, entry, Accessed, gpa, shift);
            return true;
        }

        if (SetsAccessedAndDirty && Pml is { } log && !log.TryLog(gpa))
            return false;
        SetBits(page, index, entry, Accessed | Dirty, gpa, shift);
        return true;
    }

    private void SetBits(TablePage page, int index, Spte entry, uint bits, ulong gpa, int shift)
    {
        if (SetsAccessedAndDirty && (entry.Raw & bits) != bits)
            Writer.SetByHardware(page, index, bits, gpa >> shift << (shift - 12));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TablePage Child(Spte entry)
    {
        var child = pages.At(entry.Pfn);
        if (child is null)
            Invariant.Broken($"the CPU walks from EPT entry {entry} into host frame {entry.Pfn:x}, which is no table");
        return child;
    }
}
