namespace Replay.Replayer.Kvm.Host;

/// <summary>The host frame behind a gfn, or why there is none.</summary>
/// <param name="Kind">Only <see cref="HostPfnKind.Valid"/> comes with a frame.</param>
/// <param name="Pfn">Host frame number.</param>
/// <param name="MapWritable">KVM may map it writable, also where the access was a read.</param>
public readonly record struct HostPfn(HostPfnKind Kind, ulong Pfn, bool MapWritable)
{
    /// <remarks>KVM: is_error_noslot_pfn().</remarks>
    public bool IsErrorOrNoSlot => Kind != HostPfnKind.Valid;

    /// <remarks>KVM: is_error_pfn().</remarks>
    public bool IsError => Kind is HostPfnKind.ReadOnlyFault or HostPfnKind.Fault;
}
