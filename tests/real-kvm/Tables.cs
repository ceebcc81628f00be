using System.Globalization;
using System.Text.RegularExpressions;

namespace Replay.RealKvm;

/// <summary>A table page in a dump.</summary>
internal sealed record DumpedPage
{
    public required ulong Physical { get; init; }

    public required ulong Gfn { get; init; }

    public required ulong RoleWord { get; init; }

    public required string List { get; init; }

    /// <summary>The fields behind the role, as they are written.</summary>
    public required string Fields { get; init; }

    public required IReadOnlyList<ulong> Parents { get; init; }

    public SortedDictionary<int, (ulong Value, string? Translation)> Entries { get; } = [];

    public int Level => (int)(RoleWord & 15);
}

/// <summary>pae_root or pml4_root of a vCPU: an array of roots that is no shadow page.</summary>
internal sealed record DumpedRoots(int Vcpu, string Name, ulong Physical)
{
    public SortedDictionary<int, (ulong Value, string? Translation)> Entries { get; } = [];
}

/// <summary>One of a vCPU's MMUs: its roles and roots, the current one first.</summary>
internal sealed record DumpedMmu(string Name)
{
    public Dictionary<string, string> Words { get; } = new(StringComparer.Ordinal);

    public List<(string Name, ulong Hpa, ulong Pgd)> Roots { get; } = [];
}

internal sealed record DumpedVcpu
{
    /// <summary>The MMU in use.</summary>
    public DumpedMmu Current { get; } = new("");

    /// <summary>root_mmu and guest_mmu.</summary>
    public List<DumpedMmu> Mmus { get; } = [];

    /// <summary>Where a nested guest stands.</summary>
    public Dictionary<string, string> Nested { get; } = new(StringComparer.Ordinal);

    public string Pdptrs { get; set; } = "";

    /// <summary>The guest has one of its own, or had.</summary>
    public bool RanNested => Nested.GetValueOrDefault("guest_mode") is "1" || Mmus.Exists(mmu => mmu.Name == "guest_mmu" && Hex.Parse(mmu.Words["cpu_role"]) != 0);
}

/// <summary>All tables at a checkpoint, as the VMM found them in the kernel's memory.</summary>
internal sealed partial class Dump(string name)
{
    public string Name { get; } = name;

    public string By { get; private set; } = "0";

    public string Vm { get; private set; } = "";

    public List<DumpedVcpu> Vcpus { get; } = [];

    public List<DumpedRoots> Specials { get; } = [];

    public List<DumpedPage> Pages { get; } = [];

    public static IEnumerable<Dump> Read(string path)
    {
        Dump? dump = null;
        SortedDictionary<int, (ulong, string?)>? entries = null;
        foreach (var line in File.ReadLines(path))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] == "CKPT")
            {
                dump = new Dump(words[1]);
            }
            else if (dump is null)
            {
                throw new FormatException($"{path}: '{line}' belongs to no checkpoint");
            }
            else if (words[0] == "END")
            {
                yield return dump;
                dump = null;
            }
            else if (line.StartsWith("  ", StringComparison.Ordinal))
            {
                entries![int.Parse(words[0], CultureInfo.InvariantCulture)] = (Hex.Parse(words[1]), words.Length > 2 ? words[2] : null);
            }
            else
            {
                entries = dump.Add(line, words) ?? entries;
            }
        }

        if (dump is not null)
            throw new FormatException($"{path}: ends within checkpoint {dump.Name}");
    }

    /// <returns>Where the entries on the lines that follow belong.</returns>
    private SortedDictionary<int, (ulong, string?)>? Add(string line, string[] words)
    {
        switch (words[0])
        {
            case "by":
                By = words[1];
                return null;
            case "vm":
                Vm = line;
                return null;
            case "page":
                var page = ReadPage(line);
                Pages.Add(page);
                return page.Entries;
            default:
                return AddVcpu(words);
        }
    }

    private SortedDictionary<int, (ulong, string?)>? AddVcpu(string[] words)
    {
        var number = int.Parse(words[1], CultureInfo.InvariantCulture);
        if (number == Vcpus.Count)
            Vcpus.Add(new DumpedVcpu());
        var vcpu = Vcpus[number];
        switch (words[2])
        {
            case "prev":
                vcpu.Current.Roots.AddRange(words.Skip(3).Select((word, i) => ReadRoot($"prev_root {i}", word)));
                return null;
            case "pdptrs":
                vcpu.Pdptrs = string.Join(' ', words.Skip(2));
                return null;
            case "mmu":
                vcpu.Mmus.Add(ReadMmu(words));
                return null;
            case "nested":
                ReadWords(vcpu.Nested, words.Skip(3));
                return null;
            case "pae_root" or "pml4_root" or "pae_root.guest" or "pml4_root.guest":
                var roots = new DumpedRoots(number, words[2], Hex.Parse(words[3]));
                Specials.Add(roots);
                return roots.Entries;
            default:
                ReadWords(vcpu.Current.Words, words.Skip(2));
                vcpu.Current.Roots.Add(ReadRoot("root", vcpu.Current.Words["root"]));
                return null;
        }
    }

    private static void ReadWords(Dictionary<string, string> into, IEnumerable<string> words)
    {
        foreach (var pair in words.Select(word => word.Split('=', 2)))
            into[pair[0]] = pair[1];
    }

    private static DumpedMmu ReadMmu(string[] words)
    {
        var mmu = new DumpedMmu(words[3]);
        ReadWords(mmu.Words, words.Skip(4));
        mmu.Roots.Add(ReadRoot("root", mmu.Words["root"]));
        mmu.Roots.AddRange(mmu.Words["prev"].Split(';').Select((word, i) => ReadRoot($"prev_root {i}", word)));
        return mmu;
    }

    private static (string Name, ulong Hpa, ulong Pgd) ReadRoot(string name, string word) =>
        word.Split(',') is [var hpa, var pgd] ? (name, Hex.Parse(hpa), Hex.Parse(pgd)) : throw new FormatException($"'{word}' is no root");

    private static DumpedPage ReadPage(string line)
    {
        var m = PageLine().Match(line);
        return new DumpedPage
        {
            Physical = Hex.Parse(m.Groups[1].Value),
            List = m.Groups[2].Value,
            Gfn = Hex.Parse(m.Groups[3].Value),
            RoleWord = Hex.Parse(m.Groups[4].Value),
            Fields = m.Groups[5].Value,
            Parents = [.. m.Groups[6].Value.Split(',').Where(p => p is not ("" or "-")).Select(Hex.Parse)],
        };
    }

    [GeneratedRegex(@"^page (\w+) list=(\S+) gfn=(\w+) role=(\w+) (.*) parents=(\S*)$")]
    private static partial Regex PageLine();
}

/// <summary>Writes dumps down with names in place of addresses: <c>T1</c>, <c>T2</c>, ... in the order in which a walk from the roots reaches the pages.</summary>
internal sealed class TablesNormalizer(Host host, Dump dump, bool tellsNested)
{
    private readonly Dictionary<ulong, string> _names = [];
    private readonly List<DumpedPage> _order = [];
    private readonly Dictionary<ulong, DumpedPage> _pages = dump.Pages.ToDictionary(page => page.Physical >> 12);
    private readonly List<string> _lines = [];

    /// <summary>Of a guest that has one of its own at any checkpoint, all MMUs are told of at every one.</summary>
    public static List<string> Normalize(IReadOnlyCollection<Dump> dumps, Host host)
    {
        var tellsNested = dumps.Any(dump => dump.Vcpus.Exists(vcpu => vcpu.RanNested));
        return [.. dumps.SelectMany(dump => new TablesNormalizer(host, dump, tellsNested).Lines())];
    }

    private List<string> Lines()
    {
        NamePages();
        _lines.Add($"CKPT {dump.Name}");
        for (var i = 0; i < dump.Vcpus.Count; i++)
            AddVcpu(i);
        if (dump.Vcpus.Count > 1)
        {
            _lines.AddRange(dump.Vcpus.Select((vcpu, i) => $"requests {i} {Requests.Pending(Hex.Parse(vcpu.Current.Words["requests"]))}"));
            _lines.Add($"by {dump.By}");
        }

        foreach (var special in Specials)
        {
            _lines.Add($"{Prefix(special.Vcpu)}{special.Name}");
            foreach (var (index, (value, _)) in special.Entries)
                _lines.Add($"  {index} ->{SpecialTarget(Entry.Frame(value))} fl={(value & 0xfff) | (value >> 48 << 48):x}");
        }

        foreach (var page in _order)
            AddPage(page);
        _lines.Add($"END {dump.Name} pages={_order.Count}");
        return _lines;
    }

    private void NamePages()
    {
        foreach (var root in dump.Vcpus.SelectMany(vcpu => vcpu.Mmus.Prepend(vcpu.Current)).SelectMany(mmu => mmu.Roots).Where(root => root.Hpa >> 52 == 0))
            Visit(root.Hpa >> 12);
        foreach (var entry in Specials.SelectMany(special => special.Entries.Values))
            Visit(Entry.Frame(entry.Value));
        foreach (var page in dump.Pages.OrderByDescending(page => page.Level).ThenBy(page => page.Gfn).ThenBy(page => page.RoleWord))
            Visit(page.Physical >> 12);
    }

    private void Visit(ulong frame)
    {
        if (!_pages.TryGetValue(frame, out var page) || !_names.TryAdd(frame, $"T{_names.Count + 1}"))
            return;
        _order.Add(page);
        foreach (var entry in page.Entries.Values.Where(entry => page.Level > 1 && Entry.IsLink(entry.Value)))
            Visit(Entry.Frame(entry.Value));
    }

    private void AddVcpu(int number)
    {
        var (vcpu, prefix) = (dump.Vcpus[number], Prefix(number));
        AddMmu(vcpu.Current, prefix);
        if (tellsNested)
            vcpu.Mmus.ForEach(mmu => AddMmu(mmu, $"{prefix}mmu {mmu.Name} "));
        if (number == 0)
            _lines.Add($"root_mmu {vcpu.Current.Words["root_mmu"]} {dump.Vm["vm ".Length..].Replace("indirect=", "indirect_shadow_pages=", StringComparison.Ordinal)}");
        _lines.Add($"{prefix}{vcpu.Pdptrs}");
        if (!tellsNested)
            return;
        var role = Hex.Parse(vcpu.Nested["cpu_role"]);
        _lines.Add($"{prefix}nested mmu={(vcpu.Current.Words["root_mmu"] == "1" ? "root_mmu" : "guest_mmu")} walk_mmu={(vcpu.Nested["walk"] == "1" ? "nested_mmu" : "root_mmu")} guest_mode={vcpu.Nested["guest_mode"]}");
        _lines.Add($"{prefix}mmu nested_mmu cpu_role={role & 0xffffffff:x8} ext={role >> 32:x8}");
    }

    private void AddMmu(DumpedMmu mmu, string prefix)
    {
        var role = Hex.Parse(mmu.Words["cpu_role"]);
        foreach (var root in mmu.Roots)
        {
            var roles = root.Name == "root" ? $" cpu_role={role & 0xffffffff:x8} ext={role >> 32:x8} root_role={Hex.Parse(mmu.Words["root_role"]):x8}" : "";
            _lines.Add($"{prefix}{root.Name} pgd={root.Pgd:x} table={RootName(root.Hpa)}{roles}");
        }
    }

    private void AddPage(DumpedPage page)
    {
        var fields = string.Join(' ', page.Fields.Split(' ').Where(field => field != "nohuge=0"));
        var parents = page.Parents.Select(p => $"{_names.GetValueOrDefault(p >> 12, "root")}[{(p & 4095) >> 3}]").Order(StringComparer.Ordinal).ToList();
        _lines.Add($"{_names[page.Physical >> 12]} list={page.List} gfn={page.Gfn:x} {Role.InTables(page.RoleWord)} {fields} parents={(parents.Count == 0 ? "-" : string.Join(',', parents))}");
        foreach (var (index, (value, translation)) in page.Entries)
            _lines.Add($"  {index} {Entry.Text(value, host, _names)}{(translation is null ? "" : $" t={translation}")}");
    }

    private string RootName(ulong hpa)
    {
        if (hpa >> 52 != 0)
            return "none";
        if (_names.TryGetValue(hpa >> 12, out var name))
            return name;
        if (dump.Specials.Find(special => special.Physical >> 12 == hpa >> 12) is { } found)
            return tellsNested ? found.Name : "pae_root/pml4_root";
        return "zapped"; // in use, and in no list any more
    }

    private IEnumerable<DumpedRoots> Specials => tellsNested ? dump.Specials : dump.Specials.Where(special => !special.Name.EndsWith(".guest", StringComparison.Ordinal));

    private string SpecialTarget(ulong frame)
    {
        if (_names.TryGetValue(frame, out var name))
            return name;
        return dump.Specials.Find(special => special.Physical >> 12 == frame) is { } special ? $"{Prefix(special.Vcpu)}{special.Name}" : "p*";
    }

    private static string Prefix(int vcpu) => vcpu == 0 ? "" : $"vcpu {vcpu} ";
}
