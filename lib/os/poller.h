/* Waiting for many sockets at once (epoll, level triggered), and being woken from another thread. */
#ifndef TDM_OS_POLLER_H
#define TDM_OS_POLLER_H

#include "os/sockets.h"

typedef struct tdm__poller tdm__poller;

typedef struct tdm__ready {
    void *tag;      /* as given; NULL: tdm__poller_wake was called */
    bool writable;
    bool broken;    /* reset, or closed both ways */
} tdm__ready;

tdm_status tdm__poller_new(tdm__poller **out, tdm_error *err);
void tdm__poller_close(tdm__poller **poller);
/* `tag` is not NULL. Its own thread only. */
tdm_status tdm__poller_add(tdm__poller *poller, tdm__socket socket, void *tag, bool read, bool write, tdm_error *err);
void tdm__poller_change(tdm__poller *poller, tdm__socket socket, void *tag, bool read, bool write);
void tdm__poller_remove(tdm__poller *poller, tdm__socket socket);
/* Up to `max` (at most 256) that are ready; waits up to `timeout_ms` for the first (-1: for ever, 0: not at all). */
size_t tdm__poller_wait(tdm__poller *poller, tdm__ready *out, size_t max, int timeout_ms);
/* Makes the present or the next wait return. Any thread. */
void tdm__poller_wake(tdm__poller *poller);

#endif
