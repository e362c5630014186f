/* The small pages: what this is, whether it is ready, what is current. */
#include <string.h>
#include "engine/cutover.h"
#include "os/clock.h"
#include "os/process.h"
#include "schema/instant.h"
#include "server/server_impl.h"

bool tdm__route_ready(tdm__exchange *x)
{
    bool ready = tdm__server_is_ready(x->seat->server, x->serving);
    x->status = ready ? 200 : 503;
    tdm__buf_text(x->body, ready ? "{\"ready\":true}" : "{\"ready\":false}");
    return true;
}

bool tdm__route_root(tdm__exchange *x)
{
    tdm_text text = {0};
    tdm_json j = {.out = &text};
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "name", "tandem");
    tdm_json_text(&j, "version", TANDEM_VERSION);
    tdm_json_begin(&j, "routes", '[');
    for (size_t i = 0; i < tdm__n_routes; i++) {
        tdm_json_begin(&j, NULL, '{');
        tdm_json_text(&j, "method", tdm__http_method_name(tdm__routes[i].method));
        tdm_json_text(&j, "path", tdm__routes[i].path);
        if (tdm__routes[i].text[0])
            tdm_json_text(&j, "text", tdm__routes[i].text);
        tdm_json_end(&j, '}');
    }
    tdm_json_end(&j, ']');
    tdm_json_end(&j, '}');
    tdm__buf_add(x->body, text.ptr, text.len);
    x->body->failed |= text.failed;
    tdm_text_free(&text);
    return true;
}

static void models_json(const tdm_server *server, tdm_json *j)
{
    tdm_json_begin(j, "models", '[');
    for (size_t i = 0; i < server->n_models; i++) {
        tdm_json_begin(j, NULL, '{');
        tdm_json_text(j, "name", server->model[i].name);
        tdm_json_text(j, "file", server->model[i].path);
        tdm_json_text(j, "kind", tdm__model_info_of(server->model[i].model)->kind);
        tdm_json_text(j, "sha256", server->model[i].sha256);
        tdm_json_end(j, '}');
    }
    tdm_json_end(j, ']');
}

static void server_json(const tdm_server *server, const tdm__serving *serving, tdm_json *j)
{
    uint64_t errors = 0;
    for (unsigned i = 0; i < server->n_seats; i++)
        errors += tdm__read(&server->seat[i]->meters.status[4]) + tdm__read(&server->seat[i]->meters.status[5]);
    tdm_json_begin(j, "server", '{');
    tdm_json_text(j, "version", TANDEM_VERSION);
    tdm_json_i64(j, "pid", tdm__process_id());
    tdm_json_instant(j, "started", server->started_us);
    tdm_json_f64(j, "uptime_s", (double)((tdm__monotonic_ns() - server->started_ns) / 1000000u) / 1000.0);
    tdm_json_text(j, "listening", server->address);
    tdm_json_u64(j, "threads", server->n_loops);
    tdm_json_bool(j, "ready", tdm__server_is_ready(server, serving));
    tdm_json_bool(j, "draining", atomic_load(&server->stopping) || atomic_load(&server->drained));
    tdm_json_u64(j, "connections", atomic_load(&server->connections));
    tdm_json_u64(j, "requests", tdm__server_count(server, TDM__COUNT_REQUESTS));
    tdm_json_u64(j, "errors", errors);
    models_json(server, j);
    tdm_json_end(j, '}');
}

/* The p99 of a service since the server began, "312us"; NULL while it had no request. */
static const char *measure(void *self, const char *service, const char *promise, char out[48])
{
    tdm_server *server = self;
    tdm__histogram h = {0};
    const tdm__service_meters *meters = strcmp(promise, "p99") ? NULL : tdm__meters_of(server, service);
    if (meters)
        tdm__service_latency(server, meters, &h);
    if (!h.count)
        return NULL;
    tdm__duration_format((int64_t)((tdm__histogram_quantile(&h, 0.99) + 999) / 1000), out);
    return out;
}

void tdm__server_status_json(tdm_server *server, const tdm__serving *serving, tdm_json *j)
{
    const tdm__measured measured = {measure, server};
    tdm_json_begin(j, NULL, '{');
    if (serving->described) {
        tdm__mutex_lock(server->describing); /* for as long as it takes to write a page */
        tdm__epoch_refresh_ages(serving->described, tdm__now_us());
        tdm__epoch_json(server->home, serving->described, &measured, j);
        tdm__mutex_unlock(server->describing);
    }
    server_json(server, serving, j);
    tdm_json_end(j, '}');
}

bool tdm__route_status(tdm__exchange *x)
{
    tdm_text text = {0};
    tdm_json j = {.out = &text};
    if (!x->seat->large && x->serving->n > 8)
        return false;
    tdm__server_status_json(x->seat->server, x->serving, &j);
    tdm__buf_add(x->body, text.ptr, text.len);
    x->body->failed |= text.failed;
    tdm_text_free(&text);
    return true;
}
