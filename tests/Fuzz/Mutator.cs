using System.Buffers.Binary;
using System.Text;

namespace Replay.Fuzz;

/// <summary>Damages inputs: bits, bytes, numbers at borders, pieces cut, doubled, moved, or taken from another input.</summary>
internal sealed class Mutator(Random random)
{
    private static readonly ulong[] Numbers =
    [
        0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 0xfff, 0x1000, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000,
        0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0xffff_ffff_ffff_ffc0, 0xffff_ffff_ffff_fff0, 0xffff_ffff_ffff_fffe, ulong.MaxValue,
    ];

    private static readonly string[] Words =
    [
        "", "0", "-1", "1e999", "0x", "0xffffffffffffffff", "18446744073709551616", "-9223372036854775808", "99999999999999999999", "null", "true", "[]", "{}", "\"", "\\u0000", "\0", "é", "\u001b[2J",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "=", ":", ",", "\n", "\r\n", " ", "\t", "#", "->",
    ];

    public byte[] Damage(IReadOnlyList<byte[]> seeds, bool isText)
    {
        var bytes = new List<byte>(seeds[random.Next(seeds.Count)]);
        for (var changes = 1 << random.Next(4); changes > 0; changes--)
            Change(bytes, seeds, isText);
        return [.. bytes];
    }

    private void Change(List<byte> bytes, IReadOnlyList<byte[]> seeds, bool isText)
    {
        if (bytes.Count == 0)
        {
            bytes.Add((byte)random.Next(256));
            return;
        }

        var at = Place(bytes.Count);
        switch (random.Next(isText ? 10 : 8))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                Number(bytes, at);
                break;
            case 3 when random.Next(4) == 0:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 3:
                bytes.RemoveRange(at, Math.Min(Length(), bytes.Count - at));
                break;
            case 4:
                bytes.InsertRange(at, bytes.GetRange(at, Math.Min(Length(), bytes.Count - at)));
                break;
            case 5:
                var other = seeds[random.Next(seeds.Count)];
                var from = random.Next(other.Length + 1);
                Put(bytes, at, other.AsSpan(from, Math.Min(Length(), other.Length - from)));
                break;
            case 6:
                var to = random.Next(bytes.Count);
                var piece = bytes.GetRange(to, Math.Min(Length(), bytes.Count - to)).ToArray();
                Put(bytes, at, piece);
                break;
            case 7:
                bytes[at] = (byte)(bytes[at] + (random.Next(2) == 0 ? 1 : 255));
                break;
            case 8:
                Word(bytes, at);
                break;
            default:
                bytes.InsertRange(at, Encoding.UTF8.GetBytes(Words[random.Next(Words.Length)]));
                break;
        }
    }

    /// <summary>Any place; ends more often, where headers and footers are.</summary>
    private int Place(int count) => random.Next(4) switch
    {
        0 => random.Next(Math.Min(count, 64)),
        1 => count - 1 - random.Next(Math.Min(count, 400)),
        _ => random.Next(count),
    };

    private int Length() => random.Next(3) switch { 0 => random.Next(1, 5), 1 => random.Next(1, 40), _ => 1 << random.Next(9) };

    private void Number(List<byte> bytes, int at)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, Numbers[random.Next(Numbers.Length)]);
        if (random.Next(2) == 0)
            number.Reverse();
        var width = 1 << random.Next(4);
        var start = random.Next(2) == 0 ? at : at & ~(width - 1);
        Put(bytes, start, number[..width]);
    }

    /// <summary>A word of the text becomes another.</summary>
    private void Word(List<byte> bytes, int at)
    {
        var (first, end) = (at, at);
        while (first > 0 && char.IsAsciiLetterOrDigit((char)bytes[first - 1]))
            first--;
        while (end < bytes.Count && char.IsAsciiLetterOrDigit((char)bytes[end]))
            end++;
        bytes.RemoveRange(first, end - first);
        bytes.InsertRange(first, Encoding.UTF8.GetBytes(Words[random.Next(Words.Length)]));
    }

    private static void Put(List<byte> bytes, int at, ReadOnlySpan<byte> piece)
    {
        for (var i = 0; i < piece.Length && at + i < bytes.Count; i++)
            bytes[at + i] = piece[i];
    }
}
