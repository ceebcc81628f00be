namespace Replay.Replayer.History;

/// <summary>An exit is being handled until this is disposed.</summary>
public readonly ref struct ExitScope(Journal journal)
{
    public void Dispose() => journal.EndExit();
}
