using Replay.Replayer.History;
using Replay.Trace.Tracepoints;

namespace Replay.Analyzer.Observed;

/// <summary>Call chains as the probes show them. Each is told to the history before its first use.</summary>
internal sealed class ChainTable(IObservedHistory history)
{
    /// <summary>Deeper than KVM ever goes: probes on returns are missing.</summary>
    private const int DeepestChain = 64;

    private readonly Dictionary<(int Parent, KvmFunction Function), int> _children = [];
    private readonly List<(int Parent, KvmFunction Function, int Depth, bool Told)> _nodes = [(0, KvmFunction.None, 0, true)];

    public int Child(int parent, KvmFunction function)
    {
        if (_nodes[parent].Depth == DeepestChain)
            parent = 0;
        if (_children.TryGetValue((parent, function), out var node))
            return node;
        node = _nodes.Count;
        _nodes.Add((parent, function, _nodes[parent].Depth + 1, false));
        _children[(parent, function)] = node;
        return node;
    }

    /// <summary>The chain with a function at its end: the same where it ends there already.</summary>
    public int Ending(int node, KvmFunction function) => _nodes[node].Function == function ? node : Child(node, function);

    /// <summary>The chain of a stack trace, as far as histories name its functions.</summary>
    /// <param name="stack">The innermost first.</param>
    public int OfStack(ReadOnlySpan<TracepointName> stack)
    {
        var node = 0;
        for (var i = stack.Length - 1; i >= 0; i--)
        {
            if (ProbedFunction.Of(stack[i].Text).Function is var function and not KvmFunction.None)
                node = Ending(node, function);
        }

        return node;
    }

    public KvmFunction Function(int node) => _nodes[node].Function;

    /// <summary>The chain outside the innermost call of a function; the same chain where it is in none.</summary>
    public int Outside(int node, KvmFunction function)
    {
        for (var at = node; at != 0; at = _nodes[at].Parent)
        {
            if (_nodes[at].Function == function)
                return _nodes[at].Parent;
        }

        return node;
    }

    /// <summary>The chain, told to the history if it was not before.</summary>
    public int Told(int node)
    {
        if (_nodes[node].Told)
            return node;
        _nodes[node] = _nodes[node] with { Told = true };
        var functions = new List<KvmFunction>();
        for (var at = node; at != 0; at = _nodes[at].Parent)
            functions.Add(_nodes[at].Function);
        functions.Reverse();
        history.OnChain(node, functions.ToArray());
        return node;
    }
}

/// <summary>One event of a trace as it is stored.</summary>
/// <param name="Ordinal">Its place in the trace.</param>
/// <param name="Line">Its line in the file.</param>
/// <param name="Time">Nanoseconds, or the trace's own clock.</param>
/// <param name="Cpu">The host's CPU.</param>
/// <param name="Pid">The host's thread.</param>
/// <param name="TaskId">The thread's name.</param>
/// <param name="NameId">The event's name.</param>
public readonly record struct TraceEventRow(long Ordinal, long Line, long Time, int Cpu, int Pid, int TaskId, int NameId);

/// <summary>A name of events, and how many there were.</summary>
/// <param name="Id">Number within the run.</param>
/// <param name="Name">As the trace has it.</param>
/// <param name="ProbedFunction">The function that the probe of this name stands on; null for a tracepoint.</param>
/// <param name="Events">How many.</param>
public sealed record TraceNameRow(int Id, string Name, string? ProbedFunction, long Events);
