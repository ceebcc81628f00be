using System.Buffers.Binary;

namespace Replay.Recorder.Bochs;

/// <summary>
/// The ROM of a machine that has no firmware: it goes from the reset vector to a kernel's entry, with the registers as multiboot has them (EAX the magic
/// number, EBX an address, flat segments, no paging), and touches no memory on its way.
/// </summary>
internal static class EntryRom
{
    public const int Size = 0x1_0000;

    private const uint Base = 0xf_0000;
    private const int ResetVector = 0xfff0;
    private const int Table = 0x80;
    private const int TableRegister = 0xa0;

    /// <param name="entry">Where the kernel begins.</param>
    public static byte[] Make(uint entry)
    {
        var rom = new byte[Size];
        byte[] code =
        [
            0xfa, // cli
            0x66, 0x2e, 0x0f, 0x01, 0x16, TableRegister, 0x00, // lgdt [cs:TableRegister], 32-bit base
            0x66, 0xb8, 0x11, 0, 0, 0, 0x0f, 0x22, 0xc0, // mov eax, PE|ET; mov cr0, eax
            0x66, 0xea, 0x19, 0x00, 0x0f, 0x00, 0x08, 0x00, // jmp 8:Base+0x19
            0x66, 0xb8, 0x10, 0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0x8e, 0xe0, 0x8e, 0xe8, // mov ax, 16; ds, es, ss, fs, gs
            0xbc, 0x00, 0x70, 0, 0, // mov esp, 0x7000
            0xbb, 0x00, 0x95, 0, 0, // mov ebx, 0x9500
            0x31, 0xc9, 0x31, 0xd2, 0x31, 0xf6, 0x31, 0xff, 0x31, 0xed, // ecx, edx, esi, edi, ebp
            0xb8, 0x02, 0xb0, 0xad, 0x2b, // mov eax, 0x2badb002
            0xe9, // jmp entry
        ];
        code.CopyTo(rom, 0);
        BinaryPrimitives.WriteUInt32LittleEndian(rom.AsSpan(code.Length), entry - (Base + (uint)code.Length + 4));
        BinaryPrimitives.WriteUInt64LittleEndian(rom.AsSpan(Table + 8), 0x00cf_9b00_0000_ffff);
        BinaryPrimitives.WriteUInt64LittleEndian(rom.AsSpan(Table + 16), 0x00cf_9300_0000_ffff);
        BinaryPrimitives.WriteUInt16LittleEndian(rom.AsSpan(TableRegister), 23);
        BinaryPrimitives.WriteUInt32LittleEndian(rom.AsSpan(TableRegister + 2), Base + Table);
        rom[ResetVector] = 0xe9; // jmp to the first byte
        BinaryPrimitives.WriteUInt16LittleEndian(rom.AsSpan(ResetVector + 1), unchecked((ushort)-(ResetVector + 3)));
        return rom;
    }
}
