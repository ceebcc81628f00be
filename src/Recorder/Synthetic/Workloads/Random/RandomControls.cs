using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Control registers a random guest changes, and flushes it makes for no reason.</summary>
internal sealed class RandomControls
{
    private readonly WorkloadContext _context;
    private readonly RandomFlusher _flusher;

    public RandomControls(WorkloadContext context, RandomFlusher flusher)
    {
        _context = context;
        _flusher = flusher;
    }

    private GuestMachine Machine => _context.Machine;

    private SeededRandom Random => _context.Random;

    public void Change(Vcpu vcpu)
    {
        var hasNewBits = _context.Kernel.Format.EntryBytes == 8;
        switch (Random.Below(10))
        {
            case 0 or 1:
                Machine.WriteCr0(vcpu, vcpu.Cr0 ^ ControlBits.Cr0Wp);
                break;
            case 2 when hasNewBits:
                Machine.WriteCr4(vcpu, vcpu.Cr4 ^ ControlBits.Cr4Smep);
                break;
            case 3 when hasNewBits:
                Machine.WriteCr4(vcpu, vcpu.Cr4 ^ ControlBits.Cr4Smap);
                break;
            case 4 when hasNewBits && _context.Knobs.Flag("nx-toggle"):
                Machine.WriteEfer(vcpu, vcpu.Efer ^ ControlBits.EferNxe);
                _flusher.FlushAll(vcpu);
                break;
            case 5 when _context.Kernel.Options.ProtectionKeys && _context.Kernel.Format.IsLong:
                Machine.WritePkru(vcpu, (uint)Random.NextUInt64() & 0xfc);
                break;
            case 6:
                _context.Kernel.Tlb.FlushAll(vcpu);
                break;
            case 7:
                _context.Kernel.Tlb.Load(vcpu, _context.Kernel.Tlb.Loaded(vcpu)!);
                break;
            default:
                Machine.Invlpg(vcpu, Random.NextUInt64() & 0x7fff_f000);
                break;
        }
    }
}
