/* Blocks: typed columns of 1 to 1024 rows, the shape in which data moves between modules.
 *
 * A column's arrays lie in the block's arena and are reused; presence says for each row whether the value there
 * means anything. Strings are views whose bytes live as long as the block's input (a chunk, a mapped table). */
#ifndef TDM_SCHEMA_BLOCK_H
#define TDM_SCHEMA_BLOCK_H

#include "base/memory.h"
#include "schema/type.h"

enum { TDM__BLOCK_ROWS = 1024 };

typedef struct tdm__column {
    tdm_type type;
    uint8_t *presence; /* tdm_presence, one a row */
    union {
        void *any;
        uint8_t *b; /* 0 or 1 */
        int64_t *i64;
        float *f32;
        double *f64;
        tdm_i128 *dec;
        tdm_str *str;
        int64_t *time_us;
    } as;
} tdm__column;

/* Room for TDM__BLOCK_ROWS rows of the type, all missing. 0 when out of memory. */
int tdm__column_init(tdm__column *column, const tdm_type *type, tdm__arena *arena);
/* Room for `rows` rows, 1 to TDM__BLOCK_ROWS. Columns of few rows lie close together; row 0 of columns of 1024 rows falls
 * on few sets of the cache. */
int tdm__column_init_rows(tdm__column *column, const tdm_type *type, size_t rows, tdm__arena *arena);
/* Marks the first `rows` rows missing. */
void tdm__column_clear(tdm__column *column, size_t rows);
void tdm__column_get(const tdm__column *column, size_t row, tdm_value *out);
/* The value's kind must be the column's (asserted). */
void tdm__column_set(tdm__column *column, size_t row, const tdm_value *v);

/* A named, typed field of a source, a population or a prediction schema. */
typedef struct tdm__field {
    tdm_str name;
    tdm_type type;
} tdm__field;
typedef struct tdm__schema {
    tdm__field *field;
    size_t n;
} tdm__schema;
/* Index of the field, or -1. */
int tdm__schema_find(const tdm__schema *schema, tdm_str name);
/* Appends the canonical form, one "name: type\n" a field in order. */
void tdm__schema_canonical(const tdm__schema *schema, tdm__buf *out);
/* Of names and types in order: XXH3 of each text, seeded with the hash of what stands before. It needs no memory, so it
 * cannot fail. Equal canonical forms and equal fingerprints go together. */
uint64_t tdm__schema_fingerprint(const tdm__schema *schema);
/* A field, feature, source or release name: a letter or '_', then letters, digits, '_', and '-' '.' inside; 1 to 64
 * bytes. */
bool tdm__name_valid(tdm_str name);
/* What a caller or a file may call a field of theirs: 1 to 255 bytes of UTF-8 without control characters, line
 * separators and byte order marks. Not each is a name that an expression can say. */
bool tdm__label_valid(tdm_str label);

/* Keys of one or several columns as one text, "a|b", with \| and \\ for a bar and a backslash inside a part. Appends to
 * `out`. Timestamps and numbers are written as tdm__value_format does. */
void tdm__key_join(const tdm_value *parts, size_t n, tdm__buf *out);
/* The key of a row: the columns `key` (NULL: 0 to n - 1) of a block with this schema, joined, appended to `out`.
 * TDM_KEY_MISSING when a part has no value or the key has no letters: where is the column, with expected and found. */
tdm_status tdm__key_of_row(const tdm__schema *schema, const tdm__column *columns, const int *key, size_t n, size_t row,
                           tdm__buf *out, tdm_error *err);
/* The inverse: n texts into `parts` (unescaped, in the arena). TDM_SYNTAX when the number of parts differs. */
tdm_status tdm__key_split(tdm_str key, tdm_str *parts, size_t n, tdm__arena *arena, tdm_error *err);

#endif
