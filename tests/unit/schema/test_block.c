/* Columns, schemas and names. */
#include "support.h"

#include "schema/block.h"

static tdm_type type_of(const char *text)
{
    tdm_type type;
    assert_ok(tdm__type_parse(tdm__str(text), &type, NULL), NULL);
    return type;
}

/* Sets and gets a value of each kind in the first and last row, beside missing and null. */
static void test_column(void **state)
{
    (void)state;
    static const char *const values[][2] = {
        {"bool", "true"}, {"i64", "-5"}, {"f32?", "1.5"}, {"f64", "nan"}, {"decimal(20,3)", "-1.5"}, {"string", "x"},
        {"timestamp", "2013-06-01T10:00:00Z"},
    };
    tdm__arena arena = {0};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        tdm_type type = type_of(values[i][0]);
        tdm__column column;
        tdm_value v, null = {.kind = type.kind, .presence = TDM_NULL}, got;
        assert_ok(tdm__value_parse(&type, tdm__str(values[i][1]), &v, NULL), NULL);
        assert_true(tdm__column_init(&column, &type, &arena));
        tdm__column_get(&column, 7, &got);
        assert_int_equal(got.presence, TDM_MISSING);
        tdm__column_set(&column, 0, &v);
        tdm__column_set(&column, 1, &null);
        tdm__column_set(&column, TDM__BLOCK_ROWS - 1, &v);
        tdm__column_get(&column, 0, &got);
        assert_true(tdm__value_same(&v, &got));
        tdm__column_get(&column, TDM__BLOCK_ROWS - 1, &got);
        assert_true(tdm__value_same(&v, &got));
        tdm__column_get(&column, 1, &got);
        assert_int_equal(got.presence, TDM_NULL);
        tdm__column_clear(&column, 2);
        tdm__column_get(&column, 0, &got);
        assert_int_equal(got.presence, TDM_MISSING);
        tdm__column_get(&column, TDM__BLOCK_ROWS - 1, &got);
        assert_int_equal(got.presence, TDM_PRESENT);
    }
    tdm__arena_free(&arena);
}

static void test_column_without_memory(void **state)
{
    (void)state;
    tdm_type type = type_of("f64");
    for (uint64_t n = 1;; n++) {
        tdm__arena arena = {0};
        tdm__column column;
        support_fail_alloc_at(n);
        int made = tdm__column_init(&column, &type, &arena);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        tdm__arena_free(&arena);
        assert_int_equal(made, !hit);
        if (!hit)
            break;
    }
}

static void test_schema(void **state)
{
    (void)state;
    tdm__field fields[] = {{tdm__str("flight_key"), type_of("string")}, {tdm__str("distance"), type_of("f64? mi")}};
    tdm__schema schema = {fields, 2};
    tdm__buf out = {0};
    tdm__schema_canonical(&schema, &out);
    assert_string_equal(tdm__buf_z(&out), "flight_key: string\ndistance: f64? mi\n");
    tdm__buf_free(&out);
    assert_int_equal(tdm__schema_find(&schema, tdm__str("distance")), 1);
    assert_int_equal(tdm__schema_find(&schema, tdm__str("dist")), -1);
}

/* Any change of a name, a type or the order changes the fingerprint; the same fields give the same. */
static void test_fingerprint(void **state)
{
    (void)state;
    static const char *const schemas[][4] = {
        {"a", "i64", "b", "f64"},  {"b", "i64", "a", "f64"}, {"b", "f64", "a", "i64"}, {"a", "i64", "b", "f32"},
        {"a", "i64", "b", "f64?"}, {"a", "i64", "bf", "64"}, {"ab", "i64", "", "f64"}, {"a", "i64", "b", "f64 mi"},
    };
    uint64_t seen[8];
    for (size_t i = 0; i < 8; i++) {
        tdm__field f[2], g[2];
        for (size_t k = 0; k < 2; k++) {
            tdm_type type = {0};
            (void)tdm__type_parse(tdm__str(schemas[i][2 * k + 1]), &type, NULL);
            f[k] = g[k] = (tdm__field){tdm__str(schemas[i][2 * k]), type};
        }
        tdm__schema one = {f, 2}, same = {g, 2};
        seen[i] = tdm__schema_fingerprint(&one);
        assert_true(seen[i] == tdm__schema_fingerprint(&same));
        for (size_t k = 0; k < i; k++)
            assert_true(seen[i] != seen[k]);
    }
}

static void test_names(void **state)
{
    (void)state;
    char longest[66];
    memset(longest, 'a', sizeof longest);
    static const char *const good[] = {"a", "_", "A9", "origin_delay_1h", "flight-delay", "schedule.origin", "a--b", "x1"};
    static const char *const bad[] = {"", "1a", "-a", ".a", "a-", "a.", "a b", "a/b", "\xc3\xa9", "a\n"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(tdm__name_valid(tdm__str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(tdm__name_valid(tdm__str(bad[i])));
    assert_true(tdm__name_valid(tdm__strn(longest, 64)));
    assert_false(tdm__name_valid(tdm__strn(longest, 65)));
}

static void test_labels(void **state)
{
    (void)state;
    char longest[256];
    memset(longest, 'a', sizeof longest);
    static const char *const good[] = {"a", "0", "PM2.5 (1h)", " ", "-", "a|b=c", "\xc3\xa9", "\xc2\xa0", "\xe2\x80\xa7", "\xe2\x80\xaa",
                                       "\xef\xbb\xbe", "\xf0\x9f\x98\x80"};
    static const char *const bad[] = {"", "a\n", "\x1f", "\x7f", "x\xc2\x85", "\xc2\x9f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
                                      "\xe9", "\xc2"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(tdm__label_valid(tdm__str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(tdm__label_valid(tdm__str(bad[i])));
    assert_false(tdm__label_valid(tdm__strn("a\0b", 3)));
    assert_true(tdm__label_valid(tdm__strn(longest, 255)));
    assert_false(tdm__label_valid(tdm__strn(longest, 256)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_column), cmocka_unit_test(test_column_without_memory), cmocka_unit_test(test_schema),
        cmocka_unit_test(test_fingerprint), cmocka_unit_test(test_names),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
