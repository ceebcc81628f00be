using Replay.Analyzer.Conformance;
using Replay.Trace;

namespace Replay.Analyzer.Tests.Conformance;

/// <summary>What KVM's emulator makes of an instruction that stores, as the recorder's plugin tells it.</summary>
public sealed class StoreInstructionReaderTests
{
    [Theory]
    [InlineData("48 89 07 c3", StoreInstruction.OnTables)] // mov [rdi], rax
    [InlineData("c7 03 00 00 00 00", StoreInstruction.OnTables)] // mov dword [rbx], 0
    [InlineData("f0 80 0f 20", StoreInstruction.OnTables)] // lock or byte [rdi], 20h
    [InlineData("80 07 20 90", StoreInstruction.Other)] // add byte [rdi], 20h
    [InlineData("f0 0f b1 07", StoreInstruction.OnTables)] // lock cmpxchg [rdi], eax
    [InlineData("f0 0f c1 07", StoreInstruction.Other)] // lock xadd [rdi], eax
    [InlineData("0f ba 2f 05", StoreInstruction.OnTables)] // bts dword [rdi], 5
    [InlineData("0f ba 37 05", StoreInstruction.Other)] // btr dword [rdi], 5
    [InlineData("f3 ab 5f c3", StoreInstruction.Other)] // rep stosd
    [InlineData("50 c3 90 90", StoreInstruction.Other)] // push eax
    [InlineData("89 07", StoreInstruction.Untold)] // cut off
    [InlineData("", StoreInstruction.Untold)] // not in the program
    public void C16_The_opcode_tells(string bytes, StoreInstruction expected) =>
        Assert.Equal(expected, StoreInstructionReader.Of(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal))));
}
