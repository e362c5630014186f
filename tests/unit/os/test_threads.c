/* Threads do run, wait and wake; cores follow the quotas of control groups. */
#define _GNU_SOURCE
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "os/clock.h"
#include "os/cores_impl.h"
#include "os/files.h"
#include "os/threads.h"

static tdm_error err;

enum { THREADS = 4, ADDS = 20000 };

typedef struct counter {
    tdm__mutex *mutex;
    long value; /* not atomic: the mutex alone makes it right */
} counter;

static void add_many(void *arg)
{
    counter *c = arg;
    for (int i = 0; i < ADDS; i++) {
        tdm__mutex_lock(c->mutex);
        c->value++;
        tdm__mutex_unlock(c->mutex);
    }
}

static void test_mutex_excludes(void **state)
{
    (void)state;
    counter c = { tdm__mutex_new(), 0 };
    tdm__thread *threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_ok(tdm__thread_start("adder", add_many, &c, &threads[i], &err), &err);
    for (int i = 0; i < THREADS; i++) {
        tdm__thread_join(&threads[i]);
        assert_null(threads[i]);
        tdm__thread_join(&threads[i]);
    }
    assert_int_equal(c.value, THREADS * ADDS);
    tdm__mutex_close(&c.mutex);
    assert_null(c.mutex);
}

/* A baton of turns: each side waits for the other through one condition. */
typedef struct baton {
    tdm__mutex *mutex;
    tdm__cond *cond;
    int turn, rounds;
} baton;

static void play(baton *b, int me)
{
    for (int i = 0; i < 500; i++) {
        tdm__mutex_lock(b->mutex);
        while (b->turn != me)
            tdm__cond_wait(b->cond, b->mutex);
        b->turn = !me;
        b->rounds++;
        tdm__cond_signal(b->cond);
        tdm__mutex_unlock(b->mutex);
    }
}

static void play_one(void *arg)
{
    play(arg, 1);
}

static void test_condition_wakes(void **state)
{
    (void)state;
    baton b = { tdm__mutex_new(), tdm__cond_new(), 0, 0 };
    tdm__thread *thread;
    assert_ok(tdm__thread_start("player", play_one, &b, &thread, &err), &err);
    play(&b, 0);
    tdm__thread_join(&thread);
    assert_int_equal(b.rounds, 1000);
    tdm__cond_close(&b.cond);
    tdm__mutex_close(&b.mutex);
    assert_null(b.cond);
}

static void test_wait_ends_by_time(void **state)
{
    (void)state;
    tdm__mutex *m = tdm__mutex_new();
    tdm__cond *c = tdm__cond_new();
    tdm__mutex_lock(m);
    uint64_t start = tdm__monotonic_ns();
    while (tdm__cond_wait_for(c, m, 20000))
        ; /* a wake without a signal is allowed */
    assert_true(tdm__monotonic_ns() - start >= 20000000);
    tdm__mutex_unlock(m);
    tdm__cond_close(&c);
    tdm__mutex_close(&m);
}

typedef struct release_arg {
    baton *b;
    atomic_int woken;
} release_arg;

static void wait_for_release(void *arg)
{
    release_arg *r = arg;
    tdm__mutex_lock(r->b->mutex);
    while (!r->b->turn)
        assert_int_equal(tdm__cond_wait_for(r->b->cond, r->b->mutex, UINT64_MAX), 1); /* no overflow */
    tdm__mutex_unlock(r->b->mutex);
    atomic_fetch_add(&r->woken, 1);
}

static void test_broadcast_wakes_all(void **state)
{
    (void)state;
    baton b = { tdm__mutex_new(), tdm__cond_new(), 0, 0 };
    release_arg arg = { &b, 0 };
    tdm__thread *threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_ok(tdm__thread_start("waiter", wait_for_release, &arg, &threads[i], &err), &err);
    tdm__sleep_us(2000);
    tdm__mutex_lock(b.mutex);
    b.turn = 1;
    tdm__cond_broadcast(b.cond);
    tdm__mutex_unlock(b.mutex);
    for (int i = 0; i < THREADS; i++)
        tdm__thread_join(&threads[i]);
    assert_int_equal(arg.woken, THREADS);
    tdm__cond_close(&b.cond);
    tdm__mutex_close(&b.mutex);
}

static void read_name(void *arg)
{
    pthread_getname_np(pthread_self(), arg, 16);
}

static void test_names_are_cut(void **state)
{
    (void)state;
    char name[16] = "";
    tdm__thread *thread;
    assert_ok(tdm__thread_start("a name of far more letters", read_name, name, &thread, &err), &err);
    tdm__thread_join(&thread);
    assert_string_equal(name, "a name of far m");
}

static void test_clocks(void **state)
{
    (void)state;
    assert_true(tdm__now_us() > INT64_C(1700000000000000));
    uint64_t start = tdm__monotonic_ns();
    tdm__sleep_us(3000);
    assert_true(tdm__monotonic_ns() - start >= 3000000);
}

static void test_cores_follow_affinity(void **state)
{
    (void)state;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_in_range(tdm__cores(), 1, (unsigned)CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(tdm__cores(), 1);
    sched_setaffinity(0, sizeof all, &all);
}

static void test_quota(void **state)
{
    (void)state;
    assert_int_equal(tdm__quota_cores("200000", "100000"), 2);
    assert_int_equal(tdm__quota_cores("200001", "100000\n"), 3);
    assert_int_equal(tdm__quota_cores("5000", "100000"), 1);
    assert_int_equal(tdm__quota_cores("max", "100000"), 0);
    assert_int_equal(tdm__quota_cores("-1", "100000"), 0);
    assert_int_equal(tdm__quota_cores("200000", "0"), 0);
    assert_int_equal(tdm__quota_cores("200000", ""), 0);
}

static void put(const char *root, const char *name, const char *text)
{
    char path[512], dir[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    tdm__path_dir(dir, sizeof dir, path);
    assert_ok(tdm__make_dirs(tdm__fs_posix(), dir, &err), &err);
    support_write_file(path, text, strlen(text));
}

static void test_cores_follow_control_groups(void **state)
{
    (void)state;
    const char *root = support_temp_dir(), *groups = support_path(root, "groups");
    put(root, "a/b/cpu.max", "800000 100000\n");
    put(root, "a/cpu.max", "300000 100000\n");
    put(root, "cpu.max", "max 100000\n");
    put(root, "groups", "0::/a/b\n");
    assert_int_equal(tdm__cgroup_cores(groups, root, 64), 3); /* the one above is the smaller */
    assert_int_equal(tdm__cgroup_cores(groups, root, 2), 2);
    put(root, "groups", "0::/a/unknown");
    assert_int_equal(tdm__cgroup_cores(groups, root, 64), 3);
    put(root, "groups", "5:memory:/x\n4:cpuset,cpu:/v1\n1:cpuset:/a\nrubbish\n");
    put(root, "cpu/v1/cpu.cfs_quota_us", "550000\n");
    put(root, "cpu/v1/cpu.cfs_period_us", "100000\n");
    assert_int_equal(tdm__cgroup_cores(groups, root, 64), 6);
    assert_int_equal(tdm__cgroup_cores("/nonexistent", root, 64), 64);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    tdm__thread *thread;
    support_fail_alloc_at(1);
    assert_null(tdm__mutex_new());
    support_fail_alloc_at(1);
    assert_null(tdm__cond_new());
    support_fail_alloc_at(1);
    assert_status(tdm__thread_start("x", nothing, NULL, &thread, &err), TDM_NO_MEMORY, &err);
    support_fail_alloc_at(0);
    assert_null(thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutex_excludes),
        cmocka_unit_test(test_condition_wakes),
        cmocka_unit_test(test_wait_ends_by_time),
        cmocka_unit_test(test_broadcast_wakes_all),
        cmocka_unit_test(test_names_are_cut),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_cores_follow_affinity),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_cores_follow_control_groups),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
