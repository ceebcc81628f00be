/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What KVM's emulator makes of an instruction that stores. One that kernels use on page tables it emulates, over and
 * over; for any other, KVM stops protecting the page and lets the guest do it. Prefixes and opcode tell, and for some
 * the operation in the ModR/M byte.
 */
#include "recorder.h"

#define LONGEST 15
#define OPERATION(modrm) ((modrm) >> 3 & 7)

/* 40 to 4f are REX; where they are not, they store nothing. */
static bool is_prefix(uint8_t b)
{
    return b == 0x66 || b == 0x67 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x26 || b == 0x64 || b == 0x65 || b == 0xf0 ||
           b == 0xf2 || b == 0xf3 || (b & 0xf0) == 0x40;
}

/* OR, AND, XCHG, MOV. */
static bool one_byte_stores_tables(uint8_t op, uint8_t operation)
{
    switch (op) {
    case 0x08: case 0x09: case 0x20: case 0x21: case 0x86: case 0x87: case 0x88: case 0x89: case 0x8c: case 0xa2: case 0xa3: return true;
    case 0x80: case 0x81: case 0x82: case 0x83: return operation == 1 || operation == 4;
    case 0xc6: case 0xc7: return operation == 0;
    default: return false;
    }
}

/* BTS, BTC, CMPXCHG, CMPXCHG8B and CMPXCHG16B. */
static bool two_bytes_store_tables(uint8_t op, uint8_t operation)
{
    switch (op) {
    case 0xab: case 0xb0: case 0xb1: case 0xbb: return true;
    case 0xba: return operation == 5 || operation == 7;
    case 0xc7: return operation == 1;
    default: return false;
    }
}

static bool is_string(uint8_t op) { return op == 0x6c || op == 0x6d || op == 0xa4 || op == 0xa5 || op == 0xaa || op == 0xab; }

uint32_t store_of_instruction(uint64_t rip)
{
    uint8_t bytes[LONGEST + 2] = { 0 };
    unsigned length = LONGEST, room = (unsigned)(PAGE_BYTES - PAGE_OFFSET(rip)), at = 0;
    bool repeats = false, tables;

    if (g.cpu->nested.active) /* KVM lets no nested guest try again */
        return WIRE_STORES_UNTOLD;
    if (!cpu_read(rip, bytes, length) && (room >= LONGEST || !cpu_read(rip, bytes, length = room)))
        return WIRE_STORES_UNTOLD;
    for (; at < length && is_prefix(bytes[at]); at++)
        repeats |= (bytes[at] | 1) == 0xf3;
    if (at == length)
        return WIRE_STORES_UNTOLD;
    if (repeats && is_string(bytes[at]))
        return WIRE_STORES_REPEATED;
    tables = bytes[at] == 0x0f ? two_bytes_store_tables(bytes[at + 1], OPERATION(bytes[at + 2]))
                               : one_byte_stores_tables(bytes[at], OPERATION(bytes[at + 1]));
    return tables ? WIRE_STORES_TABLES : WIRE_STORES_ELSEWHERE;
}
