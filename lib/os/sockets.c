/* Sockets over the system's calls. All of them are non-blocking and closed on exec. */
#define _GNU_SOURCE
#include "os/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/text.h"
#include "os/files.h"

enum { BACKLOG = 4096 };

static tdm_status failed(tdm_error *err, const char *where, const char *doing)
{
    char text[128];
    int code = errno;
    bool refused = code == EADDRINUSE || code == EADDRNOTAVAIL || code == EACCES || code == EPERM;
    return tdm__fail(err, refused ? TDM_REFUSED : TDM_SYSTEM, where, "%s failed: %s", doing,
                     strerror_r(code, text, sizeof text));
}

/* "HOST:PORT" in two parts; brackets around an IPv6 address are taken off. */
static tdm_status split_address(const char *address, char host[256], char port[8], tdm_error *err)
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0, digits = colon ? strlen(colon + 1) : 0;
    bool good = colon && digits >= 1 && digits <= 5 && strspn(colon + 1, "0123456789") == digits && n < 255;
    bool bracketed = good && n >= 2 && address[0] == '[' && address[n - 1] == ']';
    good = good && (bracketed || !memchr(address, ':', n));
    unsigned long number = 0;
    for (size_t i = 1; good && i <= digits; i++)
        number = number * 10 + (unsigned long)(colon[i] - '0');
    if (!good || number > 65535) {
        tdm_status s = tdm__fail(err, TDM_BAD_INPUT, "address", "this is not an address to listen on");
        tdm__fail_expected(err, "HOST:PORT, as 127.0.0.1:8000, [::1]:8000, or :8000 for all addresses");
        tdm__fail_found_text(err, tdm__str(address));
        return s;
    }
    snprintf(host, 256, "%.*s", (int)(bracketed ? n - 2 : n), address + bracketed);
    snprintf(port, 8, "%lu", number);
    return TDM_OK;
}

/* Whether a socket may bind beside others is asked at its bind, and again at its listen: so the first one binds as if it
 * were alone. */
static tdm_status bind_one(const struct addrinfo *info, tdm__sharing sharing, tdm__socket *out, tdm_error *err,
                           const char *where)
{
    int one = 1, fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failed(err, where, "socket");
    const char *doing = NULL;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one))
        doing = "SO_REUSEADDR";
    else if (sharing == TDM__BESIDE && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one))
        doing = "SO_REUSEPORT";
    else if (bind(fd, info->ai_addr, info->ai_addrlen))
        doing = "bind";
    else if (sharing == TDM__FIRST && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one))
        doing = "SO_REUSEPORT";
    else if (listen(fd, BACKLOG))
        doing = "listen";
    if (!doing) {
        *out = fd;
        return TDM_OK;
    }
    tdm_status s = failed(err, where, doing);
    close(fd);
    return s;
}

/* The address that a socket got, as HOST:PORT. */
static tdm_status tell_bound(tdm__socket socket, char bound[TDM__ADDRESS_MAX], tdm_error *err)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char host[64], port[8];
    if (getsockname(socket, (struct sockaddr *)&address, &len) ||
        getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return failed(err, "listen", "getsockname");
    snprintf(bound, TDM__ADDRESS_MAX, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return TDM_OK;
}

tdm_status tdm__listen_tcp(const char *address, tdm__sharing sharing, tdm__socket *out, char bound[TDM__ADDRESS_MAX],
                           tdm_error *err)
{
    char host[256], port[8];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list;
    *out = TDM__NO_SOCKET;
    tdm_status s = split_address(address, host, port, err);
    if (s)
        return s;
    int code = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (code)
        return tdm__fail(err, TDM_BAD_INPUT, address, "this host cannot be found: %s", gai_strerror(code));
    s = bind_one(list, sharing, out, err, address);
    for (const struct addrinfo *next = list->ai_next; s && next; next = next->ai_next)
        s = bind_one(next, sharing, out, err, address);
    freeaddrinfo(list);
    if (!s)
        s = tell_bound(*out, bound, err);
    if (s)
        tdm__socket_close(out);
    return s;
}

/* The address of a path, and what must stay open as long as it is used: a socket's address has room for 107 bytes, so a
 * longer path goes by way of its folder, opened, and /proc. */
typedef struct unix_place {
    struct sockaddr_un address;
    int folder; /* -1: not needed */
} unix_place;

static tdm_status find_place(const char *path, unix_place *out, tdm_error *err)
{
    char dir[TDM__PATH_MAX];
    *out = (unix_place){ .address.sun_family = AF_UNIX, .folder = -1 };
    size_t room = sizeof out->address.sun_path;
    if (strlen(path) < room) {
        memcpy(out->address.sun_path, path, strlen(path));
        return TDM_OK;
    }
    const char *name = tdm__path_base(path);
    if (strlen(name) >= room - 32 || !tdm__path_dir(dir, sizeof dir, path))
        return tdm__fail(err, TDM_BAD_INPUT, path, "the name of a socket is too long");
    out->folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (out->folder < 0)
        return errno == ENOENT || errno == ENOTDIR ? tdm__fail(err, TDM_NOT_FOUND, path, "nobody listens there")
                                                   : failed(err, path, "opening the folder");
    snprintf(out->address.sun_path, room, "/proc/self/fd/%d/%s", out->folder, name);
    return TDM_OK;
}

static void leave_place(unix_place *place)
{
    if (place->folder >= 0)
        close(place->folder);
}

/* A socket of the local kind, with the place of its path. */
static tdm_status open_unix(const char *path, unix_place *place, int *fd, tdm_error *err)
{
    tdm_status s = find_place(path, place, err);
    if (s)
        return s;
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd >= 0)
        return TDM_OK;
    s = failed(err, path, "socket");
    leave_place(place);
    return s;
}

/* The mask keeps others out from the first instant; chmod mends a folder's default list of rights. */
tdm_status tdm__listen_unix(const char *path, tdm__socket *out, tdm_error *err)
{
    unix_place place;
    int fd;
    *out = TDM__NO_SOCKET;
    tdm_status s = open_unix(path, &place, &fd, err);
    if (s)
        return s;
    unlink(path);
    const char *doing = NULL;
    mode_t before = umask(0177);
    if (bind(fd, (struct sockaddr *)&place.address, sizeof place.address))
        doing = "bind";
    umask(before);
    if (!doing && chmod(path, 0600))
        doing = "chmod";
    else if (!doing && listen(fd, 64))
        doing = "listen";
    if (doing)
        s = failed(err, path, doing);
    leave_place(&place);
    if (s)
        close(fd);
    else
        *out = fd;
    return s;
}

tdm_status tdm__connect_unix(const char *path, tdm__socket *out, tdm_error *err)
{
    unix_place place;
    int fd;
    *out = TDM__NO_SOCKET;
    tdm_status s = open_unix(path, &place, &fd, err);
    if (s)
        return s;
    if (connect(fd, (struct sockaddr *)&place.address, sizeof place.address)) {
        bool nobody = errno == ENOENT || errno == ECONNREFUSED;
        s = nobody ? tdm__fail(err, TDM_NOT_FOUND, path, "nobody listens there") : failed(err, path, "connect");
    }
    leave_place(&place);
    if (s)
        close(fd);
    else
        *out = fd;
    return s;
}

void tdm__socket_close(tdm__socket *socket)
{
    if (*socket >= 0)
        close(*socket);
    *socket = TDM__NO_SOCKET;
}

void tdm__socket_abort(tdm__socket *socket)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };
    if (*socket >= 0)
        setsockopt(*socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    tdm__socket_close(socket);
}

void tdm__socket_finish(tdm__socket socket)
{
    shutdown(socket, SHUT_WR);
}

/* A connection that went away before it was taken is no reason to stop; one that cannot be taken for want of descriptors
 * is. */
tdm__io tdm__accept(tdm__socket listener, tdm__socket *out)
{
    int one = 1;
    *out = TDM__NO_SOCKET;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* fails on Unix sockets, which need it not */
            *out = fd;
            return TDM__IO_DONE;
        }
        switch (errno) {
        case EAGAIN: return TDM__IO_WAIT;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case EBADF:
        case EINVAL:
        case ENOTSOCK:
        case EOPNOTSUPP: return TDM__IO_FAILED;
        default: break; /* EINTR, ECONNABORTED, errors of the network: try the next */
        }
    }
}

static tdm__io outcome(ssize_t n, size_t *moved)
{
    *moved = n > 0 ? (size_t)n : 0;
    if (n > 0)
        return TDM__IO_DONE;
    if (n == 0)
        return TDM__IO_CLOSED;
    if (errno == EAGAIN)
        return TDM__IO_WAIT;
    return errno == EPIPE ? TDM__IO_CLOSED : TDM__IO_FAILED;
}

tdm__io tdm__socket_read(tdm__socket socket, void *to, size_t n, size_t *got)
{
    ssize_t r;
    do
        r = recv(socket, to, n, 0);
    while (r < 0 && errno == EINTR);
    return outcome(r, got);
}

tdm__io tdm__socket_write(tdm__socket socket, const void *from, size_t n, size_t *put)
{
    ssize_t r;
    do
        r = send(socket, from, n, MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return outcome(r, put);
}

bool tdm__socket_wait(tdm__socket socket, bool write, int timeout_ms)
{
    struct pollfd one = { .fd = socket, .events = write ? POLLOUT : POLLIN };
    int n;
    do
        n = poll(&one, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}
