using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct AccessLayout : IRowLayout<AccessRecord>
{
    public static string Table => "_access";

    public static string Columns => "run, ordinal, gva, gpa, rip, value, size, kind, flags, vcpu";

    public static void Bind(in AccessRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Gva);
        if (record.HasGpa != 0)
            row.Add(record.Gpa);
        else
            row.AddNull();
        row.Add(record.Rip);
        if (record.HasValue != 0)
            row.Add(record.Value);
        else
            row.AddNull();
        row.Add(record.Size);
        row.Add((long)record.Kind);
        row.Add((long)record.Flags);
        row.Add(record.Vcpu);
    }
}
