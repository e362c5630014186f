/* What `tandem model check` tells of a LightGBM model: counted once at load, kept as names and texts. */
#include <math.h>

#include "base/number.h"
#include "model/lightgbm_forest.h"

typedef struct count {
    size_t leaves, leaves_max, depth, single, linear, categorical, missing[3], odd_leaves, used;
    double shrinkage_low, shrinkage_high;
} count;

static void count_tree(const tdm__lightgbm_tree *tree, count *c, uint8_t *used)
{
    c->leaves += tree->n_leaves;
    c->leaves_max = c->leaves_max < tree->n_leaves ? tree->n_leaves : c->leaves_max;
    c->depth = c->depth < tree->depth ? tree->depth : c->depth;
    c->single += tree->n_leaves == 1;
    c->linear += tree->linear != NULL;
    c->shrinkage_low = fmin(c->shrinkage_low, tree->shrinkage);
    c->shrinkage_high = fmax(c->shrinkage_high, tree->shrinkage);
    for (size_t i = 0; i < tree->n_leaves; i++)
        c->odd_leaves += !isfinite(tree->leaf_value[i]);
    for (size_t i = 0; i + 1 < tree->n_leaves; i++) {
        used[tree->node[i].feature] = 1;
        c->categorical += tree->node[i].categorical;
        c->missing[tree->node[i].missing] += !tree->node[i].categorical;
    }
    for (size_t i = 0; tree->linear && i < tree->linear->begin[tree->n_leaves]; i++)
        used[tree->linear->feature[i]] = 1;
}

/* The first few unused features by name. */
static bool tell_unused(tdm__model *model, const uint8_t *used, size_t n_unused)
{
    tdm__buf b = {0};
    size_t told = 0;
    for (size_t i = 0; i < model->info.n_inputs && told < 8; i++) {
        if (used[i])
            continue;
        if (told++)
            tdm__buf_text(&b, ", ");
        tdm__buf_str(&b, model->info.input[i]);
    }
    if (n_unused > told)
        tdm__buf_printf(&b, ", and %zu more", n_unused - told);
    const char *text = tdm__buf_z(&b);
    bool ok = text && tdm__model_tell(model, "features unused", "%s", text);
    tdm__buf_free(&b);
    return ok;
}

static bool tell_shrinkage(tdm__model *model, const count *c)
{
    char low[32], high[32];
    tdm__format_f64(c->shrinkage_low, low);
    tdm__format_f64(c->shrinkage_high, high);
    if (c->shrinkage_low == c->shrinkage_high)
        return tdm__model_tell(model, "shrinkage", "%s", low);
    return tdm__model_tell(model, "shrinkage", "%s to %s", low, high);
}

static bool tell(tdm__model *model, const tdm__lightgbm_forest *forest, const count *c)
{
    return tdm__model_tell(model, "iterations", "%zu", forest->n_trees / forest->n_outputs) &&
           tdm__model_tell(model, "leaves", "%zu in all, %zu at most in a tree", c->leaves, c->leaves_max) &&
           tdm__model_tell(model, "depth", "%zu at most", c->depth) &&
           tdm__model_tell(model, "features used", "%zu of %zu", c->used, forest->n_features) &&
           tdm__model_tell(model, "missing rules", "%zu splits by NaN, %zu by zero, %zu none",
                           c->missing[TDM__LIGHTGBM_MISSING_NAN],
                           c->missing[TDM__LIGHTGBM_MISSING_ZERO], c->missing[TDM__LIGHTGBM_MISSING_NONE]) &&
           tell_shrinkage(model, c) &&
           (!c->categorical || tdm__model_tell(model, "categorical splits", "%zu", c->categorical)) &&
           (!c->linear || tdm__model_tell(model, "linear trees", "%zu", c->linear)) &&
           (!c->single || tdm__model_tell(model, "trees of one leaf", "%zu", c->single)) &&
           (!forest->average || tdm__model_tell(model, "average", "the prediction is of the mean over iterations")) &&
           (!c->odd_leaves || tdm__model_tell(model, "leaf values not finite", "%zu", c->odd_leaves));
}

bool tdm__lightgbm_tell(tdm__model *model, const tdm__lightgbm_forest *forest)
{
    uint8_t *used = tdm__zalloc(forest->n_features, 1);
    count c = {.shrinkage_low = INFINITY, .shrinkage_high = -INFINITY};
    if (!used)
        return false;
    for (size_t t = 0; t < forest->n_trees; t++)
        count_tree(&forest->tree[t], &c, used);
    for (size_t i = 0; i < forest->n_features; i++)
        c.used += used[i];
    model->info.n_leaves_max = c.leaves_max;
    bool ok = tell(model, forest, &c) &&
              (c.used == forest->n_features || tell_unused(model, used, forest->n_features - c.used));
    tdm__free(used);
    return ok;
}
