/* Everything that a reader and a parser say about a text, as one text: for tests that compare two ways of reading. */
#ifndef TANDEM_TESTS_ROWS_TRANSCRIPT_H
#define TANDEM_TESTS_ROWS_TRANSCRIPT_H

#include <string.h>

#include "base/fail.h"
#include "codec/rows_impl.h"

/* A text as a source of bytes, given out a few at a time. */
typedef struct text_source {
    tdm_str text;
    size_t at, step;
} text_source;

static inline tdm_status text_source_read(void *self, void *to, size_t n, size_t *got, tdm_error *err)
{
    text_source *s = self;
    (void)err;
    *got = s->text.len - s->at;
    *got = *got < n ? *got : n;
    *got = s->step && *got > s->step ? s->step : *got;
    if (*got)
        memcpy(to, s->text.ptr + s->at, *got);
    s->at += *got;
    return TDM_OK;
}

typedef struct transcript_options {
    tdm__row_format format;
    size_t chunk_bytes, record_max, step;
    const tdm__row_options *rows;
    bool values_only; /* no places: what must be equal when a text before it changes */
} transcript_options;

static inline void transcript_place(const tdm__row_place *place, const transcript_options *o, tdm__buf *out)
{
    if (!o->values_only)
        tdm__buf_printf(out, "row %llu line %llu at %llu ", (unsigned long long)place->row, (unsigned long long)place->line,
                        (unsigned long long)place->offset);
    tdm__buf_char(out, '[');
    tdm__buf_str(out, place->bytes);
    tdm__buf_char(out, ']');
}

static inline void transcript_block(const tdm__row_block *b, const tdm__schema *schema, const transcript_options *o, tdm__buf *out)
{
    size_t bad = 0;
    for (size_t row = 0; row < b->n || bad < b->n_bad;) {
        if (bad < b->n_bad && (row == b->n || b->bad[bad].place.row < b->place[row].row)) {
            const tdm__bad_row *r = &b->bad[bad++];
            tdm__buf_text(out, "bad ");
            transcript_place(&r->place, o, out);
            tdm__buf_printf(out, " %s %s\n", tdm_status_name(r->error.status), r->error.where);
            continue;
        }
        transcript_place(&b->place[row], o, out);
        for (size_t i = 0; i < schema->n; i++) {
            tdm_value v;
            tdm__column_get(&b->column[i], row, &v);
            tdm__buf_char(out, ' ');
            if (v.presence == TDM_MISSING)
                tdm__buf_text(out, "missing");
            else
                tdm__value_json(&v, out);
        }
        tdm__buf_char(out, '\n');
        row++;
    }
}

/* Appends the transcript of the whole text. The status is that of opening or reading; nothing else should fail. */
static inline tdm_status transcript(tdm_str text, const tdm__schema *schema, const transcript_options *o, tdm__buf *out, tdm_error *err)
{
    text_source from = {text, 0, o->step};
    tdm__reader_source source = {text_source_read, &from, "text", o->chunk_bytes, o->record_max};
    tdm__reader *reader = NULL;
    tdm__row_parser *parser = NULL;
    tdm__chunk chunk = {0};
    size_t n_header;
    tdm_status s = tdm__reader_open_source(&source, o->format, &reader, err);
    if (s)
        return s;
    const tdm_str *header = tdm__reader_header(reader, &n_header);
    s = tdm__row_parser_new(tdm__reader_format(reader), header, n_header, schema, o->rows, &parser, err);
    while (!s && !(s = tdm__reader_next(reader, &chunk, err)) && chunk.bytes.len > 0) {
        const tdm__row_block *block;
        tdm__row_parser_start(parser, &chunk);
        while (!(s = tdm__row_parser_next(parser, &block, err)) && block->n + block->n_bad > 0)
            transcript_block(block, schema, o, out);
    }
    tdm__row_parser_close(&parser);
    tdm__reader_close(&reader);
    tdm__chunk_free(&chunk);
    return s;
}

#endif
