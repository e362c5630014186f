/* One row's answer, rung by rung, as plainly as it can be said: what answer.c must give for each row of any block.
 *
 * It runs the models anew for each rung that wants them and knows nothing of other rows. */
#ifndef TANDEM_TESTS_ANSWER_REFERENCE_H
#define TANDEM_TESTS_ANSWER_REFERENCE_H

#include "base/fail.h"
#include "engine/engine.h"
#include "table/tables.h"

typedef struct reference_answer {
    tdm__rung rung;
    double *prediction; /* the caller's */
    bool has_oldest_input, stale;
    int64_t oldest_input_us;
} reference_answer;

typedef struct reference_sources {
    const tdm_table *table;
    const tdm_error *table_error;
    tdm_str key;
    int64_t as_of_us, inputs_us;
    bool has_inputs;
} reference_sources;

typedef struct reference {
    tdm__worker *worker;
    const tdm__package *package;
    const reference_sources *from;
    reference_answer *out;
    tdm_error reason;     /* why the first rung that failed did */
    bool has_reason;
} reference;

static inline void reference_remember(reference *a, const tdm_error *error)
{
    if (!a->has_reason)
        a->reason = *error;
    a->has_reason = true;
}

/* Runs models on the row. TDM_OK with *answered, or an error of the machine. */
static inline tdm_status reference_use_models(reference *a, tdm__engine_use use, bool *answered, tdm_error *err)
{
    size_t n;
    *answered = false;
    tdm_status s = tdm__engine_predict(a->worker, use, err);
    if (s)
        return s;
    const tdm__failed_row *failed = tdm__worker_failed(a->worker, &n);
    if (n) {
        reference_remember(a, &failed[0].error);
        return TDM_OK;
    }
    memcpy(a->out->prediction, tdm__worker_predictions(a->worker), a->package->prediction.n * sizeof(double));
    *answered = true;
    return TDM_OK;
}

static inline void reference_age_of_inputs(reference *a)
{
    int64_t age = a->from->as_of_us - a->from->inputs_us;
    a->out->has_oldest_input = a->from->has_inputs && age >= 0; /* what was loaded later has no age then */
    a->out->oldest_input_us = age;
}

static inline tdm_status reference_try_main(reference *a, bool wanted, bool *answered, tdm_error *err)
{
    *answered = false;
    if (!wanted)
        return TDM_OK;
    tdm_status s = reference_use_models(a, TDM__USE_MAIN, answered, err);
    reference_age_of_inputs(a);
    return s;
}

static inline tdm_status reference_try_simple(reference *a, bool *answered, tdm_error *err)
{
    *answered = false;
    if (a->package->manifest->simple < 0)
        return TDM_OK;
    tdm_status s = reference_use_models(a, TDM__USE_SIMPLE, answered, err);
    reference_age_of_inputs(a);
    return s;
}

/* The entity's row of the current table, while the table is no older than its last_good. A table of the future answers
 * nothing. */
static inline tdm_status reference_try_table(reference *a, bool *answered, tdm_error *err)
{
    tdm__record record;
    const tdm_table *table = a->from->table;
    *answered = false;
    if (a->from->table_error)
        reference_remember(a, a->from->table_error);
    if (!table)
        return TDM_OK;
    int64_t age = a->from->as_of_us - table->info.as_of_us;
    int64_t limit = a->package->manifest->batch.last_good_us;
    if (age < 0 || (limit && age > limit))
        return TDM_OK;
    tdm_error damage;
    tdm_status s = tdm__store_get(table->store, a->from->key, &record, &damage);
    if (s == TDM_CORRUPT)
        reference_remember(a, &damage);
    if (s == TDM_NOT_FOUND || s == TDM_CORRUPT)
        return TDM_OK;
    if (s)
        return tdm__fail(err, s, damage.where, "%s", damage.what);
    for (size_t i = 0; i < a->package->prediction.n; i++) {
        tdm_value v;
        tdm__record_value(&record, i, &v);
        a->out->prediction[i] = v.as.f64;
    }
    a->out->has_oldest_input = true;
    a->out->oldest_input_us = age;
    a->out->stale = a->package->manifest->batch.ttl_us && age > a->package->manifest->batch.ttl_us;
    *answered = true;
    return TDM_OK;
}

static inline void reference_use_prior(reference *a, bool *answered)
{
    const double *prior = a->package->manifest->online.prior;
    *answered = prior != NULL;
    if (prior)
        memcpy(a->out->prediction, prior, a->package->prediction.n * sizeof(double));
    a->out->has_oldest_input = false;
}

static inline tdm_status reference_try_rung(reference *a, tdm__rung rung, bool *answered, tdm_error *err)
{
    uint32_t defaulted = tdm__worker_defaulted(a->worker, 0);
    uint32_t most = a->package->manifest->online.defaulted_max;
    *answered = false;
    switch (rung) {
    case TDM__RUNG_FRESH:
        return reference_try_main(a, !defaulted && !tdm__worker_stale(a->worker), answered, err);
    case TDM__RUNG_STALE:
        return reference_try_main(a, !defaulted && tdm__worker_stale(a->worker), answered, err);
    case TDM__RUNG_DEFAULTED:
        return reference_try_main(a, defaulted && defaulted <= most, answered, err);
    case TDM__RUNG_SIMPLE:
        return reference_try_simple(a, answered, err);
    case TDM__RUNG_TABLE:
        return reference_try_table(a, answered, err);
    case TDM__RUNG_PRIOR:
        reference_use_prior(a, answered);
        return TDM_OK;
    default:
        return TDM_OK;
    }
}

static inline tdm_status reference_row(tdm__worker *worker, const tdm__package *package, const reference_sources *from,
                                       reference_answer *out, tdm_error *err)
{
    reference a = {.worker = worker, .package = package, .from = from, .out = out};
    const tdm__manifest_online *online = &package->manifest->online;
    for (size_t i = 0; i < online->n_rungs; i++) {
        bool answered;
        tdm_status s = reference_try_rung(&a, online->rung[i], &answered, err);
        if (s)
            return s;
        if (answered) {
            out->rung = online->rung[i];
            return TDM_OK;
        }
    }
    tdm_status s = tdm__fail(err, TDM_UNANSWERED, a.has_reason ? a.reason.where : "rungs",
                             "no rung of the release could answer%s%s", a.has_reason ? ": " : "",
                             a.has_reason ? a.reason.what : "");
    if (a.has_reason) {
        tdm__fail_expected(err, "%s", a.reason.expected);
        tdm__fail_found(err, "%s", a.reason.found);
    } else {
        tdm__fail_found(err, "%u features from defaults", (unsigned)tdm__worker_defaulted(worker, 0));
    }
    return s;
}

#endif
