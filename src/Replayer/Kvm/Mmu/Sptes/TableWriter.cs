using System.Runtime.CompilerServices;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>The one place where table entries are written. Every write becomes a row of the history.</summary>
public sealed class TableWriter(Journal journal)
{
    private readonly Key _key = Key.Create();

    /// <summary>
    /// Counts the writes after which a translation taken earlier from the tables may be wrong: all that do not start from an
    /// entry that was not present. A TLB compares it with the count it was filled at.
    /// </summary>
    public long TranslationEpoch { get; private set; }

    /// <summary>KVM stores <paramref name="value"/>; the function on top of the journal's chain is the writer.</summary>
    /// <param name="page">The table.</param>
    /// <param name="index">The entry, 0 to 511.</param>
    /// <param name="value">The new value. Storing the old value again is no write and leaves no row.</param>
    /// <param name="gfn">The first gfn that the entry translates.</param>
    /// <param name="tracepoint">The line a real kernel would print.</param>
    /// <returns>The old value.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Spte Write(TablePage page, int index, Spte value, ulong gfn, Tracepoint tracepoint = Tracepoint.None)
    {
        var old = page.Exchange(_key, index, value.Raw);
        if (old == value.Raw)
            return value;
        if (old != page.Empty.Raw)
        {
            TranslationEpoch++;
            CheckFrame(page, index, new Spte(old), value);
        }

        journal.Write(page.Id, page.Level, index, gfn, old, value.Raw, Actor.Kvm, tracepoint, ContextOf(page));
        return new Spte(old);
    }

    /// <summary>A present leaf never changes its frame without having been cleared: a TLB might hold either.</summary>
    private static void CheckFrame(TablePage page, int index, Spte old, Spte value)
    {
        var bothMap = page.IsPresent(old) && page.IsPresent(value) && old.IsLast(page.Level) && value.IsLast(page.Level);
        if (bothMap && old.Pfn != value.Pfn)
            Invariant.Broken($"entry {page.Id}[{index}] changes its frame from {old} to {value} without having been cleared");
    }

    /// <summary>The CPU's walker sets accessed or dirty bits.</summary>
    public void SetByHardware(TablePage page, int index, ulong bits, ulong gfn)
    {
        var old = page[index].Raw;
        if ((old & bits) == bits)
            return;
        page.Exchange(_key, index, old | bits);
        journal.Write(page.Id, page.Level, index, gfn, old, old | bits, Actor.Hardware, Tracepoint.None, ContextOf(page));
    }

    /// <summary>What serves several guests is written for the one that runs.</summary>
    private GuestContext ContextOf(TablePage page) => page.Context == GuestContext.Unknown ? journal.Context : page.Context;

    /// <summary>The right to change an entry. Only this class can make one.</summary>
    internal sealed class Key
    {
        private Key()
        {
        }

        internal static Key Create() => new();
    }
}
