/* SPDX-License-Identifier: Apache-2.0 */
/* Every table of a VM as it stands in the kernel's memory. One line a fact; the program on the other side gives them names:

     CKPT 3                                             a checkpoint begins
     by 0                                               the vCPU that made it
     vm n_used=.. gen=.. indirect=..
     vcpu 0 root_mmu=.. root=HPA,PGD cpu_role=.. root_role=.. requests=..
     vcpu 0 prev HPA,PGD HPA,PGD HPA,PGD
     vcpu 0 pdptrs .. .. .. ..
     vcpu 0 mmu root_mmu root=HPA,PGD cpu_role=.. root_role=.. prev=HPA,PGD;HPA,PGD;HPA,PGD     also guest_mmu: those lines are of the one in use
     vcpu 0 nested walk=0 guest_mode=0 cpu_role=..      walk: the tables that the guest's addresses go by are a nested guest's
     vcpu 0 pae_root HPA                                followed by its entries; also pml4_root; pae_root.guest, pml4_root.guest
     page HPA list=.. gfn=.. role=.. tdp=.. ... parents=..,..
       INDEX VALUE [TRANSLATION]
     END 3
*/
#include <stdlib.h>
#include <string.h>

#include "l1.h"

#define ENTRIES 512
typedef unsigned long long ull;

static FILE *out;
static uint64_t empty, vcpus[MAX_VCPUS], kvm;
static int vcpu_count, guest_bit;

/* One page's structure is read at once and taken apart here. */
static struct {
    struct member role, gfn, spt, translation, tdp, unsync, gen, huge_disallowed, roots, unsync_children, parents, flood, link;
    uint32_t size;
} sp;
static struct {
    struct member count, entries;
} rmap;
static uint32_t root_size, struct_page_size;
static uint64_t *seen;
static size_t seen_count, seen_room;

void dump_open(FILE *to, uint64_t empty_entry, int guest_mode_bit, const uint64_t *pointers, int count)
{
    out = to;
    guest_bit = guest_mode_bit;
    empty = empty_entry;
    vcpu_count = count;
    memcpy(vcpus, pointers, count * sizeof *pointers);
    kvm = kernel_field(vcpus[0], "kvm_vcpu.kvm");
    sp.size = btf_sizeof("kvm_mmu_page");
    sp.role = btf_member("kvm_mmu_page.role");
    sp.gfn = btf_member("kvm_mmu_page.gfn");
    sp.spt = btf_member("kvm_mmu_page.spt");
    sp.translation = btf_member("kvm_mmu_page.shadowed_translation|kvm_mmu_page.gfns");
    sp.tdp = btf_member("kvm_mmu_page.tdp_mmu_page");
    sp.unsync = btf_member("kvm_mmu_page.unsync");
    sp.gen = btf_member("kvm_mmu_page.mmu_valid_gen");
    sp.huge_disallowed = btf_member("kvm_mmu_page.nx_huge_page_disallowed|kvm_mmu_page.lpage_disallowed");
    sp.roots = btf_member("kvm_mmu_page.root_count");
    sp.unsync_children = btf_member("kvm_mmu_page.unsync_children");
    sp.parents = btf_member("kvm_mmu_page.parent_ptes");
    sp.flood = btf_member("kvm_mmu_page.write_flooding_count");
    sp.link = btf_member("kvm_mmu_page.link");
    rmap.count = btf_member("pte_list_desc.spte_count");
    rmap.entries = btf_member("pte_list_desc.sptes");
    root_size = btf_sizeof("kvm_mmu_root_info");
    struct_page_size = btf_sizeof("page");
}

static uint64_t part(const uint8_t *bytes, struct member member)
{
    uint64_t value = 0;
    memcpy(&value, bytes + member.offset, member.size < 8 ? member.size : 8);
    return value;
}

static void entries(uint64_t table, uint64_t translations, int count, uint64_t none)
{
    uint64_t values[ENTRIES], shadowed[ENTRIES];
    kernel_read(table, values, count * sizeof *values);
    if (translations)
        kernel_read(translations, shadowed, count * sizeof *shadowed);
    for (int i = 0; i < count; i++) {
        if (values[i] == none)
            continue;
        fprintf(out, "  %d %llx", i, (ull)values[i]);
        if (translations)
            fprintf(out, " %llx", (ull)shadowed[i]);
        fputc('\n', out);
    }
}

/* The places that link to a page: one as it is, several in a chain of descriptors, whose mark is bit 0. */
static void parents(uint64_t value, int is_tdp)
{
    if (!value) {
        fputc('-', out);
    } else if (is_tdp || !(value & 1)) {
        fprintf(out, "%llx", (ull)(value - PAGE_OFFSET));
    } else {
        for (uint64_t at = value & ~1ull; at; at = kernel_word(at)) {
            uint64_t count = 0;
            kernel_read(at + rmap.count.offset, &count, rmap.count.size);
            for (uint64_t i = 0; i < count && i < rmap.entries.size / 8; i++)
                fprintf(out, "%llx,", (ull)(kernel_word(at + rmap.entries.offset + 8 * i) - PAGE_OFFSET));
        }
    }
}

static int is_new(uint64_t page)
{
    for (size_t i = 0; i < seen_count; i++) {
        if (seen[i] == page)
            return 0;
    }
    if (seen_count == seen_room)
        seen = realloc(seen, (seen_room = seen_room * 2 + 256) * sizeof *seen);
    seen[seen_count++] = page;
    return 1;
}

static void page(uint64_t address, const char *list)
{
    uint8_t bytes[sp.size];
    if (!is_new(address))
        return;
    kernel_read(address, bytes, sp.size);
    uint64_t role = part(bytes, sp.role), table = part(bytes, sp.spt);
    int is_tdp = part(bytes, sp.tdp);
    fprintf(out, "page %llx list=%s gfn=%llx role=%llx tdp=%d unsync=%llu gen=%llu nohuge=%llu rootcnt=%d unsync_children=%llu flood=%llu parents=",
        (ull)(table - PAGE_OFFSET), list, (ull)part(bytes, sp.gfn), (ull)role, is_tdp, (ull)part(bytes, sp.unsync), (ull)part(bytes, sp.gen),
        (ull)part(bytes, sp.huge_disallowed), (int)part(bytes, sp.roots), (ull)part(bytes, sp.unsync_children), (ull)part(bytes, sp.flood));
    parents(part(bytes, sp.parents), is_tdp);
    fputc('\n', out);
    entries(table, is_tdp ? 0 : part(bytes, sp.translation), ENTRIES, empty);

    /* Not every kernel lists the TDP MMU's pages; their links lead to all of them, and struct page leads to the structure. */
    if (is_tdp && (role & 15) > 1) {
        uint64_t values[ENTRIES];
        uint32_t private = btf_member("page.private").offset;
        kernel_read(table, values, sizeof values);
        for (int i = 0; i < ENTRIES; i++) {
            int is_link = (values[i] & 0x800) && !(values[i] & 0x80);
            if (is_link)
                page(kernel_word(VMEMMAP + (values[i] >> 12 & 0xfffffffffull) * struct_page_size + private), "tdp_pages");
        }
    }
}

static void list(const char *head_path, const char *name)
{
    uint64_t head = kvm + btf_member(head_path).offset;
    uint64_t first = kernel_word(head); /* 0 where the TDP MMU is off and its list was never made */
    for (uint64_t link = first; link && link != head; link = kernel_word(link))
        page(link - sp.link.offset, name);
}

static void special(int number, uint64_t mmu, const char *path, const char *name, int count)
{
    uint64_t table = kernel_field(mmu, path);
    if (!table)
        return;
    fprintf(out, "vcpu %d %s %llx\n", number, name, (ull)(table - PAGE_OFFSET));
    entries(table, 0, count, 0);
}

static void context(int number, uint64_t mmu, const char *name)
{
    uint64_t previous = mmu + btf_member("kvm_mmu.prev_roots").offset;
    uint32_t hpa = btf_member("kvm_mmu_root_info.hpa").offset, pgd = btf_member("kvm_mmu_root_info.pgd").offset;
    fprintf(out, "vcpu %d mmu %s root=%llx,%llx cpu_role=%llx root_role=%llx prev=", number, name, (ull)kernel_field(mmu, "kvm_mmu.root.hpa"),
        (ull)kernel_field(mmu, "kvm_mmu.root.pgd"), (ull)kernel_field(mmu, "kvm_mmu.cpu_role"), (ull)kernel_field(mmu, "kvm_mmu.root_role"));
    for (int i = 0; i < 3; i++, previous += root_size)
        fprintf(out, "%s%llx,%llx", i ? ";" : "", (ull)kernel_word(previous + hpa), (ull)kernel_word(previous + pgd));
    fputc('\n', out);
}

static void vcpu(int number)
{
    uint64_t mmu = kernel_field(vcpus[number], "kvm_vcpu.arch.mmu");
    uint64_t previous = mmu + btf_member("kvm_mmu.prev_roots").offset;
    uint32_t hpa = btf_member("kvm_mmu_root_info.hpa").offset, pgd = btf_member("kvm_mmu_root_info.pgd").offset;
    fprintf(out, "vcpu %d root_mmu=%d root=%llx,%llx cpu_role=%llx root_role=%llx requests=%llx\n", number,
        mmu == vcpus[number] + btf_member("kvm_vcpu.arch.root_mmu").offset, (ull)kernel_field(mmu, "kvm_mmu.root.hpa"),
        (ull)kernel_field(mmu, "kvm_mmu.root.pgd"), (ull)kernel_field(mmu, "kvm_mmu.cpu_role"), (ull)kernel_field(mmu, "kvm_mmu.root_role"),
        (ull)kernel_field(vcpus[number], "kvm_vcpu.requests"));
    fprintf(out, "vcpu %d prev", number);
    for (int i = 0; i < 3; i++, previous += root_size)
        fprintf(out, " %llx,%llx", (ull)kernel_word(previous + hpa), (ull)kernel_word(previous + pgd));
    fprintf(out, "\nvcpu %d pdptrs", number);
    for (int i = 0; i < 4; i++)
        fprintf(out, " %llx", (ull)kernel_word(mmu + btf_member("kvm_mmu.pdptrs").offset + 8 * i));
    fputc('\n', out);
    uint64_t root = vcpus[number] + btf_member("kvm_vcpu.arch.root_mmu").offset, guest = vcpus[number] + btf_member("kvm_vcpu.arch.guest_mmu").offset;
    uint64_t nested = vcpus[number] + btf_member("kvm_vcpu.arch.nested_mmu").offset;
    context(number, root, "root_mmu");
    context(number, guest, "guest_mmu");
    fprintf(out, "vcpu %d nested walk=%d guest_mode=%d cpu_role=%llx\n", number, kernel_field(vcpus[number], "kvm_vcpu.arch.walk_mmu") == nested,
        (int)(kernel_field(vcpus[number], "kvm_vcpu.arch.hflags") >> guest_bit & 1), (ull)kernel_field(nested, "kvm_mmu.cpu_role"));
    special(number, root, "kvm_mmu.pae_root", "pae_root", 4);
    special(number, root, "kvm_mmu.pml4_root", "pml4_root", ENTRIES);
    special(number, guest, "kvm_mmu.pae_root", "pae_root.guest", 4);
    special(number, guest, "kvm_mmu.pml4_root", "pml4_root.guest", ENTRIES);
}

void dump_mmu(const char *checkpoint, int by)
{
    seen_count = 0;
    fprintf(out, "CKPT %s\nby %d\nvm n_used=%llu gen=%llu indirect=%llu\n", checkpoint, by, (ull)kernel_field(kvm, "kvm.arch.n_used_mmu_pages"),
        (ull)kernel_field(kvm, "kvm.arch.mmu_valid_gen"), (ull)kernel_field(kvm, "kvm.arch.indirect_shadow_pages"));
    for (int i = 0; i < vcpu_count; i++)
        vcpu(i);
    list("kvm.arch.tdp_mmu_roots", "tdp_roots");
    list("kvm.arch.active_mmu_pages", "active");
    fprintf(out, "END %s\n", checkpoint);
    fflush(out);
}
