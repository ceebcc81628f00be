using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>One run of <see cref="RandomWorkload"/>: its spaces and programs, and the operations it draws from.</summary>
internal sealed class RandomGuest
{
    private readonly WorkloadContext _context;
    private readonly SeededRandom _random;
    private readonly RandomFrames _frames;
    private readonly RandomWindow _window;
    private readonly RandomEditor? _editor;
    private readonly RandomHost _host;
    private readonly List<AddressSpace> _spaces = [];
    private readonly List<WorkloadProgram> _programs = [];

    public RandomGuest(WorkloadContext context)
    {
        var knobs = context.Knobs;
        _context = context;
        _random = context.Random;
        if (context.Machine.Memory.HighBytes > 0)
            throw new WorkloadUsageException("Workload random takes memory up to 3G: lower memory.");
        _frames = new RandomFrames(Kernel, _random, knobs.Count("tables"), knobs.Count("pages"));
        _window = new RandomWindow(Kernel.Format, _frames, _random);
        _host = new RandomHost(context, _frames);
        context.Boot();
        if (context.IsPaged)
        {
            _editor = new RandomEditor(context, _frames, _window, _spaces);
            _editor.Fill(context.Machine.Vcpus[0]);
            for (var i = 0; i < knobs.Number("spaces"); i++)
            {
                _spaces.Add(Kernel.CreateSpace(context.Machine.Vcpus[0]));
                _editor.Adopt(context.Machine.Vcpus[0], _spaces[^1]);
            }
        }
        foreach (var vcpu in context.Machine.Vcpus)
            _programs.Add(WorkloadProgram.Start(Kernel, vcpu, _spaces.Count > 0 ? _spaces[_random.Below(_spaces.Count)] : null));
    }

    private GuestKernel Kernel => _context.Kernel;

    private GuestMachine Machine => _context.Machine;

    /// <summary>A program or the kernel touches an address; what faults may be mapped afterwards.</summary>
    public void Access()
    {
        var program = AnyProgram();
        var gva = _window.Address(_random);
        if (Touch(program, gva) || _editor is null || !_random.Percent(60))
            return;
        program.Call(vcpu => _editor.Repair(vcpu, gva));
    }

    /// <summary>The kernel changes entries of tables and flushes.</summary>
    public void Edit()
    {
        if (_editor is { } editor)
            AnyProgram().Call(editor.EditSome);
    }

    /// <summary>Another space, another right, a flush nobody needs.</summary>
    public void Control()
    {
        var program = AnyProgram();
        if (_editor is not { } editor)
        {
            Machine.WriteCr3(program.Vcpu, _frames.Start.Value);
            return;
        }
        if (_random.Percent(50))
        {
            program.PreemptFor(_spaces[_random.Below(_spaces.Count)]);
            program.Call(editor.AfterSwitch);
        }
        else
        {
            program.Call(editor.Controls.Change);
        }
    }

    public void HostActs() => _host.Act(_random);

    private WorkloadProgram AnyProgram() => _programs[_random.Below(_programs.Count)];

    private bool Touch(WorkloadProgram program, ulong gva)
    {
        var isWrite = _random.Percent(_context.Knobs.Count("write-percent"));
        var kind = isWrite ? AccessKind.Write : AccessKind.Read;
        if (_random.Percent(15) && _editor is not null)
        {
            var reached = false;
            program.Call(vcpu => reached = _random.Percent(70)
                ? Kernel.TouchUser(vcpu, kind, gva, 8)
                : Kernel.Run(vcpu, vcpu.Rip, kind, gva, 8));
            return reached;
        }
        if (_random.Percent(8))
            return program.Execute(gva);
        program.At(_random.Below(64));
        if (isWrite && _editor is { } editor)
            return editor.StoreByProgram(program, gva);
        return program.Touch(kind, gva);
    }
}
