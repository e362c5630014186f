/* The simulated disk: what it promises to keep, it keeps, and what it may lose, it does lose.
 *
 * Both halves matter: a simulator that never loses anything would let every crash test pass. So each property
 * is checked over many seeds, and for each freedom (lost, torn, reordered, old name) there is a test that it occurs. */
#include "support.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "os/sim_files.h"
#include "os/threads.h"

enum { SEEDS = 300, BLOCK = 2048 };

static tdm_error err;

static tdm__fs *new_disk(uint64_t i)
{
    tdm__fs *fs = tdm__fs_sim_new(support_seed() * 1000003 + i);
    assert_non_null(fs);
    return fs;
}

static tdm__file *open_file(tdm__fs *fs, const char *path)
{
    tdm__file *f;
    assert_ok(tdm__file_open(fs, path, TDM__READ | TDM__WRITE | TDM__CREATE, &f, &err), &err);
    return f;
}

static tdm__buf read_all(tdm__fs *fs, const char *path)
{
    tdm__buf b;
    assert_ok(tdm__read_file(fs, path, 1 << 20, &b, &err), &err);
    return b;
}

static void write_block(tdm__file *f, uint64_t at, int fill)
{
    char bytes[BLOCK];
    memset(bytes, fill, sizeof bytes);
    assert_ok(tdm__file_write_at(f, at * BLOCK, bytes, sizeof bytes, &err), &err);
}

static void test_synced_data_survives(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        tdm__fs *fs = new_disk(seed);
        tdm__file *f = open_file(fs, "a");
        write_block(f, 0, 'x');
        write_block(f, 1, 'y');
        assert_ok(tdm__file_sync(f, &err), &err);
        assert_ok(tdm__dir_sync(fs, "/", &err), &err);
        write_block(f, 2, 'z'); /* never synced */
        tdm__fs_sim_crash(fs);
        assert_status(tdm__file_sync(f, &err), TDM_IO, &err); /* the handle is dead */
        tdm__file_close(&f);
        tdm__buf b = read_all(fs, "a");
        assert_true(b.len >= 2 * BLOCK && b.len <= 3 * BLOCK);
        for (size_t i = 0; i < b.len; i++)
            if (i < 2 * BLOCK)
                assert_int_equal(b.ptr[i], i < BLOCK ? 'x' : 'y');
            else
                assert_true(b.ptr[i] == 'z' || b.ptr[i] == 0);
        tdm__buf_free(&b);
        tdm__fs_sim_close(&fs);
    }
}

/* Counts in how many seeds an overwritten block came out old, new, or mixed; a mix must be of whole sectors. */
static void test_unsynced_data_may_tear(void **state)
{
    (void)state;
    int old = 0, new = 0, torn = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        tdm__fs *fs = new_disk(seed);
        tdm__file *f = open_file(fs, "a");
        write_block(f, 0, 'o');
        assert_ok(tdm__file_sync(f, &err), &err);
        assert_ok(tdm__dir_sync(fs, ".", &err), &err);
        write_block(f, 0, 'n');
        tdm__fs_sim_crash(fs);
        tdm__file_close(&f);
        tdm__buf b = read_all(fs, "a");
        assert_int_equal(b.len, BLOCK);
        int sectors_new = 0;
        for (int s = 0; s < BLOCK / 512; s++) {
            for (int i = 1; i < 512; i++)
                assert_int_equal(b.ptr[s * 512 + i], b.ptr[s * 512]);
            sectors_new += b.ptr[s * 512] == 'n';
        }
        old += sectors_new == 0;
        new += sectors_new == BLOCK / 512;
        torn += sectors_new > 0 && sectors_new < BLOCK / 512;
        tdm__buf_free(&b);
        tdm__fs_sim_close(&fs);
    }
    assert_true(old > SEEDS / 10);
    assert_true(new > SEEDS / 10);
    assert_true(torn > SEEDS / 30);
}

/* Of two unsynced writes the later one may survive alone. */
static void test_writes_survive_in_any_order(void **state)
{
    (void)state;
    int later_alone = 0, earlier_alone = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        tdm__fs *fs = new_disk(seed);
        tdm__file *f = open_file(fs, "a");
        assert_ok(tdm__file_truncate(f, 2 * BLOCK, &err), &err);
        assert_ok(tdm__file_sync(f, &err), &err);
        assert_ok(tdm__dir_sync(fs, "/", &err), &err);
        write_block(f, 0, '1');
        write_block(f, 1, '2');
        tdm__fs_sim_crash(fs);
        tdm__file_close(&f);
        tdm__buf b = read_all(fs, "a");
        later_alone += b.ptr[0] == 0 && b.ptr[BLOCK] == '2';
        earlier_alone += b.ptr[0] == '1' && b.ptr[BLOCK] == 0;
        tdm__buf_free(&b);
        tdm__fs_sim_close(&fs);
    }
    assert_true(later_alone > 0);
    assert_true(earlier_alone > 0);
}

static void test_names_need_their_folder_synced(void **state)
{
    (void)state;
    int lost = 0, kept = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        tdm__fs *fs = new_disk(seed);
        assert_ok(tdm__make_dirs(fs, "home/tables", &err), &err);
        tdm__file *f = open_file(fs, "home/tables/a");
        write_block(f, 0, 'x');
        assert_ok(tdm__file_sync(f, &err), &err); /* its bytes, not its name */
        tdm__file_close(&f);
        tdm__fs_sim_crash(fs);
        assert_true(tdm__exists(fs, "home/tables"));
        if (tdm__exists(fs, "home/tables/a")) {
            tdm__buf b = read_all(fs, "home/tables/a");
            assert_int_equal(b.len, BLOCK);
            tdm__buf_free(&b);
            kept++;
        } else {
            lost++;
        }
        tdm__fs_sim_close(&fs);
    }
    assert_true(lost > SEEDS / 10);
    assert_true(kept > SEEDS / 10);
}

/* A rename between folders, synced in neither, one or both: the file is never in two places nor in none. */
static void test_rename_is_atomic(void **state)
{
    (void)state;
    int at_old = 0, at_new = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        tdm__fs *fs = new_disk(seed);
        assert_ok(tdm__make_dirs(fs, "a", &err), &err);
        assert_ok(tdm__make_dirs(fs, "b", &err), &err);
        assert_ok(tdm__write_file_durably(fs, "a/f", "new", 3, &err), &err);
        assert_ok(tdm__write_file_durably(fs, "b/g", "old", 3, &err), &err);
        assert_ok(tdm__rename(fs, "a/f", "b/g", &err), &err);
        if (seed % 3)
            assert_ok(tdm__dir_sync(fs, seed % 3 == 1 ? "a" : "b", &err), &err);
        tdm__fs_sim_crash(fs);
        tdm__buf g = read_all(fs, "b/g");
        bool moved = tdm__str_is(tdm__strn(g.ptr, g.len), "new");
        if (!moved)
            assert_memory_equal(g.ptr, "old", 3);
        assert_int_equal(tdm__exists(fs, "a/f"), !moved);
        if (seed % 3)
            assert_true(moved);
        at_new += moved;
        at_old += !moved;
        tdm__buf_free(&g);
        tdm__fs_sim_close(&fs);
    }
    assert_true(at_old > SEEDS / 20);
    assert_true(at_new > SEEDS / 10);
}

/* A file is moved away, a new one takes its name and is moved elsewhere, and only that last folder is synced. The first
 * file must be somewhere: its way is part of what made the name free. */
static void test_a_synced_rename_brings_earlier_ones(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        tdm__fs *fs = new_disk(seed);
        const char *dirs[] = { "a", "b", "c" };
        for (int i = 0; i < 3; i++)
            assert_ok(tdm__make_dirs(fs, dirs[i], &err), &err);
        assert_ok(tdm__write_file_durably(fs, "a/f", "first", 5, &err), &err);
        assert_ok(tdm__rename(fs, "a/f", "b/f", &err), &err);
        tdm__file *f = open_file(fs, "a/f");
        assert_ok(tdm__file_sync(f, &err), &err);
        tdm__file_close(&f);
        assert_ok(tdm__rename(fs, "a/f", "c/f", &err), &err);
        assert_ok(tdm__dir_sync(fs, "c", &err), &err);
        tdm__fs_sim_crash(fs);
        assert_true(tdm__exists(fs, "c/f") && !tdm__exists(fs, "a/f"));
        tdm__buf b = read_all(fs, "b/f");
        assert_string_equal(b.ptr, "first");
        tdm__buf_free(&b);
        tdm__fs_sim_close(&fs);
    }
}

static char content[2][3 * 512 + 77];

static void fill_contents(void)
{
    memset(content[0], 'o', sizeof content[0]);
    memset(content[1], 'n', sizeof content[1]);
}

/* Which of the two contents the file has; -1 when it is neither. */
static int which_content(tdm__fs *fs, const char *path)
{
    tdm__buf b;
    int which = -1;
    if (tdm__read_file(fs, path, 1 << 20, &b, NULL) != TDM_OK)
        return -1;
    for (int i = 0; i < 2; i++)
        if (b.len == sizeof content[i] && memcmp(b.ptr, content[i], b.len) == 0)
            which = i;
    tdm__buf_free(&b);
    return which;
}

/* Old content durably there, new content written durably with power lost in the n-th call. Returns the content found
 * after the crash; *acknowledged says what the writer was told, *done that n was past the last call. */
static int crash_durable_write(uint64_t seed, uint64_t n, bool lying, bool *acknowledged, bool *done)
{
    tdm__fs *fs = new_disk(seed);
    assert_ok(tdm__make_dirs(fs, "d", &err), &err);
    assert_ok(tdm__write_file_durably(fs, "d/f", content[0], sizeof content[0], &err), &err);
    tdm__fs_sim_lie(fs, lying);
    uint64_t before = tdm__fs_sim_calls(fs);
    tdm__fs_sim_crash_at(fs, n);
    tdm_status s = tdm__write_file_durably(fs, "d/f", content[1], sizeof content[1], &err);
    *done = tdm__fs_sim_calls(fs) - before < n;
    *acknowledged = s == TDM_OK;
    if (!*acknowledged)
        assert_status(s, TDM_IO, &err);
    tdm__fs_sim_crash(fs);
    int found = which_content(fs, "d/f");
    tdm__fs_sim_close(&fs);
    return found;
}

static void test_durable_write_is_all_or_nothing(void **state)
{
    (void)state;
    int old = 0, new = 0;
    fill_contents();
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        bool done = false;
        for (uint64_t n = 1; !done; n++) {
            bool acknowledged;
            int found = crash_durable_write(seed, n, false, &acknowledged, &done);
            assert_int_equal(acknowledged, done);
            assert_true(found == 0 || found == 1);
            if (acknowledged)
                assert_int_equal(found, 1);
            old += found == 0;
            new += found == 1;
        }
    }
    assert_true(old > 0 && new > 0);
}

/* The defence switched off: when syncs do nothing, the same promise must be seen to break. */
static void test_durable_write_breaks_on_a_lying_disk(void **state)
{
    (void)state;
    int lost = 0, damaged = 0;
    fill_contents();
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        bool acknowledged, done;
        int found = crash_durable_write(seed, 1000, true, &acknowledged, &done);
        assert_true(acknowledged && done);
        lost += found == 0;
        damaged += found == -1;
    }
    assert_true(lost > 0);
    assert_true(damaged > 0);
}

/* Fails the n-th call of a durable write for every n: the old content stays, nothing is left beside it. */
static void fail_durable_write(tdm_status status)
{
    fill_contents();
    for (uint64_t n = 1;; n++) {
        tdm__fs *fs = new_disk(n);
        assert_ok(tdm__make_dirs(fs, "d", &err), &err);
        assert_ok(tdm__write_file_durably(fs, "d/f", content[0], sizeof content[0], &err), &err);
        tdm__fs_sim_fail_at(fs, n, status);
        tdm_status s = tdm__write_file_durably(fs, "d/f", content[1], sizeof content[1], &err);
        int found = which_content(fs, "d/f");
        tdm__names names;
        assert_ok(tdm__list_dir(fs, "d", &names, &err), &err);
        assert_int_equal(names.n, 1);
        assert_string_equal(names.name[0], "f");
        tdm__names_free(&names);
        tdm__fs_sim_close(&fs);
        if (s == TDM_OK) {
            assert_int_equal(found, 1);
            assert_int_equal(n, 6); /* make, write, sync, rename, sync the folder: five can fail */
            return;
        }
        assert_int_equal(s, status);
        assert_int_equal(found, n == 5); /* only the last is after the rename */
    }
}

static void test_failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    fail_durable_write(TDM_IO);
    fail_durable_write(TDM_DISK_FULL);
}

static void test_full_disk(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk(0);
    fill_contents();
    assert_ok(tdm__write_file_durably(fs, "f", content[0], sizeof content[0], &err), &err);
    tdm__fs_sim_capacity(fs, sizeof content[0] + 100);
    assert_status(tdm__write_file_durably(fs, "f", content[1], sizeof content[1], &err), TDM_DISK_FULL, &err);
    assert_int_equal(which_content(fs, "f"), 0);
    assert_ok(tdm__write_file_durably(fs, "g", content[1], 100, &err), &err); /* the failed one gave its space back */
    assert_ok(tdm__remove(fs, "f", &err), &err);
    assert_ok(tdm__write_file_durably(fs, "h", content[1], sizeof content[1], &err), &err);
    tdm__file *f = open_file(fs, "h");
    assert_ok(tdm__file_write_at(f, 0, "abc", 3, &err), &err); /* overwriting takes no space */
    assert_status(tdm__file_write_at(f, sizeof content[1], "a", 1, &err), TDM_DISK_FULL, &err);
    tdm__file_close(&f);
    tdm__fs_sim_close(&fs);
}

/* After a failed sync, later syncs of another handle report success, and yet the bytes may be gone. */
static void test_failed_sync_leaves_bytes_in_doubt(void **state)
{
    (void)state;
    int lost = 0, kept = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        tdm__fs *fs = new_disk(seed);
        tdm__file *f = open_file(fs, "a");
        assert_ok(tdm__dir_sync(fs, "/", &err), &err);
        write_block(f, 0, 'x');
        tdm__fs_sim_fail_at(fs, 1, TDM_IO);
        assert_status(tdm__file_sync(f, &err), TDM_IO, &err);
        assert_status(tdm__file_sync(f, &err), TDM_IO, &err); /* refused by files.c */
        tdm__file *again = open_file(fs, "a");
        assert_ok(tdm__file_sync(again, &err), &err);
        tdm__fs_sim_crash(fs);
        tdm__file_close(&again);
        tdm__file_close(&f);
        tdm__buf b = read_all(fs, "a");
        if (b.len == BLOCK && b.ptr[0] == 'x' && b.ptr[BLOCK - 1] == 'x')
            kept++;
        else
            lost++;
        tdm__buf_free(&b);
        tdm__fs_sim_close(&fs);
    }
    assert_true(lost > SEEDS / 10);
    assert_true(kept > SEEDS / 10);
}

/* Random work, the same seed twice: the same result to the byte. */
static uint64_t digest_of_run(uint64_t seed)
{
    tdm__fs *fs = tdm__fs_sim_new(seed);
    tdm__random r;
    tdm__random_seed(&r, 7);
    char name[2] = "a";
    uint64_t sum = 0;
    for (int i = 0; i < 200; i++) {
        name[0] = (char)('a' + tdm__random_below(&r, 5));
        tdm__file *f = open_file(fs, name);
        write_block(f, tdm__random_below(&r, 4), 'A' + i % 26);
        if (tdm__random_below(&r, 3) == 0)
            assert_ok(tdm__file_sync(f, &err), &err);
        if (tdm__random_below(&r, 3) == 0)
            assert_ok(tdm__dir_sync(fs, "/", &err), &err);
        tdm__file_close(&f);
        if (tdm__random_below(&r, 20) == 0)
            tdm__fs_sim_crash(fs);
    }
    for (name[0] = 'a'; name[0] < 'f'; name[0]++) {
        tdm__buf b = {0};
        if (tdm__exists(fs, name))
            b = read_all(fs, name);
        for (size_t i = 0; i < b.len; i++)
            sum = sum * 1099511628211u + (unsigned char)b.ptr[i];
        sum = sum * 31 + b.len;
        tdm__buf_free(&b);
    }
    tdm__fs_sim_close(&fs);
    return sum;
}

static void test_a_seed_replays(void **state)
{
    (void)state;
    int differ = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_int_equal(digest_of_run(seed), digest_of_run(seed));
        differ += digest_of_run(seed) != digest_of_run(seed + 1);
    }
    assert_true(differ > 10);
}

static void test_folders(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk(0);
    tdm__names names;
    assert_ok(tdm__make_dirs(fs, "/a/b//c/", &err), &err);
    assert_ok(tdm__write_file_durably(fs, "a/b/z", "1", 1, &err), &err);
    assert_ok(tdm__write_file_durably(fs, "a/b/k", "2", 1, &err), &err);
    assert_ok(tdm__list_dir(fs, "a/b", &names, &err), &err);
    assert_int_equal(names.n, 3);
    assert_string_equal(names.name[0], "c");
    assert_string_equal(names.name[1], "k");
    assert_string_equal(names.name[2], "z");
    tdm__names_free(&names);
    assert_status(tdm__remove_dir(fs, "a/b", &err), TDM_EXISTS, &err);
    assert_status(tdm__remove(fs, "a/b", &err), TDM_BAD_INPUT, &err);
    assert_status(tdm__remove_dir(fs, "a/b/k", &err), TDM_BAD_INPUT, &err);
    assert_status(tdm__make_dir(fs, "a/b/k", &err), TDM_EXISTS, &err);
    assert_status(tdm__make_dir(fs, "a/x/y", &err), TDM_NOT_FOUND, &err);
    assert_status(tdm__rename(fs, "a", "a/b/d", &err), TDM_SYSTEM, &err);
    assert_ok(tdm__rename(fs, "a/b", "q", &err), &err);
    assert_true(tdm__exists(fs, "q/c") && !tdm__exists(fs, "a/b"));
    assert_ok(tdm__remove_tree(fs, "q", &err), &err);
    assert_ok(tdm__remove_tree(fs, "q", &err), &err);
    assert_false(tdm__exists(fs, "q"));
    tdm__fs_sim_close(&fs);
}

static void test_mapping_outlives_the_file(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk(0);
    tdm__mapping map, none;
    assert_ok(tdm__write_file_durably(fs, "f", "mapped", 6, &err), &err);
    assert_ok(tdm__write_file_durably(fs, "empty", "", 0, &err), &err);
    assert_ok(tdm__map_file(fs, "f", &map, &err), &err);
    assert_ok(tdm__map_file(fs, "empty", &none, &err), &err);
    assert_null(none.ptr);
    assert_ok(tdm__remove(fs, "f", &err), &err);
    tdm__map_advise(&map, 0, 6, TDM__ADVICE_WILL_NEED);
    assert_int_equal(map.len, 6);
    assert_memory_equal(map.ptr, "mapped", 6);
    assert_int_equal((uintptr_t)map.ptr % 64, 0);
    tdm__unmap(&map);
    tdm__unmap(&none);
    assert_null(map.ptr);
    tdm__fs_sim_close(&fs);
}

static void test_lock(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk(0);
    tdm__lock *lock, *other;
    assert_ok(tdm__lock_take(fs, "lock", "the first", &lock, &err), &err);
    assert_status(tdm__lock_take(fs, "lock", "the second", &other, &err), TDM_BUSY, &err);
    assert_string_equal(err.found, "the first");
    assert_string_equal(err.where, "lock");
    tdm__fs_sim_crash(fs); /* the holder is gone with its process */
    assert_ok(tdm__lock_take(fs, "lock", "the third", &other, &err), &err);
    tdm__lock_release(&lock); /* of a dead process: takes nothing away */
    assert_status(tdm__lock_take(fs, "lock", "the fourth", &lock, &err), TDM_BUSY, &err);
    assert_string_equal(err.found, "the third");
    tdm__lock_release(&other);
    assert_ok(tdm__lock_take(fs, "lock", "the fifth", &lock, &err), &err);
    tdm__lock_release(&lock);
    tdm__fs_sim_close(&fs);
}

typedef struct writer {
    tdm__fs *fs;
    char path[8];
    tdm_status status;
} writer;

static void write_often(void *arg)
{
    writer *w = arg;
    for (int i = 0; i < 50 && !w->status; i++)
        w->status = tdm__write_file_durably(w->fs, w->path, content[i % 2], sizeof content[0], NULL);
}

static void test_many_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    tdm__fs *fs = new_disk(0);
    tdm__thread *threads[THREADS];
    writer writers[THREADS];
    fill_contents();
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (writer){ .fs = fs };
        snprintf(writers[i].path, sizeof writers[i].path, "f%d", i / 2); /* two of them share a file */
        assert_ok(tdm__thread_start("writer", write_often, &writers[i], &threads[i], &err), &err);
    }
    for (int i = 0; i < THREADS; i++) {
        tdm__thread_join(&threads[i]);
        assert_ok(writers[i].status, NULL);
    }
    tdm__fs_sim_crash(fs);
    assert_true(which_content(fs, "f0") >= 0);
    assert_true(which_content(fs, "f1") >= 0);
    tdm__fs_sim_close(&fs);
}

static tdm_status some_work(tdm__fs *fs)
{
    tdm__names names = {0};
    tdm__mapping map = {0};
    tdm__lock *lock = NULL;
    tdm__buf b = {0};
    tdm_status s = tdm__make_dirs(fs, "a/b", &err);
    if (!s)
        s = tdm__write_file_durably(fs, "a/b/f", "abc", 3, &err);
    if (!s)
        s = tdm__read_file(fs, "a/b/f", 10, &b, &err);
    if (!s)
        s = tdm__list_dir(fs, "a/b", &names, &err);
    if (!s)
        s = tdm__map_file(fs, "a/b/f", &map, &err);
    if (!s)
        s = tdm__lock_take(fs, "lock", "me", &lock, &err);
    if (!s)
        s = tdm__remove_tree(fs, "a", &err);
    tdm__lock_release(&lock);
    tdm__unmap(&map);
    tdm__names_free(&names);
    tdm__buf_free(&b);
    return s;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        support_fail_alloc_at(n);
        tdm__fs *fs = tdm__fs_sim_new(1);
        tdm_status s = fs ? some_work(fs) : TDM_NO_MEMORY;
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (fs)
            tdm__fs_sim_crash(fs);
        tdm__fs_sim_close(&fs);
        if (!hit) {
            assert_ok(s, &err);
            assert_true(n > 20);
            return;
        }
        if (s) /* a lock without its note is still a lock */
            assert_status(s, TDM_NO_MEMORY, &err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synced_data_survives),
        cmocka_unit_test(test_unsynced_data_may_tear),
        cmocka_unit_test(test_writes_survive_in_any_order),
        cmocka_unit_test(test_names_need_their_folder_synced),
        cmocka_unit_test(test_rename_is_atomic),
        cmocka_unit_test(test_a_synced_rename_brings_earlier_ones),
        cmocka_unit_test(test_durable_write_is_all_or_nothing),
        cmocka_unit_test(test_durable_write_breaks_on_a_lying_disk),
        cmocka_unit_test(test_failed_write_leaves_the_old_file),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_failed_sync_leaves_bytes_in_doubt),
        cmocka_unit_test(test_a_seed_replays),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_mapping_outlives_the_file),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
