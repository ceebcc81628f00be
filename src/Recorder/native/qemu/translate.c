/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is called when: decided once for each translated block. QEMU translates x86 code relative to its address and uses
 * a block again wherever the same physical page is mapped, so the address that a block is translated at is not the one
 * it runs at: blocks are told by their offset in the page, and the page by the program counter when they start.
 */
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

#define ARENA_MARKS 16384

struct arena { struct arena *next; unsigned used; struct mark marks[ARENA_MARKS]; };
struct mode { bool user, code64; };

static struct arena *arenas;

static struct mark *new_mark(void)
{
    if (!arenas || arenas->used == ARENA_MARKS) {
        struct arena *a = malloc(sizeof(*a));

        if (!a)
            abort();
        a->next = arenas;
        a->used = 0;
        arenas = a;
    }
    return memset(&arenas->marks[arenas->used++], 0, sizeof(struct mark));
}

/* QEMU dropped all translated code, and with it every pointer to a mark. */
void on_code_flush(plugin_id id)
{
    (void)id;
    while (arenas) {
        struct arena *next = arenas->next;

        free(arenas);
        arenas = next;
    }
}

/* Execution goes on in a page; no look is needed at blocks there while it does, unless a delivery may lead there. */
static void go_on(uint64_t va, uint64_t gpa, unsigned size, bool user)
{
    fetch(va, gpa, size, user);
    if (g.recording)
        g.cpu->trigger = deliver_page_has_handlers(va) || g.cpu->task_gates || g.cpu->nested.active ? NO_FETCH_PAGE : FETCH_PAGE(va, user);
}

/* At a block that a gate points at: settles what went before, then the delivery, if it was one. */
static void enter_handler(uint64_t va)
{
    struct delivery d = { 0 };
    bool delivered = deliver_find(va, &d);

    /* The instruction that had something pending faulted instead. */
    if (delivered && d.frame.rip == g.cpu->pending.rip)
        g.cpu->pending.type = PENDING_NONE;
    session_settle();
    if (delivered && g.recording)
        deliver_tell(&d);
    g.counters.not_deliveries += !delivered && g.recording;
}

static void enter_task(void)
{
    if (!g.cpu->far_transfer && g.cpu->pending.type && task_interrupted() == g.cpu->pending.rip)
        g.cpu->pending.type = PENDING_NONE;
    session_settle();
    task_switch();
}

/* What happened between the last block and this one that no instruction did. */
static void notice_changes(uint64_t va)
{
    struct vcpu *c = g.cpu;

    nested_notice(va);
    if (unlikely(c->task_loaded))
        task_loaded(c);
    if (unlikely(cpu_switched_task(c)))
        enter_task();
    else if (unlikely(cpu_moved(c)) && (!c->pending.type || va == RESET_VECTOR))
        session_moved(va);
    c->far_transfer = false;
}

static __attribute__((noinline)) void enter_page(uint64_t va, const struct mark *m)
{
    enter_code_page(PAGE_BASE(va));
    if (unlikely(g.look_for_end))
        session_look_for_end();
    if (unlikely(session_in_management_mode(va)))
        return;
    notice_changes(va);
    if (unlikely(!g.recording)) {
        session_settle();
        if (g.ended || g.control->start_kind != WIRE_AT_NOWHERE)
            return;
        session_start(va);
    }
    if (unlikely(!g.cpu->introduced))
        session_introduce(va);
    if (g.cpu->gates_stale)
        deliver_refresh(g.cpu);
    if (deliver_is_handler(va))
        enter_handler(va);
    else
        session_settle();
    go_on(va, m->gpa, m->size, m->user);
}

static __attribute__((noinline)) void on_block_slowly(const struct mark *m)
{
    uint64_t va;

    if (g.several_vcpus)
        cpu_select();
    va = (m->cs_base + (g.cpu->eip ? *g.cpu->eip : cpu_register(X86_RIP))) & m->va_mask;
    if (g.cpu->trigger != FETCH_PAGE(va, m->user) || cpu_moved(g.cpu))
        enter_page(va, m);
}

static void on_block(unsigned vcpu, void *data)
{
    const struct vcpu *c = &g.vcpus[0];
    const struct mark *m = data;
    uint64_t va;

    (void)vcpu;
    if (unlikely(!c->eip)) {
        on_block_slowly(m);
        return;
    }
    va = (m->cs_base + *c->eip) & m->va_mask;
    if (unlikely(c->trigger != FETCH_PAGE(va, m->user) || c->live->cr[0] != c->cr0 || c->live->cr[3] != c->cr3))
        enter_page(va, m);
}

static void on_block_smp(unsigned vcpu, void *data)
{
    (void)vcpu;
    on_block_slowly(data);
}

/* The second page of an instruction that crosses into it. */
static void on_second_page(unsigned vcpu, void *data)
{
    const struct mark *m = data;

    (void)vcpu;
    if (g.several_vcpus)
        cpu_select();
    enter_code_page(g.cpu->code_page + PAGE_BYTES);
    if (likely(!g.cpu->management))
        go_on(g.cpu->code_page, GPA_UNKNOWN, m->size, m->user);
}

static bool stands_at(const struct mark *m, uint32_t kind, uint64_t where)
{
    return (kind == WIRE_AT_GVA && instruction_va(m) == where) || (kind == WIRE_AT_GPA && m->gpa == where);
}

static void on_bound(unsigned vcpu, void *data)
{
    const struct mark *m = data;
    const struct wire_control *c = g.control;

    (void)vcpu;
    if (g.several_vcpus)
        cpu_select();
    if (!g.recording && !g.ended && stands_at(m, c->start_kind, c->start_at)) {
        session_start(instruction_va(m));
        go_on(instruction_va(m), m->gpa, m->size, m->user);
    } else if (g.recording && stands_at(m, c->stop_kind, c->stop_at)) {
        end_recording(WIRE_END_STOP_AT);
    }
}

/* The code runs in the mode it is translated in: privilege and width are part of a block's identity in QEMU. */
static struct mode current_mode(void)
{
    struct mode m = { .code64 = cpu_is_code64() };

    if (cpu_register(X86_CR0) & CR0_PE)
        m.user = (cpu_register(X86_CS) & 3) == 3 || (!m.code64 && cpu_register(X86_EFLAGS) & EFLAGS_VM);
    return m;
}

static struct mark *mark_instruction(const struct qemu_plugin_insn *insn, struct mode mode)
{
    struct mark *m = new_mark();
    uint64_t room;

    m->offset = PAGE_OFFSET(qemu_plugin_insn_vaddr(insn));
    m->length = (uint8_t)qemu_plugin_insn_size(insn);
    room = PAGE_BYTES - m->offset;
    m->size = m->length < room ? m->length : (uint8_t)room;
    m->user = mode.user;
    m->code64 = mode.code64;
    if (!memory_gpa_of_host(qemu_plugin_insn_haddr(insn), &m->gpa))
        m->gpa = GPA_UNKNOWN;
    return m;
}

static void watch_block(struct qemu_plugin_tb *tb, struct mode mode)
{
    const struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, 0);
    struct mark *m = mark_instruction(first, mode);

    /* A block's code segment base is part of its identity, too. */
    m->cs_base = mode.code64 ? 0 : qemu_plugin_insn_vaddr(first) - cpu_register(X86_RIP);
    m->va_mask = mode.code64 ? ~0ull : 0xffffffff;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, g.several_vcpus ? on_block_smp : on_block, CB_R_REGS, m);
}

static void watch_crossing(struct qemu_plugin_insn *insn, struct mode mode)
{
    struct mark *m = mark_instruction(insn, mode);

    m->size = m->length - m->size;
    qemu_plugin_register_vcpu_insn_exec_cb(insn, on_second_page, CB_NO_REGS, m);
}

static void watch_bounds(struct qemu_plugin_insn *insn, struct mode mode)
{
    const struct wire_control *c = g.control;
    uint64_t va = qemu_plugin_insn_vaddr(insn);

    /* Frames keep the offset in the page, so most instructions are told apart at once. */
    if ((c->start_kind && PAGE_OFFSET(va ^ c->start_at) == 0) || (c->stop_kind && PAGE_OFFSET(va ^ c->stop_at) == 0))
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_bound, CB_R_REGS, mark_instruction(insn, mode));
}

static void watch_memory(struct qemu_plugin_insn *insn, bool user, bool crosses)
{
    void *rip_bits = (void *)(PAGE_OFFSET(qemu_plugin_insn_vaddr(insn)) << WIRE_WORD_RIP_SHIFT);

    qemu_plugin_register_vcpu_mem_cb(insn, access_callback(WIRE_READ, user, crosses), CB_NO_REGS, MEM_R, rip_bits);
    qemu_plugin_register_vcpu_mem_cb(insn, access_callback(WIRE_WRITE, user, crosses), CB_NO_REGS, MEM_W, rip_bits);
}

static void watch_special(struct qemu_plugin_insn *insn, struct mode mode)
{
    struct mark scratch = { .code64 = mode.code64 }, *m;
    enum special kind;

    scratch.length = (uint8_t)qemu_plugin_insn_data(insn, scratch.bytes, sizeof(scratch.bytes));
    kind = special_decode(&scratch);
    if (kind == NOT_SPECIAL)
        return;
    m = mark_instruction(insn, mode);
    memcpy(m->bytes, scratch.bytes, sizeof(m->bytes));
    m->kind = (uint8_t)kind;
    m->reg = scratch.reg;
    m->control = scratch.control;
    qemu_plugin_register_vcpu_insn_exec_cb(insn, on_special, CB_R_REGS, m);
    if (special_reads_operand(kind))
        qemu_plugin_register_vcpu_mem_cb(insn, on_special_load, CB_NO_REGS, MEM_R, m);
}

/* Where guest RAM is and what the memory map says is known once the machine runs. */
static bool ready(void)
{
    if (g.ram)
        return true;
    if (!memory_find_ram())
        return false;
    if (ring_ask_for_map())
        memory_update_slots();
    return true;
}

void on_translate(plugin_id id, struct qemu_plugin_tb *tb)
{
    size_t count = qemu_plugin_tb_n_insns(tb);
    struct mode mode;

    (void)id;
    if (g.ended || !ready())
        return;
    if (g.several_vcpus)
        cpu_select();
    cpu_check_layout();
    mode = current_mode();
    watch_block(tb, mode);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        bool crosses = PAGE_OFFSET(qemu_plugin_insn_vaddr(insn)) + qemu_plugin_insn_size(insn) > PAGE_BYTES;

        watch_bounds(insn, mode);
        watch_special(insn, mode);
        if (crosses)
            watch_crossing(insn, mode); /* after what asks for the instruction's own address */
        watch_memory(insn, mode.user, crosses);
    }
}
