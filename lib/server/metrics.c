/* GET /metrics: everything that is counted and timed, in the text format 0.0.4 of Prometheus.
 *
 * One pass over the table of metrics.h; each row's writer writes its samples into the answer's body, which is the only
 * memory that grows. Numbers are whole, and seconds are nanoseconds with the point moved, so nothing is rounded.
 * How long it takes grows with services and threads: what an event loop should not do is left to the thread for large
 * requests. */
#include "server/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "os/clock.h"
#include "os/process.h"

enum { SERVICE_REQUESTS, SERVICE_ERRORS, SERVICE_ROWS, SERVICE_FEATURES, SERVICE_MODELS };
enum { PROCESS_CPU, PROCESS_MEMORY, PROCESS_FILES, PROCESS_THREADS };

typedef struct render {
    tdm__buf *out;
    const tdm_server *server;
    const tdm__serving *serving;  /* NULL: none yet */
    const char *name;             /* of the metric at work, without "tandem_" */
    int argument;
    int64_t now_us;
    tdm__process_use use;
    bool labelled;                /* the sample at work has a label already */
} render;

/* ---- samples ---- */

/* As the format wants it inside quotes. Bytes that are no UTF-8 would make the whole page invalid. */
static void add_escaped(tdm__buf *out, tdm_str text)
{
    bool valid = tdm__utf8_valid(text);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\' || c == '"')
            tdm__buf_char(out, '\\');
        if (c == '\n')
            tdm__buf_add(out, "\\n", 2);
        else
            tdm__buf_char(out, (unsigned char)c >= 0x80 && !valid ? '?' : c);
    }
}

static void begin(render *r, const char *suffix)
{
    tdm__buf_add(r->out, "tandem_", 7);
    tdm__buf_text(r->out, r->name);
    tdm__buf_text(r->out, suffix);
    r->labelled = false;
}

static void label_str(render *r, const char *name, tdm_str value)
{
    tdm__buf_char(r->out, r->labelled ? ',' : '{');
    tdm__buf_text(r->out, name);
    tdm__buf_add(r->out, "=\"", 2);
    add_escaped(r->out, value);
    tdm__buf_char(r->out, '"');
    r->labelled = true;
}

static void label(render *r, const char *name, const char *value)
{
    label_str(r, name, tdm__str(value));
}

static void add_u64(tdm__buf *out, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + v % 10);
    while (v /= 10);
    tdm__buf_add(out, digits + at, sizeof digits - at);
}

/* v / 10^places, all its digits and no zeros behind the last. */
static void add_scaled(tdm__buf *out, uint64_t v, unsigned places)
{
    uint64_t unit = 1;
    for (unsigned i = 0; i < places; i++)
        unit *= 10;
    add_u64(out, v / unit);
    if (v % unit == 0)
        return;
    tdm__buf_char(out, '.');
    for (v %= unit; v; v %= unit) {
        unit /= 10;
        tdm__buf_char(out, (char)('0' + v / unit));
    }
}

static void end_labels(render *r)
{
    if (r->labelled)
        tdm__buf_char(r->out, '}');
    tdm__buf_char(r->out, ' ');
}

static void end_u64(render *r, uint64_t v)
{
    end_labels(r);
    add_u64(r->out, v);
    tdm__buf_char(r->out, '\n');
}

static void end_ns(render *r, uint64_t ns)
{
    end_labels(r);
    add_scaled(r->out, ns, 9);
    tdm__buf_char(r->out, '\n');
}

static void end_us(render *r, int64_t us)
{
    end_labels(r);
    if (us < 0)
        tdm__buf_char(r->out, '-');
    add_scaled(r->out, us < 0 ? 0 - (uint64_t)us : (uint64_t)us, 6);
    tdm__buf_char(r->out, '\n');
}

static void plain(render *r, uint64_t v)
{
    begin(r, "");
    end_u64(r, v);
}

/* The samples of one histogram, with one label. */
static void histogram(render *r, const char *name, const char *value, const tdm__histogram *h)
{
    uint64_t below = 0;
    unsigned next = 0;
    for (unsigned bit = TDM__LE_FIRST_BIT; bit <= TDM__LE_LAST_BIT; bit++) {
        for (unsigned end = tdm__histogram_bucket(UINT64_C(1) << bit); next < end; next++)
            below += h->bucket[next];
        begin(r, "_bucket");
        label(r, name, value);
        tdm__buf_add(r->out, ",le=\"", 5);
        add_scaled(r->out, (UINT64_C(1) << bit) - 1, 9);
        tdm__buf_char(r->out, '"');
        end_u64(r, below);
    }
    begin(r, "_bucket");
    label(r, name, value);
    label(r, "le", "+Inf");
    end_u64(r, h->count);
    begin(r, "_sum");
    label(r, name, value);
    end_ns(r, h->sum);
    begin(r, "_count");
    label(r, name, value);
    end_u64(r, h->count);
}

/* ---- requests ---- */

/* Sums of one counter over all seats; `first` is the first seat's. */
static uint64_t over_seats(const render *r, size_t offset)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < r->server->n_seats; i++)
        sum += tdm__read((const uint64_t *)(const void *)((const char *)&r->server->seat[i]->meters + offset));
    return sum;
}

static void count(render *r)
{
    plain(r, tdm__server_count(r->server, (tdm__count)r->argument));
}

static void by_route(render *r)
{
    for (size_t i = 0; i <= tdm__n_routes; i++) {
        begin(r, "");
        label(r, "route", i < tdm__n_routes ? tdm__routes[i].path : "none");
        end_u64(r, over_seats(r, offsetof(tdm__meters, route) + i * sizeof(uint64_t)));
    }
}

static void by_status(render *r)
{
    char text[] = "0xx";
    for (size_t i = 1; i < 6; i++) {
        text[0] = (char)('0' + i);
        begin(r, "");
        label(r, "status", text);
        end_u64(r, over_seats(r, offsetof(tdm__meters, status) + i * sizeof(uint64_t)));
    }
}

static void by_code(render *r)
{
    for (size_t i = 1; i < TDM_STATUS_COUNT; i++) {
        uint64_t n = over_seats(r, offsetof(tdm__meters, error) + i * sizeof(uint64_t));
        if (!n)
            continue;
        begin(r, "");
        label(r, "code", tdm_status_name((tdm_status)i));
        end_u64(r, n);
    }
}

static void by_stage(render *r)
{
    tdm__histogram h;
    for (unsigned i = 0; i < TDM__STAGE_COUNT; i++) {
        tdm__server_stage(r->server, (tdm__stage)i, &h);
        histogram(r, "stage", tdm__stage_name((tdm__stage)i), &h);
    }
}

static void large_depth(render *r)
{
    plain(r, tdm__large_depth(r->server->large));
}

static void large_oldest(render *r)
{
    begin(r, "");
    end_ns(r, tdm__large_oldest_ns(r->server->large));
}

/* ---- services ---- */

static uint64_t service_counter(const render *r, const tdm__service_meters *m)
{
    static const size_t offset[] = {
        [SERVICE_REQUESTS] = offsetof(tdm__service_meters, requests),
        [SERVICE_ERRORS] = offsetof(tdm__service_meters, errors),
        [SERVICE_ROWS] = offsetof(tdm__service_meters, rows),
        [SERVICE_FEATURES] = offsetof(tdm__service_meters, features_ns),
        [SERVICE_MODELS] = offsetof(tdm__service_meters, models_ns),
    };
    uint64_t sum = 0;
    for (unsigned i = 0; i < r->server->n_seats; i++)
        sum += tdm__read((const uint64_t *)(const void *)((const char *)&m[i] + offset[r->argument]));
    return sum;
}

static void by_service(render *r)
{
    for (size_t i = 0, n = tdm__metered(r->server); i < n; i++) {
        const tdm__service_meters *m = tdm__metered_at(r->server, i);
        begin(r, "");
        label(r, "service", m->service);
        (r->argument >= SERVICE_FEATURES ? end_ns : end_u64)(r, service_counter(r, m));
    }
}

static void by_rung(render *r)
{
    for (size_t i = 0, n = tdm__metered(r->server); i < n; i++) {
        const tdm__service_meters *m = tdm__metered_at(r->server, i);
        for (unsigned rung = 0; rung < TDM__RUNG_COUNT; rung++) {
            uint64_t rows = 0;
            for (unsigned seat = 0; seat < r->server->n_seats; seat++)
                rows += tdm__read(&m[seat].rung[rung]);
            if (!rows)
                continue;
            begin(r, "");
            label(r, "service", m->service);
            label(r, "rung", tdm__rung_name((tdm__rung)rung));
            end_u64(r, rows);
        }
    }
}

static void service_latency(render *r)
{
    tdm__histogram h;
    for (size_t i = 0, n = tdm__metered(r->server); i < n; i++) {
        const tdm__service_meters *m = tdm__metered_at(r->server, i);
        tdm__service_latency(r->server, m, &h);
        histogram(r, "service", m->service, &h);
    }
}

static size_t services(const render *r)
{
    return r->serving ? r->serving->n : 0;
}

static void service_info(render *r)
{
    char epoch[24];
    for (size_t i = 0; i < services(r); i++) {
        const tdm__served *served = r->serving->service[i];
        begin(r, "");
        label(r, "service", served->name);
        label(r, "release", served->release);
        label(r, "table", served->table_name);
        snprintf(epoch, sizeof epoch, "%" PRIu64, r->serving->epoch);
        label(r, "epoch", epoch);
        end_u64(r, 1);
    }
}

static void service_ready(render *r)
{
    for (size_t i = 0; i < services(r); i++) {
        begin(r, "");
        label(r, "service", r->serving->service[i]->name);
        end_u64(r, !r->serving->service[i]->error.status);
    }
}

/* The table that a service falls back to; NULL when it has none that can be read. */
static const tdm_table *table_of(const tdm__served *served)
{
    return served->servable ? served->servable->table : NULL;
}

static void table_age(render *r)
{
    for (size_t i = 0; i < services(r); i++) {
        const tdm_table *table = table_of(r->serving->service[i]);
        if (!table)
            continue;
        begin(r, "");
        label(r, "service", r->serving->service[i]->name);
        end_us(r, r->now_us - table->info.as_of_us);
    }
}

static void table_stale(render *r)
{
    for (size_t i = 0; i < services(r); i++) {
        const tdm__served *served = r->serving->service[i];
        const tdm_table *table = table_of(served);
        if (!table)
            continue;
        int64_t ttl = served->servable->package->manifest->batch.ttl_us;
        begin(r, "");
        label(r, "service", served->name);
        end_u64(r, ttl && r->now_us - table->info.as_of_us > ttl);
    }
}

/* ---- connections, state ---- */

static void connections(render *r)
{
    plain(r, atomic_load_explicit(&r->server->connections, memory_order_relaxed));
}

static void buffered_bytes(render *r)
{
    plain(r, atomic_load_explicit(&r->server->buffered_bytes, memory_order_relaxed));
}

bool tdm__server_is_ready(const tdm_server *server, const tdm__serving *serving)
{
    if (!serving || atomic_load(&server->stopping) || atomic_load(&server->drained))
        return false;
    for (size_t i = 0; i < serving->n; i++)
        if (serving->service[i]->error.status)
            return false;
    return true;
}

static void ready(render *r)
{
    plain(r, tdm__server_is_ready(r->server, r->serving));
}

static void draining(render *r)
{
    plain(r, atomic_load(&r->server->stopping) || atomic_load(&r->server->drained));
}

static void epoch(render *r)
{
    plain(r, r->serving ? r->serving->epoch : 0);
}

static void epoch_since(render *r)
{
    begin(r, "");
    end_us(r, r->serving ? r->serving->since_us : 0);
}

static void log_position(render *r)
{
    plain(r, r->serving ? r->serving->position : 0);
}

/* ---- process ---- */

static void process(render *r)
{
    const tdm__process_use *use = &r->use;
    begin(r, "");
    if (r->argument == PROCESS_CPU)
        end_ns(r, use->cpu_ns);
    else
        end_u64(r, r->argument == PROCESS_MEMORY ? use->resident_bytes
                   : r->argument == PROCESS_FILES ? use->open_files : use->threads);
}

static void start_time(render *r)
{
    begin(r, "");
    end_us(r, r->server->started_us);
}

static void build_info(render *r)
{
    begin(r, "");
    label(r, "version", TANDEM_VERSION);
#ifdef __clang__
    label(r, "compiler", __VERSION__);
#else
    label(r, "compiler", "gcc " __VERSION__);
#endif
    end_u64(r, 1);
}

/* ---- all of it ---- */

typedef struct metric {
    const char *name, *type, *text;
    void (*write)(render *r);
    int argument;
} metric;

static const metric METRICS[] = {
#define ROW(name, type, labels, unit, writer, argument, text) {#name, #type, text, writer, argument},
    TDM__METRICS(ROW)
#undef ROW
};

void tdm__metrics_write(tdm_server *server, const tdm__serving *serving, tdm__buf *out)
{
    render r = {.out = out, .server = server, .serving = serving, .now_us = tdm__now_us()};
    tdm__process_measure(&r.use);
    for (size_t i = 0; i < sizeof METRICS / sizeof *METRICS; i++) {
        const metric *m = &METRICS[i];
        size_t before = out->len, head;
        const char *const line[] = {"# HELP tandem_", m->name, " ", m->text, "\n# TYPE tandem_", m->name, " ", m->type,
                                    "\n"};
        for (size_t k = 0; k < sizeof line / sizeof *line; k++)
            tdm__buf_text(out, line[k]);
        head = out->len;
        r.name = m->name;
        r.argument = m->argument;
        m->write(&r);
        if (out->len == head && !out->failed) /* a metric without samples is not there */
            out->len = before;
    }
}

/* About 70 us, and 6 us a service on four threads: a histogram read is a microsecond with its lines of text. */
static bool takes_long(const tdm_server *server)
{
    enum { LOOP_READS = 40, LOOP_CONNECTIONS = 1000 };
    size_t reads = (TDM__STAGE_COUNT + tdm__metered(server)) * server->n_seats;
    return reads > LOOP_READS ||
           atomic_load_explicit(&server->connections, memory_order_relaxed) > LOOP_CONNECTIONS;
}

bool tdm__route_metrics(tdm__exchange *x)
{
    tdm_server *server = x->seat->server;
    if (!x->seat->large && takes_long(server))
        return false;
    x->type = "text/plain; version=0.0.4; charset=utf-8";
    tdm__metrics_write(server, x->serving, x->body);
    return true;
}
