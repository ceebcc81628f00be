using OpenQA.Selenium;

namespace Replay.Explorer.Tests;

/// <summary>What each key and field of the pages does, where the focus goes, and what is said of what cannot be done.</summary>
public sealed class KeyboardTests(BootFixture boot) : IClassFixture<BootFixture>
{
    private const string Focused = "document.activeElement.outerHTML";

    [Fact]
    public void A_plot_is_switched_on_and_off_by_its_key_and_its_button()
    {
        using var browser = Open("/queries?sql=select+first_ordinal,held+from+table_memory+where+run=1+and+level=0");
        browser.See("rows");
        browser.Press("p");
        browser.SeeAddress("plot=");
        browser.Until(() => browser.Evaluate<long>("document.querySelectorAll('.results canvas').length") == 1);
        browser.Press("p");
        browser.Until(() => !browser.Address.Contains("plot=", StringComparison.Ordinal) && browser.Evaluate<long>("document.querySelectorAll('.results canvas').length") == 0);
        browser.Click(".resulthead button");
        browser.SeeAddress("plot=");
        browser.CheckQuiet();
    }

    [Fact]
    public void Why_tells_of_the_entry_that_has_the_focus_and_marks_it()
    {
        using var browser = Open("/tables?run=ept&at=16");
        browser.See("at this event");
        browser.Press(Keys.ArrowDown, Keys.ArrowRight, Keys.ArrowRight, Keys.ArrowRight, Keys.End);
        Assert.Contains("data-place=\"0-3-511\"", browser.Evaluate<string>(Focused), StringComparison.Ordinal);
        browser.Press("w");
        browser.SeeAddress("/why?run=ept&at=15&table=6&idx=511");
        browser.See("Asked about T6[511] of ept");
        Assert.Contains("T6[511]", browser.Evaluate<string>("document.querySelector('.row.asked').textContent"), StringComparison.Ordinal);
        browser.Press("j");
        browser.See("this event did not write it");
        browser.CheckQuiet();
    }

    [Fact]
    public void Why_of_a_frame_is_what_maps_it_and_not_a_bit_that_was_set_since()
    {
        using var browser = Open("/memory?run=ept&gfn=0x102");
        browser.See("gfn 0x102");
        browser.Press("w");
        browser.See("Asked about T9[258] of ept: its write is marked below");
        browser.See("none→page");
        browser.Open("/memory?run=ept&gfn=0x810");
        browser.Press("w");
        browser.See("No entry has translated gfn 0x810 up to this event.");
        // Into the history, along it, and to the story of the write before the last.
        browser.Open("/memory?run=ept&gfn=0x102");
        browser.Press("h", Keys.ArrowUp, Keys.Enter);
        browser.SeeAddress("&table=9&idx=258");
        browser.See("its write is marked below");
        browser.CheckQuiet();
    }

    [Fact]
    public void Arrows_go_on_to_the_tables_of_the_other_run_and_Tab_leaves_a_table_at_once()
    {
        using var browser = Open("/tables?run=ept&vs=shadow&at=16");
        browser.See("at this event");
        for (var i = 0; i < 5; i++)
            browser.Press(Keys.ArrowRight);
        Assert.Contains("data-place=\"1-0-", browser.Evaluate<string>(Focused), StringComparison.Ordinal);
        browser.Press(Keys.ArrowLeft);
        Assert.Contains("data-place=\"0-3-", browser.Evaluate<string>(Focused), StringComparison.Ordinal);
        Assert.True(browser.Evaluate<long>("document.querySelectorAll('.trees .entries [tabindex=\"0\"]').length") <= 8);
        browser.CheckQuiet();
    }

    [Fact]
    public void Another_reason_is_a_key_away_and_the_cursor_has_its_row_where_only_the_other_run_did_something()
    {
        using var browser = Open("/timeline?run=ept&vs=shadow");
        browser.Press("n");
        browser.SeeAddress("at=14");
        browser.Press("N");
        browser.Until(() => !browser.Address.Contains("at=14", StringComparison.Ordinal));
        browser.Open("/timeline?run=ept&vs=shadow&at=1226");
        browser.Until(() => browser.Evaluate<string>("document.querySelector('.events .here')?.textContent ?? ''").Contains("nothing", StringComparison.Ordinal));
        Assert.Contains("shadow", browser.Evaluate<string>("document.querySelector('.events .here .beside').textContent"), StringComparison.Ordinal);
        browser.CheckQuiet();
    }

    [Fact]
    public void The_fields_of_a_canned_query_and_the_SQL_box_are_a_key_away()
    {
        using var browser = Open("/queries?run=ept&q=why-gva");
        browser.See("Fill in what is marked");
        browser.Press("0xffffffff81000000", Keys.Enter);
        browser.SeeAddress("p.gva=0xffffffff81000000");
        // What is pressed next is meant for the answer, until it is meant for the form again.
        Assert.Equal("BODY", browser.Evaluate<string>("document.activeElement.tagName"));
        browser.Press("i");
        Assert.Contains("name=\"gva\"", browser.Evaluate<string>(Focused), StringComparison.Ordinal);

        browser.Open("/queries?run=ept");
        browser.Press("i", "select * from table_wr");
        browser.Until(() => browser.Evaluate<bool>("document.querySelector('.cm-tooltip-autocomplete li[aria-selected]') !== null"));
        Thread.Sleep(100);
        browser.Press(Keys.Tab);
        browser.Until(() => browser.Evaluate<string>("document.querySelector('.cm-content').textContent") == "select * from table_write");
        // The text beside a completion, too, is styled without a complaint.
        browser.Press(" where table_write.fun");
        browser.Until(() => browser.Evaluate<bool>("document.querySelector('.cm-completionInfo') !== null"));
        // What is typed over a selection is the editor's doing, not the browser's, which would style it in place.
        browser.Chord(Keys.Control, "a");
        browser.Press("select 1");
        browser.Until(() => browser.Evaluate<string>("document.querySelector('.cm-content').textContent") == "select 1");
        browser.Press(Keys.Escape, Keys.Escape);
        Assert.Equal("BODY", browser.Evaluate<string>("document.activeElement.tagName"));
        browser.CheckQuiet();
    }

    [Fact]
    public void The_keys_are_listed_from_the_first_on()
    {
        using var browser = Open("/timeline?run=ept");
        browser.Press("?");
        browser.See("find an address, a frame, an event, a query");
        Assert.Equal(0, browser.Evaluate<int>("document.querySelector('dialog').scrollTop"));
        browser.CheckQuiet();
    }

    [Fact]
    public void The_comparison_goes_along_with_the_event_at_which_the_runs_part()
    {
        using var browser = Open("/compare?run=ept&vs=shadow");
        browser.See("Where they part");
        Assert.True(browser.Evaluate<bool>("[...document.querySelectorAll('.cards .card')].every(card => card.scrollWidth <= card.clientWidth)"), "a card is wider than its place");
        browser.Press("n", "n");
        browser.SeeAddress("at=1213");
        browser.See("They part at 1,213, first at 14");
        browser.Until(() => browser.Evaluate<string>("document.querySelector('.divergence.here')?.id ?? ''") == "event-1213");
        Assert.True(browser.Evaluate<bool>("(() => { const row = document.querySelector('.divergence.here').getBoundingClientRect(); return row.top >= 0 && row.top < innerHeight; })()"));
        browser.CheckQuiet();
    }

    [Fact]
    public void Steps_that_are_pressed_faster_than_they_are_drawn_are_counted()
    {
        using var browser = Open("/tables?run=ept&at=14");
        browser.See("at this event");
        browser.Press("j", "j", "j", "j", "j", "j");
        browser.Until(() => browser.Evaluate<string>("document.querySelector('.viewhead .range a').textContent") == browser.Evaluate<string>("document.querySelector('#at').value"));
        var slowly = browser.Address;
        browser.Open("/tables?run=ept&at=14");
        browser.Press("jjjjjj");
        browser.SeeAddress(slowly);
        browser.CheckQuiet();
    }

    [Fact]
    public void The_tables_stay_with_what_is_shown()
    {
        using var browser = Open("/tables?run=ept&at=149");
        browser.See("at this event");
        // What is on the way already is opened, not gone to.
        browser.Press(Keys.ArrowDown, Keys.ArrowRight, Keys.Enter);
        browser.SeeAddress("idx=");
        Assert.DoesNotContain("gpa=", browser.Address, StringComparison.Ordinal);

        // The minimaps take part in a change of the theme.
        const string Pixel = "[...document.querySelector('canvas.strip').getContext('2d').getImageData(40, 20, 1, 1).data].join()";
        var before = browser.Evaluate<string>(Pixel);
        browser.Press("D");
        browser.Until(() => browser.Evaluate<string>(Pixel) != before);
        browser.Press("D");
        Assert.Equal(before, browser.Evaluate<string>(Pixel));

        // Without a cursor the end of the run is shown, and steps begin there.
        browser.Open("/tables?run=ept");
        browser.See("after event");
        browser.Press("j");
        browser.See("There is no event behind this one.");
        browser.Press("k");
        browser.SeeAddress("at=");
        Assert.True(browser.Evaluate<long>("Number(new URLSearchParams(location.search).get('at'))") > 1_000_000);
        browser.CheckQuiet();
    }

    [Fact]
    public void Space_plays_where_there_is_something_to_play_and_Escape_stops_it()
    {
        using var browser = Open("/why?run=ept&vs=shadow&at=14");
        browser.See("Here they part");
        browser.Press(" ");
        browser.Until(() => browser.Evaluate<double>("scrollY") > 0);
        Assert.Equal("/why?run=ept&vs=shadow&at=14", browser.Address);
        // Side by side, too, every value is there to be read.
        Assert.Equal(0, browser.Evaluate<int>("[...document.querySelectorAll('.values')].filter(values => values.scrollWidth > values.clientWidth).length"));

        browser.Open("/tables?run=ept&at=14");
        browser.Press(" ");
        browser.See("pause");
        browser.Press(Keys.Escape);
        browser.Until(() => browser.Evaluate<string>("document.querySelector('[data-play]').textContent") == "play");
        browser.CheckQuiet();
    }

    [Fact]
    public void What_is_no_event_and_what_is_no_run_is_told()
    {
        using var browser = Open("/tables?run=foo&at=14");
        browser.See("There is no run foo here: ept is shown.");
        browser.Press("g", "abc", Keys.Enter);
        browser.See("“abc” is no event");
        Assert.Equal("14", browser.Evaluate<string>("document.querySelector('#at').value"));
        browser.Press("r");
        browser.SeeAddress("run=shadow");
        Assert.DoesNotContain("no run foo", browser.Text, StringComparison.Ordinal);
        browser.CheckQuiet();
    }

    private Browser Open(string address)
    {
        var browser = Browser.Start(boot.Server.Address);
        browser.Resize(1400, 900, isDark: true);
        browser.Open(address);
        return browser;
    }
}
