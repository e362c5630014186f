/* Infer requests to a release: tensors become the key and request columns of a lane, block by block.
 *
 * A tensor is named after a key part, the entity (all key parts as one text a row) or a request feature; one matrix
 * called "input" may stand for all request features when they are numbers and bools. Each tensor is a feed, which knows
 * how far it was read: tensors in JSON and of BYTES have no fixed places. A row without an answer fails the request. */
#include <math.h>
#include <string.h>
#include "base/fail.h"
#include "server/oip_impl.h"

enum { MATRIX_ROWS_AT_ONCE = 16 };

typedef enum feed_kind { FEED_KEY, FEED_ENTITY, FEED_REQUEST, FEED_MATRIX } feed_kind;

typedef struct feed {
    const tdm__oip_tensor *tensor;
    feed_kind kind;
    size_t index;            /* of the key part, or of the request feature */
    size_t at;               /* binary: the place of the next element */
    tdm__tensor_list list;   /* JSON: likewise. A matrix uses its scan and flags alone */
} feed;

typedef struct plan {
    tdm__lane *lane;
    const tdm__servable *servable;
    const tdm__package *package;
    feed *feed;
    size_t n;
    bool *given;             /* key parts, then request features, then the entity and the matrix */
    uint8_t *rungs;          /* one a row */
} plan;

/* ---- which tensor is what ---- */

static const tdm_type *request_type(const plan *p, size_t i)
{
    return &p->package->slot[p->package->request_slot[i]].type;
}

static tdm_status unknown_input(const plan *p, const tdm__oip_tensor *t, tdm_error *err)
{
    enum { SHOWN = 128 };
    const char *name[SHOWN];
    size_t n = 0;
    for (size_t i = 0; i < p->package->key.n; i++)
        name[n++] = p->servable->key_name[i].ptr;
    for (size_t i = 0; i < p->package->n_request && n < SHOWN; i++)
        name[n++] = p->servable->request_name[i].ptr;
    tdm__fail(err, TDM_FIELD_UNKNOWN, NULL, "the release has neither a key nor a request feature of this name");
    const char *near = tdm__nearest(t->name, name, n);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    return tdm__oip_of_input(err, t);
}

static tdm_status wrong_datatype(const tdm__oip_tensor *t, const tdm_type *type, tdm_error *err)
{
    char text[64];
    bool json = t->json && tdm__tensor_fits(t->datatype, type);
    tdm__type_format(type, text);
    tdm__fail(err, json ? TDM_UNSUPPORTED : TDM_FIELD_TYPE, "datatype", "the tensor's datatype does not fit");
    tdm__fail_expected(err, "%s, for %s", tdm__datatype_name(tdm__datatype_of(type)), text);
    tdm__fail_found(err, "%s", tdm__datatype_name(t->datatype));
    if (json)
        tdm__fail_hint(err, "it has no form in JSON: send it as binary data");
    return tdm__oip_of_input(err, t);
}

static bool fits(const tdm__oip_tensor *t, const tdm_type *type)
{
    bool half = t->datatype == TDM__DT_FP16 || t->datatype == TDM__DT_BF16;
    return tdm__tensor_fits(t->datatype, type) && !(half && t->json);
}

static tdm_status check_column(const tdm__oip_tensor *t, const tdm_type *type, tdm_error *err)
{
    if (!fits(t, type))
        return wrong_datatype(t, type, err);
    return tdm__oip_is_column(&t->shape) ? TDM_OK : tdm__oip_wrong_shape(t, err, "[rows] or [rows,1]");
}

/* Every request feature in a matrix must be one that a double can stand for. */
static tdm_status check_matrix(const plan *p, const tdm__oip_tensor *t, tdm_error *err)
{
    static const tdm_type number = {.kind = TDM_F64};
    char text[64];
    bool integer = t->datatype >= TDM__DT_BOOL && t->datatype <= TDM__DT_INT64;
    for (size_t i = 0; i < p->package->n_request; i++) {
        const tdm_type *type = request_type(p, i);
        if (type->kind == TDM_BOOL || type->kind == TDM_I64 || type->kind == TDM_F32 || type->kind == TDM_F64)
            continue;
        tdm__type_format(type, text);
        tdm__fail(err, TDM_FIELD_TYPE, NULL, "a matrix can stand for features that are numbers or bools only");
        tdm__fail_found(err, "'%s' is %s", p->servable->request_name[i].ptr, text);
        return tdm__oip_of_input(err, t);
    }
    if (!integer && !fits(t, &number))
        return wrong_datatype(t, &number, err);
    if (t->shape.n != 2 || (uint64_t)t->shape.size[1] != p->package->n_request)
        return tdm__oip_wrong_shape(t, err, "[rows,%zu]", p->package->n_request);
    return TDM_OK;
}

/* Finds what the tensor is; `flag` is its place in given[]. `guess`: how many tensors came before. */
static tdm_status identify(const plan *p, const tdm__oip_tensor *t, size_t guess, feed *out, size_t *flag,
                           tdm_error *err)
{
    size_t n_key = p->package->key.n, n_request = p->package->n_request;
    static const tdm_type text = {.kind = TDM_STRING};
    int at = tdm__names_index_find(&p->servable->key_index, t->name, guess);
    *out = (feed){.tensor = t, .kind = FEED_KEY, .index = (size_t)at};
    *flag = (size_t)at;
    if (at >= 0)
        return check_column(t, &p->package->key.field[at].type, err);
    size_t before = guess < n_key ? guess : n_key;
    at = tdm__names_index_find(&p->servable->request_index, t->name, guess - before);
    *out = (feed){.tensor = t, .kind = FEED_REQUEST, .index = (size_t)at};
    *flag = n_key + (size_t)at;
    if (at >= 0)
        return check_column(t, request_type(p, (size_t)at), err);
    out->kind = FEED_ENTITY;
    *flag = n_key + n_request;
    if (tdm__str_equal(t->name, p->package->manifest->entity))
        return check_column(t, &text, err);
    out->kind = FEED_MATRIX;
    *flag = n_key + n_request + 1;
    if (tdm__str_is(t->name, "input") && n_request)
        return check_matrix(p, t, err);
    return unknown_input(p, t, err);
}

/* The matrix gives every request feature, the entity every key part. */
static bool given_before(const plan *p, const feed *f, size_t flag)
{
    size_t n_key = p->package->key.n, n_request = p->package->n_request;
    bool before = p->given[flag];
    if (f->kind == FEED_KEY)
        before |= p->given[n_key + n_request];
    if (f->kind == FEED_REQUEST)
        before |= p->given[n_key + n_request + 1];
    for (size_t i = 0; f->kind == FEED_ENTITY && i < n_key; i++)
        before |= p->given[i];
    for (size_t i = 0; f->kind == FEED_MATRIX && i < n_request; i++)
        before |= p->given[n_key + i];
    return before;
}

static tdm_status plan_input(tdm__oip_job *job, plan *p, size_t i, tdm_error *err)
{
    const tdm__oip_tensor *t = &job->request.input[i];
    size_t flag;
    feed *f = &p->feed[p->n];
    tdm_status s = identify(p, t, i, f, &flag, err);
    if (s)
        return s;
    if (given_before(p, f, flag))
        return tdm__oip_twice(t, err);
    p->given[flag] = true;
    p->n++;
    return tdm__oip_take_rows(job, t, err);
}

static tdm_status of_data(const tdm__oip_tensor *t, tdm_error *err)
{
    tdm__oip_within(err, tdm__str("data"));
    return tdm__oip_of_input(err, t);
}

static tdm_status plan_inputs(tdm__oip_job *job, plan *p, tdm_error *err)
{
    const tdm__oip_request *r = &job->request;
    p->feed = tdm__arena_alloc(r->texts, r->n_inputs * sizeof *p->feed);
    p->given = tdm__arena_array(r->texts, p->package->key.n + p->package->n_request + 2, bool);
    if (!p->feed || !p->given)
        return tdm__no_memory(err, "inputs");
    for (size_t i = 0; i < r->n_inputs; i++) {
        tdm_status s = plan_input(job, p, i, err);
        if (s)
            return s;
    }
    for (size_t i = 0; i < p->n; i++) {
        feed *f = &p->feed[i];
        if (!f->tensor->json)
            continue;
        tdm__json_scan scan = tdm__oip_scan_at(r, f->tensor, tdm__lane_texts(p->lane), err);
        if (tdm__tensor_list_begin(&f->list, f->tensor->datatype, &scan))
            return of_data(f->tensor, err);
        f->list.scan.words = scan.words;
    }
    return TDM_OK;
}

/* "\"late\"": the servable has it with a colon. */
static tdm_str label_of(const plan *p, size_t prediction)
{
    const char *label = p->servable->prediction_label[prediction];
    return tdm__strn(label, strlen(label) - 1);
}

static tdm_status plan_outputs(tdm__oip_job *job, plan *p, tdm_error *err)
{
    const tdm__schema *prediction = &p->package->prediction;
    tdm__oip_output *known = tdm__arena_array(job->request.texts, prediction->n + 1, tdm__oip_output);
    if (!known)
        return tdm__no_memory(err, "outputs");
    for (size_t i = 0; i < prediction->n; i++)
        known[i] = (tdm__oip_output){.name = prediction->field[i].name, .label = label_of(p, i),
                                     .datatype = TDM__DT_FP64, .width = 1, .prediction = i};
    known[prediction->n] = (tdm__oip_output){.name = {"rung", 4}, .label = {"\"rung\"", 6}, .datatype = TDM__DT_BYTES,
                                             .width = 1};
    tdm_status s = tdm__oip_choose(job, known, prediction->n + 1, prediction->n, err);
    if (!s)
        s = tdm__oip_reserve(job, err);
    p->rungs = s ? NULL : tdm__arena_alloc(job->request.texts, job->rows);
    if (!s && !p->rungs)
        s = tdm__no_memory(err, "outputs");
    for (size_t i = 0; i < job->n_outputs; i++)
        job->output[i].rungs = p->rungs;
    return s;
}

/* ---- filling a block ---- */

static tdm_status in_row(tdm_error *err, size_t row)
{
    char inner[sizeof err->where];
    memcpy(inner, err->where, sizeof inner);
    tdm__fail_where(err, "row %zu%s%s", row, inner[0] ? ": " : "", inner);
    return err->status;
}

/* An error of an element is one of its row; others are of the tensor. */
static tdm_status of_element(const plan *p, const feed *f, tdm_error *err)
{
    size_t i, width = f->kind == FEED_MATRIX ? p->package->n_request : 1;
    if (err->status == TDM_BAD_INPUT || err->status == TDM_JSON_SYNTAX || !tdm__oip_element(err, &i))
        return of_data(f->tensor, err);
    tdm_str name = f->kind == FEED_MATRIX ? p->servable->request_name[i % width] : f->tensor->name;
    tdm__fail_where(err, "%.*s", (int)name.len, name.ptr); /* a name of the release's: short */
    if (f->kind == FEED_MATRIX)
        tdm__oip_within(err, f->tensor->name);
    tdm__oip_within(err, tdm__str("inputs"));
    return in_row(err, i / width);
}

static tdm_status take_column(const plan *p, feed *f, size_t first, size_t rows, tdm__column *to, tdm_error *err)
{
    const tdm__oip_tensor *t = f->tensor;
    tdm_status s = t->json ? tdm__tensor_list_take(&f->list, first, rows, to)
                           : tdm__tensor_column(t->datatype, t->bytes, &f->at, first, rows, to, err);
    if (s == TDM_BAD_INPUT && t->json) /* the list knows its block only */
        tdm__fail_expected(err, "%zu elements, flat or in lists of one", (size_t)t->elements);
    return s ? of_element(p, f, err) : TDM_OK;
}

/* Keys of the entity's name: texts, each of all parts. */
static tdm_status take_entity(const plan *p, feed *f, size_t first, size_t rows, tdm_error *err)
{
    static const tdm_type text = {.kind = TDM_STRING, .nullable = true};
    tdm__column keys;
    if (!tdm__column_init_rows(&keys, &text, rows, tdm__lane_texts(p->lane)))
        return tdm__no_memory(err, "keys");
    tdm_status s = take_column(p, f, first, rows, &keys, err);
    for (size_t i = 0; !s && i < rows; i++)
        if (keys.presence[i] == TDM_PRESENT)
            s = tdm__lane_read_key(p->lane, i, keys.as.str[i], err);
    return s;
}

/* A null of a matrix, in a column that may not have one. */
static tdm_status put_null(tdm__column *to, size_t row, tdm_error *err)
{
    char text[64];
    to->presence[row] = TDM_NULL;
    if (to->type.nullable)
        return TDM_OK;
    tdm__type_format(&to->type, text);
    tdm_status s = tdm__fail(err, TDM_FIELD_NULL, NULL, "the field may not be null");
    tdm__fail_expected(err, "%s", text);
    tdm__fail_found(err, "NaN");
    return s;
}

static tdm_status misfit(const tdm__column *to, double v, tdm_error *err)
{
    char text[64];
    tdm_value value = {.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = v};
    tdm__buf found = {0};
    tdm__type_format(&to->type, text);
    tdm_status s = tdm__fail(err, TDM_FIELD_RANGE, NULL, "the number does not fit the field's type");
    tdm__fail_expected(err, "%s", text);
    tdm__value_format(&value, &found);
    tdm__fail_found(err, "%.*s", (int)found.len, found.ptr ? found.ptr : "");
    tdm__buf_free(&found);
    return s;
}

/* A number of a matrix as the column's value. NaN is a value of floats, and null for the others. */
static tdm_status put_number(tdm__column *to, size_t row, double v, tdm_error *err)
{
    bool is_float = to->type.kind == TDM_F64 || to->type.kind == TDM_F32;
    if (isnan(v) && !is_float)
        return put_null(to, row, err);
    if (to->type.kind == TDM_F64) {
        to->as.f64[row] = v;
    } else if (to->type.kind == TDM_F32) {
        to->as.f32[row] = (float)v;
        if (isinf(to->as.f32[row]) && !isinf(v))
            return misfit(to, v, err);
    } else if (to->type.kind == TDM_I64) {
        if (!(v >= -0x1p63 && v < 0x1p63) || v != trunc(v))
            return misfit(to, v, err);
        to->as.i64[row] = (int64_t)v;
    } else {
        if (v != 0 && v != 1)
            return misfit(to, v, err);
        to->as.b[row] = v == 1;
    }
    to->presence[row] = TDM_PRESENT;
    return TDM_OK;
}

/* A matrix of bytes, a few rows at a time. */
static tdm_status take_binary_matrix(const plan *p, feed *f, size_t rows, tdm_error *err)
{
    const tdm__oip_tensor *t = f->tensor;
    size_t width = p->package->n_request, size = tdm__datatype_width(t->datatype);
    double *x = tdm__arena_alloc(tdm__lane_texts(p->lane), MATRIX_ROWS_AT_ONCE * width * sizeof *x);
    if (!x)
        return tdm__no_memory(err, "inputs");
    for (size_t done = 0; done < rows;) {
        size_t n = rows - done < MATRIX_ROWS_AT_ONCE ? rows - done : MATRIX_ROWS_AT_ONCE, i = 0;
        tdm_str bytes = tdm__strn(t->bytes.ptr + f->at, n * width * size);
        tdm_status s = tdm__tensor_f64(t->datatype, bytes, n * width, x, err);
        for (; !s && i < n * width; i++) {
            s = put_number(tdm__lane_request(p->lane, i % width), done + i / width, x[i], err);
            if (s)
                tdm__fail_where(err, "[%zu]", i);
        }
        if (s && tdm__oip_element(err, &i))
            tdm__fail_where(err, "[%zu]", f->at / size + i);
        if (s)
            return of_element(p, f, err);
        f->at += bytes.len;
        done += n;
    }
    return TDM_OK;
}

/* One item that must be there. */
static tdm_status next_item(tdm__json_scan *scan, bool *first, tdm_error *err)
{
    bool more;
    tdm_status s = tdm__json_next_item(scan, first, &more);
    if (!s && !more)
        s = tdm__fail(err, TDM_BAD_INPUT, NULL, "the list has fewer elements than the shape says");
    return s;
}

static tdm_status end_of_list(tdm__json_scan *scan, bool *first, tdm_error *err)
{
    bool more;
    tdm_status s = tdm__json_next_item(scan, first, &more);
    if (!s && more)
        s = tdm__fail(err, TDM_BAD_INPUT, NULL, "the list has more elements than the shape says");
    return s;
}

/* An element of a matrix in JSON: by the column's type, but for bools and integers that come as numbers of a matrix of
 * floats. */
static tdm_status take_json_element(feed *f, tdm__column *to, size_t row, tdm_error *err)
{
    double v;
    tdm__json_scan *scan = &f->list.scan;
    bool floats = f->tensor->datatype == TDM__DT_FP32 || f->tensor->datatype == TDM__DT_FP64;
    bool is_float = to->type.kind == TDM_F64 || to->type.kind == TDM_F32;
    char next = is_float ? 'n' : tdm__json_peek(scan);
    bool number = next == '0' || next == 0; /* 0: a word perhaps */
    if (!number || (to->type.kind == TDM_I64 && !floats))
        return tdm__tensor_take_element(scan, f->tensor->datatype, to, row);
    tdm_status s = tdm__json_take_f64(scan, true, &v);
    return s ? s : put_number(to, row, v, err);
}

/* A row of a matrix in JSON, in brackets of its own when it is nested. */
static tdm_status take_json_row(const plan *p, feed *f, size_t row, size_t *column, tdm_error *err)
{
    tdm__json_scan *scan = &f->list.scan;
    bool inner = true, *first = f->list.nested ? &inner : &f->list.first;
    tdm_status s = TDM_OK;
    *column = 0;
    if (f->list.nested && !(s = next_item(scan, &f->list.first, err)))
        s = tdm__json_open(scan, '[');
    for (; !s && *column < p->package->n_request; ++*column) {
        s = next_item(scan, first, err);
        if (!s)
            s = take_json_element(f, tdm__lane_request(p->lane, *column), row, err);
        if (s)
            return s;
    }
    return s || !f->list.nested ? s : end_of_list(scan, &inner, err);
}

static tdm_status take_json_matrix(const plan *p, feed *f, size_t first, size_t rows, tdm_error *err)
{
    for (size_t i = 0; i < rows; i++) {
        size_t column;
        if (!take_json_row(p, f, i, &column, err))
            continue;
        tdm__fail_where(err, "[%zu]", (first + i) * p->package->n_request + column);
        return of_element(p, f, err);
    }
    return TDM_OK;
}

static tdm_status fill(const plan *p, feed *f, size_t first, size_t rows, tdm_error *err)
{
    switch (f->kind) {
    case FEED_KEY:
        return take_column(p, f, first, rows, tdm__lane_key(p->lane, f->index), err);
    case FEED_REQUEST:
        return take_column(p, f, first, rows, tdm__lane_request(p->lane, f->index), err);
    case FEED_ENTITY:
        return take_entity(p, f, first, rows, err);
    case FEED_MATRIX:
        break;
    }
    return f->tensor->json ? take_json_matrix(p, f, first, rows, err) : take_binary_matrix(p, f, rows, err);
}

/* After the last row: lists of JSON are at their ends. */
static tdm_status finish(const plan *p, tdm_error *err)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->feed[i].tensor->json && tdm__tensor_list_end(&p->feed[i].list))
            return of_data(p->feed[i].tensor, err);
    return TDM_OK;
}

/* ---- rows ---- */

static tdm_status row_failed(const tdm_error *error, size_t row, tdm_error *err)
{
    *err = *error;
    return in_row(err, row);
}

static tdm_status keep_results(tdm__oip_job *job, plan *p, size_t first, size_t rows, tdm_error *err)
{
    for (size_t i = 0; i < rows; i++) {
        const tdm_error *error = tdm__lane_error(p->lane, i);
        if (error)
            return row_failed(error, first + i, err);
        tdm__rung rung = tdm__lane_rung(p->lane, i);
        const double *prediction = tdm__lane_prediction(p->lane, i);
        p->rungs[first + i] = (uint8_t)rung;
        job->worst = rung > job->worst ? rung : job->worst;
        for (size_t k = 0; k < job->n_outputs; k++)
            if (job->output[k].values)
                job->output[k].values[first + i] = prediction[job->output[k].prediction];
    }
    return TDM_OK;
}

static tdm_status run_block(tdm__oip_job *job, plan *p, size_t first, size_t rows, tdm_error *err)
{
    tdm__lane_begin(p->lane, rows);
    for (size_t i = 0; i < p->n; i++) {
        tdm_status s = fill(p, &p->feed[i], first, rows, err);
        if (s)
            return s;
    }
    tdm_status s = first + rows == job->rows ? finish(p, err) : TDM_OK;
    if (!s)
        s = first ? tdm__exchange_in_time(job->x, err) : tdm__oip_begin(job, err);
    if (!s)
        s = tdm__lane_answer(p->lane, job->as_of_us, &job->x->spent, err);
    return s ? s : keep_results(job, p, first, rows, err);
}

tdm_status tdm__oip_run_service(tdm__oip_job *job, tdm_error *err)
{
    tdm__exchange *x = job->x;
    const tdm__served *service = job->target->service;
    plan p = {.lane = service->lane[x->seat->index], .servable = service->servable,
              .package = service->servable->package};
    size_t most = tdm__lane_rows_max(p.lane);
    job->as_of_us = job->request.has_as_of ? job->request.as_of_us : x->arrived_us;
    tdm_status s = job->request.raw ? tdm__oip_raw(&job->request, p.package->n_request, err) : TDM_OK;
    if (!s)
        s = plan_inputs(job, &p, err);
    if (!s)
        s = plan_outputs(job, &p, err);
    for (size_t first = 0, n; !s && first < job->rows; first += n) {
        n = job->rows - first < most ? job->rows - first : most;
        s = run_block(job, &p, first, n, err);
    }
    for (size_t i = 0; !s && i < job->rows; i++)
        tdm__exchange_note_rung(x, (tdm__rung)p.rungs[i]);
    return s;
}
