/* The parts of the load generator (serve_load.c is its front): what a run is told, what it counts, how an answer is
 * read. One thread does everything; all times are nanoseconds of CLOCK_MONOTONIC. */
#ifndef TANDEM_BENCH_LOAD_PARTS_H
#define TANDEM_BENCH_LOAD_PARTS_H

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* ---- histograms (load_measure.c) ----
 * Log-linear with 128 steps an octave: a quantile is at most 0.8% above the true one. lib/base has a coarser one; the
 * targets here are ratios as small as 1.1, and nothing of what is measured should measure itself. */
enum { LOAD_STEP_BITS = 7, LOAD_STEPS = 1 << LOAD_STEP_BITS, LOAD_BUCKETS = 38 * LOAD_STEPS };

typedef struct load_histogram {
    uint64_t count, max;
    uint64_t bucket[LOAD_BUCKETS];
} load_histogram;

void load_record(load_histogram *h, uint64_t ns);
uint64_t load_quantile(const load_histogram *h, double q);
/* Largest value of a bucket. */
uint64_t load_bucket_high(size_t i);

uint64_t load_now(void);
/* CPU time of a process, its threads and its children in ns, from /proc; 0 when it is gone. */
uint64_t load_cpu_of(pid_t pid);

/* ---- answers (load_answer.c) ---- */
typedef enum load_reading { LOAD_MORE, LOAD_COMPLETE, LOAD_BROKEN } load_reading;

/* An answer as it arrives. Everything received is in `bytes`; a chunked body is put together in place. */
typedef struct load_answer {
    char *bytes;
    size_t size, room;
    size_t scanned;      /* of the head, without its end in sight */
    size_t head;         /* bytes of the head; 0 until all of it is here */
    size_t body;         /* bytes of the body: as announced, or of the chunks so far */
    size_t chunk;        /* where the next chunk's size line is */
    int status;
    bool sized, chunked, closes;
} load_answer;

/* Room for at least one more byte, at bytes + size; false when the answer is too long or memory is short. */
bool load_answer_room(load_answer *a);
/* Judges what has arrived. Complete means complete and not a byte more. */
load_reading load_answer_read(load_answer *a);
/* For the next answer; keeps the memory. */
void load_answer_clear(load_answer *a);

/* ---- a run (load_run.c) ---- */
typedef struct load_text { char *bytes; size_t size; } load_text;
typedef struct load_request { load_text bytes, expected; } load_request;

typedef struct load_settings {
    struct sockaddr_in address;
    const load_request *request;
    size_t n_requests, n_connections;
    double rate;                          /* arrivals a second; 0: closed loop */
    uint64_t warm_ns, run_ns, drain_ns, interval_ns;
    uint64_t deadline_ns;                 /* 0: clients wait for ever */
    uint64_t requests_max;                /* 0: no limit */
    uint64_t seed;
    pid_t pid;
    bool sleeps;                          /* in epoll, instead of spinning */
} load_settings;

/*     name      text */
#define LOAD_ERRORS(X)                                                                             \
    X(CONNECT,   "connect",   "a connection was refused, or not made within a second")             \
    X(RESET,     "reset",     "reset, or failed otherwise, with a request on its way")             \
    X(CLOSED,    "closed",    "closed by the server before the answer was complete")               \
    X(SYNTAX,    "syntax",    "the answer is not HTTP/1.1 of known length, or more than an answer") \
    X(BODY,      "body",      "the body is not the expected one")

typedef enum load_error {
#define X(name, key, text) LOAD_ERROR_##name,
    LOAD_ERRORS(X)
#undef X
    LOAD_ERROR_COUNT
} load_error;

enum { LOAD_STATUS_MAX = 600 };

typedef struct load_interval {
    load_histogram latency;
    uint64_t failed;       /* errors and statuses other than 200 */
} load_interval;

typedef struct load_result {
    load_histogram latency;               /* from the intended send time */
    load_histogram lag;                   /* from the intended to the actual one */
    uint64_t begun_ns;                    /* of the measured time */
    uint64_t arrived, answered, in_time;
    uint64_t late_sends;                  /* had to wait for a free connection */
    uint64_t turned_away;                 /* with a deadline: found no free connection */
    uint64_t abandoned, unanswered;
    uint64_t status[LOAD_STATUS_MAX];
    uint64_t error[LOAD_ERROR_COUNT];
    uint64_t cpu_ns, own_cpu_ns;          /* of the server (with a pid), of the generator */
    double seconds;
    load_interval *interval;
    size_t n_intervals;
} load_result;

/* Set by a signal: the run ends now, as if its time were over. */
extern volatile sig_atomic_t load_stopped;

/* False, with a line on stderr, when no load could be made at all. */
bool load_run(const load_settings *s, load_result *out);

/* ---- from a start to the first answer (load_first.c) ---- */
/* Starts `command`, asks from then on until the first right answer, ends it. Prints one JSON object. */
bool load_first(const load_settings *s, char **command, FILE *out);

#endif
