using System.Text;

namespace Replay.Replayer.History;

/// <summary>The kernel's spelling of each <see cref="KvmFunction"/>.</summary>
public static class KvmFunctions
{
    private static readonly string[] Names = BuildNames();

    /// <summary>The name in the kernel's sources, such as <c>__link_shadow_page</c>; <c>hardware</c> for <see cref="KvmFunction.None"/>.</summary>
    public static string KernelName(this KvmFunction function) => Names[(int)function];

    private static string[] BuildNames()
    {
        var values = Enum.GetValues<KvmFunction>();
        var names = new string[(int)values[^1] + 1];
        foreach (var value in values)
            names[(int)value] = Special(value) ?? SnakeCase(value.ToString());
        return names;
    }

    private static string? Special(KvmFunction function) => function switch
    {
        KvmFunction.None => "hardware",
        KvmFunction.LinkShadowPage => "__link_shadow_page",
        KvmFunction.KvmMmuGetShadowPage => "__kvm_mmu_get_shadow_page",
        KvmFunction.DirectPtePrefetch => "__direct_pte_prefetch",
        KvmFunction.KvmMmuPrepareZapPage => "__kvm_mmu_prepare_zap_page",
        KvmFunction.HandleChangedSpte => "__handle_changed_spte",
        KvmFunction.TdpMmuSetSpte => "__tdp_mmu_set_spte",
        KvmFunction.KvmMmuNewPgd => "kvm_mmu_new_pgd",
        KvmFunction.KvmTdpMmuHandleGfn => "kvm_tdp_mmu_handle_gfn",
        KvmFunction.KvmSetMemoryRegion => "__kvm_set_memory_region",
        KvmFunction.RmapAdd => "__rmap_add",
        KvmFunction.X86EmulateInstruction => "x86_emulate_instruction",
        KvmFunction.KvmMmuUnprotectGfnAndRetry => "__kvm_mmu_unprotect_gfn_and_retry",
        KvmFunction.KvmMmuInvalidateAddrOfRoot => "__kvm_mmu_invalidate_addr",
        KvmFunction.TdpMmuSetSpteHelper => "tdp_mmu_set_spte",
        KvmFunction.HandleChangedSpteHelper => "handle_changed_spte",
        KvmFunction.KvmSyncPageEntries => "__kvm_sync_page",
        _ => null,
    };

    private static string SnakeCase(string pascal)
    {
        var text = new StringBuilder(pascal.Length + 8);
        foreach (var c in pascal)
        {
            if (char.IsUpper(c) && text.Length > 0)
                text.Append('_');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
