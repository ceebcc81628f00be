namespace Replay.Recorder.Bochs;

/// <summary>The registers where the recording starts, as the debugger's <c>creg</c> and <c>sreg</c> print them.</summary>
internal sealed class StartText
{
    private Controls _controls;
    private ulong _cr2;
    private (ulong Base, uint Limit) _gdt;
    private (ulong Base, uint Limit) _tss;

    public (ulong Base, uint Limit) Idt { get; private set; }

    /// <summary>The guest has come to the instruction at which to start.</summary>
    public bool IsReached { get; private set; }

    public void Take(ReadOnlySpan<byte> line)
    {
        IsReached |= line.IndexOf("Breakpoint 1,"u8) >= 0;
        if (Number(line, "CR0=0x"u8) is { } cr0)
            _controls.Cr0 = cr0;
        else if (Number(line, "CR2=page fault laddr=0x"u8) is { } cr2)
            _cr2 = cr2;
        else if (Number(line, "CR3=0x"u8) is { } cr3)
            _controls.Cr3 = cr3;
        else if (Number(line, "CR4=0x"u8) is { } cr4)
            _controls.Cr4 = cr4;
        else if (Number(line, "EFER=0x"u8) is { } efer)
            _controls.Efer = efer;
        else if (Number(line, "gdtr:base=0x"u8) is { } gdt)
            _gdt = (gdt, Limit(line));
        else if (Number(line, "idtr:base=0x"u8) is { } idt)
            Idt = (idt, Limit(line));
        else if (line.StartsWith("tr:0x"u8))
            _tss = Segment(line);
    }

    public TracedGuest Context() => new() { Controls = _controls, Cr2 = _cr2, Gdt = _gdt, Tss = _tss };

    private static ulong? Number(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) => line.StartsWith(name) ? new TextCursor(line[name.Length..]).Hex() : null;

    private static uint Limit(ReadOnlySpan<byte> line)
    {
        var at = line.IndexOf("limit=0x"u8);
        return at < 0 ? 0 : (uint)new TextCursor(line[(at + 8)..]).Hex();
    }

    /// <summary><c>tr:0x0000, dh=0x00008b00, dl=0x0000ffff, valid=1</c>: the halves of a descriptor.</summary>
    private static (ulong Base, uint Limit) Segment(ReadOnlySpan<byte> line)
    {
        var text = new TextCursor(line);
        if (!text.SkipPast('=') || !text.Skip("0x"u8))
            return default;
        var high = (uint)text.Hex();
        if (!text.SkipPast('=') || !text.Skip("0x"u8))
            return default;
        var low = (uint)text.Hex();
        return ((low >> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000), (low & 0xffff) | (high & 0xf_0000));
    }
}
