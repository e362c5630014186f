/* Staging: a serving made beside the current one, checked, touched and warmed, so that the flip is one pointer.
 *
 * A service that has not changed (its release, its table, the versions of what it reads) is shared with the serving before,
 * lanes and all. The disk's side of a cutover, with every digest and golden row, is lib/engine's: this is what follows. */
#include "server/staging.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "engine/cutover.h"
#include "release/releases.h"

static void served_close(tdm_server *server, tdm__served *v)
{
    for (unsigned i = 0; v->lane && i < server->n_seats; i++)
        tdm__lane_close(&v->lane[i]);
    tdm__free(v->lane);
    tdm__servable_close(&v->servable);
    if (v->state && --v->state->uses == 0) {
        tdm__state_close(&v->state->state);
        tdm__free(v->state);
    }
    tdm__free(v);
}

void tdm__serving_free(tdm__serving *serving)
{
    if (!serving)
        return;
    for (size_t i = 0; i < serving->n; i++)
        if (--serving->service[i]->uses == 0)
            served_close(serving->server, serving->service[i]);
    tdm_epoch_close(&serving->described);
    tdm__free(serving->service);
    tdm__arena_free(&serving->arena);
    tdm__free(serving);
}

/* Whether the sources that a package reads have the same versions in both states. */
static bool same_inputs(const tdm__package *package, const tdm__state *a, const tdm__state *b)
{
    for (size_t i = 0; i < package->n_sources; i++) {
        const tdm__source_state *before = tdm__state_find(a, package->source[i].name);
        const tdm__source_state *now = tdm__state_find(b, package->source[i].name);
        if (!before || !now || before->version != now->version || strcmp(before->digest, now->digest))
            return false;
    }
    return true;
}

/* The service as a serving has it already, if nothing of it has changed. */
static tdm__served *unchanged(const tdm__serving *serving, const tdm__service *entry, const tdm__state *state)
{
    tdm__served *v = serving ? tdm__serving_find(serving, tdm__str(entry->name)) : NULL;
    if (!v || v->error.status || strcmp(v->release, entry->release) || strcmp(v->table_name, entry->table) ||
        v->servable->table_error.status) /* a table may have been mended since */
        return NULL;
    return same_inputs(v->servable->package, v->state->state, state) ? v : NULL;
}

static tdm_status make_lanes(tdm_server *server, tdm__served *v, tdm_error *err)
{
    v->lane = tdm__zalloc(server->n_seats, sizeof *v->lane);
    if (!v->lane)
        return tdm__no_memory(err, v->name);
    tdm_status s = TDM_OK;
    for (unsigned i = 0; !s && i < server->n_seats; i++) {
        s = tdm__lane_new(v->servable, server->seat[i]->large ? TDM__LARGE_ROWS : TDM__LOOP_ROWS, &v->lane[i], err);
        if (!s)
            s = tdm__lane_warm(v->lane[i], err);
    }
    return s;
}

/* Beside a serving there is time for it; the first one is wanted at once, and lets large stores come as they are asked for. */
static void prefault(const tdm__store *store, bool at_leisure)
{
    enum { QUICKLY_BYTES = 64 << 20 };
    if (store && (at_leisure || tdm__store_bytes(store) <= QUICKLY_BYTES))
        tdm__store_prefault(store);
}

static void prefault_service(const tdm__served *v, bool at_leisure)
{
    const tdm__servable *s = v->servable;
    for (size_t i = 0; i < s->package->n_sources; i++)
        prefault(tdm__engine_store(s->engine, i), at_leisure);
    prefault(s->table ? s->table->store : NULL, at_leisure);
}

static tdm_status open_service(tdm_server *server, tdm__served *v, tdm__pinned_state *state, const tdm__service *entry,
                               tdm_error *err)
{
    tdm__package *package;
    tdm_status s = tdm__release_package(server->home, state->state, entry->release, &package, err);
    if (!s)
        s = tdm__servable_open(server->home, state->state, package, entry->table, &v->servable, err);
    if (!s) {
        v->state = state;
        state->uses++;
        prefault_service(v, atomic_load(&server->current) != NULL);
        s = make_lanes(server, v, err);
    }
    return s;
}

static tdm__served *new_service(tdm_server *server, const tdm__service *entry)
{
    tdm__served *v = tdm__new(tdm__served);
    tdm__service_meters *meters = v ? tdm__meters_of(server, entry->name) : NULL;
    if (!meters) {
        tdm__free(v);
        return NULL;
    }
    snprintf(v->name, sizeof v->name, "%s", entry->name);
    snprintf(v->release, sizeof v->release, "%s", entry->release);
    snprintf(v->table_name, sizeof v->table_name, "%s", entry->table);
    v->meters = meters;
    return v;
}

/* Whether the fault may be gone at the next try: no reason to give up what is being served. */
static bool is_passing(tdm_status s)
{
    return s == TDM_NO_MEMORY || s == TDM_SYSTEM || s == TDM_IO;
}

/* One service, shared or new. One that cannot be opened is kept with its error. */
static tdm_status add_service(tdm_server *server, tdm__serving *next, tdm__pinned_state *state,
                              const tdm__service *entry, tdm_error *err)
{
    const tdm__serving *current = atomic_load(&server->current);
    tdm__served *v = unchanged(current, entry, state->state);
    if (!v)
        v = unchanged(server->before, entry, state->state);
    if (!v) {
        v = new_service(server, entry);
        if (!v)
            return tdm__no_memory(err, entry->name);
        tdm_status s = open_service(server, v, state, entry, &v->error);
        if (is_passing(s) && current) {
            if (err)
                *err = v->error;
            served_close(server, v);
            return s;
        }
    }
    v->uses++;
    next->service[next->n++] = v;
    return TDM_OK;
}

static tdm_status read_state(tdm_server *server, tdm__pinned_state **out, tdm_error *err)
{
    *out = tdm__new(tdm__pinned_state);
    if (!*out)
        return tdm__no_memory(err, "serving");
    (*out)->uses = 1;
    tdm_status s = tdm__state_read(server->home, NULL, UINT64_MAX, &(*out)->state, err);
    if (s) {
        tdm__free(*out);
        *out = NULL;
    }
    return s;
}

static void drop_state(tdm__pinned_state *state)
{
    if (!state || --state->uses)
        return;
    tdm__state_close(&state->state);
    tdm__free(state);
}

static tdm_status index_services(tdm__serving *next, tdm_error *err)
{
    tdm_str *name = tdm__arena_array(&next->arena, next->n + 1, tdm_str);
    for (size_t i = 0; name && i < next->n; i++)
        name[i] = tdm__str(next->service[i]->name);
    return name && tdm__names_index_make(&next->by_name, name, next->n, &next->arena)
               ? TDM_OK
               : tdm__no_memory(err, "serving");
}

/* What `status` tells, from the releases that are open already. */
static tdm_status describe(tdm_server *server, tdm__serving *next, const tdm__epoch *content, tdm_error *err)
{
    const tdm__package **known = tdm__arena_array(&next->arena, next->n + 1, const tdm__package *);
    if (!known)
        return tdm__no_memory(err, "serving");
    for (size_t i = 0; i < next->n; i++)
        known[i] = next->service[i]->servable ? next->service[i]->servable->package : NULL;
    return tdm__epoch_describe(server->home, content, known, &next->described, err);
}

/* The services of an epoch over the state as it is now. */
static tdm_status add_services(tdm_server *server, tdm__serving *next, const tdm__epoch *content, tdm_error *err)
{
    tdm__pinned_state *state = NULL;
    next->service = tdm__zalloc(content->n + 1, sizeof *next->service);
    if (!next->service)
        return tdm__no_memory(err, "serving");
    tdm_status s = server->home ? read_state(server, &state, err) : TDM_OK;
    for (size_t i = 0; !s && i < content->n; i++)
        s = add_service(server, next, state, &content->service[i], err);
    if (!s && state)
        next->position = state->state->position;
    if (!s && server->home)
        s = describe(server, next, content, err);
    drop_state(state);
    return s ? s : index_services(next, err);
}

tdm_status tdm__serving_stage(tdm_server *server, const tdm__epoch *content, tdm_error *err)
{
    tdm__serving *next = tdm__new(tdm__serving);
    if (!next)
        return tdm__no_memory(err, "serving");
    next->server = server;
    next->epoch = content->number;
    next->since_us = content->since_us;
    next->model = server->model;
    next->n_models = server->n_models;
    snprintf(next->epoch_header, sizeof next->epoch_header, "Tandem-Epoch: %" PRIu64 "\r\n", content->number);
    tdm_status s = add_services(server, next, content, err);
    if (s)
        tdm__serving_free(next);
    else
        server->prepared = next;
    return s;
}

tdm_status tdm__serving_prepare(tdm_server *server, const tdm__epoch *content, tdm_error *err)
{
    tdm__mutex_lock(server->change);
    tdm_status s = tdm__serving_stage(server, content, err);
    if (s)
        tdm__mutex_unlock(server->change); /* else it stays taken until tdm__serving_finish */
    return s;
}
