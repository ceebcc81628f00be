namespace Replay.Explorer;

/// <summary>A request that has no answer: one line for the reader, with what to do about it.</summary>
internal sealed class RequestProblem(int status, string message) : Exception(message)
{
    public int Status { get; } = status;

    public static RequestProblem BadRequest(string message) => new(400, message);

    public static RequestProblem NotFound(string message) => new(404, message);

    /// <summary>What was there is not, for now or for good: a database that vanished or is being written.</summary>
    public static RequestProblem Unavailable(string message) => new(503, message);
}
