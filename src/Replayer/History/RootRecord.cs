using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>A root was allocated, loaded into the CPU, cached or freed.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct RootRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    /// <summary>The register that names the root: EPTP, nCR3 or CR3; on allocation of shadow roots the guest's CR3, of one of four direct PAE roots its gpa.</summary>
    public ulong Value { get; init; }

    public int TableId { get; init; }

    public int ExitId { get; init; }

    public int ChainId { get; init; }

    public RootOperation Operation { get; init; }

    public byte Vcpu { get; init; }
}
