/* A lane: its memory, made once; a block from begin to answers.
 *
 * All presences lie in one piece, so that forgetting a block of few rows is one memset. A row that was refused takes part
 * in the block with nothing but missing values, which is cheaper than moving the others together. */
#include <stdio.h>
#include <string.h>
#include "base/digest.h"
#include "base/fail.h"
#include "online/lane_impl.h"
#include "os/clock.h"
#include "os/process.h"
#include "schema/instant.h"

enum { CLEARED_WHOLE = 64, WARM_GOLDEN_ROWS = 16 };

/* Columns of the lane, their presences one after another. */
static bool make_column(tdm__lane *lane, tdm__column *column, const tdm_type *type)
{
    column->type = *type;
    column->presence = lane->presence + lane->n_columns++ * lane->rows_max;
    column->as.any = tdm__arena_zalloc(&lane->arena, lane->rows_max, tdm__kind_size(type->kind));
    return column->as.any != NULL;
}

static bool make_columns(tdm__lane *lane)
{
    const tdm__package *p = lane->servable->package;
    tdm__arena *a = &lane->arena;
    size_t n_key = p->key.n, n_request = p->n_request;
    if (!((lane->key = tdm__arena_array(a, n_key + 1, tdm__column)) &&
          (lane->request = tdm__arena_array(a, n_request + 1, tdm__column)) &&
          (lane->key_of = tdm__arena_array(a, n_key + 1, const tdm__column *)) &&
          (lane->request_of = tdm__arena_array(a, n_request + 1, const tdm__column *)) &&
          (lane->presence = tdm__arena_array(a, (n_key + n_request) * lane->rows_max + 1, uint8_t)) &&
          (lane->answer = tdm__arena_array(a, lane->rows_max, tdm__answer))))
        return false;
    for (size_t i = 0; i < n_key; i++) {
        lane->key_of[i] = &lane->key[i];
        if (!make_column(lane, &lane->key[i], &p->key.field[i].type))
            return false;
    }
    for (size_t i = 0; i < n_request; i++) {
        lane->request_of[i] = &lane->request[i];
        if (!make_column(lane, &lane->request[i], &p->slot[p->request_slot[i]].type))
            return false;
    }
    return true;
}

/* Ids of two lanes differ even when they are made in the same millisecond. */
static void seed(tdm__lane *lane)
{
    uint64_t from[4] = {tdm__monotonic_ns(), (uint64_t)tdm__now_us(), (uint64_t)tdm__process_id(),
                        (uint64_t)(uintptr_t)lane};
    tdm__random_seed(&lane->random, tdm__hash64(from, sizeof from));
}

tdm_status tdm__lane_new(const tdm__servable *servable, size_t rows_max, tdm__lane **out, tdm_error *err)
{
    tdm__lane *lane = *out = tdm__new(tdm__lane);
    if (!lane)
        return tdm__no_memory(err, servable->name);
    lane->servable = servable;
    lane->rows_max = rows_max;
    tdm_status s = tdm__worker_new(servable->engine, rows_max, &lane->worker, err);
    if (!s && (!make_columns(lane) || !tdm__answering_init(&lane->answering, lane->worker, servable->package, rows_max,
                                                           &lane->arena)))
        s = tdm__no_memory(err, servable->name);
    seed(lane);
    if (s)
        tdm__lane_close(out);
    return s;
}

void tdm__lane_close(tdm__lane **lane)
{
    tdm__lane *l = *lane;
    if (!l)
        return;
    tdm__answering_free(&l->answering);
    tdm__worker_close(&l->worker);
    tdm__arena_free(&l->texts);
    tdm__arena_free(&l->arena);
    tdm__free(l);
    *lane = NULL;
}

const tdm__servable *tdm__lane_servable(const tdm__lane *lane)
{
    return lane->servable;
}

size_t tdm__lane_rows_max(const tdm__lane *lane)
{
    return lane->rows_max;
}

void tdm__lane_begin(tdm__lane *lane, size_t rows)
{
    lane->rows = rows;
    if (rows == lane->rows_max || lane->rows_max <= CLEARED_WHOLE)
        memset(lane->presence, TDM_MISSING, lane->n_columns * lane->rows_max);
    else
        for (size_t i = 0; i < lane->n_columns; i++)
            memset(lane->presence + i * lane->rows_max, TDM_MISSING, rows);
    memset(lane->answer, 0, rows * sizeof *lane->answer);
    tdm__error_pool_empty(&lane->answering.errors);
    tdm__arena_reset(&lane->texts);
}

tdm__column *tdm__lane_key(tdm__lane *lane, size_t i)
{
    return &lane->key[i];
}

tdm__column *tdm__lane_request(tdm__lane *lane, size_t i)
{
    return &lane->request[i];
}

tdm__arena *tdm__lane_texts(tdm__lane *lane)
{
    return &lane->texts;
}

bool tdm__lane_needs_key(const tdm__lane *lane)
{
    return lane->servable->needs_key;
}

tdm_status tdm__lane_refuse(tdm__lane *lane, size_t row, const tdm_error *error, tdm_error *err)
{
    if (lane->answer[row].error)
        return TDM_OK;
    tdm_error *kept = tdm__error_pool_take(&lane->answering.errors);
    if (!kept)
        return tdm__no_memory(err, "question");
    *kept = *error;
    lane->answer[row].error = kept;
    return TDM_OK;
}

static void forget_row(tdm__lane *lane, size_t row)
{
    for (size_t i = 0; i < lane->n_columns; i++)
        lane->presence[i * lane->rows_max + row] = TDM_MISSING;
}

tdm_status tdm__lane_features(tdm__lane *lane, int64_t as_of_us, bool *none, tdm_error *err)
{
    *none = true;
    for (size_t row = 0; row < lane->rows; row++) {
        tdm_status s = tdm__question_check_key(lane, row, err);
        if (s)
            return s;
        if (lane->answer[row].error)
            forget_row(lane, row);
        else
            *none = false;
    }
    tdm__engine_input input = {
        .rows = lane->rows, .key = lane->key_of, .request = lane->request_of, .as_of_us = as_of_us};
    return *none ? TDM_OK : tdm__engine_features(lane->worker, &input, err);
}

/* What all answers of the block share. */
static void begin_answers(tdm__lane *lane, int64_t as_of_us)
{
    lane->millisecond = (uint64_t)(tdm__quick_now_us(tdm__quick_ns()) / 1000) & 0xffffffffffff;
    lane->as_of_len = tdm__instant_format(as_of_us, lane->as_of);
}

tdm_status tdm__lane_answer(tdm__lane *lane, int64_t as_of_us, tdm__lane_times *spent, tdm_error *err)
{
    const tdm__servable *v = lane->servable;
    bool none;
    uint64_t begun = spent ? tdm__quick_ns() : 0;
    begin_answers(lane, as_of_us);
    tdm_status s = tdm__lane_features(lane, as_of_us, &none, err);
    uint64_t between = spent ? tdm__quick_ns() : 0;
    tdm__answer_sources from = {.table = v->table, .table_error = v->table_error.status ? &v->table_error : NULL,
                                .key = lane->key_of, .as_of_us = as_of_us, .has_inputs = v->has_inputs,
                                .inputs_us = v->inputs_us};
    if (!s && !none)
        s = tdm__answer_block(&lane->answering, &from, lane->answer, lane->rows, err);
    if (spent) {
        spent->ended_ns = tdm__quick_ns();
        spent->features_ns += between - begun;
        spent->models_ns += spent->ended_ns - between;
    }
    return s;
}

const tdm_error *tdm__lane_error(const tdm__lane *lane, size_t row)
{
    return lane->answer[row].error;
}

tdm__rung tdm__lane_rung(const tdm__lane *lane, size_t row)
{
    return lane->answer[row].rung;
}

const double *tdm__lane_prediction(const tdm__lane *lane, size_t row)
{
    return lane->answer[row].prediction;
}

/* Runs the models on what the worker has: results and failures are of no interest. */
static tdm_status run_models(tdm__lane *lane, tdm_error *err)
{
    tdm_status s = tdm__engine_predict(lane->worker, TDM__USE_MAIN, err);
    if (!s && lane->servable->package->manifest->simple >= 0)
        s = tdm__engine_predict(lane->worker, TDM__USE_SIMPLE, err);
    return s;
}

/* Keys that are in no source: so that lookups touch the indexes. */
static void fill_keys(tdm__lane *lane)
{
    for (size_t k = 0; k < lane->servable->package->key.n; k++)
        for (size_t row = 0; row < lane->rows; row++) {
            tdm_value v = {.kind = lane->key[k].type.kind, .presence = TDM_PRESENT};
            if (v.kind == TDM_STRING)
                v.as.str = tdm__str("a key that nobody has");
            tdm__column_set(&lane->key[k], row, &v);
        }
}

/* Memory that only some questions want: escapes, errors, the table's rung. */
static bool touch(tdm__lane *lane)
{
    return tdm__arena_alloc(&lane->texts, 1) && tdm__error_pool_take(&lane->answering.errors) &&
           tdm__buf_reserve(&lane->answering.key, 256);
}

tdm_status tdm__lane_warm(tdm__lane *lane, tdm_error *err)
{
    const tdm__package *p = lane->servable->package;
    tdm__engine_input input = {.rows = lane->rows_max, .key = lane->key_of, .request = lane->request_of,
                               .as_of_us = tdm__now_us()};
    tdm__lane_begin(lane, lane->rows_max);
    fill_keys(lane);
    tdm_status s = touch(lane) ? tdm__engine_features(lane->worker, &input, err)
                               : tdm__no_memory(err, lane->servable->name);
    if (!s)
        s = run_models(lane, err);
    for (size_t i = 0; !s && i < p->n_golden && i < WARM_GOLDEN_ROWS; i++) {
        s = tdm__engine_golden_features(lane->worker, i, err);
        if (!s)
            s = run_models(lane, err);
    }
    return s;
}
