namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// Lists of entries: those that map one gfn (a reverse map) and those that point at one table page (its parents). A list is an
/// <see cref="int"/>: 0 empty, positive the only entry, negative a chain of descriptors that hold 14 each. The order in which entries
/// are met is KVM's, because it decides the order of writes.
/// </summary>
/// <remarks>KVM: struct pte_list_desc, pte_list_add(), pte_list_remove(), struct rmap_iterator.</remarks>
internal abstract class PteLists
{
    /// <summary>PTE_LIST_EXT.</summary>
    private const int EntriesPerDescriptor = 14;

    private protected PteLists()
    {
    }

    /// <summary>The kernel's way of making lists longer than one descriptor.</summary>
    public static PteLists For(KvmBehaviour kernel) => kernel.PteListsGrowAtHead ? new GrowingAtHead() : new GrowingAtTail();

    private int[] _entries = new int[64 * EntriesPerDescriptor];
    private int[] _more = new int[64];
    private byte[] _counts = new byte[64];
    private int _lastDescriptor;
    private int _firstFree;

    /// <summary>Adds an entry at the end.</summary>
    /// <returns>How many entries the list had before.</returns>
    public int Add(ref int head, int entry)
    {
        if (head == 0)
        {
            head = entry;
            return 0;
        }

        if (head > 0)
        {
            var first = NewDescriptor();
            Append(first, head);
            Append(first, entry);
            head = -first;
            return 1;
        }

        return AddToChain(ref head, entry);
    }

    /// <summary>Removes an entry; the last of its descriptor takes its place.</summary>
    public void Remove(ref int head, int entry)
    {
        if (head > 0)
        {
            Invariant.Holds(head == entry, "an entry to remove from a list of one is another");
            head = 0;
            return;
        }

        var previous = 0;
        for (var descriptor = -head; descriptor != 0; descriptor = _more[descriptor])
        {
            var at = EntriesOf(descriptor).IndexOf(entry);
            if (at >= 0)
            {
                RemoveAt(ref head, descriptor, at, previous);
                return;
            }

            previous = descriptor;
        }

        Invariant.Broken("an entry to remove is in no list");
    }

    /// <remarks>KVM: pte_list_count().</remarks>
    public int Count(int head)
    {
        if (head >= 0)
            return head == 0 ? 0 : 1;
        var count = 0;
        for (var descriptor = -head; descriptor != 0; descriptor = _more[descriptor])
            count += _counts[descriptor];
        return count;
    }

    /// <summary>First entry, or 0.</summary>
    /// <remarks>KVM: rmap_get_first().</remarks>
    public int First(int head, out PteListCursor cursor)
    {
        if (head >= 0)
        {
            cursor = default;
            return head;
        }

        cursor = new PteListCursor { Descriptor = -head };
        return _entries[-head * EntriesPerDescriptor];
    }

    /// <summary>The next entry, or 0.</summary>
    /// <remarks>KVM: rmap_get_next().</remarks>
    public int Next(ref PteListCursor cursor)
    {
        if (cursor.Descriptor == 0)
            return 0;
        if (++cursor.Position < _counts[cursor.Descriptor])
            return _entries[(cursor.Descriptor * EntriesPerDescriptor) + cursor.Position];
        cursor.Descriptor = _more[cursor.Descriptor];
        cursor.Position = 0;
        return cursor.Descriptor == 0 ? 0 : _entries[cursor.Descriptor * EntriesPerDescriptor];
    }

    /// <summary>Empties the list without looking at its entries.</summary>
    public void Clear(ref int head)
    {
        for (var descriptor = head < 0 ? -head : 0; descriptor != 0;)
        {
            var more = _more[descriptor];
            Release(descriptor);
            descriptor = more;
        }

        head = 0;
    }

    /// <returns>How many entries the list had before.</returns>
    private protected abstract int AddToChain(ref int head, int entry);

    private protected abstract void RemoveAt(ref int head, int descriptor, int at, int previous);

    private Span<int> EntriesOf(int descriptor) => _entries.AsSpan(descriptor * EntriesPerDescriptor, _counts[descriptor]);

    private void Append(int descriptor, int entry) => _entries[(descriptor * EntriesPerDescriptor) + _counts[descriptor]++] = entry;

    private int NewDescriptor()
    {
        if (_firstFree != 0)
        {
            var reused = _firstFree;
            _firstFree = _more[reused];
            _more[reused] = 0;
            return reused;
        }

        var descriptor = ++_lastDescriptor;
        if (descriptor == _more.Length)
        {
            Array.Resize(ref _entries, _entries.Length * 2);
            Array.Resize(ref _more, _more.Length * 2);
            Array.Resize(ref _counts, _counts.Length * 2);
        }

        return descriptor;
    }

    private void Release(int descriptor)
    {
        _counts[descriptor] = 0;
        _more[descriptor] = _firstFree;
        _firstFree = descriptor;
    }

    /// <summary>A full list gets its next descriptor at the end; a hole is filled with the last entry of its own descriptor.</summary>
    private sealed class GrowingAtTail : PteLists
    {
        private protected override int AddToChain(ref int head, int entry)
        {
            var descriptor = -head;
            var count = 0;
            while (_counts[descriptor] == EntriesPerDescriptor)
            {
                count += EntriesPerDescriptor;
                if (_more[descriptor] == 0)
                {
                    var added = NewDescriptor();
                    _more[descriptor] = added;
                    descriptor = added;
                    break;
                }

                descriptor = _more[descriptor];
            }

            count += _counts[descriptor];
            Append(descriptor, entry);
            return count;
        }

        private protected override void RemoveAt(ref int head, int descriptor, int at, int previous)
        {
            var last = --_counts[descriptor];
            var entries = _entries.AsSpan(descriptor * EntriesPerDescriptor, EntriesPerDescriptor);
            entries[at] = entries[last];
            entries[last] = 0;
            if (last > 0)
                return;
            if (previous != 0)
                _more[previous] = _more[descriptor];
            else
                head = -_more[descriptor];
            Release(descriptor);
        }
    }

    /// <summary>A full list gets its next descriptor at the front, so that all others are full; a hole is filled with the front's last entry.</summary>
    private sealed class GrowingAtHead : PteLists
    {
        private protected override int AddToChain(ref int head, int entry)
        {
            var count = Count(head);
            if (_counts[-head] == EntriesPerDescriptor)
            {
                var added = NewDescriptor();
                _more[added] = -head;
                head = -added;
            }

            Append(-head, entry);
            return count;
        }

        private protected override void RemoveAt(ref int head, int descriptor, int at, int previous)
        {
            var front = -head;
            var last = --_counts[front];
            ref var moved = ref _entries[(front * EntriesPerDescriptor) + last];
            _entries[(descriptor * EntriesPerDescriptor) + at] = moved;
            moved = 0;
            if (last > 0)
                return;
            head = -_more[front];
            Release(front);
        }
    }
}

/// <summary>Where a walk through a list of <see cref="PteLists"/> stands.</summary>
internal struct PteListCursor
{
    /// <summary>0 for a list of one entry.</summary>
    public int Descriptor { get; set; }

    public int Position { get; set; }
}
