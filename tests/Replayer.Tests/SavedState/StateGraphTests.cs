using System.IO.Hashing;
using Replay.Replayer.SavedState;

namespace Replay.Replayer.Tests.SavedState;

/// <summary>What a state can hold, and that it comes out as it went in.</summary>
public sealed class StateGraphTests
{
    [Fact]
    public void Cycles_shared_objects_and_collections_come_back_as_they_were()
    {
        var thing = new Thing { Name = "a", Maybe = 7, Pair = (1, 2), Numbers = [1, 2, 3], Packed = [new Pair(1, 2)] };
        thing.Self = thing;
        thing.Things.Add(thing);
        thing.Stack.Push(1);
        thing.Stack.Push(2);
        thing.Sorted[3] = "c";
        thing.ByNumber[9] = thing;
        thing.Queue.Enqueue("late", 9);
        thing.Queue.Enqueue("soon", 1);
        thing.Forgotten = () => { };

        var copy = Copy(thing);

        Assert.Same(copy, copy.Self);
        Assert.Same(copy, copy.Things[0]);
        Assert.Same(copy, copy.ByNumber[9]);
        Assert.Equal(("a", 7, (1, 2)), (copy.Name, copy.Maybe, copy.Pair));
        Assert.Equal([1, 2, 3], copy.Numbers);
        Assert.Equal([new Pair(1, 2)], copy.Packed);
        Assert.Equal([2, 1], copy.Stack);
        Assert.Equal("c", copy.Sorted[3]);
        Assert.Equal(["soon", "late"], [copy.Queue.Dequeue(), copy.Queue.Dequeue()]);
        Assert.Null(copy.Forgotten);
    }

    [Fact]
    public void A_given_object_is_not_copied_but_replaced_by_the_readers_own()
    {
        var (outside, other) = (new Thing(), new Thing());
        var thing = new Thing { Self = outside };
        var buffer = new StateBuffer();
        StateWriter.Write(buffer, thing, outside);
        var copy = new Thing();
        StateReader.Fill(buffer.Written, copy, other);
        Assert.Same(other, copy.Self);
    }

    [Fact]
    public void A_hash_goes_on_from_the_middle()
    {
        var bytes = Enumerable.Range(0, 5000).Select(i => (byte)(i * 31)).ToArray();
        var hash = new XxHash128();
        hash.Append(bytes.AsSpan(0, 1777));
        var copy = new XxHash128();
        var buffer = new StateBuffer();
        StateWriter.Write(buffer, hash);
        StateReader.Fill(buffer.Written, copy);
        copy.Append(bytes.AsSpan(1777));
        Assert.Equal(XxHash128.Hash(bytes), copy.GetCurrentHash());
    }

    [Fact]
    public void What_cannot_be_stored_is_refused_by_name()
    {
        var failure = Assert.Throws<NotSupportedException>(() => StateWriter.Write(new StateBuffer(), new Holder { Stream = new MemoryStream() }));
        Assert.Contains(nameof(MemoryStream), failure.Message, StringComparison.Ordinal);
    }

    private static Thing Copy(Thing thing)
    {
        var buffer = new StateBuffer();
        StateWriter.Write(buffer, thing);
        var copy = new Thing();
        StateReader.Fill(buffer.Written, copy);
        return copy;
    }

    private readonly record struct Pair(int Left, int Right);

    private sealed class Holder
    {
        public object? Stream { get; init; }
    }

    private sealed class Thing
    {
        public string? Name { get; set; }

        public int? Maybe { get; set; }

        public (int, int) Pair { get; set; }

        public int[] Numbers { get; set; } = [];

        public Pair[] Packed { get; set; } = [];

        public Thing? Self { get; set; }

        public List<Thing> Things { get; } = [];

        public Stack<int> Stack { get; } = new();

        public SortedDictionary<int, string> Sorted { get; } = [];

        public Dictionary<ulong, Thing> ByNumber { get; } = [];

        public PriorityQueue<string, int> Queue { get; } = new();

        [field: NotState("a test's")]
        public Action? Forgotten { get; set; }
    }
}
