using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Changes the entries of a random guest's tables, by the kernel and by programs that have them mapped, and has them flushed.</summary>
internal sealed class RandomEditor
{
    private readonly WorkloadContext _context;
    private readonly SeededRandom _random;
    private readonly RandomFrames _frames;
    private readonly RandomWindow _window;
    private readonly RandomEntries _entries;
    private readonly RandomFlusher _flusher;
    private readonly IReadOnlyList<AddressSpace> _spaces;
    private readonly bool _usesGlobal;

    public RandomEditor(WorkloadContext context, RandomFrames frames, RandomWindow window, IReadOnlyList<AddressSpace> spaces)
    {
        _context = context;
        _random = context.Random;
        _frames = frames;
        _window = window;
        _spaces = spaces;
        _usesGlobal = _random.Percent(50);
        _entries = new RandomEntries(Kernel, frames, _random, _usesGlobal, context.Knobs.Count("mmio-percent"));
        _flusher = new RandomFlusher(context, window, spaces, _usesGlobal);
        Controls = new RandomControls(context, _flusher);
    }

    public RandomControls Controls { get; }

    private GuestKernel Kernel => _context.Kernel;

    private PagingFormat Format => Kernel.Format;

    /// <summary>Gives every table entries to begin with; none of them serves yet.</summary>
    public void Fill(Vcpu vcpu)
    {
        foreach (var level in Enumerable.Range(1, Format.Levels - 1).Prepend(RandomFrames.Wild))
        {
            foreach (var table in _frames.Tables(level))
            {
                foreach (var index in RandomWindow.Hot)
                {
                    var place = new EntryPlace(new Gpa(table.Value + (ulong)(index * Format.EntryBytes)), Math.Max(level, 1), 0);
                    Kernel.Tables.Write(vcpu, Kernel.KernelSpace, place, _entries.Next(level));
                }
            }
        }
    }

    /// <summary>
    /// Hangs tables into a new space's window. Under PAE the kernel gave it directories that random entries must not mix with: these go.
    /// </summary>
    public void Adopt(Vcpu vcpu, AddressSpace space)
    {
        foreach (var index in _window.TopIndexes)
        {
            var place = Kernel.Tables.PlaceIn(space.Root.Base, (ulong)index << Format.Shift(Format.Levels), Format.Levels);
            Kernel.Tables.Write(vcpu, space, place, _entries.Permissive(Format.Levels));
        }
    }

    /// <summary>Global pages of the space that was left are not those of the one entered, so they must go.</summary>
    public void AfterSwitch(Vcpu vcpu)
    {
        if (_usesGlobal)
            Kernel.Tlb.FlushAll(vcpu);
    }

    /// <summary>The kernel changes a few entries of any tables, then flushes what needs it.</summary>
    public void EditSome(Vcpu vcpu)
    {
        Kernel.Memory.Enter(vcpu, KernelFunction.Edit);
        for (var left = 1 + _random.Below(_context.Knobs.Count("edits")); left > 0; left--)
            EditOne(vcpu);
        _flusher.Flush(vcpu);
    }

    /// <summary>The kernel maps one more step of the way to an address that could not be reached.</summary>
    public void Repair(Vcpu vcpu, ulong gva)
    {
        Kernel.Memory.Enter(vcpu, KernelFunction.Edit);
        var space = Kernel.Tlb.Loaded(vcpu)!;
        var table = space.Root.Base;
        for (var level = Format.Levels; level >= 1; level--)
        {
            var use = level == Format.Levels ? level : _frames.UseOf(table);
            var place = Kernel.Tables.PlaceIn(table, gva, level);
            var entry = Kernel.Tables.Read(vcpu, space, place);
            var isTop = Format.Mode == SyntheticPaging.Pae && level == 3;
            var passes = isTop || (entry.IsUser && entry.IsWritable && !entry.IsNoExecute && (entry.Raw & Gpte.ReservedMask) == 0);
            if (!entry.IsPresent || !passes)
            {
                Change(vcpu, space, place, use, _entries.Permissive(use));
                break;
            }
            if (level > 1 && entry.IsLarge)
                break;
            table = Kernel.Tables.Target(entry);
        }
        _flusher.Flush(vcpu);
    }

    /// <summary>A program's store: where it meets a table, what it stores is an entry, or a part of one.</summary>
    /// <returns>False: the store faulted for good.</returns>
    public bool StoreByProgram(WorkloadProgram program, ulong gva)
    {
        var vcpu = program.Vcpu;
        if (!program.Touch(AccessKind.Read, gva) || !_context.Machine.Probe(vcpu, AccessKind.Write, gva, out var gpa))
            return program.Touch(AccessKind.Write, gva);
        var use = _frames.UseOf(gpa);
        if (use is RandomFrames.Data or RandomFrames.Foreign)
            return program.Touch(AccessKind.Write, gva);

        var old = new Gpte(_context.Machine.Memory.Read(gpa, Format.EntryBytes));
        var entry = _entries.Next(use);
        _context.Machine.Store(vcpu, gva, StoreBytes(old), entry.Raw);
        Note(old, gpa, use);
        if (_flusher.IsNeeded)
            program.Call(_flusher.Flush);
        return true;
    }

    private void EditOne(Vcpu vcpu)
    {
        var draw = _random.Below(100);
        if (draw < 12)
        {
            var space = _spaces[_random.Below(_spaces.Count)];
            var top = (ulong)_window.TopIndexes[_random.Below(_window.TopIndexes.Count)] << Format.Shift(Format.Levels);
            var place = Kernel.Tables.PlaceIn(space.Root.Base, top, Format.Levels);
            Change(vcpu, space, place, Format.Levels, _entries.Next(Format.Levels));
            return;
        }
        var level = draw < 25 ? RandomFrames.Wild : 1 + _random.Below(Format.Levels - 1);
        var table = _frames.Table(_random, level);
        var entry = new EntryPlace(new Gpa(table.Value + (ulong)(RandomWindow.HotIndex(_random) * Format.EntryBytes)), Math.Max(level, 1), 0);
        Change(vcpu, Kernel.KernelSpace, entry, level, _entries.Next(level));
    }

    private void Change(Vcpu vcpu, AddressSpace space, EntryPlace place, int use, Gpte entry)
    {
        var old = Kernel.Tables.Read(vcpu, space, place);
        if (use != Format.Levels && _random.Percent(15))
            Kernel.Memory.Store(vcpu, Kernel.Memory.AddressOf(vcpu, place.Gpa), StoreBytes(old), entry.Raw);
        else
            Kernel.Tables.Write(vcpu, space, place, entry);
        Note(old, place.Gpa, use);
    }

    private void Note(Gpte old, Gpa entry, int use)
    {
        var isPaeTop = Format.Mode == SyntheticPaging.Pae && use == Format.Levels;
        if (isPaeTop || (old.IsPresent && _context.Machine.Memory.Read(entry, Format.EntryBytes) != old.Raw))
            _flusher.NoteChange(entry, use);
    }

    // The whole entry, its low half, or the byte that holds its rights, where the address it leaves is one of the run.
    private int StoreBytes(Gpte old) => _random.Below(10) switch
    {
        0 when _frames.UseOf(Kernel.Tables.Target(old)) != RandomFrames.Foreign => 1,
        1 or 2 => 4,
        _ => Format.EntryBytes,
    };
}
