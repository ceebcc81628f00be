namespace Replay.Cli.Commands;

/// <summary>NAME=VALUE options.</summary>
internal static class Settings
{
    public static Dictionary<string, string> Parse(string[] settings, string option)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var setting in settings)
        {
            var equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new UsageException($"{option} {setting}: write NAME=VALUE.");
            values[setting[..equals]] = setting[(equals + 1)..];
        }

        return values;
    }
}
