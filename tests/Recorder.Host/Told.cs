namespace Replay.Recorder.Host;

/// <summary>Progress on the recorder's own thread; <see cref="Progress{T}"/> would hand it to another.</summary>
internal sealed class Told(Action<RecordingProgress> action) : IProgress<RecordingProgress>
{
    public void Report(RecordingProgress value) => action(value);
}
