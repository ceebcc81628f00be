namespace Replay.Trace;

/// <summary>The names of access kinds (<c>read</c>, <c>write</c>, <c>fetch</c>), as captures and databases write them.</summary>
public static class AccessKindName
{
    private static readonly string[] Names = ["read", "write", "fetch"];

    /// <summary>All names, each at the index of its <see cref="AccessKind"/>.</summary>
    public static ReadOnlySpan<string> All => Names;

    /// <exception cref="ArgumentOutOfRangeException">Not a kind of this format version.</exception>
    public static string Of(AccessKind kind) =>
        (int)kind < Names.Length ? Names[(int)kind] : throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an access kind.");

    public static bool TryParse(string name, out AccessKind kind)
    {
        var index = Array.IndexOf(Names, name);
        kind = (AccessKind)Math.Max(index, 0);
        return index >= 0;
    }
}
