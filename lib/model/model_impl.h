/* What the kinds of models share: the table entry of a kind, and a loaded model.
 *
 * A kind finds its files by content (`sniff`), loads them into the model's arena and predicts. Everything that a model
 * owns lies in that arena: closing is freeing it. A new kind is one file with a tdm__model_kind and one line in
 * model.c. */
#ifndef TDM_MODEL_MODEL_IMPL_H
#define TDM_MODEL_MODEL_IMPL_H

#include <stdbool.h>
#include "model/model.h"

enum {
    TDM__MODEL_FACTS_MAX = 48,
    TDM__MODEL_OUTPUTS_MAX = 4096 /* classes; more is a damaged file or not for one answer */
};

typedef struct tdm__model_kind {
    const char *format; /* the name for --format */
    /* Whether the bytes are this format's, by their beginning. Cheap; never reads all of them. */
    bool (*sniff)(tdm_str bytes);
    /* Fills model->info, facts and body; what it allocates lies in model->arena. On failure the arena is freed by the
     * caller. */
    tdm_status (*load)(tdm_str bytes, const char *name, tdm__model *model, tdm_error *err);
    /* As tdm__model_predict; `output` is one that the model has. */
    tdm_status (*predict)(const tdm__model *model, tdm__model_output output, const double *x, size_t n, double *out,
                          tdm__arena *scratch, tdm_error *err);
} tdm__model_kind;

struct tdm__model {
    const tdm__model_kind *kind;
    tdm__model_info info; /* info.fact is `fact` */
    tdm__model_fact fact[TDM__MODEL_FACTS_MAX];
    tdm__arena arena;
    const void *body; /* the kind's own */
};

extern const tdm__model_kind tdm__lightgbm_kind;
extern const tdm__model_kind tdm__linear_kind;

/* Adds a fact; `name` must outlive the model. One beyond the limit is dropped. False when out of memory. */
bool tdm__model_tell(tdm__model *model, const char *name, const char *format, ...) TDM_PRINTF(3, 4);
/* The first name that appears twice, or NULL; `sorted` is room for n texts. */
const tdm_str *tdm__model_twice(const tdm_str *names, size_t n, tdm_str *sorted);

#endif
