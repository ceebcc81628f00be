using System.Globalization;
using System.Text;

namespace Replay.Recorder.Ftrace.Reconstruction;

/// <summary>A system call of userspace that moves KVM's tables.</summary>
internal enum SystemCallKind
{
    SetMemoryRegion,
    GetDirtyLog,
    ClearDirtyLog,
    ResetDirtyRings,
}

/// <summary>The event of syscalls:sys_enter_ioctl, as tracefs prints it, and trace-cmd and perf.</summary>
internal static class SystemCall
{
    public const string Event = "sys_enter_ioctl";

    /// <summary>As tracefs names it.</summary>
    public const string ShortEvent = "sys_ioctl";

    private static readonly Dictionary<uint, SystemCallKind> Commands = new()
    {
        [0x4020ae46] = SystemCallKind.SetMemoryRegion,
        [0x40a0ae49] = SystemCallKind.SetMemoryRegion,
        [0x4010ae42] = SystemCallKind.GetDirtyLog,
        [0xc018aec0] = SystemCallKind.ClearDirtyLog,
        [0xaec7] = SystemCallKind.ResetDirtyRings,
    };

    /// <param name="text">Such as <c>fd: 0x0000000c, cmd: 0x4010ae42, arg: 0x7ffc0000</c>, or without 0x.</param>
    /// <param name="kind">Which call.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, out SystemCallKind kind)
    {
        kind = default;
        var at = text.IndexOf("cmd:"u8);
        if (at < 0)
            return false;
        var rest = text[(at + 4)..].Trim((byte)' ');
        if (rest.StartsWith("0x"u8))
            rest = rest[2..];
        var digits = rest.IndexOfAny(", )"u8);
        if (digits >= 0)
            rest = rest[..digits];
        return uint.TryParse(Encoding.ASCII.GetString(rest), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var command) && Commands.TryGetValue(command, out kind);
    }
}
