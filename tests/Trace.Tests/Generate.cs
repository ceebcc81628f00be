using CsCheck;

namespace Replay.Trace.Tests;

/// <summary>Random recordings: every event kind, every column null and filled, gaps between ordinals, extreme values.</summary>
internal static class Generate
{
    private static readonly Gen<ulong> Address = Gen.OneOf(
        Gen.ULong,
        Gen.ULong[0, 1 << 20],
        OneOf(0UL, 1UL, 0xfffUL, 0x7fff_ffff_ffffUL, 0xffff_8000_0000_0000UL, ulong.MaxValue));

    private static readonly Gen<string> Text = Gen.OneOf(Gen.String, Gen.Const(""), Gen.Const("{\"cr0\":2147483665}"), Gen.Const("ü€𝄞\0\n"));

    private static readonly Gen<byte[]> Data = Gen.OneOf(Gen.Byte.Array[0, 40], Gen.Byte.Array[4096]);

    private static readonly Gen<(TraceEventKind Kind, byte Vcpu, AccessKind? Access, AccessFlags? Flags, uint? Size)> Head = Gen.Select(
        OneOf(Enum.GetValues<TraceEventKind>()),
        Gen.Byte,
        OrNull(OneOf(Enum.GetValues<AccessKind>())),
        OrNull(Gen.Byte[0, 15].Select(bits => (AccessFlags)bits)),
        OrNull(Gen.UInt));

    private static readonly Gen<TraceEvent> Event = Gen.Select(
        Head,
        Gen.Select(OrNull(Address), OrNull(Address), OrNull(Address)),
        OrNull(Address),
        OrNull(Gen.UInt),
        OrNull(Address),
        Gen.OneOf(Gen.Const((string?)null), Text.Select(text => (string?)text)),
        Gen.OneOf(Gen.Const((byte[]?)null), Data.Select(data => (byte[]?)data)),
        static (head, addresses, value, errorCode, rip, detail, data) => new TraceEvent
        {
            Ordinal = 0,
            Kind = head.Kind,
            Vcpu = head.Vcpu,
            Access = head.Access,
            Flags = head.Flags,
            Size = head.Size,
            Gva = addresses.Item1,
            Gpa = InPage(addresses.Item2, addresses.Item1),
            L2Gpa = InPage(addresses.Item3, addresses.Item1 ?? addresses.Item2),
            Value = value,
            ErrorCode = errorCode,
            Rip = rip,
            Detail = detail,
            Data = data,
        });

    private static readonly Gen<Row> Access = Gen.Select(
        Gen.Byte,
        OneOf(Enum.GetValues<AccessKind>()),
        Gen.Byte[0, 15],
        Address,
        Address,
        Gen.Byte[1, 64],
        Address,
        static (vcpu, kind, flags, gva, gpa, size, rip) => new Row(0, vcpu, kind, (AccessFlags)flags, gva, (gpa & ~0xfffUL) | (gva & 0xfff), (byte)Math.Min(size, 0x1000 - (gva & 0xfff)), rip));

    private static readonly Gen<long> Gap = Gen.OneOf(Gen.Const(1L), Gen.Const(1L), Gen.Long[1, 3], Gen.Long[1, 1L << 40]);

    public static Gen<Recording> Recording { get; } = Gen.OneOf(Mixed(90), Mixed(2), Mixed(98));

    /// <summary>An address at the offset of another.</summary>
    private static ulong? InPage(ulong? address, ulong? other) => other is null ? address : (address & ~0xfffUL) | (other & 0xfff);

    private static Gen<Recording> Mixed(int accessPercent) => Gen.Select(
        Gen.Select(Gen.Int[0, 99], Gap).Array[0, 400],
        Access.Array[1, 40],
        Event.Array[1, 40],
        (steps, accesses, events) => Lay(steps, accesses, events, accessPercent));

    private static Recording Lay((int Dice, long Gap)[] steps, Row[] accesses, TraceEvent[] events, int accessPercent)
    {
        var recording = new Recording();
        var ordinal = -1L;
        foreach (var (dice, gap) in steps)
        {
            ordinal += gap;
            if (dice < accessPercent)
                recording.Accesses.Add(accesses[recording.Accesses.Count % accesses.Length] with { Ordinal = ordinal });
            else
                recording.Events.Add(events[recording.Events.Count % events.Length] with { Ordinal = ordinal });
        }
        return recording;
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static Gen<T?> OrNull<T>(Gen<T> gen)
        where T : struct => Gen.OneOf(Gen.Const((T?)null), gen.Select(value => (T?)value));
}
