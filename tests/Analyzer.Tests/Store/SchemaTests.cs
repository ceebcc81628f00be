using Dapper;
using Replay.Analyzer.Schema;

namespace Replay.Analyzer.Tests;

public sealed class SchemaTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public static TheoryData<string> Views => [.. ViewDefinition.All.Select(view => view.Name)];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Views))]
    public void A_view_has_exactly_the_columns_it_documents(string name)
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var actual = database.Connection.Query<string>("SELECT name FROM pragma_table_info(@name)", new { name });
        Assert.Equal(actual, View(name).Columns.Select(column => column.Name));
    }

    [Theory]
    [MemberData(nameof(Views))]
    public void A_reference_points_at_a_column_that_exists(string name)
    {
        foreach (var column in View(name).Columns)
        {
            if (column.References?.Split('.') is [var view, var target])
                Assert.Contains(View(view).Columns, candidate => candidate.Name == target);
        }
    }

    [Theory]
    [MemberData(nameof(Views))]
    public void An_address_has_a_hex_twin_behind_it(string name)
    {
        var columns = View(name).Columns;
        for (var i = 0; i < columns.Count; i++)
        {
            if (columns[i].Type == "address")
                Assert.Equal((columns[i].Name + "_hex", "hex"), (columns[i + 1].Name, columns[i + 1].Type));
        }
    }

    [Theory]
    [MemberData(nameof(Views))]
    public void Columns_hold_what_their_type_says(string name)
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        foreach (var column in View(name).Columns)
        {
            var allowed = column.Type is "text" or "hex" ? "'text', 'null'" : "'integer', 'null'";
            var wrong = database.Connection.ExecuteScalar<long>($"SELECT count(*) FROM {name} WHERE typeof({column.Name}) NOT IN ({allowed})");
            Assert.True(wrong == 0, $"{name}.{column.Name} is documented as {column.Type} and holds something else");
            if (column.Type == "boolean")
                Assert.Equal(0, database.Connection.ExecuteScalar<long>($"SELECT count(*) FROM {name} WHERE {column.Name} NOT IN (0, 1)"));
        }
    }

    [Fact]
    public void A_view_without_a_comment_behind_a_column_is_refused() =>
        Assert.Throws<FormatException>(() => ViewDefinition.Parse(new SqlFile("x", "-- A view.\nCREATE VIEW x (\n  a,\n  b -- integer: B.\n) AS\nSELECT 1, 2;")));

    [Fact]
    public void A_complete_run_always_has_its_indexes()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var names = database.Connection.Query<string>("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").AsList();
        Assert.Equal(SqlFiles.Indexes.Text.Split("CREATE INDEX").Length - 1, names.Count);
    }

    private static ViewDefinition View(string name) => ViewDefinition.All.Single(view => view.Name == name);
}
