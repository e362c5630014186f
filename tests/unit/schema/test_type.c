/* Types as text. */
#include "support.h"

#include "base/random.h"
#include "schema/type.h"

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical;
        tdm_type type;
    } good[] = {
        {"bool", "bool", {.kind = TDM_BOOL}},
        {"i64", "i64", {.kind = TDM_I64}},
        {"f32?", "f32?", {.kind = TDM_F32, .nullable = true}},
        {"f64 mi", "f64 mi", {.kind = TDM_F64, .unit = "mi"}},
        {"  f64?   mi  ", "f64? mi", {.kind = TDM_F64, .nullable = true, .unit = "mi"}},
        {"f64 \xc2\xb0" "C", "f64 \xc2\xb0" "C", {.kind = TDM_F64, .unit = "\xc2\xb0" "C"}},
        {"f64 1234567890123456789", "f64 1234567890123456789", {.kind = TDM_F64, .unit = "1234567890123456789"}},
        {"decimal(12,2)", "decimal(12,2)", {.kind = TDM_DECIMAL, .precision = 12, .scale = 2}},
        {"decimal( 12 , 2 )? EUR", "decimal(12,2)? EUR", {TDM_DECIMAL, true, 12, 2, "EUR"}},
        {"decimal(38,38)", "decimal(38,38)", {.kind = TDM_DECIMAL, .precision = 38, .scale = 38}},
        {"decimal(7)", "decimal(7,0)", {.kind = TDM_DECIMAL, .precision = 7}},
        {"string?", "string?", {.kind = TDM_STRING, .nullable = true}},
        {"timestamp? ms", "timestamp? ms", {.kind = TDM_TIMESTAMP, .nullable = true, .unit = "ms"}},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        tdm_type type, again;
        tdm_error err;
        char text[64];
        assert_ok(tdm__type_parse(tdm__str(good[i].text), &type, &err), &err);
        assert_true(tdm__type_equal(&type, &good[i].type));
        assert_int_equal(tdm__type_format(&type, text), strlen(good[i].canonical));
        assert_string_equal(text, good[i].canonical);
        assert_ok(tdm__type_parse(tdm__str(text), &again, &err), &err);
        assert_true(tdm__type_equal(&type, &again));
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hint; /* "" none, NULL any */
    } bad[] = {
        {"", ""}, {"?", ""}, {"i65", "did you mean 'i64'?"}, {"F64", NULL}, {"int", "it is written 'i64' here"},
        {"double", "it is written 'f64' here"}, {"datetime", "it is written 'timestamp' here"},
        {"timestmap", "did you mean 'timestamp'?"}, {"decimal", ""}, {"decimal?", ""}, {"decimal()", ""}, {"decimal(0)", ""},
        {"decimal(39)", ""}, {"decimal(5,6)", ""}, {"decimal(5,2", ""}, {"decimal(-5,2)", ""}, {"decimal(005,2)", ""},
        {"decimal (5,2)", ""}, {"i64(5)", ""}, {"f64??", ""}, {"f64?mi", ""}, {"f64 a b", ""}, {"f64 12345678901234567890", ""},
        {"f64 \xff", ""}, {"f64 a\nb", ""}, {"timestamp min", ""}, {"timestamp MS", ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdm_type type;
        tdm_error err = {0};
        if (tdm__type_parse(tdm__str(bad[i].text), &type, &err) != TDM_SYNTAX)
            fail_msg("'%s' was taken for a type", bad[i].text);
        assert_true(err.what[0] && err.found[0]);
        if (bad[i].hint)
            assert_string_equal(err.hint, bad[i].hint);
        assert_int_equal(tdm__type_parse(tdm__str(bad[i].text), &type, NULL), TDM_SYNTAX);
    }
}

static void test_equal_tells_each_part(void **state)
{
    (void)state;
    static const char *const all[] = {"decimal(5,2)", "decimal(6,2)", "decimal(5,1)", "decimal(5,2)?", "decimal(5,2) EUR", "i64"};
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++) {
            tdm_type a, b;
            assert_ok(tdm__type_parse(tdm__str(all[i]), &a, NULL), NULL);
            assert_ok(tdm__type_parse(tdm__str(all[j]), &b, NULL), NULL);
            assert_int_equal(tdm__type_equal(&a, &b), i == j);
        }
}

static void test_sizes(void **state)
{
    (void)state;
    static const size_t sizes[TDM_KIND_COUNT] = {1, 8, 4, 8, 16, 16, 8};
    for (unsigned k = 0; k < TDM_KIND_COUNT; k++)
        assert_int_equal(tdm__kind_size(k), sizes[k]);
    assert_int_equal(tdm__kind_size(TDM_KIND_COUNT), 0);
    assert_string_equal(tdm__kind_name(TDM_F64), "f64");
    assert_string_equal(tdm__kind_name(99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_equal_tells_each_part),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
