/* A servable: one release with its engine and its current table, ready to answer; shared by all threads.
 *
 * Immutable once opened, so any number of threads answer from it at once, each through a lane of its own (lane.h). The
 * server keeps one for each service of its epoch; tandem predict opens one for itself. */
#ifndef TDM_ONLINE_SERVABLE_H
#define TDM_ONLINE_SERVABLE_H

#include "codec/json_scan.h"
#include "engine/engine.h"
#include "release/epoch_file.h"
#include "table/tables.h"

typedef struct tdm__servable {
    char name[65];                /* the service's */
    tdm__package *package;
    tdm__engine *engine;
    tdm_table *table;             /* NULL: none, none wanted, or damaged */
    tdm_error table_error;        /* why it could not be read; status TDM_OK when nothing is wrong */
    const tdm__state *state;      /* the caller's; its position is the answers' */
    bool has_inputs;              /* the release reads sources */
    int64_t inputs_us;            /* when the oldest of their present versions was loaded */
    const char *const *key_label; /* JSON names with quotes and colon: "\"flight\":" */
    const char *const *prediction_label;
    char release_text[200];       /* "flight-delay@9f3c..." as JSON, with its quotes */
    tdm_str *key_name, *request_name; /* terminated: also C strings, as far as they hold no NUL */
    tdm__names_index key_index, request_index;
    tdm_str *request_label;           /* as most programs write it: "\"dep_hour\":" */
    bool needs_key;               /* a join, an expression or a model reads a part of the key */
    tdm_str warning;              /* table_error as JSON text, with its quotes; empty when nothing is wrong */
    size_t answer_bytes;          /* no answer is longer, its warning and features aside */
    tdm__arena arena;
} tdm__servable;

/* Takes over `package`, also on failure. `table` is the bare name of the service's current one ("" for none); it is opened
 * when it is of this release, and a damaged one makes its rung fail, not the opening. `state` must outlive it.
 * TDM_NOT_FOUND (nothing loaded into a source), TDM_MISMATCH, TDM_NO_MEMORY. */
tdm_status tdm__servable_open(tdm_home *home, const tdm__state *state, tdm__package *package, const char *table,
                              tdm__servable **out, tdm_error *err);
void tdm__servable_close(tdm__servable **servable);

#endif
