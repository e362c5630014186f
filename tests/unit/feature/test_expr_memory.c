/* The first, second, ... n-th allocation fails, in compiling and in evaluating, until all succeeds: no crash, no leak
 * (ASan), the right status, and the same result afterwards. */
#include "expr_fixture.h"

static fixture fx;

static const char *const texts[] = {
    "n",
    "1",
    "x + 1 > y / n",
    "if(is_null(s) or n in (1, 2, 3), concat(lower(s), 'a''b', to_string(n)), coalesce(u, 'none'))",
    "bucket(x, 1, 2, 3) + hash(s, 10) % 7 + length(upper(s))",
    "lookup(seats, s, 3) + lookup(seats, 'AA')",
    "min(x, y, n, d, f, 3) + clip(z, 0, -(-1)) + haversine(1, 2, x, y)",
    "s in ('a', 'b', 'c') and t in ('2013-06-01T10:00:00Z') and x in (1, 2.5)",
    "to_string(schedule.dep)",
};

static const char *const broken[] = {"1 + 'a'", "abss(n)", "n in (1, 'a')", "'ab''c' * 2", "lookup(no, n)",
                                     "coalesce(n, m, s)"};

static tdm_status compile_failing(const char *text, uint64_t n, tdm__arena *keep, tdm__expression **e, bool *hit)
{
    tdm_error err = {0};
    support_fail_alloc_at(n);
    tdm_status s = tdm__expression_compile(tdm__str(text), &fx.scope, keep, e, NULL, &err);
    *hit = support_alloc_failed();
    support_fail_alloc_at(0);
    assert_int_equal(err.status, s);
    return s;
}

static void compiling_survives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (uint64_t n = 1;; n++) {
            tdm__arena keep = {0};
            tdm__expression *e = NULL;
            bool hit;
            tdm_status s = compile_failing(texts[i], n, &keep, &e, &hit);
            tdm__arena_free(&keep);
            assert_int_equal(s, hit ? TDM_NO_MEMORY : TDM_OK);
            assert_true(n < 200);
            if (!hit)
                break;
        }
}

/* What is wrong with the text is told even so, or else that memory lacked. */
static void refusing_survives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        for (uint64_t n = 1;; n++) {
            tdm__arena keep = {0};
            tdm__expression *e = NULL;
            bool hit;
            tdm_status s = compile_failing(broken[i], n, &keep, &e, &hit);
            tdm__arena_free(&keep);
            assert_true(s == (hit ? TDM_NO_MEMORY : TDM_EXPRESSION));
            if (!hit)
                break;
        }
}

static void evaluating_survives(void **state)
{
    (void)state;
    enum { ROWS = 300 };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tdm__arena keep = {0};
        tdm__expression *e = NULL;
        tdm_error err = {0};
        tdm__column want, found;
        assert_ok(tdm__expression_compile(tdm__str(texts[i]), &fx.scope, &keep, &e, NULL, &err), &err);
        tdm_type type = tdm__expression_type(e);
        assert_true(tdm__column_init(&want, &type, &keep) && tdm__column_init(&found, &type, &keep));
        assert_ok(tdm__expression_eval(e, fx.slots, ROWS, 5, &keep, &want, &err), &err);
        for (uint64_t n = 1;; n++) {
            tdm__arena block = {0};
            support_fail_alloc_at(n);
            tdm_status s = tdm__expression_eval(e, fx.slots, ROWS, 5, &block, &found, &err);
            bool hit = support_alloc_failed();
            support_fail_alloc_at(0);
            assert_int_equal(s, hit ? TDM_NO_MEMORY : TDM_OK);
            for (size_t row = 0; !hit && row < ROWS; row++) {
                tdm_value a, b;
                tdm__column_get(&want, row, &a);
                tdm__column_get(&found, row, &b);
                assert_true(tdm__value_same(&a, &b));
            }
            tdm__arena_free(&block);
            if (!hit)
                break;
        }
        tdm__arena_free(&keep);
    }
}

/* A warm arena: the second evaluation asks malloc for nothing. */
static void warm_evaluation_allocates_nothing(void **state)
{
    (void)state;
    tdm__arena keep = {0}, block = {0};
    tdm__expression *e = NULL;
    tdm__column out;
    tdm_error err = {0};
    assert_ok(tdm__expression_compile(tdm__str("if(x > 1, x * y, log(z)) + bucket(n, 1, 2)"), &fx.scope, &keep, &e,
                                      NULL, &err),
              &err);
    tdm_type type = tdm__expression_type(e);
    assert_true(tdm__column_init(&out, &type, &keep));
    for (int round = 0; round < 3; round++) {
        uint64_t before = support_allocs();
        assert_ok(tdm__expression_eval(e, fx.slots, TDM__BLOCK_ROWS, 5, &block, &out, &err), &err);
        tdm__arena_reset(&block);
        if (round == 2)
            assert_int_equal(support_allocs(), before);
    }
    tdm__arena_free(&block);
    tdm__arena_free(&keep);
}

static int open_fixture(void **state)
{
    (void)state;
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    fixture_open(&fx);
    fixture_fill(&fx, &r, TDM__BLOCK_ROWS);
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&fx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiling_survives),
        cmocka_unit_test(refusing_survives),
        cmocka_unit_test(evaluating_survives),
        cmocka_unit_test(warm_evaluation_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
