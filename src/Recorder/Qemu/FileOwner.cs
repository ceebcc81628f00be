using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Replay.Recorder.Qemu;

/// <summary>Whose a file is.</summary>
/// <remarks>Source: statx(2).</remarks>
internal static partial class FileOwner
{
    private const int CurrentDirectory = -100;
    private const int NoFollow = 0x100;
    private const uint BasicStats = 0x7ff;
    private const int StatxLength = 256;
    private const int UidOffset = 20;

    private const UnixFileMode OthersMayWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>The file or directory, not what a link there leads to, is the present user's.</summary>
    public static bool IsMine(string path)
    {
        Span<byte> stat = stackalloc byte[StatxLength];
        return Statx(CurrentDirectory, path, NoFollow, BasicStats, ref MemoryMarshal.GetReference(stat)) == 0
            && BinaryPrimitives.ReadUInt32LittleEndian(stat[UidOffset..]) == EffectiveUser();
    }

    /// <summary>It is the present user's, and nobody else can change it.</summary>
    public static bool IsMineAlone(string path) => !OperatingSystem.IsWindows() && IsMine(path) && (File.GetUnixFileMode(path) & OthersMayWrite) == 0;

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte stat);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
