using System.CommandLine;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;
using Replay.Explorer;

namespace Replay.Cli.Commands;

/// <summary>Shows databases in a browser.</summary>
internal sealed class ServeCommand : VerbCommand
{
    private const int MostSeconds = 1_000_000;
    private const int TokenBytes = 16;

    private readonly Argument<string[]> _databases = new("DB") { Description = "Databases made by 'replay run'", Arity = ArgumentArity.OneOrMore };
    private readonly Option<int?> _port = new("--port") { Description = $"Port (default {ExplorerOptions.DefaultPort}, or a free one where that is taken; 0: a free one)", HelpName = "N" };
    private readonly Option<bool> _open = new("--open") { Description = "Open the page in the browser" };
    private readonly Option<string?> _listen = new("--listen") { Description = "Address to listen on (default 127.0.0.1). Others can reach any but a loopback one: then the page wants the token that is printed", HelpName = "ADDRESS" };
    private readonly Option<string[]> _hosts = new("--host") { Description = "A name by which browsers call this host, with --listen; with the port that they use where it is forwarded; repeatable", HelpName = "NAME[:PORT]" };
    private readonly Option<string[]> _symbols = CommonOptions.Symbols();
    private readonly Option<long> _rows = new("--max-rows") { Description = "Rows that a query shows at most (default 10000)", HelpName = "N", DefaultValueFactory = _ => 10_000 };
    private readonly Option<double> _seconds = new("--timeout") { Description = "Seconds that a query may take (default 60)", HelpName = "SECONDS", DefaultValueFactory = _ => 60 };
    private readonly Option<bool> _json = CommonOptions.Json();

    public ServeCommand()
        : base("serve", "Look at databases in a browser: timeline, tables at any event, why an entry changed, memory map, queries. Read-only; Ctrl-C stops it.")
    {
        Arguments.Add(_databases);
        Options.Add(_port);
        Options.Add(_open);
        Options.Add(_listen);
        Options.Add(_hosts);
        Options.Add(_symbols);
        Options.Add(_rows);
        Options.Add(_seconds);
        Options.Add(_json);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay serve boot.db --open", "the explorer, on this machine alone"),
        new("replay serve boot.db host.db --port 8080 --symbols System.map", "two databases, and names for the guest's instructions"),
        new("replay serve boot.db --listen 0.0.0.0 --host lab7.example.org", "for others too: whoever has the address with its token"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var options = ReadOptions(arguments);
        foreach (var path in options.Databases)
        {
            using var database = Database.OpenRead(Inputs.Database(path));
            foreach (var warning in database.Warnings)
                console.Error.WriteLine($"replay serve: {warning}");
        }

        var server = await StartAsync(options, cancellation).ConfigureAwait(false);
        await using (server.ConfigureAwait(false))
        {
            if (arguments.GetValue(_json))
                console.Out.WriteLine(JsonSerializer.Serialize(new { address = server.Address, databases = options.Databases, token = options.Token }, JsonSerializerOptions.Web));
            else
                console.Out.WriteLine(server.Address);
            console.Out.Flush();
            console.Error.WriteLine("Ctrl-C stops it.");
            if (arguments.GetValue(_open))
                Open(server.Address, console);
            await Task.Delay(Timeout.Infinite, cancellation).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).ConfigureAwait(false);
        }

        return ExitCode.Done;
    }

    private ExplorerOptions ReadOptions(ParseResult arguments)
    {
        var port = arguments.GetValue(_port);
        if (port is < 0 or > IPEndPoint.MaxPort)
            throw new UsageException($"--port {port}: from 0 to {IPEndPoint.MaxPort}.");
        var rows = arguments.GetValue(_rows);
        if (rows < 1)
            throw new UsageException($"--max-rows {rows}: at least 1.");
        var seconds = arguments.GetValue(_seconds);
        if (seconds is not (> 0 and <= MostSeconds))
            throw new UsageException($"--timeout {seconds}: more than 0, at most {MostSeconds} seconds.");
        var listen = arguments.GetValue(_listen);
        if (!IPAddress.TryParse(listen is null or "localhost" ? "127.0.0.1" : listen, out var address))
            throw new UsageException($"--listen {listen}: an IP address, such as 0.0.0.0 for all of this machine's.");
        return new ExplorerOptions
        {
            Databases = arguments.GetValue(_databases) ?? [],
            Address = address,
            Port = port,
            Token = IPAddress.IsLoopback(address) ? null : Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TokenBytes)),
            HostNames = [.. (arguments.GetValue(_hosts) ?? []).Select(HostName), Dns.GetHostName()],
            Symbols = arguments.GetValue(_symbols) is { Length: > 0 } files ? SymbolTable.Read(files).Find : (Func<ulong, ulong?, string?>?)null,
            MaxRows = rows,
            Timeout = TimeSpan.FromSeconds(seconds),
        };
    }

    private static string HostName(string host) => Uri.TryCreate($"http://{host}", UriKind.Absolute, out var address) && address.Authority.Equals(host, StringComparison.OrdinalIgnoreCase)
        ? host
        : throw new UsageException($"--host {host}: a name, or a name with a port, such as localhost:8080.");

    private static async Task<ExplorerServer> StartAsync(ExplorerOptions options, CancellationToken cancellation)
    {
        try
        {
            return await ExplorerServer.StartAsync(options, cancellation).ConfigureAwait(false);
        }
        catch (IOException exception)
        {
            throw new OutputExistsException($"{options.Address} port {options.Port}: cannot be listened on ({exception.Message}). Choose another --port, or none.");
        }
    }

    private static void Open(Uri address, CliConsole console)
    {
        try
        {
            using var browser = Process.Start(new ProcessStartInfo(address.AbsoluteUri) { UseShellExecute = true });
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            console.Error.WriteLine($"replay serve: no browser could be started ({exception.Message}). Open the address yourself.");
        }
    }
}
