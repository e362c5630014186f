/* Rows for the tests of stores: made from a number, so that a test needs no memory of what it added.
 *
 * Row `id` has a key, and a value of each kind that is present, null or missing; all follow from `id` alone. */
#ifndef TANDEM_TESTS_STORE_ROWS_H
#define TANDEM_TESTS_STORE_ROWS_H

#include "support.h"

#include "base/fail.h"
#include "base/random.h"
#include "schema/type.h"
#include "store/store.h"
#include "store/store_build.h"

enum { ROWS_COLUMNS = 8, ROWS_KEY_MAX = 64 };

typedef struct rows_row {
    char key_bytes[ROWS_KEY_MAX];
    char text[2][40];
    tdm_str key;
    tdm_value value[ROWS_COLUMNS];
} rows_row;

static tdm__field rows_fields[ROWS_COLUMNS] = {
    {{"flag", 4}, {.kind = TDM_BOOL}},
    {{"count", 5}, {.kind = TDM_I64, .nullable = true}},
    {{"name", 4}, {.kind = TDM_STRING, .nullable = true}},
    {{"narrow", 6}, {.kind = TDM_F32}},
    {{"wide", 4}, {.kind = TDM_F64, .unit = "mi"}},
    {{"price", 5}, {.kind = TDM_DECIMAL, .precision = 30, .scale = 4}},
    {{"note", 4}, {.kind = TDM_STRING, .nullable = true}},
    {{"at", 2}, {.kind = TDM_TIMESTAMP, .unit = "us"}},
};
static const tdm__schema rows_schema = {rows_fields, ROWS_COLUMNS};

/* The key of row `id`: "k" and its number, then a tail of changing length. */
static inline void rows_make(rows_row *row, uint64_t id)
{
    tdm__random r;
    tdm__random_seed(&r, id);
    int n = snprintf(row->key_bytes, sizeof row->key_bytes, "k%llu", (unsigned long long)id);
    for (size_t tail = tdm__random_below(&r, 20); tail > 0; tail--)
        row->key_bytes[n++] = (char)tdm__random_next(&r);
    row->key = tdm__strn(row->key_bytes, (size_t)n);
    for (int i = 0; i < ROWS_COLUMNS; i++) {
        tdm_value *v = &row->value[i];
        uint64_t bits = tdm__random_next(&r);
        *v = (tdm_value){.kind = rows_fields[i].type.kind, .scale = rows_fields[i].type.scale,
                         .presence = (uint8_t)(tdm__random_below(&r, 8) ? TDM_PRESENT : tdm__random_below(&r, 2))};
        if (v->presence != TDM_PRESENT)
            continue;
        if (v->kind == TDM_STRING) {
            char *text = row->text[i == 6];
            size_t len = tdm__random_below(&r, sizeof row->text[0]);
            for (size_t k = 0; k < len; k++)
                text[k] = (char)tdm__random_next(&r);
            v->as.str = tdm__strn(text, len);
        } else if (v->kind == TDM_BOOL) {
            v->as.b = bits & 1;
        } else if (v->kind == TDM_DECIMAL) {
            v->as.dec = (tdm_i128){bits, (int64_t)tdm__random_next(&r)};
        } else if (v->kind == TDM_F32) {
            memcpy(&v->as.f32, &bits, 4);
        } else {
            memcpy(&v->as, &bits, 8);
        }
    }
}

/* Fails the test unless the record holds exactly what row `id` does, except for the key when `key_id` differs. */
static inline void rows_assert(const tdm__record *record, uint64_t key_id, uint64_t id)
{
    rows_row row, key;
    rows_make(&row, id);
    rows_make(&key, key_id);
    assert_int_equal(record->key.len, key.key.len);
    assert_memory_equal(record->key.ptr, key.key.ptr, key.key.len);
    for (size_t i = 0; i < ROWS_COLUMNS; i++) {
        tdm_value v;
        tdm__record_value(record, i, &v);
        assert_true(tdm__value_same(&v, &row.value[i]));
    }
}

static inline tdm__store_builder *rows_builder(tdm__fs *fs, const char *path, const tdm__store_build_options *options)
{
    tdm_error err;
    tdm__store_builder *b;
    assert_ok(tdm__store_builder_new(fs, path, &rows_schema, options, &b, &err), &err);
    return b;
}

/* A store of the rows `first` to `first + n - 1`; with small buffers when sort_room is not 0. Returns the first
 * failure; the builder is closed either way. */
static inline tdm_status rows_build(tdm__fs *fs, const char *path, uint64_t first, uint64_t n, uint32_t sort_room,
                                    tdm_error *err)
{
    tdm__store_builder *b;
    tdm_status s = tdm__store_builder_new(fs, path, &rows_schema, NULL, &b, err);
    if (s)
        return s;
    if (sort_room)
        tdm__store_builder_tune(b, 4, sort_room);
    for (uint64_t i = 0; !s && i < n; i++) {
        rows_row row;
        rows_make(&row, first + i);
        s = tdm__store_builder_add(b, row.key, row.value, i, err);
    }
    if (s)
        tdm__store_builder_abort(&b);
    else
        s = tdm__store_builder_finish(&b, tdm__str("meta text"), err);
    return s;
}

#endif
