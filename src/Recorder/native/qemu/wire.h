/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wire format v3 between the plugin and the recorder: a control block, then a ring of 8-byte words, in one shared
 * file. Little endian. Documented in schemas/wire/v3.md; tests/data/wire/v3.bin holds one record of every form and is
 * read by both sides' tests.
 */
#ifndef REPLAY_WIRE_H
#define REPLAY_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAGIC 0x3357594c50455221ull /* "!REPLYW3" */
#define WIRE_VERSION 3u
#define WIRE_CONTROL_BYTES 65536u
#define WIRE_MAX_MEMSLOTS 128u
#define WIRE_PLACES 1024u     /* numbers of places, of each vCPU */
#define WIRE_CODE_PAGES 4096u /* numbers of code pages */

/*
 * A plain access in a recording of every access is one word. Its ordinal is one more than that of the record before.
 *
 *   63 0 | 62..56 size in bytes | 55..44 code page | 43..32 offset of the instruction in it
 *   31..28 access flags | 25..16 place | 13..12 kind | 11..0 offset in the page
 *
 * Any other record begins with a head, and has as many words as its type says.
 *
 *   head   63..56 type, from 80 on | 55..48 vCPU | 47..0 ordinal, or a number
 *   place  63..56 size in bytes | 55..52 access flags | 51..0 guest-physical address
 */
struct wire_head {
    uint64_t head;
    uint64_t gva;
    uint64_t place;
    uint64_t rip;
};

/* Behind the head of an event. */
struct wire_event {
    uint64_t value;
    uint32_t error_code;
    uint32_t size;    /* for sizes beyond one byte: limits of descriptor tables, exception frames */
    uint32_t present; /* WIRE_HAS_* */
    uint32_t access;  /* WIRE_READ, WIRE_WRITE or WIRE_FETCH */
    uint32_t kept_filter; /* of a store to a page table: 1 where it did not empty the filter */
    uint32_t instruction; /* of a store to a page table: WIRE_STORES_* */
    uint64_t l2_gpa;  /* where WIRE_HAS_L2_GPA: what L1's nested page tables map to the gpa */
};

/* Behind the head of WIRE_NESTED_ENTER. Fields of the VMCB, and L2's registers as it begins. */
struct wire_nested_enter {
    uint64_t nested_control, nested_cr3;
    uint64_t cr0, cr2, cr3, cr4, efer, pat, rip, rflags;
    uint64_t intercepts, event_injection;
    uint32_t asid, tlb_control, cpl, intercept_cr;
    uint32_t intercept_exceptions, spare;
};

/* Behind the head of WIRE_NESTED_EXIT. Fields of the VMCB, and L1's registers as it goes on. */
struct wire_nested_exit {
    uint64_t exit_code, info1, info2, interrupt_info;
    uint64_t cr0, cr3, cr4, efer, rflags;
};

/* Behind the head of WIRE_VCPU_STATE. */
struct wire_vcpu_state {
    uint64_t cr0, cr2, cr3, cr4;
    uint64_t efer, rflags;
    uint32_t cpl, has_pkru;
    uint32_t pkru, spare;
};

enum {
    WIRE_HEAD_TYPE_SHIFT = 56,
    WIRE_HEAD_VCPU_SHIFT = 48,
    WIRE_PLACE_SIZE_SHIFT = 56,
    WIRE_PLACE_FLAGS_SHIFT = 52,
    WIRE_WORD_KIND_SHIFT = 12,
    WIRE_WORD_PLACE_SHIFT = 16,
    WIRE_WORD_FLAGS_SHIFT = 28,
    WIRE_WORD_RIP_SHIFT = 32,
    WIRE_WORD_CODE_SHIFT = 44,
    WIRE_WORD_SIZE_SHIFT = 56,
};

/* Kinds of access. */
enum { WIRE_READ = 0, WIRE_WRITE = 1, WIRE_FETCH = 2 };

/* What KVM's emulator makes of an instruction that stores to a page table. */
enum { WIRE_STORES_UNTOLD = 0, WIRE_STORES_TABLES = 1, WIRE_STORES_ELSEWHERE = 2, WIRE_STORES_REPEATED = 3 };

/* Record types. Events are 0xc0 + their number in the capture format. */
enum {
    WIRE_ACCESS = 0x80,          /* + kind; four words: the access by itself */
    WIRE_PLACE = 0x83,           /* three words: head with the number, gva of the page, its gpa */
    WIRE_PAGE_IMAGE_ZERO = 0x84, /* four words: a page of zeros */
    WIRE_CODE_PAGE = 0x85,       /* two words: head with the number, address of the page */
    WIRE_RIP = 0x86,             /* two words: head, instruction of the access that follows */
    WIRE_VCPU = 0x87,            /* one word: the vCPU of the accesses that follow */
    WIRE_PAGE_TABLE_STORE = 0xc1, /* 4 + 5 words, unless said otherwise */
    WIRE_MMIO = 0xc2,
    WIRE_IMPLICIT = 0xc3,
    WIRE_PAGE_IMAGE = 0xc4, /* 4 + 512 words: the page follows */
    WIRE_NESTED_ACCESS = 0xc5,
    WIRE_PAGE_RELEASE = 0xc6, /* place: gpa of a page that is followed as a table no more */
    WIRE_CR0 = 0xc8,
    WIRE_CR3 = 0xc9,
    WIRE_CR4 = 0xca,
    WIRE_EFER = 0xcb,
    WIRE_PKRU = 0xcc,
    WIRE_INVLPG = 0xcd,
    WIRE_INVPCID = 0xce,
    WIRE_INVLPGA = 0xcf,
    WIRE_GUEST_PAGE_FAULT = 0xd0,
    WIRE_DELIVERY = 0xd1,
    WIRE_LIDT = 0xd2,
    WIRE_LGDT = 0xd3,
    WIRE_LTR = 0xd4,
    WIRE_LLDT = 0xd5,
    WIRE_VCPU_STATE = 0xd8, /* 4 + 8 words */
    WIRE_MEMSLOT = 0xd9,    /* gva: slot number, place: gpa, value: bytes (0 deletes) */
    WIRE_MARKER = 0xe8,
    WIRE_NESTED_ENTER = 0xec, /* 4 + 15 words; place: gpa of the VMCB */
    WIRE_NESTED_EXIT = 0xed,  /* 4 + 9 words */
};

enum { WIRE_HAS_ERROR_CODE = 1, WIRE_HAS_L2_GPA = 2 };

/* Access flags, as in the capture format. */
enum { WIRE_USER = 1, WIRE_ALIGNMENT_CHECK = 2, WIRE_IS_IMPLICIT = 4, WIRE_IS_MMIO = 8 };

enum { WIRE_OPTION_FILTER = 1 };
enum { WIRE_AT_NOWHERE = 0, WIRE_AT_GVA = 1, WIRE_AT_GPA = 2 };
enum { WIRE_MEMSLOT_READONLY = 1, WIRE_MEMSLOT_GUEST_RAM = 2 };
enum { WIRE_LOADED = 1, WIRE_RECORDING = 2, WIRE_ENDED = 3, WIRE_FAILED = 4 };
enum { WIRE_END_GUEST_EXIT = 1, WIRE_END_STOP_AT = 2, WIRE_END_MAX_ACCESSES = 3, WIRE_END_REQUESTED = 4, WIRE_END_QEMU_EXIT = 5 };

struct wire_memslot {
    uint64_t gpa;
    uint64_t bytes;      /* 0: the slot is deleted */
    uint64_t ram_offset; /* offset in guest RAM, where WIRE_MEMSLOT_GUEST_RAM */
    uint64_t host;       /* where QEMU has it, of other RAM: hot-plugged memory; 0 where that is not known */
    uint32_t slot;
    uint32_t flags;
};

/* What the plugin counts; final once the state is WIRE_ENDED. */
struct wire_counters {
    uint64_t ordinals;       /* accesses and events, recorded or dropped */
    uint64_t accesses;       /* accesses the guest made, recorded or dropped */
    uint64_t stalls;         /* times the guest waited for the reader */
    uint64_t stall_ns;
    uint64_t flushes;        /* times the filter was emptied */
    uint64_t table_pages;    /* pages that served as page tables */
    uint64_t memslot_changes; /* seen after the start */
    uint64_t unslotted;      /* RAM accesses outside every memslot */
    uint64_t device_in_slot; /* device accesses inside a RAM memslot */
    uint64_t not_deliveries; /* handler entries reached without a frame */
    uint64_t ambiguous;      /* deliveries whose gate is shared by several vectors */
    uint64_t real_mode;      /* times protection was switched off: deliveries there are not seen */
    uint64_t table_off_ram;  /* walks that met a page table outside guest RAM */
    uint64_t unresolved;     /* accesses whose physical address QEMU no longer knew */
    uint64_t nested;         /* VMRUN or VMXON executed: what a nested guest does is not told apart */
    uint64_t kept;           /* stores to page tables that did not empty the filter */
    uint64_t released;       /* times a page was followed as a table no more */
    uint64_t tasks_untold;   /* task switches whose cause and accesses are not known */
    uint64_t management;     /* loads and stores in system management mode */
    uint64_t management_tables; /* of them, stores to page tables */
};

struct wire_control {
    /* 0x000: the recorder's, before the start */
    uint64_t magic;
    uint32_t version;
    uint32_t control_bytes;
    uint64_t words; /* power of two */
    uint64_t ram_bytes;
    uint32_t reader_pid;
    uint32_t options;
    uint32_t filter_slots; /* power of two */
    uint32_t marker_port;  /* above 0xffff: none */
    uint64_t epoch_length;
    uint64_t max_accesses; /* 0: no limit */
    uint64_t start_at;
    uint64_t stop_at;
    uint32_t start_kind; /* WIRE_AT_* */
    uint32_t stop_kind;
    uint64_t reserved0[21];
    /* 0x100: the plugin's */
    uint64_t head; /* words published */
    uint32_t state;
    uint32_t end_reason;
    uint32_t vcpus;
    uint32_t reserved6;
    char error[232]; /* for WIRE_FAILED: one line */
    /* 0x200: the recorder's */
    uint64_t tail; /* words consumed */
    uint32_t stop_request;
    uint32_t reserved1;
    uint64_t reserved2[30];
    /* 0x300: the plugin's */
    struct wire_counters counters;
    uint64_t reserved3[12];
    /* 0x400: memory map exchange: the plugin raises the request, the recorder fills the slots, then the answer */
    uint32_t map_request;
    uint32_t reserved4;
    uint64_t reserved5[7];
    uint32_t map_answer;
    uint32_t map_count;
    uint64_t reserved7[7];
    struct wire_memslot map[WIRE_MAX_MEMSLOTS];
};

_Static_assert(sizeof(struct wire_head) == 32, "head");
_Static_assert(sizeof(struct wire_event) == 40, "event");
_Static_assert(sizeof(struct wire_nested_enter) == 120, "nested enter");
_Static_assert(sizeof(struct wire_nested_exit) == 72, "nested exit");
_Static_assert(sizeof(struct wire_vcpu_state) == 64, "vcpu state");
_Static_assert(sizeof(struct wire_memslot) == 40, "memslot");
_Static_assert(sizeof(struct wire_counters) == 160, "counters");
_Static_assert(offsetof(struct wire_control, words) == 0x10, "words");
_Static_assert(offsetof(struct wire_control, start_at) == 0x40, "start_at");
_Static_assert(offsetof(struct wire_control, head) == 0x100, "head");
_Static_assert(offsetof(struct wire_control, tail) == 0x200, "tail");
_Static_assert(offsetof(struct wire_control, counters) == 0x300, "counters");
_Static_assert(offsetof(struct wire_control, map_request) == 0x400, "map request");
_Static_assert(offsetof(struct wire_control, map_answer) == 0x440, "map answer");
_Static_assert(offsetof(struct wire_control, map) == 0x480, "map");
_Static_assert(sizeof(struct wire_control) <= WIRE_CONTROL_BYTES, "control block");

#endif
