using Replay.Analyzer.Store;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace.Tracepoints;

namespace Replay.Analyzer.Observed;

/// <summary>
/// Follows writes to table entries. Several lines may show one write: it waits until its thread's next line has told what it can add.
/// </summary>
internal sealed class EntryFollower(ObservedHost host, Scribe scribe, ObservedPages pages, PageFollower pageFollower)
{
    private const ulong X86Nonleaf = 0x827;
    private const ulong EptNonleaf = 0x907;
    private const ulong EptNonleafWithoutAd = 1UL << 52 | 0x807;
    private const uint AdDisabledBit = 1U << 16;
    private const int PageShift = 12;

    /// <summary>kvm_tdp_mmu_spte_changed.</summary>
    public void Changed(ObservedThread thread, in SpteChangedFields fields)
    {
        Tell(thread);
        var shift = 9 * fields.Level;
        var page = pages.Holding(fields.Level, fields.Gfn, fields.Old) ?? pageFollower.Earlier(fields.Level, fields.Gfn >> shift << shift);
        var index = (int)(fields.Gfn >> (shift - 9) & 511);
        page.SetEntryGfn(index, fields.Gfn);
        Begin(thread, page, index, fields.Old, fields.New, KvmFunction.HandleChangedSpte, Tracepoint.KvmTdpMmuSpteChanged);
        if (host.Entries.Classify(fields.New, fields.Level) is EntryKind.Page or EntryKind.Huge)
            ExitFollower.LeafChanged(thread);
        if (fields.Level > 1 && host.Entries.Classify(fields.New, fields.Level) == EntryKind.Table
            && pages.WithoutPfn(fields.Level - 1, fields.Gfn) is { } child)
            pageFollower.Locate(child, new Spte(fields.New).Pfn);
    }

    /// <summary>kvm_mmu_set_spte: completes the write that another line of the thread has just shown, or is the only one to show it.</summary>
    public void Set(ObservedThread thread, in SetSpteFields fields)
    {
        ExitFollower.Mapped(thread, fields.Gfn, fields.Level);
        thread.FaultSet = true;
        if (!pages.IsTdp(fields.Sptep >> PageShift))
            ExitFollower.LeafChanged(thread);
        if (thread.HasWrite)
        {
            ref var write = ref thread.Write;
            if (write.New == fields.Spte && write.Page.Level == fields.Level && write.Index == ObservedPages.Index(fields.Sptep))
            {
                write.Tracepoint = write.Tracepoint == Tracepoint.KvmTdpMmuSpteChanged ? Tracepoint.KvmTdpMmuSpteChangedAndSetSpte : Tracepoint.KvmMmuSetSpte;
                write.Gfn = fields.Gfn;
                write.Page.SetEntryGfn(write.Index, fields.Gfn);
                if (write.Page.Pfn == Unseen.Word)
                    pageFollower.Locate(write.Page, fields.Sptep >> PageShift);
                Tell(thread);
                return;
            }

            Tell(thread);
        }

        // A nested guest's tables are found by their own addresses, not by L1's frames.
        var page = pageFollower.At(thread, fields.Sptep >> PageShift, fields.Level, thread.IsNested ? Unseen.Word : fields.Gfn);
        var index = ObservedPages.Index(fields.Sptep);
        page.SetEntryGfn(index, fields.Gfn);
        Begin(thread, page, index, Unseen.Word, fields.Spte, KvmFunction.MmuSetSpte, Tracepoint.KvmMmuSetSpte);
        Tell(thread);
    }

    /// <summary>mark_mmio_spte: shows that the entry became one, not its value.</summary>
    public void MarkMmio(ObservedThread thread, in MarkMmioSpteFields fields)
    {
        if (thread.HasWrite && thread.Write.Tracepoint == Tracepoint.KvmTdpMmuSpteChanged && thread.Write.Gfn == fields.Gfn)
        {
            thread.Write.Tracepoint = Tracepoint.KvmTdpMmuSpteChangedAndMarkMmio;
            Tell(thread);
            return;
        }

        Tell(thread);
        var page = fields.Sptep is { } sptep
            ? pageFollower.At(thread, pages.PfnOf(sptep), 1, fields.Gfn)
            : host.IsTwoDimensional ? pages.OfRole(1, fields.Gfn >> 9 << 9, 0, 0, zapped: false) : thread.GotPage;
        if (page is null)
            return;
        var index = fields.Sptep is { } entry ? ObservedPages.Index(entry) : (int)(fields.Gfn & 511);
        page.SetEntryGfn(index, fields.Gfn);
        var old = thread.SetEntry != 0 ? page.Value(index) : Unseen.Word;
        Begin(thread, page, index, old, Unseen.Word, KvmFunction.MarkMmioSpte, Tracepoint.MarkMmioSpte);
        Tell(thread);
    }

    public void FastPageFault(ObservedThread thread, in FastPageFaultFields fields)
    {
        Tell(thread);
        if (fields.Spurious)
            ExitFollower.Outcome(thread, RetPf.Spurious);
        if (!fields.Fixed)
            return;
        ExitFollower.Outcome(thread, RetPf.Fixed);
        var gfn = host.IsTwoDimensional ? fields.Address >> PageShift : Unseen.Word;
        var page = fields.Sptep is { } sptep ? pageFollower.At(thread, pages.PfnOf(sptep), 1, gfn)
            : gfn != Unseen.Word ? pages.Holding(1, gfn, fields.Old) : null;
        if (page is null)
            return;
        var index = fields.Sptep is { } entry ? ObservedPages.Index(entry) : (int)(gfn & 511);
        // Of an entry that is older than the trace, the fault's address is the first to tell what it maps.
        if (gfn != Unseen.Word && !thread.IsNested && page.EntryGfn(index) == Unseen.Word)
            page.SetEntryGfn(index, gfn >> (9 * (page.Level - 1)) << (9 * (page.Level - 1)));
        Begin(thread, page, index, fields.Old, fields.New, KvmFunction.FastPfFixDirectSpte, Tracepoint.FastPageFault);
        Tell(thread);
    }

    /// <summary>A probe on mmu_spte_update: what kvm_mmu_set_spte may show next, and many writes that nothing else shows.</summary>
    public void Update(ObservedThread thread, ulong sptep, ulong old, ulong value)
    {
        Tell(thread);
        var page = pageFollower.OfEntry(thread, sptep);
        var index = ObservedPages.Index(sptep);
        if (thread.SetEntry == sptep && thread.SetGfn != Unseen.Word)
            page.SetEntryGfn(index, thread.SetGfn);
        Begin(thread, page, index, old, value, KvmFunction.MmuSpteUpdate, Tracepoint.None);
    }

    /// <summary>A probe shows that an entry becomes 0.</summary>
    /// <param name="thread">Who does it.</param>
    /// <param name="sptep">The entry.</param>
    /// <param name="old">What it held; null: as the writes so far leave it.</param>
    /// <param name="function">Who clears it.</param>
    public void Clear(ObservedThread thread, ulong sptep, ulong? old, KvmFunction function)
    {
        Tell(thread);
        if (pages.OfPfn(pages.PfnOf(sptep)) is null && old is null)
            return;
        var page = pageFollower.OfEntry(thread, sptep);
        var index = ObservedPages.Index(sptep);
        var before = old ?? page.Value(index);
        if (page.Value(index) is var now && (now == 0 || now == host.Kernel.EmptySpte) && old is null)
            return;
        Begin(thread, page, index, before, host.Kernel.EmptySpte, function, Tracepoint.None);
        Tell(thread);
    }

    /// <summary>A probe on __link_shadow_page's start: the write comes when what the entry holds is gone.</summary>
    public void BeginLink(ObservedThread thread, ulong sptep, ulong table, ulong gfn, uint role)
    {
        Tell(thread);
        EndLink(thread);
        var frame = pages.Physical(table);
        var bits = host.Paging != ObservedPaging.Ept ? X86Nonleaf : (role & AdDisabledBit) != 0 ? EptNonleafWithoutAd : EptNonleaf;
        (thread.LinkEntry, thread.LinkValue, thread.LinkGfn) = (sptep, frame | bits, gfn);
    }

    public void EndLink(ObservedThread thread)
    {
        if (thread.LinkEntry == 0)
            return;
        Tell(thread);
        var entry = thread.LinkEntry;
        thread.LinkEntry = 0;
        var page = pageFollower.OfEntry(thread, entry);
        var index = ObservedPages.Index(entry);
        page.SetEntryGfn(index, thread.LinkGfn);
        Begin(thread, page, index, page.Value(index), thread.LinkValue, KvmFunction.LinkShadowPage, Tracepoint.None);
        Tell(thread);
    }

    /// <summary>Tells the write that waits: the thread's next line adds nothing to it.</summary>
    public void Tell(ObservedThread thread)
    {
        if (!thread.HasWrite)
            return;
        thread.HasWrite = false;
        ref var write = ref thread.Write;
        scribe.Write(new TableWrite
        {
            Seq = write.Seq,
            Ordinal = write.Ordinal,
            Gfn = write.Gfn,
            Old = write.Old,
            New = write.New,
            FaultId = write.FaultId,
            ExitId = write.ExitId,
            TableId = write.Page.TableId,
            ChainId = write.ChainId,
            Index = (ushort)write.Index,
            Function = write.Function,
            Level = (byte)write.Page.Level,
            Vcpu = thread.Vcpu,
            Actor = Actor.Kvm,
            Tracepoint = write.Tracepoint,
            Context = write.Page.Context,
        });
    }

    private void Begin(ObservedThread thread, ObservedPage page, int index, ulong old, ulong value, KvmFunction function, Tracepoint tracepoint)
    {
        page.SetValue(index, value);
        if (old == value && old != Unseen.Word)
            return;
        var chain = scribe.Chains.Ending(thread.Chain, function);
        thread.Write = new PendingWrite
        {
            Page = page,
            Index = index,
            Gfn = page.EntryGfn(index),
            Old = old,
            New = value,
            Seq = scribe.NextSeq(),
            Ordinal = scribe.Ordinal,
            ChainId = scribe.Chains.Told(chain),
            FaultId = thread.FaultId,
            ExitId = thread.Exit.ExitId,
            Function = function,
            Tracepoint = tracepoint,
        };
        thread.HasWrite = true;
        if (!thread.FaultIsOpen)
            return;
        thread.FaultEnd = thread.Write.Seq;
        thread.Fault = thread.Fault with { Writes = thread.Fault.Writes + 1 };
    }
}
