namespace Replay.Recorder.Synthetic;

/// <summary>How the text of a knob is read.</summary>
public enum KnobKind
{
    /// <summary>A whole number.</summary>
    Number,

    /// <summary>Bytes, with a suffix K, M or G for powers of 1024.</summary>
    Bytes,

    /// <summary>A whole number from 0 to 100.</summary>
    Percent,

    /// <summary><c>true</c> or <c>false</c>.</summary>
    Flag,

    /// <summary>One of a list of words.</summary>
    Choice,
}
