using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>What instructions do beside touching memory, told once they have come to their end.</summary>
internal sealed class SpecialEffects(CaptureStream stream, AccessRecorder accesses, TracedGuest context, NestedRecorder nested, BochsFindings findings, BochsPorts ports)
{
    private const uint EferMsr = 0xc000_0080;
    private const int Eax = 0;
    private const int Ecx = 1;
    private const int Edx = 2;

    /// <summary>The guest wrote to the port that ends it.</summary>
    public int? ExitCode { get; private set; }

    public void Settle(Instruction instruction)
    {
        var (kind, register) = instruction.Decoded;
        switch (kind)
        {
            case SpecialInstruction.MovCr0:
                WriteCr0(instruction, instruction.Register(register));
                break;
            case SpecialInstruction.Clts:
                WriteCr0(instruction, context.Controls.Cr0 & ~8UL);
                break;
            case SpecialInstruction.Lmsw:
                var word = register < 0 ? instruction.OperandAt(0, 2) : instruction.Registers[register];
                WriteCr0(instruction, (context.Controls.Cr0 & ~0xeUL) | (word & 0xf));
                break;
            case SpecialInstruction.MovCr3:
                WriteCr3(instruction, instruction.Register(register));
                break;
            case SpecialInstruction.MovCr4:
                WriteCr4(instruction, instruction.Register(register));
                break;
            case SpecialInstruction.Wrmsr when (uint)instruction.Registers[Ecx] == EferMsr:
                WriteEfer(instruction, (uint)instruction.Registers[Eax] | (instruction.Registers[Edx] << 32));
                break;
            case SpecialInstruction.Wrpkru:
                Tell(TraceEventKind.PkruWrite, (uint)instruction.Registers[Eax], instruction);
                break;
            case SpecialInstruction.Xrstor when (context.Controls.Cr4 & ControlBits.Cr4Pke) != 0:
                findings.UntoldPkru++;
                break;
            case SpecialInstruction.Invlpg or SpecialInstruction.Invlpga or SpecialInstruction.Invpcid or SpecialInstruction.Invept or SpecialInstruction.Invvpid:
                Invalidate(instruction, kind, register);
                break;
            case SpecialInstruction.Lgdt or SpecialInstruction.Lidt:
                LoadTable(kind, instruction);
                break;
            case SpecialInstruction.Ltr or SpecialInstruction.Lldt:
                LoadSystemSegment(kind, instruction);
                break;
            case SpecialInstruction.Out:
                Out(instruction, register < 0 ? (ushort)instruction.Registers[Edx] : register);
                break;
            case SpecialInstruction.Rsm:
                findings.Management++;
                break;
        }
    }

    private void WriteCr0(Instruction instruction, ulong value)
    {
        if (context.IsNested)
            value = Masked(context.Controls.Cr0, value, nested.Block.Masks.Cr0);
        context.Controls = context.Controls.WithCr0(value);
        accesses.Forget();
        accesses.Find(instruction.Next);
        Tell(TraceEventKind.Cr0Write, context.Controls.Cr0, instruction);
    }

    private void WriteCr3(Instruction instruction, ulong value)
    {
        context.Controls = context.Controls with { Cr3 = value & ~ControlBits.Cr3NoFlush };
        accesses.Forget();
        accesses.Find(instruction.Next);
        Tell(TraceEventKind.Cr3Write, value, instruction);
    }

    private void WriteCr4(Instruction instruction, ulong value)
    {
        if (context.IsNested)
            value = Masked(context.Controls.Cr4, value, nested.Block.Masks.Cr4);
        context.Controls = context.Controls with { Cr4 = value };
        accesses.Forget();
        accesses.Find(instruction.Next);
        Tell(TraceEventKind.Cr4Write, value, instruction);
    }

    private void WriteEfer(Instruction instruction, ulong value)
    {
        value = (value & ~ControlBits.EferLma) | (context.Controls.Efer & ControlBits.EferLma);
        context.Controls = context.Controls with { Efer = value };
        accesses.Forget();
        Tell(TraceEventKind.EferWrite, value, instruction);
    }

    /// <summary>Bits that belong to a nested guest's hypervisor stay.</summary>
    private static ulong Masked(ulong current, ulong value, ulong mask) => (current & mask) | (value & ~mask);

    private void Invalidate(Instruction instruction, SpecialInstruction kind, int register)
    {
        var type = kind is SpecialInstruction.Invlpg or SpecialInstruction.Invlpga ? 0 : instruction.Register(register);
        var first = instruction.OperandAt(0, 8);
        var second = instruction.OperandAt(8, 8);
        var row = new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Invlpg, Rip = instruction.Rip };
        stream.Add(kind switch
        {
            SpecialInstruction.Invlpga => row with { Kind = TraceEventKind.Invlpga, Gva = instruction.Register(Eax), Value = (uint)instruction.Registers[Ecx] },
            SpecialInstruction.Invpcid => row with { Kind = TraceEventKind.Invpcid, Value = type, ErrorCode = (uint)first, Gva = second },
            SpecialInstruction.Invept => row with { Kind = TraceEventKind.Invept, Value = type, Gpa = first },
            SpecialInstruction.Invvpid => row with { Kind = TraceEventKind.Invvpid, Value = type, ErrorCode = (ushort)first, Gva = second },
            _ => row with { Gva = Operand(instruction) },
        });
        accesses.Forget();
    }

    private ulong Operand(Instruction instruction)
    {
        foreach (var address in instruction.Addresses())
            return address;
        findings.Untold++;
        return 0;
    }

    private void LoadTable(SpecialInstruction kind, Instruction instruction)
    {
        var table = (Base: instruction.OperandAt(2, 8), Limit: (uint)instruction.OperandAt(0, 2));
        if (kind == SpecialInstruction.Lgdt)
            context.Gdt = table;
        stream.Add(new TraceEvent { Ordinal = 0, Kind = kind == SpecialInstruction.Lgdt ? TraceEventKind.Lgdt : TraceEventKind.Lidt, Value = table.Base, Size = table.Limit });
    }

    /// <summary>The descriptor that the selector names, behind whatever names the selector.</summary>
    private void LoadSystemSegment(SpecialInstruction kind, Instruction instruction)
    {
        var length = context.Controls.IsLong ? 16 : 8;
        var at = instruction.OperandLength is 2 or 10 or 18 ? 2 : 0;
        if (instruction.OperandLength < at + 8)
            return;
        var low = instruction.OperandAt(at, 8);
        var table = (Base: ((low >> 16) & 0xff_ffff) | ((low >> 56) << 24), Limit: (uint)((low & 0xffff) | ((low >> 32) & 0xf_0000)));
        if (length == 16)
            table.Base |= instruction.OperandAt(at + 8, 4) << 32;
        if (kind == SpecialInstruction.Ltr)
            context.Tss = table;
        else
            context.Ldt = table;
        stream.Add(new TraceEvent { Ordinal = 0, Kind = kind == SpecialInstruction.Ltr ? TraceEventKind.Ltr : TraceEventKind.Lldt, Value = table.Base, Size = table.Limit });
    }

    private void Out(Instruction instruction, int port)
    {
        if (port == ports.Marker)
        {
            stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Marker, Value = (byte)instruction.Registers[Eax], Size = (uint)instruction.Line.Length, Rip = instruction.Rip });
            accesses.Forget();
        }
        else if (port == ports.Exit)
            ExitCode = (byte)instruction.Registers[Eax];
    }

    private void Tell(TraceEventKind kind, ulong value, Instruction instruction)
    {
        stream.Add(new TraceEvent { Ordinal = 0, Kind = kind, Value = value, Rip = instruction.Rip });
        accesses.Forget();
    }
}

/// <summary>Ports by which a guest speaks to the recorder.</summary>
/// <param name="Marker">What is written there becomes a marker.</param>
/// <param name="Exit">What is written there ends the recording.</param>
internal readonly record struct BochsPorts(int? Marker, int? Exit);
