using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Replay.Replayer;

namespace Replay.Analyzer.Store.Parts;

/// <summary>
/// What tells a run apart from all others, on whatever machine they are made: a hash of the capture's identity, the options and the model.
/// The same replay made twice has one key.
/// </summary>
/// <param name="Number">The run's number in a folder of Parquet: 53 bits, so that it is exact wherever numbers are doubles.</param>
/// <param name="Text">The whole hash, hexadecimal.</param>
public readonly record struct RunKey(long Number, string Text)
{
    private const int Bits = 53;

    public static RunKey Of(RunInfo info, StoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(options);
        var entries = info.Entries ?? EntryClassifier.For(info.Mode);
        var identity = JsonSerializer.SerializeToUtf8Bytes<object?[]>(
        [
            info.CaptureHash, info.Mode.Name(), info.Name, info.Profile, info.Backing, info.Kernel, info.Model, StoredRuns.OptionsText(info),
            StoredRuns.DetailText(options), options.Rmap, options.MaxRows, entries.IsEpt, entries.MmioMask, entries.MmioValue,
        ]);
        var hash = SHA256.HashData(identity);
        return new RunKey((long)(BinaryPrimitives.ReadUInt64BigEndian(hash) >> (64 - Bits)), Convert.ToHexStringLower(hash.AsSpan(0, 16)));
    }

    public override string ToString() => Text;
}
