using Replay.Replayer;
using Replay.Trace;

namespace Replay.Analyzer.Store;

/// <summary>What is known of a run before it starts: the capture, the mode, the host, the tool.</summary>
public sealed record RunInfo
{
    /// <summary>The capture as the user named it.</summary>
    public required string Capture { get; init; }

    /// <summary>SHA-256 of the capture's manifest, hexadecimal.</summary>
    public required string CaptureHash { get; init; }

    /// <summary><see cref="CaptureManifest.Source"/>.</summary>
    public required string CaptureSource { get; init; }

    public bool CaptureComplete { get; init; } = true;

    public FilterRule? CaptureFilter { get; init; }

    /// <summary><see cref="CaptureManifest.Blind"/>.</summary>
    public IReadOnlyList<string> CaptureBlind { get; init; } = [];

    public required MmuMode Mode { get; init; }

    /// <summary>Name of the run in the database; null: the mode's name, with a number behind it where it is taken.</summary>
    public string? Name { get; init; }

    /// <summary>Name of the host profile.</summary>
    public required string Profile { get; init; }

    /// <summary><c>4k</c> or <c>thp</c>, with <c>-lazy</c> where the host had not populated the memory.</summary>
    public required string Backing { get; init; }

    /// <summary>Kernel whose KVM is modelled.</summary>
    public required string Kernel { get; init; }

    public required string Tool { get; init; }

    public required string Model { get; init; }

    /// <summary>Further options of the replay, sorted by name.</summary>
    public SortedDictionary<string, string> Options { get; init; } = new(StringComparer.Ordinal);

    /// <summary>How entries are told apart; null: as hosts without memory encryption do in this mode.</summary>
    public EntryClassifier? Entries { get; init; }
}
