/* Expressions: compiled once per release, evaluated over blocks of 1 to 1024 rows by one code.
 *
 * One row and a thousand give the same bits because there is one loop per operation and no arithmetic that depends on
 * the block's size. Types are checked when compiling; every edge (division by zero, overflow, domain) has one
 * documented result (docs/reference/expressions.md). A compiled expression is immutable; any number of threads
 * evaluate it, each with its own arena. */
#ifndef TDM_FEATURE_EXPRESSION_H
#define TDM_FEATURE_EXPRESSION_H

#include "base/fail.h"
#include "schema/block.h"
#include "schema/instant.h"

typedef struct tdm__expression tdm__expression;

/* A table shipped with the release, for lookup(): key -> value, each of one type. Find gets a present key and sets *out
 * (TDM_MISSING when the key is not there); any thread. */
typedef struct tdm__lookup_table {
    tdm_str name;
    tdm_type key, value;
    void (*find)(const void *self, const tdm_value *key, tdm_value *out);
    const void *self;
} tdm__lookup_table;

/* What names mean while compiling. Names may hold one dot ("schedule.origin"). The expression keeps pointers to the
 * lookup tables and zones that it uses: they outlive it. The scope itself, its names and the text need not. */
typedef struct tdm__expression_scope {
    void *self;
    /* Slot number of a name and its type; -1 when unknown. */
    int (*slot)(void *self, tdm_str name, tdm_type *type);
    /* All names, for "did you mean". */
    const char *const *names;
    size_t n_names;
    const tdm__lookup_table *lookups;
    size_t n_lookups;
    /* A zone by name; NULL with err filled when there is none. */
    const tdm__zone *(*zone)(void *self, tdm_str name, tdm_error *err);
} tdm__expression_scope;

/* Compiles into the arena. TDM_EXPRESSION with err (and, when not NULL, *at = byte offset of the fault in text), or
 * TDM_NO_MEMORY; what the arena got by then stays in it. err->where is left to the caller, who knows the file. */
tdm_status tdm__expression_compile(tdm_str text, const tdm__expression_scope *scope, tdm__arena *arena,
                                   tdm__expression **out, size_t *at, tdm_error *err);
/* Nullable when any row can give null, provided that names whose type is not nullable are always present. The unit is
 * kept for a name alone. */
tdm_type tdm__expression_type(const tdm__expression *e);
/* The slots it reads, ascending, without duplicates. */
const int *tdm__expression_slots(const tdm__expression *e, size_t *n);
/* Whether it reads the as-of instant (age(), as_of()). */
bool tdm__expression_reads_as_of(const tdm__expression *e);
/* Evaluates rows [0, rows) of the slots (an array of column pointers indexed by slot; only those that it reads need be
 * set) into `out`, a column of the expression's type that is none of the slots. Registers and texts made on the way lie
 * in `arena`; texts may also be views of the bytes of slots, tables or the expression. rows is 1 to TDM__BLOCK_ROWS.
 * Cannot fail but
 * for memory (TDM_NO_MEMORY, `out` is then undefined): data errors are results (null). */
tdm_status tdm__expression_eval(const tdm__expression *e, const tdm__column *const *slots, size_t rows,
                                int64_t as_of_us, tdm__arena *arena, tdm__column *out, tdm_error *err);

/* The table of functions, for docs and help. */
typedef struct tdm__function_doc { const char *name, *signature, *text, *edges; } tdm__function_doc;
const tdm__function_doc *tdm__function_docs(size_t *n);

#endif
