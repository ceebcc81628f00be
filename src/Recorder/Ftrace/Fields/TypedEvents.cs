using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>Reads an event's text by the kind of the event, and hands its fields on.</summary>
internal static class TypedEvents
{
    public static bool TryParse(in TraceLine line, NameTable reasons, TracepointSink sink)
    {
        switch (line.Name.Kind)
        {
            case TracepointKind.Entry when FieldText.TryParse(line.Text, out EntryFields entry):
                sink.OnEntry(line, entry);
                return true;
            case TracepointKind.Exit when FieldText.TryParse(line.Text, reasons, out var exit):
                sink.OnExit(line, exit);
                return true;
            case TracepointKind.PageFault when FieldText.TryParse(line.Text, out PageFaultFields fault):
                sink.OnPageFault(line, fault);
                return true;
            case TracepointKind.InjectedException when FieldText.TryParse(line.Text, out InjectedExceptionFields injected):
                sink.OnInjectedException(line, injected);
                return true;
            case TracepointKind.ControlRegister when FieldText.TryParse(line.Text, out ControlRegisterFields register):
                sink.OnControlRegister(line, register);
                return true;
            case TracepointKind.Msr when FieldText.TryParse(line.Text, out MsrFields msr):
                sink.OnMsr(line, msr);
                return true;
            case TracepointKind.FastMmio or TracepointKind.Mmio when FieldText.TryParse(line.Text, out MmioFields mmio):
                sink.OnMmio(line, mmio);
                return true;
            case TracepointKind.NotifierRange when FieldText.TryParse(line.Text, out NotifierRangeFields range):
                sink.OnNotifierRange(line, range);
                return true;
            default:
                return TryParseMmu(line, sink);
        }
    }

    private static bool TryParseMmu(in TraceLine line, TracepointSink sink)
    {
        switch (line.Name.Kind)
        {
            case TracepointKind.GetPage or TracepointKind.SyncPage or TracepointKind.UnsyncPage or TracepointKind.ZapPage
                when PageText.TryParse(line.Text, out var page):
                sink.OnPage(line, page);
                return true;
            case TracepointKind.SetSpte when FieldText.TryParse(line.Text, out SetSpteFields set):
                sink.OnSetSpte(line, set);
                return true;
            case TracepointKind.SpteChanged when FieldText.TryParse(line.Text, out SpteChangedFields change):
                sink.OnSpteChanged(line, change);
                return true;
            case TracepointKind.SpteRequested when FieldText.TryParse(line.Text, out SpteRequestedFields requested):
                sink.OnSpteRequested(line, requested);
                return true;
            case TracepointKind.MarkMmioSpte when FieldText.TryParse(line.Text, out MarkMmioSpteFields mark):
                sink.OnMarkMmioSpte(line, mark);
                return true;
            case TracepointKind.HandleMmioPageFault when FieldText.TryParse(line.Text, out HandleMmioPageFaultFields handled):
                sink.OnHandleMmioPageFault(line, handled);
                return true;
            case TracepointKind.CheckMmioSpte when FieldText.TryParse(line.Text, out CheckMmioSpteFields check):
                sink.OnCheckMmioSpte(line, check);
                return true;
            case TracepointKind.FastPageFault when FieldText.TryParse(line.Text, out FastPageFaultFields fast):
                sink.OnFastPageFault(line, fast);
                return true;
            case TracepointKind.SplitHugePage when FieldText.TryParse(line.Text, out SplitHugePageFields split):
                sink.OnSplitHugePage(line, split);
                return true;
            case TracepointKind.GuestWalk or TracepointKind.WalkerError when FieldText.TryParse(line.Text, out GuestWalkFields walk):
                sink.OnGuestWalk(line, walk);
                return true;
            case TracepointKind.ZapAllFast or TracepointKind.PmlFull or TracepointKind.GuestEntry or TracepointKind.GuestAccessedBit
                or TracepointKind.GuestDirtyBit:
                // Only their text is kept: no row of the history is made of them.
                sink.OnOther(line);
                return true;
            default:
                return false;
        }
    }
}
