/* Cutover: what is current moves by one flip, whole and checked, or not at all. */
#include "engine/cutover.h"
#include "fixture.h"
#include "table/tables.h"

static void run(fixture *f, tdm_run_report *r)
{
    assert_ok(fixture_run(f, NULL, r), &f->err);
}

static uint64_t promote(fixture *f, const char *release, const char *table)
{
    uint64_t epoch;
    assert_ok(tdm_promote(f->home, release, table, 0, NULL, NULL, &epoch, &f->err), &f->err);
    return epoch;
}

static uint64_t rollback(fixture *f, const char *service)
{
    uint64_t epoch;
    assert_ok(tdm_rollback(f->home, service, &epoch, &f->err), &f->err);
    return epoch;
}

/* "N cause service=release-digit/table ..." */
static const char *current(fixture *f)
{
    tdm_epoch *e;
    assert_ok(tdm_epoch_current(f->home, &e, &f->err), &f->err);
    const char *text = fixture_print("%d %s", (int)tdm_epoch_number(e), tdm_epoch_cause(e));
    for (size_t i = 0; i < tdm_epoch_services(e); i++) {
        const tdm_service_info *s = tdm_epoch_service(e, i);
        text = fixture_print("%s %s=%.4s/%s", text, s->name, s->release, s->table);
    }
    assert_null(tdm_epoch_service(e, tdm_epoch_services(e)));
    tdm_epoch_close(&e);
    return text;
}

static void promoting_is_idempotent(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    tdm_epoch *e;
    fixture_full(&f, NULL, 50);
    assert_string_equal(current(&f), "0 ");
    run(&f, &r);
    assert_int_equal(promote(&f, "late", NULL), 1);
    const char *expect = fixture_print("1 promote late=%.4s/v000001", f.id);
    assert_string_equal(current(&f), expect);
    assert_int_equal(promote(&f, f.id, "v000001"), 1);
    assert_int_equal(promote(&f, "late", "late/v000001"), 1);
    assert_string_equal(current(&f), expect);
    assert_int_equal(fixture_names(&f, "epochs"), 1);
    assert_ok(tdm_epoch_current(f.home, &e, &f.err), &f.err);
    const tdm_service_info *s = tdm_epoch_service(e, 0);
    assert_true(s->rows == 50 && s->since_epoch == 1 && s->as_of_us == fixture_as_of_us && s->ttl_us == INT64_C(86400000000));
    assert_true(s->age_us > 0 && s->stale && s->expired && !s->error[0]);
    assert_true(tdm_epoch_since_us(e) > fixture_as_of_us);
    tdm_epoch_close(&e);
    fixture_close(&f);
}

static void the_expected_epoch(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    uint64_t epoch;
    fixture_full(&f, NULL, 20);
    run(&f, &r);
    assert_status(tdm_promote(f.home, "late", NULL, 7, NULL, NULL, &epoch, &f.err), TDM_MOVED, &f.err);
    assert_string_equal(f.err.expected, "7");
    assert_string_equal(f.err.found, "0");
    assert_string_equal(current(&f), "0 ");
    promote(&f, "late", NULL);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", "late: 43"), NULL);
    assert_status(tdm_promote(f.home, "late", NULL, 2, NULL, NULL, &epoch, &f.err), TDM_MOVED, &f.err);
    assert_ok(tdm_promote(f.home, "late", NULL, 1, NULL, NULL, &epoch, &f.err), &f.err);
    assert_int_equal(epoch, 2);
    assert_string_equal(current(&f), fixture_print("2 promote late=%.4s/", f.id)); /* the new release has no table yet */
    fixture_close(&f);
}

static void rolling_back_goes_back_and_back(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    char id[3][65];
    uint64_t epoch;
    fixture_full(&f, NULL, 20);
    assert_status(tdm_rollback(f.home, NULL, &epoch, &f.err), TDM_REFUSED, &f.err);
    for (int i = 0; i < 3; i++) {
        fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", fixture_print("late: %d", i)), NULL);
        memcpy(id[i], f.id, 65);
        run(&f, &r);
        assert_int_equal(promote(&f, f.id, NULL), i + 1);
    }
    assert_int_equal(rollback(&f, NULL), 4);
    assert_string_equal(current(&f), fixture_print("4 rollback late=%.4s/v000002", id[1]));
    assert_int_equal(rollback(&f, "late"), 5);
    assert_string_equal(current(&f), fixture_print("5 rollback late=%.4s/v000001", id[0]));
    assert_status(tdm_rollback(f.home, NULL, &epoch, &f.err), TDM_REFUSED, &f.err);
    assert_status(tdm_rollback(f.home, "nobody", &epoch, &f.err), TDM_NOT_FOUND, &f.err);
    assert_string_equal(current(&f), fixture_print("5 rollback late=%.4s/v000001", id[0]));
    assert_int_equal(promote(&f, id[2], NULL), 6); /* forward again, and back to where it came from */
    assert_int_equal(rollback(&f, NULL), 7);
    assert_string_equal(current(&f), fixture_print("7 rollback late=%.4s/v000001", id[0]));
    assert_int_equal(fixture_names(&f, "epochs"), 7);
    fixture_close(&f);
}

static void two_services_move_apart(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    char late[65], early[65], later[65];
    uint64_t epoch;
    fixture_full(&f, NULL, 20);
    memcpy(late, f.id, 65);
    run(&f, &r);
    promote(&f, late, NULL);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "name: late", "name: early"), NULL);
    memcpy(early, f.id, 65);
    run(&f, &r);
    assert_int_equal(promote(&f, early, NULL), 2);
    assert_string_equal(current(&f), fixture_print("2 promote early=%.4s/v000002 late=%.4s/v000001", early, late));
    assert_status(tdm_rollback(f.home, NULL, &epoch, &f.err), TDM_REFUSED, &f.err); /* there was no early before */
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", "late: 1"), NULL);
    memcpy(later, f.id, 65);
    assert_int_equal(promote(&f, later, NULL), 3);
    fixture_pack(&f, fixture_edit(fixture_edit(fixture_release_yaml, "name: late", "name: early"), "late: 42", "late: 1"), NULL);
    assert_int_equal(promote(&f, f.id, NULL), 4);
    assert_int_equal(rollback(&f, "late"), 5); /* what others did meanwhile stays */
    assert_string_equal(current(&f), fixture_print("5 rollback early=%.4s/ late=%.4s/v000001", f.id, late));
    assert_int_equal(rollback(&f, "early"), 6);
    assert_string_equal(current(&f), fixture_print("6 rollback early=%.4s/v000002 late=%.4s/v000001", early, late));
    fixture_close(&f);
}

/* Nothing moves; gives where the error says the fault is. */
static const char *refuses(fixture *f, const char *release, const char *table, tdm_status status)
{
    uint64_t epoch = 9;
    const char *before = current(f);
    size_t epochs = fixture_names(f, "epochs");
    assert_status(tdm_promote(f->home, release, table, 0, NULL, NULL, &epoch, &f->err), status, &f->err);
    const char *where = fixture_print("%s", f->err.where);
    assert_string_equal(current(f), before);
    assert_int_equal(fixture_names(f, "epochs"), epochs);
    return where;
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    char first[65];
    fixture_full(&f, NULL, 20);
    memcpy(first, f.id, 65);
    run(&f, &r);
    promote(&f, first, NULL);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", "late: 1"), NULL);
    refuses(&f, f.id, "v000001", TDM_MISMATCH); /* a table of another release */
    refuses(&f, f.id, "v000009", TDM_NOT_FOUND);
    refuses(&f, "nothing", NULL, TDM_NOT_FOUND);
    fixture_add_sources(&f, "more:\n  kind: table\n  key: a\n  columns: {a: string, hour: i64?}\n");
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "year: {column: planes.year, default: 2000}",
                                  "year: {column: planes.year, default: 2000}\n  more: {column: more.hour, by: tail}"), NULL);
    refuses(&f, f.id, NULL, TDM_NOT_FOUND); /* a source without rows */
    fixture_close(&f);
}

/* Every byte of the table that would be served is read: each flip of a sample is found. */
static void a_damaged_table_is_refused(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    fixture_full(&f, NULL, 200);
    run(&f, &r);
    promote(&f, "late", NULL);
    tdm_run_options later = {.has_as_of = true, .as_of_us = fixture_as_of_us + 1, .threads = 1};
    assert_ok(tdm_run(f.home, "late", &later, &r, &f.err), &f.err);
    tdm__buf store = fixture_get(&f, "tables/v000002/store");
    for (size_t i = 0; i < store.len; i += 97) {
        fixture_flip(&f, "tables/v000002/store", i);
        refuses(&f, "late", "v000002", TDM_CORRUPT);
        fixture_flip(&f, "tables/v000002/store", i);
    }
    tdm__buf_free(&store);
    assert_int_equal(promote(&f, "late", NULL), 2);
    /* and what is rolled back to is staged likewise */
    fixture_flip(&f, "tables/v000001/store", 300);
    uint64_t epoch;
    assert_status(tdm_rollback(f.home, NULL, &epoch, &f.err), TDM_CORRUPT, &f.err);
    assert_string_equal(current(&f), fixture_print("2 promote late=%.4s/v000002", f.id));
    fixture_close(&f);
}

static void a_golden_difference_is_refused(void **state)
{
    (void)state;
    fixture f;
    tdm_release *release;
    fixture_full(&f, NULL, 20);
    const char *dir = fixture_release_dir(&f, "golden", fixture_print("%sgolden: golden.jsonl\n", fixture_release_yaml),
                                          fixture_edit(fixture_main_json, "1000,", "1000.0000001,"));
    assert_ok(tdm_release_pack(f.home, dir, NULL, &release, &f.err), &f.err);
    tdm_release_close(&release);
    assert_string_equal(refuses(&f, "late", NULL, TDM_DIFFERS), "golden.jsonl:1");
    fixture_close(&f);
}

static void damage_of_a_release(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    tdm_epoch *e;
    fixture_full(&f, NULL, 20);
    run(&f, &r);
    promote(&f, "late", NULL);
    fixture_flip(&f, fixture_print("releases/%s/simple.json", f.id), 3);
    assert_ok(tdm_epoch_current(f.home, &e, &f.err), &f.err); /* status still works, and says it */
    assert_non_null(strstr(tdm_epoch_service(e, 0)->error, "simple.json"));
    assert_int_equal(tdm_epoch_service(e, 0)->rows, 20);
    tdm_epoch_close(&e);
    tdm_epoch_close(&e);
    fixture_close(&f);
}

/* What a release reads is what it serves: its sources are verified as its table is. */
static void a_damaged_source_is_refused(void **state)
{
    (void)state;
    fixture f;
    fixture_full(&f, NULL, 200);
    promote(&f, "late", NULL);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", "late: 1"), NULL);
    tdm__buf store = fixture_get(&f, "sources/flights/000001.store");
    for (size_t i = 0; i < store.len; i += 1009) {
        fixture_flip(&f, "sources/flights/000001.store", i);
        refuses(&f, f.id, NULL, TDM_CORRUPT);
        fixture_flip(&f, "sources/flights/000001.store", i);
    }
    tdm__buf_free(&store);
    assert_int_equal(promote(&f, f.id, NULL), 2);
    fixture_close(&f);
}

/* A manifest that cannot be read stops its own release, and no other. */
static void a_damaged_table_of_another_release(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    fixture_full(&f, NULL, 20);
    run(&f, &r);
    fixture_flip(&f, "tables/v000001/manifest", 200);
    refuses(&f, "late", NULL, TDM_CORRUPT);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "name: late", "name: early"), NULL);
    assert_int_equal(promote(&f, f.id, NULL), 1);
    assert_string_equal(current(&f), fixture_print("1 promote early=%.4s/", f.id));
    fixture_close(&f);
}

/* A damaged current epoch serves nobody; a rollback goes on from the newest one that is whole, and says so. */
static void a_damaged_epoch_is_repaired(void **state)
{
    (void)state;
    static const char *const files[] = {"epochs/000002", "CURRENT"};
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        tdm_epoch *e;
        uint64_t epoch;
        fixture_full(&f, NULL, 20);
        promote(&f, "late", NULL);
        const char *first = fixture_print("%.4s", f.id);
        fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", "late: 1"), NULL);
        promote(&f, f.id, NULL);
        fixture_flip(&f, files[i], 30);
        assert_status(tdm_epoch_current(f.home, &e, &f.err), TDM_CORRUPT, &f.err);
        assert_non_null(strstr(f.err.hint, "rollback"));
        assert_status(tdm_promote(f.home, "late", NULL, 0, NULL, NULL, &epoch, &f.err), TDM_CORRUPT, &f.err);
        assert_ok(tdm_rollback(f.home, NULL, &epoch, &f.err), &f.err);
        assert_int_equal(epoch, 3);
        assert_string_equal(current(&f), fixture_print("3 repair late=%.4s/", i ? f.id : first));
        fixture_close(&f);
    }
}

static bool never(void *self, const tdm_progress *p)
{
    (void)p;
    return (*(size_t *)self)-- > 0;
}

static void cancelled(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    uint64_t epoch;
    size_t at = 0;
    fixture_full(&f, NULL, 20);
    run(&f, &r);
    for (;; at++) {
        size_t left = at;
        tdm_status s = tdm_promote(f.home, "late", NULL, 0, never, &left, &epoch, &f.err);
        if (!s)
            break;
        assert_status(s, TDM_CANCELLED, &f.err);
        assert_string_equal(current(&f), "0 ");
    }
    assert_int_equal(at, 6);
    fixture_close(&f);
}

/* Who serves in this process, as a test can see it: what was prepared, and what came of it. */
typedef struct watcher {
    fixture *f;
    char told[256];          /* "prepare 1 promote late;finish 1;" */
    tdm_status answer;       /* of prepare */
    const char *stages[16];  /* that the progress was told */
    size_t n_stages, stop_at;
} watcher;

static tdm_status watch_prepare(void *self, const tdm__epoch *next, tdm_error *err)
{
    watcher *w = self;
    tdm_epoch *now;
    assert_ok(tdm_epoch_current(w->f->home, &now, err), err);
    assert_int_equal(tdm_epoch_number(now) + 1, next->number); /* not current yet */
    tdm_epoch_close(&now);
    size_t n = strlen(w->told);
    snprintf(w->told + n, sizeof w->told - n, "prepare %d %s %s;", (int)next->number, next->cause, next->changed);
    if (w->answer)
        snprintf(err->what, sizeof err->what, "not with me");
    return w->answer;
}

static void watch_finish(void *self, bool flipped)
{
    watcher *w = self;
    size_t n = strlen(w->told);
    snprintf(w->told + n, sizeof w->told - n, "finish %d;", flipped);
}

static bool watch_progress(void *self, const tdm_progress *p)
{
    watcher *w = self;
    assert_true(p->total == 6 && p->done == w->n_stages && w->n_stages < 16);
    w->stages[w->n_stages++] = p->stage;
    return w->n_stages != w->stop_at;
}

/* The hook hears of a content once it was verified and before it is current, and of the end in every case. */
static void whoever_serves_is_told(void **state)
{
    (void)state;
    static const char *const stages[] = {"release", "sources", "golden rows", "table", "prepare", "flip"};
    fixture f;
    tdm_run_report r;
    uint64_t epoch;
    watcher w = {.f = &f};
    const tdm__home_hooks hooks = {watch_prepare, watch_finish, &w};
    fixture_full(&f, NULL, 20);
    run(&f, &r);
    f.home->hooks = &hooks;
    w.answer = TDM_NO_MEMORY;
    assert_status(tdm_promote(f.home, "late", NULL, 0, NULL, NULL, &epoch, &f.err), TDM_NO_MEMORY, &f.err);
    assert_string_equal(w.told, "prepare 1 promote late;");
    assert_string_equal(current(&f), "0 ");
    w = (watcher){.f = &f, .stop_at = 6};
    assert_status(tdm__promote_here(f.home, "late", NULL, 0, watch_progress, &w, &epoch, &f.err), TDM_CANCELLED, &f.err);
    assert_string_equal(w.told, "prepare 1 promote late;finish 0;");
    assert_string_equal(current(&f), "0 ");
    w = (watcher){.f = &f};
    assert_ok(tdm__promote_here(f.home, "late", NULL, 0, watch_progress, &w, &epoch, &f.err), &f.err);
    assert_string_equal(w.told, "prepare 1 promote late;finish 1;");
    assert_int_equal(w.n_stages, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(w.stages[i], stages[i]);
    w.told[0] = 0;
    assert_int_equal(promote(&f, "late", NULL), 1); /* it is current already: there is nothing to be ready for */
    assert_string_equal(w.told, "");
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", "late: 43"), NULL);
    assert_int_equal(promote(&f, "late", NULL), 2);
    w = (watcher){.f = &f, .stop_at = 5};
    assert_status(tdm__rollback_here(f.home, NULL, watch_progress, &w, &epoch, &f.err), TDM_CANCELLED, &f.err);
    assert_string_equal(f.err.where, "rollback");
    assert_string_equal(w.told, "");
    w = (watcher){.f = &f};
    assert_int_equal(rollback(&f, NULL), 3);
    assert_string_equal(w.told, "prepare 3 rollback late;finish 1;");
    fixture_close(&f);
}

/* The last step of a flip fails: its caller hears of it, but CURRENT moved, and who serves goes with it. */
static void a_flip_in_doubt_is_served(void **state)
{
    (void)state;
    size_t in_doubt = 0;
    for (uint64_t n = 1, cost = 1; n <= cost; n++) {
        fixture f;
        uint64_t epoch;
        watcher w = {.f = &f};
        const tdm__home_hooks hooks = {watch_prepare, watch_finish, &w};
        fixture_full(&f, NULL, 20);
        f.home->hooks = &hooks;
        cost = tdm__fs_sim_calls(f.fs);
        assert_int_equal(promote(&f, "late", NULL), 1);
        cost = tdm__fs_sim_calls(f.fs) - cost;
        fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", "late: 43"), NULL);
        w = (watcher){.f = &f};
        tdm__fs_sim_fail_at(f.fs, n, TDM_IO);
        tdm_status s = tdm_promote(f.home, "late", NULL, 0, NULL, NULL, &epoch, &f.err);
        tdm__fs_sim_fail_at(f.fs, 0, TDM_OK);
        bool moved = current(&f)[0] == '2', told = strstr(w.told, "finish 1;") != NULL;
        assert_true(moved == told && (!s || !moved || s == TDM_IO));
        in_doubt += s && moved;
        fixture_close(&f);
    }
    assert_true(in_doubt > 0);
}

static void the_age_of_what_is_described(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    tdm_epoch *e;
    fixture_full(&f, NULL, 20);
    run(&f, &r);
    promote(&f, "late", NULL);
    assert_ok(tdm_epoch_current(f.home, &e, &f.err), &f.err);
    const tdm_service_info *s = tdm_epoch_service(e, 0);
    tdm__epoch_refresh_ages(e, fixture_as_of_us + 1000);
    assert_true(s->age_us == 1000 && !s->stale && !s->expired);
    tdm__epoch_refresh_ages(e, fixture_as_of_us + s->ttl_us);
    assert_false(s->stale);
    tdm__epoch_refresh_ages(e, fixture_as_of_us + s->ttl_us + 1);
    assert_true(s->stale && !s->expired);
    tdm__epoch_refresh_ages(e, fixture_as_of_us + s->last_good_us + 1);
    assert_true(s->stale && s->expired);
    tdm_epoch_close(&e);
    fixture_close(&f);
}

/* Each allocation of a promotion and of looking at the epoch fails once: the old epoch or the new one. */
static void allocations_fail(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    fixture_full(&f, NULL, 20);
    run(&f, &r);
    uint64_t epoch = 0;
    tdm_status s = TDM_NO_MEMORY;
    for (uint64_t n = 1; s; n++) {
        support_fail_alloc_at(n);
        s = tdm_promote(f.home, "late", NULL, 0, NULL, NULL, &epoch, &f.err);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (s || !hit)
            assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
        if (s)
            assert_string_equal(current(&f), "0 ");
    }
    assert_string_equal(current(&f), fixture_print("1 promote late=%.4s/v000001", f.id));
    for (uint64_t n = 1, hit = 1; hit; n++) {
        tdm_epoch *e;
        support_fail_alloc_at(n);
        s = tdm_epoch_current(f.home, &e, &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_true(s == TDM_OK || (hit && s == TDM_NO_MEMORY));
        if (!s && hit) /* what memory did not suffice for is said beside the service */
            assert_non_null(strstr(tdm_epoch_service(e, 0)->error, "memory"));
        tdm_epoch_close(&e);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promoting_is_idempotent),
        cmocka_unit_test(the_expected_epoch),
        cmocka_unit_test(rolling_back_goes_back_and_back),
        cmocka_unit_test(two_services_move_apart),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_damaged_table_is_refused),
        cmocka_unit_test(a_golden_difference_is_refused),
        cmocka_unit_test(damage_of_a_release),
        cmocka_unit_test(a_damaged_source_is_refused),
        cmocka_unit_test(a_damaged_table_of_another_release),
        cmocka_unit_test(a_damaged_epoch_is_repaired),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(whoever_serves_is_told),
        cmocka_unit_test(a_flip_in_doubt_is_served),
        cmocka_unit_test(the_age_of_what_is_described),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
