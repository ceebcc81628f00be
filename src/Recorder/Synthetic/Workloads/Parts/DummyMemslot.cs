using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>A memslot nobody uses, which the host adds and deletes: every change makes a new memslot generation.</summary>
internal static class DummyMemslot
{
    private const int Number = 40;

    /// <summary>In the hole below 4 GiB, away from the devices.</summary>
    private const ulong Gpa = 0xf000_0000;

    public static MemslotChange Add { get; } = new() { Slot = Number, Gpa = Gpa, Size = 0x1_0000, Name = "dummy" };

    public static MemslotChange Delete { get; } = new() { Slot = Number, Gpa = Gpa, Size = 0, Name = "dummy" };
}
