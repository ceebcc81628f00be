using System.Globalization;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Conformance;

/// <summary>Writes the model's tables out as the dumps of a real KVM are written: pages are named in the order of the walk from the roots.</summary>
internal sealed class ModelTables
{
    private const ulong PresentAndMmuPresent = Spte.MmuPresentMask | 1;

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
        AddSpecial(vm.Vcpus[0].RootMmu, "");
        AddSpecial(vm.Vcpus[0].GuestMmu, ".guest");
        _gfnOf = gfnOf;
        _line = line;
    }

    /// <param name="vm">The machine, between two instructions of its guest.</param>
    /// <param name="name">The checkpoint.</param>
    /// <param name="tellsNested">All MMUs of the vCPU are told of, not only the one in use.</param>
    /// <param name="gfnOf">The gfn that a host frame backs, or null.</param>
    /// <param name="line">Takes the lines.</param>
    public static void Write(KvmVm vm, string name, bool tellsNested, Func<ulong, ulong?> gfnOf, Action<string> line) =>
        new ModelTables(vm, tellsNested, gfnOf, line).Write(name);

    private void AddSpecial(KvmMmu mmu, string suffix)
    {
        if (mmu.PaeRoot is { } paeRoot)
            _special.Add(($"pae_root{suffix}", paeRoot, 4));
        if (mmu.Pml4Root is { } pml4Root)
            _special.Add(($"pml4_root{suffix}", pml4Root, TablePage.EntryCount));
    }

    private void Write(string checkpoint)
    {
        var pages = MmuDump.Pages(_vm);
        foreach (var page in pages)
            _byPfn[page.Page.Pfn] = page;
        NamePages(_vm.Vcpus[0], pages);
        _line($"CKPT {checkpoint}");
        WriteHeader(_vm.Vcpus[0]);
        foreach (var (name, table, count) in _special)
            WriteSpecial(name, table, count);
        foreach (var page in _order)
            WritePage(page);
        _line($"END {checkpoint} pages={_order.Count}");
    }

    private void NamePages(KvmVcpu vcpu, IReadOnlyList<DumpedPage> pages)
    {
        VisitRoots(vcpu.Mmu);
        VisitRoots(vcpu.RootMmu);
        VisitRoots(vcpu.GuestMmu);
        foreach (var (_, table, _) in _special)
        {
            foreach (var entry in table.Entries)
                Visit(_vm.Pages.At(new Spte(entry).Pfn));
        }

        foreach (var page in pages.OrderByDescending(page => page.Page.Level).ThenBy(page => page.Page.Gfn).ThenBy(page => page.Page.Role.Word))
            Visit(page.Page);
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

    private void WriteHeader(KvmVcpu vcpu)
    {
        WriteRoots(vcpu.Mmu, "");
        if (_tellsNested)
        {
            WriteRoots(vcpu.RootMmu, "mmu root_mmu ");
            WriteRoots(vcpu.GuestMmu, "mmu guest_mmu ");
        }

        _line($"root_mmu {Bit(vcpu.Mmu == vcpu.RootMmu)} n_used={_vm.ShadowMmu.UsedMmuPages} gen={_vm.ValidGeneration} indirect_shadow_pages={_vm.ShadowMmu.IndirectShadowPages}");
        var pdptes = vcpu.Registers.Pdptes;
        _line($"pdptrs {pdptes[0]:x} {pdptes[1]:x} {pdptes[2]:x} {pdptes[3]:x}");
        if (!_tellsNested)
            return;
        _line($"nested mmu={(vcpu.Mmu == vcpu.RootMmu ? "root_mmu" : "guest_mmu")} walk_mmu={(vcpu.IsNested ? "nested_mmu" : "root_mmu")} guest_mode={Bit(vcpu.IsGuestMode)}");
        _line($"mmu nested_mmu cpu_role={vcpu.NestedMmu.CpuRole.Base.Word:x8} ext={vcpu.NestedMmu.CpuRole.ExtendedWord:x8}");
    }

    private void WriteRoots(KvmMmu mmu, string prefix)
    {
        _line($"{prefix}root pgd={mmu.Root.Pgd:x} table={RootName(mmu.Root)} cpu_role={mmu.CpuRole.Base.Word:x8} ext={mmu.CpuRole.ExtendedWord:x8} root_role={mmu.RootRole.Word:x8}");
        for (var i = 0; i < KvmMmu.PreviousRootCount; i++)
            _line($"{prefix}prev_root {i} pgd={mmu.PreviousRoots[i].Pgd:x} table={RootName(mmu.PreviousRoots[i])}");
    }

    private string RootName(MmuRoot root)
    {
        if (root.Table is not { } table)
            return "none";
        if (_names.TryGetValue(table.Pfn, out var name))
            return name;
        return _tellsNested ? SpecialName(table.Pfn) : root.ShadowPage is null ? "pae_root/pml4_root" : "p*";
    }

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
            if (page[i].Raw == 0)
                continue;
            var translation = page.Role.Direct ? "" : $" t={page.ShadowedTranslationAt(i):x}";
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
            + $" tdp={Bit(page.IsTdp)} unsync={Bit(page.Unsync)} gen={page.ValidGeneration}{If("nohuge", page.LpageDisallowed)}"
            + $" rootcnt={page.RootCount} unsync_children={page.UnsyncChildren} flood={page.WriteFloodingCount}";
    }

    private static string If(string name, bool set) => set ? $" {name}=1" : "";

    private static int Bit(bool set) => set ? 1 : 0;
}
