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

internal sealed record DumpedVcpu
{
    public Dictionary<string, string> Words { get; } = new(StringComparer.Ordinal);

    public List<(string Name, ulong Hpa, ulong Pgd)> Roots { get; } = [];

    public string Pdptrs { get; set; } = "";
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
                vcpu.Roots.AddRange(words.Skip(3).Select((word, i) => ReadRoot($"prev_root {i}", word)));
                return null;
            case "pdptrs":
                vcpu.Pdptrs = string.Join(' ', words.Skip(2));
                return null;
            case "pae_root" or "pml4_root":
                var roots = new DumpedRoots(number, words[2], Hex.Parse(words[3]));
                Specials.Add(roots);
                return roots.Entries;
            default:
                foreach (var pair in words.Skip(2).Select(word => word.Split('=')))
                    vcpu.Words[pair[0]] = pair[1];
                vcpu.Roots.Add(ReadRoot("root", vcpu.Words["root"]));
                return null;
        }
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
internal sealed class TablesNormalizer(Host host, Dump dump)
{
    private readonly Dictionary<ulong, string> _names = [];
    private readonly List<DumpedPage> _order = [];
    private readonly Dictionary<ulong, DumpedPage> _pages = dump.Pages.ToDictionary(page => page.Physical >> 12);
    private readonly List<string> _lines = [];

    public static List<string> Normalize(IEnumerable<Dump> dumps, Host host) => [.. dumps.SelectMany(dump => new TablesNormalizer(host, dump).Lines())];

    private List<string> Lines()
    {
        NamePages();
        _lines.Add($"CKPT {dump.Name}");
        for (var i = 0; i < dump.Vcpus.Count; i++)
            AddVcpu(i);
        if (dump.Vcpus.Count > 1)
        {
            _lines.AddRange(dump.Vcpus.Select((vcpu, i) => $"requests {i} {Requests.Pending(Hex.Parse(vcpu.Words["requests"]))}"));
            _lines.Add($"by {dump.By}");
        }

        foreach (var special in dump.Specials)
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
        foreach (var root in dump.Vcpus.SelectMany(vcpu => vcpu.Roots).Where(root => root.Hpa >> 52 == 0))
            Visit(root.Hpa >> 12);
        foreach (var entry in dump.Specials.SelectMany(special => special.Entries.Values))
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
        var role = Hex.Parse(vcpu.Words["cpu_role"]);
        foreach (var root in vcpu.Roots)
        {
            var roles = root.Name == "root" ? $" cpu_role={role & 0xffffffff:x8} ext={role >> 32:x8} root_role={Hex.Parse(vcpu.Words["root_role"]):x8}" : "";
            _lines.Add($"{prefix}{root.Name} pgd={root.Pgd:x} table={RootName(root.Hpa)}{roles}");
        }

        if (number == 0)
            _lines.Add($"root_mmu {vcpu.Words["root_mmu"]} {dump.Vm["vm ".Length..].Replace("indirect=", "indirect_shadow_pages=", StringComparison.Ordinal)}");
        _lines.Add($"{prefix}{vcpu.Pdptrs}");
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
        return dump.Specials.Exists(special => special.Physical >> 12 == hpa >> 12) ? "pae_root/pml4_root" : "zapped"; // in use, and in no list any more
    }

    private string SpecialTarget(ulong frame)
    {
        if (_names.TryGetValue(frame, out var name))
            return name;
        return dump.Specials.Find(special => special.Physical >> 12 == frame) is { } special ? $"{Prefix(special.Vcpu)}{special.Name}" : "p*";
    }

    private static string Prefix(int vcpu) => vcpu == 0 ? "" : $"vcpu {vcpu} ";
}
