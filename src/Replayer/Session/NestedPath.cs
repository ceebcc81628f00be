using Replay.Replayer.Guest;
using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>Finds out whether a nested guest's walk for an address reads a certain entry. It looks, and changes nothing.</summary>
/// <param name="memory">The tables of both guests.</param>
/// <param name="l2">Registers of the nested guest.</param>
/// <param name="nested">Its hypervisor's, with the root of the nested page tables, or the EPTP, for CR3.</param>
/// <param name="isEpt">The hypervisor made extended page tables.</param>
internal readonly struct NestedPath(GuestMemory memory, ControlRegisters l2, ControlRegisters nested, bool isEpt)
{
    private const ulong EptRights = 7;
    private const ulong Large = 1UL << 7;
    private const ulong Frame = 0x000f_ffff_ffff_f000;

    private readonly PagingRules _nestedRules = Rules(nested);

    /// <param name="gva">Of the access.</param>
    /// <param name="entry">Guest-physical address of the entry, as the nested guest has it.</param>
    public bool Reads(ulong gva, ulong entry)
    {
        var tables = new Tables(memory, nested, _nestedRules, entry, isEpt);
        var result = default(WalkResult);
        CpuGuestWalker.Walk(ref tables, Rules(l2), l2, new GuestAccess(gva, AccessKind.Read, AccessFlags.None), ref result);
        return tables.WasRead;
    }

    private static PagingRules Rules(ControlRegisters registers) => PagingRules.ForGuest(registers, 52) with { PdptesInMemory = true };

    /// <summary>A walk that asks for no rights.</summary>
    private static bool TryEpt(GuestMemory memory, ulong eptp, ulong gpa, out ulong to)
    {
        to = 0;
        var table = eptp & Frame;
        for (var shift = 39; shift >= 12; shift -= 9)
        {
            if (!memory.TryRead64(table + (((gpa >> shift) & 511) * 8), out var entry) || (entry & EptRights) == 0)
                return false;
            table = entry & Frame;
            if (shift is not 12 && (shift is 39 || (entry & Large) == 0))
                continue;
            var page = (1UL << shift) - 1;
            to = (table & ~page) | (gpa & page);
            return true;
        }

        return false;
    }

    private struct Tables(GuestMemory memory, ControlRegisters nested, PagingRules rules, ulong target, bool isEpt) : IPageTables
    {
        public bool WasRead { get; private set; }

        public bool TryRead(ulong address, int size, out ulong entry)
        {
            entry = 0;
            WasRead |= (address ^ target) < (ulong)size;
            if (isEpt)
                return !WasRead && TryEpt(memory, nested.Cr3, address, out var l1) && memory.TryRead(l1, size, out entry);
            var flat = new FlatTables(memory);
            var result = default(WalkResult);
            var access = new GuestAccess(address, AccessKind.Read, AccessFlags.User);
            return !WasRead && CpuGuestWalker.Walk(ref flat, rules, nested, access, ref result) == WalkStatus.Mapped && memory.TryRead(result.Address, size, out entry);
        }

        public readonly bool TrySetBits(uint bits) => true;

        public readonly void ArriveAtPageTable(in WalkPosition position)
        {
        }
    }

    private readonly struct FlatTables(GuestMemory memory) : IPageTables
    {
        public bool TryRead(ulong address, int size, out ulong entry) => memory.TryRead(address, size, out entry);

        public bool TrySetBits(uint bits) => true;

        public void ArriveAtPageTable(in WalkPosition position)
        {
        }
    }
}
