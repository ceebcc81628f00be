using Replay.Replayer.Kvm;

namespace Replay.Replayer.Tests.Host;

public sealed class MemslotsTests
{
    private static Memslots With(params Memslot[] slots)
    {
        var set = new Memslots();
        foreach (var slot in slots)
        {
            set.BeginSwap();
            set.Replace(null, slot);
            set.EndSwap();
        }

        return set;
    }

    [Fact]
    public void A_gfn_is_found_in_the_slot_that_holds_it_and_nowhere_in_the_holes()
    {
        var low = new Memslot(0, 0, 0xa0, 0);
        var high = new Memslot(1, 0x100, 0x100, 0x100000);
        var slots = With(high, low);

        Assert.Same(low, slots.Find(0));
        Assert.Same(low, slots.Find(0x9f));
        Assert.Null(slots.Find(0xa0));
        Assert.Null(slots.Find(0xff));
        Assert.Same(high, slots.Find(0x100));
        Assert.Same(high, slots.Find(0x1ff));
        Assert.Null(slots.Find(0x200));
        Assert.Same(low, slots.Find(1));
    }

    [Fact]
    public void Slots_are_kept_in_order_of_gfn_whatever_the_order_of_their_creation()
    {
        var slots = With(new Memslot(7, 0x300, 1, 0x300000), new Memslot(1, 0x100, 1, 0x100000), new Memslot(4, 0x200, 1, 0x200000));

        Assert.Equal([1, 4, 7], slots.All.ToArray().Select(slot => slot.Id));
        Assert.Equal(3UL, slots.PageCount);
    }

    [Fact]
    public void A_swap_advances_the_generation_by_the_number_of_address_spaces()
    {
        var slots = With(new Memslot(0, 0, 1, 0));

        Assert.Equal(2UL, slots.Generation);
        slots.BeginSwap();
        Assert.Equal(Memslots.UpdateInProgress | 2, slots.Generation);
        Assert.Equal(4UL, slots.NextGeneration);
        slots.EndSwap();
        Assert.Equal(4UL, slots.Generation);
    }

    [Fact]
    public void A_swap_inside_a_swap_is_our_own_mistake()
    {
        var slots = With(new Memslot(0, 0, 1, 0));
        slots.BeginSwap();

        Assert.Throws<InvariantViolation>(slots.BeginSwap);
    }

    [Fact]
    public void A_deleted_slot_is_found_no_more_although_it_was_the_last_one_used()
    {
        var slot = new Memslot(0, 0, 16, 0);
        var slots = With(slot);
        Assert.Same(slot, slots.Find(3));

        slots.Replace(slot, null);

        Assert.Null(slots.Find(3));
        Assert.Null(slots.FindById(0));
        Assert.Equal(0UL, slots.PageCount);
    }

    [Fact]
    public void Overlaps_are_seen_with_every_slot_but_the_one_being_changed()
    {
        var slots = With(new Memslot(0, 0x100, 0x100, 0));

        Assert.NotNull(slots.FindOverlap(0x1ff, 0x200, exceptId: 1));
        Assert.Null(slots.FindOverlap(0x200, 0x300, exceptId: 1));
        Assert.Null(slots.FindOverlap(0, 0x100, exceptId: 1));
        Assert.Null(slots.FindOverlap(0x180, 0x280, exceptId: 0));
    }

    [Fact]
    public void Gfns_and_host_addresses_translate_both_ways()
    {
        var slot = new Memslot(0, 0x100, 0x10, 0x5000_0000);

        Assert.Equal(0x5000_3000UL, slot.GfnToHva(0x103));
        Assert.Equal(0x103UL, slot.HvaToGfn(0x5000_3fff));
    }

    [Fact]
    public void Only_a_slot_that_logs_has_a_bitmap_and_switching_it_off_and_on_starts_a_clean_one()
    {
        var slot = new Memslot(0, 0x100, 0x80, 0);
        slot.MarkDirty(0x141);
        Assert.Null(slot.DirtyBitmap);

        var logging = slot.WithLogDirty(true);
        logging.MarkDirty(0x141);
        Assert.Equal([0UL, 2UL], logging.DirtyBitmap!.Words.ToArray());
        Assert.Equal(2UL, logging.DirtyBitmap.Take(1));
        Assert.False(logging.DirtyBitmap.Get(0x41));

        logging.MarkDirty(0x100);
        Assert.Same(logging.DirtyBitmap, logging.WithLogDirty(true).DirtyBitmap);
        Assert.False(logging.WithLogDirty(false).WithLogDirty(true).DirtyBitmap!.Get(0));
    }
}
