using System.Globalization;
using Replay.Analyzer.Query;
using Replay.Trace;

namespace Replay.Analyzer.Tests.Nested;

/// <summary>
/// An address of L2, followed through its own tables, its hypervisor's and KVM's, ends where the recorded machine ended: the capture has L2's and L1's physical address
/// of each access.
/// </summary>
public sealed class NestedMappingTests(NestedDatabase nested) : IClassFixture<NestedDatabase>
{
    private const int Samples = 25;
    private const ulong FirstHostFrame = 0x1_0000_0000;

    public static TheoryData<string> Runs => NestedDatabase.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void The_walks_end_where_the_recorded_access_ended(string run)
    {
        var accesses = Accesses(run);
        Assert.True(accesses.Count > 500);
        var seenByL1 = 0;
        for (var i = 0; i < Samples; i++)
        {
            var access = accesses[(int)((long)i * (accesses.Count - 1) / (Samples - 1))];
            var place = $"{run} ordinal {access.Ordinal} gva {access.Gva:x}";
            var lines = Ask(run, access.Gva!.Value, access.Ordinal);
            var guests = lines.Where(line => !line.Walk.StartsWith("KVM", StringComparison.Ordinal)).ToList();
            var l1 = guests.Count > 0 ? guests[^1].LeadsTo : $"L1 gpa 0x{access.Gva:x}";
            Assert.True(l1 == $"L1 gpa 0x{access.Gpa:x}", $"{place}: {l1}, recorded {access.Gpa:x}");
            if (access.L2Gpa is { } l2)
                Assert.True(guests[^1].Translates == $"L2 gpa 0x{l2:x}", $"{place}: {guests[^1].Translates}, recorded {l2:x}");
            else
                Assert.All(guests, line => Assert.Equal("L2's page tables", line.Walk));
            var host = $"host 0x{FirstHostFrame + access.Gpa!.Value:x}";
            Assert.True(End(lines, "KVM for L2") == host, $"{place}: {End(lines, "KVM for L2")}, but {host}");
            // L1 may never have come there itself.
            if (End(lines, "KVM for L1") is { } other)
            {
                seenByL1++;
                Assert.Equal(host, other);
            }
        }

        Assert.True(seenByL1 > 0 || run == "nonpt-shadow");
    }

    /// <summary>Four levels over four: 24 entries, four to each of L2's and the address itself.</summary>
    [Fact]
    public void Each_entry_of_L2_s_tables_is_gone_to_through_nested_page_tables()
    {
        var access = Accesses("npt-tdp")[^1];
        var lines = Ask("npt-tdp", access.Gva!.Value, access.Ordinal);
        Assert.Equal(4, lines.Count(line => line.Walk == "L2's page tables"));
        Assert.Equal(20, lines.Count(line => line.Walk == "L1's nested page tables (NPT12)"));
    }

    [Fact]
    public void Before_the_first_L2_there_is_nothing_to_follow() => Assert.Empty(Ask("npt-tdp", 0x100000, 10));

    [Fact]
    public void A_guest_without_one_of_its_own_has_no_answer() => Assert.Empty(Ask("plain", 0x100000, long.MaxValue));

    [Fact]
    public void Where_L2_maps_nothing_the_walk_ends_and_says_so()
    {
        var access = Accesses("npt-tdp")[^1];
        var line = Ask("npt-tdp", 0x7f00_0000_0000, access.Ordinal)[^1];
        Assert.Equal(("L2's page tables", "not present"), (line.Walk, line.State));
    }

    private static string? End(List<Line> lines, string walk)
    {
        var last = lines.LastOrDefault(line => line.Walk.StartsWith(walk, StringComparison.Ordinal));
        return last is { State: "page" or "huge" } ? last.LeadsTo : null;
    }

    private List<Line> Ask(string run, ulong gva, long ordinal)
    {
        var arguments = new Dictionary<string, string> { ["run"] = run, ["gva"] = $"0x{gva:x}", ["ordinal"] = ordinal.ToString(CultureInfo.InvariantCulture) };
        using var execution = new QueryRunner(nested.Database).Execute(CannedQueries.Find("nested-mapping-at"), arguments, cancellation: TestContext.Current.CancellationToken);
        execution.NextResult();
        var columns = execution.Columns.ToList();
        var lines = new List<Line>();
        while (execution.Read())
            lines.Add(new Line(Text("walk"), Text("translates"), Text("state"), Text("leads_to")));
        return lines;

        string Text(string column) => execution[columns.IndexOf(column)].ToString() ?? "";
    }

    private List<TraceEvent> Accesses(string run)
    {
        using var capture = CaptureReader.Open(NestedDatabase.CapturePath(nested.Database.FindRun(run)!.Capture));
        var chunk = new TraceChunk();
        var accesses = new List<TraceEvent>();
        while (capture.TryRead(chunk))
            accesses.AddRange(chunk.Events.Where(row => row.Kind == TraceEventKind.NestedAccess));
        return accesses;
    }

    private sealed record Line(string Walk, string Translates, string State, string LeadsTo);
}
