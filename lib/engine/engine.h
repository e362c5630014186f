/* The engine: features and models for a block of rows, under one release and one state.
 *
 * Both paths call this and nothing else, which is why their answers have the same bits: a run gives it blocks of up to
 * 1024 rows, a single answer a block of one. Each row's result depends on that row, the as-of and the state, never on
 * its neighbours or on the block's size.
 *
 * An engine is immutable and shared; each thread scores with a worker of its own, which allocates nothing once warm:
 * after blocks as large, with as many failing rows and as long texts made by expressions. */
#ifndef TDM_ENGINE_ENGINE_H
#define TDM_ENGINE_ENGINE_H

#include "release/package.h"
#include "state/state.h"

typedef struct tdm__engine tdm__engine;
typedef struct tdm__worker tdm__worker;

/* Opens every source that the package reads, as the state has it. `package` and `state` must outlive the engine.
 * TDM_NOT_FOUND when nothing was loaded into one of them; TDM_MISMATCH when a source no longer gives what was packed.
 * `state` NULL: an engine without sources, for golden rows. */
tdm_status tdm__engine_new(const tdm__package *package, const tdm__state *state, tdm__engine **out, tdm_error *err);
void tdm__engine_close(tdm__engine **engine);
const tdm__package *tdm__engine_package(const tdm__engine *engine);
/* Whether a join, an expression or a model reads a part of the entity's key. Where none does, rows may come without. */
bool tdm__engine_reads_key(const tdm__engine *engine);
/* The store of package->source[i]; NULL in an engine without sources. */
const tdm__store *tdm__engine_store(const tdm__engine *engine, size_t source);

/* A worker for blocks of at most `rows_max` rows, 1 to TDM__BLOCK_ROWS. Its memory grows with them; that of a worker for
 * few rows lies close together. */
tdm_status tdm__worker_new(const tdm__engine *engine, size_t rows_max, tdm__worker **out, tdm_error *err);
void tdm__worker_close(tdm__worker **worker);

/* What is given about a block's rows. Columns hold at least `rows` rows and live until the worker's next block. */
typedef struct tdm__engine_input {
    size_t rows;                        /* 1..rows_max of the worker */
    const tdm__column *const *key;      /* one a key part of the entity */
    const tdm__column *const *request;  /* one a package->request_slot; an entry may be NULL: missing in all rows */
    const tdm__record
        *population; /* rows of package->source[package->population]; NULL: looked up by key like any other */
    int64_t as_of_us;
} tdm__engine_input;

/* A row that has no prediction. */
typedef struct tdm__failed_row {
    uint32_t row;
    const char *stage; /* "features", "prediction" */
    tdm_error error;   /* where: the feature or the prediction */
} tdm__failed_row;

/* A block's features: fills every slot. Errors of the block as a whole only: TDM_CORRUPT, TDM_NO_MEMORY. */
tdm_status tdm__engine_features(tdm__worker *worker, const tdm__engine_input *input, tdm_error *err);
/* As above for golden row `i`: columns are given by it instead of looked up. */
tdm_status tdm__engine_golden_features(tdm__worker *worker, size_t i, tdm_error *err);

typedef enum tdm__engine_use { TDM__USE_MAIN, TDM__USE_SIMPLE } tdm__engine_use;
/* Predictions of the block whose features were filled last. MAIN uses the models that the predictions name; SIMPLE
 * takes all of them from the model named `simple`. Rows that lack a required feature (SIMPLE: one that it needs), or
 * whose output is outside the prediction schema, fail. */
tdm_status tdm__engine_predict(tdm__worker *worker, tdm__engine_use use, tdm_error *err);

/* What came of a use of the models. Valid until the worker's next block, or until the same use is asked for again. */
typedef struct tdm__engine_result {
    const double *prediction; /* rows x predictions, row-major; NaN in failed rows */
    const tdm__failed_row *failed;
    size_t n_failed;          /* by row */
} tdm__engine_result;
tdm__engine_result tdm__worker_result(const tdm__worker *worker, tdm__engine_use use);

/* Results, valid until the worker's next block. */
const double *tdm__worker_predictions(const tdm__worker *worker); /* as above, of the last use */
const tdm__failed_row *tdm__worker_failed(const tdm__worker *worker, size_t *n);
const tdm__column *tdm__worker_slot(const tdm__worker *worker, size_t slot);
/* Whether some feature of the block is older than its max_age and its last known value stands in. */
bool tdm__worker_stale(const tdm__worker *worker);
/* Features of the row that a default stood in for. */
uint32_t tdm__worker_defaulted(const tdm__worker *worker, size_t row);
/* Since the worker began, by slot: rows where a default stood in, and where there was no value (after defaults). */
const uint64_t *tdm__worker_default_counts(const tdm__worker *worker);
const uint64_t *tdm__worker_null_counts(const tdm__worker *worker);

/* Scores every golden row and compares to the bit. TDM_DIFFERS with the line, expected and found. No golden rows:
 * TDM_OK. */
tdm_status tdm__engine_check_golden(const tdm__package *package, tdm_error *err);

#endif
