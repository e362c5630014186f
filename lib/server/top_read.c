/* Reading what tdm__top_json wrote, and subtracting an earlier word from a later one.
 *
 * A text from a socket: every number has its bounds, and what does not fit is an error with its place. A counter
 * that is lower than before counts as it is: that a server began anew is seen by its start. */
#include "server/top_frame.h"

#include <string.h>
#include "base/fail.h"
#include "codec/json_scan.h"

typedef struct reading {
    tdm__json_scan scan;
    tdm__top *top;
    tdm_error *err;
} reading;

static tdm_status take_u64(reading *r, uint64_t *out)
{
    int64_t v;
    tdm_status s = tdm__json_take_i64(&r->scan, 0, INT64_MAX, &v);
    if (!s)
        *out = (uint64_t)v;
    return s;
}

static tdm_status take_text(reading *r, const char **out)
{
    tdm_str text;
    tdm_status s = tdm__json_take_text(&r->scan, &text);
    if (!s && !(*out = tdm__arena_copy(&r->top->arena, text.ptr, text.len)))
        s = tdm__no_memory(r->err, "top");
    return s;
}

/* The members of an object, each given to `take`. */
typedef tdm_status (*take_member)(reading *r, tdm_str name, void *self);

static tdm_status object(reading *r, take_member take, void *self)
{
    bool first = true, more;
    tdm_str name;
    tdm_status s = tdm__json_open(&r->scan, '{');
    while (!s && !(s = tdm__json_next_name(&r->scan, &first, &name, &more)) && more)
        s = take(r, name, self);
    return s;
}

static tdm_status list(reading *r, tdm_status (*take)(reading *r, void *self), void *self)
{
    bool first = true, more;
    tdm_status s = tdm__json_open(&r->scan, '[');
    while (!s && !(s = tdm__json_next_item(&r->scan, &first, &more)) && more)
        s = take(r, self);
    return s;
}

/* ---- histograms ---- */

static tdm_status take_bucket(reading *r, void *self)
{
    tdm__histogram *h = self;
    int64_t pair[2] = {0, 0};
    size_t n = 0;
    bool first = true, more;
    tdm_status s = tdm__json_open(&r->scan, '[');
    while (!s && !(s = tdm__json_next_item(&r->scan, &first, &more)) && more) {
        if (n == 2)
            return tdm__json_fault(&r->scan, NULL, "a bucket has two numbers");
        s = tdm__json_take_i64(&r->scan, 0, n ? INT64_MAX : TDM__HISTOGRAM_BUCKETS - 1, &pair[n]);
        n++;
    }
    if (!s) {
        h->bucket[pair[0]] += (uint64_t)pair[1];
        h->count += (uint64_t)pair[1];
    }
    return s;
}

/* True when it was one of a histogram's members. */
static bool histogram_member(reading *r, tdm_str name, tdm__histogram *h, tdm_status *s)
{
    if (tdm__str_is(name, "max_ns"))
        *s = take_u64(r, &h->max);
    else if (tdm__str_is(name, "sum_ns"))
        *s = take_u64(r, &h->sum);
    else if (tdm__str_is(name, "buckets"))
        *s = list(r, take_bucket, h);
    else
        return false;
    return true;
}

typedef struct named_histogram { const char *name; tdm__histogram h; } named_histogram;

static tdm_status stage_member(reading *r, tdm_str name, void *self)
{
    named_histogram *stage = self;
    tdm_status s = TDM_OK;
    if (tdm__str_is(name, "stage"))
        return take_text(r, &stage->name);
    return histogram_member(r, name, &stage->h, &s) ? s : tdm__json_skip(&r->scan);
}

static tdm_status take_stage(reading *r, void *self)
{
    named_histogram stage = {"", {0}};
    (void)self;
    tdm_status s = object(r, stage_member, &stage);
    for (unsigned i = 0; i < TDM__STAGE_COUNT && !s; i++)
        if (!strcmp(stage.name, tdm__stage_name((tdm__stage)i)))
            r->top->stage[i] = stage.h;
    return s;
}

/* ---- services ---- */

static tdm_status rung_member(reading *r, tdm_str name, void *self)
{
    tdm__top_service *service = self;
    for (unsigned i = 0; i < TDM__RUNG_COUNT; i++)
        if (tdm__str_is(name, tdm__rung_name((tdm__rung)i)))
            return take_u64(r, &service->rung[i]);
    return tdm__json_skip(&r->scan);
}

static tdm_status service_member(reading *r, tdm_str name, void *self)
{
    tdm__top_service *service = self;
    const struct { const char *name; uint64_t *at; } numbers[] = {
        {"requests", &service->requests}, {"rows", &service->rows}, {"errors", &service->errors},
        {"promise_p99_us", &service->promise_us},
    };
    tdm_status s = TDM_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (tdm__str_is(name, numbers[i].name))
            return take_u64(r, numbers[i].at);
    if (tdm__str_is(name, "service"))
        return take_text(r, &service->name);
    if (tdm__str_is(name, "rungs"))
        return object(r, rung_member, service);
    service->failed |= tdm__str_is(name, "error");
    return histogram_member(r, name, &service->h, &s) ? s : tdm__json_skip(&r->scan);
}

static tdm_status take_service(reading *r, void *self)
{
    tdm__top *t = r->top;
    (void)self;
    if (t->n_services == TDM__TOP_SERVICES_MAX)
        return tdm__fail(r->err, TDM_TOO_LARGE, "services", "there are more than %d", TDM__TOP_SERVICES_MAX);
    if (!tdm__grow(t->service, t->cap_services, t->n_services + 1))
        return tdm__no_memory(r->err, "services");
    tdm__top_service *service = &t->service[t->n_services++];
    memset(service, 0, sizeof *service);
    service->name = "";
    return object(r, service_member, service);
}

/* ---- the whole ---- */

static tdm_status count_member(reading *r, tdm_str name, void *self)
{
#define COUNT_NAME(count, text) #count,
    static const char *const names[] = {TDM__COUNTS(COUNT_NAME)};
#undef COUNT_NAME
    (void)self;
    for (unsigned i = 0; i < TDM__COUNT_COUNT; i++) {
        bool same = strlen(names[i]) == name.len;
        for (size_t k = 0; k < name.len && same; k++)
            same = (names[i][k] == '_' ? '_' : names[i][k] | 0x20) == name.ptr[k];
        if (same)
            return take_u64(r, &r->top->count[i]);
    }
    return tdm__json_skip(&r->scan);
}

static tdm_status error_member(reading *r, tdm_str name, void *self)
{
    (void)self;
    for (unsigned i = 1; i < TDM_STATUS_COUNT; i++)
        if (tdm__str_is(name, tdm_status_name((tdm_status)i)))
            return take_u64(r, &r->top->error[i]);
    return tdm__json_skip(&r->scan);
}

static const struct { const char *member; bool grows; } VALUES[] = {
#define VALUE_ROW(name, member, grows) {member, grows},
    TDM__TOP_VALUES(VALUE_ROW)
#undef VALUE_ROW
};

static tdm_status top_member(reading *r, tdm_str name, void *self)
{
    tdm__top *t = r->top;
    for (unsigned i = 0; i < TDM__TOP_VALUE_COUNT; i++)
        if (tdm__str_is(name, VALUES[i].member))
            return take_u64(r, &t->value[i]);
    if (tdm__str_is(name, "started"))
        return take_text(r, &t->started);
    if (tdm__str_is(name, "listening"))
        return take_text(r, &t->listening);
    if (tdm__str_is(name, "ready"))
        return tdm__json_take_bool(&r->scan, &t->ready);
    if (tdm__str_is(name, "draining"))
        return tdm__json_take_bool(&r->scan, &t->draining);
    if (tdm__str_is(name, "process") && !self)
        return object(r, top_member, t); /* not within itself */
    if (tdm__str_is(name, "counts"))
        return object(r, count_member, NULL);
    if (tdm__str_is(name, "errors"))
        return object(r, error_member, NULL);
    if (tdm__str_is(name, "stages"))
        return list(r, take_stage, NULL);
    if (tdm__str_is(name, "services"))
        return list(r, take_service, NULL);
    return tdm__json_skip(&r->scan);
}

tdm_status tdm__top_read(tdm_str text, tdm__top **out, tdm_error *err)
{
    tdm__top *top = *out = tdm__new(tdm__top);
    if (!top)
        return tdm__no_memory(err, "top");
    top->started = top->listening = "";
    reading r = {.top = top, .err = err};
    tdm_status s = tdm__json_begin_scan(&r.scan, text, &top->arena, err);
    if (!s)
        s = object(&r, top_member, NULL);
    if (!s)
        s = tdm__json_end_scan(&r.scan);
    if (s)
        tdm__top_close(out);
    return s;
}

void tdm__top_close(tdm__top **top)
{
    if (!*top)
        return;
    tdm__arena_free(&(*top)->arena);
    tdm__free((*top)->service);
    tdm__free(*top);
    *top = NULL;
}

/* ---- subtracting ---- */

bool tdm__top_same_server(const tdm__top *before, const tdm__top *now)
{
    return !strcmp(before->started, now->started) && before->value[TDM__TOP_UPTIME_US] < now->value[TDM__TOP_UPTIME_US];
}

static void less(uint64_t *now, const uint64_t *before, size_t n)
{
    for (size_t i = 0; i < n; i++)
        now[i] -= before[i] <= now[i] ? before[i] : 0;
}

/* The interval's maximum lies in its highest bucket; more is not known. */
static void histogram_less(tdm__histogram *now, const tdm__histogram *before)
{
    uint64_t high = 0;
    less(now->bucket, before->bucket, TDM__HISTOGRAM_BUCKETS);
    less(&now->sum, &before->sum, 1);
    now->count = 0;
    for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++) {
        now->count += now->bucket[i];
        high = now->bucket[i] ? tdm__histogram_high(i) : high;
    }
    now->max = high < now->max ? high : now->max;
}

static void service_less(tdm__top_service *now, const tdm__top_service *before)
{
    less(&now->requests, &before->requests, 1);
    less(&now->rows, &before->rows, 1);
    less(&now->errors, &before->errors, 1);
    less(now->rung, before->rung, TDM__RUNG_COUNT);
    histogram_less(&now->h, &before->h);
}

uint64_t tdm__top_subtract(tdm__top *now, const tdm__top *before)
{
    for (unsigned i = 0; i < TDM__TOP_VALUE_COUNT; i++)
        if (VALUES[i].grows)
            less(&now->value[i], &before->value[i], 1);
    less(now->count, before->count, TDM__COUNT_COUNT);
    less(now->error, before->error, TDM_STATUS_COUNT);
    for (unsigned i = 0; i < TDM__STAGE_COUNT; i++)
        histogram_less(&now->stage[i], &before->stage[i]);
    for (size_t i = 0; i < now->n_services; i++) /* the book only grows: most stand at the same place */
        for (size_t k = i, tries = 0; tries < before->n_services; tries++, k++)
            if (!strcmp(now->service[i].name, before->service[k % before->n_services].name)) {
                service_less(&now->service[i], &before->service[k % before->n_services]);
                break;
            }
    return now->value[TDM__TOP_UPTIME_US] - before->value[TDM__TOP_UPTIME_US];
}
