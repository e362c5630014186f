/* Golden rows: computed like any row from what they give, compared to the bit, told by line. */
#include "engine_desk.h"

static tdm_status check(fixture *f, const char *golden)
{
    tdm_release *r;
    desk d = {0};
    const char *dir = fixture_release_dir(f, "golden", fixture_print("%sgolden: golden.jsonl\n", fixture_release_yaml), NULL);
    if (golden)
        assert_ok(tdm__write_file_durably(f->fs, fixture_print("%s/golden.jsonl", dir), golden, strlen(golden), &f->err), &f->err);
    assert_ok(tdm_release_pack(f->home, dir, NULL, &r, &f->err), &f->err);
    memcpy(f->id, tdm_release_describe(r)->id, sizeof f->id);
    tdm_release_close(&r);
    assert_ok(tdm__state_read(f->home, NULL, UINT64_MAX, &d.state, &f->err), &f->err);
    assert_ok(tdm__release_package(f->home, d.state, f->id, &d.package, &f->err), &f->err);
    tdm_status s = tdm__engine_check_golden(d.package, &f->err);
    desk_close(&d);
    return s;
}

static void start(fixture *f)
{
    fixture_new(f, NULL);
    fixture_add_sources(f, fixture_sources_yaml);
}

/* No rows need to be loaded: columns are given. */
static void golden_rows_come_out(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    assert_ok(check(&f, NULL), &f.err);
    assert_ok(check(&f, "\n\n"), &f.err);
    assert_ok(check(&f, "{\"features\":{\"flight\":\"a\",\"hour\":1,\"distance\":0,\"cabin\":null,\"year\":null},"
                        "\"prediction\":{\"late\":1301000}}\n"), &f.err);
    fixture_close(&f);
}

static void the_last_bit_counts(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    assert_status(check(&f, fixture_edit(fixture_golden, "1300000.5}", "1300000.5000000002}")), TDM_DIFFERS, &f.err);
    assert_string_equal(f.err.where, "golden.jsonl:2");
    assert_string_equal(f.err.expected, "1300000.5000000002");
    assert_string_equal(f.err.found, "1300000.5");
    assert_status(check(&f, fixture_edit(fixture_golden, "\"hour\":3", "\"hour\":4")), TDM_DIFFERS, &f.err);
    assert_string_equal(f.err.where, "golden.jsonl:1");
    assert_string_equal(f.err.found, "10304100");
    /* a row that has no prediction differs, and says why */
    assert_status(check(&f, "\n{\"features\":{\"flight\":\"a\",\"distance\":1},\"prediction\":{\"late\":1}}\n"), TDM_DIFFERS, &f.err);
    assert_string_equal(f.err.where, "golden.jsonl:2");
    assert_string_equal(f.err.found, "hour: a required feature has no value");
    fixture_close(&f);
}

/* -0 and 0 have other bits. */
static void the_sign_of_zero_counts(void **state)
{
    (void)state;
    fixture f;
    start(&f);
    assert_ok(check(&f, "{\"features\":{\"flight\":\"a\",\"hour\":0,\"distance\":0,\"year\":2013},\"prediction\":{\"late\":0}}\n"), &f.err);
    assert_status(check(&f, "{\"features\":{\"flight\":\"a\",\"hour\":0,\"distance\":0,\"year\":2013},\"prediction\":{\"late\":-0.0}}\n"), TDM_DIFFERS, &f.err);
    fixture_close(&f);
}

static void allocations_fail(void **state)
{
    (void)state;
    fixture f;
    desk d = {0};
    start(&f);
    assert_ok(check(&f, NULL), &f.err);
    assert_ok(tdm__state_read(f.home, NULL, UINT64_MAX, &d.state, &f.err), &f.err);
    assert_ok(tdm__release_package(f.home, d.state, f.id, &d.package, &f.err), &f.err);
    for (uint64_t n = 1, hit = 1; hit; n++) {
        support_fail_alloc_at(n);
        tdm_status s = tdm__engine_check_golden(d.package, &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
    }
    desk_close(&d);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_rows_come_out),
        cmocka_unit_test(the_last_bit_counts),
        cmocka_unit_test(the_sign_of_zero_counts),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
