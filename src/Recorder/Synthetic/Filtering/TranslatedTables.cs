using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>
/// The page tables that the filter depends on: those that the accesses it stands for were translated through, found by walking the
/// guest's tables as the stream tells of them.
/// </summary>
internal sealed class TranslatedTables
{
    /// <summary>Stores without a walk in between after which KVM's shadow of a table that leads to others is gone for certain.</summary>
    private const int Flood = 3;

    private readonly MachineMemory _memory;
    private readonly PageWalker _walker;
    private readonly Vcpu?[] _vcpus = new Vcpu?[byte.MaxValue + 1];
    private readonly HashSet<ulong> _tables = [];
    private readonly HashSet<ulong> _leading = [];
    private readonly Dictionary<ulong, int> _stores = [];
    private readonly List<ulong> _path = [];

    /// <param name="memoryBytes">Guest RAM.</param>
    public TranslatedTables(ulong memoryBytes)
    {
        _memory = new MachineMemory(memoryBytes);
        _walker = new PageWalker(_memory, (_, table) => _path.Add(table.Value));
    }

    /// <summary>The filter is emptied.</summary>
    public void Forget() => _tables.Clear();

    /// <summary>The filter stands for an access.</summary>
    public void Add(byte vcpu, ulong gva)
    {
        Walk(vcpu, gva);
        _tables.UnionWith(_path);
    }

    /// <summary>An access that the filter does not stand for.</summary>
    public void Walk(byte vcpu, ulong gva)
    {
        var at = At(vcpu);
        _path.Clear();
        // The CPU holds its entries in registers, but emulators may read them again at any time.
        if (at.Format.Mode == SyntheticPaging.Pae)
            _path.Add((at.Cr3 & PageWalker.Cr3AddressMask) >> 12);
        _walker.Translate(at, AccessKind.Read, AccessFlags.Implicit, gva, out _);
        for (var i = 0; i < _path.Count; i++)
        {
            _stores.Remove(_path[i]);
            if (i + 1 < _path.Count)
                _leading.Add(_path[i]);
        }
    }

    /// <summary>
    /// Whether what a store to a table makes KVM forget concerns what the filter stands for. Its shadow of a table that leads to others can go
    /// as a whole, and takes with it what is out of sync below, where other tables may lead, too.
    /// </summary>
    public bool DependOnStore(ulong gpa)
    {
        var table = gpa >> 12;
        return _tables.Contains(table) || (_leading.Contains(table) && _stores.GetValueOrDefault(table) < Flood);
    }

    /// <summary>An event of the stream, which may change tables or registers.</summary>
    public void See(in TraceEvent row)
    {
        switch (row.Kind)
        {
            case TraceEventKind.PageImage:
                if (row.Data is { } image)
                    Store(row.Gpa ?? 0, image);
                break;
            case TraceEventKind.PageTableStore:
                _stores[(row.Gpa ?? 0) >> 12] = _stores.GetValueOrDefault((row.Gpa ?? 0) >> 12) + 1;
                Store(row.Gpa ?? 0, BitConverter.GetBytes(row.Value ?? 0).AsSpan(0, (int)Math.Min(row.Size ?? 0, sizeof(ulong))));
                break;
            case TraceEventKind.PageRelease:
                _stores.Remove((row.Gpa ?? 0) >> 12);
                _leading.Remove((row.Gpa ?? 0) >> 12);
                break;
            case TraceEventKind.VcpuState:
                SetRegisters(At(row.Vcpu), EventDetail.ReadVcpuState(row));
                break;
            default:
                SetRegister(At(row.Vcpu), row);
                break;
        }
    }

    private Vcpu At(byte index) => _vcpus[index] ??= new Vcpu(index, cacheEntries: 1);

    private void Store(ulong gpa, ReadOnlySpan<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            var at = new Gpa(gpa + (ulong)i);
            if (_memory.IsRam(at))
                _memory.Write(at, 1, bytes[i]);
        }
    }

    private void SetRegisters(Vcpu vcpu, VcpuState state)
    {
        vcpu.Cr0 = state.Cr0;
        vcpu.Cr3 = state.Cr3;
        vcpu.Cr4 = state.Cr4;
        vcpu.Efer = state.Efer;
        LoadMode(vcpu);
    }

    private void SetRegister(Vcpu vcpu, in TraceEvent row)
    {
        var value = row.Value ?? 0;
        switch (row.Kind)
        {
            case TraceEventKind.Cr0Write:
                vcpu.Cr0 = value;
                break;
            case TraceEventKind.Cr3Write:
                vcpu.Cr3 = value & ~ControlBits.Cr3NoFlush;
                break;
            case TraceEventKind.Cr4Write:
                vcpu.Cr4 = value;
                break;
            case TraceEventKind.EferWrite:
                vcpu.Efer = value;
                break;
            default:
                return;
        }
        LoadMode(vcpu);
    }

    private void LoadMode(Vcpu vcpu)
    {
        vcpu.UpdateMode();
        if (vcpu.Format.Mode == SyntheticPaging.Pae)
            _walker.LoadPdptes(vcpu);
    }
}
