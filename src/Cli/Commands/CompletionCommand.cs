using System.CommandLine;
using Replay.Cli.Terminal;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Prints what makes a shell complete verbs and options: the program itself is asked, so that no list can grow old.</summary>
internal sealed class CompletionCommand : VerbCommand
{
    private static readonly Dictionary<string, string> Scripts = new(StringComparer.Ordinal)
    {
        ["bash"] =
            """
            _replay() {
                local IFS=$'\n'
                COMPREPLY=($(replay "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null | grep -F -- "${COMP_WORDS[COMP_CWORD]}"))
                # Nothing of ours: a file.
                [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o filenames -F _replay replay
            """,
        ["zsh"] =
            """
            #compdef replay
            _replay() {
                local -a found
                found=("${(@f)$(replay "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
                if (( ${#found} )) && [[ -n ${found[1]} ]]; then compadd -a found; else _files; fi
            }
            compdef _replay replay
            """,
        ["fish"] =
            """
            complete -c replay -a '(set -l line (commandline -cp); replay "[suggest:"(string length -- $line)"]" "$line" 2>/dev/null)'
            """,
        // A word that begins with @ is one of PowerShell's own unless it is quoted.
        ["pwsh"] =
            """
            Register-ArgumentCompleter -Native -CommandName replay -ScriptBlock {
                param($word, $line, $position)
                $typed = "$word".Trim("'", '"')
                $before = "$line".PadRight($position).Substring(0, $position)
                if ("$word" -ne $typed) {
                    $at = $before.LastIndexOf("$word".Substring(0, 1) + $typed)
                    if ($at -ge 0) { $before = $before.Substring(0, $at) + $typed }
                }
                $found = replay "[suggest:$($before.Length)]" $before 2>$null | Where-Object { $_.StartsWith($typed) }
                $found | Sort-Object -Stable { $_.StartsWith('-') } | ForEach-Object {
                    $insert = $_.StartsWith('@') ? "'$_'" : $_
                    [System.Management.Automation.CompletionResult]::new($insert, $_, 'ParameterValue', $_)
                }
            }
            """,
    };

    private readonly Argument<string> _shell = new("SHELL") { Description = string.Join(", ", Scripts.Keys) };

    public CompletionCommand()
        : base("completion", "Print a script that makes a shell complete verbs and options.")
    {
        _shell.CompletionSources.Add([.. Scripts.Keys]);
        Arguments.Add(_shell);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay completion bash", "source <(replay completion bash) in ~/.bashrc"),
        new("replay completion pwsh", "replay completion pwsh | Out-String | Invoke-Expression in $PROFILE"),
        new("replay completion fish", "its output belongs into ~/.config/fish/completions/replay.fish"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var shell = arguments.GetRequiredValue(_shell);
        if (!Scripts.TryGetValue(shell, out var script))
            throw new UsageException($"no completion for {shell}. There is {string.Join(", ", Scripts.Keys)}.{DidYouMean.Ask(shell, Scripts.Keys)}");
        console.Out.Write(script.ReplaceLineEndings("\n") + "\n");
        return Task.FromResult(ExitCode.Done);
    }
}
