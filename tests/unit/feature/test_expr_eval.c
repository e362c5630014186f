/* Each function and each edge: one row of a table, with the result written by hand (or by Python where a comment says
 * so). */
#include "expr_fixture.h"

#include "expr_calendar_table.h"
#include "schema/instant.h"

static fixture fx;
static tdm__zone *new_york;

/* New York since 2007 as a TZif file without transitions: header, one type, then the same in version 2 with the
 * rule. */
static tdm__zone *make_new_york(void)
{
    static const unsigned char header[44] = {'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4};
    static const unsigned char type[10] = {0xff, 0xff, 0xb9, 0xb0, 0, 0, 'E', 'S', 'T', 0};
    tdm__buf file = {0};
    tdm_error err = {0};
    tdm__zone *zone = NULL;
    for (int version = 1; version <= 2; version++) {
        tdm__buf_add(&file, header, sizeof header);
        tdm__buf_add(&file, type, sizeof type);
    }
    tdm__buf_text(&file, "\nEST5EDT,M3.2.0,M11.1.0\n");
    assert_ok(tdm__zone_parse("America/New_York", file.ptr, file.len, &fx.arena, &zone, &err), &err);
    tdm__buf_free(&file);
    return zone;
}

static const tdm__zone *find_zone(void *self, tdm_str name, tdm_error *err)
{
    (void)self;
    if (tdm__str_is(name, "America/New_York"))
        return new_york;
    tdm__fail(err, TDM_NOT_FOUND, NULL, "the release ships no such zone");
    return NULL;
}

/* The row that every expression sees. n, x, s, t and b are present; m, y, u, c null; the rest as in set_row. */
static void set(const char *name, tdm_value v)
{
    tdm_type type = {0};
    int slot = fixture_slot(&fx, tdm__str(name), &type);
    assert_true(slot >= 0);
    v.kind = type.kind;
    v.scale = type.scale;
    tdm__column_set(&fx.column[slot], 0, &v);
}

static void set_row(void)
{
    set("n", (tdm_value){.presence = TDM_PRESENT, .as.i64 = 7});
    set("m", (tdm_value){.presence = TDM_NULL});
    set("w", (tdm_value){.presence = TDM_PRESENT, .as.i64 = 9007199254740993});
    set("x", (tdm_value){.presence = TDM_PRESENT, .as.f64 = 2.5});
    set("y", (tdm_value){.presence = TDM_NULL});
    set("z", (tdm_value){.presence = TDM_PRESENT, .as.f64 = 9007199254740992.0});
    set("f", (tdm_value){.presence = TDM_PRESENT, .as.f32 = 0.1f});
    set("d", (tdm_value){.presence = TDM_PRESENT, .as.dec = fixture_decimal(1234)});   /* 12.34 */
    set("e", (tdm_value){.presence = TDM_PRESENT, .as.dec = fixture_decimal(123401)}); /* 12.3401 */
    set("s", (tdm_value){.presence = TDM_PRESENT, .as.str = tdm__str("AA")});
    set("u", (tdm_value){.presence = TDM_NULL});
    set("b", (tdm_value){.presence = TDM_PRESENT, .as.b = true});
    set("c", (tdm_value){.presence = TDM_NULL});
    /* 2013-06-01T10:00:00Z */
    set("schedule.dep", (tdm_value){.presence = TDM_PRESENT, .as.time_us = 1370080800000000});
    set("t", (tdm_value){.presence = TDM_MISSING});
    set("schedule.origin", (tdm_value){.presence = TDM_MISSING});
    set("dash-ed", (tdm_value){.presence = TDM_PRESENT, .as.i64 = 3});
}

enum { AS_OF_S = 1370084400 }; /* 2013-06-01T11:00:00Z */

static const struct edge {
    const char *text, *result;
} edges[] = {
    /* names, literals, precedence */
    {"n", "7"}, {"m", "null"}, {"t", "missing"}, {"`dash-ed` - 1", "2"}, {"'it''s'", "it's"}, {"\"a\"\"b\"", "a\"b"},
    {"1e3", "1000"}, {"2 + 3 * 4", "14"}, {"(2 + 3) * 4", "20"}, {"2 - 3 - 4", "-5"}, {"100 / 10 / 2", "5"},
    {"-2 * 3", "-6"}, {"- n + 1", "-6"}, {"7 - -2", "9"}, {"not b or true", "true"}, {"not 1 = 2", "true"},
    {"true or false and false", "true"}, {"1 + 1 = 2 and b", "true"}, {"2 * 3 % 4", "2"}, {"-n % 4", "-3"},
    {"not not b", "true"}, {"1 in (1) and b", "true"}, {"not n in (1)", "true"},
    /* i64 */
    {"9223372036854775807 + 1", "null"}, {"-9223372036854775808 - 1", "null"}, {"9223372036854775807 * 2", "null"},
    {"-(-9223372036854775808)", "null"}, {"abs(-9223372036854775808)", "null"},
    {"-9223372036854775808", "-9223372036854775808"}, {"7 % 3", "1"}, {"-7 % 3", "-1"}, {"7 % -3", "1"},
    {"7 % 0", "null"}, {"-9223372036854775808 % -1", "0"}, {"7 / 2", "3.5"}, {"1 / 0", "null"}, {"0 / 0", "null"},
    {"n + m", "null"}, {"4611686018427387904 * -2", "-9223372036854775808"},
    /* f64 */
    {"0.1 + 0.2", "0.30000000000000004"}, {"1e308 * 10", "inf"}, {"1e308 * 10 - 1e308 * 10", "nan"},
    {"1.0 / 0", "null"}, {"-1.0 / 0.0", "null"}, {"0.0 / 0.0", "null"}, {"x % 2", "0.5"}, {"-2.5 % 2", "-0.5"},
    {"x % 0", "null"}, {"(1e308 * 10) % 2", "null"}, {"2.5 % (1e308 * 10)", "2.5"}, {"-0.0", "-0.0"},
    {"-(0.0)", "-0.0"}, {"0.0 - 0.0", "0"}, {"x + y", "null"}, {"f", "0.1"}, {"f + 0", "0.10000000149011612"},
    {"d + 0", "12.34"}, {"d / 2", "6.17"}, {"w + 0.0", "9007199254740992"},
    /* comparisons: exact, whatever the kinds */
    {"w = z", "false"}, {"w > z", "true"}, {"z < w", "true"}, {"z >= w", "false"}, {"z != w", "true"},
    {"w <= 9007199254740993.5", "true"}, {"9007199254740993 = 9007199254740992.0", "false"},
    {"9223372036854775807 < 9223372036854775808.0", "true"}, {"-9223372036854775808 = -9223372036854775808.0", "true"},
    {"w < 1e308 * 10", "true"}, {"w > -1e308 * 10", "true"}, {"n = 7.0", "true"}, {"n < 7.5", "true"},
    {"n >= 7.5", "false"}, {"-7 < -6.5", "true"}, {"-7 > -7.5", "true"}, {"0 > -0.5", "true"}, {"0 = -0.0", "true"},
    {"f = 0.1", "false"}, {"d = 12.34", "true"}, {"d < e", "true"}, {"d = e", "false"}, {"e > d", "true"},
    {"d > 12", "true"}, {"d < 12", "false"}, {"-d < -12.3", "true"}, {"d = d", "true"}, {"n = m", "null"},
    {"s = 'AA'", "true"}, {"s < 'AAA'", "true"}, {"s < 'A'", "false"}, {"'' < 'a'", "true"},
    {"'a' < '\xc3\xa4'", "true"}, {"b = true", "true"}, {"b != c", "null"},
    {"schedule.dep < '2013-06-01T12:00:00+02:00'", "false"}, {"schedule.dep = '2013-06-01T12:00:00+02:00'", "true"},
    {"'2013-06-01T09:59:59.999999Z' < schedule.dep", "true"}, {"0.0 = -0.0", "true"},
    {"1e308 * 10 - 1e308 * 10 = x", "false"}, {"1e308 * 10 - 1e308 * 10 != x", "true"},
    {"1e308 * 10 - 1e308 * 10 < n", "false"}, {"n != 1e308 * 10 - 1e308 * 10", "true"},
    {"n <= 1e308 * 10 - 1e308 * 10", "false"},
    /* logic of three values */
    {"true and c", "null"}, {"false and c", "false"}, {"c and false", "false"}, {"c and c", "null"},
    {"true or c", "true"}, {"c or true", "true"}, {"false or c", "null"}, {"c or c", "null"}, {"not c", "null"},
    {"null and false", "false"}, {"null or null", "null"}, {"b and true", "true"},
    /* in */
    {"n in (1, 7)", "true"}, {"n in (7.0)", "true"}, {"n in (7.5)", "false"}, {"n not in (1, 2)", "true"},
    {"m in (1)", "null"}, {"m not in (1)", "null"}, {"x in (2.5, 3)", "true"}, {"z in (9007199254740993)", "false"},
    {"z in (9007199254740992)", "true"}, {"w in (9007199254740992.0)", "false"}, {"f in (0.1)", "false"},
    {"d in (12.34)", "true"}, {"s in ('UA', 'AA', '')", "true"}, {"s in ('A', 'AAA')", "false"}, {"u in ('a')", "null"},
    {"-3 in (-3)", "true"}, {"0.0 in (-0.0)", "true"}, {"schedule.dep in ('2013-06-01T10:00:00Z')", "true"},
    {"(1e308 * 10 - 1e308 * 10) in (1.0)", "false"}, {"(1e308 * 10 - 1e308 * 10) not in (1.0)", "true"},
    /* choice */
    {"if(b, 1, 2)", "1"}, {"if(not b, 1, 2)", "2"}, {"if(c, 1, 2)", "2"}, {"if(null, 1, 2)", "2"},
    {"if(b, m, 2)", "null"}, {"if(b, t, t)", "null"}, {"if(b, 1, 2.5)", "1"}, {"if(b, 'x', s)", "x"},
    {"if(b, d, d)", "12.34"}, {"if(b, f, f)", "0.1"}, {"if(c, b, false)", "false"}, {"if(b, null, 3)", "null"},
    {"coalesce(m, 3)", "3"}, {"coalesce(n, 3)", "7"}, {"coalesce(m, m, 2.5)", "2.5"},
    {"coalesce(t, schedule.dep)", "2013-06-01T10:00:00.000000Z"}, {"coalesce(m, m)", "null"},
    {"coalesce(t, t)", "null"}, {"coalesce(u, s)", "AA"}, {"coalesce(c, true)", "true"}, {"coalesce(f, f)", "0.1"},
    {"is_null(m)", "true"}, {"is_null(t)", "true"}, {"is_null(n)", "false"}, {"is_null(0.0 / 0.0)", "true"},
    {"is_null(1e308 * 10 - 1e308 * 10)", "false"}, {"is_missing(t)", "true"}, {"is_missing(m)", "false"},
    {"is_missing(n)", "false"}, {"is_null('')", "false"}, {"is_null(null)", "true"},
    /* limits */
    {"clip(5, 1, 3)", "3"}, {"clip(0, 1, 3)", "1"}, {"clip(2, 1, 3)", "2"}, {"clip(x, 0, 2)", "2"},
    {"clip(n, 8, m)", "null"}, {"clip(2, n, 3)", "null"}, {"clip(2.5, n, 3)", "null"},
    {"clip(1e308 * 10 - 1e308 * 10, 0, 1)", "nan"}, {"clip(m, 0, 1)", "null"}, {"clip(-0.0, 0.0, 1)", "-0.0"},
    {"clip(schedule.dep, '2014-01-01T00:00:00Z', as_of())", "null"}, {"min(3, 2)", "2"}, {"min(3, 2, 1, 4)", "1"},
    {"max(3, 2, 5.5)", "5.5"}, {"min(n, m)", "null"}, {"min(1, 1e308 * 10 - 1e308 * 10)", "nan"},
    {"max(1e308 * 10 - 1e308 * 10, 1)", "nan"}, {"min(0.0, -0.0)", "-0.0"}, {"min(-0.0, 0.0)", "-0.0"},
    {"max(0.0, -0.0)", "0"}, {"max(-0.0, 0.0)", "0"}, {"max(schedule.dep, as_of())", "2013-06-01T11:00:00.000000Z"},
    {"min(d, 100)", "12.34"},
    /* functions of one number */
    {"abs(-3)", "3"}, {"abs(-2.5)", "2.5"}, {"abs(-0.0)", "0"}, {"abs(m)", "null"}, {"log(1)", "0"},
    {"log(2.5)", "0.9162907318741551"}, {"log(0)", "null"}, {"log(-0.0)", "null"}, {"log(-1)", "null"},
    {"log(1e308 * 10)", "inf"}, {"log1p(0)", "0"}, {"log1p(1e-10)", "9.999999999500001e-11"}, {"log1p(-1)", "null"},
    {"log1p(-2)", "null"}, {"exp(0)", "1"}, {"exp(1.5)", "4.4816890703380645"}, {"exp(1000)", "inf"},
    {"exp(-1000)", "0"}, {"sqrt(2)", "1.4142135623730951"}, {"sqrt(-1)", "null"}, {"sqrt(-0.0)", "-0.0"},
    {"sqrt(1e308 * 10)", "inf"}, {"log(1e308 * 10 - 1e308 * 10)", "nan"}, {"exp(m)", "null"}, {"floor(2.7)", "2"},
    {"floor(-2.1)", "-3"}, {"floor(7)", "7"}, {"floor(-0.0)", "-0.0"}, {"ceil(2.1)", "3"}, {"ceil(-2.7)", "-2"},
    {"ceil(-0.5)", "-0.0"}, {"floor(1e308 * 10)", "inf"}, {"ceil(7)", "7"}, {"round(2.5)", "3"}, {"round(-2.5)", "-3"},
    {"round(0.49999999999999994)", "0"}, {"round(-0.2)", "-0.0"}, {"round(4503599627370497.5)", "4503599627370498"},
    {"round(4503599627370497.0)", "4503599627370497"}, {"round(1e308 * 10)", "inf"},
    {"round(9007199254740991)", "9007199254740991"}, {"round(1e308 * 10 - 1e308 * 10)", "nan"}, {"round(d)", "12"},
    /* bucket, hash: Python's xxhash gave the numbers */
    {"bucket(x, 1, 2, 3)", "2"}, {"bucket(2, 1, 2, 3)", "2"}, {"bucket(0, 1)", "0"}, {"bucket(9, 1, 2)", "2"},
    {"bucket(n, 6.5, 7.5)", "1"}, {"bucket(-7, -7.5, -6.5)", "1"}, {"bucket(7, 7.0)", "1"}, {"bucket(m, 1)", "null"},
    {"bucket(1e308 * 10 - 1e308 * 10, 1)", "null"}, {"bucket(n, -1e300, 1e300)", "1"},
    {"bucket(9, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17)", "10"},
    {"bucket(x, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17)", "3"},
    {"bucket(99, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17)", "18"}, {"bucket(1e308 * 10, 1, 2)", "2"},
    {"hash('')", "3244421341483603138"}, {"hash(s)", "348507724075851436"},
    {"hash('Hello World')", "7153428881740817203"}, {"hash(42)", "6171893878189139912"},
    {"hash(-1)", "5841669975847748627"}, {"hash(schedule.dep)", "175740000264214008"}, {"hash(s, 1000)", "436"},
    {"hash(s, 1)", "0"}, {"hash(m)", "null"}, {"hash(s) >= 0", "true"},
    /* texts */
    {"lower('ABC\xc3\x84z[@')", "abc\xc3\x84z[@"}, {"upper('abc\xc3\xa4Z{`')", "ABC\xc3\xa4Z{`"}, {"lower('')", ""},
    {"upper(u)", "null"}, {"concat('a', 'b', '', 'c')", "abc"}, {"concat(s, u)", "null"}, {"concat('', '')", ""},
    {"concat(s, null)", "null"}, {"contains('hello', 'll')", "true"}, {"contains('hello', 'lx')", "false"},
    {"contains('hello', '')", "true"}, {"contains('', '')", "true"}, {"contains('', 'a')", "false"},
    {"contains('aab', 'ab')", "true"}, {"contains('aaa', 'aaaa')", "false"}, {"contains('xab', 'ab')", "true"},
    {"contains(u, 'a')", "null"}, {"starts_with('hello', 'he')", "true"}, {"starts_with('he', 'hello')", "false"},
    {"starts_with('a', '')", "true"}, {"ends_with('hello', 'lo')", "true"}, {"ends_with('hello', 'hello!')", "false"},
    {"ends_with('', '')", "true"}, {"ends_with('hello', 'll')", "false"}, {"length('')", "0"}, {"length('abc')", "3"},
    {"length('\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80')", "3"}, {"length(u)", "null"}, {"lookup(seats, s)", "100"},
    {"lookup(seats, 'UA')", "null"}, {"lookup(seats, 'ZZ')", "null"}, {"lookup(seats, 'ZZ', 5)", "5"},
    {"lookup(seats, 'UA', 5)", "null"}, {"lookup(seats, u, 5)", "5"}, {"lookup(seats, u)", "null"},
    {"lookup('seats', '')", "7"}, {"lookup(words, 4)", "even"}, {"lookup(words, n, 'odd')", "odd"},
    {"lookup(words, null, 'none')", "none"},
    /* conversions */
    {"to_f64(7)", "7"}, {"to_f64(true)", "1"}, {"to_f64('1.5e3')", "1500"}, {"to_f64('abc')", "null"},
    {"to_f64('')", "null"}, {"to_f64(d)", "12.34"}, {"to_f64(f)", "0.10000000149011612"}, {"to_i64(2.9)", "2"},
    {"to_i64(-2.9)", "-2"}, {"to_i64(1e19)", "null"}, {"to_i64(9223372036854775808.0)", "null"},
    {"to_i64(-9223372036854775808.0)", "-9223372036854775808"}, {"to_i64(1e308 * 10 - 1e308 * 10)", "null"},
    {"to_i64(false)", "0"}, {"to_i64('12')", "12"}, {"to_i64('12.5')", "null"},
    {"to_i64('99999999999999999999')", "null"}, {"to_i64(d)", "12"}, {"to_i64(schedule.dep)", "1370080800000000"},
    {"to_string(7)", "7"}, {"to_string(0.1)", "0.1"}, {"to_string(true)", "true"}, {"to_string(m)", "null"},
    {"to_string(d)", "12.34"}, {"to_string(schedule.dep)", "2013-06-01T10:00:00.000000Z"}, {"to_string(s)", "AA"},
    {"to_i64(f)", "0"},
    /* instants */
    {"age(schedule.dep)", "3600"}, {"age('2013-06-01T12:00:00.5Z')", "-3600.5"},
    {"as_of()", "2013-06-01T11:00:00.000000Z"}, {"age(t)", "null"}, {"seconds_between(schedule.dep, as_of())", "3600"},
    {"seconds_between('2013-06-01T10:00:00.000001Z', schedule.dep)", "-0.000001"},
    {"hour(schedule.dep, \"America/New_York\")", "6"}, {"hour(schedule.dep)", "10"},
    {"hour(schedule.dep, 'UTC')", "10"}, {"hour(t)", "null"},
    {"day_of_week('2013-06-02T03:59:59Z', 'America/New_York')", "6"}, {"day_of_week('2013-06-02T03:59:59Z')", "7"},
    /* distances: Python's math gave the kilometres, see also distances_are_close */
    {"haversine(91, 0, 0, 0)", "null"}, {"haversine(0, 361, 0, 0)", "null"}, {"haversine(0, 0, 0, 1e308 * 10)", "null"},
    {"haversine(1, 2, 1, 2)", "0"}, {"haversine(y, 0, 0, 0)", "null"},
    {"haversine(1e308 * 10 - 1e308 * 10, 0, 0, 0)", "nan"},
};

static tdm__expression *compile(const char *text)
{
    tdm__expression *e = NULL;
    tdm_error err = {0};
    tdm_status s = tdm__expression_compile(tdm__str(text), &fx.scope, &fx.arena, &e, NULL, &err);
    if (s)
        print_message("%s\n", text);
    assert_ok(s, &err);
    return e;
}

static void eval(const char *text, tdm_value *out)
{
    tdm__expression *e = compile(text);
    tdm__column column = {.type = tdm__expression_type(e)};
    tdm_error err = {0};
    assert_true(tdm__column_init(&column, &column.type, &fx.arena));
    assert_ok(tdm__expression_eval(e, fx.slots, 1, AS_OF_S * INT64_C(1000000), &fx.arena, &column, &err), &err);
    tdm__column_get(&column, 0, out);
    if (!tdm__expression_type(e).nullable)
        assert_int_equal(out->presence, TDM_PRESENT);
}

static void edges_are_as_documented(void **state)
{
    (void)state;
    tdm__buf text = {0};
    set_row();
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        tdm_value v;
        eval(edges[i].text, &v);
        tdm__buf_reset(&text);
        tdm__value_format(&v, &text);
        const char *found = v.presence == TDM_NULL ? "null" : v.presence == TDM_MISSING ? "missing" : tdm__buf_z(&text);
        if (strcmp(found, edges[i].result))
            fail_msg("%s: %s, not %s", edges[i].text, found, edges[i].result);
    }
    tdm__buf_free(&text);
}

static void calendar_is_pythons(void **state)
{
    (void)state;
    static const char *const fields[] = {"hour", "minute", "day_of_week", "day_of_month", "day_of_year", "month",
                                         "year"};
    for (size_t row = 0; row < sizeof calendar_rows / sizeof *calendar_rows; row++) {
        const struct calendar_row *r = &calendar_rows[row];
        set("t", (tdm_value){.presence = TDM_PRESENT, .as.time_us = r->us});
        for (int i = 0; i < 7; i++) {
            char text[64];
            tdm_value v;
            snprintf(text, sizeof text, "%s(t%s)", fields[i], r->new_york ? ", 'America/New_York'" : "");
            eval(text, &v);
            if (v.as.i64 != r->field[i])
                fail_msg("%s at %lld: %lld, not %d", text, (long long)r->us, (long long)v.as.i64, r->field[i]);
        }
    }
}

static void distances_are_close(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double km;
    } known[] = {
        {"haversine(40.6413, -73.7781, 33.9416, -118.4085)", 3974.3416895777727}, /* JFK to LAX */
        {"haversine(0, 0, 0, 180)", 6371.0088 * 3.14159265358979323846},
        {"haversine(90, 0, -90, 0)", 6371.0088 * 3.14159265358979323846},
        {"haversine(0, 179.5, 0, -179.5)", 6371.0088 * 3.14159265358979323846 / 180},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        tdm_value v;
        eval(known[i].text, &v);
        assert_true(fabs(v.as.f64 - known[i].km) <= 1e-9 * known[i].km);
    }
}

/* Two NaNs of different bits: the result's bits must not tell which came first. */
static void one_nan_comes_out(void **state)
{
    (void)state;
    static const char *const texts[] = {"x + y", "y + x", "x * y", "x - y", "-x", "abs(y)", "min(x, y)", "max(y, x)",
                                        "x / y",
                                        "clip(x, 0, y)", "round(y)", "floor(x)", "sqrt(y)", "log(x)", "exp(y)",
                                            "x % y"};
    const uint64_t bits[] = {UINT64_C(0xfff8000000001234), UINT64_C(0x7ff8000000005678)};
    double nan_x, nan_y;
    memcpy(&nan_x, &bits[0], 8);
    memcpy(&nan_y, &bits[1], 8);
    set("x", (tdm_value){.presence = TDM_PRESENT, .as.f64 = nan_x});
    set("y", (tdm_value){.presence = TDM_PRESENT, .as.f64 = nan_y});
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tdm_value v;
        uint64_t found;
        eval(texts[i], &v);
        assert_int_equal(v.presence, TDM_PRESENT);
        memcpy(&found, &v.as.f64, 8);
        if (found != UINT64_C(0x7ff8000000000000))
            fail_msg("%s: %llx", texts[i], (unsigned long long)found);
    }
}

static void a_made_text_is_bounded(void **state)
{
    (void)state;
    char *big = calloc(1, 32769);
    tdm_value v;
    memset(big, 'x', 32768);
    set("s", (tdm_value){.presence = TDM_PRESENT, .as.str = tdm__strn(big, 32768)});
    eval("length(concat(s, s))", &v);
    assert_int_equal(v.as.i64, 65536);
    eval("length(concat(s, s, 'x'))", &v);
    assert_int_equal(v.presence, TDM_NULL);
    eval("length(concat(concat(s, s), concat(s, s)))", &v);
    assert_int_equal(v.presence, TDM_NULL);
    free(big);
}

/* The page holds what the table holds: name, signature, text and edges of every function. TANDEM_RECORD=1 writes its
 * part anew. */
static void the_page_is_the_table(void **state)
{
    (void)state;
    static const char begin[] = "<!-- functions: from lib/feature/expr_functions.h -->\n", end[] =
        "<!-- end of functions -->\n";
    const char *path = support_path(support_source_root(), "docs/reference/expressions.md");
    char *page = support_read_file(path, NULL), *from = strstr(page, begin), *to = from ? strstr(from, end) : NULL;
    assert_non_null(to);
    from += strlen(begin);
    size_t n;
    const tdm__function_doc *doc = tdm__function_docs(&n);
    tdm__buf want = {0};
    tdm__buf_text(&want, "| function | gives | edges |\n|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        assert_true(strncmp(doc[i].signature, doc[i].name, strlen(doc[i].name)) == 0);
        tdm__buf_printf(&want, "| `%s` | %s | %s |\n", doc[i].signature, doc[i].text, doc[i].edges);
    }
    const char *table = tdm__buf_z(&want);
    if (getenv("TANDEM_RECORD")) {
        tdm__buf file = {0};
        tdm__buf_add(&file, page, (size_t)(from - page));
        tdm__buf_text(&file, table);
        tdm__buf_text(&file, to);
        support_write_file(path, file.ptr, file.len);
        tdm__buf_free(&file);
    } else if (want.len != (size_t)(to - from) || memcmp(from, table, want.len)) {
        fail_msg("docs/reference/expressions.md differs from the table; TANDEM_RECORD=1 writes it anew");
    }
    tdm__buf_free(&want);
    support_free(page);
}

static int open_fixture(void **state)
{
    (void)state;
    fixture_open(&fx);
    new_york = make_new_york();
    fx.scope.zone = find_zone;
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
        cmocka_unit_test(edges_are_as_documented),
        cmocka_unit_test(calendar_is_pythons),
        cmocka_unit_test(distances_are_close),
        cmocka_unit_test(one_nan_comes_out),
        cmocka_unit_test(a_made_text_is_bounded),
        cmocka_unit_test(the_page_is_the_table),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
