/* Trying the rungs in order. DESIGN 7's table, one function a rung. */
#include "online/answer.h"

#include <string.h>
#include "base/fail.h"

typedef struct attempt {
    tdm__worker *worker;
    const tdm__package *package;
    const tdm__answer_sources *from;
    tdm__answer *out;
    tdm_error reason;     /* why the first rung that failed did */
    bool has_reason;
} attempt;

static void remember(attempt *a, const tdm_error *error)
{
    if (!a->has_reason)
        a->reason = *error;
    a->has_reason = true;
}

/* Runs models on the row. TDM_OK with *answered, or an error of the machine. */
static tdm_status use_models(attempt *a, tdm__engine_use use, bool *answered, tdm_error *err)
{
    size_t n;
    *answered = false;
    tdm_status s = tdm__engine_predict(a->worker, use, err);
    if (s)
        return s;
    const tdm__failed_row *failed = tdm__worker_failed(a->worker, &n);
    if (n) {
        remember(a, &failed[0].error);
        return TDM_OK;
    }
    memcpy(a->out->prediction, tdm__worker_predictions(a->worker), a->package->prediction.n * sizeof(double));
    *answered = true;
    return TDM_OK;
}

static void age_of_inputs(attempt *a)
{
    int64_t age = a->from->as_of_us - a->from->inputs_us;
    a->out->has_oldest_input = a->from->has_inputs && age >= 0; /* what was loaded later has no age then */
    a->out->oldest_input_us = age;
}

static tdm_status try_main(attempt *a, bool wanted, bool *answered, tdm_error *err)
{
    *answered = false;
    if (!wanted)
        return TDM_OK;
    tdm_status s = use_models(a, TDM__USE_MAIN, answered, err);
    age_of_inputs(a);
    return s;
}

static tdm_status try_simple(attempt *a, bool *answered, tdm_error *err)
{
    *answered = false;
    if (a->package->manifest->simple < 0)
        return TDM_OK;
    tdm_status s = use_models(a, TDM__USE_SIMPLE, answered, err);
    age_of_inputs(a);
    return s;
}

/* The entity's row of the current table, while the table is no older than its last_good. A table of the future answers
 * nothing. */
static tdm_status try_table(attempt *a, bool *answered, tdm_error *err)
{
    tdm__record record;
    const tdm_table *table = a->from->table;
    *answered = false;
    if (a->from->table_error)
        remember(a, a->from->table_error);
    if (!table)
        return TDM_OK;
    int64_t age = a->from->as_of_us - table->info.as_of_us;
    int64_t limit = a->package->manifest->batch.last_good_us;
    if (age < 0 || (limit && age > limit))
        return TDM_OK;
    tdm_error damage;
    tdm_status s = tdm__store_get(table->store, a->from->key, &record, &damage);
    if (s == TDM_CORRUPT)
        remember(a, &damage);
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

static void use_prior(attempt *a, bool *answered)
{
    const double *prior = a->package->manifest->online.prior;
    *answered = prior != NULL;
    if (prior)
        memcpy(a->out->prediction, prior, a->package->prediction.n * sizeof(double));
    a->out->has_oldest_input = false;
}

static tdm_status try_rung(attempt *a, tdm__rung rung, bool *answered, tdm_error *err)
{
    uint32_t defaulted = tdm__worker_defaulted(a->worker, 0);
    uint32_t most = a->package->manifest->online.defaulted_max;
    *answered = false;
    switch (rung) {
    case TDM__RUNG_FRESH:
        return try_main(a, !defaulted && !tdm__worker_stale(a->worker), answered, err);
    case TDM__RUNG_STALE:
        return try_main(a, !defaulted && tdm__worker_stale(a->worker), answered, err);
    case TDM__RUNG_DEFAULTED:
        return try_main(a, defaulted && defaulted <= most, answered, err);
    case TDM__RUNG_SIMPLE:
        return try_simple(a, answered, err);
    case TDM__RUNG_TABLE:
        return try_table(a, answered, err);
    case TDM__RUNG_PRIOR:
        use_prior(a, answered);
        return TDM_OK;
    default:
        return TDM_OK;
    }
}

tdm_status tdm__answer_row(tdm__worker *worker, const tdm__package *package, const tdm__answer_sources *from,
                           tdm__answer *out, tdm_error *err)
{
    attempt a = {.worker = worker, .package = package, .from = from, .out = out};
    const tdm__manifest_online *online = &package->manifest->online;
    for (size_t i = 0; i < online->n_rungs; i++) {
        bool answered;
        tdm_status s = try_rung(&a, online->rung[i], &answered, err);
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
