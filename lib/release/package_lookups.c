/* What expressions read beside features: lookup tables from CSV files, and time zones.
 *
 * A lookup is a hash table over the arena: keys and values in file order, and an open-addressed index over them. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "codec/rows.h"
#include "release/manifest_impl.h"
#include "release/package_impl.h"

enum { LOOKUP_ROWS_MAX = 1000000, LOOKUP_FAULTS_MAX = 10, ZONE_BYTES_MAX = 1 << 20 };

/* ---- lookup tables ---- */

typedef struct lookup {
    tdm_value *key, *value;
    size_t n, keys_cap, values_cap; /* growing while it is read, then in the arena */
    uint32_t *slot;                 /* index + 1; 0 is empty */
    size_t mask;
} lookup;

static uint64_t hash_key(const tdm_value *key)
{
    if (key->kind == TDM_STRING)
        return tdm__hash64(key->as.str.ptr, key->as.str.len);
    return tdm__hash64(&key->as.i64, sizeof key->as.i64);
}

static bool keys_equal(const tdm_value *a, const tdm_value *b)
{
    return a->kind == TDM_STRING ? tdm__str_equal(a->as.str, b->as.str) : a->as.i64 == b->as.i64;
}

/* The place of a key in the index: its own, or the empty one where it would go. */
static size_t find_slot(const lookup *l, const tdm_value *key)
{
    size_t i = (size_t)hash_key(key) & l->mask;
    while (l->slot[i] && !keys_equal(&l->key[l->slot[i] - 1], key))
        i = (i + 1) & l->mask;
    return i;
}

static void find(const void *self, const tdm_value *key, tdm_value *out)
{
    const lookup *l = self;
    *out = (tdm_value){ .presence = TDM_MISSING };
    if (key->presence != TDM_PRESENT)
        return;
    size_t i = find_slot(l, key);
    if (l->slot[i])
        *out = l->value[l->slot[i] - 1];
}

/* ---- reading one ---- */

typedef struct lookup_reader {
    tdm__package_box *b;
    const tdm__manifest_lookup *m;
    lookup *l;
    size_t faults;
} lookup_reader;

static void fault_row(lookup_reader *r, const tdm__row_place *place, tdm_error *error)
{
    if (r->faults++ >= LOOKUP_FAULTS_MAX)
        return;
    tdm__fail_where(error, "%.*s:%llu", TDM__SHOWN(r->m->file), (unsigned long long)place->line);
    tdm__package_fault_error(r->b, error);
}

static bool keep_value(tdm__package_box *b, tdm_value *v)
{
    return v->kind != TDM_STRING || v->presence != TDM_PRESENT || tdm__arena_str(&b->arena, v->as.str, &v->as.str);
}

static tdm_status add_row(lookup_reader *r, const tdm__row_block *block, size_t row)
{
    lookup *l = r->l;
    tdm_value key, value;
    tdm_error error;
    tdm__column_get(&block->column[0], row, &key);
    tdm__column_get(&block->column[1], row, &value);
    if (key.presence != TDM_PRESENT || value.presence == TDM_MISSING) {
        tdm__fail(&error, TDM_BAD_INPUT, NULL, "the row lacks a %s", key.presence != TDM_PRESENT ? "key" : "value");
        fault_row(r, &block->place[row], &error);
        return TDM_OK;
    }
    if (l->n == LOOKUP_ROWS_MAX) {
        tdm__fail(&error, TDM_TOO_LARGE, NULL, "a lookup has at most %d rows", (int)LOOKUP_ROWS_MAX);
        fault_row(r, &block->place[row], &error);
        return TDM_TOO_LARGE;
    }
    if (!keep_value(r->b, &key) || !keep_value(r->b, &value) || !tdm__grow(l->key, l->keys_cap, l->n + 1) ||
        !tdm__grow(l->value, l->values_cap, l->n + 1))
        return TDM_NO_MEMORY;
    l->key[l->n] = key;
    l->value[l->n++] = value;
    return TDM_OK;
}

static tdm_status add_block(lookup_reader *r, const tdm__row_block *block)
{
    tdm_status s = TDM_OK;
    for (size_t i = 0; i < block->n_bad; i++) {
        tdm_error error = block->bad[i].error;
        fault_row(r, &block->bad[i].place, &error);
    }
    for (size_t i = 0; !s && i < block->n; i++)
        s = add_row(r, block, i);
    return s;
}

static tdm_status read_rows(lookup_reader *r, tdm__reader *reader, tdm__row_parser *parser, tdm_error *err)
{
    tdm__chunk chunk = { 0 };
    const tdm__row_block *block;
    tdm_status s;
    while (!(s = tdm__reader_next(reader, &chunk, err)) && chunk.bytes.len) {
        tdm__row_parser_start(parser, &chunk);
        while (!(s = tdm__row_parser_next(parser, &block, err)) && (block->n || block->n_bad)) {
            s = add_block(r, block);
            if (s)
                break;
        }
        if (s)
            break;
    }
    tdm__chunk_free(&chunk);
    if (s == TDM_NO_MEMORY)
        return tdm__no_memory(err, r->m->file.ptr);
    if (s && s != TDM_TOO_LARGE)
        tdm__package_fault_error(r->b, err);
    return TDM_OK;
}

static bool check_column(lookup_reader *r, const tdm_str *header, size_t n, tdm_str name, tdm__place *at)
{
    const char *names[64];
    char texts[64][68];
    size_t shown = n < 64 ? n : 64;
    for (size_t i = 0; i < n; i++)
        if (tdm__str_equal(header[i], name))
            return true;
    for (size_t i = 0; i < shown; i++) {
        snprintf(texts[i], sizeof texts[i], "%.*s", TDM__SHOWN(header[i]));
        names[i] = texts[i];
    }
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "'%.*s' has no column '%.*s'", TDM__SHOWN(r->m->file), TDM__SHOWN(name));
    const char *near = tdm__nearest(name, names, shown);
    if (near)
        tdm__fail_hint(&error, "did you mean '%s'?", near);
    tdm__yaml_fault_error(&r->b->manifest.doc, at, &error);
    return false;
}

/* Moves the rows into the arena and builds the index. */
static tdm_status finish(lookup_reader *r)
{
    lookup *l = r->l;
    size_t slots = 8;
    while (slots < 2 * l->n)
        slots *= 2;
    tdm_value *key = tdm__arena_array(&r->b->arena, l->n, tdm_value);
    tdm_value *value = tdm__arena_array(&r->b->arena, l->n, tdm_value);
    l->slot = tdm__arena_array(&r->b->arena, slots, uint32_t);
    if (!key || !value || !l->slot)
        return TDM_NO_MEMORY;
    if (l->n) {
        memcpy(key, l->key, l->n * sizeof *key);
        memcpy(value, l->value, l->n * sizeof *value);
    }
    tdm__free(l->key);
    tdm__free(l->value);
    l->key = key;
    l->value = value;
    l->keys_cap = l->values_cap = 0;
    l->mask = slots - 1;
    for (size_t i = 0; i < l->n; i++) {
        size_t at = find_slot(l, &l->key[i]);
        if (!l->slot[at]) {
            l->slot[at] = (uint32_t)i + 1;
            continue;
        }
        tdm_error error;
        tdm__fail(&error, TDM_BAD_INPUT, r->m->file.ptr, "two rows have the same key");
        tdm__buf text = { 0 };
        tdm__value_format(&l->key[i], &text);
        tdm__fail_found_text(&error, (tdm_str){ text.ptr, text.len });
        tdm__buf_free(&text);
        if (r->faults++ < LOOKUP_FAULTS_MAX)
            tdm__package_fault_error(r->b, &error);
    }
    return TDM_OK;
}

static tdm_status read_table(lookup_reader *r, const char *path, tdm_error *err)
{
    tdm__reader *reader = NULL;
    tdm__row_parser *parser = NULL;
    tdm__field fields[2] = { { r->m->key, r->m->key_type }, { r->m->value, r->m->value_type } };
    tdm__schema schema = { fields, 2 };
    tdm_status s = tdm__reader_open(r->b->fs, path, TDM__FORMAT_CSV, &reader, err);
    size_t n = 0;
    const tdm_str *header = reader ? tdm__reader_header(reader, &n) : NULL;
    bool found = !s && check_column(r, header, n, r->m->key, r->m->key_place);
    found = !s && check_column(r, header, n, r->m->value, r->m->value_place) && found;
    if (found)
        s = tdm__row_parser_new(TDM__FORMAT_CSV, header, n, &schema, NULL, &parser, err);
    if (found && !s)
        s = read_rows(r, reader, parser, err);
    else if (s && s != TDM_NO_MEMORY) {
        tdm__yaml_fault_error(&r->b->manifest.doc, r->m->file_place, err);
        s = TDM_OK;
    }
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    return s;
}

static tdm_status load_lookup(tdm__package_box *b, const tdm__manifest_lookup *m, tdm__lookup_table *out,
                              tdm_error *err)
{
    int file;
    char path[TDM__PATH_MAX];
    lookup *l = tdm__arena_new(&b->arena, lookup);
    if (!l)
        return tdm__no_memory(err, m->file.ptr);
    lookup_reader r = { b, m, l, 0 };
    tdm_status s = tdm__package_bytes(b, m->file.ptr, TDM__PACKED_FILE_BYTES_MAX, m->file_place, &file, err);
    if (!s && file >= 0 && tdm__path_join(path, sizeof path, b->dir, m->file.ptr))
        s = read_table(&r, path, err);
    if (!s && finish(&r))
        s = tdm__no_memory(err, m->file.ptr);
    if (l->keys_cap)
        tdm__free(l->key);
    if (l->values_cap)
        tdm__free(l->value);
    *out = (tdm__lookup_table){ m->name, m->key_type, m->value_type, find, l };
    return s;
}

tdm_status tdm__package_lookups(tdm__package_box *b, tdm_error *err)
{
    const tdm__manifest *m = &b->manifest;
    tdm__lookup_table *tables = tdm__arena_array(&b->arena, m->n_lookups, tdm__lookup_table);
    if (!tables)
        return tdm__no_memory(err, b->dir);
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < m->n_lookups; i++)
        s = load_lookup(b, &m->lookup[i], &tables[i], err);
    b->scope.lookups = tables;
    b->scope.n_lookups = m->n_lookups;
    return s;
}

/* ---- zones ---- */

/* The file's bytes: from the folder's zones/, else the system's, which is told in a note. */
static tdm_status zone_bytes(tdm__package_box *b, const char *name, const char *path, int *file, tdm_error *err)
{
    char full[TDM__PATH_MAX];
    tdm__buf bytes = { 0 };
    *file = tdm__package_find_file(b, path);
    if (*file >= 0)
        return TDM_OK;
    tdm_status s = TDM_NOT_FOUND;
    if (!b->packed && tdm__path_join(full, sizeof full, b->dir, path))
        s = tdm__read_file(b->fs, full, ZONE_BYTES_MAX, &bytes, err);
    if (s == TDM_NOT_FOUND && !b->packed && tdm__path_join(full, sizeof full, b->zoneinfo, name)) {
        s = tdm__read_file(b->fs, full, ZONE_BYTES_MAX, &bytes, err);
        if (!s && tdm__package_note(b, "time zone '%s' is taken from %s", name, b->zoneinfo))
            s = tdm__no_memory(err, path);
    }
    if (!s)
        return tdm__package_add_file(b, path, &bytes, file, err);
    tdm__buf_free(&bytes);
    if (s == TDM_NOT_FOUND)
        return tdm__fail(err, s, NULL, "there is no time zone '%s'", name);
    return s;
}

const tdm__zone *tdm__package_zone(tdm__package_box *b, tdm_str name, tdm_error *err)
{
    for (size_t i = 0; i < b->n_zones; i++)
        if (tdm__str_equal(b->zone[i].name, name))
            return b->zone[i].zone;
    char text[96], path[128];
    int file;
    tdm__zone *zone = NULL;
    if (!tdm__zone_name_valid(name) || name.len >= sizeof text) {
        tdm__fail(err, TDM_MANIFEST, NULL, "this is not the name of a time zone");
        return NULL;
    }
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.ptr);
    snprintf(path, sizeof path, "zones/%s", text);
    tdm_status s = zone_bytes(b, text, path, &file, err);
    if (!s)
        s = tdm__zone_parse(text, b->file[file].bytes.ptr, b->file[file].bytes.len, &b->arena, &zone, err);
    if (s == TDM_NO_MEMORY || !tdm__grow(b->zone, b->zones_cap, b->n_zones + 1))
        b->no_memory = true;
    if (s || b->no_memory)
        return NULL;
    tdm__zone_entry *entry = &b->zone[b->n_zones];
    entry->zone = zone;
    if (!tdm__arena_str(&b->arena, name, &entry->name)) {
        b->no_memory = true;
        return NULL;
    }
    b->n_zones++;
    return zone;
}
