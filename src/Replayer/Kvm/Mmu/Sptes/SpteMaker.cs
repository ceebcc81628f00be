using System.Runtime.CompilerServices;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Makes leaf entries, for the shadow MMU code and the TDP MMU alike.</summary>
internal sealed class SpteMaker(KvmVm vm, UnsyncPages unsync)
{
    private const ulong EptMemtypeWriteBack = 6UL << 3;
    private const ulong EptIgnorePat = 1UL << 6;

    private readonly SpteFormat _format = vm.Format;

    /// <summary>The entry that maps a frame.</summary>
    /// <param name="page">The table it goes into.</param>
    /// <param name="slot">The memslot of <paramref name="gfn"/>.</param>
    /// <param name="access">Rights the guest gives.</param>
    /// <param name="gfn">First gfn mapped.</param>
    /// <param name="pfn">Its host frame.</param>
    /// <param name="old">The entry in place.</param>
    /// <param name="prefetch">Nobody asked for it yet: no accessed bit.</param>
    /// <param name="canUnsync">Shadow pages of the gfn may become unsync so that it can be written.</param>
    /// <param name="hostWritable">The host lets the frame be written.</param>
    /// <param name="spte">The entry made.</param>
    /// <returns>It was made read-only because the frame holds a guest table that is shadowed.</returns>
    /// <remarks>KVM: make_spte().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Make(
        ShadowPage page,
        Memslot slot,
        PteAccess access,
        ulong gfn,
        ulong pfn,
        Spte old,
        bool prefetch,
        bool canUnsync,
        bool hostWritable,
        out Spte spte)
    {
        ArgumentNullException.ThrowIfNull(page);
        ArgumentNullException.ThrowIfNull(slot);
        Invariant.Holds(access != PteAccess.None || _format.PresentMask != 0, "an entry without any right would look like an empty one");
        var level = page.Role.Level;
        var made = Base(page, level, ref access, prefetch).With(pfn << 12);
        if (hostWritable)
            made = made.With(_format.HostWritableMask);
        else
            access &= ~PteAccess.Write;

        var writeProtected = false;
        if ((access & PteAccess.Write) != 0)
        {
            made = made.With(Spte.WritableMask | _format.MmuWritableMask);
            // What was writable has no shadow page that is in sync: no need to look for one.
            var wasWritable = old.IsLast(level) && old.IsWritable;
            if (!wasWritable && !unsync.TryUnsync(slot, gfn, canUnsync, prefetch))
            {
                writeProtected = true;
                made = made.Without(Spte.WritableMask | _format.MmuWritableMask);
            }
            else if (!wasWritable)
            {
                made = made.With(_format.DirtyMaskOf(made));
            }
        }

        if (prefetch)
            made = _format.MarkForAccessTrack(made);
        if (made.IsWritable && slot.LogsDirty)
        {
            Invariant.Holds(level == PgLevel.Size4K, "a writable huge page in a slot whose dirty pages are logged");
            slot.MarkDirty(gfn);
        }

        spte = made;
        return writeProtected;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Spte Base(ShadowPage page, int level, ref PteAccess access, bool prefetch)
    {
        var spte = new Spte(Spte.MmuPresentMask);
        if (page.Role.AdDisabled)
            spte = spte.With(Spte.TdpAdDisabledMask);
        else if (vm.CpuDirtyLog && page.Role.GuestMode)
            spte = spte.With(Spte.TdpAdWriteProtectOnlyMask);
        spte = spte.With(_format.PresentMask);
        if (!prefetch)
            spte = spte.With(_format.AccessedMaskOf(spte));
        if (level > PgLevel.Size4K && vm.Profile.NxHugePages)
            access &= ~PteAccess.Exec;
        spte = spte.With((access & PteAccess.Exec) != 0 ? _format.ExecMask : _format.NxMask);
        if ((access & PteAccess.User) != 0)
            spte = spte.With(_format.UserMask);
        if (level > PgLevel.Size4K)
            spte = spte.With(Spte.PageSizeMask);
        // vmx_get_mt_mask() without non-coherent DMA: write-back, whatever the guest's PAT says.
        return spte.With(_format.MemtypeMask & (EptMemtypeWriteBack | EptIgnorePat));
    }
}
