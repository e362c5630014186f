/* The home: made on first use, never among foreign files, made again when a crash left half of it, one writer at a time. */
#include "state/home.h"

#include "fixture.h"
#include "state/state.h"

static tdm__fs *disk(void)
{
    tdm__fs *fs = tdm__fs_sim_new(support_seed());
    assert_non_null(fs);
    return fs;
}

static tdm_home *open_home(tdm__fs *fs, const char *dir)
{
    tdm_error err;
    tdm_home *home;
    assert_ok(tdm__home_open_on(fs, dir, &home, &err), &err);
    return home;
}

static void put(tdm__fs *fs, const char *path, const char *text)
{
    tdm_error err;
    assert_ok(tdm__write_file_durably(fs, path, text, strlen(text), &err), &err);
}

static tdm_status hold_once(tdm_home *home, tdm_error *err)
{
    tdm_status s = tdm__home_hold(home, "test", err);
    tdm__home_release_hold(home);
    return s;
}

static tdm_status write_once(tdm_home *home, tdm_error *err)
{
    tdm__writing writing;
    tdm_status s = tdm__writing_begin(home, "test", &writing, err);
    if (!s)
        tdm__writing_end(&writing);
    return s;
}

static void made_on_first_use(void **state)
{
    (void)state;
    static const char *const names[] = {"FORMAT", "epochs", "loads", "lock", "log", "releases", "runs", "sources", "tables", "tmp"};
    tdm_error err;
    tdm__names list;
    tdm__buf text;
    tdm__fs *fs = disk();
    tdm_home *home = open_home(fs, "/a/b/home///");
    assert_string_equal(tdm_home_dir(home), "/a/b/home");
    assert_false(tdm__exists(fs, "/a"));
    assert_ok(write_once(home, &err), &err);
    assert_ok(tdm__list_dir(fs, "/a/b/home", &list, &err), &err);
    assert_int_equal(list.n, sizeof names / sizeof *names);
    for (size_t i = 0; i < list.n; i++)
        assert_string_equal(list.name[i], names[i]);
    tdm__names_free(&list);
    assert_ok(tdm__read_file(fs, "/a/b/home/FORMAT", 100, &text, &err), &err);
    assert_string_equal(text.ptr, "tandem home 1\n");
    tdm__buf_free(&text);
    tdm_home_close(&home);
    assert_null(home);
    tdm_home_close(&home);
    tdm_home_close(NULL);
    assert_status(tdm__home_open_on(fs, "", &home, &err), TDM_USAGE, &err);
    tdm__fs_sim_close(&fs);
}

static void foreign_folders_are_refused(void **state)
{
    (void)state;
    tdm_error err;
    tdm__fs *fs = disk();
    assert_ok(tdm__make_dirs(fs, "/docs", &err), &err);
    put(fs, "/docs/letter.txt", "Dear");
    tdm_home *home = open_home(fs, "/docs");
    assert_status(write_once(home, &err), TDM_BAD_INPUT, &err);
    assert_string_equal(err.found, "letter.txt");
    tdm__names list;
    assert_ok(tdm__list_dir(fs, "/docs", &list, &err), &err);
    assert_int_equal(list.n, 1); /* nothing was put beside it */
    tdm__names_free(&list);
    tdm_home_close(&home);
    tdm__fs_sim_close(&fs);
}

static void other_formats(void **state)
{
    (void)state;
    tdm_error err;
    tdm_home *home;
    tdm__fs *fs = disk();
    assert_ok(tdm__make_dirs(fs, "/h", &err), &err);
    put(fs, "/h/FORMAT", "tandem home 2\n");
    assert_status(tdm__home_open_on(fs, "/h", &home, &err), TDM_UNSUPPORTED, &err);
    assert_string_equal(err.expected, "tandem home 1");
    assert_string_equal(err.found, "\"tandem home 2\"");
    assert_null(home);
    put(fs, "/h/FORMAT", "something else");
    assert_status(tdm__home_open_on(fs, "/h", &home, &err), TDM_BAD_INPUT, &err);
    put(fs, "/h/FORMAT", "tandem home 1\n and much more than a line, which a home never has in its FORMAT file, at all");
    assert_status(tdm__home_open_on(fs, "/h", &home, &err), TDM_BAD_INPUT, &err);
    put(fs, "/file", "x");
    assert_status(tdm__home_open_on(fs, "/file", &home, &err), TDM_BAD_INPUT, &err);
    tdm__fs_sim_close(&fs);
}

/* Power lost inside every call of the making: the next writer makes it whole. */
static void a_half_made_home_is_made_again(void **state)
{
    (void)state;
    uint64_t calls = 1;
    for (bool whole = false; !whole; calls++)
        for (uint64_t seed = 0; seed < 8; seed++) {
            tdm_error err;
            tdm__fs *fs = tdm__fs_sim_new(support_seed() + seed);
            tdm_home *home = open_home(fs, "/deep/home");
            tdm__fs_sim_crash_at(fs, calls);
            whole = !write_once(home, &err);
            tdm__fs_sim_crash_at(fs, 0);
            tdm__fs_sim_crash(fs);
            tdm_home_close(&home);
            home = open_home(fs, "/deep/home");
            assert_ok(write_once(home, &err), &err);
            assert_true(tdm__exists(fs, "/deep/home/FORMAT") && tdm__exists(fs, "/deep/home/epochs"));
            tdm_home_close(&home);
            tdm__fs_sim_close(&fs);
        }
    assert_true(calls > 10);
}

static void the_lock_names_its_holder(void **state)
{
    (void)state;
    tdm_error err;
    fixture f;
    tdm_home *other;
    tdm__writing writing, second;
    fixture_new(&f, tdm__fs_posix());
    assert_ok(tdm__writing_begin(f.home, "run", &writing, &err), &err);
    assert_ok(tdm_home_open(tdm_home_dir(f.home), &other, &err), &err);
    assert_status(tdm__writing_begin(other, "load", &second, &err), TDM_BUSY, &err);
    assert_non_null(strstr(err.found, "tandem run, process "));
    assert_non_null(strstr(err.found, ", since 20"));
    tdm__writing_end(&second); /* what failed to begin may be ended */
    tdm__writing_end(&writing);
    assert_ok(write_once(other, &err), &err);
    tdm_home_close(&other);
    fixture_close(&f);
}

static void append(tdm__log_handle *log, const char *yaml)
{
    tdm_error err;
    tdm__frame frame = {.kind = 1, .payload = tdm__str(yaml)};
    assert_ok(tdm__log_append(log, &frame, 1, NULL, &err), &err);
}

/* One process holds: other processes are told who it is, its own second command which command is at work. */
static void a_held_home_takes_turns(void **state)
{
    (void)state;
    tdm_error err;
    fixture f;
    tdm_home *other;
    tdm__writing first, second;
    fixture_new(&f, tdm__fs_posix());
    assert_null(tdm__home_log(f.home));
    assert_ok(tdm__home_hold(f.home, "serve", &err), &err);
    assert_status(tdm__home_hold(f.home, "serve", &err), TDM_USAGE, &err);
    assert_ok(tdm_home_open(tdm_home_dir(f.home), &other, &err), &err);
    assert_status(tdm__writing_begin(other, "load", &second, &err), TDM_BUSY, &err);
    assert_non_null(strstr(err.found, "tandem serve, process "));
    assert_status(tdm__home_hold(other, "serve", &err), TDM_BUSY, &err);
    assert_non_null(strstr(err.found, "tandem serve, process "));
    for (int round = 0; round < 2; round++) {
        assert_ok(tdm__writing_begin(f.home, "run", &first, &err), &err);
        assert_ptr_equal(first.log, tdm__home_log(f.home));
        assert_status(tdm__writing_begin(f.home, "load", &second, &err), TDM_BUSY, &err);
        assert_non_null(strstr(err.where, "/lock"));
        assert_non_null(strstr(err.found, "tandem run, process "));
        assert_non_null(strstr(err.found, ", since 20"));
        tdm__writing_end(&second); /* what failed to begin may be ended, and takes nothing from who is at work */
        assert_status(tdm__writing_begin(f.home, "load", &second, &err), TDM_BUSY, &err);
        tdm__writing_end(&first);
        assert_null(first.log);
    }
    tdm__home_release_hold(f.home);
    tdm__home_release_hold(f.home);
    assert_ok(write_once(other, &err), &err);
    assert_ok(tdm__home_hold(f.home, "serve", &err), &err);
    assert_status(write_once(other, &err), TDM_BUSY, &err);
    tdm_home_close(&f.home); /* lets go of it too */
    assert_ok(write_once(other, &err), &err);
    tdm_home_close(&other);
    fixture_close(&f);
}

/* What a command appends is seen at once by whoever reads the held home, and by another process; what a crash left is
 * swept when the hold begins and never again: somebody else's input may wait in tmp. */
static void a_held_home_is_read_and_swept(void **state)
{
    (void)state;
    tdm_error err;
    tdm__state *now;
    tdm__writing writing;
    tdm__fs *fs = disk();
    tdm_home *home = open_home(fs, "/h"), *other = open_home(fs, "/h");
    assert_ok(write_once(home, &err), &err);
    put(fs, "/h/tmp/left.tmp", "x");
    assert_ok(tdm__home_hold(home, "serve", &err), &err);
    assert_false(tdm__exists(fs, "/h/tmp/left.tmp"));
    put(fs, "/h/tmp/spool.tmp", "x");
    for (int round = 1; round <= 2; round++) {
        assert_ok(tdm__writing_begin(home, "source add", &writing, &err), &err);
        append(writing.log, round == 1 ? "one:\n  kind: table\n  key: a\n  columns:\n    a: string\n"
                                       : "two:\n  kind: table\n  key: a\n  columns:\n    a: string\n");
        tdm__writing_end(&writing);
        for (int reader = 0; reader < 2; reader++) {
            assert_ok(tdm__state_read(reader ? other : home, NULL, UINT64_MAX, &now, &err), &err);
            assert_int_equal(now->n, round);
            tdm__state_close(&now);
        }
    }
    assert_true(tdm__exists(fs, "/h/tmp/spool.tmp"));
    tdm_home_close(&home);
    tdm_home_close(&other);
    tdm__fs_sim_close(&fs);
}

static void paths_have_a_limit(void **state)
{
    (void)state;
    tdm_error err;
    char path[TDM__PATH_MAX], name[TDM__PATH_MAX];
    tdm__fs *fs = disk();
    tdm_home *home = open_home(fs, "/h");
    memset(name, 'x', sizeof name);
    name[TDM__PATH_MAX - 4] = 0;
    assert_ok(tdm__home_path(home, path, &err, "%s", name), &err);
    assert_int_equal(strlen(path), TDM__PATH_MAX - 1);
    name[TDM__PATH_MAX - 4] = 'x';
    name[TDM__PATH_MAX - 3] = 0;
    assert_status(tdm__home_path(home, path, &err, "%s", name), TDM_BAD_INPUT, &err);
    tdm_home_close(&home);
    tdm__fs_sim_close(&fs);
}

/* The disk fails at its n-th call, or memory does: a status, nothing lost, and the next time works. */
static void failures(void **state)
{
    (void)state;
    for (uint64_t n = 1, working = 0; !working; n++) {
        tdm_error err;
        tdm__fs *fs = disk();
        tdm_home *home = open_home(fs, "/h");
        tdm__fs_sim_fail_at(fs, n, n % 2 ? TDM_IO : TDM_DISK_FULL);
        tdm_status s = n / 2 % 2 ? write_once(home, &err) : hold_once(home, &err);
        working = tdm__fs_sim_calls(fs) < n;
        assert_true(working ? !s : s == TDM_OK || s == TDM_IO || s == TDM_DISK_FULL);
        tdm__fs_sim_fail_at(fs, 0, TDM_OK);
        assert_ok(write_once(home, &err), &err);
        tdm_home_close(&home);
        tdm__fs_sim_close(&fs);
    }
    for (uint64_t n = 1;; n++) {
        tdm_error err;
        tdm__fs *fs = disk();
        tdm_home *home;
        support_fail_alloc_at(n);
        tdm_status s = tdm__home_open_on(fs, "/h", &home, &err);
        if (!s)
            s = n % 2 ? write_once(home, &err) : hold_once(home, &err);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_true(hit ? s == TDM_NO_MEMORY || !s : !s); /* the lock's note may be left out */
        tdm_home_close(&home);
        tdm__fs_sim_close(&fs);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_on_first_use),
        cmocka_unit_test(foreign_folders_are_refused),
        cmocka_unit_test(other_formats),
        cmocka_unit_test(a_half_made_home_is_made_again),
        cmocka_unit_test(the_lock_names_its_holder),
        cmocka_unit_test(a_held_home_takes_turns),
        cmocka_unit_test(a_held_home_is_read_and_swept),
        cmocka_unit_test(paths_have_a_limit),
        cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
