/* SPDX-License-Identifier: Apache-2.0 */
/* Structure layouts from the kernel's own type information (BTF), so that no offset is written down anywhere. */
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>

#include "l1.h"

struct blob { /* one BTF file; a module's continues the numbering of vmlinux */
    const char *strings;
    const struct btf_type **types;
    uint32_t first_type, type_count;
    uint32_t first_string, string_bytes;
};
static struct blob base, module;

static char *slurp(const char *path, size_t *size)
{
    FILE *file = fopen(path, "r");
    if (!file)
        die("%s: cannot be opened: the kernel must have CONFIG_DEBUG_INFO_BTF_MODULES, and kvm.ko be loaded", path);
    size_t room = 1 << 20, used = 0, got;
    char *data = malloc(room);
    while ((got = fread(data + used, 1, room - used, file)) > 0) {
        used += got;
        if (used == room)
            data = realloc(data, room *= 2);
    }
    fclose(file);
    *size = used;
    return data;
}

static size_t trailer(const struct btf_type *type)
{
    uint32_t count = BTF_INFO_VLEN(type->info);
    switch (BTF_INFO_KIND(type->info)) {
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
        return 4;
    case BTF_KIND_ARRAY:
        return sizeof(struct btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        return count * sizeof(struct btf_member);
    case BTF_KIND_ENUM:
        return count * sizeof(struct btf_enum);
    case BTF_KIND_FUNC_PROTO:
        return count * sizeof(struct btf_param);
    case BTF_KIND_DATASEC:
        return count * sizeof(struct btf_var_secinfo);
    case BTF_KIND_ENUM64:
        return count * 12u;
    default:
        return 0;
    }
}

static void read_blob(const char *path, struct blob *blob, uint32_t first_type, uint32_t first_string)
{
    size_t size;
    char *data = slurp(path, &size);
    const struct btf_header *header = (const void *)data;
    if (size < sizeof *header || header->magic != BTF_MAGIC)
        die("%s: no BTF", path);
    const char *at = data + header->hdr_len + header->type_off, *end = at + header->type_len;
    blob->strings = data + header->hdr_len + header->str_off;
    blob->string_bytes = header->str_len;
    blob->first_type = first_type;
    blob->first_string = first_string;
    blob->types = malloc((header->type_len / sizeof(struct btf_type) + 1) * sizeof *blob->types);
    while (at < end) {
        blob->types[blob->type_count++] = (const void *)at;
        at += sizeof(struct btf_type) + trailer((const void *)at);
    }
}

void btf_load(void)
{
    if (base.types)
        return;
    read_blob("/sys/kernel/btf/vmlinux", &base, 1, 0);
    read_blob("/sys/kernel/btf/kvm", &module, 1 + base.type_count, base.string_bytes);
}

static const struct btf_type *type_of(uint32_t id)
{
    const struct blob *blob = id >= module.first_type ? &module : &base;
    id -= blob->first_type;
    return id < blob->type_count ? blob->types[id] : NULL;
}

static const char *name_of(uint32_t offset)
{
    return offset >= module.first_string ? module.strings + (offset - module.first_string) : base.strings + offset;
}

static int is_aggregate(const struct btf_type *type)
{
    int kind = type ? BTF_INFO_KIND(type->info) : 0;
    return kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION;
}

static const struct btf_type *resolve(uint32_t id)
{
    const struct btf_type *type = type_of(id);
    for (;;) {
        switch (type ? BTF_INFO_KIND(type->info) : 0) {
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_CONST:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_TYPE_TAG:
            type = type_of(type->type);
            continue;
        default:
            return type;
        }
    }
}

static uint32_t size_of(uint32_t id)
{
    const struct btf_type *type = resolve(id);
    switch (type ? BTF_INFO_KIND(type->info) : 0) {
    case BTF_KIND_PTR:
        return 8;
    case BTF_KIND_ARRAY: {
        const struct btf_array *array = (const void *)(type + 1);
        return array->nelems * size_of(array->type);
    }
    case 0:
        return 0;
    default:
        return type->size;
    }
}

/* Members of anonymous structures and unions count as the outer one's own. */
static int member_of(const struct btf_type *type, const char *name, uint32_t *offset, uint32_t *id)
{
    const struct btf_member *members = (const void *)(type + 1);
    int packed = BTF_INFO_KFLAG(type->info);
    for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++) {
        uint32_t bits = packed ? BTF_MEMBER_BIT_OFFSET(members[i].offset) : members[i].offset;
        const struct btf_type *inner = resolve(members[i].type);
        const char *own = name_of(members[i].name_off);
        if (!strcmp(own, name)) {
            *offset += bits / 8;
            *id = members[i].type;
            return 1;
        }
        if (!*own && is_aggregate(inner)) {
            uint32_t within = *offset + bits / 8;
            if (member_of(inner, name, &within, id)) {
                *offset = within;
                return 1;
            }
        }
    }
    return 0;
}

static const struct btf_type *structure(const char *name)
{
    const struct blob *blobs[] = {&module, &base};
    for (int b = 0; b < 2; b++) {
        for (uint32_t i = 0; i < blobs[b]->type_count; i++) {
            const struct btf_type *type = blobs[b]->types[i];
            if (is_aggregate(type) && type->size && !strcmp(name_of(type->name_off), name))
                return type;
        }
    }
    return NULL;
}

int btf_find(const char *paths, struct member *found)
{
    char copy[256], *rest = copy;
    snprintf(copy, sizeof copy, "%s", paths);
    for (char *path; (path = strsep(&rest, "|"));) {
        const struct btf_type *type = structure(strsep(&path, "."));
        uint32_t offset = 0, id = 0;
        char *part = NULL;
        while (type && (part = strsep(&path, "."))) {
            if (!is_aggregate(type) || !member_of(type, part, &offset, &id))
                break;
            type = resolve(id);
        }
        if (id && !part) {
            *found = (struct member){offset, size_of(id)};
            return 1;
        }
    }
    return 0;
}

/* Asked for again and again by the same literal, and found by a search through 100,000 types. */
struct member btf_member(const char *paths)
{
    static struct {
        const char *paths;
        struct member member;
    } known[128];
    int i = 0;
    for (; i < 128 && known[i].paths; i++) {
        if (known[i].paths == paths)
            return known[i].member;
    }
    struct member found;
    if (!btf_find(paths, &found))
        die("%s: this kernel's types have no such member", paths);
    if (i < 128) {
        known[i].paths = paths;
        known[i].member = found;
    }
    return found;
}

uint32_t btf_sizeof(const char *name)
{
    const struct btf_type *type = structure(name);
    if (!type)
        die("struct %s: this kernel's types have none", name);
    return type->size;
}
