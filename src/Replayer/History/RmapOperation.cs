namespace Replay.Replayer.History;

/// <summary>A change of KVM's reverse maps, which write no table entry.</summary>
public enum RmapOperation : byte
{
    /// <summary>rmap_add: the gfn's list gained an entry.</summary>
    Add = 1,

    /// <summary>pte_list_remove from a gfn's list.</summary>
    Remove = 2,

    /// <summary>mmu_page_add_parent_pte.</summary>
    AddParent = 3,

    /// <summary>mmu_page_remove_parent_pte.</summary>
    RemoveParent = 4,
}
