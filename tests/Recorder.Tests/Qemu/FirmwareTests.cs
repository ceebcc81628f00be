namespace Replay.Recorder.Tests.Qemu;

/// <summary>Firmware in flash stands at the end of 4 GiB, and its last 128 KiB below 1 MiB, too: it is recorded where the code runs.</summary>
public class FirmwareTests
{
    private const int Bytes = 256 << 10;

    [Theory]
    [InlineData("pc")]
    [InlineData("q35")]
    public void A_fetch_is_told_at_the_address_that_it_went_to(string machine)
    {
        Needs.Qemu();
        using var payload = new Payload("nopg"); // its directory
        var flash = new byte[Bytes];
        byte[] end = [0xf4, 0xeb, 0xfd]; // hlt; jmp
        // At the reset vector, a jump to where the same memory is below 1 MiB; there, what ends the machine.
        byte[] far = [0xea, 0x00, 0x00, 0x00, 0xf0];
        byte[] there = [0xb0, 0x00, 0xe6, 0xf4, .. end];
        far.CopyTo(flash, Bytes - 16);
        there.CopyTo(flash, Bytes - 0x10000);
        File.WriteAllBytes(payload.InDirectory("flash"), flash);

        var recording = payload.Record(payload.Options() with
        {
            Arguments = ["-M", machine, "-m", "64", "-drive", $"if=pflash,format=raw,readonly=on,file={payload.InDirectory("flash")}", "-device", "isa-debug-exit,iobase=0xf4"],
            StartAt = null,
        });

        Assert.Equal([0xffff_fff0UL, 0xf_0000UL], recording.Accesses.Select(static row => row.Gpa));
        Assert.Empty(recording.Check().Contradictions);
    }
}
