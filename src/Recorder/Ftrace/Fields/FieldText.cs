using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>Reads the fields of each kind of event from its text, in the forms of kernels since 3.0. False: no known form.</summary>
internal static partial class FieldText
{
    /// <summary>Above: a kernel address. A pointer that the kernel hashed has 32 bits.</summary>
    private const ulong FirstKernelAddress = 1UL << 63;

    public static bool TryParse(ReadOnlySpan<byte> text, out EntryFields entry)
    {
        entry = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("vcpu "u8) || !scanner.TryDecimal(out var vcpu))
            return false;
        ulong? rip = null;
        if (scanner.Skip(", rip "u8) || scanner.Skip(" rip "u8))
        {
            if (!scanner.TryHex(out ulong value))
                return false;
            rip = value;
        }

        entry = new EntryFields(vcpu, rip);
        return true;
    }

    /// <remarks>
    /// Linux 3: <c>reason R rip 0x1 info 1 2</c>; 4.2: with <c>vcpu 0</c> before; 5.10: <c>info1 0x1 info2 0x2 intr_info 0x3 error_code 0x4</c>;
    /// the plugin: <c>reason R rip 0x1 info 1 2</c> with <c>vcpu 0</c> at either end; trimmed by somebody: <c>reason R</c>, and any of the rest.
    /// </remarks>
    public static bool TryParse(ReadOnlySpan<byte> text, NameTable reasons, out ExitFields exit)
    {
        exit = default;
        var scanner = new FieldScanner(text);
        int? vcpu = null;
        if (scanner.Skip("vcpu "u8))
        {
            if (!scanner.TryDecimal(out var number))
                return false;
            vcpu = number;
            scanner.SkipSpaces();
        }

        if (!scanner.Skip("reason "u8))
            return false;
        var reason = scanner.Rest;
        reason = reason[..FirstField(reason)];
        var name = reasons.Get(reason.TrimEnd(" .|"u8)).Text;
        if (reason.Length is 0 or > 64)
            return false;
        scanner.Skip(reason);
        var isWhole = true;
        var rip = Field(ref scanner, " rip "u8, 0, ref isWhole);
        // People trim lines to what they want to show; a name that is cut is damage.
        if (!isWhole || (rip is null && !ExitReasons.IsName(name)))
            return false;
        ulong? info1, info2;
        if (scanner.Skip(" info "u8))
        {
            if (!scanner.TryHex(out ulong first) || !scanner.Skip(" "u8) || !scanner.TryHex(out ulong second))
                return false;
            (info1, info2) = (first, second);
        }
        else
        {
            info1 = Field(ref scanner, " info1 "u8, 16, ref isWhole);
            info2 = Field(ref scanner, " info2 "u8, 16, ref isWhole);
        }

        var interrupt = Field(ref scanner, " intr_info "u8, 8, ref isWhole);
        var error = Field(ref scanner, " error_code "u8, 0, ref isWhole);
        if (!isWhole || interrupt > uint.MaxValue || error > uint.MaxValue)
            return false;
        if (vcpu is null && scanner.Find("vcpu "u8) && scanner.TryDecimal(out var late))
            vcpu = late;
        exit = new ExitFields(vcpu, name, rip, info1, info2, (uint?)interrupt, (uint?)error);
        return true;
    }

    /// <summary>Where the reason ends, which may have spaces in it.</summary>
    private static int FirstField(ReadOnlySpan<byte> text)
    {
        var first = text.Length;
        foreach (var name in (ReadOnlySpan<string>)[" rip ", " info ", " info1 ", " info2 ", " intr_info ", " error_code "])
        {
            if (text[..first].IndexOf(System.Text.Encoding.ASCII.GetBytes(name)) is >= 0 and var at)
                first = at;
        }

        return first;
    }

    /// <summary>A field that may have been left out. Where a number ends the line and has fewer digits than the kernel prints, it is cut, and not known.</summary>
    private static ulong? Field(ref FieldScanner scanner, ReadOnlySpan<byte> name, int digits, ref bool isWhole)
    {
        if (!scanner.Skip(name))
            return null;
        scanner.SkipSpaces();
        var before = scanner.Rest.Length;
        if (!scanner.TryHex(out ulong value))
        {
            isWhole = false;
            return null;
        }

        return scanner.IsAtEnd && before - scanner.Rest.Length < digits + (digits > 0 ? 2 : 0) ? null : value;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out PageFaultFields fault)
    {
        fault = default;
        var scanner = new FieldScanner(text);
        int? vcpu = null;
        ulong? rip = null;
        if (scanner.Skip("vcpu "u8))
        {
            if (!scanner.TryDecimal(out var number))
                return false;
            vcpu = number;
            // Whoever pasted the line may have left it out.
            if (scanner.Skip(" rip "u8))
            {
                if (!scanner.TryHex(out ulong value))
                    return false;
                rip = value;
            }

            scanner.SkipSpaces();
        }

        if (!scanner.Skip("address "u8) || !scanner.TryHex(out ulong address) || !scanner.Skip(" error_code "u8) || !scanner.TryHex(out ulong error))
            return false;
        fault = new PageFaultFields(vcpu, rip, address, error);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out InjectedExceptionFields injected)
    {
        injected = default;
        var scanner = new FieldScanner(text);
        if (!scanner.TryWord(out var vector) || !vector.StartsWith("#"u8))
            return false;
        uint? error = null;
        if (scanner.Skip("("u8))
        {
            if (!scanner.TryHex(out uint code) || !scanner.Skip(")"u8))
                return false;
            error = code;
        }

        injected = new InjectedExceptionFields(vector.SequenceEqual("#PF"u8), error, scanner.Rest.IndexOf("reinjected"u8) >= 0);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out ControlRegisterFields register)
    {
        register = default;
        var scanner = new FieldScanner(text);
        if (!TryDirection(ref scanner, "cr_"u8, out var isWrite) || !scanner.TryHex(out uint number) || number > 15 || !scanner.Skip(" = "u8)
            || !scanner.TryHex(out ulong value))
            return false;
        register = new ControlRegisterFields(isWrite, (int)number, value);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out MsrFields msr)
    {
        msr = default;
        var scanner = new FieldScanner(text);
        if (!TryDirection(ref scanner, "msr_"u8, out var isWrite) || !scanner.TryHex(out uint index) || !scanner.Skip(" = "u8) || !scanner.TryHex(out ulong value))
            return false;
        msr = new MsrFields(isWrite, index, value, scanner.Find("(#GP)"u8));
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out MmioFields mmio)
    {
        mmio = default;
        var scanner = new FieldScanner(text);
        ulong gpa;
        if (scanner.Skip("fast mmio at gpa "u8))
        {
            mmio = new MmioFields(true, 0, scanner.TryHex(out gpa) ? gpa : 0, 0);
            return gpa != 0 || text.EndsWith("0x0"u8);
        }

        if (!scanner.Skip("mmio "u8) || !scanner.TryWord(out var direction) || !scanner.Skip("len "u8) || !scanner.TryDecimal(out var size)
            || !scanner.Skip(" gpa "u8) || !scanner.TryHex(out gpa) || !scanner.Skip(" val "u8) || !scanner.TryHex(out ulong value))
            return false;
        mmio = new MmioFields(direction.SequenceEqual("write"u8), size, gpa, value);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out NotifierRangeFields range)
    {
        range = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("mmu notifier "u8) || !scanner.Find(": "u8) || !scanner.TryHex(out ulong start))
            return false;
        var end = start;
        if (scanner.Skip(" -- "u8) && !scanner.TryHex(out end))
            return false;
        range = new NotifierRangeFields(start, end);
        return true;
    }

    private static bool TryDirection(ref FieldScanner scanner, ReadOnlySpan<byte> prefix, out bool isWrite)
    {
        isWrite = false;
        if (!scanner.Skip(prefix))
            return false;
        isWrite = scanner.Skip("write "u8);
        return isWrite || scanner.Skip("read "u8);
    }

    private static bool TryLevel(ref FieldScanner scanner, out int level) => scanner.TryDecimal(out level) && level is >= 1 and <= 5;

    /// <summary>Old kernels print <c>(null)</c> for a walk that found no entry; kernels that have no key to hash pointers with yet, <c>(____ptrval____)</c>.</summary>
    private static bool TryPointer(ref FieldScanner scanner, out ulong? pointer)
    {
        pointer = null;
        scanner.SkipSpaces();
        if (scanner.Skip("(null)"u8) || scanner.Skip("(____ptrval____)"u8) || scanner.Skip("(ptrval)"u8) || scanner.Skip("(__ptrval__)"u8))
            return true;
        if (!scanner.TryHex(out ulong value))
            return false;
        pointer = KernelPointer(value);
        return true;
    }

    private static ulong? KernelPointer(ulong value) => value >= FirstKernelAddress ? value : null;

    /// <summary>Letters between bars, as __print_flags() writes them; what has no letter comes as 0x and digits; nothing at all is 0.</summary>
    private static bool TryErrorLetters(ReadOnlySpan<byte> text, out ulong error)
    {
        error = 0;
        while (!text.IsEmpty)
        {
            var bar = text.IndexOf((byte)'|');
            var word = bar < 0 ? text : text[..bar];
            text = bar < 0 ? default : text[(bar + 1)..];
            var bits = word switch
            {
                [(byte)'P'] => 1UL,
                [(byte)'W'] => 2UL,
                [(byte)'U'] => 4UL,
                [(byte)'F'] => 16UL,
                _ when word.SequenceEqual("RSVD"u8) => 8UL,
                _ => new FieldScanner(word).TryHex(out ulong other) ? other : ulong.MaxValue,
            };
            if (bits == ulong.MaxValue)
                return false;
            error |= bits;
        }

        return true;
    }
}
