using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>How the kernel reaches physical memory: through its direct map, or at the address itself while paging is off.</summary>
public sealed class KernelMemory
{
    private const int LineBytes = 64;

    private readonly GuestMachine _machine;
    private readonly GuestLayout _layout;

    internal KernelMemory(GuestMachine machine, GuestLayout layout)
    {
        _machine = machine;
        _layout = layout;
    }

    public ulong AddressOf(Vcpu vcpu, Gpa gpa)
        => vcpu.Format.Mode == SyntheticPaging.Off ? gpa.Value : _layout.DirectMap + gpa.Value;

    public ulong Load(Vcpu vcpu, ulong gva, int size)
    {
        if (!_machine.Load(vcpu, gva, size, out var value))
            throw Faulted(vcpu);
        return value;
    }

    public void Store(Vcpu vcpu, ulong gva, int size, ulong value)
    {
        if (!_machine.Store(vcpu, gva, size, value))
            throw Faulted(vcpu);
    }

    /// <summary>An access whose value does not matter.</summary>
    public void Touch(Vcpu vcpu, AccessKind kind, ulong gva, int size)
    {
        if (!_machine.Access(vcpu, kind, gva, size))
            throw Faulted(vcpu);
    }

    /// <summary>Execution goes to a function of the kernel.</summary>
    public void Enter(Vcpu vcpu, KernelFunction function)
    {
        var text = vcpu.Format.Mode == SyntheticPaging.Off ? GuestLayout.KernelText : _layout.KernelBase + GuestLayout.KernelText;
        Jump(vcpu, text + ((ulong)function * 4096));
    }

    /// <summary>Execution goes to an address that must be mapped.</summary>
    public void Jump(Vcpu vcpu, ulong rip)
    {
        if (!_machine.Execute(vcpu, rip))
            throw Faulted(vcpu);
    }

    public void ClearPage(Vcpu vcpu, Gfn gfn)
    {
        var back = vcpu.Rip;
        Enter(vcpu, KernelFunction.ClearPage);
        var page = AddressOf(vcpu, gfn.Base);
        if (_machine.IsTable(gfn))
        {
            var word = WordBytes(vcpu);
            for (var at = 0; at < 4096; at += word)
                Store(vcpu, page + (ulong)at, word, 0);
        }
        else
        {
            _machine.Memory.ClearPage(gfn);
            TouchLines(vcpu, AccessKind.Write, page, 4096 / LineBytes);
        }
        Jump(vcpu, back);
    }

    public void CopyPage(Vcpu vcpu, Gfn from, Gfn to)
    {
        var back = vcpu.Rip;
        Enter(vcpu, KernelFunction.CopyPage);
        var source = AddressOf(vcpu, from.Base);
        var target = AddressOf(vcpu, to.Base);
        var step = _machine.IsTable(to) ? WordBytes(vcpu) : LineBytes;
        for (var at = 0; at < 4096; at += step)
        {
            Touch(vcpu, AccessKind.Read, source + (ulong)at, step);
            if (step == LineBytes)
                Touch(vcpu, AccessKind.Write, target + (ulong)at, step);
            else
                Store(vcpu, target + (ulong)at, step, _machine.Memory.Read(new Gpa(from.Base.Value + (ulong)at), step));
        }
        _machine.Memory.CopyPage(from, to);
        Jump(vcpu, back);
    }

    /// <summary>Clears a large page, one line of each 4 KiB: its content is of no interest, its translations are.</summary>
    public void ClearRun(Vcpu vcpu, Gfn first, ulong bytes)
    {
        var back = vcpu.Rip;
        Enter(vcpu, KernelFunction.ClearPage);
        var start = AddressOf(vcpu, first.Base);
        var step = Math.Max(bytes >> 9, 4096);
        for (var at = 0UL; at < bytes; at += step)
            Touch(vcpu, AccessKind.Write, start + at, LineBytes);
        Jump(vcpu, back);
    }

    private static int WordBytes(Vcpu vcpu) => vcpu.Format.IsLong ? 8 : 4;

    private static InvalidOperationException Faulted(Vcpu vcpu)
        => new($"The synthetic kernel faulted at 0x{vcpu.Cr2:x} ({vcpu.FaultError}), instruction 0x{vcpu.Rip:x}: a defect of the workload.");

    private void TouchLines(Vcpu vcpu, AccessKind kind, ulong start, int lines)
    {
        for (var line = 0; line < lines; line++)
            Touch(vcpu, kind, start + (ulong)(line * LineBytes), LineBytes);
    }
}
