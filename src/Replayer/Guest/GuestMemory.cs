using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Replay.Replayer.History;

namespace Replay.Replayer.Guest;

/// <summary>
/// The part of guest-physical memory whose content matters: pages that serve, or served, as page tables. Content comes from page
/// images and from recorded stores; accessed and dirty bits from the walkers.
/// </summary>
public sealed class GuestMemory
{
    private const int PageSize = 4096;

    /// <summary>A walk reads the same few pages as the last: they are found here.</summary>
    private const int RecentPages = 256;

    private readonly Dictionary<ulong, byte[]> _pages = [];
    private readonly ulong[] _recentGfns = new ulong[RecentPages];
    private readonly byte[]?[] _recentPages = new byte[]?[RecentPages];

    /// <summary>
    /// Counts changes of content made by the guest itself: a translation taken at another count may be wrong.
    /// </summary>
    public long ContentEpoch { get; private set; }

    /// <summary>Is told of every change; see <see cref="Tell"/>.</summary>
    private Journal? _journal;

    /// <summary>The content of the page is known.</summary>
    public bool Knows(ulong gfn) => _pages.ContainsKey(gfn);

    /// <summary>Takes a page image: 4096 bytes, or empty for a page of zeros.</summary>
    public void SetPage(ulong gfn, ReadOnlySpan<byte> content)
    {
        ref var page = ref CollectionsMarshal.GetValueRefOrAddDefault(_pages, gfn, out _);
        page ??= new byte[PageSize];
        if (content.IsEmpty)
            Array.Clear(page);
        else
            content[..PageSize].CopyTo(page);
        ContentEpoch++;
        TellPage(gfn, page);
    }

    /// <summary>The source follows the page no more: its content is unknown until the next image.</summary>
    public void Forget(ulong gfn)
    {
        if (!_pages.Remove(gfn))
            return;
        _recentPages[gfn & (RecentPages - 1)] = null;
        ContentEpoch++;
        _journal?.GuestEntry(gfn, GuestEntryRecord.Page, 0);
    }

    /// <summary>A store by the guest. Ignored where the page's content is not held; a store never crosses a page.</summary>
    /// <param name="gpa">First byte.</param>
    /// <param name="value">The value, zero-extended.</param>
    /// <param name="size">1, 2, 4 or 8 bytes.</param>
    public void Store(ulong gpa, ulong value, int size)
    {
        if (!TryFind(gpa >> 12, out var page))
            return;
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        var offset = (int)(gpa & 0xfff);
        var length = Math.Min(Math.Min(size, 8), PageSize - offset);
        bytes[..length].CopyTo(page.AsSpan(offset));
        ContentEpoch++;
        if (_journal is null)
            return;
        for (var index = offset >> 3; index <= (offset + length - 1) >> 3; index++)
            TellEntry(gpa >> 12, page, index);
    }

    /// <summary>Reads 8 bytes at an 8-byte-aligned address; false where the content is not held.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead64(ulong gpa, out ulong value)
    {
        if (!TryFind(gpa >> 12, out var page))
        {
            value = 0;
            return false;
        }

        value = BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan((int)(gpa & 0xff8)));
        return true;
    }

    /// <summary>Reads 4 bytes at a 4-byte-aligned address; false where the content is not held.</summary>
    public bool TryRead32(ulong gpa, out uint value)
    {
        if (!TryFind(gpa >> 12, out var page))
        {
            value = 0;
            return false;
        }

        value = BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan((int)(gpa & 0xffc)));
        return true;
    }

    /// <summary>Reads an entry of 4 or 8 bytes, zero-extended.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryRead(ulong gpa, int size, out ulong value)
    {
        if (size == 8)
            return TryRead64(gpa, out value);
        var known = TryRead32(gpa, out var low);
        value = low;
        return known;
    }

    /// <summary>
    /// A walker (the CPU's or KVM's) sets accessed or dirty bits in the low 32 bits of an entry. Not a change that voids translations.
    /// </summary>
    public void SetBits(ulong gpa, uint bits)
    {
        if (!TryFind(gpa >> 12, out var page))
            return;
        var entry = page.AsSpan((int)(gpa & 0xffc));
        BinaryPrimitives.WriteUInt32LittleEndian(entry, BinaryPrimitives.ReadUInt32LittleEndian(entry) | bits);
        TellEntry(gpa >> 12, page, (int)(gpa & 0xfff) >> 3);
    }

    /// <summary>From here on the journal is told what the pages hold, and first all that is known.</summary>
    internal void Tell(Journal journal)
    {
        if (_journal is not null)
            return;
        _journal = journal;
        foreach (var gfn in _pages.Keys.Order())
            TellPage(gfn, _pages[gfn]);
    }

    private void TellPage(ulong gfn, byte[] page)
    {
        if (_journal is null)
            return;
        _journal.GuestEntry(gfn, GuestEntryRecord.Page, 1);
        for (var index = 0; index < PageSize / 8; index++)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(index * 8)) != 0)
                TellEntry(gfn, page, index);
        }
    }

    private void TellEntry(ulong gfn, byte[] page, int index) =>
        _journal?.GuestEntry(gfn, index, BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(index * 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFind(ulong gfn, [NotNullWhen(true)] out byte[]? page)
    {
        var slot = gfn & (RecentPages - 1);
        page = _recentPages[slot];
        if (page is not null && _recentGfns[slot] == gfn)
            return true;
        if (!_pages.TryGetValue(gfn, out page))
            return false;
        _recentGfns[slot] = gfn;
        _recentPages[slot] = page;
        return true;
    }
}
