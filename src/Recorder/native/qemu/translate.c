/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is called when: decided once for each translated block. */
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

#define ARENA_MARKS 16384
#define RESET_VECTOR 0xfffffff0u
#define EFLAGS_VM (1u << 17)

struct arena { struct arena *next; unsigned used; struct mark marks[ARENA_MARKS]; };

struct qemu_plugin_scoreboard *translate_scoreboard;
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
    deliver_forget_blocks();
}

static void on_block(unsigned vcpu, void *data)
{
    const struct mark *m = data;

    (void)vcpu;
    if (g.several_vcpus)
        cpu_select();
    if (unlikely(m->va == RESET_VECTOR))
        cpu_reset(g.cpu);
    if (unlikely(!g.recording)) {
        cpu_settle();
        if (g.ended || g.control->start_kind != WIRE_AT_NOWHERE)
            return;
        start_recording(m->va);
    }
    if (unlikely(!g.cpu->introduced))
        introduce(m->va);
    if (m->handler || (unlikely(g.late_handlers) && deliver_is_handler(m->va)))
        deliver(m->va);
    else
        cpu_settle();
    fetch(m->va, m->gpa, m->size, m->user);
}

/* The second page of an instruction that crosses into it. */
static void on_second_page(unsigned vcpu, void *data)
{
    const struct mark *m = data;

    (void)vcpu;
    if (g.several_vcpus)
        cpu_select();
    fetch(m->va, m->gpa, m->size, m->user);
}

static void on_start(unsigned vcpu, void *data)
{
    const struct mark *m = data;

    (void)vcpu;
    if (g.several_vcpus)
        cpu_select();
    if (g.recording || g.ended)
        return;
    start_recording(m->va);
    fetch(m->va, m->gpa, m->size, m->user);
}

static void on_stop(unsigned vcpu, void *data)
{
    (void)vcpu, (void)data;
    end_recording(WIRE_END_STOP_AT);
}

struct mode { bool user, code64; };

/* The code runs in the mode it is translated in: privilege and width are part of a block's identity in QEMU. */
static struct mode current_mode(void)
{
    uint64_t cr0 = cpu_control(X86_CR0, 0);
    struct mode m = { .code64 = g.cpu->code64 };

    if (cr0 & CR0_PE)
        m.user = (cpu_register(X86_CS) & 3) == 3 || (!m.code64 && cpu_register(X86_EFLAGS) & EFLAGS_VM);
    return m;
}

static struct mark *mark_instruction(const struct qemu_plugin_insn *insn, struct mode mode)
{
    struct mark *m = new_mark();
    uint64_t room;

    m->va = qemu_plugin_insn_vaddr(insn);
    m->length = (uint8_t)qemu_plugin_insn_size(insn);
    room = PAGE_BYTES - PAGE_OFFSET(m->va);
    m->size = m->length < room ? m->length : (uint8_t)room;
    m->user = mode.user;
    m->code64 = mode.code64;
    if (!memory_gpa_of_host(qemu_plugin_insn_haddr(insn), &m->gpa))
        m->gpa = GPA_UNKNOWN;
    return m;
}

static void watch_block(struct qemu_plugin_tb *tb, struct mark *m)
{
    const struct scoreboard_u64 page = { translate_scoreboard, 0 };

    deliver_refresh(g.cpu);
    m->handler = deliver_is_handler(m->va);
    if (!m->handler)
        deliver_note_block(m->va);
    if (m->handler || g.several_vcpus || m->va == RESET_VECTOR)
        qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, CB_R_REGS, m);
    else
        qemu_plugin_register_vcpu_tb_exec_cond_cb(tb, on_block, CB_R_REGS, COND_NE, page, (m->va >> 12) << 1 | m->user, m);
}

static void watch_crossing(struct qemu_plugin_insn *insn, struct mode mode)
{
    struct mark *m = mark_instruction(insn, mode);

    m->va += m->size;
    m->size = m->length - m->size;
    m->gpa = GPA_UNKNOWN;
    qemu_plugin_register_vcpu_insn_exec_cb(insn, on_second_page, CB_NO_REGS, m);
}

static bool stands_at(const struct mark *m, uint32_t kind, uint64_t where)
{
    return (kind == WIRE_AT_GVA && m->va == where) || (kind == WIRE_AT_GPA && m->gpa == where);
}

static void watch_bounds(struct qemu_plugin_insn *insn, struct mode mode)
{
    const struct wire_control *c = g.control;
    uint64_t va = qemu_plugin_insn_vaddr(insn);
    struct mark *m;

    /* Frames keep the offset in the page, so most instructions are told apart without a mark. */
    if (!((c->start_kind && PAGE_OFFSET(va ^ c->start_at) == 0) || (c->stop_kind && PAGE_OFFSET(va ^ c->stop_at) == 0)))
        return;
    m = mark_instruction(insn, mode);
    if (stands_at(m, c->stop_kind, c->stop_at))
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_stop, CB_R_REGS, m);
    if (stands_at(m, c->start_kind, c->start_at))
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_start, CB_R_REGS, m);
}

static void watch_memory(struct qemu_plugin_insn *insn, bool user)
{
    void *rip = (void *)qemu_plugin_insn_vaddr(insn);
    mem_cb *read = g.filtered ? user ? on_user_read : on_kernel_read : user ? on_user_read_full : on_kernel_read_full;
    mem_cb *write = g.filtered ? user ? on_user_write : on_kernel_write : user ? on_user_write_full : on_kernel_write_full;

    qemu_plugin_register_vcpu_mem_cb(insn, read, CB_NO_REGS, MEM_R, rip);
    qemu_plugin_register_vcpu_mem_cb(insn, write, CB_NO_REGS, MEM_W, rip);
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
    mode = current_mode();
    watch_block(tb, mark_instruction(qemu_plugin_tb_get_insn(tb, 0), mode));
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

        if (PAGE_OFFSET(qemu_plugin_insn_vaddr(insn)) + qemu_plugin_insn_size(insn) > PAGE_BYTES)
            watch_crossing(insn, mode);
        watch_bounds(insn, mode);
        watch_memory(insn, mode.user);
        watch_special(insn, mode);
    }
}
