using System.Buffers;
using System.Text.RegularExpressions;

namespace Replay.Analyzer.Query.Formats;

/// <summary>What the values of a column look like: how wide it is, how narrow it may get, and which part of a value may go.</summary>
internal sealed partial class ColumnShape
{
    private const int ShortestText = 28;
    private const int ShortestName = 32;
    private const int ShortestHash = 18;
    private const int UsualText = 40;
    private const int HashDigits = 16;
    private const int LowDigits = 8;
    private const string Calls = " > ";
    private const string Ellipsis = "…";

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    private readonly bool _isText;
    private readonly bool _isHash;

    /// <param name="index">Its place in a row.</param>
    /// <param name="name">Its heading.</param>
    /// <param name="values">Those of the rows that are known.</param>
    public ColumnShape(int index, string name, IReadOnlyList<SqlValue> values)
    {
        Index = index;
        Name = name;
        var texts = values.Where(value => value.Kind != SqlValueKind.Null).Select(Text).Where(text => text.Length > 0).ToList();
        IsEmpty = texts.Count == 0;
        IsNumber = !IsEmpty && values.All(value => value.Kind is SqlValueKind.Integer or SqlValueKind.Real or SqlValueKind.Null);
        IsChain = texts.Exists(text => text.Contains(Calls, StringComparison.Ordinal));
        _isText = !IsChain && texts.Exists(text => text.Contains(' ', StringComparison.Ordinal));
        _isHash = !IsEmpty && !IsNumber && texts.TrueForAll(IsHash);
        var widest = texts.Select(text => text.Length).DefaultIfEmpty().Max();
        Whole = Math.Max(name.Length, widest);
        IsProse = _isText && widest > UsualText;
        var (least, usual) = IsNumber ? (Whole, Whole)
            : IsChain ? (texts.Max(text => Last(text, 1).Length), texts.Max(text => Outline(text, 1).Length))
            : _isText ? (ShortestText, UsualText)
            : _isHash ? (ShortestHash, ShortestHash)
            : (ShortestName, UsualText);
        Least = Math.Min(Whole, Math.Max(name.Length, least));
        Usual = Math.Min(Whole, Math.Max(name.Length, usual));
        Width = Whole;
    }

    public int Index { get; }

    public string Name { get; }

    /// <summary>No value: NULL, or a text of nothing.</summary>
    public bool IsEmpty { get; }

    public bool IsNumber { get; }

    /// <summary>Calls, as in <c>outer > inner</c>.</summary>
    public bool IsChain { get; }

    /// <summary>Words, more of them than a column has room for.</summary>
    public bool IsProse { get; }

    /// <summary>Values are broken between words rather than cut.</summary>
    public bool IsFolded { get; set; }

    /// <summary>Characters in which nothing is cut.</summary>
    public int Whole { get; }

    /// <summary>Characters in which it still says what it is for: a number or an entry is whole, of a chain there is the last function.</summary>
    public int Least { get; }

    /// <summary>Characters that it should have before others come in: of a chain, there is also where it began.</summary>
    public int Usual { get; }

    /// <summary>Characters that it has.</summary>
    public int Width { get; set; }

    /// <summary>One line: a break in a value would break the table.</summary>
    public static string Text(SqlValue value) => value.ToString().ReplaceLineEndings(" | ");

    /// <summary>Another name for what this column says, where there is one beside it: an address as a number, the last function of a chain.</summary>
    public bool IsTwinOf(ColumnShape other) =>
        other.Name == Name + "_hex" || (other.IsChain && other.Name == Name.Replace("function", "chain", StringComparison.Ordinal) && other != this);

    /// <summary>A value in the width that there is: a line, or several of a text that is folded. What must be whole is, in whatever width.</summary>
    public IReadOnlyList<string> Lines(string text)
    {
        if (text.Length <= Width || IsNumber || (_isHash && Width == Whole))
            return [text];
        if (!IsFolded)
            return [Cut(text)];
        var lines = new List<string>();
        while (text.Length > Width)
        {
            var end = text.LastIndexOf(' ', Width);
            lines.Add(end > 0 ? text[..end] : text[..Width]);
            text = text[(end > 0 ? end + 1 : Width)..];
        }

        lines.Add(text);
        return lines;
    }

    /// <summary>Of a call chain the end says most, what acted; then its beginning, what it was for. Names that begin alike differ at their end, and so do entries and addresses.</summary>
    private string Cut(string text)
    {
        if (text.Contains(Calls, StringComparison.Ordinal))
        {
            var shown = Last(text, 1);
            for (var count = 1; Outline(text, count) is var more && more.Length <= Width && more.Length > shown.Length; count++)
                shown = more;
            return shown.Length <= Width ? shown : Ellipsis + text[^(Width - 1)..];
        }

        if (_isText && text.Contains(' ', StringComparison.Ordinal))
        {
            text = LongNumber().Replace(text, match => $"0x{Ellipsis}{match.Value[^LowDigits..]}");
            return text.Length <= Width ? text : text[..(Width - 1)] + Ellipsis;
        }

        var tail = Width / 2;
        return text[..(Width - tail - 1)] + Ellipsis + text[^tail..];
    }

    /// <summary>The last functions of a chain, as they are shown.</summary>
    private static string Last(string chain, int count) => Start(chain, count) is > 0 and var at ? Ellipsis + chain[at..] : chain;

    /// <summary>The first function of a chain and the last ones.</summary>
    private static string Outline(string chain, int count) =>
        Start(chain, count) is var at && chain.IndexOf(Calls, StringComparison.Ordinal) is var first && first < at ? chain[..(first + Calls.Length)] + Ellipsis + chain[at..] : chain;

    /// <summary>Where the last functions of a chain begin, with what stands before them; 0: these are all.</summary>
    private static int Start(string chain, int count)
    {
        var at = chain.Length;
        while (count-- > 0 && at > 0)
            at = Math.Max(0, chain.LastIndexOf(Calls, at - 1, StringComparison.Ordinal));
        return at;
    }

    private static bool IsHash(string text) => text.StartsWith("0x", StringComparison.Ordinal)
        ? !text.AsSpan(2).ContainsAnyExcept(HexDigits)
        : text.Length >= HashDigits && !text.AsSpan().ContainsAnyExcept(HexDigits);

    [GeneratedRegex("0x[0-9a-f]{10,}")]
    private static partial Regex LongNumber();
}
