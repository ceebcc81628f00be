/* SPDX-License-Identifier: Apache-2.0 */
/* The first process of a Linux guest that is a KVM host itself: it loads KVM (with the parameters in /parameters), runs a small machine of its
   own, and switches off.

   The machine: 8 MiB, one vCPU in long mode with tables at 0x1000. Its program fills, copies and sums up memory, maps pages anew and
   reads them through another address, asks its VMM for a word through a port now and then, when some of its memory goes, and ends with the sum. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY (8u << 20)
#define PROGRAM 0x100000

static void off(void)
{
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

static int checked(int result, const char *what)
{
    if (result < 0) {
        printf("kvmhost: %s: %s\n", what, strerror(errno));
        off();
    }
    return result;
}

static void load(const char *name, const char *parameters)
{
    char path[64];
    snprintf(path, sizeof path, "/modules/%s.ko", name);
    int file = open(path, O_RDONLY);
    if (file < 0)
        return; /* built in */
    checked(syscall(SYS_finit_module, file, parameters, 0), path);
    close(file);
}

extern const char program[], program_end[];
__asm__(
    ".pushsection .rodata\n"
    "program:\n"
    "    mov $0x700000, %rsp\n"
    "    xor %ebx, %ebx\n"
    "    mov $8, %r12d\n"
    "round:\n"
    "    mov $0x200000, %edi\n"
    "    mov $0x20000, %ecx\n"
    "    lea (%rbx, %r12), %rax\n"
    "    rep stosq\n" /* 1 MiB */
    "    mov $0x200000, %esi\n"
    "    mov $0x400000, %edi\n"
    "    mov $0x20000, %ecx\n"
    "    rep movsq\n"
    /* A page of the copy at another address: the entry for 0x600000 + r12 pages in the table at 0x6000. */
    "    mov $0x400003, %eax\n"
    "    mov %r12, %rcx\n"
    "    shl $12, %rcx\n"
    "    add %rcx, %rax\n"
    "    mov %rax, 0x6000(, %r12, 8)\n"
    "    lea 0x600000(%rcx), %rsi\n"
    "    invlpg (%rsi)\n"
    "    mov $512, %ecx\n"
    "sum:\n"
    "    add (%rsi, %rcx, 8), %rbx\n"
    "    add $0x101, %rbx\n"
    "    loop sum\n"
    "    mov $0x3f8, %edx\n"
    "    in %dx, %eax\n"
    "    add %rax, %rbx\n"
    "    mov $0x1000, %eax\n" /* what it is: without nested paging a guest under QEMU must not read CR3, which is KVM's */
    "    mov %rax, %cr3\n"
    "    dec %r12d\n"
    "    jnz round\n"
    "    mov %ebx, %eax\n"
    "    mov $0xf4, %edx\n"
    "    out %eax, %dx\n"
    "    hlt\n"
    "program_end:\n"
    ".popsection\n");

static void set_up(uint8_t *memory, int vcpu)
{
    uint64_t *pml4 = (uint64_t *)(memory + 0x1000), *pdpt = (uint64_t *)(memory + 0x2000), *pd = (uint64_t *)(memory + 0x3000);
    pml4[0] = 0x2003;
    pdpt[0] = 0x3003;
    for (int i = 0; i < 3; i++)
        pd[i] = (uint64_t)i << 21 | 0x83;
    pd[3] = 0x6003;
    for (int i = 0; i < 512; i++)
        ((uint64_t *)(memory + 0x6000))[i] = 0x600003 + (uint64_t)i * 4096;
    memcpy(memory + PROGRAM, program, program_end - program);

    struct kvm_sregs sregs;
    checked(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    struct kvm_segment code = {.selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1, .limit = 0xffffffff};
    struct kvm_segment data = {.selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .limit = 0xffffffff};
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = data;
    sregs.cr0 = 0x80010033;
    sregs.cr3 = 0x1000;
    sregs.cr4 = 0x20;
    sregs.efer = 0x500;
    checked(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    struct kvm_regs regs = {.rip = PROGRAM, .rflags = 2};
    checked(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

int main(void)
{
    mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
    int console = open("/dev/console", O_RDWR);
    dup2(console, 1);
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("kvmhost: start\n");
    char parameters[256] = "";
    int file = open("/parameters", O_RDONLY);
    if (file >= 0 && read(file, parameters, sizeof parameters - 1) < 0)
        parameters[0] = 0;
    load("irqbypass", "");
    load("kvm", "");
    load("ccp", "");
    load("kvm-amd", parameters);

    int kvm = checked(open("/dev/kvm", O_RDWR), "/dev/kvm");
    int vm = checked(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    uint8_t *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region slot = {.memory_size = MEMORY, .userspace_addr = (uintptr_t)memory};
    checked(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
    int vcpu = checked(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    struct kvm_run *run = mmap(NULL, checked(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "size"), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    set_up(memory, vcpu);

    for (int exits = 1;; exits++) {
        checked(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
        if (run->exit_reason != KVM_EXIT_IO) {
            struct kvm_regs regs;
            struct kvm_sregs sregs;
            ioctl(vcpu, KVM_GET_REGS, &regs);
            ioctl(vcpu, KVM_GET_SREGS, &sregs);
            printf("kvmhost: exit reason %u at rip %llx, cr2 %llx, after %d exits\n", run->exit_reason, regs.rip, sregs.cr2, exits);
            break;
        }
        uint32_t *value = (uint32_t *)((uint8_t *)run + run->io.data_offset);
        if (run->io.direction == KVM_EXIT_IO_OUT) {
            printf("kvmhost: sum %x after %d exits\n", *value, exits);
            break;
        }
        /* Some memory of the machine goes and comes again: the host's notifier takes it out of nested page tables. */
        madvise(memory + 0x200000, 0x10000, MADV_DONTNEED);
        *value = exits;
    }
    printf("kvmhost: done\n");
    off();
}
