using System.Globalization;

namespace Replay.RealKvm;

/// <summary>What the VMM wrote down of the host: where guest memory and the vCPUs are, and which frame backs which page.</summary>
internal sealed class Host
{
    /// <summary>The kernel's map of all memory, without address randomisation and with four levels.</summary>
    public const ulong PageOffset = 0xffff_8880_0000_0000;

    private readonly Dictionary<ulong, ulong> _gfnOf = [];
    private readonly List<(ulong Vcpu, Dictionary<ulong, string> Mmus)> _vcpus = [];

    private Host(ulong emptyEntry, ulong memorySize, ulong memoryAt, int vcpus)
    {
        EmptyEntry = emptyEntry;
        MemorySize = memorySize;
        MemoryAt = memoryAt;
        Vcpus = vcpus;
    }

    /// <summary>What an entry holds that was never written or was cleared.</summary>
    public ulong EmptyEntry { get; }

    public ulong MemorySize { get; }

    public ulong MemoryAt { get; }

    public int Vcpus { get; }

    public static Host Load(string folder)
    {
        var lines = File.ReadAllLines(Path.Combine(folder, "host.txt")).Select(Words).ToList();
        var first = lines[0];
        var host = new Host(Hex.Parse(first["empty_entry"]), Hex.Parse(first["memory"]), Hex.Parse(first["at"]), int.Parse(first["vcpus"], CultureInfo.InvariantCulture));
        foreach (var line in lines.Skip(1))
        {
            var mmus = line.Where(word => word.Key.EndsWith("_mmu", StringComparison.Ordinal)).ToDictionary(word => Hex.Parse(word.Value), word => word.Key[..^4]);
            host._vcpus.Add((Hex.Parse(line["vcpu"]), mmus));
        }

        // A page may have got another frame on the way (copy on write): the frames of both ends count.
        foreach (var name in new[] { "pagemap-start.txt", "pagemap-end.txt" })
        {
            foreach (var run in File.ReadLines(Path.Combine(folder, name)).Select(line => line.Split(' ').Select(Hex.Parse).ToArray()))
            {
                for (var i = 0ul; i < run[1]; i++)
                    host._gfnOf[run[2] + i] = run[0] + i;
            }
        }

        return host;
    }

    /// <summary>Probes print virtual addresses of tables, some tracepoints physical ones.</summary>
    public static ulong Physical(ulong address) => address >= PageOffset ? address - PageOffset : address;

    /// <summary>The guest frame that a host frame backs.</summary>
    public bool TryGfn(ulong pfn, out ulong gfn) => _gfnOf.TryGetValue(pfn, out gfn);

    public string Frame(ulong pfn) => TryGfn(pfn, out var gfn) ? $"g{gfn:x}" : $"p{pfn:x}";

    /// <summary>The number of the vCPU whose structure is here.</summary>
    public int? VcpuAt(ulong address) => _vcpus.FindIndex(vcpu => vcpu.Vcpu == address) is var found and >= 0 ? found : null;

    /// <summary>Which MMU of which vCPU is here: <c>root</c>, <c>guest</c>, <c>nested</c>.</summary>
    public (int? Vcpu, string Name) MmuAt(ulong address)
    {
        var found = _vcpus.FindIndex(vcpu => vcpu.Mmus.ContainsKey(address));
        return found < 0 ? (null, "?") : (found, _vcpus[found].Mmus[address]);
    }

    private static Dictionary<string, string> Words(string line) =>
        line.Split(' ').Select(word => word.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
}

/// <summary>The x86 entry format, as far as names need it.</summary>
internal static class Entry
{
    public const ulong FrameMask = 0xf_ffff_ffff;
    public const ulong AccessedDirty = 0x60;
    public const ulong Nonleaf = 0x827;
    private const ulong MmuPresent = 1 << 11;
    private const ulong LargePage = 1 << 7;

    public static ulong Frame(ulong entry) => entry >> 12 & FrameMask;

    public static bool IsPresent(ulong entry) => (entry & MmuPresent) != 0;

    /// <summary>At a level above the first.</summary>
    public static bool IsLink(ulong entry) => (entry & (MmuPresent | 1)) == (MmuPresent | 1) && (entry & LargePage) == 0;

    /// <summary><c>g100 fl=e67</c>, <c>->S5 fl=827</c>, <c>np:5a0</c>, <c>nonmmu:...</c>, <c>0</c>.</summary>
    public static string Text(ulong entry, Host host, IReadOnlyDictionary<ulong, string> tables)
    {
        if (entry == 0)
            return "0";
        if (!IsPresent(entry))
            return (entry & 1) != 0 ? $"nonmmu:{entry:x}" : $"np:{entry:x}";
        var flags = entry & ~(FrameMask << 12);
        if ((entry & LargePage) == 0 && tables.TryGetValue(Frame(entry), out var table))
            return $"->{table} fl={flags:x}";
        return $"{host.Frame(Frame(entry))} fl={flags:x}";
    }
}

/// <summary><c>union kvm_mmu_page_role</c>.</summary>
internal static class Role
{
    private static readonly (string Name, int Shift, int Bits)[] Parts =
    [
        ("level", 0, 4), ("gpte4", 4, 1), ("quad", 5, 2), ("direct", 7, 1), ("access", 8, 3), ("invalid", 11, 1), ("nx", 12, 1), ("wp", 13, 1), ("smep", 14, 1), ("smap", 15, 1),
        ("ad_dis", 16, 1), ("guest", 17, 1), ("pass", 18, 1),
    ];

    private static readonly HashSet<string> AlwaysInTables = new(["level", "direct", "access", "nx", "wp"], StringComparer.Ordinal);

    /// <summary>In a trace: level and access, and what else is not zero.</summary>
    public static string InTrace(ulong role) =>
        $"role={role:x}({string.Join(',', Parts.Where(p => p.Name is "level" or "access" || Part(role, p) != 0).Select(p => $"{TraceName(p.Name)}{Part(role, p)}"))})";

    public static string InTables(ulong role) =>
        $"role={role:x8} {string.Join(' ', Parts.Where(p => AlwaysInTables.Contains(p.Name) || Part(role, p) != 0).Select(p => $"{p.Name}={Part(role, p)}"))}";

    private static string TraceName(string name) => name switch { "access" => "acc", "ad_dis" => "addis", _ => name };

    private static ulong Part(ulong role, (string Name, int Shift, int Bits) part) => role >> part.Shift & (1ul << part.Bits) - 1;
}
