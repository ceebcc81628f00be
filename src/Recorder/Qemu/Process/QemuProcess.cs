using System.Diagnostics;

namespace Replay.Recorder.Qemu;

/// <summary>The running QEMU. However this ends, no process stays behind.</summary>
internal sealed class QemuProcess : IDisposable
{
    private const int KeptMessages = 20;

    private readonly Process _process;
    private readonly Queue<string> _messages = [];
    private readonly Action<string>? _onMessage;

    private QemuProcess(Process process, Action<string>? onMessage)
    {
        _process = process;
        _onMessage = onMessage;
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>The exit code; null where a signal ended it (the runtime reports 128 + signal).</summary>
    public int? ExitCode => _process.ExitCode is > 128 and < 193 ? null : _process.ExitCode;

    public TimeSpan ProcessorTime { get; private set; }

    /// <summary>The last thing QEMU said on its error stream; all of it is there once QEMU has ended.</summary>
    public string LastMessage
    {
        get
        {
            if (_process.HasExited)
                _process.WaitForExit();
            lock (_messages)
                return _messages.LastOrDefault(static line => line.Length > 0) ?? "it gave no reason";
        }
    }

    public static QemuProcess Start(string program, IEnumerable<string> arguments, Action<string>? onMessage)
    {
        // Guest consoles on stdin and stdout are the user's; errors pass through our hands, to tell why QEMU failed.
        var process = new Process { StartInfo = new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardError = true } };
        var qemu = new QemuProcess(process, onMessage);
        process.ErrorDataReceived += (_, message) => qemu.Take(message.Data);
        process.Start();
        process.BeginErrorReadLine();
        return qemu;
    }

    /// <summary>Reads the clock of the process while it can still be read.</summary>
    public void SampleProcessorTime()
    {
        try
        {
            ProcessorTime = _process.TotalProcessorTime;
        }
        catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has just ended; the last sample stands.
        }
    }

    public bool WaitForExit(TimeSpan time) => _process.WaitForExit(time);

    public void Kill()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        // Waits for the last of the error stream, too.
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null)
            return;
        lock (_messages)
        {
            _messages.Enqueue(line);
            if (_messages.Count > KeptMessages)
                _messages.Dequeue();
        }
        _onMessage?.Invoke(line);
    }
}
