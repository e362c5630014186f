/* The public face of terminals and clocks (tandem/terminal.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ioctl.h>

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
