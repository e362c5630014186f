/* The event loop: one thread, its own listening socket, its own connections.
 *
 * It sleeps until something comes or a time limit passes; without connections it sleeps for ever. Time limits are lists in
 * the order of waiting, one a kind, so that setting one costs a few stores and finding who is over looks at the first. */
#include "server/loop_impl.h"

#include "base/fail.h"
#include "os/clock.h"

enum { ACCEPT_AT_ONCE = 64, EVENTS_AT_ONCE = 256, ACCEPT_PAUSE_MS = 100, NS_PER_MS = 1000000 };

static void list_remove(tdm__wait_list *list, tdm__connection *c)
{
    *(c->before ? &c->before->after : &list->first) = c->after;
    *(c->after ? &c->after->before : &list->last) = c->before;
    c->before = c->after = NULL;
}

void tdm__loop_await(tdm__loop *loop, tdm__connection *c, tdm__wait wait)
{
    if (c->wait != TDM__WAIT_NONE)
        list_remove(&loop->list[c->wait], c);
    c->wait = (uint8_t)wait;
    c->since_ns = loop->now_ns;
    if (wait == TDM__WAIT_NONE)
        return;
    tdm__wait_list *list = &loop->list[wait];
    c->before = list->last;
    *(list->last ? &list->last->after : &list->first) = c;
    list->last = c;
}

static uint64_t limit_ns(const tdm__loop *loop, unsigned wait)
{
    const tdm_server_settings *s = &loop->server->settings;
    const uint64_t limit_ms[TDM__WAIT_TIMED] = {
        [TDM__WAIT_IDLE] = loop->draining ? TDM__GRACE_MS : s->idle_s * 1000, [TDM__WAIT_HEAD] = s->head_s * 1000,
        [TDM__WAIT_BODY] = s->body_s * 1000, [TDM__WAIT_WRITE] = s->write_s * 1000,
        [TDM__WAIT_LINGER] = loop->draining ? TDM__GRACE_MS : TDM__LINGER_MS};
    return limit_ms[wait] * NS_PER_MS;
}

/* Milliseconds until the next time limit; -1: there is none. */
static int time_left_ms(const tdm__loop *loop)
{
    uint64_t first = UINT64_MAX;
    if (loop->list[TDM__WAIT_TURN].first)
        return 0;
    for (unsigned w = 0; w < TDM__WAIT_TIMED; w++)
        if (loop->list[w].first && loop->list[w].first->since_ns + limit_ns(loop, w) < first)
            first = loop->list[w].first->since_ns + limit_ns(loop, w);
    if (loop->accept_after_ns && loop->accept_after_ns < first)
        first = loop->accept_after_ns;
    if (first == UINT64_MAX)
        return -1;
    uint64_t now = tdm__quick_ns(), ms = first > now ? (first - now) / NS_PER_MS + 1 : 0;
    return ms < 1u << 30 ? (int)ms : 1 << 30;
}

static void expire(tdm__loop *loop)
{
    for (unsigned w = 0; w < TDM__WAIT_TIMED; w++) {
        tdm__connection *c;
        while ((c = loop->list[w].first) && c->since_ns + limit_ns(loop, w) <= loop->now_ns)
            tdm__connection_expired(c); /* leaves the list, or goes to its end */
    }
}

/* Room for no more: the connection is told so and ended, gently as long as there are few of these. */
static void refuse_connection(tdm__loop *loop, tdm__socket *socket)
{
    const tdm_server *server = loop->server;
    tdm_error err;
    tdm__add(&loop->seat->meters.count[TDM__COUNT_CONNECTIONS_REFUSED], 1);
    if (atomic_load(&server->connections) >= server->settings.connections_max + TDM__REFUSED_MAX) {
        tdm__socket_close(socket);
        return;
    }
    tdm__fail(&err, TDM_OVERLOADED, "server", "there are too many connections");
    tdm__fail_expected(&err, "at most %llu", (unsigned long long)server->settings.connections_max);
    tdm__connection_refuse(loop, *socket, &err);
}

static void listen_again(tdm__loop *loop, bool on)
{
    tdm__poller_change(loop->poller, loop->listener, loop, on, false);
    loop->accept_after_ns = on ? 0 : loop->now_ns + (uint64_t)ACCEPT_PAUSE_MS * NS_PER_MS;
}

/* True: there may be more. */
static bool accept_some(tdm__loop *loop)
{
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        tdm__socket socket;
        tdm__io io = tdm__accept(loop->listener, &socket);
        if (io == TDM__IO_FAILED)
            listen_again(loop, false);
        if (io != TDM__IO_DONE)
            return false;
        if (atomic_load(&loop->server->connections) >= loop->server->settings.connections_max)
            refuse_connection(loop, &socket);
        else
            tdm__connection_open(loop, socket);
    }
    return true;
}

static void take_done(tdm__loop *loop)
{
    tdm__mutex_lock(loop->done_mutex);
    tdm__job *job = loop->done;
    loop->done = NULL;
    tdm__mutex_unlock(loop->done_mutex);
    while (job) {
        tdm__job *next = job->next;
        tdm__connection_returned(job->connection);
        job = next;
    }
}

/* No new connections; those that say nothing are closed after a grace; every answer says that its connection ends. */
static void begin_drain(tdm__loop *loop)
{
    while (accept_some(loop)) /* the kernel has accepted these already */
        ;
    tdm__poller_remove(loop->poller, loop->listener);
    tdm__socket_close(&loop->listener);
    loop->draining = true;
    loop->drain_since_ns = loop->now_ns;
    loop->listening = false;
    loop->accept_after_ns = 0;
    for (tdm__connection *c = loop->list[TDM__WAIT_IDLE].first; c; c = c->after)
        c->since_ns = loop->now_ns;
}

/* Those whose requests did not all fit into their last turn, each once. */
static void take_turns(tdm__loop *loop)
{
    const tdm__connection *last = loop->list[TDM__WAIT_TURN].last;
    for (bool more = last != NULL; more;) {
        tdm__connection *c = loop->list[TDM__WAIT_TURN].first;
        more = c != last;
        tdm__connection_turn(c);
    }
}

static void one_round(tdm__loop *loop, tdm__ready *ready)
{
    size_t n = tdm__poller_wait(loop->poller, ready, EVENTS_AT_ONCE, time_left_ms(loop));
    loop->now_ns = tdm__quick_ns();
    loop->worked_ns = loop->now_ns;
    loop->now_us = tdm__quick_now_us(loop->now_ns);
    loop->serving = tdm__seat_enter(loop->seat);
    bool accepting = false, woken = false;
    for (size_t i = 0; i < n; i++) {
        if (!ready[i].tag)
            woken = true;
        else if (ready[i].tag == loop)
            accepting = true;
        else
            tdm__connection_event(ready[i].tag, &ready[i]);
    }
    take_turns(loop);
    if (woken)
        take_done(loop);
    if (accepting && loop->listening)
        accept_some(loop);
    if (loop->accept_after_ns && loop->now_ns >= loop->accept_after_ns)
        listen_again(loop, true);
    if (loop->listening && atomic_load_explicit(&loop->server->stopping, memory_order_relaxed))
        begin_drain(loop);
    expire(loop);
    tdm__seat_leave(loop->seat);
}

static void close_all(tdm__loop *loop)
{
    for (unsigned w = 0; w < TDM__WAIT_NONE; w++)
        while (loop->list[w].first)
            tdm__connection_close(loop->list[w].first);
    for (tdm__job *job = loop->done, *next; job; job = next) { /* the thread for large requests has ended */
        next = job->next;
        tdm__connection_drop(job->connection);
    }
    loop->done = NULL;
}

static void run(void *self)
{
    tdm__loop *loop = self;
    tdm__ready ready[EVENTS_AT_ONCE];
    while (!atomic_load(&loop->quit) && (loop->listening || loop->n_connections))
        one_round(loop, ready);
    atomic_fetch_sub(&loop->server->loops_running, 1);
    tdm__poller_wake(loop->server->waiter);
}

tdm_status tdm__loop_open(tdm_server *server, tdm__seat *seat, tdm__socket listener, tdm__loop **out, tdm_error *err)
{
    tdm__loop *loop = tdm__new(tdm__loop);
    *out = loop;
    if (!loop) {
        tdm__socket_close(&listener);
        return tdm__no_memory(err, "server");
    }
    loop->server = server;
    loop->seat = seat;
    loop->listener = listener;
    loop->listening = true;
    loop->input = tdm__alloc(TDM__INPUT_BYTES);
    loop->done_mutex = tdm__mutex_new();
    tdm_status s = loop->input && loop->done_mutex ? TDM_OK : tdm__no_memory(err, "server");
    if (!s)
        s = tdm__poller_new(&loop->poller, err);
    if (!s)
        s = tdm__poller_add(loop->poller, listener, loop, true, false, err);
    if (s)
        tdm__loop_close(out);
    return s;
}

tdm_status tdm__loop_start(tdm__loop *loop, tdm_error *err)
{
    atomic_fetch_add(&loop->server->loops_running, 1);
    tdm_status s = tdm__thread_start("tandem-loop", run, loop, &loop->thread, err);
    if (s)
        atomic_fetch_sub(&loop->server->loops_running, 1);
    return s;
}

void tdm__loop_wake(tdm__loop *loop)
{
    tdm__poller_wake(loop->poller);
}

void tdm__loop_stop(tdm__loop *loop)
{
    atomic_store(&loop->quit, true);
    tdm__poller_wake(loop->poller);
    tdm__thread_join(&loop->thread);
}

/* The thread for large requests has given back what it had. */
void tdm__loop_close(tdm__loop **out)
{
    tdm__loop *loop = *out;
    if (!loop)
        return;
    close_all(loop);
    if (loop->poller && loop->listener != TDM__NO_SOCKET)
        tdm__poller_remove(loop->poller, loop->listener);
    tdm__socket_close(&loop->listener);
    tdm__poller_close(&loop->poller);
    tdm__mutex_close(&loop->done_mutex);
    tdm__buf_free(&loop->out);
    tdm__free(loop->input);
    tdm__free(loop);
    *out = NULL;
}
