/* Reading LightGBM text: what is told of a model, what is tolerated, what is refused and where. The long list of broken
 * files is tests/parity/data/broken; here are the shapes that need no trained model. */
#include "small_models.h"

static const char plain[] = HEADER("objective=regression\n", "1") TREE("0", "2 2") LEAF("1", "0.25") END;

static void info_and_facts(void **state)
{
    (void)state;
    tdm__model *model = load_text(plain);
    const tdm__model_info *info = tdm__model_info_of(model);
    assert_string_equal(info->kind, "lightgbm");
    assert_string_equal(info->format, "LightGBM text v4");
    assert_string_equal(info->objective, "regression");
    assert_int_equal(info->n_inputs, 2);
    assert_memory_equal(info->input[1].ptr, "b", 2);
    assert_int_equal(info->n_outputs, 1);
    assert_int_equal(info->n_trees, 2);
    assert_int_equal(info->n_leaves_out, 2);
    assert_int_equal(info->n_leaves_max, 3);
    assert_string_equal(fact_of(model, "leaves"), "4 in all, 3 at most in a tree");
    assert_string_equal(fact_of(model, "depth"), "2 at most");
    assert_string_equal(fact_of(model, "trees of one leaf"), "1");
    assert_string_equal(fact_of(model, "shrinkage"), "0.5 to 1");
    assert_string_equal(fact_of(model, "learning_rate"), "0.5");
    assert_string_equal(fact_of(model, "features used"), "2 of 2");
    tdm__model_close(&model);
    assert_null(model);
    tdm__model_close(&model);
}

static void facts_of_odd_models(void **state)
{
    (void)state;
    tdm__model *model = load_text(HEADER("average_output\n", "1")
                                  "Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=1\nthreshold=inf\n"
                                  "left_child=-1\nright_child=-2\nleaf_value=inf nan\n\nend of trees\n"
                                  "pandas_categorical:[[\"x]\", \"y\\\"[\"], [1, 2]]\n");
    assert_string_equal(fact_of(model, "features unused"), "a");
    assert_string_equal(fact_of(model, "leaf values not finite"), "2");
    assert_memory_equal(fact_of(model, "pandas categories"), "2 columns", 9);
    assert_string_equal(tdm__model_info_of(model)->objective, "custom");
    assert_true(isinf(raw_of(model, 0, INFINITY)));
    tdm__model_close(&model);
}

/* Old files lack newer keys; hands and tools change line ends; words that a later version adds are passed over. */
static void what_is_tolerated(void **state)
{
    static const char *const texts[] = {
        HEADER("objective=regression\ntree_sizes=1\nlater=3=4\nbare word\n", "1") TREE("0", "2 2") END,
        "tree\r\nversion=v2\r\nnum_class=1\r\nmax_feature_idx=1\r\nobjective=l2 later:1\r\nfeature_names=a b\r\n\r\n"
        "Tree=0\r\nnum_leaves=3\r\nnum_cat=0\r\nsplit_feature=0 1\r\nthreshold=1.5 0\r\nleft_child=-1 -2\r\n"
        "right_child=1 -3\r\nleaf_value=10  20 30 \r\n\r\n\r\nend of trees\r\n",
        HEADER("", "1") "\n\n" TREE("0", "0 0") "\n\nend of trees",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tdm__model *model = load_text(texts[i]);
        assert_true(raw_of(model, 1.5, 0) == 10);
        assert_true(raw_of(model, 2, -1) == 20);
        assert_true(raw_of(model, 2, 1) == 30);
        tdm__model_close(&model);
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    assert_refused(HEADER("", "1") "end of trees\n", TDM_MODEL, "main.txt:9", "no trees");
    assert_refused(HEADER("", "1") TREE("0", "2 2"), TDM_MODEL, "main.txt:23", "ends before");
    assert_refused(HEADER("", "1") TREE("0", "2 16") END, TDM_MODEL, "main.txt:15", "value 2 of decision_type");
    assert_refused(HEADER("objective=hinge\n", "1") TREE("0", "2 2") END, TDM_UNSUPPORTED, "main.txt:7", "\"hinge\"");
    assert_refused(HEADER("objective=binary sigmoid:0\n", "1") TREE("0", "2 2") END, TDM_MODEL, "main.txt:7",
                   "sigmoid");
    assert_refused(HEADER("", "2") TREE("0", "2 2") END, TDM_MODEL, "main.txt:9", "no multiple of its 2 outputs");
    assert_refused("tree\nversion=v4\n", TDM_MODEL, "main.txt:1", "max_feature_idx is missing");
    assert_refused("tree\n", TDM_UNSUPPORTED, "main.txt:1", "no version line");
}

static void strangers_are_named(void **state)
{
    (void)state;
    assert_refused("", TDM_UNSUPPORTED, "main.txt", "an empty file");
    assert_refused("{\"version\":[1,7],\"learner\":{}}", TDM_UNSUPPORTED, "main.txt", "XGBoost JSON");
    assert_refused("CBM1....", TDM_UNSUPPORTED, "main.txt", "CatBoost");
    assert_refused("\x80\x04\x95", TDM_UNSUPPORTED, "main.txt", "pickle");
    assert_refused("trees\n", TDM_UNSUPPORTED, "main.txt", "\"trees");
}

static void formats_by_name(void **state)
{
    (void)state;
    size_t n;
    tdm_error err = {0};
    tdm__model *model;
    const char *const *names = tdm__model_formats(&n);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "lightgbm");
    assert_ok(tdm__model_load(view(plain), "m", "lightgbm", &model, &err), &err);
    tdm__model_close(&model);
    assert_status(tdm__model_load(view(plain), "m", "linear", &model, &err), TDM_MODEL, &err);
    assert_status(tdm__model_load(view("{}"), "m", "lightgbm", &model, &err), TDM_MODEL, &err);
    assert_status(tdm__model_load(view(plain), "m", "lightgmb", &model, &err), TDM_USAGE, &err);
    assert_string_equal(err.hint, "did you mean 'lightgbm'?");
    assert_status(tdm__model_load(view("x"), "m", NULL, &model, NULL), TDM_UNSUPPORTED, NULL);
}

/* Whether a changed model is refused or predicts; never a crash, which the sanitizer builds would show. */
static void try_bytes(const char *bytes, size_t n)
{
    tdm_error err;
    tdm__arena scratch = {0};
    tdm__model *model;
    static const double rows[][2] = {{0, 0}, {NAN, NAN}, {33, 64}, {-INFINITY, 1e300}};
    if (tdm__model_load((tdm_str){bytes, n}, "m", NULL, &model, &err)) {
        assert_null(model);
        return;
    }
    const tdm__model_info *info = tdm__model_info_of(model);
    double *x = calloc(info->n_inputs, sizeof *x), *out = calloc(info->n_outputs + info->n_leaves_out, sizeof *out);
    for (size_t i = 0; i < 4; i++) {
        for (size_t f = 0; f < info->n_inputs; f++)
            x[f] = rows[i][f % 2];
        assert_ok(tdm__model_predict(model, TDM__PREDICTION, x, 1, out, &scratch, &err), &err);
        assert_ok(tdm__model_predict(model, TDM__LEAF, x, 1, out, &scratch, &err), &err);
        for (size_t t = 0; t < info->n_trees; t++)
            assert_true(out[t] >= 0 && out[t] < (double)info->n_leaves_max);
    }
    free(x);
    free(out);
    tdm__arena_free(&scratch);
    tdm__model_close(&model);
}

static void every_byte_flipped(void **state)
{
    static const char text[] =
        HEADER("objective=multiclass num_class:3\n", "3") TREE("0", "2 10") SETS("1") LINES("2") END;
    static const unsigned char flips[] = {1, 2, 4, 8, 16, 32, 64, 128, 0x10 ^ 0x09};
    (void)state;
    size_t n = sizeof text - 1;
    for (size_t i = 0; i < n; i++)
        for (size_t f = 0; f < sizeof flips; f++) {
            char *copy = malloc(n); /* of exactly this size: reading beyond it is found */
            memcpy(copy, text, n);
            copy[i] = (char)(copy[i] ^ flips[f]);
            try_bytes(copy, n);
            free(copy);
        }
    for (size_t i = 0; i < n; i++) {
        char *copy = malloc(i + 1);
        memcpy(copy, text, i);
        try_bytes(copy, i);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(info_and_facts), cmocka_unit_test(facts_of_odd_models), cmocka_unit_test(what_is_tolerated),
        cmocka_unit_test(what_is_refused), cmocka_unit_test(strangers_are_named), cmocka_unit_test(formats_by_name),
        cmocka_unit_test(every_byte_flipped),
    };
    return cmocka_run_group_tests_name("lightgbm_read", tests, NULL, NULL);
}
