using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// Keeps every vCPU from relying on a changed entry: INVLPG and CR3 loads here, an interrupt to vCPUs that run the same space, and
/// a note that a later load of the space there must not keep its translations.
/// </summary>
public sealed class TlbMaintenance
{
    private const int FlushVector = 0xfd;

    /// <summary>Spaces a vCPU keeps translations of; further ones take turns.</summary>
    private const int PcidCount = 6;

    private readonly GuestMachine _machine;
    private readonly KernelMemory _memory;
    private readonly ExceptionDelivery _delivery;
    private readonly GuestLayout _layout;
    private readonly AddressSpace?[] _loaded;
    private readonly AddressSpace?[][] _owners;

    internal TlbMaintenance(GuestMachine machine, KernelMemory memory, ExceptionDelivery delivery, GuestLayout layout)
    {
        _machine = machine;
        _memory = memory;
        _delivery = delivery;
        _layout = layout;
        _loaded = new AddressSpace?[machine.Vcpus.Count];
        _owners = [.. machine.Vcpus.Select(_ => new AddressSpace?[PcidCount + 1])];
    }

    /// <summary>The space a vCPU's CR3 points at.</summary>
    public AddressSpace? Loaded(Vcpu vcpu) => _loaded[vcpu.Index];

    /// <summary>Loads CR3 with a space; keeps translations where the PCID allows and nothing changed meanwhile.</summary>
    public void Load(Vcpu vcpu, AddressSpace space)
    {
        _memory.Touch(vcpu, Trace.AccessKind.Read, _layout.VcpuVariables(vcpu.Index) + 0x10, 8);
        var bit = 1u << vcpu.Index;
        var usesPcid = (vcpu.Cr4 & ControlBits.Cr4Pcide) != 0;
        var pcid = usesPcid ? 1 + (space.Id % PcidCount) : 0;
        var keeps = usesPcid && ReferenceEquals(_owners[vcpu.Index][pcid], space) && (space.StaleOn & bit) == 0;
        _machine.WriteCr3(vcpu, space.Root.Base.Value | (uint)pcid | (keeps ? ControlBits.Cr3NoFlush : 0));
        _owners[vcpu.Index][pcid] = space;
        _loaded[vcpu.Index] = space;
        space.StaleOn &= ~bit;
    }

    /// <summary>Forgets a space that is freed: its number and frame may come back as another's.</summary>
    public void Forget(AddressSpace space)
    {
        foreach (var owners in _owners)
        {
            for (var i = 0; i < owners.Length; i++)
            {
                if (ReferenceEquals(owners[i], space))
                    owners[i] = null;
            }
        }
    }

    /// <summary>One page's translation is dropped everywhere.</summary>
    public void FlushPage(Vcpu vcpu, AddressSpace space, ulong gva)
        => Everywhere(vcpu, space, target => _machine.Invlpg(target, gva));

    /// <summary>All translations of a space, apart from global ones, are dropped everywhere.</summary>
    public void FlushSpace(Vcpu vcpu, AddressSpace space)
    {
        foreach (var owner in _machine.Vcpus)
            space.StaleOn |= 1u << owner.Index;
        Everywhere(vcpu, space, target => Load(target, space));
    }

    /// <summary>All translations of every space are dropped on one vCPU, global ones too: CR4.PGE off and on.</summary>
    public void FlushAll(Vcpu vcpu)
    {
        _machine.WriteCr4(vcpu, vcpu.Cr4 & ~ControlBits.Cr4Pge);
        _machine.WriteCr4(vcpu, vcpu.Cr4 | ControlBits.Cr4Pge);
    }

    /// <summary>Runs a flush on this vCPU and, by an interrupt, on every other.</summary>
    public void OnEveryVcpu(Vcpu vcpu, Action<Vcpu> flush)
    {
        foreach (var target in _machine.Vcpus)
        {
            if (ReferenceEquals(target, vcpu))
                flush(target);
            else
                Interrupt(target, flush);
        }
    }

    private void Everywhere(Vcpu vcpu, AddressSpace space, Action<Vcpu> flush)
    {
        foreach (var target in _machine.Vcpus)
        {
            if (!ReferenceEquals(_loaded[target.Index], space))
                space.StaleOn |= 1u << target.Index;
            else if (ReferenceEquals(target, vcpu))
                flush(target);
            else
                Interrupt(target, flush);
        }
    }

    private void Interrupt(Vcpu target, Action<Vcpu> flush)
    {
        var program = _delivery.DeliverInterrupt(target, FlushVector);
        _memory.Enter(target, KernelFunction.FlushTlb);
        flush(target);
        _delivery.Return(target, program);
    }
}
