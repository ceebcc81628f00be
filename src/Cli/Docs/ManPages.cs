using System.CommandLine;
using System.Text;
using Replay.Cli.Replaying;

namespace Replay.Cli.Docs;

/// <summary>Makes manual pages from the tree of verbs: <c>replay.1</c>, and one for each verb.</summary>
internal static class ManPages
{
    /// <summary>The pages by file name.</summary>
    public static IEnumerable<(string File, string Text)> All(RootCommand root)
    {
        var verbs = Verbs(root).ToList();
        yield return ("replay.1", Program(root, verbs));
        foreach (var verb in verbs)
            yield return ($"{PageName(verb, root)}.1", Verb(verb, root));
    }

    private static IEnumerable<VerbCommand> Verbs(Command command) =>
        command.Subcommands.Where(child => !child.Hidden).SelectMany(child => child is VerbCommand verb ? [verb] : Verbs(child));

    private static string PageName(Command command, RootCommand root) => CommandLine.Path(command, root).Replace(' ', '-');

    private static string Program(RootCommand root, IReadOnlyList<VerbCommand> verbs)
    {
        var page = new Roff("replay", root.Description!);
        page.Section("SYNOPSIS").Line($".B replay\n.I VERB\n[\\fIOPTIONS\\fR]");
        page.Section("DESCRIPTION").Text(root.Description!).Line(".PP")
            .Text("Data goes to standard output; progress, warnings and errors to standard error. Nothing prompts; overwriting needs --force.");
        page.Section("VERBS");
        foreach (var verb in verbs)
            page.Item($"\\fB{Escape(CommandLine.Path(verb, root))}\\fR", verb.Description!);
        page.Section("OPTIONS");
        foreach (var option in root.Options.Where(option => !option.Hidden))
            page.Item(Names(option), option.Description ?? "");
        Common(page);
        page.Section("SEE ALSO").Line(string.Join(",\n", verbs.Select(verb => $"\\fB{Escape(PageName(verb, root))}\\fR(1)")));
        return page.ToString();
    }

    private static string Verb(VerbCommand verb, RootCommand root)
    {
        var path = CommandLine.Path(verb, root);
        var page = new Roff(PageName(verb, root), verb.Description!);
        page.Section("SYNOPSIS").Line($".B {Escape(path)}");
        foreach (var argument in verb.Arguments.Where(argument => !argument.Hidden))
            page.Line(argument.Arity.MinimumNumberOfValues == 0 ? $"[\\fI{Escape(argument.Name)}\\fR]" : $"\\fI{Escape(argument.Name)}\\fR");
        page.Line("[\\fIOPTIONS\\fR]");
        page.Section("DESCRIPTION").Text(verb.Description!);
        foreach (var argument in verb.Arguments.Where(argument => !argument.Hidden))
            page.Item($"\\fI{Escape(argument.Name)}\\fR", argument.Description ?? "");
        page.Section("OPTIONS");
        foreach (var option in verb.Options.Concat(root.Options.Where(option => option.Recursive)).Where(option => !option.Hidden))
            page.Item(Names(option), option.Description ?? "");
        if (verb.Examples.Count > 0)
            page.Section("EXAMPLES");
        foreach (var example in verb.Examples)
            page.Item($"\\fB{Escape(example.Command)}\\fR", example.Purpose);
        Common(page);
        page.Section("SEE ALSO").Line("\\fBreplay\\fR(1)");
        return page.ToString();
    }

    private static void Common(Roff page)
    {
        page.Section("EXIT STATUS");
        foreach (var (code, meaning) in HelpFacts.ExitCodes)
            page.Item($"\\fB{code}\\fR", Plain(meaning));
        page.Section("ENVIRONMENT");
        foreach (var (name, meaning) in HelpFacts.Environment)
            page.Item($"\\fB{Escape(name)}\\fR", Plain(meaning));
    }

    private static string Names(Option option)
    {
        var names = string.Join(", ", option.Aliases.Prepend(option.Name).Select(name => $"\\fB{Escape(name)}\\fR"));
        return option.ValueType == typeof(bool) || option.Name is "--help" or "--version" ? names : $"{names} \\fI{Escape(option.HelpName ?? "VALUE")}\\fR";
    }

    private static string Plain(string text) => text.Replace("`", "", StringComparison.Ordinal);

    /// <summary>Text as roff takes it: a backslash, a hyphen that stays one, a quote that begins no request.</summary>
    private static string Escape(string text)
    {
        var escaped = text.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal).Replace("'", "\\(aq", StringComparison.Ordinal);
        return escaped.StartsWith('.') ? "\\&" + escaped : escaped;
    }

    private sealed class Roff
    {
        private readonly StringBuilder _text = new();

        public Roff(string name, string description)
        {
            Line($".TH {name.ToUpperInvariant()} 1 \"\" \"{ToolVersion.Text}\" \"Replay\"");
            Section("NAME").Line($"{Escape(name)} \\- {Escape(description.TrimEnd('.'))}");
        }

        public Roff Section(string name) => Line($".SH \"{name}\"");

        public Roff Text(string text) => Line(Escape(text));

        public Roff Item(string head, string text) => Line(".TP").Line(head).Text(text);

        public Roff Line(string line)
        {
            _text.Append(line).Append('\n');
            return this;
        }

        public override string ToString() => _text.ToString();
    }
}
