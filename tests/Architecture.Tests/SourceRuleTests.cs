using System.Text.RegularExpressions;

namespace Replay.Architecture.Tests;

/// <summary>Rules of the house that the compiler does not know.</summary>
public sealed partial class SourceRuleTests
{
    private static readonly string Source = Repository.PathOf("src");

    [Fact]
    public void Only_the_table_writer_can_change_a_table_entry()
    {
        foreach (var (file, text) in CSharpFiles())
        {
            if (!IsReplayer(file) || Path.GetFileName(file) is "TableWriter.cs" or "TablePage.cs")
                continue;
            Assert.False(EntryWrite().IsMatch(text), $"{file} reaches around TableWriter");
        }
    }

    [Fact]
    public void No_source_file_is_a_house_of_its_own()
    {
        var large = CSharpFiles().Where(file => file.Text.AsSpan().Count('\n') > 450).Select(file => file.Path);
        Assert.Empty(large);
    }

    [Fact]
    public void No_room_holds_more_than_twenty_files()
    {
        var crowded = CSharpFiles().Select(file => file.Path).Concat(Directory.EnumerateFiles(Repository.PathOf("tests"), "*.cs", SearchOption.AllDirectories))
            .Select(file => Path.GetDirectoryName(file)!)
            .Where(room => !room.Split(Path.DirectorySeparatorChar).Contains("obj"))
            .CountBy(room => room, StringComparer.Ordinal)
            .Where(room => room.Value > 20)
            .Select(room => $"{Path.GetRelativePath(Repository.PathOf("."), room.Key)}: {room.Value}");
        Assert.Empty(crowded);
    }

    /// <summary>The VM has it; what stands above it is handed the parts that it needs when it is made. Audits look into all of it.</summary>
    [Fact]
    public void Nobody_reaches_for_the_shadow_mmu_code_or_keeps_the_whole_of_it()
    {
        var audits = Path.Combine("Mmu", "Audit", "");
        var takers = CSharpFiles()
            .Where(file => IsReplayer(file.Path) && !file.Path.Contains(audits, StringComparison.Ordinal))
            .Where(file => Path.GetFileName(file.Path) is not ("KvmVm.cs" or "MmuBackends.cs") && WholeMmu().IsMatch(file.Text))
            .Select(file => file.Path);
        Assert.Empty(takers);
    }

    [Fact]
    public void A_folder_has_one_namespace_its_own_or_that_of_a_folder_above()
    {
        foreach (var folder in CSharpFiles().GroupBy(file => Path.GetDirectoryName(file.Path)!, StringComparer.Ordinal))
        {
            var own = "Replay." + Path.GetRelativePath(Source, folder.Key).Replace(Path.DirectorySeparatorChar, '.');
            var names = folder.SelectMany(file => Namespace().Matches(file.Text)).Select(match => match.Groups["name"].Value).Distinct(StringComparer.Ordinal).ToList();
            Assert.True(names.Count <= 1, $"{folder.Key} has the namespaces {string.Join(" and ", names)}");
            Assert.All(names, name => Assert.StartsWith(name + ".", own + ".", StringComparison.Ordinal));
        }
    }

    /// <summary>The header lists the plugin's files from the bottom up, with what each offers.</summary>
    [Fact]
    public void No_file_of_the_plugin_calls_one_above_it()
    {
        var folder = Path.Combine(Source, "Recorder", "native", "qemu");
        var sections = PluginFile().Split(File.ReadAllText(Path.Combine(folder, "recorder.h")))[1..].Chunk(2).ToList();
        Assert.Equal(15, sections.Count);
        for (var i = 0; i < sections.Count; i++)
        {
            var text = Comment().Replace(File.ReadAllText(Path.Combine(folder, sections[i][0] + ".c")), "");
            foreach (var above in sections[(i + 1)..])
            {
                foreach (Match function in Declared().Matches(Comment().Replace(above[1], "")))
                    Assert.False(Regex.IsMatch(text, $@"\b{function.Groups["name"].Value}\("), $"{sections[i][0]}.c calls {function.Groups["name"].Value} of {above[0]}.c, which stands above it");
            }
        }
    }

    /// <summary>The page that leads newcomers: places by their path, and the way of an access by the classes on it.</summary>
    [Fact]
    public void The_map_of_the_house_names_what_is_there()
    {
        var page = File.ReadAllText(Repository.PathOf("docs", "architecture.md"));
        string[] roots = ["", "src", "src/Replayer/Kvm", "src/Recorder", "src/Recorder/native", "src/Analyzer"];
        foreach (Match place in Place().Matches(Section(page, "## Where to look")))
        {
            var path = place.Groups["path"].Value;
            var isThere = path.Contains('/', StringComparison.Ordinal)
                ? Array.Exists(roots, root => IsThere(Repository.PathOf(root, path)))
                : Directory.EnumerateFiles(Source, path, SearchOption.AllDirectories).Any();
            Assert.True(isThere, $"docs/architecture.md sends to {path}, which is not there");
        }

        var source = string.Concat(CSharpFiles().Select(file => file.Text));
        foreach (Match type in TypeName().Matches(Section(page, "## One access, from the stream to a row") + Section(page, "## Reading rows")))
        {
            var name = type.Groups["name"].Value;
            Assert.True(Regex.IsMatch(source, $@"\b(class|struct|record|interface|enum|namespace Replay\.) ?{name}\b"), $"docs/architecture.md names {name}, which is not there");
        }
    }

    [Fact]
    public void No_loose_ends_are_left_in_the_code()
    {
        foreach (var (file, text) in CSharpFiles())
            Assert.False(LooseEnd().IsMatch(text), $"{file} has a loose end");
    }

    [Fact]
    public void The_replayer_never_enumerates_an_unordered_collection()
    {
        foreach (var (file, text) in CSharpFiles())
        {
            if (!IsReplayer(file))
                continue;
            foreach (Match field in UnorderedField().Matches(text))
            {
                var name = field.Groups["name"].Value;
                Assert.False(
                    Regex.IsMatch(text, $@"foreach\s*\([^)]*\bin\s+{Regex.Escape(name)}(\.Values|\.Keys)?\s*\)"),
                    $"{file} enumerates {name}, whose order is not defined");
            }
        }
    }

    private static bool IsReplayer(string file) =>
        Path.GetRelativePath(Source, file).StartsWith($"Replayer{Path.DirectorySeparatorChar}", StringComparison.Ordinal);

    private static bool IsThere(string path) =>
        path.Contains('*', StringComparison.Ordinal)
            ? Directory.Exists(Path.GetDirectoryName(path)) && Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(path)!, Path.GetFileName(path)).Any()
            : Path.Exists(path);

    private static string Section(string page, string heading)
    {
        var start = page.IndexOf(heading, StringComparison.Ordinal);
        Assert.True(start >= 0, $"{heading} is not on the page");
        var end = page.IndexOf("\n## ", start, StringComparison.Ordinal);
        return end < 0 ? page[start..] : page[start..end];
    }

    private static IEnumerable<(string Path, string Text)> CSharpFiles() =>
        Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(file => (file, File.ReadAllText(file)));

    [GeneratedRegex(@"\.Exchange\(|Key\.Create\(")]
    private static partial Regex EntryWrite();

    [GeneratedRegex(@"\.ShadowMmu\b|\bShadowMmu\s+(_\w+|\w+\s*(\{|=>|;))|\b(class|struct)\s+\w+\([^)]*\bShadowMmu\b")]
    private static partial Regex WholeMmu();

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^/\* (?<file>\w+)\.c\b", RegexOptions.Multiline)]
    private static partial Regex PluginFile();

    [GeneratedRegex(@"/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^\w[\w \*]*?\b(?<name>\w+)\(", RegexOptions.Multiline)]
    private static partial Regex Declared();

    [GeneratedRegex(@"`(?<path>[\w.*-]+(/[\w.*-]+)+|\w+\.cs?)`")]
    private static partial Regex Place();

    [GeneratedRegex(@"`(?<name>[A-Z]\w+)(\.\w+)?`")]
    private static partial Regex TypeName();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|NotImplementedException|catch\s*\{\s*\}")]
    private static partial Regex LooseEnd();

    [GeneratedRegex(@"(Dictionary|HashSet)<[^;=]*>\s+(?<name>_\w+)")]
    private static partial Regex UnorderedField();
}
