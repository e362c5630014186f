/* From the start of a server's process to its first right answer.
 *
 * The clock runs from just before the process is made. Connections are tried one after the other without a pause, and
 * the request is sent on the first that is made; an answer that is not the expected one (a server that is up but not
 * ready) is followed by the next try. The server is ended with SIGTERM, and waited for. */
#define _GNU_SOURCE
#include "load_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The socket blocks, but for at most 2 seconds a call. */
static int connect_once(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 2};
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_all(int fd, const load_text *t)
{
    for (size_t sent = 0; sent < t->size;) {
        ssize_t n = send(fd, t->bytes + sent, t->size - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    return true;
}

static bool receive_answer(int fd, load_answer *a)
{
    while (load_answer_room(a)) {
        ssize_t n = recv(fd, a->bytes + a->size, a->room - a->size, 0);
        if (n <= 0)
            return false;
        a->size += (size_t)n;
        load_reading reading = load_answer_read(a);
        if (reading != LOAD_MORE)
            return reading == LOAD_COMPLETE;
    }
    return false;
}

static bool ask(const load_settings *s, load_answer *a)
{
    const load_text *expected = &s->request->expected;
    int fd = connect_once(&s->address);
    if (fd < 0)
        return false;
    load_answer_clear(a);
    bool right = send_all(fd, &s->request->bytes) && receive_answer(fd, a) && a->status == 200 &&
                 (!expected->bytes ||
                  (a->body == expected->size && memcmp(a->bytes + a->head, expected->bytes, a->body) == 0));
    close(fd);
    return right;
}

static bool start(char **command, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(pid, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        fprintf(stderr, "serve_load: %s cannot be started: %s\n", command[0], strerror(error));
    return error == 0;
}

static bool has_ended(pid_t pid)
{
    int status;
    return waitpid(pid, &status, WNOHANG) != 0;
}

static void stop(pid_t pid)
{
    kill(pid, SIGTERM);
    for (int i = 0; i < 5000; i++) {
        if (has_ended(pid))
            return;
        usleep(1000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

bool load_first(const load_settings *s, char **command, FILE *out)
{
    load_answer answer = {0};
    uint64_t tries = 0, begun = load_now(), patience_ns = begun + s->run_ns;
    pid_t pid;
    if (!start(command, &pid))
        return false;
    bool right = false, ended = false;
    while (!right && !ended && load_now() < patience_ns) {
        right = ask(s, &answer);
        if (++tries % 64 == 0)
            ended = !right && has_ended(pid);
    }
    uint64_t spent = load_now() - begun, cpu = load_cpu_of(pid);
    if (!ended)
        stop(pid);
    free(answer.bytes);
    if (right)
        fprintf(out, "{\"first_us\": %.1f, \"cpu_us\": %.1f, \"tries\": %" PRIu64 "}\n", (double)spent / 1e3,
                (double)cpu / 1e3, tries);
    else
        fprintf(stderr, "serve_load: %s: no right answer%s\n", command[0],
                ended ? ", the process has ended" : " in time");
    return right;
}
