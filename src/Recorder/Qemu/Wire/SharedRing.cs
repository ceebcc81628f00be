using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Text;

namespace Replay.Recorder.Qemu;

/// <summary>The memory shared with the plugin: the control block and the ring behind it. The recorder is the one reader.</summary>
internal sealed unsafe class SharedRing : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _control;
    private readonly ulong _mask;

    private SharedRing(MemoryMappedFile file, int words)
    {
        _file = file;
        _mask = (ulong)words - 1;
        _view = file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _control);
    }

    /// <summary>Words the plugin has published.</summary>
    public ulong Head => Volatile.Read(ref At<ulong>(WireFormat.OffsetHead));

    /// <summary>Words taken out of the ring.</summary>
    public ulong Tail
    {
        get => At<ulong>(WireFormat.OffsetTail);
        set => Volatile.Write(ref At<ulong>(WireFormat.OffsetTail), value);
    }

    public WireState State => (WireState)Volatile.Read(ref At<uint>(WireFormat.OffsetState));

    public WireEnd EndReason => (WireEnd)At<uint>(WireFormat.OffsetEndReason);

    public int Vcpus => (int)At<uint>(WireFormat.OffsetVcpus);

    public WireCounters Counters => At<WireCounters>(WireFormat.OffsetCounters);

    /// <summary>The plugin waits for the memory map.</summary>
    public bool MapIsWanted => Volatile.Read(ref At<uint>(WireFormat.OffsetMapRequest)) != At<uint>(WireFormat.OffsetMapAnswer);

    /// <summary>Why the plugin gave up; empty unless the state is <see cref="WireState.Failed"/>.</summary>
    public string Error
    {
        get
        {
            var text = new ReadOnlySpan<byte>(_control + WireFormat.OffsetError, WireFormat.ErrorBytes);
            var end = text.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
        }
    }

    /// <summary>Makes the file at <paramref name="path"/> and fills in what the plugin is to do.</summary>
    public static SharedRing Create(string path, QemuRecordingOptions options, ulong ramBytes)
    {
        var bytes = WireFormat.ControlBytes + ((long)options.RingWords * sizeof(ulong));
        var stream = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite);
        stream.SetLength(bytes);
        var file = MemoryMappedFile.CreateFromFile(stream, mapName: null, bytes, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        var ring = new SharedRing(file, options.RingWords);
        ring.Prepare(options, ramBytes);
        return ring;
    }

    /// <summary>The words from <paramref name="from"/> on up to the ring's end: at most <paramref name="count"/>.</summary>
    public ReadOnlySpan<ulong> Words(ulong from, int count)
    {
        var index = (int)(from & _mask);
        return new ReadOnlySpan<ulong>(_control + WireFormat.ControlBytes + ((long)index * sizeof(ulong)), Math.Min(count, (int)_mask + 1 - index));
    }

    public void RequestStop() => Volatile.Write(ref At<uint>(WireFormat.OffsetStopRequest), 1);

    /// <summary>Hands the plugin the changes of the memory map since the last answer.</summary>
    public void AnswerMap(IReadOnlyList<WireMemslot> changes)
    {
        for (var i = 0; i < changes.Count; i++)
            At<WireMemslot>(WireFormat.OffsetMap + (i * sizeof(WireMemslot))) = changes[i];
        At<uint>(WireFormat.OffsetMapCount) = (uint)changes.Count;
        Volatile.Write(ref At<uint>(WireFormat.OffsetMapAnswer), At<uint>(WireFormat.OffsetMapRequest));
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private void Prepare(QemuRecordingOptions options, ulong ramBytes)
    {
        At<uint>(WireFormat.OffsetVersion) = WireFormat.Version;
        At<uint>(WireFormat.OffsetControlBytes) = WireFormat.ControlBytes;
        At<ulong>(WireFormat.OffsetWords) = (ulong)options.RingWords;
        At<ulong>(WireFormat.OffsetRamBytes) = ramBytes;
        At<uint>(WireFormat.OffsetReaderPid) = (uint)Environment.ProcessId;
        At<uint>(WireFormat.OffsetOptions) = options.IsFiltered ? WireFormat.OptionFilter : 0;
        At<uint>(WireFormat.OffsetFilterSlots) = (uint)(options.FilterSlots ?? QemuRecordingOptions.DefaultFilterSlots);
        At<uint>(WireFormat.OffsetMarkerPort) = options.MarkerPort ?? WireFormat.NoPort;
        At<ulong>(WireFormat.OffsetEpochLength) = (ulong)options.EpochLength;
        At<ulong>(WireFormat.OffsetMaxAccesses) = (ulong)(options.MaxAccesses ?? 0);
        PrepareBound(options.StartAt, WireFormat.OffsetStartKind, WireFormat.OffsetStartAt);
        PrepareBound(options.StopAt, WireFormat.OffsetStopKind, WireFormat.OffsetStopAt);
        Volatile.Write(ref At<ulong>(0), WireFormat.Magic);
    }

    private void PrepareBound(GuestAddress? bound, int kindOffset, int valueOffset)
    {
        At<uint>(kindOffset) = bound switch { null => 0, { IsPhysical: false } => 1, _ => 2 };
        At<ulong>(valueOffset) = bound?.Value ?? 0;
    }

    private ref T At<T>(int offset)
        where T : unmanaged
        => ref MemoryMarshal.AsRef<T>(new Span<byte>(_control + offset, sizeof(T)));
}
