using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Draws entries for the tables of a random guest: mostly sensible, sometimes not present, read-only, supervisor, or malformed.</summary>
internal sealed class RandomEntries
{
    private readonly GuestKernel _kernel;
    private readonly RandomFrames _frames;
    private readonly SeededRandom _random;
    private readonly bool _usesGlobal;
    private readonly int _mmioPercent;

    public RandomEntries(GuestKernel kernel, RandomFrames frames, SeededRandom random, bool usesGlobal, int mmioPercent)
    {
        _kernel = kernel;
        _frames = frames;
        _random = random;
        _usesGlobal = usesGlobal;
        _mmioPercent = mmioPercent;
    }

    private PagingFormat Format => _kernel.Format;

    /// <summary>An entry for a table of a level (<see cref="RandomFrames.Wild"/>: of any).</summary>
    public Gpte Next(int level)
    {
        var entry = IsPaeTop(level) ? new Gpte(LowerTable(level).Value | Gpte.PresentMask) : new Gpte(Target(level) | Flags(level));
        if (entry.IsLarge && level != 1)
            entry = new Gpte((entry.Raw & ~Format.AddressMask) | LargePage());
        return _random.Percent(6) ? new Gpte(entry.Raw & ~Gpte.PresentMask) : entry;
    }

    /// <summary>An entry that lets everything pass on its level.</summary>
    public Gpte Permissive(int level)
    {
        if (IsPaeTop(level))
            return new Gpte(LowerTable(level).Value | Gpte.PresentMask);
        var target = level is 1 or RandomFrames.Wild ? Page(level) : LowerTable(level);
        return new Gpte(target.Value | Gpte.PresentMask | Gpte.WritableMask | Gpte.UserMask);
    }

    private bool IsPaeTop(int level) => Format.Mode == SyntheticPaging.Pae && level == Format.Levels;

    private ulong Target(int level)
    {
        if (level == 1 && _random.Percent(_mmioPercent))
            return GuestLayout.DeviceWindow + (_random.Below(16UL) << 12);
        return (level is 1 or RandomFrames.Wild ? Page(level) : LowerTable(level)).Value;
    }

    private Gpa Page(int level)
    {
        if (level == RandomFrames.Wild || _random.Percent(10))
            return _frames.Table(_random, RandomFrames.Wild);
        // Programs that reach tables through their own mappings store to them.
        return _random.Percent(10) ? _frames.Table(_random, 1 + _random.Below(Format.Levels - 1)) : _frames.DataPage(_random);
    }

    // At times with a reserved bit below the address, at 2 MiB (bit 21) where pages have 4.
    private ulong LargePage()
    {
        var isSmaller = Format.EntryBytes == 8;
        var start = _frames.Start.Value + (isSmaller && _random.Percent(50) ? _frames.Bytes / 2 : 0);
        return _random.Percent(12) ? start | (isSmaller ? 1UL << 13 : 1UL << 21) : start;
    }

    private Gpa LowerTable(int level) => _frames.Table(_random, _random.Percent(15) ? RandomFrames.Wild : level - 1);

    private ulong Flags(int level)
    {
        var flags = Gpte.PresentMask;
        flags |= Chance(93, Gpte.WritableMask) | Chance(95, Gpte.UserMask) | Chance(40, Gpte.AccessedMask) | Chance(30, Gpte.DirtyMask);
        flags |= Chance(3, Gpte.CacheDisableMask) | Chance(3, Gpte.WriteThroughMask);
        // Above, some CPUs take bit 8 for reserved.
        if (_usesGlobal && (level is 1 or 2))
            flags |= Chance(15, Gpte.GlobalMask);
        if (Format.EntryBytes == 8)
        {
            flags |= Chance(6, Gpte.NoExecuteMask) | Chance(1, Gpte.ReservedMask);
            if (_kernel.Options.ProtectionKeys)
                flags |= _random.Below(4UL) << Gpte.KeyShift;
        }
        // Malformed where the level knows no large pages; of no weight on the last.
        var largePercent = level == 2 ? 15 : level == RandomFrames.Wild ? 5 : level == 1 ? 0 : 1;
        return flags | Chance(largePercent, Gpte.LargeMask);
    }

    private ulong Chance(int percent, ulong mask) => _random.Percent(percent) ? mask : 0;
}
