/* Loading rows into a table source: read, type, build the next version, log it.
 *
 * The new rows become a store of their own (the newest of equal keys wins); when an older version exists, its rows
 * whose keys were not named follow first, unchanged. The version exists once its frame is in the log: a crash before
 * that leaves a file that nobody names and that the next load overwrites. */
#include "state/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "codec/rows.h"
#include "os/clock.h"
#include "state/document.h"
#include "state/quarantine.h"
#include "state/state.h"

static const double BAD_SHARE_DEFAULT = 0.01;

typedef struct load {
    tdm_home *home;
    tdm_load_options options;
    tdm_load_report *report;
    const tdm__source *source;
    const char *const *path;       /* files, and what the quarantine calls them */
    const char *const *file_name;
    size_t n_files;
    tdm__store_builder *builder;   /* of the new rows */
    tdm__line_file *quarantine;    /* NULL until a row is bad */
    char name[80];                 /* of the source */
    char dir[TDM__PATH_MAX];       /* sources/NAME */
    tdm_value *values;             /* one row */
    tdm__buf key, line;
} load;

static tdm_status open_quarantine(load *l, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm__names names;
    tdm_status s = tdm__home_path(l->home, path, err, "loads");
    if (!s)
        s = tdm__list_dir(l->home->fs, path, &names, err);
    if (s)
        return s;
    int64_t number = 0, used;
    for (size_t i = 0; i < names.n; i++)
        if (!strncmp(names.name[i], "load-", 5) && tdm__parse_i64(tdm__str(names.name[i] + 5), &used, NULL) &&
            used > number && used < 1000000000)
            number = used;
    tdm__names_free(&names);
    snprintf(l->report->quarantine, sizeof l->report->quarantine, "load-%06" PRId64, number + 1);
    s = tdm__home_path(l->home, path, err, "loads/%s", l->report->quarantine);
    if (!s)
        s = tdm__make_dirs(l->home->fs, path, err);
    if (!s)
        s = tdm__home_path(l->home, path, err, "loads/%s/quarantine.jsonl", l->report->quarantine);
    return s ? s : tdm__line_file_new(l->home, path, &l->quarantine, err);
}

static tdm_status quarantine_row(load *l, const char *file, const tdm__row_place *place, const char *stage,
                                 const tdm_error *error, tdm_error *err)
{
    tdm_status s = l->quarantine ? TDM_OK : open_quarantine(l, err);
    if (s)
        return s;
    tdm__quarantined q = {.run = l->report->quarantine,
                          .release = l->name,
                          .file = file,
                          .row = place->row,
                          .line = place->line,
                          .offset = place->offset,
                          .bytes = place->bytes,
                          .stage = stage,
                          .error = error};
    tdm__buf_reset(&l->line);
    tdm__quarantine_line(&q, &l->line);
    l->report->rows_quarantined++;
    return tdm__line_file_add(l->quarantine, tdm__strn(l->line.ptr, l->line.len), err);
}

/* The row's key, joined. */
static tdm_status make_key(load *l, const tdm__row_block *block, size_t row, tdm_error *err)
{
    tdm__buf_reset(&l->key);
    tdm_status s = tdm__key_of_row(&l->source->schema, block->column, l->source->key, l->source->n_key, row, &l->key, err);
    return s ? s : tdm__buf_check(&l->key, err);
}

static tdm_status load_block(load *l, const char *file, const tdm__row_block *block, tdm_error *err)
{
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < block->n_bad; i++)
        s = quarantine_row(l, file, &block->bad[i].place, "read", &block->bad[i].error, err);
    for (size_t row = 0; !s && row < block->n; row++) {
        tdm_error bad;
        s = make_key(l, block, row, &bad);
        if (s == TDM_KEY_MISSING) {
            s = quarantine_row(l, file, &block->place[row], "key", &bad, err);
            continue;
        }
        if (s)
            return tdm__no_memory(err, file);
        for (size_t c = 0; c < l->source->schema.n; c++)
            tdm__column_get(&block->column[c], row, &l->values[c]);
        s = tdm__store_builder_add(l->builder, tdm__strn(l->key.ptr, l->key.len), l->values, 0, &bad);
        if (s == TDM_TOO_LARGE) /* a key longer than a record can hold */
            s = quarantine_row(l, file, &block->place[row], "key", &bad, err);
        else if (s && err)
            *err = bad;
    }
    l->report->rows_in += block->n + block->n_bad;
    return s;
}

static tdm_status tell(load *l, const char *stage, const char *unit, uint64_t done, uint64_t total, tdm_error *err)
{
    tdm_progress p = {.stage = stage, .done = done, .total = total, .unit = unit, .rows = l->report->rows_in,
                      .rows_quarantined = l->report->rows_quarantined};
    if (l->options.progress && !l->options.progress(l->options.self, &p))
        return tdm__fail(err, TDM_CANCELLED, l->name, "the load was cancelled; nothing was changed");
    return TDM_OK;
}

/* Adds a name to a list "a, b" once; a list that is full ends with "...". */
static void add_name(char list[512], tdm_str name)
{
    size_t used = strlen(list);
    for (tdm_str rest = tdm__str(list), one; rest.len;) {
        one = tdm__str_trim(tdm__str_cut(rest, ',', &rest));
        if (tdm__str_equal(one, name) || tdm__str_is(one, "..."))
            return;
    }
    bool fits = used + name.len + 8 < 512;
    snprintf(list + used, 512 - used, "%s%.*s", used ? ", " : "", fits ? (int)name.len : 3, fits ? name.ptr : "...");
}

static void name_columns(load *l, const tdm__row_parser *parser, const tdm__reader *reader)
{
    size_t n, n_header;
    const tdm_str *ignored = tdm__row_parser_ignored(parser, &n), *header = tdm__reader_header(reader, &n_header);
    for (size_t i = 0; i < n; i++)
        add_name(l->report->ignored, ignored[i]);
    for (size_t c = 0; tdm__reader_format(reader) == TDM__FORMAT_CSV && c < l->source->schema.n; c++) {
        bool there = false;
        for (size_t i = 0; i < n_header; i++)
            there |= tdm__str_equal(header[i], l->source->schema.field[c].name);
        if (!there)
            add_name(l->report->absent, l->source->schema.field[c].name);
    }
}

static tdm_status load_chunks(load *l, const char *name, tdm__reader *reader, tdm__row_parser *parser, tdm_error *err)
{
    tdm__chunk chunk = {0};
    tdm_status s = TDM_OK;
    while (!s) {
        uint64_t done, total;
        s = tdm__reader_next(reader, &chunk, err);
        if (s || !chunk.bytes.len)
            break;
        tdm__row_parser_start(parser, &chunk);
        while (!s) {
            const tdm__row_block *block;
            s = tdm__row_parser_next(parser, &block, err);
            if (s || (!block->n && !block->n_bad))
                break;
            s = load_block(l, name, block, err);
        }
        tdm__reader_progress(reader, &done, &total);
        if (!s)
            s = tell(l, "load", "bytes", done, total, err);
    }
    tdm__chunk_free(&chunk);
    return s;
}

/* Every key column must be in a CSV's header: without it no row could have a key. */
static tdm_status check_header(const load *l, const char *file, const tdm__reader *reader, tdm_error *err)
{
    size_t n;
    const tdm_str *header = tdm__reader_header(reader, &n);
    if (tdm__reader_format(reader) != TDM__FORMAT_CSV)
        return TDM_OK;
    for (size_t k = 0; k < l->source->n_key; k++) {
        tdm_str key = l->source->schema.field[l->source->key[k]].name;
        bool found = false;
        for (size_t i = 0; i < n; i++)
            found |= tdm__str_equal(header[i], key);
        if (!found) {
            tdm_status s =
                tdm__fail(err, TDM_MISMATCH, file, "the file lacks the key column of the source '%s'", l->name);
            tdm__fail_expected(err, "a column '%.*s'", (int)key.len, key.ptr);
            tdm__reader_tell_header(reader, err);
            return s;
        }
    }
    return TDM_OK;
}

static tdm_status load_file(load *l, const char *file, const char *name, tdm_error *err)
{
    tdm__reader *reader = NULL;
    tdm__row_parser *parser = NULL;
    size_t n_header;
    tdm__row_options options = {.nulls = l->source->nulls, .n_nulls = l->source->n_nulls};
    tdm_status s = tdm__reader_open(tdm__fs_posix(), file, TDM__FORMAT_AUTO, &reader, err);
    if (!s)
        s = check_header(l, file, reader, err);
    if (!s) {
        const tdm_str *header = tdm__reader_header(reader, &n_header);
        s = tdm__row_parser_new(tdm__reader_format(reader), header, n_header, &l->source->schema, &options, &parser,
                                err);
    }
    if (!s) {
        name_columns(l, parser, reader);
        s = load_chunks(l, name, reader, parser, err);
    }
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    return s;
}

/* The old version's row, by the columns of today: those it did not have are missing. */
static void old_row(const load *l, const int *column, const tdm__record *record)
{
    for (size_t c = 0; c < l->source->schema.n; c++) {
        l->values[c] = (tdm_value){.kind = l->source->schema.field[c].type.kind, .presence = TDM_MISSING};
        if (column[c] >= 0)
            tdm__record_value(record, (size_t)column[c], &l->values[c]);
    }
}

/* All rows of `from` whose keys `except` (may be NULL) lacks, into the builder. */
static tdm_status copy_rows(load *l, const tdm__store *from, const tdm__store *except, tdm__store_builder *to,
                            uint64_t *replaced, tdm_error *err)
{
    int column[TDM__SOURCE_COLUMNS_MAX];
    for (size_t c = 0; c < l->source->schema.n; c++)
        column[c] = tdm__schema_find(tdm__store_schema(from), l->source->schema.field[c].name);
    tdm__store_cursor cursor;
    tdm__record record, other;
    tdm_status s = tdm__store_seek(from, 0, &cursor, err);
    for (uint64_t row = 0; !s; row++) {
        s = tdm__store_next(&cursor, &record, err);
        if (s)
            break;
        tdm_status known = except ? tdm__store_get(except, record.key, &other, err) : TDM_NOT_FOUND;
        if (!known && replaced)
            (*replaced)++;
        if (known == TDM_NOT_FOUND) {
            old_row(l, column, &record);
            s = tdm__store_builder_add(to, record.key, l->values, 0, err);
        } else if (known) {
            s = known;
        }
        if (!s && row % 65536 == 65535)
            s = tell(l, "merge", "rows", row, tdm__store_rows(from), err);
    }
    return s == TDM_NOT_FOUND ? TDM_OK : s;
}

/* The next version from the old one and the new rows at `delta`. */
static tdm_status merge(load *l, const tdm__store *old, const char *delta, const char *path, tdm_error *err)
{
    tdm__store *fresh = NULL;
    tdm__store_builder *builder = NULL;
    tdm__store_build_options options = {.duplicates = TDM__LAST_WINS, .losers_max = UINT64_MAX};
    tdm_status s = tdm__store_open(l->home->fs, delta, &fresh, err);
    if (!s)
        s = tdm__store_builder_new(l->home->fs, path, &l->source->schema, &options, &builder, err);
    if (!s)
        s = copy_rows(l, old, fresh, builder, &l->report->rows_replaced, err);
    if (!s)
        s = copy_rows(l, fresh, NULL, builder, NULL, err);
    if (!s)
        s = tdm__store_builder_finish(&builder, (tdm_str){0}, err);
    if (builder)
        tdm__store_builder_abort(&builder);
    tdm__store_close(&fresh);
    tdm__remove(l->home->fs, delta, NULL);
    return s;
}

static tdm_status count_loser(void *self, const tdm__store_loser *loser, tdm_error *err)
{
    (void)loser;
    (void)err;
    ((load *)self)->report->rows_superseded++;
    return TDM_OK;
}

static tdm_status check_bad_share(load *l, tdm_error *err)
{
    tdm_load_report *r = l->report;
    tdm_status s = l->quarantine ? tdm__line_file_finish(&l->quarantine, err) : TDM_OK;
    /* 29% of 100 rows are 29, whatever the product is in binary */
    if (s || (double)r->rows_quarantined <= l->options.bad_share_max * (double)r->rows_in * (1 + 1e-12))
        return s;
    s = tdm__fail(err, TDM_QUARANTINE_FULL, l->name, "%" PRIu64 " of %" PRIu64 " records are bad: nothing was loaded",
                  r->rows_quarantined, r->rows_in);
    tdm__fail_hint(err, "'tandem quarantine show %s' shows them", r->quarantine);
    return s;
}

static tdm_status log_version(load *l, tdm__log_handle *log, const tdm__store *store, tdm_error *err)
{
    char digest[17];
    snprintf(digest, sizeof digest, "%016" PRIx64, tdm__store_digest(store));
    json_t *root =
        json_pack("{s:s, s:I, s:I, s:s, s:I}", "source", l->name, "version", (json_int_t)l->report->version, "rows",
                  (json_int_t)tdm__store_rows(store), "digest", digest, "loaded_us", (json_int_t)tdm__now_us());
    tdm__buf text = {0};
    tdm__document_dump(root, &text);
    tdm_status s = tdm__buf_check(&text, err);
    if (!s) {
        tdm__frame frame = {.kind = TDM__LOG_TABLE, .payload = tdm__strn(text.ptr, text.len)};
        s = tdm__log_append(log, &frame, 1, NULL, err);
    }
    tdm__buf_free(&text);
    return s;
}

/* Reads all files into the store at `path`, by way of `delta` when there is an old version. */
static tdm_status build(load *l, const tdm__store *old, const char *path, const char *delta, tdm_error *err)
{
    tdm__store_build_options options = {
        .duplicates = TDM__LAST_WINS, .loser = count_loser, .self = l, .losers_max = UINT64_MAX};
    tdm_status s =
        tdm__store_builder_new(l->home->fs, old ? delta : path, &l->source->schema, &options, &l->builder, err);
    for (size_t i = 0; !s && i < l->n_files; i++)
        s = load_file(l, l->path[i], l->file_name[i], err);
    if (!s)
        s = check_bad_share(l, err);
    if (!s)
        s = tell(l, "index", "rows", 0, 0, err);
    if (!s)
        s = tdm__store_builder_finish(&l->builder, (tdm_str){0}, err);
    if (l->builder)
        tdm__store_builder_abort(&l->builder);
    return s || !old ? s : merge(l, old, delta, path, err);
}

static tdm_status load_version(load *l, const tdm__state *state, const tdm__source_state *now, tdm__log_handle *log,
                               tdm_error *err)
{
    char path[TDM__PATH_MAX], delta[TDM__PATH_MAX];
    tdm__store *old = NULL, *store = NULL;
    tdm_load_report *r = l->report;
    r->version = now->version + 1;
    tdm_status s = tdm__home_path(l->home, path, err, "sources/%s/%06" PRIu64 ".store", l->name, r->version);
    if (!s)
        s = tdm__home_path(l->home, delta, err, "sources/%s/%06" PRIu64 ".delta", l->name, r->version);
    if (!s && now->version && !l->options.replace)
        s = tdm__state_open_store(state, now, &old, err);
    if (!s)
        s = tdm__make_dirs(l->home->fs, l->dir, err);
    if (!s)
        s = build(l, old, path, delta, err);
    if (s == TDM_CORRUPT && old)
        tdm__fail_hint(err,
                       "if it is the version before that is damaged, 'load --replace' makes one of the files alone");
    if (!s)
        s = tdm__store_open(l->home->fs, path, &store, err);
    if (!s)
        s = log_version(l, log, store, err);
    if (!s) {
        r->rows_loaded = r->rows_in - r->rows_superseded - r->rows_quarantined;
        r->rows_total = tdm__store_rows(store);
    }
    tdm__store_close(&store);
    tdm__store_close(&old);
    return s;
}

static tdm_status find_table_source(load *l, const tdm__state *state, const char *source, const tdm__source_state **out,
                                    tdm_error *err)
{
    tdm_status s = tdm__state_need(state, tdm__str(source), out, err);
    if (s)
        return s;
    if ((*out)->source.kind != TDM__SOURCE_TABLE) {
        s = tdm__fail(err, TDM_UNSUPPORTED, source, "loading events is not supported by this version");
        tdm__fail_expected(err, "a source of kind table");
        return s;
    }
    l->source = &(*out)->source;
    snprintf(l->name, sizeof l->name, "%s", source);
    l->values = tdm__zalloc(l->source->schema.n + 1, sizeof *l->values);
    if (!l->values)
        return tdm__no_memory(err, source);
    return tdm__home_path(l->home, l->dir, err, "sources/%s", source);
}

/* A load that did not happen leaves no trace, unless its bad rows are the reason. */
static void forget_quarantine(load *l)
{
    char dir[TDM__PATH_MAX];
    if (l->report->quarantine[0] && !tdm__home_path(l->home, dir, NULL, "loads/%s", l->report->quarantine))
        tdm__remove_tree(l->home->fs, dir, NULL);
    l->report->quarantine[0] = 0;
}

tdm_status tdm__load_here(tdm_home *home, const char *source, const char *const *paths, const char *const *names,
                          size_t n_paths, const tdm_load_options *options, tdm_load_report *out, tdm_error *err)
{
    load l = {.home = home, .report = out, .options = {.bad_share_max = BAD_SHARE_DEFAULT}, .path = paths,
              .file_name = names ? names : paths, .n_files = n_paths};
    tdm__writing writing;
    tdm__state *state = NULL;
    const tdm__source_state *now;
    uint64_t start = tdm__monotonic_ns();
    *out = (tdm_load_report){0};
    if (options)
        l.options = *options;
    if (!n_paths)
        return tdm__fail(err, TDM_USAGE, source, "no file to load was named");
    tdm_status s = tdm__writing_begin(home, "load", &writing, err);
    if (s)
        return s;
    s = tdm__state_read(home, writing.log, UINT64_MAX, &state, err);
    if (!s)
        s = find_table_source(&l, state, source, &now, err);
    if (!s)
        s = load_version(&l, state, now, writing.log, err);
    out->seconds = (double)(tdm__monotonic_ns() - start) * 1e-9;
    tdm__line_file_abort(&l.quarantine);
    if (s && s != TDM_QUARANTINE_FULL)
        forget_quarantine(&l);
    tdm__buf_free(&l.key);
    tdm__buf_free(&l.line);
    tdm__free(l.values);
    tdm__state_close(&state);
    tdm__writing_end(&writing);
    return s;
}
