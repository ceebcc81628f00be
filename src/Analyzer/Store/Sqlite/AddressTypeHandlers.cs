using System.Data;
using Dapper;
using Replay.Trace;

namespace Replay.Analyzer.Store;

/// <summary>
/// Reads and binds an address type. SQLite's integers are signed, so addresses of the upper half are negative there, and Dapper throws
/// where it is asked to make a <see cref="ulong"/> of one.
/// </summary>
internal sealed class AddressTypeHandler<T>(Func<ulong, T> make, Func<T, ulong> bits) : SqlMapper.TypeHandler<T>
{
    public override T Parse(object value) => make(unchecked((ulong)Convert.ToInt64(value)));

    public override void SetValue(IDbDataParameter parameter, T? value)
    {
        parameter.DbType = DbType.Int64;
        parameter.Value = value is null ? DBNull.Value : unchecked((long)bits(value));
    }
}

/// <summary>Teaches Dapper the address types. <see cref="Database"/> does it before it hands out a connection.</summary>
internal static class AddressTypeHandlers
{
    static AddressTypeHandlers()
    {
        SqlMapper.AddTypeHandler(new AddressTypeHandler<Gva>(value => new Gva(value), address => address.Value));
        SqlMapper.AddTypeHandler(new AddressTypeHandler<Gpa>(value => new Gpa(value), address => address.Value));
        SqlMapper.AddTypeHandler(new AddressTypeHandler<Hpa>(value => new Hpa(value), address => address.Value));
        SqlMapper.AddTypeHandler(new AddressTypeHandler<Gfn>(value => new Gfn(value), address => address.Value));
        SqlMapper.AddTypeHandler(new AddressTypeHandler<Pfn>(value => new Pfn(value), address => address.Value));
    }

    /// <summary>Does nothing but run the static constructor, once.</summary>
    public static void Register()
    {
    }
}
