namespace Replay.Replayer.Kvm;

/// <summary>When a behaviour changed, and by which commit.</summary>
/// <param name="release">First release with the later value.</param>
/// <param name="commit">Subject of the commit, or of the one that stands for a series.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ChangedAttribute(string release, string commit) : Attribute
{
    public string Release { get; } = release;

    public string Commit { get; } = commit;
}
