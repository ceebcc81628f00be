using System.Globalization;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Conformance;

/// <summary>Writes the model's tables out as the dumps of a real KVM are written: pages are named in the order of the walk from the roots.</summary>
internal sealed class ModelTables
{
    private const ulong PresentAndMmuPresent = Spte.MmuPresentMask | 1;

    /// <summary>Requests as the dumps name them, in the order of their numbers in the kernel.</summary>
    private static readonly (VcpuRequests Request, string Name)[] Requests =
    [
        (VcpuRequests.TlbFlush, "TLB_FLUSH"), (VcpuRequests.MmuSync, "MMU_SYNC"), (VcpuRequests.LoadMmuPgd, "LOAD_MMU_PGD"),
        (VcpuRequests.TlbFlushCurrent, "TLB_FLUSH_CURRENT"), (VcpuRequests.TlbFlushGuest, "TLB_FLUSH_GUEST"),
        (VcpuRequests.MmuFreeObsoleteRoots, "MMU_FREE_OBSOLETE_ROOTS"),
    ];

    private readonly KvmVm _vm;
    private readonly Func<ulong, ulong?> _gfnOf;
    private readonly Action<string> _line;
    private readonly Dictionary<ulong, DumpedPage> _byPfn = [];
    private readonly Dictionary<ulong, string> _names = [];
    private readonly List<DumpedPage> _order = [];
    private readonly List<(string Name, TablePage Table, int Count)> _special = [];
    private readonly bool _tellsNested;

    private ModelTables(KvmVm vm, bool tellsNested, Func<ulong, ulong?> gfnOf, Action<string> line)
    {
        _vm = vm;
        _tellsNested = tellsNested;
        _gfnOf = gfnOf;
        _line = line;
    }

    /// <param name="vm">The machine, between two instructions of its guest.</param>
    /// <param name="name">The checkpoint.</param>
    /// <param name="by">The vCPU that made it: the dump is of all vCPUs; null: of the one there is.</param>
    /// <param name="tellsNested">All MMUs of a vCPU are told of, not only the one in use.</param>
    /// <param name="gfnOf">The gfn that a host frame backs, or null.</param>
    /// <param name="line">Takes the lines.</param>
    public static void Write(KvmVm vm, string name, byte? by, bool tellsNested, Func<ulong, ulong?> gfnOf, Action<string> line) =>
        new ModelTables(vm, tellsNested, gfnOf, line).Write(name, by);

    private void Write(string checkpoint, byte? by)
    {
        var vcpus = by is null ? _vm.Vcpus.Take(1).ToList() : [.. _vm.Vcpus];
        var pages = MmuDump.Pages(_vm);
        foreach (var page in pages)
            _byPfn[page.Page.Pfn] = page;
        foreach (var vcpu in vcpus)
        {
            AddSpecial(vcpu.RootMmu, Prefix(vcpu), "");
            AddSpecial(vcpu.GuestMmu, Prefix(vcpu), ".guest");
        }

        NamePages(vcpus, pages);
        _line($"CKPT {checkpoint}");
        foreach (var vcpu in vcpus)
            WriteHeader(vcpu, by is null ? "p*" : "zapped");
        if (by is { } maker)
            WriteRequests(vcpus, maker);
        foreach (var (special, table, count) in _special)
            WriteSpecial(special, table, count);
        foreach (var page in _order)
            WritePage(page);
        _line($"END {checkpoint} pages={_order.Count}");
    }

    /// <summary>Roots of all vCPUs in order, then what stands in their PDPTEs, then the rest.</summary>
    private void NamePages(List<KvmVcpu> vcpus, IReadOnlyList<DumpedPage> pages)
    {
        foreach (var vcpu in vcpus)
        {
            VisitRoots(vcpu.Mmu);
            VisitRoots(vcpu.RootMmu);
            VisitRoots(vcpu.GuestMmu);
        }

        foreach (var entry in _special.SelectMany(special => special.Table.Entries.ToArray()))
            Visit(_vm.Pages.At(new Spte(entry).Pfn));
        foreach (var page in pages.OrderByDescending(page => page.Page.Level).ThenBy(page => page.Page.Gfn).ThenBy(page => page.Page.Role.Word))
            Visit(page.Page);
    }

    private void AddSpecial(KvmMmu mmu, string prefix, string suffix)
    {
        if (mmu.PaeRoot is { } paeRoot)
            _special.Add(($"{prefix}pae_root{suffix}", paeRoot, 4));
        if (mmu.Pml4Root is { } pml4Root)
            _special.Add(($"{prefix}pml4_root{suffix}", pml4Root, TablePage.EntryCount));
    }

    private void VisitRoots(KvmMmu mmu)
    {
        Visit(mmu.Root.Table);
        foreach (var previous in mmu.PreviousRoots)
            Visit(previous.Table);
    }

    private void Visit(TablePage? table)
    {
        if (table is null || _names.ContainsKey(table.Pfn) || !_byPfn.TryGetValue(table.Pfn, out var page))
            return;
        _names.Add(table.Pfn, $"T{_names.Count + 1}");
        _order.Add(page);
        if (table.Level == 1)
            return;
        foreach (var entry in table.Entries)
        {
            var spte = new Spte(entry);
            if ((entry & PresentAndMmuPresent) == PresentAndMmuPresent && !spte.IsLarge)
                Visit(_vm.Pages.At(spte.Pfn));
        }
    }

    private void WriteHeader(KvmVcpu vcpu, string unlisted)
    {
        var prefix = Prefix(vcpu);
        WriteRoots(vcpu.Mmu, prefix, unlisted);
        if (_tellsNested)
        {
            WriteRoots(vcpu.RootMmu, $"{prefix}mmu root_mmu ", unlisted);
            WriteRoots(vcpu.GuestMmu, $"{prefix}mmu guest_mmu ", unlisted);
        }

        if (vcpu.Id == 0)
            _line($"root_mmu {Bit(vcpu.Mmu == vcpu.RootMmu)} n_used={_vm.ShadowMmu.UsedMmuPages} gen={_vm.ValidGeneration} indirect_shadow_pages={_vm.ShadowMmu.IndirectShadowPages}");
        var pdptes = vcpu.Registers.Pdptes;
        _line($"{prefix}pdptrs {pdptes[0]:x} {pdptes[1]:x} {pdptes[2]:x} {pdptes[3]:x}");
        if (!_tellsNested)
            return;
        _line($"{prefix}nested mmu={(vcpu.Mmu == vcpu.RootMmu ? "root_mmu" : "guest_mmu")} walk_mmu={(vcpu.IsNested ? "nested_mmu" : "root_mmu")} guest_mode={Bit(vcpu.IsGuestMode)}");
        _line($"{prefix}mmu nested_mmu cpu_role={vcpu.NestedMmu.CpuRole.Base.Word:x8} ext={vcpu.NestedMmu.CpuRole.ExtendedWord:x8}");
    }

    private void WriteRoots(KvmMmu mmu, string prefix, string unlisted)
    {
        _line($"{prefix}root pgd={mmu.Root.Pgd:x} table={RootName(mmu.Root, unlisted)} cpu_role={mmu.CpuRole.Base.Word:x8} ext={mmu.CpuRole.ExtendedWord:x8} root_role={mmu.RootRole.Word:x8}");
        for (var i = 0; i < KvmMmu.PreviousRootCount; i++)
            _line($"{prefix}prev_root {i} pgd={mmu.PreviousRoots[i].Pgd:x} table={RootName(mmu.PreviousRoots[i], unlisted)}");
    }

    private void WriteRequests(List<KvmVcpu> vcpus, byte maker)
    {
        foreach (var vcpu in vcpus)
        {
            var pending = Requests.Where(request => (vcpu.Requests & request.Request) != 0).Select(request => request.Name).ToList();
            _line($"requests {vcpu.Id} {(pending.Count == 0 ? "-" : string.Join(' ', pending))}");
        }

        _line($"by {maker}");
    }

    private static string Prefix(KvmVcpu vcpu) => vcpu.Id == 0 ? "" : $"vcpu {vcpu.Id} ";

    /// <param name="root">The root.</param>
    /// <param name="unlisted">What a page is called that is in use and in no list any more.</param>
    private string RootName(MmuRoot root, string unlisted) => root.Table is not { } table ? "none"
        : _names.TryGetValue(table.Pfn, out var name) ? name
        : root.ShadowPage is null ? _tellsNested ? SpecialName(table.Pfn) : "pae_root/pml4_root"
        : unlisted;

    private string SpecialName(ulong pfn) => _special.Find(special => special.Table.Pfn == pfn).Name ?? "p*";

    private void WriteSpecial(string name, TablePage table, int count)
    {
        _line(name);
        for (var i = 0; i < count; i++)
        {
            var entry = table[i];
            if (entry.Raw != 0)
                _line($"  {i} ->{_names.GetValueOrDefault(entry.Pfn) ?? SpecialName(entry.Pfn)} fl={entry.Raw & 0xfff | entry.Raw >> 48 << 48:x}");
        }
    }

    private void WritePage(DumpedPage dumped)
    {
        var page = dumped.Page;
        var parents = dumped.Parents
            .Select(parent => $"{_names.GetValueOrDefault(parent.Table.Pfn, "root")}[{parent.Index.ToString(CultureInfo.InvariantCulture)}]")
            .Order(StringComparer.Ordinal);
        _line($"{_names[page.Pfn]} list={dumped.List} gfn={page.Gfn:x} {Describe(page)} parents={(dumped.Parents.Count == 0 ? "-" : string.Join(',', parents))}");
        for (var i = 0; i < TablePage.EntryCount; i++)
        {
            if (page[i] == page.Empty)
                continue;
            var translation = !page.HasShadowedTranslation ? "" : $" t={page.ShadowedTranslationAt(i):x}";
            _line($"  {i} {Value(page[i], page.Level)}{translation}");
        }
    }

    private string Value(Spte entry, int level)
    {
        if (!entry.IsShadowPresent)
            return $"{((entry.Raw & 1) != 0 ? "nonmmu" : "np")}:{entry.Raw:x}";
        return SpteText.Model(entry.Raw, level, pfn => _names.GetValueOrDefault(pfn), _gfnOf);
    }

    private static string Describe(ShadowPage page)
    {
        var role = page.Role;
        return $"role={role.Word:x8} level={role.Level}{If("gpte4", role.Has4ByteGpte)}{(role.Quadrant != 0 ? $" quad={role.Quadrant}" : "")}"
            + $" direct={Bit(role.Direct)} access={(int)role.Access}{If("invalid", role.Invalid)} nx={Bit(role.EferNx)} wp={Bit(role.Cr0Wp)}"
            + $"{If("smep", role.SmepAndNotWp)}{If("smap", role.SmapAndNotWp)}{If("ad_dis", role.AdDisabled)}{If("guest", role.GuestMode)}{If("pass", role.Passthrough)}"
            + $" tdp={Bit(page.IsTdp)} unsync={Bit(page.Unsync)} gen={page.ValidGeneration}{If("nohuge", page.NxHugePageDisallowed)}"
            + $" rootcnt={page.RootCount} unsync_children={page.UnsyncChildren} flood={page.WriteFloodingCount}";
    }

    private static string If(string name, bool set) => set ? $" {name}=1" : "";

    private static int Bit(bool set) => set ? 1 : 0;
}
