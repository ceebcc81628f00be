using System.Globalization;

namespace Replay.Explorer.Tests;

/// <summary>
/// What the page itself takes for each thing that its user does, in processor time, so that a busy machine changes nothing. REPLAY_EXPLORER=URL asks a running
/// explorer instead, with runs named ept and shadow, as docs/performance.md has it.
/// </summary>
public sealed class FrameTests(BootFixture boot) : IClassFixture<BootFixture>
{
    private const double FrameMilliseconds = 1000.0 / 60;
    private const double AtOnceMilliseconds = 100;
    private const int Times = 11;

    [Fact]
    public void What_follows_the_hand_takes_a_frame_at_most_and_a_step_comes_at_once()
    {
        var outside = Environment.GetEnvironmentVariable("REPLAY_EXPLORER");
        using var browser = Browser.Start(outside is { Length: > 0 } ? new Uri(outside) : boot.Server.Address);
        browser.Resize(1400, 900);
        var answers = new List<(string What, double Milliseconds)>();

        // What driving the browser costs its page is not the page's own.
        browser.Open("/timeline?run=ept&vs=shadow&at=1245");
        var pointing = Median(_ => browser.Point(".brand", 0.5, 0.5));
        var pressing = Median(_ => browser.Press("z"));

        Measure("timeline: the pointer over a lane", pointing, i => browser.Point(".lane .u-over", 0.1 + (0.8 * i / Times), 0.5));
        Measure("timeline: the cursor on by an event", pressing, _ => browser.Press("j"));
        browser.Press("+", "+", "+", "+", "+", "+");
        Measure("timeline: closer, and out again", pressing, i => browser.Press(i % 4 < 2 ? "+" : "-"));
        Measure("timeline: along", pressing, i => browser.Press(i % 4 < 2 ? OpenQA.Selenium.Keys.ArrowRight : OpenQA.Selenium.Keys.ArrowLeft));

        browser.Open("/tables?run=ept&at=1245");
        Measure("tables: on by an event", pressing, _ => browser.Press("j"));
        browser.Open("/tables?run=ept&vs=shadow&at=1245");
        Measure("tables of two runs: on by an event", pressing, _ => browser.Press("j"));

        browser.Open("/memory?run=ept&at=1245");
        Measure("memory: the pointer over the picture", pointing, i => browser.Point("canvas.map", 0.2 + (0.6 * i / Times), 0.3));
        Measure("memory: to the next cell", pressing, _ => browser.Press(OpenQA.Selenium.Keys.ArrowRight));
        Measure("memory: on by an event", pressing, _ => browser.Press("j"));

        browser.Open("/why?run=ept&vs=shadow&at=1245");
        Measure("why: on by an event", pressing, _ => browser.Press("j"));
        browser.CheckQuiet();

        foreach (var (what, milliseconds) in answers)
            TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-40} {milliseconds,6:0.0} ms"));
        // What follows the hand keeps to a frame; what a key asks for comes at once, as a person sees it, on a machine with other work too.
        Assert.All(answers, answer => Assert.True(
            answer.Milliseconds <= (answer.What.Contains("pointer", StringComparison.Ordinal) || answer.What.Contains("cell", StringComparison.Ordinal) ? FrameMilliseconds : AtOnceMilliseconds),
            string.Create(CultureInfo.InvariantCulture, $"{answer.What}: {answer.Milliseconds:0.0} ms")));

        void Measure(string what, double driving, Action<int> act) => answers.Add((what, Math.Max(0, Median(act) - driving)));

        double Median(Action<int> act)
        {
            var times = new List<double>();
            for (var i = 0; i < Times; i++)
            {
                browser.Idle();
                var before = browser.PageTime();
                act(i);
                browser.Idle();
                times.Add((browser.PageTime() - before).TotalMilliseconds);
            }

            times.Sort();
            return times[Times / 2];
        }
    }
}
