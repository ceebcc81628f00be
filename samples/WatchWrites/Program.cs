// Opens a capture, replays it with KVM's EPT, and prints each entry that comes to point at one guest frame.
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

var gfn = Convert.ToUInt64(args[1], 16);
using var capture = CaptureReader.Open(args[0]);
var result = ReplaySession.Run(capture, new ReplayOptions { Mode = MmuMode.Ept }, new WritesToGfn(gfn));
Console.WriteLine($"{result.Writes} writes in all, history {result.HistoryHash}");

internal sealed class WritesToGfn(ulong gfn) : SilentHistory
{
    public override void OnWrite(in TableWrite write)
    {
        if (write.Gfn == gfn && write.Level == 1)
            Console.WriteLine($"{write.Ordinal}: [{write.Index}] {write.Old:x} -> {write.New:x} by {write.Function.KernelName()}");
    }
}
