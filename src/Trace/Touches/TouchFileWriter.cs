using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Replay.Trace.Columns;
using Replay.Trace.Storage;

namespace Replay.Trace.Touches;

/// <summary>
/// Makes the touch index of one part after the other: a Parquet file of the accesses that <see cref="TouchFinder"/> finds, each with the number of
/// its row. A row group has all touches of one or several row groups of the access file.
/// </summary>
internal sealed class TouchFileWriter : IDisposable
{
    private readonly TouchFinder _finder = new();
    private readonly TraceChunk _touches = new();
    private readonly long[] _numbers = new long[TraceChunk.Capacity];
    private readonly ColumnChunkWriter _writer;
    private readonly RowGroupEncoder _encoder;
    private readonly List<RowGroupMeta> _groups = [];
    private readonly StringBuilder _accessGroups = new();
    private readonly MemoryStream _content = new();
    private readonly bool _hasRips;
    private long _rows;

    /// <summary>Touches of all parts.</summary>
    public long Total { get; private set; }

    public TouchFileWriter(bool hasRips)
    {
        _hasRips = hasRips;
        _writer = new ColumnChunkWriter(PageCompressor.Create(Effort.Touches.AccessLevel, Effort.Touches.IsHasty));
        _encoder = new RowGroupEncoder(_writer, Effort.Touches);
        Open();
    }

    /// <summary>Takes the next row group of the access file.</summary>
    /// <param name="group">Its rows.</param>
    /// <param name="checksum">CRC-32C of its bytes.</param>
    public void Add(TraceChunk group, uint checksum)
    {
        var hadRips = group.HasRips;
        group.HasRips = _hasRips;
        Add(new ChunkRows(group), group.Ordinals[group.AccessCount - 1], checksum);
        group.HasRips = hadRips;
    }

    /// <inheritdoc cref="Add(TraceChunk, uint)"/>
    public void Add(AccessBlock group, uint checksum) => Add(new BlockRows(group, _hasRips), group.LastOrdinal, checksum);

    /// <summary>Ends the index of a part, and begins that of the next.</summary>
    /// <param name="accessSha256">Of its access file, in hexadecimal.</param>
    /// <returns>The file.</returns>
    public byte[] Finish(string accessSha256)
    {
        EndGroup();
        ParquetFile.Finish(
            _writer,
            new TableMeta(
                "touches",
                AccessColumn.Touches(_hasRips),
                [.. CaptureLayout.FileMetadata, (TouchMetadata.Accesses, accessSha256), (TouchMetadata.RowGroups, _accessGroups.ToString()), (TouchMetadata.Rule, TouchTable.Rule), (TouchMetadata.Checksum, TouchMetadata.NoDigest)]),
            _groups);
        var content = _content.ToArray();
        TouchMetadata.Seal(content);
        Open();
        return content;
    }

    public void Dispose()
    {
        _writer.Dispose();
        _content.Dispose();
    }

    private void Open()
    {
        _content.SetLength(0);
        _groups.Clear();
        _accessGroups.Clear();
        _touches.Clear();
        _rows = 0;
        _writer.Open(_content);
        ParquetFile.Begin(_writer);
    }

    private void Add<TRows>(TRows rows, long lastOrdinal, uint checksum)
        where TRows : struct, IAccessRows
    {
        _finder.Find(rows);
        if (_touches.AccessCount + _finder.Rows.Length > TraceChunk.Capacity)
            EndGroup();
        _touches.HasRips = _hasRips;
        foreach (var row in _finder.Rows)
        {
            _numbers[_touches.AccessCount] = _rows + row;
            rows.CopyTo(_touches, row);
        }
        Total += _finder.Rows.Length;
        _rows += rows.Count;
        _accessGroups.Append(CultureInfo.InvariantCulture, $"{(_accessGroups.Length == 0 ? "" : ",")}{rows.Count}:{lastOrdinal}:{checksum:x8}");
    }

    private void EndGroup()
    {
        if (_touches.AccessCount == 0)
            return;
        _groups.Add(_encoder.EncodeTouches(_touches, _numbers.AsSpan(0, _touches.AccessCount), _hasRips));
        _touches.Clear();
    }
}

/// <summary>What the footer of a touch index says of it.</summary>
internal static class TouchMetadata
{
    /// <summary>SHA-256 of the access file that the index is of.</summary>
    public const string Accesses = "replay.accesses";

    /// <summary>For each row group of the access file its rows, its last ordinal and the CRC-32C of its bytes, with colons between; separated by commas.</summary>
    public const string RowGroups = "replay.row_groups";

    /// <summary>By which rule accesses were left out.</summary>
    public const string Rule = "replay.rule";

    /// <summary>SHA-256 of the index itself, taken with these 64 digits as zeros.</summary>
    public const string Checksum = "replay.checksum";

    public static readonly string NoDigest = new('0', 2 * SHA256.HashSizeInBytes);

    /// <summary>Writes its checksum into a file that has zeros in its place.</summary>
    public static void Seal(Span<byte> content) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(content)), Digits(content));

    /// <summary>Whether the checksum is that of the content.</summary>
    public static bool IsSealed(ReadOnlySpan<byte> content)
    {
        var at = At(content);
        if (at < 0)
            return false;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(content[..at]);
        hash.AppendData(Encoding.ASCII.GetBytes(NoDigest));
        hash.AppendData(content[(at + NoDigest.Length)..]);
        return content.Slice(at, NoDigest.Length).SequenceEqual(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset())));
    }

    /// <summary>Makes an index that of a file with the same rows in the same row groups, whose bytes are others.</summary>
    /// <param name="content">The index, which is changed in place.</param>
    /// <param name="oldAccesses">Checksum of the file it was of.</param>
    /// <param name="newAccesses">Checksum of the file it is to be of.</param>
    /// <param name="newRowGroups">Its row groups.</param>
    /// <returns>False: it is damaged, or was not of that file, and is as it was.</returns>
    public static bool Rebind(Span<byte> content, string oldAccesses, string newAccesses, string newRowGroups)
    {
        if (!IsSealed(content))
            return false;
        var metadata = FooterReader.ReadMetadata(ParquetFile.Footer(content));
        var groups = metadata.GetValueOrDefault(RowGroups) ?? "";
        if (metadata.GetValueOrDefault(Accesses) != oldAccesses || groups.Length != newRowGroups.Length)
            return false;
        Replace(content, oldAccesses, newAccesses);
        Replace(content, groups, newRowGroups);
        Encoding.ASCII.GetBytes(NoDigest, Digits(content));
        Seal(content);
        return true;
    }

    private static void Replace(Span<byte> content, string old, string now) =>
        Encoding.ASCII.GetBytes(now, content.Slice(content.LastIndexOf(Encoding.ASCII.GetBytes(old)), old.Length));

    private static Span<byte> Digits(Span<byte> content) => content.Slice(At(content), NoDigest.Length);

    /// <summary>Where the digits stand: behind the key, and the head of the field that holds them.</summary>
    private static int At(ReadOnlySpan<byte> content)
    {
        const int FieldHead = 2;
        var key = content.LastIndexOf("replay.checksum"u8);
        var at = key + Checksum.Length + FieldHead;
        return key >= 0 && at + NoDigest.Length <= content.Length ? at : -1;
    }
}
