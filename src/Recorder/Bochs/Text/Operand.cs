using System.Globalization;
using System.Text.RegularExpressions;

namespace Replay.Recorder.Bochs;

/// <summary>Where an instruction's operands are in memory, from its text and the registers it finds.</summary>
internal static partial class Operand
{
    private static readonly string[] Names64 = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
    private static readonly string[] Names32 = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d"];
    private static readonly string[] Names16 = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];

    /// <summary>The addresses of what the text names, and of the stack where the instruction uses it. Segments are taken to begin at 0.</summary>
    /// <param name="text">As an assembler writes the instruction.</param>
    /// <param name="registers">General registers, by their numbers.</param>
    /// <param name="next">Address of the instruction behind this one.</param>
    /// <param name="isLong">It is 64-bit code.</param>
    public static IEnumerable<ulong> Addresses(string text, ulong[] registers, ulong next, bool isLong)
    {
        var mask = isLong ? ulong.MaxValue : uint.MaxValue;
        foreach (Match match in Pattern().Matches(text))
        {
            if (match.Groups["absolute"].Success)
                yield return ulong.Parse(match.Groups["absolute"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & mask;
            else if (Sum(match.Groups["sum"].Value, registers, next) is { } address)
                yield return address & mask;
        }

        if (text.StartsWith("push", StringComparison.Ordinal) || text.StartsWith("call", StringComparison.Ordinal) || text.StartsWith("enter", StringComparison.Ordinal))
            yield return (registers[4] - (isLong ? 8UL : 4UL)) & mask;
        else if (text.StartsWith("pop", StringComparison.Ordinal) || text.StartsWith("ret", StringComparison.Ordinal) || text.StartsWith("iret", StringComparison.Ordinal))
            yield return registers[4] & mask;
        else if (text.StartsWith("leave", StringComparison.Ordinal))
            yield return registers[5] & mask;
    }

    /// <summary>Adds up <c>rax*8+rbx-16</c>; null where a name is not known.</summary>
    private static ulong? Sum(string text, ulong[] registers, ulong next)
    {
        var sum = 0UL;
        foreach (Match match in Term().Matches(text))
        {
            var name = match.Groups["name"].Value;
            ulong value;
            if (name.StartsWith("0x", StringComparison.Ordinal))
                value = ulong.Parse(name.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            else if (ulong.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out value))
                _ = value;
            else if (Register(name, registers, next) is { } register)
                value = register;
            else
                return null;
            if (match.Groups["scale"].Success)
                value *= ulong.Parse(match.Groups["scale"].Value, NumberStyles.None, CultureInfo.InvariantCulture);
            sum = match.Groups["sign"].Value == "-" ? sum - value : sum + value;
        }

        return sum;
    }

    private static ulong? Register(string name, ulong[] registers, ulong next)
    {
        if (name is "rip" or "eip")
            return next;
        if (name is "riz" or "eiz")
            return 0;
        if (Array.IndexOf(Names64, name) is var wide and >= 0)
            return registers[wide];
        if (Array.IndexOf(Names32, name) is var narrow and >= 0)
            return (uint)registers[narrow];
        return Array.IndexOf(Names16, name) is var small and >= 0 ? (ushort)registers[small] : null;
    }

    [GeneratedRegex(@"\b[c-gs]s:(?:\[(?<sum>[^\]]*)\]|0x(?<absolute>[0-9a-f]+))", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();

    [GeneratedRegex(@"(?<sign>[+-]?)(?<name>0x[0-9a-f]+|[a-z0-9]+)(\*(?<scale>[0-9]+))?", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Term();
}
