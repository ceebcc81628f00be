using Replay.Replayer.Guest;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>KVM's own walk through the guest's tables, with the accessed and dirty bits that the guest's CPU would set.</summary>
/// <remarks>KVM: FNAME(walk_addr_generic)(), FNAME(update_accessed_dirty_bits)().</remarks>
internal sealed class KvmGuestWalker<TPtes>(KvmVm vm)
    where TPtes : struct, IGuestPtes
{
    /// <param name="vcpu">Whose tables.</param>
    /// <param name="mmu">Which of them.</param>
    /// <param name="walk">Receives what was found.</param>
    /// <param name="address">The linear address.</param>
    /// <param name="access">What is asked, in error-code bits.</param>
    /// <param name="overridesSmap">EFLAGS.AC is set.</param>
    /// <returns>False: the guest gets a fault, which is in the walk.</returns>
    public bool Walk(KvmVcpu vcpu, KvmMmu mmu, GuestWalk walk, ulong address, ulong access, bool overridesSmap)
    {
        using var scope = vm.Journal.Enter(TPtes.WalkFunction);
        if (TryWalk(vcpu, mmu, walk, address, access, overridesSmap, out var reason))
            return true;
        if (reason is not { } bits)
            return false;
        bits |= access & (Pferr.Write | Pferr.User);
        if ((access & Pferr.Fetch) != 0 && (mmu.CpuRole.Base.EferNx || mmu.CpuRole.Cr4Smep))
            bits |= Pferr.Fetch;
        walk.Fault = new WalkFault(address, (uint)bits, IsNested: !ReferenceEquals(mmu, vcpu.WalkMmu)) { Qualification = Qualification(walk, access) };
        return false;
    }

    private static ulong Qualification(GuestWalk walk, ulong access) => TPtes.TellsRights
        ? ((access & Pferr.User) != 0 ? 1UL : 0) | ((access & Pferr.Write) != 0 ? 2UL : 0) | ((access & Pferr.Fetch) != 0 ? 4UL : 0) | (walk.Rights & 7) << 3
        : 0;

    /// <param name="vcpu">Whose tables.</param>
    /// <param name="mmu">Which of them.</param>
    /// <param name="walk">Receives what was found.</param>
    /// <param name="address">The linear address.</param>
    /// <param name="access">What is asked, in error-code bits.</param>
    /// <param name="overridesSmap">EFLAGS.AC is set.</param>
    /// <param name="reason">Where it failed, why; null where the walk has the fault already, of the tables below its own.</param>
    private bool TryWalk(KvmVcpu vcpu, KvmMmu mmu, GuestWalk walk, ulong address, ulong access, bool overridesSmap, out ulong? reason)
    {
        reason = 0;
        var role = mmu.CpuRole;
        var isNested = ReferenceEquals(mmu, vcpu.NestedMmu);
        var reserved = TPtes.Reserved(role, vm.Profile);
        walk.Level = role.Base.Level;
        var pte = vcpu.PgdOf(mmu);
        if (TPtes.EntrySize == 8 && walk.Level == PgLevel.RootPae)
        {
            pte = vcpu.PdpteOf(mmu, (int)(address >> 30 & 3));
            if ((pte & PteBits.Present) == 0)
                return false;
            walk.Level--;
        }

        walk.MaxLevel = walk.Level;
        var rights = walk.Rights = ulong.MaxValue;
        for (; ; walk.Level--)
        {
            var above = rights;
            if (!TryLocate(vcpu, walk, pte, address, isNested))
            {
                reason = null;
                return false;
            }

            if (!Read(walk, address, out pte))
                return false;
            rights &= pte ^ TPtes.NxMask;
            if (TPtes.TellsRights)
                walk.Rights = rights;
            if (!TPtes.IsPresent(pte))
                return false;
            if (reserved.AreSet(pte, walk.Level))
            {
                reason = Pferr.Reserved | Pferr.Present;
                return false;
            }

            walk.Ptes[walk.Level] = pte;
            walk.PtAccess[walk.Level] = TPtes.Access(above ^ TPtes.NxMask);
            if (TPtes.IsLast(pte, walk.Level, role))
                break;
        }

        walk.PteAccess = TPtes.Access(rights ^ TPtes.NxMask);
        var key = TPtes.EntrySize == 8 ? (int)(pte >> PteBits.ProtectionKeyShift & 15) : 0;
        reason = TPtes.Fault(role, walk.PteAccess, key, vcpu.Registers.Pkru, access, overridesSmap);
        if (reason != 0)
            return false;
        var offsetMask = (1UL << (12 + (TPtes.LevelBits * (walk.Level - 1)))) - 1;
        walk.Gfn = TPtes.Gfn(pte, walk.Level) + ((address & offsetMask) >> 12);
        if (isNested)
        {
            if (!TryTranslateNested(vcpu, walk, walk.Gfn << 12, access, out var gpa))
            {
                reason = null;
                return false;
            }

            walk.Gfn = gpa >> 12;
        }

        if (!TPtes.HasAccessedDirty(role.Base))
            return true;
        var isWrite = (access & Pferr.Write) != 0;
        if (!isWrite && (pte & TPtes.Dirty) == 0)
            walk.PteAccess &= ~PteAccess.Write;
        SetAccessedAndDirty(walk, isWrite);
        return true;
    }

    /// <summary>Finds where the entry of the present level stands. A nested guest's tables stand at addresses that its hypervisor's translate.</summary>
    /// <returns>False: these do not.</returns>
    private bool TryLocate(KvmVcpu vcpu, GuestWalk walk, ulong table, ulong address, bool isNested)
    {
        var level = walk.Level;
        var index = address >> (12 + (TPtes.LevelBits * (level - 1))) & ((1UL << TPtes.LevelBits) - 1);
        var tableGfn = TPtes.Gfn(table, PgLevel.Size4K);
        if (isNested)
        {
            if (!TryTranslateNested(vcpu, walk, tableGfn << 12, Pferr.Write | Pferr.User, out var gpa))
                return false;
            tableGfn = gpa >> 12;
        }

        walk.TableGfns[level] = tableGfn;
        walk.PteGpas[level] = (tableGfn << 12) + (index * (ulong)TPtes.EntrySize);
        return true;
    }

    private bool TryTranslateNested(KvmVcpu vcpu, GuestWalk walk, ulong gpa, ulong access, out ulong result)
    {
        if (vm.ShadowMmu.TryTranslateNested(vcpu, gpa, access, out result, out var fault))
            return true;
        walk.Fault = fault;
        return false;
    }

    private bool Read(GuestWalk walk, ulong address, out ulong pte)
    {
        var level = walk.Level;
        var tableGfn = walk.TableGfns[level];
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
            var wanted = level == walk.Level && isWrite ? TPtes.Accessed | TPtes.Dirty : TPtes.Accessed;
            if ((walk.Ptes[level] & wanted) == wanted || !walk.PteWritable[level])
                continue;
            vm.GuestMemory.SetBits(walk.PteGpas[level], wanted);
            vm.Memslots.Find(walk.TableGfns[level])!.MarkDirty(walk.TableGfns[level]);
            walk.Ptes[level] |= wanted;
        }
    }
}
