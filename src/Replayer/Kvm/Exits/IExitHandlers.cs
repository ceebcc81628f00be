namespace Replay.Replayer.Kvm.Exits;

/// <summary>A vendor's exit handlers.</summary>
internal interface IExitHandlers
{
    ExitResult Handle(in VmExit exit);
}
