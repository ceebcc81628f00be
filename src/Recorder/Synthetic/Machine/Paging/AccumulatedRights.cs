using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>What the entries of one walk allow together, and whether the access may pass.</summary>
internal struct AccumulatedRights
{
    private readonly AccessKind _kind;
    private readonly AccessFlags _privilege;
    private readonly Vcpu _vcpu;
    private bool _writable = true;
    private bool _user = true;
    private bool _noExecute;

    public AccumulatedRights(AccessKind kind, AccessFlags privilege, Vcpu vcpu)
    {
        _kind = kind;
        _privilege = privilege;
        _vcpu = vcpu;
    }

    private readonly bool IsUserAccess => (_privilege & AccessFlags.User) != 0;

    public void Add(Gpte entry)
    {
        _writable &= entry.IsWritable;
        _user &= entry.IsUser;
        _noExecute |= entry.IsNoExecute;
    }

    /// <summary>The error code of a fault for <paramref name="cause"/>.</summary>
    public readonly PageFaultError Error(PageFaultError cause)
    {
        var error = cause;
        if (_kind == AccessKind.Write)
            error |= PageFaultError.Write;
        if (IsUserAccess)
            error |= PageFaultError.User;
        if (_kind == AccessKind.Fetch && (Has(ControlBits.Cr4Smep) || NoExecuteCounts))
            error |= PageFaultError.Fetch;
        return error;
    }

    /// <summary>None where the access may pass, otherwise the bits that say why not.</summary>
    public readonly PageFaultError Check(Gpte leaf)
    {
        var denial = PassesRights() ? PageFaultError.None : PageFaultError.Present;
        return PassesKey(leaf) ? denial : PageFaultError.Present | PageFaultError.ProtectionKey;
    }

    private readonly bool NoExecuteCounts => _vcpu.Format.EntryBytes == 8 && (_vcpu.Efer & ControlBits.EferNxe) != 0;

    private readonly bool Has(ulong cr4) => (_vcpu.Cr4 & cr4) != 0;

    private readonly bool PassesRights()
    {
        if (_kind == AccessKind.Fetch && _noExecute && NoExecuteCounts)
            return false;
        if (IsUserAccess)
            return _user && (_kind != AccessKind.Write || _writable);
        if (_user)
        {
            if (_kind == AccessKind.Fetch && Has(ControlBits.Cr4Smep))
                return false;
            var passesSmap = (_privilege & AccessFlags.AlignmentCheck) != 0;
            if (_kind != AccessKind.Fetch && Has(ControlBits.Cr4Smap) && !passesSmap)
                return false;
        }
        return _kind != AccessKind.Write || _writable || (_vcpu.Cr0 & ControlBits.Cr0Wp) == 0;
    }

    private readonly bool PassesKey(Gpte leaf)
    {
        if (!Has(ControlBits.Cr4Pke) || !_vcpu.Format.IsLong || !_user || _kind == AccessKind.Fetch)
            return true;
        var rights = _vcpu.Pkru >> (leaf.Key * 2);
        if ((rights & 1) != 0)
            return false;
        var writeDenied = (rights & 2) != 0 && (IsUserAccess || (_vcpu.Cr0 & ControlBits.Cr0Wp) != 0);
        return _kind != AccessKind.Write || !writeDenied;
    }
}
