/* A run: C connections, one request in flight on each, in a closed or in an open loop.
 *
 * Closed: the next request goes out when the answer is in. Open: arrivals are a Poisson process that knows nothing of
 * the server. An arrival without a free connection waits here, and its latency counts from when it should have been
 * sent, so a slow server cannot slow the clock that measures it down. With a deadline clients give up: one whose time
 * is over leaves and closes its connection, as any client of HTTP/1.1 must.
 *
 * The loop spins on epoll, for waking a core costs more than what is measured. It makes no memory once it runs but for
 * answers that are longer than all before. */
#define _GNU_SOURCE
#include "load_parts.h"

#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, ARRIVALS_MAX = 1 << 20 };
enum { CONNECT_NS = 1000000000, AGAIN_NS = 10000000, SWEEP_NS = 1000000 };

volatile sig_atomic_t load_stopped;

typedef enum state { CLOSED, CONNECTING, IDLE, BUSY } state;

typedef struct connection {
    int fd;
    state state;
    uint64_t since_ns;         /* closed: when to try again; connecting: since when */
    uint64_t intended_ns;      /* of the request on its way */
    const load_request *request;
    size_t sent;
    bool blocked;              /* waits for room to send */
    load_answer answer;
} connection;

typedef struct run {
    const load_settings *s;
    load_result *out;
    connection *all;
    int epoll;
    uint32_t *idle;                         /* ring: the one that is idle longest goes first */
    size_t idle_first, n_idle, n_busy;
    uint64_t *arrival;                      /* ring of arrivals that wait */
    size_t arrival_first, n_arrivals;
    uint64_t now_ns, measured_ns, end_ns, next_ns, swept_ns;
    uint64_t random;
    size_t next_request;
    uint64_t n_ended;                       /* answered or failed, of those that count */
    bool open, over;
} run;

static bool is_measured(const run *r, uint64_t at_ns)
{
    return at_ns >= r->measured_ns && at_ns < r->end_ns;
}

static load_interval *interval_of(run *r, uint64_t at_ns)
{
    size_t i = r->out->n_intervals ? (size_t)((at_ns - r->measured_ns) / r->s->interval_ns) : 0;
    return i < r->out->n_intervals ? &r->out->interval[i] : NULL;
}

/* In (0, 1). */
static double random_unit(run *r)
{
    uint64_t z = (r->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static uint64_t next_gap(run *r)
{
    return (uint64_t)(-log(random_unit(r)) / r->s->rate * 1e9);
}

/* ---- connections ---- */

static void make_idle(run *r, connection *c)
{
    c->state = IDLE;
    r->idle[(r->idle_first + r->n_idle++) % r->s->n_connections] = (uint32_t)(c - r->all);
}

static void watch(run *r, connection *c, int what, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.u32 = (uint32_t)(c - r->all)};
    epoll_ctl(r->epoll, what, c->fd, &e);
}

/* `abruptly`: without TIME_WAIT, of which there are too few ports. */
static void disconnect(run *r, connection *c, bool abruptly, uint64_t again_ns)
{
    if (c->state == BUSY)
        r->n_busy--;
    if (abruptly)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(c->fd);
    c->fd = -1;
    c->state = CLOSED;
    c->since_ns = again_ns;
    load_answer_clear(&c->answer);
}

static void connect_again(run *r, connection *c)
{
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        c->since_ns = r->now_ns + CONNECT_NS;
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    const struct sockaddr_in *to = &r->s->address;
    c->state = CONNECTING;
    c->since_ns = r->now_ns;
    if (connect(c->fd, (const struct sockaddr *)to, sizeof *to) == 0) {
        watch(r, c, EPOLL_CTL_ADD, EPOLLIN | EPOLLRDHUP);
        make_idle(r, c);
    } else if (errno == EINPROGRESS) {
        watch(r, c, EPOLL_CTL_ADD, EPOLLOUT);
    } else {
        r->out->error[LOAD_ERROR_CONNECT]++;
        disconnect(r, c, false, r->now_ns + AGAIN_NS);
    }
}

static void finish_connecting(run *r, connection *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error) {
        r->out->error[LOAD_ERROR_CONNECT]++;
        disconnect(r, c, false, r->now_ns + AGAIN_NS);
        return;
    }
    watch(r, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP);
    make_idle(r, c);
}

/* ---- one request ---- */

static void end_one(run *r)
{
    r->n_ended++;
    r->over = r->over || (r->s->requests_max && r->n_ended >= r->s->requests_max);
}

/* The request on its way gets no (right) answer. */
static void fail(run *r, connection *c, load_error what)
{
    if (is_measured(r, c->intended_ns)) {
        r->out->error[what]++;
        end_one(r);
        load_interval *interval = interval_of(r, c->intended_ns);
        if (interval)
            interval->failed++;
    }
    disconnect(r, c, true, r->now_ns);
}

static void send_more(run *r, connection *c)
{
    const load_text *t = &c->request->bytes;
    while (c->sent < t->size) {
        ssize_t n = send(c->fd, t->bytes + c->sent, t->size - c->sent, MSG_NOSIGNAL);
        if (n > 0) {
            c->sent += (size_t)n;
        } else if (errno == EAGAIN) {
            if (!c->blocked)
                watch(r, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
            c->blocked = true;
            return;
        } else if (errno != EINTR) {
            fail(r, c, LOAD_ERROR_RESET);
            return;
        }
    }
    if (c->blocked)
        watch(r, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP);
    c->blocked = false;
}

static void begin(run *r, connection *c, uint64_t intended_ns)
{
    c->state = BUSY;
    r->n_busy++;
    c->intended_ns = intended_ns;
    c->request = &r->s->request[r->next_request];
    r->next_request = r->next_request + 1 == r->s->n_requests ? 0 : r->next_request + 1;
    c->sent = 0;
    c->blocked = false;
    if (is_measured(r, intended_ns)) {
        r->out->arrived++;
        load_record(&r->out->lag, r->now_ns - intended_ns);
    }
    send_more(r, c);
}

static bool is_expected(const connection *c)
{
    const load_text *t = &c->request->expected;
    const load_answer *a = &c->answer;
    return !t->bytes || (a->body == t->size && memcmp(a->bytes + a->head, t->bytes, t->size) == 0);
}

static void count(run *r, const connection *c)
{
    load_result *out = r->out;
    uint64_t latency = r->now_ns - c->intended_ns;
    bool ok = c->answer.status == 200;
    out->answered++;
    out->status[c->answer.status]++;
    load_record(&out->latency, latency);
    if (ok && (!r->s->deadline_ns || latency <= r->s->deadline_ns))
        out->in_time++;
    load_interval *interval = interval_of(r, c->intended_ns);
    if (interval) {
        load_record(&interval->latency, latency);
        interval->failed += !ok;
    }
    end_one(r);
}

/* In a closed loop an answer counts when it came in time, in an open one when its request arrived in time. */
static bool counts(const run *r, const connection *c)
{
    return is_measured(r, r->open ? c->intended_ns : r->now_ns);
}

static void complete(run *r, connection *c)
{
    bool closes = c->answer.closes || c->sent < c->request->bytes.size;   /* it did not wait for the whole request */
    if (!is_expected(c) && c->answer.status == 200) {
        fail(r, c, LOAD_ERROR_BODY);
        return;
    }
    if (counts(r, c))
        count(r, c);
    if (closes) {
        disconnect(r, c, false, r->now_ns);
        return;
    }
    load_answer_clear(&c->answer);
    r->n_busy--;
    if (!r->open && !r->over && r->now_ns < r->end_ns)
        begin(r, c, r->now_ns);
    else
        make_idle(r, c);
}

static void receive(run *r, connection *c)
{
    load_answer *a = &c->answer;
    while (c->state == BUSY) {
        if (!load_answer_room(a)) {
            fail(r, c, LOAD_ERROR_SYNTAX);
            return;
        }
        size_t room = a->room - a->size;
        ssize_t n = recv(c->fd, a->bytes + a->size, room, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            fail(r, c, n == 0 ? LOAD_ERROR_CLOSED : LOAD_ERROR_RESET);
            return;
        }
        a->size += (size_t)n;
        load_reading reading = load_answer_read(a);
        if (reading == LOAD_BROKEN) {
            fail(r, c, LOAD_ERROR_SYNTAX);
        } else if (reading == LOAD_COMPLETE) {
            r->now_ns = load_now();
            complete(r, c);
            return;
        } else if ((size_t)n < room) {
            return;
        }
    }
}

/* An idle connection has nothing to say but that it ends, which servers may do at any time. */
static void leave_idle(run *r, connection *c)
{
    for (size_t i = 0, n = r->n_idle; i < n; i++) {
        uint32_t other = r->idle[r->idle_first];
        r->idle_first = (r->idle_first + 1) % r->s->n_connections;
        r->n_idle--;
        if (&r->all[other] != c)
            make_idle(r, &r->all[other]);
    }
    disconnect(r, c, false, r->now_ns);
}

static void handle(run *r, const struct epoll_event *e)
{
    connection *c = &r->all[e->data.u32];
    if (c->state == CONNECTING) {
        finish_connecting(r, c);
    } else if (c->state == IDLE) {
        leave_idle(r, c);
    } else if (c->state == BUSY) {
        if (e->events & EPOLLOUT)
            send_more(r, c);
        if (c->state == BUSY && (e->events & ~(uint32_t)EPOLLOUT))
            receive(r, c);
    }
}

/* ---- the loop ---- */

/* One that has no connection waits for one; with a deadline it is turned away, for a client that waits in our queue
 * until little is left of its patience would say nothing of the server. */
static void take_in(run *r, uint64_t at_ns)
{
    bool measured = is_measured(r, at_ns), late = r->n_arrivals >= r->n_idle;
    if (r->n_arrivals == ARRIVALS_MAX || (late && r->s->deadline_ns)) {
        r->out->arrived += measured;
        r->out->turned_away += measured;
        return;
    }
    r->out->late_sends += measured && late;
    r->arrival[(r->arrival_first + r->n_arrivals++) % ARRIVALS_MAX] = at_ns;
}

static void arrive(run *r)
{
    while (r->next_ns <= r->now_ns && r->next_ns < r->end_ns && !r->over) {
        take_in(r, r->next_ns);
        r->next_ns += next_gap(r);
    }
}

static uint64_t take_arrival(run *r)
{
    uint64_t at = r->arrival[r->arrival_first];
    r->arrival_first = (r->arrival_first + 1) % ARRIVALS_MAX;
    r->n_arrivals--;
    return at;
}

static void dispatch(run *r)
{
    bool more = !r->over && r->now_ns < r->end_ns;
    while (r->n_idle && (r->open ? r->n_arrivals > 0 : more)) {
        connection *c = &r->all[r->idle[r->idle_first]];
        r->idle_first = (r->idle_first + 1) % r->s->n_connections;
        r->n_idle--;
        begin(r, c, r->open ? take_arrival(r) : r->now_ns);
    }
}

/* Once a millisecond: who gives up, who connects again. */
static void sweep(run *r)
{
    if (r->now_ns - r->swept_ns < SWEEP_NS)
        return;
    r->swept_ns = r->now_ns;
    for (size_t i = 0; i < r->s->n_connections; i++) {
        connection *c = &r->all[i];
        if (c->state == BUSY && r->s->deadline_ns && c->intended_ns + r->s->deadline_ns < r->now_ns) {
            r->out->abandoned += is_measured(r, c->intended_ns);
            disconnect(r, c, true, r->now_ns);
        } else if (c->state == CONNECTING && r->now_ns - c->since_ns > CONNECT_NS) {
            r->out->error[LOAD_ERROR_CONNECT]++;
            disconnect(r, c, true, r->now_ns);
        }
        if (c->state == CLOSED && c->since_ns <= r->now_ns)
            connect_again(r, c);
    }
}

static void wait_for_events(run *r)
{
    struct epoll_event events[EVENTS];
    struct timespec wait = {0};
    if (r->s->sleeps && !r->n_arrivals) {
        uint64_t ns = r->open && r->next_ns > r->now_ns ? r->next_ns - r->now_ns : SWEEP_NS;
        wait.tv_nsec = (long)(ns < SWEEP_NS ? ns : SWEEP_NS);
    }
    int n = epoll_pwait2(r->epoll, events, EVENTS, &wait, NULL);
    r->now_ns = load_now();
    for (int i = 0; i < n; i++)
        handle(r, &events[i]);
}

static void step(run *r)
{
    r->now_ns = load_now();
    r->over = r->over || load_stopped;
    if (r->open)
        arrive(r);
    dispatch(r);
    sweep(r);
    wait_for_events(r);
}

/* Who is not answered when the patience after the end is over has waited at least that long. */
static void give_up_rest(run *r)
{
    for (size_t i = 0; i < r->s->n_connections; i++) {
        connection *c = &r->all[i];
        if (c->state != BUSY || !is_measured(r, c->intended_ns) || !r->open)
            continue;
        r->out->unanswered++;
        load_record(&r->out->latency, r->now_ns - c->intended_ns);
    }
    while (r->n_arrivals) {
        uint64_t at = take_arrival(r);
        if (!is_measured(r, at))
            continue;
        r->out->arrived++;
        r->out->unanswered++;
        load_record(&r->out->latency, r->now_ns - at);
    }
}

static bool connect_all(run *r)
{
    uint64_t patience_ns = load_now() + 5000000000u;
    r->open = true;       /* nothing is due yet */
    r->end_ns = 0;
    while (r->n_idle < r->s->n_connections && load_now() < patience_ns)
        step(r);
    if (r->n_idle < r->s->n_connections)
        fprintf(stderr, "serve_load: only %zu of %zu connections could be made\n", r->n_idle, r->s->n_connections);
    r->open = r->s->rate > 0;
    return r->n_idle == r->s->n_connections;
}

static uint64_t own_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void measure(run *r)
{
    const load_settings *s = r->s;
    uint64_t start = load_now();
    memset(r->out->error, 0, sizeof r->out->error);
    r->measured_ns = start + s->warm_ns;
    r->end_ns = r->measured_ns + s->run_ns;
    r->next_ns = start + (r->open ? next_gap(r) : 0);
    r->out->begun_ns = r->measured_ns;
    while (r->now_ns < r->measured_ns)
        step(r);
    uint64_t begun = load_now(), cpu = s->pid ? load_cpu_of(s->pid) : 0, own = own_cpu();
    while (r->now_ns < r->end_ns && !r->over)
        step(r);
    r->out->seconds = (double)(load_now() - begun) / 1e9;
    r->out->cpu_ns = s->pid ? load_cpu_of(s->pid) - cpu : 0;
    r->out->own_cpu_ns = own_cpu() - own;
    uint64_t drained = r->now_ns + s->drain_ns;
    while ((r->n_busy || r->n_arrivals) && r->now_ns < drained)
        step(r);
    give_up_rest(r);
}

static bool make_room(run *r)
{
    const load_settings *s = r->s;
    if (s->interval_ns)
        r->out->n_intervals = (size_t)((s->run_ns + s->interval_ns - 1) / s->interval_ns);
    r->all = calloc(s->n_connections, sizeof *r->all);
    r->idle = calloc(s->n_connections, sizeof *r->idle);
    r->arrival = calloc(ARRIVALS_MAX, sizeof *r->arrival);
    r->out->interval = calloc(r->out->n_intervals + 1, sizeof *r->out->interval);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    return r->all && r->idle && r->arrival && r->out->interval && r->epoll >= 0;
}

bool load_run(const load_settings *s, load_result *out)
{
    run r = {.s = s, .out = out, .random = s->seed, .epoll = -1};
    bool ok = make_room(&r);
    for (size_t i = 0; ok && i < s->n_connections; i++)
        r.all[i].fd = -1;
    if (!ok)
        fprintf(stderr, "serve_load: no memory for %zu connections\n", s->n_connections);
    ok = ok && connect_all(&r);
    if (ok)
        measure(&r);
    for (size_t i = 0; r.all && i < s->n_connections; i++) {
        if (r.all[i].fd >= 0)
            close(r.all[i].fd);
        free(r.all[i].answer.bytes);
    }
    free(r.all);
    free(r.idle);
    free(r.arrival);
    if (r.epoll >= 0)
        close(r.epoll);
    return ok;
}
