using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Replay.Trace.Columns;
using Replay.Trace.Touches;

namespace Replay.Trace.Storage;

/// <summary>
/// Rewrites the parts of a capture made in haste: the same rows in the same row groups, as captures have them that took their time. No access is put
/// together for it: pages are unpacked and packed again, and offsets are given four bytes for ZSTD to work on. Used by one thread.
/// </summary>
internal sealed class PartCompactor(CaptureManifest manifest, string from, string to) : IDisposable
{
    private readonly PartContent _content = new();
    private readonly PageReader _pages = new(Effort.MaxGroupAccesses * sizeof(ulong));
    private readonly ColumnChunkWriter _writer = new(PageCompressor.Create(Effort.Full.AccessLevel, isHasty: true));
    private readonly List<RowGroupMeta> _groups = [];
    private readonly StringBuilder _accessGroups = new();
    private uint[] _offsets = [];

    /// <summary>Rewrites a part with its index, which is the same but for the checksums it names.</summary>
    /// <param name="number">Of the part.</param>
    /// <returns>The part as it is now. Its files are durable once their directory is flushed.</returns>
    /// <exception cref="CaptureFormatException">Missing, damaged or foreign.</exception>
    public CapturePart Rewrite(int number)
    {
        var part = manifest.Parts[number];
        var path = Path.Combine(from, part.AccessFile);
        var content = _content.Load(path, part.AccessSha256);
        using var accesses = new PartFile(Path.Combine(to, part.AccessFile));
        PartReader.Guard(path, () => Accesses(content.Span, accesses.Content));
        accesses.Finish();
        accesses.Publish();
        var events = Copy(part);
        Touches(number, part, accesses.Digest());
        return part with { AccessSha256 = accesses.Digest(), Bytes = accesses.Length + events };
    }

    public void Dispose()
    {
        _pages.Dispose();
        _writer.Dispose();
    }

    private void Accesses(ReadOnlySpan<byte> file, Stream into)
    {
        var columns = AccessColumn.All(manifest.HasRips);
        _groups.Clear();
        _accessGroups.Clear();
        _writer.Open(into);
        ParquetFile.Begin(_writer);
        foreach (var group in FooterReader.Read(ParquetFile.Footer(file), columns))
        {
            _writer.BeginSum();
            _groups.Add(Rewrite(file, columns, group));
            _accessGroups.Append(CultureInfo.InvariantCulture, $"{(_accessGroups.Length == 0 ? "" : ",")}{group.Rows}:{group.LastOrdinal}:{_writer.EndSum():x8}");
        }

        ParquetFile.Finish(_writer, new TableMeta("accesses", columns, CaptureLayout.FileMetadata), _groups);
    }

    private RowGroupMeta Rewrite(ReadOnlySpan<byte> file, ReadOnlySpan<FileColumn> columns, RowGroupMeta group)
    {
        var chunks = new ColumnChunkMeta[columns.Length];
        ReadOnlySpan<byte> data = [];
        for (var i = 0; i < chunks.Length; i++)
        {
            var (column, chunk) = (columns[i], group.Columns[i]);
            if (column == AccessColumn.PageOffset)
                chunks[i] = Offsets(file, chunk, group.Rows);
            else if (i > 0 && PageReader.HaveSameData(file, group.Columns[i - 1], chunk))
                chunks[i] = _writer.WriteAgain(column, Dictionary(file, column, chunk, out var entries), entries, data, group.Rows, chunk.Range);
            else
                chunks[i] = _writer.Write(column, Dictionary(file, column, chunk, out var entries), entries, data = _pages.Data(file, column, chunk), group.Rows, chunk.Range);
        }

        return new RowGroupMeta(group.Rows, chunks) { SortedBy = 0 };
    }

    /// <summary>Ordinals have none.</summary>
    private ReadOnlySpan<byte> Dictionary(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk, out int entries)
    {
        entries = 0;
        return chunk.DictionaryOffset is null ? [] : _pages.Dictionary(file, column, chunk, out entries);
    }

    private ColumnChunkMeta Offsets(ReadOnlySpan<byte> file, ColumnChunkMeta chunk, int rows)
    {
        if (chunk.DictionaryOffset is null)
            return _writer.Write(AccessColumn.PageOffset, [], 0, _pages.Data(file, AccessColumn.PageOffset, chunk), rows, null);
        if (_offsets.Length < rows)
            _offsets = new uint[rows];
        var offsets = _offsets.AsSpan(0, rows);
        OffsetPage.Decode(_pages.Data(file, AccessColumn.PageOffsetIndex, chunk), offsets);
        return _writer.Write(AccessColumn.PageOffset, [], 0, MemoryMarshal.AsBytes(offsets), rows, null);
    }

    /// <returns>Bytes of the events.</returns>
    private long Copy(CapturePart part)
    {
        var content = _content.Load(Path.Combine(from, part.EventFile), part.EventSha256);
        using var events = new PartFile(Path.Combine(to, part.EventFile));
        events.Content.Write(content.Span);
        events.Finish();
        events.Publish();
        return events.Length;
    }

    /// <summary>An index that is damaged, or of other accesses, is left behind: it would be of no use.</summary>
    private void Touches(int number, CapturePart part, string digest)
    {
        var path = Path.Combine(from, CaptureLayout.TouchFile(number));
        if (!File.Exists(path))
            return;
        var content = File.ReadAllBytes(path);
        if (TouchMetadata.Rebind(content, part.AccessSha256, digest, _accessGroups.ToString()))
            DurableFile.WriteAside(Path.Combine(to, CaptureLayout.TouchFile(number)), content);
    }
}
