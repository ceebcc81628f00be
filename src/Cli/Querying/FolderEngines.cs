using System.Reflection;
using System.Runtime.Loader;
using Replay.Analyzer.Query.Folders;
using Replay.Analyzer.Store.Parts;

namespace Replay.Cli.Querying;

/// <summary>
/// What asks folders of Parquet, where it is there: an assembly of its own, since its native libraries are many times as large as all of the
/// tool.
/// </summary>
internal static class FolderEngines
{
    private const string EngineAssembly = "Replay.DuckDb";

    /// <summary>Names the folder that has the assembly.</summary>
    private const string Variable = "REPLAY_DUCKDB";

    /// <summary>The folders that a path means: itself, or those in it; none: it is no folder of histories.</summary>
    public static IReadOnlyList<string> Folders(string path)
    {
        if (path.Contains("://", StringComparison.Ordinal))
            return [path];
        if (!Directory.Exists(path))
            return [];
        string[] found = HistoryFolder.Is(path) ? [path] : [.. Directory.GetDirectories(path).Where(HistoryFolder.Is).Order(StringComparer.Ordinal)];
        foreach (var folder in found)
            HistoryFolder.Check(folder);
        return [.. found.Select(Path.GetFullPath)];
    }

    /// <exception cref="UsageException">It is not there.</exception>
    public static IFolderEngine Load(string path)
    {
        var file = Places().Select(place => Path.Combine(place, EngineAssembly + ".dll")).FirstOrDefault(File.Exists)
            ?? throw new UsageException(
                $"{path} holds histories as Parquet, and what asks them, DuckDB, is not installed. In a clone 'dotnet build src/DuckDb -c Release' makes it; elsewhere name the folder that has {EngineAssembly}.dll in {Variable}.");
        var type = new Context(file).LoadFromAssemblyPath(file).GetType($"{EngineAssembly}.DuckDbEngine", throwOnError: true)!;
        return (IFolderEngine)Activator.CreateInstance(type)!;
    }

    private static IEnumerable<string> Places()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
            yield return Path.GetFullPath(named);
        var here = AppContext.BaseDirectory;
        yield return Path.Combine(here, "duckdb");
        yield return Path.GetFullPath(Path.Combine(here, "..", "..", "DuckDb", "release"));
        yield return Path.GetFullPath(Path.Combine(here, "..", "bin", "DuckDb", "release"));
        yield return Path.GetFullPath(Path.Combine(here, "..", "..", "DuckDb", "debug"));
    }

    /// <summary>Its own libraries are its own; ours are those that run.</summary>
    private sealed class Context(string path) : AssemblyLoadContext(EngineAssembly)
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            var isOurs = Default.Assemblies.Any(loaded => loaded.GetName().Name == assemblyName.Name) || assemblyName.Name!.StartsWith("Replay.", StringComparison.Ordinal);
            return !isOurs && _resolver.ResolveAssemblyToPath(assemblyName) is { } file ? LoadFromAssemblyPath(file) : null;
        }

        protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
            _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } file ? LoadUnmanagedDllFromPath(file) : 0;
    }
}
