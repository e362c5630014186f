/* The reference evaluator on models computed by hand; tests/parity compares it with LightGBM itself. */
#include "small_models.h"

#include "base/random.h"
#include "model/lightgbm_forest.h"

#define NONE "0 0"       /* missing rule none */
#define ZERO_LEFT "6 6"  /* zero is missing, missing goes left */
#define ZERO_RIGHT "4 4"
#define NAN_LEFT "10 10"
#define NAN_RIGHT "8 8"

/* The float 1e-35f lies just above the double 1e-35. */
static const double tiny = (double)1e-35f;

static tdm__model *tree_with(const char *types)
{
    char text[1024];
    snprintf(text, sizeof text, HEADER("", "1") TREE("0", "%s") END, types);
    return load_text(text);
}

static void missing_rules(void **state)
{
    /* b's threshold is 0: leaf 20 to the left, 30 to the right; a is 2, so that b decides. */
    static const struct { const char *types; double b; double leaf; } rows[] = {
        {NONE, NAN, 20},       {NONE, 0.0, 20},        {NONE, -0.0, 20},      {NONE, 5e-324, 20},
        {NONE, 1, 30},         {NONE, INFINITY, 30},   {NONE, -INFINITY, 20}, {NONE, 1e-35, 20},
        {ZERO_LEFT, NAN, 20},  {ZERO_LEFT, 0, 20},     {ZERO_LEFT, 1, 30},    {ZERO_LEFT, -1, 20},
        {ZERO_RIGHT, NAN, 30}, {ZERO_RIGHT, -0.0, 30}, {ZERO_RIGHT, -1, 20},  {ZERO_RIGHT, 1e-36, 30},
        {NAN_LEFT, NAN, 20},   {NAN_LEFT, 1, 30},      {NAN_LEFT, 0, 20},     {NAN_RIGHT, NAN, 30},
        {NAN_RIGHT, 0, 20},    {NAN_RIGHT, -1, 20},    {NAN_RIGHT, INFINITY, 30},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tdm__model *model = tree_with(rows[i].types);
        if (raw_of(model, 2, rows[i].b) != rows[i].leaf)
            fail_msg("row %zu: decision types %s, b %a gives %g", i, rows[i].types, rows[i].b,
                     raw_of(model, 2, rows[i].b));
        tdm__model_close(&model);
    }
}

static void zero_threshold_is_the_float(void **state)
{
    (void)state;
    tdm__model *model = tree_with(ZERO_RIGHT);
    assert_true(raw_of(model, 2, -tiny) == 30);                         /* still zero, so missing, so right */
    assert_true(raw_of(model, 2, nextafter(-tiny, -1)) == 20);          /* a number below 0 */
    tdm__model_close(&model);
    model = tree_with(NONE);
    assert_true(raw_of(model, 2, tiny) == 20);                          /* dropped to 0.0, and 0.0 <= 0 */
    assert_true(raw_of(model, 2, nextafter(tiny, 1)) == 30);
    tdm__model_close(&model);
}

static void thresholds_are_inclusive(void **state)
{
    (void)state;
    tdm__model *model = tree_with(NAN_LEFT);
    assert_true(raw_of(model, 1.5, 1) == 10);
    assert_true(raw_of(model, nextafter(1.5, 2), 1) == 30);
    assert_true(raw_of(model, nextafter(1.5, 0), 1) == 10);
    tdm__model_close(&model);
}

static void categories(void **state)
{
    static const struct { double b; double leaf; } rows[] = {
        {1, 1}, {1.9, 1}, {33, 1}, {64, 1}, {64.5, 1},   {0, 4},  {2, 4},   {65, 4},           {95, 4},
        {96, 4}, {-1, 4}, {-0.5, 4}, {NAN, 4}, {INFINITY, 4}, {-INFINITY, 4}, {4294967297.0, 4}, {2147483648.0, 4},
        {1e300, 4},
    };
    (void)state;
    tdm__model *model = load_text(HEADER("", "1") SETS("0") END);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (raw_of(model, 7, rows[i].b) != rows[i].leaf)
            fail_msg("category %a gives %g", rows[i].b, raw_of(model, 7, rows[i].b));
    tdm__model_close(&model);
}

static void category_zero_takes_fractions(void **state)
{
    (void)state;
    tdm__model *model = load_text(HEADER("", "1")
                                  "Tree=0\nnum_leaves=2\nnum_cat=1\nsplit_feature=0\nthreshold=0\ndecision_type=1\n"
                                  "left_child=-1\nright_child=-2\nleaf_value=1 2\ncat_boundaries=0 1\n"
                                  "cat_threshold=2147483649\n\n" END);
    assert_true(raw_of(model, 0, 0) == 1);
    assert_true(raw_of(model, -0.999, 0) == 1); /* truncation is towards zero */
    assert_true(raw_of(model, -1, 0) == 2);
    assert_true(raw_of(model, 31, 0) == 1);
    assert_true(raw_of(model, NAN, 0) == 2); /* not category 0 */
    tdm__model_close(&model);
}

static void linear_leaves(void **state)
{
    (void)state;
    tdm__model *model = load_text(HEADER("", "1") LINES("0") END);
    assert_true(raw_of(model, -1, 10) == 1 - 2 + 30);
    assert_true(raw_of(model, 1, 10) == 90);
    assert_true(raw_of(model, 1, NAN) == 8);
    assert_true(raw_of(model, NAN, 10) == 90); /* a goes right and is not used there */
    assert_true(raw_of(model, -1, NAN) == 7);
    tdm__model_close(&model);
}

/* 0.1 + 0.2 + 0.3 from 0.0 in this order is one bit above 0.6. */
static void sums_are_double_in_file_order(void **state)
{
    (void)state;
    tdm__model *model = load_text(HEADER("", "1") LEAF("0", "0.1") LEAF("1", "0.2") LEAF("2", "0.3") END);
    assert_true(raw_of(model, 0, 0) == 0.1 + 0.2 + 0.3);
    assert_true(raw_of(model, 0, 0) != 0.6);
    tdm__model_close(&model);
}

static void averages_only_predictions(void **state)
{
    (void)state;
    double out;
    tdm__model *model = load_text(HEADER("average_output\n", "1") LEAF("0", "1") LEAF("1", "2") LEAF("2", "9") END);
    assert_true(raw_of(model, 0, 0) == 12);
    predict_two(model, TDM__PREDICTION, 0, 0, &out);
    assert_true(out == 4);
    tdm__model_close(&model);
}

/* Values by 40-digit decimal arithmetic; an error in a double's last place is allowed. */
static void transforms(void **state)
{
    static const struct { const char *objective; double prediction; } rows[] = {
        {"objective=regression\n", -1.5},
        {"objective=regression sqrt\n", -2.25},
        {"objective=huber sqrt\n", -1.5},
        {"objective=poisson\n", 0.22313016014842982893},
        {"objective=gamma\n", 0.22313016014842982893},
        {"objective=tweedie\n", 0.22313016014842982893},
        {"objective=binary sigmoid:1\n", 0.18242552380635634039},
        {"objective=binary sigmoid:2\n", 0.04742587317756678088},
        {"objective=cross_entropy\n", 0.18242552380635634039},
        {"objective=cross_entropy_lambda\n", 0.20141327798275240949},
        {"objective=lambdarank\n", -1.5},
        {"objective=custom\n", -1.5},
        {"", -1.5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[1024];
        double out = 0;
        snprintf(text, sizeof text, HEADER("%s", "1") LEAF("0", "-1.5") END, rows[i].objective);
        tdm__model *model = load_text(text);
        predict_two(model, TDM__PREDICTION, 0, 0, &out);
        if (!(fabs(out - rows[i].prediction) <= 0x1p-52 * fabs(out)))
            fail_msg("%s gives %.17g instead of %.17g", rows[i].objective, out, rows[i].prediction);
        assert_true(raw_of(model, 0, 0) == -1.5);
        tdm__model_close(&model);
    }
}

static void several_outputs(void **state)
{
    (void)state;
    double out[4], sum = 0;
    tdm__model *model = load_text(HEADER("objective=multiclass num_class:2\n", "2") LEAF("0", "1") LEAF("1", "2")
                                  LEAF("2", "10") LEAF("3", "20") END);
    assert_int_equal(tdm__model_width(model, TDM__RAW), 2);
    assert_int_equal(tdm__model_width(model, TDM__LEAF), 4);
    predict_two(model, TDM__RAW, 0, 0, out);
    assert_true(out[0] == 11 && out[1] == 22);
    predict_two(model, TDM__PREDICTION, 0, 0, out);
    assert_true(fabs(out[0] - 1.670142184809518e-05) < 1e-19);
    sum = out[0] + out[1];
    assert_true(fabs(sum - 1) < 1e-15);
    tdm__model_close(&model);
    model = load_text(HEADER("objective=multiclassova num_class:2 sigmoid:1\n", "2") LEAF("0", "0")
                      LEAF("1", "-1.5") END);
    predict_two(model, TDM__PREDICTION, 0, 0, out);
    assert_true(out[0] == 0.5 && fabs(out[1] - 0.18242552380635634) <= 0x1p-54);
    tdm__model_close(&model);
}

static void leaves_and_warm_scratch(void **state)
{
    (void)state;
    enum { ROWS = 50 };
    double x[2 * ROWS], out[2 * ROWS];
    tdm_error err = {0};
    tdm__arena scratch = {0};
    tdm__model *model = load_text(HEADER("", "1") TREE("0", NAN_LEFT) LEAF("1", "5") END);
    for (size_t i = 0; i < ROWS; i++) {
        x[2 * i] = i % 3 ? 2 : 1;
        x[2 * i + 1] = i % 3 == 1 ? 0 : 1;
    }
    assert_ok(tdm__model_predict(model, TDM__LEAF, x, ROWS, out, &scratch, &err), &err);
    uint64_t allocations = support_allocs();
    assert_ok(tdm__model_predict(model, TDM__LEAF, x, ROWS, out, &scratch, &err), &err);
    assert_int_equal(support_allocs(), allocations);
    for (size_t i = 0; i < ROWS; i++)
        assert_true(out[2 * i] == (double)(i % 3) && out[2 * i + 1] == 0);
    tdm__arena_free(&scratch);
    tdm__model_close(&model);
}

/* Scores walk several trees at once, leaves one by one: the same leaves, so the same sums, for the committed models and
 * rows of all kinds of values. Models with functions in their leaves have no leaf's value to add up. */
static void trees_together_and_alone(void **state)
{
    static const char *const names[] = {"alias-v4", "binary-v2", "categorical-v4", "categories_only-v4", "multiclass-v4"};
    static const double odd[] = {0.0, -0.0, 1e-36, -1e-36, 1e-35, 5e-324, 1, -1, 3, 7, 1e300, -1e300, INFINITY, -INFINITY, NAN};
    (void)state;
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char path[64];
        size_t size;
        snprintf(path, sizeof path, "tests/parity/data/%s.txt", names[k]);
        char *text = support_read_file(support_path(support_source_root(), path), &size);
        tdm__model *model = load_text(text);
        const tdm__lightgbm_forest *forest = model->body;
        tdm__arena scratch = {0};
        tdm_error err;
        double *x = malloc(forest->n_features * sizeof *x), *leaf = malloc(forest->n_trees * sizeof *leaf);
        double *raw = malloc(forest->n_outputs * sizeof *raw), *sum = malloc(forest->n_outputs * sizeof *sum);
        for (int row = 0; row < 2000; row++) {
            for (size_t i = 0; i < forest->n_features; i++)
                x[i] = tdm__random_below(&random, 3) ? tdm__random_unit(&random) * 20 - 5
                                                     : odd[tdm__random_below(&random, sizeof odd / sizeof *odd)];
            assert_ok(tdm__model_predict(model, TDM__RAW, x, 1, raw, &scratch, &err), &err);
            assert_ok(tdm__model_predict(model, TDM__LEAF, x, 1, leaf, &scratch, &err), &err);
            for (size_t i = 0; i < forest->n_outputs; i++)
                sum[i] = 0;
            for (size_t t = 0; t < forest->n_trees; t++) {
                assert_null(forest->tree[t].linear);
                sum[t % forest->n_outputs] += forest->tree[t].leaf_value[(size_t)leaf[t]];
            }
            assert_memory_equal(sum, raw, forest->n_outputs * sizeof *raw);
        }
        free(x), free(leaf), free(raw), free(sum);
        support_free(text);
        tdm__arena_free(&scratch);
        tdm__model_close(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_rules), cmocka_unit_test(trees_together_and_alone),        cmocka_unit_test(zero_threshold_is_the_float),
        cmocka_unit_test(thresholds_are_inclusive), cmocka_unit_test(categories),
        cmocka_unit_test(category_zero_takes_fractions), cmocka_unit_test(linear_leaves),
        cmocka_unit_test(sums_are_double_in_file_order), cmocka_unit_test(averages_only_predictions),
        cmocka_unit_test(transforms),           cmocka_unit_test(several_outputs),
        cmocka_unit_test(leaves_and_warm_scratch),
    };
    return cmocka_run_group_tests_name("lightgbm_predict", tests, NULL, NULL);
}
