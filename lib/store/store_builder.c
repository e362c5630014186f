/* The builder: takes records, finishes the store, or leaves nothing behind.
 *
 * Everything happens in PATH.tmp.PID.N (and .spool, .tags beside it); the name PATH appears by one rename, after the
 * sync, or not at all. When some records lost, a second pass leaves them out in place. A kill leaves temporary files:
 * whoever owns the folder removes PATH.tmp.* when no build can be running. store_build.h tells how a build goes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "os/process.h"
#include "store/store_build.h"

enum { SORT_ENTRIES = 1 << 17, TAGS_HELD = 4096, ATTEMPTS = 10000 };

static tdm_status copy_schema(tdm__store_builder *b, const tdm__schema *schema, tdm_error *err)
{
    if (schema->n > TDM__STORE_COLUMNS_MAX)
        return tdm__fail(err, TDM_TOO_LARGE, b->path, "a store has at most %d columns", TDM__STORE_COLUMNS_MAX);
    b->schema.field = tdm__arena_array(&b->arena, schema->n + 1, tdm__field);
    if (!b->schema.field)
        return tdm__no_memory(err, b->path);
    for (size_t i = 0; i < schema->n; i++) {
        if (!tdm__name_valid(schema->field[i].name))
            return tdm__fail(err, TDM_BAD_INPUT, b->path, "column %zu has a name that a field cannot have", i + 1);
        b->schema.field[i].type = schema->field[i].type;
        if (!tdm__arena_str(&b->arena, schema->field[i].name, &b->schema.field[i].name))
            return tdm__no_memory(err, b->path);
    }
    b->schema.n = schema->n;
    tdm__schema_canonical(&b->schema, &b->schema_text);
    return tdm__buf_check(&b->schema_text, err);
}

/* PATH.tmp.PID.N: two processes, or two hosts on one file system, may build the same path at once. */
static tdm_status open_temporary(tdm__store_builder *b, tdm_error *err)
{
    size_t size = strlen(b->path) + 64;
    b->temporary = tdm__arena_alloc(&b->arena, size);
    b->tags_path = tdm__arena_alloc(&b->arena, size);
    if (!b->temporary || !b->tags_path)
        return tdm__no_memory(err, b->path);
    tdm_status s = TDM_EXISTS;
    for (int i = 0; s == TDM_EXISTS && i < ATTEMPTS; i++) {
        snprintf(b->temporary, size, "%s.tmp.%" PRId64 ".%d", b->path, tdm__process_id(), i);
        s = tdm__file_open(b->fs, b->temporary, TDM__READ | TDM__WRITE | TDM__CREATE | TDM__EXCLUSIVE, &b->file, err);
    }
    snprintf(b->tags_path, size, "%s.tags", b->temporary);
    return s;
}

static tdm_status start(tdm__store_builder *b, const tdm__schema *schema, tdm_error *err)
{
    static const uint8_t blank[TDM__STORE_HEADER_BYTES];
    tdm_status s = copy_schema(b, schema, err);
    if (!s)
        s = open_temporary(b, err);
    if (!s)
        s = tdm__file_write_at(b->file, 0, blank, sizeof blank, err);
    if (!s)
        s = tdm__store_out_init(&b->out, b->file, err);
    if (s)
        return s;
    char spool[TDM__PATH_MAX + 80];
    snprintf(spool, sizeof spool, "%s.spool", b->temporary);
    return tdm__spool_init(&b->spool, b->fs, spool, err);
}

tdm_status tdm__store_builder_new(tdm__fs *fs, const char *path, const tdm__schema *schema,
                                  const tdm__store_build_options *options, tdm__store_builder **out, tdm_error *err)
{
    *out = NULL;
    if (strlen(path) + 64 > TDM__PATH_MAX)
        return tdm__fail(err, TDM_TOO_LARGE, path, "the path is too long");
    tdm__store_builder *b = tdm__new(tdm__store_builder);
    if (!b)
        return tdm__no_memory(err, path);
    b->fs = fs;
    b->options = options ? *options : (tdm__store_build_options){.losers_max = UINT64_MAX};
    b->tags_from = UINT64_MAX;
    b->sort_room = SORT_ENTRIES;
    b->path = tdm__arena_copy(&b->arena, path, strlen(path));
    tdm_status s = b->path ? start(b, schema, err) : tdm__no_memory(err, path);
    if (s)
        tdm__store_builder_abort(&b);
    *out = b;
    return s;
}

void tdm__store_builder_tune(tdm__store_builder *b, uint32_t block_entries, uint32_t sort_entries)
{
    b->spool.room = block_entries;
    b->sort_room = sort_entries;
}

/* Closes everything; with `remove` takes the temporary file away too. */
static void release(tdm__store_builder *b, bool remove)
{
    bool made = b->file != NULL;
    tdm__file_close(&b->file);
    if (made && remove)
        tdm__remove(b->fs, b->temporary, NULL);
    if (b->tags_from != UINT64_MAX) {
        tdm__file_close(&b->tags);
        tdm__remove(b->fs, b->tags_path, NULL);
    }
    if (b->spool.fs)
        tdm__spool_free(&b->spool);
    tdm__store_out_free(&b->out);
    tdm__buf_free(&b->schema_text);
    tdm__buf_free(&b->record);
    tdm__free(b->mark);
    tdm__free(b->tag_buffer);
    tdm__arena_free(&b->arena);
    tdm__free(b);
}

void tdm__store_builder_abort(tdm__store_builder **b)
{
    if (*b)
        release(*b, true);
    *b = NULL;
}

tdm_status tdm__store_append(tdm__store_builder *b, const uint8_t *record, uint32_t length, tdm_error *err)
{
    uint64_t offset = tdm__store_out_offset(&b->out);
    if (offset + length > TDM__STORE_OFFSET_MAX / 2)
        return tdm__fail(err, TDM_TOO_LARGE, b->path, "the store is larger than its offsets can say");
    if (b->rows % TDM__STORE_MARK == 0) {
        if (!tdm__grow(b->mark, b->mark_cap, b->marks + 1))
            return tdm__no_memory(err, b->path);
        b->mark[b->marks++] = offset;
    }
    tdm_status s = tdm__store_out_add(&b->out, record, length, err);
    if (!s)
        s = tdm__spool_add(&b->spool, tdm__hash64(record + TDM__RECORD_HEAD, tdm__get16(record + 8)), offset, err);
    if (!s)
        b->rows++;
    return s;
}

static tdm_status flush_tags(tdm__store_builder *b, tdm_error *err)
{
    tdm_status s = tdm__file_write_at(b->tags, b->tags_written * 8, b->tag_buffer, b->tags_held * 8, err);
    if (!s) {
        b->tags_written += b->tags_held;
        b->tags_held = 0;
    }
    return s;
}

/* Keeps the tag of the record that comes next. Only from the first that is not 0 on is there a file. */
static tdm_status keep_tag(tdm__store_builder *b, uint64_t tag, tdm_error *err)
{
    if (b->tags_from == UINT64_MAX) {
        if (tag == 0)
            return TDM_OK;
        b->tag_buffer = tdm__zalloc(TAGS_HELD, sizeof *b->tag_buffer);
        if (!b->tag_buffer)
            return tdm__no_memory(err, b->path);
        b->tags_from = b->rows;
        tdm_status s = tdm__file_open(b->fs, b->tags_path, TDM__READ | TDM__WRITE | TDM__CREATE | TDM__TRUNCATE,
                                      &b->tags, err);
        if (s)
            return s;
    }
    b->tag_buffer[b->tags_held++] = tag;
    return b->tags_held == TAGS_HELD ? flush_tags(b, err) : TDM_OK;
}

static tdm_status add_record(tdm__store_builder *b, const uint8_t *record, uint32_t length, uint64_t tag,
                             tdm_error *err)
{
    tdm_status s = keep_tag(b, tag, err);
    if (!s)
        s = tdm__store_append(b, record, length, err);
    return b->failed = s;
}

static tdm_status refuse_failed(const tdm__store_builder *b, tdm_error *err)
{
    return tdm__fail(err, b->failed, b->path, "the store cannot be finished since an earlier record failed");
}

tdm_status tdm__store_builder_add(tdm__store_builder *b, tdm_str key, const tdm_value *values, uint64_t tag,
                                  tdm_error *err)
{
    if (b->failed)
        return refuse_failed(b, err);
    tdm__buf_reset(&b->record);
    tdm_status s = tdm__store_encode(&b->schema, key, values, &b->record, err);
    if (s == TDM_NO_MEMORY) /* a record that does not fit its schema is the caller's business, this is the build's */
        b->failed = s;
    return s ? s : add_record(b, (const uint8_t *)b->record.ptr, (uint32_t)b->record.len, tag, err);
}

tdm_status tdm__store_builder_add_encoded(tdm__store_builder *b, tdm_str records, size_t n, const uint64_t *tags,
                                          tdm_error *err)
{
    if (b->failed)
        return refuse_failed(b, err);
    const uint8_t *at = (const uint8_t *)records.ptr, *end = at + records.len;
    for (size_t i = 0; i < n; i++) {
        uint32_t length = end - at >= TDM__RECORD_HEAD ? tdm__get32(at + 4) : 0;
        if (length < TDM__RECORD_HEAD || length > TDM__RECORD_BYTES_MAX || length > end - at ||
            tdm__get16(at + 8) > length - TDM__RECORD_HEAD)
            return b->failed = tdm__fail(err, TDM_BAD_INPUT, b->path, "encoded record %zu of %zu is cut short",
                                         i + 1, n);
        tdm_status s = add_record(b, at, length, tags ? tags[i] : 0, err);
        if (s)
            return s;
        at += length;
    }
    return TDM_OK;
}

static tdm_status read_tag(tdm__store_builder *b, uint64_t ordinal, uint64_t *tag, tdm_error *err)
{
    size_t got = 8;
    *tag = 0;
    if (b->tags_from == UINT64_MAX || ordinal < b->tags_from)
        return TDM_OK;
    tdm_status s = tdm__file_read_at(b->tags, (ordinal - b->tags_from) * 8, tag, 8, &got, err);
    if (!s && got < 8)
        s = tdm__fail(err, TDM_IO, b->tags_path, "the temporary file was changed while it was in use");
    return s;
}

static tdm_status report_loser(tdm__store_builder *b, uint64_t ordinal, const uint8_t *record, tdm_error *err)
{
    tdm__store_loser loser = {.ordinal = ordinal};
    loser.key = tdm__strn((const char *)record + TDM__RECORD_HEAD, tdm__get16(record + 8));
    tdm_status s = b->options.loser ? read_tag(b, ordinal, &loser.tag, err) : TDM_OK;
    return s || !b->options.loser ? s : b->options.loser(b->options.self, &loser, err);
}

/* Reads the record at `offset` of the temporary file into the buffer, whose bytes from `*from` on are already there. */
static tdm_status load_record(tdm__store_builder *b, tdm__buf *window, uint64_t *from, uint64_t offset,
                              const uint8_t **record, uint32_t *length, tdm_error *err)
{
    for (size_t need = TDM__RECORD_HEAD;;) {
        if (offset + need <= *from + window->len) {
            *record = (const uint8_t *)window->ptr + (offset - *from);
            *length = tdm__get32(*record + 4) & ~TDM__RECORD_LOST;
            if (*length <= need || offset + *length <= *from + window->len)
                return TDM_OK;
            need = *length;
        }
        size_t want = need > TDM__STORE_DIGEST_BLOCK ? need : TDM__STORE_DIGEST_BLOCK;
        if (want > b->records_end - offset)
            want = b->records_end - offset;
        tdm__buf_reset(window);
        char *to = tdm__buf_reserve(window, want);
        if (!to)
            return tdm__no_memory(err, b->path);
        tdm_status s = tdm__file_read_at(b->file, offset, to, want, &window->len, err);
        if (s)
            return s;
        *from = offset;
        if (window->len < need)
            return tdm__fail(err, TDM_IO, b->temporary, "the temporary file was changed while it was in use");
    }
}

tdm_status tdm__store_compact(tdm__store_builder *b, tdm_error *err)
{
    tdm__buf window = {0};
    uint64_t window_at = 0, rows = b->rows, offset = TDM__STORE_HEADER_BYTES;
    tdm_status s = b->tags_held ? flush_tags(b, err) : TDM_OK;
    tdm__store_out_rewind(&b->out); /* what is written never overtakes what is read */
    tdm__spool_clear(&b->spool);
    b->marks = b->rows = 0;
    for (uint64_t ordinal = 0; !s && ordinal < rows; ordinal++) {
        const uint8_t *record = NULL;
        uint32_t length = 0;
        s = load_record(b, &window, &window_at, offset, &record, &length, err);
        if (s)
            break;
        if (tdm__get32(record + 4) & TDM__RECORD_LOST)
            s = report_loser(b, ordinal, record, err);
        else
            s = tdm__store_append(b, record, length, err);
        offset += length;
    }
    tdm__buf_free(&window);
    return s;
}

/* Records are in; writes marks, and the index behind them. */
static tdm_status write_index(tdm__store_builder *b, tdm__store_header *h, bool dedupe, tdm_error *err)
{
    b->records_end = tdm__store_out_offset(&b->out);
    h->rows = b->rows;
    h->records_bytes = b->records_end - TDM__STORE_HEADER_BYTES;
    tdm__store_header_place(h);
    tdm_status s = tdm__store_out_pad(&b->out, h->marks_offset, err);
    for (size_t i = 0; !s && i < b->marks; i++) {
        uint8_t mark[TDM__STORE_MARK_BYTES];
        tdm__put64(mark, b->mark[i]);
        tdm__put64(mark + 8, tdm__mark_check(mark, i));
        s = tdm__store_out_add(&b->out, mark, sizeof mark, err);
    }
    if (!s)
        s = tdm__store_out_pad(&b->out, h->index_offset, err);
    if (!s)
        s = tdm__store_out_view(&b->out, err); /* keys are read back from the file */
    return s ? s : tdm__store_index(b, dedupe, &h->buckets, err);
}

/* Texts, digests and header, behind and before the finished body. */
static tdm_status write_rest(tdm__store_builder *b, tdm__store_header *h, tdm_str meta, tdm_error *err)
{
    tdm_str schema = tdm__strn(b->schema_text.ptr, b->schema_text.len);
    tdm__buf_str(&b->schema_text, meta);
    tdm_status s = tdm__buf_check(&b->schema_text, err);
    if (s)
        return s;
    h->schema_bytes = schema.len;
    h->meta_bytes = meta.len;
    h->texts_digest = tdm__hash64(b->schema_text.ptr, b->schema_text.len);
    tdm__store_header_place(h);
    s = tdm__store_out_add(&b->out, b->schema_text.ptr, b->schema_text.len, err);
    if (!s)
        s = tdm__store_out_pad(&b->out, h->digests_offset, err);
    if (!s)
        s = tdm__store_out_end(&b->out, err);
    if (s)
        return s;
    for (size_t i = 0; i < b->out.digests; i++) /* in place: from here on they are bytes of the file */
        tdm__put64((uint8_t *)&b->out.digest[i], b->out.digest[i]);
    h->digests_digest = tdm__hash64(b->out.digest, h->digests * 8);
    uint8_t header[TDM__STORE_HEADER_BYTES];
    tdm__store_header_encode(h, header);
    s = h->digests ? tdm__file_write_at(b->file, h->digests_offset, b->out.digest, h->digests * 8, err) : TDM_OK;
    if (!s)
        s = tdm__file_write_at(b->file, 0, header, sizeof header, err);
    if (!s && b->losers)
        s = tdm__file_truncate(b->file, h->file_bytes, err);
    return s;
}

/* From here on the store exists, or does not. */
static tdm_status publish(tdm__store_builder *b, bool *renamed, tdm_error *err)
{
    char dir[TDM__PATH_MAX];
    if (!tdm__path_dir(dir, sizeof dir, b->path))
        return tdm__fail(err, TDM_TOO_LARGE, b->path, "the path is too long");
    tdm_status s = tdm__file_sync(b->file, err);
    if (!s)
        s = tdm__rename(b->fs, b->temporary, b->path, err);
    *renamed = !s;
    return s ? s : tdm__dir_sync(b->fs, dir, err);
}

static tdm_status finish(tdm__store_builder *b, tdm_str meta, bool *renamed, tdm_error *err)
{
    tdm__store_header h = {0};
    if (b->failed)
        return refuse_failed(b, err);
    if (meta.len > TDM__STORE_META_MAX || b->schema_text.len > TDM__STORE_SCHEMA_MAX)
        return tdm__fail(err, TDM_TOO_LARGE, b->path, "the store's schema and meta have at most 1 MiB each");
    tdm_status s = write_index(b, &h, true, err);
    if (!s && b->losers) {
        uint64_t losers = b->losers;
        s = tdm__store_compact(b, err);
        b->losers = 0;
        if (!s)
            s = write_index(b, &h, false, err);
        b->losers = losers;
    }
    if (!s)
        s = write_rest(b, &h, meta, err);
    return s ? s : publish(b, renamed, err);
}

tdm_status tdm__store_builder_finish(tdm__store_builder **b, tdm_str meta, tdm_error *err)
{
    bool renamed = false;
    tdm_status s = finish(*b, meta, &renamed, err);
    release(*b, !renamed);
    *b = NULL;
    return s;
}
