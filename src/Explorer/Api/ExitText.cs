namespace Replay.Explorer.Api;

/// <summary>Exit qualifications and error codes, bit by bit, in the words of the SDM, the APM and KVM.</summary>
internal static class ExitText
{
    private static readonly (int Bit, string Word)[] Ept =
    [
        (0, "data read"), (1, "data write"), (2, "instruction fetch"), (3, "entries readable"), (4, "entries writable"), (5, "entries executable"),
        (7, "guest linear address valid"), (8, "final: the access itself"), (9, "user-mode linear address"), (10, "read/write page"), (11, "execute-disable page"), (12, "NMI unblocking"),
    ];

    private static readonly (int Bit, string Word)[] PageFault =
    [
        (0, "present"), (1, "write"), (2, "user"), (3, "reserved bit"), (4, "fetch"), (5, "protection key"), (15, "SGX"),
        (32, "final: the access itself"), (33, "on the guest's page tables"), (48, "implicit access"),
    ];

    /// <summary>The words of an exit's first information field; empty where it has no bits to tell of.</summary>
    public static IReadOnlyList<string> Words(string reason, long info1) => reason switch
    {
        "EPT_VIOLATION" => [.. Of(Ept, info1), .. (info1 >> 7 & 3) == 1 ? (string[])["on the guest's page tables"] : []],
        "NPF" or "EXCEPTION_PF" => Of(PageFault, info1),
        _ => [],
    };

    public static IReadOnlyList<string> ErrorWords(long errorCode) => Of(PageFault, errorCode);

    /// <summary>What an exit is, for who has not met it.</summary>
    public static string? Meaning(string reason) => reason switch
    {
        "EPT_VIOLATION" => "The CPU found no EPT entry that allows the access, and left the guest.",
        "EPT_MISCONFIG" => "The CPU met an EPT entry that is invalid on purpose: KVM marks device memory so.",
        "NPF" => "The CPU found no nested page table entry that allows the access, and left the guest.",
        "EXCEPTION_PF" => "A page fault that KVM intercepts: the shadow tables may lack what the guest's tables have.",
        "CR0_WRITE" or "CR4_WRITE" or "EFER_WRITE" => "The guest changed a control register on which KVM's tables depend.",
        "CR3_WRITE" => "The guest switched its address space; KVM must switch root.",
        "INVLPG" or "INVPCID" => "The guest dropped translations; KVM must drop them from its tables too.",
        "PML_FULL" => "The CPU's log of dirty pages is full.",
        _ => null,
    };

    private static List<string> Of((int Bit, string Word)[] words, long value) =>
        [.. words.Where(word => (value >> word.Bit & 1) != 0).Select(word => word.Word)];
}
