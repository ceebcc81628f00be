using System.Reflection;
using System.Runtime.Loader;

namespace Replay.Mutants;

/// <summary>A test project whose tests run in this process, with a Replay.Replayer.dll of its own that has mutants.</summary>
internal sealed class Suite : AssemblyLoadContext
{
    private readonly AssemblyDependencyResolver _resolver;
    private readonly FieldInfo _active;
    private readonly FieldInfo _reached;
    private readonly FieldInfo _hit;

    /// <param name="assembly">The test program.</param>
    /// <param name="rank">Suites of a higher rank run only when all tests of the lower ones have passed.</param>
    /// <param name="wanted">Which of its classes.</param>
    /// <param name="active">The mutant that is on before anything of the suite is loaded; -1: none.</param>
    public Suite(string assembly, int rank, Func<string, bool> wanted, int active = -1)
    {
        _resolver = new AssemblyDependencyResolver(assembly);
        Rank = rank;
        var mutant = LoadFromAssemblyPath(Path.Combine(Path.GetDirectoryName(assembly)!, "Replay.Replayer.dll")).GetType("Replay.Mutants.Mutant");
        _active = mutant?.GetField("Active")!;
        _reached = mutant?.GetField("Reached")!;
        _hit = mutant?.GetField("Hit")!;
        if (mutant is not null)
            Active = active;
        Tests = [.. TestCase.Of(this, LoadFromAssemblyPath(assembly), wanted)];
    }

    public int Rank { get; }

    public IReadOnlyList<TestCase> Tests { get; }

    public int Active
    {
        set => _active.SetValue(null, value);
    }

    /// <summary>The active mutant was come by since this was set to false.</summary>
    public bool IsHit
    {
        get => (bool)_hit.GetValue(null)!;
        set => _hit.SetValue(null, value);
    }

    /// <summary>Runs a test and notes what it comes by.</summary>
    /// <returns>Null: it passed.</returns>
    public string? Survey(TestCase test, int mutants)
    {
        test.Reached = new byte[mutants];
        _reached.SetValue(null, test.Reached);
        var failure = test.Run();
        _reached.SetValue(null, null);
        return failure;
    }

    protected override Assembly? Load(AssemblyName assemblyName) => _resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;

    protected override nint LoadUnmanagedDll(string unmanagedDllName) => _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
}
