/* Stores, read: open, look up, go through in order.
 *
 * The map is hostile until checked, and checked where it is used: header and texts at opening, a bucket and a record
 * at each lookup, a mark and each record on the way through. A key is "not found" only after every byte that said so
 * has passed its check. Handles are never written after opening, so any number of threads may read. What only
 * tdm__store_verify finds is listed in docs/formats/store.md. */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "store/store_format.h"

tdm_status tdm__store_damage(const tdm__store *store, const char *what, uint64_t offset, tdm_error *err)
{
    return tdm__fail(err, TDM_CORRUPT, store->path, "%s at byte %" PRIu64 " of the file", what, offset);
}

/* Reads the canonical schema, one "name: type" a line. */
static tdm_status read_schema(tdm__store *store, tdm_str text, tdm_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += text.ptr[i] == '\n';
    if (n > TDM__STORE_COLUMNS_MAX)
        return tdm__fail(err, TDM_CORRUPT, store->path, "the schema has %zu columns, more than a store may have", n);
    store->schema.field = tdm__arena_array(&store->arena, n + 1, tdm__field);
    if (!store->schema.field)
        return tdm__no_memory(err, store->path);
    while (text.len) {
        tdm_str line = tdm__str_cut(text, '\n', &text), type;
        tdm__field *field = &store->schema.field[store->schema.n];
        field->name = tdm__str_cut(line, ':', &type);
        if (store->schema.n == n || !tdm__name_valid(field->name) ||
            tdm__type_parse(tdm__str_trim(type), &field->type, NULL) != TDM_OK)
            return tdm__fail(err, TDM_CORRUPT, store->path, "line %zu of the schema cannot be read",
                             store->schema.n + 1);
        store->schema.n++;
    }
    if (!tdm__record_layout_init(&store->layout, &store->schema, &store->arena))
        return tdm__no_memory(err, store->path);
    return TDM_OK;
}

static tdm_status read_head(tdm__store *store, tdm_error *err)
{
    tdm__store_header *h = &store->head;
    tdm_status s = tdm__store_header_decode(store->map.ptr, store->map.len, store->path, h, err);
    if (s)
        return s;
    const char *texts = (const char *)store->map.ptr + h->texts_offset;
    if (tdm__hash64(texts, h->schema_bytes + h->meta_bytes) != h->texts_digest)
        return tdm__store_damage(store, "schema and meta do not match their digest", h->texts_offset, err);
    store->index = store->map.ptr + h->index_offset;
    store->meta = tdm__strn(texts + h->schema_bytes, h->meta_bytes);
    return read_schema(store, tdm__strn(texts, h->schema_bytes), err);
}

tdm_status tdm__store_open(tdm__fs *fs, const char *path, tdm__store **out, tdm_error *err)
{
    *out = NULL;
    tdm__store *store = tdm__new(tdm__store);
    if (!store)
        return tdm__no_memory(err, path);
    tdm_status s = TDM_NO_MEMORY;
    store->fs = fs;
    store->path = tdm__arena_copy(&store->arena, path, strlen(path));
    if (!store->path)
        goto path;
    s = tdm__map_file(fs, path, &store->map, err);
    if (s)
        goto map;
    s = read_head(store, err);
    if (s)
        goto head;
    *out = store;
    return TDM_OK;
head:
    tdm__unmap(&store->map);
map:
path:
    tdm__arena_free(&store->arena);
    tdm__free(store);
    return s == TDM_NO_MEMORY ? tdm__no_memory(err, path) : s;
}

void tdm__store_close(tdm__store **store)
{
    if (!*store)
        return;
    tdm__unmap(&(*store)->map);
    tdm__arena_free(&(*store)->arena);
    tdm__free(*store);
    *store = NULL;
}

const tdm__schema *tdm__store_schema(const tdm__store *store)
{
    return &store->schema;
}

tdm_str tdm__store_meta(const tdm__store *store)
{
    return store->meta;
}

uint64_t tdm__store_bytes(const tdm__store *store)
{
    return store->map.len;
}

uint64_t tdm__store_rows(const tdm__store *store)
{
    return store->head.rows;
}

uint64_t tdm__store_digest(const tdm__store *store)
{
    return store->head.check;
}

/* The record at `offset`, checked, into `out`. */
static tdm_status read_record(const tdm__store *store, uint64_t offset, tdm__record *out, uint32_t *length,
                              tdm_error *err)
{
    uint64_t end = TDM__STORE_HEADER_BYTES + store->head.records_bytes;
    const uint8_t *bytes = store->map.ptr + offset;
    if (offset < TDM__STORE_HEADER_BYTES || offset >= end)
        return tdm__store_damage(store, "a place outside the records", offset, err);
    *length = tdm__record_check(&store->layout, bytes, end - offset);
    if (!*length)
        return tdm__store_damage(store, "the record does not match its check", offset, err);
    *out = (tdm__record){tdm__strn((const char *)bytes + TDM__RECORD_HEAD, tdm__get16(bytes + 8)), bytes, store};
    return TDM_OK;
}

/* Looks for `key` among the first `slots` entries of a bucket, whose check has passed. */
static tdm_status search_bucket(const tdm__store *store, const uint8_t *bucket, uint32_t slots, uint64_t tag,
                                tdm_str key, tdm__record *out, tdm_error *err)
{
    for (uint32_t i = 0; i < slots; i++) {
        uint64_t entry = tdm__get64(bucket + 8 + i * 8);
        if (entry >> 48 != tag)
            continue;
        uint32_t length;
        tdm_status s = read_record(store, tdm__entry_offset(entry), out, &length, err);
        if (s)
            return s;
        if (out->key.len == key.len && memcmp(out->key.ptr, key.ptr, key.len) == 0)
            return TDM_OK;
    }
    return TDM_NOT_FOUND;
}

static tdm_status get_hashed(const tdm__store *store, tdm_str key, uint64_t hash, tdm__record *out, tdm_error *err)
{
    uint64_t number = tdm__bucket_home(hash, store->head.buckets_home);
    for (; number < store->head.buckets; number++) {
        const uint8_t *bucket = store->index + number * TDM__STORE_BUCKET_BYTES;
        uint32_t word = tdm__get32(bucket + 4), slots = word & 0xff;
        if (tdm__bucket_check(bucket, number) != tdm__get32(bucket) || slots > TDM__STORE_BUCKET_SLOTS)
            return tdm__store_damage(store, "the index bucket does not match its check",
                                     store->head.index_offset + number * TDM__STORE_BUCKET_BYTES, err);
        tdm_status s = search_bucket(store, bucket, slots, hash & 0xffff, key, out, err);
        if (s != TDM_NOT_FOUND)
            return s;
        if (!(word & TDM__STORE_OVERFLOW))
            return TDM_NOT_FOUND;
    }
    return tdm__store_damage(store, "the index runs over its end", store->head.texts_offset, err);
}

/* Asks for the lines of the records that a bucket offers for `hash`; the bucket is not yet checked, a wrong place
 * costs nothing. */
static void prefetch_records(const tdm__store *store, uint64_t hash)
{
    const uint8_t *bucket = store->index + tdm__bucket_home(hash, store->head.buckets_home) * TDM__STORE_BUCKET_BYTES;
    for (int i = 0; i < TDM__STORE_BUCKET_SLOTS; i++) {
        uint64_t entry = tdm__get64(bucket + 8 + i * 8), offset = tdm__entry_offset(entry);
        if (entry >> 48 != (hash & 0xffff) || offset + 64 > store->map.len)
            continue;
        __builtin_prefetch(store->map.ptr + offset);
        __builtin_prefetch(store->map.ptr + offset + 63);
    }
}

tdm_status tdm__store_get(const tdm__store *store, tdm_str key, tdm__record *out, tdm_error *err)
{
    uint64_t hash = tdm__hash64(key.ptr, key.len);
    prefetch_records(store, hash); /* the record comes while the bucket is checked */
    return get_hashed(store, key, hash, out, err);
}

tdm_status tdm__store_get_many(const tdm__store *store, const tdm_str *keys, size_t n, tdm__record *out, tdm_error *err)
{
    enum { GROUP = 16 };
    uint64_t hash[GROUP];
    for (size_t begin = 0; begin < n; begin += GROUP) {
        size_t count = n - begin < GROUP ? n - begin : GROUP;
        for (size_t i = 0; i < count; i++) {
            hash[i] = tdm__hash64(keys[begin + i].ptr, keys[begin + i].len);
            uint64_t home = tdm__bucket_home(hash[i], store->head.buckets_home);
            __builtin_prefetch(store->index + home * TDM__STORE_BUCKET_BYTES);
        }
        for (size_t i = 0; i < count; i++)
            prefetch_records(store, hash[i]);
        for (size_t i = 0; i < count; i++) {
            tdm_status s = get_hashed(store, keys[begin + i], hash[i], &out[begin + i], err);
            if (s == TDM_NOT_FOUND)
                out[begin + i] = (tdm__record){.store = store};
            else if (s)
                return s;
        }
    }
    return TDM_OK;
}

tdm_status tdm__store_seek(const tdm__store *store, uint64_t first, tdm__store_cursor *out, tdm_error *err)
{
    const tdm__store_header *h = &store->head;
    if (first % TDM__STORE_MARK || first > h->rows)
        return tdm__fail(err, TDM_USAGE, store->path,
                         "reading begins at a multiple of %d within the rows, not at %" PRIu64, TDM__STORE_MARK, first);
    *out = (tdm__store_cursor){.store = store, .row = first, .offset = TDM__STORE_HEADER_BYTES + h->records_bytes};
    if (first == h->rows)
        return TDM_OK;
    uint64_t number = first / TDM__STORE_MARK, at = h->marks_offset + number * TDM__STORE_MARK_BYTES;
    const uint8_t *mark = store->map.ptr + at;
    if (tdm__mark_check(mark, number) != tdm__get64(mark + 8))
        return tdm__store_damage(store, "the mark does not match its check", at, err);
    out->offset = out->kept_from = tdm__get64(mark);
    return TDM_OK;
}

tdm_status tdm__store_next(tdm__store_cursor *cursor, tdm__record *out, tdm_error *err)
{
    const tdm__store *store = cursor->store;
    if (cursor->row >= store->head.rows) {
        if (cursor->offset != TDM__STORE_HEADER_BYTES + store->head.records_bytes)
            return tdm__store_damage(store, "bytes behind the last record", cursor->offset, err);
        return TDM_NOT_FOUND;
    }
    uint32_t length;
    tdm_status s = read_record(store, cursor->offset, out, &length, err);
    if (s)
        return s;
    if (cursor->offset - cursor->kept_from >= TDM__STORE_LET_GO_BYTES) {
        tdm__store_let_go(store, cursor->kept_from, cursor->offset);
        cursor->kept_from = cursor->offset;
    }
    cursor->offset += length;
    cursor->row++;
    return TDM_OK;
}

void tdm__store_prefault(const tdm__store *store)
{
    tdm__map_advise(&store->map, 0, store->map.len, TDM__ADVICE_POPULATE);
}

void tdm__store_let_go(const tdm__store *store, uint64_t from, uint64_t to)
{
    enum { AROUND_BYTES = 2 << 20 }; /* what Linux may map with a missing page: some of it lies before `from` */
    from -= from < AROUND_BYTES ? from : AROUND_BYTES;
    if (to > from)
        tdm__map_advise(&store->map, from, to - from, TDM__ADVICE_DONT_NEED);
}

void tdm__store_forget(const tdm__store *store, uint64_t first, uint64_t count)
{
    tdm__store_cursor begin, end;
    uint64_t left = first < store->head.rows ? store->head.rows - first : 0;
    if (!tdm__store_seek(store, first, &begin, NULL) &&
        !tdm__store_seek(store, first + (count < left ? count : left), &end, NULL))
        tdm__store_let_go(store, begin.offset, end.offset);
}
