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

/* A row without a whole key leaves nothing behind: the next row's key begins where the last one ended. */
static void test_of_row(void **state)
{
    (void)state;
    tdm__arena arena = {0};
    tdm__buf out = {0};
    tdm_error err;
    tdm__field field[2] = {{tdm__str("name"), {.kind = TDM_STRING}}, {tdm__str("number"), {.kind = TDM_I64}}};
    tdm__schema schema = {field, 2};
    tdm__column column[2];
    const int swapped[2] = {1, 0};
    assert_true(tdm__column_init(&column[0], &field[0].type, &arena) && tdm__column_init(&column[1], &field[1].type, &arena));
    static const struct { const char *name; int presence; } rows[] = {
        {"a|b", TDM_PRESENT}, {"lost", TDM_NULL}, {"", TDM_PRESENT}, {"gone", TDM_MISSING}};
    for (size_t i = 0; i < 4; i++) {
        tdm__column_set(&column[0], i, &(tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = tdm__str(rows[i].name)});
        tdm__column_set(&column[1], i, &(tdm_value){.kind = TDM_I64, .presence = (uint8_t)rows[i].presence, .as.i64 = 7});
    }
    assert_ok(tdm__key_of_row(&schema, column, NULL, 2, 0, &out, &err), &err);
    assert_status(tdm__key_of_row(&schema, column, NULL, 2, 1, &out, &err), TDM_KEY_MISSING, &err);
    assert_true(!strcmp(err.where, "number") && !strcmp(err.expected, "i64") && !strcmp(err.found, "null"));
    assert_status(tdm__key_of_row(&schema, column, NULL, 2, 3, &out, &err), TDM_KEY_MISSING, &err);
    assert_string_equal(err.found, "nothing");
    assert_ok(tdm__key_of_row(&schema, column, swapped, 2, 2, &out, &err), &err);
    assert_string_equal(tdm__buf_z(&out), "a\\|b|77|");
    assert_status(tdm__key_of_row(&schema, column, NULL, 1, 2, &out, &err), TDM_KEY_MISSING, &err); /* no letters */
    assert_string_equal(err.found, "\"\"");
    tdm__buf_free(&out);
    tdm__arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_split_refuses),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_of_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
