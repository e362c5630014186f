/* One piece, block by block: read, key, features, models, encode.
 *
 * A record that fails at any step becomes a line of the quarantine and leaves every other record's bytes as they would
 * have been. A failure of the machine (memory, a damaged source table) fails the piece. */
#include "batch/piece.h"

#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "os/clock.h"
#include "state/quarantine.h"

struct tdm__scorer {
    const tdm__engine *engine;
    const tdm__population *population;
    const tdm__package *package;
    const char *run;
    int64_t as_of_us;
    tdm__worker *worker;
    tdm__row_parser *parser;          /* of a file */
    const tdm__column **key, **request;
    tdm__column *own;                 /* the key parts, then the request fields, of the rows that have a key */
    int *stored;                      /* a source: the store's column of each own column, or -1 */
    tdm__record *record;              /* a source's rows of a block */
    tdm__row_place *place;            /* of the block's rows */
    tdm_str *key_text;
    tdm__buf key_bytes;
    tdm_value *prediction;
    tdm__histogram block_ns;
    tdm__arena arena;
};

static size_t own_columns(const tdm__scorer *s)
{
    return s->population->reader ? s->population->schema.n : s->package->key.n + s->package->n_request;
}

static const tdm__field *own_field(const tdm__scorer *s, size_t i, tdm__field *made)
{
    if (s->population->reader)
        return &s->population->schema.field[i];
    if (i < s->package->key.n)
        return &s->package->key.field[i];
    const tdm__slot *slot = &s->package->slot[s->package->request_slot[i - s->package->key.n]];
    *made = (tdm__field){.name = slot->name, .type = slot->type};
    return made;
}

/* Where a source's store holds the field, by name: a store may be older than a column. Types were compared when the
 * population was opened. */
static int stored_column(const tdm__scorer *s, const tdm__field *field)
{
    return tdm__schema_find(tdm__store_schema(s->population->store), field->name);
}

static int make_room(tdm__scorer *s)
{
    size_t columns = own_columns(s), n_key = s->package->key.n;
    tdm__arena *a = &s->arena;
    if (!((s->key = tdm__arena_array(a, n_key + 1, const tdm__column *)) &&
          (s->request = tdm__arena_array(a, s->package->n_request + 1, const tdm__column *)) &&
          (s->own = tdm__arena_array(a, columns + 1, tdm__column)) &&
          (s->stored = tdm__arena_array(a, columns + 1, int)) &&
          (s->record = tdm__arena_array(a, TDM__BLOCK_ROWS, tdm__record)) &&
          (s->place = tdm__arena_array(a, TDM__BLOCK_ROWS, tdm__row_place)) &&
          (s->key_text = tdm__arena_array(a, TDM__BLOCK_ROWS, tdm_str)) &&
          (s->prediction = tdm__arena_array(a, s->package->prediction.n + 1, tdm_value))))
        return 0;
    for (size_t i = 0; i < columns; i++) {
        tdm__field made;
        const tdm__field *field = own_field(s, i, &made);
        if (!tdm__column_init(&s->own[i], &field->type, a))
            return 0;
        s->stored[i] = s->population->reader ? -1 : stored_column(s, field);
    }
    for (size_t i = 0; i < n_key; i++)
        s->key[i] = &s->own[i];
    for (size_t i = 0; i < s->package->n_request; i++)
        s->request[i] = s->population->reader ? &s->own[s->population->request_field[i]] : &s->own[n_key + i];
    return 1;
}

tdm_status tdm__scorer_new(const tdm__engine *engine, const tdm__population *population, const char *run,
                           int64_t as_of_us, tdm__scorer **out, tdm_error *err)
{
    *out = NULL;
    tdm__scorer *s = tdm__new(tdm__scorer);
    if (!s)
        return tdm__no_memory(err, "run");
    s->engine = engine;
    s->population = population;
    s->package = tdm__engine_package(engine);
    s->run = run;
    s->as_of_us = as_of_us;
    tdm_status status = make_room(s) ? TDM_OK : tdm__no_memory(err, "run");
    if (!status)
        status = tdm__worker_new(engine, TDM__BLOCK_ROWS, &s->worker, err);
    if (!status && population->reader)
        status = tdm__population_parser(population, &s->parser, err);
    if (status)
        tdm__scorer_close(&s);
    *out = s;
    return status;
}

void tdm__scorer_close(tdm__scorer **scorer)
{
    tdm__scorer *s = *scorer;
    if (!s)
        return;
    tdm__row_parser_close(&s->parser);
    tdm__worker_close(&s->worker);
    tdm__buf_free(&s->key_bytes);
    tdm__arena_free(&s->arena);
    tdm__free(s);
    *scorer = NULL;
}

const tdm__worker *tdm__scorer_worker(const tdm__scorer *scorer)
{
    return scorer->worker;
}

const tdm__histogram *tdm__scorer_block_ns(const tdm__scorer *scorer)
{
    return &scorer->block_ns;
}

void tdm__piece_free(tdm__piece *piece)
{
    tdm__chunk_free(&piece->input.chunk);
    tdm__buf_free(&piece->records);
    tdm__buf_free(&piece->quarantine);
    tdm__free(piece->tag);
    memset(piece, 0, sizeof *piece);
}

/* A source's row has no bytes of its own: its record as a JSON line stands for them. */
static void record_line(const tdm__record *record, tdm__buf *out)
{
    const tdm__schema *schema = tdm__store_schema(record->store);
    tdm__buf_char(out, '{');
    for (size_t i = 0; i < schema->n; i++) {
        tdm_value v;
        tdm__record_value(record, i, &v);
        if (v.presence == TDM_MISSING)
            continue;
        if (out->len > 1)
            tdm__buf_char(out, ',');
        tdm__buf_json_text(out, schema->field[i].name);
        tdm__buf_char(out, ':');
        tdm__value_json(&v, out);
    }
    tdm__buf_char(out, '}');
}

static void quarantine(const tdm__scorer *s, tdm__piece *piece, const tdm__row_place *place, const char *stage,
                       const tdm_error *error)
{
    tdm__buf line = {0};
    tdm__quarantined q = {.run = s->run,
                          .release = s->package->id,
                          .file = s->population->name,
                          .row = place->row,
                          .line = place->line,
                          .offset = place->offset,
                          .bytes = place->bytes,
                          .stage = stage,
                          .error = error};
    if (!s->population->reader) {
        record_line(&s->record[place - s->place], &line);
        q.bytes = tdm__strn(line.ptr, line.len);
    }
    tdm__quarantine_line(&q, &piece->quarantine);
    piece->quarantine.failed |= line.failed;
    tdm__buf_free(&line);
    piece->code[error->status]++;
    piece->rows_quarantined++;
}

static tdm_status encode_row(tdm__scorer *s, tdm__piece *piece, size_t row, tdm_error *err)
{
    const double *y = tdm__worker_predictions(s->worker) + row * s->package->prediction.n;
    for (size_t i = 0; i < s->package->prediction.n; i++)
        s->prediction[i] = (tdm_value){.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = y[i]};
    if (!tdm__grow(piece->tag, piece->cap_records, piece->n_records + 1))
        return tdm__no_memory(err, "run");
    tdm_status status =
        tdm__store_encode(&s->package->prediction, s->key_text[row], s->prediction, &piece->records, err);
    if (!status)
        piece->tag[piece->n_records++] = s->place[row].row;
    return status;
}

/* Scores `rows` rows whose key, request, places and key texts stand ready. */
static tdm_status score_rows(tdm__scorer *s, tdm__piece *piece, size_t rows, const tdm__record *population,
                             tdm_error *err)
{
    tdm__engine_input input = {
        .rows = rows, .key = s->key, .request = s->request, .population = population, .as_of_us = s->as_of_us};
    size_t n_failed, next = 0;
    uint64_t start = tdm__monotonic_ns();
    if (!rows)
        return TDM_OK;
    tdm_status status = tdm__engine_features(s->worker, &input, err);
    if (!status)
        status = tdm__engine_predict(s->worker, TDM__USE_MAIN, err);
    if (status)
        return status;
    const tdm__failed_row *failed = tdm__worker_failed(s->worker, &n_failed);
    for (size_t row = 0; !status && row < rows; row++) {
        if (next < n_failed && failed[next].row == row) {
            quarantine(s, piece, &s->place[row], failed[next].stage, &failed[next].error);
            next++;
            continue;
        }
        tdm_error bad;
        status = encode_row(s, piece, row, &bad);
        if (status == TDM_TOO_LARGE || status == TDM_FIELD_RANGE) { /* a key longer than a record can hold */
            quarantine(s, piece, &s->place[row], "key", &bad);
            status = TDM_OK;
        } else if (status && err) {
            *err = bad;
        }
    }
    tdm__histogram_record(&s->block_ns, tdm__monotonic_ns() - start);
    return status;
}

static void copy_row(tdm__scorer *s, const tdm__row_block *block, size_t from, size_t to)
{
    for (size_t c = 0; c < s->population->schema.n; c++) {
        size_t size = tdm__kind_size(block->column[c].type.kind);
        s->own[c].presence[to] = block->column[c].presence[from];
        memcpy((char *)s->own[c].as.any + to * size, (const char *)block->column[c].as.any + from * size, size);
    }
    s->place[to] = block->place[from];
}

/* Once the key buffer stands still, the texts can point into it. */
static void point_keys(tdm__scorer *s, const size_t *end, size_t rows)
{
    for (size_t row = 0; row < rows; row++) {
        size_t from = row ? end[row - 1] : 0;
        s->key_text[row] = tdm__strn(s->key_bytes.ptr + from, end[row] - from);
    }
}

static tdm_status score_block(tdm__scorer *s, tdm__piece *piece, const tdm__row_block *block, tdm_error *err)
{
    size_t end[TDM__BLOCK_ROWS], rows = 0;
    tdm_error bad;
    for (size_t i = 0; i < block->n_bad; i++)
        quarantine(s, piece, &block->bad[i].place, "read", &block->bad[i].error);
    tdm__buf_reset(&s->key_bytes);
    for (size_t row = 0; row < block->n; row++) {
        if (tdm__key_of_row(&s->package->key, block->column, NULL, s->package->key.n, row, &s->key_bytes, &bad)) {
            quarantine(s, piece, &block->place[row], "key", &bad);
            continue;
        }
        copy_row(s, block, row, rows);
        end[rows++] = s->key_bytes.len;
    }
    piece->rows += block->n + block->n_bad;
    if (s->key_bytes.failed)
        return tdm__no_memory(err, "run");
    point_keys(s, end, rows);
    return score_rows(s, piece, rows, NULL, err);
}

static tdm_status score_chunk(tdm__scorer *s, tdm__piece *piece, tdm_error *err)
{
    tdm__row_parser_start(s->parser, &piece->input.chunk);
    for (;;) {
        const tdm__row_block *block;
        tdm_status status = tdm__row_parser_next(s->parser, &block, err);
        if (status || (!block->n && !block->n_bad))
            return status;
        status = score_block(s, piece, block, err);
        if (status)
            return status;
    }
}

/* A source's row as if it had been read: its number, its key, and its key's text as the bytes of its locator. */
static void take_record(tdm__scorer *s, const tdm__record *record, uint64_t number, size_t row)
{
    s->record[row] = *record;
    s->key_text[row] = record->key;
    s->place[row] = (tdm__row_place){.row = number + 1, .bytes = record->key};
    for (size_t i = 0; i < own_columns(s); i++) {
        tdm_value v = {.kind = s->own[i].type.kind, .presence = TDM_MISSING};
        if (s->stored[i] >= 0)
            tdm__record_value(record, (size_t)s->stored[i], &v);
        tdm__column_set(&s->own[i], row, &v);
    }
}

static tdm_status score_range(tdm__scorer *s, tdm__piece *piece, tdm_error *err)
{
    tdm__store_cursor cursor;
    tdm_status status = tdm__store_seek(s->population->store, piece->input.first, &cursor, err);
    uint64_t done = 0;
    while (!status && done < piece->input.count) {
        size_t rows = 0;
        while (!status && rows < TDM__BLOCK_ROWS && done < piece->input.count) {
            tdm__record record;
            status = tdm__store_next(&cursor, &record, err);
            if (status)
                break;
            take_record(s, &record, piece->input.first + done, rows);
            rows++;
            done++;
        }
        if (!status)
            status = score_rows(s, piece, rows, s->record, err);
        piece->rows += rows;
    }
    return status == TDM_NOT_FOUND
               ? tdm__fail(err, TDM_CORRUPT, s->population->name, "the source has fewer rows than it says")
               : status;
}

void tdm__scorer_run(tdm__scorer *s, tdm__piece *piece)
{
    tdm__buf_reset(&piece->records);
    tdm__buf_reset(&piece->quarantine);
    memset(piece->code, 0, sizeof piece->code);
    piece->n_records = 0;
    piece->rows = piece->rows_quarantined = 0;
    piece->status = s->population->reader ? score_chunk(s, piece, &piece->error) : score_range(s, piece, &piece->error);
    if (!piece->status)
        piece->status = tdm__buf_check(&piece->quarantine, &piece->error);
    if (!piece->status)
        piece->status = tdm__buf_check(&piece->records, &piece->error);
}
