using System.Buffers.Binary;
using System.Text;

namespace Replay.Trace.Columns;

/// <summary>Dictionary pages of names that are the same in every file.</summary>
internal static class TextDictionary
{
    /// <summary>The page that gives each name the index it stands at.</summary>
    public static byte[] Page(ReadOnlySpan<string> names)
    {
        using var page = new MemoryStream();
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var name in names)
        {
            var bytes = Encoding.UTF8.GetBytes(name);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            page.Write(length);
            page.Write(bytes);
        }
        return page.ToArray();
    }
}
