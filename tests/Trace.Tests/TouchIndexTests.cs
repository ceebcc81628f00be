using Replay.Trace.Columns;
using Replay.Trace.Storage;
using Replay.Trace.Touches;

namespace Replay.Trace.Tests;

/// <summary>
/// The index of a capture leaves out accesses that repeat others, and nothing else; it is used where it is right, and told of where it is not.
/// </summary>
public sealed class TouchIndexTests
{
    private static readonly CaptureReaderOptions TouchesOnly = new() { TouchesOnly = true };

    [Theory]
    [InlineData(1, true, false)]
    [InlineData(2, false, false)]
    [InlineData(3, true, true)]
    public void What_is_left_out_repeats_an_access_of_its_stretch(int seed, bool hasRips, bool inBlocks)
    {
        using var temporary = new TemporaryDirectory();
        var recording = Repetitive(seed, 30_000, hasRips);
        Write(temporary.Capture, recording, hasRips, inBlocks);

        var (touches, rows) = ReadTouches(temporary.Capture);

        Assert.InRange(touches.Count, 1000, 25_000);
        Assert.Equal(recording.Accesses.Count, rows);
        var indexed = touches.Select(row => row.Ordinal).ToHashSet();
        var byOrdinal = recording.Accesses.ToDictionary(row => row.Ordinal);
        Assert.All(touches, row => Assert.Equal(byOrdinal[row.Ordinal], row));
        var seen = new HashSet<(ulong, ulong, AccessKind, AccessFlags)>();
        Row? before = null;
        foreach (var row in recording.Accesses)
        {
            if (before is not { } last || last.Ordinal + 1 != row.Ordinal || last.Vcpu != row.Vcpu)
                seen.Clear();
            var isNew = seen.Add((row.Gva >> 12, row.Gpa >> 12, row.Kind, row.Flags));
            Assert.True(!isNew || indexed.Contains(row.Ordinal), $"ordinal {row.Ordinal} repeats nothing and is left out");
            before = row;
        }
    }

    [Fact]
    public void The_last_fetch_before_a_touch_and_before_an_event_is_there()
    {
        using var temporary = new TemporaryDirectory();
        var recording = Repetitive(4, 20_000, hasRips: true);
        Write(temporary.Capture, recording, hasRips: true);

        var indexed = ReadTouches(temporary.Capture).Touches.Select(row => row.Ordinal).ToHashSet();

        var rows = recording.Accesses;
        long? fetch = null;
        for (var i = 0; i < rows.Count; i++)
        {
            var begins = i == 0 || rows[i - 1].Ordinal + 1 != rows[i].Ordinal || rows[i - 1].Vcpu != rows[i].Vcpu;
            var isTouch = indexed.Contains(rows[i].Ordinal) && rows[i].Kind != AccessKind.Fetch;
            if ((begins || isTouch) && fetch is { } last)
                Assert.True(indexed.Contains(last), $"the fetch at {last} before {rows[i].Ordinal}");
            if (begins)
                fetch = null;
            if (rows[i].Kind == AccessKind.Fetch)
                fetch = rows[i].Ordinal;
        }
    }

    [Fact]
    public void A_recorder_in_haste_and_one_with_time_and_an_index_made_later_are_the_same()
    {
        using var quick = new TemporaryDirectory();
        using var slow = new TemporaryDirectory();
        var recording = Repetitive(5, 100_000, hasRips: true);
        Write(quick.Capture, recording, hasRips: true, inBlocks: true);
        Write(slow.Capture, recording, hasRips: true);
        var made = ReadTouches(quick.Capture);
        var content = File.ReadAllBytes(Touches(quick.Capture));

        Assert.Equal(made.Touches, ReadTouches(slow.Capture).Touches);

        File.Delete(Touches(quick.Capture));
        var (touches, bytes) = CaptureIndex.Make(quick.Capture, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(made.Touches.Count, touches);
        Assert.True(bytes >= content.Length);
        Assert.Equal(content, File.ReadAllBytes(Touches(quick.Capture)));
    }

    [Fact]
    public void All_of_a_stretch_can_be_had_from_its_touches()
    {
        using var temporary = new TemporaryDirectory();
        var recording = Repetitive(6, 150_000, hasRips: true);
        Write(temporary.Capture, recording, hasRips: true, inBlocks: true);
        using var reader = CaptureReader.Open(temporary.Capture, TouchesOnly);
        var chunk = new TraceChunk();
        var all = new TraceChunk();
        var next = 0;
        while (reader.TryRead(chunk))
        {
            var touched = Assert.IsType<TouchedRows>(chunk.Touched);
            all.Clear();
            chunk.ExpandInto(all);
            Assert.Equal(chunk.Events, all.Events);
            for (var row = touched.RowOf(0); row < touched.RowOf(chunk.AccessCount); row++)
                Assert.Equal(recording.Accesses[next++].Ordinal, all.Ordinals[row]);
            Assert.Equal(recording.Accesses[next - 1].Ordinal, touched.LastOrdinal);
        }

        Assert.Equal(recording.Accesses.Count, next);
    }

    [Fact]
    public void Where_more_events_stand_than_a_chunk_has_the_stretch_is_cut_at_one()
    {
        using var temporary = new TemporaryDirectory();
        var recording = Repetitive(7, 60_000, hasRips: false, eventsOutOf: 3);
        Write(temporary.Capture, recording, hasRips: false);

        using var whole = CaptureReader.Open(temporary.Capture);
        using var sparse = CaptureReader.Open(temporary.Capture, TouchesOnly);
        var (a, b) = (new TraceChunk(), new TraceChunk());
        var chunks = 0;
        while (whole.TryRead(a))
        {
            Assert.True(sparse.TryRead(b));
            Assert.Equal(a.AccessCount, b.RowCount);
            Assert.Equal(a.Events.Select(row => row.Ordinal), b.Events.Select(row => row.Ordinal));
            chunks++;
        }

        Assert.False(sparse.TryRead(b));
        Assert.True(chunks > 1);
    }

    [Fact]
    public void An_index_that_is_damaged_or_of_another_capture_is_told_and_not_used()
    {
        using var temporary = new TemporaryDirectory();
        using var other = new TemporaryDirectory();
        var recording = Repetitive(8, 5_000, hasRips: true);
        Write(temporary.Capture, recording, hasRips: true);
        Write(other.Capture, Repetitive(9, 5_000, hasRips: true), hasRips: true);
        var path = Touches(temporary.Capture);
        var right = File.ReadAllBytes(path);
        for (var at = 3; at < right.Length; at += 1511)
        {
            var wrong = right.ToArray();
            wrong[at] ^= 0x10;
            Refused(wrong);
        }

        Refused(right[..^1]);
        Refused([]);
        Refused(File.ReadAllBytes(Touches(other.Capture)));

        void Refused(byte[] content)
        {
            File.WriteAllBytes(path, content);
            using var reader = CaptureReader.Open(temporary.Capture, TouchesOnly);
            Recording.Read(reader).AssertEqual(recording);
            Assert.StartsWith(path, Assert.Single(reader.IndexProblems), StringComparison.Ordinal);
            using var strict = CaptureReader.Open(temporary.Capture);
            Assert.Contains("replay index", Assert.Throws<CaptureFormatException>(strict.Verify).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Its checksums are in order, and it was made for this very file, by a tool that did it wrong.</summary>
    [Theory]
    [InlineData("left out")]
    [InlineData("elsewhere")]
    [InlineData("another kind")]
    [InlineData("made up")]
    public void An_index_that_is_wrong_is_found_out(string how)
    {
        using var temporary = new TemporaryDirectory();
        var recording = Repetitive(10, 5_000, hasRips: true);
        Write(temporary.Capture, recording, hasRips: true);
        Forge(temporary.Capture, recording, how);

        using var strict = CaptureReader.Open(temporary.Capture);
        Assert.Contains("is not what row group", Assert.Throws<CaptureFormatException>(strict.Verify).Message, StringComparison.Ordinal);
        using var replayed = CaptureReader.Open(temporary.Capture, TouchesOnly);
        Assert.Contains("--no-index", Assert.Throws<CaptureFormatException>(() => replayed.TryRead(new TraceChunk())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reading_from_the_middle_leaves_nothing_out_of_the_part_it_begins_in()
    {
        using var temporary = new TemporaryDirectory();
        var recording = Repetitive(11, 40_000, hasRips: true);
        Captures.Write(temporary.Capture, recording, hasRips: true, filtered: false, options: new CaptureWriterOptions { PartAccesses = 10_000 });
        using var reader = CaptureReader.Open(temporary.Capture, TouchesOnly);
        var start = recording.Accesses[15_000].Ordinal;
        reader.Seek(start);
        var chunk = new TraceChunk();
        var rows = 0;
        Assert.True(reader.TryRead(chunk));
        Assert.Null(chunk.Touched);
        Assert.Equal(start, chunk.Ordinals[0]);
        rows += chunk.RowCount;
        while (reader.TryRead(chunk))
            rows += chunk.RowCount;
        Assert.NotNull(Record.Exception(() => new TraceChunk().ExpandInto(chunk)));
        Assert.Equal(25_000, rows);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_search_finds_what_a_look_at_everything_does_and_reads_less(bool writesOnly)
    {
        using var temporary = new TemporaryDirectory();
        var recording = Scattered(400_000);
        Captures.WriteBlocks(temporary.Capture, recording, options: new CaptureWriterOptions { PartAccesses = 150_000 });
        var random = new Random(13);
        for (var i = 0; i < 12; i++)
        {
            var page = (ulong)random.Next(60);
            var search = i % 2 == 0 ? new AccessSearch((page, page + 1), null, writesOnly) : new AccessSearch(null, (0x7_0000 + page, 0x7_0000 + page), writesOnly);
            using var reader = CaptureReader.Open(temporary.Capture, new CaptureReaderOptions { Search = search });
            var read = Recording.Read(reader);

            Assert.Equal(recording.Accesses.Where(Sought), read.Accesses.Where(Sought));
            Assert.Equal(recording.Events.Where(SoughtEvent), read.Events.Where(SoughtEvent));
            Assert.True(read.Accesses.Count < recording.Accesses.Count / 2, $"{read.Accesses.Count} read");

            bool Sought(Row row) => (!writesOnly || row.Kind == AccessKind.Write) && In(search.GpaPages, row.Gpa) && In(search.GvaPages, row.Gva);
            bool SoughtEvent(TraceEvent row) => search.GvaPages is null && row.Gpa is { } gpa && In(search.GpaPages, gpa);
            static bool In((ulong First, ulong Last)? pages, ulong address) => pages is not { } range || (address >> 12 >= range.First && address >> 12 <= range.Last);
        }
    }

    [Fact]
    public void A_row_group_that_is_damaged_is_not_searched()
    {
        using var temporary = new TemporaryDirectory();
        Write(temporary.Capture, Repetitive(12, 5_000, hasRips: true), hasRips: true);
        var path = Path.Combine(temporary.Capture, "accesses-00000.parquet");
        var content = File.ReadAllBytes(path);
        content[content.Length / 3] ^= 1;
        File.WriteAllBytes(path, content);

        using var reader = CaptureReader.Open(temporary.Capture, new CaptureReaderOptions { Search = new AccessSearch((0, 7), null, false) });

        Assert.Contains("row group 0 is damaged", Assert.Throws<CaptureFormatException>(() => reader.TryRead(new TraceChunk())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_checksum_of_row_groups_is_CRC_32C() => Assert.Equal(0xe306_9283, Crc32C.Of("123456789"u8));

    [Fact]
    public void Filtered_captures_have_none()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Captures.Simple(100));
        Assert.False(File.Exists(Touches(temporary.Capture)));
        Assert.Throws<ArgumentException>(() => CaptureIndex.Make(temporary.Capture, cancellation: TestContext.Current.CancellationToken));
    }

    private static string Touches(string capture) => Path.Combine(capture, "touches-00000.parquet");

    private static void Write(string capture, Recording recording, bool hasRips, bool inBlocks = false)
    {
        if (inBlocks)
            Captures.WriteBlocks(capture, recording, hasRips);
        else
            Captures.Write(capture, recording, hasRips, filtered: false);
    }

    private static (List<Row> Touches, long Rows) ReadTouches(string capture)
    {
        using var reader = CaptureReader.Open(capture, TouchesOnly);
        Assert.True(reader.IsIndexed);
        var touches = new List<Row>();
        var rows = 0L;
        var chunk = new TraceChunk();
        while (reader.TryRead(chunk))
        {
            Assert.NotNull(chunk.Touched);
            rows += chunk.RowCount;
            for (var i = 0; i < chunk.AccessCount; i++)
                touches.Add(new Row(chunk.Ordinals[i], chunk.Vcpus[i], (AccessKind)chunk.Kinds[i], (AccessFlags)chunk.Flags[i], chunk.Gvas[i], chunk.Gpas[i], chunk.Sizes[i], chunk.HasRips ? chunk.Rips[i] : 0));
        }

        Assert.Empty(reader.IndexProblems);
        return (touches, rows);
    }

    /// <summary>Makes the index of other accesses than those of the capture, and says in it that it is of these.</summary>
    private static void Forge(string capture, Recording recording, string how)
    {
        using var reader = CaptureReader.Open(capture);
        var part = Assert.Single(reader.Manifest.Parts);
        var group = new TraceChunk();
        Assert.True(reader.TryRead(group));
        Assert.Equal(recording.Accesses.Count, group.AccessCount);
        var at = group.AccessCount / 2;
        while (group.Kinds[at] != (byte)AccessKind.Read || group.Ordinals[at - 1] + 1 == group.Ordinals[at])
            at++;
        switch (how)
        {
            case "left out":
                (group.Gvas[at], group.Gpas[at]) = (group.Gvas[at + 1], group.Gpas[at + 1]);
                group.Kinds[at] = group.Kinds[at + 1];
                break;
            case "elsewhere":
                group.Gpas[at] ^= 0x1000;
                break;
            case "another kind":
                group.Kinds[at] = (byte)AccessKind.Write;
                break;
            default:
                group.Gvas[at] ^= 0x4000_0000_0000;
                break;
        }

        using var writer = new TouchFileWriter(reader.Manifest.HasRips);
        writer.Add(group, Checksum(capture));
        File.WriteAllBytes(Touches(capture), writer.Finish(part.AccessSha256));
    }

    /// <summary>Work that moves on: a few pages at a time, and each only for a while.</summary>
    private static Recording Scattered(int accesses)
    {
        var random = new Random(12);
        var recording = new Recording();
        for (var ordinal = 0L; recording.Accesses.Count < accesses; ordinal++)
        {
            var page = (ulong)(recording.Accesses.Count * 60L / accesses) + (ulong)random.Next(2);
            var gpa = (page << 12) + (ulong)(random.Next(512) * 8);
            if (random.Next(2000) == 0)
                recording.Events.Add(new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.PageTableStore, Gva = gpa + 0x7000_0000, Gpa = gpa, Size = 8, Value = 1 });
            else
                recording.Accesses.Add(new Row(ordinal, 0, (AccessKind)(page % 3 == 0 ? 0 : random.Next(3)), AccessFlags.None, gpa + 0x7000_0000, gpa, 8, 0x1000));
        }
        return recording;
    }

    /// <summary>Of the only row group of its access file.</summary>
    private static uint Checksum(string capture)
    {
        using var file = new AccessFileReader(hasRips: true, vcpus: 256);
        file.Open(File.ReadAllBytes(Path.Combine(capture, "accesses-00000.parquet")));
        return Crc32C.Of(file.BytesOf(0));
    }

    /// <summary>Bursts over a few pages by two vCPUs, with events between, fetches, read-modify-writes, and pages that share a slot.</summary>
    private static Recording Repetitive(int seed, int accesses, bool hasRips, int eventsOutOf = 300)
    {
        var random = new Random(seed);
        var recording = new Recording();
        var ordinal = 0L;
        byte vcpu = 0;
        while (recording.Accesses.Count < accesses)
        {
            if (random.Next(eventsOutOf) == 0)
                recording.Events.Add(new TraceEvent { Ordinal = ordinal++, Kind = TraceEventKind.Invlpg, Gva = 0x1000, Vcpu = vcpu });
            if (random.Next(400) == 0)
                vcpu ^= 1;
            var page = (ulong)random.Next(4) * (random.Next(3) == 0 ? 4096UL : 1);
            var gva = 0x7000_0000 + (page << 12) + (ulong)(random.Next(500) * 8);
            var gpa = (page % 7 << 12) | (gva & 0xfff);
            var kind = (AccessKind)random.Next(3);
            var rip = hasRips ? 0x40_0000UL + (ulong)random.Next(50) : 0;
            var flags = random.Next(40) == 0 ? AccessFlags.User : AccessFlags.None;
            recording.Accesses.Add(new Row(ordinal++, vcpu, kind, flags, gva, gpa, 8, rip));
            if (kind == AccessKind.Read && random.Next(4) == 0 && recording.Accesses.Count < accesses)
                recording.Accesses.Add(new Row(ordinal++, vcpu, AccessKind.Write, flags, gva, gpa, 8, rip));
        }
        return recording;
    }
}
