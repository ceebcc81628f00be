namespace Replay.Tests;

/// <summary>
/// The one limit on time in tests: beyond it something hangs, however busy the machine is. What is to stop "at once" is made such that it would
/// never end otherwise.
/// </summary>
internal static class Hang
{
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);
}
