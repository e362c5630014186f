/* A LightGBM model as read and validated: what the evaluators walk over. Private to lightgbm_*.c.
 *
 * Invariants, made by lightgbm_tree.c and relied on without a check afterwards: from node 0 each node and each leaf of
 * a tree is reached exactly once; features are below n_features; a categorical node's words lie inside tree->set;
 * n_trees is a multiple of n_outputs. Tree t belongs to output t % n_outputs. */
#ifndef TDM_MODEL_LIGHTGBM_FOREST_H
#define TDM_MODEL_LIGHTGBM_FOREST_H

#include <stdbool.h>
#include <stdint.h>
#include "model/model_impl.h"

/* When a numerical split sends a value by its default direction instead of comparing it. */
typedef enum tdm__lightgbm_missing {
    TDM__LIGHTGBM_MISSING_NONE, /* never; NaN counts as 0.0 */
    TDM__LIGHTGBM_MISSING_ZERO, /* |x| <= 1e-35f, and NaN, which counts as 0.0 */
    TDM__LIGHTGBM_MISSING_NAN   /* NaN */
} tdm__lightgbm_missing;

typedef struct tdm__lightgbm_node {
    double threshold;     /* numerical: x <= threshold goes left */
    int32_t feature;
    int32_t left, right;  /* a node of this tree, or ~leaf when negative */
    uint32_t set_at;      /* categorical: the first of its words in tree->set; a member goes left */
    uint32_t set_words;
    uint8_t missing;      /* tdm__lightgbm_missing */
    bool default_left;
    bool categorical;
} tdm__lightgbm_node;

/* The linear functions in a tree's leaves: constant + sum of coefficient * x over terms begin[leaf] .. begin[leaf +
 * 1]. */
typedef struct tdm__lightgbm_linear {
    const double *constant;
    const uint32_t *begin; /* n_leaves + 1 */
    const double *coefficient;
    const int32_t *feature;
} tdm__lightgbm_linear;

typedef struct tdm__lightgbm_tree {
    uint32_t n_leaves, depth;
    const tdm__lightgbm_node *node; /* n_leaves - 1 */
    const double *leaf_value;
    const uint32_t *set;            /* bit sets of categories, 32 a word */
    const tdm__lightgbm_linear *linear; /* NULL: the leaf's value is the tree's */
    double shrinkage;               /* already in the leaves; told, not used */
} tdm__lightgbm_tree;

typedef enum tdm__lightgbm_transform {
    TDM__LIGHTGBM_IDENTITY,
    TDM__LIGHTGBM_SIGNED_SQUARE, /* sign(s) s^2: regression of square roots */
    TDM__LIGHTGBM_EXP,
    TDM__LIGHTGBM_SIGMOID,       /* 1 / (1 + exp(-a s)), each output on its own */
    TDM__LIGHTGBM_SOFTMAX,
    TDM__LIGHTGBM_LOG1P_EXP
} tdm__lightgbm_transform;

typedef struct tdm__lightgbm_objective {
    tdm__lightgbm_transform transform;
    double sigmoid;     /* a of the sigmoid */
    uint32_t n_classes; /* what the objective's line says; 0: any, 1: one output */
} tdm__lightgbm_objective;

typedef struct tdm__lightgbm_forest {
    size_t n_features, n_outputs, n_trees;
    tdm__lightgbm_tree *tree;
    tdm__lightgbm_objective objective;
    bool average; /* random forest: the prediction is of the mean over iterations; the raw score stays the sum */
} tdm__lightgbm_forest;

/* LightGBM's zero threshold is the float 1e-35f, widened. */
#define TDM__LIGHTGBM_ZERO ((double)1e-35f)

/* Reads an objective's line ("binary sigmoid:1"); an empty one is a custom objective. Words that it does not know are
 * passed over, as LightGBM does. Errors: TDM_UNSUPPORTED (an unknown objective), TDM_MODEL; where is left to the
 * caller. */
tdm_status tdm__lightgbm_objective_parse(tdm_str line, tdm__lightgbm_objective *out, tdm_error *err);
/* Turns n raw scores of one row into predictions, in place. */
void tdm__lightgbm_transform_row(const tdm__lightgbm_objective *objective, double *score, size_t n);

tdm_status tdm__lightgbm_load(tdm_str bytes, const char *name, tdm__model *model, tdm_error *err);
tdm_status tdm__lightgbm_predict(const tdm__model *model, tdm__model_output output, const double *x, size_t n,
                                 double *out, tdm__arena *scratch, tdm_error *err);
/* What `tandem model check` tells of a forest. False when out of memory. */
bool tdm__lightgbm_tell(tdm__model *model, const tdm__lightgbm_forest *forest);

#endif
