using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Replay.Analyzer.Diff;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Explorer.Api;
using Replay.Explorer.Data;
using Replay.Explorer.Http;

namespace Replay.Explorer;

/// <summary>A local web server over databases: pages to look at them with, and the same as JSON under <c>PAGE.json</c>.</summary>
public sealed class ExplorerServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private static readonly string[] Views = ["/", "/timeline", "/tables", "/why", "/memory", "/queries", "/compare"];

    private readonly WebApplication _application;
    private readonly Shelf _shelf;
    private readonly ExplorerOptions _options;
    private readonly RequestGuard _guard;
    private readonly Pages _pages = new();
    private int _port;

    private ExplorerServer(ExplorerOptions options)
    {
        _options = options;
        _shelf = new Shelf(options.Databases, options.Symbols);
        _guard = new RequestGuard(options, () => _port);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "replay" });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(server =>
        {
            server.AddServerHeader = false;
            server.Listen(options.Address, options.Port ?? ExplorerOptions.DefaultPort);
        });
        builder.Services.AddRoutingCore();
        _application = builder.Build();
        _application.Use(AnswerAsync);
    }

    /// <summary>The port that it listens on.</summary>
    public int Port => _port;

    /// <summary>Where browsers find it, with the token if one is wanted.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="IOException">The port is taken, or the address is not this host's.</exception>
    public static async Task<ExplorerServer> StartAsync(ExplorerOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!IPAddress.IsLoopback(options.Address) && options.Token is null)
            throw new ArgumentException("An address that others can reach needs a token.", nameof(options));
        try
        {
            return await ListenAsync(options, cancellation).ConfigureAwait(false);
        }
        catch (IOException) when (options.Port is null)
        {
            return await ListenAsync(options with { Port = 0 }, cancellation).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        await _application.StopAsync(patience.Token).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
        _shelf.Dispose();
    }

    private static async Task<ExplorerServer> ListenAsync(ExplorerOptions options, CancellationToken cancellation)
    {
        var server = new ExplorerServer(options);
        try
        {
            await server._application.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            await server._application.DisposeAsync().ConfigureAwait(false);
            throw exception is IOException ? exception : new IOException($"{options.Address} port {options.Port}: {exception.Message}", exception);
        }

        var bound = new Uri(server._application.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());
        server._port = bound.Port;
        var isAny = options.Address.Equals(IPAddress.Any) || options.Address.Equals(IPAddress.IPv6Any);
        var host = new HostString(!isAny ? bound.Host : options.HostNames is [var first, ..] ? first : Dns.GetHostName());
        server.Address = new UriBuilder("http", host.Host, host.Port ?? bound.Port) { Query = options.Token is { } token ? $"token={token}" : "" }.Uri;
        return server;
    }

    private async Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            if (await _guard.PassAsync(context).ConfigureAwait(false))
                await RouteAsync(context).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there any more to be answered.
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            await TellAsync(context, exception).ConfigureAwait(false);
        }
    }

    private async Task RouteAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "/";
        if (Views.Contains(path))
        {
            await _pages.WritePageAsync(context).ConfigureAwait(false);
            return;
        }

        if (await _pages.TryWriteFileAsync(context).ConfigureAwait(false))
            return;
        var request = new Request(context);
        if (await QueryApi.TryDownloadAsync(path, request, _shelf, _options, context).ConfigureAwait(false))
            return;
        if (path == "/report.html")
        {
            var server = new Uri($"http://{context.Request.Host}");
            await Pages.WriteReportAsync(context, await Task.Run(() => CompareApi.Report(_shelf, request, server), context.RequestAborted).ConfigureAwait(false)).ConfigureAwait(false);
            return;
        }

        // Queries keep a thread busy; it is not one that serves connections.
        var answer = await Task.Run(() => Answer(path, request), context.RequestAborted).ConfigureAwait(false);
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsJsonAsync(answer, Json, context.RequestAborted).ConfigureAwait(false);
    }

    private object Answer(string path, Request request) => path switch
    {
        "/runs.json" or "/.json" => RunsApi.Answer(_shelf, _options, request.Cancellation),
        "/state.json" => RunsApi.State(_shelf),
        "/timeline.json" => TimelineApi.Answer(_shelf, request),
        "/events.json" => EventsApi.Answer(_shelf, request),
        "/step.json" => EventsApi.Step(_shelf, request),
        "/tables.json" => TablesApi.Answer(_shelf, request),
        "/entry.json" => TablesApi.Entry(_shelf, request),
        "/why.json" => WhyApi.Answer(_shelf, request),
        "/memory.json" => MemoryApi.Answer(_shelf, request),
        "/gfn.json" => MemoryApi.History(_shelf, request),
        "/queries.json" => QueryApi.List(request),
        "/query.json" => QueryApi.Answer(_shelf, request, _options),
        "/compare.json" => CompareApi.Answer(_shelf, request),
        "/divergences.json" => CompareApi.Divergences(_shelf, request),
        _ => throw RequestProblem.NotFound($"there is no page {path}. There are {string.Join(", ", Views)}, each with its .json."),
    };

    private static async Task TellAsync(HttpContext context, Exception exception)
    {
        var (status, message) = exception switch
        {
            RequestProblem problem => (problem.Status, problem.Message),
            QueryException or UnknownRunException => (400, exception.Message),
            DiffException => (409, exception.Message),
            StoreException or DatabaseFormatException or IOException => (503, exception.Message),
            _ => (500, $"This is a bug in Replay: {exception.Message}"),
        };
        if (status == 500)
            await Console.Error.WriteLineAsync(exception.ToString()).ConfigureAwait(false);
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-store";
        // Who typed an address into a browser reads a line, not an object.
        if (!Path.HasExtension(context.Request.Path.Value))
        {
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync(message + "\n", CancellationToken.None).ConfigureAwait(false);
            return;
        }

        await context.Response.WriteAsJsonAsync(new { error = message }, Json, CancellationToken.None).ConfigureAwait(false);
    }
}
