using System.Buffers.Binary;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>
/// A guest in 4-level paging that does nothing but write to page after page for the first time: its tables are there from the start, mapping
/// everything to itself, so that each access is one fault of KVM's.
/// </summary>
internal sealed class FreshPages
{
    private const int EntriesPerTable = 512;
    private const ulong PageBytes = 4096;
    private const ulong WritableUserPresent = 7;
    private const ulong AccessedDirty = 0x60;
    private const ulong PagingProtected = 1UL << 31 | 1UL << 16 | 1;
    private const ulong PhysicalAddressExtension = 1UL << 5;
    private const ulong LongModeActiveEnabledNx = 0xd00;

    /// <param name="pages">Pages to write to; a multiple of 512.</param>
    /// <param name="accessed">The entries that map them have their bits set, so that shadow paging maps neighbours along with a page.</param>
    public FreshPages(int pages, bool accessed)
    {
        Pages = pages;
        // The tables, in front of the pages: one PML4, one PDPT, page directories, page tables.
        var pageTables = pages / EntriesPerTable;
        var directories = (pageTables + EntriesPerTable - 1) / EntriesPerTable;
        var firstDirectory = 3;
        var firstPageTable = firstDirectory + directories;
        var firstPage = RoundUp(firstPageTable + pageTables);
        Manifest = new CaptureManifest { Source = "synthetic", Tool = "benchmark", MemoryBytes = (ulong)(firstPage + pages) * PageBytes };

        var chunk = new TraceChunk();
        Setup(chunk);
        Table(chunk, 1, 2, 1, AccessedDirty);
        Table(chunk, 2, firstDirectory, directories, AccessedDirty);
        for (var i = 0; i < directories; i++)
            Table(chunk, firstDirectory + i, firstPageTable + (i * EntriesPerTable), Math.Min(EntriesPerTable, pageTables - (i * EntriesPerTable)), AccessedDirty);
        for (var i = 0; i < pageTables; i++)
            Table(chunk, firstPageTable + i, firstPage + (i * EntriesPerTable), EntriesPerTable, accessed ? AccessedDirty : 0);
        for (var i = 0; i < pages; i++)
        {
            if (chunk.AccessCount == TraceChunk.Capacity)
            {
                Chunks.Add(chunk);
                chunk = new TraceChunk();
            }

            chunk.Add(NextOrdinal++, 0, AccessKind.Write, AccessFlags.None, (ulong)i * PageBytes, (ulong)(firstPage + i) * PageBytes, 8);
        }

        Chunks.Add(chunk);
    }

    public int Pages { get; }

    public CaptureManifest Manifest { get; }

    public List<TraceChunk> Chunks { get; } = [];

    private long NextOrdinal { get; set; } = 1;

    private static int RoundUp(int page) => (page + EntriesPerTable - 1) / EntriesPerTable * EntriesPerTable;

    private void Setup(TraceChunk chunk)
    {
        var memslot = new MemslotChange { Slot = 0, Gpa = 0, Size = Manifest.MemoryBytes };
        var registers = new VcpuState { Cr0 = PagingProtected, Cr3 = PageBytes, Cr4 = PhysicalAddressExtension, Efer = LongModeActiveEnabledNx };
        chunk.Events.Add(new TraceEvent { Ordinal = NextOrdinal++, Kind = TraceEventKind.Memslot, Detail = EventDetail.Write(memslot) });
        chunk.Events.Add(new TraceEvent { Ordinal = NextOrdinal++, Kind = TraceEventKind.VcpuState, Detail = EventDetail.Write(registers) });
    }

    /// <summary>A table whose first entries point at consecutive pages.</summary>
    private void Table(TraceChunk chunk, int page, int first, int count, ulong bits)
    {
        var content = new byte[PageBytes];
        for (var i = 0; i < count; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(i * 8), ((ulong)(first + i) * PageBytes) | WritableUserPresent | bits);
        chunk.Events.Add(new TraceEvent { Ordinal = NextOrdinal++, Kind = TraceEventKind.PageImage, Gpa = (ulong)page * PageBytes, Data = content });
    }
}
