using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>The events of the MMU (kvmmmu).</summary>
internal static partial class FieldText
{
    public static bool TryParse(ReadOnlySpan<byte> text, out SetSpteFields set)
    {
        set = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("gfn "u8) || !scanner.TryHex(out ulong gfn) || !scanner.Skip(" spte "u8) || !scanner.TryHex(out ulong spte)
            || !scanner.Find(") level "u8) || !TryLevel(ref scanner, out var level) || !scanner.Skip(" at "u8) || !scanner.TryHex(out ulong sptep))
            return false;
        set = new SetSpteFields(gfn, spte, level, sptep);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out SpteChangedFields change)
    {
        change = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("as id "u8) || !scanner.TryDecimal(out var space) || !scanner.Skip(" gfn "u8) || !scanner.TryHex(out ulong gfn)
            || !scanner.Skip(" level "u8) || !TryLevel(ref scanner, out var level) || !scanner.Skip(" old_spte "u8) || !scanner.TryHex(out ulong old)
            || !scanner.Skip(" new_spte "u8) || !scanner.TryHex(out ulong value))
            return false;
        change = new SpteChangedFields(space, gfn, level, old, value);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out SpteRequestedFields requested)
    {
        requested = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("gfn "u8) || !scanner.TryHex(out ulong gfn) || !scanner.Skip(" pfn "u8) || !scanner.TryHex(out ulong pfn)
            || !scanner.Skip(" level "u8) || !TryLevel(ref scanner, out var level))
            return false;
        requested = new SpteRequestedFields(gfn, pfn, level);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out MarkMmioSpteFields mark)
    {
        mark = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("sptep:"u8) || !TryPointer(ref scanner, out var sptep) || !scanner.Skip(" gfn "u8) || !scanner.TryHex(out ulong gfn)
            || !scanner.Skip(" access "u8) || !scanner.TryHex(out uint access))
            return false;
        uint? generation = null;
        if (scanner.Skip(" gen "u8))
        {
            if (!scanner.TryHex(out uint number))
                return false;
            generation = number;
        }

        mark = new MarkMmioSpteFields(sptep, gfn, access, generation);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out HandleMmioPageFaultFields handled)
    {
        handled = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("addr:"u8) || !scanner.TryHex(out ulong address) || !scanner.Skip(" gfn "u8) || !scanner.TryHex(out ulong gfn)
            || !scanner.Skip(" access "u8) || !scanner.TryHex(out uint access))
            return false;
        handled = new HandleMmioPageFaultFields(address, gfn, access);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out CheckMmioSpteFields check)
    {
        check = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("spte "u8) || !scanner.TryHex(out ulong spte) || !scanner.Skip(" kvm_gen "u8) || !scanner.TryHex(out uint kvm)
            || !scanner.Skip(" spte-gen "u8) || !scanner.TryHex(out uint generation))
            return false;
        check = new CheckMmioSpteFields(spte, kvm, generation);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out FastPageFaultFields fault)
    {
        fault = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("vcpu "u8) || !scanner.TryDecimal(out var vcpu) || !scanner.Skip(" gva "u8) || !scanner.TryHex(out ulong address)
            || !scanner.Skip(" error_code "u8) || !scanner.TryUpTo(" sptep "u8, out var letters) || !TryErrorLetters(letters, out var error)
            || !TryPointer(ref scanner, out var sptep) || !scanner.Skip(" old "u8) || !scanner.TryHex(out ulong old) || !scanner.Skip(" new "u8)
            || !scanner.TryHex(out ulong value))
            return false;
        // Linux 3.6 ends here with one flag that says either.
        if (!scanner.Skip(" spurious "u8) || !scanner.TryDecimal(out var spurious) || !scanner.Skip(" fixed "u8) || !scanner.TryDecimal(out var repaired))
            return false;
        fault = new FastPageFaultFields(vcpu, address, error, sptep, old, value, spurious != 0, repaired != 0);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out SplitHugePageFields split)
    {
        split = default;
        var scanner = new FieldScanner(text);
        if (!scanner.Skip("gfn "u8) || !scanner.TryHex(out ulong gfn) || !scanner.Skip(" spte "u8) || !scanner.TryHex(out ulong spte)
            || !scanner.Skip(" level "u8) || !TryLevel(ref scanner, out var level) || !scanner.Skip(" errno "u8) || !scanner.TryDecimal(out var error))
            return false;
        split = new SplitHugePageFields(gfn, spte, level, error);
        return true;
    }

    public static bool TryParse(ReadOnlySpan<byte> text, out GuestWalkFields walk)
    {
        walk = default;
        var scanner = new FieldScanner(text);
        var address = 0UL;
        if (scanner.Skip("addr "u8))
        {
            if (!scanner.TryHex(out address))
                return false;
            scanner.SkipSpaces();
        }

        if (!scanner.Skip("pferr "u8) || !scanner.TryHex(out uint error))
            return false;
        walk = new GuestWalkFields(address, error);
        return true;
    }
}
