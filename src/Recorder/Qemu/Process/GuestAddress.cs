namespace Replay.Recorder.Qemu;

/// <summary>An address that an instruction of the guest stands at, guest-virtual or guest-physical.</summary>
/// <param name="IsPhysical">True for a guest-physical address.</param>
/// <param name="Value">The address.</param>
public readonly record struct GuestAddress(bool IsPhysical, ulong Value)
{
    public static GuestAddress Virtual(ulong value) => new(IsPhysical: false, value);

    public static GuestAddress Physical(ulong value) => new(IsPhysical: true, value);

    /// <summary><c>gva:0x…</c> or <c>gpa:0x…</c>.</summary>
    public override string ToString() => $"{(IsPhysical ? "gpa" : "gva")}:0x{Value:x}";
}
