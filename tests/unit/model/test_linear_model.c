/* Linear models as JSON: values computed by hand, rules for missing values, and what is refused. */
#include "small_models.h"

#define TWO "\"inputs\": [\"a\", \"b\"], "

static void one_output(void **state)
{
    (void)state;
    double out;
    tdm__model *model =
        load_text("{\"kind\": \"linear\", " TWO "\"weights\": [2, -3], \"intercept\": 0.5, \"note\": \"by hand\"}");
    const tdm__model_info *info = tdm__model_info_of(model);
    assert_string_equal(info->kind, "linear");
    assert_string_equal(info->format, "linear model JSON");
    assert_int_equal(info->n_inputs, 2);
    assert_memory_equal(info->input[0].ptr, "a", 2);
    assert_int_equal(info->n_leaves_out, 0);
    assert_string_equal(fact_of(model, "note"), "by hand");
    assert_true(raw_of(model, 10, 1) == 17.5);
    predict_two(model, TDM__PREDICTION, 10, 1, &out);
    assert_true(out == 17.5);
    assert_true(isnan(raw_of(model, NAN, 1))); /* "refuse" when nothing is said */
    assert_true(raw_of(model, INFINITY, 1) == INFINITY);
    tdm__model_close(&model);
}

static void logistic(void **state)
{
    (void)state;
    double out;
    tdm__model *model = load_text("{\"kind\": \"logistic\", " TWO "\"weights\": [1, 1], \"intercept\": 0}");
    assert_string_equal(tdm__model_info_of(model)->objective, "logistic");
    predict_two(model, TDM__PREDICTION, -1, -0.5, &out);
    assert_true(fabs(out - 0.18242552380635634) <= 0x1p-54);
    predict_two(model, TDM__PREDICTION, 0, 0, &out);
    assert_true(out == 0.5);
    predict_two(model, TDM__PREDICTION, -1e6, 0, &out);
    assert_true(out == 0.0);
    tdm__model_close(&model);
}

static void missing_rules(void **state)
{
    static const struct { const char *members; double with_b_missing; } rows[] = {
        /* 1 + 2 (a - 10) / 4 + 3 (b - 1) / 0.5 with a = 14 */
        {"\"missing\": \"zero\"", 1 + 2 - 6},
        {"\"missing\": \"mean\"", 1 + 2},
        {"\"missing\": \"fill\", \"fill\": [0, 2]", 1 + 2 + 6},
    };
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "{\"kind\": \"linear\", " TWO "\"weights\": [2, 3], \"intercept\": 1, "
                 "\"mean\": [10, 1], \"scale\": [4, 0.5], %s}", rows[i].members);
        tdm__model *model = load_text(text);
        assert_true(raw_of(model, 14, 1) == 3);
        assert_true(raw_of(model, 14, NAN) == rows[i].with_b_missing);
        tdm__model_close(&model);
    }
}

static void several_outputs(void **state)
{
    (void)state;
    double out[3];
    tdm__model *model =
        load_text("{\"kind\": \"softmax\", " TWO "\"weights\": [[1, 0], [0, 1], [0, 0]], \"intercept\": [0, 0, 1]}");
    assert_int_equal(tdm__model_width(model, TDM__PREDICTION), 3);
    predict_two(model, TDM__RAW, 3, 4, out);
    assert_true(out[0] == 3 && out[1] == 4 && out[2] == 1);
    predict_two(model, TDM__PREDICTION, 1, 1, out);
    assert_true(out[0] == out[1] && out[1] == out[2] && out[0] == 1.0 / 3);
    predict_two(model, TDM__PREDICTION, 1e300, 0, out);
    assert_true(out[0] == 1 && out[1] == 0 && out[2] == 0);
    tdm__model_close(&model);
}

static void no_leaves(void **state)
{
    (void)state;
    double x[2] = {0, 0}, out[1];
    tdm_error err = {0};
    tdm__arena scratch = {0};
    tdm__model *model = load_text("{\"kind\": \"linear\", " TWO "\"weights\": [2, -3], \"intercept\": 0.5}");
    assert_int_equal(tdm__model_width(model, TDM__LEAF), 0);
    assert_status(tdm__model_predict(model, TDM__LEAF, x, 1, out, &scratch, &err), TDM_UNSUPPORTED, &err);
    tdm__model_close(&model);
}

#define REST "\"weights\": [1, 2], \"intercept\": 0"

static void what_is_refused(void **state)
{
    static const struct { const char *text, *where, *words; } cases[] = {
        {"{\"kind\": \"linear\"", "main.txt:1:17", "JSON is not valid"},
        {"{\"kind\": \"linear\", \"kind\": \"linear\"}", "main.txt:1:25", "duplicate"},
        {"{\"kind\": \"linaer\", " TWO REST "}", "main.txt:kind", "found \"linaer\""},
        {"{\"kind\": 1, " TWO REST "}", "main.txt:kind", "found an integer"},
        {"{\"kind\": \"linear\", " REST "}", "main.txt:inputs", "found nothing"},
        {"{\"kind\": \"linear\", \"inputs\": [], " REST "}", "main.txt:inputs", "1 to 65536 names"},
        {"{\"kind\": \"linear\", \"inputs\": [\"a\", \"a\"], " REST "}", "main.txt:inputs", "same name"},
        {"{\"kind\": \"linear\", \"inputs\": [\"a\", 2], " REST "}", "main.txt:inputs[1]", "a name that is not empty"},
        {"{\"kind\": \"linear\", \"inputs\": [\"a\", \"\"], " REST "}", "main.txt:inputs[1]",
         "a name that is not empty"},
        {"{\"kind\": \"linear\", " TWO "\"intercept\": 0}", "main.txt:weights", "found nothing"},
        {"{\"kind\": \"linear\", " TWO "\"weights\": [1], \"intercept\": 0}", "main.txt:weights",
         "expected 2 numbers, found 1"},
        {"{\"kind\": \"linear\", " TWO "\"weights\": [1, \"2\"], \"intercept\": 0}", "main.txt:weights[1]",
         "found a string"},
        {"{\"kind\": \"linear\", " TWO "\"weights\": [[1, 2], [3]], \"intercept\": [0, 0]}", "main.txt:weights",
         "expected 2 numbers"},
        {"{\"kind\": \"linear\", " TWO "\"weights\": [[1, 2]], \"intercept\": 0}", "main.txt:intercept",
         "an array of numbers"},
        {"{\"kind\": \"linear\", " TWO "\"weights\": [1, 2]}", "main.txt:intercept", "missing"},
        {"{\"kind\": \"linear\", " TWO "\"weights\": [1, 1e999], \"intercept\": 0}", "main.txt:1:61", "overflow"},
        {"{\"kind\": \"softmax\", " TWO REST "}", "main.txt:weights", "at least two outputs"},
        {"{\"kind\": \"linear\", " TWO REST ", \"scale\": [1, 0]}", "main.txt:scale[1]", "above zero"},
        {"{\"kind\": \"linear\", " TWO REST ", \"mean\": [1, 2, 3]}", "main.txt:mean", "expected 2 numbers, found 3"},
        {"{\"kind\": \"linear\", " TWO REST ", \"missing\": \"skip\"}", "main.txt:missing", "found \"skip\""},
        {"{\"kind\": \"linear\", " TWO REST ", \"missing\": \"mean\"}", "main.txt:missing", "needs the member"},
        {"{\"kind\": \"linear\", " TWO REST ", \"missing\": \"fill\"}", "main.txt:missing", "need each other"},
        {"{\"kind\": \"linear\", " TWO REST ", \"fill\": [1, 2]}", "main.txt:missing", "need each other"},
        {"{\"kind\": \"linear\", " TWO REST ", \"note\": 5}", "main.txt:note", "a string"},
        {"{\"kind\": \"linear\", " TWO REST ", \"wieghts\": 5}", "main.txt:$", "did you mean 'weights'?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].text, TDM_MODEL, cases[i].where, cases[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_output),      cmocka_unit_test(logistic),  cmocka_unit_test(missing_rules),
        cmocka_unit_test(several_outputs), cmocka_unit_test(no_leaves), cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests_name("linear_model", tests, NULL, NULL);
}
