using Replay.Trace.Storage;

namespace Replay.Trace.Touches;

/// <summary>Of a part, the row groups that have what is sought. Of its access file nothing else is read.</summary>
internal sealed class SearchedGroups : IAccessGroups
{
    private readonly TouchFileReader _touches;
    private readonly RowGroupFile _file;
    private readonly int[] _groups;

    /// <param name="touches">The index of the part.</param>
    /// <param name="search">What is sought.</param>
    /// <param name="file">Reads row groups.</param>
    /// <param name="path">Of the access file.</param>
    public SearchedGroups(TouchFileReader touches, AccessSearch search, RowGroupFile file, string path)
    {
        _touches = touches;
        _file = file;
        _groups = touches.Find(search);
        if (_groups.Length > 0)
            file.Open(path);
    }

    public int RowGroups => _groups.Length;

    /// <summary>Of the whole part.</summary>
    public long Rows => _touches.Rows;

    public int RowsOf(int group) => _touches.RowsOf(_groups[group]);

    public long LastOrdinal(int group) => _touches.LastOrdinal(_groups[group]);

    public void Read(int group, TraceChunk chunk) => _file.Read(_groups[group], chunk, _touches.ChecksumOf(_groups[group]));
}
