using System.Buffers.Binary;
using Parquet;
using Parquet.Schema;
using Replay.Trace.Storage;

namespace Replay.Trace.Tests;

public sealed class CaptureDamageTests : IDisposable
{
    private const int Samples = 300;

    private readonly TemporaryDirectory _temporary = new();
    private readonly Damage _damage;

    public CaptureDamageTests()
    {
        Captures.Write(_temporary.Capture, Captures.Simple(3000), options: new CaptureWriterOptions { PartAccesses = 1500 });
        _damage = new Damage(_temporary.Capture);
    }

    private string Capture => _temporary.Capture;

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void A_flipped_bit_anywhere_is_found()
    {
        foreach (var file in _damage.Files)
        {
            foreach (var offset in Spread(_damage.Content(file).Length))
            {
                var content = _damage.Content(file);
                content[offset] ^= (byte)(1 << (offset % 8));
                _damage.Put(file, content);
                Assert.True(Damage.Error(Capture, file) is not null, $"bit {offset % 8} of byte {offset} of {file} flipped unseen");
            }
            _damage.Restore(file);
        }
        Assert.Null(Damage.Error(Capture));
    }

    [Fact]
    public void Every_bit_of_the_manifest_counts()
    {
        var length = _damage.Content(CaptureLayout.Manifest).Length;
        for (var bit = 0; bit < 8 * length; bit++)
        {
            var content = _damage.Content(CaptureLayout.Manifest);
            content[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<CaptureFormatException>(() => ManifestFile.Parse(content, "manifest.json"));
        }
    }

    [Fact]
    public void A_file_cut_short_anywhere_is_found()
    {
        foreach (var file in _damage.Files)
        {
            var content = _damage.Content(file);
            foreach (var length in Spread(content.Length))
            {
                _damage.Put(file, content.AsSpan(0, length));
                Assert.True(Damage.Error(Capture, file) is not null, $"{file} cut to {length} bytes unseen");
            }
            _damage.Restore(file);
        }
    }

    [Fact]
    public void A_file_with_something_behind_its_end_is_found()
    {
        foreach (var file in _damage.Files)
        {
            _damage.Put(file, [.. _damage.Content(file), 0]);
            Assert.NotNull(Damage.Error(Capture, file));
            _damage.Restore(file);
        }
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        foreach (var file in _damage.Files)
        {
            _damage.Remove(file);
            Assert.NotNull(Damage.Error(Capture, file));
            _damage.Restore(file);
        }
    }

    [Fact]
    public void A_file_that_disappears_while_the_capture_is_read_is_named()
    {
        using var reader = CaptureReader.Open(Capture);
        var chunk = new TraceChunk();
        Assert.True(reader.TryRead(chunk));
        _damage.Remove("events-00001.parquet");
        var error = Assert.Throws<CaptureFormatException>(() =>
        {
            while (reader.TryRead(chunk))
            {
            }
        });
        Assert.Contains("events-00001.parquet", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_checks_every_part_before_anything_is_read()
    {
        var content = _damage.Content("accesses-00001.parquet");
        content[content.Length / 2] ^= 1;
        _damage.Put("accesses-00001.parquet", content);
        using var reader = CaptureReader.Open(Capture);
        Assert.Contains("accesses-00001.parquet", Assert.Throws<CaptureFormatException>(reader.Verify).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_error_is_the_same_when_decoding_runs_ahead()
    {
        var content = _damage.Content("accesses-00001.parquet");
        content[content.Length / 2] ^= 1;
        _damage.Put("accesses-00001.parquet", content);
        var direct = Assert.Throws<CaptureFormatException>(() => Captures.Read(Capture));
        var ahead = Assert.Throws<CaptureFormatException>(() => Captures.Read(Capture, new CaptureReaderOptions { DecodeAhead = true }));
        Assert.Equal(direct.Message, ahead.Message);
    }

    [Fact]
    public void A_part_that_the_manifest_of_a_complete_capture_does_not_name_is_an_error_since_a_glob_would_read_it()
    {
        _damage.Put("accesses-00002.parquet", _damage.Content("accesses-00001.parquet"));
        Assert.NotNull(Damage.Error(Capture, "accesses-00002.parquet"));
    }

    [Fact]
    public async Task A_foreign_Parquet_file_is_refused_though_its_checksum_fits()
    {
        var foreign = await ForeignFile(TestContext.Current.CancellationToken);
        foreach (var name in new[] { "accesses-00000.parquet", "events-00000.parquet" })
        {
            _damage.Put(name, foreign);
            _damage.Sign();
            Assert.Contains("columns", Damage.Error(Capture, name), StringComparison.Ordinal);
            _damage.Restore(name);
        }
    }

    [Fact]
    public void Files_of_another_capture_are_refused_though_their_checksums_fit()
    {
        using var other = new TemporaryDirectory();
        Captures.Write(other.Capture, Captures.Simple(1501), hasRips: true);
        _damage.Put("accesses-00000.parquet", File.ReadAllBytes(Path.Combine(other.Capture, "accesses-00000.parquet")));
        _damage.Sign();
        Assert.Contains("columns", Damage.Error(Capture, "accesses-00000.parquet"), StringComparison.Ordinal);

        _damage.Put("accesses-00000.parquet", _damage.Content("accesses-00001.parquet"));
        _damage.Sign();
        Assert.NotNull(Damage.Error(Capture, "accesses-00000.parquet"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Content_that_no_writer_wrote_never_crashes_the_reader(bool blocks)
    {
        using var other = new TemporaryDirectory();
        if (blocks)
            Captures.WriteBlocks(other.Capture, Captures.Simple(3000), blockRows: 700, options: new CaptureWriterOptions { PartAccesses = 1500 });
        var capture = blocks ? other.Capture : Capture;
        var damage = blocks ? new Damage(capture) : _damage;
        var random = new Random(7);
        var found = 0;
        for (var round = 0; round < 1000; round++)
        {
            var file = random.Next(2) == 0 ? "accesses-00000.parquet" : "events-00000.parquet";
            var content = damage.Content(file);
            for (var flips = random.Next(1, 4); flips > 0; flips--)
                content[Position(random, content.Length)] = (byte)random.Next(256);
            damage.Put(file, content);
            damage.Sign();
            found += Damage.Error(capture) is null ? 0 : 1;
            damage.Restore(file);
        }
        Assert.True(found > 300, $"only {found} of 1000 were noticed");
    }

    [Fact]
    public void A_footer_that_claims_any_length_never_crashes_the_reader()
    {
        foreach (var length in new[] { int.MinValue, -1, 0, 1, 1 << 20, int.MaxValue })
        {
            var content = _damage.Content("accesses-00000.parquet");
            BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(content.Length - 8), length);
            _damage.Put("accesses-00000.parquet", content);
            _damage.Sign();
            Assert.NotNull(Damage.Error(Capture, "accesses-00000.parquet"));
        }
    }

    private static async Task<byte[]> ForeignFile(CancellationToken cancellation)
    {
        long[] numbers = [1, 2];
        string[] words = ["x", "y"];
        using var file = new MemoryStream();
        var schema = new ParquetSchema(new DataField<long>("ordinal"), new DataField<string>("kind"));
        await using (var writer = await ParquetWriter.CreateAsync(schema, file, cancellationToken: cancellation))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync<long>(schema.DataFields[0], numbers, cancellationToken: cancellation);
            await group.WriteAsync(schema.DataFields[1], words);
        }
        return file.ToArray();
    }

    /// <summary>Offsets over a whole file: every one of a small file, or evenly spread with both ends.</summary>
    private static IEnumerable<int> Spread(int length) =>
        Enumerable.Range(0, Math.Min(length, Samples)).Select(i => (int)((long)i * (length - 1) / (Math.Min(length, Samples) - 1)));

    /// <summary>Any position, the footer and the page headers at the start more often.</summary>
    private static int Position(Random random, int length) => random.Next(3) switch
    {
        0 => random.Next(length),
        1 => length - 1 - random.Next(Math.Min(length, 1500)),
        _ => random.Next(Math.Min(length, 300)),
    };
}
