/* SPDX-License-Identifier: Apache-2.0 */
/* l1 probes FILE VERSION: the lines of FILE (see probes.txt) that are for this kernel, as kprobe events. All that the kernel
   refuses are told, not just the first. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l1.h"

#define KPROBE_EVENTS "/sys/kernel/tracing/kprobe_events"

static char **symbols;
static size_t symbol_count;

static void load_symbols(void)
{
    FILE *file = fopen("/proc/kallsyms", "r");
    char line[512], name[400];
    while (file && fgets(line, sizeof line, file)) {
        if (strstr(line, "\t[kvm") && sscanf(line, "%*x %*c %399s", name) == 1) {
            symbols = realloc(symbols, (symbol_count + 1) * sizeof *symbols);
            symbols[symbol_count++] = strdup(name);
        }
    }
    if (file)
        fclose(file);
}

/* FUNCTION~ is the function under the name the compiler gave its body: FUNCTION.part.0, .isra.0, .constprop.0. */
static const char *function_name(char *text)
{
    size_t length = strlen(text);
    if (!length || text[length - 1] != '~')
        return text;
    text[--length] = 0;
    for (size_t i = 0; i < symbol_count; i++) {
        if (!strncmp(symbols[i], text, length) && symbols[i][length] == '.' && !strstr(symbols[i], ".cold"))
            return symbols[i];
    }
    return text;
}

/* "%si->kvm_page_fault.addr" is +0(%si):x64, "%di->kvm_vcpu.arch.mmu->kvm_mmu.root.hpa" two steps, "*%dx" what %dx points to. */
static void expand(const char *argument, char *into, size_t room)
{
    const char *equals = strchr(argument, '=');
    char copy[200], place[256];
    uint32_t size = 8;
    if (!equals)
        die("probes: '%s' is no NAME=VALUE", argument);
    snprintf(copy, sizeof copy, "%s", equals + 1);
    if (copy[0] == '*') {
        snprintf(place, sizeof place, "+0(%s)", copy + 1);
    } else {
        char *rest = copy, *step = strsep(&rest, ">");
        if (rest)
            step[strlen(step) - 1] = 0; /* the '-' of "->" */
        snprintf(place, sizeof place, "%s", step);
        while (rest) {
            char *path = strsep(&rest, ">"), outer[256];
            if (rest)
                path[strlen(path) - 1] = 0;
            struct member member;
            if (!btf_find(path, &member))
                die("probes: this kernel's types have no %s", path);
            size = member.size;
            snprintf(outer, sizeof outer, "+%u(%.240s)", member.offset, place);
            strcpy(place, outer);
        }
    }
    int has_type = strchr(place, ':') != NULL;
    snprintf(into, room, has_type ? " %.*s%s" : " %.*s%s:x%u", (int)(equals - argument + 1), argument, place, size * 8);
}

static int number(const char *version)
{
    int major = 0, minor = 0;
    sscanf(version, "%d.%d", &major, &minor);
    return major * 1000 + minor;
}

/* "*", "6.12-" (from 6.12 on), "-6.2" (up to 6.2), "6.3-6.8" */
static int concerns(char *range, int version)
{
    char *dash = strchr(range, '-');
    if (!strcmp(range, "*"))
        return 1;
    if (!dash)
        return number(range) == version;
    return (dash == range || number(range) <= version) && (!dash[1] || version <= number(dash + 1));
}

int probes_main(int count, char **arguments)
{
    if (count != 3)
        die("usage: l1 probes FILE VERSION");
    btf_load();
    load_symbols();
    FILE *file = fopen(arguments[1], "r");
    int events = open(KPROBE_EVENTS, O_WRONLY | O_APPEND), refused = 0, set = 0;
    if (!file || events < 0)
        die("probes: %s or " KPROBE_EVENTS ": %m", arguments[1]);
    for (char line[1024]; fgets(line, sizeof line, file);) {
        char *rest = line, *words[20], event[2048];
        int n = 0;
        line[strcspn(line, "#\n")] = 0;
        for (char *word; n < 20 && (word = strsep(&rest, " \t"));) {
            if (*word)
                words[n++] = word;
        }
        if (n < 4 || !concerns(words[0], number(arguments[2])))
            continue;
        const char *function = function_name(words[3]);
        size_t used = snprintf(event, sizeof event, "%s:k/%s %s", words[1], words[2], function);
        for (int i = 4; i < n; i++) {
            expand(words[i], event + used, sizeof event - used);
            used += strlen(event + used);
        }
        if (write(events, event, used) != (ssize_t)used) {
            fprintf(stderr, "l1: probe refused (%m): %s\n", event);
            refused++;
        } else {
            set++;
        }
    }
    fclose(file);
    printf("%d probes set, %d refused\n", set, refused);
    return refused ? 1 : 0;
}
