namespace Replay.Analyzer.Observed;

/// <summary>What a probe on a function of KVM tells.</summary>
internal enum ProbeAction : byte
{
    /// <summary>Nothing that a row is made of; it may stand in chains.</summary>
    None = 0,
    MmuPageFault,
    Handler,
    SetSpte,
    SpteUpdate,
    ClearTrackBits,
    ZapPte,
    LinkShadowPage,
    PteListAdd,
    PteListRemove,
    GetShadowPage,
    InitTdpPage,
    PrepareZapPage,
    AllocateRoot,
    LoadRoot,
    FreeRoot,
    NonleafSpte,
    Invlpg,
    FlushRemote,
    FlushRemoteRange,
    FlushCurrent,
    FlushGuest,
    FlushGva,
    FlushAll,
}
