using System.Runtime.CompilerServices;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.SavedState;

namespace Replay.Replayer.Hardware;

/// <summary>The CPU's walk through KVM's tables from a guest-physical to a host-physical address: EPT or nested paging.</summary>
/// <param name="tlb">Spares walks that were made before; without, each is made in full.</param>
/// <param name="writer">Counts changes of the tables.</param>
internal abstract class SecondDimension(NestedTlb? tlb, TableWriter writer)
{
    private long _roots;

    /// <summary>Where the walk starts; told by the CPU after each VM entry.</summary>
    public HardwareRoot Root
    {
        get;
        set
        {
            if (field == value)
                return;
            tlb?.Flush();
            _roots++;
            field = value;
        }
    }

    protected TableWriter Writer => writer;

    /// <summary>Notes what walks read; null: nobody wants to know.</summary>
    [field: NotState("whoever wants to know sets it")]
    public WalkRecorder? Recorder { get; init; }

    /// <summary>The tables are the shadow of those that a hypervisor made for its guest.</summary>
    public virtual bool IsShadow => false;

    /// <summary>The hypervisor's physical address where the last walk ended; only where <see cref="IsShadow"/>.</summary>
    public ulong Target { get; protected set; }

    /// <summary>Grows with every change after which a walk made earlier might go elsewhere or set a bit.</summary>
    public long Epoch => writer.TranslationEpoch + _roots;

    /// <summary>The log for pages made dirty; told after each VM entry.</summary>
    public PmlBuffer? Pml { get; set; }

    /// <summary>Reading an entry of a guest table needs write rights at once, so that setting its bits later needs no other walk.</summary>
    public abstract bool TableReadsAreWrites { get; }

    /// <summary>Entries read since the start, or that a walk would have read had it not been made before.</summary>
    public long References { get; protected set; }

    /// <summary>Why the last walk that failed did.</summary>
    public ExitReason ExitReason { get; private set; }

    /// <summary>Exit qualification or EXITINFO1 of the last walk that failed.</summary>
    public ulong ExitInfo1 { get; private set; }

    /// <summary>Guest-physical address of the last walk that failed.</summary>
    public ulong ExitGpa { get; private set; }

    /// <summary>Translates; false: the access exits for the reason left in the properties.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTranslate(ulong gpa, in GpaAccess access, out ulong hpa)
    {
        if (tlb is null)
            return Walk(gpa, access, out hpa);
        if (tlb.TryFind(gpa, access, out hpa, out var references))
        {
            References += references;
            return true;
        }

        var before = References;
        if (!Walk(gpa, access, out hpa))
            return false;
        tlb.Fill(gpa, access, hpa, (int)(References - before));
        return true;
    }

    /// <summary>Counts entries of walks that need not be made, because they were before.</summary>
    public void Spare(int references) => References += references;

    /// <summary>Walks from the root.</summary>
    protected abstract bool Walk(ulong gpa, in GpaAccess access, out ulong hpa);

    protected bool Exit(ExitReason reason, ulong info1, ulong gpa, out ulong hpa)
    {
        ExitReason = reason;
        ExitInfo1 = info1;
        ExitGpa = gpa;
        hpa = 0;
        return false;
    }
}
