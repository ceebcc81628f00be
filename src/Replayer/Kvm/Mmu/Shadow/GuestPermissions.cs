namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Whether a guest's rights allow an access.</summary>
/// <remarks>KVM: permission_fault(), update_permission_bitmask(), update_pkru_bitmask().</remarks>
internal static class GuestPermissions
{
    /// <returns>0, or the bits of the error code that tell why not.</returns>
    /// <param name="role">The guest's paging.</param>
    /// <param name="access">Rights gathered by the walk.</param>
    /// <param name="key">Protection key of the leaf.</param>
    /// <param name="pkru">PKRU.</param>
    /// <param name="errorCode">What is asked.</param>
    /// <param name="overridesSmap">EFLAGS.AC is set.</param>
    public static ulong Fault(in CpuRole role, PteAccess access, int key, uint pkru, ulong errorCode, bool overridesSmap)
    {
        var byKey = role.Cr4Pke && IsForbiddenByKey(role, access, pkru >> (key * 2), errorCode);
        if (byKey)
            return Pferr.Present | Pferr.ProtectionKey;
        return IsForbidden(role, access, errorCode, overridesSmap) ? Pferr.Present : 0;
    }

    private static bool IsForbidden(in CpuRole role, PteAccess access, ulong errorCode, bool overridesSmap)
    {
        var isUser = (errorCode & Pferr.User) != 0;
        var isFetch = (errorCode & Pferr.Fetch) != 0;
        var isWrite = (errorCode & Pferr.Write) != 0;
        var isUserPage = (access & PteAccess.User) != 0;
        if (isFetch && role.Base.EferNx && (access & PteAccess.Exec) == 0)
            return true;
        if (isWrite && (access & PteAccess.Write) == 0 && (isUser || role.Base.Cr0Wp))
            return true;
        if (isUser)
            return !isUserPage;
        if (!isUserPage)
            return false;
        return isFetch ? role.Cr4Smep : role.Cr4Smap && !overridesSmap;
    }

    private static bool IsForbiddenByKey(in CpuRole role, PteAccess access, uint bits, ulong errorCode)
    {
        if ((errorCode & Pferr.Fetch) != 0 || (access & PteAccess.User) == 0)
            return false;
        var isWrite = (errorCode & Pferr.Write) != 0;
        var checksWrite = isWrite && ((errorCode & Pferr.User) != 0 || role.Base.Cr0Wp);
        return (bits & 1) != 0 || (checksWrite && (bits & 2) != 0);
    }
}
