/* One answer: the best rung that the release's list and the moment allow.
 *
 * The features are computed once; the rungs are tried in the release's order and the first that can answer does. */
#ifndef TDM_ONLINE_ANSWER_H
#define TDM_ONLINE_ANSWER_H

#include "engine/engine.h"
#include "table/tables.h"

typedef struct tdm__answer {
    tdm__rung rung;
    double *prediction;      /* one a prediction, the caller's */
    bool has_oldest_input;
    int64_t oldest_input_us; /* age of the oldest input at the as-of, at least 0 */
    bool stale;              /* from a table that is older than its ttl */
} tdm__answer;

/* What the rungs draw on besides the worker's features of row 0. */
typedef struct tdm__answer_sources {
    const tdm_table *table;  /* the service's current one, or NULL */
    const tdm_error *table_error; /* why it could not be read; NULL when it could, or is not asked for */
    tdm_str key;
    int64_t as_of_us;
    bool has_inputs;         /* the release reads sources */
    int64_t inputs_us;       /* when the oldest of their present versions was loaded */
} tdm__answer_sources;

/* TDM_UNANSWERED when no rung can answer; the error is that of the first rung's failure. */
tdm_status tdm__answer_row(tdm__worker *worker, const tdm__package *package, const tdm__answer_sources *from,
                           tdm__answer *out, tdm_error *err);

#endif
