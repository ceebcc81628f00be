using Replay.Recorder.Ftrace;

namespace Replay.Recorder.Tests.Ftrace;

/// <summary>A binary trace is read through the tool that makes text of it; what the tool says at its end counts.</summary>
public sealed class ConvertedStreamTests
{
    [Fact]
    public void A_tool_that_ends_well_is_the_text()
    {
        using var stream = Shell("printf 'one line'");
        using var reader = new StreamReader(stream);
        Assert.Equal("one line", reader.ReadToEnd());
    }

    [Fact]
    public void A_tool_that_fails_at_once_is_told_with_its_words()
    {
        using var stream = Shell("echo no such event >&2; exit 1");
        var error = Assert.Throws<RecorderException>(() => stream.ReadByte());
        Assert.Equal((RecorderFailure.BadInput, "x.dat: 'tool report x.dat' failed: no such event"), (error.Failure, error.Message));
    }

    /// <summary>A trace whose end the tool could not read is no shorter trace.</summary>
    [Fact]
    public void A_tool_that_fails_after_some_text_is_not_taken_for_the_end()
    {
        using var stream = Shell("printf 'one line'; echo bad page >&2; exit 3");
        using var text = new MemoryStream();
        var error = Assert.Throws<RecorderException>(() => stream.CopyTo(text));
        Assert.Equal(8, text.Length);
        Assert.Contains("failed behind 8 bytes of text", error.Message, StringComparison.Ordinal);
        Assert.Contains("bad page", error.Message, StringComparison.Ordinal);
        Assert.Contains("'tool report x.dat > trace.txt' first", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tool_that_is_not_there_is_told_with_the_way_round()
    {
        var error = Assert.Throws<RecorderException>(() => ConvertedStream.Open("x.dat", "a file of tool", "tool report x.dat", "replay-has-no-such-tool", []));
        Assert.Equal("x.dat: a file of tool, and replay-has-no-such-tool is not here to make text of it. Where it was recorded, 'tool report x.dat > trace.txt' does.", error.Message);
    }

    private static ConvertedStream Shell(string script) => ConvertedStream.Open("x.dat", "a file of tool", "tool report x.dat", "sh", ["-c", script]);
}
