using Replay.Cli.Commands;

namespace Replay.Cli.Tests;

public sealed class SymbolTableTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_symbol_table_names_what_is_near()
    {
        File.WriteAllText(_folder["System.map"], "ffffffff81000000 T _text\nffffffff81000000 T startup_64\nffffffff81000100 t other\n0000000000000000 T nothing\nffffffff82000000 D data\nno line\n");

        var symbols = SymbolTable.Read([_folder["System.map"]]);
        var moved = SymbolTable.Read([$"{_folder["System.map"]}@1000000"]);

        Assert.Equal("_text", symbols.Find(0xffffffff81000000));
        Assert.Equal("_text+0x10", symbols.Find(0xffffffff81000010));
        Assert.Equal("other+0x1", symbols.Find(0xffffffff81000101));
        Assert.Null(symbols.Find(0x1000));
        Assert.Null(symbols.Find(0xffffffff90000000));
        Assert.Equal("other", moved.Find(0xffffffff82000100));
    }

    [Theory]
    [InlineData(0x28, 0xffff_ffff_ffff_ffc0UL)]
    [InlineData(0x28, 0xffff_ffff_ffff_fff0UL)]
    [InlineData(0x28, 0x7fff_ffff_ffff_ffc0UL)]
    [InlineData(64 + 64 + 0x18, 0xffff_ffff_ffff_fff8UL)]
    [InlineData(64 + 64 + 0x20, 0xffff_ffff_ffff_ffffUL)]
    [InlineData(64 + 64 + 0x28, 0xffff_ffffUL)]
    [InlineData(64 + 128 + 0x20, 0UL)]
    public void What_lies_beyond_an_ELF_file_is_passed_over(int field, ulong value)
    {
        var file = Elf();
        File.WriteAllBytes(_folder["whole.elf"], file);
        Assert.Equal("main", SymbolTable.Read([_folder["whole.elf"]]).Find(0x40_1000));

        BitConverter.TryWriteBytes(file.AsSpan(field), value);
        File.WriteAllBytes(_folder["damaged.elf"], file);
        Assert.Contains("has no symbols", Assert.Throws<UsageException>(() => SymbolTable.Read([_folder["damaged.elf"]])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sections_that_lie_over_one_another_give_no_more_symbols_than_the_file_has_room_for()
    {
        const int sections = 60_000;
        var file = new byte[64 + (sections * 64)];
        Elf().AsSpan(0, 64).CopyTo(file);
        BitConverter.TryWriteBytes(file.AsSpan(0x3c), (ushort)sections);
        for (var section = 0; section < sections; section++)
        {
            var at = file.AsSpan(64 + (section * 64));
            BitConverter.TryWriteBytes(at[4..], 2);
            BitConverter.TryWriteBytes(at[0x20..], (ulong)file.Length);
        }

        File.WriteAllBytes(_folder["x.elf"], file);
        var read = Record.Exception(() => SymbolTable.Read([_folder["x.elf"]]));
        Assert.True(read is null or UsageException, $"{read}");
    }

    /// <summary>A header, then three sections: none, symbols, their names; one function.</summary>
    private static byte[] Elf()
    {
        var file = new byte[64 + (3 * 64) + 24 + 8];
        "\u007fELF"u8.CopyTo(file);
        (file[4], file[5]) = (2, 1);
        BitConverter.TryWriteBytes(file.AsSpan(0x28), 64UL);
        BitConverter.TryWriteBytes(file.AsSpan(0x3c), (ushort)3);
        Section(1, 2, 256, 24, 2);
        Section(2, 3, 280, 8, 0);
        var symbol = file.AsSpan(256);
        BitConverter.TryWriteBytes(symbol, 1);
        symbol[4] = 2;
        BitConverter.TryWriteBytes(symbol[6..], (ushort)1);
        BitConverter.TryWriteBytes(symbol[8..], 0x40_1000UL);
        "\0main\0"u8.CopyTo(file.AsSpan(280));
        return file;

        void Section(int number, uint type, ulong start, ulong size, uint link)
        {
            var at = file.AsSpan(64 + (number * 64));
            BitConverter.TryWriteBytes(at[4..], type);
            BitConverter.TryWriteBytes(at[0x18..], start);
            BitConverter.TryWriteBytes(at[0x20..], size);
            BitConverter.TryWriteBytes(at[0x28..], link);
        }
    }
}
