using System.Buffers.Binary;
using Replay.Trace.Columns;

namespace Replay.Trace.Storage;

/// <summary>The frame of a Parquet file: magic, row groups, footer, length of the footer, magic.</summary>
internal static class ParquetFile
{
    /// <summary>Length of the footer and magic.</summary>
    public const int TrailerBytes = sizeof(int) + 4;

    private static ReadOnlySpan<byte> Magic => "PAR1"u8;

    public static void Begin(ColumnChunkWriter writer) => writer.WriteRaw(Magic);

    /// <summary>Writes the page index, the footer and the trailer.</summary>
    /// <param name="writer">Has written the row groups.</param>
    /// <param name="table">What is known of the file as a whole.</param>
    /// <param name="groups">Where its row groups lie.</param>
    public static void Finish(ColumnChunkWriter writer, TableMeta table, List<RowGroupMeta> groups)
    {
        var footer = new CompactWriter();
        var index = PageIndexWriter.Write(writer, footer, groups);
        footer.Clear();
        FooterWriter.Write(footer, table, groups, index);
        writer.WriteRaw(footer.Written);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, footer.Written.Length);
        writer.WriteRaw(length);
        writer.WriteRaw(Magic);
    }

    /// <exception cref="InvalidDataException">Not a Parquet file.</exception>
    public static ReadOnlySpan<byte> Footer(ReadOnlySpan<byte> file)
    {
        if (file.Length < Magic.Length + TrailerBytes || !file.StartsWith(Magic))
            throw new InvalidDataException("not a Parquet file");
        return FooterOf(file);
    }

    /// <param name="tail">The end of a file, its footer included.</param>
    /// <exception cref="InvalidDataException">Not a Parquet file.</exception>
    public static ReadOnlySpan<byte> FooterOf(ReadOnlySpan<byte> tail)
    {
        var length = FooterLength(tail);
        return length <= tail.Length - TrailerBytes
            ? tail.Slice(tail.Length - TrailerBytes - length, length)
            : throw new InvalidDataException("its footer is longer than the file");
    }

    /// <inheritdoc cref="FooterOf"/>
    public static int FooterLength(ReadOnlySpan<byte> tail)
    {
        if (tail.Length < TrailerBytes || !tail.EndsWith(Magic))
            throw new InvalidDataException("not a Parquet file");
        var length = BinaryPrimitives.ReadInt32LittleEndian(tail[^TrailerBytes..]);
        return length is >= 0 and < int.MaxValue - TrailerBytes ? length : throw new InvalidDataException("its footer is longer than the file");
    }
}
