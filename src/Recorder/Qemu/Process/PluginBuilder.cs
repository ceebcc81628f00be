using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Replay.Recorder.Qemu;

/// <summary>Compiles the plugin from the sources this assembly carries, once for each state of the sources.</summary>
public static class PluginBuilder
{
    private const string ResourceFolder = "native/qemu/";
    private const string Library = "replay_plugin.so";

    private static readonly string[] Flags = ["-O2", "-std=gnu11", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra"];

    /// <summary>The plugin's sources by file name.</summary>
    public static IReadOnlyDictionary<string, string> Sources { get; } = LoadSources();

    /// <summary>The compiled plugin, from the user's cache or made now.</summary>
    /// <exception cref="RecorderException">There is no C compiler, or it fails.</exception>
    public static string Build() => Build(CacheDirectory());

    internal static string Build(string cache)
    {
        var directory = Path.Combine(cache, $"plugin-{SourceHash()}");
        var library = Path.Combine(directory, Library);
        if (File.Exists(library))
        {
            if (!FileOwner.IsMineAlone(directory) || !FileOwner.IsMine(library))
                throw new RecorderException(RecorderFailure.CannotCreate, $"{directory}: is not yours, or others can change it, and QEMU would load what is in it. Remove it.");
            return library;
        }

        var work = Path.Combine(cache, $".plugin-{Path.GetRandomFileName()}");
        try
        {
            Directory.CreateDirectory(cache);
            // Others must not be able to place what QEMU will load.
            PrivateDirectory.Make(work);
            Compile(work, Path.Combine(work, Library), []);
            Publish(work, directory);
            return library;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecorderException(RecorderFailure.CannotCreate, $"The QEMU plugin cannot be built under {cache}: {error.Message}", error);
        }
        finally
        {
            if (Directory.Exists(work))
                Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Writes the sources into <paramref name="directory"/> and compiles them there.</summary>
    internal static void Compile(string directory, string output, IEnumerable<string> moreFlags)
    {
        foreach (var (name, text) in Sources)
            File.WriteAllText(Path.Combine(directory, name), text);
        var units = Sources.Keys.Where(static name => name.EndsWith(".c", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        var (code, messages) = RunCompiler(directory, [.. Flags, .. moreFlags, "-o", output, .. units, "-lpthread", "-ldl"]);
        if (code != 0)
            throw new RecorderException(RecorderFailure.ToolMissing, $"The C compiler {Compiler()} cannot build the QEMU plugin: {FirstError(messages)}");
    }

    private static (int Code, string Messages) RunCompiler(string directory, IEnumerable<string> arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(Compiler(), arguments)
            {
                WorkingDirectory = directory,
                UseShellExecute = false,
                RedirectStandardError = true,
            })!;
            var messages = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, messages);
        }
        catch (Win32Exception error)
        {
            throw new RecorderException(
                RecorderFailure.ToolMissing,
                $"The C compiler {Compiler()} is missing, which builds the QEMU plugin at its first use: install gcc or clang (Debian: apt install gcc libc6-dev).",
                error);
        }
    }

    private static void Publish(string work, string directory)
    {
        try
        {
            Directory.Move(work, directory);
        }
        catch (IOException) when (File.Exists(Path.Combine(directory, Library)))
        {
            // Another recorder was faster; its result is the same.
        }
    }

    private static string Compiler() => Environment.GetEnvironmentVariable("CC") is { Length: > 0 } named ? named : "cc";

    private static string CacheDirectory()
    {
        var root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(root))
            root = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(root, "replay");
    }

    private static string SourceHash()
    {
        var all = new StringBuilder(string.Join(' ', Flags));
        foreach (var (name, text) in Sources)
            all.Append('\n').Append(name).Append('\n').Append(text);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all.ToString())))[..16];
    }

    private static string FirstError(string messages) =>
        messages.Split('\n').FirstOrDefault(static line => line.Contains("error", StringComparison.Ordinal))?.Trim() ?? "it gives no reason";

    private static SortedDictionary<string, string> LoadSources()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var sources = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var resource in assembly.GetManifestResourceNames().Where(static name => name.StartsWith(ResourceFolder, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            sources.Add(resource[ResourceFolder.Length..], reader.ReadToEnd());
        }
        return sources;
    }
}
