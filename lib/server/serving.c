/* The current serving: taking it without a lock, replacing it, freeing what nobody can see any more.
 *
 * A seat says in `seen` which generation it knows of, and UINT64_MAX while it waits for work and holds nothing. A changer
 * swaps the pointer, raises the generation, and then waits until every seat knows of it or waits: from then on no thread
 * can hold the serving before (quiescent-state based reclamation; P. McKenney). */
#include "server/serving.h"

#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "os/clock.h"
#include "server/staging.h"

/* The order matters and is sequentially consistent: a changer that still finds the seat waiting has swapped before, so the
 * load below gives the new one. */
const tdm__serving *tdm__seat_enter(tdm__seat *seat)
{
    tdm_server *server = seat->server;
    atomic_store(&seat->seen, atomic_load(&server->generation));
    return atomic_load(&server->current);
}

void tdm__seat_leave(tdm__seat *seat)
{
    atomic_store(&seat->seen, UINT64_MAX);
}

/* Counted before the load, so that whoever replaced the pointer earlier and finds no hold knows that nobody has it. */
const tdm__serving *tdm__serving_hold(tdm_server *server)
{
    atomic_fetch_add(&server->held, 1);
    return atomic_load(&server->current);
}

void tdm__serving_release(tdm_server *server)
{
    atomic_fetch_sub(&server->held, 1);
}

tdm__served *tdm__serving_find(const tdm__serving *serving, tdm_str service)
{
    int at = tdm__names_index_find(&serving->by_name, service, 0);
    return at < 0 ? NULL : serving->service[at];
}

const tdm__bare_model *tdm__serving_model(const tdm__serving *serving, tdm_str name)
{
    for (size_t i = 0; i < serving->n_models; i++)
        if (tdm__str_is(name, serving->model[i].name))
            return &serving->model[i];
    return NULL;
}

tdm_status tdm__serving_unknown(const tdm__serving *serving, tdm_str service, tdm_error *err)
{
    const char *name[TDM__SERVICES_MAX];
    for (size_t i = 0; i < serving->n; i++)
        name[i] = serving->service[i]->name;
    tdm_status s = tdm__fail(err, TDM_NOT_FOUND, "service", "there is no service of this name");
    tdm__fail_found_text(err, service);
    const char *near = tdm__nearest(service, name, serving->n);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    else if (tdm__serving_model(serving, service))
        tdm__fail_hint(err, "a bare model answers at /v2/models/%.*s/infer", (int)service.len, service.ptr);
    else if (serving->n == 0)
        tdm__fail_hint(err, "nothing is current yet; 'tandem promote RELEASE' makes it so");
    return s;
}

/* Until every seat has passed a generation, and nobody holds a serving by count. */
static void wait_for_seats(tdm_server *server, uint64_t generation)
{
    for (unsigned i = 0; i < server->n_seats; i++)
        while (atomic_load(&server->seat[i]->seen) < generation)
            tdm__sleep_us(200);
    while (atomic_load(&server->held))
        tdm__sleep_us(200);
}

void tdm__serving_finish(tdm_server *server, bool commit)
{
    tdm__serving *next = server->prepared, *retired = next;
    server->prepared = NULL;
    if (next && commit) {
        retired = server->before;
        server->before = atomic_exchange(&server->current, next);
        /* What retires now was replaced a flip ago: only a request that has lasted since then is waited for. */
        if (retired)
            wait_for_seats(server, server->before_generation);
        server->before_generation = atomic_fetch_add(&server->generation, 1) + 1;
    }
    tdm__serving_free(retired);
    tdm__mutex_unlock(server->change);
}

tdm_status tdm__serving_refresh(tdm_server *server, tdm_error *err)
{
    tdm__epoch *content = tdm__new(tdm__epoch);
    if (!content)
        return tdm__no_memory(err, "serving");
    *content = (tdm__epoch){0};
    tdm__mutex_lock(server->change); /* first: what is current may be changing */
    tdm_status s = server->home ? tdm__epoch_read_current(server->home, content, err) : TDM_OK;
    if (!s)
        s = tdm__serving_stage(server, content, err);
    tdm__free(content);
    if (!s)
        tdm__serving_finish(server, true);
    else
        tdm__mutex_unlock(server->change);
    return s;
}

void tdm__serving_close_all(tdm_server *server)
{
    tdm__serving_free(server->prepared);
    tdm__serving_free(server->before);
    tdm__serving_free(atomic_load(&server->current));
    server->prepared = server->before = NULL;
    atomic_store(&server->current, NULL);
}
