using System.ComponentModel;
using System.Diagnostics;

namespace Replay.Recorder.Ftrace;

/// <summary>The text that a tool makes of its binary file. Disposing of it ends the tool.</summary>
internal sealed class ConvertedStream : ForwardStream
{
    private readonly Process _process;
    private readonly Stream _text;
    private readonly Task<string> _errors;
    private readonly string _path;
    private readonly string _command;
    private long _read;
    private bool _isDisposed;

    private ConvertedStream(Process process, string path, string command)
    {
        (_process, _path, _command) = (process, path, command);
        _text = process.StandardOutput.BaseStream;
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <exception cref="RecorderException">The tool is not there.</exception>
    public static ConvertedStream Open(string path, string what, string command, string tool, IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(tool) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        try
        {
            return new ConvertedStream(Process.Start(start)!, path, command);
        }
        catch (Win32Exception exception)
        {
            throw new RecorderException(
                RecorderFailure.BadInput, $"{path}: {what}, and {tool} is not here to make text of it. Where it was recorded, '{command} > trace.txt' does.", exception);
        }
    }

    public override int Read(Span<byte> buffer)
    {
        var read = _text.Read(buffer);
        _read += read;
        if (read > 0 || buffer.IsEmpty)
            return read;
        _process.WaitForExit();
        if (_process.ExitCode == 0)
            return 0;
        var errors = _errors.Result.Trim().ReplaceLineEndings(" ");
        throw new RecorderException(
            RecorderFailure.BadInput,
            _read == 0
                ? $"{_path}: '{_command}' failed: {errors}"
                : $"{_path}: '{_command}' failed behind {_read} bytes of text, so that the end of the trace is not known: {errors}. To import what there is, '{_command} > trace.txt' first.");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            if (!_process.HasExited)
                _process.Kill(entireProcessTree: true);
            _process.Dispose();
        }

        base.Dispose(disposing);
    }
}
