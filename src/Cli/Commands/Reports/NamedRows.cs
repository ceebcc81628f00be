using System.Globalization;
using Replay.Analyzer.Query;

namespace Replay.Cli.Commands;

/// <summary>Rows of a query with the guest's functions behind its instructions: in columns <c>rip_hex</c>, and behind each <c>rip 0x...</c> of a text.</summary>
internal sealed class NamedRows : IQueryRows
{
    private const string Instruction = "rip_hex";
    private const string Space = "cr3_hex";

    private readonly IQueryRows _rows;
    private readonly SymbolTable _symbols;
    private readonly int _space;

    public NamedRows(IQueryRows rows, SymbolTable symbols)
    {
        (_rows, _symbols) = (rows, symbols);
        _space = rows.Columns.ToList().IndexOf(Space);
    }

    public IReadOnlyList<string> Columns => _rows.Columns;

    public SqlValue this[int column]
    {
        get
        {
            var value = _rows[column];
            if (value.Kind != SqlValueKind.Text || value.ToString() is not { } text)
                return value;
            var cr3 = _space < 0 ? null : Number(_rows[_space]);
            if (!_rows.Columns[column].EndsWith(Instruction, StringComparison.Ordinal))
                return SqlValue.Of(_symbols.Annotate(text, cr3));
            return Number(value) is { } rip && _symbols.Find(rip, cr3) is { } name ? SqlValue.Of($"{text} <{name}>") : value;
        }
    }

    public bool Read() => _rows.Read();

    private static ulong? Number(SqlValue value) =>
        value.Kind == SqlValueKind.Text && value.ToString() is { } text && text.StartsWith("0x", StringComparison.Ordinal)
        && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number) ? number : null;
}
