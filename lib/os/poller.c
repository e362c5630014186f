/* The poller over epoll, with an eventfd for waking. */
#define _GNU_SOURCE
#include "os/poller.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"

enum { READY_MAX = 256 };

struct tdm__poller {
    int epoll, wake;
    struct epoll_event ready[READY_MAX];
};

static tdm_status failed(tdm_error *err, const char *doing)
{
    char text[128];
    return tdm__fail(err, TDM_SYSTEM, "poller", "%s failed: %s", doing, strerror_r(errno, text, sizeof text));
}

tdm_status tdm__poller_new(tdm__poller **out, tdm_error *err)
{
    *out = NULL;
    tdm__poller *p = tdm__new(tdm__poller);
    if (!p)
        return tdm__no_memory(err, "poller");
    tdm_status s = TDM_OK;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    p->wake = -1;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0)
        s = failed(err, "epoll_create1");
    if (!s && (p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        s = failed(err, "eventfd");
    if (!s && epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->wake, &event) != 0)
        s = failed(err, "epoll_ctl");
    if (s)
        tdm__poller_close(&p);
    *out = p;
    return s;
}

void tdm__poller_close(tdm__poller **poller)
{
    tdm__poller *p = *poller;
    if (!p)
        return;
    if (p->wake >= 0)
        close(p->wake);
    if (p->epoll >= 0)
        close(p->epoll);
    tdm__free(p);
    *poller = NULL;
}

static uint32_t wanted(bool read, bool write)
{
    return (read ? EPOLLIN | EPOLLRDHUP : 0u) | (write ? EPOLLOUT : 0u);
}

tdm_status tdm__poller_add(tdm__poller *poller, tdm__socket socket, void *tag, bool read, bool write, tdm_error *err)
{
    struct epoll_event event = { .events = wanted(read, write), .data.ptr = tag };
    return epoll_ctl(poller->epoll, EPOLL_CTL_ADD, socket, &event) ? failed(err, "epoll_ctl") : TDM_OK;
}

void tdm__poller_change(tdm__poller *poller, tdm__socket socket, void *tag, bool read, bool write)
{
    struct epoll_event event = { .events = wanted(read, write), .data.ptr = tag };
    epoll_ctl(poller->epoll, EPOLL_CTL_MOD, socket, &event);
}

void tdm__poller_remove(tdm__poller *poller, tdm__socket socket)
{
    epoll_ctl(poller->epoll, EPOLL_CTL_DEL, socket, NULL);
}

size_t tdm__poller_wait(tdm__poller *poller, tdm__ready *out, size_t max, int timeout_ms)
{
    int n = epoll_wait(poller->epoll, poller->ready, max < READY_MAX ? (int)max : READY_MAX, timeout_ms);
    for (int i = 0; i < n; i++) {
        const struct epoll_event *e = &poller->ready[i];
        out[i] = (tdm__ready){.tag = e->data.ptr,
                              .writable = (e->events & (EPOLLOUT | EPOLLERR)) != 0,
                              .broken = (e->events & (EPOLLERR | EPOLLHUP)) != 0};
        uint64_t count;
        if (!e->data.ptr && read(poller->wake, &count, sizeof count) < 0 && errno != EAGAIN)
            continue; /* it stays readable: the next wait tells again */
    }
    return n > 0 ? (size_t)n : 0;
}

void tdm__poller_wake(tdm__poller *poller)
{
    const uint64_t one = 1;
    while (write(poller->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}
