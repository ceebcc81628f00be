/* SPDX-License-Identifier: Apache-2.0 */
/* The running kernel's memory, through /proc/kcore. */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l1.h"

static int kcore = -1;
static struct {
    uint64_t begin, size, offset;
} segments[256];
static int segment_count;

void kernel_open(void)
{
    btf_load();
    kcore = open("/proc/kcore", O_RDONLY);
    Elf64_Ehdr header;
    if (kcore < 0 || pread(kcore, &header, sizeof header, 0) != sizeof header)
        die("/proc/kcore: %m");
    for (int i = 0; i < header.e_phnum && segment_count < 256; i++) {
        Elf64_Phdr program;
        if (pread(kcore, &program, sizeof program, header.e_phoff + i * sizeof program) != sizeof program)
            die("/proc/kcore: %m");
        if (program.p_type == PT_LOAD) {
            segments[segment_count].begin = program.p_vaddr;
            segments[segment_count].size = program.p_memsz;
            segments[segment_count++].offset = program.p_offset;
        }
    }
}

void kernel_read(uint64_t address, void *into, size_t size)
{
    for (int i = 0; i < segment_count; i++) {
        uint64_t at = address - segments[i].begin;
        if (address >= segments[i].begin && at + size <= segments[i].size) {
            if (pread(kcore, into, size, segments[i].offset + at) == (ssize_t)size)
                return;
            break;
        }
    }
    die("kernel memory at %#llx, %zu bytes: cannot be read", (unsigned long long)address, size);
}

uint64_t kernel_word(uint64_t address)
{
    uint64_t word;
    kernel_read(address, &word, sizeof word);
    return word;
}

uint64_t kernel_field(uint64_t structure, const char *paths)
{
    struct member member = btf_member(paths);
    uint64_t value = 0;
    kernel_read(structure + member.offset, &value, member.size < 8 ? member.size : 8);
    return value;
}

static uint64_t symbol(const char *name)
{
    FILE *file = fopen("/proc/kallsyms", "r");
    char line[512], kind, found[400];
    unsigned long long address;
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%llx %c %399s", &address, &kind, found) == 3 && !strcmp(found, name)) {
            fclose(file);
            return address;
        }
    }
    die("%s: not in /proc/kallsyms", name);
}

/* The newest tasks are at the end of the list. */
static uint64_t own_task(void)
{
    uint32_t tasks = btf_member("task_struct.tasks").offset, tgid = btf_member("task_struct.tgid").offset;
    uint64_t head = symbol("init_task") + tasks;
    for (uint64_t link = kernel_word(head + 8); link != head; link = kernel_word(link + 8)) {
        int id;
        kernel_read(link - tasks + tgid, &id, sizeof id);
        if (id == getpid())
            return link - tasks;
    }
    die("no task of ours in the kernel's list");
}

uint64_t kernel_object_of_fd(int fd)
{
    static uint64_t table;
    if (!table)
        table = kernel_field(kernel_field(own_task(), "task_struct.files"), "files_struct.fdt");
    uint64_t file = kernel_word(kernel_field(table, "fdtable.fd") + 8ull * fd);
    return kernel_field(file, "file.private_data");
}
