using System.Buffers.Binary;

namespace Replay.RealKvm;

/// <summary>What the interpreter in <c>guest/fuzz.c</c> can do.</summary>
internal enum FuzzCode : byte
{
    End, Write, Read, ExchangeAdd, Or, Invalidate, LoadCr3, FlipCr0, FlipCr4, FlipEfer, Fetch, User, Checkpoint, Fill, Copy, Unpaged, Mode, Pdpte,
}

/// <summary>One operation; fields that its code has no use for are 0.</summary>
internal readonly record struct FuzzOperation(FuzzCode Code, byte Vcpu = 0, byte Size = 0, byte Extra = 0, uint Count = 0, ulong Address = 0, ulong Value = 0)
{
    public const int Bytes = 24;

    /// <summary>In <see cref="Extra"/> of an access: refresh all translations before it, not just its own.</summary>
    public const byte FlushAll = 1;

    /// <summary>In <see cref="Extra"/> of a read: what comes from a device does not count.</summary>
    public const byte Device = 2;

    public override string ToString() => Code switch
    {
        FuzzCode.Write => $"vcpu {Vcpu}: write {Size} bytes at {Address:x}: {Value:x}{Flush}",
        FuzzCode.Read or FuzzCode.ExchangeAdd => $"vcpu {Vcpu}: {Code} {Size} bytes at {Address:x}{Flush}",
        FuzzCode.Or => $"vcpu {Vcpu}: or {Value:x} into {Address:x}{Flush}",
        FuzzCode.Invalidate or FuzzCode.Fetch => $"vcpu {Vcpu}: {Code} {Address:x}{Flush}",
        FuzzCode.LoadCr3 => $"vcpu {Vcpu}: CR3 = root {Value}",
        FuzzCode.FlipCr0 or FuzzCode.FlipCr4 or FuzzCode.FlipEfer => $"vcpu {Vcpu}: {Code} {Value:x}",
        FuzzCode.User => $"vcpu {Vcpu}: user {Size switch { 0 => "read", 1 => "write", _ => "fetch" }} {Address:x}{Flush}",
        FuzzCode.Fill => $"vcpu {Vcpu}: clear {Count} dwords at {Address:x}{Flush}",
        FuzzCode.Copy => $"vcpu {Vcpu}: copy {Count} dwords from {Value:x} to {Address:x}{Flush}",
        FuzzCode.Unpaged => $"vcpu {Vcpu}: paging off, write {Value:x} at {Address:x}, paging on",
        FuzzCode.Mode => $"vcpu {Vcpu}: {(Extra != 0 ? "PAE" : "two levels")}, root {Value}",
        FuzzCode.Pdpte => $"vcpu {Vcpu}: PDPTE {Extra} = {Value:x}",
        FuzzCode.Checkpoint => $"vcpu {Vcpu}: checkpoint {Extra}",
        _ => Code.ToString(),
    };

    private string Flush => (Extra & FlushAll) != 0 ? ", after CR3 if tables are stale" : ", after INVLPG if tables are stale";

    public void WriteTo(Span<byte> to)
    {
        (to[0], to[1], to[2], to[3]) = ((byte)Code, Vcpu, Size, Extra);
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], Count);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], Address);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], Value);
    }
}

/// <summary>A random guest: the interpreter and its list. Any part of a list is a list too, which is what cutting it down needs.</summary>
internal sealed record FuzzGuest(string Name, bool Is64Bit, int Vcpus, string Variant, IReadOnlyList<FuzzOperation> Operations)
{
    public const int MaxOperations = 4095;
    private const int VcpuCountAfterHeader = 16;
    private static readonly byte[] Header = [0x02, 0xB0, 0xAD, 0x1B];
    private static readonly byte[] Magic = [0x57, 0x11, 0xED, 0x55, 0x5E, 0x0B, 0xFE, 0x5A];

    /// <summary>Puts the list into a copy of the interpreter.</summary>
    public void Write(string interpreters, string path)
    {
        var image = File.ReadAllBytes(Path.Combine(interpreters, Is64Bit ? "fuzz64.elf" : "fuzz32.elf"));
        var list = image.AsSpan(image.AsSpan().IndexOf(Magic) + Magic.Length);
        for (var i = 0; i < Operations.Count; i++)
            Operations[i].WriteTo(list[(i * FuzzOperation.Bytes)..]);
        new FuzzOperation(FuzzCode.End).WriteTo(list[(Operations.Count * FuzzOperation.Bytes)..]);
        BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(image.AsSpan().IndexOf(Header) + VcpuCountAfterHeader), Vcpus);
        File.WriteAllBytes(path, image);
    }
}

/// <summary>A sequence that is the same for a seed on every machine and every runtime (SplitMix64).</summary>
internal sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    public int Below(int limit) => (int)(Next() % (ulong)limit);

    public bool OneIn(int count) => Below(count) == 0;

    public T Of<T>(params ReadOnlySpan<T> values) => values[Below(values.Length)];
}
