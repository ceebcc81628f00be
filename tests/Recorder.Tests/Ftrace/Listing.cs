using System.Text;
using Replay.Recorder.Ftrace;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Tests.Ftrace;

/// <summary>Writes what a reader makes of a trace as lines.</summary>
internal sealed class Listing : TracepointSink, IFtraceProblems
{
    public List<string> Lines { get; } = [];

    public List<(long Line, string What)> Damaged { get; } = [];

    public SortedDictionary<string, long> Names { get; } = new(StringComparer.Ordinal);

    public FtraceSummary Summary { get; private set; } = new();

    public static Listing Of(string text) => Of(Encoding.Latin1.GetBytes(text));

    public static Listing Of(byte[] text)
    {
        var listing = new Listing();
        listing.Summary = FtraceReader.Read(new MemoryStream(text), listing, listing);
        return listing;
    }

    /// <summary>The fields of a single event in the form of tracefs.</summary>
    public static string Fields(string nameAndText) => Assert.Single(Of($" vmm-1 [000] ..... 1.0: {nameAndText}\n").Lines);

    public override void OnEntry(in TraceLine line, in EntryFields fields) => Add(line, fields.ToString());

    public override void OnExit(in TraceLine line, in ExitFields fields) => Add(line, fields.ToString());

    public override void OnPageFault(in TraceLine line, in PageFaultFields fields) => Add(line, fields.ToString());

    public override void OnInjectedException(in TraceLine line, in InjectedExceptionFields fields) => Add(line, fields.ToString());

    public override void OnControlRegister(in TraceLine line, in ControlRegisterFields fields) => Add(line, fields.ToString());

    public override void OnMsr(in TraceLine line, in MsrFields fields) => Add(line, fields.ToString());

    public override void OnMmio(in TraceLine line, in MmioFields fields) => Add(line, fields.ToString());

    public override void OnNotifierRange(in TraceLine line, in NotifierRangeFields fields) => Add(line, fields.ToString());

    public override void OnPage(in TraceLine line, in PageFields fields) => Add(line, fields.ToString());

    public override void OnSetSpte(in TraceLine line, in SetSpteFields fields) => Add(line, fields.ToString());

    public override void OnSpteChanged(in TraceLine line, in SpteChangedFields fields) => Add(line, fields.ToString());

    public override void OnSpteRequested(in TraceLine line, in SpteRequestedFields fields) => Add(line, fields.ToString());

    public override void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields) => Add(line, fields.ToString());

    public override void OnHandleMmioPageFault(in TraceLine line, in HandleMmioPageFaultFields fields) => Add(line, fields.ToString());

    public override void OnCheckMmioSpte(in TraceLine line, in CheckMmioSpteFields fields) => Add(line, fields.ToString());

    public override void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields) => Add(line, fields.ToString());

    public override void OnSplitHugePage(in TraceLine line, in SplitHugePageFields fields) => Add(line, fields.ToString());

    public override void OnGuestWalk(in TraceLine line, in GuestWalkFields fields) => Add(line, fields.ToString());

    public override void OnProbe(in TraceLine line, in ProbeFields fields) =>
        Add(line, $"{(fields.IsReturn ? "return of" : "probe on")} {fields.Function.Text}: {Encoding.Latin1.GetString(fields.Arguments)}");

    public override void OnOther(in TraceLine line) => Add(line, $"other {line.Name.Text}: {Encoding.Latin1.GetString(line.Text)}");

    public override void OnLost(long ordinal, long line, int cpu, long events) => Lines.Add($"lost before {ordinal}, CPU {cpu}, {events} events");

    public void OnDamaged(long line, string what, string text) => Damaged.Add((line, what));

    private void Add(in TraceLine line, string text)
    {
        Names[line.Name.Text] = Names.GetValueOrDefault(line.Name.Text) + 1;
        Lines.Add(text);
    }
}
