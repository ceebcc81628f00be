namespace Replay.RealKvm;

/// <summary>
/// Random guests. The tables are a graph: any of 24 pages may be linked to from any level, be mapped as data, be a root. What a page or an access can reach is so chosen that the interpreter
/// lives on: entries hold frames of the pool, of the data or nothing, wherever they are written, and the first entry of a page is never touched (see <c>guest/fuzz.c</c>).
/// </summary>
internal sealed class FuzzGenerator
{
    private const ulong Pool = 0x400000;
    private const int PoolPages = 24;
    private const ulong Device = 0xFE000000;
    private const ulong NoExecute = 1ul << 63;
    private const ulong ReservedBit = 1ul << 51;
    private const ulong Large = 0x80;
    private const ulong DeviceSlot = 40;

    private static readonly string[] Variants = ["4k", "4k", "thp", "lazy", "lazythp", "dirty4k", "dirtythp", "reslot", "reslotthp", "dirtyreslot", "mprot", "mprotthp", "lazymprot", "reslotmprot"];

    private readonly SeededRandom _random;
    private readonly List<FuzzOperation> _list = [];
    private readonly bool _is64Bit;
    private readonly int _vcpus;
    private readonly bool[] _pae;
    private byte _vcpu;
    private byte _checkpoints;

    private FuzzGenerator(ulong seed, int maxVcpus)
    {
        _random = new SeededRandom(seed);
        _is64Bit = _random.Below(3) < 2;
        _vcpus = maxVcpus == 1 ? 1 : 1 + _random.Below(maxVcpus);
        _pae = new bool[_vcpus];
    }

    public static FuzzGuest Generate(ulong seed, int maxVcpus = 1)
    {
        var generator = new FuzzGenerator(seed, maxVcpus);
        var variant = generator._random.Of<string>(Variants);
        generator.Fill();
        return new FuzzGuest($"seed{seed}", generator._is64Bit, generator._vcpus, variant, generator._list);
    }

    private void Fill()
    {
        if (!_is64Bit && _random.OneIn(2))
            ChangeMode();
        for (var i = 0; i < 80; i++)
            BuildEntry();
        Checkpoint();
        var length = 200 + _random.Below(1300);
        var interval = 40 + _random.Below(300);
        for (var i = 0; i < length; i++)
        {
            if (_vcpus > 1 && _random.OneIn(5))
                _vcpu = (byte)_random.Below(_vcpus);
            AddRandom();
            if (i % interval == interval - 1)
                Checkpoint();
        }

        Checkpoint();
    }

    private void Checkpoint() => Add(new FuzzOperation(FuzzCode.Checkpoint, Extra: ++_checkpoints));

    private void Add(FuzzOperation operation) => _list.Add(operation with { Vcpu = _vcpu });

    private byte Flush() => _random.OneIn(2) ? FuzzOperation.FlushAll : (byte)0;

    private void AddRandom()
    {
        switch (_random.Below(40))
        {
            case < 9:
                Add(new FuzzOperation(FuzzCode.Read, Size: _random.Of<byte>(1, 2, 4), Extra: Flush(), Address: Address()));
                break;
            case < 15:
                WriteTo(Address() + Offset());
                break;
            case < 21:
                EditEntry();
                break;
            case < 23:
                Add(new FuzzOperation(FuzzCode.LoadCr3, Value: (ulong)_random.Below(PoolPages)));
                break;
            case < 25:
                Add(new FuzzOperation(FuzzCode.Invalidate, Address: Address()));
                break;
            case < 27:
                Add(new FuzzOperation(FuzzCode.Fetch, Extra: Flush(), Address: Address() + 0xFF8));
                break;
            case < 30:
                var kind = (byte)_random.Below(3);
                Add(new FuzzOperation(FuzzCode.User, Size: kind, Extra: Flush(), Address: Address() + (kind == 2 ? 0xFF8u : kind == 1 ? 0x800u : 0)));
                break;
            case < 31:
                Add(new FuzzOperation(FuzzCode.FlipCr0, Value: 0x10000));
                break;
            case < 32:
                Add(new FuzzOperation(FuzzCode.FlipCr4, Value: _is64Bit || _random.OneIn(2) ? 0x80u : 0x10u));
                break;
            case < 33:
                Add(new FuzzOperation(FuzzCode.FlipEfer, Value: 0x800));
                break;
            case < 34:
                Add(new FuzzOperation(FuzzCode.ExchangeAdd, Size: _random.Of<byte>(1, 4), Extra: Flush(), Address: Address() + 8));
                break;
            case < 35:
                Add(new FuzzOperation(FuzzCode.Or, Extra: Flush(), Address: (_random.OneIn(2) ? Address() : PoolPage()) + 8 + (ulong)_random.Below(4) * 8, Value: _random.Of<ulong>(0x20, 0x40, 0x60, 4)));
                break;
            case < 36:
                Add(new FuzzOperation(FuzzCode.Fill, Extra: Flush(), Count: (uint)(2 + _random.Below(4) * 2), Address: (_random.OneIn(2) ? Address() : PoolPage()) + 8));
                break;
            case < 37:
                Add(new FuzzOperation(FuzzCode.Copy, Extra: Flush(), Count: 8, Address: (_random.OneIn(2) ? Address() : PoolPage()) + 8, Value: PoolPage() + 8));
                break;
            case < 38:
                AccessDevice();
                break;
            default:
                if (_is64Bit)
                    Flood();
                else
                    AddOf32Bit();
                break;
        }
    }

    private void AddOf32Bit()
    {
        switch (_random.Below(4))
        {
            case 0:
                Add(new FuzzOperation(FuzzCode.Unpaged, Address: (_random.OneIn(2) ? PoolPage() : DataPage()) + (ulong)(1 + _random.Below(4)) * 8, Value: Entry() & 0xffffffff));
                break;
            case 1:
                ChangeMode();
                break;
            case 2:
                Add(new FuzzOperation(FuzzCode.Pdpte, Extra: (byte)(_random.Below(4) * 4 + 1 + _random.Below(3)), Value: PoolPage() | 1));
                break;
            default:
                Flood();
                break;
        }
    }

    private void ChangeMode()
    {
        _pae[_vcpu] = !_pae[_vcpu];
        Add(new FuzzOperation(FuzzCode.Mode, Extra: (byte)(_pae[_vcpu] ? 1 : 0), Value: (ulong)_random.Below(PoolPages)));
    }

    /// <summary>Several writes to one table without a use in between.</summary>
    private void Flood()
    {
        var page = PoolPage();
        for (var i = 0; i < 4; i++)
            Add(new FuzzOperation(FuzzCode.Write, Size: 8, Extra: Flush(), Address: page + Slot(), Value: Entry()));
    }

    private void AccessDevice()
    {
        var page = _random.Below(PoolPages);
        Add(new FuzzOperation(FuzzCode.Write, Size: 8, Address: Pool + ((ulong)page << 12) + DeviceSlot, Value: Device + ((ulong)_random.Below(4) << 12) | 7));
        var address = (Address() & ~0xFFFFul) | ((_is64Bit || _pae[_vcpu] ? 5u : 10u) << 12);
        if (_random.OneIn(2))
            Add(new FuzzOperation(FuzzCode.Write, Size: 4, Extra: Flush(), Address: address + 16));
        else
            Add(new FuzzOperation(FuzzCode.Read, Size: 4, Extra: (byte)(Flush() | FuzzOperation.Device), Address: address + 32));
    }

    /// <summary>While the graph is made: levels mostly in order, so that much of it can be reached.</summary>
    private void BuildEntry()
    {
        var page = _random.Below(PoolPages);
        var child = _is64Bit ? page switch { < 4 => 4 + _random.Below(4), < 8 => 8 + _random.Below(6), < 14 => 14 + _random.Below(10), _ => -1 } : page < 10 ? 10 + _random.Below(14) : -1;
        var value = child >= 0 ? Pool + ((ulong)child << 12) | 7 : DataPage() | 7;
        Add(new FuzzOperation(FuzzCode.Write, Size: 8, Extra: FuzzOperation.FlushAll, Address: Pool + ((ulong)page << 12) + Slot(), Value: value));
    }

    private void EditEntry()
    {
        if (_random.OneIn(3))
            BuildEntry();
        else
            WriteTo(PoolPage() + Slot());
    }

    private void WriteTo(ulong address)
    {
        var entry = Entry();
        var extra = Flush();
        switch (_random.Below(10))
        {
            case < 5:
                Add(new FuzzOperation(FuzzCode.Write, Size: 8, Extra: extra, Address: address, Value: entry));
                break;
            case < 7:
                Add(new FuzzOperation(FuzzCode.Write, Size: 4, Extra: extra, Address: address, Value: entry & 0xffffffff));
                break;
            case < 8:
                Add(new FuzzOperation(FuzzCode.Write, Size: 1, Extra: extra, Address: address, Value: _random.Of<ulong>(0, 1, 3, 5, 7, 0x27, 0x67, _is64Bit ? 0x87u : 7u)));
                break;
            case < 9:
                Add(new FuzzOperation(FuzzCode.Write, Size: 2, Extra: extra, Address: address + 6, Value: _random.Of<ulong>(0, 0x8000)));
                break;
            default: // the high half of one entry and the low half of the next
                Add(new FuzzOperation(FuzzCode.Write, Size: 8, Extra: extra, Address: address + 4, Value: entry << 32 | _random.Of<ulong>(0, 0x80000000)));
                break;
        }
    }

    private ulong Entry()
    {
        var flags = _random.Below(10) switch
        {
            < 5 => 7ul,
            5 => 5ul,
            6 => 3ul,
            7 => 1ul,
            8 => 0x67ul,
            _ => 0x1Ful,
        };
        flags |= _random.Below(12) switch
        {
            0 => NoExecute,
            1 when _random.OneIn(3) => ReservedBit,
            _ => 0ul,
        };
        return _random.Below(20) switch
        {
            < 8 => PoolPage() | flags,
            < 13 => DataPage() | flags,
            < 16 => _random.Of<ulong>(0x400000, 0x1000000, 0x1200000, 0x1400000) | Large | flags,
            16 => (_is64Bit ? DataPage() : 0x1200000ul) | Large | flags, // reserved bits; of those of a 4 MiB page some would be an address
            _ => 0ul,
        };
    }

    private ulong PoolPage() => Pool + ((ulong)_random.Below(PoolPages) << 12);

    private ulong DataPage() => 0x1000000 + ((ulong)_random.Below(3) << 21) + ((ulong)_random.Below(8) << 12);

    /// <summary>One of the four places of a table that addresses go through; in two-level tables the even ones.</summary>
    private ulong Slot() => (ulong)(1 + _random.Below(4)) * 8;

    private ulong Offset() => (ulong)(_random.OneIn(2) ? 1 + _random.Below(4) : 1 + _random.Below(500)) * 8;

    private ulong Address()
    {
        ulong Index() => (ulong)(1 + _random.Below(4));
        if (_is64Bit)
            return Index() << 39 | Index() << 30 | Index() << 21 | Leaf() << 12;
        if (_pae[_vcpu])
            return (ulong)(1 + _random.Below(3)) << 30 | Index() << 21 | Leaf() << 12;
        return Index() * 2 << 22 | Index() * 2 << 12;

        ulong Leaf() => _is64Bit ? Index() : (ulong)(2 + _random.Below(3));
    }
}
