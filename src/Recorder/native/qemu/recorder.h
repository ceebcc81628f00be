/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plugin's state, and what its files offer each other. */
#ifndef REPLAY_RECORDER_H
#define REPLAY_RECORDER_H

#include "qemu_api.h"
#include "wire.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define PAGE_BYTES 4096ull
#define PAGE_OFFSET(a) ((a) & 0xfffull)
#define PAGE_BASE(a) ((a) & ~0xfffull)
#define MAX_VCPUS 64
#define GENERATION_SHIFT 49
#define FETCH_PAGE(va, user) ((va) >> 12 << 1 | (user))
#define NO_FETCH_PAGE (~0ull)
#define RESET_VECTOR 0xfffffff0u
#define XSTATE_PKRU (1ull << 9)
#define GPA_UNKNOWN (~0ull)
#define MAX_LEVELS 5
#define MAX_PATH (MAX_LEVELS + (MAX_LEVELS + 1) * MAX_LEVELS) /* of a walk in two dimensions */

#define CR0_PE (1ull << 0)
#define CR0_PG (1ull << 31)
#define CR4_PSE (1ull << 4)
#define CR4_PAE (1ull << 5)
#define CR4_LA57 (1ull << 12)
#define CR4_SMAP (1ull << 21)
#define CR4_PKE (1ull << 22)
#define CR4_VMXE (1ull << 13)
#define CR4_OSXSAVE (1ull << 18)
#define EFLAGS_NT (1ull << 14)
#define EFLAGS_VM (1u << 17)
#define EFER_LMA (1ull << 10)
#define EFER_SVME (1ull << 12)

/* What a page of guest RAM is, beside memory. */
enum { PAGE_IS_TABLE = 1, PAGE_HOLDS_IDT = 2, PAGE_LEADS_TO_TABLES = 4 };

/* QEMU's x86 MMU index, halved: who accesses. The callbacks carry it in the low bits of meminfo. */
enum { CLASS_KERNEL_SMAP = 0, CLASS_USER = 1, CLASS_KERNEL = 2, CLASS_PHYSICAL = 3 };

/* A state change that an instruction makes when it retires; it is emitted when the next block starts. */
#define LMSW_RESULT (~0ull) /* LMSW: what it leaves */
enum { PENDING_NONE, PENDING_XCR0, PENDING_PKRU };
struct pending {
    uint32_t type; /* record type, or one of the above */
    uint64_t value, gva, rip;
    uint32_t error_code;
};

struct descriptor_table { uint64_t base; uint32_t limit; };

/* Where QEMU keeps a vCPU's mode, segments and control registers: found by their values, see cpu_check_layout(). */
struct segment { uint32_t selector; uint64_t base; uint32_t limit, flags; };
struct live {
    uint32_t mode, mode_2;
    struct segment segments[6], ldt, tr, gdt, idt;
    uint64_t cr[5];
};

struct gate {
    uint64_t target;
    uint16_t selector;
    uint8_t ist;
    uint8_t word; /* bytes that a push of the frame takes: 2, 4, or in long mode 8, where the gate has 16 bytes */
    bool task;    /* a task gate: the selector is that of a TSS */
};

/* What is known of the guest that this vCPU runs as a hypervisor (L1): a nested guest (L2). */
struct controls { uint64_t cr0, cr3, cr4, efer; };
struct nested_slot { uint64_t key, gpa, l2_gpa; unsigned flags; };
struct nested {
    bool active;            /* L2 runs */
    bool paging;            /* and its physical addresses are mapped by L1's nested page tables */
    bool lost;              /* it runs, and nobody saw how it came to that */
    uint64_t vmcb, next;    /* the last VMRUN: its VMCB, and the instruction behind it */
    struct controls l1;
    struct wire_nested_enter entry;
    struct nested_slot *slots; /* of a recording of every access: what its filter stands for in L2 */
};

struct vcpu {
    unsigned index;
    void *qemu_cpu;
    uint64_t *filter;       /* keys, direct mapped */
    uint64_t *places;       /* per slot: what its accesses have in common, as in the word of an access */
    const uint64_t *eip;    /* QEMU's own copy of the program counter, or null where the slow way is taken */
    const struct live *live; /* of segments and control registers; there where eip is */
    uint64_t trigger;       /* FETCH_PAGE of the page where blocks need no look, or NO_FETCH_PAGE */
    uint64_t fetch_page;    /* FETCH_PAGE of the last fetch in the stream, or NO_FETCH_PAGE */
    uint64_t code_page;     /* address of the page that the running instruction starts in or crossed into */
    uint64_t code_bits;     /* its number, as in the word of an access */
    uint64_t cr0, cr3, cr4, efer;
    uint64_t xcr0, xrstor_at, xrstor_states;
    uint32_t pkru;
    bool introduced;
    bool management;        /* it is in system management mode */
    struct pending pending;
    struct descriptor_table idt, gdt, tss;
    uint32_t task;          /* the selector in TR */
    bool wide_task;         /* its TSS is one of 32 bits */
    bool task_loaded;       /* LTR ran since the last block */
    bool far_transfer;      /* the running instruction may switch tasks */
    bool gates_stale, task_gates;
    struct nested nested;
    struct gate gates[256];
    uint64_t load[4]; /* operands of a LIDT, LGDT or LTR under way */
    unsigned loads;
};

struct frame { uint64_t rip, cs, flags, rsp, ss; };

struct delivery {
    unsigned vector, size; /* of the frame, error code included */
    bool has_error_code, other_stack;
    uint32_t error_code;
    uint64_t stack;        /* linear address of the frame */
    struct frame frame;
};

/* An instruction the translator marked. */
struct mark {
    uint64_t gpa, cs_base, va_mask;
    uint16_t offset; /* in its page */
    uint8_t length, size; /* the latter within one page */
    uint8_t kind, reg, control;
    uint8_t bytes[16];
    bool user, code64;
};

struct recorder {
    /* hot */
    uint64_t ordinal;     /* of the next access or event */
    uint64_t stop;        /* ordinal at which something happens: an epoch ends, the limit is reached */
    uint64_t generation;  /* of the filter, in place in the key */
    uint64_t slot_mask;
    struct vcpu *cpu;     /* the vCPU that runs */
    uint64_t *write, *write_end;
    uint64_t vcpu_bits;   /* of the running vCPU, in place in the head */
    /* cold */
    bool recording, ended, filtered, several_vcpus, registers_known;
    volatile bool reader_gone;
    uint64_t non_accesses; /* ordinals that are no access */
    uint64_t next_epoch;
    struct wire_control *control;
    uint64_t *ring;
    uint64_t head;        /* words before the stretch that is written */
    uint64_t code_pages[WIRE_CODE_PAGES]; /* by number: the page that the reader knows, + 1 */
    uint8_t *ram;         /* QEMU's own mapping of guest RAM */
    uint64_t ram_bytes;
    uint64_t pages;       /* of guest RAM and, behind it, of other RAM blocks */
    uint8_t *page_flags;  /* per page of guest RAM */
    uint16_t *translated; /* per page of guest RAM: the generation whose slots were last translated through it */
    uint8_t *stores;      /* per page of guest RAM: stores since a walk went through it, up to UNUSED */
    uint64_t *leading;    /* pages that are PAGE_LEADS_TO_TABLES */
    size_t leading_count, leading_room;
    uint64_t path[MAX_PATH]; /* the tables that the last walk went through, as page numbers in guest RAM */
    unsigned path_length;
    uint64_t l2_gpa;      /* where L2 has nested paging: what its tables said of the last address walked */
    struct wire_memslot memslots[WIRE_MAX_MEMSLOTS];
    bool look_for_end;    /* a device was written to, or another vCPU runs: the machine may be told to stop or to start over */
    bool map_stale;       /* the guest touched a device since the memory map was last asked for */
    struct wire_counters counters;
    struct vcpu vcpus[MAX_VCPUS];
    unsigned vcpu_count;
};

extern struct recorder g;

/* Where a marked instruction stands; for callbacks before on_second_page(). */
static inline uint64_t instruction_va(const struct mark *m) { return g.cpu->code_page | m->offset; }

/* By the second word of its descriptor, which QEMU keeps as the flags of a segment: the type of a TSS of 32 bits has this bit. */
static inline bool is_wide_tss(uint32_t flags) { return flags >> 11 & 1; }

/*
 * What the files offer, from the bottom up: state, ring, records, registers, memory, walks, stores, the filter, accesses,
 * deliveries, the session, nested guests, instructions, translation. A file calls those above it in this list and none
 * below.
 */

/* state.c */
void flush_filter(void);
void gates_stale(void);

/* ring.c */
bool ring_open(const char *path);
void ring_more(void);             /* makes room at g.write */
void ring_publish(void);
void ring_finish(uint32_t reason);
void ring_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool ring_ask_for_map(void);

/* emit.c: records and their ordinals */
uint64_t next_ordinal(void);
void emit_access(unsigned kind, uint64_t va, uint64_t place, uint64_t rip);
void emit_word(uint64_t word, uint64_t rip);
void emit_place(size_t number, uint64_t va, uint64_t gpa);
void emit_vcpu(void);
void enter_code_page(uint64_t page);
void emit_event(uint32_t type, uint64_t va, uint64_t place, uint64_t rip, struct wire_event extra);
void emit_page_image(uint64_t gpa, const uint8_t *page);
void emit_vcpu_state(uint64_t rip, const struct wire_vcpu_state *s);
void emit_nested_access(unsigned kind, uint64_t va, uint64_t place, uint64_t rip, struct wire_event extra);
void emit_nested_enter(uint64_t vmcb, uint64_t rip, const struct wire_nested_enter *e);
void emit_nested_exit(uint64_t rip, const struct wire_nested_exit *e);
void start_stream(void);
void end_recording(uint32_t reason);

/* cpu.c: registers, and addresses made of them */
enum { X86_RIP = 16, X86_EFLAGS, X86_CS, X86_SS, X86_DS, X86_ES, X86_FS, X86_GS, X86_FS_BASE, X86_GS_BASE,
       X86_CR0, X86_CR2, X86_CR3, X86_CR4, X86_EFER, X86_MXCSR, X86_XMM0, X86_COUNT = X86_XMM0 + 16 };
bool cpu_find_registers(void);
uint64_t cpu_register(int number);
void cpu_read_controls(struct vcpu *c);
void cpu_take_controls(struct vcpu *c, struct controls from);
void cpu_read_tables(struct vcpu *c);
void cpu_read_task(struct vcpu *c);
bool cpu_in_guest_mode(const struct vcpu *c);
bool cpu_in_management_mode(const struct vcpu *c);
bool cpu_moved(const struct vcpu *c); /* registers changed, and no instruction was seen to do it */
bool cpu_switched_task(const struct vcpu *c);
bool cpu_is_code64(void);
bool cpu_read(uint64_t va, void *to, unsigned bytes);
void cpu_select(void);
void cpu_note_running(unsigned index);
uint64_t cpu_stack_base(void);
void cpu_check_layout(void);
uint64_t cpu_operand_address(const struct mark *mark);

/* memory.c */
bool memory_find_ram(void);
bool memory_offset(uint64_t gpa, uint64_t *offset); /* in guest RAM and the blocks behind it; false outside */
bool memory_copy(uint64_t offset, void *to, size_t bytes);
uint8_t *memory_flags(uint64_t gpa);
bool memory_gpa_of_host(const void *host, uint64_t *gpa);
bool memory_is_same(uint64_t gpa, uint64_t other);
void memory_check(uint64_t gpa, bool write, bool *io);
void memory_update_slots(void);
bool memory_refresh(void);
void memory_start_slots(void);

/* walk.c */
bool walk(uint64_t va, uint64_t *gpa); /* emits images of tables met for the first time */
void walk_nested_fault(uint64_t l2_gpa); /* the nested page tables on the way to where L2 could not get */
bool walk_read(uint64_t va, void *to, unsigned bytes); /* memory as the running code sees it */
void walk_stamp_path(void);            /* a slot of the filter stands for the last walk */
bool walk_slots_depend_on_store(uint64_t table);
void walk_note_store(uint64_t table);
void walk_release_unused(uint64_t table);
void walk_note_untold_store(uint64_t gpa); /* it is not in the stream */

/* store.c */
uint32_t store_of_instruction(uint64_t rip); /* WIRE_STORES_*: what KVM's emulator makes of it */

/* page_filter.c: its key and slots are in page_filter.h */
void filter_allocate(struct vcpu *cpu, unsigned slots);
struct wire_event filter_nested_extra(uint64_t va); /* what an event of an access in L2 tells beside: the address there, behind a walk() */
bool filter_hit(uint64_t va, unsigned size, unsigned class, unsigned kind, uint64_t rip); /* a repetition: it has its ordinal and, in a full recording, its record */
void filter_miss(uint64_t va, uint64_t gpa, unsigned size, unsigned class, unsigned kind, unsigned flags, uint64_t rip,
                 bool keep); /* RAM that the filter did not know: recorded, and a slot taken if it may */

/* access.c */
mem_cb *access_callback(unsigned kind, bool user, bool crosses);
void fetch(uint64_t va, uint64_t gpa, unsigned size, bool user);

/* deliver.c */
bool deliver_is_handler(uint64_t va);
bool deliver_page_has_handlers(uint64_t va);
void deliver_refresh(struct vcpu *cpu);
void deliver_idt_moved(struct vcpu *cpu);
bool deliver_find(uint64_t va, struct delivery *found);
void deliver_tell(const struct delivery *d);
void deliver_touch(uint32_t access, uint64_t va, unsigned size);
bool deliver_pushes_error_code(unsigned vector);

/* task.c */
uint64_t task_interrupted(void); /* where the old task was left by the interrupt or exception that switched */
void task_switch(void);
void task_loaded(struct vcpu *cpu);

/* session.c */
void session_introduce(uint64_t rip);
void session_start(uint64_t rip);
void session_moved(uint64_t rip);
void session_settle_with(struct controls now); /* the same, where the CPU's registers are another's by now */
bool session_in_management_mode(uint64_t rip);
void session_look_for_end(void);
void session_settle(void); /* emits what the last block's final instruction changed */

/* nested.c */
bool nested_prepare(const struct mark *mark);
void nested_notice(uint64_t rip);

/* special.c: instructions that change more than memory */
enum special { NOT_SPECIAL, SPECIAL_MOV_CR, SPECIAL_CLTS, SPECIAL_LMSW, SPECIAL_WRMSR, SPECIAL_WRPKRU, SPECIAL_XRSTOR,
               SPECIAL_XSETBV, SPECIAL_INVLPG, SPECIAL_INVPCID, SPECIAL_LIDT, SPECIAL_LGDT, SPECIAL_LTR, SPECIAL_LLDT,
               SPECIAL_FAR, SPECIAL_IRET, SPECIAL_OUT_IMM, SPECIAL_OUT_DX, SPECIAL_RSM, SPECIAL_VMRUN, SPECIAL_VMLOAD,
               SPECIAL_INVLPGA, SPECIAL_VMXON };
enum special special_decode(struct mark *mark);
bool special_reads_operand(enum special kind);
exec_cb on_special;
mem_cb on_special_load;

/* translate.c */
void on_translate(plugin_id id, struct qemu_plugin_tb *tb);
void on_code_flush(plugin_id id);

#endif
