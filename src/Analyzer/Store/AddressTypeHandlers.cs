using Dapper;
using Replay.Trace;

namespace Replay.Analyzer.Store;

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
