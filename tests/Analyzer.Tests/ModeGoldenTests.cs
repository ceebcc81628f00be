using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Formats;

namespace Replay.Analyzer.Tests;

/// <summary>
/// A guest, a mode, a question, and the answer: what the model says of a small workload in every mode, through the canned queries.
/// A change of the model's history shows here as rows.
/// </summary>
public sealed class ModeGoldenTests(WorkloadDatabases databases) : IClassFixture<WorkloadDatabases>
{
    private const string Workload = "context-switch-storm";

    private static readonly string[] Queries =
        ["exits-by-reason", "faults-by-function", "writes-by-level", "write-protect-churn", "unsync-churn", "flushes-by-cause", "zaps", "table-memory", "timeline", "refault-storms", "hot-entries"];

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (var mode in (string[])["ept", "ept-tdp", "npt", "shadow"])
            {
                foreach (var query in Queries)
                    cases.Add(mode, query);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_mode_answers_as_it_did(string mode, string query)
    {
        using var database = databases.Open(Workload);
        var arguments = new Dictionary<string, string>(StringComparer.Ordinal) { ["run"] = mode };
        if (CannedQueries.Find(query).Parameters.Any(parameter => parameter.Name is "steps" or "top"))
            arguments[CannedQueries.Find(query).Parameters.First(parameter => parameter.Name is "steps" or "top").Name] = "8";
        using var output = new StringWriter();
        using (var execution = new QueryRunner(database).Execute(CannedQueries.Find(query), arguments, cancellation: TestContext.Current.CancellationToken))
            new CsvFormat().WriteAll(execution, output);
        Golden.Equal(Path.Combine(mode, $"{query}.csv"), output.ToString());
    }
}
