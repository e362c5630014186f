/* A release opened for the engine, with columns to put rows in: what the tests of lib/engine work at. */
#ifndef TANDEM_TESTS_ENGINE_DESK_H
#define TANDEM_TESTS_ENGINE_DESK_H

#include <math.h>

#include "base/random.h"
#include "engine/engine.h"
#include "fixture.h"
#include "release/releases.h"

typedef struct desk {
    tdm__state *state;
    tdm__package *package;
    tdm__engine *engine;
    tdm__worker *worker;
    tdm__column key[4], request[64];
    const tdm__column *key_of[4], *request_of[64];
    tdm__arena arena;
    tdm_error err;
} desk;

static inline void desk_close(desk *d)
{
    tdm__worker_close(&d->worker);
    tdm__engine_close(&d->engine);
    tdm__package_close(&d->package);
    tdm__state_close(&d->state);
    tdm__arena_free(&d->arena);
}

/* Opens the release packed last. */
static inline void desk_open(desk *d, fixture *f)
{
    *d = (desk){0};
    assert_ok(tdm__state_read(f->home, NULL, UINT64_MAX, &d->state, &d->err), &d->err);
    assert_ok(tdm__release_package(f->home, d->state, f->id, &d->package, &d->err), &d->err);
    assert_ok(tdm__engine_new(d->package, d->state, &d->engine, &d->err), &d->err);
    assert_ok(tdm__worker_new(d->engine, TDM__BLOCK_ROWS, &d->worker, &d->err), &d->err);
    assert_true(d->package->key.n <= 4 && d->package->n_request <= 64);
    for (size_t i = 0; i < d->package->key.n; i++) {
        assert_true(tdm__column_init(&d->key[i], &d->package->key.field[i].type, &d->arena));
        d->key_of[i] = &d->key[i];
    }
    for (size_t i = 0; i < d->package->n_request; i++) {
        assert_true(tdm__column_init(&d->request[i], &d->package->slot[d->package->request_slot[i]].type, &d->arena));
        d->request_of[i] = &d->request[i];
    }
}

/* Text into row `row` of a column; NULL is missing, "" is null. */
static inline void desk_put(desk *d, tdm__column *column, size_t row, const char *text)
{
    tdm_value v = {.kind = column->type.kind, .presence = text ? TDM_NULL : TDM_MISSING};
    if (text && *text) {
        const char *kept = tdm__arena_copy(&d->arena, text, strlen(text));
        assert_ok(tdm__value_parse(&column->type, tdm__str(kept), &v, &d->err), &d->err);
        v.presence = TDM_PRESENT;
    }
    tdm__column_set(column, row, &v);
}

static inline tdm_status desk_features(desk *d, size_t rows, const tdm__record *population)
{
    tdm__engine_input in = {.rows = rows, .key = d->key_of, .request = d->request_of, .population = population,
                            .as_of_us = fixture_as_of_us};
    return tdm__engine_features(d->worker, &in, &d->err);
}

static inline tdm_value desk_value(const desk *d, const char *name, size_t row)
{
    tdm_value v;
    int slot = tdm__package_find_slot(d->package, tdm__str(name));
    assert_true(slot >= 0);
    tdm__column_get(tdm__worker_slot(d->worker, (size_t)slot), row, &v);
    return v;
}

static inline int64_t desk_i64(const desk *d, const char *name, size_t row)
{
    tdm_value v = desk_value(d, name, row);
    assert_true(v.presence == TDM_PRESENT && v.kind == TDM_I64);
    return v.as.i64;
}

/* Equal to the bit, presence included; what is not present has no value to compare. */
static inline bool desk_same(const tdm_value *a, const tdm_value *b)
{
    if (a->kind != b->kind || a->presence != b->presence)
        return false;
    if (a->presence != TDM_PRESENT)
        return true;
    switch (a->kind) {
    case TDM_STRING:
        return tdm__str_equal(a->as.str, b->as.str);
    case TDM_BOOL:
        return a->as.b == b->as.b;
    case TDM_F32:
        return memcmp(&a->as.f32, &b->as.f32, 4) == 0;
    case TDM_DECIMAL:
        return a->as.dec.lo == b->as.dec.lo && a->as.dec.hi == b->as.dec.hi && a->scale == b->scale;
    default:
        return memcmp(&a->as.i64, &b->as.i64, 8) == 0;
    }
}

#endif
