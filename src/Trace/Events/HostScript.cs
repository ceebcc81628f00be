using System.Globalization;
using System.Text.Json;

namespace Replay.Trace;

/// <summary>What the host or userspace does to a VM.</summary>
public enum HostOperation : byte
{
    Invalidate,
    Protect,
    Unprotect,
    Share,
    Age,
    Reclaim,
    DirtyLogOn,
    DirtyLogOff,
    DirtyLogRead,
    DirtyLogClear,
    Memslot,
    NxRecovery,
    Collapse,
    Split,
}

/// <summary>One line of a <see cref="HostScript"/>.</summary>
public sealed record HostAction
{
    /// <summary>Line of the file, from 1.</summary>
    public int Line { get; init; }

    /// <summary>Happens before what has this ordinal, or a higher one; null: at a marker.</summary>
    public long? At { get; init; }

    /// <summary>Happens when the guest writes this byte to the marker port.</summary>
    public byte? Marker { get; init; }

    /// <summary>Only the so-many-eth time; null: each time.</summary>
    public int? Nth { get; init; }

    public HostOperation Operation { get; init; }

    public ulong Gpa { get; init; }

    /// <summary>Bytes; a page where the line says none.</summary>
    public ulong Size { get; init; } = 4096;

    /// <summary>Dirty logging in which KVM_CLEAR_DIRTY_LOG protects, not the reading of the log.</summary>
    public bool ManualProtect { get; init; }

    /// <summary>And all pages count as dirty at first, so that nothing is protected when logging begins.</summary>
    public bool InitiallySet { get; init; }

    /// <summary>For <see cref="HostOperation.Memslot"/>.</summary>
    public MemslotChange? Memslot { get; init; }
}

/// <summary>
/// What the host does while a capture is replayed: one JSON object a line, described in <c>schemas/host-events.md</c>.
/// </summary>
public sealed class HostScript
{
    private static readonly Dictionary<string, HostOperation> Operations = new(StringComparer.Ordinal)
    {
        ["invalidate"] = HostOperation.Invalidate,
        ["protect"] = HostOperation.Protect,
        ["unprotect"] = HostOperation.Unprotect,
        ["share"] = HostOperation.Share,
        ["age"] = HostOperation.Age,
        ["reclaim"] = HostOperation.Reclaim,
        ["dirty_log_on"] = HostOperation.DirtyLogOn,
        ["dirty_log_off"] = HostOperation.DirtyLogOff,
        ["dirty_log_read"] = HostOperation.DirtyLogRead,
        ["dirty_log_clear"] = HostOperation.DirtyLogClear,
        ["memslot"] = HostOperation.Memslot,
        ["nx_recovery"] = HostOperation.NxRecovery,
        ["collapse"] = HostOperation.Collapse,
        ["split"] = HostOperation.Split,
    };

    private static readonly string[] Common = ["at", "marker", "nth", "op"];
    private static readonly string[] OfRange = ["gpa", "size"];
    private static readonly string[] OfSlot = ["slot", "gpa", "size", "readOnly", "logDirty", "hvaOffset", "name"];

    /// <summary>The key of <see cref="CaptureManifest.Origin"/> under which a capture has the script it was recorded with.</summary>
    private const string OriginKey = "host_events";

    private readonly HostAction[] _atOrdinals;
    private readonly HostAction[] _atMarkers;

    private HostScript(string text, HostAction[] atOrdinals, HostAction[] atMarkers)
    {
        Text = text;
        _atOrdinals = atOrdinals;
        _atMarkers = atMarkers;
    }

    /// <summary>The lines as they were read.</summary>
    public string Text { get; }

    /// <summary>In order of ordinals, lines of one ordinal in the order of the file.</summary>
    public IReadOnlyList<HostAction> AtOrdinals => _atOrdinals;

    public IReadOnlyList<HostAction> AtMarkers => _atMarkers;

    /// <summary>The script that a capture was recorded with; null: none.</summary>
    /// <exception cref="CaptureFormatException">It is damaged.</exception>
    public static HostScript? Of(CaptureManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return manifest.Origin.TryGetValue(OriginKey, out var text) ? Parse(text, "the capture's host events") : null;
    }

    /// <summary>The manifest of a capture that is replayed with this script, unless another is named.</summary>
    public CaptureManifest AddTo(CaptureManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return manifest with { Origin = new SortedDictionary<string, string>(manifest.Origin, StringComparer.Ordinal) { [OriginKey] = Text } };
    }

    /// <param name="text">The file's content.</param>
    /// <param name="path">For messages.</param>
    /// <exception cref="CaptureFormatException">A line is not what it should be: which, and why.</exception>
    public static HostScript Parse(string text, string path)
    {
        ArgumentNullException.ThrowIfNull(text);
        var actions = new List<HostAction>();
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            var trimmed = line.Trim();
            if (trimmed.Length == 0 || trimmed.StartsWith('#'))
                continue;
            try
            {
                using var json = JsonDocument.Parse(trimmed);
                actions.Add(Read(json.RootElement, number));
            }
            catch (Exception error) when (error is JsonException or FormatException or OverflowException or InvalidOperationException)
            {
                throw new CaptureFormatException($"{path}, line {number}: {error.Message.Split('.')[0]}. See schemas/host-events.md.", error);
            }
        }

        return new HostScript(
            text,
            [.. actions.Where(action => action.At is not null).OrderBy(action => action.At)],
            [.. actions.Where(action => action.At is null)]);
    }

    private static HostAction Read(JsonElement line, int number)
    {
        if (line.ValueKind != JsonValueKind.Object)
            throw new FormatException("not a JSON object");
        var name = line.TryGetProperty("op", out var op) && op.ValueKind == JsonValueKind.String ? op.GetString()! : throw new FormatException("no 'op'");
        if (!Operations.TryGetValue(name, out var operation))
            throw new FormatException($"op '{name}' is not known: {string.Join(", ", Operations.Keys)}");
        CheckNames(line, name, operation);
        var (at, marker) = (Number(line, "at"), Number(line, "marker"));
        if (at is null == marker is null)
            throw new FormatException("give either 'at', an ordinal, or 'marker', a byte");
        if (at > long.MaxValue || marker > byte.MaxValue)
            throw new FormatException(at is null ? "'marker' is a byte" : "'at' is too large");
        if (Number(line, "nth") is { } nth && (marker is null || nth is 0 or > int.MaxValue))
            throw new FormatException("'nth' goes with 'marker' and counts from 1");
        var slot = operation == HostOperation.Memslot ? ReadSlot(line) : null;
        if (operation is not (HostOperation.Memslot or HostOperation.NxRecovery) && Number(line, "gpa") is null)
            throw new FormatException($"{name} needs 'gpa'");
        var size = Number(line, "size") ?? 4096;
        var gpa = Number(line, "gpa") ?? 0;
        if (gpa + size < gpa)
            throw new FormatException("the range wraps around");
        return new HostAction
        {
            Line = number,
            At = (long?)at,
            Marker = (byte?)marker,
            Nth = (int?)Number(line, "nth"),
            Operation = operation,
            Gpa = gpa,
            Size = size,
            ManualProtect = Flag(line, "manual") || Flag(line, "initiallySet"),
            InitiallySet = Flag(line, "initiallySet"),
            Memslot = slot,
        };
    }

    private static MemslotChange ReadSlot(JsonElement line) => new()
    {
        Slot = (int)(Number(line, "slot") is { } slot and < 32764 ? slot : throw new FormatException("memslot needs 'slot', a small number")),
        Gpa = Number(line, "gpa") ?? 0,
        Size = Number(line, "size") ?? throw new FormatException("memslot needs 'size': bytes, 0 to delete"),
        ReadOnly = Flag(line, "readOnly"),
        LogDirty = Flag(line, "logDirty"),
        HvaOffset = Number(line, "hvaOffset") ?? 0,
        Name = line.TryGetProperty("name", out var name) ? name.GetString() : null,
    };

    /// <summary>A word that is not understood is not passed over.</summary>
    private static void CheckNames(JsonElement line, string name, HostOperation operation)
    {
        string[] own = operation switch
        {
            HostOperation.Memslot => OfSlot,
            HostOperation.NxRecovery => [],
            HostOperation.DirtyLogOn => ["gpa", "manual", "initiallySet"],
            HostOperation.DirtyLogOff or HostOperation.DirtyLogRead or HostOperation.Share or HostOperation.Collapse or HostOperation.Split => ["gpa"],
            _ => OfRange,
        };
        foreach (var property in line.EnumerateObject())
        {
            if (!Common.Contains(property.Name) && !own.Contains(property.Name))
                throw new FormatException($"{name} has no '{property.Name}'; it has {string.Join(", ", Common.Concat(own))}");
        }
    }

    private static bool Flag(JsonElement line, string name) => line.TryGetProperty(name, out var value) && value.GetBoolean();

    private static ulong? Number(JsonElement line, string name)
    {
        if (!line.TryGetProperty(name, out var value))
            return null;
        if (value.ValueKind == JsonValueKind.Number)
            return value.GetUInt64();
        var text = value.GetString() ?? "";
        var isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(isHex ? text.AsSpan(2) : text, isHex ? NumberStyles.HexNumber : NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"'{name}' is '{text}', not a number");
    }
}
