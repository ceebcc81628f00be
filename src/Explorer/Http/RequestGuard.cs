using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Replay.Explorer.Http;

/// <summary>
/// Who may ask. The Host header must name this server, which keeps pages of other sites from reaching it under a name of theirs (DNS rebinding);
/// requests that another site's page makes are refused; and where the address is no loopback one, a token is wanted. The header's port is the browser's:
/// behind a forwarded one (<c>ssh -L</c>, a container's) it is another.
/// </summary>
internal sealed class RequestGuard(ExplorerOptions options, Func<int> port)
{
    private const string TokenName = "token";

    private readonly byte[]? _token = options.Token is { } token ? Encoding.UTF8.GetBytes(token) : null;

    private string Cookie => $"replay-{port()}";

    /// <summary>Answers what may not pass; true: it may.</summary>
    public async Task<bool> PassAsync(HttpContext context)
    {
        Harden(context.Response.Headers);
        var problem = Problem(context.Request);
        if (problem is var (status, text))
        {
            context.Response.StatusCode = status;
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(text + "\n").ConfigureAwait(false);
            return false;
        }

        if (_token is null || !context.Request.Query.ContainsKey(TokenName))
            return true;
        // From now on the cookie speaks, and the token leaves the address bar.
        context.Response.Cookies.Append(Cookie, options.Token!, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/" });
        var rest = context.Request.Query.Where(pair => pair.Key != TokenName).SelectMany(pair => pair.Value.Select(value => $"{Uri.EscapeDataString(pair.Key)}={Uri.EscapeDataString(value ?? "")}"));
        context.Response.Redirect(context.Request.Path + (rest.Any() ? "?" + string.Join('&', rest) : ""));
        return false;
    }

    private (int Status, string Text)? Problem(HttpRequest request)
    {
        if (!IsHere(request.Host))
            return (421, $"This server is not {request.Host}. Use the address that 'replay serve' printed.");
        if (request.Headers["Sec-Fetch-Site"] == "cross-site" && request.Headers["Sec-Fetch-Mode"] != "navigate")
            return (403, "A page of another site asked. The explorer answers its own pages only.");
        if (request.Method is not ("GET" or "HEAD"))
            return (405, "The explorer only reads: GET.");
        if (_token is not null && !IsToken(request.Query[TokenName]) && !IsToken(request.Cookies[Cookie]))
            return (401, "A token is wanted. Open the address that 'replay serve' printed, with its ?token=.");
        return null;
    }

    private bool IsHere(HostString host)
    {
        var name = host.Host.Trim('[', ']');
        if (IPAddress.TryParse(name, out var address))
            return IPAddress.IsLoopback(options.Address) ? IPAddress.IsLoopback(address) : true;
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || options.HostNames.Any(known => new HostString(known).Host.Trim('[', ']').Equals(name, StringComparison.OrdinalIgnoreCase));
    }

    private bool IsToken(string? given) => given is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), _token);

    private static void Harden(IHeaderDictionary headers)
    {
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.ContentSecurityPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    }
}
