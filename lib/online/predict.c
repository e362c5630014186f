/* A predictor: one release, pinned to the state and the epoch of its opening, answering one question at a time.
 *
 * It is a servable with a lane of one row (servable.h, lane.h): what the server answers from. Only the question comes
 * otherwise, as texts. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tandem/json.h>
#include <tandem/predict.h>
#include "base/fail.h"
#include "online/lane_impl.h"
#include "os/clock.h"
#include "release/releases.h"

struct tdm_predictor {
    tdm__state *state;
    tdm__servable *servable;
    tdm__lane *lane;
    uint64_t epoch;
    tdm__buf answer;
};

/* The service's current table, when the current release is this one. */
static const char *current_table(tdm__epoch *epoch, const tdm__package *package)
{
    char name[65];
    snprintf(name, sizeof name, "%.*s", (int)package->manifest->name.len, package->manifest->name.ptr);
    const tdm__service *service = tdm__epoch_find(epoch, name);
    return service && !strcmp(service->release, package->id) ? service->table : "";
}

tdm_status tdm_predictor_open(tdm_home *home, const char *release, tdm_predictor **out, tdm_error *err)
{
    *out = NULL;
    tdm_predictor *p = tdm__new(tdm_predictor);
    if (!p)
        return tdm__no_memory(err, release);
    tdm__epoch epoch; /* read first: the state may only be newer than it */
    tdm__package *package = NULL;
    tdm_status s = tdm__epoch_read_current(home, &epoch, err);
    if (!s)
        s = tdm__state_read(home, NULL, UINT64_MAX, &p->state, err);
    if (!s)
        s = tdm__release_package(home, p->state, release, &package, err);
    if (!s)
        s = tdm__servable_open(home, p->state, package, current_table(&epoch, package), &p->servable, err);
    if (!s)
        s = tdm__lane_new(p->servable, 1, &p->lane, err);
    if (s) {
        tdm_predictor_close(&p);
        return s;
    }
    p->epoch = epoch.number;
    *out = p;
    return TDM_OK;
}

void tdm_predictor_close(tdm_predictor **predictor)
{
    tdm_predictor *p = predictor ? *predictor : NULL;
    if (!p)
        return;
    tdm__lane_close(&p->lane);
    tdm__servable_close(&p->servable);
    tdm__state_close(&p->state);
    tdm__buf_free(&p->answer);
    tdm__free(p);
    *predictor = NULL;
}

/* One text into row 0 of a column. The empty text is null, as in files. */
static tdm_status take_text(tdm__column *column, tdm_str text, const char *section, tdm_str name, tdm_error *err)
{
    tdm_value v = {.kind = column->type.kind, .presence = TDM_NULL};
    tdm_status s = TDM_OK;
    if (column->presence[0] != TDM_MISSING)
        return tdm__question_twice(section, name, err);
    if (text.len)
        s = tdm__value_parse(&column->type, text, &v, err);
    else if (!column->type.nullable)
        s = tdm__fail(err, TDM_FIELD_NULL, section, "the field may not be null");
    if (s) {
        tdm__question_where(err, section, name);
        return s;
    }
    tdm__column_set(column, 0, &v);
    return TDM_OK;
}

/* The whole key under the entity's name: "a|b" where it has several parts. */
static tdm_status take_whole_key(tdm_predictor *p, const tdm_named_text *given, tdm_error *err)
{
    const tdm__servable *v = p->servable;
    size_t n = v->package->key.n;
    tdm_str part[TDM__KEY_PARTS_MAX];
    if (n == 1)
        return take_text(&p->lane->key[0], given->text, "keys", given->name, err);
    tdm_status s = tdm__key_split(given->text, part, n, &p->lane->texts, err);
    if (s && s != TDM_NO_MEMORY) {
        tdm__question_where(err, "keys", given->name);
        tdm__fail_hint(err, "a bar inside a part is written \\|");
    }
    for (size_t k = 0; !s && k < n; k++)
        s = take_text(&p->lane->key[k], part[k], "keys", v->key_name[k], err);
    return s;
}

static tdm_status take_keys(tdm_predictor *p, const tdm_question *q, tdm_error *err)
{
    const tdm__servable *v = p->servable;
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < q->n_keys; i++) {
        int k = tdm__names_index_find(&v->key_index, q->key[i].name, i);
        if (k >= 0)
            s = take_text(&p->lane->key[k], q->key[i].text, "keys", q->key[i].name, err);
        else if (tdm__str_equal(q->key[i].name, v->package->manifest->entity))
            s = take_whole_key(p, &q->key[i], err);
        else
            s = tdm__question_unknown("keys", q->key[i].name, v->key_name, v->package->key.n, err);
    }
    return s;
}

static tdm_status take_request(tdm_predictor *p, const tdm_question *q, tdm_error *err)
{
    const tdm__servable *v = p->servable;
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < q->n_set; i++) {
        int at = tdm__names_index_find(&v->request_index, q->set[i].name, i);
        if (at < 0)
            s = tdm__question_unknown("features", q->set[i].name, v->request_name, v->package->n_request, err);
        else
            s = take_text(&p->lane->request[at], q->set[i].text, "features", q->set[i].name, err);
    }
    return s;
}

/* Why the row was not answered, in the words of somebody who types. */
static tdm_status row_error(const tdm_predictor *p, tdm_error *err)
{
    const tdm_error *error = tdm__lane_error(p->lane, 0);
    if (!error || !err)
        return error ? error->status : TDM_OK;
    *err = *error;
    if (err->status == TDM_KEY_MISSING) {
        tdm__fail_expected(err, "--key %s=VALUE", error->where + strlen("keys."));
        err->found[0] = 0;
    }
    return err->status;
}

/* A number that the golden file's reader takes back to the same bits: JSON's integers have no -0 and end at 2^63. */
static void add_exact(tdm_json *j, const char *name, const tdm_value *v)
{
    double d;
    bool number = (v->kind == TDM_F64 || v->kind == TDM_F32) && tdm__value_as_f64(v, &d);
    if (number && ((d == 0 && signbit(d)) || fabs(d) >= 0x1p63)) {
        tdm_text text = {0};
        tdm_text_value(&text, v);
        tdm_json_str(j, name, (tdm_str){text.ptr, text.len});
        j->out->failed |= text.failed;
        tdm_text_free(&text);
    } else {
        tdm_json_value(j, name, v);
    }
}

static void write_golden(const tdm_predictor *p, int64_t as_of_us, tdm_text *out)
{
    const tdm__package *package = p->servable->package;
    tdm_json j = {.out = out};
    char name[256];
    tdm_json_begin(&j, NULL, '{');
    tdm_json_instant(&j, "as_of", as_of_us);
    tdm_json_begin(&j, "features", '{');
    for (size_t i = 0; i < package->n_slots; i++) {
        const tdm__slot *slot = &package->slot[i];
        tdm_value v;
        if (slot->origin == TDM__ORIGIN_EXPRESSION)
            continue;
        tdm__column_get(tdm__worker_slot(p->lane->worker, i), 0, &v);
        snprintf(name, sizeof name, "%.*s", (int)(slot->name.len < 255 ? slot->name.len : 255), slot->name.ptr);
        if (v.presence != TDM_MISSING)
            add_exact(&j, name, &v);
    }
    tdm_json_end(&j, '}');
    tdm_json_begin(&j, "prediction", '{');
    for (size_t i = 0; i < package->prediction.n; i++) {
        tdm_str field = package->prediction.field[i].name;
        tdm_value v = {.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = tdm__worker_predictions(p->lane->worker)[i]};
        snprintf(name, sizeof name, "%.*s", (int)(field.len < 255 ? field.len : 255), field.ptr);
        add_exact(&j, name, &v);
    }
    tdm_json_end(&j, '}');
    tdm_json_end(&j, '}');
}

/* The row by the prediction's own models: a golden row pins these, never a fallback. */
static tdm_status make_golden(tdm_predictor *p, int64_t as_of_us, tdm_error *err)
{
    bool none;
    tdm_text text = {0};
    tdm_status s = tdm__lane_features(p->lane, as_of_us, &none, err);
    if (!s)
        s = row_error(p, err);
    if (!s)
        s = tdm__engine_predict(p->lane->worker, TDM__USE_MAIN, err);
    if (s)
        return s;
    tdm__engine_result result = tdm__worker_result(p->lane->worker, TDM__USE_MAIN);
    if (result.n_failed) {
        if (err)
            *err = result.failed[0].error;
        return result.failed[0].error.status;
    }
    write_golden(p, as_of_us, &text);
    tdm__buf_add(&p->answer, text.ptr, text.len);
    p->answer.failed |= text.failed;
    tdm_text_free(&text);
    return TDM_OK;
}

static tdm_status make_answer(tdm_predictor *p, const tdm_question *question, int64_t as_of_us, tdm_error *err)
{
    tdm__answer_context context = {.epoch = p->epoch, .position = p->state->position, .explain = question->explain};
    tdm_status s = tdm__lane_answer(p->lane, as_of_us, NULL, err);
    if (!s)
        s = row_error(p, err);
    if (!s)
        tdm__lane_write_json(p->lane, 0, &context, &p->answer);
    return s;
}

tdm_status tdm_predict(tdm_predictor *p, const tdm_question *question, char *out, size_t size, size_t *len,
                       tdm_error *err)
{
    int64_t as_of_us = question->has_as_of ? question->as_of_us : tdm__now_us();
    tdm__lane_begin(p->lane, 1);
    tdm__buf_reset(&p->answer);
    tdm_status s = take_keys(p, question, err);
    if (!s)
        s = take_request(p, question, err);
    if (!s)
        s = question->golden ? make_golden(p, as_of_us, err) : make_answer(p, question, as_of_us, err);
    if (s)
        return s;
    *len = p->answer.len;
    if (p->answer.failed)
        return tdm__no_memory(err, "answer");
    if (size) {
        size_t n = *len < size ? *len : 0;
        memcpy(out, p->answer.ptr, n);
        out[n] = 0;
    }
    return TDM_OK;
}
