using System.Buffers.Binary;
using Replay.Trace.Storage;

namespace Replay.Trace.Columns;

/// <summary>Reads the footer of a file, and refuses any that <see cref="FooterWriter"/> would not write.</summary>
internal static class FooterReader
{
    private const string Foreign = "its columns are not those of this capture";

    public static RowGroupMeta[] Read(ReadOnlySpan<byte> footer, ReadOnlySpan<FileColumn> expected)
    {
        var from = new CompactReader(footer);
        RowGroupMeta[] groups = [];
        var columns = false;
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            switch (field)
            {
                case 2:
                    CheckSchema(ref from, type, expected);
                    columns = true;
                    break;
                case 4:
                    groups = ReadGroups(ref from, type, expected);
                    break;
                default:
                    from.Skip(type);
                    break;
            }
        }
        return columns ? groups : throw new InvalidDataException(Foreign);
    }

    /// <summary>Keys and values about the file as a whole.</summary>
    public static Dictionary<string, string> ReadMetadata(ReadOnlySpan<byte> footer)
    {
        var from = new CompactReader(footer);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            if (field != 5)
            {
                from.Skip(type);
                continue;
            }
            var count = from.List(type, out var elements);
            for (var i = 0; i < count; i++)
            {
                if (elements != CompactType.Struct)
                    throw new InvalidDataException(Foreign);
                ReadPair(ref from, metadata);
            }
        }
        return metadata;
    }

    private static void ReadPair(ref CompactReader from, Dictionary<string, string> metadata)
    {
        var key = "";
        var value = "";
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            if (field == 1)
                key = from.Text(type);
            else if (field == 2)
                value = from.Text(type);
            else
                from.Skip(type);
        }
        metadata[key] = value;
    }

    private static void CheckSchema(ref CompactReader from, CompactType type, ReadOnlySpan<FileColumn> columns)
    {
        if (from.List(type, out var elements) != columns.Length + 1 || elements != CompactType.Struct)
            throw new InvalidDataException(Foreign);
        from.Skip(CompactType.Struct);
        foreach (var column in columns)
        {
            if (ReadColumn(ref from) != ((int)column.Type, FooterWriter.Repetition(column), column.Name, FooterWriter.ConvertedType(column)))
                throw new InvalidDataException(Foreign);
        }
    }

    private static (int Type, int Repetition, string Name, int Converted) ReadColumn(ref CompactReader from)
    {
        int physical = -1, repetition = -1, converted = -1;
        var name = "";
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            switch (field)
            {
                case 1:
                    physical = from.Int32(type);
                    break;
                case 3:
                    repetition = from.Int32(type);
                    break;
                case 4:
                    name = from.Text(type);
                    break;
                case 6:
                    converted = from.Int32(type);
                    break;
                default:
                    from.Skip(type);
                    break;
            }
        }
        return (physical, repetition, name, converted);
    }

    private static RowGroupMeta[] ReadGroups(ref CompactReader from, CompactType type, ReadOnlySpan<FileColumn> columns)
    {
        var groups = new RowGroupMeta[from.List(type, out _)];
        for (var i = 0; i < groups.Length; i++)
            groups[i] = ReadGroup(ref from, columns);
        return groups;
    }

    private static RowGroupMeta ReadGroup(ref CompactReader from, ReadOnlySpan<FileColumn> columns)
    {
        ColumnChunkMeta[] chunks = [];
        var rows = 0L;
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            if (field == 1)
            {
                chunks = new ColumnChunkMeta[from.List(type, out _)];
                for (var i = 0; i < chunks.Length; i++)
                    chunks[i] = ReadChunk(ref from);
            }
            else if (field == 3)
            {
                rows = from.Number(type);
            }
            else
            {
                from.Skip(type);
            }
        }
        if (chunks.Length != columns.Length || rows is < 1 or > Effort.MaxGroupAccesses || chunks.Any(chunk => chunk.Values != rows))
            throw new InvalidDataException("a row group is not as captures have them");
        return new RowGroupMeta((int)rows, chunks);
    }

    private static ColumnChunkMeta ReadChunk(ref CompactReader from)
    {
        ColumnChunkMeta? chunk = null;
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            if (field == 3 && type == CompactType.Struct)
                chunk = ReadMeta(ref from);
            else
                from.Skip(type);
        }
        return chunk ?? throw new InvalidDataException("a column says nothing of its pages");
    }

    private static ColumnChunkMeta ReadMeta(ref CompactReader from)
    {
        var chunk = default(ColumnChunkMeta);
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            switch (field)
            {
                case 4:
                    chunk = chunk with { Codec = (PageCodec)from.Int32(type) };
                    break;
                case 5:
                    chunk = chunk with { Values = from.Number(type) };
                    break;
                case 6:
                    chunk = chunk with { RawBytes = from.Number(type) };
                    break;
                case 7:
                    chunk = chunk with { StoredBytes = from.Number(type) };
                    break;
                case 9:
                    chunk = chunk with { DataOffset = from.Number(type) };
                    break;
                case 11:
                    chunk = chunk with { DictionaryOffset = from.Number(type) };
                    break;
                case 12 when type == CompactType.Struct:
                    chunk = chunk with { Range = ReadRange(ref from) };
                    break;
                default:
                    from.Skip(type);
                    break;
            }
        }
        return chunk;
    }

    private static (ulong Min, ulong Max)? ReadRange(ref CompactReader from)
    {
        ulong? min = null;
        ulong? max = null;
        var field = 0;
        while (from.NextField(ref field, out var type))
        {
            if (field == 5)
                max = Bits(from.Binary(type));
            else if (field == 6)
                min = Bits(from.Binary(type));
            else
                from.Skip(type);
        }
        return min is { } low && max is { } high ? (low, high) : null;
    }

    private static ulong Bits(ReadOnlySpan<byte> value) =>
        value.Length == sizeof(ulong) ? BinaryPrimitives.ReadUInt64LittleEndian(value) : throw new InvalidDataException("statistics are not 64-bit numbers");
}
