/* The metrics: one row each. `GET /metrics`, docs/reference/metrics.md and a test come from this table.
 *
 * A name, once released, keeps its meaning, its type and its labels. Every name begins with "tandem_". */
#ifndef TDM_SERVER_METRICS_H
#define TDM_SERVER_METRICS_H

#include "server/server_impl.h"

/* "writer" is the function of metrics.c that writes the samples, with the argument beside it.
 *   name, type, labels, unit, writer, argument,
 *   text */
#define TDM__METRICS(X)                                                                                  \
    /* requests */                                                                                       \
    X(requests_total, counter, "route", "requests", by_route, 0,                                         \
      "requests whose head was read, by route; `none`: no route has its path")                           \
    X(responses_total, counter, "status", "answers", by_status, 0,                                       \
      "answers, by the hundreds of their HTTP status")                                                   \
    X(errors_total, counter, "code", "errors", by_code, 0,                                               \
      "errors told to clients, of requests and of rows, by code; codes that never came up are left out") \
    X(stage_seconds, histogram, "stage", "seconds", by_stage, 0,                                         \
      "time of a request, by stage: read, parse, queue, features, model, write, total")                  \
    X(rows_total, counter, "", "rows", count, TDM__COUNT_ROWS,                                           \
      "rows that were asked for")                                                                        \
    X(rows_failed_total, counter, "", "rows", count, TDM__COUNT_ROWS_FAILED,                             \
      "rows without an answer")                                                                          \
    X(late_total, counter, "", "answers", count, TDM__COUNT_LATE,                                        \
      "answers written after their deadline")                                                            \
    X(large_requests_total, counter, "", "requests", count, TDM__COUNT_LARGE,                            \
      "requests handed to the thread for large ones")                                                    \
    X(large_depth, gauge, "", "requests", large_depth, 0,                                                \
      "large requests that wait or are worked on")                                                       \
    X(large_oldest_seconds, gauge, "", "seconds", large_oldest, 0,                                       \
      "for how long the oldest of them has been there; 0: there is none")                                \
    /* services */                                                                                       \
    X(service_requests_total, counter, "service", "requests", by_service, SERVICE_REQUESTS,              \
      "requests of a service or bare model")                                                             \
    X(service_errors_total, counter, "service", "errors", by_service, SERVICE_ERRORS,                    \
      "of a service: requests that failed as a whole, and rows that failed")                             \
    X(service_rows_total, counter, "service", "rows", by_service, SERVICE_ROWS,                          \
      "rows of a service")                                                                               \
    X(service_features_seconds_total, counter, "service", "seconds", by_service, SERVICE_FEATURES,       \
      "time in the lookups and expressions of a service")                                                \
    X(service_models_seconds_total, counter, "service", "seconds", by_service, SERVICE_MODELS,           \
      "time in the models and rungs of a service")                                                       \
    X(rungs_total, counter, "service, rung", "rows", by_rung, 0,                                         \
      "answered rows of a service, by rung; rungs that were never used are left out")                    \
    X(service_seconds, histogram, "service", "seconds", service_latency, 0,                              \
      "time of a service's requests, from the first byte read to the last byte written")                 \
    X(service_info, gauge, "service, release, table, epoch", "", service_info, 0,                        \
      "1 for each service: what it serves")                                                              \
    X(service_ready, gauge, "service", "", service_ready, 0,                                             \
      "1 when the service can be asked, 0 when it could not be opened")                                  \
    X(table_age_seconds, gauge, "service", "seconds", table_age, 0,                                      \
      "age of the service's table: now less its as-of")                                                  \
    X(table_stale, gauge, "service", "", table_stale, 0,                                                 \
      "1 when that age is over the release's ttl")                                                       \
    /* connections */                                                                                    \
    X(connections, gauge, "", "connections", connections, 0,                                             \
      "connections that are open")                                                                       \
    X(connections_opened_total, counter, "", "connections", count, TDM__COUNT_CONNECTIONS_OPENED,        \
      "connections accepted")                                                                            \
    X(connections_closed_total, counter, "", "connections", count, TDM__COUNT_CONNECTIONS_CLOSED,        \
      "connections closed, by either side")                                                              \
    X(connections_refused_total, counter, "", "connections", count, TDM__COUNT_CONNECTIONS_REFUSED,      \
      "connections over connections_max")                                                                \
    X(connections_timed_out_total, counter, "", "connections", count, TDM__COUNT_TIMED_OUT,              \
      "connections closed for slowness")                                                                 \
    X(received_bytes_total, counter, "", "bytes", count, TDM__COUNT_BYTES_IN,                            \
      "bytes read from clients")                                                                         \
    X(sent_bytes_total, counter, "", "bytes", count, TDM__COUNT_BYTES_OUT,                               \
      "bytes written to clients")                                                                        \
    X(buffered_bytes, gauge, "", "bytes", buffered_bytes, 0,                                             \
      "bytes held for bodies and answers that are under way")                                            \
    /* state */                                                                                          \
    X(ready, gauge, "", "", ready, 0,                                                                    \
      "1 when `/v2/health/ready` says so")                                                               \
    X(draining, gauge, "", "", draining, 0,                                                              \
      "1 when the server is stopping, or was told to drain")                                             \
    X(epoch, gauge, "", "", epoch, 0,                                                                    \
      "number of the epoch that is served; 0: none")                                                     \
    X(epoch_since_seconds, gauge, "", "seconds", epoch_since, 0,                                         \
      "when that epoch became current, Unix time")                                                       \
    X(log_position, gauge, "", "", log_position, 0,                                                      \
      "position of the log that answers are computed at")                                                \
    X(access_log_dropped_total, counter, "", "lines", count, TDM__COUNT_LOG_DROPPED,                     \
      "lines of the access log that found no room, or could not be written")                             \
    /* process */                                                                                        \
    X(process_cpu_seconds_total, counter, "", "seconds", process, PROCESS_CPU,                           \
      "processor time of the process, user and system")                                                  \
    X(process_resident_bytes, gauge, "", "bytes", process, PROCESS_MEMORY,                               \
      "resident memory of the process, pages of mapped files included")                                  \
    X(process_open_fds, gauge, "", "descriptors", process, PROCESS_FILES,                                \
      "open file descriptors")                                                                           \
    X(process_threads, gauge, "", "threads", process, PROCESS_THREADS,                                   \
      "threads of the process")                                                                          \
    X(process_start_time_seconds, gauge, "", "seconds", start_time, 0,                                   \
      "when the server started, Unix time")                                                              \
    X(build_info, gauge, "version, compiler", "", build_info, 0,                                         \
      "1: what was built, and by what")

/* Histograms tell how many values lie at or below these: 2^10 - 1 to 2^33 - 1 nanoseconds, so 1.023 us to 8.59 s, an
 * octave apart. They are the last values of buckets, so the counts are exact. */
enum { TDM__LE_FIRST_BIT = 10, TDM__LE_LAST_BIT = 33 };

/* Writes all of it. `serving` may be NULL. */
void tdm__metrics_write(tdm_server *server, const tdm__serving *serving, tdm__buf *out);

#endif
