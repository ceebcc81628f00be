using System.Text.Json;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;

namespace Replay.Analyzer.Store;

/// <summary>A run as the database has it.</summary>
public sealed record RunRow
{
    public int Run { get; init; }

    public string Name { get; init; } = "";

    /// <summary>Name of the mode, as <see cref="MmuModes.Name"/> gives it.</summary>
    public string Mode { get; init; } = "";

    /// <summary><c>ept</c> or <c>x86</c>.</summary>
    public string EntryFormat { get; init; } = "";

    /// <summary>False: interrupted, killed, or still being written. Its rows are not the whole history.</summary>
    public bool Complete { get; init; }

    public string? HistoryHash { get; init; }

    public string Capture { get; init; } = "";

    public string CaptureHash { get; init; } = "";

    public string CaptureSource { get; init; } = "";

    public bool CaptureComplete { get; init; }

    public string? CaptureFilter { get; init; }

    /// <summary>JSON array; null: not kept.</summary>
    public string? CaptureBlind { get; init; }

    public string Profile { get; init; } = "";

    public string Backing { get; init; } = "";

    public string Kernel { get; init; } = "";

    /// <summary>How far the model of the kernel in this mode can be trusted, in the words of reports; null where a machine has confirmed it, or made it.</summary>
    public string? KernelCaveat => MmuModes.TryParse(Mode, out var mode) ? Modelled?.Caveat(mode) : null;

    /// <summary>Entries have their software bits where kernels before 5.13 had them.</summary>
    public bool HasEarlySoftwareBits => MmuModes.TryParse(Mode, out _) && Modelled is { HasPresentBit: false };

    private KvmBehaviour? Modelled => KvmBehaviour.OfRelease(Kernel);

    public string Tool { get; init; } = "";

    public string Model { get; init; } = "";

    /// <summary>JSON.</summary>
    public string Options { get; init; } = "";

    /// <summary><see cref="Options"/>, by name.</summary>
    /// <exception cref="DatabaseFormatException">They are no such document.</exception>
    public IReadOnlyDictionary<string, string> OptionsByName() => Document<Dictionary<string, string>>(Options, "options");

    /// <summary><see cref="CaptureBlind"/> as a list: what the recording could not see.</summary>
    /// <exception cref="DatabaseFormatException">It is no such document.</exception>
    public IReadOnlyList<string> BlindSpots() => CaptureBlind is null ? [] : Document<List<string>>(CaptureBlind, "capture_blind");

    /// <summary><c>all</c>, <c>leaf</c> or <c>counters</c>.</summary>
    public string Detail { get; init; } = "";

    public bool HasRmap { get; init; }

    public long? FirstOrdinal { get; init; }

    public long? LastOrdinal { get; init; }

    public long? Accesses { get; init; }

    public long? Events { get; init; }

    /// <summary>Records of the history.</summary>
    public long? LastSeq { get; init; }

    /// <summary>Rows that were to be stored at most; null: all.</summary>
    public long? MaxRows { get; init; }

    /// <summary>Rows end with this ordinal, because there were <see cref="MaxRows"/>; null: they do not.</summary>
    public long? RowsToOrdinal { get; init; }

    /// <summary>Reports by stretches and lists of hot things read a stretch of this many ordinals; null: the run was stored before there were any.</summary>
    public long? Stretch { get; init; }

    private T Document<T>(string text, string column)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text) ?? throw new JsonException("it is empty");
        }
        catch (JsonException error)
        {
            throw new DatabaseFormatException($"run {Run} ({Name}): damaged: its {column} are no JSON of the kind that belongs there. Make the database anew.", error);
        }
    }
}

/// <summary>A call chain as it is stored.</summary>
internal sealed record ChainRow(int ChainId, KvmFunction Function, int Depth, string Path);

/// <summary>A fault, the last place in history that belongs to it, and the reason of the exit it came from (0 without one).</summary>
internal readonly record struct FaultRow(FaultRecord Fault, long EndSeq, ExitReason ExitReason);

/// <summary>One counter of a run.</summary>
/// <param name="Name">KVM's own name where KVM has it.</param>
/// <param name="Value">Its value at the end.</param>
/// <param name="Meaning">What it counts.</param>
public sealed record Counter(string Name, long Value, string Meaning);
