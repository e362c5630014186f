/* Epochs on disk: the flip, and that no damage of CURRENT or of an epoch ever shows another epoch. */
#include "fixture.h"
#include "release/epoch_file.h"

static void start(fixture *f, tdm__fs *fs)
{
    tdm__writing writing;
    fixture_new(f, fs);
    assert_ok(tdm__writing_begin(f->home, "test", &writing, &f->err), &f->err);
    tdm__writing_end(&writing);
}

static tdm__epoch *make_epoch(uint64_t number)
{
    static tdm__epoch e;
    memset(&e, 0, sizeof e);
    e.number = number;
    e.since_us = INT64_C(1370080800000000) + (int64_t)number;
    snprintf(e.cause, sizeof e.cause, "promote");
    snprintf(e.changed, sizeof e.changed, "b%llu", (unsigned long long)number);
    for (uint64_t i = 0; i < number; i++) {
        char name[8];
        snprintf(name, sizeof name, "%c%llu", (char)('a' + i % 3), (unsigned long long)i);
        tdm__service *s = tdm__epoch_put(&e, name);
        assert_non_null(s);
        memset(s->release, 'f', 64);
        snprintf(s->table, sizeof s->table, "%s", i % 2 ? "v000001" : "");
        s->since_epoch = number;
        s->before_epoch = number - 1;
    }
    return &e;
}

static bool same(const tdm__epoch *a, const tdm__epoch *b)
{
    bool equal = a->number == b->number && a->since_us == b->since_us && a->n == b->n && !strcmp(a->cause, b->cause) &&
                 !strcmp(a->changed, b->changed);
    for (size_t i = 0; equal && i < a->n; i++) {
        const tdm__service *x = &a->service[i], *y = &b->service[i];
        equal = !strcmp(x->name, y->name) && !strcmp(x->release, y->release) && !strcmp(x->table, y->table) &&
                x->since_epoch == y->since_epoch && x->before_epoch == y->before_epoch;
    }
    return equal;
}

static void flips(void **state)
{
    (void)state;
    static tdm__epoch now;
    fixture f;
    start(&f, NULL);
    assert_ok(tdm__epoch_read_current(f.home, &now, &f.err), &f.err);
    assert_true(now.number == 0 && now.n == 0);
    for (uint64_t n = 1; n <= 12; n++) {
        assert_ok(tdm__epoch_flip(f.home, make_epoch(n), &f.err), &f.err);
        assert_ok(tdm__epoch_read_current(f.home, &now, &f.err), &f.err);
        assert_true(same(&now, make_epoch(n)));
        for (size_t i = 1; i < now.n; i++)
            assert_true(strcmp(now.service[i - 1].name, now.service[i].name) < 0);
    }
    for (uint64_t n = 1; n <= 12; n++) { /* every epoch that was is kept */
        assert_ok(tdm__epoch_read(f.home, n, &now, &f.err), &f.err);
        assert_true(same(&now, make_epoch(n)));
    }
    assert_status(tdm__epoch_read(f.home, 13, &now, &f.err), TDM_NOT_FOUND, &f.err);
    assert_null(tdm__epoch_find(&now, "no such"));
    fixture_close(&f);
}

/* CURRENT with one byte changed, in every way that a bit can, or cut: told as damage, or the same epoch; never another. */
static void every_damage_of_current(void **state)
{
    (void)state;
    static tdm__epoch now;
    fixture f;
    start(&f, NULL);
    for (uint64_t n = 1; n <= 3; n++)
        assert_ok(tdm__epoch_flip(f.home, make_epoch(n), &f.err), &f.err);
    tdm__buf current = fixture_get(&f, "CURRENT");
    for (size_t i = 0; i < current.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            current.ptr[i] ^= (char)(1 << bit);
            fixture_put(&f, "CURRENT", current.ptr, current.len);
            tdm_status s = tdm__epoch_read_current(f.home, &now, &f.err);
            assert_true(s == TDM_CORRUPT || s == TDM_UNSUPPORTED || (!s && same(&now, make_epoch(3))));
            current.ptr[i] ^= (char)(1 << bit);
        }
    for (size_t n = 0; n < current.len; n++) {
        fixture_put(&f, "CURRENT", current.ptr, n);
        assert_status(tdm__epoch_read_current(f.home, &now, &f.err), TDM_CORRUPT, &f.err);
    }
    tdm__buf_free(&current);
    fixture_close(&f);
}

static void every_damage_of_the_epoch(void **state)
{
    (void)state;
    static tdm__epoch now;
    fixture f;
    start(&f, NULL);
    for (uint64_t n = 1; n <= 2; n++)
        assert_ok(tdm__epoch_flip(f.home, make_epoch(n), &f.err), &f.err);
    tdm__buf file = fixture_get(&f, "epochs/000002"), older = fixture_get(&f, "epochs/000001");
    for (size_t i = 0; i < file.len; i++) {
        fixture_flip(&f, "epochs/000002", i);
        assert_status(tdm__epoch_read_current(f.home, &now, &f.err), TDM_CORRUPT, &f.err);
        fixture_flip(&f, "epochs/000002", i);
    }
    fixture_put(&f, "epochs/000002", older.ptr, older.len); /* whole and sealed, but not the one that was made current */
    assert_status(tdm__epoch_read_current(f.home, &now, &f.err), TDM_CORRUPT, &f.err);
    assert_status(tdm__epoch_read(f.home, 2, &now, &f.err), TDM_CORRUPT, &f.err);
    assert_string_equal(f.err.what, "this file holds epoch 1");
    assert_ok(tdm__remove(f.fs, "/home/epochs/000002", &f.err), &f.err);
    assert_status(tdm__epoch_read_current(f.home, &now, &f.err), TDM_CORRUPT, &f.err);
    assert_string_equal(f.err.what, "the current epoch's file is gone");
    tdm__buf_free(&file);
    tdm__buf_free(&older);
    fixture_close(&f);
}

static void services_have_a_limit(void **state)
{
    (void)state;
    static tdm__epoch e, now;
    fixture f;
    memset(&e, 0, sizeof e);
    char name[16];
    for (int i = 0; i < TDM__SERVICES_MAX; i++) {
        snprintf(name, sizeof name, "s%d", i * 7919 % 1000);
        assert_non_null(tdm__epoch_put(&e, name));
    }
    assert_int_equal(e.n, TDM__SERVICES_MAX);
    assert_null(tdm__epoch_put(&e, "one more"));
    assert_non_null(tdm__epoch_put(&e, "s0")); /* known ones are found still */
    assert_true(tdm__epoch_find(&e, "s919") && !tdm__epoch_find(&e, "s9190"));
    e.number = 1;
    start(&f, NULL);
    assert_ok(tdm__epoch_flip(f.home, &e, &f.err), &f.err);
    assert_ok(tdm__epoch_read_current(f.home, &now, &f.err), &f.err);
    assert_true(same(&e, &now));
    fixture_close(&f);
}

/* Every call to the disk fails or loses power once: then the old epoch or the new one, whole. */
static void the_old_epoch_or_the_new_one(void **state)
{
    (void)state;
    static tdm__epoch now;
    size_t news = 0;
    for (uint64_t n = 1, working = 0; !working; n++)
        for (uint64_t how = 0; how < 6; how++) {
            fixture f;
            tdm__fs *fs = tdm__fs_sim_new(support_seed() + n * 6 + how);
            start(&f, fs);
            assert_ok(tdm__epoch_flip(f.home, make_epoch(1), &f.err), &f.err);
            uint64_t before = tdm__fs_sim_calls(fs);
            if (how < 2)
                tdm__fs_sim_fail_at(fs, n, how ? TDM_IO : TDM_DISK_FULL);
            else
                tdm__fs_sim_crash_at(fs, n);
            tdm_status s = tdm__epoch_flip(f.home, make_epoch(2), &f.err);
            working = tdm__fs_sim_calls(fs) - before < n;
            tdm__fs_sim_fail_at(fs, 0, TDM_OK);
            tdm__fs_sim_crash_at(fs, 0);
            if (how >= 2)
                tdm__fs_sim_crash(fs);
            assert_ok(tdm__epoch_read_current(f.home, &now, &f.err), &f.err);
            assert_true(same(&now, make_epoch(now.number)) && (now.number == 2 || (s && now.number == 1)));
            news += now.number == 2;
            fixture_close(&f);
            tdm__fs_sim_close(&fs);
        }
    assert_true(news > 6);
}

/* A failed allocation gives the old epoch or the new one with all its services. */
static void allocations_fail(void **state)
{
    (void)state;
    static tdm__epoch now;
    fixture f;
    start(&f, NULL);
    fixture_count_json();
    assert_ok(tdm__epoch_flip(f.home, make_epoch(4), &f.err), &f.err);
    for (uint64_t n = 1, hit = 1; hit; n++) {
        support_fail_alloc_at(n);
        tdm_status s = tdm__epoch_flip(f.home, make_epoch(5), &f.err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (s || !hit)
            assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &f.err);
        assert_ok(tdm__epoch_read_current(f.home, &now, &f.err), &f.err);
        assert_true(same(&now, make_epoch(now.number)) && (s || now.number == 5));
        support_fail_alloc_at(n);
        s = tdm__epoch_read_current(f.home, &now, &f.err);
        support_fail_alloc_at(0);
        assert_true(s == TDM_NO_MEMORY || s == TDM_CORRUPT || (!s && same(&now, make_epoch(now.number))));
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flips),
        cmocka_unit_test(every_damage_of_current),
        cmocka_unit_test(every_damage_of_the_epoch),
        cmocka_unit_test(services_have_a_limit),
        cmocka_unit_test(the_old_epoch_or_the_new_one),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
