namespace Replay.Cli.Commands;

/// <summary>Outputs named on the command line.</summary>
internal static class Outputs
{
    /// <summary>The path, if its folder is there: told before any work begins.</summary>
    /// <exception cref="OutputExistsException">The folder is not there.</exception>
    public static string Checked(string path)
    {
        var folder = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        return folder is null || Directory.Exists(folder)
            ? path
            : throw new OutputExistsException($"{path}: the folder {folder} is not there. Make it first, or name another.");
    }
}
