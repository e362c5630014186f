/* Lack of memory at the 1st, 2nd, ... nth allocation of loading and predicting: refused, nothing kept, no crash. */
#include "small_models.h"

static const char forest[] =
    HEADER("objective=multiclass num_class:3\n", "3") TREE("0", "2 10") SETS("1") LINES("2") END;
static const char line[] =
    "{\"kind\": \"softmax\", \"inputs\": [\"a\", \"b\"], \"weights\": [[1, 2], [3, 4]], \"intercept\": [0, 1], "
    "\"mean\": [1, 2], \"scale\": [1, 2], \"missing\": \"fill\", \"fill\": [1, 2]}";

static tdm_status load_and_predict(const char *text, tdm_error *err)
{
    static const double x[4] = {1, 2, 3, 4};
    double out[6];
    tdm__arena scratch = {0};
    tdm__model *model = NULL;
    tdm_status s = tdm__model_load(view(text), "m", NULL, &model, err);
    if (!s)
        s = tdm__model_predict(model, TDM__PREDICTION, x, 2, out, &scratch, err);
    else
        assert_null(model);
    tdm__arena_free(&scratch);
    tdm__model_close(&model);
    return s;
}

static void each_allocation_fails(const char *text)
{
    for (uint64_t n = 1;; n++) {
        tdm_error err = {0};
        support_fail_alloc_at(n);
        tdm_status s = load_and_predict(text, &err);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (!hit) {
            assert_ok(s, &err);
            assert_true(n > 2);
            return;
        }
        assert_status(s, TDM_NO_MEMORY, &err);
    }
}

static void lightgbm(void **state)
{
    (void)state;
    each_allocation_fails(forest);
}

/* A model of a thousand trees needs many chunks. */
static void lightgbm_large(void **state)
{
    enum { TREES = 1000 };
    size_t size = TREES * 400 + 1024, at;
    char *text = malloc(size);
    (void)state;
    at = (size_t)snprintf(text, size, "%s", HEADER("", "1"));
    for (int i = 0; i < TREES; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        at += (size_t)snprintf(text + at, size - at, TREE("%s", "2 2"), number);
    }
    snprintf(text + at, size - at, END);
    each_allocation_fails(text);
    free(text);
}

static void linear(void **state)
{
    (void)state;
    each_allocation_fails(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lightgbm), cmocka_unit_test(lightgbm_large),
                                       cmocka_unit_test(linear)};
    return cmocka_run_group_tests_name("model_memory", tests, NULL, NULL);
}
