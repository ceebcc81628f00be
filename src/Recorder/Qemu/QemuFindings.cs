namespace Replay.Recorder.Qemu;

/// <summary>What the plugin's counters say about a recording, in the manifest's words.</summary>
internal static class QemuFindings
{
    public static SortedDictionary<string, string> Origin(in WireCounters counters, long guestPageFaults) => new(StringComparer.Ordinal)
    {
        ["ordinals"] = Text(counters.Ordinals),
        ["filter_flushes"] = Text(counters.Flushes),
        ["filter_kept_by_page_table_stores"] = Text(counters.Kept),
        ["page_table_pages"] = Text(counters.TablePages),
        ["page_table_pages_released"] = Text(counters.Released),
        ["inferred_memslot_changes"] = Text(counters.MemslotChanges),
        ["guest_page_faults"] = Text(guestPageFaults),
        ["guest_stalls"] = Text(counters.Stalls),
    };

    public static List<string> Blind(in WireCounters counters)
    {
        List<string> blind =
        [
            "DMA: what devices write to guest memory, page tables included, is not seen",
            "accesses that fault: only their retry is seen",
        ];
        Add(counters.RealMode, "times protection was switched off: interrupts delivered in real mode are not seen");
        Add(counters.Unslotted, "RAM accesses outside every memslot");
        Add(counters.Management, "loads and stores in system management mode: KVM keeps another address space for it, which is not followed");
        Add(counters.ManagementTables, "of them, stores to page tables: the tables are told anew, and no exit of KVM is modelled for them");
        Add(counters.DeviceInSlot, "device accesses inside a RAM memslot");
        Add(counters.TableOffRam, "page walks that met a table outside guest RAM: its content is not recorded");
        Add(counters.Ambiguous, "deliveries through a gate that several vectors share: the lowest is named");
        Add(counters.TasksUntold, "task switches whose cause and accesses are not told");
        Add(counters.Unresolved, "accesses whose physical address QEMU no longer knew");
        Add(counters.Nested, "VMRUN or VMXON instructions that were not followed: accesses of nested guests are not told apart from their hypervisor's");
        return blind;

        void Add(long count, string what)
        {
            if (count > 0)
                blind.Add($"{count} {what}");
        }
    }

    private static string Text(long value) => value.ToString();
}
