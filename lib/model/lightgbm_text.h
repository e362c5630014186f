/* Reading LightGBM's text: lines, "key=value" fields by a table of keys, lists of numbers, errors with their line.
 * Private to lightgbm_*.c. */
#ifndef TDM_MODEL_LIGHTGBM_TEXT_H
#define TDM_MODEL_LIGHTGBM_TEXT_H

#include "model/model_impl.h"

typedef struct tdm__lightgbm_text {
    const char *name; /* for messages */
    tdm_str rest;
    size_t line;      /* of the line read last; 1 is the first */
    tdm__arena *keep; /* what becomes part of the model */
    tdm__arena *scratch;
    tdm_error *err;
} tdm__lightgbm_text;

/* The value of a key, and where it stood; line 0: the key did not occur. */
typedef struct tdm__lightgbm_field {
    const char *key;
    tdm_str text;
    size_t line;
} tdm__lightgbm_field;

/* The next line without its end (LF or CRLF); false at the end of the file. */
bool tdm__lightgbm_next_line(tdm__lightgbm_text *text, tdm_str *line);
/* As above without moving on. */
bool tdm__lightgbm_peek_line(const tdm__lightgbm_text *text, tdm_str *line);

/* "name:line: what"; always TDM_MODEL. */
tdm_status tdm__lightgbm_fail(const tdm__lightgbm_text *text, size_t line, const char *what, ...) TDM_PRINTF(3, 4);
/* Puts "name:line" into an error that has no place yet. */
void tdm__lightgbm_place(const tdm__lightgbm_text *text, size_t line);

/* Takes the line's key into the field of that name; other keys are passed over. Fails on a key that comes twice. */
tdm_status tdm__lightgbm_take(tdm__lightgbm_text *text, tdm_str line, tdm__lightgbm_field *fields, size_t n);
/* Fails when the key did not occur; `line` is where its section begins. */
tdm_status tdm__lightgbm_need(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t line);

/* Words separated by spaces. */
size_t tdm__lightgbm_words(tdm_str text);
/* Takes the first word off *text; len 0 when there is none. */
tdm_str tdm__lightgbm_word(tdm_str *text);
/* Fails unless the field has exactly n words. */
tdm_status tdm__lightgbm_need_words(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t n);
/* One integer from low to high. */
tdm_status tdm__lightgbm_integer(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, int64_t low,
                                 int64_t high, int64_t *out);
/* Exactly n numbers into a new array of `arena`. Numbers may be infinite or NaN where their text says so. */
tdm_status tdm__lightgbm_f64s(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t n,
                              tdm__arena *arena, double **out);
/* Exactly n integers from low to high. */
tdm_status tdm__lightgbm_i64s(const tdm__lightgbm_text *text, const tdm__lightgbm_field *field, size_t n, int64_t low,
                              int64_t high, tdm__arena *arena, int64_t **out);

#endif
