using OpenQA.Selenium;

namespace Replay.Explorer.Tests;

/// <summary>The pages in a real browser: by keyboard alone, narrow and wide, light and dark.</summary>
public sealed class BrowserTests(BootFixture boot) : IClassFixture<BootFixture>
{
    private static readonly (string Name, string Address, string Shows)[] Views =
    [
        ("timeline", "/timeline?run=ept&vs=shadow&at=1245", "Table writes"),
        ("tables", "/tables?run=ept&vs=shadow&at=149", "EPTP"),
        ("why", "/why?run=ept&vs=shadow&at=14", "Here they part"),
        ("memory", "/memory?run=ept&gfn=0x2a16", "mmu_set_spte"),
        ("queries", "/queries?run=ept&q=timeline&plot=", "20 rows"),
        ("compare", "/compare?run=ept&vs=shadow", "Where they part"),
    ];

    [Fact]
    public void Who_has_never_seen_it_finds_the_access_behind_an_entry_and_why_two_modes_part_by_keyboard_alone()
    {
        using var browser = Browser.Start(boot.Server.Address);
        browser.Resize(1400, 900);
        browser.Open("/");
        browser.See("Table writes");

        browser.Press("?");
        browser.See("find an address, a frame, an event, a query");
        browser.Press(Keys.Escape);

        browser.Press("g", "110", Keys.Enter);
        browser.SeeAddress("at=110");

        // Which access caused the entry of this frame? Its name is all that is known.
        browser.Press("/", "gfn 0x2a10");
        browser.See("What changed gfn 0x2a10");
        browser.Press(Keys.Enter);
        browser.See("gfn 0x2a10");
        browser.See("mmu_set_spte");
        browser.Press("w");
        browser.SeeAddress("/why?");
        browser.SeeAddress("at=105");
        browser.See("EPT_VIOLATION");
        browser.See("reads 8 bytes at 0x2a15ff0");
        browser.See("from the instruction at 0x100047f");
        browser.See("direct_pte_prefetch");

        // Why do two modes part?
        browser.Press("b");
        browser.SeeAddress("vs=shadow");
        browser.Press("n");
        browser.See("Here they part");

        // And what was the table like, before and behind it?
        browser.Press("2");
        browser.SeeAddress("/tables?");
        browser.See("this event");
        var before = browser.Address;
        browser.Press("k");
        Assert.NotEqual(before, browser.Address);
        browser.Press("j");
        browser.SeeAddress("/tables?");
        browser.CheckQuiet();
    }

    [Fact]
    public void The_timeline_is_zoomed_and_walked_by_keys()
    {
        using var browser = Browser.Start(boot.Server.Address);
        browser.Resize(1400, 900);
        browser.Open("/timeline?run=ept&vs=shadow");
        browser.Press("j");
        browser.SeeAddress("at=14");
        for (var i = 0; i < 18; i++)
            browser.Press("+");
        browser.SeeAddress("from=");
        browser.Press(Keys.ArrowRight, "-", "l", "v");
        browser.See("vCPU 0");
        browser.Press("0");
        Assert.DoesNotContain("from=", browser.Address, StringComparison.Ordinal);
        browser.Press("e", "E", "J", "K");
        browser.CheckQuiet();
    }

    [Fact]
    public void Steps_begin_in_the_part_of_the_run_that_is_shown_and_take_it_along()
    {
        using var browser = Browser.Start(boot.Server.Address);
        browser.Resize(1400, 900);
        browser.Open("/timeline?run=ept&from=1200&to=1300");
        browser.Press("j");
        browser.SeeAddress("at=1245");
        browser.SeeAddress("from=1200");
        browser.Press("g", "110", Keys.Enter);
        browser.SeeAddress("at=110");
        browser.SeeAddress("from=60&to=160");
        browser.CheckQuiet();
    }

    [Fact]
    public void A_step_leaves_the_tables_where_they_are_and_draws_the_entries_that_it_changed()
    {
        using var browser = Browser.Start(boot.Server.Address);
        browser.Resize(1400, 900);
        browser.Open("/tables?run=ept&at=20&gpa=0x2a1a000");
        browser.See("8 writes at this event");
        browser.Evaluate<long>("[...document.querySelectorAll('.table, .entry')].forEach(element => element.dataset.stays = 'yes') ?? 1");
        var lit = browser.Evaluate<long>("document.querySelectorAll('.entry.lit').length");
        Assert.Equal(8, lit);
        browser.Press("j");
        browser.SeeAddress("at=31");
        browser.See("1 write at this event");
        browser.Until(() => browser.Evaluate<long>("document.querySelectorAll('.entry.lit').length") == 0);
        Assert.Equal(4, browser.Evaluate<long>("document.querySelectorAll('.table[data-stays]').length"));
        Assert.Equal(8, browser.Evaluate<long>("document.querySelectorAll('.entry:not([data-stays])').length"));
        browser.CheckQuiet();
    }

    [Fact]
    public void An_address_that_is_found_before_any_access_shows_where_it_is_leads_to_the_first_that_does()
    {
        using var browser = Browser.Start(boot.Server.Address);
        browser.Resize(1400, 900);
        browser.Open("/tables?run=ept&vs=shadow&at=14");
        browser.Press("/", "0xffffffff81003000");
        browser.See("Tables for gva 0xffffffff81003000");
        browser.Press(Keys.Enter);
        browser.SeeAddress("gva=0xffffffff81003000");
        browser.See("Up to event 14 no access shows where the page of gva 0xffffffff81003000 is in guest-physical memory.");
        browser.Click(".tree .empty a.event");
        browser.SeeAddress("at=1247");
        browser.See("PT T");
        Assert.DoesNotContain("no access shows", browser.Text, StringComparison.Ordinal);
        browser.CheckQuiet();
    }

    [Fact]
    public void It_plays_from_event_to_event_until_it_is_stopped_or_the_run_ends()
    {
        using var browser = Browser.Start(boot.Server.Address);
        browser.Resize(1400, 900);
        browser.Open("/tables?run=ept&at=14");
        browser.Press(" ");
        browser.See("pause");
        browser.Until(() => browser.Evaluate<long>("Number(new URLSearchParams(location.search).get('at'))") > 40);
        browser.Press(" ");
        browser.Until(() => browser.Evaluate<bool>("document.querySelector('[data-play]').textContent === 'play'"));
        var stopped = browser.Address;
        Thread.Sleep(700);
        Assert.Equal(stopped, browser.Address);

        browser.Open("/tables?run=ept&at=999999999");
        browser.Press(" ");
        browser.See("There is no event behind this one.");
        browser.Until(() => browser.Evaluate<bool>("document.querySelector('[data-play]').textContent === 'play'"));
        browser.CheckQuiet();
    }

    /// <summary>The page that is kept or sent: on a telephone, in both themes, with its anchors and its links into the explorer.</summary>
    [Theory]
    [InlineData(420, false)]
    [InlineData(420, true)]
    [InlineData(1400, false)]
    public void The_report_of_a_comparison_fits_and_leads_on(int width, bool isDark)
    {
        const string Address = "/report.html?run=ept&vs=shadow";
        using var browser = Browser.Start(boot.Server.Address);
        browser.Resize(width, 900, isDark);
        browser.Visit(Address);
        browser.See("Where they first part");
        Keep(browser, "report", width, isDark);
        Assert.True(browser.Evaluate<int>("document.scrollingElement.scrollWidth") <= width, $"the report is wider than {width} pixels");
        // Letters in a chart are as large on the screen as a person reads.
        Assert.True(browser.Evaluate<double>(
            "Math.min(...[...document.querySelectorAll('svg text')].filter(text => text.getClientRects().length && text.closest('svg').clientWidth > 0)"
            + ".map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))") >= 9);
        Assert.NotEqual(0, browser.Evaluate<int>("[...document.querySelectorAll('svg')].filter(svg => svg.clientWidth > 0).length"));

        var anchor = browser.Evaluate<string>("document.querySelectorAll('details.event')[70].id");
        Assert.False(browser.Evaluate<bool>($"document.getElementById('{anchor}').closest('details.page').open"));
        browser.Visit($"{Address}#{anchor}");
        browser.Until(() => browser.Evaluate<bool>($"(() => {{ const place = document.getElementById('{anchor}').getBoundingClientRect(); return place.height > 0 && place.top >= 0 && place.top < innerHeight; }})()"));
        browser.Visit(Address);
        browser.Click("#parts .links a");
        browser.SeeAddress("/why?run=ept&vs=shadow&at=14");
        browser.See("Here they part");
        browser.CheckQuiet();
    }

    [Fact]
    public void SQL_is_written_and_run_and_its_mistakes_are_told()
    {
        using var browser = Browser.Start(boot.Server.Address);
        browser.Resize(1400, 900);
        browser.Open("/queries?run=ept");
        browser.Press("i");
        browser.Press("select count(*) as n, '<b>bold</b>' as name from table_write where run = 1");
        browser.Chord(Keys.Control, Keys.Enter);
        browser.See("1 row");
        browser.See("<b>bold</b>");
        Assert.Equal(0, browser.Evaluate<int>("document.querySelectorAll('td b').length"));
        browser.CheckQuiet();
        browser.Open("/queries?run=ept&sql=select+levle+from+table_write");
        browser.See("no such column: levle");
    }

    [Theory]
    [InlineData(400, 900, false)]
    [InlineData(400, 900, true)]
    [InlineData(1400, 900, false)]
    [InlineData(1400, 900, true)]
    public void Every_view_fits_and_is_quiet(int width, int height, bool isDark)
    {
        using var browser = Browser.Start(boot.Server.Address);
        browser.Resize(width, height, isDark);
        foreach (var (name, address, shows) in Views)
        {
            browser.Open(address);
            browser.See(shows);
            Assert.True(browser.Evaluate<int>("document.scrollingElement.scrollWidth") <= width, $"{name} is wider than {width} pixels");
            Assert.True(browser.Evaluate<bool>("document.querySelector('.tabs').scrollWidth <= document.querySelector('.tabs').clientWidth"), $"{name}: not every view's name is in sight at {width} pixels");
            var ground = browser.Evaluate<string>("getComputedStyle(document.documentElement).backgroundColor");
            Assert.Equal(isDark ? "rgb(18, 22, 28)" : "rgb(246, 247, 249)", ground);
            Keep(browser, name, width, isDark);
        }

        browser.CheckQuiet();
    }

    /// <summary>The pictures in the documentation are of these very pages: REPLAY_SCREENSHOTS names the folder to put them in.</summary>
    private static void Keep(Browser browser, string name, int width, bool isDark)
    {
        if (Environment.GetEnvironmentVariable("REPLAY_SCREENSHOTS") is not { Length: > 0 } folder)
            return;
        Directory.CreateDirectory(folder);
        browser.Save(Path.Combine(folder, $"explorer-{name}{(width < 600 ? "-narrow" : "")}{(isDark ? "-dark" : "")}.png"));
    }
}
