/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes one record of every form: `golden FILE`. WireTests compares the result with v3.bin. */
#include <stdio.h>

#include "wire.h"

static FILE *out;
static uint64_t ordinal = 1;

static void put(const void *p, size_t bytes)
{
    if (fwrite(p, bytes, 1, out) != 1)
        perror("golden");
}

static uint64_t head_of(uint32_t type, unsigned vcpu, uint64_t number)
{
    return (uint64_t)type << WIRE_HEAD_TYPE_SHIFT | (uint64_t)vcpu << WIRE_HEAD_VCPU_SHIFT | number;
}

static void word(uint64_t w)
{
    put(&w, sizeof(w));
}

static struct wire_head head(uint32_t type, unsigned vcpu, uint64_t gva, unsigned size, unsigned flags, uint64_t gpa, uint64_t rip)
{
    return (struct wire_head){
        .head = head_of(type, vcpu, ordinal++),
        .gva = gva,
        .place = (uint64_t)size << WIRE_PLACE_SIZE_SHIFT | (uint64_t)flags << WIRE_PLACE_FLAGS_SHIFT | gpa,
        .rip = rip,
    };
}

static void event(uint32_t type, unsigned size, unsigned flags, struct wire_event extra)
{
    struct wire_head s = head(type, 1, 0xffff800000002000, size, flags, 0x12345000, 0x401000);

    put(&s, sizeof(s));
    put(&extra, sizeof(extra));
}

static void access_word(unsigned i)
{
    word((uint64_t)(i + 1) << WIRE_WORD_SIZE_SHIFT | (uint64_t)(4095 - i) << WIRE_WORD_CODE_SHIFT | (uint64_t)(4093 + i) << WIRE_WORD_RIP_SHIFT |
         (uint64_t)(1u << i) << WIRE_WORD_FLAGS_SHIFT | (uint64_t)(1023 - i) << WIRE_WORD_PLACE_SHIFT | i << WIRE_WORD_KIND_SHIFT | (0xff8 + i));
    ordinal++;
}

static void accesses(void)
{
    for (unsigned i = 0; i < 3; i++) {
        struct wire_head s = head(WIRE_ACCESS + i, i, 0xffff800000001000 + i, 1u << i, 1u << i, 0xffffffffff000 + i, 0x400000 + i);

        put(&s, sizeof(s));
    }
    for (unsigned i = 0; i < 3; i++) {
        word(head_of(WIRE_VCPU, i, 0));
        word(head_of(WIRE_PLACE, i, 1023 - i));
        word(0xffff800000002000 + i * 4096);
        word(0xffffffffff000 - i * 4096);
        word(head_of(WIRE_CODE_PAGE, i, 4095 - i));
        word(0xffffffff81000000 + i * 4096);
        access_word(i);
    }
    word(head_of(WIRE_RIP, 2, 0));
    word(0xffffffff82000001);
    access_word(2);
}

static void page_images(void)
{
    struct wire_head s = head(WIRE_PAGE_IMAGE, 1, 0, 0, 0, 0x12345000, 0);
    unsigned char page[4096];

    for (unsigned i = 0; i < sizeof(page); i++)
        page[i] = (unsigned char)(i * 7);
    put(&s, sizeof(s));
    put(page, sizeof(page));
    s = head(WIRE_PAGE_IMAGE_ZERO, 1, 0, 0, 0, 0x12346000, 0);
    put(&s, sizeof(s));
}

static void vcpu_state(void)
{
    struct wire_head s = head(WIRE_VCPU_STATE, 1, 0, 0, 0, 0, 0x401000);
    struct wire_vcpu_state state = {
        .cr0 = 1, .cr2 = 2, .cr3 = 3, .cr4 = 4, .efer = 5, .rflags = 6, .cpl = 3, .has_pkru = 1, .pkru = 0x55555554,
    };

    put(&s, sizeof(s));
    put(&state, sizeof(state));
}

static void memslot(void)
{
    struct wire_head s = head(WIRE_MEMSLOT, 0, 2, 0, 0, 0x12345000, 0);
    struct wire_event extra = { .value = 0x100000, .access = WIRE_MEMSLOT_READONLY };

    put(&s, sizeof(s));
    put(&extra, sizeof(extra));
}

static void nested(void)
{
    struct wire_head s = head(WIRE_NESTED_ENTER, 1, 0, 0, 0, 0x3e0000, 0x401000);
    struct wire_nested_enter enter = {
        .nested_control = 1, .nested_cr3 = 0x300000, .cr0 = 2, .cr2 = 3, .cr3 = 4, .cr4 = 5, .efer = 6, .pat = 7, .rip = 8, .rflags = 9,
        .intercepts = 10, .event_injection = 11, .asid = 12, .tlb_control = 13, .cpl = 3, .intercept_cr = 14, .intercept_exceptions = 15,
    };
    struct wire_nested_exit leave = {
        .exit_code = 0x400, .info1 = 1, .info2 = 2, .interrupt_info = 3, .cr0 = 4, .cr3 = 5, .cr4 = 6, .efer = 7, .rflags = 8,
    };

    put(&s, sizeof(s));
    put(&enter, sizeof(enter));
    event(WIRE_NESTED_ACCESS, 4, WIRE_USER, (struct wire_event){ .access = WIRE_FETCH, .present = WIRE_HAS_L2_GPA, .l2_gpa = 0x54321000 });
    event(WIRE_INVLPGA, 0, 0, (struct wire_event){ .value = 12 });
    s = head(WIRE_NESTED_EXIT, 1, 0, 0, 0, 0, 0x401003);
    put(&s, sizeof(s));
    put(&leave, sizeof(leave));
}

int main(int argc, char **argv)
{
    if (argc != 2 || !(out = fopen(argv[1], "wb")))
        return 1;
    accesses();
    event(WIRE_PAGE_TABLE_STORE, 8, WIRE_USER, (struct wire_event){ .value = 0x8000000000000067, .access = WIRE_WRITE });
    event(WIRE_MMIO, 4, WIRE_IS_MMIO, (struct wire_event){ .access = WIRE_READ });
    event(WIRE_IMPLICIT, 0, WIRE_IS_IMPLICIT, (struct wire_event){ .size = 48, .access = WIRE_WRITE });
    page_images();
    event(WIRE_CR0, 0, 0, (struct wire_event){ .value = 0x80050033 });
    event(WIRE_CR3, 0, 0, (struct wire_event){ .value = 0x8000000000001000 });
    event(WIRE_CR4, 0, 0, (struct wire_event){ .value = 0x6f0 });
    event(WIRE_EFER, 0, 0, (struct wire_event){ .value = 0xd01 });
    event(WIRE_PKRU, 0, 0, (struct wire_event){ .value = 0x55555554 });
    event(WIRE_INVLPG, 0, 0, (struct wire_event){ 0 });
    event(WIRE_INVPCID, 0, 0, (struct wire_event){ .value = 1, .error_code = 7 });
    event(WIRE_GUEST_PAGE_FAULT, 0, 0, (struct wire_event){ .error_code = 7, .present = WIRE_HAS_ERROR_CODE });
    event(WIRE_DELIVERY, 0, 0, (struct wire_event){ .value = 13, .present = WIRE_HAS_ERROR_CODE });
    event(WIRE_DELIVERY, 0, 0, (struct wire_event){ .value = 0x80 });
    event(WIRE_LIDT, 0, 0, (struct wire_event){ .value = 0xfffffe0000000000, .size = 0xfff });
    event(WIRE_LGDT, 0, 0, (struct wire_event){ .value = 0xfffffe0000001000, .size = 0x7f });
    event(WIRE_LTR, 0, 0, (struct wire_event){ .value = 0xfffffe0000003000, .size = 0x206f });
    vcpu_state();
    memslot();
    event(WIRE_MARKER, 0, 0, (struct wire_event){ .value = 0x42, .size = 2 });
    nested();
    event(WIRE_PAGE_RELEASE, 0, 0, (struct wire_event){ 0 });
    event(WIRE_LLDT, 0, 0, (struct wire_event){ .value = 0xfe001000, .size = 0x17 });
    return fclose(out) != 0;
}
