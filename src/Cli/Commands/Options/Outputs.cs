namespace Replay.Cli.Commands;

/// <summary>Outputs named on the command line.</summary>
internal static class Outputs
{
    /// <summary>Writes a file under another name beside it, and gives it its own when it is whole.</summary>
    /// <param name="path">The file.</param>
    /// <param name="force">It may be there.</param>
    /// <param name="write">Writes to the path it is given.</param>
    /// <exception cref="OutputExistsException">It is there.</exception>
    public static void Whole(string path, bool force, Action<string> write)
    {
        if (File.Exists(path) && !force)
            throw new OutputExistsException($"{path}: exists. Use --force to overwrite it, or another name.");
        var partial = path + ".partial";
        File.Delete(partial);
        try
        {
            write(partial);
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

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
