using System.Net.Sockets;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>vCPUs that come while others run are told apart as well as those that were there from the start.</summary>
public class HotPlugTests
{
    [Fact]
    public async Task A_vCPU_that_is_plugged_in_is_one_of_its_own()
    {
        Needs.Qemu();
        using var payload = new Payload("plugcpu");
        var monitor = payload.InDirectory("monitor");

        var recorded = Task.Run(() => payload.Record(payload.Options(filter: 64, "-qmp", $"unix:{monitor},server=on,wait=off")), TestContext.Current.CancellationToken);
        await PlugIn(payload, monitor, recorded);
        var recording = await recorded;

        Assert.EndsWith("4d86d1c5\n", payload.Console, StringComparison.Ordinal);
        var first = recording.Rows.First(static row => (row.Event?.Vcpu ?? row.Vcpu) == 1);
        Assert.True(first.Event is { Kind: TraceEventKind.VcpuState } state && EventDetail.ReadVcpuState(state).Rip == 0x8000, $"{first}");
        // Its root is its own; the first vCPU goes on with the one that it had.
        Assert.Equal([1], recording.Events(TraceEventKind.Cr3Write).Where(static row => row.Value == 0x240_0000).Select(static row => row.Vcpu));
        Assert.Contains(recording.Accesses, static row => row is { Vcpu: 1, Gva: 0x9000, Gpa: 0x250_0000 });
        Assert.DoesNotContain(recording.Accesses, static row => row is { Vcpu: 0, Gva: 0x9000, Gpa: 0x250_0000 });
        Assert.Empty(recording.Check().Contradictions);
    }

    private static async Task PlugIn(Payload payload, string monitor, Task recorded)
    {
        while (!recorded.IsCompleted && !(File.Exists(payload.InDirectory("console")) && payload.Console.Length > 0))
            await Task.Delay(50, TestContext.Current.CancellationToken);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(monitor), TestContext.Current.CancellationToken);
        await using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        await using var writer = new StreamWriter(stream) { AutoFlush = true };
        await reader.ReadLineAsync(TestContext.Current.CancellationToken);
        foreach (var command in (string[])["""{"execute":"qmp_capabilities"}""", """{"execute":"device_add","arguments":{"driver":"qemu64-x86_64-cpu","id":"second","socket-id":1,"core-id":0,"thread-id":0}}"""])
        {
            await writer.WriteLineAsync(command);
            var answer = await reader.ReadLineAsync(TestContext.Current.CancellationToken);
            Assert.Contains("\"return\"", answer, StringComparison.Ordinal);
        }
    }
}
