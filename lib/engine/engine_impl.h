/* The engine's and a worker's insides. Private to lib/engine. */
#ifndef TDM_ENGINE_ENGINE_IMPL_H
#define TDM_ENGINE_ENGINE_IMPL_H

#include "engine/engine.h"

struct tdm__engine {
    const tdm__package *package;
    tdm__store **store;    /* one a package source; NULL in an engine without sources */
    int *
        *store_column; /* [join][its columns]: column of the store, or -1 when the stored version did not have it yet */
    uint8_t *model_raw;    /* whether a prediction needs the model's margins */
    uint8_t *model_used;   /* whether a prediction names it with its default output */
    int64_t *loaded_us;    /* one a package source: when its present version was loaded */
    uint64_t keys_read;    /* a bit a part of the entity's key that something reads */
    int *required;         /* the slots that must have a value, ascending */
    size_t n_required;
    uint8_t *has_default;  /* one a slot; the slots themselves lie far apart */
    tdm__arena arena;
};

/* Of one use of the models. */
typedef struct tdm__worker_use {
    double *prediction;        /* rows x predictions */
    tdm__failed_row *failed;
    size_t n_failed, cap_failed;
} tdm__worker_use;

struct tdm__worker {
    const tdm__engine *engine;
    size_t rows, rows_max;
    const tdm__column **slot;  /* what expressions and models read: an own column, or the input's */
    tdm__column *own;          /* one a slot; made on first use */
    bool stale;                /* some feature's source is older than its max_age, and stands in */
    uint32_t *defaulted;       /* one a row */
    tdm__worker_use use[2];    /* by tdm__engine_use */
    tdm__worker_use *now;      /* the one at work, or the last */
    double *x;                 /* rows x inputs of the widest model */
    double *y;                 /* rows x outputs of the widest model */
    tdm__record *record;       /* one a row, of the join at work */
    tdm_str *key;
    tdm__buf key_bytes;
    uint64_t *default_count, *null_count; /* one a slot */
    uint32_t *lacks;           /* one a row: number of the required slot without a value + 1, or 0 */
    tdm__arena arena;          /* as long as the worker */
    tdm__arena scratch;        /* one block: what expressions made, texts in slots too */
    tdm__arena model_scratch;  /* a model resets its own */
};

/* The own column of a slot, made on first use; NULL when out of memory. */
tdm__column *tdm__worker_own(tdm__worker *w, int slot);
/* Fails a row in the use at work: rows in order, each once. */
tdm_status tdm__worker_fail(tdm__worker *w, size_t row, const char *stage, const tdm_error *error, tdm_error *err);
/* Begins a block: forgets failures and defaults. */
void tdm__worker_begin(tdm__worker *w, size_t rows);
/* Puts the default of a slot where its column has no value; counts. The column must be the worker's own. */
void tdm__worker_default(tdm__worker *w, int slot);

#endif
