using System.Text;
using Replay.Recorder.Bochs;
using Replay.Trace;

namespace Replay.Recorder.Tests.Bochs;

/// <summary>What Bochs's debugger prints is read as it stands.</summary>
public sealed class TextTests
{
    [Theory]
    [InlineData("[CPU0 RD]: LIN 0x0000000000101128 PHY 0x000000101128 (len=2, UC): 0x003F", 0x101128UL, 0x101128UL, 2, false, 0x3fUL)]
    [InlineData("[CPU0 WR]: LIN 0xffffffff80001ff8 PHY 0x0000001efff8 (len=8, WB): 0x12345678 0x001000F0", 0xffff_ffff_8000_1ff8UL, 0x1efff8UL, 8, true, 0x1234_5678_0010_00f0UL)]
    [InlineData("[CPU0 WR]: LIN 0x0000000000102ffd PHY 0x000000102ffd (len=3, UC) 12 34 56", 0x102ffdUL, 0x102ffdUL, 3, true, 0x12_3456UL)]
    [InlineData("[CPU0 RD]: LIN 0x00000000001effb0 PHY 0x0000001effb0 (len=16, UC): 0x00000000 0x00000007 0x00000000 0x0030005E", 0x1effb0UL, 0x1effb0UL, 16, false, 0x30_005eUL)]
    public void An_access_is_read_with_both_addresses_and_its_data(string line, ulong linear, ulong physical, int length, bool isWrite, ulong value)
    {
        Assert.True(MemoryLine.TryParse(Encoding.ASCII.GetBytes(line), out var memory));
        Assert.Equal((linear, physical, length, isWrite, value), (memory.Linear!.Value, memory.Physical, memory.Length, memory.IsWrite, memory.Value));
        Assert.Equal(MemoryPurpose.Plain, memory.Purpose);
    }

    [Fact]
    public void The_second_half_of_a_vector_stands_behind_the_first()
    {
        Assert.True(MemoryLine.TryParse("[CPU0 RD]: LIN 0x0000000000001000 PHY 0x000000001000 (len=16, UC): 0x00000000 0x00000007 0x00000000 0x0030005E"u8, out var memory));
        Assert.Equal(7, memory.Data[8]);
    }

    [Theory]
    [InlineData("[CPU0 RD]: PHY 0x0000003e1e88 (len=8, INVALID): 0x00000000 0x00100340\t; VMCS", "ControlBlock")]
    [InlineData("[CPU0 WR]: PHY 0x000000203ef8 (len=8, UC): 0x00000000 0x001DF063\t; PTE", "TableEntry")]
    [InlineData("[CPU0 RD]: PHY 0x000000300000 (len=8, WB): 0x00000000 0x00301007\t; EPT PML4E", "TableEntry")]
    [InlineData("[CPU0 WR]: PHY 0x0000001020a8 (len=4, UC): 0x00000001", "Plain")]
    [InlineData("[CPU0 WR]: PHY 0x000000400000 (len=8, UC): 0x00000000 0x00800000\t; PML", "Other")]
    public void What_the_CPU_wants_at_a_physical_address_is_told(string line, string purpose)
    {
        Assert.True(MemoryLine.TryParse(Encoding.ASCII.GetBytes(line), out var memory));
        Assert.Null(memory.Linear);
        Assert.Equal(purpose, memory.Purpose.ToString());
    }

    [Fact]
    public void An_instruction_is_read_with_its_addresses_and_bytes()
    {
        var line = new InstructionLine();
        Assert.True(line.TryParse("(0).[200120] [0x000000101871] 0018:0000000000101871 (unk. ctxt): invept eax, xmmword ptr ss:[rsp+16] ; 660f3880442410"u8));
        Assert.Equal((0x101871UL, 0x18U, 0x101871UL), (line.Physical, line.Selector, line.Offset));
        Assert.Equal("660f3880442410", Convert.ToHexStringLower(line.Bytes));
        Assert.Equal("invept eax, xmmword ptr ss:[rsp+16]", line.Text);
        Assert.False(line.TryParse("(0) Breakpoint 1, 0x000000000010000c in ?? ()"u8));
    }

    [Theory]
    [InlineData("mov qword ptr ds:[rax*8+1052768], rbx", 0x1010a0UL)]
    [InlineData("mov rax, qword ptr ds:0x0000000000102090", 0x102090UL)]
    [InlineData("mov eax, dword ptr ds:[rip+16]", 0x1017UL)]
    [InlineData("invlpg byte ptr ss:[rsp-8]", 0x7ff8UL)]
    [InlineData("push rbx", 0x7ff8UL)]
    [InlineData("ret", 0x8000UL)]
    [InlineData("rep stosd dword ptr es:[edi], eax", 0x9000UL)]
    public void Operands_in_memory_are_found_by_the_text_and_the_registers(string text, ulong address)
    {
        var registers = new ulong[16];
        (registers[0], registers[4], registers[7]) = (8, 0x8000, 0xffff_ffff_0000_9000);
        Assert.Equal([address], Operand.Addresses(text, registers, 0x1007, isLong: true));
    }

    [Theory]
    [InlineData("0f22d8", "MovCr3", 0)]
    [InlineData("410f22e1", "MovCr4", 9)]
    [InlineData("0f01c2", "VmEntry", 0)]
    [InlineData("0f01d8", "Vmrun", 0)]
    [InlineData("660f3880442410", "Invept", 0)]
    [InlineData("660f38810c24", "Invvpid", 1)]
    [InlineData("0f0138", "Invlpg", 0)]
    [InlineData("0f01f8", "None", 0)] // SWAPGS
    [InlineData("e6f4", "Out", 0xf4)]
    [InlineData("ee", "Out", -1)]
    [InlineData("90", "None", 0)]
    public void Instructions_that_do_more_than_touch_memory_are_told_by_their_bytes(string bytes, string kind, int register)
    {
        var decoded = Decoded.Of(Convert.FromHexString(bytes), isLong: true);
        Assert.Equal((kind, register), (decoded.Kind.ToString(), decoded.Register));
    }

    [Theory]
    [InlineData(0x4402u, 0x918u)] // exit reason
    [InlineData(0x6400u, 0xd10u)] // qualification
    [InlineData(0x2400u, 0x510u)] // guest-physical address
    [InlineData(0x681eu, 0xe88u)] // guest RIP
    [InlineData(0x201au, 0x478u)] // EPTP
    public void A_field_of_the_VMCS_is_where_Bochs_keeps_it(uint encoding, uint offset) => Assert.Equal(offset, ControlBlock.Offset(encoding));

    [Theory]
    [InlineData("f3ab", StoreInstruction.Repeated)]
    [InlineData("488908", StoreInstruction.OnTables)]
    [InlineData("f0480fc108", StoreInstruction.Other)] // LOCK XADD
    [InlineData("", StoreInstruction.Untold)]
    public void What_the_emulator_makes_of_a_store_is_told_by_its_bytes(string bytes, StoreInstruction instruction) =>
        Assert.Equal(instruction, StoreInstructions.Of(Convert.FromHexString(bytes)));
}
