using System.Collections;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Replay.Replayer.SavedState;

/// <summary>
/// Writes everything that can be reached from an object: every field of every object, each object once. Nothing has to be listed, so
/// nothing can be forgotten; a field that is not to be written says so (<see cref="NotStateAttribute"/>). Objects are numbered in the
/// order in which they are met, field by field as declared, so equal states give equal bytes.
/// </summary>
/// <remarks>
/// <code>
/// content   of each object in turn: its fields, elements or bytes; a reference is the number of an object
///           0 null   1..given  what the reader brings   then  objects
/// types     count, their names
/// objects   count, (type, length) each; length of arrays, collections and texts, 0 of others; a text's characters follow at once
/// length of types and objects together, 4 bytes
/// </code>
/// Fixed sizes, little endian. The content comes first because only then all types and objects are known, so nothing is written twice.
/// </remarks>
public sealed class StateWriter
{
    private readonly Dictionary<Type, (StateShape Shape, int Number)> _shapes = [];
    private readonly Dictionary<object, int> _numbers = new(ReferenceEqualityComparer.Instance);
    private readonly List<StateShape> _types = [];
    private readonly List<(object Item, StateShape Shape, int Type, int Length)> _objects = [];
    private readonly StateBuffer _destination;

    private StateWriter(StateBuffer destination) => _destination = destination;

    /// <param name="destination">Receives the bytes, behind what it holds.</param>
    /// <param name="root">Where to begin.</param>
    /// <param name="given">Objects that stay outside: the reader names its own, in the same order.</param>
    /// <exception cref="NotSupportedException">Something is reached that cannot be stored.</exception>
    public static void Write(StateBuffer destination, object root, params ReadOnlySpan<object> given)
    {
        ArgumentNullException.ThrowIfNull(destination);
        var writer = new StateWriter(destination);
        foreach (var outside in given)
            writer._numbers.Add(outside, writer._numbers.Count + 1);
        var first = writer._numbers.Count + 1;
        writer.Reference(root);
        for (var i = 0; i < writer._objects.Count; i++)
            writer.Content(writer._objects[i].Item, writer._objects[i].Shape);
        var length = destination.Length;
        writer.Objects(first);
        destination.Write(destination.Length - length);
    }

    private void Objects(int first)
    {
        _destination.Write(first);
        _destination.Write(_types.Count);
        foreach (var shape in _types)
        {
            var name = Encoding.UTF8.GetBytes(shape.Type.AssemblyQualifiedName!);
            _destination.Write(name.Length);
            _destination.Write(name);
        }

        _destination.Write(_objects.Count);
        foreach (var (item, _, type, length) in _objects)
        {
            _destination.Write(type);
            _destination.Write(length);
            if (item is string text)
                _destination.Write(MemoryMarshal.AsBytes(text.AsSpan()));
        }
    }

    private void Content(object item, StateShape shape)
    {
        switch (shape.Kind)
        {
            case StateKind.Raw or StateKind.Struct or StateKind.Object:
                Value(item, shape);
                break;
            case StateKind.RawArray:
                _destination.Write(Bytes((Array)item, shape));
                break;
            case StateKind.Text:
                break;
            case StateKind.Dictionary:
                var dictionary = (IDictionary)item;
                foreach (DictionaryEntry entry in dictionary)
                {
                    Slot(entry.Key, shape.Element!);
                    Slot(entry.Value, shape.Value!);
                }

                break;
            default:
                foreach (var element in (IEnumerable)Items(item))
                    Slot(element, shape.Element!);
                break;
        }
    }

    private void Value(object item, StateShape shape)
    {
        if (shape.Kind == StateKind.Raw)
        {
            _destination.Write(MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<BoxedBytes>(item).First, shape.Size));
            return;
        }

        foreach (var field in shape.Fields)
            Slot(field.GetValue(item), field.FieldType);
    }

    /// <summary>A field or an element of a declared type.</summary>
    private void Slot(object? value, Type declared)
    {
        if (!declared.IsValueType)
        {
            Reference(value);
            return;
        }

        if (Nullable.GetUnderlyingType(declared) is { } underlying)
        {
            _destination.Write(value is null ? (byte)0 : (byte)1);
            if (value is null)
                return;
            declared = underlying;
        }

        Value(value!, ShapeOf(declared).Shape);
    }

    private void Reference(object? item)
    {
        if (item is null)
        {
            _destination.Write(0);
            return;
        }

        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numbers, item, out var known);
        if (!known)
        {
            number = _numbers.Count;
            var (shape, type) = ShapeOf(item.GetType());
            _objects.Add((item, shape, Number(shape, type), Length(item)));
        }

        _destination.Write(number);
    }

    private int Number(StateShape shape, int number)
    {
        if (number >= 0)
            return number;
        number = _types.Count;
        _types.Add(shape);
        _shapes[shape.Type] = (shape, number);
        return number;
    }

    private (StateShape Shape, int Number) ShapeOf(Type type)
    {
        ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_shapes, type, out var known);
        if (!known)
            entry = (StateShape.Of(type), -1);
        return entry;
    }

    /// <summary>What can be gone through and counted of a collection.</summary>
    private static object Items(object item)
    {
        var type = item.GetType();
        return type.IsGenericType && type.GetGenericTypeDefinition() == typeof(PriorityQueue<,>) ? type.GetProperty("UnorderedItems")!.GetValue(item)! : item;
    }

    private static int Length(object item) => Items(item) switch
    {
        Array array => array.Length,
        string text => text.Length,
        ICollection collection => collection.Count,
        _ => 0,
    };

    internal static Span<byte> Bytes(Array array, StateShape shape) =>
        MemoryMarshal.CreateSpan(ref MemoryMarshal.GetArrayDataReference(array), array.Length * shape.Size);

    /// <summary>Lays bare where the content of a boxed value begins.</summary>
    internal sealed class BoxedBytes
    {
        public byte First;
    }
}
