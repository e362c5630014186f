/* The JSON scanner: what each call takes, where it stands afterwards, what it says; numbers against strtod, texts
 * against a plain decoder, UTF-8 against a plain check, names against a search from the first to the last. */
#include "support.h"

#include <math.h>

#include "base/number.h"
#include "base/random.h"
#include "codec/json_scan.h"

typedef struct fixture {
    tdm__json_scan scan;
    tdm__arena texts;
    tdm_error err;
    char *bytes; /* of exactly the text's size, so that a sanitizer sees a step beyond it */
} fixture;

static void begin(fixture *f, const char *text, size_t n)
{
    memset(f, 0, sizeof *f);
    f->bytes = malloc(n ? n : 1);
    assert_non_null(f->bytes);
    memcpy(f->bytes, text, n);
    assert_ok(tdm__json_begin_scan(&f->scan, tdm__strn(f->bytes, n), &f->texts, &f->err), &f->err);
}

static void begin_z(fixture *f, const char *text)
{
    begin(f, text, strlen(text));
}

static void end(fixture *f)
{
    tdm__arena_free(&f->texts);
    free(f->bytes);
}

/* Where the scanner stands, as what is left. */
static void assert_left(const fixture *f, const char *want)
{
    assert_int_equal((size_t)(f->scan.end - f->scan.at), strlen(want));
    assert_memory_equal(f->scan.at, want, strlen(want));
}

static void assert_says(const tdm_error *err, const char *want)
{
    char text[1024];
    tdm_error_format(err, text, sizeof text);
    assert_string_equal(text, want);
}

static uint64_t bits_of(double v)
{
    uint64_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

/* ---- numbers ---- */

static void test_number_syntax(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long taken; /* bytes; -N: a fault at byte N */
    } cases[] = {
        {"0", 1}, {"-0", 2}, {"7]", 1}, {"10", 2}, {"1.5", 3}, {"-1.25e-3,", 8}, {"1E5", 3}, {"1e+5", 4}, {"0.5", 3}, {"0e0", 3},
        {"123456789012345678901234567890", 30}, {"0.00000000000000000000001", 25}, {"1e999999999999999999999999", 26},
        {"01", -2}, {"-01", -3}, {"00", -2}, {"-", -2}, {"--1", -2}, {"-a", -2}, {"1.", -3}, {"1.e5", -3}, {"1.x", -3}, {"1e", -3},
        {"1e+", -4}, {"1e-x", -4}, {"12345678.", -10}, {"-.5", -2}, {"1.5.5", 3}, {"1 2", 1}, {"0x10", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int padded = 0; padded < 2; padded++) { /* near the end, and far from it */
            char text[200];
            fixture f;
            double v;
            tdm_str number;
            snprintf(text, sizeof text, "%s%s", cases[i].text, padded ? "                                                  " : "");
            begin_z(&f, text);
            bool huge = strlen(cases[i].text) == 26;
            tdm_status s = tdm__json_take_f64(&f.scan, false, &v);
            if (cases[i].taken < 0) {
                assert_status(s, TDM_JSON_SYNTAX, &f.err);
                char place[32];
                snprintf(place, sizeof place, ", at byte %ld", -cases[i].taken);
                assert_non_null(strstr(f.err.what, place));
            } else {
                assert_status(s, huge ? TDM_FIELD_RANGE : TDM_OK, &f.err);
                assert_int_equal(f.scan.at - f.scan.begin, cases[i].taken);
                f.scan.at = f.scan.begin;
                assert_ok(tdm__json_take_number(&f.scan, &number), &f.err);
                assert_int_equal(number.len, cases[i].taken);
            }
            end(&f);
        }
}

/* Any valid number of JSON. */
static void make_number(tdm__random *r, tdm__buf *out)
{
    static const size_t lengths[] = {1, 1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 18, 19, 20, 21, 30};
    tdm__buf_reset(out);
    if (tdm__random_below(r, 2))
        tdm__buf_char(out, '-');
    size_t whole = lengths[tdm__random_below(r, 16)], part = lengths[tdm__random_below(r, 16)];
    if (tdm__random_below(r, 2))
        tdm__buf_char(out, '0');
    else
        for (size_t i = 0; i < whole; i++)
            tdm__buf_char(out, (char)('0' + (i ? tdm__random_below(r, 10) : 1 + tdm__random_below(r, 9))));
    if (tdm__random_below(r, 3)) {
        tdm__buf_char(out, '.');
        for (size_t i = 0; i < part; i++)
            tdm__buf_char(out, (char)('0' + (tdm__random_below(r, 4) ? tdm__random_below(r, 10) : 0)));
    }
    if (tdm__random_below(r, 3) == 0)
        tdm__buf_printf(out, "%c%s%d", "eE"[tdm__random_below(r, 2)], (const char *[]){"", "+", "-"}[tdm__random_below(r, 3)],
                        (int)tdm__random_below(r, tdm__random_below(r, 2) ? 30 : 340));
}

static void check_number(const char *text, size_t n)
{
    char room[128];
    fixture f;
    double got = 0, same;
    bool overflow;
    for (int padded = 0; padded < 2; padded++) {
        snprintf(room, sizeof room, "%.*s%s", (int)n, text, padded ? ",                                  1" : "");
        double want = strtod(room, NULL);
        begin_z(&f, room);
        tdm_status s = tdm__json_take_f64(&f.scan, false, &got);
        assert_true(tdm__parse_f64(tdm__strn(text, n), &same, &overflow));
        assert_int_equal(bits_of(same), bits_of(want));
        assert_int_equal(f.scan.at - f.scan.begin, n);
        if (isinf(want))
            assert_status(s, TDM_FIELD_RANGE, &f.err);
        else if (s || bits_of(got) != bits_of(want))
            fail_msg("%s: got %.17g, want %.17g", room, got, want);
        end(&f);
    }
}

static void test_numbers_against_strtod(void **state)
{
    (void)state;
    static const char *const hard[] = {
        "9007199254740993", "9007199254740992.5", "9007199254740993e22", "9007199254740992e-22", "1e22", "1e23", "1e-22", "1e-23",
        "2.2250738585072011e-308", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623157e308",
        "1.7976931348623158e308", "1.7976931348623159e308", "18446744073709551615", "9999999999999999999", "0.9999999999999999999",
        "-0.0", "-0", "0e5", "123456789012345678e-5", "8.98846567431158e307", "0.500000000000000166533453693773481063544750213623046875",
    };
    tdm__random r;
    tdm__buf text = {0};
    tdm__random_seed(&r, support_seed());
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++)
        check_number(hard[i], strlen(hard[i]));
    for (int i = 0; i < 30000; i++) {
        make_number(&r, &text);
        check_number(text.ptr, text.len);
    }
    tdm__buf_free(&text);
}

static void test_scale(void **state)
{
    (void)state;
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < 30000; i++) {
        char text[64];
        uint64_t digits = tdm__random_next(&r) >> tdm__random_below(&r, 64);
        digits %= UINT64_C(10000000000000000000);
        int exponent = (int)tdm__random_below(&r, 700) - 350;
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
        assert_int_equal(bits_of(tdm__scale_f64(digits, exponent)), bits_of(strtod(text, NULL)));
    }
}

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t low, high;
        tdm_status status;
        int64_t want;
    } cases[] = {
        {"0", 0, 0, TDM_OK, 0}, {"-0", 0, 9, TDM_OK, 0}, {"9223372036854775807", INT64_MIN, INT64_MAX, TDM_OK, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, TDM_OK, INT64_MIN}, {"9223372036854775808", INT64_MIN, INT64_MAX, TDM_FIELD_RANGE, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, TDM_FIELD_RANGE, 0}, {"18446744073709551617", INT64_MIN, INT64_MAX, TDM_FIELD_RANGE, 0},
        {"100000000000000000000000000", INT64_MIN, INT64_MAX, TDM_FIELD_RANGE, 0}, {"5", 6, 9, TDM_FIELD_RANGE, 0}, {"10", 6, 9, TDM_FIELD_RANGE, 0},
        {"-7", -7, -7, TDM_OK, -7}, {"1.0", 0, 9, TDM_FIELD_TYPE, 0}, {"1e0", 0, 9, TDM_FIELD_TYPE, 0}, {"\"1\"", 0, 9, TDM_FIELD_TYPE, 0},
        {"[1,2]", 0, 9, TDM_FIELD_TYPE, 0}, {"null", 0, 9, TDM_FIELD_TYPE, 0}, {"01", 0, 9, TDM_JSON_SYNTAX, 0}, {"x", 0, 9, TDM_JSON_SYNTAX, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        int64_t v = 0;
        begin_z(&f, cases[i].text);
        assert_status(tdm__json_take_i64(&f.scan, cases[i].low, cases[i].high, &v), cases[i].status, &f.err);
        assert_true(cases[i].status || v == cases[i].want);
        if (cases[i].status != TDM_JSON_SYNTAX)
            assert_left(&f, "");
        end(&f);
    }
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double want;
    } cases[] = {{"NaN", NAN}, {"null", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    for (size_t i = 0; i < 4; i++) {
        fixture f;
        double v = 0;
        begin_z(&f, cases[i].text);
        assert_ok(tdm__json_take_f64(&f.scan, true, &v), &f.err);
        assert_int_equal(bits_of(v), bits_of(cases[i].want));
        assert_left(&f, "");
        f.scan.at = f.scan.begin;
        assert_int_not_equal(tdm__json_take_f64(&f.scan, false, &v), TDM_OK);
        f.scan.at = f.scan.begin;
        assert_int_equal(tdm__json_skip(&f.scan), i == 1 ? TDM_OK : TDM_JSON_SYNTAX);
        f.scan.at = f.scan.begin;
        f.scan.words = true;
        assert_ok(tdm__json_skip(&f.scan), &f.err);
        assert_left(&f, "");
        end(&f);
    }
}

/* ---- texts ---- */

/* A text and how it is written: plain letters, escapes, all lengths of UTF-8. */
static void make_string(tdm__random *r, tdm__buf *written, tdm__buf *meant)
{
    static const struct {
        const char *written, *meant;
    } pieces[] = {
        {"\\n", "\n"}, {"\\\"", "\""}, {"\\\\", "\\"}, {"\\/", "/"}, {"\\t", "\t"}, {"\\b", "\b"}, {"\\f", "\f"}, {"\\r", "\r"},
        {"\\u0041", "A"}, {"\\u00e9", "\xc3\xa9"}, {"\\u20AC", "\xe2\x82\xac"}, {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\xc3\xa9", "\xc3\xa9"}, {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, {"\x7f", "\x7f"}, {"{", "{"}, {"\\uFFFF", "\xef\xbf\xbf"},
    };
    size_t n = tdm__random_below(r, 6);
    tdm__buf_reset(written);
    tdm__buf_reset(meant);
    for (size_t i = 0; i < n; i++) {
        size_t plain = tdm__random_below(r, 20), which = tdm__random_below(r, sizeof pieces / sizeof pieces[0]);
        for (size_t k = 0; k < plain; k++) {
            tdm__buf_char(written, (char)('a' + k));
            tdm__buf_char(meant, (char)('a' + k));
        }
        if (tdm__random_below(r, 3)) {
            tdm__buf_text(written, pieces[which].written);
            tdm__buf_text(meant, pieces[which].meant);
        }
    }
}

static void test_texts(void **state)
{
    (void)state;
    tdm__random r;
    tdm__buf written = {0}, meant = {0}, text = {0};
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < 20000; i++) {
        fixture f;
        tdm_str got, name;
        bool first = true, more;
        make_string(&r, &written, &meant);
        tdm__buf_reset(&text);
        tdm__buf_printf(&text, " { \"%.*s\" :\t\"%.*s\"}", (int)written.len, written.len ? written.ptr : "", (int)written.len,
                        written.len ? written.ptr : "");
        begin(&f, text.ptr, text.len);
        assert_ok(tdm__json_open(&f.scan, '{'), &f.err);
        assert_ok(tdm__json_next_name(&f.scan, &first, &name, &more), &f.err);
        assert_true(more && tdm__str_equal(name, tdm__strn(meant.ptr, meant.len)));
        assert_ok(tdm__json_take_text(&f.scan, &got), &f.err);
        assert_true(tdm__str_equal(got, name));
        if (!memchr(text.ptr, '\\', text.len)) /* then they are views */
            assert_true(got.ptr >= f.bytes && got.ptr <= f.bytes + text.len && f.texts.used_bytes == 0);
        assert_ok(tdm__json_next_name(&f.scan, &first, &name, &more), &f.err);
        assert_false(more);
        assert_ok(tdm__json_end_scan(&f.scan), &f.err);
        end(&f);
    }
    tdm__buf_free(&written);
    tdm__buf_free(&meant);
    tdm__buf_free(&text);
}

/* Wherever in a long text the fault is, it is told there. */
static void test_bad_texts(void **state)
{
    (void)state;
    static const char *const bad[] = {"\\x", "\\u12g4", "\\u123", "\\ud800", "\\ud800\\u0041", "\\udc00", "\n", "\x01", "\x1f", "\t"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (int at = 0; at < 40; at++)
            for (int after = 0; after < 20; after += 19) {
                char text[128], place[32];
                fixture f;
                tdm_str got;
                snprintf(text, sizeof text, "\"%.*s%s%.*s\"", at, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", bad[i], after,
                         "xyzxyzxyzxyzxyzxyzxyz");
                snprintf(place, sizeof place, ", at byte %d", at + 2);
                begin_z(&f, text);
                assert_status(tdm__json_take_text(&f.scan, &got), TDM_JSON_SYNTAX, &f.err);
                assert_non_null(strstr(f.err.what, place));
                end(&f);
            }
    fixture f;
    tdm_str got;
    for (size_t n = 1; n < 40; n++) { /* not closed */
        begin(&f, "\"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", n);
        assert_status(tdm__json_take_text(&f.scan, &got), TDM_JSON_SYNTAX, &f.err);
        assert_string_equal(f.err.found, "the text's end");
        end(&f);
    }
}

/* One sequence of UTF-8 by its definition: the value that its bits say, in the fewest bytes that can, no surrogate. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    static const unsigned least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (len < 2 || len > n)
        return len == 1;
    unsigned v = p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (p[i] & 0x3f);
    }
    return v >= least[len] && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff) ? len : 0;
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "abcdefgh", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "abcdefghijklmnopqrstuvwxyzabcdefghi",
                                         "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    tdm__random r;
    tdm__buf text = {0};
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < 20000; i++) {
        tdm__buf_reset(&text);
        size_t n = tdm__random_below(&r, 12), valid = 0;
        for (size_t k = 0; k < n; k++)
            tdm__buf_text(&text, pieces[tdm__random_below(&r, tdm__random_below(&r, 4) ? 8 : 13)]);
        for (size_t step = 1; valid < text.len && step; valid += step)
            step = utf8_length((const unsigned char *)text.ptr + valid, text.len - valid);
        tdm_str s = {text.ptr, text.len};
        assert_int_equal(tdm__utf8_prefix(s), valid);
        assert_int_equal(tdm__utf8_valid(s), valid == text.len);
    }
    tdm__json_scan scan;
    tdm_error err;
    assert_status(tdm__json_begin_scan(&scan, tdm__str("[\"\xff\"]"), NULL, &err), TDM_TEXT_ENCODING, &err);
    assert_says(&err, "the text is not valid UTF-8, at byte 3: found \"\\xff\"");
    tdm__buf_free(&text);
}

/* ---- kinds ---- */

enum { OBJECT, LIST, TEXT, NUMBER, BOOL, NOTHING, KINDS };

static tdm_status take_kind(tdm__json_scan *s, int kind)
{
    tdm_str text;
    double v;
    bool b;
    switch (kind) {
    case OBJECT: return tdm__json_open(s, '{');
    case LIST: return tdm__json_open(s, '[');
    case TEXT: return tdm__json_take_text(s, &text);
    case NUMBER: return tdm__json_take_f64(s, false, &v);
    case BOOL: return tdm__json_take_bool(s, &b);
    default: return tdm__json_take_null(s) ? TDM_OK : TDM_FIELD_TYPE;
    }
}

/* Each kind asked for where each other stands: an error, and the next value can be read. */
static void test_kinds(void **state)
{
    (void)state;
    static const char *const values[KINDS] = {"{\"a\":[1,{}]}", "[[],\"]\",{\"x\":1}]", "\"t\\n\"", "-1.5e3", "true", "null"};
    static const char first[KINDS] = {'{', '[', '"', '0', 't', 'n'};
    for (int asked = 0; asked < KINDS - 1; asked++)
        for (int given = 0; given < KINDS; given++) {
            char text[64];
            fixture f;
            snprintf(text, sizeof text, " \n%s,", values[given]);
            begin_z(&f, text);
            assert_int_equal(tdm__json_peek(&f.scan), first[given]);
            assert_left(&f, text + 2);
            assert_status(take_kind(&f.scan, asked), asked == given ? TDM_OK : TDM_FIELD_TYPE, &f.err);
            if (asked != given || asked > LIST)
                assert_left(&f, ",");
            if (asked != given)
                assert_true(f.err.expected[0] && f.err.found[0]);
            end(&f);
        }
    static const char *const none[] = {"", " ", "x", "]", "}", ",", "nul", "tru", "fals", "True", "'", "NaN", "+1", ".5"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        for (int asked = 0; asked < KINDS - 1; asked++) {
            fixture f;
            begin_z(&f, none[i]);
            assert_status(take_kind(&f.scan, asked), TDM_JSON_SYNTAX, &f.err);
            assert_false(tdm__json_take_null(&f.scan));
            end(&f);
        }
}

static void test_what_it_says(void **state)
{
    (void)state;
    fixture f;
    double v;
    int64_t i;
    bool first = true, more;
    tdm_str name;
    begin_z(&f, "{\"a\":[1],\"b\":1e999,\"c\":12 \"d\"}");
    assert_ok(tdm__json_open(&f.scan, '{'), &f.err);
    assert_ok(tdm__json_next_name(&f.scan, &first, &name, &more), &f.err);
    assert_status(tdm__json_take_f64(&f.scan, true, &v), TDM_FIELD_TYPE, &f.err);
    assert_says(&f.err, "the value is not a number: expected a number, found a list");
    assert_ok(tdm__json_next_name(&f.scan, &first, &name, &more), &f.err);
    assert_status(tdm__json_take_f64(&f.scan, true, &v), TDM_FIELD_RANGE, &f.err);
    assert_says(&f.err, "the number is too large: expected a number below 1.8e308, found \"1e999\"");
    assert_ok(tdm__json_next_name(&f.scan, &first, &name, &more), &f.err);
    assert_status(tdm__json_take_i64(&f.scan, 0, 11, &i), TDM_FIELD_RANGE, &f.err);
    assert_says(&f.err, "the integer is out of range: expected 0 to 11, found \"12\"");
    assert_status(tdm__json_next_name(&f.scan, &first, &name, &more), TDM_JSON_SYNTAX, &f.err);
    assert_says(&f.err, "a comma or the closing brace must follow, at byte 27: found \"\\\"\"");
    f.scan.at = f.scan.begin + 5;
    assert_status(tdm__json_open(&f.scan, '{'), TDM_FIELD_TYPE, &f.err);
    assert_says(&f.err, "the value is not an object: expected an object, found a list");
    assert_status(tdm__json_twice(&f.scan, tdm__str("a")), TDM_JSON_SYNTAX, &f.err);
    assert_says(&f.err, "the object has the same name twice, at byte 9: found \"a\"");
    f.scan.at = f.scan.end;
    f.scan.within = "row";
    assert_status(tdm__json_fault(&f.scan, NULL, "more must follow"), TDM_JSON_SYNTAX, &f.err);
    assert_says(&f.err, "more must follow, at byte 31 of the row: found the row's end");
    end(&f);
}

static void test_walks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int items; /* of a list of skipped values; -1: not JSON */
    } cases[] = {
        {"[]", 0}, {" [ ] ", 0}, {"[1]", 1}, {"[ 1 , [2,3] , {\"a\":{}} ]", 3}, {"[1,]", -1}, {"[,1]", -1}, {"[1 2]", -1}, {"[1", -1},
        {"[", -1}, {"[1,", -1}, {"[1]]", -1}, {"[1]x", -1}, {"[{\"a\"}]", -1}, {"[{\"a\":}]", -1}, {"[{\"a\":1,}]", -1}, {"[{,}]", -1},
        {"[{a:1}]", -1}, {"[[}]", -1}, {"[{]]", -1}, {"[{\"a\":1]", -1}, {"[\"a]", -1}, {"[1}", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture f;
        bool first = true, more = true;
        int n = 0;
        begin_z(&f, cases[i].text);
        tdm_status s = tdm__json_open(&f.scan, '[');
        while (!s && !(s = tdm__json_next_item(&f.scan, &first, &more)) && more) {
            s = tdm__json_skip(&f.scan);
            n++;
        }
        if (!s)
            s = tdm__json_end_scan(&f.scan);
        assert_status(s, cases[i].items < 0 ? TDM_JSON_SYNTAX : TDM_OK, &f.err);
        assert_true(s || n == cases[i].items);
        end(&f);
    }
}

static void test_depth(void **state)
{
    (void)state;
    for (int depth = 30; depth < 36; depth++)
        for (int object = 0; object < 2; object++) {
            tdm__buf text = {0};
            fixture f;
            for (int i = 0; i < depth; i++)
                tdm__buf_text(&text, object ? "{\"a\":" : "[");
            tdm__buf_text(&text, "0");
            for (int i = 0; i < depth; i++)
                tdm__buf_text(&text, object ? "}" : "]");
            begin(&f, text.ptr, text.len);
            assert_status(tdm__json_skip(&f.scan), depth > TDM__JSON_DEPTH_MAX ? TDM_JSON_SYNTAX : TDM_OK, &f.err);
            end(&f);
            tdm__buf_free(&text);
        }
}

/* ---- values of columns: the rules themselves are test_jsonl_rows.c's ---- */

static void test_column_values(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text;
        tdm_status status;
        const char *want; /* as JSON */
    } cases[] = {
        {"f64?", "null", TDM_OK, "null"}, {"f64", "null", TDM_FIELD_NULL, NULL}, {"f64", "NaN", TDM_OK, "\"nan\""}, {"f32", "-Infinity", TDM_OK, "\"-inf\""},
        {"f64", "Infinity", TDM_OK, "\"inf\""}, {"f64", "\"nan\"", TDM_OK, "\"nan\""}, {"i64", "NaN", TDM_FIELD_TYPE, NULL}, {"string", "-Infinity", TDM_FIELD_TYPE, NULL},
        {"f64", "\"1\"", TDM_FIELD_TYPE, NULL}, {"i64", "\"1\"", TDM_FIELD_TYPE, NULL}, {"i64", "9223372036854775808", TDM_FIELD_RANGE, NULL},
        {"i64", "-9223372036854775808", TDM_OK, "-9223372036854775808"}, {"f64", "1e999", TDM_FIELD_RANGE, NULL}, {"bool", "1", TDM_FIELD_TYPE, NULL},
        {"bool", "false", TDM_OK, "false"}, {"string", "\"\\u00e9\"", TDM_OK, "\"\xc3\xa9\""}, {"decimal(5,2)", "1.25", TDM_OK, "\"1.25\""},
        {"timestamp ms", "1000", TDM_OK, "\"1970-01-01T00:00:01.000000Z\""}, {"f64", "[1]", TDM_FIELD_TYPE, NULL}, {"f64", "12345678.125", TDM_OK, "12345678.125"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        fixture f;
        tdm_type type;
        tdm__column column;
        tdm_value v;
        tdm__buf got = {0};
        snprintf(text, sizeof text, "%s]", cases[i].text);
        begin_z(&f, text);
        f.scan.words = true;
        assert_ok(tdm__type_parse(tdm__str(cases[i].type), &type, &f.err), &f.err);
        assert_true(tdm__column_init(&column, &type, &f.texts));
        assert_status(tdm__json_take_value(&f.scan, &column, 3), cases[i].status, &f.err);
        assert_left(&f, "]");
        if (!cases[i].status) {
            tdm__column_get(&column, 3, &v);
            tdm__value_json(&v, &got);
            assert_string_equal(tdm__buf_z(&got), cases[i].want);
        }
        tdm__buf_free(&got);
        end(&f);
    }
}

/* ---- names ---- */

static int search(const tdm_str *names, size_t n, tdm_str name)
{
    for (size_t i = 0; i < n; i++)
        if (names[i].len == name.len && strncmp(names[i].ptr, name.ptr, name.len) == 0)
            return (int)i;
    return -1;
}

static void test_names(void **state)
{
    (void)state;
    enum { MOST = 300 };
    static char room[MOST][24];
    tdm_str names[MOST];
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int round = 0; round < 40; round++) {
        tdm__arena arena = {0};
        tdm__names_index index;
        size_t n = tdm__random_below(&r, round % 2 ? MOST : 6);
        for (size_t i = 0; i < n; i++) { /* lengths 0 to 20, some names twice */
            size_t len = tdm__random_below(&r, 21);
            for (size_t k = 0; k < len; k++)
                room[i][k] = (char)('a' + tdm__random_below(&r, 2));
            names[i] = tdm__strn(room[i], len);
        }
        assert_true(tdm__names_index_make(&index, names, n, &arena));
        for (size_t i = 0; i < n; i++)
            for (size_t guess = 0; guess < n + 2; guess += 1 + tdm__random_below(&r, 20)) {
                char other[24];
                memcpy(other, room[i], names[i].len);
                tdm_str name = {other, names[i].len};
                assert_int_equal(tdm__names_index_find(&index, name, guess), search(names, n, name));
                assert_int_equal(tdm__names_index_find(&index, name, i), search(names, n, name));
                if (name.len > 0)
                    other[tdm__random_below(&r, name.len)] ^= 1;
                assert_int_equal(tdm__names_index_find(&index, name, guess), search(names, n, name));
            }
        tdm__arena_free(&arena);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    fixture f;
    tdm_str got;
    tdm__names_index index;
    tdm__arena arena = {0};
    begin_z(&f, "\"a\\n\"");
    support_fail_alloc_at(1);
    assert_status(tdm__json_take_text(&f.scan, &got), TDM_NO_MEMORY, &f.err);
    support_fail_alloc_at(1);
    assert_false(tdm__names_index_make(&index, &(tdm_str){"a", 1}, 1, &arena));
    support_fail_alloc_at(0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_syntax), cmocka_unit_test(test_numbers_against_strtod), cmocka_unit_test(test_scale),
        cmocka_unit_test(test_integers), cmocka_unit_test(test_words), cmocka_unit_test(test_texts), cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_utf8), cmocka_unit_test(test_kinds), cmocka_unit_test(test_what_it_says), cmocka_unit_test(test_walks),
        cmocka_unit_test(test_depth), cmocka_unit_test(test_column_values), cmocka_unit_test(test_names), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
