using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Replay.Replayer.SavedState;

/// <summary>How the values of one type stand in a stored state.</summary>
internal sealed class StateShape
{
    private static readonly Type[] Collections = [typeof(List<>), typeof(Stack<>), typeof(Dictionary<,>), typeof(SortedDictionary<,>), typeof(PriorityQueue<,>)];

    private static readonly ConcurrentDictionary<Type, StateShape> Known = new();

    private StateShape(Type type, StateKind kind)
    {
        Type = type;
        Kind = kind;
    }

    public Type Type { get; }

    public StateKind Kind { get; }

    /// <summary>Bytes of a <see cref="StateKind.Raw"/> value, or of an element of a <see cref="StateKind.RawArray"/>.</summary>
    public int Size { get; private init; }

    /// <summary>What a collection holds; of a dictionary the keys.</summary>
    public Type? Element { get; private init; }

    /// <summary>What a dictionary holds under its keys.</summary>
    public Type? Value { get; private init; }

    /// <summary>The fields in their order, inherited ones first.</summary>
    public FieldInfo[] Fields { get; private init; } = [];

    /// <summary>Whether a field's declared type says that its content can be stored, as far as a declaration can say.</summary>
    /// <exception cref="NotSupportedException">It cannot.</exception>
    public static StateShape Of(Type type) => Known.GetOrAdd(type, Make);

    /// <summary>The instance fields that are state, inherited ones first.</summary>
    public static FieldInfo[] FieldsOf(Type type)
    {
        var fields = new List<FieldInfo>();
        for (var at = type; at is not null && at != typeof(object) && at != typeof(ValueType); at = at.BaseType)
        {
            var own = at.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly);
            fields.InsertRange(0, own.Where(field => !field.IsDefined(typeof(NotStateAttribute))).OrderBy(field => field.MetadataToken));
        }

        return [.. fields];
    }

    private static StateShape Make(Type type)
    {
        if (type.IsArray)
            return OfArray(type);
        if (type == typeof(string))
            return new StateShape(type, StateKind.Text);
        if (type.IsPrimitive || type.IsEnum)
            return new StateShape(type, StateKind.Raw) { Size = SizeOf(type) };
        if (type.IsGenericType && Collections.Contains(type.GetGenericTypeDefinition()))
            return OfCollection(type);
        if (type.IsPointer || type.IsByRefLike || typeof(Delegate).IsAssignableFrom(type) || !IsModelled(type))
            throw new NotSupportedException($"{type}: a checkpoint cannot hold it. Mark the field [NotState] and say why.");
        var fields = FieldsOf(type);
        // A fixed buffer declares one element and holds many.
        var isBlock = type.IsValueType && Array.Exists(fields, field => field.FieldType.IsDefined(typeof(UnsafeValueTypeAttribute)));
        return isBlock || IsPacked(type)
            ? new StateShape(type, StateKind.Raw) { Size = SizeOf(type) }
            : new StateShape(type, type.IsValueType ? StateKind.Struct : StateKind.Object) { Fields = fields };
    }

    private static StateShape OfArray(Type type)
    {
        var element = type.GetElementType()!;
        if (type.GetArrayRank() != 1)
            throw new NotSupportedException($"{type}: a checkpoint holds arrays of one dimension only.");
        return IsPacked(element)
            ? new StateShape(type, StateKind.RawArray) { Size = SizeOf(element), Element = element }
            : new StateShape(type, StateKind.Array) { Element = element };
    }

    private static StateShape OfCollection(Type type)
    {
        var arguments = type.GetGenericArguments();
        if (arguments.Length == 1)
            return new StateShape(type, type.GetGenericTypeDefinition() == typeof(Stack<>) ? StateKind.Stack : StateKind.List) { Element = arguments[0] };
        if (type.GetGenericTypeDefinition() == typeof(PriorityQueue<,>))
            return new StateShape(type, StateKind.Queue) { Element = typeof(ValueTuple<,>).MakeGenericType(arguments) };
        if (!arguments[0].IsPrimitive && !arguments[0].IsEnum)
            throw new NotSupportedException($"{type}: a checkpoint holds dictionaries by number only.");
        return new StateShape(type, StateKind.Dictionary) { Element = arguments[0], Value = arguments[1] };
    }

    /// <summary>Replay's own types, the running hash's, and the library's plain values.</summary>
    private static bool IsModelled(Type type) =>
        type.Namespace is { } space && (space.StartsWith("Replay.", StringComparison.Ordinal) || space == "System.IO.Hashing"
            || typeof(ITuple).IsAssignableFrom(type) || Nullable.GetUnderlyingType(type) is not null);

    /// <summary>Its bytes are its content: no references, and no gaps that hold anything.</summary>
    private static bool IsPacked(Type type)
    {
        if (type.IsPrimitive || type.IsEnum)
            return true;
        if (!type.IsValueType || !IsModelled(type) || Nullable.GetUnderlyingType(type) is not null)
            return false;
        var fields = FieldsOf(type);
        return Array.TrueForAll(fields, field => IsPacked(field.FieldType)) && fields.Sum(field => SizeOf(field.FieldType)) == SizeOf(type);
    }

    private static int SizeOf(Type type) => RuntimeHelpers.SizeOf(type.TypeHandle);
}
