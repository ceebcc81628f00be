using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>
/// The page that a vCPU executes from. A capture tells of a fetch where execution enters a page, which is enough while no translation
/// changes. When one did, the CPU has to fetch the next instruction anew before that accesses anything: from the address that the
/// capture names or, where it names none, from the page entered last.
/// </summary>
internal sealed class CodePage(CpuSetup setup)
{
    private const AccessFlags Privilege = AccessFlags.User;

    private readonly TranslationState _state = new(setup.Writer, setup.Memory, setup.Hypervisor, setup.Registers);
    private readonly Journal _journal = setup.Journal;
    private GuestAccess _entered = new(0, AccessKind.Fetch, AccessFlags.None);

    /// <summary>Notes the last page entered in a stretch of accesses, hits of the TLB among them.</summary>
    public void Enter(TraceChunk chunk, int from, int to)
    {
        var last = chunk.Kinds.AsSpan(from, to - from).LastIndexOf((byte)AccessKind.Fetch);
        if (last >= 0)
            _entered = new GuestAccess(chunk.Gvas[from + last], AccessKind.Fetch, (AccessFlags)chunk.Flags[from + last] & Privilege);
    }

    /// <summary>An instruction must be fetched before the access.</summary>
    /// <param name="access">What it does. What the CPU does of its own belongs to no instruction.</param>
    /// <param name="fetch">The fetch.</param>
    public bool MustFetch(in GuestAccess access, out GuestAccess fetch)
    {
        fetch = _journal.Rip == 0 ? _entered : new GuestAccess(_journal.Rip, AccessKind.Fetch, access.Flags & Privilege);
        return !access.IsFetch && fetch.Gva != 0 && (access.Flags & AccessFlags.Implicit) == 0 && _state.TakeChange();
    }

    /// <summary>Execution goes on at an address.</summary>
    /// <returns>The instruction there must be fetched.</returns>
    public bool Resume(ulong gva, out GuestAccess fetch)
    {
        fetch = _entered = new GuestAccess(gva, AccessKind.Fetch, _entered.Flags);
        return _state.TakeChange();
    }

    /// <summary>Execution goes on elsewhere, by a way that is no fetch of its own: into a nested guest or out of it.</summary>
    public void Jump(ulong gva) => _entered = new GuestAccess(gva, AccessKind.Fetch, _entered.Flags);

    /// <summary>A fetch that has an event of its own.</summary>
    public void Enter(in GuestAccess fetch) => _entered = fetch with { Flags = fetch.Flags & Privilege };

    /// <summary>A fetch is over: what changed meanwhile concerns the next.</summary>
    public void Fetched() => _state.TakeChange();
}
