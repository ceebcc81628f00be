using Replay.Analyzer.Store;
using Replay.Replayer.History;
using Replay.Trace.Tracepoints;

namespace Replay.Analyzer.Observed;

/// <summary>Follows table pages and roots.</summary>
internal sealed class PageFollower(ObservedHost host, Scribe scribe, ObservedPages pages)
{
    private const int LowestRootLevel = 4;
    private const ulong NoRoot = ulong.MaxValue;
    private const int PageShift = 12;

    /// <summary>Probes show roots: none are derived.</summary>
    public bool RootsAreProbed { get; set; }

    /// <summary>kvm_mmu_get_page and its kin.</summary>
    public void Page(ObservedThread thread, TracepointKind kind, in PageFields fields)
    {
        var level = (int)(fields.Role & 15);
        switch (kind)
        {
            case TracepointKind.GetPage:
                Get(thread, level, fields);
                break;
            case TracepointKind.ZapPage:
                // A root that is still in use is zapped once more when it is dropped.
                var zapped = thread.ZapPage ?? pages.OfRole(level, fields.Gfn, fields.Role, fields.RoleMask, zapped: false)
                    ?? pages.OfRole(level, fields.Gfn, fields.Role, fields.RoleMask, zapped: true) ?? Earlier(level, fields);
                thread.ZapPage = null;
                zapped.IsZapped = true;
                Tell(thread, PageOperation.Zap, zapped, fields);
                break;
            default:
                var page = pages.OfRole(level, fields.Gfn, fields.Role, fields.RoleMask, zapped: false) ?? Earlier(level, fields);
                Tell(thread, kind == TracepointKind.SyncPage ? PageOperation.Sync : PageOperation.Unsync, page, fields);
                break;
        }
    }

    /// <summary>A probe shows all of the page that kvm_mmu_get_page has just given.</summary>
    public void Identify(ObservedThread thread, ulong table, ulong gfn, uint role)
    {
        if (thread.GotPage is not { } page || page.Level != (int)(role & 15) || page.Gfn != gfn)
            return;
        Identify(page, table, role);
    }

    /// <summary>The page of an entry that a line names by its address.</summary>
    public ObservedPage OfEntry(ObservedThread thread, ulong sptep) => At(thread, pages.PfnOf(sptep), 0, Unseen.Word);

    /// <summary>The page in a host frame.</summary>
    /// <param name="thread">Who works on it.</param>
    /// <param name="pfn">The host frame.</param>
    /// <param name="level">Its level; 0: not known.</param>
    /// <param name="gfn">A frame that one of its entries translates; <see cref="Unseen.Word"/>: not known.</param>
    public ObservedPage At(ObservedThread thread, ulong pfn, int level, ulong gfn)
    {
        if (pages.OfPfn(pfn) is { } known && (level == 0 || known.Level == level))
            return known;
        var shift = 9 * level;
        ObservedPage? page = null;
        if (level > 0 && host.IsTwoDimensional && gfn != Unseen.Word)
            page = pages.WithoutPfn(level, gfn >> shift << shift);
        else if (level > 0 && thread.GotPage is { } got && got.Level == level && got.Pfn == Unseen.Word)
            page = got;
        page ??= Earlier(Math.Max(level, 1), host.IsTwoDimensional && gfn != Unseen.Word && level > 0 ? gfn >> shift << shift : Unseen.Word);
        Locate(page, pfn);
        return page;
    }

    /// <summary>A page of which the trace does not show how it was made.</summary>
    public ObservedPage Earlier(int level, ulong gfn)
    {
        var page = pages.Add(level, gfn, isMadeInTrace: false);
        TellEarlier(page, 0, 0);
        return page;
    }

    public void Locate(ObservedPage page, ulong pfn)
    {
        pages.SetPfn(page, pfn);
        scribe.Learned(page);
    }

    public void Root(ObservedThread thread, RootOperation operation, ulong root, int level, ulong value)
    {
        if (root == NoRoot)
            return;
        var page = pages.OfPfn(root >> PageShift);
        if (page is null)
        {
            if (level == 0)
                return;
            // pae_root and its kin are no kvm_mmu_page: no line shows how they are made.
            page = pages.Add(level, Unseen.Word, isMadeInTrace: false);
            pages.SetPfn(page, root >> PageShift);
            TellEarlier(page, 0, 1);
        }

        Tell(thread, operation, page, value);
    }

    private void Get(ObservedThread thread, int level, in PageFields fields)
    {
        ObservedPage page;
        if (fields.Created)
        {
            page = pages.Add(level, fields.Gfn, isMadeInTrace: true, fields.Role, fields.RoleMask, thread.Running);
            if (thread.TdpPage is { } tdp)
            {
                page.Role = tdp.Role;
                page.RoleMask = uint.MaxValue;
                pages.SetPfn(page, pages.PfnOf(tdp.Table));
            }
        }
        else
        {
            page = pages.OfRole(level, fields.Gfn, fields.Role, fields.RoleMask, zapped: false) ?? Earlier(level, fields);
        }

        thread.TdpPage = null;
        thread.GotPage = page;
        Tell(thread, fields.Created ? PageOperation.Create : PageOperation.Find, page, fields);
        // Outside a fault KVM gets a page of the highest level only as a root.
        if (!RootsAreProbed && level >= LowestRootLevel && !thread.FaultIsOpen && !pages.LevelsInUse.Contains(level + 1))
            Tell(thread, RootOperation.Allocate, page, Unseen.Word);
    }

    private ObservedPage Earlier(int level, in PageFields fields)
    {
        var page = pages.Add(level, fields.Gfn, isMadeInTrace: false, fields.Role, fields.RoleMask);
        TellEarlier(page, fields.Generation, 0);
        return page;
    }

    private void Identify(ObservedPage page, ulong table, uint role)
    {
        if (page.RoleMask == uint.MaxValue && page.Pfn == pages.PfnOf(table))
            return;
        page.Role = role;
        page.RoleMask = uint.MaxValue;
        Locate(page, pages.PfnOf(table));
    }

    private void TellEarlier(ObservedPage page, int generation, int special) =>
        scribe.EarlierPage(
            new TablePageRecord
            {
                Seq = scribe.Seq,
                Ordinal = scribe.Ordinal,
                Gfn = page.Gfn,
                Pfn = page.Pfn,
                TableId = page.TableId,
                Role = page.Role,
                Level = (byte)page.Level,
                Generation = (byte)generation,
                IsTdp = (byte)(page.IsTdp ? 1 : 0),
                IsSpecial = (byte)special,
                Context = page.Context,
            },
            page.RoleMask);

    private void Tell(ObservedThread thread, PageOperation operation, ObservedPage page, in PageFields fields)
    {
        var record = new TablePageRecord
        {
            Seq = scribe.NextSeq(),
            Ordinal = scribe.Ordinal,
            Gfn = fields.Gfn,
            Pfn = page.Pfn,
            TableId = page.TableId,
            FaultId = thread.FaultId,
            ExitId = thread.Exit.ExitId,
            ChainId = scribe.Chains.Told(scribe.Chains.Ending(thread.Chain, FunctionOf(operation, page))),
            Role = operation == PageOperation.Create ? page.Role : fields.Role,
            RootCount = (int)fields.RootCount,
            Operation = operation,
            Level = (byte)page.Level,
            Vcpu = thread.Vcpu,
            Generation = (byte)fields.Generation,
            IsTdp = (byte)(page.IsTdp ? 1 : 0),
            Unsync = (byte)(fields.Unsync ? 1 : 0),
            Context = page.Context,
        };
        thread.FaultEnd = record.Seq;
        scribe.Page(record, operation == PageOperation.Create ? page.RoleMask : fields.RoleMask);
    }

    private void Tell(ObservedThread thread, RootOperation operation, ObservedPage page, ulong value) =>
        scribe.Root(new RootRecord
        {
            Seq = scribe.NextSeq(),
            Ordinal = scribe.Ordinal,
            Value = value,
            TableId = page.TableId,
            ExitId = thread.Exit.ExitId,
            ChainId = scribe.Chains.Told(thread.Chain == 0 ? scribe.Chains.Child(0, FunctionOf(operation)) : thread.Chain),
            Operation = operation,
            Vcpu = thread.Vcpu,
            Context = page.Context == GuestContext.Unknown ? thread.Running : page.Context,
        });

    private static KvmFunction FunctionOf(PageOperation operation, ObservedPage page) => operation switch
    {
        PageOperation.Create when page.IsTdp => KvmFunction.TdpMmuInitSp,
        PageOperation.Create or PageOperation.Find => KvmFunction.KvmMmuGetShadowPage,
        PageOperation.Zap => page.IsTdp ? KvmFunction.HandleRemovedPt : KvmFunction.KvmMmuPrepareZapPage,
        PageOperation.Sync => KvmFunction.KvmSyncPage,
        _ => KvmFunction.KvmUnsyncPage,
    };

    private static KvmFunction FunctionOf(RootOperation operation) => operation switch
    {
        RootOperation.Free => KvmFunction.KvmMmuFreeRoots,
        _ => KvmFunction.KvmMmuLoad,
    };
}
