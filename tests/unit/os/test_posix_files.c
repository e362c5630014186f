/* The real file system: the same contract, with real folders, pipes, links, processes and kill -9. */
#define _GNU_SOURCE
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/files.h"

static tdm_error err;
static tdm__fs *fs;

static int set_up(void **state)
{
    (void)state;
    fs = tdm__fs_posix();
    return 0;
}

static const char *path_in(const char *dir, const char *name)
{
    return support_path(dir, name);
}

static void test_write_read_truncate(void **state)
{
    (void)state;
    const char *path = path_in(support_temp_dir(), "f");
    tdm__file *f;
    char buf[16];
    size_t got;
    uint64_t size;
    assert_status(tdm__file_open(fs, path, TDM__READ, &f, &err), TDM_NOT_FOUND, &err);
    assert_null(f);
    assert_string_equal(err.where, path);
    assert_non_null(strstr(err.what, "No such file"));
    assert_ok(tdm__file_open(fs, path, TDM__READ | TDM__WRITE | TDM__CREATE | TDM__EXCLUSIVE, &f, &err), &err);
    assert_string_equal(tdm__file_path(f), path);
    assert_ok(tdm__file_write_at(f, 4, "efgh", 4, &err), &err);
    assert_ok(tdm__file_write_at(f, 0, "abcd", 4, &err), &err);
    assert_ok(tdm__file_sync(f, &err), &err);
    assert_ok(tdm__file_read_at(f, 2, buf, sizeof buf, &got, &err), &err);
    assert_int_equal(got, 6);
    assert_memory_equal(buf, "cdefgh", 6);
    assert_ok(tdm__file_read_at(f, 8, buf, sizeof buf, &got, &err), &err);
    assert_int_equal(got, 0);
    assert_ok(tdm__file_truncate(f, 3, &err), &err);
    assert_ok(tdm__file_size(f, &size, &err), &err);
    assert_int_equal(size, 3);
    assert_status(tdm__file_write_at(f, UINT64_MAX - 1, "ab", 2, &err), TDM_TOO_LARGE, &err);
    assert_status(tdm__file_read_at(f, INT64_MAX, buf, 2, &got, &err), TDM_TOO_LARGE, &err);
    tdm__file_close(&f);
    assert_null(f);
    tdm__file_close(&f);
    assert_status(tdm__file_open(fs, path, TDM__WRITE | TDM__CREATE | TDM__EXCLUSIVE, &f, &err), TDM_EXISTS, &err);
    assert_ok(tdm__file_open(fs, path, TDM__WRITE | TDM__CREATE | TDM__TRUNCATE, &f, &err), &err);
    assert_ok(tdm__file_size(f, &size, &err), &err);
    assert_int_equal(size, 0);
    tdm__file_close(&f);
}

static void test_bad_paths(void **state)
{
    (void)state;
    static char longest[TDM__PATH_MAX + 10];
    const char *dir = support_temp_dir();
    tdm__file *f;
    memset(longest, 'x', sizeof longest - 1);
    assert_status(tdm__file_open(fs, longest, TDM__READ, &f, &err), TDM_BAD_INPUT, &err);
    assert_string_equal(err.found, "4105");
    assert_status(tdm__file_open(fs, "", TDM__READ, &f, &err), TDM_BAD_INPUT, &err);
    assert_status(tdm__file_open(fs, dir, TDM__READ, &f, &err), TDM_BAD_INPUT, &err);
    assert_non_null(strstr(err.what, "directory"));
    longest[300] = 0; /* one name of 300 bytes */
    assert_status(tdm__make_dir(fs, path_in(dir, longest), &err), TDM_BAD_INPUT, &err);
    assert_false(tdm__exists(fs, longest));
}

static void test_read_file(void **state)
{
    (void)state;
    const char *path = path_in(support_temp_dir(), "f");
    enum { N = 300000 };
    char *data = malloc(N);
    tdm__buf b;
    for (int i = 0; i < N; i++)
        data[i] = (char)(i * 7);
    support_write_file(path, data, N);
    assert_ok(tdm__read_file(fs, path, N, &b, &err), &err);
    assert_int_equal(b.len, N);
    assert_memory_equal(b.ptr, data, N);
    assert_int_equal(b.ptr[N], 0);
    tdm__buf_free(&b);
    assert_status(tdm__read_file(fs, path, N - 1, &b, &err), TDM_TOO_LARGE, &err);
    assert_null(b.ptr);
    support_write_file(path, "", 0);
    assert_ok(tdm__read_file(fs, path, 0, &b, &err), &err);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.ptr, "");
    tdm__buf_free(&b);
    assert_ok(tdm__read_file(fs, "/proc/self/stat", SIZE_MAX, &b, &err), &err); /* says that its size is 0 */
    assert_true(b.len > 10);
    tdm__buf_free(&b);
    free(data);
}

/* A pipe gives what it has; the reader must go on to the end. */
static void test_read_pipe(void **state)
{
    (void)state;
    enum { N = 200000 };
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        for (int i = 0; i < N; i++)
            if (write(ends[1], "0123456789" + i % 10, 1) != 1)
                _exit(1);
        _exit(0);
    }
    close(ends[1]);
    int kept = dup(0);
    dup2(ends[0], 0);
    close(ends[0]);
    tdm__buf b;
    tdm_status s = tdm__read_file(fs, "-", N, &b, &err);
    dup2(kept, 0);
    close(kept);
    waitpid(child, NULL, 0);
    assert_ok(s, &err);
    assert_int_equal(b.len, N);
    for (int i = 0; i < N; i++)
        assert_int_equal(b.ptr[i], '0' + i % 10);
    tdm__buf_free(&b);
}

static void test_folders(void **state)
{
    (void)state;
    const char *dir = support_temp_dir(), *deep = path_in(dir, "a/b//c/");
    tdm__names names;
    tdm__stat st;
    assert_ok(tdm__make_dirs(fs, deep, &err), &err);
    assert_ok(tdm__make_dirs(fs, deep, &err), &err);
    assert_ok(tdm__make_dirs(fs, "/", &err), &err);
    assert_ok(tdm__make_dirs(fs, ".", &err), &err);
    support_write_file(path_in(dir, "a/b/\xff"), "1", 1);
    support_write_file(path_in(dir, "a/b/Z"), "22", 2);
    assert_ok(tdm__list_dir(fs, path_in(dir, "a/b"), &names, &err), &err);
    assert_int_equal(names.n, 3);
    assert_string_equal(names.name[0], "Z");
    assert_string_equal(names.name[1], "c");
    assert_string_equal(names.name[2], "\xff");
    tdm__names_free(&names);
    assert_ok(tdm__stat_path(fs, path_in(dir, "a/b/Z"), &st, &err), &err);
    assert_true(st.size == 2 && !st.is_dir && st.modified_us > INT64_C(1500000000000000));
    assert_ok(tdm__stat_path(fs, dir, &st, &err), &err);
    assert_true(st.is_dir);
    assert_status(tdm__make_dirs(fs, path_in(dir, "a/b/Z/x"), &err), TDM_EXISTS, &err);
    assert_status(tdm__list_dir(fs, path_in(dir, "a/b/Z"), &names, &err), TDM_BAD_INPUT, &err);
    assert_status(tdm__remove_dir(fs, path_in(dir, "a"), &err), TDM_EXISTS, &err);
    assert_status(tdm__remove(fs, path_in(dir, "a"), &err), TDM_BAD_INPUT, &err);
    assert_status(tdm__dir_sync(fs, path_in(dir, "nothing"), &err), TDM_NOT_FOUND, &err);
    assert_status(tdm__rename(fs, path_in(dir, "nothing"), path_in(dir, "x"), &err), TDM_NOT_FOUND, &err);
    assert_ok(tdm__rename(fs, path_in(dir, "a/b/Z"), path_in(dir, "a/b/c/y"), &err), &err);
    assert_ok(tdm__remove(fs, path_in(dir, "a/b/c/y"), &err), &err);
    assert_ok(tdm__remove_dir(fs, path_in(dir, "a/b/c"), &err), &err);
}

/* Links inside a tree go, what they point to stays; also when the tree itself is a link. */
static void test_remove_tree_follows_no_link(void **state)
{
    (void)state;
    const char *dir = support_temp_dir(), *tree = path_in(dir, "tree"), *other = path_in(dir, "other");
    assert_ok(tdm__make_dirs(fs, path_in(dir, "tree/x/y"), &err), &err);
    assert_ok(tdm__make_dirs(fs, other, &err), &err);
    support_write_file(path_in(dir, "other/precious"), "1", 1);
    support_write_file(path_in(dir, "tree/x/y/f"), "1", 1);
    assert_int_equal(symlink(other, path_in(dir, "tree/x/link")), 0);
    assert_int_equal(symlink("/nowhere", path_in(dir, "tree/dangling")), 0);
    assert_ok(tdm__remove_tree(fs, tree, &err), &err);
    assert_false(tdm__exists(fs, tree));
    assert_int_equal(symlink(other, tree), 0);
    assert_ok(tdm__remove_tree(fs, tree, &err), &err);
    assert_ok(tdm__remove_tree(fs, tree, &err), &err);
    assert_true(tdm__exists(fs, path_in(dir, "other/precious")));
}

static void assert_alone(const char *dir, const char *name)
{
    tdm__names names;
    assert_ok(tdm__list_dir(fs, dir, &names, &err), &err);
    assert_int_equal(names.n, 1);
    assert_string_equal(names.name[0], name);
    tdm__names_free(&names);
}

static void assert_content(const char *path, const char *text)
{
    char *data = support_read_file(path, NULL);
    assert_string_equal(data, text);
    support_free(data);
}

static void test_write_file_durably(void **state)
{
    (void)state;
    const char *dir = support_temp_dir(), *path = path_in(dir, "f");
    assert_ok(tdm__write_file_durably(fs, path, "old", 3, &err), &err);
    assert_ok(tdm__write_file_durably(fs, path, "newer", 5, &err), &err);
    assert_content(path, "newer");
    assert_alone(dir, "f");
    assert_status(tdm__write_file_durably(fs, path_in(dir, "no/f"), "x", 1, &err), TDM_NOT_FOUND, &err);
    assert_ok(tdm__make_dirs(fs, path_in(dir, "sub/d"), &err), &err);
    assert_true(tdm__write_file_durably(fs, path_in(dir, "sub/d"), "x", 1, &err) != TDM_OK); /* a folder stands there */
    assert_alone(path_in(dir, "sub"), "d");
}

/* The limit on a file's size stands for a disk that fails in the middle of a write. */
static void test_failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    const char *dir = support_temp_dir(), *path = path_in(dir, "f");
    static char big[100000];
    assert_ok(tdm__write_file_durably(fs, path, "old", 3, &err), &err);
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 50000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    tdm_status s = tdm__write_file_durably(fs, path, big, sizeof big, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_status(s, TDM_IO, &err);
    assert_content(path, "old");
    assert_alone(dir, "f");
}

static void test_full_device(void **state)
{
    (void)state;
    tdm__file *f;
    if (access("/dev/full", W_OK) != 0)
        skip();
    assert_ok(tdm__file_open(fs, "/dev/full", TDM__WRITE, &f, &err), &err);
    assert_status(tdm__file_write_at(f, 0, "x", 1, &err), TDM_DISK_FULL, &err);
    tdm__file_close(&f);
}

static void test_mapping(void **state)
{
    (void)state;
    const char *path = path_in(support_temp_dir(), "f");
    static char data[20000];
    tdm__mapping map;
    memset(data, 'm', sizeof data);
    support_write_file(path, data, sizeof data);
    assert_ok(tdm__map_file(fs, path, &map, &err), &err);
    assert_ok(tdm__write_file_durably(fs, path, "replaced", 8, &err), &err);
    assert_int_equal(map.len, sizeof data);
    for (int advice = TDM__ADVICE_RANDOM; advice <= TDM__ADVICE_DONT_NEED; advice++)
        tdm__map_advise(&map, 5000, SIZE_MAX, (enum tdm__advice)advice);
    assert_memory_equal(map.ptr, data, sizeof data);
    tdm__unmap(&map);
    tdm__unmap(&map);
    support_write_file(path, "", 0);
    assert_ok(tdm__map_file(fs, path, &map, &err), &err);
    assert_true(map.ptr == NULL && map.len == 0);
    tdm__map_advise(&map, 0, 10, TDM__ADVICE_RANDOM);
    tdm__unmap(&map);
    assert_status(tdm__map_file(fs, "/dev/null", &map, &err), TDM_BAD_INPUT, &err);
}

/* A child takes the lock, says so, and waits to be killed. */
static pid_t start_holder(const char *path, const char *note)
{
    int ends[2];
    char said = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        tdm__lock *lock;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test leaves nobody behind */
        said = tdm__lock_take(fs, path, note, &lock, NULL) == TDM_OK ? 'y' : 'n';
        if (write(ends[1], &said, 1) == 1)
            for (;;)
                pause();
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &said, 1), 1);
    close(ends[0]);
    assert_int_equal(said, 'y');
    return child;
}

static void kill_holder(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void test_lock_ends_with_its_holder(void **state)
{
    (void)state;
    const char *path = path_in(support_temp_dir(), "lock");
    tdm__lock *lock, *second;
    pid_t child = start_holder(path, "tandem run, pid 71\nsince noon");
    assert_status(tdm__lock_take(fs, path, "me", &lock, &err), TDM_BUSY, &err);
    assert_null(lock);
    assert_string_equal(err.found, "tandem run, pid 71?since noon");
    assert_string_equal(err.where, path);
    kill_holder(child);
    assert_ok(tdm__lock_take(fs, path, "me", &lock, &err), &err); /* the note is stale, the lock is gone */
    assert_status(tdm__lock_take(fs, path, "me too", &second, &err), TDM_BUSY, &err); /* within one process */
    assert_string_equal(err.found, "me");
    tdm__lock_release(&lock);
    tdm__lock_release(&lock);
    assert_ok(tdm__lock_take(fs, path, "me too", &second, &err), &err);
    tdm__lock_release(&second);
}

/* A holder that has the lock but not yet its note, over the note of one that was killed: nobody is named. */
static void test_a_stale_note_is_not_shown(void **state)
{
    (void)state;
    const char *path = path_in(support_temp_dir(), "lock");
    tdm__lock *lock;
    kill_holder(start_holder(path, "a dead one"));
    assert_content(path, "a dead one");
    int fd = open(path, O_RDWR);
    struct flock first = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &first), 0);
    assert_status(tdm__lock_take(fs, path, "me", &lock, &err), TDM_BUSY, &err);
    assert_string_equal(err.found, "");
    close(fd);
}

static void test_path_parts(void **state)
{
    (void)state;
    char out[8];
    static const struct { const char *path, *dir, *base; } cases[] = {
        { "a/b", "a", "b" }, { "a", ".", "a" }, { "/a", "/", "a" }, { "/a/b", "/a", "b" }, { "a/", "a", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(tdm__path_dir(out, sizeof out, cases[i].path), 1);
        assert_string_equal(out, cases[i].dir);
        assert_string_equal(tdm__path_base(cases[i].path), cases[i].base);
    }
    assert_int_equal(tdm__path_join(out, sizeof out, "abc", "def"), 1);
    assert_string_equal(out, "abc/def");
    assert_int_equal(tdm__path_join(out, sizeof out, "abc", "defg"), 0);
    assert_int_equal(tdm__path_join(out, sizeof out, "/", "def"), 1);
    assert_string_equal(out, "/def");
    assert_int_equal(tdm__path_join(out, sizeof out, "", "def"), 1);
    assert_string_equal(out, "def");
    assert_int_equal(tdm__path_dir(out, 4, "abcd/e"), 0);
}

static tdm_status some_work(const char *dir, const char *file, const char *lock_path)
{
    tdm__names names = {0};
    tdm__mapping map = {0};
    tdm__lock *lock = NULL;
    tdm__buf b = {0};
    tdm_status s = tdm__write_file_durably(fs, file, "abc", 3, &err);
    if (!s)
        s = tdm__read_file(fs, file, 10, &b, &err);
    if (!s)
        s = tdm__list_dir(fs, dir, &names, &err);
    if (!s)
        s = tdm__map_file(fs, file, &map, &err);
    if (!s)
        s = tdm__lock_take(fs, lock_path, "me", &lock, &err);
    tdm__lock_release(&lock);
    tdm__unmap(&map);
    tdm__names_free(&names);
    tdm__buf_free(&b);
    return s;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const char *dir = support_temp_dir(), *file = path_in(dir, "f"), *lock = path_in(dir, "lock");
    for (uint64_t n = 1;; n++) {
        support_fail_alloc_at(n);
        tdm_status s = some_work(dir, file, lock);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (!hit) {
            assert_ok(s, &err);
            assert_true(n > 5);
            return;
        }
        assert_status(s, TDM_NO_MEMORY, &err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_read_truncate),
        cmocka_unit_test(test_bad_paths),
        cmocka_unit_test(test_read_file),
        cmocka_unit_test(test_read_pipe),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_remove_tree_follows_no_link),
        cmocka_unit_test(test_write_file_durably),
        cmocka_unit_test(test_failed_write_leaves_the_old_file),
        cmocka_unit_test(test_full_device),
        cmocka_unit_test(test_mapping),
        cmocka_unit_test(test_lock_ends_with_its_holder),
        cmocka_unit_test(test_a_stale_note_is_not_shown),
        cmocka_unit_test(test_path_parts),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
