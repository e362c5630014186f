/* What is current, described for people and programs: services, their tables' ages, what they promise.
 *
 * A release or a table that cannot be read is told in its service's `error`: the others are described all the same. */
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "engine/cutover.h"
#include "os/clock.h"
#include "release/releases.h"
#include "schema/instant.h"
#include "table/tables.h"

struct tdm_epoch {
    tdm__epoch epoch;
    tdm_service_info info[TDM__SERVICES_MAX];
};

/* Of a service whose table was read. */
static void set_age(tdm_service_info *out, int64_t now_us)
{
    out->age_us = now_us - out->as_of_us;
    out->stale = out->ttl_us && out->age_us > out->ttl_us;
    out->expired = out->last_good_us && out->age_us > out->last_good_us;
}

static void describe_promise(const tdm__manifest *m, tdm_service_info *out)
{
    const tdm__manifest_promise *p = &m->promise;
    if (p->p99_us)
        tdm__duration_format(p->p99_us, out->promise_p99);
    if (p->freshness_us)
        tdm__duration_format(p->freshness_us, out->promise_freshness);
    if (p->has_ready_by)
        snprintf(out->promise_ready_by, sizeof out->promise_ready_by, "%02u:%02u %.*s", p->ready_by_minute / 60u % 24u,
                 p->ready_by_minute % 60u, (int)(p->ready_by_zone.len < 36 ? p->ready_by_zone.len : 36),
                 p->ready_by_zone.ptr);
    if (p->coverage == p->coverage)
        snprintf(out->promise_coverage, sizeof out->promise_coverage, "%.6g%%", p->coverage * 100);
    out->ttl_us = m->batch.ttl_us;
    out->last_good_us = m->batch.last_good_us;
}

static void describe_table(tdm_home *home, tdm_service_info *out, int64_t now_us)
{
    tdm_table *table = NULL;
    tdm_error err;
    if (!out->table[0])
        return;
    if (tdm__table_open_name(home, out->table, &table, &err)) {
        tdm_error_format(&err, out->error, sizeof out->error);
        return;
    }
    out->rows = table->info.rows;
    out->rows_in = table->info.rows_in;
    out->created_us = table->info.created_us;
    out->as_of_us = table->info.as_of_us;
    set_age(out, now_us);
    tdm_table_close(&table);
}

static void describe_service(tdm_home *home, const tdm__service *service, const tdm__package *known,
                             tdm_service_info *out)
{
    char dir[TDM__PATH_MAX];
    tdm__package *package = NULL;
    tdm_error err;
    memcpy(out->name, service->name, sizeof out->name);
    memcpy(out->release, service->release, sizeof out->release);
    memcpy(out->table, service->table, sizeof out->table);
    out->since_epoch = service->since_epoch;
    if (known)
        describe_promise(known->manifest, out);
    else if (tdm__home_path(home, dir, &err, "releases") ||
             tdm__package_open(home->fs, dir, service->release, &package, &err))
        tdm_error_format(&err, out->error, sizeof out->error);
    else
        describe_promise(package->manifest, out);
    tdm__package_close(&package);
    describe_table(home, out, tdm__now_us());
}

tdm_status tdm__epoch_describe(tdm_home *home, const tdm__epoch *content, const tdm__package *const *known,
                               tdm_epoch **out, tdm_error *err)
{
    *out = tdm__new(tdm_epoch);
    if (!*out)
        return tdm__no_memory(err, "epoch");
    (*out)->epoch = *content;
    for (size_t i = 0; i < content->n; i++)
        describe_service(home, &content->service[i], known ? known[i] : NULL, &(*out)->info[i]);
    return TDM_OK;
}

void tdm__epoch_refresh_ages(tdm_epoch *epoch, int64_t now_us)
{
    for (size_t i = 0; i < epoch->epoch.n; i++)
        if (epoch->info[i].created_us)
            set_age(&epoch->info[i], now_us);
}

tdm_status tdm_epoch_current(tdm_home *home, tdm_epoch **out, tdm_error *err)
{
    tdm__epoch content;
    *out = NULL;
    tdm_status s = tdm__epoch_read_current(home, &content, err);
    return s ? s : tdm__epoch_describe(home, &content, NULL, out, err);
}

uint64_t tdm_epoch_number(const tdm_epoch *epoch)
{
    return epoch->epoch.number;
}

int64_t tdm_epoch_since_us(const tdm_epoch *epoch)
{
    return epoch->epoch.since_us;
}

const char *tdm_epoch_cause(const tdm_epoch *epoch)
{
    return epoch->epoch.cause;
}

size_t tdm_epoch_services(const tdm_epoch *epoch)
{
    return epoch->epoch.n;
}

const tdm_service_info *tdm_epoch_service(const tdm_epoch *epoch, size_t i)
{
    return i < epoch->epoch.n ? &epoch->info[i] : NULL;
}

void tdm_epoch_close(tdm_epoch **epoch)
{
    if (!epoch || !*epoch)
        return;
    tdm__free(*epoch);
    *epoch = NULL;
}
