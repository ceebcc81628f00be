using System.Runtime.CompilerServices;

namespace Replay.Replayer.History;

/// <summary>
/// Call chains as a tree: a node is a function and its caller's node. Entering a function is a step down, leaving a step up, so the
/// chain of any write is known at no cost and each distinct chain is stored once.
/// </summary>
internal sealed class ChainTree
{
    private const int InitialNodes = 64;

    private static readonly int FunctionCount = (int)Enum.GetValues<KvmFunction>()[^1] + 1;

    /// <summary>The kernel's name for each function, None for what its callers do themselves; null where all are as they are.</summary>
    private readonly KvmFunction[]? _renamed;
    private int[] _parents = new int[InitialNodes];
    private KvmFunction[] _functions = new KvmFunction[InitialNodes];
    private bool[] _reported = new bool[InitialNodes];

    /// <summary>Node by node a row of the nodes of the functions it calls; 0, which calls nothing back, for those it has not called.</summary>
    private int[] _children = new int[InitialNodes * FunctionCount];

    /// <summary>The first is the empty chain, no function of KVM: every observer knows it.</summary>
    private int _count = 1;

    /// <param name="renamed">Functions that the kernel has under another name; under None, those that it does not have: their callers do what they do.</param>
    public ChainTree(IReadOnlyDictionary<KvmFunction, KvmFunction>? renamed = null)
    {
        _reported[0] = true;
        if (renamed is null || renamed.Count == 0)
            return;
        _renamed = new KvmFunction[FunctionCount];
        for (var i = 0; i < _renamed.Length; i++)
            _renamed[i] = renamed.GetValueOrDefault((KvmFunction)i, (KvmFunction)i);
    }

    public int Child(int parent, KvmFunction function)
    {
        var child = _children[(parent * FunctionCount) + (int)function];
        return child != 0 ? child : Add(parent, function);
    }

    public KvmFunction Function(int node) => _functions[node];

    /// <summary>The observer knows the chain of the node.</summary>
    public bool IsReported(int node) => _reported[node];

    public void SetReported(int node) => _reported[node] = true;

    /// <summary>The functions from the outermost to <paramref name="node"/>.</summary>
    public KvmFunction[] Functions(int node)
    {
        var functions = new List<KvmFunction>();
        for (var at = node; at != 0; at = _parents[at])
            functions.Add(_functions[at]);
        functions.Reverse();
        return [.. functions];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Add(int parent, KvmFunction function)
    {
        var named = _renamed is null ? function : _renamed[(int)function];
        if (named == KvmFunction.None)
        {
            _children[(parent * FunctionCount) + (int)function] = parent;
            return parent;
        }

        if (_count == _parents.Length)
            Grow();
        _parents[_count] = parent;
        _functions[_count] = named;
        _children[(parent * FunctionCount) + (int)function] = _count;
        return _count++;
    }

    private void Grow()
    {
        Array.Resize(ref _parents, _count * 2);
        Array.Resize(ref _functions, _count * 2);
        Array.Resize(ref _reported, _count * 2);
        Array.Resize(ref _children, _children.Length * 2);
    }
}
