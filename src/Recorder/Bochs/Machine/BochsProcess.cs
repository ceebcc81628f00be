using System.Diagnostics;

namespace Replay.Recorder.Bochs;

/// <summary>The running Bochs, whose output is the recording. However this ends, no process stays behind.</summary>
internal sealed class BochsProcess : IDisposable
{
    private const int BufferBytes = 1 << 20;

    private readonly Process _process;
    private readonly Stream _output;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private string _lastMessage = "";
    private int _from;
    private int _to;

    private BochsProcess(Process process, Action<string>? onMessage)
    {
        _process = process;
        process.ErrorDataReceived += (_, message) => Take(message.Data, onMessage);
        process.Start();
        process.BeginErrorReadLine();
        _output = process.StandardOutput.BaseStream;
    }

    /// <summary>The last thing on its error stream that tells of an error; empty where nothing did.</summary>
    public string LastMessage
    {
        get
        {
            lock (_buffer)
                return _lastMessage;
        }
    }

    public TimeSpan ProcessorTime { get; private set; }

    public static BochsProcess Start(string program, IEnumerable<string> arguments, Action<string>? onMessage)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // There is nobody to look at its screen.
        start.Environment["SDL_VIDEODRIVER"] = "dummy";
        start.Environment["SDL_AUDIODRIVER"] = "dummy";
        return new BochsProcess(new Process { StartInfo = start }, onMessage);
    }

    /// <summary>The next line, without its end; valid until the next call. False: it has ended.</summary>
    public bool TryReadLine(out ReadOnlySpan<byte> line)
    {
        while (true)
        {
            var rest = _buffer.AsSpan(_from, _to - _from);
            var end = rest.IndexOf((byte)'\n');
            if (end >= 0)
            {
                line = rest[..end];
                _from += end + 1;
                return true;
            }

            if (_from > 0)
            {
                rest.CopyTo(_buffer);
                _to -= _from;
                _from = 0;
            }

            // No line is as long as that: what is there is none.
            if (_to == BufferBytes)
                _to = 0;
            var count = _output.Read(_buffer, _to, BufferBytes - _to);
            if (count == 0)
            {
                line = [];
                return false;
            }

            _to += count;
        }
    }

    /// <summary>Ends it, from any thread: whoever reads gets what it has printed, and then the end.</summary>
    public void Kill()
    {
        try
        {
            ProcessorTime = _process.TotalProcessorTime;
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception error) when (error is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended by itself.
        }
    }

    public void Dispose()
    {
        Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>Most of what it says is of no interest.</summary>
    private void Take(string? line, Action<string>? onMessage)
    {
        if (string.IsNullOrWhiteSpace(line) || line.StartsWith('=') || line.StartsWith("0000", StringComparison.Ordinal) || line.StartsWith("Bochs is exiting", StringComparison.Ordinal))
            return;
        lock (_buffer)
            _lastMessage = line.Trim();
        if (line.StartsWith('['))
            onMessage?.Invoke(line);
    }
}
