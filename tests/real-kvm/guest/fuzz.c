/* SPDX-License-Identifier: Apache-2.0 */
/* The random guest: an interpreter of a list of operations that the generator (Fuzz.cs) writes into the image. Any part of a list
   is a list: an access that faults is given up, and no operation can reach what the interpreter lives from.

   Memory: code, data, stacks and the tables of the first 8 MiB below 400000h; 24 pages at POOL that may be tables of any level;
   data at 1000000h, 1200000h and 1400000h. The first eight bytes of a pool page map the interpreter's own memory at whatever level
   the page is used, so that any of them can be CR3. The last eight bytes of each page begin with RET, for fetches. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
#ifdef LONG
typedef u64 word;
#else
typedef u32 word;
#endif

#define POOL 0x400000u
#define POOL_PAGES 24
#define PDPTS 0x207000u /* the PAE guest's roots: 4 of 32 bytes */
#define TURN 0x1F8000u
#define RET_AT 0xFF8

enum { END, WRITE, READ, EXCHANGE_ADD, OR, INVALIDATE, LOAD_CR3, FLIP_CR0, FLIP_CR4, FLIP_EFER, FETCH, USER, CHECKPOINT, FILL, COPY, UNPAGED, MODE, PDPTE };
enum { FLUSH_ALL = 1, DEVICE = 2 }; /* in `extra` of an access */

struct operation { /* as Fuzz.cs writes it */
    u8 code, vcpu, size, extra;
    u32 count;
    u64 address, value;
};

/* Filled in by the generator; initialised, so that it is in the file. */
struct {
    u64 magic;
    struct operation list[4096];
} operations __attribute__((section(".operations"))) = {.magic = 0x5AFE0B5E55ED1157ull};

extern u8 page_fault[], protection_fault[], other_fault[], system_call[];
extern u64 gdt[];
extern u32 vcpu_count;
extern int guarded(void *function, word a, word b, word c);
extern void user_access(word kind, word address);

static u32 next, checksum = 0x811c9dc5, faults;
static u32 cr0[16], cr4[16], efer[16];
static word cr3[16];
static u8 stale[16]; /* tables were written since this vCPU last flushed everything */
static u64 idt[2 * 0x90] __attribute__((aligned(4096)));
static u32 tss[26] __attribute__((aligned(128)));

static inline void out(u16 port, u8 value) { __asm__ volatile("outb %0, %w1" ::"a"(value), "Nd"(port) : "memory"); }
static inline void set_cr0(word value) { __asm__ volatile("mov %0, %%cr0" ::"r"(value) : "memory"); }
static inline void set_cr3(word value) { __asm__ volatile("mov %0, %%cr3" ::"r"(value) : "memory"); }
static inline void set_cr4(word value) { __asm__ volatile("mov %0, %%cr4" ::"r"(value) : "memory"); }
static inline void set_efer(u32 value) { __asm__ volatile("wrmsr" ::"a"(value), "c"(0xC0000080), "d"(0)); }
static void mix(u32 value) { checksum = (checksum ^ value) * 16777619u; }

void fault(word address, word error)
{
    faults++;
    mix((u32)address);
    mix((u32)error);
}

/* ---- one operation each; they may fault ---- */

static u64 written;

static void write(word address, word size)
{
    switch (size) {
    case 1: __asm__ volatile("movb %0, (%1)" ::"q"((u8)written), "r"(address) : "memory"); break;
    case 2: __asm__ volatile("movw %0, (%1)" ::"r"((u16)written), "r"(address) : "memory"); break;
    case 4: __asm__ volatile("movl %0, (%1)" ::"r"((u32)written), "r"(address) : "memory"); break;
#ifdef LONG
    case 8: __asm__ volatile("movq %0, (%1)" ::"r"(written), "r"(address) : "memory"); break;
#else
    case 8:
        __asm__ volatile("movl %0, (%1)" ::"r"((u32)(written >> 32)), "r"(address + 4) : "memory");
        __asm__ volatile("movl %0, (%1)" ::"r"((u32)written), "r"(address) : "memory");
        break;
#endif
    }
}

static void read(word address, word size, word device)
{
    u32 value = 0;
    switch (size) {
    case 1: __asm__ volatile("movzbl (%1), %0" : "=r"(value) : "r"(address) : "memory"); break;
    case 2: __asm__ volatile("movzwl (%1), %0" : "=r"(value) : "r"(address) : "memory"); break;
    default: __asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory"); break;
    }
    if (!device) /* accessed and dirty bits may be there at different times */
        mix(value & ~0x60u);
}

static void exchange_add(word address, word size)
{
    u32 zero = 0;
    if (size == 1)
        __asm__ volatile("lock xaddb %b0, (%1)" : "+q"(zero) : "r"(address) : "memory");
    else
        __asm__ volatile("lock xaddl %0, (%1)" : "+r"(zero) : "r"(address) : "memory");
}

static void or_bits(word address, word bits) { __asm__ volatile("lock orb %b0, (%1)" ::"q"((u8)bits), "r"(address) : "memory"); }
static void invalidate(word address) { __asm__ volatile("invlpg (%0)" ::"r"(address) : "memory"); }
static void fetch(word address) { __asm__ volatile("call *%0" ::"r"(address) : "memory"); }

static void fill(word address, word count)
{
    __asm__ volatile("rep stosl" : "+D"(address), "+c"(count) : "a"(0) : "memory");
}

static void copy(word to, word from, word count)
{
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(count)::"memory");
}

/* ---- */

/* QEMU sets accessed bits in PAE's PDPTEs, which are reserved there and would fault when they are loaded. */
static void renew_pdptes(void)
{
#ifndef LONG
    volatile u64 *pdpte = (volatile u64 *)PDPTS;
    for (int i = 0; i < 16; i++)
        ((volatile u32 *)&pdpte[i])[0] &= ~0x20u;
#endif
}

static void unpaged(u32 me, u32 address, u32 value)
{
#ifndef LONG
    set_cr0(cr0[me] & ~0x80000000u);
    *(volatile u32 *)address = value;
    mix(*(volatile u32 *)(address ^ 0x1000) & ~0x60u);
    renew_pdptes();
    set_cr0(cr0[me]);
#endif
}

static void set_pdpte(u32 index, u64 value)
{
#ifndef LONG
    ((volatile u32 *)PDPTS)[index * 2] = (u32)value;
#endif
}

static void pass(u32 from, u32 to)
{
    volatile u32 *turn = (volatile u32 *)TURN;
    turn[to * 2] = 1;
    out(0xE1, to);
    while (!turn[from * 2])
        __asm__ volatile("pause");
    turn[from * 2] = 0;
}

static void end(void)
{
    u32 values[2] = {faults, checksum};
    for (int i = 0; i < 2; i++) {
        for (int shift = 28; shift >= 0; shift -= 4)
            out(0xE9, "0123456789abcdef"[values[i] >> shift & 15]);
        out(0xE9, '\n');
    }
    for (;;)
        out(0xF4, 0);
}

/* Roots have numbers, which mean a page in every paging mode. */
static word root(u32 me, u32 number)
{
#ifndef LONG
    if (cr4[me] & 0x20)
        return PDPTS + number % 4 * 32;
#endif
    return POOL + number % POOL_PAGES * 0x1000;
}

static void load_cr3(u32 me, word value)
{
    renew_pdptes();
    set_cr3(cr3[me] = value);
    stale[me] = 0;
}

static void change_mode(u32 me, int pae, u32 number)
{
#ifndef LONG
    set_cr0(cr0[me] & ~0x80000000u);
    cr4[me] = pae ? cr4[me] | 0x20 : cr4[me] & ~0x20u;
    set_cr4(cr4[me]);
    renew_pdptes();
    set_cr3(cr3[me] = root(me, number));
    set_cr0(cr0[me]);
    stale[me] = 0;
#endif
}

/* No access may depend on what a TLB still holds: a processor is free to hold it or not. */
static void freshen(u32 me, const struct operation *o)
{
    if (!stale[me])
        return;
    if (o->extra & FLUSH_ALL) {
        load_cr3(me, cr3[me]);
    } else {
        invalidate((word)o->address);
        if (o->code == COPY)
            invalidate((word)o->value);
    }
}

static void perform(u32 me, const struct operation *o)
{
    word address = (word)o->address, value = (word)o->value;
    written = o->value;
    if (o->code == WRITE || o->code == READ || o->code == EXCHANGE_ADD || o->code == OR || o->code == FETCH || o->code == USER || o->code == FILL || o->code == COPY)
        freshen(me, o);
    switch (o->code) {
    case END: end();
    case WRITE: guarded(write, address, o->size, 0); break;
    case READ: guarded(read, address, o->size, o->extra & DEVICE); break;
    case EXCHANGE_ADD: guarded(exchange_add, address, o->size, 0); break;
    case OR: guarded(or_bits, address, value, 0); break;
    case INVALIDATE: invalidate(address); break;
    case LOAD_CR3: load_cr3(me, root(me, (u32)o->value)); break;
    case FLIP_CR0: renew_pdptes(); set_cr0(cr0[me] ^= (u32)value); break;
    case FLIP_CR4: renew_pdptes(); set_cr4(cr4[me] ^= (u32)value); break;
    case FLIP_EFER: set_efer(efer[me] ^= (u32)value); break;
    case FETCH: guarded(fetch, address, 0, 0); break;
    case USER: guarded(user_access, o->size, address, 0); break;
    case CHECKPOINT: out(0xE0, o->extra); break;
    case FILL: guarded(fill, address, o->count, 0); break;
    case COPY: guarded(copy, address, value, o->count); break;
    case UNPAGED: unpaged(me, address, (u32)o->value); break;
    case MODE: change_mode(me, o->extra, (u32)o->value); break;
    case PDPTE: set_pdpte(o->extra, o->value); break;
    }
    if (o->code == WRITE || o->code == OR || o->code == USER || o->code == FILL || o->code == COPY || o->code == UNPAGED || o->code == PDPTE) {
        for (u32 i = 0; i < vcpu_count; i++)
            stale[i] = 1;
    }
}

static void set_gate(int vector, u8 *to, int privilege)
{
    word at = (word)to;
#ifdef LONG
    idt[2 * vector] = (at & 0xffff) | 0x18ull << 16 | (0x8E00ull | privilege << 13) << 32 | (at >> 16 & 0xffff) << 48;
    idt[2 * vector + 1] = at >> 32;
#else
    idt[vector] = (at & 0xffff) | 0x08u << 16 | (u64)((at & 0xffff0000) | 0x8E00 | privilege << 13) << 32;
#endif
}

static void load_tables(void)
{
    struct __attribute__((packed)) {
        u16 limit;
        word base;
    } pointer = {sizeof idt - 1, (word)idt};
    for (int i = 0; i < 32; i++)
        set_gate(i, i == 14 ? page_fault : i == 13 ? protection_fault : other_fault, 0);
    set_gate(0x80, system_call, 3);
    word at = (word)tss;
    tss[1] = 0x1BF000; /* the stack of the kernel: ESP0, RSP0 */
    tss[2] = 0x10;
#ifdef LONG
    tss[2] = 0;
#endif
    tss[25] = 104 << 16;
    gdt[6] = 103 | (u64)(at & 0xffffff) << 16 | 0x89ull << 40 | (u64)(at >> 24 & 0xff) << 56;
    gdt[7] = 0;
    __asm__ volatile("lidt %0" ::"m"(pointer));
    __asm__ volatile("ltr %w0" ::"r"(0x30));
}

static void prepare_memory(void)
{
    /* An entry of flags alone leads to frame 0, which a loader leaves as it likes. */
    word at = 0;
    u32 count = 1024;
    __asm__ volatile("rep stosl" : "+D"(at), "+c"(count) : "a"(0) : "memory");
    for (u32 i = 0; i < POOL_PAGES; i++) {
        volatile u32 *page = (volatile u32 *)(word)(POOL + i * 0x1000);
#ifdef LONG
        page[0] = 0x200007;
#else
        page[0] = 0x202007;
        page[1] = 0x203007;
#endif
        page[RET_AT / 4] = 0xC3;
    }
}

#ifndef LONG
/* Two levels: two tables for 8 MiB at 202000h; PAE: a directory at 201000h with four tables at 208000h. */
static void prepare_tables(void)
{
    volatile u32 *two = (volatile u32 *)0x202000, *pae = (volatile u32 *)0x208000, *directory = (volatile u32 *)0x201000, *root = (volatile u32 *)PDPTS;
    for (u32 i = 0; i < 2048; i++) {
        two[i] = i << 12 | 7;
        pae[i * 2] = i << 12 | 7;
    }
    for (u32 i = 0; i < 4; i++) {
        directory[i * 2] = (0x208000 + i * 0x1000) | 7;
        root[i * 8] = 0x201001;
        for (u32 j = 1; j < 4; j++)
            root[i * 8 + j * 2] = (POOL + (i * 3 + j) % POOL_PAGES * 0x1000) | 1;
    }
}
#endif

static void prepare_data(void)
{
    for (u32 region = 0x1000000; region < 0x1600000; region += 0x200000) {
        for (u32 i = 0; i < 12; i++)
            ((volatile u32 *)(word)(region + i * 0x1000))[RET_AT / 4] = 0xC3;
    }
}

void run(u32 me)
{
    load_tables();
    if (me == 0) {
#ifdef LONG
        /* The data is beyond what is always mapped: the first pages of the pool map it for a moment. */
        volatile u64 *directory = (volatile u64 *)0x201000;
        for (u32 i = 8; i < 11; i++)
            directory[i] = (u64)i << 21 | 0x87;
        prepare_data();
        for (u32 i = 8; i < 11; i++)
            directory[i] = 0;
        set_cr3(POOL);
#else
        prepare_data();
        prepare_tables();
#endif
        prepare_memory();
    }
    cr3[me] = POOL;
#ifdef LONG
    cr0[me] = 0x80010033;
    cr4[me] = 0x20;
    efer[me] = 0xD00;
#else
    cr0[me] = 0x80010033;
    cr4[me] = 0x10;
    efer[me] = 0x800;
    set_efer(0x800);
    set_cr4(0x10);
    set_cr3(POOL);
    set_cr0(cr0[me]);
#endif
    for (;;) {
        const struct operation *o = &operations.list[next];
        if (o->vcpu != me) {
            pass(me, o->vcpu);
            continue;
        }
        next++;
        perform(me, o);
    }
}
