using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct NoteLayout : IRowLayout<ModelNoteRecord>
{
    public static string Table => "_model_note";

    public static string Columns => "run, ordinal, seq, kind, gva, recorded, modelled, vcpu";

    public static void Bind(in ModelNoteRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add((long)record.Kind);
        row.AddSeen(record.Gva);
        row.AddSeen(record.Recorded);
        row.AddSeen(record.Modelled);
        row.AddSeen(record.Vcpu);
    }
}
