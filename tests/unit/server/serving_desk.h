/* A server over the fixture's home, without sockets: seats, servings, and requests given as bytes.
 *
 * Requests pass through the reader of lib/net and tdm__answer_request, as in a loop. */
#ifndef TANDEM_TESTS_SERVING_DESK_H
#define TANDEM_TESTS_SERVING_DESK_H

#include "fixture.h"
#include "os/clock.h"
#include "server/server_impl.h"

enum { SERVING_SEATS_MAX = 8 };

typedef struct serving_desk {
    fixture f;
    tdm_server server;
    tdm__seat *seats[SERVING_SEATS_MAX];
    tdm__http_reader reader;
    tdm__buf out;
    bool close;
} serving_desk;

/* Over an open fixture; the last seat is the one for large requests. */
static inline void serving_open(serving_desk *d, unsigned seats)
{
    tdm_server *s = &d->server;
    memset(s, 0, sizeof *s);
    s->home = d->f.home;
    tdm_server_settings_default(&s->settings);
    s->limits = (tdm__http_limits){(uint32_t)s->settings.head_bytes_max, (uint32_t)s->settings.headers_max,
                                   (uint32_t)s->settings.target_bytes_max, s->settings.body_bytes_max};
    s->change = tdm__mutex_new();
    s->describing = tdm__mutex_new();
    s->seat = d->seats;
    s->n_seats = seats;
    s->n_loops = seats - 1;
    for (unsigned i = 0; i < seats; i++) {
        d->seats[i] = tdm__new(tdm__seat);
        d->seats[i]->server = s;
        d->seats[i]->index = i;
        d->seats[i]->large = i + 1 == seats;
        d->seats[i]->coder = tdm__coder_new();
        atomic_store(&d->seats[i]->seen, UINT64_MAX);
    }
    assert_ok(tdm__serving_refresh(s, &d->f.err), &d->f.err);
    tdm__http_reader_init(&d->reader, &s->limits);
    d->out = (tdm__buf){0};
}

static inline void serving_close(serving_desk *d)
{
    tdm_server *s = &d->server;
    tdm__serving_close_all(s);
    tdm__meter_book_close(s);
    for (unsigned i = 0; i < s->n_seats; i++) {
        tdm__coder_close(&d->seats[i]->coder);
        tdm__arena_free(&d->seats[i]->texts);
        tdm__buf_free(&d->seats[i]->body);
        tdm__buf_free(&d->seats[i]->packed);
        tdm__buf_free(&d->seats[i]->expanded);
        tdm__buf_free(&d->seats[i]->fields);
        tdm__free(d->seats[i]);
    }
    tdm__mutex_close(&s->change);
    tdm__mutex_close(&s->describing);
    tdm__http_reader_free(&d->reader);
    tdm__buf_free(&d->out);
}

/* One whole request by a seat; the whole answer, NULL when it is a large one for a loop. Ours until the next. */
static inline const char *serving_ask(serving_desk *d, unsigned seat, const char *bytes, size_t n)
{
    tdm__http_request request;
    tdm_error err;
    tdm_str in = tdm__strn(bytes, n);
    if (tdm__http_next(&d->reader, &in, &request, &err) != TDM__HTTP_REQUEST)
        return "no request";
    uint64_t now = tdm__monotonic_ns();
    tdm__arrival arrival = {tdm__now_us(), now, 0, now, false};
    tdm__buf_reset(&d->out);
    const tdm__serving *serving = tdm__seat_enter(d->seats[seat]);
    bool done = tdm__answer_request(d->seats[seat], serving, &request, &arrival, &d->out, &d->close);
    d->seats[seat]->n_finished = 0;
    tdm__seat_leave(d->seats[seat]);
    return done ? tdm__buf_z(&d->out) : NULL;
}

static inline const char *serving_post(serving_desk *d, unsigned seat, const char *path, const char *body)
{
    static char request[1 << 20];
    int n = snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", path,
                     strlen(body), body);
    return serving_ask(d, seat, request, (size_t)n);
}

static inline const char *serving_get(serving_desk *d, unsigned seat, const char *path)
{
    char request[512];
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    return serving_ask(d, seat, request, (size_t)n);
}

#endif
