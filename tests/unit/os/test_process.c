/* The process: its peak of memory, pipes that close, signals that ask it to stop. */
#define _GNU_SOURCE
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/process.h"

static void test_peak_memory_rises(void **state)
{
    (void)state;
    enum { N = 48 << 20 };
    uint64_t before = tdm__peak_memory_bytes();
    assert_true(before > 0);
    char *p = malloc(N);
    memset(p, 1, N);
    uint64_t after = tdm__peak_memory_bytes();
    assert_int_equal(p[N / 2], 1);
    free(p);
    assert_true(after - before > N / 2);
    assert_true(tdm__peak_memory_bytes() - before > N / 2); /* a peak, not the present */
}

static void test_use(void **state)
{
    (void)state;
    tdm__process_use before, after;
    tdm__process_measure(&before);
    int more[2];
    assert_int_equal(pipe(more), 0);
    for (volatile int i = 0; i < 3000000; i++)
        ;
    tdm__process_measure(&after);
    assert_int_equal(after.open_files, before.open_files + 2);
    assert_int_equal(after.threads, 1);
    assert_true(after.cpu_ns > before.cpu_ns);
    assert_true(after.resident_bytes > 100000 && after.resident_bytes <= tdm__peak_memory_bytes());
    close(more[0]);
    close(more[1]);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(tdm__process_id(), getpid());
}

static void test_write_to_pipe(void **state)
{
    (void)state;
    enum { N = 300000 }; /* more than a pipe holds */
    static char data[N];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_false(tdm__is_terminal(ends[0]));
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        memset(data, 'd', N);
        _exit(tdm__write_fd(ends[1], data, N) ? 0 : 1);
    }
    close(ends[1]);
    size_t got = 0;
    char buf[4096];
    for (ssize_t n; (n = read(ends[0], buf, sizeof buf)) > 0; got += (size_t)n)
        assert_int_equal(buf[n - 1], 'd');
    close(ends[0]);
    int how;
    waitpid(child, &how, 0);
    assert_int_equal(how, 0);
    assert_int_equal(got, N);
}

/* SIGPIPE has its default action here, which would end us. */
static void test_closed_pipe_is_an_answer(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    signal(SIGPIPE, SIG_DFL);
    assert_false(tdm__write_fd(ends[1], "x", 1));
    close(ends[1]);
    assert_false(tdm__write_fd(-1, "x", 1));
    sigset_t now;
    sigpending(&now);
    assert_false(sigismember(&now, SIGPIPE));
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    assert_false(sigismember(&now, SIGPIPE));
}

/* Runs `body` in a child and returns how it ended. */
static int in_child(void (*body)(void))
{
    int how;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        body();
        _exit(9);
    }
    waitpid(child, &how, 0);
    return how;
}

static void first_signal_asks(void)
{
    signal(SIGTERM, SIG_DFL); /* whoever started the tests may have had them ignored */
    if (tdm__interrupted())
        _exit(1);
    raise(SIGTERM);
    _exit(tdm__interrupted() ? 0 : 2);
}

static void second_signal_ends(void)
{
    signal(SIGINT, SIG_DFL);
    tdm__interrupted();
    raise(SIGINT);
    raise(SIGINT);
}

static void ignored_stays_ignored(void)
{
    signal(SIGINT, SIG_IGN);
    tdm__interrupted();
    raise(SIGINT);
    _exit(tdm__interrupted() ? 1 : 0);
}

static void test_signals(void **state)
{
    (void)state;
    assert_int_equal(in_child(first_signal_asks), 0);
    int how = in_child(second_signal_ends);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGINT);
    assert_int_equal(in_child(ignored_stays_ignored), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peak_memory_rises),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_write_to_pipe),
        cmocka_unit_test(test_closed_pipe_is_an_answer),
        cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
