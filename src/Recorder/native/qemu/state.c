/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all files share: the plugin's state, and when the page filter forgets. It calls nothing. */
#include <string.h>

#include "recorder.h"

struct recorder g;

/* Empties every vCPU's filter: keys of another generation do not match. */
void flush_filter(void)
{
    g.counters.flushes++;
    g.generation += 1ull << GENERATION_SHIFT;
    if (g.generation == 0) { /* all generations used: an old key might match again */
        for (unsigned i = 0; i < g.vcpu_count; i++) {
            memset(g.vcpus[i].filter, 0, (g.slot_mask + 1) * sizeof(uint64_t));
            if (g.vcpus[i].nested.slots)
                memset(g.vcpus[i].nested.slots, 0, (g.slot_mask + 1) * sizeof(struct nested_slot));
        }
        if (g.translated)
            memset(g.translated, 0, g.pages * sizeof(*g.translated));
        g.generation = 1ull << GENERATION_SHIFT;
    }
    for (unsigned i = 0; i < g.vcpu_count; i++)
        g.vcpus[i].fetch_page = g.vcpus[i].trigger = NO_FETCH_PAGE;
}

/* The next block of any vCPU looks at the gates again. */
void gates_stale(void)
{
    for (unsigned i = 0; i < g.vcpu_count; i++) {
        g.vcpus[i].gates_stale = true;
        g.vcpus[i].trigger = NO_FETCH_PAGE;
    }
}
