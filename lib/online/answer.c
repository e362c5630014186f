/* Trying the rungs in order, each over all rows that are still open. DESIGN 7's table, one function a rung. */
#include "online/answer.h"

#include <string.h>
#include "base/fail.h"

typedef struct attempt {
    tdm__answering *a;
    const tdm__answer_sources *from;
    tdm__answer *answer;
    size_t rows, open; /* open: rows without answer and error */
    bool ran[2];       /* by tdm__engine_use */
} attempt;

bool tdm__answering_init(tdm__answering *a, tdm__worker *worker, const tdm__package *package, size_t rows_max,
                         tdm__arena *arena)
{
    *a = (tdm__answering){.worker = worker, .package = package};
    a->reason = tdm__arena_array(arena, rows_max, const tdm_error *);
    a->from_table = tdm__arena_array(arena, rows_max * package->prediction.n + 1, double);
    return a->reason && a->from_table;
}

void tdm__answering_free(tdm__answering *a)
{
    tdm__buf_free(&a->key);
    tdm__error_pool_free(&a->errors);
}

static bool is_open(const attempt *t, size_t row)
{
    return !t->answer[row].prediction && !t->answer[row].error;
}

static void remember(attempt *t, size_t row, const tdm_error *error)
{
    if (!t->a->reason[row])
        t->a->reason[row] = error;
}

static tdm__answer *settle(attempt *t, size_t row, tdm__rung rung, const double *prediction)
{
    tdm__answer *answer = &t->answer[row];
    answer->rung = rung;
    answer->prediction = prediction;
    t->open--;
    return answer;
}

static void age_of_inputs(const attempt *t, tdm__answer *answer)
{
    int64_t age = t->from->as_of_us - t->from->inputs_us;
    answer->has_oldest_input = t->from->has_inputs && age >= 0; /* what was loaded later has no age then */
    answer->oldest_input_us = age;
}

/* Whether the rung is for a row of so many defaults. What stands in for old values does so in the whole block. */
static bool is_for(const attempt *t, tdm__rung rung, size_t row)
{
    uint32_t defaulted = tdm__worker_defaulted(t->a->worker, row);
    switch (rung) {
    case TDM__RUNG_FRESH:
        return !defaulted && !tdm__worker_stale(t->a->worker);
    case TDM__RUNG_STALE:
        return !defaulted && tdm__worker_stale(t->a->worker);
    case TDM__RUNG_DEFAULTED:
        return defaulted && defaulted <= t->a->package->manifest->online.defaulted_max;
    default:
        return true;
    }
}

/* Rungs that run models: on the whole block, for the rows that want it. */
static tdm_status try_models(attempt *t, tdm__rung rung, tdm__engine_use use, tdm_error *err)
{
    size_t first = 0, at = 0;
    while (first < t->rows && !(is_open(t, first) && is_for(t, rung, first)))
        first++;
    if (first == t->rows)
        return TDM_OK;
    tdm_status s = t->ran[use] ? TDM_OK : tdm__engine_predict(t->a->worker, use, err);
    if (s)
        return s;
    t->ran[use] = true;
    tdm__engine_result result = tdm__worker_result(t->a->worker, use);
    for (size_t row = first; row < t->rows; row++) {
        if (!is_open(t, row) || !is_for(t, rung, row))
            continue;
        while (at < result.n_failed && result.failed[at].row < row)
            at++;
        if (at < result.n_failed && result.failed[at].row == row)
            remember(t, row, &result.failed[at].error);
        else
            age_of_inputs(t, settle(t, row, rung, result.prediction + row * t->a->package->prediction.n));
    }
    return TDM_OK;
}

/* The row's key as one text; false when a part has no value. */
static bool key_of(attempt *t, size_t row)
{
    const tdm__schema *key = &t->a->package->key;
    tdm__buf_reset(&t->a->key);
    for (size_t k = 0; k < key->n; k++) {
        tdm_value part;
        tdm__column_get(t->from->key[k], row, &part);
        if (part.presence != TDM_PRESENT)
            return false;
        if (k)
            tdm__buf_char(&t->a->key, '|');
        tdm__key_join(&part, 1, &t->a->key);
    }
    return true;
}

static tdm_status look_up(attempt *t, size_t row, int64_t age, tdm_error *err)
{
    tdm__answering *a = t->a;
    tdm__record record;
    tdm_error damage;
    if (!key_of(t, row))
        return TDM_OK;
    tdm_status s = tdm__buf_check(&a->key, err);
    if (s)
        return s;
    s = tdm__store_get(t->from->table->store, tdm__strn(a->key.ptr, a->key.len), &record, &damage);
    if (s == TDM_NOT_FOUND)
        return TDM_OK;
    if (s == TDM_CORRUPT) {
        tdm_error *kept = tdm__error_pool_take(&a->errors);
        if (!kept)
            return tdm__no_memory(err, "answer");
        *kept = damage;
        remember(t, row, kept);
        return TDM_OK;
    }
    if (s)
        return tdm__fail(err, s, damage.where, "%s", damage.what);
    double *to = a->from_table + row * a->package->prediction.n;
    for (size_t i = 0; i < a->package->prediction.n; i++) {
        tdm_value v;
        tdm__record_value(&record, i, &v);
        to[i] = v.as.f64;
    }
    int64_t ttl = a->package->manifest->batch.ttl_us;
    tdm__answer *answer = settle(t, row, TDM__RUNG_TABLE, to);
    answer->has_oldest_input = true;
    answer->oldest_input_us = age;
    answer->stale = ttl && age > ttl;
    return TDM_OK;
}

/* The entity's row of the current table, while the table is no older than its last_good. A table of the future answers
 * nothing. */
static tdm_status try_table(attempt *t, tdm_error *err)
{
    const tdm_table *table = t->from->table;
    tdm_status s = TDM_OK;
    for (size_t row = 0; t->from->table_error && row < t->rows; row++)
        if (is_open(t, row))
            remember(t, row, t->from->table_error);
    if (!table)
        return TDM_OK;
    int64_t age = t->from->as_of_us - table->info.as_of_us;
    int64_t limit = t->a->package->manifest->batch.last_good_us;
    if (age < 0 || (limit && age > limit))
        return TDM_OK;
    for (size_t row = 0; !s && row < t->rows; row++)
        if (is_open(t, row))
            s = look_up(t, row, age, err);
    return s;
}

static void use_prior(attempt *t)
{
    const double *prior = t->a->package->manifest->online.prior;
    for (size_t row = 0; prior && row < t->rows; row++)
        if (is_open(t, row))
            settle(t, row, TDM__RUNG_PRIOR, prior);
}

static tdm_status try_rung(attempt *t, tdm__rung rung, tdm_error *err)
{
    switch (rung) {
    case TDM__RUNG_FRESH:
    case TDM__RUNG_STALE:
    case TDM__RUNG_DEFAULTED:
        return try_models(t, rung, TDM__USE_MAIN, err);
    case TDM__RUNG_SIMPLE:
        return t->a->package->manifest->simple < 0 ? TDM_OK : try_models(t, rung, TDM__USE_SIMPLE, err);
    case TDM__RUNG_TABLE:
        return try_table(t, err);
    case TDM__RUNG_PRIOR:
        use_prior(t);
        return TDM_OK;
    default:
        return TDM_OK;
    }
}

static tdm_status leave_unanswered(attempt *t, size_t row, tdm_error *err)
{
    const tdm_error *reason = t->a->reason[row];
    tdm_error *error = tdm__error_pool_take(&t->a->errors);
    if (!error)
        return tdm__no_memory(err, "answer");
    tdm__fail(error, TDM_UNANSWERED, reason ? reason->where : "rungs", "no rung of the release could answer%s%s",
              reason ? ": " : "", reason ? reason->what : "");
    if (reason) {
        tdm__fail_expected(error, "%s", reason->expected);
        tdm__fail_found(error, "%s", reason->found);
    } else {
        tdm__fail_found(error, "%u features from defaults", (unsigned)tdm__worker_defaulted(t->a->worker, row));
    }
    t->answer[row].error = error;
    return TDM_OK;
}

tdm_status tdm__answer_block(tdm__answering *a, const tdm__answer_sources *from, tdm__answer *answer, size_t rows,
                             tdm_error *err)
{
    attempt t = {.a = a, .from = from, .answer = answer, .rows = rows};
    const tdm__manifest_online *online = &a->package->manifest->online;
    tdm_status s = TDM_OK;
    memset(a->reason, 0, rows * sizeof *a->reason);
    for (size_t row = 0; row < rows; row++)
        t.open += is_open(&t, row);
    for (size_t i = 0; !s && t.open && i < online->n_rungs; i++)
        s = try_rung(&t, online->rung[i], err);
    for (size_t row = 0; !s && t.open && row < rows; row++)
        if (is_open(&t, row))
            s = leave_unanswered(&t, row, err);
    return s;
}
