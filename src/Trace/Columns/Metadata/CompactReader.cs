using System.Text;

namespace Replay.Trace.Columns;

/// <summary>Reads Thrift's compact protocol; see <see cref="CompactWriter"/>. Whatever does not parse is <see cref="InvalidDataException"/>.</summary>
internal ref struct CompactReader(ReadOnlySpan<byte> content)
{
    private const int MaxDepth = 16;

    private readonly ReadOnlySpan<byte> _content = content;
    private int _at;

    /// <summary>Bytes read so far.</summary>
    public readonly int Position => _at;

    /// <summary>Reads the header of the next field of a structure.</summary>
    /// <param name="field">The number of the field before it (0 before the first); becomes this one's.</param>
    /// <param name="type">Its type.</param>
    /// <returns>False at the end of the structure.</returns>
    public bool NextField(ref int field, out CompactType type)
    {
        var head = Next();
        type = (CompactType)(head & 15);
        if (type == CompactType.Stop)
            return false;
        field = head >> 4 == 0 ? (short)Varint.ReadSigned(_content, ref _at) : field + (head >> 4);
        return true;
    }

    public long Number(CompactType type) => type switch
    {
        CompactType.Byte => (sbyte)Next(),
        CompactType.Int16 or CompactType.Int32 or CompactType.Int64 => Varint.ReadSigned(_content, ref _at),
        _ => throw new InvalidDataException($"{type} where a number belongs"),
    };

    public int Int32(CompactType type)
    {
        var value = Number(type);
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw new InvalidDataException($"{value} where a 32-bit number belongs");
    }

    public ReadOnlySpan<byte> Binary(CompactType type)
    {
        if (type != CompactType.Binary)
            throw new InvalidDataException($"{type} where bytes belong");
        return Take(Varint.Read(_content, ref _at));
    }

    public string Text(CompactType type) => Encoding.UTF8.GetString(Binary(type));

    /// <returns>The number of elements.</returns>
    public int List(CompactType type, out CompactType elements)
    {
        if (type is not (CompactType.List or CompactType.Set))
            throw new InvalidDataException($"{type} where a list belongs");
        var head = Next();
        elements = (CompactType)(head & 15);
        var count = head >> 4 == 15 ? Varint.Read(_content, ref _at) : (ulong)(head >> 4);
        // An element takes a byte at least, so that a damaged count cannot ask for more than there is.
        return count <= (ulong)(_content.Length - _at) ? (int)count : throw new InvalidDataException("a list is longer than its file");
    }

    public void Skip(CompactType type) => Skip(type, 0);

    private void Skip(CompactType type, int depth)
    {
        if (depth == MaxDepth)
            throw new InvalidDataException("structures nest too deeply");
        switch (type)
        {
            case CompactType.True or CompactType.False:
                break;
            case CompactType.Byte:
                Next();
                break;
            case CompactType.Int16 or CompactType.Int32 or CompactType.Int64:
                Varint.Read(_content, ref _at);
                break;
            case CompactType.Double:
                Take(sizeof(double));
                break;
            case CompactType.Binary:
                Binary(type);
                break;
            case CompactType.List or CompactType.Set:
                for (var left = List(type, out var elements); left > 0; left--)
                    SkipElement(elements, depth);
                break;
            case CompactType.Struct:
                var field = 0;
                while (NextField(ref field, out var inner))
                    Skip(inner, depth + 1);
                break;
            default:
                throw new InvalidDataException($"a field of type {(int)type}");
        }
    }

    private void SkipElement(CompactType type, int depth)
    {
        // In a list, unlike in a structure, a truth value takes a byte.
        if (type is CompactType.True or CompactType.False)
            Next();
        else
            Skip(type, depth + 1);
    }

    private byte Next() => (uint)_at < (uint)_content.Length ? _content[_at++] : throw new InvalidDataException("a structure does not end");

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(_content.Length - _at))
            throw new InvalidDataException("a value is longer than its file");
        var value = _content.Slice(_at, (int)length);
        _at += (int)length;
        return value;
    }
}
