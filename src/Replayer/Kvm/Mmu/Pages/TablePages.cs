using System.Runtime.CompilerServices;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// The host pages that serve as tables: numbers them, gives them host frames, finds them by frame. Frames come from a pool of their
/// own above all guest memory; a freed frame is the first to be used again.
/// </summary>
/// <param name="journal">Told of every page.</param>
/// <param name="kernel">What new tables hold.</param>
/// <param name="twoDimensional">Guests are mapped by tables of their own dimension.</param>
public sealed class TablePages(Journal journal, KvmBehaviour kernel, bool twoDimensional = true)
{
    /// <summary>First host frame of the pool.</summary>
    public const ulong FirstPfn = 0x80_0000;

    private const int MaxFrames = 1 << 22;

    private TablePage?[] _byFrame = new TablePage?[1024];
    private int[] _freeFrames = new int[256];
    private int _freeCount;
    private int _lastFrame;
    private int _lastId;

    /// <summary>Table pages in existence.</summary>
    public int Count => _lastFrame - _freeCount;

    /// <summary>The page in a host frame, null where none is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TablePage? At(ulong pfn)
    {
        var frame = pfn - FirstPfn + 1;
        return frame < (ulong)_byFrame.Length ? _byFrame[frame] : null;
    }

    /// <summary>The shadow page in a host frame; null for special roots, which have none.</summary>
    /// <remarks>KVM: to_shadow_page().</remarks>
    public ShadowPage? ShadowPageAt(ulong pfn) => At(pfn) as ShadowPage;

    /// <summary>The page that a non-leaf entry points at.</summary>
    /// <remarks>KVM: spte_to_child_sp().</remarks>
    public ShadowPage ChildOf(Spte spte)
    {
        var child = ShadowPageAt(spte.Pfn);
        if (child is null)
            Invariant.Broken($"spte {spte} points at no shadow page");
        return child;
    }

    /// <summary>An empty page.</summary>
    /// <param name="gfn">See <see cref="ShadowPage.Gfn"/>.</param>
    /// <param name="role">Its role.</param>
    /// <param name="validGeneration">mmu_valid_gen of the VM.</param>
    /// <param name="isTdp">It belongs to the TDP MMU.</param>
    public ShadowPage Allocate(ulong gfn, PageRole role, byte validGeneration, bool isTdp)
    {
        var frame = TakeFrame();
        var page = new ShadowPage(++_lastId, frame, FirstPfn + (ulong)frame - 1, gfn, role, validGeneration, isTdp, kernel) { Context = ContextOf(role) };
        _byFrame[frame] = page;
        return page;
    }

    /// <summary>A page that KVM keeps for itself and that is no shadow page: pae_root, pml4_root, pml5_root.</summary>
    /// <param name="level">Its level.</param>
    /// <param name="context">Whose translations it holds.</param>
    public TablePage AllocateSpecial(int level, GuestContext context = GuestContext.Unknown)
    {
        var frame = TakeFrame();
        var page = new TablePage(++_lastId, FirstPfn + (ulong)frame - 1, level) { Context = context };
        _byFrame[frame] = page;
        journal.TablePage(new TablePageRecord
        {
            Pfn = page.Pfn,
            TableId = page.Id,
            Operation = PageOperation.Create,
            Level = (byte)level,
            IsSpecial = 1,
            Context = context,
        });
        return page;
    }

    /// <summary>The page goes back to the host.</summary>
    public void Free(ShadowPage page)
    {
        journal.TablePage(page.Describe(PageOperation.Free));
        _byFrame[page.Frame] = null;
        if (_freeCount == _freeFrames.Length)
            Array.Resize(ref _freeFrames, _freeCount * 2);
        _freeFrames[_freeCount++] = page.Frame;
    }

    /// <summary>The shadow pages in existence, special roots not among them.</summary>
    public IEnumerable<ShadowPage> ShadowPages()
    {
        for (var frame = 1; frame <= _lastFrame; frame++)
        {
            if (_byFrame[frame] is ShadowPage page)
                yield return page;
        }
    }

    /// <summary>The way back from <see cref="Sptep.Packed"/>.</summary>
    internal Sptep Unpack(int packed) => new((ShadowPage)_byFrame[packed >> 9]!, packed & 511);

    /// <summary>The tables that guest_mmu makes never have the role bit cr0_wp, and those of root_mmu with two-dimensional paging always.</summary>
    private GuestContext ContextOf(PageRole role) => !role.GuestMode ? GuestContext.L1
        : twoDimensional && !role.Cr0Wp ? GuestContext.NestedL2
        : GuestContext.L2;

    private int TakeFrame()
    {
        if (_freeCount > 0)
            return _freeFrames[--_freeCount];
        var frame = ++_lastFrame;
        Invariant.Holds(frame < MaxFrames, "more table pages than reverse maps can name");
        if (frame == _byFrame.Length)
            Array.Resize(ref _byFrame, frame * 2);
        return frame;
    }
}
