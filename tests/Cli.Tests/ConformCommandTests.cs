using System.Text.Json;

namespace Replay.Cli.Tests;

/// <summary>What <c>conform</c> says of cases that nothing can drive on a machine without Bochs.</summary>
public sealed class ConformCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task E02_Guests_under_VMX_are_told_and_not_run()
    {
        MakeCase("intel/ept/first.4k");
        MakeCase("intel/ept-tdp/second.4k");
        var (exitCode, text, error) = await CommandRunner.Run("conform", _folder["."], "-q", "--bochs", "/nowhere/bochs");
        Assert.Equal(ExitCode.Different, exitCode);
        Assert.Contains("0 of 0, 2 not driven", text, StringComparison.Ordinal);
        Assert.StartsWith(
            "replay: not driven: intel/ept-tdp/second.4k, intel/ept/first.4k (2 of 2 cases): the guest runs guests of its own under VMX, which QEMU does not emulate; /nowhere/bochs cannot be run",
            error.Trim(),
            StringComparison.Ordinal);

        (exitCode, text, _) = await CommandRunner.Run("conform", _folder["."], "-q", "--bochs", "/nowhere/bochs", "--json");
        Assert.Equal(ExitCode.Different, exitCode);
        using var json = JsonDocument.Parse(text);
        Assert.Equal(["intel/ept-tdp/second.4k", "intel/ept/first.4k"], json.RootElement.GetProperty("notDriven").EnumerateArray().Select(path => path.GetString()!));
        Assert.Equal((0, 2), (json.RootElement.GetProperty("total").GetProperty("cases").GetInt32(), json.RootElement.GetProperty("total").GetProperty("notDriven").GetInt32()));
    }

    [Fact]
    public async Task E02_A_single_case_under_VMX_is_told_by_its_name()
    {
        var (exitCode, text, error) = await CommandRunner.Run("conform", MakeCase("intel/ept/first.4k"), "-q", "--bochs", "/nowhere/bochs");
        Assert.Equal((ExitCode.Different, ""), (exitCode, text));
        Assert.StartsWith("replay: not driven: first.4k (1 of 1 cases)", error, StringComparison.Ordinal);
    }

    /// <summary>A case without what a real KVM did: nobody comes to look for it.</summary>
    private string MakeCase(string path)
    {
        var folder = Directory.CreateDirectory(_folder[path]).FullName;
        File.WriteAllText(Path.Combine(folder, "case.json"), $$"""
            { "guest": "{{Repository.Data("payloads", "nvmx0.elf")}}", "mmu": "ept", "nested": "vmx", "memory_bytes": 67108864, "entry": "0x10000c", "host_pages": "4k", "host_populated": true, "dirty_log": false, "host_profile": "intel-bochs" }
            """);
        return folder;
    }
}
