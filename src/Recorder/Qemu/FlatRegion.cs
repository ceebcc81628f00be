namespace Replay.Recorder.Qemu;

/// <summary>One RAM or ROM range of QEMU's flat view of the system address space.</summary>
/// <param name="Gpa">First byte.</param>
/// <param name="Bytes">Length.</param>
/// <param name="ReadOnly">ROM, or a ROM device in read mode.</param>
/// <param name="Name">The memory region's name.</param>
/// <param name="Offset">Offset of the first byte in the region's backing.</param>
internal readonly record struct FlatRegion(ulong Gpa, ulong Bytes, bool ReadOnly, string Name, ulong Offset);
