namespace Replay.Trace.Columns;

/// <summary>The header in front of each page.</summary>
internal readonly record struct PageHeader
{
    private const int DataPage = 0;
    private const int DictionaryPage = 2;

    private PageHeader(bool isDictionary, PageEncoding encoding, int values, int rawBytes, int storedBytes)
    {
        IsDictionary = isDictionary;
        Encoding = encoding;
        Values = values;
        RawBytes = rawBytes;
        StoredBytes = storedBytes;
    }

    public bool IsDictionary { get; }

    public PageEncoding Encoding { get; }

    public int Values { get; }

    public int RawBytes { get; }

    public int StoredBytes { get; }

    public static PageHeader ForDictionary(int entries, int rawBytes, int storedBytes) =>
        new(isDictionary: true, PageEncoding.Plain, entries, rawBytes, storedBytes);

    public static PageHeader ForData(PageEncoding encoding, int values, int rawBytes, int storedBytes) =>
        new(isDictionary: false, encoding, values, rawBytes, storedBytes);

    public void Write(CompactWriter to)
    {
        to.Int32(1, IsDictionary ? DictionaryPage : DataPage);
        to.Int32(2, RawBytes);
        to.Int32(3, StoredBytes);
        to.BeginStruct(IsDictionary ? 7 : 5);
        to.Int32(1, Values);
        to.Int32(2, (int)Encoding);
        if (!IsDictionary)
        {
            // Encodings of the definition and repetition levels, which required columns do not have.
            to.Int32(3, (int)PageEncoding.Rle);
            to.Int32(4, (int)PageEncoding.Rle);
        }
        to.EndStruct();
        to.End();
    }

    /// <summary>Reads a header; the page follows it at <paramref name="length"/>.</summary>
    public static PageHeader Read(ReadOnlySpan<byte> content, out int length)
    {
        var from = new CompactReader(content);
        int type = -1, raw = -1, stored = -1, values = -1, encoding = -1;
        var field = 0;
        while (from.NextField(ref field, out var kind))
        {
            switch (field)
            {
                case 1:
                    type = from.Int32(kind);
                    break;
                case 2:
                    raw = from.Int32(kind);
                    break;
                case 3:
                    stored = from.Int32(kind);
                    break;
                case 5 or 7 when kind == CompactType.Struct:
                    (values, encoding) = ReadPage(ref from);
                    break;
                default:
                    from.Skip(kind);
                    break;
            }
        }
        length = from.Position;
        if (type is not (DataPage or DictionaryPage) || raw < 0 || stored < 0 || values < 0)
            throw new InvalidDataException("a page has no proper header");
        return new PageHeader(type == DictionaryPage, (PageEncoding)encoding, values, raw, stored);
    }

    private static (int Values, int Encoding) ReadPage(ref CompactReader from)
    {
        int values = -1, encoding = -1;
        var field = 0;
        while (from.NextField(ref field, out var kind))
        {
            if (field == 1)
                values = from.Int32(kind);
            else if (field == 2)
                encoding = from.Int32(kind);
            else
                from.Skip(kind);
        }
        return (values, encoding);
    }
}
