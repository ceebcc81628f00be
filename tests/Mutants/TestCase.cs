using System.Collections;
using System.Reflection;

namespace Replay.Mutants;

/// <summary>A test with its data, called without xunit's runner: it costs what it does, and nothing more.</summary>
internal sealed class TestCase(Suite suite, MethodInfo method, object?[] arguments)
{
    private const string SkipToken = "$XunitDynamicSkip$";

    public Suite Suite => suite;

    public string Name { get; } = $"{method.DeclaringType!.Name}.{method.Name}{(arguments.Length == 0 ? "" : $"({string.Join(", ", arguments)})")}".ReplaceLineEndings(" ").Replace('\t', ' ');

    public string ClassName => method.DeclaringType!.FullName!;

    /// <summary>Processor time without a mutant.</summary>
    public double Seconds { get; set; }

    /// <summary>By number of mutant, whether the test comes by it.</summary>
    public byte[] Reached { get; set; } = [];

    /// <summary>The tests of an assembly that need nothing of a runner.</summary>
    public static IEnumerable<TestCase> Of(Suite suite, Assembly assembly, Func<string, bool> wanted)
    {
        foreach (var type in assembly.GetTypes().Where(type => type is { IsAbstract: false, IsClass: true } && wanted(type.FullName!) && type.GetConstructor([]) is not null).OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            foreach (var method in type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static).OrderBy(method => method.Name, StringComparer.Ordinal))
            {
                var attributes = method.GetCustomAttributes(inherit: true);
                var fact = attributes.FirstOrDefault(attribute => attribute.GetType().Name is "FactAttribute" or "TheoryAttribute");
                if (fact is null || fact.GetType().GetProperty("Skip")!.GetValue(fact) is not null)
                    continue;
                if (fact.GetType().Name == "FactAttribute")
                    yield return new TestCase(suite, method, []);
                foreach (var row in attributes.SelectMany(attribute => Rows(attribute, method)))
                    yield return new TestCase(suite, method, Converted(row, method.GetParameters()));
            }
        }
    }

    /// <returns>Null: it passed; otherwise why it failed.</returns>
    public string? Run()
    {
        object? instance = null;
        try
        {
            instance = method.IsStatic ? null : Activator.CreateInstance(method.DeclaringType!);
            Await(method.Invoke(instance, arguments));
            return null;
        }
        catch (Exception exception)
        {
            var failure = exception is TargetInvocationException { InnerException: { } inner } ? inner : exception;
            return failure.Message.StartsWith(SkipToken, StringComparison.Ordinal) ? null : $"{failure.GetType().Name}: {failure.Message.ReplaceLineEndings(" ")}";
        }
        finally
        {
            if (instance is IDisposable disposable)
                disposable.Dispose();
            else if (instance is IAsyncDisposable asynchronous)
                asynchronous.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static void Await(object? result)
    {
        if (result is Task task)
            task.GetAwaiter().GetResult();
        else if (result is ValueTask value)
            value.AsTask().GetAwaiter().GetResult();
    }

    private static IEnumerable<object?[]> Rows(object attribute, MethodInfo method)
    {
        var type = attribute.GetType();
        if (type.Name == "InlineDataAttribute")
            return [(object?[]?)type.GetProperty("Data")!.GetValue(attribute) ?? [null]];
        if (type.Name != "MemberDataAttribute")
            return [];
        var name = (string)type.GetProperty("MemberName")!.GetValue(attribute)!;
        var arguments = (object?[])type.GetProperty("Arguments")!.GetValue(attribute)!;
        var owner = (Type?)type.GetProperty("MemberType")!.GetValue(attribute) ?? method.DeclaringType!;
        const BindingFlags anyStatic = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.FlattenHierarchy;
        var data = owner.GetProperty(name, anyStatic)?.GetValue(null) ?? owner.GetField(name, anyStatic)?.GetValue(null) ?? owner.GetMethod(name, anyStatic)!.Invoke(null, arguments);
        return ((IEnumerable)data!).Cast<object?>().Select(Row);
    }

    private static object?[] Row(object? row)
    {
        if (row is object?[] values)
            return values;
        var told = row?.GetType().GetInterfaces().FirstOrDefault(type => type.Name == "ITheoryDataRow");
        return told is null ? [row] : (object?[])told.GetMethod("GetData")!.Invoke(row, [])!;
    }

    /// <summary>A literal of an attribute has the type that it has, and not the parameter's.</summary>
    private static object?[] Converted(object?[] row, ParameterInfo[] parameters)
    {
        var all = new object?[parameters.Length];
        for (var i = 0; i < parameters.Length; i++)
        {
            var wanted = Nullable.GetUnderlyingType(parameters[i].ParameterType) ?? parameters[i].ParameterType;
            var value = i < row.Length ? row[i] : parameters[i].DefaultValue;
            all[i] = value is IConvertible && !wanted.IsInstanceOfType(value) && wanted.IsPrimitive ? Convert.ChangeType(value, wanted)
                : value is IConvertible && wanted.IsEnum && !wanted.IsInstanceOfType(value) ? Enum.ToObject(wanted, value) : value;
        }

        return all;
    }
}
