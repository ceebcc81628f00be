namespace Replay.Analyzer.Conformance;

/// <summary>How an operation counts in a conformance score.</summary>
public enum OperationKind : byte
{
    /// <summary>A write to a table entry: place, old value, new value.</summary>
    Write = 1,

    /// <summary>Faults, pages, roots, guest faults: everything else that KVM does and a trace shows.</summary>
    Operation = 2,

    /// <summary>A change of a reverse map, which writes no entry.</summary>
    Rmap = 3,

    /// <summary>A TLB flush.</summary>
    Flush = 4,
}
