/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of QEMU's TCG plugin interface (versions 2 to 4) and of GLib that this plugin uses. Distributions ship no
 * header for either side of it, so the declarations stand here; the symbols are QEMU's own at load time.
 */
#ifndef REPLAY_QEMU_API_H
#define REPLAY_QEMU_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLUGIN_API_VERSION 4
#define PLUGIN_EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
typedef uint32_t meminfo;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
struct qemu_plugin_register;

struct plugin_info {
    const char *target_name;
    struct { int min, cur; } version;
    bool system_emulation;
    struct { int smp_vcpus, max_vcpus; } system;
};

struct glib_bytes { uint8_t *data; unsigned len; };
struct glib_array { char *data; unsigned len; };
struct register_descriptor { struct qemu_plugin_register *handle; const char *name, *feature; };
struct mem_value { int type; union { uint8_t u8; uint16_t u16; uint32_t u32; uint64_t u64; struct { uint64_t low, high; } u128; }; };

enum { CB_NO_REGS, CB_R_REGS };
enum { MEM_R = 1, MEM_W = 2 };

typedef void simple_cb(plugin_id id);
typedef void vcpu_cb(plugin_id id, unsigned vcpu);
typedef void exec_cb(unsigned vcpu, void *data);
typedef void mem_cb(unsigned vcpu, meminfo info, uint64_t va, void *data);

void qemu_plugin_register_vcpu_init_cb(plugin_id, vcpu_cb *);
void qemu_plugin_register_vcpu_idle_cb(plugin_id, vcpu_cb *);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_flush_cb(plugin_id, simple_cb *);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, exec_cb *, int flags, void *);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, exec_cb *, int flags, void *);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, mem_cb *, int flags, int rw, void *);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *, void *, size_t);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *);

unsigned qemu_plugin_mem_size_shift(meminfo);
struct mem_value qemu_plugin_mem_get_value(meminfo);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(meminfo, uint64_t);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *);

struct glib_array *qemu_plugin_get_registers(void);
int qemu_plugin_read_register(struct qemu_plugin_register *, struct glib_bytes *);
bool qemu_plugin_read_memory_vaddr(uint64_t, struct glib_bytes *, size_t);

struct glib_bytes *g_byte_array_new(void);
struct glib_bytes *g_byte_array_set_size(struct glib_bytes *, unsigned);
void *g_array_free(struct glib_array *, int);

#endif
