/* The process and its machine. */
#define _GNU_SOURCE
#include "os/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The number after `label` in a small file of /proc; 0 when it is not there. */
static uint64_t number_in(const char *path, const char *label)
{
    char text[8192];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = 0;
    const char *at = strstr(text, label);
    if (!at)
        return 0;
    at += strlen(label);
    while (*at == ' ' || *at == '\t')
        at++;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9' && value < UINT64_MAX / 16; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

/* VmHWM is of this program alone; getrusage's figure is inherited from whatever started it. */
uint64_t tdm__peak_memory_bytes(void)
{
    uint64_t kib = number_in("/proc/self/status", "VmHWM:");
    struct rusage use;
    if (kib == 0 && getrusage(RUSAGE_SELF, &use) == 0)
        kib = (uint64_t)use.ru_maxrss;
    return kib * 1024;
}

/* Newer kernels say it as the size of the folder; else its names are counted, without ".", ".." and the folder itself. */
static uint64_t open_files(void)
{
    static const char path[] = "/proc/self/fd";
    struct stat st;
    if (stat(path, &st) == 0 && st.st_size > 0)
        return (uint64_t)st.st_size;
    DIR *dir = opendir(path);
    uint64_t n = 0;
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n > 3 ? n - 3 : 0;
}

void tdm__process_measure(tdm__process_use *out)
{
    struct timespec cpu = { 0, 0 };
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    out->cpu_ns = (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec;
    out->resident_bytes = number_in("/proc/self/status", "VmRSS:") * 1024;
    out->threads = number_in("/proc/self/status", "Threads:");
    out->open_files = open_files();
}

int64_t tdm__process_id(void)
{
    return getpid();
}

bool tdm__is_terminal(int fd)
{
    return isatty(fd) == 1;
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, bytes, n);
        if (w > 0) {
            bytes += w;
            n -= (size_t)w;
        } else if (w < 0 && errno == EAGAIN) { /* somebody made it non-blocking */
            struct pollfd ready = { .fd = fd, .events = POLLOUT };
            if (poll(&ready, 1, -1) < 0 && errno != EINTR)
                return false;
        } else if (w == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* A closed pipe must be a return value, but how the program treats SIGPIPE elsewhere is not ours to change: the signal
 * is held back in this thread, and taken away if our write raised it. */
bool tdm__write_fd(int fd, const void *bytes, size_t n)
{
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    bool ok = write_all(fd, bytes, n);
    int code = errno;
    if (!ok && code == EPIPE && !sigismember(&pending, SIGPIPE)) {
        const struct timespec now = { 0, 0 };
        while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return ok;
}

static atomic_int interrupted; /* lock-free, so a handler may set it */
static int interrupt_event = -1; /* made before the handlers are installed */

static void on_signal(int number)
{
    const uint64_t one = 1;
    int code = errno;
    if (atomic_exchange(&interrupted, 1)) {
        signal(number, SIG_DFL);
        raise(number);
    }
    if (interrupt_event >= 0 && write(interrupt_event, &one, sizeof one) < 0)
        errno = code; /* it can only be full, and then it is readable */
}

/* After the first signal a second one, of either kind, ends the process: a user who insists is obeyed. A signal that was ignored when
 * we started (nohup, a shell's background job) stays ignored. */
static void install_handlers(void)
{
    static const int signals[] = { SIGINT, SIGTERM };
    interrupt_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction old, act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
        sigemptyset(&act.sa_mask);
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &act, NULL);
    }
}

static pthread_once_t handlers_once = PTHREAD_ONCE_INIT;

bool tdm__interrupted(void)
{
    pthread_once(&handlers_once, install_handlers);
    return atomic_load(&interrupted) != 0;
}

int tdm__interrupt_socket(void)
{
    pthread_once(&handlers_once, install_handlers);
    return interrupt_event;
}
