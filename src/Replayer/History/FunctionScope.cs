namespace Replay.Replayer.History;

/// <summary>A function of KVM is on the chain until this is disposed.</summary>
public readonly ref struct FunctionScope(Journal journal)
{
    public void Dispose() => journal.Leave();
}
