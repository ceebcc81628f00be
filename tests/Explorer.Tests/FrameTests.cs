using System.Globalization;

namespace Replay.Explorer.Tests;

/// <summary>
/// What the page does for each thing that its user does: counted, so that it keeps to a frame on any machine. How long that takes is printed, in processor
/// time, as docs/performance.md has it; REPLAY_EXPLORER=URL asks a running explorer, with runs named ept and shadow, and nothing is held against numbers then.
/// </summary>
public sealed class FrameTests(BootFixture boot) : IClassFixture<BootFixture>
{
    private const int Times = 11;

    [Fact]
    public void What_follows_the_hand_asks_nothing_and_a_step_asks_and_draws_little()
    {
        var outside = Environment.GetEnvironmentVariable("REPLAY_EXPLORER");
        using var browser = Browser.Start(outside is { Length: > 0 } ? new Uri(outside) : boot.Server.Address);
        browser.Resize(1400, 900);
        var answers = new List<(string What, double Milliseconds, double Requests, double Elements)>();

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

        foreach (var (what, milliseconds, requests, elements) in answers)
            TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-40} {milliseconds,6:0.0} ms {requests,5:0.0} requests {elements,7:0} elements"));
        if (outside is { Length: > 0 })
            return;
        Assert.All(answers, answer =>
        {
            // Now and then the page asks by itself whether its database has grown.
            var (requests, elements) = answer.What.Contains("pointer", StringComparison.Ordinal) ? (0.5, 30) : (5, 1500);
            Assert.True(answer.Requests <= requests, $"{answer.What}: {answer.Requests} requests");
            Assert.True(answer.Elements <= elements, $"{answer.What}: {answer.Elements} elements");
        });

        void Measure(string what, double driving, Action<int> act)
        {
            browser.CountWork();
            browser.Work();
            browser.CountWork();
            var milliseconds = Math.Max(0, Median(act) - driving);
            var (requests, elements) = browser.Work();
            answers.Add((what, milliseconds, (double)requests / Times, (double)elements / Times));
        }

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
