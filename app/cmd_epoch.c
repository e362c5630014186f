/* promote, rollback, status. */
#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "print.h"

static tdm_status print_epoch(const context *c, uint64_t epoch, const char *what, tdm_error *err)
{
    tdm_text out = {0};
    if (c->json)
        text_printf(&out, "{\"epoch\":%" PRIu64 "}\n", epoch);
    else
        text_printf(&out, "%" PRIu64 "\n", epoch);
    if (!c->json)
        message("%s: epoch %" PRIu64 " is current", what, epoch);
    return print_text(&out, err);
}

COMMAND(command_promote)
{
    progress_bar bar;
    uint64_t expect = 0, epoch;
    tdm_status s = option_count(c, "expect", &expect, err);
    if (!s)
        s = open_home(c, err);
    if (s)
        return s;
    if (option_given(c, "expect") && !expect)
        expect = TDM_EXPECT_NONE;
    progress_start(&bar, "promote");
    s = tdm_promote(c->home, c->argument[0], option_value(c, "table"), expect, progress_tell, &bar, &epoch, err);
    progress_end(&bar);
    return s ? s : print_epoch(c, epoch, "promoted", err);
}

COMMAND(command_rollback)
{
    uint64_t epoch;
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_rollback(c->home, c->n_arguments ? c->argument[0] : NULL, &epoch, err);
    return s ? s : print_epoch(c, epoch, "rolled back", err);
}

/* Whether the service has a table that could be read. */
static bool was_read(const tdm_service_info *v)
{
    return v->table[0] && (v->rows || v->as_of_us);
}

/* What a table tells of a promise: the share of its population that was scored, and when it was there. Latency and
 * freshness are measured where something serves. */
static const char *measured_coverage(const tdm_service_info *v, char out[48])
{
    if (!was_read(v) || !v->rows_in)
        return NULL;
    snprintf(out, 48, "%.4f%%", 100.0 * (double)v->rows / (double)v->rows_in);
    return out;
}

static const char *measured_ready(const tdm_service_info *v, char out[48])
{
    return was_read(v) ? instant_text(v->created_us, out) : NULL;
}

static void promise_as_json(tdm_json *j, const char *name, const char *promised, const char *measured)
{
    tdm_json_begin(j, name, '{');
    tdm_json_text(j, "promised", promised[0] ? promised : NULL);
    tdm_json_text(j, "measured", measured);
    tdm_json_end(j, '}');
}

static void service_as_json(tdm_json *j, const tdm_service_info *v)
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
    tdm_json_begin(j, "promises", '{');
    char coverage[48], ready[48];
    promise_as_json(j, "p99", v->promise_p99, NULL);
    promise_as_json(j, "freshness", v->promise_freshness, NULL);
    promise_as_json(j, "ready_by", v->promise_ready_by, measured_ready(v, ready));
    promise_as_json(j, "coverage", v->promise_coverage, measured_coverage(v, coverage));
    tdm_json_end(j, '}');
    tdm_json_text(j, "error", v->error[0] ? v->error : NULL);
    tdm_json_end(j, '}');
}

static void status_as_json(const context *c, const tdm_epoch *epoch, tdm_text *out)
{
    tdm_json j = {.out = out};
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "home", tdm_home_dir(c->home));
    tdm_json_u64(&j, "epoch", tdm_epoch_number(epoch));
    if (tdm_epoch_number(epoch)) {
        tdm_json_instant(&j, "since", tdm_epoch_since_us(epoch));
        tdm_json_text(&j, "cause", tdm_epoch_cause(epoch));
    }
    tdm_json_begin(&j, "services", '[');
    for (size_t i = 0; i < tdm_epoch_services(epoch); i++)
        service_as_json(&j, tdm_epoch_service(epoch, i));
    tdm_json_end(&j, ']');
    tdm_json_end(&j, '}');
    tdm_text_add(out, "\n");
}

static void promise_as_text(const char *name, const char *promised, const char *measured, tdm_text *out)
{
    if (promised[0] && measured)
        text_printf(out, "  promise %-10s %s; measured %s\n", name, promised, measured);
    else if (promised[0])
        text_printf(out, "  promise %-10s %s; not measured: nothing is served yet\n", name, promised);
}

static void service_as_text(const tdm_service_info *v, tdm_text *out)
{
    char rows[32], age[32], when[48];
    text_printf(out, "\n%s@%.12s, since epoch %" PRIu64 "\n", v->name, v->release, v->since_epoch);
    if (v->table[0] && !was_read(v))
        text_printf(out, "  table %s\n", v->table);
    else if (v->table[0])
        text_printf(out, "  table %s: %s rows, as of %s, %s old%s\n", v->table, with_commas(v->rows, rows),
                    instant_text(v->as_of_us, when), human_age(v->age_us, age),
                    v->expired ? ": EXPIRED, older than its last_good"
                    : v->stale ? ": STALE, older than its ttl"
                               : "");
    else
        tdm_text_add(out, "  no table\n");
    char coverage[48], ready[48];
    promise_as_text("p99", v->promise_p99, NULL, out);
    promise_as_text("freshness", v->promise_freshness, NULL, out);
    promise_as_text("ready_by", v->promise_ready_by, measured_ready(v, ready), out);
    promise_as_text("coverage", v->promise_coverage, measured_coverage(v, coverage), out);
    if (v->error[0])
        text_printf(out, "  ERROR: %s\n", v->error);
}

COMMAND(command_status)
{
    tdm_epoch *epoch;
    tdm_text out = {0};
    char since[48];
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_epoch_current(c->home, &epoch, err);
    if (s)
        return s;
    if (c->json) {
        status_as_json(c, epoch, &out);
    } else if (!tdm_epoch_number(epoch)) {
        text_printf(&out, "home %s: nothing is current yet; 'tandem promote RELEASE' makes it so\n",
                    tdm_home_dir(c->home));
    } else {
        text_printf(&out, "home %s: epoch %" PRIu64 " since %s (%s)\n", tdm_home_dir(c->home), tdm_epoch_number(epoch),
                    instant_text(tdm_epoch_since_us(epoch), since), tdm_epoch_cause(epoch));
        for (size_t i = 0; i < tdm_epoch_services(epoch); i++)
            service_as_text(tdm_epoch_service(epoch, i), &out);
    }
    tdm_epoch_close(&epoch);
    return print_text(&out, err);
}
