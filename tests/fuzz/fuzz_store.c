/* Stores with changed bytes: nothing is read outside the map, and without forged checks nothing is answered wrongly.
 *
 * Input: a byte that says which checks are made to fit again (1 records, 2 buckets and marks, 4 digests and header),
 * then edits of three bytes: offset (u16), what to xor there. They go into a store of ROWS rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/sim_files.h"
#include "schema/type.h"
#include "store/store_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 20, FORGE_RECORDS = 1, FORGE_INDEX = 2, FORGE_HEADER = 4 };
static tdm__field fields[4] = {
    {{"flag", 4}, {.kind = TDM_BOOL}}, {{"name", 4}, {.kind = TDM_STRING}},
    {{"wide", 4}, {.kind = TDM_F64}}, {{"note", 4}, {.kind = TDM_STRING}},
};
static const tdm__schema schema = {fields, 4};
static tdm__fs *disk;
static tdm__buf base;
static tdm__store_header head;
static uint64_t record_at[ROWS];

static void must(bool held)
{
    if (!held)
        abort();
}

static tdm_str make_row(uint64_t i, char key[24], tdm_value v[4])
{
    int n = snprintf(key, 24, "key-%llu", (unsigned long long)i);
    tdm_str text = tdm__strn(key, (size_t)n);
    v[0] = (tdm_value){.kind = TDM_BOOL, .presence = (uint8_t)(i % 3), .as.b = i & 1};
    v[1] = (tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = text};
    v[2] = (tdm_value){.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = (double)i / 7};
    v[3] = (tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = tdm__strn(key, i % 4)};
    return text;
}

static bool same_as_row(const tdm__record *record, uint64_t i)
{
    char key[24];
    tdm_value v[4], found;
    bool same = tdm__str_equal(record->key, make_row(i, key, v));
    for (size_t c = 0; c < 4; c++) {
        tdm__record_value(record, c, &found);
        same = same && tdm__value_same(&found, &v[c]);
    }
    return same;
}

static void build_base(void)
{
    tdm__store_builder *b;
    tdm__store *store;
    tdm__store_cursor cursor;
    tdm__record record;
    must((disk = tdm__fs_sim_new(1)) != NULL);
    must(tdm__store_builder_new(disk, "/base", &schema, NULL, &b, NULL) == TDM_OK);
    for (uint64_t i = 0; i < ROWS; i++) {
        char key[24];
        tdm_value v[4];
        tdm_str text = make_row(i, key, v);
        must(tdm__store_builder_add(b, text, v, 0, NULL) == TDM_OK);
    }
    must(tdm__store_builder_finish(&b, tdm__str("meta"), NULL) == TDM_OK);
    must(tdm__read_file(disk, "/base", 1 << 20, &base, NULL) == TDM_OK);
    must(tdm__store_open(disk, "/base", &store, NULL) == TDM_OK);
    head = store->head;
    must(tdm__store_seek(store, 0, &cursor, NULL) == TDM_OK);
    for (uint64_t i = 0; i < ROWS; i++) {
        record_at[i] = cursor.offset;
        must(tdm__store_next(&cursor, &record, NULL) == TDM_OK && same_as_row(&record, i));
    }
    tdm__store_close(&store);
    tdm__fs_sim_close(&disk);
}

static void forge(uint8_t *b, unsigned what)
{
    if (what & FORGE_RECORDS)
        for (int i = 0; i < ROWS; i++) {
            uint8_t *record = b + record_at[i];
            uint32_t length = tdm__load32(record + 4);
            if (length >= 8 && length <= base.len - record_at[i])
                tdm__store32(record, tdm__check32(record + 4, length - 4));
        }
    if (what & FORGE_INDEX) {
        for (uint64_t i = 0; i < head.buckets; i++) {
            uint8_t *bucket = b + head.index_offset + i * TDM__STORE_BUCKET_BYTES;
            tdm__store32(bucket, tdm__bucket_check(bucket, i));
        }
        tdm__store64(b + head.marks_offset + 8, tdm__mark_check(b + head.marks_offset, 0));
    }
    if (what & FORGE_HEADER) {
        uint64_t body = head.digests_offset - TDM__STORE_HEADER_BYTES;
        tdm__store64(b + head.digests_offset, tdm__hash64(b + TDM__STORE_HEADER_BYTES, body));
        tdm__store64(b + 16 + 11 * 8, tdm__hash64(b + head.texts_offset, head.schema_bytes + head.meta_bytes));
        tdm__store64(b + 16 + 14 * 8, tdm__hash64(b + head.digests_offset, 8));
        tdm__store64(b + TDM__STORE_HEADER_BYTES - 8, tdm__hash64(b, TDM__STORE_HEADER_BYTES - 8));
    }
}

/* All lookups and the way through; true when damage was met. With `honest` no answer may be wrong. */
static bool look(const tdm__store *store, bool honest)
{
    tdm__record record, many[ROWS + 5];
    tdm_str keys[ROWS + 5];
    char key[ROWS + 5][24];
    bool damaged = false;
    for (uint64_t i = 0; i < ROWS + 5; i++) {
        tdm_value v[4];
        keys[i] = make_row(i, key[i], v);
        tdm_status s = tdm__store_get(store, keys[i], &record, NULL);
        must(s == TDM_OK || s == TDM_CORRUPT || s == TDM_NOT_FOUND);
        damaged |= s == TDM_CORRUPT;
        if (s == TDM_OK && store->schema.n == 4)
            must(same_as_row(&record, i) || !honest);
        must(!honest || s == TDM_CORRUPT || (s == TDM_OK) == (i < ROWS));
    }
    tdm_status s = tdm__store_get_many(store, keys, ROWS + 5, many, NULL);
    must(s == TDM_OK || s == TDM_CORRUPT);
    tdm__store_cursor cursor;
    s = tdm__store_seek(store, 0, &cursor, NULL);
    for (uint64_t i = 0; s == TDM_OK; i++) {
        s = tdm__store_next(&cursor, &record, NULL);
        for (size_t c = 0; s == TDM_OK && c < store->schema.n; c++) {
            tdm_value v;
            tdm__record_value(&record, c, &v);
            if (v.kind == TDM_STRING && v.presence == TDM_PRESENT)
                tdm__hash64(v.as.str.ptr, v.as.str.len); /* touches every byte */
        }
        must(s != TDM_OK || !honest || same_as_row(&record, i));
    }
    return damaged | (s == TDM_CORRUPT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!base.len)
        build_base();
    if (size < 1)
        return 0;
    must((disk = tdm__fs_sim_new(1)) != NULL);
    tdm__buf bytes = {0};
    tdm__buf_add(&bytes, base.ptr, base.len);
    must(!bytes.failed);
    for (size_t i = 1; i + 3 <= size; i += 3)
        bytes.ptr[tdm__load16(data + i) % base.len] ^= (char)data[i + 2];
    bool changed = memcmp(bytes.ptr, base.ptr, base.len) != 0, honest = (data[0] & 7) == 0;
    forge((uint8_t *)bytes.ptr, data[0]);
    must(tdm__write_file_durably(disk, "/changed", bytes.ptr, bytes.len, NULL) == TDM_OK);
    tdm__store *store;
    tdm_status s = tdm__store_open(disk, "/changed", &store, NULL);
    must(s == TDM_OK || s == TDM_CORRUPT || s == TDM_UNSUPPORTED);
    must(!honest || s == TDM_OK || changed);
    if (s == TDM_OK) {
        tdm_status verified = tdm__store_verify(store, NULL);
        must(verified == TDM_OK || verified == TDM_CORRUPT);
        must(!honest || (verified == TDM_CORRUPT) == changed);
        bool damaged = look(store, honest);
        must(!damaged || verified == TDM_CORRUPT); /* what verify passes, nothing trips over */
        tdm__store_close(&store);
    }
    tdm__buf_free(&bytes);
    tdm__fs_sim_close(&disk);
    return 0;
}
