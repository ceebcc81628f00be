using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Replay.Recorder.Qemu;

/// <summary>QEMU's machine protocol, as far as a recording needs it. QEMU connects to us.</summary>
internal sealed class QmpClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Socket _listener;
    private Socket? _connection;
    private StreamReader? _reader;

    public QmpClient(string path)
    {
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
    }

    /// <summary>QEMU said that it shuts down because of a signal, not of the guest's will.</summary>
    public bool ShutDownFromOutside { get; private set; }

    /// <summary>Whether QEMU has connected; takes the connection if it waits.</summary>
    public bool TryAccept()
    {
        if (_connection is not null)
            return true;
        if (!_listener.Poll(0, SelectMode.SelectRead))
            return false;
        _connection = _listener.Accept();
        _connection.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        _connection.SendTimeout = (int)Patience.TotalMilliseconds;
        _reader = new StreamReader(new NetworkStream(_connection), Encoding.UTF8);
        Execute("""{"execute":"qmp_capabilities"}""");
        return true;
    }

    /// <summary>What the human monitor prints.</summary>
    /// <exception cref="IOException">QEMU does not answer any more.</exception>
    public string Monitor(string command)
        => Execute($$$"""{"execute":"human-monitor-command","arguments":{"command-line":"{{{command}}}"} }""").GetString() ?? "";

    /// <summary>Asks QEMU to leave; does not wait for an answer.</summary>
    public void Quit()
    {
        try
        {
            _connection?.Send("""{"execute":"quit"}"""u8);
        }
        catch (SocketException)
        {
            // It is leaving already.
        }
    }

    /// <summary>Reads the events QEMU has sent since.</summary>
    public void ReadEvents()
    {
        try
        {
            while (_reader is not null && _connection!.Poll(0, SelectMode.SelectRead) && ReadMessage() is not null)
            {
            }
        }
        catch (IOException)
        {
            // The connection broke with QEMU's end; what was said before has been read.
        }
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _connection?.Dispose();
        _listener.Dispose();
    }

    private JsonElement Execute(string command)
    {
        if (_connection is null)
            throw new IOException("QEMU has not opened its control connection.");
        try
        {
            _connection.Send(Encoding.UTF8.GetBytes(command));
        }
        catch (SocketException error)
        {
            throw new IOException("QEMU has closed its control connection.", error);
        }
        while (true)
        {
            var message = ReadMessage() ?? throw new IOException("QEMU has closed its control connection.");
            if (message.TryGetProperty("return", out var result))
                return result;
            if (message.TryGetProperty("error", out var refusal))
                throw new IOException($"QEMU refused a control command: {refusal}");
        }
    }

    private JsonElement? ReadMessage()
    {
        if (_reader!.ReadLine() is not { } line)
            return null;
        using var document = JsonDocument.Parse(line);
        var message = document.RootElement.Clone();
        if (message.TryGetProperty("event", out var name) && name.ValueEquals("SHUTDOWN")
            && message.TryGetProperty("data", out var data) && data.TryGetProperty("reason", out var reason))
        {
            ShutDownFromOutside |= reason.ValueEquals("host-signal");
        }
        return message;
    }
}
