/* Values as text: forms by hand, decimals against 128-bit arithmetic on digits, round trips at random. */
#include "support.h"

#include "base/number.h"
#include "base/random.h"
#include "schema/type.h"

__extension__ typedef __int128 i128;

static tdm_type type_of(const char *text)
{
    tdm_type type;
    tdm_error err;
    assert_ok(tdm__type_parse(tdm__str(text), &type, &err), &err);
    return type;
}

static tdm_value value_of(const char *type_text, const char *text)
{
    tdm_type type = type_of(type_text);
    tdm_value v;
    tdm_error err;
    if (tdm__value_parse(&type, tdm__str(text), &v, &err))
        fail_msg("%s '%s': %s", type_text, text, err.what);
    assert_int_equal(v.kind, type.kind);
    assert_int_equal(v.presence, TDM_PRESENT);
    return v;
}

static void expect_refused(const char *type_text, const char *text, tdm_status want)
{
    tdm_type type = type_of(type_text);
    tdm_value v;
    tdm_error err;
    tdm_status s = tdm__value_parse(&type, tdm__str(text), &v, &err);
    if (s != want)
        fail_msg("%s '%s': %s, not %s", type_text, text, tdm_status_name(s), tdm_status_name(want));
    assert_int_equal(err.status, want);
    assert_true(err.what[0] && err.expected[0] && err.found[0]);
    assert_int_equal(v.presence, TDM_MISSING);
    assert_int_equal(tdm__value_parse(&type, tdm__str(text), &v, NULL), want);
}

static void expect_text(const tdm_value *v, const char *text, const char *json)
{
    tdm__buf out = {0};
    tdm__value_format(v, &out);
    assert_string_equal(tdm__buf_z(&out), text);
    tdm__buf_reset(&out);
    tdm__value_json(v, &out);
    assert_string_equal(tdm__buf_z(&out), json);
    tdm__buf_free(&out);
}

/* type, text read, text written, JSON written */
static void test_forms(void **state)
{
    (void)state;
    static const char *const forms[][4] = {
        {"bool", "true", "true", "true"}, {"bool", "TRUE", "true", "true"}, {"bool", "False", "false", "false"},
        {"bool", "1", "true", "true"}, {"bool", "0", "false", "false"},
        {"i64", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"},
        {"i64", "9223372036854775807", "9223372036854775807", "9223372036854775807"},
        {"i64", "+7", "7", "7"}, {"i64", "007", "7", "7"},
        {"f64", "0.1", "0.1", "0.1"}, {"f64", "1e22", "1e22", "1e22"}, {"f64", "100", "100", "100"},
        {"f64", "-0", "-0.0", "-0.0"}, {"f64", "0x1.8p3", "12", "12"}, {"f64", "NaN", "nan", "\"nan\""},
        {"f64", "-inf", "-inf", "\"-inf\""}, {"f64", "Infinity", "inf", "\"inf\""}, {"f32", "0.1", "0.1", "0.1"},
        {"f32", "16777217", "16777216", "16777216"}, {"f32", "inf", "inf", "\"inf\""},
        {"decimal(12,2)", "12.5", "12.50", "\"12.50\""}, {"decimal(12,2)", "-0.05", "-0.05", "\"-0.05\""},
        {"decimal(12,2)", "12.5000", "12.50", "\"12.50\""}, {"decimal(12,2)", "125e-1", "12.50", "\"12.50\""},
        {"decimal(12,2)", "1.25E1", "12.50", "\"12.50\""}, {"decimal(12,2)", "-0", "0.00", "\"0.00\""},
        {"decimal(12,2)", ".5", "0.50", "\"0.50\""}, {"decimal(12,2)", "5.", "5.00", "\"5.00\""},
        {"decimal(12,2)", "0e999999999999999999999", "0.00", "\"0.00\""}, {"decimal(3,0)", "1e2", "100", "\"100\""},
        {"decimal(38,38)", "0.99999999999999999999999999999999999999", "0.99999999999999999999999999999999999999",
         "\"0.99999999999999999999999999999999999999\""},
        {"decimal(38,0)", "-99999999999999999999999999999999999999", "-99999999999999999999999999999999999999",
         "\"-99999999999999999999999999999999999999\""},
        {"string", "", "", "\"\""}, {"string", "a\"b\n", "a\"b\n", "\"a\\\"b\\n\""},
        {"timestamp", "2013-06-01T12:00:00+02:00", "2013-06-01T10:00:00.000000Z", "\"2013-06-01T10:00:00.000000Z\""},
        {"timestamp s", "1370080800", "2013-06-01T10:00:00.000000Z", "\"2013-06-01T10:00:00.000000Z\""},
        {"timestamp ms", "-1", "1969-12-31T23:59:59.999000Z", "\"1969-12-31T23:59:59.999000Z\""},
        {"timestamp us", "1", "1970-01-01T00:00:00.000001Z", "\"1970-01-01T00:00:00.000001Z\""},
        {"timestamp ms", "1970-01-01T00:00:01Z", "1970-01-01T00:00:01.000000Z", "\"1970-01-01T00:00:01.000000Z\""},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        tdm_value v = value_of(forms[i][0], forms[i][1]);
        expect_text(&v, forms[i][2], forms[i][3]);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text;
        tdm_status status;
    } bad[] = {
        {"bool", "yes", TDM_FIELD_TYPE}, {"bool", "", TDM_FIELD_TYPE}, {"bool", "2", TDM_FIELD_TYPE},
        {"bool", "tru\xc5", TDM_FIELD_TYPE}, {"i64", "12.0", TDM_FIELD_TYPE}, {"i64", "1e3", TDM_FIELD_TYPE},
        {"i64", " 1", TDM_FIELD_TYPE}, {"i64", "", TDM_FIELD_TYPE}, {"i64", "x", TDM_FIELD_TYPE}, {"i64", "0x10", TDM_FIELD_TYPE},
        {"i64", "9223372036854775808", TDM_FIELD_RANGE}, {"i64", "-9223372036854775809", TDM_FIELD_RANGE},
        {"f64", "1e400", TDM_FIELD_RANGE}, {"f64", "-1e400", TDM_FIELD_RANGE}, {"f64", "1,5", TDM_FIELD_TYPE},
        {"f64", "1.5 ", TDM_FIELD_TYPE}, {"f64", "", TDM_FIELD_TYPE}, {"f32", "1e39", TDM_FIELD_RANGE},
        {"f32", "x", TDM_FIELD_TYPE}, {"decimal(12,2)", "0.001", TDM_FIELD_RANGE}, {"decimal(12,2)", "1e-3", TDM_FIELD_RANGE},
        {"decimal(4,2)", "100", TDM_FIELD_RANGE}, {"decimal(4,2)", "99.990001", TDM_FIELD_RANGE},
        {"decimal(4,2)", "1e999999999999999999999", TDM_FIELD_RANGE}, {"decimal(4,2)", "nan", TDM_FIELD_TYPE},
        {"decimal(4,2)", ".", TDM_FIELD_TYPE}, {"decimal(4,2)", "", TDM_FIELD_TYPE}, {"decimal(4,2)", "1e", TDM_FIELD_TYPE},
        {"decimal(4,2)", "1.2.3", TDM_FIELD_TYPE}, {"decimal(4,2)", "--1", TDM_FIELD_TYPE}, {"decimal(4,2)", "0x1", TDM_FIELD_TYPE},
        {"string", "\xff", TDM_TEXT_ENCODING}, {"string", "\xed\xa0\x80", TDM_TEXT_ENCODING},
        {"timestamp", "1370080800", TDM_FIELD_TYPE}, {"timestamp", "2013-06-01", TDM_FIELD_TYPE},
        {"timestamp s", "1.5", TDM_FIELD_TYPE}, {"timestamp s", "9223372036855", TDM_FIELD_RANGE},
        {"timestamp s", "99999999999999999999", TDM_FIELD_RANGE}, {"timestamp", "", TDM_FIELD_TYPE},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_refused(bad[i].type, bad[i].text, bad[i].status);
}

/* Random decimals written with random zeros, points and exponents, against their integer. */
static void test_decimals(void **state)
{
    (void)state;
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    for (int i = 0; i < 20000; i++) {
        unsigned precision = 1 + (unsigned)tdm__random_below(&random, 18), scale = (unsigned)tdm__random_below(&random, precision + 1);
        uint64_t limit = 1;
        for (unsigned k = 0; k < precision; k++)
            limit *= 10;
        int64_t scaled = (int64_t)tdm__random_below(&random, limit);
        char digits[32], text[96], type[32];
        int shift = (int)tdm__random_below(&random, 30), zeros = (int)tdm__random_below(&random, 4);
        snprintf(digits, sizeof digits, "%lld", (long long)scaled);
        snprintf(text, sizeof text, "%s%.*s%s%c%.*se%d", i & 1 ? "-" : "", zeros, "0000", digits, '.', shift, "000000000000000000000000000000",
                 -(int)scale);
        snprintf(type, sizeof type, "decimal(%u,%u)", precision, scale);
        tdm_value v = value_of(type, text);
        i128 want = i & 1 ? -(i128)scaled : scaled;
        assert_true(v.as.dec.lo == (uint64_t)want && v.as.dec.hi == (int64_t)(want >> 64));
        assert_int_equal(v.scale, scale);
        double as_double, expected;
        assert_true(tdm__value_as_f64(&v, &as_double));
        snprintf(text, sizeof text, "%s%se-%u", i & 1 ? "-" : "", digits, scale);
        expected = strtod(text, NULL);
        assert_true(as_double == expected);
    }
}

/* Whatever bits a value has, its text reads back to them. */
static void test_round_trips(void **state)
{
    (void)state;
    static const char *const types[] = {"i64", "f64", "f32", "decimal(38,7)", "timestamp us"};
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    tdm__buf out = {0};
    for (int i = 0; i < 50000; i++) {
        tdm_type type = type_of(types[i % 5]);
        tdm_value v = {.kind = type.kind, .presence = TDM_PRESENT, .scale = type.scale}, back;
        v.as.dec = (tdm_i128){tdm__random_next(&random), 0};
        if (type.kind == TDM_DECIMAL)
            v.as.dec.hi = (int64_t)tdm__random_next(&random) >> 4; /* below 10^38 */
        bool nan = (type.kind == TDM_F64 && v.as.f64 != v.as.f64) || (type.kind == TDM_F32 && v.as.f32 != v.as.f32);
        tdm__buf_reset(&out);
        tdm__value_format(&v, &out);
        tdm_error err;
        assert_ok(tdm__value_parse(&type, tdm__strn(out.ptr, out.len), &back, &err), &err);
        if (!nan && !tdm__value_same(&v, &back))
            fail_msg("%s %.*s does not read back", types[i % 5], (int)out.len, out.ptr);
    }
    tdm__buf_free(&out);
}

static void test_not_present(void **state)
{
    (void)state;
    tdm_value null = {.kind = TDM_F64, .presence = TDM_NULL}, missing = {.kind = TDM_F64};
    double d;
    expect_text(&null, "", "null");
    expect_text(&missing, "", "null");
    assert_false(tdm__value_same(&null, &missing));
    assert_false(tdm__value_as_f64(&null, &d));
}

static void test_same(void **state)
{
    (void)state;
    tdm_value zero = value_of("f64", "0"), minus = value_of("f64", "-0"), nan = value_of("f64", "nan");
    tdm_value a = value_of("string", "ab"), b = value_of("string", "abc"), d1 = value_of("decimal(4,1)", "1"), d2 = value_of("decimal(4,2)", "0.10");
    assert_false(tdm__value_same(&zero, &minus));
    assert_true(tdm__value_same(&nan, &nan));
    assert_false(tdm__value_same(&a, &b));
    assert_true(tdm__value_same(&a, &a));
    assert_int_equal(d1.as.dec.lo, d2.as.dec.lo);
    assert_false(tdm__value_same(&d1, &d2)); /* equal integers at other scales */
}

static void test_as_f64(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text;
        double want;
    } known[] = {
        {"bool", "true", 1}, {"i64", "9007199254740993", 9007199254740992.0}, {"f32", "0.1", (double)0.1f},
        {"f64", "0.1", 0.1}, {"decimal(38,20)", "0.1", 0.1}, {"decimal(38,2)", "123456789012345678901234567890.12", 123456789012345678901234567890.12},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        tdm_value v = value_of(known[i].type, known[i].text);
        double d;
        assert_true(tdm__value_as_f64(&v, &d));
        assert_true(d == known[i].want);
    }
    double d;
    tdm_value s = value_of("string", "1"), t = value_of("timestamp", "1970-01-01T00:00:00Z");
    assert_false(tdm__value_as_f64(&s, &d));
    assert_false(tdm__value_as_f64(&t, &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),       cmocka_unit_test(test_refused), cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_not_present), cmocka_unit_test(test_same),
        cmocka_unit_test(test_as_f64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
