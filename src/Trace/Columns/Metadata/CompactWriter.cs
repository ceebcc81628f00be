using System.Buffers;
using System.Text;

namespace Replay.Trace.Columns;

/// <summary>Writes Thrift's compact protocol, in which Parquet keeps its footers and page headers.</summary>
/// <remarks>
/// A field is one byte, delta of the field number (high nibble) and type (low nibble), then its value: integers are zigzag varints,
/// binaries a length and bytes, lists a byte of size and type (or 0xf and a varint size), structures their fields and a stop byte 0.
/// </remarks>
internal sealed class CompactWriter
{
    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private readonly Stack<int> _outer = new();
    private int _lastField;

    public ReadOnlySpan<byte> Written => _buffer.WrittenSpan;

    public void Clear()
    {
        _buffer.ResetWrittenCount();
        _outer.Clear();
        _lastField = 0;
    }

    public void Int16(int field, short value) => Number(field, CompactType.Int16, value);

    public void Int32(int field, int value) => Number(field, CompactType.Int32, value);

    public void Int64(int field, long value) => Number(field, CompactType.Int64, value);

    public void Byte(int field, byte value)
    {
        Header(field, CompactType.Byte);
        Put(value);
    }

    public void Flag(int field, bool value) => Header(field, value ? CompactType.True : CompactType.False);

    public void Text(int field, string value) => Binary(field, Encoding.UTF8.GetBytes(value));

    public void Binary(int field, ReadOnlySpan<byte> value)
    {
        Header(field, CompactType.Binary);
        Bytes(value);
    }

    public void BeginStruct(int field)
    {
        Header(field, CompactType.Struct);
        BeginElement();
    }

    /// <summary>Begins a structure that is an element of a list.</summary>
    public void BeginElement()
    {
        _outer.Push(_lastField);
        _lastField = 0;
    }

    public void EndStruct()
    {
        Put(0);
        _lastField = _outer.Pop();
    }

    /// <summary>Ends the outermost structure.</summary>
    public void End() => Put(0);

    public void BeginList(int field, CompactType type, int count)
    {
        Header(field, CompactType.List);
        if (count < 15)
        {
            Put((byte)((count << 4) | (int)type));
            return;
        }
        Put((byte)(0xf0 | (int)type));
        Varint((ulong)count);
    }

    public void Int32Element(int value) => Varint(ZigZag(value));

    public void Int64Element(long value) => Varint(ZigZag(value));

    public void TextElement(string value) => Bytes(Encoding.UTF8.GetBytes(value));

    public void BinaryElement(ReadOnlySpan<byte> value) => Bytes(value);

    /// <summary>In a list, unlike in a structure, a truth value takes a byte.</summary>
    public void FlagElement(bool value) => Put((byte)(value ? CompactType.True : CompactType.False));

    private static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));

    private void Number(int field, CompactType type, long value)
    {
        Header(field, type);
        Varint(ZigZag(value));
    }

    private void Header(int field, CompactType type)
    {
        // Fields are written in ascending order with gaps below 16, so that the long form of a field header is never needed.
        Put((byte)(((field - _lastField) << 4) | (int)type));
        _lastField = field;
    }

    private void Bytes(ReadOnlySpan<byte> value)
    {
        Varint((ulong)value.Length);
        _buffer.Write(value);
    }

    private void Put(byte value)
    {
        _buffer.GetSpan(1)[0] = value;
        _buffer.Advance(1);
    }

    private void Varint(ulong value) => _buffer.Advance(Columns.Varint.Write(_buffer.GetSpan(Columns.Varint.MaxBytes), value));
}
