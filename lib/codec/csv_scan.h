/* Finding where records end: byte kernels and the one automaton of CSV quoting.
 *
 * The reader (which cuts chunks) and the parser (which reads fields) ask the same automaton, so they cannot disagree
 * on what a record is. Internal to lib/codec. */
#ifndef TDM_CODEC_CSV_SCAN_H
#define TDM_CODEC_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tandem/status.h>

/* What a stretch of bytes holds, its lines not looked into. */
typedef struct tdm__lines {
    size_t ends;  /* line feeds */
    size_t blank; /* lines that are empty but for a carriage return; the stretch begins a line */
    size_t after; /* index behind the last line feed; 0 when there is none */
    bool odd;     /* some line feed has an odd number of quotes before it: a line does not hold whole records */
} tdm__lines;

/* One instruction set's loops over bytes. All give the same results; `plain` is the one to read. */
typedef struct tdm__csv_kernels {
    const char *name;
    /* The indexes of all commas, quotes and line feeds in order; `out` has room for n + 64. Returns how many.
     * Sets *ascii to whether no byte is above 127. n < 2^32. */
    size_t (*index)(const char *p, size_t n, uint32_t *out, bool *ascii);
    void (*lines)(const char *p, size_t n, tdm__lines *out);
    /* Index of the first quote or line feed at or behind `at`; n when there is none. */
    size_t (*special)(const char *p, size_t at, size_t n);
} tdm__csv_kernels;

/* The best that this machine runs. Any thread. */
const tdm__csv_kernels *tdm__csv_kernels_best(void);
/* The i-th that this machine runs, plain first; NULL behind the last. For tests and benches. */
const tdm__csv_kernels *tdm__csv_kernels_at(size_t i);

/* Bytes in which records are looked for. */
typedef struct tdm__record_scan {
    const tdm__csv_kernels *kernels;
    const char *p;
    size_t n;
    size_t limit;        /* longest record */
    bool all;            /* no byte follows the n */
    bool quotes;         /* CSV; else a record is a line */
} tdm__record_scan;

typedef struct tdm__record_span {
    size_t end, next;   /* its bytes are [at, end), the next record begins at `next` */
    size_t line_ends;   /* within [at, next) */
    bool quoted;        /* CSV: has a quote */
    bool blank;         /* an empty line, no record */
    bool unended;       /* RECORD_TOO_LONG, and its line end is not among the n bytes */
    tdm_status fault;   /* TDM_OK, TDM_CSV_QUOTE, TDM_RECORD_TOO_LONG */
    size_t fault_at;    /* TDM_CSV_QUOTE: the byte that could not follow, or where bytes ended */
} tdm__record_span;

/* The record at `at` (at < n). False when the n bytes do not tell (never with `all`, nor with more than limit bytes at
 * hand). After TDM_CSV_QUOTE the record ends at its first line end. */
bool tdm__record_at(const tdm__record_scan *scan, size_t at, tdm__record_span *out);

#endif
