/* The parser's frame: what CSV and JSON lines have in common.
 *
 * A format fills a block row by row or column by column; a row that turns out bad is only marked. This file then
 * closes the gaps, so that good rows lie together in file order, and puts the bad ones in file order too. Once the
 * first blocks have been read nothing is allocated. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "codec/rows_impl.h"

tdm__row_place tdm__take_record(tdm__row_parser *p, const tdm__record_span *span)
{
    const char *from = p->scan.p + p->at;
    size_t len = span->end - p->at;
    if (span->next > span->end && len > 0 && from[len - 1] == '\r')
        len--;
    size_t kept = p->scan.limit < TDM__RECORD_BYTES_KEPT ? p->scan.limit : TDM__RECORD_BYTES_KEPT;
    if (span->fault == TDM_RECORD_TOO_LONG && len > kept)
        len = kept;
    tdm__row_place place = {p->row, p->line, p->chunk->offset + p->at, tdm__strn(from, len)};
    p->row++;
    p->line += span->line_ends;
    p->at = span->next;
    return place;
}

tdm_error *tdm__add_bad(tdm__row_parser *p, const tdm__row_place *place)
{
    if (!tdm__grow(p->block.bad, p->bad_cap, p->block.n_bad + 1))
        return NULL;
    tdm__bad_row *bad = &p->block.bad[p->block.n_bad++];
    bad->place = *place;
    memset(&bad->error, 0, sizeof bad->error);
    return &bad->error;
}

tdm_status tdm__add_faulty(tdm__row_parser *p, const tdm__row_place *place, const tdm__record_span *span,
                           tdm_error *err)
{
    tdm_error *bad = tdm__add_bad(p, place);
    if (!bad)
        return tdm__no_memory(err, "rows");
    tdm__fail(bad, span->fault, NULL, "%s", tdm_status_text(span->fault));
    if (span->fault == TDM_RECORD_TOO_LONG) {
        tdm__fail_expected(bad, "at most %zu bytes", p->scan.limit);
        return TDM_OK;
    }
    tdm__fail_expected(bad, "a comma or a line end behind a closing quote, within %zu bytes", p->scan.limit);
    if (span->fault_at < p->scan.n)
        tdm__fail_found_text(bad, tdm__strn(p->scan.p + span->fault_at, 1));
    tdm__fail_hint(bad, "a quote inside a quoted field is written twice");
    return TDM_OK;
}

bool tdm__drop_row(tdm__row_parser *p, size_t row, size_t field, const tdm_error *why)
{
    tdm_error *bad = tdm__add_bad(p, &p->block.place[row]);
    if (!bad)
        return false;
    p->dropped[row] = true;
    p->n_dropped++;
    *bad = *why;
    tdm_str name = p->schema->field[field].name;
    snprintf(bad->where, sizeof bad->where, "%.*s", name.len < 200 ? (int)name.len : 200, name.ptr);
    return true;
}

tdm_status tdm__null_fault(const tdm_type *type, tdm_error *why)
{
    char name[64];
    tdm__type_format(type, name);
    tdm__fail(why, TDM_FIELD_NULL, NULL, "%s", tdm_status_text(TDM_FIELD_NULL));
    tdm__fail_expected(why, "%s", name);
    tdm__fail_found(why, "null");
    tdm__fail_hint(why, "a type followed by '?' may be null");
    return TDM_FIELD_NULL;
}

bool tdm__is_null_text(const tdm__row_parser *p, tdm_str text)
{
    if (text.len == 0 || !p->null_first[(unsigned char)text.ptr[0]])
        return false;
    for (size_t i = 0; i < p->options.n_nulls; i++)
        if (tdm__str_equal(text, p->options.nulls[i]))
            return true;
    return false;
}

static tdm_status make_block(tdm__row_parser *p, tdm_error *err)
{
    p->block.column = tdm__arena_array(&p->arena, p->schema->n, tdm__column);
    p->block.place = tdm__arena_array(&p->arena, TDM__BLOCK_ROWS, tdm__row_place);
    if (!p->block.column || !p->block.place)
        return tdm__no_memory(err, "rows");
    for (size_t i = 0; i < p->schema->n; i++)
        if (!tdm__column_init(&p->block.column[i], &p->schema->field[i].type, &p->arena))
            return tdm__no_memory(err, "rows");
    return TDM_OK;
}

tdm_status tdm__row_parser_new(tdm__row_format format, const tdm_str *header, size_t n_header,
                               const tdm__schema *schema, const tdm__row_options *options, tdm__row_parser **out,
                               tdm_error *err)
{
    tdm__row_parser *p = tdm__new(tdm__row_parser);
    if (!p)
        return tdm__no_memory(err, "rows");
    p->format = format;
    p->schema = schema;
    if (options)
        p->options = *options;
    for (size_t i = 0; i < p->options.n_nulls; i++)
        if (p->options.nulls[i].len)
            p->null_first[(unsigned char)p->options.nulls[i].ptr[0]] = true;
    tdm_status s = make_block(p, err);
    if (!s)
        s = format == TDM__FORMAT_JSONL ? tdm__json_parser_new(p, err) : tdm__csv_parser_new(p, header, n_header, err);
    if (s) {
        tdm__row_parser_close(&p);
        return s;
    }
    *out = p;
    return TDM_OK;
}

const tdm_str *tdm__row_parser_ignored(const tdm__row_parser *p, size_t *n)
{
    *n = p->n_ignored;
    return p->ignored;
}

void tdm__row_parser_start(tdm__row_parser *p, const tdm__chunk *chunk)
{
    tdm__arena_reset(&p->texts);
    p->chunk = chunk;
    p->at = 0;
    p->row = chunk->first_row;
    p->line = chunk->first_line;
    p->scan = (tdm__record_scan){
        .kernels = tdm__csv_kernels_best(),
        .p = chunk->bytes.ptr,
        .n = chunk->bytes.len,
        .limit = chunk->record_max ? chunk->record_max : TDM__RECORD_BYTES_MAX,
        .all = true,
        .quotes = p->format != TDM__FORMAT_JSONL,
    };
    if (p->csv)
        tdm__csv_parser_start(p);
}

/* Moves the kept rows of a column together. */
static void close_gaps(tdm__column *c, const bool *dropped, size_t n)
{
    size_t size = tdm__kind_size(c->type.kind), to = 0;
    char *values = c->as.any;
    for (size_t from = 0; from < n; from++) {
        if (dropped[from])
            continue;
        if (to < from) {
            c->presence[to] = c->presence[from];
            memcpy(values + to * size, values + from * size, size);
        }
        to++;
    }
}

static void drop_rows(tdm__row_parser *p)
{
    tdm__row_block *b = &p->block;
    size_t to = 0;
    for (size_t i = 0; i < p->schema->n; i++)
        close_gaps(&b->column[i], p->dropped, b->n);
    for (size_t from = 0; from < b->n; from++)
        if (!p->dropped[from])
            b->place[to++] = b->place[from];
    memset(p->dropped, 0, b->n);
    b->n = to;
}

static int by_row(const void *a, const void *b)
{
    uint64_t x = ((const tdm__bad_row *)a)->place.row, y = ((const tdm__bad_row *)b)->place.row;
    return (x > y) - (x < y);
}

/* Bad rows come in two ascending runs or more, by what was found out when; they are few, or nothing else is. */
static void sort_bad(tdm__row_block *b)
{
    for (size_t i = 1; i < b->n_bad; i++)
        if (b->bad[i].place.row < b->bad[i - 1].place.row) {
            qsort(b->bad, b->n_bad, sizeof *b->bad, by_row);
            return;
        }
}

tdm_status tdm__row_parser_next(tdm__row_parser *p, const tdm__row_block **out, tdm_error *err)
{
    p->block.n = p->block.n_bad = p->n_dropped = 0;
    *out = &p->block;
    tdm_status s = p->csv ? tdm__csv_fill(p, err) : tdm__json_fill(p, err);
    if (p->n_dropped)
        drop_rows(p);
    sort_bad(&p->block);
    return s;
}

void tdm__row_parser_close(tdm__row_parser **parser)
{
    if (!parser || !*parser)
        return;
    tdm__row_parser *p = *parser;
    tdm__csv_parser_free(p);
    tdm__json_parser_free(p);
    tdm__free(p->block.bad);
    tdm__arena_free(&p->texts);
    tdm__arena_free(&p->arena);
    tdm__free(p);
    *parser = NULL;
}
