using System.Buffers.Binary;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Replay.Cli.Commands;

/// <summary>Names of functions by address: of System.map or kallsyms, of ELF files with symbols, each moved by an offset.</summary>
internal sealed partial class SymbolTable
{
    private const int ElfHeader = 64;
    private const int SectionHeader = 64;
    private const int ElfSymbol = 24;
    private const uint SymbolSection = 2;

    private readonly List<(ulong Address, string Name)> _symbols = [];

    /// <param name="files">Each FILE or FILE@OFFSET, the offset hexadecimal: where KASLR or the loader moved it to.</param>
    /// <exception cref="UsageException">A file is no list of symbols.</exception>
    /// <exception cref="InputMissingException">A file is not there.</exception>
    public static SymbolTable Read(IEnumerable<string> files)
    {
        var table = new SymbolTable();
        foreach (var file in files)
        {
            var at = file.LastIndexOf('@');
            var path = at > 0 && !File.Exists(file) ? file[..at] : file;
            var offset = path == file ? 0 : Offset(file[(at + 1)..], file);
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

        table._symbols.Sort((left, right) => left.Address.CompareTo(right.Address));
        return table;
    }

    /// <summary>The function that an address is in, with the distance from its start; null: before the first.</summary>
    public string? Find(ulong address)
    {
        int low = 0, high = _symbols.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_symbols[middle].Address <= address)
                low = middle + 1;
            else
                high = middle;
        }

        if (low == 0)
            return null;
        var (start, name) = _symbols[low - 1];
        return address == start ? name : string.Create(CultureInfo.InvariantCulture, $"{name}+0x{address - start:x}");
    }

    /// <summary>Puts the function behind each <c>rip</c> of a line.</summary>
    public string Annotate(string line) => RipPattern().Replace(
        line,
        match => ulong.TryParse(match.Groups[1].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var rip) && Find(rip) is { } name ? $"{match.Value} <{name}>" : match.Value);

    private static ulong Offset(string text, string file) =>
        ulong.TryParse(text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var offset)
            ? offset
            : throw new UsageException($"--symbols {file}: the offset behind @ is a hexadecimal number.");

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
        for (var i = 0; i < count; i++)
        {
            if (Section(elf, sections, i) is not { } section || section.Type != SymbolSection || Section(elf, sections, (int)section.Link) is not { } names)
                continue;
            for (var at = section.Start; at + ElfSymbol <= section.Start + section.Size; at += ElfSymbol)
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
        if (at < sections || at + SectionHeader > (ulong)elf.Length)
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
