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
        CheckBytes(block.Vcpus.AsSpan(0, rows), block.Kinds.AsSpan(0, rows), block.Sizes.AsSpan(0, rows), vcpus);
        CheckEvents(CollectionsMarshal.AsSpan(block.Events), vcpus);
        CheckAddresses(block.Gvas.AsSpan(0, rows), block.Gpas.AsSpan(0, rows), block.Sizes.AsSpan(0, rows));
    }

    /// <summary>The columns of a byte.</summary>
    public static void CheckBytes(ReadOnlySpan<byte> onVcpus, ReadOnlySpan<byte> kinds, ReadOnlySpan<byte> sizes, int vcpus)
    {
        if (onVcpus.IndexOfAnyExceptInRange((byte)0, (byte)(vcpus - 1)) >= 0)
            throw new ArgumentException($"An access is on a vCPU beyond the {vcpus} of the manifest.");
        if (kinds.IndexOfAnyInRange((byte)AccessKindName.All.Length, byte.MaxValue) >= 0)
            throw new ArgumentException("An access has no kind.");
        if (sizes.IndexOfAnyExceptInRange((byte)1, (byte)MaxSize) >= 0)
            throw new ArgumentException($"An access is not 1 to {MaxSize} bytes.");
    }

    public static void CheckEvents(ReadOnlySpan<TraceEvent> events, int vcpus)
    {
        foreach (ref readonly var row in events)
            CheckEvent(row, vcpus);
    }

    private static void CheckEvent(in TraceEvent row, int vcpus)
    {
        if (row.Vcpu >= vcpus)
            throw new ArgumentException($"Event {row.Ordinal} is on a vCPU beyond the {vcpus} of the manifest.");
        if (!Enum.IsDefined(row.Kind) || row.Access > AccessKind.Fetch)
            throw new ArgumentException($"Event {row.Ordinal} has no kind.");
        if (((row.Gva ^ row.Gpa) & OffsetMask) is > 0
            || ((row.Gva ^ row.L2Gpa) & OffsetMask) is > 0 || ((row.Gpa ^ row.L2Gpa) & OffsetMask) is > 0)
        {
            throw new ArgumentException($"The addresses of event {row.Ordinal} differ in their offset inside the page.");
        }
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
