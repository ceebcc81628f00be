using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Replay.Recorder.Qemu;

/// <summary>The QEMU that runs the guest: where it is and which version.</summary>
public sealed partial record QemuInstallation(string Path, Version Version)
{
    public const string ProgramName = "qemu-system-x86_64";

    private const string Remedy = "install 10.0 or newer (Debian 12: apt install -t bookworm-backports qemu-system-x86), or name it with --qemu PATH";

    /// <summary>The oldest release whose plugins see registers and stored values as this recorder needs them.</summary>
    public static Version Oldest { get; } = new(10, 0);

    /// <exception cref="RecorderException">It is missing or too old.</exception>
    public static QemuInstallation Find(string? path)
    {
        var program = path ?? Which(ProgramName) ?? throw Missing($"{ProgramName} is not installed: {Remedy}.");
        var banner = Banner(program);
        if (VersionPattern().Match(banner) is not { Success: true } match)
            throw Missing($"{program} does not say that it is QEMU ({FirstLine(banner)}): {Remedy}.");
        var version = Version.Parse(match.Groups[1].Value);
        if (version < Oldest)
            throw Missing($"{program} is QEMU {version}, too old: {Remedy}.");
        return new QemuInstallation(program, version);
    }

    /// <summary>The first file of that name on the search path.</summary>
    internal static string? Which(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => System.IO.Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);

    private static string Banner(string program)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, ["--version"])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginErrorReadLine();
            var text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return text;
        }
        catch (Win32Exception error)
        {
            throw Missing($"{program} cannot be run ({error.Message}): {Remedy}.");
        }
    }

    private static string FirstLine(string text) => text.Split('\n', 2)[0].Trim() is { Length: > 0 } line ? line : "it prints nothing";

    private static RecorderException Missing(string line) => new(RecorderFailure.ToolMissing, line);

    [GeneratedRegex(@"QEMU emulator version (\d+\.\d+(?:\.\d+)?)")]
    private static partial Regex VersionPattern();
}
