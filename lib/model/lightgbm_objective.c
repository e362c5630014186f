/* LightGBM's objectives: from the line in the file to the transform of raw scores.
 *
 * The table is the whole list; what is not in it is refused by name. Transforms are LightGBM's formulas operation by
 * operation in double, with base/exact.h's exp and log1p in place of the C library's: see docs/reference/models.md for
 * the distance. */
#include <string.h>

#include "base/exact.h"
#include "base/fail.h"
#include "base/number.h"
#include "model/lightgbm_forest.h"

enum { SQRT = 1, NEEDS_SIGMOID = 2, NEEDS_CLASSES = 4, ANY_OUTPUTS = 8 };

static const struct {
    const char *name;
    tdm__lightgbm_transform transform;
    unsigned flags;
} objectives[] = {
    /* a word `sqrt` makes these predict sign(s) s^2; huber switches that off */
    {"regression", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"regression_l2", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"l2", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"mean_squared_error", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"mse", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"l2_root", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"root_mean_squared_error", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"rmse", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"regression_l1", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"l1", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"mean_absolute_error", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"mae", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"fair", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"quantile", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"mape", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"mean_absolute_percentage_error", TDM__LIGHTGBM_IDENTITY, SQRT},
    {"huber", TDM__LIGHTGBM_IDENTITY, 0},
    {"poisson", TDM__LIGHTGBM_EXP, 0},
    {"gamma", TDM__LIGHTGBM_EXP, 0},
    {"tweedie", TDM__LIGHTGBM_EXP, 0},
    {"binary", TDM__LIGHTGBM_SIGMOID, NEEDS_SIGMOID},
    {"cross_entropy", TDM__LIGHTGBM_SIGMOID, 0},
    {"xentropy", TDM__LIGHTGBM_SIGMOID, 0},
    {"cross_entropy_lambda", TDM__LIGHTGBM_LOG1P_EXP, 0},
    {"xentlambda", TDM__LIGHTGBM_LOG1P_EXP, 0},
    {"multiclass", TDM__LIGHTGBM_SOFTMAX, NEEDS_CLASSES},
    {"softmax", TDM__LIGHTGBM_SOFTMAX, NEEDS_CLASSES},
    {"multiclassova", TDM__LIGHTGBM_SIGMOID, NEEDS_CLASSES | NEEDS_SIGMOID},
    {"multiclass_ova", TDM__LIGHTGBM_SIGMOID, NEEDS_CLASSES | NEEDS_SIGMOID},
    {"ova", TDM__LIGHTGBM_SIGMOID, NEEDS_CLASSES | NEEDS_SIGMOID},
    {"ovr", TDM__LIGHTGBM_SIGMOID, NEEDS_CLASSES | NEEDS_SIGMOID},
    {"lambdarank", TDM__LIGHTGBM_IDENTITY, 0},
    {"rank_xendcg", TDM__LIGHTGBM_IDENTITY, 0},
    {"xendcg", TDM__LIGHTGBM_IDENTITY, 0},
    {"xe_ndcg", TDM__LIGHTGBM_IDENTITY, 0},
    {"xe_ndcg_mart", TDM__LIGHTGBM_IDENTITY, 0},
    {"xendcg_mart", TDM__LIGHTGBM_IDENTITY, 0},
    {"custom", TDM__LIGHTGBM_IDENTITY, ANY_OUTPUTS},
    {"none", TDM__LIGHTGBM_IDENTITY, ANY_OUTPUTS},
    {"null", TDM__LIGHTGBM_IDENTITY, ANY_OUTPUTS},
    {"na", TDM__LIGHTGBM_IDENTITY, ANY_OUTPUTS},
};
enum { OBJECTIVES = sizeof objectives / sizeof *objectives };

/* The value of the last word "key:value"; ptr NULL when there is none. */
static tdm_str word_value(tdm_str line, const char *key)
{
    tdm_str found = {NULL, 0};
    while (line.ptr) {
        tdm_str value, word = tdm__str_cut(line, ' ', &line);
        tdm_str name = tdm__str_cut(word, ':', &value);
        if (value.ptr && tdm__str_is(name, key))
            found = value;
    }
    return found;
}

static bool has_word(tdm_str line, const char *wanted)
{
    while (line.ptr)
        if (tdm__str_is(tdm__str_cut(line, ' ', &line), wanted))
            return true;
    return false;
}

/* LightGBM reads the sigmoid's parameter with a parser of its own that adds the parts before and after the point, each
 * rounded. "12.3457" so becomes a neighbour of the nearest double, and we must use the same one. Plain decimals only
 * have this shape; an exponent is read by scaling, exactly so for the few digits that LightGBM writes. */
static bool read_sigmoid(tdm_str text, double *out)
{
    double correct, whole, fraction;
    if (!tdm__parse_f64(text, &correct, NULL) || !(correct > 0.0 && correct <= 1e30))
        return false;
    *out = correct;
    tdm_str digits, before = tdm__str_cut(text, '.', &digits);
    if (!digits.ptr || digits.len == 0 || digits.len > 15 || !tdm__parse_f64(before, &whole, NULL))
        return true;
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return true;
    double scale = 1.0;
    for (size_t i = 0; i < digits.len; i++)
        scale *= 10.0;
    if (tdm__parse_f64(digits, &fraction, NULL))
        *out = whole + fraction / scale;
    return true;
}

static tdm_status bad_word(tdm_error *err, tdm_str line, const char *word, const char *expected)
{
    tdm_status s = tdm__fail(err, TDM_MODEL, NULL, "the objective needs a valid word '%s:'", word);
    tdm__fail_expected(err, "%s", expected);
    tdm__fail_found_text(err, line);
    return s;
}

static tdm_status unknown(tdm_error *err, tdm_str name)
{
    const char *names[OBJECTIVES];
    for (size_t i = 0; i < OBJECTIVES; i++)
        names[i] = objectives[i].name;
    tdm_status s = tdm__fail(err, TDM_UNSUPPORTED, NULL, "this LightGBM objective is not supported");
    tdm__fail_found_text(err, name);
    const char *near = tdm__nearest(name, names, OBJECTIVES);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    return s;
}

tdm_status tdm__lightgbm_objective_parse(tdm_str line, tdm__lightgbm_objective *out, tdm_error *err)
{
    tdm_str rest, name = tdm__str_cut(tdm__str_trim(line), ' ', &rest);
    size_t i = 0;
    while (i < OBJECTIVES && !tdm__str_is(name, objectives[i].name))
        i++;
    if (i == OBJECTIVES)
        return unknown(err, name);
    *out = (tdm__lightgbm_objective){objectives[i].transform, 1.0, objectives[i].flags & ANY_OUTPUTS ? 0 : 1};
    if (objectives[i].flags & SQRT && has_word(rest, "sqrt"))
        out->transform = TDM__LIGHTGBM_SIGNED_SQUARE;
    if (objectives[i].flags & NEEDS_SIGMOID && !read_sigmoid(word_value(rest, "sigmoid"), &out->sigmoid))
        return bad_word(err, line, "sigmoid", "a positive number");
    if (objectives[i].flags & NEEDS_CLASSES) {
        int64_t n = 0;
        if (!tdm__parse_i64(word_value(rest, "num_class"), &n, NULL) || n < 1 || n > TDM__MODEL_OUTPUTS_MAX)
            return bad_word(err, line, "num_class", "1 to 4096");
        out->n_classes = (uint32_t)n;
    }
    return TDM_OK;
}

static void softmax(double *score, size_t n)
{
    double max = score[0], sum = 0.0;
    for (size_t i = 1; i < n; i++)
        max = max < score[i] ? score[i] : max;
    for (size_t i = 0; i < n; i++) {
        score[i] = tdm__exp(score[i] - max);
        sum += score[i];
    }
    for (size_t i = 0; i < n; i++)
        score[i] /= sum;
}

static double transform_one(const tdm__lightgbm_objective *objective, double s)
{
    switch (objective->transform) {
    case TDM__LIGHTGBM_SIGNED_SQUARE:
        return (double)((s > 0.0) - (s < 0.0)) * s * s;
    case TDM__LIGHTGBM_EXP:
        return tdm__exp(s);
    case TDM__LIGHTGBM_SIGMOID:
        return 1.0 / (1.0 + tdm__exp(-objective->sigmoid * s));
    case TDM__LIGHTGBM_LOG1P_EXP:
        return tdm__log1p(tdm__exp(s));
    default:
        return s;
    }
}

void tdm__lightgbm_transform_row(const tdm__lightgbm_objective *objective, double *score, size_t n)
{
    if (objective->transform == TDM__LIGHTGBM_SOFTMAX) {
        softmax(score, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        score[i] = transform_one(objective, score[i]);
}
