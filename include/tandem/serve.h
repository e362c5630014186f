/* The server: the online path over HTTP, on the releases and tables of a home, or on bare models with no home at all.
 *
 * A server holds the home's write lock while it lives; tdm_promote, tdm_load, tdm_run and the like, called by other
 * processes on the same home, are then done by the server (through admin.sock in the home) and give the same results. */
#ifndef TANDEM_SERVE_H
#define TANDEM_SERVE_H

#include <tandem/home.h>
#include <tandem/json.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every limit of the server: name, default, smallest, largest, text. `tandem serve --set NAME=VALUE`, --help, the struct,
 * docs/reference/http.md and a test come from here. Bytes, seconds and counts, as the name's last word says. */
#define TDM_SERVER_SETTINGS(X)                                                                                        \
    X(head_bytes_max,      16384,     1024, 1048576,     "longest head of a request")                                 \
    X(headers_max,         100,       8,    1000,        "header fields of a request")                                \
    X(target_bytes_max,    8192,      256,  65536,       "longest path and query")                                    \
    X(body_bytes_max,      8388608,   1024, 1073741824,  "longest body, as sent and after decompression")             \
    X(body_expansion_max,  100,       2,    1100,        "most that compressed bytes may grow, as a factor")          \
    X(rows_max,            100000,    1,    10000000,    "rows of one request")                                       \
    X(connections_max,     10000,     1,    1000000,     "open connections")                                          \
    X(buffered_bytes_max,  268435456, 65536, 68719476736, "bytes held for bodies and answers that are under way")     \
    X(queued_max,          64,        1,    65536,       "large requests that wait")                                  \
    X(head_s,              10,        1,    3600,        "seconds from a head's first byte to its last")              \
    X(body_s,              30,        1,    3600,        "seconds from a head's end to its body's")                   \
    X(idle_s,              75,        1,    86400,       "seconds that a connection may be idle between requests")    \
    X(write_s,             30,        1,    3600,        "seconds that an answer may make no progress")               \
    X(drain_s,             30,        0,    3600,        "seconds to finish what was accepted when told to stop")

typedef struct tdm_server_settings {
#define TDM_SERVER_SETTING_MEMBER(name, value, low, high, text) uint64_t name;
    TDM_SERVER_SETTINGS(TDM_SERVER_SETTING_MEMBER)
#undef TDM_SERVER_SETTING_MEMBER
} tdm_server_settings;
TDM_API void tdm_server_settings_default(tdm_server_settings *settings);
/* Sets one by name from a whole number. TDM_BAD_INPUT with the nearest name, or with the range. */
TDM_API tdm_status tdm_server_settings_set(tdm_server_settings *settings, tdm_str name, tdm_str value, tdm_error *err);

typedef struct tdm_server_model {
    const char *name, *path;
} tdm_server_model;

typedef struct tdm_server_options {
    const char *listen;             /* "127.0.0.1:8000" when NULL; port 0: a free one */
    const char *admin;              /* an address for the admin routes too; NULL: admin.sock alone */
    const tdm_server_model *model;  /* bare models */
    size_t n_models;
    unsigned threads;               /* event loops; 0: one a core */
    const char *access_log;         /* a file to append JSON lines to, "-" for standard error; NULL: none */
    tdm_server_settings settings;   /* start from tdm_server_settings_default */
} tdm_server_options;

typedef struct tdm_server tdm_server;

/* Opens what is current in the home (NULL: bare models alone), checks and warms it, and listens. On return requests are
 * answered. A service that cannot be opened does not keep the others from being served: its requests get the error. The
 * home must stay open, and belongs to the server until it is closed. Errors: TDM_BUSY (another process holds the home),
 * TDM_REFUSED (the address is taken), TDM_BAD_INPUT, TDM_MODEL and the like for a bare model. */
TDM_API tdm_status tdm_server_start(tdm_home *home, const tdm_server_options *options, tdm_server **out, tdm_error *err);
/* "127.0.0.1:43121", and the admin address or "" */
TDM_API const char *tdm_server_address(const tdm_server *server);
TDM_API const char *tdm_server_admin_address(const tdm_server *server);
/* Waits until SIGINT, SIGTERM or tdm_server_stop, then drains: takes no new connections, answers what was accepted.
 * TDM_CANCELLED when drain_s was over before all was answered. */
TDM_API tdm_status tdm_server_wait(tdm_server *server, tdm_error *err);
/* Makes tdm_server_wait return. Any thread. */
TDM_API void tdm_server_stop(tdm_server *server);
/* Stops at once what still runs, and frees all. */
TDM_API void tdm_server_close(tdm_server **server);

/* ---- asking a server that runs ---- */

/* What is current, promised and measured, as one JSON object without a line's end: what the server that holds the home
 * tells (GET /v1/status), else what the home does. Appended to `out`. TDM_CORRUPT. */
TDM_API tdm_status tdm_status_json(tdm_home *home, tdm_text *out, tdm_error *err);

typedef struct tdm_live_info {
    char version[32], address[80]; /* "127.0.0.1:43121" */
    int64_t pid;
    double uptime_s;
    unsigned threads;
    bool ready, draining;
    uint64_t connections, requests, errors;
} tdm_live_info;
typedef struct tdm_live tdm_live;
/* Asks the server that holds the home how it is. TDM_NOT_FOUND: none does; TDM_SYSTEM: it does not answer. */
TDM_API tdm_status tdm_live_open(tdm_home *home, tdm_live **out, tdm_error *err);
TDM_API void tdm_live_close(tdm_live **live);
TDM_API const tdm_live_info *tdm_live_describe(const tdm_live *live);
/* What it measured of a service's promise ("p99", "freshness"): "312us". NULL when it did not. */
TDM_API const char *tdm_live_measured(const tdm_live *live, const char *service, const char *promise);

/* Asks the server that holds this home, through its admin.sock, for all that it counts and times: one JSON object, appended
 * to `out`. Counters and histograms are since it began. TDM_REFUSED when no server runs in the home. */
TDM_API tdm_status tdm_server_top(tdm_home *home, tdm_text *out, tdm_error *err);
/* Draws what came between two such answers, as lines of text appended to `out`; `before` empty, or of another server: since
 * the start. Any thread. */
typedef struct tdm_top_look {
    unsigned columns; /* at most these; 0: 40 */
    unsigned rows;    /* at most these lines; 0: all */
    bool colours;
    bool live;        /* from the terminal's top left corner, overwriting what is there */
} tdm_top_look;
TDM_API tdm_status tdm_top_frame(tdm_str before, tdm_str now, const tdm_top_look *look, tdm_text *out, tdm_error *err);

#ifdef __cplusplus
}
#endif
#endif
