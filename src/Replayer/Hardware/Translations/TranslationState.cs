using Replay.Replayer.Guest;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Hardware;

/// <summary>
/// Everything that a translation depends on, as counts and register values: while none of them moves, a walk that set all its bits
/// would be the same walk again.
/// </summary>
internal sealed class TranslationState(TableWriter writer, GuestMemory memory, IHypervisor hypervisor, ControlRegisters registers)
{
    private readonly ulong[] _pdptes = new ulong[4];
    private long _translationEpoch = -1;
    private long _contentEpoch = -1;
    private long _flushEpoch = -1;
    private long _registersVersion = -1;
    private ulong _cr0;
    private ulong _cr3;
    private ulong _cr4;
    private ulong _efer;
    private uint _pkru;

    /// <summary>True where something moved since the last call.</summary>
    public bool TakeChange()
    {
        var changed = _translationEpoch != writer.TranslationEpoch | _contentEpoch != memory.ContentEpoch
            | _flushEpoch != hypervisor.FlushEpoch || HaveRegistersChanged();
        if (changed)
            Remember();
        return changed;
    }

    private bool HaveRegistersChanged()
    {
        if (_registersVersion == registers.Version)
            return false;
        _registersVersion = registers.Version;
        return _cr0 != registers.Cr0 | _cr3 != registers.Cr3 | _cr4 != registers.Cr4 | _efer != registers.Efer | _pkru != registers.Pkru
            || !registers.Pdptes.SequenceEqual(_pdptes);
    }

    private void Remember()
    {
        _translationEpoch = writer.TranslationEpoch;
        _contentEpoch = memory.ContentEpoch;
        _flushEpoch = hypervisor.FlushEpoch;
        _registersVersion = registers.Version;
        _cr0 = registers.Cr0;
        _cr3 = registers.Cr3;
        _cr4 = registers.Cr4;
        _efer = registers.Efer;
        _pkru = registers.Pkru;
        registers.Pdptes.CopyTo(_pdptes);
    }
}
