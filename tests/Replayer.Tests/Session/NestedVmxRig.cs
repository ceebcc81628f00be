using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Session.NestedStream;
using static Replay.Replayer.Tests.Session.NestedVmxStream;

namespace Replay.Replayer.Tests.Session;

/// <summary>A hypervisor under VMX with two sets of extended page tables and a guest, each of whom repairs its own tables where they do not allow an access.</summary>
internal static class NestedVmxRig
{
    public const ulong CodePage = 0x10_0000;
    public const ulong OtherEpt = 0x110_0000;

    /// <summary>L2's entries have been used: the CPU need not write to its tables, which without accessed and dirty bits of L1's it reads alone.</summary>
    public const ulong Used = Accessed | 0x40;

    public static void Access(NestedVmxStream guest, ulong gva, AccessKind kind) => guest.L2Access(Reach(guest, gva, kind), kind);

    /// <summary>L2 accesses; whoever's tables do not allow it repairs them, as long as it takes.</summary>
    public static Found Reach(NestedVmxStream guest, ulong gva, AccessKind kind)
    {
        while (true)
        {
            var found = guest.Walk(gva, kind);
            switch (found.Fault)
            {
                case FaultKind.None:
                    return found;
                case FaultKind.Nested:
                    guest.TableFault(found);
                    Repair(guest, found);
                    guest.Vmrun();
                    break;
                default:
                    TakeOwnFault(guest, gva, found, kind);
                    break;
            }
        }
    }

    public static void Repair(NestedVmxStream guest, Found found)
    {
        var gpa = found.L2Gpa;
        var root = guest.NestedCr3;
        var directory = root + 0x2000 + ((gpa >> 21) * 8);
        if ((guest.EntryAt(root + 0x1000) & Rwx) == 0)
            guest.L1Store(root + 0x1000, (root + 0x2000) | Rwx);
        else if ((guest.EntryAt(directory) & Rwx) == 0)
            guest.L1Store(directory, (root + 0x3000 + (gpa >> 21 << 12)) | Rwx);
        else
            guest.L1Store(EptEntry(gpa, root), (L1Of(gpa) & ~0xfffUL) | Rwx | WriteBack);
    }

    public static void TakeOwnFault(NestedVmxStream guest, ulong gva, Found found, AccessKind kind)
    {
        var offset = 0x3000UL + (4 * 0x1000) + ((gva >> 12 & 511) * 8);
        var value = (gva & ~0xfffUL) | Present | Writable | Used;
        if (guest.InterceptsPageFaults)
        {
            guest.PageFaultExit(found.Code, gva);
            guest.L1Store(guest.L2Root + offset, value);
            guest.Vmrun();
            return;
        }

        guest.L2PageFault(gva, (uint)found.Code, kind);
        guest.L2Store(Reach(guest, guest.L2Cr3 + offset, AccessKind.Write), value);
        guest.Invlpg(gva);
    }

    public static (ReplaySession Session, NestedVmxStream Guest) Ready(MmuMode mode, string kernel, string host = "intel")
    {
        var session = NewSession(mode, KvmBehaviour.Find(kernel)!, host);
        var guest = new NestedVmxStream(session);
        BuildTables(guest);
        BuildL2Tables(guest);
        return (session, guest);
    }

    public static void BuildTables(NestedStream guest)
    {
        foreach (var root in (ulong[])[Npt, OtherEpt])
        {
            guest.Table(root, i => i == 0 ? (root + 0x1000) | Rwx : 0);
            guest.Table(root + 0x1000, i => i == 0 ? (root + 0x2000) | Rwx : 0);
            guest.Table(root + 0x2000, i => i < 8 ? (root + 0x3000 + (i << 12)) | Rwx : 0);
            for (var table = 0UL; table < 8; table++)
                guest.Table(root + 0x3000 + (table << 12), i => L1Of((table << 21) + (i << 12)) | Rwx | WriteBack);
        }
    }

    public static void BuildL2Tables(NestedStream guest)
    {
        var (root, asL2) = (guest.L2Root, guest.L2Cr3);
        guest.Table(root, i => i == 0 ? (asL2 + 0x1000) | All | Accessed : 0);
        guest.Table(root + 0x1000, i => i == 0 ? (asL2 + 0x2000) | All | Accessed : 0);
        guest.Table(root + 0x2000, i => i < 16 ? (asL2 + 0x3000 + (i << 12)) | All | Accessed : 0);
        for (var table = 0UL; table < 16; table++)
            guest.Table(root + 0x3000 + (table << 12), i => ((table << 21) + (i << 12)) | Present | Writable | Used);
    }

    public static ulong L1Of(ulong gpa) => gpa < 0x40_0000 ? gpa : gpa + 0x100_0000;

    public static ulong EptEntry(ulong gpa, ulong root = Npt) => root + 0x3000 + (gpa >> 21 << 12) + ((gpa >> 12 & 511) * 8);

    public static ReplaySession NewSession(MmuMode mode, KvmBehaviour kernel, string host = "intel") => new(
        new CaptureManifest { Source = "test", Tool = "test", Vcpus = 1, MemoryBytes = 1 << 26 },
        new ReplayOptions { Mode = mode, Kernel = kernel, Profile = HostProfiles.Find(host)!, Invariants = InvariantLevel.Standard },
        new SilentHistory());

    public static void AssertNoDisagreement(ReplaySession session)
    {
        foreach (var note in Enum.GetValues<ModelNote>())
            Assert.True(session.Journal.NoteCounts[(int)note] == 0, $"{session.Journal.NoteCounts[(int)note]} notes of {note}; the first: {session.Finish().FirstNotes.FirstOrDefault(first => first.Kind == note)}");
        Assert.Equal(0, session.Finish().Verify.Differing);
    }
}
