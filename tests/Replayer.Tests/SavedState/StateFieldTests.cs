using System.Reflection;
using Replay.Replayer.SavedState;

namespace Replay.Replayer.Tests.SavedState;

/// <summary>A checkpoint takes every field of the model by itself. What it cannot take must be declared.</summary>
public sealed class StateFieldTests
{
    private static readonly Type[] Model = typeof(ReplaySession).Assembly.GetTypes();

    [Fact]
    public void Every_field_that_a_session_reaches_can_be_in_a_checkpoint_or_says_why_it_is_not()
    {
        var reached = Reached(out var impossible);
        Assert.Contains(typeof(Replayer.Kvm.Mmu.ShadowPage), reached);
        Assert.Contains(typeof(Replayer.Hardware.EptWalker), reached);
        Assert.Empty(impossible);
    }

    [Fact]
    public void What_is_left_out_says_why()
    {
        const BindingFlags all = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        var left = Model.SelectMany(type => type.GetFields(all)).Select(field => field.GetCustomAttribute<NotStateAttribute>()).OfType<NotStateAttribute>().ToList();
        Assert.NotEmpty(left);
        Assert.All(left, attribute => Assert.NotEmpty(attribute.Why));
    }

    /// <summary>Follows the declared types of fields, and from a type to all that derive from it.</summary>
    private static HashSet<Type> Reached(out List<string> impossible)
    {
        impossible = [];
        var seen = new HashSet<Type> { typeof(ReplaySession) };
        var next = new Queue<Type>(seen);
        while (next.TryDequeue(out var type))
        {
            foreach (var field in StateShape.FieldsOf(type))
            {
                if (!TryFollow(field.FieldType, seen, next))
                    impossible.Add($"{field.DeclaringType!.Name}.{field.Name}: {field.FieldType}");
            }
        }

        return seen;
    }

    private static bool TryFollow(Type type, HashSet<Type> seen, Queue<Type> next)
    {
        if (type.IsGenericParameter || type == typeof(object))
            return type.IsGenericParameter;
        if (type.IsInterface && type.Assembly != typeof(ReplaySession).Assembly)
            return false;
        StateShape? shape;
        try
        {
            shape = type.IsInterface ? null : StateShape.Of(type);
        }
        catch (NotSupportedException)
        {
            return false;
        }

        if (shape?.Element is not null)
            return TryFollow(shape.Element, seen, next) && (shape.Value is null || TryFollow(shape.Value, seen, next));
        var kinds = type.IsValueType ? [type] : Model.Where(model => !model.IsInterface && type.IsAssignableFrom(model)).Append(type);
        foreach (var kind in kinds.Where(kind => !kind.IsInterface && kind.Namespace?.StartsWith("Replay.", StringComparison.Ordinal) == true && seen.Add(kind)))
            next.Enqueue(kind);
        return true;
    }
}
