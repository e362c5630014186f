/* A connection: bytes in, answers out, one request at a time, in order.
 *
 * A request that came whole is answered from the loop's input without being copied. While an answer is unsent or a request
 * is with the thread for large ones, nothing more is read: a client that does not read its answers, or sends faster than it
 * is served, is held back by its own socket and costs what lies in it. */
#include <string.h>
#include "base/fail.h"
#include "os/clock.h"
#include "server/loop_impl.h"

/* Tells the server how many bytes this connection holds on to. */
static void account(tdm__connection *c)
{
    size_t now = tdm__http_reader_held(&c->reader) + c->unsent.len + c->waiting.len + c->job.copy.len;
    if (now != c->accounted)
        atomic_fetch_add_explicit(&c->loop->server->buffered_bytes, (uint64_t)now - c->accounted, memory_order_relaxed);
    c->accounted = now;
}

static void free_connection(tdm__connection *c)
{
    if (c->accounted)
        atomic_fetch_sub_explicit(&c->loop->server->buffered_bytes, c->accounted, memory_order_relaxed);
    tdm__http_reader_free(&c->reader);
    tdm__buf_free(&c->unsent);
    tdm__buf_free(&c->waiting);
    tdm__buf_free(&c->job.copy);
    tdm__buf_free(&c->job.out);
    tdm__free(c);
}

void tdm__connection_close(tdm__connection *c)
{
    tdm__loop *loop = c->loop;
    tdm__poller_remove(loop->poller, c->socket);
    if (c->unsent.len) /* it must not stay in the system for a peer that does not read */
        tdm__socket_abort(&c->socket);
    tdm__socket_close(&c->socket);
    tdm__loop_await(loop, c, TDM__WAIT_NONE);
    tdm__add(&loop->seat->meters.count[TDM__COUNT_CONNECTIONS_CLOSED], 1);
    atomic_fetch_sub(&loop->server->connections, 1);
    loop->n_connections--;
    c->gone = c->at_large; /* its bytes are being read by another thread */
    if (c->gone)
        atomic_store(&c->job.abandoned, true);
    else
        free_connection(c);
}

void tdm__connection_drop(tdm__connection *c)
{
    c->at_large = false;
    if (c->gone)
        free_connection(c);
    else
        tdm__connection_close(c);
}

static tdm__connection *open_connection(tdm__loop *loop, tdm__socket socket)
{
    tdm__connection *c = tdm__new(tdm__connection);
    if (!c || tdm__poller_add(loop->poller, socket, c, true, false, NULL)) {
        tdm__free(c);
        tdm__socket_close(&socket);
        return NULL;
    }
    c->loop = loop;
    c->socket = socket;
    c->polled_read = true;
    c->wait = TDM__WAIT_NONE;
    c->job.connection = c;
    tdm__http_reader_init(&c->reader, &loop->server->limits);
    atomic_fetch_add(&loop->server->connections, 1);
    loop->n_connections++;
    tdm__add(&loop->seat->meters.count[TDM__COUNT_CONNECTIONS_OPENED], 1);
    return c;
}

void tdm__connection_open(tdm__loop *loop, tdm__socket socket)
{
    tdm__connection *c = open_connection(loop, socket);
    if (c)
        tdm__loop_await(loop, c, TDM__WAIT_IDLE);
}

/* ---- writing ---- */

static void note_one(tdm__seat *seat, const struct tdm__finished *f, uint64_t now)
{
    tdm__meter_record(&seat->meters.stage[TDM__STAGE_WRITE], now - f->scored_ns);
    tdm__meter_record(&seat->meters.stage[TDM__STAGE_TOTAL], now - f->arrived_ns);
    if (f->meters)
        tdm__meter_record(&f->meters->total, now - f->arrived_ns);
    if (f->deadline_ns && now > f->deadline_ns)
        tdm__add(&seat->meters.count[TDM__COUNT_LATE], 1);
}

/* The answers made since the last write have been given to the system, as much of them as it took. */
static void note_written(tdm__loop *loop)
{
    tdm__seat *seat = loop->seat;
    if (!seat->n_finished)
        return;
    loop->worked_ns = tdm__quick_ns();
    for (unsigned i = 0; i < seat->n_finished; i++)
        note_one(seat, &seat->finished[i], loop->worked_ns);
    seat->n_finished = 0;
}

/* Writes what it can of `bytes`; *put says how much. False: the connection is broken. */
static bool write_some(tdm__connection *c, const char *bytes, size_t n, size_t *put)
{
    size_t one;
    tdm__io io = TDM__IO_DONE;
    *put = 0;
    while (*put < n && (io = tdm__socket_write(c->socket, bytes + *put, n - *put, &one)) == TDM__IO_DONE)
        *put += one;
    tdm__add(&c->loop->seat->meters.count[TDM__COUNT_BYTES_OUT], *put);
    return io == TDM__IO_DONE || io == TDM__IO_WAIT;
}

/* The loop's answers for this connection: written, and the rest kept. What was kept before goes first. */
static bool flush_out(tdm__connection *c)
{
    tdm__buf *out = &c->loop->out;
    size_t put = 0;
    bool whole = !out->failed && (!out->len || c->unsent.len || write_some(c, out->ptr, out->len, &put));
    note_written(c->loop);
    if (whole && put < out->len) {
        tdm__buf_add(&c->unsent, out->ptr + put, out->len - put);
        whole = !c->unsent.failed;
    }
    tdm__buf_reset(out);
    if (out->cap > 4 * TDM__FLUSH_BYTES)
        tdm__buf_free(out);
    return whole;
}

static bool write_unsent(tdm__connection *c)
{
    size_t put;
    if (!write_some(c, c->unsent.ptr + c->sent, c->unsent.len - c->sent, &put))
        return false;
    c->sent += put;
    if (c->sent == c->unsent.len) {
        tdm__buf_free(&c->unsent);
        c->sent = 0;
    }
    return true;
}

/* ---- requests ---- */

static void repoint(tdm_str *text, tdm__buf *copy)
{
    if (!text->ptr)
        return;
    size_t at = copy->len;
    tdm__buf_add(copy, text->ptr, text->len);
    if (!copy->failed)
        text->ptr = copy->ptr + at;
}

/* A request that lies in the bytes at work, the loop's input or what was kept of it, gets bytes of its own. */
static bool keep_request(tdm__connection *c, tdm__job *job)
{
    tdm__http_request *r = &job->request;
    tdm__buf_reset(&job->copy);
    if (tdm__http_reader_keeps(&c->reader))
        return true;
    size_t need = r->path.len + r->query.len + r->body.len;
    for (size_t i = 0; i < TDM__HTTP_FIELD_COUNT; i++)
        need += r->field[i].len;
    if (!tdm__buf_reserve(&job->copy, need + 1)) /* once, so that what points into it stays */
        return false;
    repoint(&r->path, &job->copy);
    repoint(&r->query, &job->copy);
    repoint(&r->body, &job->copy);
    for (size_t i = 0; i < TDM__HTTP_FIELD_COUNT; i++)
        repoint(&r->field[i], &job->copy);
    return true;
}

static void refuse(tdm__connection *c, const tdm__http_request *request, tdm_status status)
{
    tdm_error err;
    tdm__fail(&err, status, "server", "%s", tdm_status_text(status));
    tdm__answer_fault(c->loop->seat, request, &err, &c->loop->out);
    c->closing = !request || !request->keep_alive;
}

static bool too_much_held(const tdm_server *server)
{
    return atomic_load_explicit(&server->buffered_bytes, memory_order_relaxed) > server->settings.buffered_bytes_max;
}

static void hand_over(tdm__connection *c, const tdm__http_request *request, const tdm__arrival *arrival)
{
    tdm_server *server = c->loop->server;
    tdm__job *job = &c->job;
    job->request = *request;
    job->arrival = *arrival;
    job->queued_ns = arrival->begin_ns;
    atomic_store(&job->abandoned, false);
    c->at_large = true;
    if (tdm__large_has_room(server->large) && !too_much_held(server) && keep_request(c, job) &&
        tdm__large_submit(server->large, job)) {
        tdm__add(&c->loop->seat->meters.count[TDM__COUNT_LARGE], 1);
        return;
    }
    c->at_large = false;
    tdm__buf_free(&job->copy);
    refuse(c, request, TDM_OVERLOADED);
}

/* What a client sent behind this request is answered too before a stop, unless it goes on and on: half of the time for
 * draining is for that. */
static bool more_counts(const tdm__loop *loop)
{
    return !loop->draining || loop->now_ns - loop->drain_since_ns < loop->server->settings.drain_s * 500000000u;
}

static void answer(tdm__connection *c, const tdm__http_request *request, bool more)
{
    tdm__loop *loop = c->loop;
    uint64_t now = tdm__quick_ns(), begun = c->first_ns > loop->worked_ns ? c->first_ns : loop->worked_ns;
    if (c->first_ns < loop->now_ns) /* it began in an earlier round: all of the time since was its own */
        begun = c->first_ns;
    tdm__arrival arrival = {c->first_us, c->first_ns, now - begun, now, more && more_counts(loop)};
    bool close = false;
    if (!tdm__answer_request(loop->seat, loop->serving, request, &arrival, &loop->out, &close))
        hand_over(c, request, &arrival);
    else
        c->closing = close;
    c->answered++;
    loop->worked_ns = loop->seat->done_ns;
    c->first_us = loop->now_us; /* of the next one, should its bytes be here already */
    c->first_ns = loop->now_ns;
}

static void fault(tdm__connection *c, const tdm_error *err)
{
    tdm__answer_fault(c->loop->seat, NULL, err, &c->loop->out);
    c->closing = true;
}

/* Takes one step on the bytes; false when no more can be taken now. */
static bool step(tdm__connection *c, tdm_str *in)
{
    tdm__http_request request;
    tdm_error err;
    switch (tdm__http_next(&c->reader, in, &request, &err)) {
    case TDM__HTTP_REQUEST:
        answer(c, &request, in->len > 0);
        return !c->at_large && !c->closing;
    case TDM__HTTP_CONTINUE: /* the request is its head so far */
        c->closing = tdm__answer_early(c->loop->seat, &request, &c->loop->out);
        if (!c->closing)
            tdm__buf_text(&c->loop->out, tdm__http_continue_line);
        return !c->closing;
    case TDM__HTTP_FAULT:
        fault(c, &err);
        return false;
    case TDM__HTTP_MORE:
        return false;
    }
    return false;
}

/* Whether this turn has lasted long enough: `answered` requests were answered before it. */
static bool turn_over(const tdm__connection *c, uint64_t answered, uint64_t begun_ns)
{
    return c->answered - answered >= TDM__TURN_REQUESTS || c->loop->worked_ns - begun_ns > TDM__TURN_NS;
}

/* Works on bytes until they are used up, an answer cannot be sent, a request takes long, or it is others' turn. What is left
 * of them then is kept. False: the connection is broken. */
static bool take_bytes(tdm__connection *c, tdm_str in)
{
    tdm__loop *loop = c->loop;
    uint64_t answered = c->answered, begun_ns = loop->worked_ns;
    bool whole = true;
    if (c->reader.phase == TDM__HTTP_IDLE && in.len) {
        c->first_us = loop->now_us;
        c->first_ns = loop->now_ns;
    }
    while (whole && step(c, &in)) {
        if (loop->out.len > TDM__FLUSH_BYTES || loop->seat->n_finished == TDM__FINISHED_MAX)
            whole = flush_out(c);
        if (c->unsent.len || (in.len && turn_over(c, answered, begun_ns)))
            break;
    }
    if (whole)
        whole = flush_out(c);
    if (whole && in.len && !c->closing)
        tdm__buf_add(&c->waiting, in.ptr, in.len);
    return whole && !c->waiting.failed;
}

static bool can_go_on(const tdm__connection *c)
{
    return c->waiting.len && !c->unsent.len && !c->at_large && !c->closing;
}

/* One turn on the bytes that were kept while something else was at work. */
static bool take_waiting(tdm__connection *c)
{
    if (!can_go_on(c))
        return true;
    tdm__buf bytes = c->waiting;
    c->waiting = (tdm__buf){0};
    bool whole = take_bytes(c, tdm__strn(bytes.ptr, bytes.len));
    tdm__buf_free(&bytes);
    return whole;
}

/* ---- what it waits for next ---- */

static tdm__wait waits_for(const tdm__connection *c)
{
    if (c->unsent.len)
        return TDM__WAIT_WRITE;
    if (c->lingering)
        return TDM__WAIT_LINGER;
    if (c->at_large)
        return TDM__WAIT_NONE;
    if (can_go_on(c))
        return TDM__WAIT_TURN;
    return c->reader.phase == TDM__HTTP_IN_HEAD   ? TDM__WAIT_HEAD
           : c->reader.phase == TDM__HTTP_IN_BODY ? TDM__WAIT_BODY
                                                  : TDM__WAIT_IDLE;
}

static void poll_for(tdm__connection *c)
{
    bool write = c->unsent.len > 0, read = !write && !c->at_large && !c->ended && !c->waiting.len;
    if (read != c->polled_read || write != c->polled_write)
        tdm__poller_change(c->loop->poller, c->socket, c, read, write);
    c->polled_read = read;
    c->polled_write = write;
}

/* Over the limit of what the server holds for all: the one that asks for more gives way. Whose answers lie here unread is
 * cut off. False then. */
static bool check_buffered(tdm__connection *c)
{
    tdm_error err;
    if (c->closing || c->at_large || !c->accounted || !too_much_held(c->loop->server))
        return true;
    if (c->unsent.len) {
        tdm__add(&c->loop->seat->meters.error[TDM_OVERLOADED], 1);
        return false;
    }
    if (c->reader.phase == TDM__HTTP_IDLE)
        return true;
    tdm__fail(&err, TDM_OVERLOADED, "server", "too many bytes of unfinished requests are held");
    fault(c, &err);
    return flush_out(c);
}

/* Ends our side; what the client still sends is read and dropped for a while, since closing on unread bytes would make the
 * system throw away what is still on its way. */
static void begin_linger(tdm__connection *c)
{
    tdm__socket_finish(c->socket);
    c->lingering = true;
    tdm__buf_free(&c->waiting);
}

/* After every event: closes, lingers, or goes on waiting, from now on when `anew`. */
static void settle(tdm__connection *c, bool anew)
{
    account(c);
    bool busy = c->unsent.len || c->at_large || can_go_on(c);
    if (!check_buffered(c) || (c->ended && !busy)) {
        tdm__connection_close(c);
        return;
    }
    if (c->closing && !c->unsent.len && !c->at_large && !c->lingering)
        begin_linger(c);
    tdm__wait wait = waits_for(c);
    if (anew || wait != c->wait || wait == TDM__WAIT_IDLE)
        tdm__loop_await(c->loop, c, wait);
    poll_for(c);
}

/* Reads and drops; the client may still be sending what was refused. */
static void drop_bytes(tdm__connection *c)
{
    size_t got;
    tdm__io io = tdm__socket_read(c->socket, c->loop->input, TDM__INPUT_BYTES, &got);
    tdm__add(&c->loop->seat->meters.count[TDM__COUNT_BYTES_IN], got);
    if (io == TDM__IO_CLOSED || io == TDM__IO_FAILED)
        tdm__connection_close(c);
}

static void read_bytes(tdm__connection *c)
{
    size_t got;
    tdm__io io = tdm__socket_read(c->socket, c->loop->input, TDM__INPUT_BYTES, &got);
    if (io == TDM__IO_WAIT)
        return;
    if (io == TDM__IO_FAILED) {
        tdm__connection_close(c);
        return;
    }
    bool was_idle = c->reader.phase == TDM__HTTP_IDLE;
    uint64_t answered = c->answered;
    c->ended = io == TDM__IO_CLOSED; /* a client may close its side and still wait for what it asked */
    tdm__add(&c->loop->seat->meters.count[TDM__COUNT_BYTES_IN], got);
    if (!c->ended && !take_bytes(c, tdm__strn(c->loop->input, got))) {
        tdm__connection_close(c);
        return;
    }
    settle(c, was_idle || answered != c->answered);
}

void tdm__connection_turn(tdm__connection *c)
{
    if (take_waiting(c))
        settle(c, true);
    else
        tdm__connection_close(c);
}

void tdm__connection_refuse(tdm__loop *loop, tdm__socket socket, const tdm_error *err)
{
    tdm__connection *c = open_connection(loop, socket);
    if (!c)
        return;
    fault(c, err);
    if (flush_out(c))
        settle(c, true);
    else
        tdm__connection_close(c);
}

void tdm__connection_event(tdm__connection *c, const tdm__ready *ready)
{
    if (c->lingering) {
        drop_bytes(c);
        return;
    }
    if (c->unsent.len) {
        if ((ready->broken && !ready->writable) || !write_unsent(c) || !take_waiting(c))
            tdm__connection_close(c);
        else
            settle(c, true);
        return;
    }
    if (c->at_large || c->waiting.len) { /* nothing is asked for, so the peer is gone */
        if (ready->broken)
            tdm__connection_close(c);
        return;
    }
    read_bytes(c);
}

/* The large request's answer, behind those before it that the client has not read yet. */
static void take_answer(tdm__connection *c)
{
    tdm__job *job = &c->job;
    if (c->unsent.len) {
        tdm__buf_add(&c->unsent, job->out.ptr, job->out.len);
        c->unsent.failed |= job->out.failed;
        tdm__buf_free(&job->out);
    } else {
        tdm__buf_free(&c->unsent);
        c->unsent = job->out;
        job->out = (tdm__buf){0};
    }
}

/* The request's bytes are needed no more. */
static void forget_request(tdm__connection *c)
{
    tdm__http_request none;
    tdm_str nothing = tdm__strn("", 0);
    tdm_error err;
    tdm__buf_free(&c->job.copy);
    tdm__http_next(&c->reader, &nothing, &none, &err); /* wants more, and lets go of what it kept */
}

void tdm__connection_returned(tdm__connection *c)
{
    tdm__loop *loop = c->loop;
    c->at_large = false;
    if (c->gone) {
        free_connection(c);
        return;
    }
    c->closing = c->job.close;
    forget_request(c);
    take_answer(c);
    bool whole = !c->unsent.failed && write_unsent(c);
    loop->worked_ns = tdm__quick_ns();
    note_one(loop->seat, &c->job.finished, loop->worked_ns);
    if (!whole || !take_waiting(c))
        tdm__connection_close(c);
    else
        settle(c, true);
}

void tdm__connection_expired(tdm__connection *c)
{
    tdm_error err;
    if (c->wait == TDM__WAIT_HEAD || c->wait == TDM__WAIT_BODY) {
        tdm__add(&c->loop->seat->meters.count[TDM__COUNT_TIMED_OUT], 1);
        tdm__fail(&err, TDM_HTTP_TIMEOUT, c->wait == TDM__WAIT_HEAD ? "head" : "body", "%s",
                  tdm_status_text(TDM_HTTP_TIMEOUT));
        fault(c, &err);
        if (flush_out(c)) {
            settle(c, true);
            return;
        }
    } else if (c->wait == TDM__WAIT_WRITE) {
        tdm__add(&c->loop->seat->meters.count[TDM__COUNT_TIMED_OUT], 1);
    }
    tdm__connection_close(c);
}
