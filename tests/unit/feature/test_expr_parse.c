/* What is refused, where and with which words; what is accepted, and its type. The texts and offsets are written by
 * hand. */
#include "expr_fixture.h"

static fixture fx;

static const struct refusal {
    const char *text;
    size_t at;
    const char *what, *expected, *found, *hint; /* parts that the error must hold; NULL: must be empty */
} refusals[] = {
    /* tokens */
    {"", 0, "cannot be read", "a value", "the end", NULL},
    {"1 +", 3, "cannot be read", "a value", "the end", NULL},
    {"1 + 2 3", 6, "cannot be read", "an operator or the end", "3", NULL},
    {"'abc", 0, "the quote ' is not closed", NULL, NULL, NULL},
    {"\"a\"\"", 0, "the quote \" is not closed", NULL, NULL, NULL},
    {"'a\xff'", 0, "not valid UTF-8", NULL, NULL, NULL},
    {"n + 15m", 4, "followed by letters", NULL, "15m", NULL},
    {"n + 1.", 4, "followed by letters or a lone point", NULL, "1.", NULL},
    {"n + 1.5.2", 4, "lone point", NULL, "1.5.2", NULL},
    {"n # 2", 2, "no meaning", NULL, "#", NULL},
    {"n + \xc3\xa4", 4, "no meaning", NULL, "\xc3\xa4", NULL},
    {"n <> 2", 2, "no meaning", NULL, "<>", "write '!='"},
    {"b && c", 2, "no meaning", NULL, "&&", "write 'and'"},
    {"b || c", 2, "no meaning", NULL, "||", "write 'or'"},
    {"!b", 0, "no meaning", NULL, "!", "write 'not'"},
    {"schedule.dep.x", 12, "at most one point", NULL, NULL, NULL},
    {"schedule. dep", 8, "a name follows the point", NULL, NULL, NULL},
    {"9223372036854775808", 0, "does not fit i64", NULL, "9223372036854775808", "decimal point"},
    {"n * -9223372036854775809", 4, "does not fit i64", NULL, "-9223372036854775809", "decimal point"},
    {"1e999", 0, "does not fit f64", NULL, "1e999", NULL},
    /* grammar */
    {"(1 + 2", 6, "cannot be read", "')'", "the end", NULL},
    {"1 + 2)", 5, "cannot be read", "an operator or the end", ")", NULL},
    {"n < m < 3", 6, "cannot be chained", NULL, NULL, "and"},
    {"n in (1) in (2)", 9, "cannot be chained", NULL, NULL, "and"},
    {"n in 1", 5, "cannot be read", "'('", "1", NULL},
    {"n in ()", 6, "cannot be read", "a literal", ")", NULL},
    {"n in (m)", 6, "cannot be read", "a literal", "m", NULL},
    {"n in (1 2)", 8, "cannot be read", "',' or ')'", "2", NULL},
    {"n in (-'a')", 7, "cannot be read", "a number", "'a'", NULL},
    {"n not (1)", 6, "cannot be read", "'in'", "(", NULL},
    {"abs(1 2)", 6, "cannot be read", "',' or ')'", "2", NULL},
    {"abs(1,)", 6, "cannot be read", "a value", ")", NULL},
    {"min(1, 2", 8, "cannot be read", "',' or ')'", "the end", NULL},
    /* names, functions, counts */
    {"x + schedule.orign", 4, "there is no name 'schedule.orign'", NULL, NULL, "did you mean 'schedule.origin'?"},
    {"no_such_name_at_all", 0, "there is no name", NULL, NULL, NULL},
    {"1 + abss(n)", 4, "there is no function 'abss'", NULL, NULL, "did you mean 'abs'?"},
    {"frobnicate(n)", 0, "there is no function", NULL, NULL, NULL},
    {"if(b, 1)", 0, "if(condition, a, b)", "3", "2", NULL},
    {"1 + min(n)", 4, "min(a, b, ...)", "at least 2", "1", NULL},
    {"coalesce()", 0, "coalesce(a, b, ...)", "at least 2", "0", NULL},
    {"hour(t, 'UTC', 3)", 0, "hour(t[, zone])", "1 to 2", "3", NULL},
    /* types */
    {"1 + 'a'", 4, "'+' does not take this", "a number", "string", "concat"},
    {"'a' * 2", 0, "'*' does not take this", "a number", "string", NULL},
    {"t - schedule.dep", 0, "'-' does not take this", "a number", "timestamp", "seconds_between"},
    {"true + 1", 0, "'+' does not take this", "a number", "bool", NULL},
    {"null + null", 0, "'+' does not take this", "a number", "null", NULL},
    {"-s", 1, "'-' does not take this", "a number", "string", NULL},
    {"n and b", 0, "'and' does not take this", "bool", "i64", NULL},
    {"b or 1", 5, "'or' does not take this", "bool", "i64", NULL},
    {"not n", 4, "'not' does not take this", "bool", "i64", NULL},
    {"n = 'a'", 4, "do not fit each other", "i64", "string", NULL},
    {"s < t", 4, "do not fit each other", "string", "timestamp", NULL},
    {"b < c", 0, "'<' does not take this", "order", "bool", NULL},
    {"n = null", 4, "always null", NULL, NULL, "is_null"},
    {"null != n", 0, "always null", NULL, NULL, "is_null"},
    {"null", 0, "type of null", NULL, NULL, NULL},
    {"if(b, null, null)", 12, "type of null", NULL, NULL, NULL},
    {"n in (1, 'a')", 9, "do not fit each other", "i64", "string", NULL},
    {"s in ('a', 1)", 11, "do not fit each other", "string", "i64", NULL},
    {"n in (1, null)", 9, "'in' does not take this", "literal", "null", NULL},
    {"b in (true)", 0, "'in' does not take this", "number, text or timestamp", "bool", NULL},
    {"if(n, 1, 2)", 3, "if does not take this", "bool", "i64", NULL},
    {"if(b, 1, 'a')", 9, "the operands of if do not fit", "i64", "string", NULL},
    {"coalesce(x, 1, s)", 15, "the operands of coalesce do not fit", "f64", "string", NULL},
    {"is_missing(n + 1)", 13, "is_missing does not take this", "a name", "i64", NULL},
    {"log(s)", 4, "log does not take this", "a number", "string", NULL},
    {"lower(n)", 6, "lower does not take this", "string", "i64", NULL},
    {"concat(s, n)", 10, "concat does not take this", "string", "i64", "to_string"},
    {"hour(n)", 5, "hour does not take this", "timestamp", "i64", NULL},
    {"hour(t, s)", 8, "hour does not take this", "the literal name of a time zone", "string", NULL},
    {"hour(t, 'Mars/Olympus')", 8, "time zone cannot be used", NULL, "Mars/Olympus", NULL},
    {"hour('yesterday')", 5, "not an instant", "RFC 3339", "yesterday", NULL},
    {"t < 'x'", 4, "not an instant", "RFC 3339", "x", NULL},
    {"min(n, t)", 7, "min does not take this", "a number", "timestamp", NULL},
    {"max('a', 'b')", 4, "max does not take this", "number or timestamp", "string", NULL},
    {"clip(x, 2, 1)", 11, "below the low one", NULL, NULL, NULL},
    {"bucket(x, 1, 1)", 13, "must ascend", NULL, NULL, NULL},
    {"bucket(x, y)", 10, "bucket does not take this", "a literal number", "f64", NULL},
    {"hash(x)", 5, "hash does not take this", "string, i64 or timestamp", "f64", NULL},
    {"hash(s, 0)", 8, "hash does not take this", "at least 1", "i64", NULL},
    {"hash(s, n)", 8, "hash does not take this", "a literal", "i64", NULL},
    {"lookup(nowhere, s)", 7, "no table of this name", NULL, "nowhere", NULL},
    {"lookup(seats, n)", 14, "lookup does not take this", "string", "i64", NULL},
    {"lookup(seats, s, 'none')", 17, "lookup does not take this", "i64", "string", NULL},
    {"to_f64(t)", 7, "to_f64 does not take this", "a number, bool or text", "timestamp", NULL},
};

static void has(const char *text, const char *member, const char *part)
{
    if (part ? strstr(member, part) != NULL && member[0] : member[0] == 0)
        return;
    fail_msg("%s: \"%s\" lacks \"%s\"", text, member, part ? part : "(nothing)");
}

static void refuses_with_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        tdm_error err = {0};
        tdm__expression *e = NULL;
        size_t at = 999;
        assert_status(tdm__expression_compile(tdm__str(r->text), &fx.scope, &fx.arena, &e, &at, &err), TDM_EXPRESSION,
                      &err);
        if (at != r->at)
            fail_msg("%s: offset %zu, not %zu (%s)", r->text, at, r->at, err.what);
        has(r->text, err.what, r->what);
        has(r->text, err.expected, r->expected);
        has(r->text, err.found, r->found);
        has(r->text, err.hint, r->hint);
        assert_int_equal(err.status, TDM_EXPRESSION);
        assert_int_equal(tdm__expression_compile(tdm__str(r->text), &fx.scope, &fx.arena, &e, NULL, NULL),
                         TDM_EXPRESSION);
    }
}

static const struct accepted {
    const char *text, *type;
} accepted[] = {
    /* a name keeps all; an operation drops the unit */
    {"n", "i64?"}, {"w", "i64"}, {"d", "decimal(12,2)?"}, {"f", "f32?"}, {"`dash-ed`", "i64?"},
    {" schedule.dep\n", "timestamp?"}, {"1", "i64"}, {"1.0", "f64"}, {"1e3", "f64"}, {"'it''s'", "string"},
    {"\"America/New_York\"", "string"}, {"true", "bool"}, {"-9223372036854775808", "i64"}, {"1==1", "bool"},
    /* i64 can overflow, f64 cannot */
    {"w + w", "i64?"}, {"z + z", "f64"}, {"z + w", "f64"}, {"x + z", "f64?"}, {"-z", "f64"}, {"-w", "i64?"},
    {"f * 2", "f64?"}, {"w / 2", "f64"}, {"w / w", "f64?"}, {"w % 7", "i64"}, {"w % w", "i64?"}, {"z / 2", "f64"},
    {"z / 0", "f64?"}, {"d + 1", "f64?"}, {"z % 2", "f64?"}, {"w < 3", "bool"}, {"n < 3", "bool?"}, {"w = 1.5", "bool"},
    {"d < e", "bool?"}, {"d = 5", "bool?"}, {"b and c", "bool?"}, {"not (w < 1)", "bool"}, {"w in (1, 2)", "bool"},
    {"s not in ('a')", "bool?"}, {"t > '2013-01-01T00:00:00Z'", "bool?"}, {"if(b, w, 2)", "i64"},
    {"if(b, w, null)", "i64?"}, {"if(b, w, 2.5)", "f64"}, {"if(b, f, f)", "f32?"}, {"if(b, d, d)", "decimal(12,2)?"},
    {"if(b, d, e)", "f64?"}, {"coalesce(n, 0)", "i64"}, {"coalesce(n, m)", "i64?"}, {"coalesce(n, x, 0)", "f64"},
    {"coalesce(null, s)", "string?"}, {"coalesce(t, '2013-01-01T00:00:00Z')", "timestamp"}, {"is_null(null)", "bool"},
    {"is_missing(schedule.dep)", "bool"}, {"min(w, 2, 3)", "i64"}, {"max(w, z)", "f64"}, {"min(f, f)", "f64?"},
    {"clip(w, 0, 9)", "i64"}, {"clip(w, 0, n)", "i64?"}, {"abs(w)", "i64?"}, {"abs(z)", "f64"}, {"floor(w)", "i64"},
    {"round(z)", "f64"}, {"log(z)", "f64?"}, {"exp(z)", "f64"}, {"bucket(w, 1, 2.5)", "i64"}, {"bucket(z, 1)", "i64?"},
    {"hash(w, 10)", "i64"}, {"hash(s)", "i64?"}, {"concat(s, 'x')", "string?"}, {"length('x')", "i64"},
    {"lookup(seats, s)", "i64?"}, {"lookup(words, w, 'odd')", "string"}, {"hour(t)", "i64?"},
    {"age('2013-01-01T00:00:00Z')", "f64?"}, {"as_of()", "timestamp"}, {"to_string(w)", "string"}, {"to_f64(w)", "f64"},
    {"to_i64(z)", "i64?"}, {"to_i64(t)", "i64?"}, {"to_i64(s)", "i64?"},
};

static void types_are_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        tdm_error err = {0};
        tdm__expression *e = NULL;
        tdm_status s = tdm__expression_compile(tdm__str(accepted[i].text), &fx.scope, &fx.arena, &e, NULL, &err);
        if (s)
            print_message("%s\n", accepted[i].text);
        assert_ok(s, &err);
        char found[64];
        tdm_type type = tdm__expression_type(e);
        tdm__type_format(&type, found);
        if (strcmp(found, accepted[i].type))
            fail_msg("%s: %s, not %s", accepted[i].text, found, accepted[i].type);
    }
}

static void slots_ascend_without_duplicates(void **state)
{
    (void)state;
    tdm_error err = {0};
    tdm__expression *e = NULL;
    size_t n;
    assert_ok(tdm__expression_compile(tdm__str("x + n * n + if(is_null(s), m, n) + x"), &fx.scope, &fx.arena, &e, NULL,
                                      &err),
              &err);
    const int *slot = tdm__expression_slots(e, &n);
    const int want[] = {0, 1, 3, 9};
    assert_int_equal(n, 4);
    assert_memory_equal(slot, want, sizeof want);
    assert_false(tdm__expression_reads_as_of(e));
    assert_ok(tdm__expression_compile(tdm__str("1 + age(t)"), &fx.scope, &fx.arena, &e, NULL, &err), &err);
    assert_true(tdm__expression_reads_as_of(e));
    assert_ok(tdm__expression_compile(tdm__str("as_of()"), &fx.scope, &fx.arena, &e, NULL, &err), &err);
    assert_true(tdm__expression_reads_as_of(e));
    tdm__expression_slots(e, &n);
    assert_int_equal(n, 0);
}

/* `times` times `part`, then `end`. */
static tdm_status compile_repeated(const char *begin, const char *part, size_t times, const char *end, size_t *at,
                                   tdm_error *err)
{
    tdm__arena keep = {0};
    tdm__buf text = {0};
    tdm__expression *e = NULL;
    tdm__buf_text(&text, begin);
    for (size_t i = 0; i < times; i++)
        tdm__buf_text(&text, part);
    tdm__buf_text(&text, end);
    tdm_status s = tdm__expression_compile(tdm__strn(text.ptr, text.len), &fx.scope, &keep, &e, at, err);
    tdm__buf_free(&text);
    tdm__arena_free(&keep);
    return s;
}

static void every_limit_is_an_error(void **state)
{
    (void)state;
    tdm_error err = {0};
    size_t at;
    /* The whole is a level too: with 63 parentheses it is the end that is missed. */
    assert_status(compile_repeated("", "(", 64, "1", &at, &err), TDM_EXPRESSION, &err);
    assert_non_null(strstr(err.what, "nested too deeply"));
    assert_int_equal(at, 64);
    assert_status(compile_repeated("", "(", 63, "1", &at, &err), TDM_EXPRESSION, &err);
    assert_string_equal(err.found, "the end");
    assert_status(compile_repeated("", "not ", 64, "b", &at, &err), TDM_EXPRESSION, &err);
    assert_ok(compile_repeated("", "not ", 63, "b", &at, &err), &err);
    assert_status(compile_repeated("", "- ", 64, "n", &at, &err), TDM_EXPRESSION, &err);
    assert_ok(compile_repeated("", "- ", 63, "n", &at, &err), &err);
    /* 2 k + 1 nodes */
    assert_ok(compile_repeated("1", "+1", 2047, "", &at, &err), &err);
    assert_status(compile_repeated("1", "+1", 2048, "", &at, &err), TDM_EXPRESSION, &err);
    assert_non_null(strstr(err.what, "too many parts"));
    assert_ok(compile_repeated("coalesce(n", ", n", 2000, ")", &at, &err), &err);
    assert_ok(compile_repeated("n in (1", ", 2", 4000, ")", &at, &err), &err);
    assert_ok(compile_repeated("concat('a'", ", 'b'", 63, ")", &at, &err), &err);
    assert_status(compile_repeated("concat('a'", ", 'b'", 64, ")", &at, &err), TDM_EXPRESSION, &err);
    assert_ok(compile_repeated("1", " ", 65535, "", &at, &err), &err);
    assert_status(compile_repeated("1", " ", 65536, "", &at, &err), TDM_EXPRESSION, &err);
    assert_non_null(strstr(err.what, "too long"));
}

static void registers_are_bounded(void **state)
{
    (void)state;
    tdm__buf text = {0};
    tdm__expression *e = NULL;
    tdm_error err = {0};
    for (int i = 0; i < 60; i++)
        tdm__buf_text(&text, "concat(lower(s),lower(s),lower(s),lower(s),lower(s),");
    tdm__buf_text(&text, "s");
    for (int i = 0; i < 60; i++)
        tdm__buf_text(&text, ")");
    assert_status(tdm__expression_compile(tdm__strn(text.ptr, text.len), &fx.scope, &fx.arena, &e, NULL, &err),
                  TDM_EXPRESSION,
                  &err);
    assert_non_null(strstr(err.what, "256 intermediate values"));
    tdm__buf_free(&text);
}

/* A text or name with a zero byte, and one that ends where the buffer does. */
static void bytes_outside_are_not_read(void **state)
{
    (void)state;
    static const char *const cuts[] = {"n.", "'", "schedule.", "1e", "1.", "<", "!", "if(", "n in (", "-", "`", "n not",
                                       "1e+"};
    tdm__expression *e = NULL;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        size_t len = strlen(cuts[i]);
        char *exact = malloc(len);
        memcpy(exact, cuts[i], len);
        assert_int_equal(tdm__expression_compile(tdm__strn(exact, len), &fx.scope, &fx.arena, &e, NULL, NULL),
                         TDM_EXPRESSION);
        free(exact);
    }
    assert_int_equal(tdm__expression_compile(tdm__strn("n\0", 2), &fx.scope, &fx.arena, &e, NULL, NULL),
                     TDM_EXPRESSION);
    assert_int_equal(tdm__expression_compile(tdm__strn(NULL, 0), &fx.scope, &fx.arena, &e, NULL, NULL), TDM_EXPRESSION);
}

static int open_fixture(void **state)
{
    (void)state;
    fixture_open(&fx);
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
        cmocka_unit_test(refuses_with_words),
        cmocka_unit_test(types_are_as_written),
        cmocka_unit_test(slots_ascend_without_duplicates),
        cmocka_unit_test(every_limit_is_an_error),
        cmocka_unit_test(registers_are_bounded),
        cmocka_unit_test(bytes_outside_are_not_read),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
