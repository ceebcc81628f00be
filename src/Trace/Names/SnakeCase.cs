using System.Text.Json;

namespace Replay.Trace;

/// <summary>The names of values of enumerations as captures, databases and the kernel write them: <c>page_table_store</c>.</summary>
public static class SnakeCase
{
    public static string Of<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
