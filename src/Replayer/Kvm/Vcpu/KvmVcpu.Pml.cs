namespace Replay.Replayer.Kvm;

/// <content>
/// Page-modification logging: the CPU notes in <see cref="Hardware.PmlBuffer"/> what it sets dirty bits for, exits when that is full, and KVM
/// empties it at every exit.
/// </content>
public sealed partial class KvmVcpu
{
    /// <summary>Marks the pages that the CPU logged as dirty, and empties the log.</summary>
    /// <remarks>KVM: vmx_flush_pml_buffer().</remarks>
    internal void FlushPmlBuffer()
    {
        if (_pml is null || _pml.Count == 0)
            return;
        foreach (var gpa in _pml.Entries)
            Vm.Memslots.Find(gpa >> 12)?.MarkDirty(gpa >> 12);
        _pml.Clear();
    }
}
