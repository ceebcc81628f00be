using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Emit;

namespace Replay.Mutants;

/// <summary>Replay.Replayer.dll, compiled with mutants behind a switch: Mutant.Active is the number of the one that is on.</summary>
internal sealed class MutantAssembly
{
    private const string Annotation = "mutant";
    private const string Switch = """
        namespace Replay.Mutants;
        internal static class Mutant
        {
            public static int Active = -1;
            public static bool Hit;
            public static byte[]? Reached;
            public static bool Is(int mutant)
            {
                if (Reached is { } reached)
                    reached[mutant] = 1;
                if (mutant != Active)
                    return false;
                Hit = true;
                return true;
            }
        }
        """;

    private readonly CSharpCompilation _original;
    private readonly Dictionary<string, SyntaxTree> _trees = new(StringComparer.Ordinal);

    /// <param name="source">src/Replayer.</param>
    /// <param name="built">A folder with what it was built to and its references.</param>
    /// <param name="generated">Where the build put the sources it made itself.</param>
    public MutantAssembly(string source, string built, string generated)
    {
        var options = new CSharpParseOptions(LanguageVersion.Latest);
        var files = Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Concat(Directory.EnumerateFiles(generated, "*.cs", SearchOption.TopDirectoryOnly).Order(StringComparer.Ordinal));
        foreach (var file in files)
            _trees.Add(Path.GetRelativePath(source, file), CSharpSyntaxTree.ParseText(File.ReadAllText(file), options, file, Encoding.UTF8));
        _trees.Add("Mutant.cs", CSharpSyntaxTree.ParseText(Switch, options, "Mutant.cs", Encoding.UTF8));
        var platform = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetDirectoryName(path) == Path.GetDirectoryName(typeof(object).Assembly.Location));
        var references = platform.Append(Path.Combine(built, "Replay.Trace.dll")).Append(Path.Combine(built, "System.IO.Hashing.dll"));
        _original = CSharpCompilation.Create("Replay.Replayer", _trees.Values, references.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, allowUnsafe: true, deterministic: true, nullableContextOptions: NullableContextOptions.Enable));
    }

    /// <summary>All that could be changed in some folders.</summary>
    public List<Candidate> Find(IReadOnlyCollection<string> folders)
    {
        var found = new List<Candidate>();
        foreach (var (file, tree) in _trees)
        {
            if (!folders.Contains(file.Split('/')[0]))
                continue;
            var finder = new CandidateFinder(file, _original.GetSemanticModel(tree));
            finder.Visit(tree.GetRoot());
            found.AddRange(finder.Found);
        }

        return found;
    }

    /// <summary>A sample that stays nearly the same when the sources change: candidates in order of a hash of their names and the seed.</summary>
    public static List<Candidate> InRandomOrder(IEnumerable<Candidate> candidates, int seed) => [.. candidates
        .Select(candidate => (Candidate: candidate, Place: Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{seed} {candidate.Key}")))))
        .OrderBy(pair => pair.Place, StringComparer.Ordinal).Select(pair => pair.Candidate)];

    /// <summary>Compiles with mutants.</summary>
    /// <param name="mutants">By their place, which is their number. Those that do not compile are set to null.</param>
    /// <param name="output">The file to write.</param>
    public void Compile(Candidate?[] mutants, string output)
    {
        for (var round = 0; round < 20; round++)
        {
            var compilation = _original;
            var now = new Dictionary<SyntaxTree, string>();
            foreach (var group in mutants.Select((mutant, number) => (mutant, number)).Where(pair => pair.mutant is not null).GroupBy(pair => pair.mutant!.File, StringComparer.Ordinal))
            {
                var tree = _trees[group.Key];
                var rewriter = new Rewriter(group.Select(pair => (pair.mutant!, pair.number)));
                var mutated = tree.WithRootAndOptions(rewriter.Visit(tree.GetRoot())!, tree.Options);
                compilation = compilation.ReplaceSyntaxTree(tree, mutated);
                now[mutated] = group.Key;
            }

            var result = Emit(compilation, output);
            if (result.Success)
                return;
            var before = mutants.Count(mutant => mutant is not null);
            foreach (var error in result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error))
                Refuse(error, mutants);
            if (mutants.Count(mutant => mutant is not null) == before)
                throw new InvalidOperationException($"does not compile, with or without mutants: {result.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)}");
        }

        throw new InvalidOperationException("does not compile after 20 rounds");
    }

    /// <summary>Compiles a file with one piece of its text replaced.</summary>
    public void CompileText(string file, string before, string after, string output)
    {
        var tree = _trees[file];
        var text = tree.ToString();
        var at = text.IndexOf(before, StringComparison.Ordinal);
        if (at < 0 || text.IndexOf(before, at + 1, StringComparison.Ordinal) >= 0)
            throw new InvalidOperationException($"{file} does not have '{before}' once");
        var mutated = CSharpSyntaxTree.ParseText(text.Replace(before, after, StringComparison.Ordinal), (CSharpParseOptions)tree.Options, tree.FilePath, Encoding.UTF8);
        var result = Emit(_original.ReplaceSyntaxTree(tree, mutated), output);
        if (!result.Success)
            throw new InvalidOperationException($"{file} does not compile with '{after}': {result.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)}");
    }

    private static EmitResult Emit(CSharpCompilation compilation, string output)
    {
        using var file = File.Create(output);
        return compilation.Emit(file, options: new EmitOptions(debugInformationFormat: DebugInformationFormat.Embedded));
    }

    private static void Refuse(Diagnostic error, Candidate?[] mutants)
    {
        if (error.Location.SourceTree is not { } tree)
            return;
        var node = tree.GetRoot().FindNode(error.Location.SourceSpan, getInnermostNodeForTie: true);
        var blamed = node.AncestorsAndSelf().SelectMany(Numbers).ToList();
        // An error beside all mutants comes from one of the same member: a variable that is no longer surely assigned.
        if (blamed.Count == 0)
            blamed = [.. (node.AncestorsAndSelf().OfType<MemberDeclarationSyntax>().FirstOrDefault() ?? node).DescendantNodesAndSelf().SelectMany(Numbers)];
        foreach (var number in blamed)
            mutants[number] = null;

        static IEnumerable<int> Numbers(SyntaxNode node) => node.GetAnnotations(Annotation).Select(annotation => int.Parse(annotation.Data!, CultureInfo.InvariantCulture));
    }

    private sealed class Rewriter(IEnumerable<(Candidate Mutant, int Number)> mutants) : CSharpSyntaxRewriter
    {
        private readonly ILookup<SyntaxNode, (Candidate Mutant, int Number)> _mutants = mutants.ToLookup(pair => pair.Mutant.Node, pair => pair);

        public override SyntaxNode? Visit(SyntaxNode? node)
        {
            var inner = base.Visit(node);
            if (node is null || inner is null)
                return inner;
            var all = inner;
            foreach (var (mutant, number) in _mutants[node])
                all = mutant.Mutate(inner, SyntaxFactory.ParseExpression($"global::Replay.Mutants.Mutant.Is({number})"), all).WithAdditionalAnnotations(new SyntaxAnnotation(Annotation, number.ToString(CultureInfo.InvariantCulture)));
            return all;
        }
    }
}
