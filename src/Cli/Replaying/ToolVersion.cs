using System.Reflection;

namespace Replay.Cli.Replaying;

internal static class ToolVersion
{
    /// <summary><c>replay 0.1.0</c>.</summary>
    public static string Text { get; } = $"replay {typeof(ToolVersion).Assembly.GetName().Version?.ToString(3)}";

    /// <summary>With the commit, where the build knows it.</summary>
    public static string Full { get; } =
        typeof(ToolVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? Text;
}
