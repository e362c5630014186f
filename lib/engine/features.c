/* A block's features: key and request, then the package's steps in order, defaults as soon as a slot is filled.
 *
 * The plan is explained in release/package.h. What a lookup does not find is missing, and that is a value like others:
 * an expression or a default decides what it means. */
#include <string.h>
#include "base/fail.h"
#include "engine/engine_impl.h"

/* A copy of a given column, with the default where there is no value; nothing given is missing. */
static tdm_status copy_column(tdm__worker *w, int slot, const tdm__column *given, tdm_error *err)
{
    tdm__column *own = tdm__worker_own(w, slot);
    if (!own)
        return tdm__no_memory(err, "worker");
    if (given) {
        memcpy(own->presence, given->presence, w->rows);
        memcpy(own->as.any, given->as.any, w->rows * tdm__kind_size(given->type.kind));
    } else {
        tdm__column_clear(own, w->rows);
    }
    w->slot[slot] = own;
    tdm__worker_default(w, slot);
    return TDM_OK;
}

/* A given column as it is, unless a default may have to go into it. */
static inline tdm_status take_column(tdm__worker *w, int slot, const tdm__column *given, tdm_error *err)
{
    if (!given || w->engine->has_default[slot])
        return copy_column(w, slot, given, err);
    w->slot[slot] = given;
    return TDM_OK;
}

static tdm_status take_input(tdm__worker *w, const tdm__engine_input *input, tdm_error *err)
{
    const tdm__package *p = w->engine->package;
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < p->key.n; i++)
        s = take_column(w, (int)i, input->key[i], err);
    for (size_t i = 0; !s && i < p->n_request; i++)
        s = take_column(w, p->request_slot[i], input->request[i], err);
    return s;
}

/* The key text of each row, {NULL, 0} where a part has no value. */
static tdm_status join_keys(tdm__worker *w, const tdm__join *join, size_t n_parts, tdm_error *err)
{
    tdm_value part[TDM__KEY_PARTS_MAX];
    tdm__buf_reset(&w->key_bytes);
    for (size_t row = 0; row < w->rows; row++) {
        bool whole = true;
        for (size_t k = 0; k < n_parts; k++) {
            tdm__column_get(w->slot[join->key_slot[k]], row, &part[k]);
            whole &= part[k].presence == TDM_PRESENT;
        }
        size_t before = w->key_bytes.len;
        if (whole)
            tdm__key_join(part, n_parts, &w->key_bytes);
        w->key[row] = (tdm_str){.ptr = NULL, .len = w->key_bytes.len - before};
    }
    if (w->key_bytes.failed)
        return tdm__no_memory(err, "worker");
    size_t at = 0;
    for (size_t row = 0; row < w->rows; row++) { /* only now does the buffer stand still */
        if (w->key[row].len)
            w->key[row].ptr = w->key_bytes.ptr + at;
        at += w->key[row].len;
    }
    return TDM_OK;
}

static tdm_status look_up(tdm__worker *w, const tdm__join *join, tdm_error *err)
{
    const tdm__package *p = w->engine->package;
    const tdm__store *store = w->engine->store[join->source];
    tdm_status s = join_keys(w, join, p->source[join->source].n_key, err);
    size_t n = 0;
    tdm_str *key = w->key;
    for (size_t row = 0; !s && row < w->rows; row++) /* rows with a key, in runs */
        if (key[row].ptr) {
            size_t end = row + 1;
            while (end < w->rows && key[end].ptr)
                end++;
            n = end - row;
            s = tdm__store_get_many(store, key + row, n, w->record + row, err);
            row = end - 1;
        } else {
            w->record[row] = (tdm__record){0};
        }
    return s;
}

/* Freshness is a property of the source: its version is as old as its load. Up to max_age a value is fresh, up to
 * last_good it stands in and the block is stale; an older one is no value. The same on both paths, since it depends on
 * the as-of alone. */
static bool too_old(tdm__worker *w, const tdm__engine_input *input, const tdm__join *join, const tdm__slot *slot)
{
    int64_t age = input->as_of_us - w->engine->loaded_us[join->source];
    if (!slot->max_age_us || age <= slot->max_age_us)
        return false;
    if (age > slot->last_good_us) /* 0 when not given */
        return true;
    w->stale = true;
    return false;
}

static tdm_status run_join(tdm__worker *w, const tdm__engine_input *input, int index, tdm_error *err)
{
    const tdm__package *p = w->engine->package;
    const tdm__join *join = &p->join[index];
    const tdm__record *record = w->record;
    if (join->by_entity && join->source == p->population && input->population) {
        record = input->population;
    } else {
        tdm_status s = look_up(w, join, err);
        if (s)
            return s;
    }
    for (size_t c = 0; c < join->n_columns; c++) {
        int slot = join->column[c].slot, from = w->engine->store_column[index][c];
        tdm__column *own = tdm__worker_own(w, slot);
        if (!own)
            return tdm__no_memory(err, "worker");
        tdm__column_clear(own, w->rows);
        if (too_old(w, input, join, &p->slot[slot]))
            from = -1;
        for (size_t row = 0; from >= 0 && row < w->rows; row++) {
            tdm_value v;
            if (!record[row].bytes)
                continue;
            tdm__record_value(&record[row], (size_t)from, &v);
            tdm__column_set(own, row, &v);
        }
        w->slot[slot] = own;
        tdm__worker_default(w, slot);
    }
    return TDM_OK;
}

static tdm_status run_expression(tdm__worker *w, int slot, int64_t as_of_us, tdm_error *err)
{
    const tdm__slot *plan = &w->engine->package->slot[slot];
    tdm__column *own = tdm__worker_own(w, slot);
    if (!own)
        return tdm__no_memory(err, "worker");
    tdm_status s = tdm__expression_eval(plan->expression, w->slot, w->rows, as_of_us, &w->scratch, own, err);
    w->slot[slot] = own;
    if (!s)
        tdm__worker_default(w, slot);
    return s;
}

static void count_nulls(tdm__worker *w)
{
    const tdm__package *p = w->engine->package;
    size_t n = p->manifest->n_features, rows = w->rows;
    for (size_t i = 0; i < n; i++) {
        int slot = p->feature_slot[i];
        const uint8_t *presence = w->slot[slot]->presence;
        uint64_t nulls = presence[0] != TDM_PRESENT;
        for (size_t row = 1; row < rows; row++)
            nulls += presence[row] != TDM_PRESENT;
        w->null_count[slot] += nulls;
    }
}

tdm_status tdm__engine_features(tdm__worker *w, const tdm__engine_input *input, tdm_error *err)
{
    const tdm__package *p = w->engine->package;
    tdm__worker_begin(w, input->rows);
    tdm_status s = take_input(w, input, err);
    for (size_t i = 0; !s && i < p->n_steps; i++) {
        if (p->step[i].kind == TDM__STEP_JOIN)
            s = run_join(w, input, p->step[i].index, err);
        else
            s = run_expression(w, p->step[i].index, input->as_of_us, err);
    }
    if (!s)
        count_nulls(w);
    return s;
}

/* Fills every slot that is not an expression's from the golden row. */
static tdm_status take_golden(tdm__worker *w, const tdm__golden_row *golden, tdm_error *err)
{
    const tdm__package *p = w->engine->package;
    for (size_t i = 0; i < p->n_slots; i++) {
        if (p->slot[i].origin == TDM__ORIGIN_EXPRESSION)
            continue;
        tdm__column *own = tdm__worker_own(w, (int)i);
        if (!own)
            return tdm__no_memory(err, "worker");
        tdm__column_clear(own, 1);
        w->slot[i] = own;
    }
    for (size_t i = 0; i < golden->n_given; i++)
        tdm__column_set(&w->own[golden->slot[i]], 0, &golden->value[i]);
    for (size_t i = 0; i < p->n_slots; i++)
        if (p->slot[i].origin != TDM__ORIGIN_EXPRESSION)
            tdm__worker_default(w, (int)i);
    return TDM_OK;
}

tdm_status tdm__engine_golden_features(tdm__worker *w, size_t i, tdm_error *err)
{
    const tdm__package *p = w->engine->package;
    tdm__worker_begin(w, 1);
    tdm_status s = take_golden(w, &p->golden[i], err);
    for (size_t step = 0; !s && step < p->n_steps; step++)
        if (p->step[step].kind == TDM__STEP_EXPRESSION)
            s = run_expression(w, p->step[step].index, p->golden[i].as_of_us, err);
    return s;
}
