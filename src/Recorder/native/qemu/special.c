/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that change more than memory: which they are, and what happens when one executes. */
#include <string.h>

#include "recorder.h"

#define MSR_EFER 0xc0000080u
#define XSAVE_STATES 512u /* which states the operand of XRSTOR has */
#define XSAVE_PKRU 0xa80u /* where PKRU is, in the standard form */
#define PCI_CONFIG_FIRST 0xcf8u
#define PCI_CONFIG_LAST 0xcffu

enum { MAP_1 = 1, MAP_2 = 2, MAP_3 = 3 };

struct opcode { unsigned map, at; uint8_t op; bool operand_16, repeat; };

/* Skips prefixes, keeps REX. */
static struct opcode find_opcode(const struct mark *m, uint8_t *rex)
{
    struct opcode o = { .map = MAP_1 };

    *rex = 0;
    for (; o.at < m->length; o.at++) {
        uint8_t b = m->bytes[o.at];

        if (b == 0x66)
            o.operand_16 = true;
        else if (b == 0xf3)
            o.repeat = true;
        else if (m->code64 && (b & 0xf0) == 0x40)
            *rex = b;
        else if (b != 0x67 && b != 0xf2 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0x26 && b != 0x64 &&
                 b != 0x65 && b != 0xf0)
            break;
    }
    if (o.at < m->length && m->bytes[o.at] == 0x0f) {
        o.map = MAP_2;
        o.at++;
        if (o.at < m->length && m->bytes[o.at] == 0x38) {
            o.map = MAP_3;
            o.at++;
        }
    }
    o.op = o.at < m->length ? m->bytes[o.at] : 0;
    return o;
}

static enum special group_7(uint8_t modrm)
{
    static const enum special svm[8] = { SPECIAL_VMRUN, NOT_SPECIAL, SPECIAL_VMLOAD, NOT_SPECIAL, NOT_SPECIAL, NOT_SPECIAL, NOT_SPECIAL, SPECIAL_INVLPGA };
    bool memory = modrm < 0xc0;

    switch (modrm >> 3 & 7) {
    case 2: return memory ? SPECIAL_LGDT : modrm == 0xd1 ? SPECIAL_XSETBV : NOT_SPECIAL;
    case 3: return memory ? SPECIAL_LIDT : svm[modrm & 7];
    case 5: return modrm == 0xef ? SPECIAL_WRPKRU : NOT_SPECIAL;
    case 6: return SPECIAL_LMSW;
    case 7: return memory ? SPECIAL_INVLPG : NOT_SPECIAL;
    default: return NOT_SPECIAL;
    }
}

static enum special two_byte(struct mark *m, const struct opcode *o, uint8_t rex)
{
    uint8_t modrm = o->at + 1 < m->length ? m->bytes[o->at + 1] : 0;

    switch (o->op) {
    case 0x00: return (modrm >> 3 & 7) == 3 ? SPECIAL_LTR : (modrm >> 3 & 7) == 2 ? SPECIAL_LLDT : NOT_SPECIAL;
    case 0x01: return group_7(modrm);
    case 0x06: return SPECIAL_CLTS;
    case 0x22: /* MOV CR, reg */
        m->reg = (uint8_t)((modrm & 7) | (rex & 1) << 3);
        m->control = (uint8_t)((modrm >> 3 & 7) | (rex & 4) << 1);
        return m->control == 0 || m->control == 3 || m->control == 4 ? SPECIAL_MOV_CR : NOT_SPECIAL;
    case 0x30: return SPECIAL_WRMSR;
    case 0xaa: return SPECIAL_RSM;
    case 0xae: return (modrm >> 3 & 7) == 5 && modrm < 0xc0 ? SPECIAL_XRSTOR : NOT_SPECIAL;
    case 0xc7: return o->repeat && modrm < 0xc0 && (modrm >> 3 & 7) == 6 ? SPECIAL_VMXON : NOT_SPECIAL;
    default: return NOT_SPECIAL;
    }
}

/* Far transfers, which may switch tasks where neither long mode nor real mode is. */
static enum special far_transfer(const struct mark *m, const struct opcode *o)
{
    unsigned group = o->at + 1 < m->length ? m->bytes[o->at + 1] >> 3 & 7 : 0;

    if (m->code64)
        return NOT_SPECIAL;
    if (o->op == 0xcf)
        return SPECIAL_IRET;
    return o->op == 0x9a || o->op == 0xea || (o->op == 0xff && (group == 3 || group == 5)) ? SPECIAL_FAR : NOT_SPECIAL;
}

enum special special_decode(struct mark *m)
{
    uint8_t rex;
    struct opcode o = find_opcode(m, &rex);

    if (o.map == MAP_2)
        return two_byte(m, &o, rex);
    if (o.map == MAP_3 && o.op == 0x82 && o.operand_16 && o.at + 1 < m->length) {
        m->reg = (uint8_t)((m->bytes[o.at + 1] >> 3 & 7) | (rex & 4) << 1);
        return SPECIAL_INVPCID;
    }
    if (o.map != MAP_1)
        return NOT_SPECIAL;
    if (o.op == 0xe6 || o.op == 0xe7) {
        m->reg = o.at + 1 < m->length ? m->bytes[o.at + 1] : 0; /* the port */
        return SPECIAL_OUT_IMM;
    }
    if ((o.op | 1) == 0xef || (o.op | 1) == 0x6f)
        return SPECIAL_OUT_DX;
    return far_transfer(m, &o);
}

bool special_reads_operand(enum special kind)
{
    return kind == SPECIAL_LIDT || kind == SPECIAL_LGDT || kind == SPECIAL_LTR || kind == SPECIAL_LLDT || kind == SPECIAL_INVPCID ||
           kind == SPECIAL_XRSTOR;
}

static void pend(uint32_t type, uint64_t value, uint64_t gva, uint64_t rip)
{
    g.cpu->pending = (struct pending){ .type = type, .value = value, .gva = gva, .rip = rip };
    g.cpu->trigger = NO_FETCH_PAGE; /* the next block looks */
}

static void on_mov_cr(const struct mark *m)
{
    uint64_t v = cpu_register(m->reg);

    pend(m->control == 0 ? WIRE_CR0 : m->control == 3 ? WIRE_CR3 : WIRE_CR4, m->code64 ? v : (uint32_t)v, 0, instruction_va(m));
}

static void on_wrmsr(uint64_t rip)
{
    if ((uint32_t)cpu_register(1) == MSR_EFER)
        pend(WIRE_EFER, (uint32_t)cpu_register(0) | cpu_register(2) << 32, 0, rip);
}

/* WRPKRU does not end its block, so its event is not put off. */
static void on_wrpkru(uint64_t rip)
{
    if (!(g.cpu->cr4 & CR4_PKE) || (uint32_t)cpu_register(1) || (uint32_t)cpu_register(2))
        return;
    g.cpu->pkru = (uint32_t)cpu_register(0);
    emit_event(WIRE_PKRU, 0, 0, rip, (struct wire_event){ .value = g.cpu->pkru });
    flush_filter();
}

static void on_xsetbv(uint64_t rip)
{
    if (g.cpu->cr4 & CR4_OSXSAVE && !(uint32_t)cpu_register(1))
        pend(PENDING_XCR0, (uint32_t)cpu_register(0) | cpu_register(2) << 32, 0, rip);
}

/* XRSTOR loads PKRU from its operand, or zero where the operand says that it is in its initial state. */
static void on_xrstor(const struct mark *m)
{
    if (!(g.cpu->cr4 & CR4_OSXSAVE) || !(cpu_register(0) & g.cpu->xcr0 & XSTATE_PKRU))
        return;
    g.cpu->xrstor_at = cpu_operand_address(m);
    pend(PENDING_PKRU, 0, 0, instruction_va(m));
}

static void on_xrstor_load(struct vcpu *c, uint64_t va, uint64_t value)
{
    if (c->pending.type != PENDING_PKRU)
        return;
    if (va == c->xrstor_at + XSAVE_STATES)
        c->xrstor_states = value;
    if (va == c->xrstor_at + XSAVE_PKRU && c->xrstor_states & XSTATE_PKRU)
        c->pending.value = (uint32_t)value;
}

/* Does it lead to a TSS or a task gate? Where that is not easily known, it may. */
static bool leads_to_task(const struct mark *m)
{
    uint16_t selector;
    uint64_t descriptor;
    unsigned type;

    if (m->bytes[0] == 0xff || m->length < 7)
        return true;
    memcpy(&selector, m->bytes + m->length - 2, sizeof(selector));
    if (selector & 4 || !walk_read(g.cpu->gdt.base + (selector & 0xfff8), &descriptor, 8))
        return true;
    type = descriptor >> 40 & 0x1f;
    return type == 1 || type == 3 || type == 5 || type == 9 || type == 11;
}

/* The filter may stand for what the next task maps elsewhere; the first access that finds CR3 changed tells it. */
static void on_far(const struct mark *m)
{
    if (!(g.cpu->cr0 & CR0_PE) || g.cpu->efer & EFER_LMA || cpu_register(X86_EFLAGS) & EFLAGS_VM)
        return;
    if (m->kind == SPECIAL_IRET ? !(cpu_register(X86_EFLAGS) & EFLAGS_NT) : !leads_to_task(m))
        return;
    g.cpu->far_transfer = true;
    flush_filter();
}

static void on_vmrun(const struct mark *m)
{
    if (nested_prepare(m))
        pend(WIRE_NESTED_ENTER, 0, 0, instruction_va(m));
}

static void on_invlpga(const struct mark *m)
{
    uint64_t va = cpu_register(0);

    if (g.cpu->efer & EFER_SVME)
        pend(WIRE_INVLPGA, (uint32_t)cpu_register(1), m->code64 ? va : (uint32_t)va, instruction_va(m));
}

static void on_out(const struct mark *m, unsigned port)
{
    g.map_stale = g.look_for_end = true;
    g.cpu->trigger = NO_FETCH_PAGE;
    if (port >= PCI_CONFIG_FIRST && port <= PCI_CONFIG_LAST)
        flush_filter(); /* chipset and BAR registers: RAM may be another's the next moment */
    if (port == g.control->marker_port) {
        emit_event(WIRE_MARKER, 0, 0, instruction_va(m), (struct wire_event){ .value = cpu_register(0) & 0xff, .size = m->length });
        flush_filter(); /* a place for events of the host */
    }
}

void on_special(unsigned vcpu, void *data)
{
    const struct mark *m = data;

    (void)vcpu;
    if (g.several_vcpus)
        cpu_select();
    g.cpu->loads = 0;
    if (unlikely(g.cpu->management) && m->kind != SPECIAL_OUT_IMM && m->kind != SPECIAL_OUT_DX)
        return; /* RSM takes back what it changed */
    switch ((enum special)m->kind) {
    case SPECIAL_MOV_CR: on_mov_cr(m); break;
    case SPECIAL_CLTS: pend(WIRE_CR0, g.cpu->cr0 & ~8ull, 0, instruction_va(m)); break;
    case SPECIAL_LMSW: pend(WIRE_CR0, LMSW_RESULT, 0, instruction_va(m)); break;
    case SPECIAL_WRMSR: on_wrmsr(instruction_va(m)); break;
    case SPECIAL_WRPKRU: on_wrpkru(instruction_va(m)); break;
    case SPECIAL_INVLPG: pend(WIRE_INVLPG, 0, cpu_operand_address(m), instruction_va(m)); break;
    case SPECIAL_OUT_IMM: on_out(m, m->reg); break;
    case SPECIAL_OUT_DX: on_out(m, cpu_register(2) & 0xffff); break;
    case SPECIAL_RSM: pend(WIRE_VCPU_STATE, 0, 0, instruction_va(m)); break;
    case SPECIAL_XSETBV: on_xsetbv(instruction_va(m)); break;
    case SPECIAL_XRSTOR: on_xrstor(m); break;
    case SPECIAL_FAR: case SPECIAL_IRET: on_far(m); break;
    case SPECIAL_INVPCID: pend(WIRE_INVPCID, cpu_register(m->reg), 0, instruction_va(m)); break;
    case SPECIAL_VMRUN: on_vmrun(m); break;
    case SPECIAL_VMLOAD: g.cpu->task_loaded = (g.cpu->efer & EFER_SVME) != 0; g.cpu->trigger = NO_FETCH_PAGE; break;
    case SPECIAL_INVLPGA: on_invlpga(m); break;
    case SPECIAL_VMXON: g.counters.nested += (g.cpu->cr4 & CR4_VMXE) != 0; break;
    default: break;
    }
}

static void load_table(const struct vcpu *c, uint32_t type, struct descriptor_table *t, uint64_t rip)
{
    t->limit = (uint32_t)c->load[0];
    t->base = c->load[1];
    emit_event(type, 0, 0, rip, (struct wire_event){ .value = t->base, .size = t->limit });
}

/* LTR and LLDT read their descriptor in 4-byte pieces, the third only in long mode. */
static void load_system_segment(struct vcpu *c, enum special kind, uint64_t rip)
{
    uint32_t low = (uint32_t)c->load[0], high = (uint32_t)c->load[1];
    struct descriptor_table t = { low >> 16 | (high & 0xff) << 16 | (high & 0xff000000), (low & 0xffff) | (high & 0xf0000) };

    if (c->efer & EFER_LMA)
        t.base |= c->load[2] << 32;
    if (kind == SPECIAL_LTR) {
        c->tss = t;
        c->wide_task = is_wide_tss(high);
        c->task_loaded = true;
        c->trigger = NO_FETCH_PAGE;
    }
    emit_event(kind == SPECIAL_LTR ? WIRE_LTR : WIRE_LLDT, 0, 0, rip, (struct wire_event){ .value = t.base, .size = t.limit });
}

/* The operand arrives as the instruction's own loads: no address to decode, nothing to read twice. */
void on_special_load(unsigned vcpu, meminfo info, uint64_t va, void *data)
{
    const struct mark *m = data;
    struct vcpu *c;
    enum special kind = m->kind;
    uint64_t value;

    (void)vcpu;
    if (g.several_vcpus)
        cpu_select();
    c = g.cpu;
    if (qemu_plugin_mem_size_shift(info) > 3 || c->management)
        return; /* vector registers of XRSTOR */
    value = qemu_plugin_mem_get_value(info).u64 & (~0ull >> (64 - (8u << qemu_plugin_mem_size_shift(info))));
    if (kind == SPECIAL_XRSTOR) {
        on_xrstor_load(c, va, value);
        return;
    }
    if (c->loads < 4)
        c->load[c->loads++] = value;
    if (kind == SPECIAL_INVPCID) { /* PCID, then the address */
        c->pending.error_code = (uint32_t)c->load[0];
        c->pending.gva = c->load[1];
    } else if ((kind == SPECIAL_LTR || kind == SPECIAL_LLDT) && c->loads == (c->efer & EFER_LMA ? 3u : 2u))
        load_system_segment(c, kind, instruction_va(m));
    else if (kind == SPECIAL_LGDT && c->loads == 2)
        load_table(c, WIRE_LGDT, &c->gdt, instruction_va(m));
    else if (kind == SPECIAL_LIDT && c->loads == 2) {
        load_table(c, WIRE_LIDT, &c->idt, instruction_va(m));
        deliver_idt_moved(c);
    }
}
