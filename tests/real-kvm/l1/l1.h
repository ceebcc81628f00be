/* SPDX-License-Identifier: Apache-2.0 */
/* What runs inside the booted kernel: one static program with two jobs, `l1 probes` and `l1 vmm`. */
#ifndef L1_H
#define L1_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PAGE_OFFSET 0xffff888000000000ull /* nokaslr, four levels: the kernel's map of all memory */
#define VMEMMAP 0xffffea0000000000ull     /* and its array of struct page */
#define MAX_VCPUS 16

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A member by path, such as "kvm_mmu_page.role" or "kvm_vcpu.arch.mmu". Alternatives, for members that were renamed, stand
   behind a bar: "kvm_mmu_page.lpage_disallowed|kvm_mmu_page.nx_huge_page_disallowed". */
struct member {
    uint32_t offset;
    uint32_t size;
};
void btf_load(void);
int btf_find(const char *paths, struct member *found);
struct member btf_member(const char *paths); /* dies if there is none */
uint32_t btf_sizeof(const char *structure);

/* The kernel's memory. An address that cannot be read is fatal: a dump must not guess. */
void kernel_open(void);
void kernel_read(uint64_t address, void *into, size_t size);
uint64_t kernel_word(uint64_t address);
uint64_t kernel_field(uint64_t structure, const char *paths); /* a member of up to 8 bytes */
uint64_t kernel_object_of_fd(int fd);                         /* private_data of one of our own files */

/* Everything KVM's MMU knows about a VM, as text. */
void dump_open(FILE *to, uint64_t empty_entry, int guest_mode_bit, const uint64_t *vcpus, int count);
void dump_mmu(const char *checkpoint, int by);

int probes_main(int count, char **arguments);
int vmm_main(int count, char **arguments);

#endif
