/* The public face of terminals and clocks (tandem/terminal.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <tandem/terminal.h>
#include "base/fail.h"
#include "os/clock.h"
#include "os/process.h"

unsigned tdm_terminal_columns(int fd)
{
    struct winsize size;
    if (!tdm__is_terminal(fd))
        return 0;
    return ioctl(fd, TIOCGWINSZ, &size) || size.ws_col < 20 ? 80 : size.ws_col;
}

unsigned tdm_terminal_rows(int fd)
{
    struct winsize size;
    if (!tdm__is_terminal(fd))
        return 0;
    return ioctl(fd, TIOCGWINSZ, &size) || size.ws_row < 4 ? 24 : size.ws_row;
}

/* Ctrl-C goes on raising SIGINT. Bytes that were typed before stay. */
void tdm_terminal_keys(bool on)
{
    static struct termios before;
    static bool changed;
    struct termios now;
    if (on && !changed && tcgetattr(STDIN_FILENO, &before) == 0) {
        now = before;
        now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        now.c_cc[VMIN] = 1;
        now.c_cc[VTIME] = 0;
        changed = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
    } else if (!on && changed) {
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
        changed = false;
    }
}

int tdm_terminal_key(double seconds)
{
    double until = tdm_seconds() + seconds, left;
    struct pollfd wait[] = {
        { .fd = tdm__interrupt_socket(), .events = POLLIN },
        { .fd = tdm__is_terminal(STDIN_FILENO) ? STDIN_FILENO : -1, .events = POLLIN },
    };
    while (!tdm__interrupted() && (left = until - tdm_seconds()) > 0) {
        unsigned char key;
        if (poll(wait, 2, left < 3600 ? (int)(left * 1000) + 1 : 3600000) <= 0 || !wait[1].revents)
            continue;
        if (read(STDIN_FILENO, &key, 1) == 1)
            return key;
        wait[1].fd = -1; /* the terminal is gone */
    }
    return -1;
}

double tdm_seconds(void)
{
    return (double)tdm__monotonic_ns() * 1e-9;
}

bool tdm_interrupted(void)
{
    return tdm__interrupted();
}

tdm_status tdm_write(int fd, const void *bytes, size_t n, tdm_error *err)
{
    if (tdm__write_fd(fd, bytes, n))
        return TDM_OK;
    int code = errno;
    const char *where = fd == 1 ? "standard output" : fd == 2 ? "standard error" : "output";
    if (code == EPIPE)
        return tdm__fail(err, TDM_CANCELLED, where, "nobody reads it any more");
    return tdm__fail(err, code == ENOSPC ? TDM_DISK_FULL : TDM_IO, where, "writing failed");
}

const char *tdm_nearest(tdm_str word, const char *const *candidates, size_t n)
{
    return tdm__nearest(word, candidates, n);
}
