using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Replay.Recorder.Qemu;

/// <summary>QEMU's machine protocol, as far as a recording needs it. QEMU connects to us.</summary>
internal sealed class QmpClient : IDisposable
{
    /// <summary>A QEMU that dies closes the connection; one that waits this long stands still.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MonitorPatience = TimeSpan.FromSeconds(5);

    private readonly Socket _listener;
    private Socket? _connection;
    private readonly List<byte> _received = [];
    private int _commands;
    private bool _askedToQuit;

    public QmpClient(string path)
    {
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
    }

    /// <summary>
    /// Why QEMU said that it shuts down (QAPI's <c>ShutdownCause</c>: <c>guest-shutdown</c>, <c>host-signal</c>, ...), unless we asked it to.
    /// Null where it said nothing: a QEMU that gives up by itself does not.
    /// </summary>
    public string? ShutdownCause { get; private set; }

    /// <summary>Whether QEMU has connected; takes the connection if it waits.</summary>
    public bool TryAccept()
    {
        if (_connection is not null)
            return true;
        if (!_listener.Poll(0, SelectMode.SelectRead))
            return false;
        _connection = _listener.Accept();
        _connection.SendTimeout = (int)Patience.TotalMilliseconds;
        Execute("qmp_capabilities", "{}", Patience);
        return true;
    }

    /// <summary>
    /// What the human monitor prints; null where it does not answer in time: QEMU's main loop may be waiting for the very vCPU that waits for us.
    /// </summary>
    /// <exception cref="IOException">QEMU is gone.</exception>
    public string? Monitor(string command)
    {
        try
        {
            return Execute("human-monitor-command", $$"""{"command-line":"{{command}}"}""", MonitorPatience);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    /// <summary>Asks QEMU to leave; does not wait for an answer.</summary>
    public void Quit()
    {
        _askedToQuit = true;
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
            while (_connection is not null && ReadMessage(TimeSpan.Zero) is not null)
            {
            }
        }
        catch (Exception error) when (error is IOException or TimeoutException)
        {
            // Nothing more for now; or the connection broke with QEMU's end; what was said before has been read.
        }
    }

    public void Dispose()
    {
        _connection?.Dispose();
        _listener.Dispose();
    }

    private string Execute(string command, string arguments, TimeSpan patience)
    {
        if (_connection is null)
            throw new IOException("QEMU has not opened its control connection.");
        var id = ++_commands;
        try
        {
            _connection.Send(Encoding.UTF8.GetBytes($$"""{"execute":"{{command}}","id":{{id}},"arguments":{{arguments}}}"""));
        }
        catch (SocketException error)
        {
            throw new IOException("QEMU has closed its control connection.", error);
        }
        while (true)
        {
            var message = ReadMessage(patience) ?? throw new IOException("QEMU has closed its control connection.");
            // An answer that came too late for its own question has another number.
            if (message.Answers != id)
                continue;
            if (message.Error is { } refusal)
                throw new IOException($"QEMU refused a control command: {refusal}");
            if (message.Result is { } result)
                return result;
        }
    }

    /// <summary>The next message; null where the connection is closed.</summary>
    /// <exception cref="TimeoutException">None came.</exception>
    private QmpMessage? ReadMessage(TimeSpan patience)
    {
        if (ReadLine(patience) is not { } line)
            return null;
        var message = QmpMessage.Parse(line);
        if (message.ShutdownReason is { } reason && !(_askedToQuit && reason == "host-qmp-quit"))
            ShutdownCause ??= reason;
        return message;
    }

    private byte[]? ReadLine(TimeSpan patience)
    {
        var buffer = new byte[16384];
        int end;
        while ((end = _received.IndexOf((byte)'\n')) < 0)
        {
            if (!_connection!.Poll(patience, SelectMode.SelectRead))
                throw new TimeoutException("QEMU does not answer.");
            var count = Receive(buffer);
            if (count == 0)
                return null;
            _received.AddRange(buffer.AsSpan(0, count));
        }
        var line = CollectionsMarshal.AsSpan(_received)[..end].ToArray();
        _received.RemoveRange(0, end + 1);
        return line;
    }

    private int Receive(byte[] buffer)
    {
        try
        {
            return _connection!.Receive(buffer);
        }
        catch (SocketException error)
        {
            throw new IOException("QEMU has closed its control connection.", error);
        }
    }
}

/// <summary>A line that QEMU says over its machine protocol.</summary>
/// <param name="Answers">Number of the command that it answers; null: none of ours.</param>
/// <param name="Result">What the command returned, where that is a text; other results are empty here. Null: it is no such answer.</param>
/// <param name="Error">Why the command was refused, as JSON; null: it was not.</param>
/// <param name="ShutdownReason">Of the event SHUTDOWN; null: it is another message.</param>
internal sealed record QmpMessage(int? Answers, string? Result, string? Error, string? ShutdownReason)
{
    /// <exception cref="IOException">The line is no message.</exception>
    public static QmpMessage Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var message = document.RootElement;
            if (message.ValueKind != JsonValueKind.Object)
                throw new JsonException("It is no object.");
            var reason = Member(message, "event") is { } name && IsText(name) && name.ValueEquals("SHUTDOWN") && Member(message, "data") is { } data && Member(data, "reason") is { } said && IsText(said)
                ? said.GetString()
                : null;
            var number = Member(message, "id") is { ValueKind: JsonValueKind.Number } id && id.TryGetInt32(out var answered) ? answered : (int?)null;
            var result = Member(message, "return") is { } value ? IsText(value) ? value.GetString() : "" : null;
            return new QmpMessage(number, result, Member(message, "error")?.GetRawText(), reason);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new IOException("QEMU says something over its control connection that is no message.", error);
        }
    }

    private static bool IsText(JsonElement value) => value.ValueKind == JsonValueKind.String;

    private static JsonElement? Member(JsonElement message, string name) =>
        message.ValueKind == JsonValueKind.Object && message.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
