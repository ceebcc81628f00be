using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>The instruction that the CPU is at, and what it has done so far.</summary>
internal sealed class Instruction
{
    private const int LongestOperand = 32;

    private readonly byte[] _operand = new byte[LongestOperand];

    public InstructionLine Line { get; } = new();

    /// <summary>Its address; null where Bochs does not tell.</summary>
    public ulong? KnownRip { get; private set; }

    /// <summary>Its address; 0 where Bochs does not tell.</summary>
    public ulong Rip => KnownRip ?? 0;

    /// <summary>Address of the instruction behind it.</summary>
    public ulong Next => Rip + (ulong)Line.Length;

    /// <summary>General registers, by their numbers, as the instruction finds them.</summary>
    public ulong[] Registers { get; } = new ulong[16];

    public bool IsLong { get; private set; }

    public Decoded Decoded { get; private set; }

    /// <summary>What it has read from memory, in order.</summary>
    public ReadOnlySpan<byte> Operand => _operand.AsSpan(0, OperandLength);

    public int OperandLength { get; private set; }

    /// <summary>What KVM's emulator would make of a store of it.</summary>
    public StoreInstruction Stores { get; private set; }

    public void Begin(ulong rip, ReadOnlySpan<ulong> registers, bool isLong)
    {
        KnownRip = rip;
        registers.CopyTo(Registers);
        IsLong = isLong;
        Decoded = Decoded.Of(Line.Bytes, isLong);
        Stores = StoreInstructions.Of(Line.Bytes);
        OperandLength = 0;
    }

    /// <summary>Of the instruction that the CPU is at nothing is known.</summary>
    public void Forget()
    {
        KnownRip = null;
        Decoded = default;
        Stores = StoreInstruction.Untold;
        OperandLength = 0;
    }

    public void KeepOperand(ReadOnlySpan<byte> data)
    {
        var room = Math.Min(data.Length, LongestOperand - OperandLength);
        data[..room].CopyTo(_operand.AsSpan(OperandLength));
        OperandLength += room;
    }

    public ulong OperandAt(int at, int size)
    {
        var value = 0UL;
        for (var i = Math.Min(size, OperandLength - at) - 1; i >= 0; i--)
            value = (value << 8) | _operand[at + i];
        return value;
    }

    /// <summary>A register, as wide as the code's are.</summary>
    public ulong Register(int number) => IsLong ? Registers[number] : (uint)Registers[number];

    /// <summary>Where its operands are in memory.</summary>
    public IEnumerable<ulong> Addresses() => Bochs.Operand.Addresses(Line.Text, Registers, Next, IsLong);
}
