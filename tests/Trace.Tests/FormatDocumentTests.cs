using System.Text.RegularExpressions;
using DuckDB.NET.Data;
using Replay.Trace.Columns;

namespace Replay.Trace.Tests;

/// <summary><c>schemas/capture/v2.md</c> is the contract with everyone who reads captures without this code.</summary>
public sealed partial class FormatDocumentTests
{
    private static readonly string Text = File.ReadAllText(Repository.PathOf("schemas", "capture", "v2.md"));

    [Fact]
    public void Every_column_of_an_access_file_is_documented_in_order_with_its_type() =>
        Assert.Equal(
            AccessColumn.All(hasRips: true).ToArray().Select(column => (column.Name, column.TypeName)),
            Rows("## `accesses-*.parquet`"));

    [Fact]
    public void Every_column_of_an_event_file_is_documented_in_order_with_its_type() =>
        Assert.Equal(EventColumn.All.ToArray().Select(column => (column.Name, column.TypeName)), Rows("## `events-*.parquet`"));

    [Fact]
    public void Null_columns_of_an_event_file_are_documented() =>
        Assert.All(EventColumn.All.ToArray(), column => Assert.Matches($@"\| `{column.Name}` \|[^|]*\|[^|]*\| {(column.IsOptional ? "yes" : "never")} \|", Text));

    [Fact]
    public void Every_event_kind_is_documented() =>
        Assert.Equal(
            Enum.GetValues<TraceEventKind>().Select(TraceEventKindName.Of).Order(StringComparer.Ordinal),
            Rows("### Kinds of event").Select(row => row.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_flag_is_documented()
    {
        var documented = Section("### Flags").Where(line => char.IsAsciiDigit(line[2])).Select(line => line.Split('|')[1].Trim());
        Assert.Equal(Enum.GetValues<AccessFlags>().Where(flag => flag != 0).Select(flag => ((int)flag).ToString()), documented);
    }

    [Fact]
    public void Every_event_that_flushes_a_filter_is_documented()
    {
        var documented = Section("### Filtered captures").SelectMany(line => Code().Matches(line.Split('|')[1]).Select(match => match.Groups[1].Value));
        Assert.Equal(new FilterRule { Entries = 1, EpochLength = 1 }.FlushOn, documented);
    }

    [Fact]
    public void Every_column_that_a_kind_fills_is_a_column()
    {
        var columns = EventColumn.All.ToArray().Select(column => column.Name).ToHashSet(StringComparer.Ordinal);
        var fills = Section("### Kinds of event").Skip(1).SelectMany(line => Code().Matches(line.Split('|')[3]).Select(match => match.Groups[1].Value));
        Assert.Empty(fills.Except(columns));
    }

    [Fact]
    public void Every_query_in_the_document_runs()
    {
        using var temporary = new TemporaryDirectory();
        var recording = Captures.Simple(1000);
        recording.Events.Add(new TraceEvent { Ordinal = 2000, Kind = TraceEventKind.PageTableStore, Gva = ulong.MaxValue, Gpa = 0x1fff, Size = 8, Value = 7 });
        recording.Events.Add(new TraceEvent { Ordinal = 2001, Kind = TraceEventKind.VcpuState, Detail = EventDetail.Write(new VcpuState { Cr3 = 42 }) });
        recording.Events.Add(new TraceEvent { Ordinal = 2002, Kind = TraceEventKind.NestedAccess, Access = AccessKind.Read, Gva = 0x1fff, L2Gpa = 0x2fff, Gpa = 0x3fff, Size = 1 });
        Captures.Write(temporary.Capture, recording);

        using var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        var queries = SqlBlock().Matches(Text).Select(match => match.Groups["sql"].Value.Replace("X.capture", temporary.Capture, StringComparison.Ordinal)).ToList();
        Assert.Equal(7, queries.Count);
        foreach (var query in queries)
        {
            using var command = connection.CreateCommand();
            command.CommandText = query;
            using var reader = command.ExecuteReader();
            Assert.True(reader.Read() || query.StartsWith("create", StringComparison.Ordinal), query);
        }
        using var count = connection.CreateCommand();
        count.CommandText = "select count(*), max(gva) from access";
        using var result = count.ExecuteReader();
        Assert.True(result.Read());
        Assert.Equal((recording.Accesses.Count + 2L, ulong.MaxValue), (result.GetInt64(0), result.GetFieldValue<ulong>(1)));
    }

    /// <summary>The lines of the first table under a heading, its header left out.</summary>
    private static IEnumerable<string> Section(string heading) => Text[Text.IndexOf(heading, StringComparison.Ordinal)..]
        .Split('\n')
        .SkipWhile(line => !line.StartsWith('|'))
        .TakeWhile(line => line.StartsWith('|'))
        .Skip(2);

    private static IEnumerable<(string Name, string Type)> Rows(string heading) =>
        Section(heading).Select(line => line.Split('|')).Select(cells => (cells[1].Trim(' ', '`'), cells[2].Trim()));

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();

    [GeneratedRegex("```sql\n(?<sql>.*?)```", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex SqlBlock();
}
