/* Stores on a disk that loses power at any call of a build: the old store or the new one, whole.
 *
 * Each seed builds stores over and over at one path and loses power inside a random call. What stands there
 * afterwards must open, verify and hold exactly the rows of one build: of the last that was acknowledged, or of the
 * one in flight. The last test takes the defence away: on a disk that lies about its syncs stores must get lost or
 * damaged. */
#include "../unit/store/store_rows.h"

#include "os/sim_files.h"

enum { SEEDS = 1000, BUILDS = 3 };
static const char path[] = "/home/table/s.tdm";

typedef struct life {
    tdm__fs *fs;
    tdm__random random;
    uint64_t acknowledged, flying; /* first row of a build; UINT64_MAX: none */
    size_t news, olds;
} life;

static uint64_t rows_of(uint64_t first)
{
    return first % 40;
}

/* The first row's number of the store that stands there; its rows are checked. */
static uint64_t look(tdm__fs *fs, const life *l)
{
    tdm_error err;
    tdm__store *store;
    tdm__record record;
    tdm__store_cursor cursor;
    tdm_status s = tdm__store_open(fs, path, &store, &err);
    if (s == TDM_NOT_FOUND)
        return UINT64_MAX;
    assert_ok(s, &err);
    assert_ok(tdm__store_verify(store, &err), &err);
    uint64_t first = tdm__store_rows(store) == rows_of(l->acknowledged) ? l->acknowledged : l->flying;
    assert_int_equal(tdm__store_rows(store), rows_of(first));
    assert_ok(tdm__store_seek(store, 0, &cursor, &err), &err);
    for (uint64_t i = 0; i < rows_of(first); i++) {
        assert_ok(tdm__store_next(&cursor, &record, &err), &err);
        rows_assert(&record, first + i, first + i);
    }
    tdm__store_close(&store);
    return first;
}

/* What a home's owner does at its start. */
static void remove_temporaries(tdm__fs *fs)
{
    tdm_error err;
    tdm__names list;
    if (tdm__list_dir(fs, "/home/table", &list, &err))
        return;
    for (size_t i = 0; i < list.n; i++) {
        char name[TDM__PATH_MAX];
        bool ours = strncmp(list.name[i], "s.tdm.tmp.", 10) == 0;
        if (ours && tdm__path_join(name, sizeof name, "/home/table", list.name[i]))
            assert_ok(tdm__remove(fs, name, &err), &err);
    }
    tdm__names_free(&list);
}

static void live(uint64_t seed, size_t *news, size_t *olds)
{
    tdm_error err;
    life l = {.fs = tdm__fs_sim_new(seed), .acknowledged = UINT64_MAX, .flying = UINT64_MAX};
    assert_non_null(l.fs);
    tdm__random_seed(&l.random, seed ^ 0x5703e);
    assert_ok(tdm__make_dirs(l.fs, "/home/table", &err), &err);
    for (uint64_t i = 0; i < BUILDS; i++) {
        uint64_t first = seed % 1000 * 1000 + i * 101 + 1;
        tdm__fs_sim_crash_at(l.fs, 1 + tdm__random_below(&l.random, 14));
        tdm_status s = rows_build(l.fs, path, first, rows_of(first), 32, &err);
        l.flying = first;
        if (!s)
            l.acknowledged = first;
        tdm__fs_sim_crash(l.fs);
        uint64_t found = look(l.fs, &l);
        assert_true(found == l.acknowledged || (s && found == first));
        *news += found == first;
        *olds += found != first;
        l.acknowledged = found;
        remove_temporaries(l.fs);
    }
    tdm__fs_sim_close(&l.fs);
}

static void the_old_one_or_the_new_one(void **state)
{
    (void)state;
    size_t news = 0, olds = 0;
    for (uint64_t i = 0; i < SEEDS; i++)
        live(support_seed() + i, &news, &olds);
    printf("# after %d losses of power the new store stood %zu times, the old one or none %zu times\n", SEEDS * BUILDS,
           news, olds);
    assert_true(news > SEEDS / 4 && olds > SEEDS / 4);
}

static void a_lying_disk_loses(void **state)
{
    (void)state;
    size_t bad = 0;
    for (uint64_t i = 0; i < 200; i++) {
        tdm_error err;
        tdm__store *store = NULL;
        tdm__fs *fs = tdm__fs_sim_new(support_seed() + i);
        assert_ok(tdm__make_dirs(fs, "/home/table", &err), &err);
        tdm__fs_sim_lie(fs, true);
        assert_ok(rows_build(fs, path, 0, 50, 0, &err), &err);
        tdm__fs_sim_crash(fs);
        bad += tdm__store_open(fs, path, &store, &err) || tdm__store_verify(store, &err);
        tdm__store_close(&store);
        tdm__fs_sim_close(&fs);
    }
    printf("# a lying disk: %zu of 200 acknowledged stores were gone or damaged\n", bad);
    assert_true(bad > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_old_one_or_the_new_one),
        cmocka_unit_test(a_lying_disk_loses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
