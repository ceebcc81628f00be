using System.Buffers.Binary;
using Replay.Recorder.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

public class PageTableTests
{
    // Bits 5 and 6 of an entry: the CPU sets them itself, which no plugin sees.
    private const ulong AccessedAndDirty = 0x60;

    // The tables of dimm are not in the RAM that is looked at here.
    public static TheoryData<string> EveryPayloadWithPaging() => [.. Payload.Names.Where(static name => name is not ("nopg" or "dimm"))];

    [Theory]
    [MemberData(nameof(EveryPayloadWithPaging))]
    public void Images_and_stores_rebuild_every_page_table_of_the_guest(string name)
    {
        Needs.Qemu();
        using var payload = new Payload(name);
        var options = payload.Options(filter: 1024);

        var recording = payload.Record(options);
        var ram = PlainQemu.FinalMemory(options.Arguments, payload.InDirectory("ram"), 64 << 20);

        var pages = Rebuild(recording);
        Assert.NotEmpty(pages);
        foreach (var (gfn, page) in pages)
        {
            for (var at = 0; at < 4096; at += 4)
            {
                var expected = BinaryPrimitives.ReadUInt32LittleEndian(ram.AsSpan((int)(gfn << 12) + at));
                var rebuilt = BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(at));
                Assert.True((expected & ~AccessedAndDirty) == (rebuilt & ~AccessedAndDirty), $"gfn {gfn:x} offset {at:x}: {rebuilt:x}, but RAM holds {expected:x}");
            }
        }
    }

    [Fact]
    public void Stores_to_page_tables_are_recorded_with_value_however_small_the_filter()
    {
        Needs.Qemu();
        using var payload = new Payload("stress");

        var full = payload.Record(payload.Options()).Events(TraceEventKind.PageTableStore).ToList();
        var filtered = payload.Record(payload.Options(filter: 2)).Events(TraceEventKind.PageTableStore).ToList();

        Assert.Equal(full, filtered);
        Assert.True(full.Count > 2000, $"{full.Count} stores");
    }

    /// <summary>Which stores keep the filter does not depend on its size or on what it has forgotten of itself, so that two filters agree.</summary>
    [Theory]
    [MemberData(nameof(EveryPayloadWithPaging))]
    public void Stores_keep_the_filter_where_the_rule_of_filtered_streams_says_so(string name)
    {
        Needs.Qemu();
        using var payload = new Payload(name);
        var recording = payload.Record(payload.Options());
        var filter = new PageFilter(new FilterRule { Entries = 1 << 16, EpochLength = long.MaxValue }, 64 << 20);

        foreach (var row in recording.Rows)
        {
            if (row.Event is { } what)
                Assert.True(what == filter.See(what), $"{what.Kind} at {what.Ordinal}: {what.Flags}");
            else
                filter.Admits(row.Ordinal, row.Vcpu, (byte)row.Kind, (byte)row.Flags, row.Gva);
        }
    }

    [Fact]
    public void A_guest_that_edits_its_tables_keeps_the_filter_at_some_stores_and_empties_it_at_others()
    {
        Needs.Qemu();
        using var payload = new Payload("stress");

        var stores = payload.Record(payload.Options(filter: 64)).Events(TraceEventKind.PageTableStore).ToList();

        var kept = stores.Count(static store => (store.Flags & AccessFlags.KeptFilter) != 0);
        Assert.InRange(kept, 100, stores.Count - 100);
    }

    private static Dictionary<ulong, byte[]> Rebuild(Recording recording)
    {
        var pages = new Dictionary<ulong, byte[]>();
        foreach (var row in recording.Rows.Where(static row => row.Event is not null).Select(static row => row.Event!.Value))
        {
            if (row.Kind == TraceEventKind.PageImage)
                Assert.True(pages.TryAdd(row.Gpa!.Value >> 12, row.Data ?? new byte[4096]), $"a second image of page {row.Gpa:x}");
            else if (row.Kind == TraceEventKind.PageRelease)
                Assert.True(pages.Remove(row.Gpa!.Value >> 12), $"page {row.Gpa:x} was no table");
            else if (row.Kind == TraceEventKind.PageTableStore)
                BitConverter.GetBytes(row.Value!.Value).AsSpan(0, (int)row.Size!.Value).CopyTo(pages[row.Gpa!.Value >> 12].AsSpan((int)(row.Gpa.Value & 0xfff)));
        }
        return pages;
    }
}
