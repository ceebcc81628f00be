using System.Buffers.Binary;

namespace Replay.Recorder.Bochs;

/// <summary>A part of a kernel, and where a loader puts it.</summary>
/// <param name="Gpa">First byte.</param>
/// <param name="Content">What the file has of it.</param>
internal sealed record KernelSegment(uint Gpa, ReadOnlyMemory<byte> Content);

/// <summary>A kernel that a multiboot loader enters in 32-bit mode without paging: an ELF file.</summary>
internal sealed class MultibootKernel
{
    private const uint ElfMagic = 0x464c_457f;
    private const uint Load = 1;
    private const int Bits32 = 1;
    private const int Bits64 = 2;

    private MultibootKernel(uint entry, List<KernelSegment> segments)
    {
        Entry = entry;
        Segments = segments;
    }

    public uint Entry { get; }

    public IReadOnlyList<KernelSegment> Segments { get; }

    /// <exception cref="RecorderException">The file is no such kernel.</exception>
    public static MultibootKernel Read(string path)
    {
        var file = File.ReadAllBytes(path);
        try
        {
            return Parse(file) ?? throw Refusal(path, "not an ELF file for x86");
        }
        catch (Exception error) when (error is ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw Refusal(path, "a damaged ELF file");
        }
    }

    private static MultibootKernel? Parse(byte[] file)
    {
        if (file.Length < 64 || U32(file, 0) != ElfMagic || file[4] is not (Bits32 or Bits64) || file[5] != 1)
            return null;
        var isLong = file[4] == Bits64;
        var entry = checked((uint)(isLong ? U64(file, 24) : U32(file, 24)));
        var table = checked((int)(isLong ? U64(file, 32) : U32(file, 28)));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(isLong ? 54 : 42));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(isLong ? 56 : 44));
        var segments = new List<KernelSegment>();
        for (var i = 0; i < count; i++)
        {
            var at = checked(table + (i * size));
            if (U32(file, at) != Load)
                continue;
            var (offset, address, length) = isLong ? (U64(file, at + 8), U64(file, at + 24), U64(file, at + 32)) : (U32(file, at + 4), U32(file, at + 12), U32(file, at + 16));
            if (length > 0)
                segments.Add(new KernelSegment(checked((uint)address), file.AsMemory(checked((int)offset), checked((int)length))));
        }

        return new MultibootKernel(entry, segments);
    }

    private static uint U32(byte[] file, int at) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at));

    private static ulong U64(byte[] file, int at) => BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));

    private static RecorderException Refusal(string path, string what) =>
        new(RecorderFailure.BadInput, $"{path}: {what}: record bochs enters multiboot kernels; boot others from a disk or a CD.");
}
