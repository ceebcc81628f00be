using System.ComponentModel;
using System.Diagnostics;

namespace Replay.Benchmarks;

/// <summary>A program in C from <c>native/</c>, compiled for this machine: what a benchmark holds itself against.</summary>
internal sealed class NativeProgram : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("replay-benchmark-");
    private readonly string _path;

    private NativeProgram(string name) => _path = Path.Combine(_folder.FullName, name);

    /// <param name="name">Of the source, without <c>.c</c>.</param>
    /// <param name="arguments">More for the compiler, such as libraries.</param>
    /// <returns>Null: there is no C compiler.</returns>
    /// <exception cref="InvalidOperationException">It does not compile.</exception>
    public static NativeProgram? Compile(string name, params ReadOnlySpan<string> arguments)
    {
        var program = new NativeProgram(name);
        if (Start("cc", ["-O3", "-march=native", "-o", program._path, Path.Combine(AppContext.BaseDirectory, "native", name + ".c"), .. arguments]) is not null)
            return program;
        program.Dispose();
        return null;
    }

    /// <returns>The lines it printed.</returns>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public string[] Run(params string[] arguments) => Start(_path, arguments)!.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose() => _folder.Delete(recursive: true);

    private static string? Start(string program, string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} failed with {process.ExitCode}.");
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
