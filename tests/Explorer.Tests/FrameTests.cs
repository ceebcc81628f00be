using System.Globalization;

namespace Replay.Explorer.Tests;

/// <summary>
/// What the page itself takes for each thing that its user does, in processor time, so that a busy machine changes nothing. REPLAY_EXPLORER=URL asks a running
/// explorer instead, with runs named ept and shadow, as docs/performance.md has it.
/// </summary>
public sealed class FrameTests(BootFixture boot) : IClassFixture<BootFixture>
{
    private const double FrameMilliseconds = 1000.0 / 60;
    private const int Times = 40;

    [Fact]
    public void A_page_draws_within_a_frame()
    {
        var outside = Environment.GetEnvironmentVariable("REPLAY_EXPLORER");
        using var browser = Browser.Start(outside is { Length: > 0 } ? new Uri(outside) : boot.Server.Address);
        browser.Resize(1400, 900);
        var answers = new List<(string What, double Milliseconds)>();

        browser.Open("/timeline?run=ept&vs=shadow&at=1245");
        Measure("timeline: the pointer over a lane", i => browser.Point(".lane .u-over", 0.1 + (0.8 * i / Times), 0.5));
        Measure("timeline: the cursor on by an event", _ => browser.Press("j"));
        Measure("timeline: closer, and out again", i => browser.Press(i % 20 < 10 ? "+" : "-"));
        browser.Press("0", "+", "+", "+");
        Measure("timeline: along", i => browser.Press(i % 10 < 5 ? OpenQA.Selenium.Keys.ArrowRight : OpenQA.Selenium.Keys.ArrowLeft));

        browser.Open("/tables?run=ept&at=1245");
        Measure("tables: on by an event", _ => browser.Press("j"));
        browser.Open("/tables?run=ept&vs=shadow&at=1245");
        Measure("tables of two runs: on by an event", _ => browser.Press("j"));

        browser.Open("/memory?run=ept");
        Measure("memory: the pointer over the picture", i => browser.Point("canvas.map", 0.2 + (0.6 * i / Times), 0.3));
        Measure("memory: to the next cell", _ => browser.Press(OpenQA.Selenium.Keys.ArrowRight));
        Measure("memory: on by an event", _ => browser.Press("j"));

        browser.Open("/why?run=ept&vs=shadow&at=1245");
        Measure("why: on by an event", _ => browser.Press("j"));
        browser.CheckQuiet();

        foreach (var (what, milliseconds) in answers)
            TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-40} {milliseconds,6:0.0} ms"));
        Assert.All(answers, answer => Assert.True(answer.Milliseconds <= FrameMilliseconds, string.Create(CultureInfo.InvariantCulture, $"{answer.What}: {answer.Milliseconds:0.0} ms")));

        // What waiting for the page costs it is not the page's own.
        void Measure(string what, Action<int> act)
        {
            browser.Idle();
            var before = browser.PageTime();
            for (var i = 0; i < Times; i++)
                browser.Idle();
            var idle = browser.PageTime() - before;
            for (var i = 0; i < Times; i++)
            {
                act(i);
                browser.Idle();
            }

            answers.Add((what, (browser.PageTime() - before - (2 * idle)).TotalMilliseconds / Times));
        }
    }
}
