using System.Buffers.Binary;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Replay.Cli.Commands;

/// <summary>Names of functions by address: of System.map or kallsyms, of ELF files with symbols, each moved by an offset.</summary>
internal sealed partial class SymbolTable
{
    /// <summary>An address further behind the last symbol than this belongs to something else.</summary>
    private const ulong Farthest = 1 << 20;

    private const int ElfHeader = 64;
    private const int SectionHeader = 64;
    private const int ElfSymbol = 24;
    private const uint SymbolSection = 2;

    private const ulong PageTables = 0x000f_ffff_ffff_f000;
    private const string SpacePrefix = "CR3=";

    private readonly List<(ulong Address, string Name)> _everywhere = [];

    /// <summary>Those that hold in one address space, by its CR3.</summary>
    private readonly Dictionary<ulong, List<(ulong Address, string Name)>> _spaces = [];

    /// <summary>What the file being read adds to.</summary>
    private List<(ulong Address, string Name)> _symbols = [];

    /// <summary>Names hold in some address spaces and not in others.</summary>
    public bool HasSpaces => _spaces.Count > 0;

    /// <param name="files">Each FILE, FILE@OFFSET, FILE@CR3=VALUE or FILE@OFFSET@CR3=VALUE, both hexadecimal: where KASLR or the loader moved it to, and in which address space alone it is.</param>
    /// <exception cref="UsageException">A file is no list of symbols.</exception>
    /// <exception cref="InputMissingException">A file is not there.</exception>
    public static SymbolTable Read(IEnumerable<string> files)
    {
        var table = new SymbolTable();
        foreach (var file in files)
        {
            var path = file;
            table._symbols = table._everywhere;
            if (!File.Exists(path) && path.LastIndexOf('@') is > 0 and var mark && path[(mark + 1)..].StartsWith(SpacePrefix, StringComparison.OrdinalIgnoreCase))
            {
                var space = Number(path[(mark + 1 + SpacePrefix.Length)..], file, "CR3") & PageTables;
                if (!table._spaces.TryGetValue(space, out var symbols))
                    table._spaces[space] = symbols = [];
                table._symbols = symbols;
                path = path[..mark];
            }

            var offset = 0UL;
            if (!File.Exists(path) && path.LastIndexOf('@') is > 0 and var at)
            {
                offset = Number(path[(at + 1)..], file, "the offset");
                path = path[..at];
            }

            if (!File.Exists(path))
                throw new InputMissingException($"--symbols {path}: no such file.");
            var before = table._symbols.Count;
            var bytes = File.ReadAllBytes(path);
            if (bytes.AsSpan().StartsWith("\u007fELF"u8))
                table.ReadElf(bytes, offset);
            else
                table.ReadMap(path, offset);
            if (table._symbols.Count == before)
                throw new UsageException($"--symbols {path}: has no symbols of functions. System.map, /proc/kallsyms (read as root: otherwise all addresses are 0) or an ELF file that is not stripped.");
        }

        foreach (var symbols in table._spaces.Values.Append(table._everywhere))
            symbols.Sort((left, right) => (left.Address, right.Name).CompareTo((right.Address, left.Name)));
        return table;
    }

    /// <summary>The function that an address is in, with the distance from its start; null: none is near below. Of aliases, the first by name.</summary>
    public string? Find(ulong address) => Find(address, null);

    /// <param name="address">The address.</param>
    /// <param name="cr3">The address space; null: not known.</param>
    public string? Find(ulong address, ulong? cr3) =>
        FindStart(address, cr3) is not { } found ? null
        : address == found.Address ? found.Name : string.Create(CultureInfo.InvariantCulture, $"{found.Name}+0x{address - found.Address:x}");

    /// <summary>The function alone.</summary>
    public string? Function(ulong address, ulong? cr3) => FindStart(address, cr3)?.Name;

    private (ulong Address, string Name)? FindStart(ulong address, ulong? cr3) =>
        (cr3 is { } space && _spaces.TryGetValue(space & PageTables, out var own) ? FindStart(own, address) : null) ?? FindStart(_everywhere, address);

    private static (ulong Address, string Name)? FindStart(List<(ulong Address, string Name)> symbols, ulong address)
    {
        int low = 0, high = symbols.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (symbols[middle].Address <= address)
                low = middle + 1;
            else
                high = middle;
        }

        if (low == 0)
            return null;
        return address - symbols[low - 1].Address >= Farthest ? null : symbols[low - 1];
    }

    /// <summary>Puts the function behind each <c>rip</c> of a line.</summary>
    public string Annotate(string line, ulong? cr3 = null) => RipPattern().Replace(
        line,
        match => ulong.TryParse(match.Groups[1].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var rip) && Find(rip, cr3) is { } name ? $"{match.Value} <{name}>" : match.Value);

    private static ulong Number(string text, string file, string what) =>
        ulong.TryParse(text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var offset)
            ? offset
            : throw new UsageException($"--symbols {file}: {what} behind @ is a hexadecimal number.");

    /// <summary><c>ffffffff81000000 T _text</c>, with the module in brackets behind it in kallsyms.</summary>
    private void ReadMap(string path, ulong offset)
    {
        foreach (var line in File.ReadLines(path))
        {
            var match = MapPattern().Match(line);
            if (match.Success && ulong.Parse(match.Groups[1].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) is > 0 and var address)
                _symbols.Add((unchecked(address + offset), match.Groups[2].Value));
        }
    }

    /// <summary>The symbol table of a 64-bit little-endian ELF file. What is out of bounds is passed over.</summary>
    private void ReadElf(ReadOnlySpan<byte> elf, ulong offset)
    {
        if (elf.Length < ElfHeader || elf[4] != 2 || elf[5] != 1)
            return;
        var sections = BinaryPrimitives.ReadUInt64LittleEndian(elf[0x28..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3c..]);
        // Sections may lie over one another: no more symbols than the file has room for.
        var left = elf.Length / ElfSymbol;
        for (var i = 0; i < count; i++)
        {
            if (Section(elf, sections, i) is not { } section || section.Type != SymbolSection || Section(elf, sections, (int)section.Link) is not { } names)
                continue;
            for (var at = section.Start; at + ElfSymbol <= section.Start + section.Size && left-- > 0; at += ElfSymbol)
            {
                var symbol = elf.Slice((int)at, ElfSymbol);
                var value = BinaryPrimitives.ReadUInt64LittleEndian(symbol[8..]);
                var name = BinaryPrimitives.ReadUInt32LittleEndian(symbol);
                if ((symbol[4] & 15) is not (2 or 0) || value == 0 || BinaryPrimitives.ReadUInt16LittleEndian(symbol[6..]) == 0 || name == 0 || name >= names.Size)
                    continue;
                var text = elf.Slice((int)(names.Start + name), (int)(names.Size - name));
                var end = text.IndexOf((byte)0);
                if (end > 0)
                    _symbols.Add((unchecked(value + offset), System.Text.Encoding.Latin1.GetString(text[..end])));
            }
        }
    }

    private static (uint Type, ulong Start, ulong Size, uint Link)? Section(ReadOnlySpan<byte> elf, ulong sections, int number)
    {
        var at = sections + (ulong)number * SectionHeader;
        if (at < sections || at > (ulong)(elf.Length - SectionHeader))
            return null;
        var header = elf.Slice((int)at, SectionHeader);
        var start = BinaryPrimitives.ReadUInt64LittleEndian(header[0x18..]);
        var size = BinaryPrimitives.ReadUInt64LittleEndian(header[0x20..]);
        if (start > (ulong)elf.Length || size > (ulong)elf.Length - start)
            return null;
        return (BinaryPrimitives.ReadUInt32LittleEndian(header[4..]), start, size, BinaryPrimitives.ReadUInt32LittleEndian(header[0x28..]));
    }

    [GeneratedRegex(@"\brip 0x([0-9a-f]{1,16})\b")]
    private static partial Regex RipPattern();

    [GeneratedRegex(@"^([0-9a-fA-F]{8,16}) [tTwW] (\S+)")]
    private static partial Regex MapPattern();
}
