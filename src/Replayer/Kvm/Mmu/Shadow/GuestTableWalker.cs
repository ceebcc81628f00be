using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>KVM's own walk through the guest's tables, with the accessed and dirty bits that the guest's CPU would set.</summary>
/// <remarks>KVM: FNAME(walk_addr_generic)(), FNAME(update_accessed_dirty_bits)().</remarks>
internal sealed class GuestTableWalker<TPtes>(KvmVm vm)
    where TPtes : struct, IGuestPtes
{
    /// <param name="vcpu">Whose tables.</param>
    /// <param name="walk">Receives what was found.</param>
    /// <param name="address">The linear address.</param>
    /// <param name="access">What is asked, in error-code bits.</param>
    /// <param name="overridesSmap">EFLAGS.AC is set.</param>
    /// <returns>False: the guest gets a fault, its error code is in the walk.</returns>
    public bool Walk(KvmVcpu vcpu, GuestWalk walk, ulong address, ulong access, bool overridesSmap)
    {
        using var scope = vm.Journal.Enter(TPtes.WalkFunction);
        var role = vcpu.Mmu.CpuRole;
        var reserved = GuestReservedBits.Of(role, vm.Profile);
        walk.Level = role.Base.Level;
        var pte = vcpu.Registers.Cr3;
        if (TPtes.EntrySize == 8 && walk.Level == PgLevel.RootPae)
        {
            pte = vcpu.Registers.Pdptes[(int)(address >> 30 & 3)];
            if ((pte & GuestPte.Present) == 0)
                return Fail(walk, role, 0, access);
            walk.Level--;
        }

        walk.MaxLevel = walk.Level;
        var rights = ulong.MaxValue;
        for (; ; walk.Level--)
        {
            var above = rights;
            if (!Read(walk, pte, address, out pte))
                return Fail(walk, role, 0, access);
            rights &= pte ^ TPtes.NxMask;
            if ((pte & GuestPte.Present) == 0)
                return Fail(walk, role, 0, access);
            if (reserved.AreSet(pte, walk.Level))
                return Fail(walk, role, PageFaultError.Reserved | PageFaultError.Present, access);
            walk.Ptes[walk.Level] = pte;
            walk.PtAccess[walk.Level] = GuestPte.Access(above ^ TPtes.NxMask);
            if (TPtes.IsLast(pte, walk.Level, role))
                break;
        }

        walk.PteAccess = GuestPte.Access(rights ^ TPtes.NxMask);
        var key = TPtes.EntrySize == 8 ? (int)(pte >> GuestPte.ProtectionKeyShift & 15) : 0;
        var denied = GuestPermissions.Fault(role, walk.PteAccess, key, vcpu.Registers.Pkru, access, overridesSmap);
        if (denied != 0)
            return Fail(walk, role, denied, access);
        var offsetMask = (1UL << (12 + (TPtes.LevelBits * (walk.Level - 1)))) - 1;
        walk.Gfn = TPtes.Gfn(pte, walk.Level) + ((address & offsetMask) >> 12);
        var isWrite = (access & PageFaultError.Write) != 0;
        if (!isWrite)
            walk.PteAccess = GuestPte.ProtectClean(walk.PteAccess, pte);
        SetAccessedAndDirty(walk, isWrite);
        return true;
    }

    private bool Read(GuestWalk walk, ulong table, ulong address, out ulong pte)
    {
        var level = walk.Level;
        var index = address >> (12 + (TPtes.LevelBits * (level - 1))) & ((1UL << TPtes.LevelBits) - 1);
        var tableGfn = TPtes.Gfn(table, PgLevel.Size4K);
        walk.TableGfns[level] = tableGfn;
        walk.PteGpas[level] = (tableGfn << 12) + (index * (ulong)TPtes.EntrySize);
        var slot = vm.Memslots.Find(tableGfn);
        pte = 0;
        if (slot is null || slot.IsInvalid)
            return false;
        walk.PteWritable[level] = !slot.ReadOnly;
        if (vm.GuestMemory.TryRead(walk.PteGpas[level], TPtes.EntrySize, out pte))
            return true;
        vm.Journal.Note(ModelNote.UnknownTableContent, address, walk.PteGpas[level], 0);
        return false;
    }

    private void SetAccessedAndDirty(GuestWalk walk, bool isWrite)
    {
        for (var level = walk.MaxLevel; level >= walk.Level; level--)
        {
            var wanted = level == walk.Level && isWrite ? GuestPte.Accessed | GuestPte.Dirty : GuestPte.Accessed;
            if ((walk.Ptes[level] & wanted) == wanted || !walk.PteWritable[level])
                continue;
            vm.GuestMemory.SetBits(walk.PteGpas[level], wanted);
            vm.Memslots.Find(walk.TableGfns[level])!.MarkDirty(walk.TableGfns[level]);
            walk.Ptes[level] |= wanted;
        }
    }

    private static bool Fail(GuestWalk walk, in CpuRole role, ulong reason, ulong access)
    {
        reason |= access & (PageFaultError.Write | PageFaultError.User);
        if ((access & PageFaultError.Fetch) != 0 && (role.Base.EferNx || role.Cr4Smep))
            reason |= PageFaultError.Fetch;
        walk.FaultCode = (uint)reason;
        return false;
    }
}
