/* SPDX-License-Identifier: Apache-2.0 */
/* Multiboot to `run(vcpu)`, for the 64-bit and the 32-bit guest (LONG).

   Under the rig every vCPU begins at `common`, its number in EDI, when it first has the turn. Under plain QEMU the loader enters
   `_start` on the first CPU, which starts the others by INIT and SIPI; they go on at `common` too, and wait for the turn there. */
.intel_syntax noprefix
#define TURN 0x1F8000
#define STACKS 0x1F0000
#define TRAMPOLINE 0x8000
#define LAPIC 0xFEE00000
#define PDPTS 0x207000

.section .head, "ax"
.code32
.globl _start
.balign 4
    .long 0x1BADB002, 0, -0x1BADB002
    .long common
.globl vcpu_count
vcpu_count:
    .long 1
_start:
    cli
    cld
    xor edi, edi
    mov ebx, vcpu_count
    cmp ebx, 1
    jbe common
    mov esi, offset trampoline
    mov edi, TRAMPOLINE
    mov ecx, offset trampoline_end - trampoline
    rep movsb
    or dword ptr [LAPIC + 0xF0], 0x100      /* local APIC on */
    mov dword ptr [LAPIC + 0x300], 0xC4500  /* INIT to all others */
    mov ecx, 2000000
1:  pause
    loop 1b
    mov dword ptr [LAPIC + 0x300], 0xC4600 + TRAMPOLINE / 4096
2:  pause
    mov eax, awake
    inc eax
    cmp eax, vcpu_count
    jb 2b
    xor edi, edi
    jmp common
awake:
    .long 0
begun:
    .long 0

/* A CPU that was started: 16-bit code at 8000h, no stack. */
.code16
trampoline:
    cli
    xor ax, ax
    mov ds, ax
    lgdt [TRAMPOLINE + trampoline_gdtr - trampoline]
    mov eax, 0x11
    mov cr0, eax
    ljmpd 0x08, offset woken
.balign 4
trampoline_gdtr:
    .word 0x3F
    .long gdt
trampoline_end:
.code32
woken:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov edi, [LAPIC + 0x20]
    shr edi, 24
    lock inc dword ptr [awake]
1:  pause                                   /* a recording begins where the first CPU comes to `common` */
    cmp dword ptr [begun], 0
    je 1b

.globl common
.balign 64
common: /* paging is off, there is no stack, EDI is the vCPU */
    test edi, edi
    jz 2f
1:  cmp dword ptr [TURN + edi * 8], 0
    jne 1f
    pause
    jmp 1b
1:  mov dword ptr [TURN + edi * 8], 0
2:  mov dword ptr [begun], 1
    lgdt gdtr
    ljmp 0x08, offset 1f
1:  mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov fs, ax
    mov gs, ax
    mov esp, edi
    shl esp, 14
    neg esp
    add esp, STACKS
    cld
#ifdef LONG
    mov ebp, edi
    test edi, edi
    jnz 1f
    /* The part of the address space that no operation touches: 8 MiB, one to one, for user code too. */
    mov dword ptr [0x200000], 0x201007
    mov dword ptr [0x201000], 0x202007
    mov dword ptr [0x201008], 0x203007
    mov dword ptr [0x201010], 0x204007
    mov dword ptr [0x201018], 0x205007
    mov dword ptr [0x400000], 0x200007
    mov edi, 0x202000
    mov eax, 7
    mov ecx, 4 * 512
3:  mov [edi], eax
    add edi, 8
    add eax, 0x1000
    loop 3b
1:  mov eax, 0x20
    mov cr4, eax
    mov ecx, 0xC0000080
    xor edx, edx
    mov eax, 0x900
    wrmsr
    mov eax, 0x400000
    mov cr3, eax
    mov eax, 0x80010033
    mov cr0, eax
    ljmp 0x18, offset long_mode
.code64
long_mode:
    mov esp, esp
    mov edi, ebp
    call run
#else
    mov eax, 0x33
    mov cr0, eax
    xor eax, eax
    mov cr4, eax
    push edi
    call run
#endif
1:  hlt
    jmp 1b

.text
.globl guarded, page_fault, protection_fault, other_fault, system_call, user_access
#ifdef LONG
/* guarded(f, a, b, c): f(a, b, c), and 0; or 1 when it ran into a page fault */
guarded:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov saved_stack, rsp
    mov rax, rdi
    mov rdi, rsi
    mov rsi, rdx
    mov rdx, rcx
    call rax
    xor eax, eax
back:
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
page_fault:
    mov rdi, cr2
    pop rsi
    mov rsp, saved_stack
    call fault
    mov eax, 1
    jmp back
system_call: /* the access in user mode is done */
    mov rsp, saved_stack
    xor eax, eax
    jmp back
/* user_access(kind, address): only within guarded() */
user_access:
    push 0x2B
    push 0x1C0000
    push 2
    push 0x23
    lea rax, user_code
    push rax
    iretq
user_code: /* kind in EDI: 0 read, 1 write, 2 fetch */
    cmp edi, 1
    jb 1f
    je 2f
    call rsi
    jmp 3f
1:  mov al, [rsi]
    jmp 3f
2:  mov byte ptr [rsi], 0
3:  int 0x80
.set protection_fault, other_fault
#else
guarded:
    push ebx
    push ebp
    push esi
    push edi
    mov saved_stack, esp
    mov eax, [esp + 20]
    push dword ptr [esp + 32]
    push dword ptr [esp + 32]
    push dword ptr [esp + 32]
    call eax
    xor eax, eax
back:
    mov esp, saved_stack
    pop edi
    pop esi
    pop ebp
    pop ebx
    ret
page_fault:
    mov eax, cr2
    pop edx
    mov esp, saved_stack
    push edx
    push eax
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    call fault
    mov eax, 1
    jmp back
system_call:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    xor eax, eax
    jmp back
user_access:
    mov ecx, [esp + 4]
    mov esi, [esp + 8]
    mov eax, 0x2B
    mov ds, eax
    mov es, eax
    push 0x2B
    push 0x1C0000
    push 2
    push 0x23
    push offset user_code
    iretd
user_code:
    cmp ecx, 1
    jb 1f
    je 2f
    call esi
    jmp 3f
1:  mov al, [esi]
    jmp 3f
2:  mov byte ptr [esi], 0
3:  int 0x80
/* A walk came between the clearing of accessed bits in PDPTEs and their loading, as when the host was interrupted there: once more,
   with the instruction in the TLB. */
protection_fault:
    push eax
    push ecx
    mov eax, [esp + 12]
    mov cl, [eax]
    mov cl, [eax + 2]
    mov eax, PDPTS
    mov ecx, 16
1:  and dword ptr [eax], 0xFFFFFFDF
    add eax, 8
    loop 1b
    pop ecx
    pop eax
    add esp, 4
    iretd
#endif
other_fault:
    mov al, 0x7F
    out 0xF4, al
    hlt
    jmp other_fault

.data
.balign 16
.globl gdt, saved_stack
saved_stack: .quad 0
gdt:
    .quad 0
    .quad 0x00CF9B000000FFFF /* 08 code, 32 bits */
    .quad 0x00CF93000000FFFF /* 10 data */
    .quad 0x00AF9B000000FFFF /* 18 code, 64 bits */
#ifdef LONG
    .quad 0x00AFFB000000FFFF /* 20 user code */
#else
    .quad 0x00CFFB000000FFFF
#endif
    .quad 0x00CFF3000000FFFF /* 28 user data */
    .quad 0, 0               /* 30 TSS */
gdtr:
    .word 0x3F
    .long gdt, 0
