namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// One of the two builders of tables, as the rest of KVM asks it: <see cref="ShadowMmu"/>, which finds entries through reverse maps, or
/// <see cref="Tdp.TdpMmu"/>, which walks its trees.
/// </summary>
internal interface IMmuBackend
{
    /// <summary>It may have made entries that map memory: worth asking.</summary>
    /// <remarks>KVM: kvm_memslots_have_rmaps(); is_tdp_mmu_enabled().</remarks>
    bool IsInUse { get; }

    /// <summary>Clears the entries that map a gfn of [start, end).</summary>
    /// <returns>A flush is owed, or was before.</returns>
    bool UnmapRange(Memslot slot, ulong startGfn, ulong endGfn, bool flush);

    /// <summary>Another host frame takes the place behind a gfn.</summary>
    /// <returns>A flush is owed.</returns>
    bool SetSpteGfn(Memslot slot, ulong gfn, ulong pfn, bool writable);

    /// <summary>Takes the accessed state of [start, end) away.</summary>
    /// <returns>One of its pages had been accessed.</returns>
    bool Age(Memslot slot, ulong startGfn, ulong endGfn);

    /// <returns>A page of [start, end) has been accessed.</returns>
    bool TestAge(Memslot slot, ulong startGfn, ulong endGfn);

    /// <summary>Takes the right to write a gfn for good: it holds a guest table that is shadowed.</summary>
    /// <returns>A flush is owed.</returns>
    bool WriteProtectGfn(Memslot slot, ulong gfn, int minLevel);

    /// <summary>Takes the right to write a slot, from a level up.</summary>
    void WriteProtectSlot(Memslot slot, int minLevel);

    /// <summary>The next write to each page of the slot will be seen.</summary>
    void ClearDirtySlot(Memslot slot);

    /// <summary>The next write to each of those of 64 pages whose bit is set will be seen.</summary>
    void ClearDirtyMasked(Memslot slot, ulong gfnOffset, ulong mask, bool writeProtect);

    /// <summary>Splits the huge pages of a range into small ones before they are written.</summary>
    /// <param name="slot">Whose pages.</param>
    /// <param name="startGfn">The first.</param>
    /// <param name="endGfn">Behind the last.</param>
    /// <param name="shared">The lock is held for reading.</param>
    void TrySplitHugePages(Memslot slot, ulong startGfn, ulong endGfn, bool shared);

    /// <summary>Clears small mappings where huge ones could be.</summary>
    void ZapCollapsible(Memslot slot);

    /// <summary>No vCPU may take up any of the present tables any more.</summary>
    void Invalidate();

    /// <summary>Zaps what <see cref="Invalidate"/> named.</summary>
    void ZapInvalidated();

    /// <summary>Zaps everything: the VM's process is gone.</summary>
    void ZapAll();
}
