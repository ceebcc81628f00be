/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The QEMU plugin that records a guest's memory accesses: `-plugin replay_plugin.so,ring=FILE`. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "recorder.h"

PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_API_VERSION;

/* All spellings that the recorder does not see (a configuration file, say) end here. */
static bool on_one_thread(void)
{
    static pid_t thread;
    pid_t self = (pid_t)syscall(SYS_gettid);

    if (!thread)
        thread = self;
    return thread == self;
}

static void on_vcpu_init(plugin_id id, unsigned index)
{
    struct vcpu *c = &g.vcpus[index];

    (void)id;
    if (!on_one_thread()) {
        ring_fail("QEMU runs the vCPUs on several threads, which has no order of accesses to record: give -accel tcg,thread=single");
        return;
    }
    if (!c->filter || (!g.registers_known && !(g.registers_known = cpu_find_registers())))
        return;
    cpu_note_running(index);
    c->trigger = NO_FETCH_PAGE;
}

static void on_idle(plugin_id id, unsigned index)
{
    (void)id, (void)index;
    ring_publish(); /* nothing may come for long */
}

static void on_exit_of_qemu(plugin_id id, void *unused)
{
    (void)id, (void)unused;
    g.recording = false;
    ring_finish(WIRE_END_QEMU_EXIT); /* at whose wish, it does not say here */
}

static bool prepare_vcpus(unsigned count)
{
    g.vcpu_count = count;
    g.several_vcpus = count > 1;
    g.cpu = &g.vcpus[0];
    for (unsigned i = 0; i < count; i++) {
        g.vcpus[i].index = i;
        g.vcpus[i].trigger = NO_FETCH_PAGE;
        g.vcpus[i].xcr0 = 1;
        filter_allocate(&g.vcpus[i], g.control->filter_slots);
        if (!g.vcpus[i].filter || !g.vcpus[i].places)
            return false;
    }
    return true;
}

PLUGIN_EXPORT int qemu_plugin_install(plugin_id id, const struct plugin_info *info, int argc, char **argv)
{
    if (argc != 1 || strncmp(argv[0], "ring=", 5) != 0) {
        fprintf(stderr, "replay plugin: the one argument is ring=FILE\n");
        return -1;
    }
    if (!info->system_emulation || strcmp(info->target_name, "x86_64") != 0) {
        fprintf(stderr, "replay plugin: only qemu-system-x86_64 can be recorded, not %s\n", info->target_name);
        return -1;
    }
    if (info->system.max_vcpus > MAX_VCPUS) {
        fprintf(stderr, "replay plugin: at most %d vCPUs can be recorded\n", MAX_VCPUS);
        return -1;
    }
    if (!ring_open(argv[0] + 5))
        return -1;
    g.control->vcpus = (uint32_t)info->system.max_vcpus;
    g.filtered = g.control->options & WIRE_OPTION_FILTER;
    g.slot_mask = g.control->filter_slots - 1;
    g.generation = 1ull << GENERATION_SHIFT;
    g.stop = ~0ull;
    if (!prepare_vcpus((unsigned)info->system.max_vcpus))
        return -1;
    qemu_plugin_register_vcpu_init_cb(id, on_vcpu_init);
    qemu_plugin_register_vcpu_idle_cb(id, on_idle);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    qemu_plugin_register_flush_cb(id, on_code_flush);
    qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
    __atomic_store_n(&g.control->state, WIRE_LOADED, __ATOMIC_RELEASE);
    return 0;
}
