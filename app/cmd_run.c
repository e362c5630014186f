/* run, quarantine show. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd_gates.h"
#include "command.h"
#include "print.h"

static void run_as_json(const tdm_run_report *r, uint64_t epoch, tdm_text *out, const tdm_error *failed)
{
    tdm_json j = {.out = out};
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "run", r->run);
    tdm_json_text(&j, "table", r->table[0] ? r->table : NULL);
    tdm_json_text(&j, "release", r->release);
    tdm_json_text(&j, "service", r->service);
    tdm_json_bool(&j, "existed", r->existed);
    tdm_json_instant(&j, "as_of", r->as_of_us);
    tdm_json_u64(&j, "snapshot", r->snapshot);
    tdm_json_u64(&j, "rows_in", r->rows_in);
    tdm_json_u64(&j, "rows_scored", r->rows_scored);
    tdm_json_u64(&j, "rows_quarantined", r->rows_quarantined);
    tdm_json_u64(&j, "defaults", r->defaults);
    tdm_json_begin(&j, "codes", '{');
    for (size_t i = 0; i < r->n_codes; i++)
        tdm_json_u64(&j, r->code[i].code, r->code[i].rows);
    tdm_json_end(&j, '}');
    gates_as_json(&j, r->gate, r->n_gates);
    tdm_json_u64(&j, "threads", r->threads);
    tdm_json_f64(&j, "seconds", r->seconds);
    tdm_json_f64(&j, "score_seconds", r->seconds_score);
    tdm_json_f64(&j, "index_seconds", r->seconds_index);
    tdm_json_u64(&j, "block_us_p50", r->block_us_p50);
    tdm_json_u64(&j, "block_us_p99", r->block_us_p99);
    tdm_json_u64(&j, "block_us_max", r->block_us_max);
    tdm_json_u64(&j, "peak_memory_bytes", r->peak_memory_bytes);
    tdm_json_text(&j, "ignored", r->ignored);
    tdm_json_text(&j, "absent", r->absent);
    if (epoch)
        tdm_json_u64(&j, "epoch", epoch);
    if (failed)
        tdm_json_error(&j, "error", failed);
    tdm_json_end(&j, '}');
    tdm_text_add(out, "\n");
}

static void run_as_message(const tdm_run_report *r)
{
    char a[32], b[32], bad[32], per_second[32];
    if (r->existed) {
        message("this run was published before as %s; nothing was done", r->table);
        return;
    }
    if (r->rows_in)
        message("%s row%s, %s scored, %s quarantined, %.2f s on %u thread%s (%s rows/s)", with_commas(r->rows_in, a),
                plural(r->rows_in), with_commas(r->rows_scored, b), with_commas(r->rows_quarantined, bad), r->seconds,
                r->threads, plural(r->threads),
                with_commas(r->seconds > 0 ? (uint64_t)((double)r->rows_in / r->seconds) : 0, per_second));
    if (r->ignored[0])
        message("columns of the population that nobody reads were ignored: %s", r->ignored);
    if (r->absent[0])
        message("the population has no column for these request fields, so they are missing in every row: %s",
                r->absent);
    for (size_t i = 0; i < r->n_codes; i++)
        message("quarantined as %s: %" PRIu64, r->code[i].code, r->code[i].rows);
    if (r->rows_quarantined)
        message("'tandem quarantine show %.12s' shows them", r->run);
    gates_as_messages(r->gate, r->n_gates);
}

static tdm_status promote_run(context *c, const tdm_run_report *r, progress_bar *bar, uint64_t *epoch, tdm_error *err)
{
    *epoch = 0;
    if (!option_given(c, "promote"))
        return TDM_OK;
    tdm_status s = TDM_OK;
    if (tdm_interrupted()) {
        s = usage_error(err, "run", "the cutover was cancelled");
        s = err->status = TDM_CANCELLED;
    }
    if (!s)
        s = tdm_promote(c->home, r->release, r->table, 0, progress_tell, bar, epoch, err);
    if (s)
        message("%s was published, but is not current", r->table);
    else if (!c->json)
        message("epoch %" PRIu64 " is current", *epoch);
    return s;
}

COMMAND(command_run)
{
    progress_bar bar;
    tdm_run_report report = {0};
    tdm_run_options options = {.population = option_value(c, "population"), .progress = progress_tell, .self = &bar};
    uint64_t threads = 0, epoch = 0;
    tdm_text out = {0};
    tdm_status s = option_instant(c, "as-of", &options.has_as_of, &options.as_of_us, err);
    if (!s)
        s = option_count(c, "threads", &threads, err);
    if (!s)
        s = open_home(c, err);
    if (s)
        return s;
    options.threads = (unsigned)(threads > 256 ? 256 : threads);
    progress_start(&bar, "run");
    s = tdm_run(c->home, c->argument[0], &options, &report, err);
    progress_end(&bar);
    if (!c->json)
        run_as_message(&report);
    if (!s && !c->json) { /* it exists now, whatever becomes of the cutover */
        text_printf(&out, "%s\n", report.table);
        s = print_text(&out, err);
    }
    if (!s)
        s = promote_run(c, &report, &bar, &epoch, err);
    if (!c->json || !report.run[0])
        return s;
    tdm_error ignored;
    c->told = true;
    run_as_json(&report, epoch, &out, s ? err : NULL);
    tdm_status printed = print_text(&out, s ? &ignored : err);
    return s ? s : printed;
}

COMMAND(command_quarantine_show)
{
    tdm_quarantine *q;
    tdm_text out = {0};
    tdm_str line;
    uint64_t n = 0;
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_quarantine_open(c->home, c->argument[0], &q, err);
    if (s)
        return s;
    while (!(s = tdm_quarantine_next(q, &line, err))) {
        tdm_text_addn(&out, line.ptr, line.len);
        tdm_text_add(&out, "\n");
        n++;
        if (out.len > 65536 && (s = print_text(&out, err)))
            break;
    }
    tdm_quarantine_close(&q);
    if (s != TDM_NOT_FOUND)
        return s;
    if (!n && !c->json)
        message("nothing was quarantined");
    return print_text(&out, err);
}
