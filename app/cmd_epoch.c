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

static void promise_as_text(const char *name, const char *promised, const char *measured, const tdm_live *live,
                            tdm_text *out)
{
    if (promised[0] && measured)
        text_printf(out, "  promise %-10s %s; measured %s\n", name, promised, measured);
    else if (promised[0])
        text_printf(out, "  promise %-10s %s; not measured%s\n", name, promised,
                    live ? " yet" : ": nothing is served yet");
}

static void service_as_text(const tdm_service_info *v, const tdm_live *live, tdm_text *out)
{
    char rows[32], age[32], when[48], coverage[48], ready[48];
    const char *p99 = live ? tdm_live_measured(live, v->name, "p99") : NULL;
    const char *freshness = live ? tdm_live_measured(live, v->name, "freshness") : NULL;
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
    promise_as_text("p99", v->promise_p99, p99, live, out);
    promise_as_text("freshness", v->promise_freshness, freshness, live, out);
    promise_as_text("ready_by", v->promise_ready_by, measured_ready(v, ready), live, out);
    promise_as_text("coverage", v->promise_coverage, measured_coverage(v, coverage), live, out);
    if (v->error[0])
        text_printf(out, "  ERROR: %s\n", v->error);
}

static void server_as_text(const tdm_live *live, tdm_text *out)
{
    char up[32], requests[32], errors[32];
    const tdm_live_info *v = tdm_live_describe(live);
    const char *state = v->draining ? "DRAINING" : v->ready ? "ready" : "NOT READY";
    text_printf(out, "server http://%s: process %" PRId64 ", up %s, %s; %s request%s, %s answered with an error\n",
                v->address, v->pid, human_age((int64_t)(v->uptime_s * 1e6), up), state,
                with_commas(v->requests, requests), plural(v->requests), with_commas(v->errors, errors));
}

static tdm_status status_as_text(context *c, tdm_text *out, tdm_error *err)
{
    tdm_epoch *epoch;
    tdm_live *live;
    tdm_error silent;
    char since[48];
    tdm_status s = tdm_epoch_current(c->home, &epoch, err);
    if (s)
        return s;
    tdm_status asked = tdm_live_open(c->home, &live, &silent);
    if (!tdm_epoch_number(epoch))
        text_printf(out, "home %s: nothing is current yet; 'tandem promote RELEASE' makes it so\n",
                    tdm_home_dir(c->home));
    else
        text_printf(out, "home %s: epoch %" PRIu64 " since %s (%s)\n", tdm_home_dir(c->home), tdm_epoch_number(epoch),
                    instant_text(tdm_epoch_since_us(epoch), since), tdm_epoch_cause(epoch));
    if (live)
        server_as_text(live, out);
    else if (asked != TDM_NOT_FOUND)
        message("a server holds the home but does not answer: %s", silent.what);
    for (size_t i = 0; i < tdm_epoch_services(epoch); i++)
        service_as_text(tdm_epoch_service(epoch, i), live, out);
    tdm_live_close(&live);
    tdm_epoch_close(&epoch);
    return TDM_OK;
}

COMMAND(command_status)
{
    tdm_text out = {0};
    tdm_status s = open_home(c, err);
    if (!s && c->json) {
        s = tdm_status_json(c->home, &out, err);
        tdm_text_add(&out, "\n");
    } else if (!s) {
        s = status_as_text(c, &out, err);
    }
    if (!s)
        return print_text(&out, err);
    tdm_text_free(&out);
    return s;
}
