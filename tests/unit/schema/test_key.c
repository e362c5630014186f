/* Keys of several columns. */
#include "support.h"

#include "base/random.h"
#include "schema/block.h"

static void expect_join(const tdm_value *parts, size_t n, const char *want)
{
    tdm__buf out = {0};
    tdm__key_join(parts, n, &out);
    assert_string_equal(tdm__buf_z(&out), want);
    tdm__buf_free(&out);
}

static tdm_value text(const char *z)
{
    return (tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = tdm__str(z)};
}

static void test_join(void **state)
{
    (void)state;
    tdm_value parts[3] = {text("a"), {.kind = TDM_I64, .presence = TDM_PRESENT, .as.i64 = -7}, text("b|c\\d")};
    expect_join(parts, 1, "a");
    expect_join(parts, 3, "a|-7|b\\|c\\\\d");
    parts[1] = (tdm_value){.kind = TDM_TIMESTAMP, .presence = TDM_PRESENT, .as.time_us = 0};
    expect_join(parts, 2, "a|1970-01-01T00:00:00.000000Z");
    parts[0] = text("");
    expect_join(parts, 2, "|1970-01-01T00:00:00.000000Z");
}

static void test_split_refuses(void **state)
{
    (void)state;
    tdm__arena arena = {0};
    tdm_str parts[3];
    tdm_error err;
    assert_status(tdm__key_split(tdm__str("a|b"), parts, 1, &arena, &err), TDM_SYNTAX, &err);
    assert_string_equal(err.hint, "a bar inside a part is written \\|");
    assert_status(tdm__key_split(tdm__str("a|b"), parts, 3, &arena, &err), TDM_SYNTAX, &err);
    assert_status(tdm__key_split(tdm__str("a\\|b"), parts, 2, &arena, NULL), TDM_SYNTAX, NULL);
    assert_ok(tdm__key_split(tdm__str("a\\|b\\"), parts, 1, &arena, &err), &err);
    assert_true(tdm__str_is(parts[0], "a|b\\")); /* a backslash at the end stands for itself */
    assert_ok(tdm__key_split(tdm__str(""), parts, 1, &arena, &err), &err);
    assert_int_equal(parts[0].len, 0);
    tdm__arena_free(&arena);
}

/* Random parts of few letters, most of them special: joined and split, they are what they were. */
static void test_round_trip(void **state)
{
    (void)state;
    tdm__arena arena = {0};
    tdm__buf out = {0};
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    for (int i = 0; i < 20000; i++) {
        char bytes[3][8];
        tdm_value parts[3];
        tdm_str back[3];
        size_t n = 1 + tdm__random_below(&random, 3);
        for (size_t k = 0; k < n; k++) {
            size_t len = tdm__random_below(&random, 8);
            for (size_t c = 0; c < len; c++)
                bytes[k][c] = "|\\a\0"[tdm__random_below(&random, 4)];
            parts[k] = (tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = {bytes[k], len}};
        }
        tdm__buf_reset(&out);
        tdm__key_join(parts, n, &out);
        assert_ok(tdm__key_split(tdm__strn(out.ptr, out.len), back, n, &arena, NULL), NULL);
        for (size_t k = 0; k < n; k++)
            assert_true(tdm__str_equal(back[k], parts[k].as.str));
        tdm__arena_reset(&arena);
    }
    tdm__buf_free(&out);
    tdm__arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_split_refuses),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
