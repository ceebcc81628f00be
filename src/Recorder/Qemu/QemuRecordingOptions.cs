using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>How <see cref="QemuRecorder"/> records.</summary>
public sealed record QemuRecordingOptions
{
    /// <summary>The slots of a filter when none are named.</summary>
    public const int DefaultFilterSlots = 1024;

    /// <summary>QEMU's arguments as the user gave them: machine, memory, kernel, devices.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The program to run; null looks for <c>qemu-system-x86_64</c> on the path.</summary>
    public string? QemuPath { get; init; }

    /// <summary>Slots of the page filter, a power of two; null records every access.</summary>
    public int? FilterSlots { get; init; }

    /// <summary>Ordinals between two unconditional flushes of the filter.</summary>
    public long EpochLength { get; init; } = 1 << 20;

    /// <summary>Record from the first execution of this instruction on; null records from the first instruction.</summary>
    public GuestAddress? StartAt { get; init; }

    /// <summary>End before the first execution of this instruction.</summary>
    public GuestAddress? StopAt { get; init; }

    /// <summary>End once the guest has made this many accesses, recorded or dropped.</summary>
    public long? MaxAccesses { get; init; }

    /// <summary>Record the instruction address of every access. A filtered recording always does.</summary>
    public bool Rips { get; init; }

    /// <summary>Add the flags that make a run repeat itself (virtual clock, no network, fixed seed), save those the user gave himself.</summary>
    public bool Deterministic { get; init; } = true;

    /// <summary>The port whose writes become <see cref="TraceEventKind.Marker"/> events; null for none.</summary>
    public ushort? MarkerPort { get; init; } = 0xe0;

    /// <summary>Words of 8 bytes in the ring between QEMU and the recorder, a power of two of at least 8192.</summary>
    public int RingWords { get; init; } = 1 << 20;

    /// <summary>Takes what QEMU says on its error stream, line by line.</summary>
    public Action<string>? OnMessage { get; init; }

    internal bool IsFiltered => FilterSlots is not null;

    internal bool HasRips => Rips || IsFiltered;

    /// <summary>Checks that the options fit together.</summary>
    /// <exception cref="RecorderException">They do not.</exception>
    public void Validate()
    {
        if (FilterSlots is { } slots && (slots is < 2 or > 1 << 20 || !int.IsPow2(slots)))
            throw Usage($"a page filter of {slots} slots: take a power of two from 2 to 1048576");
        if (EpochLength is < 1024 or > 1L << 40)
            throw Usage($"an epoch of {EpochLength} ordinals: take 1024 or more");
        if (MaxAccesses is <= 0)
            throw Usage($"a limit of {MaxAccesses} accesses: take 1 or more");
        if (RingWords < 8192 || !int.IsPow2(RingWords))
            throw Usage($"a ring of {RingWords} words: take a power of two of at least 8192");
    }

    private static RecorderException Usage(string what) => new(RecorderFailure.Usage, $"record qemu: {what}.");
}
