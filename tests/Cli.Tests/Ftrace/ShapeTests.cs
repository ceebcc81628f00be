using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>A whole real trace in every shape that people have one in: the history is that of its plain text, and no line is unread.</summary>
public sealed partial class ShapeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private sealed record Line(string Task, string Pid, string Cpu, string Flags, string Time, string Event, string Fields)
    {
        public string Seconds => $"{(Time.Length > 6 ? Time[..^6] : "0")}.{Time.PadLeft(6, '0')[^6..]}";
    }

    [Theory]
    [InlineData("latency format of tracefs")]
    [InlineData("ftrace_dump_on_oops in dmesg")]
    [InlineData("ftrace_dump_on_oops in syslog")]
    [InlineData("trace-cmd report")]
    [InlineData("trace-cmd report, flags")]
    [InlineData("trace-cmd report -l")]
    [InlineData("trace-cmd report --ts-diff")]
    [InlineData("trace-cmd report -R")]
    [InlineData("trace-cmd that fails to parse")]
    [InlineData("function graph")]
    [InlineData("function graph with process and time")]
    [InlineData("perf script")]
    [InlineData("perf script -F comm,pid,time,event,trace")]
    [InlineData("perf script -F comm,tid,cpu,event,trace")]
    [InlineData("perf script -F event,trace")]
    [InlineData("perf trace")]
    [InlineData("perf trace, zeros shown")]
    [InlineData("perf trace --libtraceevent_print")]
    [InlineData("no heads")]
    [InlineData("coloured")]
    [InlineData("tabs")]
    [InlineData("quoted")]
    [InlineData("wrapped by mail")]
    [InlineData("wrapped by mail and quoted")]
    [InlineData("quoted-printable")]
    [InlineData("UTF-16")]
    [InlineData("Windows line ends")]
    [InlineData("line numbers of grep")]
    [InlineData("hashed pointers")]
    [InlineData("stack traces of tracefs")]
    [InlineData("stack traces of trace-cmd")]
    [InlineData("stack traces of perf -g")]
    public async Task A_real_trace_reads_alike_in_every_shape(string shape)
    {
        var text = RealTrace.Stock(RealTrace.Text("amd-npt-tdp-ptemod.thp"));
        var lines = Head().Matches(text).Select(match => new Line(
            match.Groups["task"].Value, match.Groups["pid"].Value, match.Groups["cpu"].Value, match.Groups["flags"].Value, match.Groups["time"].Value, match.Groups["event"].Value, match.Groups["fields"].Value)).ToList();
        Assert.True(lines.Count > 250, $"{lines.Count}");
        await Import("plain", Encoding.Latin1.GetBytes(text));
        var shaped = Shaped(shape, lines);
        var said = await Import("shaped", shape == "UTF-16" ? [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(shaped)] : Encoding.Latin1.GetBytes(shaped));
        Assert.DoesNotContain("no event, no comment", said, StringComparison.Ordinal);
        Assert.DoesNotContain("in a form that is not known", said, StringComparison.Ordinal);
        Assert.Contains($"{lines.Count:N0} events", said, StringComparison.Ordinal);
        if (shape.StartsWith("stack traces", StringComparison.Ordinal))
        {
            Assert.Contains("with a stack trace", said, StringComparison.Ordinal);
            Assert.NotEmpty(await Query("shaped", "select seq from table_write where chain like '%kvm_mmu_page_fault > kvm_tdp_mmu_map%'"));
        }

        foreach (var rows in (string[])[
            "select vcpu, reason, info1, info2, rip from vm_exit order by exit_id",
            "select vcpu, address, access, outcome, writes from fault order by fault_id",
            "select level, gfn, old_hex, new_hex, vcpu from table_write order by seq",
            "select level, gfn, operation from page_operation order by seq"])
        {
            var plain = await Query("plain", rows);
            Assert.NotEmpty(plain);
            Assert.Equal(plain, await Query("shaped", rows));
        }
    }

    private static string Shaped(string shape, List<Line> lines) => shape switch
    {
        "wrapped by mail" => Wrapped(lines, ""),
        "wrapped by mail and quoted" => Wrapped(lines, "> "),
        "quoted-printable" => QuotedPrintable(lines),
        "Windows line ends" => string.Concat(lines.Select(line => $"{Plain(line)}\r\n")),
        "line numbers of grep" => string.Concat(lines.Select((line, i) => $"trace.txt:{i + 1}:{Plain(line)}\n")),
        _ => string.Concat(lines.Select(line => $"{One(shape, line)}\n")),
    };

    private static string Plain(Line line) => $"{line.Task,16}-{line.Pid,-7} [{line.Cpu}] {line.Flags} {line.Seconds,12}: {line.Event}: {line.Fields}";

    private static string One(string shape, Line line) => shape switch
    {
        "latency format of tracefs" => $"{line.Task,8}-{line.Pid,-7} {int.Parse(line.Cpu, CultureInfo.InvariantCulture),3}{line.Flags} {line.Time}us : {line.Event}: {line.Fields}",
        "ftrace_dump_on_oops in dmesg" => $"[  123.456789] {line.Task,8}-{line.Pid,-7} {int.Parse(line.Cpu, CultureInfo.InvariantCulture),3}{line.Flags} {line.Time}us : {line.Event}: {line.Fields}",
        "ftrace_dump_on_oops in syslog" => $"Nov 28 19:00:01 host kernel: [  123.456789] {line.Task,8}-{line.Pid,-7} {int.Parse(line.Cpu, CultureInfo.InvariantCulture),3}{line.Flags} {line.Time}us : {line.Event}: {line.Fields}",
        "trace-cmd report" => $"{line.Task,16}-{line.Pid,-5} [{line.Cpu}] {line.Seconds,12}: {line.Event + ":",-21} {line.Fields}",
        "trace-cmd report, flags" => $"{line.Task,16}-{line.Pid,-5} [{line.Cpu}] {line.Flags} {line.Seconds,12}: {line.Event + ":",-21} {line.Fields}",
        "trace-cmd report -l" => $"{line.Task,8}-{line.Pid,-5} {int.Parse(line.Cpu, CultureInfo.InvariantCulture),3}{line.Flags} {line.Seconds,12}: {line.Event + ":",-21} {line.Fields}",
        "trace-cmd report --ts-diff" => $"{line.Task,16}-{line.Pid,-5} [{line.Cpu}] {line.Seconds,12}: (+1)  {line.Event + ":",-21} {line.Fields}",
        "trace-cmd report -R" => $"{line.Task,16}-{line.Pid,-5} [{line.Cpu}] {line.Seconds,12}: {line.Event + ":",-21} {Raw(line, "=", "0x", " ")}",
        "trace-cmd that fails to parse" => $"{line.Task,16}-{line.Pid,-5} [{line.Cpu}] {line.Seconds,12}: {line.Event + ":",-21} {(Raw(line, "=", "0x", " ") is var raw && raw == line.Fields ? raw : $"[FAILED TO PARSE] {raw}")}",
        "function graph" => $" {int.Parse(line.Cpu, CultureInfo.InvariantCulture)})               |  /* {line.Event}: {line.Fields} */",
        "function graph with process and time" => $" {line.Seconds} |   {int.Parse(line.Cpu, CultureInfo.InvariantCulture)})  {line.Task}-{line.Pid}  |               |  /* {line.Event}: {line.Fields} */",
        "perf script" => $"{line.Task,16} {line.Pid,5} [{line.Cpu}] {line.Seconds,12}: {Group(line.Event)}:{line.Event}: {line.Fields}",
        "perf script -F comm,pid,time,event,trace" => $"{line.Task,16} {line.Pid,5} {line.Seconds,12}: {Group(line.Event)}:{line.Event}: {line.Fields}",
        "perf script -F comm,tid,cpu,event,trace" => $"{line.Task,16} {line.Pid,5} [{line.Cpu}] {Group(line.Event)}:{line.Event}: {line.Fields}",
        "perf script -F event,trace" => $"{Group(line.Event)}:{line.Event}: {line.Fields}",
        "perf trace" => PerfTrace(line, "(         ): ", Regex.Replace(Raw(line, ": ", "", ", "), "[a-z_0-9]+: 0(, |$)", "").TrimEnd(',', ' ')),
        "perf trace, zeros shown" => PerfTrace(line, "", Raw(line, ": ", "", ", ")),
        "perf trace --libtraceevent_print" => PerfTrace(line, "", line.Fields),
        "no heads" => $"{line.Event + ":",-21} {line.Fields}",
        "coloured" => Plain(line).Replace(line.Event, $"\u001b[1;32m{line.Event}\u001b[0m", StringComparison.Ordinal).Replace("reason ", "reason \u001b[31m", StringComparison.Ordinal).Replace(" rip", "\u001b[0m rip", StringComparison.Ordinal),
        "tabs" => $"\t{line.Task}-{line.Pid}\t[{line.Cpu}]\t{line.Flags}\t{line.Seconds}:\t{line.Event}:\t{line.Fields}",
        "quoted" => $"> > {Plain(line)}",
        "hashed pointers" => Regex.Replace(Plain(line), "sptep[: ]*[0-9a-f]{8,16}", "sptep:(____ptrval____)"),
        "stack traces of tracefs" => $"{Plain(line)}\n{line.Task,16}-{line.Pid,-7} [{line.Cpu}] {line.Flags} {line.Seconds,12}: <stack trace>\n => kvm_tdp_mmu_map\n => kvm_mmu_page_fault\n => vcpu_enter_guest",
        "stack traces of trace-cmd" => $"{Plain(line)}\n{line.Task,16}-{line.Pid,-5} [{line.Cpu}] {line.Seconds,12}: kernel_stack:         <stack trace >\n=> kvm_tdp_mmu_map (ffffffffc0a01234)\n=> kvm_mmu_page_fault (ffffffffc0a05678)",
        "stack traces of perf -g" => $"{line.Task,16} {line.Pid,5} [{line.Cpu}] {line.Seconds,12}: {Group(line.Event)}:{line.Event}: {line.Fields}\n\tffffffffc0a01234 kvm_tdp_mmu_map+0x12 ([kvm])\n\tffffffffc0a05678 kvm_mmu_page_fault+0x34 ([kvm])\n",
        _ => Plain(line),
    };

    private static string PerfTrace(Line line, string took, string fields) => $"{double.Parse(line.Time, CultureInfo.InvariantCulture) / 1000,10:F3} {took}{line.Task}/{line.Pid} {Group(line.Event)}:{line.Event}({fields})";

    private static string Group(string name) => name.StartsWith("kvm_mmu_", StringComparison.Ordinal) || name.StartsWith("kvm_tdp_", StringComparison.Ordinal) ? "kvmmmu" : "kvm";

    /// <summary>The fields by name, as the event's format file has them; what is not among the typed events stays as it is.</summary>
    private static string Raw(Line line, string equals, string prefix, string between)
    {
        string Number(string hex) => prefix.Length > 0 ? $"0x{hex}" : $"{Convert.ToUInt64(hex, 16)}";
        string Join(params (string Name, string Value)[] fields) => string.Join(between, fields.Select(field => $"{field.Name}{equals}{field.Value}"));
        switch (line.Event)
        {
            case "kvm_exit":
                var exit = Regex.Match(line.Fields, "vcpu ([0-9]+) reason (.+) rip 0x([0-9a-f]+) info1 0x([0-9a-f]+) info2 0x([0-9a-f]+) intr_info 0x([0-9a-f]+) error_code 0x([0-9a-f]+)");
                var number = exit.Groups[2].Value switch { "npf" => 0x400, "io" => 0x7b, "interrupt" => 0x60, "msr" => 0x7c, "write_cr4" => 0x14, "write_cr0" => 0x10, "cr0_sel_write" => 0x65, "write_cr3" => 0x13, "PF excp" => 0x4e, "invlpg" => 0x79, var other => throw new InvalidOperationException(other) };
                return Join(("exit_reason", Number($"{number:x}")), ("guest_rip", Number(exit.Groups[3].Value)), ("isa", "2"), ("info1", Number(exit.Groups[4].Value)), ("info2", Number(exit.Groups[5].Value)), ("intr_info", "0"), ("error_code", "0"), ("vcpu_id", exit.Groups[1].Value));
            case "kvm_entry":
                var entry = Regex.Match(line.Fields, "vcpu ([0-9]+), rip 0x([0-9a-f]+)");
                return Join(("vcpu_id", entry.Groups[1].Value), ("rip", Number(entry.Groups[2].Value)));
            case "kvm_page_fault":
                var fault = Regex.Match(line.Fields, "vcpu ([0-9]+) rip 0x([0-9a-f]+) address 0x([0-9a-f]+) error_code 0x([0-9a-f]+)");
                return Join(("vcpu_id", fault.Groups[1].Value), ("guest_rip", Number(fault.Groups[2].Value)), ("fault_address", Number(fault.Groups[3].Value)), ("error_code", Number(fault.Groups[4].Value)));
            case "kvm_tdp_mmu_spte_changed":
                var changed = Regex.Match(line.Fields, "as id ([0-9]) gfn ([0-9a-f]+) level ([0-9]) old_spte ([0-9a-f]+) new_spte ([0-9a-f]+)");
                return Join(("gfn", Number(changed.Groups[2].Value)), ("old_spte", Number(changed.Groups[4].Value)), ("new_spte", Number(changed.Groups[5].Value)), ("level", changed.Groups[3].Value), ("as_id", changed.Groups[1].Value));
            case "kvm_mmu_set_spte":
                var set = Regex.Match(line.Fields, "gfn ([0-9a-f]+) spte ([0-9a-f]+) .* level ([0-9]) at ([0-9a-f]+)");
                return Join(("gfn", Number(set.Groups[1].Value)), ("spte", Number(set.Groups[2].Value)), ("sptep", Number(set.Groups[4].Value)), ("level", set.Groups[3].Value), ("r", "1"), ("x", "1"), ("u", "1"));
            case "kvm_mmu_spte_requested":
                var requested = Regex.Match(line.Fields, "gfn ([0-9a-f]+) pfn ([0-9a-f]+) level ([0-9])");
                return Join(("gfn", Number(requested.Groups[1].Value)), ("pfn", Number(requested.Groups[2].Value)), ("level", requested.Groups[3].Value));
            case "kvm_unmap_hva_range":
                var range = Regex.Match(line.Fields, "0x([0-9a-f]+) -- 0x([0-9a-f]+)");
                return Join(("start", Number(range.Groups[1].Value)), ("end", Number(range.Groups[2].Value)));
            default:
                return line.Fields;
        }
    }

    /// <summary>As a mail program breaks lines behind column 72: at the last space.</summary>
    private static string Wrapped(List<Line> lines, string quote)
    {
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            var rest = Plain(line).TrimStart();
            while (rest.Length > 72 && rest.LastIndexOf(' ', 72) is > 0 and var space)
            {
                text.Append(quote).Append(rest[..space]).Append('\n');
                rest = rest[(space + 1)..];
            }

            text.Append(quote).Append(rest).Append('\n');
        }

        return text.ToString();
    }

    private static string QuotedPrintable(List<Line> lines)
    {
        var text = new StringBuilder();
        foreach (var line in lines)
        {
            var rest = Plain(line).Replace("=", "=3D", StringComparison.Ordinal);
            while (rest.Length > 76)
            {
                var at = rest[73] == '=' ? 73 : rest[74] == '=' ? 74 : 75;
                text.Append(rest[..at]).Append("=\n");
                rest = rest[at..];
            }

            text.Append(rest).Append('\n');
        }

        return text.ToString();
    }

    [GeneratedRegex("^ +(?<task>\\S+)-(?<pid>[0-9]+) +\\[(?<cpu>[0-9]+)\\] (?<flags>\\S+) +(?<time>[0-9]+): (?<event>[a-z_0-9]+): (?<fields>.*)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Head();

    private async Task<string> Import(string name, byte[] text)
    {
        File.WriteAllBytes(_folder[$"{name}.txt"], text);
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder[$"{name}.txt"], "--db", _folder[$"{name}.db"]);
        Assert.True(exitCode == ExitCode.Done, error);
        return error;
    }

    private async Task<List<string>> Query(string name, string sql)
    {
        var (exitCode, text, error) = await CommandRunner.Run("query", _folder[$"{name}.db"], sql, "--format", "jsonl");
        Assert.True(exitCode == ExitCode.Done, error);
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}
