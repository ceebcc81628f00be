using System.Globalization;

namespace Replay.Explorer;

/// <summary>Names of the guest's code, from a <c>System.map</c>, <c>/proc/kallsyms</c> or the output of <c>nm</c>.</summary>
public sealed class SymbolTable
{
    /// <summary>An address further behind the last symbol than this belongs to something else.</summary>
    private const ulong Farthest = 1 << 20;

    private readonly ulong[] _addresses;
    private readonly string[] _names;

    private SymbolTable(ulong[] addresses, string[] names)
    {
        _addresses = addresses;
        _names = names;
    }

    public int Count => _addresses.Length;

    /// <summary>Reads lines of <c>ADDRESS TYPE NAME</c>; others are passed over.</summary>
    public static SymbolTable Read(TextReader text)
    {
        var symbols = new List<(ulong Address, string Name)>();
        while (text.ReadLine() is { } line)
        {
            var words = line.Split(' ', '\t', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 3 && words[1] is "t" or "T" or "w" or "W"
                && ulong.TryParse(words[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var address) && address != 0)
                symbols.Add((address, words[2]));
        }

        symbols.Sort((a, b) => a.Address != b.Address ? a.Address.CompareTo(b.Address) : string.CompareOrdinal(a.Name, b.Name));
        return new SymbolTable([.. symbols.Select(symbol => symbol.Address)], [.. symbols.Select(symbol => symbol.Name)]);
    }

    /// <summary>As <c>name+0x1c</c>; null: no symbol is near below.</summary>
    public string? Name(ulong address)
    {
        var index = Array.BinarySearch(_addresses, address);
        if (index < 0)
            index = ~index - 1;
        if (index < 0 || address - _addresses[index] >= Farthest)
            return null;
        // Aliases: the first of those at the address.
        while (index > 0 && _addresses[index - 1] == _addresses[index])
            index--;
        return address == _addresses[index] ? _names[index] : string.Create(CultureInfo.InvariantCulture, $"{_names[index]}+0x{address - _addresses[index]:x}");
    }
}
