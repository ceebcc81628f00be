using Replay.Replayer.Guest;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>An access to a guest-physical address.</summary>
/// <param name="Purpose">Why.</param>
/// <param name="Kind">What the access itself does; it matters for <see cref="GpaPurpose.Final"/> only.</param>
/// <param name="LinearRights">What the guest's own tables allow there, for the exit qualification.</param>
internal readonly record struct GpaAccess(GpaPurpose Purpose, AccessKind Kind, PageRights LinearRights)
{
    public static GpaAccess TableRead { get; } = new(GpaPurpose.TableRead, AccessKind.Read, PageRights.All);

    public static GpaAccess TableUpdate { get; } = new(GpaPurpose.TableUpdate, AccessKind.Write, PageRights.All);

    public static GpaAccess PdpteLoad { get; } = new(GpaPurpose.PdpteLoad, AccessKind.Read, PageRights.All);

    public static GpaAccess Final(AccessKind kind, PageRights linearRights) => new(GpaPurpose.Final, kind, linearRights);
}
