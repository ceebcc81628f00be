namespace Replay.Trace.Storage;

/// <summary>One file of a part while it is written: partial until published.</summary>
internal sealed class PartFile : IDisposable
{
    private readonly string _path;
    private readonly FileStream _file;
    private readonly HashingStream _content;

    public PartFile(string path)
    {
        _path = path;
        _file = DurableFile.CreatePartial(path);
        _content = new HashingStream(_file);
    }

    public Stream Content => _content;

    public string Name => Path.GetFileName(_path);

    public long Length => _content.Length;

    public string Digest() => _content.Digest();

    /// <summary>Flushes the content to the disk under its partial name.</summary>
    public void Finish() => DurableFile.Finish(_file);

    public void Publish() => DurableFile.Publish(_path);

    public void Dispose()
    {
        _content.Dispose();
        _file.Dispose();
    }
}
