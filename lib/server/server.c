/* Starting, waiting, draining, closing: the server's parts put together and taken apart.
 *
 * Start order: the home is held, models and services are opened and warmed, sockets listen, threads run; so the first
 * request finds everything ready. Close undoes it in reverse. */
#include <string.h>
#include "base/fail.h"
#include "os/clock.h"
#include "os/process.h"
#include "server/server_impl.h"

enum { WAIT_READY_MAX = 4 };

static void seat_close(tdm__seat *seat)
{
    if (!seat)
        return;
    tdm__coder_close(&seat->coder);
    tdm__arena_free(&seat->texts);
    tdm__buf_free(&seat->expanded);
    tdm__buf_free(&seat->body);
    tdm__buf_free(&seat->packed);
    tdm__buf_free(&seat->fields);
    tdm__free(seat);
}

static tdm_status make_seats(tdm_server *server, unsigned loops, tdm_error *err)
{
    server->seat = tdm__zalloc(loops + 1u, sizeof *server->seat);
    if (!server->seat)
        return tdm__no_memory(err, "server");
    server->n_loops = loops;
    for (unsigned i = 0; i <= loops; i++) {
        tdm__seat *seat = tdm__new(tdm__seat);
        server->seat[i] = seat;
        if (!seat)
            return tdm__no_memory(err, "server");
        server->n_seats++;
        seat->server = server;
        seat->index = i;
        seat->large = i == loops;
        atomic_store(&seat->seen, UINT64_MAX);
        seat->coder = tdm__coder_new();
        if (!seat->coder)
            return tdm__no_memory(err, "server");
    }
    return TDM_OK;
}

static tdm_status make_server(tdm_home *home, const tdm_server_options *options, tdm_server *server, tdm_error *err)
{
    unsigned loops = options->threads ? options->threads : tdm__cores();
    if (loops >= TDM__SEATS_MAX)
        return tdm__fail(err, TDM_BAD_INPUT, "--threads", "there can be at most %d event loops", TDM__SEATS_MAX - 1);
    server->home = home;
    server->settings = options->settings;
    server->limits = (tdm__http_limits){.head_bytes_max = (uint32_t)options->settings.head_bytes_max,
                                        .headers_max = (uint32_t)options->settings.headers_max,
                                        .target_bytes_max = (uint32_t)options->settings.target_bytes_max,
                                        .body_bytes_max = options->settings.body_bytes_max};
    server->started_us = tdm__now_us();
    server->started_ns = tdm__monotonic_ns();
    server->change = tdm__mutex_new();
    server->describing = tdm__mutex_new();
    if (!server->change || !server->describing)
        return tdm__no_memory(err, "server");
    tdm_status s = tdm__poller_new(&server->waiter, err);
    return s ? s : make_seats(server, loops, err);
}

/* One listening socket a loop, all on one address: the first finds the port, the others share it. */
static tdm_status open_loops(tdm_server *server, const char *listen, tdm_error *err)
{
    char address[TDM__ADDRESS_MAX];
    server->loop = tdm__zalloc(server->n_loops + 1u, sizeof *server->loop);
    if (!server->loop)
        return tdm__no_memory(err, "server");
    for (unsigned i = 0; i < server->n_loops; i++) {
        tdm__socket listener;
        tdm__sharing sharing = server->n_loops == 1 ? TDM__ALONE : i == 0 ? TDM__FIRST : TDM__BESIDE;
        tdm_status s = tdm__listen_tcp(i ? server->address : listen, sharing, &listener, address, err);
        if (!s)
            s = tdm__loop_open(server, server->seat[i], listener, &server->loop[i], err);
        if (s)
            return s;
        memcpy(server->address, address, sizeof server->address);
    }
    return TDM_OK;
}

static tdm_status open_parts(tdm_server *server, const tdm_server_options *options, tdm_error *err)
{
    tdm_status s = server->home ? tdm__home_hold(server->home, "serve", err) : TDM_OK;
    server->holds_home = !s && server->home;
    if (!s)
        s = tdm__models_open(server, options->model, options->n_models, err);
    if (!s)
        s = tdm__serving_refresh(server, err);
    if (!s && options->access_log)
        s = tdm__access_log_open(server, options->access_log, &server->log, err);
    if (!s)
        s = open_loops(server, options->listen ? options->listen : "127.0.0.1:8000", err);
    if (!s)
        s = tdm__large_open(server, server->seat[server->n_loops], &server->large, err);
    if (!s && (server->home || options->admin))
        s = tdm__admin_open(server, options->admin, &server->admin, err);
    tdm__quick_clock_ready();
    for (unsigned i = 0; !s && i < server->n_loops; i++)
        s = tdm__loop_start(server->loop[i], err);
    return s;
}

tdm_status tdm_server_start(tdm_home *home, const tdm_server_options *options, tdm_server **out, tdm_error *err)
{
    *out = NULL;
    tdm_server *server = tdm__new(tdm_server);
    if (!server)
        return tdm__no_memory(err, "server");
    tdm__quick_clock_begin();
    tdm_status s = make_server(home, options, server, err);
    if (!s)
        s = open_parts(server, options, err);
    if (s)
        tdm_server_close(&server);
    *out = server;
    return s;
}

const char *tdm_server_address(const tdm_server *server)
{
    return server->address;
}

const char *tdm_server_admin_address(const tdm_server *server)
{
    return server->admin_address;
}

void tdm_server_stop(tdm_server *server)
{
    atomic_store(&server->stopping, true);
    for (unsigned i = 0; i < server->n_loops; i++)
        if (server->loop[i])
            tdm__loop_wake(server->loop[i]);
    tdm__poller_wake(server->waiter);
}

/* Until no loop runs, or the time for it is over. */
static tdm_status drain(tdm_server *server, tdm_error *err)
{
    uint64_t until = tdm__monotonic_ns() + server->settings.drain_s * 1000000000u;
    tdm__ready ready[WAIT_READY_MAX];
    while (atomic_load(&server->loops_running)) {
        uint64_t now = tdm__monotonic_ns();
        if (now >= until)
            return tdm__fail(err, TDM_CANCELLED, "server", "requests were still under way %llu s after the stop",
                             (unsigned long long)server->settings.drain_s);
        tdm__poller_wait(server->waiter, ready, WAIT_READY_MAX, (int)((until - now) / 1000000u) + 1);
    }
    return TDM_OK;
}

tdm_status tdm_server_wait(tdm_server *server, tdm_error *err)
{
    tdm__ready ready[WAIT_READY_MAX];
    int interrupt = tdm__interrupt_socket();
    tdm_status s = interrupt < 0 ? TDM_OK : tdm__poller_add(server->waiter, interrupt, server, true, false, err);
    if (s)
        return s;
    while (!tdm__interrupted() && !atomic_load(&server->stopping))
        tdm__poller_wait(server->waiter, ready, WAIT_READY_MAX, -1);
    if (interrupt >= 0)
        tdm__poller_remove(server->waiter, interrupt);
    tdm_server_stop(server);
    return drain(server, err);
}

void tdm_server_close(tdm_server **out)
{
    tdm_server *server = out ? *out : NULL;
    if (!server)
        return;
    atomic_store(&server->stopping, true);
    tdm__admin_close(&server->admin);
    for (unsigned i = 0; server->loop && i < server->n_loops; i++)
        if (server->loop[i])
            tdm__loop_stop(server->loop[i]); /* before what they hand requests to */
    tdm__large_close(&server->large);
    for (unsigned i = 0; server->loop && i < server->n_loops; i++)
        tdm__loop_close(&server->loop[i]);
    tdm__free(server->loop);
    tdm__access_log_close(&server->log);
    tdm__serving_close_all(server);
    tdm__models_close(server);
    tdm__meter_book_close(server);
    for (unsigned i = 0; i < server->n_seats; i++)
        seat_close(server->seat[i]);
    tdm__free(server->seat);
    if (server->holds_home) /* else it is another's, or nobody's */
        tdm__home_release_hold(server->home);
    tdm__poller_close(&server->waiter);
    tdm__mutex_close(&server->describing);
    tdm__mutex_close(&server->change);
    tdm__free(server);
    *out = NULL;
}
