using System.Collections;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Replay.Replayer.SavedState;

/// <summary>Makes the objects again that a <see cref="StateWriter"/> wrote: a graph of the same shape around the given objects.</summary>
public ref struct StateReader
{
    private readonly Dictionary<Type, StateShape> _shapes = [];
    private ReadOnlySpan<byte> _bytes;
    private object?[] _objects = [];

    private StateReader(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Fills an object with the state of the one that was written.</summary>
    /// <param name="bytes">What was written.</param>
    /// <param name="root">Of the type that was written.</param>
    /// <param name="given">What stays outside, in the writer's order.</param>
    /// <exception cref="StateException">The bytes are no state of this build.</exception>
    public static void Fill(ReadOnlySpan<byte> bytes, object root, params ReadOnlySpan<object> given)
    {
        ArgumentNullException.ThrowIfNull(root);
        try
        {
            new StateReader(bytes).Read(root, given);
        }
        catch (Exception failure) when (failure is ArgumentException or IndexOutOfRangeException or InvalidCastException or NotSupportedException or OverflowException)
        {
            throw new StateException("the state is damaged, or of another build", failure);
        }
    }

    private void Read(object root, scoped ReadOnlySpan<object> given)
    {
        var length = MemoryMarshal.Read<int>(_bytes[^sizeof(int)..]);
        var contentLength = _bytes.Length - sizeof(int) - length;
        var content = _bytes[..contentLength];
        _bytes = _bytes.Slice(contentLength, length);
        var first = Take<int>();
        if (first != given.Length + 1)
            throw new StateException("the state was written with other objects around it");
        var types = new StateShape[Take<int>()];
        for (var i = 0; i < types.Length; i++)
            types[i] = NamedType(Encoding.UTF8.GetString(Take(Take<int>())));
        var shapes = new StateShape[Take<int>()];
        var lengths = new int[shapes.Length];
        _objects = new object?[first + shapes.Length];
        for (var i = 0; i < given.Length; i++)
            _objects[i + 1] = given[i];
        for (var i = 0; i < shapes.Length; i++)
        {
            shapes[i] = types[Take<int>()];
            lengths[i] = Take<int>();
            _objects[first + i] = i == 0 ? root : Make(shapes[i], lengths[i]);
        }

        if (!_bytes.IsEmpty)
            throw new StateException("the state is longer than what it says");
        _bytes = content;
        if (shapes.Length == 0 || shapes[0].Type != root.GetType())
            throw new StateException($"the state is not of a {root.GetType().Name}");
        if (Take<int>() != first)
            throw new StateException("the state does not begin with its root");
        for (var i = 0; i < shapes.Length; i++)
            Content(_objects[first + i]!, shapes[i], lengths[i]);
        if (!_bytes.IsEmpty)
            throw new StateException("the state is longer than what it says");
    }

    private object Make(StateShape shape, int length) => shape.Kind switch
    {
        StateKind.Text => new string(MemoryMarshal.Cast<byte, char>(Take(length * sizeof(char)))),
        StateKind.RawArray or StateKind.Array => Array.CreateInstance(shape.Element!, length),
        StateKind.List or StateKind.Stack or StateKind.Dictionary or StateKind.Queue => Activator.CreateInstance(shape.Type)!,
        _ => RuntimeHelpers.GetUninitializedObject(shape.Type),
    };

    private void Content(object item, StateShape shape, int length)
    {
        switch (shape.Kind)
        {
            case StateKind.Raw or StateKind.Struct or StateKind.Object:
                Fields(item, shape);
                break;
            case StateKind.RawArray:
                var bytes = StateWriter.Bytes((Array)item, shape);
                Take(bytes.Length).CopyTo(bytes);
                break;
            case StateKind.Array:
                for (var i = 0; i < length; i++)
                    ((Array)item).SetValue(Slot(shape.Element!), i);
                break;
            case StateKind.List:
                for (var i = 0; i < length; i++)
                    ((IList)item).Add(Slot(shape.Element!));
                break;
            case StateKind.Stack:
                Push(item, shape, length);
                break;
            case StateKind.Queue:
                Enqueue(item, shape, length);
                break;
            case StateKind.Dictionary:
                for (var i = 0; i < length; i++)
                    ((IDictionary)item).Add(Slot(shape.Element!)!, Slot(shape.Value!));
                break;
            default:
                break;
        }
    }

    /// <summary>A stack is written from its top.</summary>
    private void Push(object stack, StateShape shape, int length)
    {
        var items = new object?[length];
        for (var i = 0; i < length; i++)
            items[i] = Slot(shape.Element!);
        var push = shape.Type.GetMethod("Push")!;
        for (var i = length - 1; i >= 0; i--)
            push.Invoke(stack, [items[i]]);
    }

    /// <summary>Put in as it lay, every item stays where it is put.</summary>
    private void Enqueue(object queue, StateShape shape, int length)
    {
        var enqueue = shape.Type.GetMethod("Enqueue")!;
        for (var i = 0; i < length; i++)
        {
            var pair = (ITuple)Slot(shape.Element!)!;
            enqueue.Invoke(queue, [pair[0], pair[1]]);
        }
    }

    private void Fields(object item, StateShape shape)
    {
        foreach (var field in shape.Fields)
            field.SetValue(item, Slot(field.FieldType));
    }

    private object? Slot(Type declared)
    {
        if (!declared.IsValueType)
            return _objects[Take<int>()];
        if (Nullable.GetUnderlyingType(declared) is { } underlying)
        {
            if (Take<byte>() == 0)
                return null;
            declared = underlying;
        }

        var shape = ShapeOf(declared);
        if (shape.Kind == StateKind.Raw)
            return RuntimeHelpers.Box(ref MemoryMarshal.GetReference(Take(shape.Size)), declared.TypeHandle);
        var value = RuntimeHelpers.GetUninitializedObject(declared);
        Fields(value, shape);
        return value;
    }

    private StateShape ShapeOf(Type type)
    {
        ref var shape = ref CollectionsMarshal.GetValueRefOrAddDefault(_shapes, type, out _);
        return shape ??= StateShape.Of(type);
    }

    private static StateShape NamedType(string name) =>
        StateShape.Of(Type.GetType(name) ?? throw new StateException($"the state holds a {name}, which this build does not know"));

    private T Take<T>()
        where T : unmanaged => MemoryMarshal.Read<T>(Take(Unsafe.SizeOf<T>()));

    private ReadOnlySpan<byte> Take(int count)
    {
        var taken = _bytes[..count];
        _bytes = _bytes[count..];
        return taken;
    }
}
