using System.Runtime.InteropServices;

namespace Replay.Recorder.Qemu;

/// <summary>One memslot of the memory map, laid out as <c>struct wire_memslot</c>; no bytes: the slot is deleted.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct WireMemslot(ulong Gpa, ulong Bytes, ulong RamOffset, ulong Host, uint Slot, uint Flags);
