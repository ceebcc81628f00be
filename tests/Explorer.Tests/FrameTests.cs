using System.Globalization;

namespace Replay.Explorer.Tests;

/// <summary>
/// What the page does for each thing that its user does: counted, so that it keeps to a frame on any machine. How many frames a second are shown while a key is
/// held is printed, as docs/performance.md has it; REPLAY_EXPLORER=URL asks a running explorer, with runs named ept and shadow, and nothing is held against
/// numbers then.
/// </summary>
public sealed class FrameTests(BootFixture boot) : IClassFixture<BootFixture>
{
    private const int Times = 11;

    [Fact]
    public void What_follows_the_hand_asks_nothing_and_a_step_asks_and_draws_little()
    {
        var outside = Environment.GetEnvironmentVariable("REPLAY_EXPLORER") is { Length: > 0 } url ? new Uri(url) : null;
        using var browser = Browser.Start(outside ?? boot.Server.Address);
        browser.Resize(1400, 900);

        browser.Open("/timeline?run=ept&vs=shadow&at=1245");
        Point("timeline: the pointer over a lane", ".lane .u-over");
        Press("timeline: the cursor on by an event", "j");
        browser.Press("+", "+", "+", "+", "+", "+");
        Press("timeline: closer, and out again", "+", "+", "-", "-");
        Press("timeline: along", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft");

        browser.Open("/tables?run=ept&at=1245");
        Press("tables: on by an event", "j");
        browser.Open("/tables?run=ept&vs=shadow&at=1245");
        Press("tables of two runs: on by an event", "j");

        browser.Open("/memory?run=ept&at=1245");
        Point("memory: the pointer over the picture", "canvas.map");
        Press("memory: to the next cell", "ArrowRight");
        Press("memory: on by an event", "j");

        browser.Open("/why?run=ept&vs=shadow&at=1245");
        Press("why: on by an event", "j");
        browser.CheckQuiet();

        // Now and then the page asks by itself whether its database has grown.
        void Point(string what, string element) => Measure(what, Times, 0.5, 30, i => browser.Point(element, 0.1 + (0.8 * i / Times), 0.4));

        void Press(string what, params string[] keys) => Measure(what, outside is null ? Times : 120, 5, 1500, i => browser.Strike(keys[i % keys.Length]));

        void Measure(string what, int held, double mostRequests, double mostElements, Action<int> act)
        {
            browser.CountWork();
            for (var i = 0; i < Times; i++)
            {
                act(i);
                browser.Settle();
            }

            var (requests, elements) = browser.Work();
            var (rate, longest) = browser.Frames(held, act);
            TestContext.Current.TestOutputHelper!.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{what,-40} {(double)requests / Times,5:0.0} requests {(double)elements / Times,7:0} elements {rate,5:0.0} frames a second, at most {longest:0.0} ms from one to the next"));
            Assert.True(outside is not null || requests <= mostRequests * Times, $"{what}: {requests} requests for {Times}");
            Assert.True(outside is not null || elements <= mostElements * Times, $"{what}: {elements} elements for {Times}");
        }
    }
}
