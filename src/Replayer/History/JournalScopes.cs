namespace Replay.Replayer.History;

/// <summary>An exit is being handled until this is disposed.</summary>
public readonly ref struct ExitScope(Journal journal)
{
    public void Dispose() => journal.EndExit();
}

/// <summary>A function of KVM is on the chain until this is disposed.</summary>
public readonly ref struct FunctionScope
{
    private readonly Journal _journal;
    private readonly int _caller;

    internal FunctionScope(Journal journal, int caller)
    {
        _journal = journal;
        _caller = caller;
    }

    public void Dispose() => _journal.ReturnTo(_caller);
}
