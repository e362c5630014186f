/* An answer as JSON, written from front to back into room that was reserved once.
 *
 * What answers of a release share is there already as JSON (servable.h), what those of a block share is in the lane. Only
 * features that are asked for, and errors, take the longer way over tdm__buf. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "base/put.h"
#include "online/lane_impl.h"

static char *put_u64(char *to, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return tdm__put(to, digits + n, sizeof digits - n);
}

/* Finite in all that models give; a table could hold anything. */
static char *put_f64(char *to, double v)
{
    if (isfinite(v))
        return to + tdm__format_f64(v, to);
    *to++ = '"';
    to += tdm__format_f64(v, to);
    *to++ = '"';
    return to;
}

/* The lowest `digits` hexadecimal digits of v. */
static char *put_hex(char *to, uint64_t v, unsigned digits)
{
    for (unsigned i = 0; i < digits; i++)
        to[i] = "0123456789abcdef"[v >> 4 * (digits - 1 - i) & 15];
    return to + digits;
}

static char *put_id(tdm__lane *lane, char *to)
{
    to = put_hex(to, lane->millisecond, 12);
    to = put_hex(to, tdm__random_next(&lane->random), 4);
    return put_hex(to, tdm__random_next(&lane->random), 16);
}

/* All members of every answer; the object stays open. */
static char *put_answer(tdm__lane *lane, const tdm__answer *answer, const tdm__answer_context *context, char *to)
{
    const tdm__servable *v = lane->servable;
    to = put_id(lane, TDM__PUT(to, "{\"id\":\""));
    to = put_u64(TDM__PUT(to, "\",\"epoch\":"), context->epoch);
    to = tdm__put_text(TDM__PUT(to, ",\"release\":"), v->release_text);
    to = tdm__put_text(TDM__PUT(to, ",\"rung\":\""), tdm__rung_name(answer->rung));
    to = TDM__PUT(to, "\",\"prediction\":{");
    for (size_t i = 0; i < v->package->prediction.n; i++) {
        if (i)
            *to++ = ',';
        to = put_f64(tdm__put_text(to, v->prediction_label[i]), answer->prediction[i]);
    }
    to = tdm__put(TDM__PUT(to, "},\"as_of\":\""), lane->as_of, lane->as_of_len);
    to = put_u64(TDM__PUT(to, "\",\"position\":"), context->position);
    to = TDM__PUT(to, ",\"oldest_input_ms\":");
    to = answer->has_oldest_input ? to + tdm__format_i64(answer->oldest_input_us / 1000, to) : TDM__PUT(to, "null");
    return answer->stale ? TDM__PUT(to, ",\"stale\":true") : to;
}

static void add_features(const tdm__lane *lane, size_t row, tdm__buf *out)
{
    const tdm__package *p = lane->servable->package;
    tdm__buf_text(out, ",\"features\":{");
    for (size_t i = 0; i < p->manifest->n_features; i++) {
        tdm_value v;
        tdm__column_get(tdm__worker_slot(lane->worker, (size_t)p->feature_slot[i]), row, &v);
        if (i)
            tdm__buf_char(out, ',');
        tdm__buf_json_text(out, p->manifest->feature[i].name);
        tdm__buf_char(out, ':');
        tdm__value_json(&v, out);
    }
    tdm__buf_char(out, '}');
}

void tdm__lane_write_json(tdm__lane *lane, size_t row, const tdm__answer_context *context, tdm__buf *out)
{
    const tdm__servable *v = lane->servable;
    const tdm__answer *answer = &lane->answer[row];
    if (answer->error) {
        tdm__buf_text(out, "{\"error\":");
        tdm__write_error_json(answer->error, context->where, out);
        tdm__buf_char(out, '}');
        return;
    }
    char *to = tdm__buf_reserve(out, v->answer_bytes);
    if (!to)
        return;
    out->len += (size_t)(put_answer(lane, answer, context, to) - to);
    if (v->warning.len) {
        tdm__buf_text(out, ",\"warning\":");
        tdm__buf_str(out, v->warning);
    }
    if (context->explain)
        add_features(lane, row, out);
    tdm__buf_char(out, '}');
}

static void add_member(tdm__buf *out, const char *label, const char *text)
{
    if (!text[0])
        return;
    tdm__buf_text(out, label);
    tdm__buf_json_text(out, tdm__str(text));
}

void tdm__write_error_json(const tdm_error *error, const char *where, tdm__buf *out)
{
    char place[sizeof error->where + 64];
    const char *before = where ? where : "";
    snprintf(place, sizeof place, "%.60s%s%s", before, before[0] && error->where[0] ? "." : "", error->where);
    tdm__buf_text(out, "{\"code\":\"");
    tdm__buf_text(out, tdm_status_name(error->status));
    tdm__buf_char(out, '"');
    add_member(out, ",\"message\":", error->what);
    add_member(out, ",\"where\":", place);
    add_member(out, ",\"expected\":", error->expected);
    add_member(out, ",\"found\":", error->found);
    add_member(out, ",\"hint\":", error->hint);
    tdm__buf_char(out, '}');
}
