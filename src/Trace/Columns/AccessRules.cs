using System.Runtime.InteropServices;

namespace Replay.Trace.Columns;

/// <summary>What holds for every row of a capture, and is checked where a source hands it over.</summary>
internal static class AccessRules
{
    public const int MaxSize = 64;

    private const ulong OffsetMask = 0xfff;

    /// <exception cref="ArgumentException">A source made an access that is none.</exception>
    public static void Check(TraceChunk block, int vcpus)
    {
        var rows = block.AccessCount;
        if (block.Vcpus.AsSpan(0, rows).IndexOfAnyExceptInRange((byte)0, (byte)(vcpus - 1)) >= 0)
            throw new ArgumentException($"An access is on a vCPU beyond the {vcpus} of the manifest.");
        if (block.Kinds.AsSpan(0, rows).IndexOfAnyInRange((byte)AccessKindName.All.Length, byte.MaxValue) >= 0)
            throw new ArgumentException("An access has no kind.");
        if (block.Sizes.AsSpan(0, rows).IndexOfAnyExceptInRange((byte)1, (byte)MaxSize) >= 0)
            throw new ArgumentException($"An access is not 1 to {MaxSize} bytes.");
        foreach (ref readonly var row in CollectionsMarshal.AsSpan(block.Events))
            CheckEvent(row, vcpus);
        CheckAddresses(block.Gvas.AsSpan(0, rows), block.Gpas.AsSpan(0, rows), block.Sizes.AsSpan(0, rows));
    }

    private static void CheckEvent(in TraceEvent row, int vcpus)
    {
        if (row.Vcpu >= vcpus)
            throw new ArgumentException($"Event {row.Ordinal} is on a vCPU beyond the {vcpus} of the manifest.");
        if (!Enum.IsDefined(row.Kind) || row.Access > AccessKind.Fetch)
            throw new ArgumentException($"Event {row.Ordinal} has no kind.");
        if (((row.Gva ^ row.Gpa) & OffsetMask) is > 0)
            throw new ArgumentException($"The gva and the gpa of event {row.Ordinal} differ in their offset inside the page.");
    }

    private static void CheckAddresses(ReadOnlySpan<ulong> gvas, ReadOnlySpan<ulong> gpas, ReadOnlySpan<byte> sizes)
    {
        var (differs, crosses) = Lanes.Misfits(gvas, gpas, sizes, OffsetMask);
        if ((differs & OffsetMask) != 0)
            throw new ArgumentException("The gva and the gpa of an access differ in their offset inside the page.");
        if ((crosses & ~OffsetMask) != 0)
            throw new ArgumentException("An access crosses a 4 KiB page.");
    }
}
