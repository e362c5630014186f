/* The Open Inference Protocol's routes that tell: server, models, their configuration, statistics, index.
 *
 * All of them are cold; they write through the public JSON writer. What they tell of tensors comes from one list a model
 * (each_tensor), so that metadata and configuration agree. */
#include <string.h>
#include <tandem/tandem.h>
#include "base/fail.h"
#include "os/clock.h"
#include "server/oip_impl.h"

/* What this server has of Triton's extensions. */
static const char *const extensions[] = {"binary_tensor_data", "parameters", "statistics", "model_configuration",
                                         "model_repository(unloadable)", "schedule_policy"};

static tdm_json json_of(tdm__exchange *x)
{
    return (tdm_json){.out = (tdm_text *)(void *)x->body}; /* the same struct, see json_writer.c */
}

/* Finds the model or answers with the error. */
static bool find(tdm__exchange *x, tdm__oip_target *target)
{
    tdm_error err;
    if (!tdm__oip_find(x, target, &err))
        return true;
    tdm__exchange_fail(x, &err);
    return false;
}

static bool is_ready(const tdm__oip_target *t)
{
    return t->model || t->service->error.status == TDM_OK;
}

/* A service that cannot be served has no tensors to tell of. */
static bool find_ready(tdm__exchange *x, tdm__oip_target *target)
{
    if (!find(x, target))
        return false;
    if (is_ready(target))
        return true;
    tdm__exchange_fail(x, &target->service->error);
    return false;
}

static const char *platform(const tdm__oip_target *t)
{
    if (t->service)
        return "tandem_release";
    return strcmp(tdm__model_info_of(t->model->model)->kind, "lightgbm") ? "tandem_linear" : "tandem_lightgbm";
}

/* ---- tensors ---- */

typedef struct tensor_told {
    tdm_str name;
    tdm__datatype datatype;
    size_t width;
    bool optional;
} tensor_told;

typedef void (*tell)(tdm_json *j, const tensor_told *t);

static void each_input(const tdm__oip_target *target, tdm_json *j, tell tell_one)
{
    if (target->model) {
        tensor_told t = {tdm__str("input"), TDM__DT_FP64, tdm__model_info_of(target->model->model)->n_inputs, false};
        tell_one(j, &t);
        return;
    }
    const tdm__servable *v = target->service->servable;
    for (size_t i = 0; i < v->package->key.n; i++) {
        tensor_told t = {v->key_name[i], tdm__datatype_of(&v->package->key.field[i].type), 1, !v->needs_key};
        tell_one(j, &t);
    }
    for (size_t i = 0; i < v->package->n_request; i++) {
        const tdm__slot *slot = &v->package->slot[v->package->request_slot[i]];
        tensor_told t = {slot->name, tdm__datatype_of(&slot->type), 1, !slot->required};
        tell_one(j, &t);
    }
}

/* What comes when nothing is asked for by name. */
static void each_output(const tdm__oip_target *target, tdm_json *j, tell tell_one)
{
    if (target->model) {
        tensor_told t = {tdm__str("prediction"), TDM__DT_FP64, tdm__model_info_of(target->model->model)->n_outputs, false};
        tell_one(j, &t);
        return;
    }
    const tdm__schema *prediction = &target->service->servable->package->prediction;
    for (size_t i = 0; i < prediction->n; i++) {
        tensor_told t = {prediction->field[i].name, TDM__DT_FP64, 1, false};
        tell_one(j, &t);
    }
}

/* ---- metadata ---- */

static void begin_metadata(tdm_json *j, const tensor_told *t)
{
    tdm_json_begin(j, NULL, '{');
    tdm_json_str(j, "name", t->name);
    tdm_json_text(j, "datatype", tdm__datatype_name(t->datatype));
    tdm_json_begin(j, "shape", '[');
    tdm_json_i64(j, NULL, -1);
}

static void end_metadata(tdm_json *j)
{
    tdm_json_end(j, ']');
    tdm_json_end(j, '}');
}

/* Inputs have two dimensions as they are told; [rows] is taken too when the second is 1. */
static void input_metadata(tdm_json *j, const tensor_told *t)
{
    begin_metadata(j, t);
    tdm_json_u64(j, NULL, t->width);
    end_metadata(j);
}

static void output_metadata(tdm_json *j, const tensor_told *t)
{
    begin_metadata(j, t);
    if (t->width > 1)
        tdm_json_u64(j, NULL, t->width);
    end_metadata(j);
}

bool tdm__route_v2_server(tdm__exchange *x)
{
    tdm_json j = json_of(x);
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "name", "tandem");
    tdm_json_text(&j, "version", tdm_version());
    tdm_json_begin(&j, "extensions", '[');
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        tdm_json_text(&j, NULL, extensions[i]);
    tdm_json_end(&j, ']');
    tdm_json_end(&j, '}');
    return true;
}

bool tdm__route_v2_live(tdm__exchange *x)
{
    tdm__buf_text(x->body, "{\"live\":true}");
    return true;
}

bool tdm__route_v2_model(tdm__exchange *x)
{
    tdm__oip_target target;
    if (!find_ready(x, &target))
        return true;
    tdm_json j = json_of(x);
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "name", target.name);
    tdm_json_begin(&j, "versions", '[');
    tdm_json_text(&j, NULL, target.version);
    tdm_json_end(&j, ']');
    tdm_json_text(&j, "platform", platform(&target));
    tdm_json_begin(&j, "inputs", '[');
    each_input(&target, &j, input_metadata);
    tdm_json_end(&j, ']');
    tdm_json_begin(&j, "outputs", '[');
    each_output(&target, &j, output_metadata);
    tdm_json_end(&j, ']');
    tdm_json_end(&j, '}');
    return true;
}

/* 400 when it is not: that is what the protocol's servers say, and clients look at the status alone. */
bool tdm__route_v2_ready(tdm__exchange *x)
{
    tdm__oip_target target;
    if (!find(x, &target))
        return true;
    tdm_json j = json_of(x);
    x->status = is_ready(&target) ? 200 : 400;
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "name", target.name);
    tdm_json_bool(&j, "ready", is_ready(&target));
    tdm_json_end(&j, '}');
    return true;
}

/* ---- configuration ---- */

static void begin_config(tdm_json *j, const tensor_told *t)
{
    static const char *const name[TDM__DATATYPE_COUNT] = {
#define TYPE_NAME(name, width) "TYPE_" #name,
        TDM__DATATYPES(TYPE_NAME)
#undef TYPE_NAME
    };
    tdm_json_begin(j, NULL, '{');
    tdm_json_str(j, "name", t->name);
    tdm_json_text(j, "data_type", t->datatype == TDM__DT_BYTES ? "TYPE_STRING" : name[t->datatype]);
    tdm_json_begin(j, "dims", '[');
    tdm_json_u64(j, NULL, t->width);
    tdm_json_end(j, ']');
}

static void input_config(tdm_json *j, const tensor_told *t)
{
    begin_config(j, t);
    tdm_json_bool(j, "optional", t->optional);
    tdm_json_end(j, '}');
}

static void output_config(tdm_json *j, const tensor_told *t)
{
    begin_config(j, t);
    tdm_json_end(j, '}');
}

bool tdm__route_v2_config(tdm__exchange *x)
{
    tdm__oip_target target;
    if (!find_ready(x, &target))
        return true;
    tdm_json j = json_of(x);
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "name", target.name);
    tdm_json_text(&j, "platform", platform(&target));
    tdm_json_text(&j, "backend", "tandem");
    tdm_json_u64(&j, "max_batch_size", x->seat->server->settings.rows_max);
    tdm_json_begin(&j, "input", '[');
    each_input(&target, &j, input_config);
    tdm_json_end(&j, ']');
    tdm_json_begin(&j, "output", '[');
    each_output(&target, &j, output_config);
    tdm_json_end(&j, ']');
    tdm_json_end(&j, '}');
    return true;
}

/* ---- statistics ---- */

typedef struct sums {
    uint64_t requests, rows, errors, features_ns, models_ns, total_ns;
    int64_t last_us;
} sums;

/* Of all seats: meters are one a seat, in one array. */
static sums sum_up(const tdm_server *server, const tdm__service_meters *meters)
{
    sums all = {0};
    for (unsigned i = 0; meters && i < server->n_seats; i++) {
        const tdm__service_meters *m = &meters[i];
        int64_t last_us = __atomic_load_n(&m->last_us, __ATOMIC_RELAXED);
        all.requests += tdm__read(&m->requests);
        all.rows += tdm__read(&m->rows);
        all.errors += tdm__read(&m->errors);
        all.features_ns += tdm__read(&m->features_ns);
        all.models_ns += tdm__read(&m->models_ns);
        all.total_ns += tdm__read(&m->total_ns);
        all.last_us = last_us > all.last_us ? last_us : all.last_us;
    }
    return all;
}

static void duration(tdm_json *j, const char *name, uint64_t count, uint64_t ns)
{
    tdm_json_begin(j, name, '{');
    tdm_json_u64(j, "count", count);
    tdm_json_u64(j, "ns", ns);
    tdm_json_end(j, '}');
}

/* Errors count rows too, so that they may be more than requests. The time of all requests is told with those that went
 * well. */
static void add_stats(tdm__exchange *x, const tdm__oip_target *t, tdm_json *j)
{
    sums s = sum_up(x->seat->server, t->model ? t->model->meters : t->service->meters);
    uint64_t failed = s.errors < s.requests ? s.errors : s.requests, good = s.requests - failed;
    tdm_json_begin(j, NULL, '{');
    tdm_json_text(j, "name", t->name);
    tdm_json_text(j, "version", t->version);
    tdm_json_i64(j, "last_inference", s.last_us / 1000);
    tdm_json_u64(j, "inference_count", s.rows);
    tdm_json_u64(j, "execution_count", good);
    tdm_json_begin(j, "inference_stats", '{');
    duration(j, "success", good, s.total_ns);
    duration(j, "fail", failed, 0);
    duration(j, "queue", good, 0);
    duration(j, "compute_input", good, s.features_ns);
    duration(j, "compute_infer", good, s.models_ns);
    duration(j, "compute_output", good, 0);
    duration(j, "cache_hit", 0, 0);
    duration(j, "cache_miss", 0, 0);
    tdm_json_end(j, '}');
    tdm_json_begin(j, "response_stats", '{');
    tdm_json_end(j, '}');
    tdm_json_begin(j, "batch_stats", '[');
    tdm_json_end(j, ']');
    tdm_json_begin(j, "memory_usage", '[');
    tdm_json_end(j, ']');
    tdm_json_end(j, '}');
}

typedef void (*visit)(tdm__exchange *x, const tdm__oip_target *t, tdm_json *j);

/* Services by name, then bare models. */
static void each_model(tdm__exchange *x, tdm_json *j, visit visit_one)
{
    for (size_t i = 0; i < x->serving->n; i++) {
        tdm__served *s = x->serving->service[i];
        visit_one(x, &(tdm__oip_target){.name = s->name, .version = s->release, .service = s}, j);
    }
    for (size_t i = 0; i < x->serving->n_models; i++) {
        const tdm__bare_model *m = &x->serving->model[i];
        visit_one(x, &(tdm__oip_target){.name = m->name, .version = m->sha256, .model = m}, j);
    }
}

bool tdm__route_v2_stats(tdm__exchange *x)
{
    tdm__oip_target target;
    bool all = !x->argument[0].ptr;
    if (!all && !find(x, &target))
        return true;
    tdm_json j = json_of(x);
    tdm_json_begin(&j, NULL, '{');
    tdm_json_begin(&j, "model_stats", '[');
    if (all)
        each_model(x, &j, add_stats);
    else
        add_stats(x, &target, &j);
    tdm_json_end(&j, ']');
    tdm_json_end(&j, '}');
    return true;
}

/* ---- the repository ---- */

static void add_index(tdm__exchange *x, const tdm__oip_target *t, tdm_json *j)
{
    char reason[1400] = "";
    (void)x;
    if (!is_ready(t))
        tdm_error_format(&t->service->error, reason, sizeof reason);
    tdm_json_begin(j, NULL, '{');
    tdm_json_text(j, "name", t->name);
    tdm_json_text(j, "version", t->version);
    tdm_json_text(j, "state", is_ready(t) ? "READY" : "UNAVAILABLE");
    tdm_json_text(j, "reason", reason);
    tdm_json_end(j, '}');
}

static void add_index_of_ready(tdm__exchange *x, const tdm__oip_target *t, tdm_json *j)
{
    if (is_ready(t))
        add_index(x, t, j);
}

/* The body is empty, or {"ready":BOOL} among members that do not count. */
static tdm_status read_index_body(tdm__exchange *x, bool *ready, tdm_error *err)
{
    tdm__json_scan scan;
    tdm_str name;
    bool first = true, more = true;
    *ready = false;
    if (tdm__str_trim(x->body_in).len == 0)
        return TDM_OK;
    tdm_status s = tdm__json_begin_scan(&scan, x->body_in, &x->seat->texts, err);
    if (!s)
        s = tdm__json_open(&scan, '{');
    while (!s && !(s = tdm__json_next_name(&scan, &first, &name, &more)) && more) {
        bool is_ready_member = tdm__str_is(name, "ready");
        s = is_ready_member ? tdm__json_take_bool(&scan, ready) : tdm__json_skip(&scan);
        if (s)
            tdm__oip_within(err, name);
    }
    return s ? s : tdm__json_end_scan(&scan);
}

bool tdm__route_v2_index(tdm__exchange *x)
{
    tdm_error err;
    bool ready;
    if (read_index_body(x, &ready, &err)) {
        tdm__exchange_fail(x, &err);
        return true;
    }
    tdm_json j = json_of(x);
    tdm_json_begin(&j, NULL, '[');
    each_model(x, &j, ready ? add_index_of_ready : add_index);
    tdm_json_end(&j, ']');
    return true;
}

bool tdm__route_v2_load(tdm__exchange *x)
{
    tdm_error err;
    tdm__fail(&err, TDM_UNSUPPORTED, NULL,
              "models are not loaded or unloaded one by one: releases are promoted and rolled back as epochs");
    tdm__fail_hint(&err, "tandem promote RELEASE");
    tdm__exchange_fail(x, &err);
    return true;
}
