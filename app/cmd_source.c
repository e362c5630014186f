/* source add|list|show, load. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "print.h"

COMMAND(command_source_add)
{
    tdm_source_added added;
    tdm_text out = {0};
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_source_add(c->home, c->argument[0], c->diagnostics, &added, err);
    if (s)
        return s;
    if (c->json)
        text_printf(&out, "{\"added\":%zu,\"evolved\":%zu,\"unchanged\":%zu}\n", added.added, added.evolved,
                    added.unchanged);
    else
        message("%zu added, %zu evolved, %zu unchanged", added.added, added.evolved, added.unchanged);
    return print_text(&out, err);
}

static const char *kind_name(const tdm_source_info *info)
{
    return info->kind == TDM_SOURCE_TABLE ? "table" : "events";
}

static void source_as_json(const tdm_source_info *info, bool columns, tdm_text *out)
{
    tdm_json j = {.out = out};
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "name", info->name);
    tdm_json_text(&j, "kind", kind_name(info));
    tdm_json_text(&j, "fingerprint", info->fingerprint);
    tdm_json_u64(&j, "version", info->version);
    tdm_json_u64(&j, "rows", info->rows);
    if (info->loaded_us)
        tdm_json_instant(&j, "loaded", info->loaded_us);
    else
        tdm_json_text(&j, "loaded", NULL);
    if (columns) {
        tdm_json_begin(&j, "columns", '[');
        for (size_t i = 0; i < info->n_columns; i++) {
            tdm_json_begin(&j, NULL, '{');
            tdm_json_text(&j, "name", info->column[i].name);
            tdm_json_text(&j, "type", info->column[i].type);
            tdm_json_bool(&j, "key", info->column[i].key);
            tdm_json_end(&j, '}');
        }
        tdm_json_end(&j, ']');
        tdm_json_text(&j, "definition", info->definition);
    }
    tdm_json_end(&j, '}');
    tdm_text_add(out, "\n");
}

static void list_as_text(const tdm_source_list *list, tdm_text *out)
{
    print_table t = {.n_columns = 6};
    const char *const header[] = {"source", "kind", "columns", "version", "rows", "loaded"};
    char rows[32], when[48];
    for (size_t i = 0; i < 6; i++)
        table_cell(&t, "%s", header[i]);
    for (size_t i = 0; i < tdm_source_count(list); i++) {
        const tdm_source_info *info = tdm_source_at(list, i);
        table_cell(&t, "%s", info->name);
        table_cell(&t, "%s", kind_name(info));
        table_cell(&t, "%zu", info->n_columns);
        table_cell(&t, "%" PRIu64, info->version);
        table_cell(&t, "%s", with_commas(info->rows, rows));
        table_cell(&t, "%s", info->loaded_us ? instant_text(info->loaded_us, when) : "never");
    }
    table_print(&t, out);
}

COMMAND(command_source_list)
{
    tdm_source_list *list;
    tdm_text out = {0};
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_sources(c->home, &list, err);
    if (s)
        return s;
    for (size_t i = 0; c->json && i < tdm_source_count(list); i++)
        source_as_json(tdm_source_at(list, i), false, &out);
    if (!c->json && !tdm_source_count(list))
        message("there are no sources; 'tandem source add FILE' adds some");
    else if (!c->json)
        list_as_text(list, &out);
    tdm_source_list_close(&list);
    return print_text(&out, err);
}

/* The definition is YAML that `source add` reads again, so it stands alone on standard output. */
COMMAND(command_source_show)
{
    tdm_source_list *list;
    tdm_text out = {0};
    const tdm_source_info *found = NULL;
    const char *names[256];
    size_t n = 0;
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_sources(c->home, &list, err);
    if (s)
        return s;
    for (size_t i = 0; i < tdm_source_count(list); i++) {
        const tdm_source_info *info = tdm_source_at(list, i);
        if (n < 256)
            names[n++] = info->name;
        if (!strcmp(info->name, c->argument[0]))
            found = info;
    }
    if (found && c->json) {
        source_as_json(found, true, &out);
    } else if (found) {
        char when[48];
        if (found->loaded_us)
            message("version %" PRIu64 ", %" PRIu64 " rows, loaded %s", found->version, found->rows,
                    instant_text(found->loaded_us, when));
        tdm_text_add(&out, found->definition);
    } else {
        usage_error(err, c->argument[0], "there is no such source in the home");
        s = err->status = TDM_NOT_FOUND;
        const char *near = tdm_nearest((tdm_str){c->argument[0], strlen(c->argument[0])}, names, n);
        if (near)
            snprintf(err->hint, sizeof err->hint, "did you mean '%s'?", near);
    }
    tdm_source_list_close(&list);
    return s ? s : print_text(&out, err);
}

static tdm_status share_option(const context *c, const char *name, double *out, tdm_error *err)
{
    const char *text = option_value(c, name);
    double percent;
    if (!text)
        return TDM_OK;
    size_t n = strlen(text);
    if (n && text[n - 1] == '%')
        n--;
    if (tdm_f64_read((tdm_str){text, n}, &percent) && percent >= 0 && percent <= 100) {
        *out = percent / 100;
        return TDM_OK;
    }
    tdm_status s = usage_error(err, "--bad-max", "this is not a percentage");
    snprintf(err->expected, sizeof err->expected, "0%% to 100%%");
    snprintf(err->found, sizeof err->found, "\"%.80s\"", text);
    return s;
}

static void load_as_json(const char *source, const tdm_load_report *r, tdm_text *out)
{
    tdm_json j = {.out = out};
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "source", source);
    tdm_json_u64(&j, "version", r->version);
    tdm_json_u64(&j, "rows_in", r->rows_in);
    tdm_json_u64(&j, "rows_loaded", r->rows_loaded);
    tdm_json_u64(&j, "rows_replaced", r->rows_replaced);
    tdm_json_u64(&j, "rows_superseded", r->rows_superseded);
    tdm_json_u64(&j, "rows_quarantined", r->rows_quarantined);
    tdm_json_u64(&j, "rows_total", r->rows_total);
    tdm_json_text(&j, "quarantine", r->quarantine[0] ? r->quarantine : NULL);
    tdm_json_text(&j, "ignored", r->ignored);
    tdm_json_text(&j, "absent", r->absent);
    tdm_json_f64(&j, "seconds", r->seconds);
    tdm_json_end(&j, '}');
    tdm_text_add(out, "\n");
}

static void load_as_message(const char *source, const tdm_load_report *r)
{
    char a[32], b[32], d[32];
    message("%s version %" PRIu64 ": %s row%s loaded (%s replaced), %s in all, %.1f s", source, r->version,
            with_commas(r->rows_loaded, a), plural(r->rows_loaded), with_commas(r->rows_replaced, b),
            with_commas(r->rows_total, d), r->seconds);
    if (r->rows_superseded)
        message("%s record%s gave way to a later record of the same key", with_commas(r->rows_superseded, a),
                plural(r->rows_superseded));
    if (r->rows_quarantined)
        message("%s bad record%s left out: 'tandem quarantine show %s' shows them", with_commas(r->rows_quarantined, a),
                plural(r->rows_quarantined), r->quarantine);
    if (r->ignored[0])
        message("columns that the source does not declare were ignored: %s", r->ignored);
    if (r->absent[0])
        message("columns of the source that the files lack are missing in their rows: %s", r->absent);
}

COMMAND(command_load)
{
    progress_bar bar;
    tdm_load_report report = {0};
    tdm_load_options options = {.bad_share_max = 0.01, .progress = progress_tell, .self = &bar};
    tdm_text out = {0};
    tdm_status s = share_option(c, "bad-max", &options.bad_share_max, err);
    options.replace = option_given(c, "replace");
    if (!s)
        s = open_home(c, err);
    if (s)
        return s;
    progress_start(&bar, c->argument[0]);
    s = tdm_load(c->home, c->argument[0], c->argument + 1, (size_t)c->n_arguments - 1, &options, &report, err);
    progress_end(&bar);
    if (s)
        return s;
    if (c->json)
        load_as_json(c->argument[0], &report, &out);
    else
        load_as_message(c->argument[0], &report);
    return print_text(&out, err);
}
