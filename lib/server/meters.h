/* What the server counts and times, always: one set a thread, written by that thread alone, read by anybody.
 *
 * Writing is a relaxed store to memory of the thread's own; reading adds up all threads. A sum read while others write is
 * of no single instant, but every counter only grows. The tables make the names in /metrics, /v1/status and the docs. */
#ifndef TDM_SERVER_METERS_H
#define TDM_SERVER_METERS_H

#include <stdint.h>
#include <tandem/status.h>
#include "base/histogram.h"
#include "release/manifest.h"

/* Stages of a request, in order. Their sum is the time from its first byte read to its answer's last byte given to the
 * system.
 *   name       what */
#define TDM__STAGES(X)                                                       \
    X(READ,      "from the first byte of the request to the last")         \
    X(PARSE,     "reading the question out of it")                         \
    X(QUEUE,     "waiting for a thread, when it is large")                 \
    X(FEATURES,  "lookups and expressions")                                \
    X(MODEL,     "models and rungs")                                       \
    X(WRITE,     "writing the answer")                                     \
    X(TOTAL,     "all of it")

typedef enum tdm__stage {
#define TDM__STAGE_ENUM(name, text) TDM__STAGE_##name,
    TDM__STAGES(TDM__STAGE_ENUM)
#undef TDM__STAGE_ENUM
    TDM__STAGE_COUNT
} tdm__stage;
const char *tdm__stage_name(tdm__stage stage); /* "read" */

/*   name                  what */
#define TDM__COUNTS(X)                                                                         \
    X(REQUESTS,            "requests whose head was read")                                     \
    X(ROWS,                "rows that were asked for")                                         \
    X(ROWS_FAILED,         "rows without an answer")                                           \
    X(BYTES_IN,            "bytes read from clients")                                          \
    X(BYTES_OUT,           "bytes written to clients")                                         \
    X(CONNECTIONS_OPENED,  "connections accepted")                                             \
    X(CONNECTIONS_CLOSED,  "connections closed, by either side")                               \
    X(CONNECTIONS_REFUSED, "connections over connections_max")                                 \
    X(TIMED_OUT,           "connections closed for slowness")                                  \
    X(LARGE,               "requests handed to the thread for large ones")                     \
    X(LATE,                "answers written after their deadline")                             \
    X(LOG_DROPPED,         "lines of the access log that found no room")

typedef enum tdm__count {
#define TDM__COUNT_ENUM(name, text) TDM__COUNT_##name,
    TDM__COUNTS(TDM__COUNT_ENUM)
#undef TDM__COUNT_ENUM
    TDM__COUNT_COUNT
} tdm__count;

/* A histogram that one thread writes while others copy it. Same buckets as tdm__histogram. */
typedef struct tdm__meter {
    tdm__histogram h; /* touched by atomic loads and stores only; its count stays 0: it is the sum of the buckets */
} tdm__meter;
void tdm__meter_record(tdm__meter *meter, uint64_t value);
/* Adds what it holds to `into`; the count added is that of the buckets added. Any thread. */
void tdm__meter_read(const tdm__meter *meter, tdm__histogram *into);

/* Of one thread. Zeroed is new. */
typedef struct tdm__meters {
    uint64_t count[TDM__COUNT_COUNT];
    uint64_t status[6];                    /* answers by hundreds: [2] is 2xx */
    uint64_t error[TDM_STATUS_COUNT];      /* errors told to clients, of requests and of rows, by code */
    uint64_t route[32];                    /* requests by number of the route; [tdm__n_routes]: of none */
    tdm__meter stage[TDM__STAGE_COUNT];    /* ns */
} tdm__meters;
/* Of one thread and one service or bare model; they live as long as the server. */
typedef struct tdm__service_meters {
    const char *service;                   /* its name, or the model's; never changes */
    uint64_t requests, rows, errors;       /* errors: requests that failed as a whole, and rows */
    uint64_t rung[16];                     /* rows by rung */
    uint64_t features_ns, models_ns, total_ns;
    int64_t last_us;                       /* when the last was answered */
    tdm__meter total;                      /* ns, of requests */
} tdm__service_meters;

/* Writer's side: `*at += n` that readers may see at any time. */
static inline void tdm__add(uint64_t *at, uint64_t n)
{
    __atomic_store_n(at, __atomic_load_n(at, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}
static inline uint64_t tdm__read(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

#endif
