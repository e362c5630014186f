/* Rows in: CSV and JSON lines as typed blocks, in two steps that different threads can take.
 *
 * A reader (one thread) cuts the stream into chunks: whole records, about 256 KiB of raw bytes, each knowing where it
 * lies. A parser (any thread, its own state) turns a chunk into blocks of up to 1024 rows by a schema. Memory is
 * bounded by the chunks in flight. A record that cannot be read or typed is an entry in the block's list of bad rows
 * and changes nothing about the others.
 *
 * CSV: a header line; RFC 4180 quoting; LF or CRLF; a byte order mark is skipped; blank lines are skipped; an empty
 * unquoted field, or a text of the source's `nulls`, is null; the same in quotes is a text for strings and null
 * otherwise; a column that is absent is missing. A quoted field that is not closed properly makes a bad record that
 * ends at its first line end, so that one stray quote cannot swallow its neighbours (csv_record.c says how far that
 * goes). JSON lines: one object a line; null is null, an absent name is missing; numbers are exact (i64 and decimals
 * are not read by way of double); duplicate names are an error. */
#ifndef TDM_CODEC_ROWS_H
#define TDM_CODEC_ROWS_H

#include "codec/stream.h"
#include "schema/block.h"

enum { TDM__CHUNK_BYTES = 256 << 10, TDM__RECORD_BYTES_MAX = 1 << 20 };

typedef enum tdm__row_format { TDM__FORMAT_AUTO, TDM__FORMAT_CSV, TDM__FORMAT_JSONL } tdm__row_format;

/* Whole records of one file. Owned by whoever holds it; reusable by the next tdm__reader_next. */
typedef struct tdm__chunk {
    tdm__buf bytes;
    uint64_t offset;     /* of bytes.ptr[0] in the decompressed stream */
    uint64_t first_row;  /* number of its first record, 1 = the first after the header */
    uint64_t first_line; /* number of its first line, 1 = the header's (CSV) */
    uint64_t index;      /* 0, 1, 2 ... in file order */
    size_t record_max;     /* longest record; 0 is TDM__RECORD_BYTES_MAX */
} tdm__chunk;
void tdm__chunk_free(tdm__chunk *chunk);

typedef struct tdm__reader tdm__reader;
/* AUTO: by the name (.csv .jsonl .ndjson, with .gz or .zst behind), else by the first byte ('{' is JSON lines). */
tdm_status tdm__reader_open(tdm__fs *fs, const char *path, tdm__row_format format, tdm__reader **out, tdm_error *err);
tdm__row_format tdm__reader_format(const tdm__reader *r);
/* The names of the CSV header in order (none for JSON lines). Duplicate names were refused at opening. */
const tdm_str *tdm__reader_header(const tdm__reader *r, size_t *n);
/* Completes an error about a column that the header lacks: what it has instead, and whether it looks like another
 * separator than the comma. */
void tdm__reader_tell_header(const tdm__reader *r, tdm_error *err);
/* Fills the chunk; its bytes.len is 0 at the end. */
tdm_status tdm__reader_next(tdm__reader *r, tdm__chunk *chunk, tdm_error *err);
void tdm__reader_progress(const tdm__reader *r, uint64_t *consumed, uint64_t *total);
void tdm__reader_close(tdm__reader **r);

/* Where a record lies, for locators. */
typedef struct tdm__row_place {
    uint64_t row;    /* 1 = first record */
    uint64_t line;   /* 1 = first line of the file */
    uint64_t offset; /* in the decompressed stream */
    tdm_str bytes;   /* the original record without its line end; a view of the chunk */
} tdm__row_place;
typedef struct tdm__bad_row {
    tdm__row_place place;
    tdm_error error; /* status is the stable code; where is the field's name or empty */
} tdm__bad_row;

/* A block of rows: n good rows in columns (schema order) with their places, and bad rows met on the way. */
typedef struct tdm__row_block {
    size_t n;
    tdm__column *column;   /* schema->n of them */
    tdm__row_place *place; /* n */
    size_t n_bad;
    tdm__bad_row *bad;     /* at most TDM__BLOCK_ROWS */
} tdm__row_block;

typedef struct tdm__row_parser tdm__row_parser;
/* Which texts stand for null beside the empty field; may be NULL. Views must outlive the parser. */
typedef struct tdm__row_options {
    const tdm_str *nulls; /* n_nulls texts for all columns */
    size_t n_nulls;
    bool unknown_is_error; /* JSON lines: a name that the schema lacks makes a bad row (FIELD_UNKNOWN); else ignored */
} tdm__row_options;
/* For chunks of files with this header (n_header 0 for JSON lines). The schema must outlive the parser. */
tdm_status tdm__row_parser_new(tdm__row_format format, const tdm_str *header, size_t n_header,
                               const tdm__schema *schema, const tdm__row_options *options, tdm__row_parser **out,
                               tdm_error *err);
/* Header names that the schema does not declare, in order: to be told once. */
const tdm_str *tdm__row_parser_ignored(const tdm__row_parser *p, size_t *n);
/* Starts on a chunk, which must stay until the last block of it was used. */
void tdm__row_parser_start(tdm__row_parser *p, const tdm__chunk *chunk);
/* The next block of the chunk; *out stays valid until the next call. out->n == 0 && out->n_bad == 0 at the end.
 * A null in a column that is not nullable is a bad row (FIELD_NULL). Missing is allowed here; it is the caller's
 * business. */
tdm_status tdm__row_parser_next(tdm__row_parser *p, const tdm__row_block **out, tdm_error *err);
void tdm__row_parser_close(tdm__row_parser **p);

/* Rows out. CSV quotes only where needed; null and missing are empty; an empty string is "". */
void tdm__csv_write_field(tdm__buf *out, tdm_str text);      /* quotes when it must */
void tdm__csv_write_header(tdm__buf *out, const tdm__schema *schema);
void tdm__csv_write_row(tdm__buf *out, const tdm_value *values, size_t n);
/* {"name":value,...}\n; missing fields are left out, null is null. */
void tdm__jsonl_write_row(tdm__buf *out, const tdm__schema *schema, const tdm_value *values);

#endif
