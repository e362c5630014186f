/* Answers to infer requests: JSON, or a JSON header and tensors behind it.
 *
 * Sizes are known before anything is written, so that the header is written once, the bytes after it. */
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "schema/instant.h"
#include "server/oip_impl.h"

#define ADD(out, literal) tdm__buf_add((out), (literal), sizeof(literal) - 1)

static void add_integer(tdm__buf *out, int64_t v)
{
    char text[32];
    tdm__buf_add(out, text, tdm__format_i64(v, text));
}

/* The parameters that a release's answer has. */
static void add_parameters(const tdm__oip_job *job, tdm__buf *out)
{
    char as_of[40];
    ADD(out, "\",\"parameters\":{\"epoch\":");
    add_integer(out, (int64_t)job->x->serving->epoch);
    ADD(out, ",\"rung\":\"");
    tdm__buf_text(out, tdm__rung_name(job->worst));
    ADD(out, "\",\"as_of\":\"");
    tdm__buf_add(out, as_of, tdm__instant_format(job->as_of_us, as_of));
    ADD(out, "\"}");
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

static void add_data(const tdm__oip_job *job, const tdm__oip_output *o, tdm__buf *out)
{
    ADD(out, ",\"data\":[");
    if (o->datatype == TDM__DT_FP64) {
        tdm__tensor_write_f64s(out, o->values, job->rows * o->width);
    } else {
        for (size_t i = 0; i < job->rows * o->width; i++) {
            if (i)
                ADD(out, ",");
            if (o->datatype == TDM__DT_INT64)
                add_integer(out, (int64_t)o->values[i]);
            else
                tdm__buf_json_text(out, tdm__str(tdm__rung_name(o->rungs[i])));
        }
    }
    ADD(out, "]");
}

static void add_output(const tdm__oip_job *job, const tdm__oip_output *o, tdm__buf *out)
{
    ADD(out, "{\"name\":");
    tdm__buf_json_text(out, o->name);
    ADD(out, ",\"datatype\":\"");
    tdm__buf_text(out, tdm__datatype_name(o->datatype));
    ADD(out, "\",\"shape\":[");
    add_integer(out, (int64_t)job->rows);
    if (o->matrix) {
        ADD(out, ",");
        add_integer(out, (int64_t)o->width);
    }
    ADD(out, "]");
    if (o->binary) {
        ADD(out, ",\"parameters\":{\"binary_data_size\":");
        add_integer(out, (int64_t)bytes_of(job, o));
        ADD(out, "}");
    } else {
        add_data(job, o, out);
    }
    ADD(out, "}");
}

static void add_json(const tdm__oip_job *job, tdm__buf *out)
{
    ADD(out, "{");
    if (job->request.has_id) {
        ADD(out, "\"id\":");
        tdm__buf_json_text(out, job->request.id);
        ADD(out, ",");
    }
    ADD(out, "\"model_name\":");
    tdm__buf_json_text(out, tdm__str(job->target->name));
    ADD(out, ",\"model_version\":\"");
    tdm__buf_text(out, job->target->version);
    if (job->target->service)
        add_parameters(job, out);
    else
        ADD(out, "\"");
    ADD(out, ",\"outputs\":[");
    for (size_t i = 0; i < job->n_outputs; i++) {
        if (i)
            ADD(out, ",");
        add_output(job, &job->output[i], out);
    }
    ADD(out, "]}");
}

static void add_bytes(const tdm__oip_job *job, const tdm__oip_output *o, tdm__buf *out)
{
    size_t n = job->rows * o->width;
    char *to = o->datatype == TDM__DT_BYTES ? NULL : tdm__buf_reserve(out, n * 8);
    if (o->datatype == TDM__DT_BYTES) {
        for (size_t i = 0; i < n; i++) {
            const char *text = tdm__rung_name(o->rungs[i]);
            char length[4];
            tdm__store32(length, (uint32_t)strlen(text));
            tdm__buf_add(out, length, 4);
            tdm__buf_text(out, text);
        }
    } else if (to) {
        if (o->datatype == TDM__DT_FP64)
            memcpy(to, o->values, n * 8); /* little end first here as there */
        else
            for (size_t i = 0; i < n; i++)
                tdm__store64(to + 8 * i, (uint64_t)(int64_t)o->values[i]);
        out->len += n * 8;
    }
}

static void add_fields(const tdm__oip_job *job, bool binary)
{
    tdm__exchange *x = job->x;
    if (binary) {
        ADD(x->fields, "Inference-Header-Content-Length: ");
        add_integer(x->fields, (int64_t)x->body->len);
        ADD(x->fields, "\r\n");
        x->type = "application/octet-stream";
    }
    if (!job->target->service)
        return;
    tdm__buf_text(x->fields, x->serving->epoch_header);
    ADD(x->fields, "Tandem-Rung: ");
    tdm__buf_text(x->fields, tdm__rung_name(job->worst));
    ADD(x->fields, "\r\n");
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
    for (size_t i = 0; i < job->n_outputs; i++)
        if (job->output[i].binary)
            add_bytes(job, &job->output[i], out);
    return tdm__buf_check(out, err);
}
