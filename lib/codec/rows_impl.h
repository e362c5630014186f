/* What the files behind rows.h share: a reader on any source of bytes and with any sizes, and the parser's parts. */
#ifndef TDM_CODEC_ROWS_IMPL_H
#define TDM_CODEC_ROWS_IMPL_H

#include "codec/csv_scan.h"
#include "codec/rows.h"

/* Bytes of a too long record that its bad row keeps. */
enum { TDM__RECORD_BYTES_KEPT = 4096 };

/* Where a reader's bytes come from, and its sizes. */
typedef struct tdm__reader_source {
    /* As tdm__stream_read. */
    tdm_status (*read)(void *self, void *to, size_t n, size_t *got, tdm_error *err);
    void *self;
    const char *name;   /* of the file; copied */
    size_t chunk_bytes; /* about how much to a chunk, >= 1 */
    size_t record_max;  /* longest record, >= 1 */
} tdm__reader_source;
/* As tdm__reader_open; the source must outlive the reader. */
tdm_status tdm__reader_open_source(const tdm__reader_source *source, tdm__row_format format, tdm__reader **out,
                                   tdm_error *err);

typedef struct tdm__csv_parser tdm__csv_parser;
typedef struct tdm__json_parser tdm__json_parser;

struct tdm__row_parser {
    tdm__row_format format;
    const tdm__schema *schema;
    tdm__row_options options;
    bool null_first[256]; /* first bytes of options.nulls */
    tdm__arena arena;     /* the parser's own parts: columns, places, plans */
    tdm__arena texts;     /* unescaped strings; lives as long as the chunk */
    const tdm__chunk *chunk;
    tdm__record_scan scan; /* over the chunk's bytes */
    size_t at;             /* next byte to read */
    uint64_t row, line;    /* of the record there */
    tdm__row_block block;
    size_t bad_cap;
    bool dropped[TDM__BLOCK_ROWS]; /* rows of the block that are bad after all */
    size_t n_dropped;
    tdm_str *ignored;
    size_t n_ignored;
    tdm__csv_parser *csv;
    tdm__json_parser *json;
};

/* The record that `span` found at p->at: its place; p moves behind it. */
tdm__row_place tdm__take_record(tdm__row_parser *p, const tdm__record_span *span);
/* Adds a bad row whose error is filled by the caller: NULL when out of memory. */
tdm_error *tdm__add_bad(tdm__row_parser *p, const tdm__row_place *place);
/* Adds the bad row of a record that the scan found faulty. */
tdm_status tdm__add_faulty(tdm__row_parser *p, const tdm__row_place *place, const tdm__record_span *span,
                           tdm_error *err);
/* Gives up row `row` of the block being filled, since its field `field` (schema index) is at fault as `why` says.
 * False when out of memory. */
bool tdm__drop_row(tdm__row_parser *p, size_t row, size_t field, const tdm_error *why);
/* Fills `why` for a null where the field's type allows none. */
tdm_status tdm__null_fault(const tdm_type *type, tdm_error *why);
/* Whether a text stands for null. */
bool tdm__is_null_text(const tdm__row_parser *p, tdm_str text);

/* The formats: made once, told of each chunk, and asked to fill p->block until it is full or the chunk ends. */
tdm_status tdm__csv_parser_new(tdm__row_parser *p, const tdm_str *header, size_t n_header, tdm_error *err);
void tdm__csv_parser_start(tdm__row_parser *p);
tdm_status tdm__csv_fill(tdm__row_parser *p, tdm_error *err);
void tdm__csv_parser_free(tdm__row_parser *p);
tdm_status tdm__json_parser_new(tdm__row_parser *p, tdm_error *err);
tdm_status tdm__json_fill(tdm__row_parser *p, tdm_error *err);
void tdm__json_parser_free(tdm__row_parser *p);

/* Splits a well-formed CSV record that has quotes into fields, one call each. *at moves behind the field's comma, or to
 * end + 1 behind the last. */
typedef struct tdm__csv_field {
    tdm_str text; /* inside the quotes, doubled quotes still doubled */
    bool quoted, doubled;
} tdm__csv_field;
void tdm__csv_next_field(const char *p, size_t end, size_t *at, tdm__csv_field *out);
/* The text with each doubled quote made one, in the arena; ptr NULL when out of memory. */
tdm_str tdm__csv_undouble(tdm_str text, tdm__arena *arena);

#endif
