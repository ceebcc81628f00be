using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>The registers that decide how addresses are translated.</summary>
internal record struct Controls(ulong Cr0, ulong Cr3, ulong Cr4, ulong Efer)
{
    public readonly bool HasPaging => (Cr0 & ControlBits.Cr0Pg) != 0;

    public readonly bool IsLong => (Efer & ControlBits.EferLma) != 0;

    public readonly bool IsProtected => (Cr0 & ControlBits.Cr0Pe) != 0;

    /// <summary>What MOV to CR0 leaves, here and in EFER.</summary>
    public readonly Controls WithCr0(ulong value)
    {
        var after = this with { Cr0 = value | ControlBits.Cr0Et };
        var isLong = after.HasPaging && (Efer & ControlBits.EferLme) != 0;
        return after with { Efer = isLong ? Efer | ControlBits.EferLma : Efer & ~ControlBits.EferLma };
    }
}
