using System.Buffers.Binary;

namespace Replay.Analyzer.Conformance;

/// <summary>The 32-bit ELF file of a case's guest.</summary>
public sealed class CaseProgram
{
    private const int HeaderSize = 52;
    private const int ProgramHeaderSize = 32;
    private const uint Magic = 0x464c_457f;
    private const uint Load = 1;

    private readonly byte[] _file;
    private readonly List<(GuestSegment Segment, int Offset)> _segments = [];

    private CaseProgram(byte[] file) => _file = file;

    /// <summary>What a loader copies, in the order of the file.</summary>
    public IEnumerable<GuestSegment> Segments => _segments.Select(entry => entry.Segment);

    /// <exception cref="ConformanceCaseException">The file is no 32-bit little-endian ELF.</exception>
    public static CaseProgram Read(string path)
    {
        var program = new CaseProgram(File.ReadAllBytes(path));
        if (!program.TryReadSegments())
            throw new ConformanceCaseException($"{path}: not a 32-bit ELF file");
        return program;
    }

    /// <summary>Bytes of the program at a guest-physical address, as loaded: empty where the program is not.</summary>
    public ReadOnlySpan<byte> BytesAt(ulong gpa, int count)
    {
        foreach (var (segment, offset) in _segments)
        {
            if (gpa - segment.Gpa < segment.Length)
                return _file.AsSpan(offset + (int)(gpa - segment.Gpa), (int)Math.Min((ulong)count, segment.Length - (gpa - segment.Gpa)));
        }

        return [];
    }

    private bool TryReadSegments()
    {
        if (_file.Length < HeaderSize || Word(0) != Magic || _file[4] != 1 || _file[5] != 1)
            return false;
        var table = (long)Word(28);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(42));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(44));
        if (count > 0 && (size < ProgramHeaderSize || table + ((long)size * count) > _file.Length))
            return false;
        for (var i = 0; i < count; i++)
        {
            var header = (int)table + (i * size);
            var (offset, address, length) = (Word(header + 4), Word(header + 12), Word(header + 16));
            if (Word(header) != Load || length == 0)
                continue;
            if ((long)offset + length > _file.Length)
                return false;
            _segments.Add((new GuestSegment(address, length), (int)offset));
        }

        return true;
    }

    private uint Word(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(at));
}

/// <summary>A part of a guest's program that the VMM copies into guest memory.</summary>
/// <param name="Gpa">First byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct GuestSegment(ulong Gpa, ulong Length);
