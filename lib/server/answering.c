/* From a request to the bytes of its answer: what all routes have in common.
 *
 * The route's handler writes the body; the head is written when the body is known, so that a handler can fail at any point
 * and still give one whole answer. Counting happens here, once an answer exists. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "os/clock.h"
#include "server/server_impl.h"

enum {
    PACK_BYTES_MIN = 1024,     /* shorter bodies go as they are */
    DEADLINE_MS_MAX = 3600000,
    EXPAND_BYTES_MAX = 2048,   /* compressed bytes that a loop expands itself */
    WARM_BYTES_MAX = 1 << 20   /* a buffer that grew beyond this is given up after its request */
};

void tdm__exchange_fail(tdm__exchange *x, const tdm_error *error)
{
    tdm__buf_reset(x->body);
    memset(x->rung_rows, 0, sizeof x->rung_rows); /* nobody gets these answers */
    memset(x->code_rows, 0, sizeof x->code_rows);
    x->rung = -1;
    x->rows_failed = x->rows;
    x->code = error->status;
    x->status = tdm_status_http(error->status);
    x->type = "application/json";
    if (x->oip) {
        char text[1400];
        tdm_error_format(error, text, sizeof text);
        if (tdm__str_starts(tdm__str(error->what), "Request for unknown model")) /* as clients of that protocol look for */
            snprintf(text, sizeof text, "%s", error->what);
        tdm__buf_text(x->body, "{\"error\":");
        tdm__buf_json_text(x->body, tdm__str(text));
    } else {
        tdm__buf_text(x->body, "{\"error\":");
        tdm__write_error_json(error, NULL, x->body);
    }
    tdm__buf_char(x->body, '}');
    if (x->status == 503)
        tdm__buf_text(x->fields, "Retry-After: 1\r\n");
}

tdm_status tdm__exchange_in_time(const tdm__exchange *x, tdm_error *err)
{
    if (!x->deadline_ns)
        return TDM_OK;
    uint64_t now = tdm__quick_ns();
    if (now <= x->deadline_ns)
        return TDM_OK;
    tdm_status s = tdm__fail(err, TDM_DEADLINE, "deadline", "%s", tdm_status_text(TDM_DEADLINE));
    tdm__fail_expected(err, "an answer within %" PRIu64 " us", (x->deadline_ns - x->arrived_ns) / 1000);
    tdm__fail_found(err, "%" PRIu64 " us gone", (now - x->arrived_ns) / 1000);
    return s;
}

void tdm__exchange_stage(tdm__exchange *x, tdm__stage ended)
{
    uint64_t now = tdm__quick_ns();
    x->stage_ns[ended] += now - x->mark_ns;
    x->mark_ns = now;
}

void tdm__exchange_note_rung(tdm__exchange *x, tdm__rung rung)
{
    if ((int)rung > x->rung)
        x->rung = (int)rung;
    x->rung_rows[rung]++;
}

void tdm__exchange_note_failed(tdm__exchange *x, tdm_status code)
{
    x->rows_failed++;
    x->code_rows[code]++;
}

/* Tandem-Deadline-Ms: whole milliseconds from the request's first byte. */
static tdm_status read_deadline(tdm__exchange *x, tdm_error *err)
{
    tdm_str text = x->request->field[TDM__HTTP_DEADLINE];
    int64_t ms;
    bool overflow = false;
    if (!text.ptr)
        return TDM_OK;
    bool digit = text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9';
    if (digit && tdm__parse_i64(text, &ms, &overflow) && !overflow && ms >= 1 && ms <= DEADLINE_MS_MAX) {
        x->deadline_ns = x->arrived_ns + (uint64_t)ms * 1000000u;
        return TDM_OK;
    }
    tdm_status s = tdm__fail(err, TDM_DEADLINE_INVALID, "header Tandem-Deadline-Ms", "%s",
                             tdm_status_text(TDM_DEADLINE_INVALID));
    tdm__fail_expected(err, "milliseconds from 1 to %d", DEADLINE_MS_MAX);
    tdm__fail_found_text(err, text);
    return s;
}

/* The body without its coding. False: more than a loop should expand. */
static bool expand_body(tdm__exchange *x, tdm_error *err)
{
    tdm__seat *seat = x->seat;
    const tdm_server_settings *limit = &seat->server->settings;
    x->body_in = x->request->body;
    err->status = TDM_OK;
    if (x->coding == TDM__CODING_NONE)
        return true;
    if (!seat->large && x->body_in.len > EXPAND_BYTES_MAX)
        return false;
    if (!tdm__coder_expand(seat->coder, x->coding, x->body_in, limit->body_bytes_max, (unsigned)limit->body_expansion_max,
                           &seat->expanded, err))
        x->body_in = tdm__strn(seat->expanded.ptr, seat->expanded.len);
    return true;
}

static bool is_json_like(tdm_str type)
{
    static const char *const taken[] = {"application/json", "text/json", "text/plain", "application/octet-stream",
                                        "application/x-www-form-urlencoded", "application/x-ndjson"};
    tdm_str rest, bare = tdm__str_trim(tdm__str_cut(type, ';', &rest));
    char lower[64];
    if (bare.len == 0)
        return true;
    if (bare.len >= sizeof lower)
        return false;
    for (size_t i = 0; i < bare.len; i++)
        lower[i] = (char)(bare.ptr[i] >= 'A' && bare.ptr[i] <= 'Z' ? bare.ptr[i] | 0x20 : bare.ptr[i]);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (tdm__str_is(tdm__strn(lower, bare.len), taken[i]))
            return true;
    return tdm__str_ends(tdm__strn(lower, bare.len), "+json");
}

static tdm_status check_type(const tdm__exchange *x, tdm_error *err)
{
    tdm_str type = x->request->field[TDM__HTTP_CONTENT_TYPE];
    if (!type.ptr || x->request->method != TDM__HTTP_POST || is_json_like(type))
        return TDM_OK;
    tdm_status s = tdm__fail(err, TDM_HTTP_MEDIA_TYPE, "header Content-Type", "%s",
                             tdm_status_text(TDM_HTTP_MEDIA_TYPE));
    tdm__fail_expected(err, "application/json");
    tdm__fail_found_text(err, type);
    return s;
}

/* What can be refused by the head alone. */
static tdm_status check_head(tdm__exchange *x, tdm_error *err)
{
    tdm_status s = read_deadline(x, err);
    if (!s)
        s = check_type(x, err);
    return s ? s : tdm__coding_of(x->request->field[TDM__HTTP_CONTENT_ENCODING], &x->coding, err);
}

/* All that comes before the route. False: it is a large one. */
static bool work(tdm__exchange *x)
{
    tdm_error err;
    if (!check_head(x, &err)) {
        if (!expand_body(x, &err))
            return false;
        if (!err.status)
            return tdm__dispatch(x);
    }
    tdm__exchange_fail(x, &err);
    return true;
}

/* The body in the coding that the client likes best, when that pays. */
static tdm_str pack_body(tdm__exchange *x)
{
    tdm__seat *seat = x->seat;
    tdm_str plain = tdm__strn(x->body->ptr, x->body->len);
    if (plain.len < PACK_BYTES_MIN)
        return plain;
    tdm__buf_text(x->fields, "Vary: Accept-Encoding\r\n");
    tdm__coding coding = tdm__coding_accepted(x->request->field[TDM__HTTP_ACCEPT_ENCODING]);
    tdm__buf_reset(&seat->packed);
    if (coding == TDM__CODING_NONE || tdm__coder_pack(seat->coder, coding, plain, &seat->packed, NULL))
        return plain;
    tdm__buf_printf(x->fields, "Content-Encoding: %s\r\n", tdm__coding_name(coding));
    return tdm__strn(seat->packed.ptr, seat->packed.len);
}

static void write_answer(tdm__exchange *x, tdm__buf *out)
{
    static const char no_memory[] = "{\"error\":{\"code\":\"no_memory\",\"message\":\"out of memory\"}}";
    tdm_str body = tdm__strn(NULL, 0);
    if (x->type && (x->body->failed || x->fields->failed)) { /* what was written so far is not whole */
        tdm__buf_reset(x->body);
        tdm__buf_reset(x->fields);
        x->status = 503;
        x->code = TDM_NO_MEMORY;
        x->close = true;
        body = tdm__str(no_memory);
    } else if (x->type) {
        body = pack_body(x);
    }
    tdm__http_answer head = {.status = x->status, .type = x->type, .close = x->close,
                             .keep_alive_10 = !x->close && x->request->minor == 0,
                             .extra = tdm__strn(x->fields->ptr, x->fields->len)};
    tdm__http_write_head(out, &head, body.len);
    if (x->request->method != TDM__HTTP_HEAD && body.len)
        tdm__buf_add(out, body.ptr, body.len);
}

static void count_stages(tdm__exchange *x)
{
    tdm__meter *stage = x->seat->meters.stage;
    x->stage_ns[TDM__STAGE_QUEUE] = x->queued_ns;
    tdm__meter_record(&stage[TDM__STAGE_READ], x->stage_ns[TDM__STAGE_READ]);
    tdm__meter_record(&stage[TDM__STAGE_QUEUE], x->queued_ns);
    if (!x->spent.ended_ns)
        return;
    tdm__meter_record(&stage[TDM__STAGE_PARSE], x->stage_ns[TDM__STAGE_PARSE]);
    tdm__meter_record(&stage[TDM__STAGE_FEATURES], x->spent.features_ns);
    tdm__meter_record(&stage[TDM__STAGE_MODEL], x->spent.models_ns);
}

static void count_rows(tdm__exchange *x)
{
    tdm__meters *m = &x->seat->meters;
    tdm__add(&m->count[TDM__COUNT_ROWS], x->rows);
    tdm__add(&m->count[TDM__COUNT_ROWS_FAILED], x->rows_failed);
    for (unsigned i = 0; x->meters && i < TDM__RUNG_COUNT; i++)
        if (x->rung_rows[i])
            tdm__add(&x->meters->rung[i], x->rung_rows[i]);
    for (unsigned i = 0; x->rows_failed && i < TDM_STATUS_COUNT; i++)
        if (x->code_rows[i])
            tdm__add(&m->error[i], x->code_rows[i]);
}

static void count_service(tdm__exchange *x, uint64_t now)
{
    tdm__service_meters *m = x->meters;
    tdm__add(&m->requests, 1);
    tdm__add(&m->rows, x->rows);
    tdm__add(&m->errors, x->code ? 1 : x->rows_failed);
    tdm__add(&m->features_ns, x->spent.features_ns);
    tdm__add(&m->models_ns, x->spent.models_ns);
    tdm__add(&m->total_ns, now - x->arrived_ns);
    __atomic_store_n(&m->last_us, x->arrived_us, __ATOMIC_RELAXED);
}

static void count_request(const tdm__exchange *x)
{
    tdm__meters *m = &x->seat->meters;
    tdm__add(&m->count[TDM__COUNT_REQUESTS], 1);
    tdm__add(&m->status[x->status / 100 % 6], 1);
    tdm__add(&m->route[x->route], 1);
    if (x->code)
        tdm__add(&m->error[x->code], 1);
}

/* Once for an answer that stands. */
static void count(tdm__exchange *x, size_t bytes_out)
{
    tdm__seat *seat = x->seat;
    uint64_t now = tdm__quick_ns();
    count_request(x);
    count_stages(x);
    if (x->rows)
        count_rows(x);
    if (x->meters)
        count_service(x, now);
    seat->done_ns = now;
    if (seat->n_finished < TDM__FINISHED_MAX)
        seat->finished[seat->n_finished++] =
            (struct tdm__finished){x->arrived_ns, x->spent.ended_ns ? x->spent.ended_ns : now, x->deadline_ns, x->meters};
    if (seat->server->log)
        tdm__access_log_add(seat->server->log, x, now - x->arrived_ns, bytes_out);
}

static void give_up_large(tdm__buf *b)
{
    if (b->cap > WARM_BYTES_MAX)
        tdm__buf_free(b);
}

static tdm__exchange exchange_of(tdm__seat *seat, const tdm__serving *serving, const tdm__http_request *request)
{
    tdm__arena_reset(&seat->texts);
    tdm__buf_reset(&seat->body);
    tdm__buf_reset(&seat->fields);
    return (tdm__exchange){.seat = seat, .serving = serving, .request = request, .status = 200,
                           .type = "application/json", .body = &seat->body, .fields = &seat->fields,
                           .close = !request->keep_alive, .oip = tdm__str_starts(request->path, "/v2"),
                           .route = (unsigned)tdm__n_routes, .rung = -1};
}

bool tdm__answer_request(tdm__seat *seat, const tdm__serving *serving, const tdm__http_request *request,
                         const tdm__arrival *arrival, tdm__buf *out, bool *close)
{
    tdm__exchange x = exchange_of(seat, serving, request);
    size_t before = out->len;
    x.arrived_us = arrival->us;
    x.arrived_ns = arrival->ns;
    x.mark_ns = arrival->begin_ns;
    x.queued_ns = arrival->begin_ns - arrival->ns - arrival->reading_ns;
    x.stage_ns[TDM__STAGE_READ] = arrival->reading_ns;
    if (!arrival->more && atomic_load_explicit(&seat->server->stopping, memory_order_relaxed))
        x.close = true;
    if (!work(&x))
        return false;
    write_answer(&x, out);
    *close = x.close;
    count(&x, out->len - before);
    give_up_large(&seat->body);
    give_up_large(&seat->packed);
    give_up_large(&seat->expanded);
    return true;
}

bool tdm__answer_early(tdm__seat *seat, const tdm__http_request *request, tdm__buf *out)
{
    tdm__exchange x = exchange_of(seat, NULL, request);
    tdm_error err;
    bool refused = check_head(&x, &err) != TDM_OK;
    if (refused)
        tdm__exchange_fail(&x, &err);
    else if (!tdm__dispatch_refuses(&x))
        return false;
    x.close = true; /* the body is not wanted, and may come or not */
    write_answer(&x, out);
    count_request(&x);
    return true;
}

void tdm__answer_fault(tdm__seat *seat, const tdm__http_request *request, const tdm_error *error, tdm__buf *out)
{
    static const tdm__http_request none = {.method = TDM__HTTP_GET, .minor = 1}; /* not kept alive */
    tdm__exchange x = exchange_of(seat, NULL, request ? request : &none);
    tdm__exchange_fail(&x, error);
    write_answer(&x, out);
    count_request(&x);
}
