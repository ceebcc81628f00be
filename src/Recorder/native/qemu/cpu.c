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
    "mxcsr", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
    "xmm15",
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
    g.look_for_end = true;
    g.cpu->trigger = NO_FETCH_PAGE;
    emit_vcpu();
}

/* A vCPU is there, from the start or plugged in while another runs, perhaps in the place of one that was taken out. */
void cpu_note_running(unsigned index)
{
    typedef void *get_cpu(int index);
    struct vcpu *c = &g.vcpus[index];
    get_cpu *get = (get_cpu *)dlsym(RTLD_DEFAULT, "qemu_get_cpu");

    c->eip = NULL;
    c->live = NULL;
    if (get)
        c->qemu_cpu = get((int)index);
    else if (running)
        c->qemu_cpu = *running;
}

/*
 * The program counter and the control registers are wanted at every block, which is too often for calls into QEMU. QEMU
 * keeps the former behind the 16 general registers somewhere in the vCPU's structure, and the latter some way behind
 * that, after the segments: look for all these values. Checked at every translation; where it does not hold, the slow way
 * is taken.
 */
#define CPU_STRUCTURE_BYTES 65536
#define LIVE_DISTANCE 64

static uint64_t structure[CPU_STRUCTURE_BYTES / sizeof(uint64_t)];

/* QEMU's bits of a vCPU's mode. */
enum { MODE_PROTECTED = 1 << 7, MODE_LONG = 1 << 14, MODE_MANAGEMENT = 1 << 19, MODE_SVM = 1 << 20, MODE_GUEST = 1 << 21 };
#define DESCRIPTOR_LONG (1u << 21) /* of a code segment, in the upper half of its descriptor */
#define RESET_LIMIT 0xffffu        /* of the descriptor tables after reset and INIT */

static bool mode_agrees(const struct live *l)
{
    uint64_t efer = cpu_register(X86_EFER);

    return !(l->mode & MODE_PROTECTED) == !(l->cr[0] & CR0_PE) && !(l->mode & MODE_LONG) == !(efer & EFER_LMA) &&
           !(l->mode & MODE_SVM) == !(efer & EFER_SVME);
}

static bool segments_agree(const struct live *l)
{
    static const int in_order[6] = { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS };

    for (int i = 0; i < 6; i++)
        if (l->segments[i].selector != cpu_register(in_order[i]))
            return false;
    return l->segments[4].base == cpu_register(X86_FS_BASE) && l->segments[5].base == cpu_register(X86_GS_BASE);
}

static bool controls_agree(const struct live *l)
{
    return l->cr[0] == cpu_register(X86_CR0) && l->cr[2] == cpu_register(X86_CR2) && l->cr[3] == cpu_register(X86_CR3) &&
           l->cr[4] == cpu_register(X86_CR4);
}

/* Where in the copy the 17 values stand together, with segments and control registers behind them. */
static bool find_layout(struct vcpu *c, const uint64_t *values)
{
    /* The structure's length is not known: read what is mapped behind its start. */
    struct iovec from = { c->qemu_cpu, sizeof(structure) }, to = { structure, sizeof(structure) };
    ssize_t words = process_vm_readv(getpid(), &to, 1, &from, 1, 0) / (ssize_t)sizeof(*structure);
    ssize_t need = (ssize_t)(sizeof(struct live) / sizeof(*structure));

    for (ssize_t i = 0; i + X86_RIP < words; i++) {
        if (memcmp(structure + i, values, (X86_RIP + 1) * sizeof(*values)))
            continue;
        for (ssize_t at = i + X86_RIP + 1; at < i + X86_RIP + LIVE_DISTANCE && at + need <= words; at++) {
            const struct live *l = (const struct live *)(structure + at);

            if (l->cr[1] || !controls_agree(l) || !segments_agree(l) || !mode_agrees(l))
                continue;
            c->eip = (const uint64_t *)c->qemu_cpu + i + X86_RIP;
            c->live = (const struct live *)((const uint64_t *)c->qemu_cpu + at);
            return true;
        }
    }
    return false;
}

void cpu_check_layout(void)
{
    struct vcpu *c = g.cpu;
    uint64_t values[X86_RIP + 1];

    values[X86_RIP] = cpu_register(X86_RIP);
    if (c->eip && *c->eip == values[X86_RIP] && controls_agree(c->live))
        return;
    c->eip = NULL;
    c->live = NULL;
    /* Registers of zero are found anywhere: wait until some are not. */
    for (int r = 0; r < X86_RIP; r++)
        values[r] = cpu_register(r);
    if (c->qemu_cpu && values[4] && values[X86_RIP] && find_layout(c, values) && !c->task && c->live->gdt.base == c->gdt.base)
        c->task = c->live->tr.selector; /* its LTR was seen, and its selector not */
}

bool cpu_moved(const struct vcpu *c)
{
    if (c->live)
        return c->live->cr[0] != c->cr0 || c->live->cr[3] != c->cr3;
    return cpu_register(X86_CR0) != c->cr0 || cpu_register(X86_CR3) != c->cr3;
}

bool cpu_switched_task(const struct vcpu *c)
{
    return c->live && c->live->tr.selector != c->task && c->live->cr[0] & CR0_PE && !(c->efer & EFER_LMA);
}

void cpu_read_controls(struct vcpu *c)
{
    c->cr0 = cpu_register(X86_CR0);
    c->cr3 = cpu_register(X86_CR3);
    c->cr4 = cpu_register(X86_CR4);
    c->efer = cpu_register(X86_EFER);
}

void cpu_take_controls(struct vcpu *c, struct controls from)
{
    c->cr0 = from.cr0;
    c->cr3 = from.cr3;
    c->cr4 = from.cr4;
    c->efer = from.efer;
}

void cpu_read_tables(struct vcpu *c)
{
    const struct live *l = c->live;
    const struct descriptor_table reset = { 0, RESET_LIMIT };

    c->gdt = l ? (struct descriptor_table){ l->gdt.base, l->gdt.limit } : reset;
    c->idt = l ? (struct descriptor_table){ l->idt.base, l->idt.limit } : reset;
    if (l) {
        cpu_read_task(c);
        return;
    }
    c->tss = reset;
    c->task = 0;
    c->wide_task = false;
}

void cpu_read_task(struct vcpu *c)
{
    c->tss = (struct descriptor_table){ c->live->tr.base, c->live->tr.limit };
    c->task = c->live->tr.selector;
    c->wide_task = is_wide_tss(c->live->tr.flags);
}

bool cpu_in_guest_mode(const struct vcpu *c)
{
    return c->live && c->live->mode & MODE_GUEST;
}

bool cpu_in_management_mode(const struct vcpu *c)
{
    return c->live && c->live->mode & MODE_MANAGEMENT;
}

/* Is the code that runs now 64-bit code? No register tells; the descriptor of its segment does. */
bool cpu_is_code64(void)
{
    uint64_t descriptor, selector;

    if (!(cpu_register(X86_EFER) & EFER_LMA))
        return false;
    if (g.cpu->live)
        return g.cpu->live->segments[1].flags & DESCRIPTOR_LONG;
    selector = cpu_register(X86_CS) & 0xfff8;
    return !cpu_read(g.cpu->gdt.base + selector, &descriptor, 8) || descriptor >> 53 & 1;
}

static const struct segment *segment_of(const struct live *l, int reg)
{
    static const int at[] = { [X86_CS] = 1, [X86_SS] = 2, [X86_DS] = 3, [X86_ES] = 0, [X86_FS] = 4, [X86_GS] = 5 };

    return &l->segments[at[reg]];
}

/* 32-bit code can have segments with a base; long mode has them in fs and gs only. */
static uint64_t segment_base(int reg, bool code64)
{
    uint64_t selector, descriptor;

    if (!code64 && g.cpu->live)
        return segment_of(g.cpu->live, reg)->base;
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
