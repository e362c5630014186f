/* Answers to infer requests: JSON, or a JSON header and tensors behind it.
 *
 * Sizes are known before anything is written, so that the header is written once, the bytes after it. A small answer is
 * mostly fixed text: room for a piece is reserved once, and its parts are copied without a look at the buffer. */
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "base/put.h"
#include "schema/instant.h"
#include "server/oip_impl.h"

enum {
    NUMBER_BYTES = 32,                   /* of any number; no rung's or datatype's name with quotes and comma is longer */
    HEAD_BYTES = 256 + 4 * NUMBER_BYTES, /* of fixed text, an instant, a rung, numbers */
    OUTPUT_BYTES = 128 + 4 * NUMBER_BYTES
};

static char *put_integer(char *to, int64_t v)
{
    if (v < 10 && v >= 0) {
        *to = (char)('0' + v);
        return to + 1;
    }
    return to + tdm__format_i64(v, to);
}

/* What was put ends here. */
static void done(tdm__buf *out, const char *end)
{
    out->len = (size_t)(end - out->ptr);
}

/* The parameters that a release's answer has. */
static char *put_parameters(const tdm__oip_job *job, char *to)
{
    to = TDM__PUT(to, ",\"parameters\":{\"epoch\":");
    to = put_integer(to, (int64_t)job->x->serving->epoch);
    to = TDM__PUT(to, ",\"rung\":\"");
    to = tdm__put_text(to, tdm__rung_name(job->worst));
    to = TDM__PUT(to, "\",\"as_of\":\"");
    to += tdm__instant_format(job->as_of_us, to);
    return TDM__PUT(to, "\"}");
}

/* Up to the list of outputs. */
static void add_head(const tdm__oip_job *job, tdm__buf *out)
{
    size_t version = strlen(job->target->version);
    tdm__buf_text(out, "{");
    if (job->request.has_id) {
        tdm__buf_text(out, "\"id\":");
        tdm__buf_json_text(out, job->request.id);
        tdm__buf_text(out, ",");
    }
    tdm__buf_text(out, "\"model_name\":");
    tdm__buf_json_text(out, tdm__str(job->target->name));
    char *to = tdm__buf_reserve(out, HEAD_BYTES + version);
    if (!to)
        return;
    to = TDM__PUT(to, ",\"model_version\":\"");
    to = tdm__put(to, job->target->version, version);
    to = TDM__PUT(to, "\"");
    if (job->target->service)
        to = put_parameters(job, to);
    done(out, TDM__PUT(to, ",\"outputs\":["));
}

static uint64_t bytes_of(const tdm__oip_job *job, const tdm__oip_output *o)
{
    if (o->datatype != TDM__DT_BYTES)
        return (uint64_t)job->rows * o->width * tdm__datatype_width(o->datatype);
    uint64_t bytes = 0;
    for (size_t i = 0; i < job->rows; i++)
        bytes += 4 + strlen(tdm__rung_name(o->rungs[i]));
    return bytes;
}

static void add_items(const tdm__oip_job *job, const tdm__oip_output *o, tdm__buf *out)
{
    if (o->datatype == TDM__DT_FP64) {
        tdm__tensor_write_f64s(out, o->values, job->rows * o->width);
        return;
    }
    for (size_t i = 0; i < job->rows * o->width; i++) {
        char *to = tdm__buf_reserve(out, NUMBER_BYTES); /* no rung's name is longer */
        if (!to)
            return;
        if (i)
            *to++ = ',';
        if (o->datatype == TDM__DT_INT64)
            to = put_integer(to, (int64_t)o->values[i]);
        else
            to = TDM__PUT(tdm__put_text(TDM__PUT(to, "\""), tdm__rung_name(o->rungs[i])), "\"");
        done(out, to);
    }
}

static void add_output(const tdm__oip_job *job, const tdm__oip_output *o, tdm__buf *out)
{
    char *to = tdm__buf_reserve(out, OUTPUT_BYTES + o->label.len);
    if (!to)
        return;
    to = tdm__put(TDM__PUT(to, "{\"name\":"), o->label.ptr, o->label.len);
    to = tdm__put_text(TDM__PUT(to, ",\"datatype\":\""), tdm__datatype_name(o->datatype));
    to = put_integer(TDM__PUT(to, "\",\"shape\":["), (int64_t)job->rows);
    if (o->matrix)
        to = put_integer(TDM__PUT(to, ","), (int64_t)o->width);
    if (o->binary) {
        to = put_integer(TDM__PUT(to, "],\"parameters\":{\"binary_data_size\":"), (int64_t)bytes_of(job, o));
        done(out, TDM__PUT(to, "}}"));
        return;
    }
    done(out, TDM__PUT(to, "],\"data\":["));
    add_items(job, o, out);
    tdm__buf_add(out, "]}", 2);
}

static void add_json(const tdm__oip_job *job, tdm__buf *out)
{
    add_head(job, out);
    for (size_t i = 0; i < job->n_outputs; i++) {
        if (i)
            tdm__buf_char(out, ',');
        add_output(job, &job->output[i], out);
    }
    tdm__buf_add(out, "]}", 2);
}

static void add_rungs(const tdm__oip_job *job, const tdm__oip_output *o, tdm__buf *out)
{
    for (size_t i = 0; i < job->rows; i++) {
        const char *text = tdm__rung_name(o->rungs[i]);
        char length[4];
        tdm__store32(length, (uint32_t)strlen(text));
        tdm__buf_add(out, length, 4);
        tdm__buf_text(out, text);
    }
}

static void add_bytes(const tdm__oip_job *job, const tdm__oip_output *o, tdm__buf *out)
{
    size_t n = job->rows * o->width;
    if (o->datatype == TDM__DT_BYTES) {
        add_rungs(job, o, out);
        return;
    }
    char *to = tdm__buf_reserve(out, n * 8);
    if (!to)
        return;
    if (o->datatype == TDM__DT_FP64)
        memcpy(to, o->values, n * 8); /* little end first, here as there */
    else
        for (size_t i = 0; i < n; i++)
            tdm__store64(to + 8 * i, (uint64_t)(int64_t)o->values[i]);
    out->len += n * 8;
}

static void add_fields(const tdm__oip_job *job, bool binary)
{
    tdm__exchange *x = job->x;
    char *to = tdm__buf_reserve(x->fields, HEAD_BYTES);
    if (!to)
        return;
    if (binary) {
        to = TDM__PUT(put_integer(TDM__PUT(to, "Inference-Header-Content-Length: "), (int64_t)x->body->len), "\r\n");
        x->type = "application/octet-stream";
    }
    if (job->target->service) {
        to = tdm__put_text(to, x->serving->epoch_header);
        to = TDM__PUT(tdm__put_text(TDM__PUT(to, "Tandem-Rung: "), tdm__rung_name(job->worst)), "\r\n");
    }
    done(x->fields, to);
}

tdm_status tdm__oip_write(const tdm__oip_job *job, tdm_error *err)
{
    bool binary = false;
    tdm__buf *out = job->x->body;
    add_json(job, out);
    for (size_t i = 0; i < job->n_outputs; i++)
        binary |= job->output[i].binary;
    tdm_status s = tdm__buf_check(out, err);
    if (s)
        return s;
    add_fields(job, binary);
    for (size_t i = 0; binary && i < job->n_outputs; i++)
        if (job->output[i].binary)
            add_bytes(job, &job->output[i], out);
    return tdm__buf_check(out, err);
}
