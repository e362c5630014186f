/* Exports: key columns, then predictions, in order, quoted where needed, and every double back to its bits. */
#include <jansson.h>
#include <math.h>

#include "base/random.h"
#include "table_rows.h"

static void start(fixture *f)
{
    tdm__writing writing;
    fixture_new(f, NULL);
    assert_ok(tdm__writing_begin(f->home, "test", &writing, &f->err), &f->err);
    tdm__writing_end(&writing);
}

static void keys_of_several_columns(void **state)
{
    (void)state;
    static const table_row rows[] = {
        {"2013-06-01|UA1", 0.5, 1e300}, {"a\\|b|c\\\\", 0.1, -0.0}, {"comma, \"quote\"|line\nend", 1, 1e-7}, {"|x", 1.0 / 3, 123456789}};
    fixture f;
    start(&f);
    const char *name = table_publish(&f, rows, 4);
    assert_string_equal(fixture_export(&f, name, TDM_EXPORT_CSV),
                        "day,flight,late,late_raw\n"
                        "2013-06-01,UA1,0.5,1e300\n"
                        "a|b,c\\,0.1,-0.0\n"
                        "\"comma, \"\"quote\"\"\",\"line\nend\",1,1e-7\n"
                        "\"\",x,0.3333333333333333,123456789\n");
    assert_string_equal(fixture_export(&f, name, TDM_EXPORT_JSONL),
                        "{\"day\":\"2013-06-01\",\"flight\":\"UA1\",\"late\":0.5,\"late_raw\":1e300}\n"
                        "{\"day\":\"a|b\",\"flight\":\"c\\\\\",\"late\":0.1,\"late_raw\":-0.0}\n"
                        "{\"day\":\"comma, \\\"quote\\\"\",\"flight\":\"line\\nend\",\"late\":1,\"late_raw\":1e-7}\n"
                        "{\"day\":\"\",\"flight\":\"x\",\"late\":0.3333333333333333,\"late_raw\":123456789}\n");
    fixture_close(&f);
}

static void every_double_comes_back(void **state)
{
    (void)state;
    enum { N = 3000 };
    static table_row rows[N];
    static char keys[N][16];
    fixture f;
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (size_t i = 0; i < N; i++) {
        uint64_t bits = tdm__random_next(&r);
        memcpy(&rows[i].b, &bits, 8);
        if (!isfinite(rows[i].b))
            rows[i].b = (double)i;
        snprintf(keys[i], sizeof keys[i], "%zu|%zu", i % 7, i);
        rows[i].key = keys[i];
        rows[i].a = tdm__random_unit(&r);
    }
    start(&f);
    const char *at = fixture_export(&f, table_publish(&f, rows, N), TDM_EXPORT_CSV);
    at = strchr(at, '\n') + 1;
    for (size_t i = 0; i < N; i++) {
        char *end;
        assert_int_equal(strtoul(at, &end, 10), i % 7);
        assert_int_equal(strtoul(end + 1, &end, 10), i);
        double a = strtod(end + 1, &end), b = strtod(end + 1, &end);
        assert_true(memcmp(&a, &rows[i].a, 8) == 0 && memcmp(&b, &rows[i].b, 8) == 0);
        assert_int_equal(*end, '\n');
        at = end + 1;
    }
    assert_int_equal(*at, 0);
    fixture_close(&f);
}

static tdm_status refuse(void *self, const void *bytes, size_t n, tdm_error *err)
{
    (void)bytes;
    size_t *left = self;
    if (n <= *left) {
        *left -= n;
        return TDM_OK;
    }
    snprintf(err->what, sizeof err->what, "the pipe is closed");
    return err->status = TDM_IO;
}

static void a_failing_writer_stops_it(void **state)
{
    (void)state;
    enum { N = 20000 };
    static table_row rows[N];
    static char keys[N][16];
    fixture f;
    tdm_table *t;
    size_t left = 70000;
    for (size_t i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "k|%zu", i);
        rows[i] = (table_row){keys[i], 0.5, 1};
    }
    start(&f);
    const char *name = table_publish(&f, rows, N);
    assert_ok(tdm_table_open(f.home, name, &t, &f.err), &f.err);
    assert_status(tdm_table_export(t, TDM_EXPORT_CSV, refuse, &left, &f.err), TDM_IO, &f.err);
    assert_true(left < 70000);
    tdm_table_close(&t);
    for (uint64_t n = 1, hit = 1; hit; n++) {
        left = SIZE_MAX;
        assert_ok(tdm_table_open(f.home, name, &t, &f.err), &f.err);
        support_fail_alloc_at(n);
        tdm_status s = tdm_table_export(t, TDM_EXPORT_JSONL, refuse, &left, &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
        tdm_table_close(&t);
    }
    fixture_close(&f);
}

static void damage_is_told_not_exported(void **state)
{
    (void)state;
    static const table_row rows[] = {{"1|a", 0.5, 1}, {"1|b", 0.5, 2}};
    fixture f;
    tdm_table *t;
    size_t left = SIZE_MAX;
    start(&f);
    const char *name = fixture_print("tables/%s/store", table_publish(&f, rows, 2));
    tdm__buf bytes = fixture_get(&f, name);
    size_t at = 0; /* the first record's key: behind the header */
    while (memcmp(bytes.ptr + at, "1|a", 3))
        at++;
    tdm__buf_free(&bytes);
    fixture_flip(&f, name, at);
    assert_ok(tdm_table_open(f.home, "v000001", &t, &f.err), &f.err); /* opening reads the header only */
    assert_status(tdm_table_export(t, TDM_EXPORT_CSV, refuse, &left, &f.err), TDM_CORRUPT, &f.err);
    assert_status(tdm_table_verify(t, &f.err), TDM_CORRUPT, &f.err);
    tdm_table_close(&t);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_several_columns),
        cmocka_unit_test(every_double_comes_back),
        cmocka_unit_test(a_failing_writer_stops_it),
        cmocka_unit_test(damage_is_told_not_exported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
