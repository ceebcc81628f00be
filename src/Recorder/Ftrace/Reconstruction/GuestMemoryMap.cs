namespace Replay.Recorder.Ftrace.Reconstruction;

/// <summary>A memslot as a trace lets it be inferred.</summary>
/// <param name="FirstGfn">First frame.</param>
/// <param name="EndGfn">Behind the last.</param>
/// <param name="HvaOfGpaZero">Host-virtual minus guest-physical address; null: nothing in the trace tells.</param>
internal sealed record InferredSlot(ulong FirstGfn, ulong EndGfn, ulong? HvaOfGpaZero);

/// <summary>
/// Infers the memslots: frames that the host had a page for are in one, frames that became MMIO are in none. And where each lies in the
/// process: an invalidation names host-virtual addresses, and the frames whose mappings went with it, or came anew after it, are in its range.
/// </summary>
internal static class GuestMemoryMap
{
    private const ulong LargestGap = 1UL << 18;
    private const ulong Huge = 512;
    private const ulong ApicPage = 0xfee00;
    private const ulong FirstPrivatePage = 0xfeffc;
    private const ulong LastPrivatePage = 0xfefff;
    private const ulong Gigabyte = 1UL << 18;

    public static IReadOnlyList<InferredSlot> Infer(TraceFacts facts, bool privateMemslots)
    {
        var ram = new SortedSet<ulong>();
        var mmio = new SortedSet<ulong>();
        foreach (var fact in facts.Facts)
        {
            if (fact.IsMmio)
                mmio.Add(fact.Gpa >> 12);
            foreach (var page in fact.Pages)
                ram.Add(page.Gfn);
        }

        foreach (var (level, page, _) in facts.Earlier.SelectMany(part => part.Pages))
        {
            if (page.Pfn == 0)
                mmio.Add(page.Gfn);
            else
                ram.UnionWith([page.Gfn, page.Gfn + (1UL << (9 * (level - 1))) - 1]);
        }

        mmio.ExceptWith(ram);
        if (privateMemslots)
            ram.RemoveWhere(gfn => gfn is ApicPage or >= FirstPrivatePage and <= LastPrivatePage);
        var slots = new List<(ulong First, ulong Last)>();
        foreach (var gfn in ram)
        {
            if (slots.Count > 0 && gfn - slots[^1].Last <= LargestGap && (slots[^1].Last == gfn || mmio.GetViewBetween(slots[^1].Last, gfn).Count == 0))
                slots[^1] = (slots[^1].First, gfn);
            else
                slots.Add((gfn, gfn));
        }

        return [.. slots.Select((slot, i) => WithAddress(facts, Widen(slot, i == 0 ? null : slots[i - 1].Last + 1, i + 1 < slots.Count ? slots[i + 1].First : null, mmio)))];
    }

    /// <summary>As far as nothing speaks against it: memory is no smaller than what was touched, and begins and ends at huge pages.</summary>
    private static InferredSlot Widen((ulong First, ulong Last) slot, ulong? before, ulong? next, SortedSet<ulong> mmio)
    {
        var first = slot.First / Huge * Huge;
        if (before > first || mmio.GetViewBetween(first, slot.First).Count > 0)
            first = slot.First;
        var end = (slot.Last / Gigabyte + 1) * Gigabyte;
        if (next is { } other)
            end = Math.Min(end, other / Huge * Huge);
        var device = mmio.GetViewBetween(slot.Last, end);
        if (device.Count > 0)
            end = Math.Min(end, device.Min / Huge * Huge);
        return new InferredSlot(first, end > slot.Last ? end : slot.Last + 1, null);
    }

    private static InferredSlot WithAddress(TraceFacts facts, InferredSlot slot)
    {
        var bounds = new Bounds();
        var mappedAt = new Dictionary<ulong, int>();
        var invalidations = new List<(int At, ulong Start, ulong End)>();
        var zapAllAt = -1;
        for (var i = 0; i < facts.Facts.Count; i++)
        {
            var fact = facts.Facts[i];
            switch (fact.Kind)
            {
                case FactKind.Fault:
                    foreach (var (start, end) in fact.Ranges)
                        bounds.Add(slot, fact.Gpa >> 12, start, end);
                    // A page that was mapped, and is not there any more: one of the invalidations since took it away.
                    if (fact.WasNotPresent && fact.IsAnswered && mappedAt.TryGetValue(fact.Gpa >> 12, out var since) && since > zapAllAt)
                    {
                        var suspects = invalidations.Where(range => range.At > since).ToList();
                        if (suspects.Count > 0 && suspects.TrueForAll(range => (range.Start, range.End) == (suspects[0].Start, suspects[0].End)))
                            bounds.Add(slot, fact.Gpa >> 12, suspects[0].Start, suspects[0].End);
                    }

                    foreach (var page in fact.Pages)
                        mappedAt[page.Gfn] = i;
                    break;
                case FactKind.Invalidate:
                    invalidations.Add((i, fact.Ranges[0].Start, fact.Ranges[0].End));
                    foreach (var gfn in fact.Zapped)
                        bounds.Add(slot, gfn, fact.Ranges[0].Start, fact.Ranges[0].End);
                    break;
                case FactKind.ZapAll or FactKind.Lost:
                    zapAllAt = i;
                    break;
                default:
                    break;
            }
        }

        return slot with { HvaOfGpaZero = bounds.Choose(slot) };
    }

    /// <summary>What is known of the difference between host-virtual and guest-physical addresses.</summary>
    private sealed class Bounds
    {
        private readonly SortedSet<ulong> _starts = [];
        private ulong _least;
        private ulong _most = ulong.MaxValue;

        public void Add(InferredSlot slot, ulong gfn, ulong start, ulong end)
        {
            if (gfn < slot.FirstGfn || gfn >= slot.EndGfn || end - start < 4096)
                return;
            var gpa = gfn << 12;
            var least = start >= gpa ? start - gpa : 0;
            var most = end - 4096 - gpa;
            // What contradicts the rest has another cause.
            if (least > _most || most < _least || end - 4096 < gpa)
                return;
            _least = Math.Max(_least, least);
            _most = Math.Min(_most, most);
            _starts.Add(start);
        }

        public ulong? Choose(InferredSlot slot)
        {
            if (_most == ulong.MaxValue)
                return null;
            // The range of a whole slot begins where the slot does; userspace aligns memory to huge pages.
            foreach (var start in _starts)
            {
                if (start >= slot.FirstGfn << 12 && start - (slot.FirstGfn << 12) is var whole && whole >= _least && whole <= _most)
                    return whole;
            }

            var aligned = (_least + (Huge << 12) - 1) / (Huge << 12) * (Huge << 12);
            return aligned <= _most ? aligned : _least;
        }
    }
}
