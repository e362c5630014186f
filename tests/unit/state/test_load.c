/* Loads: versions by upsert, counts that add up, bad rows in the quarantine, all or nothing. */
#include "fixture.h"
#include "state/state.h"

static tdm_status load_with(fixture *f, const tdm_load_options *options, size_t n, const char *const *paths, tdm_load_report *r)
{
    tdm_status s = tdm_load(f->home, "flights", paths, n, options, r, &f->err);
    if (!s) {
        assert_int_equal(r->rows_in, r->rows_loaded + r->rows_superseded + r->rows_quarantined);
        assert_int_equal(r->rows_quarantined > 0, r->quarantine[0] != 0);
    }
    return s;
}

static tdm_status load_text(fixture *f, const char *name, const char *text, tdm_load_report *r)
{
    tdm_load_options all = {.bad_share_max = 1};
    const char *path = fixture_file(f, name, text);
    return load_with(f, &all, 1, &path, r);
}

/* The present version as text: a line "key tail distance hour" a row, "-" for null, "?" for missing. */
static const char *flights(fixture *f)
{
    static char text[4096];
    tdm__state *state;
    tdm__store *store;
    tdm__store_cursor cursor;
    tdm__record record;
    size_t n = 0;
    assert_ok(tdm__state_read(f->home, NULL, UINT64_MAX, &state, &f->err), &f->err);
    assert_ok(tdm__state_open_store(state, tdm__state_find(state, tdm__str("flights")), &store, &f->err), &f->err);
    assert_ok(tdm__store_seek(store, 0, &cursor, &f->err), &f->err);
    for (text[0] = 0; !tdm__store_next(&cursor, &record, &f->err);) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s", (int)record.key.len, record.key.ptr);
        for (size_t c = 1; c < tdm__store_schema(store)->n; c++) {
            tdm_value v;
            tdm_text z = {0};
            tdm__record_value(&record, c, &v);
            tdm_text_value(&z, &v);
            n += (size_t)snprintf(text + n, sizeof text - n, " %.*s", v.presence == TDM_PRESENT ? (int)z.len : 1,
                                  v.presence == TDM_PRESENT ? z.ptr : v.presence == TDM_NULL ? "-" : "?");
            tdm_text_free(&z);
        }
        n += (size_t)snprintf(text + n, sizeof text - n, "\n");
    }
    tdm__store_close(&store);
    tdm__state_close(&state);
    return text;
}

static void start(fixture *f)
{
    fixture_new(f, NULL);
    fixture_add_sources(f, fixture_sources_yaml);
}

static void the_newest_row_of_a_key_wins(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    start(&f);
    const char *two[2];
    two[0] = fixture_file(&f, "1.csv", "flight,tail,distance,hour\na,N1,1,1\nb,N2,2,2\na,N3,3,3\n");
    two[1] = fixture_file(&f, "2.csv", "flight,hour,distance\nb,,4\nc,5,\n");
    assert_ok(load_with(&f, NULL, 2, two, &r), &f.err);
    assert_string_equal(flights(&f), "a N3 3 3\nb ? 4 -\nc ? - 5\n");
    assert_true(r.version == 1 && r.rows_in == 5 && r.rows_loaded == 3 && r.rows_superseded == 2 && r.rows_replaced == 0 &&
                r.rows_total == 3 && r.rows_quarantined == 0 && !r.ignored[0]);
    assert_ok(load_text(&f, "3.csv", "extra,flight,distance\n1,d,9\n2,b,7\n3,d,8\n", &r), &f.err);
    assert_string_equal(flights(&f), "a N3 3 3\nc ? - 5\nb ? 7 ?\nd ? 8 ?\n");
    assert_true(r.version == 2 && r.rows_in == 3 && r.rows_loaded == 2 && r.rows_superseded == 1 && r.rows_replaced == 1 &&
                r.rows_total == 4);
    assert_string_equal(r.ignored, "extra");
    assert_int_equal(fixture_names(&f, "sources/flights"), 2);
    assert_int_equal(fixture_names(&f, "loads"), 0);
    fixture_close(&f);
}

static void other_formats(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    start(&f);
    const char *two[2] = {fixture_gz(&f, "a.csv.gz", "flight,hour\na,1\nb,2\n"),
                          fixture_file(&f, "b.jsonl", "{\"flight\":\"c\",\"hour\":null,\"tail\":\"\"}\n{\"hour\":9007199254740993,\"flight\":\"a\"}\n")};
    assert_ok(load_with(&f, NULL, 2, two, &r), &f.err);
    assert_string_equal(flights(&f), "b ? ? 2\nc  ? -\na ? ? 9007199254740993\n");
    two[0] = fixture_gz(&f, "no-name", "flight,hour\nx,1\n"); /* found by content */
    assert_ok(load_with(&f, NULL, 1, two, &r), &f.err);
    assert_int_equal(r.rows_total, 4);
    fixture_close(&f);
}

/* Every field of the quarantine, also from within a compressed file. */
static void bad_rows_are_quarantined(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    size_t n;
    start(&f);
    const char *path = fixture_gz(&f, "bad.csv.gz", "flight,distance,hour\na,1,2\nb,far,3\n,5,6\nc,7\nd,8,9\n\"\",1,1\n");
    tdm_load_options all = {.bad_share_max = 1};
    assert_ok(load_with(&f, &all, 1, &path, &r), &f.err);
    assert_true(r.rows_in == 6 && r.rows_loaded == 2 && r.rows_quarantined == 4);
    assert_string_equal(r.quarantine, "load-000001");
    const char *lines = fixture_quarantine(&f, "load-000001", &n);
    assert_int_equal(n, 4);
    const char *first = fixture_print("{\"run\":\"load-000001\",\"release\":\"flights\",\"file\":\"%s\",\"row\":2,\"line\":3,\"offset\":27,"
                                      "\"bytes\":\"b,far,3\",\"stage\":\"read\",\"code\":\"field_type\",\"field\":\"distance\","
                                      "\"value\":\"\\\"far\\\"\",\"expected\":\"f64? mi\",\"message\":", path);
    assert_int_equal(strncmp(lines, first, strlen(first)), 0);
    static const char *const codes[] = {"\"row\":3,\"line\":4,\"offset\":35,\"bytes\":\",5,6\"", "\"code\":\"field_null\",\"field\":\"flight\"",
                                        "\"bytes\":\"c,7\",\"stage\":\"read\",\"code\":\"csv_width\"",
                                        "\"stage\":\"key\",\"code\":\"key_missing\",\"field\":\"flight\""};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (!strstr(lines, codes[i]))
            fail_msg("there is no %s in\n%s", codes[i], lines);
    assert_ok(load_text(&f, "x.csv", "flight,hour\na,x\ne,1\n", &r), &f.err);
    assert_string_equal(r.quarantine, "load-000002");
    fixture_close(&f);
}

static void rows_without_a_key(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    char big[70000];
    start(&f);
    assert_ok(load_text(&f, "a.jsonl", "{\"hour\":1}\n{\"flight\":null}\n{\"flight\":\"\"}\n{\"flight\":\"a\"}\n", &r), &f.err);
    assert_true(r.rows_quarantined == 3 && r.rows_total == 1);
    size_t n;
    const char *lines = fixture_quarantine(&f, r.quarantine, &n), *at = lines;
    size_t keys = 0;
    while ((at = strstr(at + 1, "\"code\":\"key_missing\"")))
        keys++;
    assert_int_equal(keys, 2); /* the null is no flight: field_null */
    memset(big, 'k', sizeof big);
    memcpy(big, "flight\n", 7);
    memcpy(big + sizeof big - 2, "\n", 2);
    assert_ok(load_text(&f, "b.csv", big, &r), &f.err);
    assert_int_equal(r.rows_quarantined, 1);
    assert_non_null(strstr(fixture_quarantine(&f, r.quarantine, NULL), "\"stage\":\"key\",\"code\":\"too_large\""));
    assert_status(load_text(&f, "c.csv", "tail,hour\nN1,1\n", &r), TDM_MISMATCH, &f.err);
    assert_string_equal(f.err.expected, "a column 'flight'");
    fixture_close(&f);
}

static void too_many_bad_rows_load_nothing(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    start(&f);
    assert_ok(load_text(&f, "a.csv", "flight,hour\na,1\n", &r), &f.err);
    const char *path = fixture_file(&f, "b.csv", "flight,hour\na,2\nb,x\nc,3\nd,4\n");
    tdm_load_options options = {.bad_share_max = 0.24};
    assert_status(load_with(&f, &options, 1, &path, &r), TDM_QUARANTINE_FULL, &f.err);
    assert_non_null(strstr(f.err.what, "1 of 4 records"));
    assert_string_equal(flights(&f), "a ? ? 1\n");
    assert_non_null(strstr(fixture_quarantine(&f, "load-000001", NULL), "\"bytes\":\"b,x\""));
    assert_int_equal(fixture_names(&f, "sources/flights"), 1);
    options.bad_share_max = 0.25;
    assert_ok(load_with(&f, &options, 1, &path, &r), &f.err);
    assert_string_equal(flights(&f), "a ? ? 2\nc ? ? 3\nd ? ? 4\n");
    assert_status(load_with(&f, NULL, 1, &path, &r), TDM_QUARANTINE_FULL, &f.err); /* by default 1% */
    fixture_close(&f);
}

static void an_evolved_source_keeps_old_rows(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    start(&f);
    assert_ok(load_text(&f, "a.csv", "flight,hour\na,1\nb,2\n", &r), &f.err);
    fixture_add_sources(&f, fixture_edit(fixture_sources_yaml, "{flight: string, tail: string?,", "{flight: string, gate: string?, tail: string?,"));
    assert_string_equal(flights(&f), "a ? ? 1\nb ? ? 2\n"); /* the version is what it was */
    assert_ok(load_text(&f, "b.csv", "flight,gate,hour\nb,G1,\nc,,3\n", &r), &f.err);
    assert_string_equal(flights(&f), "a ? ? ? 1\nb G1 ? ? -\nc - ? ? 3\n");
    fixture_close(&f);
}

typedef struct stop {
    size_t calls, at;
} stop;

static bool stop_at(void *self, const tdm_progress *p)
{
    stop *s = self;
    assert_true(p->total == 0 || p->done <= p->total);
    return ++s->calls != s->at;
}

static void cancelling_leaves_nothing(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    tdm_status s = TDM_CANCELLED;
    start(&f);
    assert_ok(load_text(&f, "a.csv", "flight,hour\na,1\n", &r), &f.err);
    const char *path = fixture_file(&f, "b.csv", "flight,hour\na,2\nb,x\n");
    for (size_t at = 1; s; at++) {
        stop stopper = {.at = at};
        tdm_load_options options = {.bad_share_max = 1, .progress = stop_at, .self = &stopper};
        s = load_with(&f, &options, 1, &path, &r);
        if (!s) {
            assert_true(at > 2); /* it was asked while reading and before the index */
            break;
        }
        assert_status(s, TDM_CANCELLED, &f.err);
        assert_string_equal(flights(&f), "a ? ? 1\n");
        assert_int_equal(fixture_names(&f, "sources/flights"), 1);
        assert_int_equal(fixture_names(&f, "loads"), 0);
        assert_int_equal(fixture_names(&f, "tmp"), 0);
        assert_string_equal(r.quarantine, "");
    }
    assert_string_equal(flights(&f), "a ? ? 2\n");
    fixture_close(&f);
}

static void what_cannot_be_loaded(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    const char *none = "/no/such/file.csv";
    start(&f);
    assert_status(tdm_load(f.home, "flihgts", &none, 1, NULL, &r, &f.err), TDM_NOT_FOUND, &f.err);
    assert_string_equal(f.err.hint, "did you mean 'flights'?");
    assert_status(tdm_load(f.home, "flights", &none, 1, NULL, &r, &f.err), TDM_NOT_FOUND, &f.err);
    assert_status(tdm_load(f.home, "flights", &none, 0, NULL, &r, &f.err), TDM_USAGE, &f.err);
    fixture_add_sources(&f, "moves:\n  kind: events\n  id: i\n  time: t\n  columns: {i: string, t: timestamp}\n");
    assert_status(tdm_load(f.home, "moves", &none, 1, NULL, &r, &f.err), TDM_UNSUPPORTED, &f.err);
    assert_status(load_text(&f, "twice.csv", "flight,flight\na,b\n", &r), TDM_SYNTAX, &f.err);
    assert_status(load_text(&f, "cut.csv.gz", "\x1f\x8b\x08", &r), TDM_CORRUPT, &f.err);
    fixture_close(&f);
}

/* A foreign name in loads/ must not make a load take a number that is used. */
static void quarantine_numbers_are_never_used_twice(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    start(&f);
    assert_ok(load_text(&f, "a.csv", "flight,hour\na,x\n", &r), &f.err);
    fixture_put(&f, "loads/zzz", "", 0);
    assert_ok(load_text(&f, "a.csv", "flight,hour\nb,y\n", &r), &f.err);
    assert_string_equal(r.quarantine, "load-000002");
    assert_non_null(strstr(fixture_quarantine(&f, "load-000001", NULL), "\"bytes\":\"a,x\""));
    fixture_close(&f);
}

static void allocations_fail(void **state)
{
    (void)state;
    fixture f;
    tdm_load_report r;
    start(&f);
    assert_ok(load_text(&f, "a.csv", "flight,hour\na,1\n", &r), &f.err);
    const char *path = fixture_file(&f, "b.csv", "flight,hour\na,2\nb,x\n");
    for (uint64_t n = 1, hit = 1; hit; n += 1 + n / 40) { /* the simulated disk's own are many and alike */
        tdm_load_options options = {.bad_share_max = 1};
        support_fail_alloc_at(n);
        tdm_status s = load_with(&f, &options, 1, &path, &r);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (s || !hit)
            assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
        assert_string_equal(flights(&f), s ? "a ? ? 1\n" : "a ? ? 2\n");
        if (!s && hit) {
            assert_ok(load_text(&f, "a.csv", "flight,hour\na,1\n", &r), &f.err);
            fixture_file(&f, "b.csv", "flight,hour\na,2\nb,x\n");
        }
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_row_of_a_key_wins),
        cmocka_unit_test(other_formats),
        cmocka_unit_test(bad_rows_are_quarantined),
        cmocka_unit_test(rows_without_a_key),
        cmocka_unit_test(too_many_bad_rows_load_nothing),
        cmocka_unit_test(an_evolved_source_keeps_old_rows),
        cmocka_unit_test(cancelling_leaves_nothing),
        cmocka_unit_test(what_cannot_be_loaded),
        cmocka_unit_test(quarantine_numbers_are_never_used_twice),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
