namespace Replay.Recorder.Synthetic.Machine;

/// <summary>What a handler returns to.</summary>
/// <param name="Rip">The instruction that was interrupted or faulted.</param>
/// <param name="Cpl">Its privilege level.</param>
/// <param name="AlignmentCheck">Its EFLAGS.AC.</param>
/// <param name="Stack">Its stack pointer.</param>
/// <param name="Frame">Where IRET finds its frame.</param>
/// <param name="FrameWords">Words IRET pops.</param>
internal readonly record struct InterruptedProgram(ulong Rip, int Cpl, bool AlignmentCheck, ulong Stack, ulong Frame, int FrameWords);
