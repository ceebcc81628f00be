namespace Replay.Trace.Storage;

/// <summary>The directory of a capture: made for a new one, looked over before one is read.</summary>
internal static class CaptureDirectory
{
    /// <exception cref="CaptureExistsException">Something stands there already.</exception>
    public static void Create(string directory, bool force)
    {
        if (File.Exists(directory))
            throw new CaptureExistsException($"{directory}: a file has this name. Choose another name for the capture.");
        if (Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any())
            Clear(directory, force);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(directory);
        else
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (Path.GetDirectoryName(Path.GetFullPath(Path.TrimEndingDirectorySeparator(directory))) is { } parent)
            DurableFile.FlushDirectory(parent);
    }

    /// <summary>Removes the files that a capture consists of, and the directory if nothing else is in it.</summary>
    public static void Remove(string directory)
    {
        File.Delete(Path.Combine(directory, CaptureLayout.Manifest));
        foreach (var file in Directory.GetFiles(directory).Where(file => CaptureLayout.Owns(Path.GetFileName(file))))
            File.Delete(file);
        if (!Directory.EnumerateFileSystemEntries(directory).Any())
            Directory.Delete(directory);
    }

    /// <summary>
    /// Sees that every part is there, and that a complete capture has no part beyond its manifest, which a glob would read and we would not.
    /// (The part that a killed recorder had published but not yet entered is such a one; it is passed over.)
    /// </summary>
    /// <exception cref="CaptureFormatException">Files and manifest do not agree.</exception>
    public static void CheckFiles(string directory, CaptureManifest manifest)
    {
        var named = new HashSet<string>(StringComparer.Ordinal);
        foreach (var part in manifest.Parts)
        {
            named.Add(part.AccessFile);
            named.Add(part.EventFile);
        }
        foreach (var name in named.Order(StringComparer.Ordinal))
        {
            if (!File.Exists(Path.Combine(directory, name)))
                throw new CaptureFormatException($"{Path.Combine(directory, name)}: missing, but the manifest names it. Copy the whole capture again.");
        }
        if (!manifest.Complete)
            return;
        var files = Directory.EnumerateFiles(directory, CaptureLayout.AccessPattern).Concat(Directory.EnumerateFiles(directory, CaptureLayout.EventPattern));
        if (files.Order(StringComparer.Ordinal).FirstOrDefault(file => !named.Contains(Path.GetFileName(file))) is { } stray)
            throw new CaptureFormatException($"{stray}: the manifest does not name it. Remove it, or copy the whole capture again.");
    }

    /// <summary>Its recorder was killed before there was a manifest, so that nothing is recorded there: at most files that were never finished.</summary>
    public static bool IsStillborn(string directory) =>
        Directory.Exists(directory)
        && Directory.EnumerateFileSystemEntries(directory).Select(entry => Path.GetFileName(entry)).All(name => CaptureLayout.Owns(name) && name.EndsWith(CaptureLayout.Partial, StringComparison.Ordinal));

    private static void Clear(string directory, bool force)
    {
        // Whatever --force is aimed at by mistake, only files that a capture consists of are deleted, and only if there is nothing else.
        var entries = Directory.GetFileSystemEntries(directory);
        if (entries.FirstOrDefault(entry => !File.Exists(entry) || !CaptureLayout.Owns(Path.GetFileName(entry))) is { } foreign)
            throw new CaptureExistsException($"{directory}: exists and is not a capture (it holds {Path.GetFileName(foreign)}). Choose another name.");
        if (!force && !IsStillborn(directory))
            throw new CaptureExistsException($"{directory}: exists. Choose another name, or replace it with --force.");
        File.Delete(Path.Combine(directory, CaptureLayout.Manifest));
        foreach (var entry in entries)
            File.Delete(entry);
    }
}
