using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Replay.Explorer.Http;

/// <summary>The pages and what they load, from this assembly: nothing to install, nothing to build.</summary>
internal sealed class Pages
{
    private const string Prefix = "wwwroot/";

    private static readonly FrozenDictionary<string, string> Types = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        [".html"] = "text/html; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".svg"] = "image/svg+xml",
        [".txt"] = "text/plain; charset=utf-8",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly FrozenDictionary<string, (byte[] Content, string Type, string Tag)> _files = Load();

    /// <summary>The page: the same for every view, since the view is in the address.</summary>
    /// <remarks>The SQL editor makes style sheets while it runs; the nonce is for these.</remarks>
    public async Task WritePageAsync(HttpContext context)
    {
        var nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));
        context.Response.Headers.ContentSecurityPolicy =
            $"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        context.Response.ContentType = Types[".html"];
        context.Response.Headers.CacheControl = "no-store";
        var text = Encoding.UTF8.GetString(_files["index.html"].Content).Replace("{nonce}", nonce, StringComparison.Ordinal);
        await context.Response.WriteAsync(text, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>A page that carries its own style and loads nothing.</summary>
    public static async Task WriteReportAsync(HttpContext context, string html)
    {
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        context.Response.ContentType = Types[".html"];
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync(html, context.RequestAborted).ConfigureAwait(false);
    }

    /// <returns>False: there is no such file.</returns>
    public async Task<bool> TryWriteFileAsync(HttpContext context)
    {
        if (context.Request.Path.Value is not { Length: > 1 } path || !_files.TryGetValue(path[1..], out var file) || path == "/index.html")
            return false;
        context.Response.Headers.ETag = file.Tag;
        context.Response.Headers.CacheControl = "no-cache";
        if (context.Request.Headers.IfNoneMatch == file.Tag)
        {
            context.Response.StatusCode = 304;
            return true;
        }

        context.Response.ContentType = file.Type;
        context.Response.ContentLength = file.Content.Length;
        if (context.Request.Method != "HEAD")
            await context.Response.Body.WriteAsync(file.Content, context.RequestAborted).ConfigureAwait(false);
        return true;
    }

    private static FrozenDictionary<string, (byte[] Content, string Type, string Tag)> Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var files = new Dictionary<string, (byte[], string, string)>(StringComparer.Ordinal);
        foreach (var name in assembly.GetManifestResourceNames())
        {
            if (!name.StartsWith(Prefix, StringComparison.Ordinal))
                continue;
            using var stream = assembly.GetManifestResourceStream(name)!;
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            var tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 8))}\"";
            files[name[Prefix.Length..].Replace('\\', '/')] = (content, Types.GetValueOrDefault(Path.GetExtension(name), "application/octet-stream"), tag);
        }

        return files.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
