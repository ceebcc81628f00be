namespace Replay.Replayer.History;

/// <summary>
/// Call chains as a tree: a node is a function and its caller's node. Entering a function is a step down, leaving a step up, so the
/// chain of any write is known at no cost and each distinct chain is stored once.
/// </summary>
internal sealed class ChainTree
{
    private static readonly int FunctionCount = (int)Enum.GetValues<KvmFunction>()[^1] + 1;

    /// <summary>The first is the empty chain, no function of KVM: every observer knows it.</summary>
    private readonly List<Node> _nodes = [new Node(0, KvmFunction.None) { Reported = true }];

    public int Child(int parent, KvmFunction function)
    {
        var children = _nodes[parent].Children ??= new int[FunctionCount];
        ref var child = ref children[(int)function];
        if (child == 0)
        {
            child = _nodes.Count;
            _nodes.Add(new Node(parent, function));
        }

        return child;
    }

    public int Parent(int node) => _nodes[node].Parent;

    public KvmFunction Function(int node) => _nodes[node].Function;

    /// <summary>True once per node: its chain has not been reported yet.</summary>
    public bool TakeUnreported(int node)
    {
        if (_nodes[node].Reported)
            return false;
        _nodes[node].Reported = true;
        return true;
    }

    /// <summary>The functions from the outermost to <paramref name="node"/>.</summary>
    public KvmFunction[] Functions(int node)
    {
        var functions = new List<KvmFunction>();
        for (var at = node; at != 0; at = _nodes[at].Parent)
            functions.Add(_nodes[at].Function);
        functions.Reverse();
        return [.. functions];
    }

    private sealed class Node(int parent, KvmFunction function)
    {
        public int Parent { get; } = parent;

        public KvmFunction Function { get; } = function;

        public int[]? Children { get; set; }

        public bool Reported { get; set; }
    }
}
