/* Our load generator for HTTP/1.1 on one core: what it is told, and the JSON that it tells.
 *
 * The request comes from a file, all of its bytes as they go over the wire (requests.py writes such files), so the
 * generator knows nothing of any protocol above HTTP. It measures servers on this machine only: 127.0.0.1. */
#define _GNU_SOURCE
#include "load_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { REQUESTS_MAX = 1024, BODY_MAX = 64 << 20 };

static const char usage[] =
    "usage: serve_load --port N --request FILE[=BODY] [--request ...] [options]\n"
    "       serve_load --port N --request FILE[=BODY] --first -- COMMAND ...\n"
    "\n"
    "  --request FILE[=BODY]  the bytes of a request; several take turns. An answer 200 must have the body in BODY\n"
    "  --connections N        keep-alive connections, one request in flight on each (32)\n"
    "  --rate R               open loop: Poisson arrivals, R a second (closed loop)\n"
    "  --seconds S, --warm S  measured time (5), and before it (0.5)\n"
    "  --drain S              patience with the answers after the end (2)\n"
    "  --requests N           closed loop: end after N answers and failures\n"
    "  --deadline MS          clients give up that long after the intended time, and never queue\n"
    "  --interval S           latency by intervals of the measured time, too\n"
    "  --pid PID              CPU time of that process and its children\n"
    "  --seed N               of the arrivals\n"
    "  --histogram            all of it: [upper end in us, count] of each bucket in use\n"
    "  --sleep                sleep in epoll instead of spinning\n"
    "  --first                start COMMAND, and time its first right answer\n"
    "\n"
    "SIGTERM ends a load early; what was measured until then is told.\n";

typedef struct options {
    load_settings s;
    load_request request[REQUESTS_MAX];
    bool histogram, first;
} options;

static bool refuse(const char *what, const char *text)
{
    fprintf(stderr, "serve_load: %s: %s\n", what, text);
    return false;
}

static bool read_number(const char *name, const char *text, double min, double max, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return (*text && !*end && *out >= min && *out <= max) || refuse(name, "not a number that it takes");
}

static bool read_file(const char *path, load_text *out)
{
    FILE *file = fopen(path, "rb");
    long size = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    bool ok = size >= 0 && size <= BODY_MAX && (out->bytes = malloc((size_t)size + 1)) != NULL;
    if (ok) {
        rewind(file);
        out->size = fread(out->bytes, 1, (size_t)size, file);
        ok = out->size == (size_t)size;
    }
    if (file)
        fclose(file);
    return ok || refuse(path, "cannot be read, or is too long");
}

static bool read_request(options *o, char *text)
{
    char *equals = strchr(text, '=');
    if (o->s.n_requests == REQUESTS_MAX)
        return refuse(text, "too many requests");
    load_request *r = &o->request[o->s.n_requests++];
    if (equals)
        *equals = '\0';
    return read_file(text, &r->bytes) && (!equals || read_file(equals + 1, &r->expected)) &&
           (r->bytes.size > 0 || refuse(text, "an empty request"));
}

/*     letter  name           min    max    where it goes */
#define NUMBERS(X)                                                                           \
    X('p', "port",         1,     65535, o->s.address.sin_port = htons((uint16_t)v))      \
    X('c', "connections",  1,     20000, o->s.n_connections = (size_t)v)                   \
    X('r', "rate",         0.001, 1e7,   o->s.rate = v)                                    \
    X('s', "seconds",      0.001, 86400, o->s.run_ns = (uint64_t)(v * 1e9))                \
    X('w', "warm",         0,     3600,  o->s.warm_ns = (uint64_t)(v * 1e9))               \
    X('d', "drain",        0,     3600,  o->s.drain_ns = (uint64_t)(v * 1e9))              \
    X('n', "requests",     1,     1e15,  o->s.requests_max = (uint64_t)v)                  \
    X('l', "deadline",     0.001, 1e7,   o->s.deadline_ns = (uint64_t)(v * 1e6))           \
    X('i', "interval",     0.001, 3600,  o->s.interval_ns = (uint64_t)(v * 1e9))           \
    X('P', "pid",          1,     1e9,   o->s.pid = (pid_t)v)                              \
    X('S', "seed",         0,     1e15,  o->s.seed = (uint64_t)v)

static const struct option long_options[] = {
#define X(letter, name, min, max, take) {name, required_argument, NULL, letter},
    NUMBERS(X)
#undef X
    {"request", required_argument, NULL, 'q'},
    {"histogram", no_argument, NULL, 'H'},
    {"sleep", no_argument, NULL, 'z'},
    {"first", no_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool take_option(options *o, int letter, char *text)
{
    double v;
    switch (letter) {
#define X(letter_, name, min, max, take)             \
    case letter_:                                    \
        if (!read_number(name, text, min, max, &v))  \
            return false;                            \
        take;                                        \
        return true;
    NUMBERS(X)
#undef X
    case 'q':
        return read_request(o, text);
    case 'H':
        return o->histogram = true;
    case 'z':
        return o->s.sleeps = true;
    case 'f':
        return o->first = true;
    case 'h':
        fputs(usage, stdout);
        exit(0);
    default:
        return false;
    }
}

static bool read_options(options *o, int argc, char **argv)
{
    o->s = (load_settings){.address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                           .request = o->request, .n_connections = 32, .warm_ns = 500000000, .run_ns = 5000000000,
                           .drain_ns = 2000000000, .seed = 20130614};
    for (int letter; (letter = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        if (!take_option(o, letter, optarg))
            return false;
    if (!o->s.address.sin_port || !o->s.n_requests || o->first == (optind == argc)) {
        fputs(usage, stderr);
        return false;
    }
    if (o->s.requests_max && o->s.rate > 0)
        return refuse("requests", "of a closed loop only");
    return true;
}

/* ---- what it tells ---- */

static void print_latency(const char *name, const load_histogram *h)
{
    static const struct { const char *name; double q; } line[] = {
        {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};
    printf(" \"%s\": {", name);
    for (size_t i = 0; i < sizeof line / sizeof *line; i++)
        printf("\"%s\": %.2f, ", line[i].name, (double)load_quantile(h, line[i].q) / 1e3);
    printf("\"max\": %.2f}", (double)h->max / 1e3);
}

static void print_counts(const load_result *r)
{
    printf(" \"status\": {");
    const char *comma = "";
    for (int i = 0; i < LOAD_STATUS_MAX; i++) {
        if (!r->status[i])
            continue;
        printf("%s\"%d\": %" PRIu64, comma, i, r->status[i]);
        comma = ", ";
    }
    printf("},\n \"errors\": {");
    comma = "";
#define X(id, key, text)                                                         \
    printf("%s\"" key "\": %" PRIu64, comma, r->error[LOAD_ERROR_##id]);         \
    comma = ", ";
    LOAD_ERRORS(X)
#undef X
    printf("},\n");
}

static void print_intervals(const load_result *r)
{
    printf(",\n \"intervals\": [");
    for (size_t i = 0; i < r->n_intervals; i++) {
        const load_interval *v = &r->interval[i];
        printf("%s\n  {\"requests\": %" PRIu64 ", \"failed\": %" PRIu64 ",", i ? "," : "", v->latency.count, v->failed);
        print_latency("latency_us", &v->latency);
        printf("}");
    }
    printf("]");
}

static void print_histogram(const load_histogram *h)
{
    printf(",\n \"histogram\": [");
    const char *comma = "";
    for (size_t i = 0; i < LOAD_BUCKETS; i++) {
        if (!h->bucket[i])
            continue;
        printf("%s[%.3f, %" PRIu64 "]", comma, (double)load_bucket_high(i) / 1e3, h->bucket[i]);
        comma = ", ";
    }
    printf("]");
}

static void print_result(const options *o, const load_result *r)
{
    printf("{\"mode\": \"%s\", \"connections\": %zu, \"seed\": %" PRIu64 ", \"begun_s\": %.6f, \"seconds\": %.6f,\n",
           o->s.rate > 0 ? "open" : "closed", o->s.n_connections, o->s.seed, (double)r->begun_ns / 1e9, r->seconds);
    printf(" \"requests\": %" PRIu64 ", \"rate\": %.2f, \"asked_rate\": %.2f, \"arrived\": %" PRIu64
           ", \"in_time\": %" PRIu64 ",\n", r->answered, (double)r->answered / r->seconds, o->s.rate, r->arrived,
           r->in_time);
    printf(" \"late_sends\": %" PRIu64 ", \"turned_away\": %" PRIu64 ", \"abandoned\": %" PRIu64 ", \"unanswered\": %" PRIu64
           ",\n", r->late_sends, r->turned_away, r->abandoned, r->unanswered);
    print_counts(r);
    printf(" \"cpu_s\": %.6f, \"own_cpu_s\": %.6f,\n", (double)r->cpu_ns / 1e9, (double)r->own_cpu_ns / 1e9);
    print_latency("latency_us", &r->latency);
    printf(",\n");
    print_latency("send_lag_us", &r->lag);
    if (o->s.interval_ns)
        print_intervals(r);
    if (o->histogram)
        print_histogram(&r->latency);
    printf("}\n");
}

static void stop(int number)
{
    (void)number;
    load_stopped = 1;
}

static void raise_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int main(int argc, char **argv)
{
    static options o;
    static load_result result;
    if (!read_options(&o, argc, argv))
        return 2;
    raise_limit();
    if (o.first)
        return load_first(&o.s, argv + optind, stdout) ? 0 : 1;
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    if (!load_run(&o.s, &result))
        return 1;
    print_result(&o, &result);
    free(result.interval);
    return 0;
}
