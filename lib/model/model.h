/* Models: one interface over all kinds; each kind has a plain reference evaluator that defines the truth.
 *
 * A loaded model is immutable; any number of threads predict with it at once, each with its own scratch. */
#ifndef TDM_MODEL_MODEL_H
#define TDM_MODEL_MODEL_H

#include "base/memory.h"
#include "base/text.h"

typedef struct tdm__model tdm__model;

typedef enum tdm__model_output {
    TDM__RAW,        /* margins, before the objective's transform: bit-equal to the framework's */
    TDM__PREDICTION, /* what the framework's own predict() gives by default */
    TDM__LEAF        /* index of the leaf reached, one per tree; TDM_UNSUPPORTED for kinds without trees */
} tdm__model_output;

/* One line of what `tandem model check` prints: a name and a text. */
typedef struct tdm__model_fact { const char *name; const char *text; } tdm__model_fact;

typedef struct tdm__model_info {
    const char *kind;            /* "lightgbm", "linear", "logistic", "softmax" */
    const char *format;          /* "LightGBM text v4" */
    const char *objective;       /* as the file says: "binary sigmoid:1" */
    size_t n_inputs;
    const tdm_str *input;        /* names, the file's own, in its order */
    size_t n_outputs;            /* columns of RAW and PREDICTION: classes */
    size_t n_leaves_out;         /* columns of LEAF: trees used; 0 when not supported */
    size_t n_trees, n_leaves_max;
    const tdm__model_fact *fact; /* what else is worth telling: iterations, missing rules, training parameters */
    size_t n_facts;
} tdm__model_info;

/* Reads a model from the bytes of its file; the format is found by content. `name` is for messages. The bytes may be
 * freed afterwards. Errors: TDM_MODEL (where "name:line", what, expected, found), TDM_UNSUPPORTED (a sentence that
 * names what is not supported), TDM_NO_MEMORY. `format` NULL or a name from tdm__model_formats: then it must be
 * that. */
tdm_status tdm__model_load(tdm_str bytes, const char *name, const char *format, tdm__model **out, tdm_error *err);
/* Frees it and sets NULL. NULL and a pointer to NULL are allowed. */
void tdm__model_close(tdm__model **model);
/* The names of the formats ("lightgbm", "linear"), for --format and its help. */
const char *const *tdm__model_formats(size_t *n);
/* Names, counts and facts; they live as long as the model. */
const tdm__model_info *tdm__model_info_of(const tdm__model *model);
/* Columns of the output: n_outputs or n_leaves_out. */
size_t tdm__model_width(const tdm__model *model, tdm__model_output output);

/* Scores n rows. `x` is row-major, n x n_inputs doubles; NaN is what the framework calls missing. `out` is row-major,
 * n x width. `scratch` may be reset by the callee; it is warm after one call and allocates nothing then.
 * Errors: TDM_UNSUPPORTED (leaf of a kind without trees), TDM_NO_MEMORY. Each row's result depends on that row only. */
tdm_status tdm__model_predict(const tdm__model *model, tdm__model_output output, const double *x, size_t n, double *out,
                              tdm__arena *scratch, tdm_error *err);

#endif
