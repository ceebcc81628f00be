using System.Net;
using System.Text.Json;

namespace Replay.Explorer.Tests;

/// <summary>What the explorer answers, and to whom.</summary>
public sealed class ServerTests(BootFixture boot) : IClassFixture<BootFixture>, IDisposable
{
    private readonly HttpClient _client = new(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(boot.Server.Address.GetLeftPart(UriPartial.Authority)) };

    public void Dispose() => _client.Dispose();

    [Theory]
    [InlineData("/runs.json")]
    [InlineData("/timeline.json?run=ept&vs=shadow")]
    [InlineData("/timeline.json?run=ept&from=0&to=2000&by=vcpu")]
    [InlineData("/events.json?run=shadow&at=1245")]
    [InlineData("/tables.json?run=ept&at=149")]
    [InlineData("/tables.json?run=shadow&at=1245")]
    [InlineData("/entry.json?run=ept&table=1&idx=0")]
    [InlineData("/why.json?run=ept&at=14")]
    [InlineData("/memory.json?run=shadow&by=faults")]
    [InlineData("/gfn.json?run=ept&gfn=0x2a16")]
    [InlineData("/queries.json")]
    [InlineData("/query.json?run=ept&q=writes-by-level")]
    [InlineData("/compare.json?run=ept&vs=shadow")]
    [InlineData("/divergences.json?run=ept&vs=shadow&count=3")]
    [InlineData("/state.json")]
    public async Task Every_page_has_its_json(string address)
    {
        using var json = await Get(address);
        Assert.Equal(JsonValueKind.Object, json.RootElement.ValueKind);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/timeline?run=ept")]
    [InlineData("/why")]
    public async Task A_page_loads_nothing_from_elsewhere_and_allows_nothing_inline(string address)
    {
        using var response = await _client.GetAsync(address);
        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none'; script-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    /// <summary>Tables that translate another kind of address than was asked for: an access tells which it is, and before the first one none does.</summary>
    [Theory]
    [InlineData("ept", "gva", "gpa")]
    [InlineData("shadow", "gpa", "gva")]
    public async Task An_address_that_no_access_has_shown_yet_is_no_error_but_told_with_the_first_that_does(string run, string asked, string own)
    {
        using var query = await Get($"/query.json?run={run}&sql=" + Uri.EscapeDataString(
            $"select {asked} >> 12, min(ordinal), {own} from access join run using (run) where name = '{run}' and {own} is not null group by 1 having {own} >> 12 <> {asked} >> 12 order by 2 desc limit 1"));
        var row = query.RootElement.GetProperty("results")[0].GetProperty("rows")[0];
        var (address, first) = ($"0x{row[0].GetInt64() << 12:x}", row[1].GetInt64());
        using var early = await Get($"/tables.json?run={run}&at={first - 1}&{asked}={address}");
        Assert.False(early.RootElement.TryGetProperty("address", out _));
        Assert.Empty(early.RootElement.GetProperty("path").EnumerateArray());
        var unknown = early.RootElement.GetProperty("unknown");
        Assert.Equal((asked, address, first), (unknown.GetProperty("kind").GetString(), unknown.GetProperty("address").GetString(), unknown.GetProperty("first").GetInt64()));
        using var late = await Get($"/tables.json?run={run}&at={first}&{asked}={address}");
        Assert.False(late.RootElement.TryGetProperty("unknown", out _));
        Assert.NotEmpty(late.RootElement.GetProperty("path").EnumerateArray());
        using var never = await Get($"/tables.json?run={run}&at={first}&{asked}=0x7123456789000");
        Assert.False(never.RootElement.GetProperty("unknown").TryGetProperty("first", out _));
    }

    /// <summary>A table is marked from its zap on, and not where the cursor is before it.</summary>
    [Fact]
    public async Task A_table_is_not_zapped_before_it_is()
    {
        const string Zapped = "SELECT table_id, zapped_ordinal FROM table_page JOIN run USING (run) WHERE name = 'shadow' AND zapped_ordinal > created_ordinal + 1 ORDER BY table_id LIMIT 1";
        using var query = await Get("/query.json?run=shadow&sql=" + Uri.EscapeDataString(Zapped));
        var row = query.RootElement.GetProperty("results")[0].GetProperty("rows")[0];
        using var tables = await Get($"/tables.json?run=shadow&root={row[0]}&at={row[1].GetInt64() - 1}");
        var path = tables.RootElement.GetProperty("path").EnumerateArray().ToList();
        Assert.NotEmpty(path);
        Assert.All(path, table => Assert.False(table.GetProperty("page").TryGetProperty("zapped", out _)));
    }

    [Fact]
    public async Task A_comparison_is_a_page_to_keep_that_links_here_and_loads_nothing()
    {
        using var response = await _client.GetAsync("/report.html?run=ept&vs=shadow");
        Assert.Equal("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", Assert.Single(response.Headers.GetValues("Content-Security-Policy")));
        var html = await response.Content.ReadAsStringAsync();
        Assert.Contains($"href=\"{_client.BaseAddress}why?run=ept&amp;vs=shadow&amp;at=14\"", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evil.example:PORT", HttpStatusCode.MisdirectedRequest)]
    [InlineData("localhost:PORT", HttpStatusCode.OK)]
    [InlineData("localhost:8080", HttpStatusCode.OK)]
    [InlineData("evil.example:8080", HttpStatusCode.MisdirectedRequest)]
    [InlineData("192.168.0.1:PORT", HttpStatusCode.MisdirectedRequest)]
    public async Task Only_a_name_of_this_host_is_answered_through_whatever_port_is_forwarded(string host, HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/state.json");
        request.Headers.Host = host.Replace("PORT", $"{boot.Server.Address.Port}", StringComparison.Ordinal);
        using var response = await _client.SendAsync(request);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task Instructions_are_named_in_the_address_space_that_they_run_in()
    {
        await using var server = await ExplorerServer.StartAsync(new ExplorerOptions
        {
            Databases = [boot.Database],
            Port = 0,
            Symbols = (rip, cr3) => $"{rip:x}@{cr3:x}",
        });
        using var client = new HttpClient { BaseAddress = server.Address };
        using var rows = JsonDocument.Parse(await client.GetStringAsync(new Uri(
            "/query.json?run=ept&sql=" + Uri.EscapeDataString(
                "select a.ordinal, symbol(a.rip, c.cr3) from access as a join guest_cr3 as c on c.run = a.run and c.vcpu = a.vcpu and c.ordinal = (select max(ordinal) from guest_cr3 where run = a.run and vcpu = a.vcpu and ordinal <= a.ordinal) "
                + "where a.run = 1 and a.rip <> 0 order by a.ordinal desc limit 1"), UriKind.Relative)));
        var row = rows.RootElement.GetProperty("results")[0].GetProperty("rows")[0];
        var (ordinal, name) = (row[0].GetInt64(), row[1].GetString());
        Assert.Matches("^[0-9a-f]+@[0-9a-f]+$", name);
        using var why = JsonDocument.Parse(await client.GetStringAsync(new Uri($"/why.json?run=ept&at={ordinal}", UriKind.Relative)));
        Assert.Equal(name, why.RootElement.GetProperty("access").GetProperty("symbol").GetString());
    }

    [Fact]
    public async Task Another_sites_page_is_not_answered()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/query.json?q=runs");
        request.Headers.Add("Sec-Fetch-Site", "cross-site");
        request.Headers.Add("Sec-Fetch-Mode", "no-cors");
        using var response = await _client.SendAsync(request);
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
    }

    [Fact]
    public async Task Nothing_can_be_written()
    {
        using var posted = await _client.PostAsync("/query.json?q=runs", null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
        foreach (var sql in new[] { "DELETE FROM _run", "ATTACH '/tmp/x.db' AS x", "PRAGMA journal_mode = WAL", "SELECT load_extension('x')" })
            Assert.Contains("refused", await Problem("/query.json?sql=" + Uri.EscapeDataString(sql), HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_others_can_reach_it_a_token_is_wanted_once()
    {
        await using var server = await ExplorerServer.StartAsync(new ExplorerOptions { Databases = [boot.Database], Port = 0, Token = "secret" });
        var address = server.Address.GetLeftPart(UriPartial.Authority);
        using var refused = await _client.GetAsync($"{address}/runs.json");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        using var wrong = await _client.GetAsync($"{address}/runs.json?token=guess");
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);

        using var shown = await _client.GetAsync($"{address}/why?at=14&token=secret");
        Assert.Equal("/why?at=14", shown.Headers.Location!.OriginalString);
        var cookie = Assert.Single(shown.Headers.GetValues("Set-Cookie"));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{address}/runs.json");
        request.Headers.Add("Cookie", cookie.Split(';')[0]);
        using var answered = await _client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answered.StatusCode);
    }

    [Fact]
    public async Task Where_it_listens_on_all_addresses_the_name_that_browsers_use_is_told()
    {
        await using var server = await ExplorerServer.StartAsync(new ExplorerOptions { Databases = [boot.Database], Address = IPAddress.Any, Port = 0, Token = "secret", HostNames = ["lab7.example:8080", "lab7"] });
        Assert.Equal("http://lab7.example:8080/?token=secret", server.Address.AbsoluteUri);
        foreach (var (name, status) in new[] { ("lab7.example:8080", HttpStatusCode.OK), ("lab7", HttpStatusCode.OK), ("lab8", HttpStatusCode.MisdirectedRequest) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{server.Port}/state.json");
            request.Headers.Host = name;
            request.Headers.Add("Cookie", $"replay-{server.Port}=secret");
            using var response = await _client.SendAsync(request);
            Assert.Equal(status, response.StatusCode);
        }
    }

    [Fact]
    public async Task An_address_that_others_can_reach_is_not_served_without_a_token() =>
        await Assert.ThrowsAsync<ArgumentException>(() => ExplorerServer.StartAsync(new ExplorerOptions { Databases = [boot.Database], Address = IPAddress.Any, Port = 0 }));

    [Theory]
    [InlineData("/tables.json?run=nope", HttpStatusCode.NotFound, "has no run nope. It has ept, shadow.")]
    [InlineData("/why.json?at=x", HttpStatusCode.BadRequest, "a decimal or 0x hexadecimal number of 64 bits is wanted")]
    [InlineData("/tables.json?gpa=0xffffffffffffffffff", HttpStatusCode.BadRequest, "number of 64 bits is wanted")]
    [InlineData("/memory.json?from=5&to=2", HttpStatusCode.BadRequest, "to=2: is not behind from=5")]
    [InlineData("/entry.json?table=99999999&idx=5", HttpStatusCode.NotFound, "there is no table T99999999 in ")]
    [InlineData("/queries.json?q=writes-by-levle", HttpStatusCode.BadRequest, "Did you mean @writes-by-level")]
    [InlineData("/nowhere.json", HttpStatusCode.NotFound, "there is no page /nowhere.json")]
    [InlineData("/query.json?sql=select+frobnicate+from+run", HttpStatusCode.BadRequest, "no such column: frobnicate")]
    [InlineData("/query.json?q=writes-by-levle", HttpStatusCode.BadRequest, "Did you mean @writes-by-level")]
    public async Task What_cannot_be_answered_is_said_in_a_line(string address, HttpStatusCode status, string text) =>
        Assert.Contains(text, await Problem(address, status), StringComparison.Ordinal);

    [Fact]
    public async Task A_query_that_is_cut_off_says_so()
    {
        using var rows = await Get("/query.json?run=ept&rows=10&sql=" + Uri.EscapeDataString("select * from table_write"));
        var result = rows.RootElement.GetProperty("results")[0];
        Assert.Equal(10, result.GetProperty("rows").GetArrayLength());
        Assert.Equal("rows", result.GetProperty("end").GetString());
    }

    [Fact]
    public async Task A_download_has_all_rows()
    {
        const string Sql = "select count(*) as n, max(new) as s, min(function) as f, 0.5 as half from table_write where run = 1";
        var csv = await _client.GetStringAsync("/query.csv?sql=" + Uri.EscapeDataString("select ordinal, function from table_write where run = 1"));
        using var count = await Get("/query.json?sql=" + Uri.EscapeDataString(Sql));
        Assert.Equal(count.RootElement.GetProperty("results")[0].GetProperty("rows")[0][0].GetInt64(), csv.AsSpan().Count('\n') - 1);
        var parquet = await _client.GetByteArrayAsync("/query.parquet?sql=" + Uri.EscapeDataString(Sql));
        Assert.Equal("PAR1"u8, parquet.AsSpan(0, 4));
        Assert.Equal("PAR1"u8, parquet.AsSpan(parquet.Length - 4));
    }

    [Fact]
    public async Task The_lanes_of_a_range_are_the_same_from_summaries_and_from_rows()
    {
        using var whole = await Get("/timeline.json?run=shadow&steps=4000");
        using var part = await Get("/timeline.json?run=shadow&from=0&to=9999999&steps=10");
        var summary = whole.RootElement.GetProperty("runs")[0];
        var rows = part.RootElement.GetProperty("runs")[0];
        Assert.Equal("summary", summary.GetProperty("source").GetString());
        Assert.Equal("rows", rows.GetProperty("source").GetString());
        using var counts = await Get("/query.json?sql=" + Uri.EscapeDataString("select (select count(*) from vm_exit where run = 2), (select count(*) from vm_exit where run = 2 and ordinal < 10000000)"));
        var expected = counts.RootElement.GetProperty("results")[0].GetProperty("rows")[0];
        Assert.Equal(expected[0].GetInt64(), Sum(summary));
        Assert.Equal(expected[1].GetInt64(), Sum(rows));

        static long Sum(JsonElement run) => run.GetProperty("lanes").GetProperty("exits").EnumerateArray().Sum(count => count.GetInt64());
    }

    [Theory]
    [InlineData("steps=4000", "summary")]
    [InlineData("steps=3", "summary")]
    [InlineData("from=0&to=9999999&steps=7", "rows")]
    public async Task The_lane_of_table_memory_has_the_most_that_was_held(string range, string source)
    {
        using var answer = await Get($"/timeline.json?run=shadow&{range}");
        var run = answer.RootElement.GetProperty("runs")[0];
        Assert.Equal(source, run.GetProperty("source").GetString());
        var (start, width) = (run.GetProperty("start").GetInt64(), run.GetProperty("width").GetInt64());
        var steps = run.GetProperty("memory").EnumerateArray().Select(count => count.GetInt64()).ToList();
        using var pages = await Get("/query.json?rows=100000&sql=" + Uri.EscapeDataString(
            "select ordinal, sum(step) from (select created_ordinal as ordinal, 1 as step from table_page where run = 2 and not special union all select freed_ordinal, -1 from table_page where run = 2 and not special and freed_ordinal is not null) group by ordinal order by ordinal"));
        var most = new long[steps.Count];
        var (held, last) = (0L, 0);
        foreach (var row in pages.RootElement.GetProperty("results")[0].GetProperty("rows").EnumerateArray())
        {
            for (var step = (int)Math.Min(steps.Count, Math.Max(0, (row[0].GetInt64() - start) / width)); last < step && last < steps.Count - 1;)
                most[++last] = held;
            held += row[1].GetInt64();
            if ((row[0].GetInt64() - start) / width == last)
                most[last] = Math.Max(most[last], held);
        }

        while (last < steps.Count - 1)
            most[++last] = held;
        // A summary also sees what comes and goes within one event.
        Assert.All(steps.Zip(most), pair => Assert.InRange(pair.First, pair.Second, pair.Second + (source == "rows" ? 0 : 1)));
    }

    [Fact]
    public async Task The_memory_map_counts_each_mapped_frame_once_at_any_event_in_any_order()
    {
        foreach (var at in new[] { 120_000_000, 1_000_000, 40_000_000, 1_000_000 })
        {
            using var map = await Get($"/memory.json?run=ept&at={at}");
            using var rows = await Get("/query.json?sql=" + Uri.EscapeDataString(
                $"""
                select count(*) from (select new, max(seq) from table_write where run = 1 and level = 1 and ordinal <= {at} group by table_id, idx)
                where new <> 0 and new & 7 <> 6
                """));
            Assert.Equal(
                rows.RootElement.GetProperty("results")[0].GetProperty("rows")[0][0].GetInt64(),
                map.RootElement.GetProperty("mapped").EnumerateArray().Sum(count => count.GetInt64()));
        }
    }

    [Theory]
    [InlineData("ept", "faults", "select count(*) from fault where run = 1 and ordinal <= AT")]
    [InlineData("shadow", "faults", "select count(*) from fault f join access a on a.run = f.run and a.ordinal = f.ordinal and a.gpa is not null where f.run = 2 and f.ordinal <= AT")]
    [InlineData("ept", "writes", "select count(*) from table_write where run = 1 and ordinal <= AT")]
    [InlineData("shadow", "zaps", "select count(*) from table_write where run = 2 and new_kind = 'none' and ordinal <= AT")]
    public async Task The_memory_map_counts_what_happened_to_frames_up_to_any_event_in_any_order(string run, string by, string sql)
    {
        foreach (var at in new[] { 120_000_000, 1_000_000, 40_000_000, 40_000_100, 1_000_000 })
        {
            using var map = await Get($"/memory.json?run={run}&by={by}&at={at}&to=0x100000");
            using var rows = await Get("/query.json?sql=" + Uri.EscapeDataString(sql.Replace("AT", $"{at}", StringComparison.Ordinal)));
            var expected = rows.RootElement.GetProperty("results")[0].GetProperty("rows")[0][0].GetInt64();
            Assert.Equal(expected, map.RootElement.GetProperty("counts").EnumerateArray().Sum(count => count.GetInt64()));
        }
    }

    /// <summary>A frame may have changed thousands of times: what is told is around the cursor, and the last change up to it is the cause of what is there.</summary>
    [Fact]
    public async Task The_history_of_a_frame_is_told_around_the_cursor()
    {
        using var rows = await Get("/query.json?sql=" + Uri.EscapeDataString(
            """
            select h.gfn, (select ordinal from table_write w where w.run = 2 and w.gfn = h.gfn and w.level = 1 order by ordinal limit 1 offset 400)
            from hot_gfn h where h.run = 2 and h.highest_level = 1 order by h.writes desc limit 1
            """));
        var hot = rows.RootElement.GetProperty("results")[0].GetProperty("rows")[0];
        var (gfn, at) = (hot[0].GetInt64(), hot[1].GetInt64());
        using var frame = await Get($"/gfn.json?run=shadow&gfn={gfn}&at={at}");
        var ordinals = frame.RootElement.GetProperty("history").EnumerateArray().Select(change => change.GetProperty("ordinal").GetInt64()).ToList();
        Assert.Equal(ordinals.Order(), ordinals);
        Assert.Contains(at, ordinals);
        Assert.True(frame.RootElement.GetProperty("earlier").GetBoolean());
        Assert.True(ordinals.Count(ordinal => ordinal <= at) >= 100);
    }

    [Theory]
    [InlineData("to=0x7fffffffffffffff")]
    [InlineData("from=0xffffffffffffffff")]
    public async Task A_map_of_more_than_can_be_is_of_what_can(string range)
    {
        using var map = await Get($"/memory.json?run=ept&{range}");
        Assert.NotEmpty(map.RootElement.GetProperty("mapped").EnumerateArray());
    }

    [Fact]
    public async Task Stepping_through_events_shows_the_tables_that_a_fresh_look_shows()
    {
        var ordinals = new List<long>();
        using (var rows = await Get("/query.json?sql=" + Uri.EscapeDataString("select distinct ordinal from table_write where run = 2 and ordinal > 50000000 order by ordinal limit 12")))
            ordinals.AddRange(rows.RootElement.GetProperty("results")[0].GetProperty("rows").EnumerateArray().Select(row => row[0].GetInt64()));
        var stepped = new Dictionary<long, (string Tables, string Map)>();
        foreach (var at in ordinals.Concat(ordinals.AsEnumerable().Reverse()))
        {
            var seen = (await Text($"/tables.json?run=shadow&at={at}"), await Text($"/memory.json?run=shadow&at={at}"));
            Assert.Equal(stepped.GetValueOrDefault(at, seen), seen);
            stepped[at] = seen;
        }

        await using var fresh = await ExplorerServer.StartAsync(new ExplorerOptions { Databases = [boot.Database], Port = 0 });
        Assert.Equal(stepped[ordinals[^1]].Tables, await _client.GetStringAsync(new Uri(fresh.Address, $"/tables.json?run=shadow&at={ordinals[^1]}"), TestContext.Current.CancellationToken));
        await using var other = await ExplorerServer.StartAsync(new ExplorerOptions { Databases = [boot.Database], Port = 0 });
        Assert.Equal(stepped[ordinals[3]], (
            await _client.GetStringAsync(new Uri(other.Address, $"/tables.json?run=shadow&at={ordinals[3]}"), TestContext.Current.CancellationToken),
            await _client.GetStringAsync(new Uri(other.Address, $"/memory.json?run=shadow&at={ordinals[3]}"), TestContext.Current.CancellationToken)));

        Task<string> Text(string address) => _client.GetStringAsync(new Uri(boot.Server.Address, address), TestContext.Current.CancellationToken);
    }

    /// <summary>Several look at once, at several places: each has the answer for its own.</summary>
    [Fact]
    public async Task Several_tabs_at_once_have_each_their_own_answer()
    {
        string[] addresses = [.. Enumerable.Range(1, 12).SelectMany(i => new[] { $"/tables.json?run=ept&at={i * 9_000_000}", $"/memory.json?run=shadow&at={i * 9_000_000}", $"/memory.json?run=ept&by=writes&at={i * 9_000_000}" })];
        var atOnce = await Task.WhenAll(addresses.Select(address => _client.GetStringAsync(new Uri(boot.Server.Address, address), TestContext.Current.CancellationToken)));
        for (var i = 0; i < addresses.Length; i++)
            Assert.Equal(await _client.GetStringAsync(new Uri(boot.Server.Address, addresses[i]), TestContext.Current.CancellationToken), atOnce[i]);
    }

    [Fact]
    public async Task Divergences_come_page_by_page_without_a_gap()
    {
        using var all = await Get("/divergences.json?run=ept&vs=shadow&count=40");
        var ordinals = Ordinals(all);
        using var first = await Get("/divergences.json?run=ept&vs=shadow&count=15");
        using var second = await Get($"/divergences.json?run=ept&vs=shadow&count=25&after={Ordinals(first)[^1]}");
        Assert.Equal(ordinals, [.. Ordinals(first), .. Ordinals(second)]);
        using var whole = await Get("/compare.json?run=ept&vs=shadow");
        Assert.Equal(ordinals[0], whole.RootElement.GetProperty("firstDivergence").GetProperty("ordinal").GetInt64());

        static List<long> Ordinals(JsonDocument page) => [.. page.RootElement.GetProperty("divergences").EnumerateArray().Select(one => one.GetProperty("ordinal").GetInt64())];
    }

    private async Task<JsonDocument> Get(string address)
    {
        using var response = await _client.GetAsync(address);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{address}: {text}");
        return JsonDocument.Parse(text);
    }

    private async Task<string> Problem(string address, HttpStatusCode status)
    {
        using var response = await _client.GetAsync(address);
        Assert.Equal(status, response.StatusCode);
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return json.RootElement.GetProperty("error").GetString()!;
    }
}
