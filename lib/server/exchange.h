/* One request and its answer, as a route's handler sees them; and the seat of the thread that works on it.
 *
 * A handler reads exchange->request and exchange->body_in, and fills status, type, fields and body. It returns false for
 * one thing only: the request is too large for an event loop (exchange->seat->large is false) and must be worked on by the
 * thread for large ones, which calls the handler anew. Errors of the request are answers: tdm__exchange_fail. */
#ifndef TDM_SERVER_EXCHANGE_H
#define TDM_SERVER_EXCHANGE_H

#include <tandem/serve.h>
#include "net/content_coding.h"
#include "net/http.h"
#include "server/meters.h"
#include "server/serving.h"

/* An answer that was made: what is left to be timed of it. */
enum { TDM__FINISHED_MAX = 64 };
struct tdm__finished {
    uint64_t arrived_ns, scored_ns, deadline_ns; /* scored: when there was nothing left but to write */
    tdm__service_meters *meters;
};

/* A thread that answers. What is here is its own, but for `seen`. */
typedef struct tdm__seat {
    tdm_server *server;
    unsigned index;
    bool large;                 /* the thread for large requests */
    _Atomic uint64_t seen;       /* generation of servings that it has seen; UINT64_MAX while it waits */
    tdm__meters meters;
    tdm__arena texts;           /* of the request at work */
    tdm__coder *coder;
    tdm__buf expanded;          /* a body after its coding was undone */
    tdm__buf body, packed;      /* the answer's body at work; the same in a coding */
    tdm__buf fields;            /* header lines of the answer at work */
    tdm__json_scan scan;
    struct tdm__finished finished[TDM__FINISHED_MAX];
    unsigned n_finished;        /* answers made and not yet given to the system: whoever writes them times that */
    uint64_t done_ns;           /* when the last answer was made */
} tdm__seat;

typedef struct tdm__exchange {
    tdm__seat *seat;
    const tdm__serving *serving;
    const tdm__http_request *request;
    tdm_str argument[3];        /* what the route's {…} stand for, decoded */
    tdm__coding coding;         /* of the body as it was sent */
    tdm_str body_in;            /* the body without it */
    int64_t arrived_us;         /* wall clock at its first byte: t of its as-of */
    uint64_t arrived_ns;        /* monotonic, the same instant */
    uint64_t mark_ns;           /* where the stage at work began */
    uint64_t deadline_ns;       /* monotonic; 0: none */
    uint64_t stage_ns[TDM__STAGE_COUNT]; /* of stages that tdm__exchange_stage ended; for the log */
    uint64_t queued_ns;         /* that it waited before work began */
    tdm__lane_times spent;      /* in features and models */

    int status;                 /* 200 at first */
    const char *type;           /* "application/json" at first; NULL: no body */
    tdm__buf *body;             /* seat->body, empty at first */
    tdm__buf *fields;           /* seat->fields: "Name: value\r\n"… */
    bool close;                 /* the connection must end */
    bool oip;                   /* errors in that protocol's shape */
    unsigned route;             /* index in tdm__routes; tdm__n_routes: none */
    tdm_status code;            /* what went wrong, for counters and the log */
    uint32_t rows, rows_failed;
    uint32_t rung_rows[TDM__RUNG_COUNT];      /* rows by rung, rows' errors by code: counted once the answer stands */
    uint32_t code_rows[TDM_STATUS_COUNT];
    tdm__service_meters *meters; /* of the service asked for; NULL while not known */
    int rung;                   /* the worst that was used; -1: none */
} tdm__exchange;

/* The answer is this error, in the contract's shape (OIP: that protocol's), with its status; counted. What was written to
 * the body before is dropped. */
void tdm__exchange_fail(tdm__exchange *x, const tdm_error *error);
/* TDM_DEADLINE when its deadline is over. */
tdm_status tdm__exchange_in_time(const tdm__exchange *x, tdm_error *err);
/* Ends the present stage at now and begins the next. */
void tdm__exchange_stage(tdm__exchange *x, tdm__stage ended);
/* Notes a row's result: by rung or error, and the worst rung. */
void tdm__exchange_note_rung(tdm__exchange *x, tdm__rung rung);
void tdm__exchange_note_failed(tdm__exchange *x, tdm_status code);

/* ---- routes ---- */

/* Every route: method, path ({} is an argument; {*} the rest of the path), handler, text. The
 * table makes the dispatcher, `GET /`, Allow, the metrics' label and a test that docs/reference/http.md tells each. */
#define TDM__ROUTES(X)                                                                                        \
    X(GET,  "/",                                   root,        "what this is, and the routes")               \
    X(GET,  "/healthz",                            ready,       "200 when all is ready, else 503")            \
    X(GET,  "/metrics",                            metrics,     "Prometheus text")                            \
    X(GET,  "/v1/status",                          status,      "what is current, promised and measured")     \
    X(POST, "/v1/decide/{}",                       decide,      "one answer, or one a row")                   \
    X(GET,  "/v1/predictions/{}/{*}",              predictions, "the current table's row of a key")           \
    X(GET,  "/v2",                                 v2_server,   "the server's name, version, extensions")     \
    X(GET,  "/v2/health/live",                     v2_live,     "200 while the process lives")                \
    X(GET,  "/v2/health/ready",                    ready,       "200 when all is ready, else 503")            \
    X(GET,  "/v2/models/stats",                    v2_stats,    "counts and times of all models")             \
    X(GET,  "/v2/models/{}",                       v2_model,    "a model's inputs and outputs")               \
    X(GET,  "/v2/models/{}/ready",                 v2_ready,    "200 when the model is ready")                \
    X(GET,  "/v2/models/{}/config",                v2_config,   "the model's configuration, as Triton tells it")\
    X(GET,  "/v2/models/{}/stats",                 v2_stats,    "counts and times of the model")              \
    X(POST, "/v2/models/{}/infer",                 v2_infer,    "outputs for rows of inputs")                 \
    X(GET,  "/v2/models/{}/versions/{}",           v2_model,    "the same of a version")                      \
    X(GET,  "/v2/models/{}/versions/{}/ready",     v2_ready,    "")                                           \
    X(GET,  "/v2/models/{}/versions/{}/config",    v2_config,   "")                                           \
    X(GET,  "/v2/models/{}/versions/{}/stats",     v2_stats,    "")                                           \
    X(POST, "/v2/models/{}/versions/{}/infer",     v2_infer,    "")                                           \
    X(POST, "/v2/repository/index",                v2_index,    "the models there are, and their state")      \
    X(POST, "/v2/repository/models/{}/load",       v2_load,     "refused: releases are promoted")             \
    X(POST, "/v2/repository/models/{}/unload",     v2_load,     "refused likewise")

/* tdm__route_NAME: false when it must be worked on by the thread for large requests. */
typedef bool (*tdm__route_handler)(tdm__exchange *x);
bool tdm__route_root(tdm__exchange *x);
bool tdm__route_ready(tdm__exchange *x);
bool tdm__route_metrics(tdm__exchange *x);
bool tdm__route_status(tdm__exchange *x);
bool tdm__route_decide(tdm__exchange *x);
bool tdm__route_predictions(tdm__exchange *x);
bool tdm__route_v2_server(tdm__exchange *x);
bool tdm__route_v2_live(tdm__exchange *x);
bool tdm__route_v2_model(tdm__exchange *x);
bool tdm__route_v2_ready(tdm__exchange *x);
bool tdm__route_v2_config(tdm__exchange *x);
bool tdm__route_v2_stats(tdm__exchange *x);
bool tdm__route_v2_infer(tdm__exchange *x);
bool tdm__route_v2_index(tdm__exchange *x);
bool tdm__route_v2_load(tdm__exchange *x);

/* The first that fits counts. Finds the route and calls it, or answers 404, 405, OPTIONS. As a handler otherwise. */
bool tdm__dispatch(tdm__exchange *x);
/* Answers like it where there is no such route; else false, and nothing was done. */
bool tdm__dispatch_refuses(tdm__exchange *x);
typedef struct tdm__route {
    uint8_t method;
    const char *path, *text;
    tdm__route_handler handler;
} tdm__route;
extern const tdm__route tdm__routes[];
extern const size_t tdm__n_routes;

#endif
