using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Formats;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Tests;

public sealed class FormatTests : IDisposable
{
    private const string Sql = "SELECT 1 AS id, 'a \"b\", c' AS text, NULL AS empty, -1 AS gva, printf('0x%x', -1) AS gva_hex, 0.5 AS share, 'x|y' || char(10) || 'z' AS lines";

    private readonly TempDirectory _directory = new();
    private readonly Database _database;

    public FormatTests() => _database = SampleHistory.Store(_directory.File("x.db"));

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Csv_quotes_as_rfc_4180_says() => Assert.Equal(
        "id,text,empty,gva,gva_hex,share,lines\n1,\"a \"\"b\"\", c\",,-1,0xffffffffffffffff,0.5,\"x|y\nz\"\n",
        Format("csv", Sql));

    [Fact]
    public void Json_is_an_array_of_objects_a_row_a_line() => Assert.Equal(
        """
        [
        {"id":1,"text":"a \"b\", c","empty":null,"gva":-1,"gva_hex":"0xffffffffffffffff","share":0.5,"lines":"x|y\nz"}
        ]

        """.ReplaceLineEndings("\n"),
        Format("json", Sql));

    [Fact]
    public void Json_writes_integers_beyond_2_to_the_53_as_strings() => Assert.Equal(
        "{\"a\":9007199254740992,\"b\":\"9007199254740993\",\"c\":\"-9223372036854775808\"}\n",
        Format("jsonl", "SELECT 9007199254740992 AS a, 9007199254740993 AS b, -9223372036854775808 AS c"));

    [Fact]
    public void Json_of_no_rows_is_an_empty_array() => Assert.Equal("[\n]\n", Format("json", "SELECT 1 WHERE 0"));

    [Fact]
    public void Markdown_escapes_what_would_end_a_cell() => Assert.Equal(
        "| n | lines |\n| ---: | --- |\n| 1 | x\\|y<br>z |\n",
        Format("markdown", "SELECT 1 AS n, 'x|y' || char(10) || 'z' AS lines"));

    [Fact]
    public void A_table_aligns_numbers_to_the_right() => Assert.Equal(
        "name     n\n----  ----\na        1\nbb    1000\n",
        Format("table", "SELECT 'a' AS name, 1 AS n UNION ALL SELECT 'bb', 1000"));

    [Fact]
    public void A_table_that_is_too_wide_loses_twins_and_callers()
    {
        const string Wide = "SELECT 4096 AS gva, '0x1000' AS gva_hex, 'first_function > second_function > last_function' AS chain, 7 AS n";
        var format = new TableFormat(29);
        Assert.Equal("gva_hex  chain              n\n-------  -----------------  -\n0x1000   … > last_function  7\n", Narrow(format, Wide));
        Assert.Equal(["gva"], format.LeftOut);
        Assert.True(format.HasCut);
        // What it was for, too; each function is whole.
        Assert.Equal(
            "gva_hex  chain                                   n\n-------  --------------------------------------  -\n0x1000   first_function > … > last_function      7\n", Narrow(new TableFormat(50), Wide));
        // One that does not fit by itself keeps its end.
        Assert.Equal("chain\n----------\n…_function\n", Narrow(new TableFormat(10), "SELECT 'first_function > last_function' AS chain"));
    }

    [Fact]
    public void Room_that_lost_columns_leave_is_given_back_to_texts()
    {
        var format = new TableFormat(33);
        Assert.Equal("function                     n\n-------------------------  ---\nmmu_spte_clear_track_bits  100\n", Narrow(format, "SELECT 'mmu_spte_clear_track_bits' AS function, 100 AS n, 123456789012 AS first_ordinal, 123456789012 AS last_ordinal"));
        Assert.Equal(["first_ordinal", "last_ordinal"], format.LeftOut);
        Assert.False(format.HasCut);
    }

    [Fact]
    public void What_answers_has_room_before_the_rest_and_what_is_empty_has_none()
    {
        const string Wide = "SELECT NULL AS task, 1234567 AS seq, 'page rw---d -> page r---ad' AS change, 'spte_write_protect' AS function, 'a > caller > spte_write_protect' AS chain, 12 AS ordinal";
        var format = new TableFormat(56, ["function", "change"]);
        Assert.Equal(
            "    seq  change                      function\n-------  --------------------------  ------------------\n1234567  page rw---d -> page r---ad  spte_write_protect\n", Narrow(format, Wide));
        Assert.Equal(["task", "chain", "ordinal"], format.LeftOut);
        Assert.Equal(["task"], format.LeftOutEmpty);
        // A statement of one's own: when, and which function, then from the left.
        format = new TableFormat(40);
        Assert.Equal("    seq  function            ordinal\n-------  ------------------  -------\n1234567  spte_write_protect       12\n", Narrow(format, Wide));
        Assert.Equal(["task", "change", "chain"], format.LeftOut);
        // With room for all of it, what is empty is there, too.
        Assert.StartsWith("task      seq  change", Narrow(new TableFormat(200), Wide), StringComparison.Ordinal);
    }

    [Fact]
    public void What_no_row_has_is_told_as_empty_and_what_a_late_row_has_is_not()
    {
        const string Rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) SELECT i, NULL AS never, CASE WHEN i > 1400 THEN 1 END AS late FROM n";
        var format = new TableFormat(4);
        Narrow(format, Rows);
        Assert.Equal(["never", "late"], format.LeftOut);
        Assert.Equal(["never"], format.LeftOutEmpty);
    }

    [Fact]
    public void Of_entries_addresses_and_hashes_the_low_end_is_never_lost()
    {
        const string Entries = "SELECT 'some text that is long enough to be cut' AS text, printf('0x%016x', -8718968874218422773) AS old_hex, 'f(x)' AS f, 'old 0x8600000100101a77 -> new 0x8600000100101b77' AS change";
        var format = new TableFormat(58);
        var table = Narrow(format, Entries);
        Assert.Contains("0x870000010485fe0b", table, StringComparison.Ordinal);
        Assert.DoesNotMatch("0x[0-9a-f]*…(?![0-9a-f])", table);
        Assert.Equal("change\n----------------------------------\nold 0x…00101a77 -> new 0x…00101b77\n", Narrow(new TableFormat(34), "SELECT 'old 0x8600000100101a77 -> new 0x8600000100101b77' AS change"));
        Assert.Equal("hash\n------------------\n01234567…789abcdef\n", Narrow(new TableFormat(18), "SELECT '0123456789abcdef0123456789abcdef' AS hash"));
        Assert.Equal("name\n--------------------\na_name_th…s_end_only\n", Narrow(new TableFormat(20), "SELECT 'a_name_that_differs_at_its_end_only' AS name"));
    }

    [Fact]
    public void A_text_that_is_the_answer_is_folded()
    {
        const string Text = "SELECT 1 AS seq, 'write T14[8] level 2 gfn 0x1000 by drop_parent_pte' AS text";
        Assert.Equal(
            "seq  text\n---  ----------------------------\n  1  write T14[8] level 2 gfn\n     0x1000 by drop_parent_pte\n", Narrow(new TableFormat(33, ["seq", "text"]), Text));
        Assert.Equal("seq  text\n---  ----------------------------\n  1  write T14[8] level 2 gfn 0x…\n", Narrow(new TableFormat(33), Text));
    }

    [Fact]
    public void A_later_number_that_is_wider_pushes_its_line_out()
    {
        var lines = Narrow(new TableFormat(16), "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) SELECT CASE WHEN i > 1100 THEN 1234567890 ELSE i END AS number, 'abcdefgh' AS b FROM n").Split('\n');
        Assert.Equal("1234567890  abcdefgh", lines[^2]);
    }

    [Fact]
    public void A_table_that_fits_is_as_it_is()
    {
        var format = new TableFormat(80);
        Narrow(format, "SELECT 1 AS a, 'b' AS b");
        Assert.Empty(format.LeftOut);
        Assert.False(format.HasCut);
    }

    [Fact]
    public void Line_writes_a_field_a_line() => Assert.Equal(
        "   a = 1\nlong = x\n       y\n\n   a = 2\nlong = z\n",
        Format("line", "SELECT 1 AS a, 'x' || char(10) || 'y' AS long UNION ALL SELECT 2, 'z'"));

    [Fact]
    public void A_table_streams_more_rows_than_it_holds_back()
    {
        var lines = Format("table", "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT i FROM n").Split('\n');
        Assert.Equal(2500 + 3, lines.Length);
        Assert.Equal("2500", lines[^2].Trim());
    }

    [Fact]
    public void Results_of_several_statements_are_kept_apart() => Assert.Equal("1\n1\n\n2\n2\n", Format("csv", "SELECT 1; SELECT 2"));

    [Fact]
    public void All_formats_are_found_by_name()
    {
        Assert.Equal(["table", "csv", "json", "jsonl", "markdown", "line"], ResultFormat.All.Select(format => format.Name));
        Assert.Null(ResultFormat.Find("xml"));
    }

    private string Narrow(TableFormat format, string sql)
    {
        using var execution = new QueryRunner(_database).Execute(sql, cancellation: TestContext.Current.CancellationToken);
        using var output = new StringWriter();
        format.WriteAll(execution, output);
        return output.ToString();
    }

    private string Format(string format, string sql)
    {
        using var output = new StringWriter();
        using var execution = new QueryRunner(_database).Execute(sql, cancellation: TestContext.Current.CancellationToken);
        ResultFormat.Find(format)!.WriteAll(execution, output);
        return output.ToString();
    }
}
