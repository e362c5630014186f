/* From features to predictions: gather the models' inputs, run the models, check the outputs.
 *
 * A model takes doubles, row by row; what has no value is NaN, which is what frameworks call missing. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "engine/engine_impl.h"

/* Column `from` as the j-th of n columns of the row-major matrix x. */
static void gather(const tdm__column *from, size_t rows, double *x, size_t j, size_t n)
{
    x += j;
    switch (from->type.kind) {
    case TDM_F64:
        for (size_t i = 0; i < rows; i++)
            x[i * n] = from->presence[i] == TDM_PRESENT ? from->as.f64[i] : NAN;
        return;
    case TDM_I64:
        for (size_t i = 0; i < rows; i++)
            x[i * n] = from->presence[i] == TDM_PRESENT ? (double)from->as.i64[i] : NAN;
        return;
    case TDM_BOOL:
        for (size_t i = 0; i < rows; i++)
            x[i * n] = from->presence[i] == TDM_PRESENT ? from->as.b[i] : NAN;
        return;
    default:
        for (size_t i = 0; i < rows; i++) {
            tdm_value v;
            tdm__column_get(from, i, &v);
            if (v.presence != TDM_PRESENT || !tdm__value_as_f64(&v, &x[i * n]))
                x[i * n] = NAN;
        }
    }
}

static void feature_name(const tdm__slot *slot, char out[80])
{
    snprintf(out, 80, "%.*s", (int)(slot->name.len < 79 ? slot->name.len : 79), slot->name.ptr);
}

/* Notes the first required feature that each row lacks; `needs` (may be NULL: all) says which slots count. */
static void find_lacking(tdm__worker *w, const uint8_t *needs)
{
    const tdm__engine *e = w->engine;
    memset(w->lacks, 0, w->rows * sizeof *w->lacks);
    for (size_t i = 0; i < e->n_required; i++) {
        int slot = e->required[i];
        if (needs && !needs[slot])
            continue;
        const uint8_t *presence = w->slot[slot]->presence;
        for (size_t row = 0; row < w->rows; row++)
            if (presence[row] != TDM_PRESENT && !w->lacks[row])
                w->lacks[row] = (uint32_t)slot + 1;
    }
}

static tdm_status fail_lacking(tdm__worker *w, size_t row, tdm_error *err)
{
    const tdm__slot *slot = &w->engine->package->slot[w->lacks[row] - 1];
    unsigned presence = w->slot[w->lacks[row] - 1]->presence[row];
    tdm_error bad;
    char name[80], type[64];
    feature_name(slot, name);
    tdm__type_format(&slot->type, type);
    tdm__fail(&bad, TDM_FEATURE_MISSING, name, "a required feature has no value");
    tdm__fail_expected(&bad, "%s", type);
    tdm__fail_found(&bad, "%s", presence == TDM_NULL ? "null" : "nothing");
    return tdm__worker_fail(w, row, "features", &bad, err);
}

static tdm_status run_model(tdm__worker *w, size_t index, tdm__model_output output, tdm_error *err)
{
    const tdm__package_model *m = &w->engine->package->model[index];
    const tdm__model_info *info = tdm__model_info_of(m->model);
    for (size_t j = 0; j < info->n_inputs; j++)
        gather(w->slot[m->input_slot[j]], w->rows, w->x, j, info->n_inputs);
    return tdm__model_predict(m->model, output, w->x, w->rows, w->y, &w->model_scratch, err);
}

/* Takes the outputs of a model that was just run into the predictions that come from it. */
static void take_outputs(tdm__worker *w, size_t model, bool raw, tdm__engine_use use)
{
    const tdm__manifest *m = w->engine->package->manifest;
    size_t width = tdm__model_info_of(w->engine->package->model[model].model)->n_outputs;
    for (size_t i = 0; i < m->n_predictions; i++) {
        const tdm__manifest_prediction *p = &m->prediction[i];
        if (p->raw != raw || (use == TDM__USE_MAIN && (size_t)p->model != model))
            continue;
        for (size_t row = 0; row < w->rows; row++)
            w->now->prediction[row * m->n_predictions + i] = w->y[row * width + p->output];
    }
}

static tdm_status run_models(tdm__worker *w, tdm__engine_use use, tdm_error *err)
{
    const tdm__engine *e = w->engine;
    const tdm__manifest *m = e->package->manifest;
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < m->n_models; i++) {
        bool all = use == TDM__USE_SIMPLE && (int)i == m->simple;
        if (use == TDM__USE_SIMPLE && !all)
            continue;
        bool prediction = e->model_used[i], raw = e->model_raw[i];
        for (size_t k = 0; all && k < m->n_models; k++) {
            prediction |= e->model_used[k];
            raw |= e->model_raw[k];
        }
        if (prediction && !(s = run_model(w, i, TDM__PREDICTION, err)))
            take_outputs(w, i, false, use);
        if (!s && raw && !(s = run_model(w, i, TDM__RAW, err)))
            take_outputs(w, i, true, use);
    }
    return s;
}

static tdm_status fail_output(tdm__worker *w, size_t row, const tdm__manifest_prediction *p, double v, tdm_error *err)
{
    tdm_error bad;
    char name[80], found[32], low[32], high[32];
    snprintf(name, sizeof name, "%.*s", (int)(p->name.len < 79 ? p->name.len : 79), p->name.ptr);
    tdm__format_f64(v, found);
    tdm__format_f64(p->lo, low);
    tdm__format_f64(p->hi, high);
    if (isfinite(v))
        tdm__fail(&bad, TDM_PREDICTION_RANGE, name, "the output is outside the prediction schema");
    else
        tdm__fail(&bad, TDM_PREDICTION_NAN, name, "the output is not a finite number");
    tdm__fail_expected(&bad, "a number in [%s, %s]", low, high);
    tdm__fail_found(&bad, "%s", found);
    return tdm__worker_fail(w, row, "prediction", &bad, err);
}

/* Rows in order, so that failures are too. */
static tdm_status check_rows(tdm__worker *w, tdm_error *err)
{
    const tdm__manifest *m = w->engine->package->manifest;
    tdm_status s = TDM_OK;
    for (size_t row = 0; !s && row < w->rows; row++) {
        double *y = &w->now->prediction[row * m->n_predictions];
        bool failed = w->lacks[row] != 0;
        if (failed)
            s = fail_lacking(w, row, err);
        for (size_t i = 0; !failed && i < m->n_predictions; i++) {
            failed = !isfinite(y[i]) || y[i] < m->prediction[i].lo || y[i] > m->prediction[i].hi;
            if (failed)
                s = fail_output(w, row, &m->prediction[i], y[i], err);
        }
        for (size_t i = 0; failed && i < m->n_predictions; i++)
            y[i] = NAN;
    }
    return s;
}

tdm_status tdm__engine_predict(tdm__worker *w, tdm__engine_use use, tdm_error *err)
{
    const tdm__package *p = w->engine->package;
    const uint8_t *needs = NULL;
    if (use == TDM__USE_SIMPLE) {
        if (p->manifest->simple < 0)
            return tdm__fail(err, TDM_NOT_FOUND, "models.simple", "the release has no simple model");
        needs = p->model[p->manifest->simple].needs;
    }
    w->now = &w->use[use];
    w->now->n_failed = 0;
    find_lacking(w, needs);
    tdm_status s = run_models(w, use, err);
    return s ? s : check_rows(w, err);
}

static tdm_status compare_golden(const tdm__package *p, const tdm__worker *w, size_t i, tdm_error *err)
{
    const tdm__golden_row *golden = &p->golden[i];
    for (size_t k = 0; k < p->manifest->n_predictions; k++) {
        if (!memcmp(&golden->prediction[k], &w->now->prediction[k], sizeof(double)))
            continue;
        char where[320], expected[32], found[32];
        tdm_str file = p->manifest->golden, name = p->manifest->prediction[k].name;
        tdm__format_f64(golden->prediction[k], expected);
        tdm__format_f64(w->now->prediction[k], found);
        snprintf(where, sizeof where, "%.*s:%" PRIu64, (int)(file.len < 200 ? file.len : 200), file.ptr, golden->line);
        tdm_status s =
            tdm__fail(err, TDM_DIFFERS, where, "the prediction '%.*s' of this golden row comes out otherwise",
                      (int)name.len, name.ptr);
        tdm__fail_expected(err, "%s", expected);
        const tdm__worker_use *now = w->now;
        if (now->n_failed)
            tdm__fail_found(err, "%s: %s", now->failed[0].error.where, now->failed[0].error.what);
        else
            tdm__fail_found(err, "%s", found);
        return s;
    }
    return TDM_OK;
}

tdm_status tdm__engine_check_golden(const tdm__package *package, tdm_error *err)
{
    tdm__engine *engine = NULL;
    tdm__worker *worker = NULL;
    tdm_status s = tdm__engine_new(package, NULL, &engine, err);
    if (!s)
        s = tdm__worker_new(engine, 1, &worker, err);
    for (size_t i = 0; !s && i < package->n_golden; i++) {
        s = tdm__engine_golden_features(worker, i, err);
        if (!s)
            s = tdm__engine_predict(worker, TDM__USE_MAIN, err);
        if (!s)
            s = compare_golden(package, worker, i, err);
    }
    tdm__worker_close(&worker);
    tdm__engine_close(&engine);
    return s;
}
