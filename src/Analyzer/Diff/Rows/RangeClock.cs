namespace Replay.Analyzer.Diff.Rows;

/// <summary>Equal ranges of ordinals; tells in which of them an ascending ordinal lies, with a comparison in most cases.</summary>
internal struct RangeClock(long first, long width, int count)
{
    private int _range;
    private long _end = first + width;

    public int At(long ordinal)
    {
        if (ordinal >= _end && _range < count - 1)
        {
            _range = (int)Math.Min(count - 1, (ordinal - first) / width);
            _end = first + ((_range + 1) * width);
        }

        return _range;
    }
}
