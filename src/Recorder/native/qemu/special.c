/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that change more than memory: which they are, and what happens when one executes. */
#include <string.h>

#include "recorder.h"

#define MSR_EFER 0xc0000080u
#define LMSW_RESULT (~0ull)
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
    bool memory = modrm < 0xc0;

    switch (modrm >> 3 & 7) {
    case 2: return memory ? SPECIAL_LGDT : NOT_SPECIAL;
    case 3: return memory ? SPECIAL_LIDT : modrm == 0xd8 ? SPECIAL_VMRUN : NOT_SPECIAL;
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
    case 0x00: return (modrm >> 3 & 7) == 3 ? SPECIAL_LTR : NOT_SPECIAL;
    case 0x01: return group_7(modrm);
    case 0x06: return SPECIAL_CLTS;
    case 0x22: /* MOV CR, reg */
        m->reg = (uint8_t)((modrm & 7) | (rex & 1) << 3);
        m->control = (uint8_t)((modrm >> 3 & 7) | (rex & 4) << 1);
        return m->control == 0 || m->control == 3 || m->control == 4 ? SPECIAL_MOV_CR : NOT_SPECIAL;
    case 0x30: return SPECIAL_WRMSR;
    case 0xaa: return SPECIAL_RSM;
    case 0xc7: return o->repeat && modrm < 0xc0 && (modrm >> 3 & 7) == 6 ? SPECIAL_VMXON : NOT_SPECIAL;
    default: return NOT_SPECIAL;
    }
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
    return (o.op | 1) == 0xef || (o.op | 1) == 0x6f ? SPECIAL_OUT_DX : NOT_SPECIAL;
}

bool special_reads_operand(enum special kind)
{
    return kind == SPECIAL_LIDT || kind == SPECIAL_LGDT || kind == SPECIAL_LTR || kind == SPECIAL_INVPCID;
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

static void on_out(const struct mark *m, unsigned port)
{
    g.map_stale = true;
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
    switch ((enum special)m->kind) {
    case SPECIAL_MOV_CR: on_mov_cr(m); break;
    case SPECIAL_CLTS: pend(WIRE_CR0, g.cpu->cr0 & ~8ull, 0, instruction_va(m)); break;
    case SPECIAL_LMSW: pend(WIRE_CR0, LMSW_RESULT, 0, instruction_va(m)); break;
    case SPECIAL_WRMSR: on_wrmsr(instruction_va(m)); break;
    case SPECIAL_WRPKRU: on_wrpkru(instruction_va(m)); break;
    case SPECIAL_INVLPG: pend(WIRE_INVLPG, 0, cpu_operand_address(m), instruction_va(m)); break;
    case SPECIAL_OUT_IMM: on_out(m, m->reg); break;
    case SPECIAL_OUT_DX: on_out(m, cpu_register(2) & 0xffff); break;
    case SPECIAL_RSM: pend(WIRE_CR0, LMSW_RESULT, 0, instruction_va(m)); break;
    case SPECIAL_INVPCID: pend(WIRE_INVPCID, cpu_register(m->reg), 0, instruction_va(m)); break;
    case SPECIAL_VMRUN: g.counters.nested += (g.cpu->efer & EFER_SVME) != 0; break;
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

/* LTR reads its descriptor in 4-byte pieces, the third only in long mode. */
static void load_tss(struct vcpu *c, uint64_t rip)
{
    uint32_t low = (uint32_t)c->load[0], high = (uint32_t)c->load[1];

    c->tss.base = low >> 16 | (high & 0xff) << 16 | (high & 0xff000000);
    if (c->efer & EFER_LMA)
        c->tss.base |= c->load[2] << 32;
    c->tss.limit = (low & 0xffff) | (high & 0xf0000);
    emit_event(WIRE_LTR, 0, 0, rip, (struct wire_event){ .value = c->tss.base, .size = c->tss.limit });
}

/* The operand arrives as the instruction's own loads: no address to decode, nothing to read twice. */
void on_special_load(unsigned vcpu, meminfo info, uint64_t va, void *data)
{
    const struct mark *m = data;
    struct vcpu *c;
    enum special kind = m->kind;

    (void)vcpu, (void)va;
    if (g.several_vcpus)
        cpu_select();
    c = g.cpu;
    if (c->loads < 4)
        c->load[c->loads++] = qemu_plugin_mem_get_value(info).u64 & (~0ull >> (64 - (8u << qemu_plugin_mem_size_shift(info))));
    if (kind == SPECIAL_INVPCID) { /* PCID, then the address */
        c->pending.error_code = (uint32_t)c->load[0];
        c->pending.gva = c->load[1];
    } else if (kind == SPECIAL_LTR && c->loads == (c->efer & EFER_LMA ? 3u : 2u))
        load_tss(c, instruction_va(m));
    else if (kind == SPECIAL_LGDT && c->loads == 2)
        load_table(c, WIRE_LGDT, &c->gdt, instruction_va(m));
    else if (kind == SPECIAL_LIDT && c->loads == 2) {
        load_table(c, WIRE_LIDT, &c->idt, instruction_va(m));
        deliver_idt_moved(c);
    }
}
