/* A JSON scanner that its caller directs: no tree, no events, one pass.
 *
 * The caller knows what should come and asks for it; what is not that gets an error with the place. Strict RFC 8259
 * beside one thing that is said: numbers that tensors may hold as bare words (`words`). Depth is bounded by
 * TDM__JSON_DEPTH_MAX for values that are skipped; what is asked for has the depth that the caller asks for.
 * JSON lines of files (jsonl_rows.c), questions to the server and tensors all read through this one. */
#ifndef TDM_CODEC_JSON_SCAN_H
#define TDM_CODEC_JSON_SCAN_H

#include "base/memory.h"
#include "base/text.h"
#include "schema/block.h"

enum { TDM__JSON_DEPTH_MAX = 32 };

typedef struct tdm__json_scan {
    const char *begin, *at, *end;
    tdm__arena *texts;  /* where texts with escapes are unescaped to */
    tdm_error *err;
    const char *within; /* "record": errors say "at byte 14 of the record"; NULL: of all bytes */
    bool words;         /* NaN, Infinity and -Infinity are values too, where any value or a float is read */
} tdm__json_scan;

/* Checks that all of it is valid UTF-8 (ASCII goes 8 bytes at a time) and puts the scanner before the first value.
 * TDM_TEXT_ENCODING with the byte's place. The bytes, the arena and err outlive the scan; `within` and `words` are
 * unset and may be set by the caller. */
tdm_status tdm__json_begin_scan(tdm__json_scan *scan, tdm_str bytes, tdm__arena *texts, tdm_error *err);
/* Nothing but space may follow. */
tdm_status tdm__json_end_scan(tdm__json_scan *scan);
/* An error at the place `at` (NULL: the present one): "WHAT, at byte N", the first is 1, found the byte there. Always
 * TDM_JSON_SYNTAX. */
tdm_status tdm__json_fault(tdm__json_scan *scan, const char *at, const char *what);

/* What begins at the next byte that is no space: '{' '[' '"' '0' (a number) 't' 'f' 'n', or 0 for anything else and the
 * end. Moves over the space only. */
char tdm__json_peek(tdm__json_scan *scan);

/* Objects: after tdm__json_open(scan, '{'), call tdm__json_next_name until *more is false; between calls take or skip
 * exactly one value. Lists: tdm__json_open(scan, '['), then tdm__json_next_item likewise. `first` is true for the first
 * call and set to false by it. Twice the same name is the caller's business (tdm__json_twice makes the error). */
tdm_status tdm__json_open(tdm__json_scan *scan, char bracket);
tdm_status tdm__json_next_name(tdm__json_scan *scan, bool *first, tdm_str *name, bool *more);
tdm_status tdm__json_next_item(tdm__json_scan *scan, bool *first, bool *more);
tdm_status tdm__json_twice(tdm__json_scan *scan, tdm_str name);

/* One value of the kind asked for; a value of another kind is TDM_FIELD_TYPE with expected and found, and where is left
 * to the caller. After TDM_FIELD_TYPE, TDM_FIELD_RANGE and TDM_FIELD_NULL the scanner stands behind the value, so that
 * the caller can go on; after any other error it may stand anywhere. tdm__json_open does the same for its brackets.
 * Texts are views of the bytes, or lie in scan->texts when they had escapes. */
tdm_status tdm__json_take_text(tdm__json_scan *scan, tdm_str *out);
tdm_status tdm__json_take_bool(tdm__json_scan *scan, bool *out);
/* The number's text, its syntax checked. */
tdm_status tdm__json_take_number(tdm__json_scan *scan, tdm_str *out);
/* An integer: no point, no exponent. TDM_FIELD_RANGE outside [low, high]. */
tdm_status tdm__json_take_i64(tdm__json_scan *scan, int64_t low, int64_t high, int64_t *out);
/* A number correctly rounded, the same bits as tdm__parse_f64's, in one pass unless it has more than 19 digits.
 * TDM_FIELD_RANGE when it overflows. `words`: null is NaN, and NaN, Infinity and -Infinity are taken as bare words. */
tdm_status tdm__json_take_f64(tdm__json_scan *scan, bool words, double *out);
/* True when a null was there, and takes it. */
bool tdm__json_take_null(tdm__json_scan *scan);
/* A value for row `row` of a column, by the column's type, with the rules of JSON lines (rows.h): sets value and
 * presence. TDM_FIELD_TYPE, TDM_FIELD_RANGE, TDM_FIELD_NULL with expected and found; where is left to the caller. */
tdm_status tdm__json_take_value(tdm__json_scan *scan, tdm__column *column, size_t row);
/* Any value. Names inside are checked to be texts; twice the same is not noticed. */
tdm_status tdm__json_skip(tdm__json_scan *scan);

/* A table of names: which number has this one? Immutable once made; any thread. */
typedef struct tdm__names_index {
    const tdm_str *name;
    size_t n, mask;
    const int32_t *at;  /* number + 1; 0 is free */
    bool repeats;       /* some names are equal: no guess is trusted */
} tdm__names_index;
/* The names stay the caller's. Of equal names the first counts. False when out of memory. */
bool tdm__names_index_make(tdm__names_index *index, const tdm_str *name, size_t n, tdm__arena *arena);
/* The number of the name, or -1. `guess` is looked at first: callers tend to keep one order. */
int tdm__names_index_find(const tdm__names_index *index, tdm_str name, size_t guess);

#endif
