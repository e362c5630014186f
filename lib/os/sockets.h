/* Stream sockets: TCP on addresses, Unix sockets on paths. Never blocking, never inherited, no SIGPIPE.
 *
 * A socket is a number that belongs to whoever got it and is closed once by tdm__socket_close. */
#ifndef TDM_OS_SOCKETS_H
#define TDM_OS_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tandem/status.h>

typedef int tdm__socket;
enum { TDM__NO_SOCKET = -1, TDM__ADDRESS_MAX = 80 };

/* Several sockets of one process can listen on one address; the kernel spreads connections over them (SO_REUSEPORT). The
 * first makes sure that nobody else listens there: another process of the same user could otherwise join unseen. */
typedef enum tdm__sharing { TDM__ALONE, TDM__FIRST, TDM__BESIDE } tdm__sharing;
/* "HOST:PORT", "[IPV6]:PORT", ":PORT" (all addresses). Port 0 picks a free one. `bound` gets the address as HOST:PORT. Errors:
 * TDM_BAD_INPUT (no such form, no such host), TDM_REFUSED (the address is in use, or not ours), TDM_SYSTEM. */
tdm_status tdm__listen_tcp(const char *address, tdm__sharing sharing, tdm__socket *out, char bound[TDM__ADDRESS_MAX],
                           tdm_error *err);
/* At a path, however long (the last name has at most 75 bytes), for this user alone (mode 0600). A socket that is there
 * already is replaced: call it only when the path is known to be ours. */
tdm_status tdm__listen_unix(const char *path, tdm__socket *out, tdm_error *err);
/* TDM_NOT_FOUND: nobody listens there. TDM_SYSTEM: more wait there than it has room for, and the like. */
tdm_status tdm__connect_unix(const char *path, tdm__socket *out, tdm_error *err);
void tdm__socket_close(tdm__socket *socket); /* sets TDM__NO_SOCKET, which is allowed */
/* Closes so that the peer gets a reset and nothing lingers. */
void tdm__socket_abort(tdm__socket *socket);
/* No more is sent; what the peer still sends can be read. */
void tdm__socket_finish(tdm__socket socket);

typedef enum tdm__io {
    TDM__IO_DONE,   /* some bytes went */
    TDM__IO_WAIT,   /* none can go now */
    TDM__IO_CLOSED, /* the peer has closed: no more will come; or nobody reads what is written */
    TDM__IO_FAILED  /* reset or worse */
} tdm__io;
/* A new connection of a listening socket: TDM__IO_DONE, TDM__IO_WAIT; TDM__IO_FAILED when the process or the machine has
 * no descriptor or memory left: accepting again at once would spin. Small writes are not held back (TCP_NODELAY). */
tdm__io tdm__accept(tdm__socket listener, tdm__socket *out);
tdm__io tdm__socket_read(tdm__socket socket, void *to, size_t n, size_t *got);
tdm__io tdm__socket_write(tdm__socket socket, const void *from, size_t n, size_t *put);
/* Waits until it can be read (or written, `write`), or `timeout_ms` passed (-1: for ever): false then. */
bool tdm__socket_wait(tdm__socket socket, bool write, int timeout_ms);

#endif
