/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wire format v1 between the plugin and the recorder: a control block, then a ring of 32-byte slots, in one shared
 * file. Little endian. Documented in schemas/wire/v1.md; tests/data/wire/v1.bin holds one record of every form and is
 * read by both sides' tests.
 */
#ifndef REPLAY_WIRE_H
#define REPLAY_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAGIC 0x3157594c50455221ull /* "!REPLYW1" */
#define WIRE_VERSION 1u
#define WIRE_CONTROL_BYTES 65536u
#define WIRE_MAX_MEMSLOTS 128u

/*
 * One slot of the ring. A record is one slot, or a first slot and the extension its type says.
 *
 *   head   63..56 type | 55..48 vCPU | 47..0 ordinal
 *   place  63..56 size in bytes | 55..52 access flags | 51..0 guest-physical address
 */
struct wire_slot {
    uint64_t head;
    uint64_t gva;
    uint64_t place;
    uint64_t rip;
};

/* Second slot of an event. */
struct wire_event {
    uint64_t value;
    uint32_t error_code;
    uint32_t size;    /* for sizes beyond one byte: limits of descriptor tables, exception frames */
    uint32_t present; /* WIRE_HAS_* */
    uint32_t access;  /* WIRE_READ, WIRE_WRITE or WIRE_FETCH */
    uint32_t kept_filter; /* of a store to a page table: 1 where it did not empty the filter */
    uint32_t spare;
};

/* Second and third slot of WIRE_VCPU_STATE. */
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
};

/* Record types. Events are 0x40 + their number in the capture format. */
enum {
    WIRE_READ = 0x00, /* one slot */
    WIRE_WRITE = 0x01,
    WIRE_FETCH = 0x02,
    WIRE_PAGE_TABLE_STORE = 0x41, /* two slots, unless said otherwise */
    WIRE_MMIO = 0x42,
    WIRE_IMPLICIT = 0x43,
    WIRE_PAGE_IMAGE = 0x44, /* 1 + 128 slots: the page follows */
    WIRE_CR0 = 0x48,
    WIRE_CR3 = 0x49,
    WIRE_CR4 = 0x4a,
    WIRE_EFER = 0x4b,
    WIRE_PKRU = 0x4c,
    WIRE_INVLPG = 0x4d,
    WIRE_INVPCID = 0x4e,
    WIRE_GUEST_PAGE_FAULT = 0x50,
    WIRE_DELIVERY = 0x51,
    WIRE_LIDT = 0x52,
    WIRE_LGDT = 0x53,
    WIRE_LTR = 0x54,
    WIRE_VCPU_STATE = 0x58, /* three slots */
    WIRE_MEMSLOT = 0x59,    /* gva: slot number, place: gpa, value: bytes (0 deletes) */
    WIRE_MARKER = 0x68,
    WIRE_PAGE_IMAGE_ZERO = 0x84, /* one slot: a page of zeros */
};

enum { WIRE_HAS_ERROR_CODE = 1, WIRE_HAS_GPA = 2 };

/* Access flags, as in the capture format. */
enum { WIRE_USER = 1, WIRE_ALIGNMENT_CHECK = 2, WIRE_IS_IMPLICIT = 4, WIRE_IS_MMIO = 8 };

enum { WIRE_OPTION_FILTER = 1 };
enum { WIRE_AT_NOWHERE = 0, WIRE_AT_GVA = 1, WIRE_AT_GPA = 2 };
enum { WIRE_MEMSLOT_READONLY = 1, WIRE_MEMSLOT_GUEST_RAM = 2 };
enum { WIRE_LOADED = 1, WIRE_RECORDING = 2, WIRE_ENDED = 3, WIRE_FAILED = 4 };
enum { WIRE_END_GUEST_EXIT = 1, WIRE_END_STOP_AT = 2, WIRE_END_MAX_ACCESSES = 3, WIRE_END_REQUESTED = 4 };

struct wire_memslot {
    uint64_t gpa;
    uint64_t bytes;      /* 0: the slot is deleted */
    uint64_t ram_offset; /* offset in guest RAM, where WIRE_MEMSLOT_GUEST_RAM */
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
    uint64_t nested;         /* VMRUN executed: what the nested guest does is not told apart */
    uint64_t kept;           /* stores to page tables that did not empty the filter */
};

struct wire_control {
    /* 0x000: the recorder's, before the start */
    uint64_t magic;
    uint32_t version;
    uint32_t control_bytes;
    uint64_t slots; /* power of two */
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
    uint64_t head; /* slots published */
    uint32_t state;
    uint32_t end_reason;
    uint32_t vcpus;
    uint32_t reserved6;
    char error[232]; /* for WIRE_FAILED: one line */
    /* 0x200: the recorder's */
    uint64_t tail; /* slots consumed */
    uint32_t stop_request;
    uint32_t reserved1;
    uint64_t reserved2[30];
    /* 0x300: the plugin's */
    struct wire_counters counters;
    uint64_t reserved3[16];
    /* 0x400: memory map exchange: the plugin raises the request, the recorder fills the slots, then the answer */
    uint32_t map_request;
    uint32_t reserved4;
    uint64_t reserved5[7];
    uint32_t map_answer;
    uint32_t map_count;
    uint64_t reserved7[7];
    struct wire_memslot map[WIRE_MAX_MEMSLOTS];
};

_Static_assert(sizeof(struct wire_slot) == 32, "slot");
_Static_assert(sizeof(struct wire_event) == 32, "event");
_Static_assert(sizeof(struct wire_vcpu_state) == 64, "vcpu state");
_Static_assert(sizeof(struct wire_memslot) == 32, "memslot");
_Static_assert(sizeof(struct wire_counters) == 128, "counters");
_Static_assert(offsetof(struct wire_control, slots) == 0x10, "slots");
_Static_assert(offsetof(struct wire_control, start_at) == 0x40, "start_at");
_Static_assert(offsetof(struct wire_control, head) == 0x100, "head");
_Static_assert(offsetof(struct wire_control, tail) == 0x200, "tail");
_Static_assert(offsetof(struct wire_control, counters) == 0x300, "counters");
_Static_assert(offsetof(struct wire_control, map_request) == 0x400, "map request");
_Static_assert(offsetof(struct wire_control, map_answer) == 0x440, "map answer");
_Static_assert(offsetof(struct wire_control, map) == 0x480, "map");
_Static_assert(sizeof(struct wire_control) <= WIRE_CONTROL_BYTES, "control block");

#endif
