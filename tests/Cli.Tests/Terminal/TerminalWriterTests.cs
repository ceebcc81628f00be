using Replay.Cli.Terminal;

namespace Replay.Cli.Tests;

/// <summary>Names that others chose cannot do anything to a terminal.</summary>
public sealed class TerminalWriterTests
{
    [Theory]
    [InlineData("plain text\n\twith tabs", "plain text\n\twith tabs")]
    [InlineData("\u001b[31mred\u001b[8mhidden\u001b[0m", "␛[31mred␛[8mhidden␛[0m")]
    [InlineData("\u001b]0;title\a", "␛]0;title␇")]
    [InlineData("\u001b[2J\u001b[1;1H", "␛[2J␛[1;1H")]
    [InlineData("over\rwritten\b\b", "over␍written␈␈")]
    [InlineData("\u009b2Jc1\u007f", "\ufffd2Jc1␡")]
    [InlineData("left\u202eright", "left\ufffdright")]
    [InlineData("\u001b", "␛")]
    [InlineData("\u001b[3", "␛[3")]
    [InlineData("Grüße 你好 🙂", "Grüße 你好 🙂")]
    public void Sequences_are_made_visible(string text, string shown)
    {
        var terminal = new StringWriter();
        var writer = new TerminalWriter(terminal);
        writer.Write(text);
        writer.Write(text.ToCharArray());
        foreach (var c in "a\ab")
            writer.Write(c);
        writer.WriteLine();
        Assert.Equal($"{shown}{shown}a␇b{Environment.NewLine}", terminal.ToString());
    }

    [Fact]
    public void Only_the_one_place_writes_to_the_terminal()
    {
        var console = CliConsole.ForProcess();
        Assert.True(console.OutIsTerminal == console.Out is TerminalWriter);
        Assert.True(console.ErrorIsTerminal == console.Error is TerminalWriter);
    }
}
