using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Replay.Trace.Tests;

/// <summary>
/// A recorder in a process of its own, to be killed: this test program started again with a variable in its environment, in which case it
/// records until the end of its days instead of testing.
/// </summary>
internal static class DoomedRecorder
{
    public const int PartRows = 1000;

    private const string Variable = "REPLAY_DOOMED_RECORDER";

    public static Process Start(string capture)
    {
        var program = Environment.ProcessPath!;
        var assembly = typeof(DoomedRecorder).Assembly.Location;
        var start = new ProcessStartInfo(program) { UseShellExecute = false, RedirectStandardOutput = true, Environment = { [Variable] = capture } };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
            start.ArgumentList.Add(assembly);
        return Process.Start(start)!;
    }

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "This is a program, not a library; its Main is the test runner's.")]
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } capture)
            return;
        using var writer = CaptureWriter.Create(capture, Captures.Manifest());
        for (var first = 0L; ; first += PartRows)
        {
            Captures.Simple(PartRows, first).WriteTo(writer, hasRips: false, chunkRows: 77);
            writer.ClosePart();
            Console.WriteLine("part");
        }
    }
}
