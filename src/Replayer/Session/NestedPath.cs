using Replay.Replayer.Guest;
using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>Finds out whether a nested guest's walk for an address reads a certain entry. It looks, and changes nothing.</summary>
/// <param name="memory">The tables of both guests.</param>
/// <param name="l2">Registers of the nested guest.</param>
/// <param name="nested">Its hypervisor's, with the root of the nested page tables for CR3.</param>
internal readonly struct NestedPath(GuestMemory memory, ControlRegisters l2, ControlRegisters nested)
{
    private readonly PagingRules _nestedRules = Rules(nested);

    /// <param name="gva">Of the access.</param>
    /// <param name="entry">Guest-physical address of the entry, as the nested guest has it.</param>
    public bool Reads(ulong gva, ulong entry)
    {
        var tables = new Tables(memory, nested, _nestedRules, entry);
        var result = default(WalkResult);
        CpuGuestWalker.Walk(ref tables, Rules(l2), l2, new GuestAccess(gva, AccessKind.Read, AccessFlags.None), ref result);
        return tables.WasRead;
    }

    private static PagingRules Rules(ControlRegisters registers) => PagingRules.ForGuest(registers, 52) with { PdptesInMemory = true };

    private struct Tables(GuestMemory memory, ControlRegisters nested, PagingRules rules, ulong target) : IPageTables
    {
        public bool WasRead { get; private set; }

        public bool TryRead(ulong address, int size, out ulong entry)
        {
            entry = 0;
            WasRead |= (address ^ target) < (ulong)size;
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
