/* The pipeline: the same bytes from any number of threads, and a clean stop when a piece fails or somebody cancels. */
#include "../engine/engine_desk.h"
#include "base/digest.h"
#include "batch/pipeline.h"

enum { SLOTS = 64, ROWS = 45000 };

typedef struct line {
    fixture f;
    desk d;
    tdm__pipeline_counts counts;
    uint64_t defaults[SLOTS], nulls[SLOTS];
    tdm__writing writing;
    uint64_t fail_alloc, fail_disk; /* the call of the next run that fails; 0: none */
    bool failed;                    /* it did */
} line;

static void open_line(line *l, size_t flights)
{
    memset(l, 0, sizeof *l);
    fixture_full(&l->f, NULL, flights);
    desk_open(&l->d, &l->f);
    assert_true(l->d.package->n_slots <= SLOTS);
    assert_ok(tdm__writing_begin(l->f.home, "test", &l->writing, &l->f.err), &l->f.err);
}

static void close_line(line *l)
{
    tdm__writing_end(&l->writing);
    desk_close(&l->d);
    fixture_close(&l->f);
}

/* Scores into /s and the quarantine /home/q; on success the digest of both. */
static tdm_status run(line *l, const char *file, unsigned threads, tdm_progress_fn progress, void *self, uint64_t digest[2])
{
    tdm__population p;
    tdm__store_builder *builder;
    tdm__store *store;
    tdm__line_file *lines = NULL;
    tdm__buf q;
    tdm_error *err = &l->f.err;
    memset(l->defaults, 0, sizeof l->defaults);
    memset(l->nulls, 0, sizeof l->nulls);
    l->counts = (tdm__pipeline_counts){.defaults = l->defaults, .nulls = l->nulls};
    assert_ok(tdm__population_open(&p, l->d.engine, file ? tdm__fs_posix() : l->f.fs, file, err), err);
    assert_ok(tdm__store_builder_new(l->f.fs, "/s", &l->d.package->prediction, NULL, &builder, err), err);
    assert_ok(tdm__line_file_new(l->f.home, "/home/q", &lines, err), err);
    uint64_t calls = tdm__fs_sim_calls(l->f.fs);
    tdm__fs_sim_fail_at(l->f.fs, l->fail_disk, TDM_DISK_FULL);
    support_fail_alloc_at(l->fail_alloc);
    tdm_status s = tdm__pipeline_run(&p, "run-1", fixture_as_of_us, threads, builder, lines, progress, self, &l->counts, err);
    l->failed = l->fail_alloc ? support_alloc_failed() : tdm__fs_sim_calls(l->f.fs) - calls >= l->fail_disk;
    support_fail_alloc_at(0);
    tdm__fs_sim_fail_at(l->f.fs, 0, TDM_OK);
    tdm__population_close(&p);
    if (s) {
        tdm__store_builder_abort(&builder);
        tdm__line_file_abort(&lines);
        return s;
    }
    assert_ok(tdm__store_builder_finish(&builder, (tdm_str){0}, err), err);
    assert_ok(tdm__line_file_finish(&lines, err), err);
    assert_ok(tdm__store_open(l->f.fs, "/s", &store, err), err);
    assert_int_equal(tdm__store_rows(store) + l->counts.rows_quarantined, l->counts.rows_in);
    digest[0] = tdm__store_digest(store);
    tdm__store_close(&store);
    assert_ok(tdm__read_file(l->f.fs, "/home/q", 256 << 20, &q, err), err);
    digest[1] = tdm__hash64(q.ptr, q.len);
    tdm__buf_free(&q);
    return TDM_OK;
}

static const char *big_file(const fixture *f)
{
    tdm__buf text = {0};
    tdm__buf_text(&text, "flight,cabin,comment\n");
    for (size_t i = 0; i < ROWS; i++) { /* some rows of each fate, several chunks */
        const char *cabin = i % 97 == 5 ? "x" : i % 89 == 7 ? "101" : i % 3 ? "1.5" : "";
        tdm__buf_printf(&text, "f%06zu,%s,%s\n", i % 101 == 3 ? i + 1000000 : i, cabin, i % 83 == 2 ? "\"two\nlines\"" : "some text to make it long");
    }
    const char *path = fixture_file(f, "big.csv", tdm__buf_z(&text));
    tdm__buf_free(&text);
    return path;
}

static void any_number_of_threads(void **state)
{
    (void)state;
    line l;
    open_line(&l, ROWS);
    const char *files[] = {NULL, big_file(&l.f)};
    for (int k = 0; k < 2; k++) {
        uint64_t first[2] = {0}, digest[2];
        line one;
        for (unsigned threads = 1; threads <= 4; threads++) {
            assert_ok(run(&l, files[k], threads, NULL, NULL, threads == 1 ? first : digest), &l.f.err);
            assert_int_equal(l.counts.rows_in, ROWS);
            assert_true(k == 0 || l.counts.rows_quarantined > 1000);
            if (threads == 1) {
                one = l;
                continue;
            }
            assert_true(digest[0] == first[0] && digest[1] == first[1]);
            assert_memory_equal(l.defaults, one.defaults, sizeof l.defaults);
            assert_memory_equal(l.nulls, one.nulls, sizeof l.nulls);
            assert_memory_equal(l.counts.code, one.counts.code, sizeof l.counts.code);
        }
    }
    close_line(&l);
}

/* A piece that cannot be scored (a damaged source table) fails the run, on any number of threads. */
static void a_failing_piece_stops_it(void **state)
{
    (void)state;
    uint64_t digest[2];
    for (unsigned threads = 1; threads <= 4; threads++) {
        line l;
        open_line(&l, ROWS);
        desk_close(&l.d);
        tdm__buf store = fixture_get(&l.f, "sources/planes/000001.store");
        size_t at = 0;
        while (memcmp(store.ptr + at, "N007", 4)) /* a record's key, behind the header */
            at++;
        tdm__buf_free(&store);
        fixture_flip(&l.f, "sources/planes/000001.store", at + 5);
        desk_open(&l.d, &l.f);
        assert_status(run(&l, NULL, threads, NULL, NULL, digest), TDM_CORRUPT, &l.f.err);
        assert_non_null(strstr(l.f.err.where, "planes/000001.store"));
        close_line(&l);
    }
}

typedef struct teller {
    uint64_t rows, calls;
    bool go_on;
} teller;

static bool tell(void *self, const tdm_progress *p)
{
    teller *t = self;
    assert_string_equal(p->stage, "score");
    assert_true(p->rows >= t->rows && p->done <= p->total);
    t->rows = p->rows;
    t->calls++;
    return t->go_on;
}

static void cancelled(void **state)
{
    (void)state;
    line l;
    uint64_t digest[2];
    open_line(&l, ROWS);
    for (unsigned threads = 1; threads <= 3; threads++) {
        teller stop = {0}, go = {.go_on = true};
        tdm_status s = run(&l, NULL, threads, tell, &stop, digest);
        if (stop.calls) /* it may have been done before it was asked */
            assert_status(s, TDM_CANCELLED, &l.f.err);
        assert_ok(run(&l, NULL, threads, tell, &go, digest), &l.f.err);
    }
    close_line(&l);
}

/* The disk is full at each call of the run, memory at each allocation, on whatever thread is at work. */
static void failures_stop_it(void **state)
{
    (void)state;
    line l;
    uint64_t digest[2];
    open_line(&l, ROWS);
    for (l.failed = true, l.fail_disk = 1; l.failed; l.fail_disk++) {
        tdm_status s = run(&l, NULL, 2, NULL, NULL, digest);
        assert_status(s, l.failed ? TDM_DISK_FULL : TDM_OK, &l.f.err);
    }
    assert_true(l.fail_disk > 3);
    l.fail_disk = 0;
    close_line(&l);
    open_line(&l, 2000);
    for (l.failed = true, l.fail_alloc = 1; l.failed; l.fail_alloc++) {
        tdm_status s = run(&l, NULL, 2, NULL, NULL, digest);
        if (s || !l.failed) /* a thread's name may be left out */
            assert_status(s, l.failed ? TDM_NO_MEMORY : TDM_OK, &l.f.err);
    }
    assert_true(l.fail_alloc > 30);
    close_line(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(a_failing_piece_stops_it),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(failures_stop_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
