using Replay.Trace.Storage;

namespace Replay.Fuzz;

/// <summary>Everything that reads bytes or text which somebody else may have made or damaged.</summary>
internal static class Parsers
{
    /// <summary>Names, and how each is made: with its name, and a folder that is its own.</summary>
    public static IReadOnlyList<(string Name, Func<string, string, Parser> Make)> All { get; } =
    [
        ("manifest of a capture", (name, _) => new ManifestParser(name)),
        ("access file", (name, folder) => new CaptureFileParser(name, folder, "accesses-00000.parquet", rips: false, filter: true)),
        ("access file of every access, with instructions", (name, folder) => new CaptureFileParser(name, folder, "accesses-00000.parquet", rips: true, filter: false)),
        ("event file", (name, folder) => new CaptureFileParser(name, folder, "events-00000.parquet", rips: false, filter: true)),
        ("touch index", (name, folder) => new CaptureFileParser(name, folder, CaptureLayout.TouchFile(0), rips: false, filter: false)),
        ("documents of events", (name, _) => new DetailParser(name)),
        ("host events", (name, _) => new HostScriptParser(name)),
        ("plugin's wire, into chunks", (name, folder) => new WireParser(name, folder, blocks: false)),
        ("plugin's wire, into blocks", (name, folder) => new WireParser(name, folder, blocks: true)),
        ("QEMU's memory tree", (name, _) => new MemoryTreeParser(name)),
        ("QEMU's machine protocol", (name, _) => new QmpParser(name)),
        ("what Bochs's debugger prints", (name, _) => new BochsParser(name)),
        ("kernel for Bochs", (name, folder) => new MultibootParser(name, folder)),
        ("tracefs text", (name, _) => new TraceParser(name, ["amd-shadow-mmio.4k.trace.gz", "intel-ept-tdp-mmio.4k.trace.gz", "linux-3.6.txt", "linux-4.19.txt", "linux-6.8.txt", "linux-6.1-nested-npt.txt"])),
        ("trace-cmd report", (name, _) => new TraceParser(name, ["trace-cmd-report.txt"])),
        ("perf script", (name, _) => new TraceParser(name, ["perf-script.txt"])),
        ("traces, as they are imported", (name, folder) => new ImportParser(name, folder)),
        ("System.map and kallsyms", (name, folder) => new SymbolParser(name, folder, elf: false)),
        ("symbols of an ELF file", (name, folder) => new SymbolParser(name, folder, elf: true)),
        ("plan of a sweep", (name, folder) => new SweepPlanParser(name, folder)),
        ("tasks of a sweep", (name, folder) => new SweepFolderParser(name, folder, result: false)),
        ("result of a sweep's task", (name, folder) => new SweepFolderParser(name, folder, result: true)),
        ("key of a run in a folder", (name, folder) => new RunKeyParser(name, folder)),
        ("costs", (name, folder) => new CostParser(name, folder)),
        ("conformance case", (name, folder) => new CaseParser(name, folder)),
        ("ELF file of a guest", (name, folder) => new GuestProgramParser(name, folder)),
        ("checkpoint", (name, folder) => new CheckpointParser(name, folder)),
        ("spool", (name, folder) => new SpoolParser(name, folder)),
        ("database", (name, folder) => new DatabaseParser(name, folder)),
    ];

    /// <summary>Takes a file for the parsers that want one.</summary>
    public static string Put(string folder, string name, byte[] content)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
