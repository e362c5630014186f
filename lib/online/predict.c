/* A predictor: one release, pinned to the state and the epoch of its opening, answering one question at a time.
 *
 * The question's texts become a block of one row; everything behind that is the engine that a run uses. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <tandem/json.h>
#include <tandem/predict.h>
#include "base/digest.h"
#include "base/fail.h"
#include "online/answer.h"
#include "os/clock.h"
#include "os/process.h"
#include "release/epoch_file.h"
#include "release/releases.h"
#include "schema/instant.h"

struct tdm_predictor {
    tdm__state *state;
    tdm__package *package;
    tdm__engine *engine;
    tdm__worker *worker;
    tdm_table *table;
    tdm_error table_error;        /* why it could not be read */
    uint64_t epoch;
    uint64_t answers;             /* so far: part of the next id */
    bool has_inputs;
    int64_t inputs_us;
    tdm__column *key, *request;   /* columns of one row in use */
    const tdm__column **key_of, **request_of;
    double *prediction;
    tdm__buf key_text;
    tdm__arena arena, question;   /* question: parts of its key, until the next */
};

static int make_columns(tdm_predictor *p)
{
    const tdm__package *package = p->package;
    tdm__arena *a = &p->arena;
    if (!((p->key = tdm__arena_array(a, package->key.n + 1, tdm__column)) &&
          (p->request = tdm__arena_array(a, package->n_request + 1, tdm__column)) &&
          (p->key_of = tdm__arena_array(a, package->key.n + 1, const tdm__column *)) &&
          (p->request_of = tdm__arena_array(a, package->n_request + 1, const tdm__column *)) &&
          (p->prediction = tdm__arena_array(a, package->prediction.n + 1, double))))
        return 0;
    for (size_t i = 0; i < package->key.n; i++) {
        if (!tdm__column_init(&p->key[i], &package->key.field[i].type, a))
            return 0;
        p->key_of[i] = &p->key[i];
    }
    for (size_t i = 0; i < package->n_request; i++) {
        if (!tdm__column_init(&p->request[i], &package->slot[package->request_slot[i]].type, a))
            return 0;
        p->request_of[i] = &p->request[i];
    }
    return 1;
}

static bool has_rung(const tdm__package *package, tdm__rung rung)
{
    for (size_t i = 0; i < package->manifest->online.n_rungs; i++)
        if (package->manifest->online.rung[i] == rung)
            return true;
    return false;
}

/* The service's current table, when the current release is this one: a table of another release is no rung of ours. One
 * that is damaged makes its rung fail, not the answer. */
static tdm_status open_table(tdm_predictor *p, tdm_home *home, tdm__epoch *epoch, tdm_error *err)
{
    char name[65];
    snprintf(name, sizeof name, "%.*s", (int)p->package->manifest->name.len, p->package->manifest->name.ptr);
    const tdm__service *service = tdm__epoch_find(epoch, name);
    if (!has_rung(p->package, TDM__RUNG_TABLE) || !service || !service->table[0] ||
        strcmp(service->release, p->package->id))
        return TDM_OK;
    if (tdm__table_open_name(home, service->table, &p->table, &p->table_error) != TDM_NO_MEMORY)
        return TDM_OK;
    return tdm__no_memory(err, service->table);
}

static void note_inputs(tdm_predictor *p)
{
    for (size_t i = 0; i < p->package->n_sources; i++) {
        const tdm__source_state *source = tdm__state_find(p->state, p->package->source[i].name);
        if (!p->has_inputs || source->loaded_us < p->inputs_us)
            p->inputs_us = source->loaded_us;
        p->has_inputs = true;
    }
}

tdm_status tdm_predictor_open(tdm_home *home, const char *release, tdm_predictor **out, tdm_error *err)
{
    *out = NULL;
    tdm_predictor *p = tdm__new(tdm_predictor);
    if (!p)
        return tdm__no_memory(err, release);
    tdm__epoch epoch; /* read first: the state may only be newer than it */
    tdm_status s = tdm__epoch_read_current(home, &epoch, err);
    p->epoch = epoch.number;
    if (!s)
        s = tdm__state_read(home, NULL, UINT64_MAX, &p->state, err);
    if (!s)
        s = tdm__release_package(home, p->state, release, &p->package, err);
    if (!s)
        s = tdm__engine_new(p->package, p->state, &p->engine, err);
    if (!s)
        s = tdm__worker_new(p->engine, 1, &p->worker, err);
    if (!s)
        s = open_table(p, home, &epoch, err);
    if (!s && !make_columns(p))
        s = tdm__no_memory(err, release);
    if (!s)
        note_inputs(p);
    if (s)
        tdm_predictor_close(&p);
    *out = p;
    return s;
}

void tdm_predictor_close(tdm_predictor **predictor)
{
    tdm_predictor *p = predictor ? *predictor : NULL;
    if (!p)
        return;
    tdm_table_close(&p->table);
    tdm__worker_close(&p->worker);
    tdm__engine_close(&p->engine);
    tdm__package_close(&p->package);
    tdm__state_close(&p->state);
    tdm__buf_free(&p->key_text);
    tdm__arena_free(&p->question);
    tdm__arena_free(&p->arena);
    tdm__free(p);
    *predictor = NULL;
}

/* One text into row 0 of a column. The empty text is null, as in files. */
static tdm_status take_text(tdm__column *column, tdm_str text, const char *section, tdm_str name, tdm_error *err)
{
    tdm_value v = {.kind = column->type.kind, .presence = TDM_NULL};
    tdm_status s = TDM_OK;
    if (column->presence[0] != TDM_MISSING) {
        s = tdm__fail(err, TDM_BAD_INPUT, section, "the field is given twice");
    } else if (text.len) {
        s = tdm__value_parse(&column->type, text, &v, err);
        v.presence = TDM_PRESENT;
    } else if (!column->type.nullable) {
        s = tdm__fail(err, TDM_FIELD_NULL, section, "the field may not be null");
    }
    if (s) {
        tdm__fail_where(err, "%s.%.*s", section, (int)(name.len < 80 ? name.len : 80), name.ptr);
        return s;
    }
    tdm__column_set(column, 0, &v);
    return TDM_OK;
}

enum { NAMES_MAX = 64 };

static tdm_status unknown(const char *section, tdm_str name, const tdm_str *known, size_t n, tdm_error *err)
{
    char where[128], text[NAMES_MAX][80];
    const char *list[NAMES_MAX];
    n = n < NAMES_MAX ? n : NAMES_MAX;
    for (size_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], "%.*s", (int)(known[i].len < 79 ? known[i].len : 79), known[i].ptr);
        list[i] = text[i];
    }
    snprintf(where, sizeof where, "%s.%.*s", section, (int)(name.len < 80 ? name.len : 80), name.ptr);
    tdm_status s = tdm__fail(err, TDM_FIELD_UNKNOWN, where, "the release has no such %s",
                             section[0] == 'k' ? "key column" : "request feature");
    const char *near = tdm__nearest(name, list, n);
    if (near || n == 1)
        tdm__fail_hint(err, "did you mean '%s'?", near ? near : list[0]);
    return s;
}

static tdm_status unknown_key(const tdm__package *package, tdm_str name, tdm_error *err)
{
    tdm_str known[TDM__KEY_PARTS_MAX];
    for (size_t k = 0; k < package->key.n; k++)
        known[k] = package->key.field[k].name;
    return unknown("keys", name, known, package->key.n, err);
}

/* The whole key under the entity's name: "a|b" where it has several parts. */
static tdm_status take_whole_key(tdm_predictor *p, const tdm_named_text *given, tdm_error *err)
{
    const tdm__schema *key = &p->package->key;
    tdm_str part[TDM__KEY_PARTS_MAX];
    if (key->n == 1)
        return take_text(&p->key[0], given->text, "keys", given->name, err);
    tdm_status s = tdm__key_split(given->text, part, key->n, &p->question, err);
    if (s && s != TDM_NO_MEMORY) {
        tdm__fail_where(err, "keys.%.*s", (int)given->name.len, given->name.ptr);
        tdm__fail_hint(err, "a bar inside a part is written \\|");
    }
    for (size_t k = 0; !s && k < key->n; k++)
        s = take_text(&p->key[k], part[k], "keys", key->field[k].name, err);
    return s;
}

static tdm_status take_keys(tdm_predictor *p, const tdm_question *q, tdm_error *err)
{
    const tdm__package *package = p->package;
    tdm_value part[TDM__KEY_PARTS_MAX];
    tdm__arena_reset(&p->question);
    for (size_t k = 0; k < package->key.n; k++)
        tdm__column_clear(&p->key[k], 1);
    for (size_t i = 0; i < q->n_keys; i++) {
        tdm_status s;
        int k = tdm__schema_find(&package->key, q->key[i].name);
        if (k >= 0)
            s = take_text(&p->key[k], q->key[i].text, "keys", q->key[i].name, err);
        else if (tdm__str_equal(q->key[i].name, package->manifest->entity))
            s = take_whole_key(p, &q->key[i], err);
        else
            s = unknown_key(package, q->key[i].name, err);
        if (s)
            return s;
    }
    for (size_t k = 0; k < package->key.n; k++) {
        tdm__column_get(&p->key[k], 0, &part[k]);
        if (part[k].presence == TDM_PRESENT)
            continue;
        char where[80];
        tdm_str name = package->key.field[k].name;
        snprintf(where, sizeof where, "keys.%.*s", (int)(name.len < 70 ? name.len : 70), name.ptr);
        tdm_status s = tdm__fail(err, TDM_KEY_MISSING, where, "the question has no key");
        tdm__fail_expected(err, "--key %.*s=VALUE", (int)(name.len < 70 ? name.len : 70), name.ptr);
        return s;
    }
    tdm__buf_reset(&p->key_text);
    tdm__key_join(part, package->key.n, &p->key_text);
    return tdm__buf_check(&p->key_text, err);
}

static tdm_status take_request(tdm_predictor *p, const tdm_question *q, tdm_error *err)
{
    const tdm__package *package = p->package;
    for (size_t i = 0; i < package->n_request; i++)
        tdm__column_clear(&p->request[i], 1);
    for (size_t i = 0; i < q->n_set; i++) {
        size_t at = 0;
        while (at < package->n_request &&
               !tdm__str_equal(package->slot[package->request_slot[at]].name, q->set[i].name))
            at++;
        tdm_str names[NAMES_MAX];
        size_t n = package->n_request < NAMES_MAX ? package->n_request : NAMES_MAX;
        for (size_t k = 0; k < n; k++)
            names[k] = package->slot[package->request_slot[k]].name;
        if (at == package->n_request)
            return unknown("features", q->set[i].name, names, n, err);
        tdm_status s = take_text(&p->request[at], q->set[i].text, "features", q->set[i].name, err);
        if (s)
            return s;
    }
    return TDM_OK;
}

/* 32 hexadecimal digits: the millisecond, then digits that differ between processes and answers. */
static void make_id(tdm_predictor *p, char out[33])
{
    uint64_t seed[3] = {tdm__monotonic_ns(), (uint64_t)tdm__process_id(), ++p->answers};
    uint64_t a = tdm__hash64_seed(seed, sizeof seed, (uint64_t)tdm__now_us()),
             b = tdm__hash64_seed(seed, sizeof seed, a);
    snprintf(out, 33, "%012" PRIx64 "%04" PRIx64 "%016" PRIx64, (uint64_t)(tdm__now_us() / 1000) & 0xffffffffffff,
             a & 0xffff, b);
}

static void add_features(const tdm_predictor *p, tdm_json *j)
{
    const tdm__manifest *m = p->package->manifest;
    tdm_json_begin(j, "features", '{');
    for (size_t i = 0; i < m->n_features; i++) {
        char name[256]; /* a request's name may have 255 bytes */
        tdm_value v;
        snprintf(name, sizeof name, "%.*s", (int)m->feature[i].name.len, m->feature[i].name.ptr);
        tdm__column_get(tdm__worker_slot(p->worker, (size_t)p->package->feature_slot[i]), 0, &v);
        tdm_json_value(j, name, &v);
    }
    tdm_json_end(j, '}');
}

static void write_answer(tdm_predictor *p, const tdm__answer *answer, int64_t as_of_us, bool explain, tdm_text *out)
{
    const tdm__package *package = p->package;
    tdm_json j = {.out = out};
    char id[33], release[140], name[80];
    make_id(p, id);
    snprintf(release, sizeof release, "%.*s@%s", (int)package->manifest->name.len, package->manifest->name.ptr,
             package->id);
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "id", id);
    tdm_json_u64(&j, "epoch", p->epoch);
    tdm_json_text(&j, "release", release);
    tdm_json_text(&j, "rung", tdm__rung_name(answer->rung));
    tdm_json_begin(&j, "prediction", '{');
    for (size_t i = 0; i < package->prediction.n; i++) {
        tdm_str field = package->prediction.field[i].name;
        snprintf(name, sizeof name, "%.*s", (int)(field.len < 79 ? field.len : 79), field.ptr);
        tdm_json_f64(&j, name, answer->prediction[i]);
    }
    tdm_json_end(&j, '}');
    tdm_json_instant(&j, "as_of", as_of_us);
    if (answer->has_oldest_input)
        tdm_json_i64(&j, "oldest_input_ms", answer->oldest_input_us / 1000);
    else
        tdm_json_text(&j, "oldest_input_ms", NULL);
    if (answer->stale)
        tdm_json_bool(&j, "stale", true);
    if (p->table_error.status) {
        char warning[512];
        tdm_error_format(&p->table_error, warning, sizeof warning);
        tdm_json_text(&j, "warning", warning);
    }
    if (explain)
        add_features(p, &j);
    tdm_json_end(&j, '}');
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
    const tdm__package *package = p->package;
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
        tdm__column_get(tdm__worker_slot(p->worker, i), 0, &v);
        snprintf(name, sizeof name, "%.*s", (int)(slot->name.len < 255 ? slot->name.len : 255), slot->name.ptr);
        if (v.presence != TDM_MISSING)
            add_exact(&j, name, &v);
    }
    tdm_json_end(&j, '}');
    tdm_json_begin(&j, "prediction", '{');
    for (size_t i = 0; i < package->prediction.n; i++) {
        tdm_str field = package->prediction.field[i].name;
        tdm_value v = {.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = tdm__worker_predictions(p->worker)[i]};
        snprintf(name, sizeof name, "%.*s", (int)(field.len < 255 ? field.len : 255), field.ptr);
        add_exact(&j, name, &v);
    }
    tdm_json_end(&j, '}');
    tdm_json_end(&j, '}');
}

/* The row by the prediction's own models: a golden row pins these, never a fallback. */
static tdm_status make_golden(tdm_predictor *p, int64_t as_of_us, tdm_text *out, tdm_error *err)
{
    size_t n;
    tdm_status s = tdm__engine_predict(p->worker, TDM__USE_MAIN, err);
    const tdm__failed_row *failed = tdm__worker_failed(p->worker, &n);
    if (!s && n) {
        s = failed[0].error.status;
        if (err)
            *err = failed[0].error;
    }
    if (!s)
        write_golden(p, as_of_us, out);
    return s;
}

static tdm_status make_answer(tdm_predictor *p, const tdm_question *question, int64_t as_of_us, tdm_text *out,
                              tdm_error *err)
{
    tdm__answer answer = {.prediction = p->prediction};
    tdm__answer_sources from = {.table = p->table, .table_error = p->table_error.status ? &p->table_error : NULL,
                                .key = tdm__strn(p->key_text.ptr, p->key_text.len),
                                .as_of_us = as_of_us,
                                .has_inputs = p->has_inputs,
                                .inputs_us = p->inputs_us};
    tdm_status s = tdm__answer_row(p->worker, p->package, &from, &answer, err);
    if (!s)
        write_answer(p, &answer, as_of_us, question->explain, out);
    return s;
}

tdm_status tdm_predict(tdm_predictor *p, const tdm_question *question, char *out, size_t size, size_t *len,
                       tdm_error *err)
{
    tdm_text text = {0};
    int64_t as_of_us = question->has_as_of ? question->as_of_us : tdm__now_us();
    tdm_status s = take_keys(p, question, err);
    if (!s)
        s = take_request(p, question, err);
    if (s)
        return s;
    tdm__engine_input input = {.rows = 1, .key = p->key_of, .request = p->request_of, .as_of_us = as_of_us};
    s = tdm__engine_features(p->worker, &input, err);
    if (!s && question->golden)
        s = make_golden(p, as_of_us, &text, err);
    else if (!s)
        s = make_answer(p, question, as_of_us, &text, err);
    if (s) {
        tdm_text_free(&text);
        return s;
    }
    if (text.failed)
        s = tdm__no_memory(err, "answer");
    *len = text.len;
    if (!s && size) {
        size_t n = text.len < size ? text.len : 0;
        memcpy(out, text.ptr ? text.ptr : "", n);
        out[n] = 0;
    }
    tdm_text_free(&text);
    return s;
}
