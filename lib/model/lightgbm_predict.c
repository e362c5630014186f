/* The reference evaluator of LightGBM models: it defines the truth that every faster form is tested against.
 *
 * Row by row, tree by tree, in double, in the order of the file: so the sums have LightGBM's own bits. It reads the
 * rules of docs/reference/models.md as directly as C allows. For speed it does one thing: scores walk a few trees at once
 * (leaves_together), with the very rules of leaf_of, which gives the leaves themselves. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "model/lightgbm_forest.h"

/* LightGBM keeps only values beyond the zero threshold when it copies a row; the others arrive as 0.0. */
static void copy_row(const double *from, double *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = fabs(from[i]) > TDM__LIGHTGBM_ZERO || isnan(from[i]) ? from[i] : 0.0;
}

static bool goes_left_number(const tdm__lightgbm_node *node, double x)
{
    if (isnan(x) && node->missing != TDM__LIGHTGBM_MISSING_NAN)
        x = 0.0;
    bool is_zero = x >= -TDM__LIGHTGBM_ZERO && x <= TDM__LIGHTGBM_ZERO;
    if (node->missing == TDM__LIGHTGBM_MISSING_ZERO ? is_zero : isnan(x))
        return node->default_left;
    return x <= node->threshold;
}

/* Categories are truncated towards zero, so -0.5 is category 0; what is not in 0 .. 2^31 - 1 is in no set. */
static bool goes_left_category(const tdm__lightgbm_tree *tree, const tdm__lightgbm_node *node, double x)
{
    if (!(x > -1.0 && x < 2147483648.0))
        return false;
    uint32_t category = (uint32_t)(int32_t)x;
    if (category / 32 >= node->set_words)
        return false;
    return tree->set[node->set_at + category / 32] >> (category % 32) & 1;
}

static uint32_t leaf_of(const tdm__lightgbm_tree *tree, const double *row)
{
    if (tree->n_leaves == 1)
        return 0;
    int32_t at = 0;
    do {
        const tdm__lightgbm_node *node = &tree->node[at];
        double x = row[node->feature];
        bool left = node->categorical ? goes_left_category(tree, node, x) : goes_left_number(node, x);
        at = left ? node->left : node->right;
    } while (at >= 0);
    return (uint32_t)~at;
}

/* goes_left_number without a branch on what is not known beforehand: 1 or 0. */
static inline int32_t goes_left_quietly(const tdm__lightgbm_node *node, double x)
{
    int32_t is_nan = x != x;
    if (is_nan && node->missing != TDM__LIGHTGBM_MISSING_NAN) {
        x = 0.0;
        is_nan = 0;
    }
    int32_t is_zero = (x >= -TDM__LIGHTGBM_ZERO) & (x <= TDM__LIGHTGBM_ZERO);
    int32_t by_zero = -(int32_t)(node->missing == TDM__LIGHTGBM_MISSING_ZERO);
    int32_t absent = -((is_zero & by_zero) | (is_nan & ~by_zero));
    return (absent & node->default_left) | (~absent & (x <= node->threshold));
}

enum { TOGETHER = 8 };

/* The leaves of up to TOGETHER trees, a node of each in turn: what one walk waits for hides behind the others, and which way
 * a node sends a row is no branch that the processor would have to guess. */
static void leaves_together(const tdm__lightgbm_tree *tree, size_t n, const double *row, uint32_t leaf[TOGETHER])
{
    int32_t at[TOGETHER], open = 0;
    for (size_t i = 0; i < n; i++)
        at[i] = tree[i].n_leaves == 1 ? ~0 : 0;
    while (open >= 0) {
        open = -1;
        for (size_t i = 0; i < n; i++) {
            if (at[i] < 0)
                continue;
            const tdm__lightgbm_node *node = &tree[i].node[at[i]];
            double x = row[node->feature];
            int32_t left = node->categorical ? goes_left_category(&tree[i], node, x) : goes_left_quietly(node, x);
            at[i] = node->right ^ ((node->left ^ node->right) & -left);
            open = at[i] > open ? at[i] : open;
        }
    }
    for (size_t i = 0; i < n; i++)
        leaf[i] = (uint32_t)~at[i];
}

/* A linear leaf falls back to its constant value when a feature that it uses is missing. */
static double leaf_output(const tdm__lightgbm_tree *tree, uint32_t leaf, const double *row)
{
    const tdm__lightgbm_linear *linear = tree->linear;
    if (!linear)
        return tree->leaf_value[leaf];
    double sum = linear->constant[leaf];
    for (uint32_t i = linear->begin[leaf]; i < linear->begin[leaf + 1]; i++) {
        double x = row[linear->feature[i]];
        if (isnan(x))
            return tree->leaf_value[leaf];
        sum += linear->coefficient[i] * x;
    }
    return sum;
}

static void score_row(const tdm__lightgbm_forest *forest, const double *row, double *score)
{
    for (size_t k = 0; k < forest->n_outputs; k++)
        score[k] = 0.0;
    for (size_t t = 0; t < forest->n_trees; t += TOGETHER) {
        const tdm__lightgbm_tree *tree = &forest->tree[t];
        size_t n = forest->n_trees - t < TOGETHER ? forest->n_trees - t : TOGETHER;
        uint32_t leaf[TOGETHER];
        leaves_together(tree, n, row, leaf);
        for (size_t i = 0; i < n; i++)
            score[(t + i) % forest->n_outputs] += leaf_output(&tree[i], leaf[i], row);
    }
}

static void predict_row(const tdm__lightgbm_forest *forest, const double *row, double *score)
{
    score_row(forest, row, score);
    if (forest->average)
        for (size_t k = 0; k < forest->n_outputs; k++)
            score[k] /= (double)(forest->n_trees / forest->n_outputs);
    tdm__lightgbm_transform_row(&forest->objective, score, forest->n_outputs);
}

static void leaves_of_row(const tdm__lightgbm_forest *forest, const double *row, double *out)
{
    for (size_t t = 0; t < forest->n_trees; t++)
        out[t] = leaf_of(&forest->tree[t], row);
}

tdm_status tdm__lightgbm_predict(const tdm__model *model, tdm__model_output output, const double *x, size_t n,
                                 double *out, tdm__arena *scratch, tdm_error *err)
{
    const tdm__lightgbm_forest *forest = model->body;
    void (*one_row)(const tdm__lightgbm_forest *, const double *, double *) =
        output == TDM__RAW ? score_row : output == TDM__PREDICTION ? predict_row : leaves_of_row;
    size_t width = tdm__model_width(model, output);
    tdm__arena_reset(scratch);
    double *row = tdm__arena_alloc(scratch, forest->n_features * sizeof *row);
    if (!row)
        return tdm__no_memory(err, NULL);
    for (size_t i = 0; i < n; i++) {
        copy_row(x + i * forest->n_features, row, forest->n_features);
        one_row(forest, row, out + i * width);
    }
    return TDM_OK;
}
