/* Building an engine and its workers: everything that is done once.
 *
 * Invariant: after tdm__engine_new nothing of the engine changes, and after the first block of a worker its memory is
 * there. */
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "engine/engine_impl.h"

static tdm_status check_sources(const tdm__package *package, const tdm__state *state, tdm_error *err)
{
    tdm__source_catalog catalog = tdm__state_catalog((tdm__state *)state);
    return tdm__package_fits(package, &catalog, err);
}

static tdm_status open_stores(tdm__engine *e, const tdm__state *state, tdm_error *err)
{
    const tdm__package *p = e->package;
    e->store = tdm__arena_array(&e->arena, p->n_sources + 1, tdm__store *);
    e->loaded_us = tdm__arena_array(&e->arena, p->n_sources + 1, int64_t);
    if (!e->store || !e->loaded_us)
        return tdm__no_memory(err, "engine");
    for (size_t i = 0; i < p->n_sources; i++) {
        const tdm__source_state *source;
        tdm_status s = tdm__state_need(state, p->source[i].name, &source, err);
        if (!s)
            s = tdm__state_open_store(state, source, &e->store[i], err);
        if (s)
            return s;
        e->loaded_us[i] = source->loaded_us;
    }
    return TDM_OK;
}

/* Where each joined column lies in the store that is open: by name, for a store may be older than the definition. */
static tdm_status map_columns(tdm__engine *e, tdm_error *err)
{
    const tdm__package *p = e->package;
    e->store_column = tdm__arena_array(&e->arena, p->n_joins + 1, int *);
    if (!e->store_column)
        return tdm__no_memory(err, "engine");
    for (size_t j = 0; j < p->n_joins; j++) {
        const tdm__join *join = &p->join[j];
        int *column = tdm__arena_array(&e->arena, join->n_columns + 1, int);
        if (!column)
            return tdm__no_memory(err, "engine");
        for (size_t c = 0; c < join->n_columns; c++) {
            tdm_str name = p->source[join->source].schema.field[join->column[c].column].name;
            column[c] = tdm__schema_find(tdm__store_schema(e->store[join->source]), name);
        }
        e->store_column[j] = column;
    }
    return TDM_OK;
}

/* Which key parts something reads, as bits: a join, an expression, a model. */
static uint64_t keys_read(const tdm__package *p)
{
    uint64_t read = 0, keys = ((uint64_t)1 << p->key.n) - 1;
    for (size_t j = 0; j < p->n_joins; j++)
        for (size_t k = 0; k < p->source[p->join[j].source].n_key; k++)
            read |= p->join[j].key_slot[k] < 64 ? (uint64_t)1 << p->join[j].key_slot[k] : 0;
    for (size_t i = 0; i < p->n_slots; i++) {
        size_t n = 0;
        const int *slot = p->slot[i].expression ? tdm__expression_slots(p->slot[i].expression, &n) : NULL;
        for (size_t k = 0; k < n; k++)
            read |= slot[k] < 64 ? (uint64_t)1 << slot[k] : 0;
    }
    for (size_t i = 0; i < p->manifest->n_models; i++)
        for (size_t k = 0; k < p->n_slots && k < p->key.n; k++)
            read |= (uint64_t)(p->model[i].needs[k] != 0) << k;
    return read & keys;
}

/* A key part that nobody reads may lack. */
static tdm_status note_slots(tdm__engine *e, tdm_error *err)
{
    const tdm__package *p = e->package;
    e->required = tdm__arena_array(&e->arena, p->n_slots + 1, int);
    e->has_default = tdm__arena_array(&e->arena, p->n_slots + 1, uint8_t);
    if (!e->required || !e->has_default)
        return tdm__no_memory(err, "engine");
    e->keys_read = keys_read(p);
    for (size_t i = 0; i < p->n_slots; i++) {
        e->has_default[i] = p->slot[i].fallback.presence == TDM_PRESENT;
        if (p->slot[i].required && (i >= p->key.n || e->keys_read >> i & 1))
            e->required[e->n_required++] = (int)i;
    }
    return TDM_OK;
}

static tdm_status note_models(tdm__engine *e, tdm_error *err)
{
    const tdm__manifest *m = e->package->manifest;
    e->model_raw = tdm__arena_array(&e->arena, m->n_models + 1, uint8_t);
    e->model_used = tdm__arena_array(&e->arena, m->n_models + 1, uint8_t);
    if (!e->model_raw || !e->model_used)
        return tdm__no_memory(err, "engine");
    for (size_t i = 0; i < m->n_predictions; i++) {
        if (m->prediction[i].raw)
            e->model_raw[m->prediction[i].model] = 1;
        else
            e->model_used[m->prediction[i].model] = 1;
    }
    return TDM_OK;
}

tdm_status tdm__engine_new(const tdm__package *package, const tdm__state *state, tdm__engine **out, tdm_error *err)
{
    *out = NULL;
    tdm__engine *e = tdm__new(tdm__engine);
    if (!e)
        return tdm__no_memory(err, "engine");
    e->package = package;
    tdm_status s = note_models(e, err);
    if (!s)
        s = note_slots(e, err);
    if (!s && state)
        s = check_sources(package, state, err);
    if (!s && state)
        s = open_stores(e, state, err);
    if (!s && state)
        s = map_columns(e, err);
    if (s)
        tdm__engine_close(&e);
    *out = e;
    return s;
}

void tdm__engine_close(tdm__engine **engine)
{
    tdm__engine *e = *engine;
    if (!e)
        return;
    for (size_t i = 0; e->store && i < e->package->n_sources; i++)
        tdm__store_close(&e->store[i]);
    tdm__arena_free(&e->arena);
    tdm__free(e);
    *engine = NULL;
}

const tdm__package *tdm__engine_package(const tdm__engine *engine)
{
    return engine->package;
}

const tdm__store *tdm__engine_store(const tdm__engine *engine, size_t source)
{
    return engine->store ? engine->store[source] : NULL;
}

bool tdm__engine_reads_key(const tdm__engine *engine)
{
    return engine->keys_read != 0;
}

/* Doubles that the widest model takes and gives for a row. */
static void widest(const tdm__package *p, size_t *inputs, size_t *outputs)
{
    *inputs = *outputs = 1;
    for (size_t i = 0; i < p->manifest->n_models; i++) {
        const tdm__model_info *info = tdm__model_info_of(p->model[i].model);
        *inputs = info->n_inputs > *inputs ? info->n_inputs : *inputs;
        *outputs = info->n_outputs > *outputs ? info->n_outputs : *outputs;
    }
}

static int make_room(tdm__worker *w)
{
    const tdm__package *p = w->engine->package;
    tdm__arena *a = &w->arena;
    size_t inputs, outputs, rows = w->rows_max;
    size_t simple_rows = p->manifest->simple >= 0 ? rows : 0;
    widest(p, &inputs, &outputs);
    return (w->slot = tdm__arena_array(a, p->n_slots + 1, const tdm__column *)) &&
           (w->own = tdm__arena_array(a, p->n_slots + 1, tdm__column)) &&
           (w->default_count = tdm__arena_array(a, p->n_slots + 1, uint64_t)) &&
           (w->null_count = tdm__arena_array(a, p->n_slots + 1, uint64_t)) &&
           (w->defaulted = tdm__arena_array(a, rows, uint32_t)) &&
           (w->lacks = tdm__arena_array(a, rows, uint32_t)) &&
           (w->use[TDM__USE_MAIN].prediction = tdm__arena_array(a, rows * p->manifest->n_predictions + 1, double)) &&
           (w->use[TDM__USE_SIMPLE].prediction = tdm__arena_array(a, simple_rows * p->manifest->n_predictions + 1, double)) &&
           (w->x = tdm__arena_array(a, rows * inputs, double)) &&
           (w->y = tdm__arena_array(a, rows * outputs, double)) &&
           (w->record = tdm__arena_array(a, rows, tdm__record)) && (w->key = tdm__arena_array(a, rows, tdm_str));
}

tdm_status tdm__worker_new(const tdm__engine *engine, size_t rows_max, tdm__worker **out, tdm_error *err)
{
    *out = tdm__new(tdm__worker);
    if (!*out)
        return tdm__no_memory(err, "worker");
    (*out)->engine = engine;
    (*out)->rows_max = rows_max;
    (*out)->now = (*out)->use;
    if (make_room(*out))
        return TDM_OK;
    tdm__worker_close(out);
    return tdm__no_memory(err, "worker");
}

void tdm__worker_close(tdm__worker **worker)
{
    tdm__worker *w = *worker;
    if (!w)
        return;
    tdm__buf_free(&w->key_bytes);
    for (size_t i = 0; i < 2; i++)
        tdm__free(w->use[i].failed);
    tdm__arena_free(&w->model_scratch);
    tdm__arena_free(&w->scratch);
    tdm__arena_free(&w->arena);
    tdm__free(w);
    *worker = NULL;
}

tdm__column *tdm__worker_own(tdm__worker *w, int slot)
{
    tdm__column *column = &w->own[slot], made = {0};
    if (column->presence)
        return column;
    if (!tdm__column_init_rows(&made, &w->engine->package->slot[slot].type, w->rows_max, &w->arena))
        return NULL; /* what was made by half does not count: the block may be tried again */
    *column = made;
    return column;
}

void tdm__worker_begin(tdm__worker *w, size_t rows)
{
    w->rows = rows;
    w->use[TDM__USE_MAIN].n_failed = w->use[TDM__USE_SIMPLE].n_failed = 0;
    w->stale = false;
    memset(w->defaulted, 0, rows * sizeof *w->defaulted);
    tdm__arena_reset(&w->scratch);
}

tdm_status tdm__worker_fail(tdm__worker *w, size_t row, const char *stage, const tdm_error *error, tdm_error *err)
{
    tdm__worker_use *use = w->now;
    if (!tdm__grow(use->failed, use->cap_failed, use->n_failed + 1))
        return tdm__no_memory(err, "worker");
    tdm__failed_row *failed = &use->failed[use->n_failed++];
    failed->row = (uint32_t)row;
    failed->stage = stage;
    failed->error = *error;
    return TDM_OK;
}

void tdm__worker_default(tdm__worker *w, int slot)
{
    const tdm_value *fallback = &w->engine->package->slot[slot].fallback;
    tdm__column *column = &w->own[slot];
    if (!w->engine->has_default[slot])
        return;
    for (size_t row = 0; row < w->rows; row++) {
        if (column->presence[row] == TDM_PRESENT)
            continue;
        tdm__column_set(column, row, fallback);
        w->defaulted[row]++;
        w->default_count[slot]++;
    }
}

tdm__engine_result tdm__worker_result(const tdm__worker *worker, tdm__engine_use use)
{
    const tdm__worker_use *u = &worker->use[use];
    return (tdm__engine_result){.prediction = u->prediction, .failed = u->failed, .n_failed = u->n_failed};
}

const double *tdm__worker_predictions(const tdm__worker *worker)
{
    return worker->now->prediction;
}

const tdm__failed_row *tdm__worker_failed(const tdm__worker *worker, size_t *n)
{
    *n = worker->now->n_failed;
    return worker->now->failed;
}

const tdm__column *tdm__worker_slot(const tdm__worker *worker, size_t slot)
{
    return worker->slot[slot];
}

uint32_t tdm__worker_defaulted(const tdm__worker *worker, size_t row)
{
    return worker->defaulted[row];
}

bool tdm__worker_stale(const tdm__worker *worker)
{
    return worker->stale;
}

const uint64_t *tdm__worker_default_counts(const tdm__worker *worker)
{
    return worker->default_count;
}

const uint64_t *tdm__worker_null_counts(const tdm__worker *worker)
{
    return worker->null_count;
}
