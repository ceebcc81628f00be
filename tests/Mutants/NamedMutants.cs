namespace Replay.Mutants;

/// <summary>Changes that went unnoticed once, each of which a test of its own must notice: name, file, what the text is, what it becomes, class of tests.</summary>
internal sealed class NamedMutants(MutantAssembly assembly)
{
    private const string Project = "Replayer.Tests";

    public int Run()
    {
        var survived = 0;
        foreach (var line in File.ReadAllLines(Repository.PathOf("tests", "Mutants", "named.tsv")).Where(line => line.Length > 0 && line[0] != '#'))
        {
            if (line.Split('\t') is not [var name, var file, var before, var after, var wanted])
                throw new IOException($"named.tsv: not five columns: {line}");
            var place = Repository.PathOf("artifacts", "mutants", "named", file.Replace('/', '-') + after.Length);
            Directory.CreateDirectory(place);
            foreach (var built in Directory.EnumerateFiles(Repository.PathOf("artifacts", "bin", Project, "release")))
                File.Copy(built, Path.Combine(place, Path.GetFileName(built)), overwrite: true);
            assembly.CompileText(file, before, after, Path.Combine(place, "Replay.Replayer.dll"));
            var suite = new Suite(Path.Combine(place, $"Replay.{Project}.dll"), 0, type => type.EndsWith("." + wanted, StringComparison.Ordinal));
            var noticing = suite.Tests.Where(test => test.Run() is not null).Select(test => test.Name).ToList();
            survived += noticing.Count == 0 ? 1 : 0;
            Console.WriteLine($"{(noticing.Count == 0 ? "SURVIVED" : "killed  ")} {name}: {noticing.FirstOrDefault() ?? wanted}");
        }

        return survived == 0 ? 0 : 1;
    }
}
