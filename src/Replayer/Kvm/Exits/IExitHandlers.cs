using Replay.Trace;

namespace Replay.Replayer.Kvm.Exits;

/// <summary>A vendor's exit handlers.</summary>
internal interface IExitHandlers
{
    ExitResult Handle(in VmExit exit);

    /// <summary>The guest enters one of its own.</summary>
    void EnterNested(ulong control, NestedEntry entry);
}
