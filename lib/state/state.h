/* State: which sources there are and which version of each, and which releases, as the log tells it up to a position.
 *
 * The log holds three kinds of frames: a source's definition (its canonical text), a version of a table source (a JSON
 * object that names an immutable store), and the packing of a release (a JSON object with its id). Reading the log up
 * to p gives the state at p, whatever came later; that is what a run's snapshot and an answer's p mean. */
#ifndef TDM_STATE_STATE_H
#define TDM_STATE_STATE_H

#include "state/home.h"
#include "state/source.h"
#include "store/store.h"

enum tdm__log_kind { TDM__LOG_SOURCE = 1, TDM__LOG_TABLE = 2, TDM__LOG_RELEASE = 3 };

typedef struct tdm__source_state {
    tdm__source source;   /* the newest definition */
    uint64_t version;     /* 0: nothing loaded */
    uint64_t rows;
    char digest[17];      /* of the store's content */
    int64_t loaded_us;
} tdm__source_state;

typedef struct tdm__release_state {
    char id[65], name[65];
    int64_t packed_us;
} tdm__release_state;

typedef struct tdm__state {
    tdm_home *home;
    tdm__arena arena;
    uint64_t position;    /* behind the last frame that was read */
    tdm__source_state *source; /* by name */
    size_t n, cap;
    tdm__release_state *release; /* each id once, in the order of its last packing: the newest is last */
    size_t n_releases, cap_releases;
} tdm__state;

/* Reads the state up to `position` (UINT64_MAX: all that is durable). `log` NULL takes the one that the home
 * holds, or opens it for reading. TDM_CORRUPT. */
tdm_status tdm__state_read(tdm_home *home, tdm__log_handle *log, uint64_t position, tdm__state **out, tdm_error *err);
void tdm__state_close(tdm__state **state);
/* NULL when there is none. */
const tdm__source_state *tdm__state_find(const tdm__state *state, tdm_str name);
/* TDM_NOT_FOUND with "did you mean" when there is no such source. */
tdm_status tdm__state_need(const tdm__state *state, tdm_str name, const tdm__source_state **out, tdm_error *err);
/* The store of the present version. TDM_NOT_FOUND when nothing is loaded; TDM_CORRUPT when its digest is not the logged
 * one. */
tdm_status tdm__state_open_store(const tdm__state *state, const tdm__source_state *source, tdm__store **out,
                                 tdm_error *err);
/* For whoever checks manifests. Lives as long as the state. */
tdm__source_catalog tdm__state_catalog(tdm__state *state);

#endif
