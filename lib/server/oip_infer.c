/* POST /v2/models/NAME/infer: which model, which rows, which outputs; the work itself is oip_model.c's and
 * oip_service.c's.
 *
 * On an event loop a request that turns out to have many rows is given up before any of them was read. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "server/oip_impl.h"

enum {
    ID_LETTERS_MIN = 8,   /* of a version's beginning, in a path */
    JSON_NUMBER_BYTES = 25
};

/* ---- which model ---- */

static bool is_version(tdm_str given, const char *version)
{
    size_t n = strlen(version);
    return given.len <= n && (given.len == n || given.len >= ID_LETTERS_MIN) && !memcmp(given.ptr, version, given.len);
}

static tdm_status unknown(const tdm__exchange *x, tdm_error *err)
{
    tdm_str name = x->argument[0], version = x->argument[1];
    int name_len = (int)(name.len < 200 ? name.len : 200), version_len = (int)(version.len < 100 ? version.len : 100);
    if (!version.ptr)
        return tdm__fail(err, TDM_NOT_FOUND, NULL, "Request for unknown model: '%.*s' is not found", name_len, name.ptr);
    return tdm__fail(err, TDM_NOT_FOUND, NULL, "Request for unknown model: '%.*s' version '%.*s' is not found", name_len,
                     name.ptr, version_len, version.ptr);
}

tdm_status tdm__oip_find(const tdm__exchange *x, tdm__oip_target *out, tdm_error *err)
{
    tdm_str name = x->argument[0], version = x->argument[1];
    *out = (tdm__oip_target){.service = tdm__serving_find(x->serving, name)};
    if (out->service) {
        out->name = out->service->name;
        out->version = out->service->release;
    } else {
        out->model = tdm__serving_model(x->serving, name);
        if (!out->model)
            return unknown(x, err);
        out->name = out->model->name;
        out->version = out->model->sha256;
    }
    return version.ptr && !is_version(version, out->version) ? unknown(x, err) : TDM_OK;
}

/* ---- shapes ---- */

bool tdm__oip_is_column(const tdm__shape *shape)
{
    return shape->n == 1 || (shape->n == 2 && shape->size[1] == 1);
}

tdm_status tdm__oip_wrong_shape(const tdm__oip_tensor *t, tdm_error *err, const char *expected, ...)
{
    char text[96];
    va_list args;
    va_start(args, expected);
    vsnprintf(text, sizeof text, expected, args);
    va_end(args);
    tdm__fail(err, TDM_BAD_INPUT, "shape", "the tensor does not have the shape that the model takes");
    tdm__fail_expected(err, "%s", text);
    tdm__oip_found_shape(err, &t->shape);
    return tdm__oip_of_input(err, t);
}

tdm_status tdm__oip_twice(const tdm__oip_tensor *t, tdm_error *err)
{
    tdm__fail(err, TDM_BAD_INPUT, NULL, "the input is given twice");
    return tdm__oip_of_input(err, t);
}

static tdm_status wrong_rows(const tdm__oip_job *job, const tdm__oip_tensor *t, tdm_error *err)
{
    uint64_t most = job->x->seat->server->settings.rows_max;
    int64_t rows = t->shape.size[0];
    if (rows == 0)
        return tdm__oip_wrong_shape(t, err, "at least one row");
    if (job->rows && (size_t)rows != job->rows)
        return tdm__oip_wrong_shape(t, err, "%zu rows, as the first input has", job->rows);
    tdm__fail(err, TDM_TOO_LARGE, "shape", "the request has too many rows");
    tdm__fail_expected(err, "at most %" PRIu64, most);
    tdm__fail_found(err, "%" PRId64, rows);
    return tdm__oip_of_input(err, t);
}

tdm_status tdm__oip_take_rows(tdm__oip_job *job, const tdm__oip_tensor *t, tdm_error *err)
{
    uint64_t most = job->x->seat->server->settings.rows_max;
    size_t rows = (size_t)t->shape.size[0]; /* the caller knows that there is one */
    if (rows == 0 || rows > most || (job->rows && rows != job->rows))
        return wrong_rows(job, t, err);
    job->rows = rows;
    return TDM_OK;
}

/* ---- outputs ---- */

static tdm_status unknown_output(const tdm__oip_asked *asked, const tdm__oip_output *known, size_t n, tdm_error *err)
{
    enum { SHOWN = 64 };
    const char *name[SHOWN];
    tdm_status s = tdm__fail(err, TDM_FIELD_UNKNOWN, "outputs", "the model has no such output");
    tdm__fail_found_text(err, asked->name);
    size_t shown = n < SHOWN ? n : SHOWN;
    for (size_t i = 0; i < shown; i++)
        name[i] = known[i].name.ptr;
    const char *near = tdm__nearest(asked->name, name, shown);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    else
        tdm__fail_expected(err, "%s", n ? name[0] : "none");
    return s;
}

/* Finds it among the known ones; asked for in their order, each is the first looked at. */
static tdm_status choose_asked(tdm__oip_job *job, const tdm__oip_asked *asked, tdm__oip_output *known, size_t n,
                               tdm_error *err)
{
    size_t tries = 0, at = job->n_outputs % n;
    for (; tries < n && !tdm__str_equal(known[at].name, asked->name); tries++)
        at = (at + 1) % n;
    if (tries == n)
        return unknown_output(asked, known, n, err);
    if (known[at].taken) {
        tdm__fail(err, TDM_BAD_INPUT, NULL, "the output is asked for twice");
        tdm__oip_within(err, asked->name);
        return tdm__oip_within(err, tdm__str("outputs"));
    }
    known[at].taken = true;
    job->output[job->n_outputs] = known[at];
    job->output[job->n_outputs++].binary = asked->says ? asked->binary : job->request.binary_output;
    return TDM_OK;
}

tdm_status tdm__oip_choose(tdm__oip_job *job, tdm__oip_output *known, size_t n_known, size_t n_default,
                           tdm_error *err)
{
    const tdm__oip_request *r = &job->request;
    size_t n = r->n_outputs ? r->n_outputs : n_default;
    job->output = tdm__arena_array(&job->x->seat->texts, n + 1, tdm__oip_output);
    if (!job->output)
        return tdm__no_memory(err, "outputs");
    for (size_t i = 0; i < r->n_outputs; i++) {
        tdm_status s = choose_asked(job, &r->output[i], known, n_known, err);
        if (s)
            return s;
    }
    if (r->n_outputs)
        return TDM_OK;
    for (size_t i = 0; i < n_default; i++) {
        job->output[i] = known[i];
        job->output[i].binary = r->raw || r->binary_output;
    }
    job->n_outputs = n_default;
    return TDM_OK;
}

tdm_status tdm__oip_reserve(tdm__oip_job *job, tdm_error *err)
{
    uint64_t most = job->x->seat->server->settings.buffered_bytes_max, bytes = 0;
    for (size_t i = 0; i < job->n_outputs; i++) /* rows_max and the widest model: far from 2^64 */
        bytes += (uint64_t)job->rows * job->output[i].width * JSON_NUMBER_BYTES;
    if (bytes > most) {
        tdm_status s = tdm__fail(err, TDM_TOO_LARGE, "outputs", "the answer would be too large");
        tdm__fail_expected(err, "at most %" PRIu64 " bytes", most);
        tdm__fail_found(err, "up to %" PRIu64, bytes);
        return s;
    }
    for (size_t i = 0; i < job->n_outputs; i++) {
        tdm__oip_output *o = &job->output[i];
        if (o->datatype == TDM__DT_BYTES)
            continue;
        o->values = tdm__arena_alloc(&job->x->seat->texts, job->rows * o->width * sizeof(double));
        if (!o->values)
            return tdm__no_memory(err, "outputs");
    }
    return TDM_OK;
}

/* ---- the route ---- */

tdm_status tdm__oip_begin(tdm__oip_job *job, tdm_error *err)
{
    tdm__exchange *x = job->x;
    x->rows = (uint32_t)job->rows;
    if (job->request.timeout_us) {
        uint64_t until = x->arrived_ns + job->request.timeout_us * 1000;
        if (!x->deadline_ns || until < x->deadline_ns)
            x->deadline_ns = until;
    }
    tdm__exchange_stage(x, TDM__STAGE_PARSE);
    return tdm__exchange_in_time(x, err);
}

static void set_limits(tdm__oip_job *job)
{
    const tdm__oip_target *target = job->target;
    tdm__oip_request *r = &job->request;
    r->texts = &job->x->seat->texts;
    r->rows_here = job->x->seat->large ? INT64_MAX : TDM__LOOP_ROWS;
    if (target->model) {
        r->values = true;
        r->inputs_max = tdm__model_info_of(target->model->model)->n_inputs + 1;
        r->outputs_max = 3;
    } else {
        const tdm__package *package = target->service->servable->package;
        r->inputs_max = package->key.n + package->n_request + 2;
        r->outputs_max = package->prediction.n + 1;
    }
}

static tdm_status infer(tdm__oip_job *job, tdm_error *err)
{
    const tdm__exchange *x = job->x;
    if (job->target->service && job->target->service->error.status) {
        *err = job->target->service->error;
        return err->status;
    }
    set_limits(job);
    tdm_status s = tdm__oip_read(&job->request, x->body_in, x->request->field[TDM__HTTP_TENSOR_HEADER], err);
    if (!s)
        s = job->target->model ? tdm__oip_run_model(job, err) : tdm__oip_run_service(job, err);
    return s ? s : tdm__oip_write(job, err);
}

bool tdm__route_v2_infer(tdm__exchange *x)
{
    tdm_error err;
    tdm__oip_target target;
    if (!x->seat->large && x->body_in.len > TDM__LOOP_BODY_BYTES)
        return false;
    if (tdm__oip_find(x, &target, &err)) {
        tdm__exchange_fail(x, &err);
        return true;
    }
    x->meters = &(target.model ? target.model->meters : target.service->meters)[x->seat->index];
    tdm__oip_job job = {.x = x, .target = &target};
    if (!infer(&job, &err))
        return true;
    if (job.request.deferred)
        return false;
    x->rows_failed = x->rows;
    tdm__buf_reset(x->fields);
    tdm__exchange_fail(x, &err);
    return true;
}
