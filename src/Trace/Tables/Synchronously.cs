namespace Replay.Trace.Tables;

/// <summary>
/// Runs Parquet.Net's asynchronous calls to their end. They work on files opened for synchronous use, so that they never truly wait,
/// and the threads that call them are ours.
/// </summary>
internal static class Synchronously
{
    public static void Run(Task task) => task.GetAwaiter().GetResult();

    public static void Run(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    public static T Get<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
