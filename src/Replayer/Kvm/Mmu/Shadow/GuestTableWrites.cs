using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>What becomes of shadow pages when the guest writes a table that they shadow and the write was trapped.</summary>
internal sealed class GuestTableWrites(KvmVm vm, ShadowPageHash hash, Zapper zapper, GuestTranslation translation)
{
    /// <summary>The guest wrote <paramref name="bytes"/> bytes, which are in guest memory already.</summary>
    /// <remarks>KVM: kvm_mmu_pte_write().</remarks>
    public void Written(KvmVcpu vcpu, ulong gpa, int bytes)
    {
        if (hash.IndirectCount == 0)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuPteWrite);
        var gfn = gpa >> 12;
        var gpte = ReadWritten(vcpu, ref gpa, ref bytes);
        vm.Stats.MmuPteWrite++;
        var invalid = default(ZapList);
        var flush = false;
        for (ShadowPage? page = hash.Bucket(gfn), next; page is not null; page = next)
        {
            next = page.HashNext;
            if (page.Gfn != gfn || !page.HasGptes || vm.IsObsolete(page))
                continue;
            if (WriteFlooding.IsMisaligned(page, gpa, bytes) || WriteFlooding.Count(page))
            {
                zapper.PrepareZapPage(page, ref invalid);
                vm.Stats.MmuFlooded++;
                continue;
            }

            flush |= ZapWritten(page, gpa, gpte != 0);
        }

        zapper.RemoteFlushOrZap(ref invalid, flush);
    }

    /// <summary>The gfn is not a table after all, or the write cannot be emulated: its shadow pages go, so that the CPU can write it.</summary>
    /// <returns>One of them is gone at once: a page that is a root goes when no CPU has it any more.</returns>
    /// <remarks>KVM: kvm_mmu_unprotect_page(), later __kvm_mmu_unprotect_gfn_and_retry().</remarks>
    public bool Unprotect(ulong gfn)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuUnprotectPage);
        var invalid = default(ZapList);
        for (ShadowPage? page = hash.Bucket(gfn), next; page is not null; page = next)
        {
            next = page.HashNext;
            if (page.Gfn == gfn && page.HasGptes && !vm.IsObsolete(page))
                zapper.PrepareZapPage(page, ref invalid);
        }

        var isGone = !invalid.IsEmpty;
        zapper.CommitZapPage(ref invalid);
        return isGone;
    }

    /// <summary>The page at an address is not worth its protection: its shadow pages go, and the CPU tries again.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="address">Gpa with direct roots, otherwise gva.</param>
    /// <param name="userBit">Error-code bit of the access' privilege.</param>
    /// <param name="overridesSmap">EFLAGS.AC is set.</param>
    /// <returns>One of them is gone.</returns>
    /// <remarks>KVM: retry_instruction(), later __kvm_mmu_unprotect_gfn_and_retry().</remarks>
    public bool UnprotectForRetry(KvmVcpu vcpu, ulong address, ulong userBit, bool overridesSmap)
    {
        if (hash.IndirectCount == 0)
            return false;
        if (vcpu.Mmu.RootRole.Direct)
            return Unprotect(address >> 12);
        return translation.TryTranslate(vcpu, address, Pferr.Write | userBit, overridesSmap, out var gpa, out _)
            && gpa is { } translated && Unprotect(translated >> 12);
    }

    /// <summary>A PAE guest may write an entry in two halves: the whole entry counts.</summary>
    /// <remarks>KVM: mmu_pte_write_fetch_gpte().</remarks>
    private ulong ReadWritten(KvmVcpu vcpu, ref ulong gpa, ref int bytes)
    {
        if ((vcpu.Registers.Cr4 & ControlBits.Cr4Pae) != 0 && bytes == 4)
        {
            gpa &= ~7UL;
            bytes = 8;
        }

        var gpte = 0UL;
        if (bytes is 4 or 8)
            vm.GuestMemory.TryRead(gpa, bytes, out gpte);
        return gpte;
    }

    /// <summary>Clears the entries that shadow the written one.</summary>
    /// <returns>One was present.</returns>
    private bool ZapWritten(ShadowPage page, ulong gpa, bool isSet)
    {
        var flush = false;
        foreach (var index in WrittenSptes(page, gpa))
        {
            var entry = new Sptep(page, index);
            flush |= entry.Value.IsShadowPresent;
            zapper.ZapPte(entry);
            if (isSet && page.Role.Level != PgLevel.Size4K)
                vm.Stats.MmuPdeZapped++;
        }

        return flush;
    }

    /// <summary>Which entries of the page shadow the guest entry: a 4-byte PDE covers 4 MiB, and so has two of them.</summary>
    /// <remarks>KVM: get_written_sptes().</remarks>
    private static Range WrittenSptes(ShadowPage page, ulong gpa)
    {
        var offset = (int)(gpa & 0xfff);
        var count = 1;
        if (page.Role.Has4ByteGpte)
        {
            offset <<= 1;
            if (page.Role.Level == PgLevel.Root32)
            {
                offset = (offset & ~7) << 1;
                count = 2;
            }

            if (offset >> 12 != page.Role.Quadrant)
                return default;
            offset &= 0xfff;
        }

        return new Range(offset / 8, count);
    }

    private readonly record struct Range(int First, int Count)
    {
        public Enumerator GetEnumerator() => new(First, First + Count);

        public struct Enumerator(int first, int end)
        {
            private int _current = first - 1;

            public readonly int Current => _current;

            public bool MoveNext() => ++_current < end;
        }
    }
}
