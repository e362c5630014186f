/* POST /v1/decide/{service}: one answer, or one for each row.
 *
 * Rows are read, scored and written block by block, straight from the request's bytes to the answer's: there is no list of
 * rows in between. A block holds neighbouring rows that ask for the same as-of, for that is a property of a block. */
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "os/clock.h"
#include "schema/instant.h"
#include "server/server_impl.h"

typedef struct deciding {
    tdm__exchange *x;
    tdm__lane *lane;
    tdm__json_scan *scan;
    tdm__answer_context context;
    bool has_as_of;          /* the request as a whole named one */
    int64_t as_of_us;        /* for rows that name none */
    uint64_t first_row;      /* of the block, in the request */
    bool many;
} deciding;

/* Scores the block and appends its rows' answers. */
static tdm_status answer_block(deciding *d, size_t rows, int64_t as_of_us, tdm_error *err)
{
    tdm__exchange *x = d->x;
    tdm__exchange_stage(x, TDM__STAGE_PARSE);
    tdm_status s = tdm__exchange_in_time(x, err);
    if (!s)
        s = tdm__lane_answer(d->lane, as_of_us, &x->spent, err);
    for (size_t row = 0; !s && row < rows; row++) {
        char where[32];
        const tdm_error *bad = tdm__lane_error(d->lane, row);
        if (bad)
            tdm__exchange_note_failed(x, bad->status);
        else
            tdm__exchange_note_rung(x, tdm__lane_rung(d->lane, row));
        if (d->many) {
            snprintf(where, sizeof where, "rows[%llu]", (unsigned long long)(d->first_row + row));
            d->context.where = where;
            if (d->first_row + row)
                tdm__buf_char(x->body, ',');
        }
        tdm__lane_write_json(d->lane, row, &d->context, x->body);
    }
    x->rows += (uint32_t)rows;
    d->first_row += rows;
    if (d->many)
        x->mark_ns = tdm__quick_ns(); /* the next block's reading begins */
    return s;
}

/* A question alone: what is wrong with it is the answer's status. */
static tdm_status answer_one(deciding *d, tdm_error *err)
{
    tdm__asked asked;
    tdm__lane_begin(d->lane, 1);
    tdm_status s = tdm__lane_read_json(d->lane, d->scan, 0, &asked, err);
    if (!s)
        s = tdm__json_end_scan(d->scan);
    if (s)
        return s;
    const tdm_error *bad = tdm__lane_error(d->lane, 0);
    if (!bad) {
        s = answer_block(d, 1, asked.has_as_of ? asked.as_of_us : d->as_of_us, err);
        bad = s ? NULL : tdm__lane_error(d->lane, 0);
    } else {
        d->x->rows = 1;
        d->x->rows_failed = 1;
    }
    if (bad)
        *err = *bad;
    return s ? s : bad ? bad->status : TDM_OK;
}

static tdm_status too_many_rows(const deciding *d, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_TOO_LARGE, "rows", "the request has too many rows");
    tdm__fail_expected(err, "at most %llu", (unsigned long long)d->x->seat->server->settings.rows_max);
    return s;
}

/* The list's rows, from the scanner's place on. False in *whole: they are too many for an event loop. */
static tdm_status answer_list(deciding *d, bool *whole, tdm_error *err)
{
    size_t rows = 0, rows_max = tdm__lane_rows_max(d->lane);
    int64_t block_us = 0;
    bool first = true, more;
    tdm__json_scan before = *d->scan;
    tdm_status s = tdm__json_open(d->scan, '[');
    if (s == TDM_FIELD_TYPE)
        tdm__fail_where(err, "rows");
    while (!s && !(s = tdm__json_next_item(d->scan, &first, &more)) && more) {
        tdm__asked asked = {0};
        if (d->first_row + rows == rows_max && !d->x->seat->large) {
            *whole = false;
            return TDM_OK;
        }
        if (d->first_row + rows >= d->x->seat->server->settings.rows_max)
            return too_many_rows(d, err);
        if (rows == rows_max) {
            s = answer_block(d, rows, block_us, err);
            rows = 0;
        }
        if (!s && rows == 0)
            tdm__lane_begin(d->lane, rows_max);
        before = *d->scan;
        if (!s)
            s = tdm__lane_read_json(d->lane, d->scan, rows, &asked, err);
        int64_t as_of_us = asked.has_as_of ? asked.as_of_us : d->as_of_us;
        if (!s && rows && as_of_us != block_us) { /* it begins a block of its own */
            s = answer_block(d, rows, block_us, err);
            rows = 0;
            tdm__lane_begin(d->lane, rows_max);
            *d->scan = before;
            if (!s)
                s = tdm__lane_read_json(d->lane, d->scan, 0, &asked, err);
        }
        block_us = as_of_us;
        rows++;
    }
    return s || !rows ? s : answer_block(d, rows, block_us, err);
}

/* ---- the body as a whole ---- */

static tdm_status read_as_of(deciding *d, tdm_error *err)
{
    tdm_str text;
    if (d->has_as_of)
        return tdm__json_twice(d->scan, tdm__str("as_of"));
    tdm_status s = tdm__json_take_text(d->scan, &text);
    if (s) {
        tdm__fail_where(err, "as_of");
        return s;
    }
    if (!tdm_instant_read(text, &d->as_of_us)) {
        s = tdm__fail(err, TDM_FIELD_TYPE, "as_of", "this is not an instant");
        tdm__fail_expected(err, "RFC 3339 with a zone, as 2013-06-01T10:00:00Z");
        tdm__fail_found_text(err, text);
    }
    d->has_as_of = true;
    return s;
}

static tdm_status unknown_member(tdm_str name, tdm_error *err)
{
    static const char *const known[] = {"rows", "as_of"};
    tdm_status s = tdm__fail(err, TDM_FIELD_UNKNOWN, NULL, "beside rows there can only be as_of");
    tdm__fail_where(err, "%.*s", (int)(name.len < 80 ? name.len : 80), name.ptr);
    const char *near = tdm__nearest(name, known, 2);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    return s;
}

/* Whether the body asks for many rows: an object with a member `rows`. Faults are left to whoever reads it in earnest. */
static bool asks_for_rows(tdm__json_scan scan)
{
    tdm_error ignored;
    bool first = true, more;
    tdm_str name;
    scan.err = &ignored;
    if (tdm__json_open(&scan, '{'))
        return false;
    while (!tdm__json_next_name(&scan, &first, &name, &more) && more) {
        if (tdm__str_is(name, "rows"))
            return true;
        if (tdm__str_is(name, "keys") || tdm__str_is(name, "features") || tdm__json_skip(&scan))
            return false;
    }
    return false;
}

/* An as_of may stand behind the rows that it is for; it is looked for only where the text there could hold it. */
static tdm_status as_of_behind(deciding *d, tdm_error *err)
{
    const char *end = d->scan->end, *tail = end;
    while (tail > d->scan->at && tail[-1] != ']')
        tail--;
    if (end - tail < 8 || !memchr(tail, '"', (size_t)(end - tail)))
        return TDM_OK;
    tdm__json_scan ahead = *d->scan, *here = d->scan;
    bool first = false, more;
    tdm_str name;
    tdm_status s = tdm__json_skip(&ahead);
    d->scan = &ahead;
    while (!s && !(s = tdm__json_next_name(&ahead, &first, &name, &more)) && more)
        s = tdm__str_is(name, "as_of") ? read_as_of(d, err) : tdm__json_skip(&ahead);
    d->scan = here;
    return s;
}

static tdm_status answer_many(deciding *d, bool *whole, tdm_error *err)
{
    bool first = true, more, had_rows = false, behind = false;
    tdm_str name;
    tdm_status s = tdm__json_open(d->scan, '{');
    d->many = true;
    tdm__buf_text(d->x->body, "{\"answers\":[");
    while (!s && !(s = tdm__json_next_name(d->scan, &first, &name, &more)) && more) {
        if (tdm__str_is(name, "rows") && had_rows) {
            s = tdm__json_twice(d->scan, name);
        } else if (tdm__str_is(name, "rows")) {
            bool before = d->has_as_of;
            had_rows = true;
            s = before ? TDM_OK : as_of_behind(d, err);
            behind = !before && d->has_as_of;
            if (!s)
                s = answer_list(d, whole, err);
            if (!*whole)
                return TDM_OK;
        } else if (tdm__str_is(name, "as_of")) {
            s = behind ? tdm__json_skip(d->scan) : read_as_of(d, err);
            behind = false;
        } else {
            s = unknown_member(name, err);
        }
    }
    if (!s)
        s = tdm__json_end_scan(d->scan);
    if (!s && !d->first_row) {
        s = tdm__fail(err, TDM_BAD_INPUT, "rows", "there are no rows");
        tdm__fail_expected(err, "at least one row");
    }
    tdm__buf_text(d->x->body, "]}");
    return s;
}

static tdm__served *find_service(tdm__exchange *x, tdm_error *err)
{
    tdm__served *v = tdm__serving_find(x->serving, x->argument[0]);
    if (!v) {
        tdm__serving_unknown(x->serving, x->argument[0], err);
        return NULL;
    }
    x->meters = &v->meters[x->seat->index];
    if (!v->error.status)
        return v;
    *err = v->error;
    return NULL;
}

static void add_fields(tdm__exchange *x)
{
    tdm__buf_text(x->fields, x->serving->epoch_header);
    if (x->rung < 0)
        return;
    tdm__buf_text(x->fields, "Tandem-Rung: ");
    tdm__buf_text(x->fields, tdm__rung_name((tdm__rung)x->rung));
    tdm__buf_text(x->fields, "\r\n");
}

bool tdm__route_decide(tdm__exchange *x)
{
    tdm_error err;
    tdm__served *v = find_service(x, &err);
    bool whole = true;
    if (!v) {
        tdm__exchange_fail(x, &err);
        return true;
    }
    if (!x->seat->large && x->body_in.len > TDM__LOOP_BODY_BYTES)
        return false;
    deciding d = {.x = x, .lane = v->lane[x->seat->index], .scan = &x->seat->scan, .as_of_us = x->arrived_us,
                  .context = {.epoch = x->serving->epoch, .position = x->serving->position}};
    tdm_status s = tdm__json_begin_scan(d.scan, x->body_in, &x->seat->texts, &err);
    if (!s)
        s = asks_for_rows(*d.scan) ? answer_many(&d, &whole, &err) : answer_one(&d, &err);
    if (!whole)
        return false;
    if (s)
        tdm__exchange_fail(x, &err);
    add_fields(x);
    return true;
}

/* ---- GET /v1/predictions/{service}/{key} ---- */

static void write_row(tdm__exchange *x, const tdm__served *v, const tdm_value *value)
{
    const tdm__servable *s = v->servable;
    const tdm_table_info *info = &s->table->info;
    int64_t age_us = x->arrived_us - info->as_of_us;
    char text[40];
    tdm__buf *out = x->body;
    tdm__buf_text(out, "{\"key\":");
    tdm__buf_json_text(out, x->argument[1]);
    tdm__buf_printf(out, ",\"epoch\":%llu,\"release\":", (unsigned long long)x->serving->epoch);
    tdm__buf_text(out, s->release_text);
    tdm__buf_printf(out, ",\"table\":\"%s\",\"rung\":\"table\",\"prediction\":{", info->name);
    for (size_t i = 0; i < s->package->prediction.n; i++) {
        if (i)
            tdm__buf_char(out, ',');
        tdm__buf_text(out, s->prediction_label[i]);
        tdm__value_json(&value[i], out);
    }
    tdm__buf_text(out, "},\"as_of\":\"");
    tdm__buf_add(out, text, tdm__instant_format(info->as_of_us, text));
    int64_t ttl = s->package->manifest->batch.ttl_us;
    tdm__buf_printf(out, "\",\"age_ms\":%lld,\"stale\":%s}", (long long)(age_us / 1000),
                    ttl && age_us > ttl ? "true" : "false");
}

static tdm_status table_row(tdm__exchange *x, const tdm__served *v, tdm_error *err)
{
    const tdm__servable *s = v->servable;
    tdm_value *value = tdm__arena_array(&x->seat->texts, s->package->prediction.n + 1, tdm_value);
    if (!value)
        return tdm__no_memory(err, "answer");
    if (s->table_error.status) {
        *err = s->table_error;
        return err->status;
    }
    if (!s->table)
        return tdm__fail(err, TDM_NOT_FOUND, v->name, "the service has no prediction table");
    int64_t last_good = s->package->manifest->batch.last_good_us;
    if (last_good && x->arrived_us - s->table->info.as_of_us > last_good)
        return tdm__fail(err, TDM_UNANSWERED, s->table->info.name, "the table is older than its last_good");
    tdm_status status = tdm_table_get(s->table, x->argument[1], value, err);
    if (!status)
        write_row(x, v, value);
    return status;
}

bool tdm__route_predictions(tdm__exchange *x)
{
    tdm_error err;
    tdm__served *v = find_service(x, &err);
    tdm_status s = v ? table_row(x, v, &err) : err.status;
    x->rows = v ? 1 : 0;
    if (s)
        tdm__exchange_fail(x, &err);
    else
        tdm__exchange_note_rung(x, TDM__RUNG_TABLE);
    add_fields(x);
    return true;
}
