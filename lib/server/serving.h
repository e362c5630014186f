/* What is being served: services of one epoch and bare models, each with lanes for every thread; and changing it.
 *
 * A tdm__serving is immutable but for its lanes, which belong to one thread each. Threads take the current one by a single
 * load at each request (tdm__seat_enter), and nothing of it is freed before every thread has passed on: quiescent-state
 * reclamation, so a request costs no lock and no count. A change is made beside it, warmed, and then one pointer is
 * swapped. */
#ifndef TDM_SERVER_SERVING_H
#define TDM_SERVER_SERVING_H

#include <stdatomic.h>
#include <tandem/epoch.h>
#include <tandem/serve.h>
#include "online/lane.h"
#include "os/threads.h"
#include "server/meters.h"

enum {
    TDM__SEATS_MAX = 257,       /* event loops, and the thread for large requests, which is the last seat */
    TDM__LOOP_ROWS = 16,        /* rows that a loop scores at a time: more is a large request */
    TDM__LARGE_ROWS = 256,      /* rows a block of a large request */
    TDM__LOOP_BODY_BYTES = 32 << 10
};

/* A bare model and each seat's memory for it. */
typedef struct tdm__model_lane {
    double *x, *y;              /* rows_max x inputs, rows_max x the widest output */
    size_t rows_max;
    tdm__arena scratch;
} tdm__model_lane;
typedef struct tdm__bare_model {
    char name[256], sha256[65];
    char *path;
    tdm__model *model;
    tdm__names_index inputs;    /* its input names */
    tdm__model_lane *lane;      /* one a seat */
    tdm__service_meters *meters; /* one a seat */
    tdm__arena arena;
} tdm__bare_model;

/* One service. */
typedef struct tdm__served {
    char name[65], release[65], table_name[16];
    tdm_error error;            /* why it cannot be served; status TDM_OK when it can */
    tdm__servable *servable;    /* not to be used with an error; may be NULL then */
    tdm__lane **lane;           /* one a seat */
    tdm__service_meters *meters; /* one a seat */
    struct tdm__pinned_state *state;
    unsigned uses;              /* servings that hold it; the control side's, under its mutex */
} tdm__served;

typedef struct tdm__serving {
    uint64_t epoch, position;   /* position: of the log, as the requests see it */
    int64_t since_us;
    struct tdm_epoch *described; /* what `status` tells of it; NULL without a home */
    tdm_server *server;
    tdm__arena arena;
    tdm__served **service;      /* by name */
    size_t n;
    tdm__names_index by_name;
    const tdm__bare_model *model;
    size_t n_models;
    char epoch_header[48];      /* "Tandem-Epoch: 7\r\n" */
} tdm__serving;
/* NULL when there is none. */
tdm__served *tdm__serving_find(const tdm__serving *serving, tdm_str service);
const tdm__bare_model *tdm__serving_model(const tdm__serving *serving, tdm_str name);
/* "there is no service 'x'" with the nearest name. Always TDM_NOT_FOUND. */
tdm_status tdm__serving_unknown(const tdm__serving *serving, tdm_str service, tdm_error *err);

#endif
