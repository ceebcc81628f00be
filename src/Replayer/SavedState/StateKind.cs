namespace Replay.Replayer.SavedState;

/// <summary>How a value stands in a stored state.</summary>
internal enum StateKind
{
    /// <summary>Its bytes: a number, an enum, a block of memory.</summary>
    Raw,

    /// <summary>A value type, field by field.</summary>
    Struct,

    /// <summary>A reference; the object's fields stand elsewhere.</summary>
    Object,

    /// <summary>An array of numbers, enums or structures without gaps: its bytes.</summary>
    RawArray,

    /// <summary>An array of anything else, element by element.</summary>
    Array,

    Text,

    List,

    Stack,

    Dictionary,

    /// <summary>A priority queue, as it lies in memory.</summary>
    Queue,
}
