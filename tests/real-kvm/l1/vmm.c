/* SPDX-License-Identifier: Apache-2.0 */
/* A VMM for one kind of guest: a multiboot ELF on 64 MiB, with up to 16 vCPUs of which exactly one runs at a time.

   Every vCPU is a thread; a condition variable passes the turn. The guest speaks through ports: E0 checkpoint (the tables are
   dumped, then the host does what the case says), E1 the turn goes to vCPU AL, E9 console, F4 the end.

   With --pc it has what guests that others wrote look for on QEMU's machine: the loader's information, fw_cfg, a serial port. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l1.h"

#define MULTIBOOT_MAGIC 0x1BADB002u
#define LOAD_ADDRESS 0x100000u
#define HUGE_PAGE (2ull << 20)
#define MEMORY_AT ((void *)0x100000000000) /* always the same, so that ranges of the MMU notifier are */
#define QUIRKS_CAPABILITY 213              /* KVM_CAP_DISABLE_QUIRKS2 */
#define QUIRK_SLOT_ZAP_ALL (1u << 7)
#define LOADER_INFORMATION 0x9500
#define CPUID_X2APIC (1u << 21) /* leaf 1, ECX: the local APIC's registers are MSRs; there is no local APIC in this KVM */

typedef unsigned long long ull;

static struct {
    const char *payload, *folder, *mode, *guest, *kernel, *name, *trace_marker;
    uint64_t memory, empty_entry;
    int guest_bit;
    int vcpus;
    int huge, lazy, dirty, late_dirty, replace_slot, protect, no_slot_zap_all, pc;
} options = {.memory = 64 << 20, .vcpus = 1, .folder = ".", .kernel = "", .name = "guest"};

static uint8_t *memory;
static int kvm, vm, marker = -1, vcpu_fd[MAX_VCPUS], log_dirty;
static struct kvm_run *shared[MAX_VCPUS];
static FILE *state_file, *tables_file, *console_file;
static uint64_t entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t may_run[MAX_VCPUS];
static int turn = -1, ended, result = -1, thread_id[MAX_VCPUS];
static long exits;
static int fw_cfg_item, fw_cfg_at;

static FILE *create(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", options.folder, name);
    FILE *file = fopen(path, "w");
    if (!file)
        die("%s: %m", path);
    return file;
}

static void mark(const char *text)
{
    if (marker >= 0 && write(marker, text, strlen(text)) < 0)
        die("trace_marker: %m");
}

/* ---- memory ---- */

static void set_slot(int present)
{
    struct kvm_userspace_memory_region region = {
        .flags = log_dirty ? KVM_MEM_LOG_DIRTY_PAGES : 0,
        .memory_size = present ? options.memory : 0,
        .userspace_addr = (uint64_t)memory,
    };
    if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
        die("KVM_SET_USER_MEMORY_REGION: %m");
}

static void make_memory(void)
{
    memory = mmap(MEMORY_AT, options.memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        die("guest memory: %m");
    if (madvise(memory, options.memory, options.huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
        die("madvise: %m");
    for (uint64_t at = 0; !options.lazy && at < options.memory; at += 4096)
        *(volatile uint8_t *)(memory + at) = 0;
}

static void load_payload(void)
{
    struct stat status;
    int file = open(options.payload, O_RDONLY);
    if (file < 0 || fstat(file, &status))
        die("%s: %m", options.payload);
    uint8_t *data = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    const Elf32_Ehdr *header = (const void *)data;
    if (data == MAP_FAILED || status.st_size < (long)sizeof *header || memcmp(data, ELFMAG, SELFMAG) || data[EI_CLASS] != ELFCLASS32)
        die("%s: not a 32-bit ELF file", options.payload);
    for (int i = 0; i < header->e_phnum; i++) {
        const Elf32_Phdr *segment = (const void *)(data + header->e_phoff + i * header->e_phentsize);
        if (segment->p_type != PT_LOAD)
            continue;
        if (segment->p_paddr + (uint64_t)segment->p_filesz > options.memory)
            die("%s: does not fit into %llu bytes", options.payload, (ull)options.memory);
        memcpy(memory + segment->p_paddr, data + segment->p_offset, segment->p_filesz);
    }
    /* A guest of several CPUs has code that starts them under plain QEMU; behind the multiboot header it says where all of them go on. */
    const uint32_t *multiboot = (const void *)(memory + LOAD_ADDRESS);
    int has_common_entry = options.vcpus > 1 && multiboot[0] == MULTIBOOT_MAGIC && multiboot[3] >> 12 == LOAD_ADDRESS >> 12;
    entry = has_common_entry ? multiboot[3] : header->e_entry;
    munmap(data, status.st_size);
    close(file);
}

/* The multiboot information of a loader: memory up to what QEMU's firmware keeps for its tables, a command line, a map of one piece. */
static void write_loader_information(void)
{
    uint32_t *at = (void *)(memory + LOADER_INFORMATION), upper = (options.memory >> 10) - 1024 - 128;
    uint32_t piece[] = {20, 0, 0, options.memory, 0, 1};
    at[0] = 1 | 4 | 64;
    at[1] = 640;
    at[2] = upper;
    at[4] = LOADER_INFORMATION + 0x80;
    at[11] = sizeof piece;
    at[12] = LOADER_INFORMATION + 0xC0;
    memcpy(memory + at[4], "guest", 6);
    memcpy(memory + at[12], piece, sizeof piece);
}

/* Which host frame is behind each guest frame: runs of GFN COUNT PFN. */
static void write_pagemap(const char *name)
{
    uint64_t count = options.memory >> 12, *entries = malloc(count * 8), mask = (1ull << 55) - 1;
    int pagemap = open("/proc/self/pagemap", O_RDONLY);
    if (pagemap < 0 || pread(pagemap, entries, count * 8, ((uint64_t)memory >> 12) * 8) != (ssize_t)(count * 8))
        die("pagemap: %m");
    FILE *file = create(name);
    for (uint64_t i = 0, end; i < count; i = end) {
        end = i + 1;
        if (!(entries[i] >> 63))
            continue;
        while (end < count && entries[end] >> 63 && (entries[end] & mask) == (entries[i] & mask) + (end - i))
            end++;
        fprintf(file, "%llx %llx %llx\n", (ull)i, (ull)(end - i), (ull)(entries[i] & mask));
    }
    fclose(file);
    free(entries);
    close(pagemap);
}

/* Pages that are not zero, as records of a 64-bit address and 4096 bytes. Looking must not bring a page in. */
static void write_pages(const char *name)
{
    static const uint8_t zero[4096];
    FILE *file = create(name);
    for (uint64_t gpa = 0; gpa < options.memory; gpa += 4096) {
        unsigned char resident = 0;
        if (mincore(memory + gpa, 4096, &resident))
            die("mincore: %m");
        if (!(resident & 1) || !memcmp(memory + gpa, zero, sizeof zero))
            continue;
        fwrite(&gpa, 8, 1, file);
        fwrite(memory + gpa, 4096, 1, file);
    }
    fclose(file);
}

/* ---- vCPUs ---- */

static void write_segment(const char *name, const struct kvm_segment *s)
{
    fprintf(state_file, "%s sel=%x base=%llx limit=%x type=%x s=%u dpl=%u p=%u l=%u db=%u g=%u\n", name, s->selector, (ull)s->base, s->limit,
        s->type, s->s, s->dpl, s->present, s->l, s->db, s->g);
}

static void write_state(const char *when, int vcpu)
{
    struct kvm_regs r;
    struct kvm_sregs s;
    if (ioctl(vcpu_fd[vcpu], KVM_GET_REGS, &r) || ioctl(vcpu_fd[vcpu], KVM_GET_SREGS, &s))
        die("registers: %m");
    fprintf(state_file, "STATE %s", when);
    if (options.vcpus > 1)
        fprintf(state_file, " vcpu=%d", vcpu);
    fprintf(state_file, "\nrax=%llx rbx=%llx rcx=%llx rdx=%llx rsi=%llx rdi=%llx rbp=%llx rsp=%llx r8=%llx r9=%llx r10=%llx r11=%llx", r.rax, r.rbx,
        r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11);
    fprintf(state_file, " r12=%llx r13=%llx r14=%llx r15=%llx rip=%llx rflags=%llx\n", r.r12, r.r13, r.r14, r.r15, r.rip, r.rflags);
    fprintf(state_file, "cr0=%llx cr2=%llx cr3=%llx cr4=%llx efer=%llx gdt=%llx/%x idt=%llx/%x\n", s.cr0, s.cr2, s.cr3, s.cr4, s.efer, s.gdt.base,
        s.gdt.limit, s.idt.base, s.idt.limit);
    const struct kvm_segment *segments[] = {&s.cs, &s.ds, &s.es, &s.fs, &s.gs, &s.ss, &s.tr, &s.ldt};
    static const char *const names[] = {"cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"};
    for (int i = 0; i < 8; i++)
        write_segment(names[i], segments[i]);
    fflush(state_file);
}

static void write_states(const char *when)
{
    for (int i = 0; i < options.vcpus; i++)
        write_state(when, i);
}

static struct kvm_cpuid2 *supported_cpuid(void)
{
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + 256 * sizeof *cpuid->entries);
    cpuid->nent = 256;
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid))
        die("KVM_GET_SUPPORTED_CPUID: %m");
    return cpuid;
}

static void number_cpuid(struct kvm_cpuid2 *cpuid, uint32_t apic_id)
{
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        struct kvm_cpuid_entry2 *leaf = &cpuid->entries[i];
        if (leaf->function == 1)
            leaf->ebx = (leaf->ebx & 0xffffff) | apic_id << 24;
        if (leaf->function == 1 && options.pc)
            leaf->ecx &= ~CPUID_X2APIC;
        if (leaf->function == 0xb)
            leaf->edx = apic_id;
    }
}

static void create_vcpus(void)
{
    struct kvm_cpuid2 *cpuid = supported_cpuid();
    int shared_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    for (int i = 0; i < options.vcpus; i++) {
        vcpu_fd[i] = ioctl(vm, KVM_CREATE_VCPU, i);
        if (vcpu_fd[i] < 0)
            die("KVM_CREATE_VCPU %d: %m", i);
        shared[i] = mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd[i], 0);
        number_cpuid(cpuid, i);
        if (shared[i] == MAP_FAILED || ioctl(vcpu_fd[i], KVM_SET_CPUID2, cpuid))
            die("vCPU %d: %m", i);
    }
    number_cpuid(cpuid, 0);
    FILE *file = create("cpuid.txt");
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *leaf = &cpuid->entries[i];
        fprintf(file, "%08x/%x: %08x %08x %08x %08x\n", leaf->function, leaf->index, leaf->eax, leaf->ebx, leaf->ecx, leaf->edx);
    }
    fclose(file);
    free(cpuid);
}

/* What a multiboot loader leaves: protected mode, flat segments, no paging. */
static void reset_vcpu(int number)
{
    struct kvm_sregs special;
    struct kvm_regs general = {.rax = 0x2BADB002, .rbx = LOADER_INFORMATION, .rdi = number, .rip = entry, .rsp = 0x7000, .rflags = 2};
    struct kvm_segment flat = {.limit = 0xffffffff, .selector = 8, .type = 0xb, .present = 1, .s = 1, .db = 1, .g = 1};
    if (ioctl(vcpu_fd[number], KVM_GET_SREGS, &special))
        die("KVM_GET_SREGS: %m");
    special.cs = flat;
    flat.type = 3;
    flat.selector = 0x10;
    special.ds = special.es = special.fs = special.gs = special.ss = flat;
    special.cr0 = 0x11;
    special.cr3 = special.cr4 = special.efer = 0;
    if (ioctl(vcpu_fd[number], KVM_SET_SREGS, &special) || ioctl(vcpu_fd[number], KVM_SET_REGS, &general))
        die("registers of vCPU %d: %m", number);
}

/* ---- what the host does at a checkpoint ---- */

static void get_dirty_log(void)
{
    uint64_t pages = options.memory >> 12, dirty = 0, *bitmap = calloc(pages / 64 + 1, 8);
    struct kvm_dirty_log log = {.dirty_bitmap = bitmap};
    if (ioctl(vm, KVM_GET_DIRTY_LOG, &log))
        die("KVM_GET_DIRTY_LOG: %m");
    fprintf(state_file, "DIRTY");
    for (uint64_t i = 0; i < pages; i++) {
        if (bitmap[i / 64] >> i % 64 & 1) {
            fprintf(state_file, " %llx", (ull)i);
            dirty++;
        }
    }
    fprintf(state_file, "\nNDIRTY %llu\n", (ull)dirty);
    free(bitmap);
    mark("vmm get_dirty_log");
}

static void checkpoint(int number, int by)
{
    char text[64];
    snprintf(text, sizeof text, "vmm checkpoint %d", number);
    mark(text);
    write_states(text + strlen("vmm "));
    dump_mmu(text + strlen("vmm checkpoint "), by);
    if (log_dirty)
        get_dirty_log();
    if (options.replace_slot) {
        mark("vmm delete_slot");
        set_slot(0);
        mark("vmm add_slot");
        set_slot(1);
    }
    if (options.late_dirty && !log_dirty) {
        mark("vmm enable_dirty_log");
        log_dirty = 1;
        set_slot(1);
    }
    if (options.protect) {
        mark("vmm mprotect");
        if (mprotect(memory, options.memory, PROT_READ) || mprotect(memory, options.memory, PROT_READ | PROT_WRITE))
            die("mprotect: %m");
        mark("vmm mprotect_done");
    }
}

/* ---- running ---- */

static void wait_for_turn(int number)
{
    while (turn != number && !ended)
        pthread_cond_wait(&may_run[number], &lock);
}

static void give_turn(int from, int to)
{
    pthread_mutex_lock(&lock);
    if (from != to) {
        turn = to;
        pthread_cond_signal(&may_run[to]);
        wait_for_turn(from);
    }
    pthread_mutex_unlock(&lock);
}

static void end(int code)
{
    pthread_mutex_lock(&lock);
    ended = 1;
    result = code;
    mark("vmm end");
    for (int i = 0; i < options.vcpus; i++)
        pthread_cond_signal(&may_run[i]);
    pthread_mutex_unlock(&lock);
}

/* The next byte of the item of QEMU's fw_cfg that the guest selected. */
static uint8_t fw_cfg_byte(void)
{
    uint64_t value = 0;
    switch (fw_cfg_item) {
    case 0: value = 0x554D4551; break; /* QEMU */
    case 3: value = options.memory; break;
    case 5: case 15: value = (uint64_t)options.vcpus; break;
    }
    return fw_cfg_at < 8 ? value >> 8 * fw_cfg_at++ : 0;
}

static void port_access(int number)
{
    struct kvm_run *run = shared[number];
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    if (run->io.direction == KVM_EXIT_IO_IN) {
        memset(data, 0xff, run->io.size * run->io.count);
        if (options.pc && run->io.port == 0x511)
            *data = fw_cfg_byte();
        return;
    }
    if (options.pc && run->io.port == 0x510) {
        fw_cfg_item = data[0] | data[1] << 8;
        fw_cfg_at = 0;
    }
    if (options.pc && run->io.port == 0x3F8)
        fputc(*data, console_file);
    switch (run->io.port) {
    case 0xE0:
        checkpoint(*data, number);
        break;
    case 0xE1:
        if (*data >= options.vcpus)
            die("vCPU %d gives its turn to vCPU %d, which there is not", number, *data);
        give_turn(number, *data);
        break;
    case 0xE9:
        fputc(*data, console_file);
        break;
    case 0xF4:
        end(*data);
        break;
    }
}

static void *run_vcpu(void *argument)
{
    int number = (int)(intptr_t)argument;
    struct kvm_run *run = shared[number];
    char name[16];
    snprintf(name, sizeof name, "vcpu%d", number);
    prctl(PR_SET_NAME, name);
    thread_id[number] = gettid();
    pthread_mutex_lock(&lock);
    wait_for_turn(number);
    pthread_mutex_unlock(&lock);
    while (!ended) {
        if (ioctl(vcpu_fd[number], KVM_RUN, 0)) {
            if (errno == EINTR)
                continue;
            die("KVM_RUN: %m");
        }
        exits++;
        if (run->exit_reason == KVM_EXIT_IO) {
            port_access(number);
        } else if (run->exit_reason == KVM_EXIT_MMIO) {
            fprintf(state_file, "MMIO %s gpa=%llx len=%u\n", run->mmio.is_write ? "write" : "read", run->mmio.phys_addr, run->mmio.len);
            if (!run->mmio.is_write)
                memset(run->mmio.data, 0, sizeof run->mmio.data);
        } else {
            fprintf(stderr, "vmm: vCPU %d: exit %u, suberror %u\n", number, run->exit_reason,
                run->exit_reason == KVM_EXIT_INTERNAL_ERROR ? run->internal.suberror : 0);
            write_state("BAD", number);
            end(100 + run->exit_reason);
        }
    }
    return NULL;
}

static void run_all(void)
{
    pthread_t threads[MAX_VCPUS];
    for (int i = 0; i < options.vcpus; i++) {
        pthread_cond_init(&may_run[i], NULL);
        if (pthread_create(&threads[i], NULL, run_vcpu, (void *)(intptr_t)i))
            die("pthread_create: %m");
    }
    mark("vmm run");
    pthread_mutex_lock(&lock);
    turn = 0;
    pthread_cond_signal(&may_run[0]);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < options.vcpus; i++)
        pthread_join(threads[i], NULL);
    /* A thread that was joined may still hold the files on its way out, and then the end of the VM would be its work. */
    for (int i = 0; i < options.vcpus; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/task/%d", thread_id[i]);
        while (!access(path, F_OK))
            usleep(1000);
    }
}

/* ---- the case ---- */

static void write_case(void)
{
    const char *action = options.replace_slot && options.protect ? "\"delete and re-add memslot 0; mprotect guest memory read-only, then read-write\""
        : options.replace_slot                                   ? "\"delete and re-add memslot 0\""
        : options.protect                                        ? "\"mprotect guest memory read-only, then read-write\""
        : options.late_dirty                                     ? "\"enable dirty logging at the first checkpoint\""
                                                                 : "null";
    FILE *file = create("case.json");
    fprintf(file, "{\n \"guest\": \"%s\",\n \"vendor\": \"amd\",\n \"mmu\": \"%s\",\n \"kernel\": \"%s\",\n \"memory_bytes\": %llu,\n \"entry\": \"0x%llx\",\n",
        options.guest, options.mode, options.kernel, (ull)options.memory, (ull)entry);
    fprintf(file, " \"hva_aligned_2m\": true,\n \"host_pages\": \"%s\",\n \"host_populated\": %s,\n \"dirty_log\": %s,\n \"at_checkpoint\": %s,\n",
        options.huge ? "thp" : "4k", options.lazy ? "false" : "true", options.dirty ? "true" : "false", action);
    fprintf(file, " \"host_profile\": \"amd-tcg\"");
    if (options.no_slot_zap_all)
        fprintf(file, ",\n \"quirks_disabled\": [\n  \"KVM_X86_QUIRK_SLOT_ZAP_ALL\"\n ]");
    if (options.vcpus > 1) {
        fprintf(file, ",\n \"vcpus\": %d,\n \"turns\": {\n  \"first\": 0,\n  \"words_at\": \"0x1f8000\",\n  \"stride\": 8,\n", options.vcpus);
        fprintf(file, "  \"rule\": \"one vCPU runs at a time; its store to words_at + stride*k, for another vCPU k, gives k the turn; the others wait\"\n }");
    }
    fprintf(file, "\n}\n");
    fclose(file);

    file = create("host.txt");
    fprintf(file, "empty_entry=%llx memory=%llx at=%llx vcpus=%d\n", (ull)options.empty_entry, (ull)options.memory, (ull)(uint64_t)memory, options.vcpus);
    uint32_t root = btf_member("kvm_vcpu.arch.root_mmu").offset, guest = btf_member("kvm_vcpu.arch.guest_mmu").offset;
    uint32_t nested = btf_member("kvm_vcpu.arch.nested_mmu").offset;
    for (int i = 0; i < options.vcpus; i++) {
        uint64_t vcpu = kernel_object_of_fd(vcpu_fd[i]);
        fprintf(file, "vcpu=%llx root_mmu=%llx guest_mmu=%llx nested_mmu=%llx\n", (ull)vcpu, (ull)vcpu + root, (ull)vcpu + guest, (ull)vcpu + nested);
    }
    fclose(file);
}

static void parse(int count, char **arguments)
{
    enum { huge = 256, lazy, dirty, late_dirty, reslot, protect, no_quirk, pc };
    static const struct option known[] = {
        {"out", required_argument, NULL, 'o'},       {"vcpus", required_argument, NULL, 'n'},  {"memory", required_argument, NULL, 'm'},
        {"mode", required_argument, NULL, 'M'},      {"guest", required_argument, NULL, 'g'},  {"kernel", required_argument, NULL, 'k'},
        {"marker", required_argument, NULL, 't'},    {"empty", required_argument, NULL, 'e'},  {"guest-bit", required_argument, NULL, 'G'},
          {"huge", no_argument, NULL, huge},
        {"lazy", no_argument, NULL, lazy},           {"dirty", no_argument, NULL, dirty},      {"late-dirty", no_argument, NULL, late_dirty},
        {"replace-slot", no_argument, NULL, reslot}, {"protect", no_argument, NULL, protect},  {"no-slot-zap-all", no_argument, NULL, no_quirk},
        {"pc", no_argument, NULL, pc},
        {0},
    };
    for (int option; (option = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        switch (option) {
        case 'o': options.folder = optarg; break;
        case 'n': options.vcpus = atoi(optarg); break;
        case 'm': options.memory = strtoull(optarg, NULL, 0) << 20; break;
        case 'M': options.mode = optarg; break;
        case 'g': options.guest = optarg; break;
        case 'k': options.kernel = optarg; break;
        case 't': options.trace_marker = optarg; break;
        case 'G': options.guest_bit = atoi(optarg); break;
        case 'e': options.empty_entry = strtoull(optarg, NULL, 16); break;
        case huge: options.huge = 1; break;
        case lazy: options.lazy = 1; break;
        case dirty: options.dirty = 1; break;
        case late_dirty: options.late_dirty = 1; break;
        case reslot: options.replace_slot = 1; break;
        case protect: options.protect = 1; break;
        case no_quirk: options.no_slot_zap_all = 1; break;
        case pc: options.pc = 1; break;
        default: die("usage: l1 vmm --out DIR --mode MODE --guest PATH [OPTIONS] PAYLOAD");
        }
    }
    if (optind != count - 1 || !options.mode || !options.guest || options.vcpus < 1 || options.vcpus > MAX_VCPUS)
        die("usage: l1 vmm --out DIR --mode MODE --guest PATH [OPTIONS] PAYLOAD");
    options.payload = arguments[optind];
}

int vmm_main(int count, char **arguments)
{
    parse(count, arguments);
    prctl(PR_SET_NAME, "vmm");
    state_file = create("state.txt");
    tables_file = create("tables.txt");
    console_file = create("console.txt");
    if (options.trace_marker && (marker = open(options.trace_marker, O_WRONLY)) < 0)
        die("%s: %m", options.trace_marker);
    kernel_open();
    make_memory();
    load_payload();
    if (options.pc)
        write_loader_information();
    log_dirty = options.dirty;

    kvm = open("/dev/kvm", O_RDWR);
    if (kvm < 0)
        die("/dev/kvm: %m");
    mark("vmm create_vm");
    vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0)
        die("KVM_CREATE_VM: %m");
    struct kvm_enable_cap quirks = {.cap = QUIRKS_CAPABILITY, .args = {QUIRK_SLOT_ZAP_ALL}};
    if (options.no_slot_zap_all && ioctl(vm, KVM_ENABLE_CAP, &quirks))
        die("this kernel has no KVM_X86_QUIRK_SLOT_ZAP_ALL to switch off: %m");
    set_slot(1);
    create_vcpus();
    for (int i = 0; i < options.vcpus; i++)
        reset_vcpu(i);
    write_case();
    uint64_t pointers[MAX_VCPUS];
    for (int i = 0; i < options.vcpus; i++)
        pointers[i] = kernel_object_of_fd(vcpu_fd[i]);
    dump_open(tables_file, options.empty_entry, options.guest_bit, pointers, options.vcpus);
    write_states("initial");
    write_pages("mem-initial.pages");
    write_pagemap("pagemap-start.txt");

    run_all();

    write_states("final");
    dump_mmu("final", 0);
    write_pagemap("pagemap-end.txt");
    fprintf(state_file, "EXIT code=%d userspace_exits=%ld\n", result, exits);
    fclose(state_file);
    fclose(tables_file);
    fclose(console_file);
    mark("vmm teardown");
    return result == 0 ? 0 : 1;
}
