/* Builds that fail: at the n-th allocation, the n-th call to the disk, on a full disk.
 *
 * Each failure is reported, leaves the old store as it was and nothing beside it; the next build works. */
#include "store_rows.h"

#include "os/sim_files.h"
#include "store/store_format.h"

enum { ROWS = 300 };
static const char path[] = "/home/s.tdm";

static tdm__fs *disk_with_old_store(void)
{
    tdm_error err;
    tdm__fs *fs = tdm__fs_sim_new(support_seed());
    assert_non_null(fs);
    assert_ok(tdm__make_dirs(fs, "/home", &err), &err);
    assert_ok(rows_build(fs, path, 1000, 7, 0, &err), &err);
    return fs;
}

/* Rows with duplicates and tags, through small buffers: every part of the builder takes part. */
static tdm_status build(tdm__fs *fs, tdm_error *err)
{
    tdm__store_builder *b;
    tdm_status s = tdm__store_builder_new(fs, path, &rows_schema, NULL, &b, err);
    if (s)
        return s;
    tdm__store_builder_tune(b, 2, 32);
    for (uint64_t i = 0; i < ROWS && !s; i++) {
        rows_row row;
        rows_make(&row, i % (ROWS - 20));
        s = tdm__store_builder_add(b, row.key, row.value, i, err);
    }
    tdm_status finished = tdm__store_builder_finish(&b, tdm__str("meta"), s ? NULL : err);
    assert_null(b);
    assert_true(!s || finished == s); /* a failed add stays failed */
    return finished;
}

static size_t rows_of_store(tdm__fs *fs)
{
    tdm_error err;
    tdm__store *store;
    assert_ok(tdm__store_open(fs, path, &store, &err), &err);
    assert_ok(tdm__store_verify(store, &err), &err);
    assert_ok(tdm__store_verify_within(store, 0, &err), &err);
    size_t rows = tdm__store_rows(store);
    tdm__store_close(&store);
    return rows;
}

static size_t names(tdm__fs *fs)
{
    tdm_error err;
    tdm__names list;
    assert_ok(tdm__list_dir(fs, "/home", &list, &err), &err);
    size_t n = list.n;
    tdm__names_free(&list);
    return n;
}

static void every_allocation(void **state)
{
    (void)state;
    tdm__fs *fs = disk_with_old_store();
    uint64_t n = 1;
    for (bool hit = true; hit; n++) {
        tdm_error err;
        support_fail_alloc_at(n);
        tdm_status s = build(fs, &err);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &err);
        assert_int_equal(rows_of_store(fs), hit ? 7 : ROWS - 20);
        assert_int_equal(names(fs), 1);
        if (n > 60) /* the disk's own allocations are many and alike */
            n += 37;
    }
    tdm__fs_sim_close(&fs);
}

static void every_allocation_of_a_reader(void **state)
{
    (void)state;
    tdm__fs *fs = disk_with_old_store();
    for (uint64_t n = 1;; n++) {
        tdm_error err;
        tdm__store *store = NULL;
        support_fail_alloc_at(n);
        tdm_status s = tdm__store_open(fs, path, &store, &err);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_status(s, hit ? TDM_NO_MEMORY : TDM_OK, &err);
        tdm__store_close(&store);
        if (!hit)
            break;
    }
    tdm__fs_sim_close(&fs);
}

/* After the rename the new store stands, though the sync of the folder failed. */
static void every_call_to_the_disk(void **state)
{
    (void)state;
    tdm__fs *fs = disk_with_old_store();
    bool done = false;
    for (uint64_t n = 1; !done; n += n > 40 ? 11 : 1) {
        tdm_error err;
        uint64_t before = tdm__fs_sim_calls(fs);
        tdm__fs_sim_fail_at(fs, n, TDM_IO);
        tdm_status s = build(fs, &err);
        done = tdm__fs_sim_calls(fs) - before < n;
        tdm__fs_sim_fail_at(fs, 0, TDM_OK);
        size_t rows = rows_of_store(fs);
        assert_true(s == TDM_IO || s == TDM_OK);
        if (s == TDM_IO && rows == ROWS - 20) {
            tdm__fs_sim_close(&fs);
            fs = disk_with_old_store();
            continue;
        }
        assert_int_equal(rows, s ? 7 : ROWS - 20);
        if (s) {
            assert_int_equal(names(fs), 1);
        } else { /* only the removal of a temporary file may fail without notice */
            assert_in_range(names(fs), 1, done ? 1 : 2);
            tdm__fs_sim_close(&fs);
            fs = disk_with_old_store();
        }
    }
    tdm__fs_sim_close(&fs);
}

static void a_full_disk(void **state)
{
    (void)state;
    tdm_error err;
    tdm_status s = TDM_DISK_FULL;
    for (uint64_t room = 0; s == TDM_DISK_FULL; room += 9000) {
        tdm__fs *fs = disk_with_old_store();
        tdm__stat st;
        assert_ok(tdm__stat_path(fs, path, &st, &err), &err);
        tdm__fs_sim_capacity(fs, st.size + room);
        s = build(fs, &err);
        assert_true(s == TDM_OK || s == TDM_DISK_FULL);
        assert_true(s == TDM_DISK_FULL || room > 0);
        assert_int_equal(rows_of_store(fs), s ? 7 : ROWS - 20);
        assert_int_equal(names(fs), 1);
        tdm__fs_sim_capacity(fs, UINT64_MAX);
        assert_ok(build(fs, &err), &err);
        assert_int_equal(rows_of_store(fs), ROWS - 20);
        tdm__fs_sim_close(&fs);
    }
}

static void given_up(void **state)
{
    (void)state;
    tdm__fs *fs = disk_with_old_store();
    for (uint64_t n = 0; n < 300; n += 60) {
        tdm__store_builder *b = rows_builder(fs, path, NULL);
        tdm__store_builder_tune(b, 2, 32);
        for (uint64_t i = 0; i < n; i++) {
            tdm_error err;
            rows_row row;
            rows_make(&row, i);
            assert_ok(tdm__store_builder_add(b, row.key, row.value, i, &err), &err);
        }
        tdm__store_builder_abort(&b);
        assert_null(b);
        assert_int_equal(names(fs), 1);
        assert_int_equal(rows_of_store(fs), 7);
    }
    tdm__fs_sim_close(&fs);
}

/* Two at once on one path do not meet: the last to finish is the store. */
static void two_builders_of_one_path(void **state)
{
    (void)state;
    tdm_error err;
    tdm__fs *fs = disk_with_old_store();
    tdm__store_builder *b[2] = {rows_builder(fs, path, NULL), rows_builder(fs, path, NULL)};
    for (uint64_t i = 0; i < 30; i++) {
        rows_row row;
        rows_make(&row, i);
        assert_ok(tdm__store_builder_add(b[i % 3 == 0], row.key, row.value, 0, &err), &err);
    }
    assert_ok(tdm__store_builder_finish(&b[0], tdm__str(""), &err), &err);
    assert_int_equal(rows_of_store(fs), 20);
    assert_ok(tdm__store_builder_finish(&b[1], tdm__str(""), &err), &err);
    assert_int_equal(rows_of_store(fs), 10);
    assert_int_equal(names(fs), 1);
    tdm__fs_sim_close(&fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation), cmocka_unit_test(every_allocation_of_a_reader),
        cmocka_unit_test(every_call_to_the_disk), cmocka_unit_test(a_full_disk),
        cmocka_unit_test(given_up), cmocka_unit_test(two_builders_of_one_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
