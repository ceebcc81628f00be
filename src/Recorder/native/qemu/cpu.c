/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers, the vCPU that runs, and the addresses of operands. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "recorder.h"

static const char *const register_names[X86_COUNT] = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rip", "eflags", "cs", "ss", "ds", "es", "fs", "gs", "fs_base", "gs_base", "cr0", "cr2", "cr3", "cr4", "efer",
};
static struct qemu_plugin_register *registers[X86_COUNT];
static struct glib_bytes *bytes;
static void **running; /* QEMU's current_cpu, on the one thread that runs vCPUs */

bool cpu_find_registers(void)
{
    struct glib_array *all = qemu_plugin_get_registers();
    const struct register_descriptor *d = (const struct register_descriptor *)all->data;

    for (unsigned i = 0; i < all->len; i++)
        for (int r = 0; r < X86_COUNT; r++)
            if (!strcmp(d[i].name, register_names[r]))
                registers[r] = d[i].handle;
    g_array_free(all, 1);
    for (int r = 0; r < X86_COUNT; r++)
        if (!registers[r]) {
            ring_fail("this QEMU does not show the register %s to plugins", register_names[r]);
            return false;
        }
    bytes = g_byte_array_new();
    running = dlsym(RTLD_DEFAULT, "current_cpu");
    if (!running && g.several_vcpus) {
        ring_fail("this QEMU does not export current_cpu, so several vCPUs cannot be told apart: use -smp 1");
        return false;
    }
    return true;
}

uint64_t cpu_register(int number)
{
    uint64_t v = 0;
    int n;

    g_byte_array_set_size(bytes, 0);
    n = qemu_plugin_read_register(registers[number], bytes);
    if (n > 8)
        n = 8;
    if (n > 0)
        memcpy(&v, bytes->data, (size_t)n);
    return v;
}

bool cpu_read(uint64_t va, void *to, unsigned size)
{
    if (!qemu_plugin_read_memory_vaddr(va, bytes, size))
        return false;
    memcpy(to, bytes->data, size);
    return true;
}

void cpu_select(void)
{
    if (g.cpu->qemu_cpu == *running)
        return;
    for (unsigned i = 0; i < g.vcpu_count; i++)
        if (g.vcpus[i].qemu_cpu == *running)
            g.cpu = &g.vcpus[i];
    g.vcpu_bits = (uint64_t)g.cpu->index << WIRE_HEAD_VCPU_SHIFT;
    emit_vcpu();
}

void cpu_note_running(unsigned index)
{
    if (running)
        g.vcpus[index].qemu_cpu = *running;
}

/*
 * The program counter is wanted at every block, which is too often for a call into QEMU. QEMU keeps it behind the 16
 * general registers somewhere in the vCPU's structure: look for these 17 values together. Checked at every translation;
 * where it does not hold, the slow way is taken.
 */
#define CPU_STRUCTURE_BYTES 65536

static const uint64_t *find_eip(const struct vcpu *c, const uint64_t *values)
{
    static uint64_t copy[CPU_STRUCTURE_BYTES / sizeof(uint64_t)];
    /* The structure's length is not known: read what is mapped behind its start. */
    struct iovec from = { c->qemu_cpu, sizeof(copy) }, to = { copy, sizeof(copy) };
    ssize_t length = process_vm_readv(getpid(), &to, 1, &from, 1, 0);

    for (ssize_t i = 0; i + X86_RIP < length / (ssize_t)sizeof(*copy); i++)
        if (!memcmp(copy + i, values, (X86_RIP + 1) * sizeof(*values)))
            return (const uint64_t *)c->qemu_cpu + i + X86_RIP;
    return NULL;
}

void cpu_check_eip(void)
{
    struct vcpu *c = g.cpu;
    uint64_t values[X86_RIP + 1];

    values[X86_RIP] = cpu_register(X86_RIP);
    if (c->eip && *c->eip == values[X86_RIP])
        return;
    c->eip = NULL;
    /* Registers of zero are found anywhere: wait until some are not. */
    for (int r = 0; r < X86_RIP; r++)
        values[r] = cpu_register(r);
    if (c->qemu_cpu && values[4] && values[X86_RIP])
        c->eip = find_eip(c, values);
}

void cpu_read_controls(struct vcpu *c)
{
    c->cr0 = cpu_register(X86_CR0);
    c->cr3 = cpu_register(X86_CR3);
    c->cr4 = cpu_register(X86_CR4);
    c->efer = cpu_register(X86_EFER);
}

/* Is the code that runs now 64-bit code? No register tells; the descriptor of its segment does. */
bool cpu_is_code64(void)
{
    uint64_t descriptor, selector;

    if (!(cpu_register(X86_EFER) & EFER_LMA))
        return false;
    selector = cpu_register(X86_CS) & 0xfff8;
    return !cpu_read(g.cpu->gdt.base + selector, &descriptor, 8) || descriptor >> 53 & 1;
}

/* 32-bit code can have segments with a base; long mode has them in fs and gs only. */
static uint64_t segment_base(int reg, bool code64)
{
    uint64_t selector, descriptor;

    if (reg == X86_FS || reg == X86_GS || code64)
        return reg == X86_FS ? cpu_register(X86_FS_BASE) : reg == X86_GS ? cpu_register(X86_GS_BASE) : 0;
    selector = cpu_register(reg) & 0xffff;
    if (!(g.cpu->cr0 & CR0_PE))
        return selector << 4;
    if (!(selector & ~7ull) || selector & 4 || !cpu_read(g.cpu->gdt.base + (selector & ~7ull), &descriptor, 8))
        return 0;
    return (descriptor >> 16 & 0xffffff) | (descriptor >> 56 & 0xff) << 24;
}

uint64_t cpu_stack_base(void)
{
    return segment_base(X86_SS, false);
}

struct operand { const struct mark *m; unsigned at; uint8_t rex; bool small; int segment; };

static int64_t displacement(struct operand *o, unsigned size)
{
    int64_t v = 0;

    if (o->at + size > o->m->length)
        return 0;
    memcpy(&v, o->m->bytes + o->at, size);
    o->at += size;
    return size == 1 ? (int8_t)v : size == 2 ? (int16_t)v : (int32_t)v;
}

static uint64_t address_16(struct operand *o, unsigned mod, unsigned rm)
{
    static const int8_t base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 }, index[8] = { 6, 7, 6, 7, -1, -1, -1, -1 };
    uint64_t a;

    if (mod == 0 && rm == 6)
        return (uint16_t)displacement(o, 2);
    a = cpu_register(base[rm]) + (index[rm] >= 0 ? cpu_register(index[rm]) : 0);
    if (o->segment < 0 && base[rm] == 5)
        o->segment = X86_SS;
    a += (uint64_t)(mod == 1 ? displacement(o, 1) : mod == 2 ? displacement(o, 2) : 0);
    return (uint16_t)a;
}

static uint64_t address_32_64(struct operand *o, unsigned mod, unsigned rm)
{
    uint64_t a = 0;
    unsigned base = rm | (o->rex & 1) << 3;
    bool has_base = true;

    if (rm == 4) {
        uint8_t sib = o->m->bytes[o->at++];
        unsigned index = (sib >> 3 & 7) | (o->rex & 2) << 2;

        base = (sib & 7) | (o->rex & 1) << 3;
        if (index != 4)
            a = cpu_register((int)index) << (sib >> 6);
        has_base = !(mod == 0 && (sib & 7) == 5);
        if (!has_base)
            a += (uint64_t)displacement(o, 4);
    } else if (mod == 0 && rm == 5) {
        has_base = false;
        a = (uint64_t)displacement(o, 4) + (o->m->code64 ? instruction_va(o->m) + o->m->length : 0);
    }
    if (has_base) {
        a += cpu_register((int)base);
        if (o->segment < 0 && (base == 4 || base == 5))
            o->segment = X86_SS;
    }
    a += (uint64_t)(mod == 1 ? displacement(o, 1) : mod == 2 ? displacement(o, 4) : 0);
    return o->m->code64 && !o->small ? a : (uint32_t)a;
}

/* The linear address of a two-byte-opcode instruction's memory operand. */
uint64_t cpu_operand_address(const struct mark *m)
{
    struct operand o = { .m = m, .segment = -1 };
    unsigned mod, rm;
    uint64_t a;

    for (; o.at < m->length && m->bytes[o.at] != 0x0f; o.at++) {
        uint8_t b = m->bytes[o.at];

        if (b == 0x67)
            o.small = true;
        else if (m->code64 && (b & 0xf0) == 0x40)
            o.rex = b;
        else
            o.segment = b == 0x2e ? X86_CS : b == 0x36 ? X86_SS : b == 0x3e ? X86_DS : b == 0x26 ? X86_ES
                      : b == 0x64 ? X86_FS : b == 0x65 ? X86_GS : o.segment;
    }
    o.at += 2;
    mod = m->bytes[o.at] >> 6, rm = m->bytes[o.at] & 7;
    o.at++;
    /* 16-bit addressing: real-mode code is taken for 16-bit, protected-mode code for 32-bit. */
    if (!m->code64 && o.small == !!(g.cpu->cr0 & CR0_PE))
        a = address_16(&o, mod, rm);
    else
        a = address_32_64(&o, mod, rm);
    a += segment_base(o.segment < 0 ? X86_DS : o.segment, m->code64);
    return m->code64 ? a : (uint32_t)a;
}
