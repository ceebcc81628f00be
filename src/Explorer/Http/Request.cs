using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Replay.Explorer.Http;

/// <summary>What an address asks for, read with errors that name the parameter.</summary>
internal readonly struct Request(HttpContext context)
{
    public CancellationToken Cancellation => context.RequestAborted;

    public IQueryCollection Query => context.Request.Query;

    public string? Text(string name) => context.Request.Query[name] is { Count: > 0 } values && !string.IsNullOrEmpty(values[0]) ? values[0] : null;

    public string Needed(string name) => Text(name) ?? throw RequestProblem.BadRequest($"the address lacks {name}=.");

    /// <summary>A decimal or <c>0x</c> hexadecimal number; null: not given.</summary>
    public long? Number(string name)
    {
        if (Text(name) is not { } text)
            return null;
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            if (ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits))
                return unchecked((long)bits);
        }
        else if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        throw RequestProblem.BadRequest($"{name}={text}: a decimal or 0x hexadecimal number of 64 bits is wanted.");
    }

    public int Count(string name, int otherwise, int most) =>
        (int)Math.Clamp(Number(name) ?? otherwise, 1, most);

    /// <summary>The runs that the address names: <c>run=</c>, and <c>vs=</c> beside it.</summary>
    public IEnumerable<string?> Runs()
    {
        yield return Text("run");
        if (Text("vs") is { } other)
            yield return other;
    }
}
