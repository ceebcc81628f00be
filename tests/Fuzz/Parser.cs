namespace Replay.Fuzz;

/// <summary>What became of an input.</summary>
internal enum Fate
{
    Read,

    /// <summary>By one line that says why.</summary>
    Refused,
}

/// <summary>Something that reads what is not ours to trust.</summary>
/// <param name="name">What it reads.</param>
internal abstract class Parser(string name) : IDisposable
{
    public string Name { get; } = name;

    /// <summary>Inputs as they should be.</summary>
    public abstract IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>The input is lines of text.</summary>
    public virtual bool IsText => false;

    /// <summary>Makes damage hard to see: a checksum over it is made to fit.</summary>
    public virtual byte[] Sign(byte[] input) => input;

    /// <summary>Reads an input as the tool does. What it throws is held against what a user may see.</summary>
    public abstract Fate Read(byte[] input);

    public virtual void Dispose()
    {
    }
}
