namespace Replay.Analyzer.Schema;

/// <summary>What marks a file as a Replay database, and which schema it has.</summary>
public static class DatabaseSchema
{
    /// <summary>SQLite's <c>application_id</c> of a Replay database: <c>RPLY</c>.</summary>
    public const int ApplicationId = 0x52504C59;

    /// <summary>The schema this tool writes, in <c>user_version</c>: the number of the last migration.</summary>
    public static int Version => SqlFiles.Migrations.Count;

    /// <summary>The statements that bring a database of schema <paramref name="from"/> (0: an empty file) to <see cref="Version"/>.</summary>
    internal static IEnumerable<string> Upgrade(int from)
    {
        foreach (var migration in SqlFiles.Migrations.Skip(from))
            yield return migration.Text;
        foreach (var view in SqlFiles.Views)
        {
            yield return $"DROP VIEW IF EXISTS {view.Name}";
            yield return view.Text;
        }

        yield return $"PRAGMA application_id = {ApplicationId}";
        yield return $"PRAGMA user_version = {Version}";
    }
}
