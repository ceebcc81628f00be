using Replay.Replayer.Guest;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Translates addresses by a guest's tables of one form.</summary>
internal interface IKvmGuestWalker
{
    /// <summary>Translates an address as the guest would.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="mmu">By which of its MMUs.</param>
    /// <param name="address">The address: linear, or a nested guest's physical one.</param>
    /// <param name="access">What is asked, in error-code bits.</param>
    /// <param name="overridesSmap">EFLAGS.AC is set.</param>
    /// <param name="gpa">The result.</param>
    /// <param name="fault">Or why there is none.</param>
    /// <remarks>KVM: FNAME(gva_to_gpa)().</remarks>
    bool TryTranslate(KvmVcpu vcpu, KvmMmu mmu, ulong address, ulong access, bool overridesSmap, out ulong gpa, out WalkFault fault);
}

/// <summary>KVM's own walk through the guest's tables, with the accessed and dirty bits that the guest's CPU would set.</summary>
/// <remarks>KVM: FNAME(walk_addr_generic)(), FNAME(update_accessed_dirty_bits)().</remarks>
internal sealed class KvmGuestWalker<TPtes>(KvmVm vm, GuestTranslation translation) : IKvmGuestWalker
    where TPtes : struct, IGuestPtes
{
    private readonly GuestWalk _translationWalk = new();
    private readonly GuestWalk _nestedWalk = new();

    public bool TryTranslate(KvmVcpu vcpu, KvmMmu mmu, ulong address, ulong access, bool overridesSmap, out ulong gpa, out WalkFault fault)
    {
        // A walk of a nested guest's tables makes walks of its hypervisor's.
        var walk = ReferenceEquals(mmu, vcpu.GuestMmu) ? _nestedWalk : _translationWalk;
        var found = Walk(vcpu, mmu, walk, address, access, overridesSmap);
        gpa = found ? walk.Gfn << 12 | (address & 0xfff) : 0;
        fault = found ? default : walk.Fault;
        return found;
    }

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
        var isNested = ReferenceEquals(mmu, vcpu.NestedMmu);
        return TryBegin(vcpu, mmu, walk, address, out var top)
            && TryDescend(vcpu, mmu.CpuRole, walk, top, address, isNested, out var leaf, out reason)
            && TryUse(vcpu, mmu.CpuRole, walk, leaf, address, access, overridesSmap, isNested, out reason);
    }

    /// <summary>Finds the topmost table that is read from memory: the root, or what a PDPTE register of PAE paging points at.</summary>
    private static bool TryBegin(KvmVcpu vcpu, KvmMmu mmu, GuestWalk walk, ulong address, out ulong top)
    {
        walk.Level = mmu.CpuRole.Base.Level;
        top = vcpu.PgdOf(mmu);
        if (TPtes.EntrySize == 8 && walk.Level == PgLevel.RootPae)
        {
            top = vcpu.PdpteOf(mmu, (int)(address >> 30 & 3));
            if ((top & PteBits.Present) == 0)
                return false;
            walk.Level--;
        }

        walk.MaxLevel = walk.Level;
        return true;
    }

    /// <summary>Goes down to the leaf and gathers the rights on the way.</summary>
    private bool TryDescend(KvmVcpu vcpu, in CpuRole role, GuestWalk walk, ulong top, ulong address, bool isNested, out ulong leaf, out ulong? reason)
    {
        reason = 0;
        leaf = top;
        var reserved = TPtes.Reserved(role, vm.Profile);
        var rights = walk.Rights = ulong.MaxValue;
        for (; ; walk.Level--)
        {
            var above = rights;
            if (!TryLocate(vcpu, walk, leaf, address, isNested))
            {
                reason = null;
                return false;
            }

            if (!Read(walk, address, out leaf))
                return false;
            rights &= leaf ^ TPtes.NxMask;
            if (TPtes.TellsRights)
                walk.Rights = rights;
            if (!TPtes.IsPresent(leaf))
                return false;
            if (reserved.AreSet(leaf, walk.Level))
            {
                reason = Pferr.Reserved | Pferr.Present;
                return false;
            }

            walk.Ptes[walk.Level] = leaf;
            walk.PtAccess[walk.Level] = TPtes.Access(above ^ TPtes.NxMask);
            if (!TPtes.IsLast(leaf, walk.Level, role))
                continue;
            walk.PteAccess = TPtes.Access(rights ^ TPtes.NxMask);
            return true;
        }
    }

    /// <summary>The rights allow the access, and what the leaf maps is there: sets the bits that say that it was used.</summary>
    private bool TryUse(
        KvmVcpu vcpu, in CpuRole role, GuestWalk walk, ulong leaf, ulong address, ulong access, bool overridesSmap, bool isNested, out ulong? reason)
    {
        var key = TPtes.EntrySize == 8 ? (int)(leaf >> PteBits.ProtectionKeyShift & 15) : 0;
        reason = TPtes.Fault(role, walk.PteAccess, key, vcpu.Registers.Pkru, access, overridesSmap);
        if (reason != 0)
            return false;
        var offsetMask = (1UL << (12 + (TPtes.LevelBits * (walk.Level - 1)))) - 1;
        walk.Gfn = TPtes.Gfn(leaf, walk.Level) + ((address & offsetMask) >> 12);
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
        if (!isWrite && (leaf & TPtes.Dirty) == 0)
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
        if (translation.TryTranslateNested(vcpu, gpa, access, out result, out var fault))
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
        if (slot is null || slot.IsInvalid || (slot.IsPrivate && !vm.Kernel.WalksPrivateSlots))
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
