using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>A program on one vCPU: user code in its address space, or, with paging off, code on bare memory.</summary>
public sealed class WorkloadProgram
{
    private readonly GuestKernel _kernel;
    private readonly ulong _code;
    private ulong _rip;

    private WorkloadProgram(GuestKernel kernel, Vcpu vcpu, AddressSpace? space)
    {
        _kernel = kernel;
        Vcpu = vcpu;
        Space = space;
        _code = space is null ? GuestLayout.BootCode + 0x1000 : GuestLayout.UserCode;
        _rip = _code;
    }

    public Vcpu Vcpu { get; }

    /// <summary>Null with paging off.</summary>
    public AddressSpace? Space { get; private set; }

    /// <summary>Starts a program: its space is loaded and the vCPU leaves the kernel.</summary>
    public static WorkloadProgram Start(GuestKernel kernel, Vcpu vcpu, AddressSpace? space)
    {
        var program = new WorkloadProgram(kernel, vcpu, space);
        if (space is null)
            return program;
        kernel.EnterKernel(vcpu);
        kernel.SwitchTo(vcpu, space);
        kernel.LeaveKernel(vcpu);
        return program;
    }

    /// <summary>The place in the program's code, 16 bytes apart, that makes the next accesses.</summary>
    public void At(int site) => _rip = _code + (ulong)(site * 16);

    public bool Touch(AccessKind kind, ulong gva, int size = 8) => _kernel.Run(Vcpu, _rip, kind, gva, size);

    /// <summary>Execution enters a page.</summary>
    public bool Execute(ulong rip)
    {
        _rip = rip;
        return _kernel.Run(Vcpu, rip, AccessKind.Read, rip & ~63UL, 8);
    }

    /// <summary>A system call: <paramref name="work"/> runs in the kernel on this vCPU.</summary>
    public void Call(Action<Vcpu> work)
    {
        if (Space is null)
        {
            work(Vcpu);
            return;
        }
        _kernel.EnterKernel(Vcpu);
        work(Vcpu);
        _kernel.LeaveKernel(Vcpu);
    }

    /// <summary>The kernel stops this program and lets another run, from a timer interrupt.</summary>
    public void PreemptFor(AddressSpace next)
    {
        _kernel.Interrupt(Vcpu, next);
        Space = next;
    }

    /// <summary>The program's space was freed; it goes on in another.</summary>
    public void ContinueIn(AddressSpace next)
    {
        _kernel.EnterKernel(Vcpu);
        _kernel.SwitchTo(Vcpu, next);
        _kernel.LeaveKernel(Vcpu);
        Space = next;
    }
}
