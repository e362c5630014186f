/* The server's parts and who owns them. Private to lib/server.
 *
 * Threads: one an event loop (loop.c), one for large requests (large.c), one that takes admin connections and one for each
 * of those (admin.c, few), one that writes the access log (access_log.c, when asked for). The first two kinds have seats.
 *
 * The control side: commands that write take turns by the home's own lock within the process (state/home.h); `change` is
 * held from the preparation of a serving to its flip, so that each begins from what the last one left. */
#ifndef TDM_SERVER_SERVER_IMPL_H
#define TDM_SERVER_SERVER_IMPL_H

#include <tandem/serve.h>
#include "os/poller.h"
#include "os/threads.h"
#include "server/exchange.h"
#include "state/home.h"

typedef struct tdm__loop tdm__loop;
typedef struct tdm__large tdm__large;
typedef struct tdm__admin tdm__admin;
typedef struct tdm__access_log tdm__access_log;

struct tdm_server {
    tdm_home *home;             /* NULL: bare models alone */
    bool holds_home;            /* its write lock */
    tdm_server_settings settings;
    tdm__http_limits limits;
    char address[TDM__ADDRESS_MAX], admin_address[TDM__ADDRESS_MAX];
    int64_t started_us;
    uint64_t started_ns;

    tdm__seat **seat;           /* n_loops + 1 */
    unsigned n_seats, n_loops;
    tdm__loop **loop;
    tdm__large *large;
    tdm__admin *admin;          /* NULL without a home and address */
    tdm__access_log *log;       /* NULL: not asked for */

    _Atomic(tdm__serving *) current;
    _Atomic uint64_t generation; /* of `current` */
    _Atomic uint64_t held;      /* looks at `current` that are under way without a seat */
    tdm__mutex *change;
    tdm__mutex *describing;     /* guards the ages in serving->described */
    tdm__serving *prepared;     /* staged and not yet current */
    uint64_t before_generation; /* when `before` was replaced */
    tdm__serving *before;       /* what was current last: kept, so that a rollback finds it warm */
    tdm__bare_model *model;
    size_t n_models;
    struct tdm__meter_book *book; /* service_meters by service name, for as long as the server lives */

    atomic_bool stopping;       /* no new connections, finish what is there */
    atomic_bool drained;        /* told not to be ready: POST /admin/v1/drain */
    _Atomic uint64_t connections, buffered_bytes;
    atomic_uint loops_running;
    tdm__poller *waiter;        /* tdm_server_wait's */
};

/* serving.c: the current one, for a thread with a seat. Enter before a request or a batch of them, leave before waiting.
 * What enter returned may be used until leave, or the next enter, of the same seat. */
const tdm__serving *tdm__seat_enter(tdm__seat *seat);
void tdm__seat_leave(tdm__seat *seat);
/* The same for a thread without a seat, which looks at it for a moment: freeing waits for the release. */
const tdm__serving *tdm__serving_hold(tdm_server *server);
void tdm__serving_release(tdm_server *server);

/* staging.c: makes `content` (an epoch's) ready beside the current serving, sharing what has not changed: same release, same
 * table, same versions of its sources. On TDM_OK it waits in server->prepared, and the same thread calls
 * tdm__serving_finish: another changer waits until then. A service that cannot be opened is kept with its error, but for
 * want of memory and the like, which fail the whole. */
tdm_status tdm__serving_prepare(tdm_server *server, const tdm__epoch *content, tdm_error *err);
/* Makes the prepared one current, and frees what was replaced a flip ago once no thread can see that: the one before the
 * present stays ready for a rollback. `commit` false: drops the prepared one. */
void tdm__serving_finish(tdm_server *server, bool commit);
/* After a load or a new source: the same epoch with the present state. */
tdm_status tdm__serving_refresh(tdm_server *server, tdm_error *err);
void tdm__serving_close_all(tdm_server *server);
/* Bare models, at the start. */
tdm_status tdm__models_open(tdm_server *server, const tdm_server_model *model, size_t n, tdm_error *err);
void tdm__models_close(tdm_server *server);

/* meters.c: the meters of a service, one a seat; the same for the same name. NULL when out of memory. Any thread. n_seats
 * is known before the first call and stays. After TDM__METERED_MAX names all others share one, "(other)". */
enum { TDM__METERED_MAX = 1024 };
tdm__service_meters *tdm__meters_of(tdm_server *server, const char *service);
/* All of the book, in the order of their first use: i < tdm__metered. Never waits. Any thread. */
size_t tdm__metered(const tdm_server *server);
const tdm__service_meters *tdm__metered_at(const tdm_server *server, size_t i);
/* Sums of one service's meters over all seats. */
void tdm__service_sum(const tdm_server *server, const tdm__service_meters *meters, tdm__service_meters *out);
void tdm__meter_book_close(tdm_server *server);
/* Sums over all seats. */
uint64_t tdm__server_count(const tdm_server *server, tdm__count count);
void tdm__server_stage(const tdm_server *server, tdm__stage stage, tdm__histogram *out);
/* A service's latency over all seats since the server began. */
void tdm__service_latency(const tdm_server *server, const tdm__service_meters *meters, tdm__histogram *out);

/* top_json.c: everything that `tandem top` shows, as one JSON object; counters since the server began, so that two of them
 * tell what was between. Any thread. */
void tdm__top_json(tdm_server *server, tdm_json *j);

/* metrics.c: neither stopping nor told to drain, and every service can be asked. What the health routes and the metric say. */
bool tdm__server_is_ready(const tdm_server *server, const tdm__serving *serving);

/* access_log.c. Adding never waits: a line that finds no room is counted and dropped. */
tdm_status tdm__access_log_open(tdm_server *server, const char *path, tdm__access_log **out, tdm_error *err);
void tdm__access_log_add(tdm__access_log *log, const tdm__exchange *x, uint64_t total_ns, size_t bytes_out);
/* Lines that found room and could not be written, a full disk; tdm__server_count adds them. 0 for NULL. Any thread. */
uint64_t tdm__access_log_lost(const tdm__access_log *log);
/* Writes what is there, once nobody adds any more. */
void tdm__access_log_close(tdm__access_log **log);

/* admin.c: listens at admin.sock of the home, and at `address` (NULL: not). */
tdm_status tdm__admin_open(tdm_server *server, const char *address, tdm__admin **out, tdm_error *err);
/* Cancels what runs, and waits for it. */
void tdm__admin_close(tdm__admin **admin);

/* loop.c */
tdm_status tdm__loop_open(tdm_server *server, tdm__seat *seat, tdm__socket listener, tdm__loop **out, tdm_error *err);
tdm_status tdm__loop_start(tdm__loop *loop, tdm_error *err);
void tdm__loop_wake(tdm__loop *loop); /* any thread */
/* Ends its thread, whatever is open. */
void tdm__loop_stop(tdm__loop *loop);
/* After tdm__loop_stop and tdm__large_close. */
void tdm__loop_close(tdm__loop **loop);

/* large.c: requests that would hold up an event loop. */
tdm_status tdm__large_open(tdm_server *server, tdm__seat *seat, tdm__large **out, tdm_error *err);
void tdm__large_close(tdm__large **large);
/* Requests that wait or are worked on, and for how long the oldest has been there (0: none). Any thread; 0 for NULL. */
size_t tdm__large_depth(const tdm__large *large);
uint64_t tdm__large_oldest_ns(const tdm__large *large);

/* server_json.c: what GET /v1/status and `tandem status --json` print. */
void tdm__server_status_json(tdm_server *server, const tdm__serving *serving, tdm_json *j);

/* answering.c: from a request to the bytes of its answer, appended to `out`. False: it is a large one (out unchanged). */
typedef struct tdm__arrival {
    int64_t us;       /* wall clock at the first byte */
    uint64_t ns;      /* monotonic, the same instant */
    uint64_t reading_ns; /* from its first byte to its last, without the time when others were at work */
    uint64_t begin_ns; /* when work begins; what is neither reading nor work is queueing */
    bool more;        /* the client's next bytes are here already: they are answered too before a stop */
} tdm__arrival;
bool tdm__answer_request(tdm__seat *seat, const tdm__serving *serving, const tdm__http_request *request,
                         const tdm__arrival *arrival, tdm__buf *out, bool *close);
/* A request of which only the head is there and whose client waits with the body: true when it is refused at once, and the
 * connection ends. */
bool tdm__answer_early(tdm__seat *seat, const tdm__http_request *request, tdm__buf *out);
/* The answer to a request that no route gets to see: one that is none (`request` NULL: says that the connection ends), or
 * one that finds no room. */
void tdm__answer_fault(tdm__seat *seat, const tdm__http_request *request, const tdm_error *error, tdm__buf *out);

#endif
