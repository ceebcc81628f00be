using System.Data;
using Dapper;

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
