using System.Text;
using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Synthetic;

/// <summary>The page of the documentation that tells of every workload, made from the registry.</summary>
public static class WorkloadReference
{
    private const string Head = """
        # Synthetic workloads

        *Generated from the code by `replay docs --to docs`.*

        `replay record synthetic --workload NAME --seed N -o X.capture` runs a small guest made for the purpose and records it as `record qemu`
        records a real one. Where a workload takes after one of KVM's selftests, it has its name and the names of its settings.

        ## The guest

        A machine without devices: sparse physical memory, up to 16 vCPUs that take turns, and page walks as the manuals describe them for paging
        off, 32-bit paging, PAE, 4-level and 5-level paging. On it runs a kernel that boots from protected mode, builds its tables in guest memory,
        and then maps on demand, unmaps, protects, forks with copy on write, switches spaces (with PCIDs if asked), splits and collapses large
        pages. Nothing is short-cut: each load and store of the kernel is in the stream and goes through the guest's own tables.

        - A page-table page gets its `page_image` before the first walk through it; every store to it from then on is a `page_table_store`. A page
          that was a table once stays one, also when it holds data later: a recorder cannot know better.
        - The walker sets accessed and dirty bits in guest memory, but its own reads and writes are not in the stream, as in a recording of a real guest.
        - The kernel flushes wherever a CPU may hold a stale translation, on every vCPU. Tests prove it against a TLB that forgets nothing unasked.
        - The machine has no TLB that could be seen. Its own walk gives the `gpa` of each access, so that `replay verify` compares two walkers.
        - The same workload, knobs and seed give the same stream on any machine; tests pin the hashes.

        With `--filter` the host's events (dirty logging, notifiers, memslots) wait for the next multiple of the filter's epoch, while the guest polls
        in its idle loop: what they take away, the filter has just forgotten.

        Pages are cleared and copied in 64-byte accesses, table pages word by word; a large page is cleared with one access to each 512th part of it.

        ## The workloads

        """;

    public static string Markdown()
    {
        var page = new StringBuilder(Head.ReplaceLineEndings("\n"));
        foreach (var workload in WorkloadRegistry.All)
        {
            page.Append($"\n### {workload.Name}\n\n{workload.Description}\n\n");
            page.Append($"Paging: {string.Join(", ", workload.Modes.Select(PagingFormat.Name))}.\n\n");
            page.Append("| knob | default | takes | meaning |\n| --- | --- | --- | --- |\n");
            foreach (var knob in workload.AllKnobs)
                page.Append($"| `{knob.Name}` | `{knob.Default}` | {knob.Expectation()} | {knob.Meaning} |\n");
        }
        return page.ToString();
    }
}
