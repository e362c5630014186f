/* What `tandem top` shows, as JSON: counters and sparse histograms since the server began, for the viewer to
 * subtract.
 *
 * The histograms go over with their buckets, [number, count] for those that are not empty, so that quantiles of any
 * interval are as exact as the server's own. */
#include <string.h>
#include "os/clock.h"
#include "os/process.h"
#include "server/server_impl.h"

static void quantile(tdm_json *j, const char *name, const tdm__histogram *h, double q)
{
    tdm_json_f64(j, name, (double)tdm__histogram_quantile(h, q) / 1000);
}

static void histogram(tdm_json *j, const tdm__histogram *h)
{
    tdm_json_u64(j, "count", h->count);
    tdm_json_u64(j, "sum_ns", h->sum);
    tdm_json_u64(j, "max_ns", h->max);
    quantile(j, "p50_us", h, 0.5);
    quantile(j, "p90_us", h, 0.9);
    quantile(j, "p99_us", h, 0.99);
    quantile(j, "p999_us", h, 0.999);
    tdm_json_begin(j, "buckets", '[');
    for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++) {
        if (!h->bucket[i])
            continue;
        tdm_json_begin(j, NULL, '[');
        tdm_json_u64(j, NULL, i);
        tdm_json_u64(j, NULL, h->bucket[i]);
        tdm_json_end(j, ']');
    }
    tdm_json_end(j, ']');
}

static void counts(const tdm_server *server, tdm_json *j)
{
#define COUNT_NAME(name, text) #name,
    static const char *const names[] = {TDM__COUNTS(COUNT_NAME)};
#undef COUNT_NAME
    tdm_json_begin(j, "counts", '{');
    for (unsigned i = 0; i < TDM__COUNT_COUNT; i++) {
        char lower[32] = "";
        for (size_t k = 0; names[i][k]; k++)
            lower[k] = (char)(names[i][k] == '_' ? '_' : names[i][k] | 0x20);
        tdm_json_u64(j, lower, tdm__server_count(server, (tdm__count)i));
    }
    tdm_json_end(j, '}');
}

static void errors(const tdm_server *server, tdm_json *j)
{
    tdm_json_begin(j, "errors", '{');
    for (unsigned code = 1; code < TDM_STATUS_COUNT; code++) {
        uint64_t n = 0;
        for (unsigned i = 0; i < server->n_seats; i++)
            n += tdm__read(&server->seat[i]->meters.error[code]);
        if (n)
            tdm_json_u64(j, tdm_status_name((tdm_status)code), n);
    }
    tdm_json_end(j, '}');
}

static void stages(const tdm_server *server, tdm_json *j)
{
    tdm__histogram h;
    tdm_json_begin(j, "stages", '[');
    for (unsigned i = 0; i < TDM__STAGE_COUNT; i++) {
        tdm__server_stage(server, (tdm__stage)i, &h);
        tdm_json_begin(j, NULL, '{');
        tdm_json_text(j, "stage", tdm__stage_name((tdm__stage)i));
        histogram(j, &h);
        tdm_json_end(j, '}');
    }
    tdm_json_end(j, ']');
}

static void what_is_served(const tdm__served *served, tdm_json *j)
{
    tdm_json_text(j, "release", served->release);
    tdm_json_text(j, "table", served->table_name[0] ? served->table_name : NULL);
    if (served->servable && served->servable->package->manifest->promise.p99_us)
        tdm_json_i64(j, "promise_p99_us", served->servable->package->manifest->promise.p99_us);
    if (served->error.status)
        tdm_json_error(j, "error", &served->error);
}

static void service(const tdm_server *server, const tdm__serving *serving, const tdm__service_meters *meters,
                    tdm_json *j)
{
    tdm__service_meters sum;
    const tdm__served *served = serving && serving->n ? tdm__serving_find(serving, tdm__str(meters->service)) : NULL;
    tdm__service_sum(server, meters, &sum);
    tdm_json_begin(j, NULL, '{');
    tdm_json_text(j, "service", sum.service);
    if (served)
        what_is_served(served, j);
    tdm_json_u64(j, "requests", sum.requests);
    tdm_json_u64(j, "rows", sum.rows);
    tdm_json_u64(j, "errors", sum.errors);
    tdm_json_begin(j, "rungs", '{');
    for (unsigned i = 0; i < TDM__RUNG_COUNT; i++)
        if (sum.rung[i])
            tdm_json_u64(j, tdm__rung_name((tdm__rung)i), sum.rung[i]);
    tdm_json_end(j, '}');
    histogram(j, &sum.total.h);
    tdm_json_end(j, '}');
}

static void process(tdm_json *j)
{
    tdm__process_use use;
    tdm__process_measure(&use);
    tdm_json_begin(j, "process", '{');
    tdm_json_i64(j, "pid", tdm__process_id());
    tdm_json_u64(j, "cpu_us", use.cpu_ns / 1000);
    tdm_json_u64(j, "resident_bytes", use.resident_bytes);
    tdm_json_u64(j, "open_fds", use.open_files);
    tdm_json_u64(j, "threads", use.threads);
    tdm_json_end(j, '}');
}

void tdm__top_json(tdm_server *server, tdm_json *j)
{
    const tdm__serving *serving = tdm__serving_hold(server);
    tdm_json_begin(j, NULL, '{');
    tdm_json_instant(j, "time", tdm__now_us());
    tdm_json_u64(j, "uptime_us", (tdm__monotonic_ns() - server->started_ns) / 1000);
    tdm_json_instant(j, "started", server->started_us);
    tdm_json_text(j, "listening", server->address);
    tdm_json_u64(j, "epoch", serving ? serving->epoch : 0);
    tdm_json_bool(j, "ready", tdm__server_is_ready(server, serving));
    tdm_json_bool(j, "draining", atomic_load(&server->stopping) || atomic_load(&server->drained));
    tdm_json_u64(j, "connections", atomic_load(&server->connections));
    tdm_json_u64(j, "buffered_bytes", atomic_load(&server->buffered_bytes));
    tdm_json_u64(j, "large_depth", tdm__large_depth(server->large));
    tdm_json_u64(j, "large_oldest_us", tdm__large_oldest_ns(server->large) / 1000);
    process(j);
    counts(server, j);
    errors(server, j);
    stages(server, j);
    tdm_json_begin(j, "services", '[');
    for (size_t i = 0, n = tdm__metered(server); i < n; i++)
        service(server, serving, tdm__metered_at(server, i), j);
    tdm_json_end(j, ']');
    tdm_json_end(j, '}');
    tdm__serving_release(server);
}
