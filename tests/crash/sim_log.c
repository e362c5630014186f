/* The log on a disk that loses power at any call: what was acknowledged survives, in order, and no group by halves.
 *
 * Each seed is a life of several powered times. In each the log is opened, groups are appended, and the power goes
 * inside a random call (sometimes a call fails first). The oracle is the list of acknowledged groups; the one group
 * in flight may be there too, whole, and then counts. Now and then the process starts again without a loss of power.
 * The last test takes the defence away: a disk that lies about its syncs must lose. */
#include "../unit/log/log_groups.h"

enum { SEEDS = 1000, TIMES = 5, GROUPS_MAX = 400 };
static const char dir[] = "/home/log";

typedef struct life {
    tdm__fs *fs;
    tdm__random random;
    uint64_t number[GROUPS_MAX]; /* acknowledged, then perhaps the one in flight */
    size_t acknowledged, flying;
    uint64_t next;
} life;

/* Reads all that survived. */
static void check(life *l, tdm__log_handle *log)
{
    tdm_status s;
    size_t found = groups_read(log, l->number, l->acknowledged + l->flying, &s);
    assert_int_equal(s, TDM_OK);
    assert_true(found >= l->acknowledged);
    l->acknowledged = found;
    l->flying = 0;
}

/* A process: opens, looks, appends. A failed append that the log takes back is tried again with another group. */
static void one_process(life *l)
{
    tdm_error err;
    tdm__log_handle *log;
    tdm_status s = tdm__log_open_writer(l->fs, dir, &log, &err);
    if (!s)
        check(l, log);
    for (int i = 0; i < 12 && !s && l->acknowledged + 1 < GROUPS_MAX; i++) {
        uint64_t number = l->next++;
        tdm__log_tune(log, 1500);
        s = group_append(log, number, NULL, &err);
        if (s != TDM_REFUSED)
            l->number[l->acknowledged] = number;
        l->acknowledged += s == TDM_OK;
        l->flying = s != TDM_OK;
        if (s != TDM_REFUSED)
            s = TDM_OK;
    }
    tdm__log_close(&log);
}

static void one_time(life *l)
{
    if (tdm__random_below(&l->random, 2) == 0)
        tdm__fs_sim_fail_at(l->fs, 1 + tdm__random_below(&l->random, 12), TDM_IO);
    tdm__fs_sim_crash_at(l->fs, 1 + tdm__random_below(&l->random, 60));
    one_process(l);
    if (tdm__random_below(&l->random, 2)) /* the process starts again before the power goes */
        one_process(l);
    tdm__fs_sim_fail_at(l->fs, 0, TDM_OK);
    tdm__fs_sim_crash(l->fs);
}

static size_t live(uint64_t seed)
{
    tdm_error err;
    tdm__log_handle *log;
    life l = {.fs = tdm__fs_sim_new(seed)};
    assert_non_null(l.fs);
    tdm__random_seed(&l.random, seed ^ 0x10c);
    for (int i = 0; i < TIMES; i++)
        one_time(&l);
    tdm__fs_sim_crash_at(l.fs, 0);
    assert_ok(tdm__log_open_writer(l.fs, dir, &log, &err), &err);
    check(&l, log);
    assert_ok(group_append(log, 1, NULL, &err), &err);
    tdm__log_close(&log);
    tdm__fs_sim_close(&l.fs);
    return l.acknowledged;
}

static void acknowledged_groups_survive(void **state)
{
    (void)state;
    size_t groups = 0;
    for (uint64_t i = 0; i < SEEDS; i++)
        groups += live(support_seed() + i);
    printf("# %d lives, %zu groups\n", SEEDS, groups);
    assert_true(groups > SEEDS * TIMES); /* the crashes left something to lose */
}

/* Without real syncs acknowledged groups get lost: the test above can fail. Damage between groups is told as such,
 * and ends that life. */
static void a_lying_disk_loses(void **state)
{
    (void)state;
    size_t lost = 0, corrupt = 0;
    for (uint64_t i = 0; i < 200; i++) {
        tdm_error err;
        tdm__log_handle *log;
        tdm__fs *fs = tdm__fs_sim_new(support_seed() + i);
        tdm__fs_sim_lie(fs, true);
        uint64_t end = 0;
        assert_ok(tdm__log_open_writer(fs, dir, &log, &err), &err);
        for (uint64_t g = 0; g < 10; g++)
            assert_ok(group_append(log, g, &end, &err), &err);
        tdm__log_close(&log);
        tdm__fs_sim_crash(fs);
        tdm_status s = tdm__log_open_writer(fs, dir, &log, &err);
        assert_true(s == TDM_OK || s == TDM_CORRUPT);
        corrupt += s == TDM_CORRUPT;
        lost += !s && tdm__log_end(log) < end;
        tdm__log_close(&log);
        tdm__fs_sim_close(&fs);
    }
    printf("# a lying disk: %zu of 200 logs lost acknowledged groups, %zu more were found damaged\n", lost, corrupt);
    assert_true(lost > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_groups_survive),
        cmocka_unit_test(a_lying_disk_loses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
