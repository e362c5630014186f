/* The answers of a block: for each row the best rung that the release's list and the moment allow.
 *
 * The features are computed once; for each row the rungs are tried in the release's order and the first that can answer
 * does. Models run at most once a block, and only when a row wants them. A row's answer depends on that row, the as-of and
 * the state, never on its neighbours. */
#ifndef TDM_ONLINE_ANSWER_H
#define TDM_ONLINE_ANSWER_H

#include "engine/engine.h"
#include "online/error_pool.h"
#include "table/tables.h"

typedef struct tdm__answer {
    const double *prediction; /* one a prediction, valid until the worker's next block; NULL: the row has no answer */
    const tdm_error *error;   /* why it has none */
    tdm__rung rung;
    bool has_oldest_input;
    bool stale;               /* from a table that is older than its ttl */
    int64_t oldest_input_us;  /* age of the oldest input at the as-of, at least 0 */
} tdm__answer;

/* What the rungs draw on besides the worker's features. */
typedef struct tdm__answer_sources {
    const tdm_table *table;       /* the service's current one, or NULL */
    const tdm_error *table_error; /* why it could not be read; NULL when it could, or is not asked for */
    const tdm__column *const *key; /* one a part of the entity's key */
    int64_t as_of_us;
    bool has_inputs;              /* the release reads sources */
    int64_t inputs_us;            /* when the oldest of their present versions was loaded */
} tdm__answer_sources;

/* What answering needs, reused from block to block. One thread. */
typedef struct tdm__answering {
    tdm__worker *worker;
    const tdm__package *package;
    const tdm_error **reason;     /* one a row: why the first rung that failed did */
    double *from_table;           /* rows x predictions */
    tdm__buf key;
    tdm__error_pool errors;
} tdm__answering;

/* Room for `rows_max` rows, in the arena. False when out of memory. */
bool tdm__answering_init(tdm__answering *a, tdm__worker *worker, const tdm__package *package, size_t rows_max,
                         tdm__arena *arena);
void tdm__answering_free(tdm__answering *a);
/* Fills answer[0..rows) from the features that the worker has; entries are zeroed by the caller, and those that have an
 * error already are left alone. A row that no rung can answer gets TDM_UNANSWERED with the first rung's reason, from
 * a->errors, which the caller empties. Errors of the block as a whole only: TDM_NO_MEMORY, what tdm__engine_predict says. */
tdm_status tdm__answer_block(tdm__answering *a, const tdm__answer_sources *from, tdm__answer *answer, size_t rows,
                             tdm_error *err);

#endif
