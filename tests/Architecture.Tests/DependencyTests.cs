using System.Reflection;

namespace Replay.Architecture.Tests;

/// <summary>Data flows Trace, Replayer, Analyzer, Cli; dependencies never point back.</summary>
public sealed class DependencyTests
{
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Replay.Trace"] = [],
        ["Replay.Recorder"] = ["Replay.Trace"],
        ["Replay.Replayer"] = ["Replay.Trace"],
        ["Replay.Analyzer"] = ["Replay.Replayer", "Replay.Trace"],
        ["Replay.DuckDb"] = ["Replay.Analyzer", "Replay.Replayer", "Replay.Trace"],
        ["Replay.Explorer"] = ["Replay.Analyzer", "Replay.Replayer", "Replay.Trace"],
        ["replay"] = ["Replay.Analyzer", "Replay.Explorer", "Replay.Recorder", "Replay.Replayer", "Replay.Trace"],
    };

    private static readonly Dictionary<string, string> OnlyUser = new(StringComparer.Ordinal)
    {
        ["Parquet"] = "Replay.Trace",
        ["ZstdSharp"] = "Replay.Trace",
        ["Microsoft.Data.Sqlite"] = "Replay.Analyzer",
        ["Dapper"] = "Replay.Analyzer",
        ["Spectre.Console"] = "replay",
        ["System.CommandLine"] = "replay",
        ["Tomlyn"] = "replay",
        ["Microsoft.AspNetCore"] = "Replay.Explorer",
        ["DuckDB.NET.Data"] = "Replay.DuckDb",
        ["Iced"] = "Replay.Recorder",
    };

    public static TheoryData<string> Assemblies => new(Allowed.Keys);

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void An_assembly_refers_only_to_what_stands_before_it(string name)
    {
        var ours = References(name).Where(Allowed.ContainsKey);
        Assert.Empty(ours.Except(Allowed[name]));
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void A_library_has_one_user(string name)
    {
        foreach (var reference in References(name))
        {
            if (OnlyUser.TryGetValue(reference, out var user) && !(name == "replay" && reference == "Microsoft.Data.Sqlite"))
                Assert.Equal(user, name);
        }
    }

    [Theory]
    [InlineData("System.Console")]
    [InlineData("System.IO.FileSystem")]
    [InlineData("System.Net.Http")]
    [InlineData("System.Diagnostics.Process")]
    [InlineData("System.Threading.Tasks.Parallel")]
    public void The_replayer_knows_no_outside_world(string assembly) =>
        Assert.DoesNotContain(assembly, References("Replay.Replayer"));

    [Fact]
    public void No_two_types_of_the_project_share_a_name()
    {
        var twins = Allowed.Keys.Order(StringComparer.Ordinal)
            .SelectMany(name => Assembly.Load(new AssemblyName(name)).GetTypes())
            .Where(type => !type.IsNested && type.Namespace?.StartsWith("Replay", StringComparison.Ordinal) == true)
            .GroupBy(type => type.Name, StringComparer.Ordinal)
            .Where(types => types.Count() > 1)
            .Select(types => string.Join(", ", types.Select(type => type.FullName)));
        Assert.Empty(twins);
    }

    private static List<string> References(string name) =>
        [.. Assembly.Load(new AssemblyName(name)).GetReferencedAssemblies().Select(reference => reference.Name!)];
}
