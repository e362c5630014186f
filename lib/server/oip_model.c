/* Infer requests to a bare model: its inputs as one matrix, or as one tensor for each that has a name.
 *
 * Rows go to the model in blocks, as a row-major matrix of doubles. What is one already (FP64 bytes that lie right, or
 * numbers read from JSON) is used where it lies; all else is converted into the lane's. */
#include <math.h>
#include <string.h>
#include "base/fail.h"
#include "os/clock.h"
#include "server/oip_impl.h"

enum { CONVERTED_AT_ONCE = 256 }; /* elements of a column */

typedef struct plan {
    const tdm__bare_model *model;
    tdm__model_lane *lane;
    const tdm__model_info *info;
    const tdm__oip_tensor *matrix; /* NULL: column[] */
    const tdm__oip_tensor **column; /* one an input; NULL: missing */
} plan;

/* ---- which tensor is what ---- */

static tdm_status unknown_input(const plan *p, const tdm__oip_tensor *t, tdm_error *err)
{
    enum { SHOWN = 128 };
    const char *name[SHOWN];
    size_t shown = p->info->n_inputs < SHOWN ? p->info->n_inputs : SHOWN;
    tdm__fail(err, TDM_FIELD_UNKNOWN, NULL, "the model has no such input");
    for (size_t i = 0; i < shown; i++)
        name[i] = p->info->input[i].ptr;
    const char *near = tdm__nearest(t->name, name, shown);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    else
        tdm__fail_expected(err, "one tensor [rows,%zu], or one for each input by its name", p->info->n_inputs);
    return tdm__oip_of_input(err, t);
}

static tdm_status check_datatype(const tdm__oip_tensor *t, tdm_error *err)
{
    if (t->datatype != TDM__DT_BYTES)
        return TDM_OK;
    tdm__fail(err, TDM_FIELD_TYPE, "datatype", "the model takes numbers");
    tdm__fail_expected(err, "FP64, or another datatype of numbers");
    tdm__fail_found(err, "BYTES");
    return tdm__oip_of_input(err, t);
}

static tdm_status plan_matrix(tdm__oip_job *job, plan *p, const tdm__oip_tensor *t, tdm_error *err)
{
    if (t->shape.n != 2 || (uint64_t)t->shape.size[1] != p->info->n_inputs)
        return tdm__oip_wrong_shape(t, err, "[rows,%zu]", p->info->n_inputs);
    p->matrix = t;
    return tdm__oip_take_rows(job, t, err);
}

static tdm_status plan_column(tdm__oip_job *job, plan *p, size_t i, tdm_error *err)
{
    const tdm__oip_tensor *t = &job->request.input[i];
    int at = tdm__names_index_find(&p->model->inputs, t->name, i);
    if (at < 0)
        return unknown_input(p, t, err);
    if (!tdm__oip_is_column(&t->shape))
        return tdm__oip_wrong_shape(t, err, "[rows] or [rows,1]");
    if (p->column[at])
        return tdm__oip_twice(t, err);
    p->column[at] = t;
    return tdm__oip_take_rows(job, t, err);
}

static tdm_status plan_inputs(tdm__oip_job *job, plan *p, tdm_error *err)
{
    const tdm__oip_request *r = &job->request;
    for (size_t i = 0; i < r->n_inputs; i++) {
        tdm_status s = check_datatype(&r->input[i], err);
        if (s)
            return s;
    }
    const tdm__oip_tensor *first = &r->input[0];
    bool named = tdm__oip_is_column(&first->shape) && tdm__names_index_find(&p->model->inputs, first->name, 0) >= 0;
    if (r->n_inputs == 1 && !named)
        return plan_matrix(job, p, first, err);
    p->column = tdm__arena_array(r->texts, p->info->n_inputs, const tdm__oip_tensor *);
    if (!p->column)
        return tdm__no_memory(err, "inputs");
    for (size_t i = 0; i < r->n_inputs; i++) {
        tdm_status s = plan_column(job, p, i, err);
        if (s)
            return s;
    }
    return TDM_OK;
}

static tdm_status plan_outputs(tdm__oip_job *job, const plan *p, tdm_error *err)
{
    size_t n = p->info->n_outputs;
    tdm__oip_output known[] = {
        {.name = {"prediction", 10}, .label = {"\"prediction\"", 12}, .datatype = TDM__DT_FP64},
        {.name = {"raw", 3}, .label = {"\"raw\"", 5}, .datatype = TDM__DT_FP64},
        {.name = {"leaf", 4}, .label = {"\"leaf\"", 6}, .datatype = TDM__DT_INT64, .matrix = true},
    };
    known[0].width = known[1].width = n;
    known[0].matrix = known[1].matrix = n > 1;
    known[2].width = p->info->n_leaves_out;
    size_t n_known = p->info->n_leaves_out ? 3 : 2;
    tdm_status s = tdm__oip_choose(job, known, n_known, 1, err);
    return s ? s : tdm__oip_reserve(job, err);
}

static tdm__model_output output_of(const tdm__oip_output *o)
{
    return o->name.ptr[0] == 'p' ? TDM__PREDICTION : o->name.ptr[0] == 'r' ? TDM__RAW : TDM__LEAF;
}

/* ---- rows ---- */

static tdm_status of_data(const tdm__oip_tensor *t, size_t first, tdm_error *err)
{
    size_t i;
    if (tdm__oip_element(err, &i))
        tdm__fail_where(err, "[%zu]", first + i);
    tdm__oip_within(err, tdm__str("data"));
    return tdm__oip_of_input(err, t);
}

/* Elements first..first+n of a tensor as doubles: where they lie, or converted into `room`. NULL on failure. */
static const double *elements(const tdm__oip_tensor *t, size_t first, size_t n, double *room, tdm_error *err)
{
    if (t->values)
        return t->values + first;
    size_t width = tdm__datatype_width(t->datatype);
    tdm_str bytes = tdm__strn(t->bytes.ptr + first * width, n * width);
    if (t->datatype == TDM__DT_FP64 && (uintptr_t)bytes.ptr % _Alignof(double) == 0)
        return (const double *)(const void *)bytes.ptr;
    if (!tdm__tensor_f64(t->datatype, bytes, n, room, err))
        return room;
    of_data(t, first, err);
    return NULL;
}

static tdm_status fill_column(const plan *p, size_t input, size_t first, size_t rows, tdm_error *err)
{
    double room[CONVERTED_AT_ONCE], *to = p->lane->x + input;
    size_t stride = p->info->n_inputs;
    for (size_t done = 0; done < rows;) {
        size_t n = rows - done < CONVERTED_AT_ONCE ? rows - done : CONVERTED_AT_ONCE;
        const double *from = elements(p->column[input], first + done, n, room, err);
        if (!from)
            return err->status;
        for (size_t i = 0; i < n; i++)
            to[(done + i) * stride] = from[i];
        done += n;
    }
    return TDM_OK;
}

/* The matrix of rows first..first+n. */
static tdm_status block(const plan *p, size_t first, size_t n, const double **x, tdm_error *err)
{
    size_t width = p->info->n_inputs;
    if (p->matrix) {
        *x = elements(p->matrix, first * width, n * width, p->lane->x, err);
        return *x ? TDM_OK : err->status;
    }
    *x = p->lane->x;
    for (size_t i = 0; i < n * width; i++)
        p->lane->x[i] = (double)NAN;
    for (size_t i = 0; i < width; i++) {
        tdm_status s = p->column[i] ? fill_column(p, i, first, n, err) : TDM_OK;
        if (s)
            return s;
    }
    return TDM_OK;
}

static tdm_status run_block(tdm__oip_job *job, const plan *p, size_t first, size_t n, tdm_error *err)
{
    const double *x;
    tdm_status s = block(p, first, n, &x, err);
    uint64_t begun = tdm__quick_ns();
    for (size_t i = 0; !s && i < job->n_outputs; i++) {
        tdm__oip_output *o = &job->output[i];
        s = tdm__model_predict(p->model->model, output_of(o), x, n, o->values + first * o->width, &p->lane->scratch,
                               err);
    }
    job->x->spent.ended_ns = tdm__quick_ns();
    job->x->spent.models_ns += job->x->spent.ended_ns - begun;
    return s;
}

tdm_status tdm__oip_run_model(tdm__oip_job *job, tdm_error *err)
{
    const tdm__bare_model *model = job->target->model;
    plan p = {.model = model, .lane = &model->lane[job->x->seat->index], .info = tdm__model_info_of(model->model)};
    tdm_status s = job->request.raw ? tdm__oip_raw(&job->request, p.info->n_inputs, err) : TDM_OK;
    if (!s)
        s = plan_inputs(job, &p, err);
    if (!s)
        s = plan_outputs(job, &p, err);
    if (!s)
        s = tdm__oip_begin(job, err);
    for (size_t first = 0, n; !s && first < job->rows; first += n) {
        n = job->rows - first < p.lane->rows_max ? job->rows - first : p.lane->rows_max;
        s = first ? tdm__exchange_in_time(job->x, err) : TDM_OK;
        if (!s)
            s = run_block(job, &p, first, n, err);
    }
    return s;
}
