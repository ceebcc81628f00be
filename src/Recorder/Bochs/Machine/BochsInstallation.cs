using System.Diagnostics;
using System.Text.RegularExpressions;
using Replay.Recorder.Qemu;

namespace Replay.Recorder.Bochs;

/// <summary>The Bochs that runs the guest: where it is and which version.</summary>
/// <param name="Path">The program.</param>
/// <param name="Version">What it says it is.</param>
/// <param name="Cpus">The CPUs it knows.</param>
public sealed partial record BochsInstallation(string Path, Version Version, IReadOnlyList<string> Cpus)
{
    public const string ProgramName = "bochs";

    private const string Remedy = "install 2.7 with its debugger (Debian: apt install bochs bochs-sdl bochsbios vgabios), or name it with --bochs PATH";

    /// <summary>Whose trace was read, and whose VMCS in memory is known.</summary>
    private static Version Oldest { get; } = new(2, 7);

    /// <exception cref="RecorderException">It is missing or too old.</exception>
    public static BochsInstallation Find(string? path)
    {
        var program = path ?? QemuInstallation.Which(ProgramName) ?? throw Missing($"{ProgramName} is not installed: {Remedy}.");
        var banner = Banner(program);
        if (VersionPattern().Match(banner) is not { Success: true } match)
            throw Missing($"{program} does not say that it is Bochs: {Remedy}.");
        var version = Version.Parse(match.Groups[1].Value);
        if (version < Oldest)
            throw Missing($"{program} is Bochs {version}, too old: {Remedy}.");
        var names = banner.Split('\n').SkipWhile(static line => !line.StartsWith("Supported CPU models", StringComparison.Ordinal)).Skip(1);
        return new BochsInstallation(program, version, [.. names.Select(static line => line.Trim()).Where(static line => NamePattern().IsMatch(line))]);
    }

    /// <exception cref="RecorderException">It does not know the CPU.</exception>
    public void Check(string cpu)
    {
        if (Cpus.Count > 0 && !Cpus.Contains(cpu))
            throw new RecorderException(RecorderFailure.Usage, $"record bochs: Bochs has no CPU '{cpu}': take one of {string.Join(", ", Cpus)}.");
    }

    private static string Banner(string program)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, ["--help", "cpu"]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return errors.GetAwaiter().GetResult() + text;
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw Missing($"{program} cannot be run ({error.Message}): {Remedy}.");
        }
    }

    private static RecorderException Missing(string line) => new(RecorderFailure.ToolMissing, line);

    [GeneratedRegex(@"Bochs x86 Emulator (\d+\.\d+(?:\.\d+)?)")]
    private static partial Regex VersionPattern();

    [GeneratedRegex("^[a-z0-9_]+$")]
    private static partial Regex NamePattern();
}
