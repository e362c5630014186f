/* Bare models, with no home and no release: what a model file is, and what it answers. */
#ifndef TANDEM_MODEL_H
#define TANDEM_MODEL_H

#include <tandem/status.h>
#include <tandem/value.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tdm_model tdm_model;

typedef enum tdm_model_output {
    TDM_OUTPUT_PREDICTION, /* what the framework's own predict() gives by default */
    TDM_OUTPUT_RAW,        /* margins, bit-equal to the framework's */
    TDM_OUTPUT_LEAF        /* index of the leaf reached in each tree */
} tdm_model_output;

typedef struct tdm_model_fact { const char *name; const char *text; } tdm_model_fact;
typedef struct tdm_model_info {
    const char *kind, *format, *objective;
    size_t n_inputs;
    const tdm_str *input;
    size_t n_outputs, n_trees, n_leaves_max;
    const tdm_model_fact *fact;
    size_t n_facts;
} tdm_model_info;

/* Loads a model file; `format` NULL finds it by content. Immutable afterwards: any thread. Errors: TDM_MODEL (where is
 * "file:line"), TDM_UNSUPPORTED (a sentence that names it), TDM_NOT_FOUND, TDM_TOO_LARGE (over 1 GiB). */
TDM_API tdm_status tdm_model_open(const char *path, const char *format, tdm_model **out, tdm_error *err);
TDM_API void tdm_model_close(tdm_model **model);
/* Lives in the model. */
TDM_API tdm_model_info tdm_model_describe(const tdm_model *model);

/* Receives output bytes as they come; a status other than TDM_OK stops the call, which returns it. */
typedef tdm_status (*tdm_write_fn)(void *self, const void *bytes, size_t n, tdm_error *err);

/* Scores the rows of a CSV or JSON lines file and writes CSV (JSON lines when `jsonl`): `prediction` (or
 * `prediction_0..k-1`), or `leaf_0..`. Columns are matched by name and read as f64; an empty field, and a column that
 * the file lacks, are what the framework calls missing (a file that has none of the model's columns is TDM_MISMATCH). A
 * row that cannot be read stops it: TDM_FIELD_TYPE and so on, where is "file:line". `columns_missing` (may be NULL) is
 * set to how many of the model's inputs the file lacks. */
TDM_API tdm_status tdm_model_predict_file(const tdm_model *model, const char *path, tdm_model_output output, bool jsonl,
                                          tdm_write_fn write, void *self, size_t *columns_missing, tdm_error *err);

#ifdef __cplusplus
}
#endif
#endif
