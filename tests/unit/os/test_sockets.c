/* Local sockets on paths of any length, and paths that another process can use. */
#include "os/sockets.h"

#include "os/files.h"
#include "support.h"

/* A folder so deep that no socket address has room for its path. */
static const char *deep_folder(void)
{
    static char path[600];
    tdm_error err;
    int n = snprintf(path, sizeof path, "%s", support_temp_dir());
    for (int i = 0; i < 6; i++)
        n += snprintf(path + n, sizeof path - (size_t)n, "/a-folder-with-a-long-name-%02d", i);
    assert_ok(tdm__make_dirs(tdm__fs_posix(), path, &err), &err);
    return path;
}

static void say(tdm__socket from, tdm__socket to)
{
    char text[8] = {0};
    size_t n;
    assert_int_equal(tdm__socket_read(to, text, sizeof text, &n), TDM__IO_WAIT);
    assert_false(tdm__socket_wait(to, false, 0));
    assert_int_equal(tdm__socket_write(from, "hello", 5, &n), TDM__IO_DONE);
    assert_int_equal(n, 5);
    assert_true(tdm__socket_wait(to, false, 1000));
    assert_int_equal(tdm__socket_read(to, text, sizeof text, &n), TDM__IO_DONE);
    assert_string_equal(text, "hello");
}

static void talk_at(const char *path)
{
    tdm_error err;
    tdm__socket listener, client, taken, second;
    assert_status(tdm__connect_unix(path, &client, &err), TDM_NOT_FOUND, &err);
    assert_ok(tdm__listen_unix(path, &listener, &err), &err);
    assert_int_equal(tdm__accept(listener, &taken), TDM__IO_WAIT);
    assert_ok(tdm__connect_unix(path, &client, &err), &err);
    assert_int_equal(tdm__accept(listener, &taken), TDM__IO_DONE);
    say(client, taken);
    say(taken, client);
    tdm__socket_finish(client);
    size_t n;
    char byte;
    assert_true(tdm__socket_wait(taken, false, 1000));
    assert_int_equal(tdm__socket_read(taken, &byte, 1, &n), TDM__IO_CLOSED);
    say(taken, client); /* the other way is open still */
    tdm__socket_close(&client);
    tdm__socket_close(&taken);
    tdm__socket_close(&listener);
    assert_true(tdm__exists(tdm__fs_posix(), path)); /* what a killed server leaves: nobody listens, and it is replaced */
    assert_status(tdm__connect_unix(path, &client, &err), TDM_NOT_FOUND, &err);
    assert_ok(tdm__listen_unix(path, &second, &err), &err);
    assert_ok(tdm__connect_unix(path, &client, &err), &err);
    tdm__socket_close(&client);
    tdm__socket_close(&second);
}

static void at_a_short_path(void **state)
{
    (void)state;
    talk_at(support_path(support_temp_dir(), "a.sock"));
}

static void at_a_long_path(void **state)
{
    (void)state;
    tdm_error err;
    tdm__socket s;
    const char *dir = deep_folder();
    assert_true(strlen(dir) > 150);
    talk_at(support_path(dir, "a.sock"));
    char path[700];
    snprintf(path, sizeof path, "%s/no-such-folder/a.sock", dir);
    assert_status(tdm__connect_unix(path, &s, &err), TDM_NOT_FOUND, &err);
    assert_int_equal(s, TDM__NO_SOCKET);
    assert_int_not_equal(tdm__listen_unix(path, &s, &err), TDM_OK);
    snprintf(path, sizeof path, "%s/%0100d", dir, 1);
    assert_status(tdm__listen_unix(path, &s, &err), TDM_BAD_INPUT, &err);
}

static void absolute_paths(void **state)
{
    (void)state;
    tdm_error err;
    char path[TDM__PATH_MAX], again[TDM__PATH_MAX], tiny[8];
    assert_ok(tdm__path_absolute("/a/b", path, sizeof path, &err), &err);
    assert_string_equal(path, "/a/b");
    assert_ok(tdm__path_absolute("x/y.csv", path, sizeof path, &err), &err);
    assert_true(path[0] == '/' && strlen(path) > 8 && !strcmp(path + strlen(path) - 8, "/x/y.csv"));
    assert_ok(tdm__path_absolute(path, again, sizeof again, &err), &err);
    assert_string_equal(path, again);
    assert_ok(tdm__path_absolute(".", path, sizeof path, &err), &err);
    assert_true(tdm__exists(tdm__fs_posix(), path));
    assert_status(tdm__path_absolute("/a/b/c/d", tiny, sizeof tiny, &err), TDM_BAD_INPUT, &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_a_short_path),
        cmocka_unit_test(at_a_long_path),
        cmocka_unit_test(absolute_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
