using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Trace;
using Replay.Trace.Touches;

namespace Replay.Replayer.Hardware;

/// <summary>
/// One vCPU as hardware: replays accesses, each as if no translation had ever been cached, and compares where they end with where
/// the source saw them end.
/// </summary>
public sealed class Cpu
{
    private readonly CpuSetup _setup;
    private readonly Journal _journal;
    private readonly Translator _translator;
    private readonly Translator? _nestedTranslator;
    private readonly CodePage _code;
    private readonly AccessPath _path;
    private readonly AccessReplay _replay;
    private readonly FaultReplay _faults;
    private readonly SoftwareTlb _tlb = new();
    private readonly GuestTlb _guestTlb;
    private readonly TranslationState _state;
    private int _codeNotedTo;

    public Cpu(CpuSetup setup)
    {
        ArgumentNullException.ThrowIfNull(setup);
        _setup = setup;
        _journal = setup.Journal;
        _translator = setup.CreateTranslator();
        _code = new CodePage(setup);
        _nestedTranslator = setup.CreateNestedTranslator();
        _path = new AccessPath(_translator, _nestedTranslator, setup.Hypervisor, _code);
        _guestTlb = new GuestTlb(_tlb, setup.Walks);
        _replay = new AccessReplay(setup, _translator, _path, _guestTlb);
        _faults = new FaultReplay(setup, _path);
        _state = new TranslationState(setup.Writer, setup.Memory, setup.Hypervisor, setup.Registers);
        Instructions = new SystemInstructions(setup, _path, _guestTlb);
        Nested = new NestedGuest(setup, _path, _code, _guestTlb);
    }

    public byte Id => _setup.Id;

    public ControlRegisters Registers => _setup.Registers;

    /// <summary>The instructions that change how addresses are translated.</summary>
    public SystemInstructions Instructions { get; }

    /// <summary>Table entries that walks read, the guest's and KVM's; walks that the TLB spares are not in it.</summary>
    public long WalkReferences => _translator.References + (_nestedTranslator?.References ?? 0);

    /// <summary>The guest's own guest.</summary>
    public NestedGuest Nested { get; }

    /// <summary>Replays a stretch of accesses, all of them this vCPU's.</summary>
    /// <param name="chunk">The columns.</param>
    /// <param name="from">First access.</param>
    /// <param name="to">Behind the last.</param>
    /// <param name="firstTouches">
    /// Those among them, the first access included; empty where they were not looked for, and where the chunk has nothing but such.
    /// </param>
    public void Run(TraceChunk chunk, int from, int to, ReadOnlySpan<int> firstTouches = default)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        if (_path.IsInString)
        {
            SkipString(ref chunk, ref from, ref to);
            firstTouches = [];
        }

        if (from >= to)
            return;
        _codeNotedTo = from;
        StartAt(chunk, from);
        var seq = _journal.Seq;
        _path.EnterGuest();
        _ = ForgetWhatChanged();
        var hasBegun = _journal.Seq != seq;
        var isSettled = !hasBegun || RunOne(chunk, from, seq);
        if (chunk.Touched is { } touched)
            RunTouched(chunk, touched, from, to, hasBegun, isSettled);
        else
            RunAll(chunk, hasBegun ? from + 1 : from, to, isSettled ? firstTouches : []);
    }

    /// <summary>Replays one access that has an event of its own; the journal stands at that event.</summary>
    /// <param name="access">As the capture has it.</param>
    /// <param name="gpa">Where it ended; where the source saw it end, if the model does not say.</param>
    public AccessOutcome Access(in CpuAccess access, out ulong? gpa)
    {
        var seq = _journal.Seq;
        _path.EnterGuestFor(access, _journal.Rip);
        if (access.Kind == AccessKind.Fetch)
            _code.Enter(access.Guest);
        return _replay.Replay(access, seq, out _, out gpa);
    }

    /// <summary>Replays an access of which only the guest-physical address is known; the journal stands at that event.</summary>
    /// <returns>False: this mode translates guest-virtual addresses, of which there is none.</returns>
    public bool AccessPhysical(ulong gpa, AccessKind kind, AccessFlags flags)
    {
        if (!_translator.IsTwoDimensional)
            return false;
        _path.EnterGuest();
        var seq = _journal.Seq;
        var purpose = (flags & AccessFlags.TableWalk) != 0 ? GpaPurpose.TableRead : GpaPurpose.Final;
        _path.Touch(gpa, new CpuAccess { Gva = gpa, Kind = kind, Flags = flags, Gpa = gpa, Size = 1 }, purpose);
        if (_journal.Seq != seq)
            _ = ForgetWhatChanged();
        return true;
    }

    /// <summary>Replays a #PF that the capture saw reach the guest; the journal stands at that event.</summary>
    /// <param name="gva">CR2.</param>
    /// <param name="errorCode">As the source saw it.</param>
    /// <param name="flags">Where the source knows: EFLAGS.AC, implicit access.</param>
    public void Fault(ulong gva, uint errorCode, AccessFlags flags)
    {
        _path.EnterGuest();
        _faults.Replay(gva, (PageFaultCode)errorCode, flags);
    }

    /// <summary>Userspace lets the vCPU run on after an exit of its own: the CPU fetches the next instruction, if anything changed meanwhile.</summary>
    /// <param name="gva">Of that instruction.</param>
    public void Resume(ulong gva)
    {
        _setup.Hypervisor.LeaveGuest();
        _path.EnterGuest();
        _path.Resume(gva);
    }

    /// <summary>Leaves out what a string instruction does that KVM emulates to its end. What comes behind it may repeat that: all of it is looked at.</summary>
    private void SkipString(ref TraceChunk chunk, ref int from, ref int to)
    {
        if (chunk.Touched is { } touched)
            (chunk, from, to) = (_setup.Expanded.Of(chunk), touched.RowOf(from), touched.RowOf(to));
        while (from < to && _path.Continues((AccessKind)chunk.Kinds[from], chunk.Gvas[from], chunk.HasRips ? chunk.Rips[from] : 0))
            from++;
    }

    private void RunAll(TraceChunk chunk, int from, int to, ReadOnlySpan<int> firstTouches)
    {
        if (!_setup.UseTlb)
        {
            RunInFull(chunk, from, to);
        }
        else
        {
            if (!firstTouches.IsEmpty)
                from = RunFirstTouches(chunk, from, to, firstTouches);
            RunThroughTlb(chunk, from, to);
        }

        NoteCode(chunk, to);
    }

    /// <summary>
    /// Replays touches that are all the chunk has, as long as they change nothing, and from there on everything: see <see cref="RunFirstTouches"/>.
    /// </summary>
    /// <param name="chunk">The touches.</param>
    /// <param name="touched">What is left out.</param>
    /// <param name="from">First touch.</param>
    /// <param name="to">Behind the last.</param>
    /// <param name="hasBegun">The first has been replayed.</param>
    /// <param name="isSettled">Accesses like it need no replay.</param>
    private void RunTouched(TraceChunk chunk, TouchedRows touched, int from, int to, bool hasBegun, bool isSettled)
    {
        var row = touched.RowOf(from);
        var end = touched.RowOf(to);
        var last = from;
        if (hasBegun)
            row++;
        if (isSettled)
        {
            var missed = 0;
            for (var i = hasBegun ? from + 1 : from; i < to && isSettled; i++)
            {
                if (_tlb.Holds(chunk.Gvas[i], SoftwareTlb.KindAndFlags(chunk.Kinds[i], chunk.Flags[i]), chunk.Gpas[i]))
                    continue;
                missed++;
                last = i;
                StartAt(chunk, i);
                isSettled = RunOne(chunk, i, _journal.Seq);
            }

            var checkedTo = isSettled ? end : touched.RowOf(last) + 1;
            _setup.Verify.Checked += checkedTo - row - missed;
            row = checkedTo;
        }

        if (row == end)
        {
            NoteCode(chunk, to);
            return;
        }

        var all = _setup.Expanded.Of(chunk);
        _codeNotedTo = touched.RowOf(last);
        RunThroughTlb(all, row, end);
        NoteCode(all, end);
    }

    /// <summary>Replays first touches alone, as long as they change nothing.</summary>
    /// <returns>Where accesses have to be looked at one by one again.</returns>
    private int RunFirstTouches(TraceChunk chunk, int from, int to, ReadOnlySpan<int> firstTouches)
    {
        var end = to;
        var missed = 0;
        foreach (var i in firstTouches)
        {
            if (i < from || _tlb.Holds(chunk.Gvas[i], SoftwareTlb.KindAndFlags(chunk.Kinds[i], chunk.Flags[i]), chunk.Gpas[i]))
                continue;
            missed++;
            StartAt(chunk, i);
            if (RunOne(chunk, i, _journal.Seq))
                continue;
            end = i + 1;
            break;
        }

        _setup.Verify.Checked += end - from - missed;
        return end;
    }

    private void RunThroughTlb(TraceChunk chunk, int from, int to)
    {
        ref var entries = ref _tlb.First;
        ref var gvas = ref MemoryMarshal.GetArrayDataReference(chunk.Gvas);
        ref var gpas = ref MemoryMarshal.GetArrayDataReference(chunk.Gpas);
        ref var kinds = ref MemoryMarshal.GetArrayDataReference(chunk.Kinds);
        ref var flags = ref MemoryMarshal.GetArrayDataReference(chunk.Flags);
        var generation = _tlb.Generation;
        var hits = to - from;
        for (var i = from; i < to; i++)
        {
            var gva = Unsafe.Add(ref gvas, i);
            var kindAndFlags = SoftwareTlb.KindAndFlags(Unsafe.Add(ref kinds, i), Unsafe.Add(ref flags, i));
            ref var entry = ref Unsafe.Add(ref entries, SoftwareTlb.Slot(gva, kindAndFlags));
            var difference = entry.Key ^ SoftwareTlb.Key(gva, kindAndFlags, generation);
            if ((difference | (entry.Gpa ^ Unsafe.Add(ref gpas, i)) >> 12) == 0)
                continue;
            hits--;
            StartAt(chunk, i);
            _ = RunOne(chunk, i, _journal.Seq);
            generation = _tlb.Generation;
        }

        _setup.Verify.Checked += hits;
    }

    private void RunInFull(TraceChunk chunk, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            StartAt(chunk, i);
            _ = RunOne(chunk, i, _journal.Seq);
        }
    }

    /// <returns>True where accesses like it need no replay until the next event or something changes.</returns>
    private bool RunOne(TraceChunk chunk, int i, long seq)
    {
        NoteCode(chunk, i);
        if (_setup.Profile.ReadModifyWriteIsWrite && ReadModifyWrite.Begins(chunk, i))
        {
            // Its write, next in the stream, goes the whole way; the place is the same.
            _setup.Verify.Checked++;
            return true;
        }

        var access = new CpuAccess
        {
            Gva = chunk.Gvas[i],
            Kind = (AccessKind)chunk.Kinds[i],
            Flags = (AccessFlags)chunk.Flags[i],
            Gpa = chunk.Gpas[i],
            Size = chunk.Sizes[i],
            Instruction = InstructionOf(chunk, i),
        };
        _replay.Replay(access, seq, out var settled, out _);
        var changed = ForgetWhatChanged();
        if (settled)
            _tlb.Fill(access.Gva, SoftwareTlb.KindAndFlags(chunk.Kinds[i], chunk.Flags[i]), chunk.Gpas[i]);
        return settled && !changed;
    }

    /// <summary>KVM lets no nested guest try again.</summary>
    private StoreInstruction InstructionOf(TraceChunk chunk, int i) =>
        _setup.InstructionAt is { } told && chunk.HasRips && (AccessKind)chunk.Kinds[i] == AccessKind.Write && !_setup.Hypervisor.IsGuestMode
            ? told(chunk.Rips[i])
            : StoreInstruction.Untold;

    /// <summary>Tells where execution was before access <paramref name="to"/>, which accesses that hit the TLB do not.</summary>
    private void NoteCode(TraceChunk chunk, int to)
    {
        _code.Enter(chunk, _codeNotedTo, to);
        _codeNotedTo = to;
    }

    private bool ForgetWhatChanged()
    {
        if (!_state.TakeChange())
            return false;
        _tlb.Flush();
        return true;
    }

    private void StartAt(TraceChunk chunk, int i)
    {
        _journal.Ordinal = chunk.Ordinals[i];
        _journal.Vcpu = _setup.Id;
        _journal.Rip = chunk.HasRips ? chunk.Rips[i] : 0;
    }
}
