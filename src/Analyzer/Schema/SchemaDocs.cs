using System.Text;
using Replay.Analyzer.Query;

namespace Replay.Analyzer.Schema;

/// <summary>The reference of the database, made from the SQL files: <c>docs/schema.md</c>, <c>replay schema</c>.</summary>
public static class SchemaDocs
{
    private const string Introduction =
        """
        # The database

        <!-- Generated from schemas/db by `replay docs`. Do not edit. -->

        `replay run` writes a SQLite file. Its **views** are the interface: documented here, with stable names. The tables behind them begin with an
        underscore, are private, and may change with any version. Any SQLite client reads the file (`sqlite3 X.db`); nothing depends on functions of ours.

        - **run**: one capture replayed in one mode. A file holds any number; nearly every view begins with the run's number.
        - **ordinal**: the number of the trace event, the same in every run of the same capture: runs are compared by it.
        - **seq**: the place in a run's history. `ordinal` and `seq` ascend together; history is read with `ORDER BY ordinal, seq`.
        - Columns of type **address** are 64-bit patterns. SQLite's integers are signed, so addresses of the upper half are negative: sort them with
          `ORDER BY gva < 0, gva`, and write constants as `0xffff888000000000`. Each has a **hex** twin for the eye.
        - Columns of type **boolean** hold 0 or 1.
        - **Joins**: every run counts its ids, ordinals and `seq` anew, so a join needs the run too: `FROM table_write AS w JOIN fault AS f USING (run, fault_id)`. A run
          is a number: `WHERE run = 1`, or `JOIN run USING (run) WHERE run.name = 'ept'`. In any other client that is what to write. `replay query`, `replay shell` and the
          explorer also take what one would write at first, and say in a line what they took it for: `run = 'ept'` is the run of that name; `USING (fault_id)`, `w.fault_id =
          f.fault_id` and `fault_id IN (SELECT fault_id FROM ...)` are within each run. To set runs side by side, name the run of each:
          `FROM fault AS a JOIN fault AS b USING (ordinal) WHERE a.run = 1 AND b.run = 2`. The numbers stay a run's own, because the same capture then has the same ids in every
          file and beside any other run: `diff` and notes about them hold wherever it is replayed.
        - Searches by `run` with `ordinal`, `table_id` (and `idx`), `gfn`, `fault_id`, `gpa` or `gva` use an index in the views that have these columns. These have none,
          and read the run's rows of the view: `fault_id` in `page_operation`, `rmap_change` or `tlb_flush`; `gfn` in `page_operation`; `table_id` in `rmap_change`; `gva` in `guest_fault`.
        """;

    /// <summary>The whole reference in Markdown.</summary>
    public static string Markdown()
    {
        var text = new StringBuilder();
        text.Append(Introduction).Append("\n\n");
        text.Append($"Schema version {DatabaseSchema.Version} (`PRAGMA user_version`), application id `0x{DatabaseSchema.ApplicationId:x}`.\n\n");
        AppendDiagram(text);
        text.Append("## Views\n\n| view | what it holds |\n| --- | --- |\n");
        foreach (var view in ViewDefinition.All)
            text.Append($"| [{view.Name}](#{view.Name}) | {view.Description[0]} |\n");
        foreach (var view in ViewDefinition.All)
            AppendView(text, view);
        AppendQueries(text);
        return text.ToString();
    }

    private static void AppendDiagram(StringBuilder text)
    {
        text.Append("```mermaid\nerDiagram\n");
        foreach (var view in ViewDefinition.All)
        {
            foreach (var column in view.Columns)
            {
                if (column.References is { } reference && reference.Split('.')[0] is var target && target != "run")
                    text.Append($"  {target} ||--o{{ {view.Name} : {column.Name}\n");
            }
        }

        text.Append("  run ||--o{ chain : run\n  run ||--o{ counter : run\n  run ||--o{ access : run\n  access ||--o{ vm_exit : ordinal\n  access ||--o{ fault : ordinal\n");
        text.Append("```\n\nEvery view but `function` also refers to `run`; the diagram leaves most of these lines out.\n\n");
    }

    private static void AppendView(StringBuilder text, ViewDefinition view)
    {
        text.Append($"\n### {view.Name}\n\n");
        foreach (var paragraph in view.Description)
            text.Append(paragraph).Append("\n\n");
        text.Append("| column | type | meaning |\n| --- | --- | --- |\n");
        foreach (var column in view.Columns)
        {
            var reference = column.References is { } target ? $" → [{target}](#{target.Split('.')[0]})" : "";
            text.Append($"| `{column.Name}` | {column.Type}{reference} | {Cell(column.Description)} |\n");
        }
    }

    private static void AppendQueries(StringBuilder text)
    {
        text.Append("\n## Canned queries\n\n`replay query X.db @NAME -p key=value`. Numbers are decimal or `0x` hexadecimal.\n\n");
        text.Append($"{CannedQuery.RunRule}\n\n");
        text.Append("| query | what it answers |\n| --- | --- |\n");
        foreach (var query in CannedQueries.All)
            text.Append($"| [@{query.Name}](#{query.Name}) | {query.Title} |\n");
        foreach (var query in CannedQueries.All)
        {
            text.Append($"\n### @{query.Name}\n\n**{query.Title}.** {query.Description}\n");
            if (query.Parameters.Count == 0)
                continue;
            text.Append("\n| parameter | type | default | meaning |\n| --- | --- | --- | --- |\n");
            foreach (var parameter in query.Parameters)
            {
                var @default = parameter.Default is null ? "must be given" : $"`{parameter.Default}`";
                text.Append($"| `{parameter.Name}` | {parameter.Type.ToString().ToLowerInvariant()} | {Cell(@default)} | {Cell(parameter.Description)} |\n");
            }
        }
    }

    private static string Cell(string text) => text.Replace("|", "\\|");
}
