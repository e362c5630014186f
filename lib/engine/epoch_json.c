/* What is current, as JSON: one place for `tandem status --json` and for the server's GET /v1/status. */
#include <stdio.h>
#include "engine/cutover.h"

/* Whether the service has a table that could be read. */
static bool was_read(const tdm_service_info *v)
{
    return v->table[0] && (v->rows || v->as_of_us);
}

static void promise(tdm_json *j, const char *name, const char *promised, const char *measured)
{
    tdm_json_begin(j, name, '{');
    tdm_json_text(j, "promised", promised[0] ? promised : NULL);
    tdm_json_text(j, "measured", measured);
    tdm_json_end(j, '}');
}

/* A table tells the share of its population that was scored, and when it was there; latency and freshness are measured by
 * who serves. */
static void promises(tdm_json *j, const tdm_service_info *v, const tdm__measured *m)
{
    char p99[48], freshness[48], coverage[48];
    bool scored = was_read(v) && v->rows_in;
    if (scored)
        snprintf(coverage, sizeof coverage, "%.4f%%", 100.0 * (double)v->rows / (double)v->rows_in);
    tdm_json_begin(j, "promises", '{');
    promise(j, "p99", v->promise_p99, m ? m->measure(m->self, v->name, "p99", p99) : NULL);
    promise(j, "freshness", v->promise_freshness, m ? m->measure(m->self, v->name, "freshness", freshness) : NULL);
    tdm_json_begin(j, "ready_by", '{');
    tdm_json_text(j, "promised", v->promise_ready_by[0] ? v->promise_ready_by : NULL);
    if (was_read(v))
        tdm_json_instant(j, "measured", v->created_us);
    else
        tdm_json_text(j, "measured", NULL);
    tdm_json_end(j, '}');
    promise(j, "coverage", v->promise_coverage, scored ? coverage : NULL);
    tdm_json_end(j, '}');
}

static void service(tdm_json *j, const tdm_service_info *v, const tdm__measured *measured)
{
    tdm_json_begin(j, NULL, '{');
    tdm_json_text(j, "service", v->name);
    tdm_json_text(j, "release", v->release);
    tdm_json_text(j, "table", v->table[0] ? v->table : NULL);
    tdm_json_u64(j, "since_epoch", v->since_epoch);
    if (was_read(v)) {
        tdm_json_u64(j, "rows", v->rows);
        tdm_json_instant(j, "as_of", v->as_of_us);
        tdm_json_i64(j, "age_ms", v->age_us / 1000);
        tdm_json_i64(j, "ttl_ms", v->ttl_us / 1000);
        tdm_json_i64(j, "last_good_ms", v->last_good_us / 1000);
        tdm_json_bool(j, "stale", v->stale);
        tdm_json_bool(j, "expired", v->expired);
    }
    promises(j, v, measured);
    tdm_json_text(j, "error", v->error[0] ? v->error : NULL);
    tdm_json_end(j, '}');
}

void tdm__epoch_json(const tdm_home *home, const tdm_epoch *epoch, const tdm__measured *measured, tdm_json *j)
{
    tdm_json_text(j, "home", tdm_home_dir(home));
    tdm_json_u64(j, "epoch", tdm_epoch_number(epoch));
    if (tdm_epoch_number(epoch)) {
        tdm_json_instant(j, "since", tdm_epoch_since_us(epoch));
        tdm_json_text(j, "cause", tdm_epoch_cause(epoch));
    }
    tdm_json_begin(j, "services", '[');
    for (size_t i = 0; i < tdm_epoch_services(epoch); i++)
        service(j, tdm_epoch_service(epoch, i), measured);
    tdm_json_end(j, ']');
}
