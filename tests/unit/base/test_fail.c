/* Errors are filled, cut and escaped; excerpts point at the fault; slips find their word. */
#include "support.h"

#include "base/fail.h"
#include "base/random.h"
#include "base/text.h"

static tdm_error err;

static void test_fail_sets_and_clears(void **state)
{
    (void)state;
    memset(&err, 'x', sizeof err);
    assert_int_equal(tdm__fail(&err, TDM_CORRUPT, "a/b", "record %d of %s", 7, "t"), TDM_CORRUPT);
    assert_int_equal(err.status, TDM_CORRUPT);
    assert_string_equal(err.where, "a/b");
    assert_string_equal(err.what, "record 7 of t");
    assert_string_equal(err.expected, "");
    assert_string_equal(err.found, "");
    assert_string_equal(err.hint, "");
    tdm__fail_expected(&err, "%d", 1);
    tdm__fail_found(&err, "%d", 2);
    tdm__fail_hint(&err, "%d", 3);
    tdm__fail_where(&err, "%s:%d", "f", 4);
    assert_string_equal(err.expected, "1");
    assert_string_equal(err.found, "2");
    assert_string_equal(err.hint, "3");
    assert_string_equal(err.where, "f:4");
    tdm__fail_where(&err, NULL);
    assert_string_equal(err.where, "f:4");
    assert_int_equal(tdm__no_memory(&err, NULL), TDM_NO_MEMORY);
    assert_string_equal(err.where, "");
}

static void test_no_error_wanted(void **state)
{
    (void)state;
    assert_int_equal(tdm__fail(NULL, TDM_IO, "x", "y"), TDM_IO);
    tdm__fail_expected(NULL, "x");
    tdm__fail_found(NULL, "x");
    tdm__fail_found_text(NULL, tdm__str("x"));
    tdm__fail_hint(NULL, "x");
    tdm__fail_where(NULL, "x");
}

/* An error may be built from its own texts. */
static void test_an_error_may_wrap_itself(void **state)
{
    (void)state;
    tdm__fail(&err, TDM_IO, "inner", "the disk failed");
    tdm__fail(&err, TDM_IO, err.where, "while loading: %s", err.what);
    assert_string_equal(err.where, "inner");
    assert_string_equal(err.what, "while loading: the disk failed");
    tdm__fail_where(&err, "outer.%s", err.where);
    assert_string_equal(err.where, "outer.inner");
}

/* Every cut, at every place in a text of sequences of all lengths, is valid UTF-8. */
static void test_cuts_are_valid_text(void **state)
{
    (void)state;
    static char text[600];
    for (int start = 0; start < 12; start++) {
        memset(text, 'a', (size_t)start);
        size_t n = (size_t)start;
        while (n + 10 < sizeof text) {
            memcpy(text + n, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xB2", 9);
            n += 9;
        }
        text[n] = 0;
        tdm__fail(&err, TDM_IO, text, "%s", text);
        tdm__fail_expected(&err, "%s", text);
        assert_true(tdm__utf8_valid(tdm__str(err.what)));
        assert_true(tdm__utf8_valid(tdm__str(err.where)));
        assert_true(tdm__utf8_valid(tdm__str(err.expected)));
        assert_in_range(strlen(err.what), sizeof err.what - 5, sizeof err.what - 1);
        assert_in_range(strlen(err.where), sizeof err.where - 5, sizeof err.where - 1);
    }
}

static void test_found_text_is_escaped(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t n; const char *shown; } cases[] = {
        { "x", 1, "\"x\"" },
        { "", 0, "\"\"" },
        { "a\"b\\c\n\t\r", 8, "\"a\\\"b\\\\c\\n\\t\\r\"" },
        { "\0\x1b[31m\x7f", 7, "\"\\x00\\x1b[31m\\x7f\"" },
        { "\xC3\xA9\xFF\xC3", 4, "\"\xC3\xA9\\xff\\xc3\"" },
        { "\xC2\x9B", 2, "\"\\xc2\\x9b\"" }, /* a control character of one byte on some terminals */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdm__fail_found_text(&err, tdm__strn(cases[i].bytes, cases[i].n));
        assert_string_equal(err.found, cases[i].shown);
    }
}

static void test_found_text_is_cut(void **state)
{
    (void)state;
    static char bytes[1000];
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    memset(bytes, 'y', sizeof bytes);
    tdm__fail_found_text(&err, tdm__strn(bytes, sizeof bytes));
    assert_true(tdm__str_ends(tdm__str(err.found), "y\xE2\x80\xA6\""));
    assert_in_range(strlen(err.found), 50, 80);
    for (int i = 0; i < 2000; i++) { /* whatever comes in, what goes out is one clean line */
        size_t n = (size_t)tdm__random_below(&r, 100);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)tdm__random_below(&r, 256);
        tdm__fail_found_text(&err, tdm__strn(bytes, n));
        assert_true(tdm__utf8_valid(tdm__str(err.found)));
        for (const char *c = err.found; *c; c++)
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7F);
    }
}

static void expect_excerpt(const char *text, size_t line, size_t col, const char *where, const char *excerpt)
{
    tdm_diagnostics *list = tdm_diagnostics_new();
    tdm__fail(&err, TDM_MANIFEST, "elsewhere", "wrong");
    assert_int_equal(tdm__diagnose_at(list, &err, "f.yaml", tdm__str(text), line, col), TDM_MANIFEST);
    assert_string_equal(tdm_diagnostics_error(list, 0)->where, where);
    assert_string_equal(tdm_diagnostics_excerpt(list, 0), excerpt);
    tdm_diagnostics_close(&list);
}

static void test_excerpts(void **state)
{
    (void)state;
    expect_excerpt("a: 1\nbcd: x\ne: 2\n", 2, 6, "f.yaml:2:6", "bcd: x\n     ^");
    expect_excerpt("a: 1\r\nbcd: x\r\n", 2, 1, "f.yaml:2:1", "bcd: x\n^");
    expect_excerpt("\tb: x", 1, 5, "f.yaml:1:5", "\tb: x\n\t   ^");
    expect_excerpt("\xC3\xA9: x", 1, 5, "f.yaml:1:5", "\xC3\xA9: x\n   ^"); /* columns are bytes, blanks letters */
    expect_excerpt("ab", 1, 3, "f.yaml:1:3", "ab\n  ^"); /* just after the end */
    expect_excerpt("ab", 1, 99, "f.yaml:1:99", "ab\n  ^");
    expect_excerpt("ab\n", 5, 1, "f.yaml:5:1", "");
    expect_excerpt("", 1, 1, "f.yaml:1:1", "");
    expect_excerpt("a\x1b[0m", 1, 1, "f.yaml:1:1", "a?[0m\n^");
    assert_int_equal(tdm__diagnose_at(NULL, &err, "g", tdm__str("x"), 1, 1), TDM_MANIFEST);
    assert_string_equal(err.where, "g:1:1");
}

/* Long lines of random letters and sequences: the byte above the caret is the one at the column. */
static void test_excerpts_of_long_lines(void **state)
{
    (void)state;
    static char text[3000];
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < 500; i++) {
        size_t n = (size_t)tdm__random_below(&r, sizeof text - 1) + 1, col = (size_t)tdm__random_below(&r, n);
        for (size_t k = 0; k < n; k++)
            text[k] = (char)('a' + tdm__random_below(&r, 26));
        text[col] = '!';
        text[n] = 0;
        tdm_diagnostics *list = tdm_diagnostics_new();
        tdm__diagnose_at(list, &err, "f", tdm__strn(text, n), 1, col + 1);
        const char *excerpt = tdm_diagnostics_excerpt(list, 0);
        const char *second = strchr(excerpt, '\n') + 1;
        assert_int_equal(excerpt[strchr(second, '^') - second], '!');
        tdm_diagnostics_close(&list);
    }
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = { "origin", "dep_hour", "distance", "tz", "carrier" };
    static const struct { const char *word, *nearest; } cases[] = {
        { "origin", "origin" }, { "orgin", "origin" },   { "oirgin", "origin" },   { "dep_huor", "dep_hour" },
        { "distancee", "distance" }, { "tx", "tz" }, { "zt", "tz" }, { "xy", NULL }, { "completely_else", NULL },
        { "", NULL }, { "carrierrrr", "carrier" }, { "carrierrrrr", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = tdm__nearest(tdm__str(cases[i].word), words, sizeof words / sizeof *words);
        if (cases[i].nearest)
            assert_string_equal(got, cases[i].nearest);
        else
            assert_null(got);
    }
    static char longest[5000];
    memset(longest, 'o', sizeof longest);
    assert_null(tdm__nearest(tdm__strn(longest, sizeof longest), words, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_sets_and_clears),
        cmocka_unit_test(test_no_error_wanted),
        cmocka_unit_test(test_an_error_may_wrap_itself),
        cmocka_unit_test(test_cuts_are_valid_text),
        cmocka_unit_test(test_found_text_is_escaped),
        cmocka_unit_test(test_found_text_is_cut),
        cmocka_unit_test(test_excerpts),
        cmocka_unit_test(test_excerpts_of_long_lines),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
