/* table list|show|get|export, and how gates are shown. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd_gates.h"
#include "command.h"
#include "print.h"

void gates_as_json(tdm_json *j, const tdm_gate_result *gate, size_t n)
{
    tdm_json_begin(j, "gates", '[');
    for (size_t i = 0; i < n; i++) {
        tdm_json_begin(j, NULL, '{');
        tdm_json_text(j, "name", gate[i].name);
        tdm_json_bool(j, "passed", gate[i].passed);
        tdm_json_bool(j, "applied", gate[i].applied);
        tdm_json_text(j, "limit", gate[i].limit);
        tdm_json_text(j, "measured", gate[i].measured);
        tdm_json_text(j, "why", gate[i].why);
        tdm_json_end(j, '}');
    }
    tdm_json_end(j, ']');
}

static const char *verdict(const tdm_gate_result *g)
{
    return !g->passed ? "FAILED" : g->applied ? "passed" : "not applied";
}

void gates_as_text(const tdm_gate_result *gate, size_t n, tdm_text *out)
{
    print_table t = {.n_columns = 5};
    for (size_t i = 0; i < n; i++) {
        table_cell(&t, "gate %s", gate[i].name);
        table_cell(&t, "%s", verdict(&gate[i]));
        table_cell(&t, "%s", gate[i].limit);
        table_cell(&t, ": %s", gate[i].measured[0] ? gate[i].measured : "-");
        table_cell(&t, "%s", gate[i].why);
    }
    table_print(&t, out);
}

void gates_as_messages(const tdm_gate_result *gate, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!gate[i].passed || !gate[i].applied)
            message("gate %s %s (%s): %s", gate[i].name, verdict(&gate[i]), gate[i].limit,
                    gate[i].why[0] ? gate[i].why : gate[i].measured);
}

static void table_as_json(const tdm_table_info *info, tdm_text *out)
{
    tdm_json j = {.out = out};
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "table", info->name);
    tdm_json_text(&j, "release", info->release);
    tdm_json_text(&j, "service", info->service);
    tdm_json_text(&j, "run", info->run);
    tdm_json_text(&j, "digest", info->digest);
    tdm_json_text(&j, "population", info->population);
    tdm_json_begin(&j, "key", '[');
    for (size_t i = 0; i < info->n_key; i++)
        tdm_json_text(&j, NULL, info->key[i]);
    tdm_json_end(&j, ']');
    tdm_json_u64(&j, "rows", info->rows);
    tdm_json_u64(&j, "rows_in", info->rows_in);
    tdm_json_u64(&j, "rows_quarantined", info->rows_quarantined);
    tdm_json_u64(&j, "bytes", info->bytes);
    tdm_json_instant(&j, "as_of", info->as_of_us);
    tdm_json_instant(&j, "created", info->created_us);
    tdm_json_u64(&j, "snapshot", info->snapshot);
    tdm_json_begin(&j, "means", '{');
    for (size_t i = 0; i < info->n_predictions; i++)
        tdm_json_f64(&j, info->prediction[i], info->mean[i]);
    tdm_json_end(&j, '}');
    gates_as_json(&j, info->gate, info->n_gates);
    tdm_json_end(&j, '}');
    tdm_text_add(out, "\n");
}

static void list_row(print_table *t, const tdm_table_info *info, const tdm_error *broken)
{
    char rows[32], bytes[32], when[48];
    table_cell(t, "%s", info->name);
    if (broken->status) {
        table_cell(t, "unreadable");
        for (int i = 0; i < 4; i++)
            table_cell(t, "%s", i ? "" : tdm_status_name(broken->status));
        return;
    }
    table_cell(t, "%s@%.12s", info->service, info->release);
    table_cell(t, "%s", instant_text(info->as_of_us, when));
    table_cell(t, "%s", with_commas(info->rows, rows));
    table_cell(t, "%s", with_commas(info->rows_quarantined, rows));
    table_cell(t, "%s", human_bytes(info->bytes, bytes));
}

COMMAND(command_table_list)
{
    tdm_table_list *list;
    tdm_text out = {0};
    print_table t = {.n_columns = 6};
    const char *const header[] = {"table", "release", "as of", "rows", "quarantined", "size"};
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_tables(c->home, &list, err);
    if (s)
        return s;
    if (!tdm_table_count(list) && !c->json)
        message("there are no tables; 'tandem run RELEASE' makes one");
    for (size_t i = 0; i < 6 && tdm_table_count(list); i++)
        table_cell(&t, "%s", header[i]);
    for (size_t i = 0; i < tdm_table_count(list); i++) {
        tdm_error broken = {0};
        const tdm_table_info *info = tdm_table_at(list, i, &broken);
        if (broken.status && !c->json)
            message("%s cannot be read: %s", info->name, broken.what);
        if (c->json && broken.status)
            text_printf(&out, "{\"table\":\"%s\",\"error\":\"%s\"}\n", info->name, tdm_status_name(broken.status));
        else if (c->json)
            table_as_json(info, &out);
        else
            list_row(&t, info, &broken);
    }
    if (c->json)
        tdm_text_free(&t.cells);
    else
        table_print(&t, &out);
    tdm_table_list_close(&list);
    return print_text(&out, err);
}

static void show_table(const tdm_table_info *info, tdm_text *out)
{
    char a[32], b[32], d[32], when[48], made[48];
    text_printf(out, "table %s of %s@%s\nrun %s, as of %s, made %s\npopulation %s\n", info->name, info->service,
                info->release, info->run, instant_text(info->as_of_us, when), instant_text(info->created_us, made),
                info->population);
    text_printf(out, "%s rows of %s, %s quarantined; %s, digest %s\n\n", with_commas(info->rows, a),
                with_commas(info->rows_in, b), with_commas(info->rows_quarantined, d),
                human_bytes(info->bytes, (char[32]){0}), info->digest);
    for (size_t i = 0; i < info->n_predictions; i++) {
        text_printf(out, "mean of %s: ", info->prediction[i]);
        tdm_text_f64(out, info->mean[i]);
        tdm_text_add(out, "\n");
    }
    tdm_text_add(out, "\n");
    gates_as_text(info->gate, info->n_gates, out);
}

/* Opens the table of the first argument; the caller closes it. */
static tdm_status open_table(context *c, tdm_table **out, tdm_error *err)
{
    tdm_status s = open_home(c, err);
    return s ? s : tdm_table_open(c->home, c->argument[0], out, err);
}

COMMAND(command_table_show)
{
    tdm_table *table;
    tdm_text out = {0};
    tdm_status s = open_table(c, &table, err);
    if (s)
        return s;
    if (c->json)
        table_as_json(tdm_table_describe(table), &out);
    else
        show_table(tdm_table_describe(table), &out);
    tdm_table_close(&table);
    return print_text(&out, err);
}

COMMAND(command_table_get)
{
    tdm_table *table;
    tdm_value value[256];
    tdm_text out = {0};
    tdm_json j = {.out = &out};
    tdm_status s = open_table(c, &table, err);
    if (s)
        return s;
    const tdm_table_info *info = tdm_table_describe(table);
    size_t n = info->n_predictions < 256 ? info->n_predictions : 256;
    if (info->n_predictions > 256)
        s = usage_error(err, info->name, "the table has more columns than this command shows; use 'table export'");
    else
        s = tdm_table_get(table, (tdm_str){c->argument[1], strlen(c->argument[1])}, value, err);
    if (s == TDM_NOT_FOUND && info->n_key > 1)
        snprintf(err->hint, sizeof err->hint, "the key is %s|%s%s; a bar inside a part is written \\|", info->key[0],
                 info->key[1], info->n_key > 2 ? "|..." : "");
    if (!s) {
        tdm_json_begin(&j, NULL, '{');
        tdm_json_text(&j, "table", info->name);
        tdm_json_text(&j, "key", c->argument[1]);
        tdm_json_begin(&j, "prediction", '{');
        for (size_t i = 0; i < n; i++)
            tdm_json_value(&j, info->prediction[i], &value[i]);
        tdm_json_end(&j, '}');
        tdm_json_instant(&j, "as_of", info->as_of_us);
        tdm_json_end(&j, '}');
        tdm_text_add(&out, "\n");
        s = print_text(&out, err);
    }
    tdm_table_close(&table);
    return s;
}

COMMAND(command_table_export)
{
    tdm_table *table;
    progress_bar bar;
    const char *format = option_value(c, "format");
    tdm_export_format as = c->json ? TDM_EXPORT_JSONL : TDM_EXPORT_CSV;
    if (format && !strcmp(format, "jsonl")) {
        as = TDM_EXPORT_JSONL;
    } else if (format && strcmp(format, "csv")) {
        tdm_status s = usage_error(err, "--format", "this version does not write this format");
        snprintf(err->expected, sizeof err->expected, "csv or jsonl");
        snprintf(err->found, sizeof err->found, "\"%.80s\"", format);
        return s;
    }
    tdm_status s = open_table(c, &table, err);
    if (s)
        return s;
    progress_start(&bar, "table export");
    s = tdm_table_export(table, as, progress_write, &bar, err);
    progress_end(&bar);
    tdm_table_close(&table);
    return s;
}
