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
}
