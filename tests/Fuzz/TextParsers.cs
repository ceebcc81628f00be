using System.IO.Compression;
using System.Text;
using Replay.Analyzer.Conformance;
using Replay.Analyzer.Diff.Costs;
using Replay.Cli;
using Replay.Cli.Commands;
using Replay.Cli.Importing;
using Replay.Cli.Sweeping;
using Replay.Recorder.Ftrace;
using Replay.Recorder.Qemu;

namespace Replay.Fuzz;

/// <summary>Lines of traces of real hosts, some at a time: each is taken, or named as damaged.</summary>
internal sealed class TraceParser(string name, string[] files) : Parser(name), IFtraceProblems
{
    private const int Lines = 12;

    private long _damaged;

    public override IReadOnlyList<byte[]> Seeds { get; } = [.. files.SelectMany(file => Pieces(file))];

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        _damaged = 0;
        var survey = new HostSurvey();
        var summary = FtraceReader.Read(new MemoryStream(input), survey, this, null, default);
        survey.Findings(summary.Events);
        var lines = input.AsSpan().Count((byte)'\n') + (input.Length > 0 && input[^1] != (byte)'\n' ? 1 : 0);
        if (summary.Lines != lines || summary.Events + summary.DamagedLines + summary.LossMarkers > summary.Lines || _damaged != summary.DamagedLines + summary.UnreadableEvents)
            throw new InvalidOperationException($"of {lines} lines {summary.Lines} were read, {summary.Events} events, {summary.DamagedLines} damaged, {_damaged} told");
        return _damaged == 0 ? Fate.Read : Fate.Refused;
    }

    public void OnDamaged(long line, string what, string text) => _damaged++;

    private static IEnumerable<byte[]> Pieces(string file) => Pieces(file, Lines).Where(piece => new TraceProbe().IsWhole(piece));

    /// <summary>A file in pieces of some lines.</summary>
    public static List<byte[]> Pieces(string file, int lines)
    {
        using var stream = File.OpenRead(Repository.Data("ftrace", file));
        using Stream text = file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(stream, CompressionMode.Decompress) : stream;
        using var reader = new StreamReader(text, Encoding.Latin1);
        return [.. reader.ReadToEnd().Split('\n').Where(line => line.Length > 0 && line[0] != '#').Take(6000).Chunk(lines).Select(piece => Encoding.Latin1.GetBytes(string.Join('\n', piece) + "\n"))];
    }

    /// <summary>A piece may begin in the middle of an event of several lines.</summary>
    private sealed class TraceProbe : IFtraceProblems
    {
        private bool _isDamaged;

        public bool IsWhole(byte[] piece)
        {
            FtraceReader.Read(new MemoryStream(piece), new HostSurvey(), this, null, default);
            return !_isDamaged;
        }

        public void OnDamaged(long line, string what, string text) => _isDamaged = true;
    }
}

/// <summary>Traces in longer pieces, on their whole way into a history.</summary>
internal sealed class ImportParser : Parser, IFtraceProblems
{
    private const int Lines = 60;

    private static readonly string[] Files = ["amd-shadow-mmio.4k.trace.gz", "intel-ept-tdp-mmio.4k.trace.gz", "amd-npt-smpcr3.4k.trace.gz", "linux-6.1-nested-npt.txt", "linux-6.1-nested-shadow.txt", "perf-script.txt"];

    private readonly string _folder;

    public ImportParser(string name, string folder)
        : base(name)
    {
        _folder = folder;
        Seeds = [.. Files.SelectMany(file => TraceParser.Pieces(file, Lines)).Where(IsTelling)];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        using var text = FtraceInput.Open(Parsers.Put(_folder, "trace.txt", input));
        var findings = text.Survey();
        var plan = new ImportPlan { Host = HostChoice.Choose(findings, null, null, null), Outlook = ImportPlan.OutlookOf(findings) };
        TraceImport.Again(text, plan, this, (_, _) => { }, default);
        return Fate.Read;
    }

    public void OnDamaged(long line, string what, string text)
    {
    }

    /// <summary>Enough of a trace to know the host by.</summary>
    private bool IsTelling(byte[] piece)
    {
        try
        {
            return Read(piece) == Fate.Read;
        }
        catch (UsageException)
        {
            return false;
        }
    }
}

/// <summary>Names by address.</summary>
internal sealed class SymbolParser(string name, string folder, bool elf) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } = elf
        ? [Elf()]
        : ["ffffffff81000000 T _text\nffffffff81000000 T startup_64\nffffffff81000100 t other\n0000000000000000 T nothing\nffffffff82000000 D data\nffffffffc0100000 t kvm_mmu_page_fault\t[kvm]\n"u8.ToArray()];

    public override bool IsText => !elf;

    public override Fate Read(byte[] input)
    {
        SymbolTable.Read([Parsers.Put(folder, "symbols", input)]).Find(0xffff_ffff_8100_0010);
        return Fate.Read;
    }

    /// <summary>A header, two sections: symbols and their names.</summary>
    private static byte[] Elf()
    {
        var file = new byte[64 + (3 * 64) + (3 * 24) + 32];
        "\u007fELF"u8.CopyTo(file);
        (file[4], file[5]) = (2, 1);
        BitConverter.TryWriteBytes(file.AsSpan(0x28), 64UL);
        BitConverter.TryWriteBytes(file.AsSpan(0x3c), (ushort)3);
        Section(1, 2, 256, 72, 2);
        Section(2, 3, 328, 32, 0);
        for (var symbol = 0; symbol < 3; symbol++)
        {
            var at = file.AsSpan(256 + (symbol * 24));
            BitConverter.TryWriteBytes(at, 1 + (symbol * 5));
            at[4] = 2;
            BitConverter.TryWriteBytes(at[6..], (ushort)1);
            BitConverter.TryWriteBytes(at[8..], 0xffff_ffff_8100_0000 + ((ulong)symbol << 8));
        }

        "\0text\0main\0last\0"u8.CopyTo(file.AsSpan(328));
        return file;

        void Section(int number, uint type, ulong start, ulong size, uint link)
        {
            var at = file.AsSpan(64 + (number * 64));
            BitConverter.TryWriteBytes(at[4..], type);
            BitConverter.TryWriteBytes(at[0x18..], start);
            BitConverter.TryWriteBytes(at[0x20..], size);
            BitConverter.TryWriteBytes(at[0x28..], link);
        }
    }
}

/// <summary>A plan, and its tasks.</summary>
internal sealed class SweepPlanParser(string name, string folder) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        """
        detail = "all"
        [[workload]]
        name = "demand-paging"
        seeds = [1, 2]
        max-accesses = 1000
        knobs = { pages = 4096 }
        [matrix]
        mmu = ["ept", "shadow"]
        kernel = ["6.12"]
        host-pages = ["4k", "thp"]
        module-param = ["", "eptad=N"]
        [[exclude]]
        mmu = "shadow"
        host-pages = "thp"
        """u8.ToArray(),
    ];

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        _ = SweepPlan.Read(Parsers.Put(folder, "plan.toml", input)).Tasks().Count;
        return Fate.Read;
    }
}

/// <summary>A table of costs.</summary>
internal sealed class CostParser(string name, string folder) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } = [File.ReadAllBytes(Repository.PathOf("schemas", "costs", "default.json"))];

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        CostTable.Read(Parsers.Put(folder, "costs.json", input));
        return Fate.Read;
    }
}

/// <summary>case.json.</summary>
internal sealed class CaseParser(string name, string folder) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } =
        [.. Directory.EnumerateFiles(Repository.Data("conformance"), "case.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Where((_, index) => index % 40 == 0).Select(File.ReadAllBytes)];

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        Parsers.Put(folder, "case.json", input);
        ConformanceCase.Load(folder);
        return Fate.Read;
    }
}

/// <summary>The program of a conformance case.</summary>
internal sealed class GuestProgramParser(string name, string folder) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } = [File.ReadAllBytes(Repository.Data("payloads", "lm4k.elf")).AsSpan(0, 8192).ToArray()];

    public override Fate Read(byte[] input)
    {
        var program = CaseProgram.Read(Parsers.Put(folder, "guest.elf", input));
        foreach (var segment in program.Segments.Take(8))
            _ = program.BytesAt(segment.Gpa, 16).Length + program.BytesAt(segment.Gpa + segment.Length - 1, 16).Length;
        return Fate.Read;
    }
}

/// <summary>What QEMU's monitor says of memory. The recorder's caller tells a user of a text without a view.</summary>
internal sealed class MemoryTreeParser(string name) : Parser(name)
{
    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        """
        FlatView #0
         AS "memory", root: system
         AS "cpu-memory-0", root: system
         Root memory region: system
          0000000000000000-000000000009ffff (prio 0, ram): pc.ram
          00000000000a0000-00000000000affff (prio 1, i/o): vga-lowmem
          00000000000c0000-00000000000cafff (prio 0, rom): pc.ram @00000000000c0000
          0000000000100000-0000000003ffffff (prio 0, ram): pc.ram @0000000000100000
          00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios

        """u8.ToArray(),
    ];

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        var text = Encoding.UTF8.GetString(input);
        try
        {
            new MemoryMap("pc.ram").Update(FlatView.Parse(text), FlatView.ParseBlocks(text));
            return Fate.Read;
        }
        catch (FormatException)
        {
            return Fate.Refused;
        }
    }
}
