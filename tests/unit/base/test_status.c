/* Statuses: the table as users see it, the text of an error, bounded lists. */
#include "support.h"

#include <ctype.h>

#include "base/fail.h"

/* Written out once more by hand: these are promises to users' scripts. */
static void test_codes_that_users_see(void **state)
{
    (void)state;
    static const struct { tdm_status status; const char *name; int exit, http; } cases[] = {
        { TDM_OK, "ok", 0, 200 },
        { TDM_GATE_FAILED, "gate_failed", 1, 409 },
        { TDM_USAGE, "usage", 2, 400 },
        { TDM_NOT_FOUND, "not_found", 3, 404 },
        { TDM_CSV_QUOTE, "csv_quote", 3, 400 },
        { TDM_FEATURE_TYPE, "feature_type", 3, 400 },
        { TDM_BUSY, "busy", 4, 503 },
        { TDM_DISK_FULL, "disk_full", 5, 507 },
        { TDM_CANCELLED, "cancelled", 5, 503 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(tdm_status_name(cases[i].status), cases[i].name);
        assert_int_equal(tdm_status_exit(cases[i].status), cases[i].exit);
        assert_int_equal(tdm_status_http(cases[i].status), cases[i].http);
    }
}

static void test_every_code_is_well_formed(void **state)
{
    (void)state;
    for (int i = 0; i < TDM_STATUS_COUNT; i++) {
        tdm_status s = (tdm_status)i;
        const char *name = tdm_status_name(s);
        assert_true(strlen(name) > 1);
        for (const char *c = name; *c; c++)
            assert_true(islower((unsigned char)*c) || *c == '_' || isdigit((unsigned char)*c));
        assert_true(strlen(tdm_status_text(s)) > 3);
        assert_in_range(tdm_status_exit(s), 0, 5);
        assert_int_equal(tdm_status_exit(s) == 0, i == 0);
        assert_in_range(tdm_status_http(s), 200, 507);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(name, tdm_status_name((tdm_status)k));
    }
}

static void test_outside_the_table(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        tdm_status s = (tdm_status)(i ? -1 : TDM_STATUS_COUNT);
        assert_string_equal(tdm_status_name(s), "unknown");
        assert_non_null(tdm_status_text(s));
        assert_int_equal(tdm_status_exit(s), 5);
        assert_int_equal(tdm_status_http(s), 500);
    }
}

static void test_format(void **state)
{
    (void)state;
    static const struct { tdm_error error; const char *text; } cases[] = {
        { { TDM_FIELD_TYPE, "rows.csv:17:4", "the field is wrong", "i64", "\"x\"", "is it quoted?" },
          "rows.csv:17:4: the field is wrong: expected i64, found \"x\" (is it quoted?)" },
        { { TDM_NOT_FOUND, "f", "no such file", "", "", "" }, "f: no such file" },
        { { TDM_NOT_FOUND, "", "no such file", "", "b", "" }, "no such file: found b" },
        { { TDM_NOT_FOUND, "", "no such file", "a", "", "" }, "no such file: expected a" },
        { { TDM_NOT_FOUND, "", "", "", "", "" }, "there is no such thing" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        char out[200];
        assert_int_equal(tdm_error_format(&cases[i].error, out, sizeof out), strlen(text));
        assert_string_equal(out, text);
        for (size_t size = 0; size <= strlen(text) + 1; size++) { /* every cut is terminated and within bounds */
            memset(out, '#', sizeof out);
            assert_int_equal(tdm_error_format(&cases[i].error, out, size), strlen(text));
            if (size) {
                assert_int_equal(strlen(out), size - 1);
                assert_memory_equal(out, text, size - 1);
            }
            assert_int_equal(out[size], '#');
        }
    }
}

static void test_lists_are_bounded(void **state)
{
    (void)state;
    tdm_diagnostics *list = tdm_diagnostics_new();
    tdm_error e;
    assert_int_equal(tdm_diagnostics_count(list), 0);
    for (int i = 0; i < 150; i++) {
        tdm__fail(&e, TDM_MANIFEST, "f", "error %d", i);
        assert_int_equal(tdm__diagnose(list, &e, i == 3 ? "line\n^" : NULL), TDM_MANIFEST);
    }
    assert_int_equal(tdm_diagnostics_count(list), 100);
    assert_int_equal(tdm_diagnostics_total(list), 150);
    assert_string_equal(tdm_diagnostics_error(list, 99)->what, "error 99");
    assert_null(tdm_diagnostics_error(list, 100));
    assert_string_equal(tdm_diagnostics_excerpt(list, 3), "line\n^");
    assert_string_equal(tdm_diagnostics_excerpt(list, 4), "");
    assert_string_equal(tdm_diagnostics_excerpt(list, 100), "");
    tdm_diagnostics_close(&list);
    assert_null(list);
    tdm_diagnostics_close(&list);
    tdm_diagnostics_close(NULL);
    assert_int_equal(tdm__diagnose(NULL, &e, NULL), TDM_MANIFEST);
    assert_int_equal(tdm_diagnostics_total(NULL), 0);
    assert_null(tdm_diagnostics_error(NULL, 0));
}

static void test_list_without_memory_counts(void **state)
{
    (void)state;
    tdm_error e;
    tdm__fail(&e, TDM_MANIFEST, "f", "error");
    support_fail_alloc_at(1);
    assert_null(tdm_diagnostics_new());
    support_fail_alloc_at(0);
    tdm_diagnostics *list = tdm_diagnostics_new();
    support_fail_alloc_at(1);
    assert_int_equal(tdm__diagnose(list, &e, NULL), TDM_MANIFEST);
    support_fail_alloc_at(0);
    assert_int_equal(tdm_diagnostics_count(list), 0);
    assert_int_equal(tdm_diagnostics_total(list), 1);
    tdm__diagnose(list, &e, NULL);
    assert_int_equal(tdm_diagnostics_count(list), 1);
    tdm_diagnostics_close(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_that_users_see),
        cmocka_unit_test(test_every_code_is_well_formed),
        cmocka_unit_test(test_outside_the_table),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_lists_are_bounded),
        cmocka_unit_test(test_list_without_memory_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
