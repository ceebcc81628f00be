using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Replay.Replayer;
using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store;

/// <summary>The state of replays in a file beside their database. It is good for the build that wrote it, and no other.</summary>
/// <remarks>
/// <code>
/// "replay checkpoint 2\n"
/// build of the writer        length, text
/// number, ordinal, accesses  8 bytes each
/// rows on the spool          length, state
/// runs                       count; of each its number, and session, store and sums with a length before them
/// XxHash128 of all before    16 bytes
/// </code>
/// Little endian.
/// </remarks>
internal static class CheckpointFile
{
    private const int HashLength = 16;

    private static ReadOnlySpan<byte> Magic => "replay checkpoint 2\n"u8;

    /// <summary>Builds differ as soon as a line of the model or of the store does: a history is never begun by one and ended by another.</summary>
    private static byte[] Build { get; } = Encoding.UTF8.GetBytes(
        $"{typeof(ReplaySession).Module.ModuleVersionId} {typeof(CheckpointFile).Module.ModuleVersionId} {Environment.Version}");

    /// <summary>Checkpoints take turns between two files: while one is written, the one before is still good.</summary>
    public static string PathOf(string database, long number) => $"{database}.checkpoint-{number & 1}";

    public static bool IsBeside(string database) => File.Exists(PathOf(database, 0)) || File.Exists(PathOf(database, 1));

    /// <summary>Removes the database's checkpoints.</summary>
    public static void Sweep(string database)
    {
        File.Delete(PathOf(database, 0));
        File.Delete(PathOf(database, 1));
    }

    /// <param name="database">Beside which.</param>
    /// <param name="checkpoint">Where the runs are.</param>
    /// <param name="state">The runs' states, and the rows that are not in the database yet.</param>
    /// <param name="durable">Wait until the disk has it.</param>
    public static void Write(string database, Checkpoint checkpoint, CheckpointState state, bool durable)
    {
        using var file = new FileStream(PathOf(database, checkpoint.Number), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var hash = new XxHash128();
        var head = new StateBuffer();
        head.Write(Magic);
        head.Write(Build.Length);
        head.Write(Build);
        head.Write(checkpoint.Number);
        head.Write(checkpoint.Ordinal);
        head.Write(checkpoint.Accesses);
        Put(head.Written);
        Block(state.Load.Written);
        Put(BitConverter.GetBytes(state.Runs.Count));
        foreach (var run in state.Runs)
        {
            Put(BitConverter.GetBytes(run.Run));
            Block(run.Session.Written);
            Block(run.Store.Written);
            Block(run.Sums.Written);
        }

        file.Write(hash.GetCurrentHash());
        file.Flush(durable);

        void Block(ReadOnlySpan<byte> bytes)
        {
            Put(BitConverter.GetBytes(bytes.Length));
            Put(bytes);
        }

        void Put(ReadOnlySpan<byte> bytes)
        {
            hash.Append(bytes);
            file.Write(bytes);
        }
    }

    /// <summary>Null: the file is not there, damaged, or of another build.</summary>
    public static CheckpointState? TryRead(string database, Checkpoint checkpoint)
    {
        var path = PathOf(database, checkpoint.Number);
        if (!File.Exists(path))
            return null;
        var bytes = File.ReadAllBytes(path).AsSpan();
        if (bytes.Length < HashLength || !XxHash128.Hash(bytes[..^HashLength]).AsSpan().SequenceEqual(bytes[^HashLength..]))
            return null;
        ReadOnlySpan<byte> rest = bytes[..^HashLength];
        if (!rest.StartsWith(Magic))
            return null;
        rest = rest[Magic.Length..];
        if (!Block(ref rest).SequenceEqual(Build) || Number(ref rest) != checkpoint.Number || Number(ref rest) != checkpoint.Ordinal || Number(ref rest) != checkpoint.Accesses)
            return null;
        var state = new CheckpointState([], new StateBuffer());
        state.Load.Write(Block(ref rest));
        for (var left = Count(ref rest); left > 0; left--)
        {
            var run = new RunState { Run = Count(ref rest) };
            run.Session.Write(Block(ref rest));
            run.Store.Write(Block(ref rest));
            run.Sums.Write(Block(ref rest));
            state.Runs.Add(run);
        }

        return state;
    }

    private static ReadOnlySpan<byte> Block(ref ReadOnlySpan<byte> rest) => Take(ref rest, Count(ref rest));

    private static int Count(ref ReadOnlySpan<byte> rest) => BinaryPrimitives.ReadInt32LittleEndian(Take(ref rest, sizeof(int)));

    private static long Number(ref ReadOnlySpan<byte> rest) => BinaryPrimitives.ReadInt64LittleEndian(Take(ref rest, sizeof(long)));

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> rest, int count)
    {
        var taken = rest[..count];
        rest = rest[count..];
        return taken;
    }
}
