/* Small models, small enough to be computed by hand, and the few steps that every test of a model takes. */
#ifndef TANDEM_TESTS_SMALL_MODELS_H
#define TANDEM_TESTS_SMALL_MODELS_H

#include "support.h"

#include <math.h>

#include "model/model.h"

#define HEADER(objective, outputs)                                                                            \
    "tree\nversion=v4\nnum_class=" outputs "\nnum_tree_per_iteration=" outputs "\nlabel_index=0\n"             \
    "max_feature_idx=1\n" objective "feature_names=a b\nfeature_infos=none none\n\n"
#define END                                                                                                   \
    "end of trees\n\nparameters:\n[boosting: gbdt]\n[learning_rate: 0.5]\nend of parameters\n\n"                  \
    "pandas_categorical:null\n"

/* a <= 1.5 ? 10 : (b <= 0 ? 20 : 30); decision types of the two nodes as given. */
#define TREE(number, types)                                                                                    \
    "Tree=" number "\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\nthreshold=1.5 0\ndecision_type=" types "\n"     \
    "left_child=-1 -2\nright_child=1 -3\nleaf_value=10 20 30\nleaf_count=5 6 7\nis_linear=0\nshrinkage=0.5\n\n\n"
#define LEAF(number, value) "Tree=" number "\nnum_leaves=1\nnum_cat=0\nleaf_value=" value "\nshrinkage=1\n\n\n"
/* b in {1, 33, 64} ? 1 : (a in {} ? 2 : 4), as categories. */
#define SETS(number)                                                                                           \
    "Tree=" number "\nnum_leaves=3\nnum_cat=2\nsplit_feature=1 0\nthreshold=0 1\ndecision_type=1 1\n"             \
    "left_child=-1 -2\nright_child=1 -3\nleaf_value=1 2 4\ncat_boundaries=0 3 3\ncat_threshold=2 2 1\n\n\n"
/* a <= 0 ? 1 + 2a + 3b : 100 - b, or the constants 7 and 8 where a feature is missing. */
#define LINES(number)                                                                                          \
    "Tree=" number "\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=0\ndecision_type=8\nleft_child=-1\n"     \
    "right_child=-2\nleaf_value=7 8\nis_linear=1\nleaf_const=1 100\nnum_features=2 1\n"                            \
    "leaf_features=0 1  1 \nleaf_coeff=2 3  -1 \nshrinkage=1\n\n\n"

static inline tdm_str view(const char *z)
{
    return (tdm_str){z, strlen(z)};
}

static inline tdm__model *load_text(const char *text)
{
    tdm_error err = {0};
    tdm__model *model = NULL;
    assert_ok(tdm__model_load(view(text), "main.txt", NULL, &model, &err), &err);
    assert_non_null(model);
    return model;
}

/* Fails the test unless the text is refused with `status`, at `where`, with `words` somewhere in the message. */
static inline void assert_refused(const char *text, tdm_status status, const char *where, const char *words)
{
    tdm_error err = {0};
    char message[1400];
    tdm__model *model = (tdm__model *)&err;
    assert_status(tdm__model_load(view(text), "main.txt", NULL, &model, &err), status, &err);
    assert_null(model);
    assert_string_equal(err.where, where);
    tdm_error_format(&err, message, sizeof message);
    if (!strstr(message, words))
        fail_msg("\"%s\" is not in \"%s\"", words, message);
}

/* One row of two inputs; out has the output's width. */
static inline void predict_two(const tdm__model *model, tdm__model_output output, double a, double b, double *out)
{
    tdm_error err = {0};
    tdm__arena scratch = {0};
    double x[2] = {a, b};
    assert_ok(tdm__model_predict(model, output, x, 1, out, &scratch, &err), &err);
    tdm__arena_free(&scratch);
}

static inline double raw_of(const tdm__model *model, double a, double b)
{
    double out = -1;
    assert_int_equal(tdm__model_width(model, TDM__RAW), 1);
    predict_two(model, TDM__RAW, a, b, &out);
    return out;
}

static inline const char *fact_of(const tdm__model *model, const char *name)
{
    const tdm__model_info *info = tdm__model_info_of(model);
    for (size_t i = 0; i < info->n_facts; i++)
        if (strcmp(info->fact[i].name, name) == 0)
            return info->fact[i].text;
    return "(no such fact)";
}

#endif
