/* release check|pack|list|show. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "print.h"

static void print_notes(const tdm_release_info *info)
{
    for (size_t i = 0; i < info->n_notes; i++)
        message("note: %s", info->note[i]);
}

static void names_as_json(tdm_json *j, const tdm_release_info *info)
{
    tdm_json_begin(j, "key", '[');
    for (size_t i = 0; i < info->n_key; i++)
        tdm_json_text(j, NULL, info->key[i]);
    tdm_json_end(j, ']');
    tdm_json_begin(j, "features", '[');
    for (size_t i = 0; i < info->n_features; i++) {
        tdm_json_begin(j, NULL, '{');
        tdm_json_text(j, "name", info->feature[i].name);
        tdm_json_text(j, "type", info->feature[i].type);
        tdm_json_text(j, "definition", info->feature[i].definition);
        tdm_json_bool(j, "required", info->feature[i].required);
        tdm_json_bool(j, "default", info->feature[i].has_default);
        tdm_json_end(j, '}');
    }
    tdm_json_end(j, ']');
}

static void models_as_json(tdm_json *j, const tdm_release_info *info)
{
    tdm_json_begin(j, "models", '[');
    for (size_t i = 0; i < info->n_models; i++) {
        tdm_json_begin(j, NULL, '{');
        tdm_json_text(j, "name", info->model[i].name);
        tdm_json_text(j, "file", info->model[i].file);
        tdm_json_text(j, "kind", info->model[i].kind);
        tdm_json_u64(j, "inputs", info->model[i].n_inputs);
        tdm_json_u64(j, "outputs", info->model[i].n_outputs);
        tdm_json_u64(j, "trees", info->model[i].n_trees);
        tdm_json_end(j, '}');
    }
    tdm_json_end(j, ']');
    tdm_json_begin(j, "predictions", '[');
    for (size_t i = 0; i < info->n_predictions; i++) {
        tdm_json_begin(j, NULL, '{');
        tdm_json_text(j, "name", info->prediction[i].name);
        tdm_json_text(j, "model", info->prediction[i].model);
        tdm_json_u64(j, "output", info->prediction[i].output);
        tdm_json_bool(j, "raw", info->prediction[i].raw);
        tdm_json_f64(j, "low", info->prediction[i].low);
        tdm_json_f64(j, "high", info->prediction[i].high);
        tdm_json_end(j, '}');
    }
    tdm_json_end(j, ']');
}

static void release_as_json(const tdm_release_info *info, tdm_text *out)
{
    tdm_json j = {.out = out};
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "id", info->id[0] ? info->id : NULL);
    tdm_json_text(&j, "name", info->name);
    tdm_json_text(&j, "entity", info->entity);
    names_as_json(&j, info);
    models_as_json(&j, info);
    tdm_json_begin(&j, "settings", '{');
    for (size_t i = 0; i < info->n_settings; i++)
        tdm_json_text(&j, info->setting[i].name, info->setting[i].text);
    tdm_json_end(&j, '}');
    tdm_json_begin(&j, "files", '[');
    for (size_t i = 0; i < info->n_files; i++) {
        tdm_json_begin(&j, NULL, '{');
        tdm_json_text(&j, "path", info->file[i].path);
        tdm_json_u64(&j, "bytes", info->file[i].bytes);
        tdm_json_text(&j, "sha256", info->file[i].sha256);
        tdm_json_end(&j, '}');
    }
    tdm_json_end(&j, ']');
    if (info->packed_us)
        tdm_json_instant(&j, "packed", info->packed_us);
    tdm_json_end(&j, '}');
    tdm_text_add(out, "\n");
}

/* What a check and a packing found, and what it is worth telling. Closes the release. */
static tdm_status tell_release(context *c, tdm_release **release, bool packed, tdm_error *err)
{
    tdm_text out = {0};
    const tdm_release_info *info = tdm_release_describe(*release);
    print_notes(info);
    if (c->json)
        release_as_json(info, &out);
    else if (packed)
        text_printf(&out, "%s\n", info->id);
    else
        message("%s is sound: %zu feature%s, %zu model%s, %zu prediction%s", info->name, info->n_features,
                plural(info->n_features), info->n_models, plural(info->n_models), info->n_predictions,
                plural(info->n_predictions));
    tdm_release_close(release);
    return print_text(&out, err);
}

COMMAND(command_release_check)
{
    tdm_release *release;
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_release_check(c->home, c->argument[0], c->diagnostics, &release, err);
    return s ? s : tell_release(c, &release, false, err);
}

COMMAND(command_release_pack)
{
    tdm_release *release;
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_release_pack(c->home, c->argument[0], c->diagnostics, &release, err);
    return s ? s : tell_release(c, &release, true, err);
}

static void entry_as_json(const tdm_release_entry *e, tdm_text *out)
{
    tdm_json j = {.out = out};
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "id", e->id);
    tdm_json_text(&j, "name", e->name);
    tdm_json_instant(&j, "packed", e->packed_us);
    tdm_json_bool(&j, "current", e->current);
    tdm_json_end(&j, '}');
    tdm_text_add(out, "\n");
}

COMMAND(command_release_list)
{
    tdm_release_entry *entry;
    size_t n;
    tdm_text out = {0};
    print_table t = {.n_columns = 4};
    char when[48];
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_release_list(c->home, &entry, &n, err);
    if (s)
        return s;
    if (!n && !c->json)
        message("there are no releases; 'tandem release pack DIR' makes one");
    for (size_t i = 0; i < n; i++) {
        if (c->json) {
            entry_as_json(&entry[i], &out);
            continue;
        }
        if (!i) {
            table_cell(&t, "release");
            table_cell(&t, "id");
            table_cell(&t, "packed");
            table_cell(&t, "current");
        }
        table_cell(&t, "%s", entry[i].name);
        table_cell(&t, "%.12s", entry[i].id);
        table_cell(&t, "%s", instant_text(entry[i].packed_us, when));
        table_cell(&t, "%s", entry[i].current ? "yes" : "");
    }
    table_print(&t, &out);
    tdm_release_entries_free(&entry);
    return print_text(&out, err);
}

static void show_features(const tdm_release_info *info, tdm_text *out)
{
    print_table t = {.n_columns = 4};
    const char *const header[] = {"feature", "type", "definition", ""};
    for (size_t i = 0; i < 4; i++)
        table_cell(&t, "%s", header[i]);
    for (size_t i = 0; i < info->n_features; i++) {
        table_cell(&t, "%s", info->feature[i].name);
        table_cell(&t, "%s", info->feature[i].type);
        table_cell(&t, "%.80s", info->feature[i].definition);
        table_cell(&t, "%s%s", info->feature[i].required ? "required" : "",
                   info->feature[i].has_default ? "default" : "");
    }
    table_print(&t, out);
}

static void show_release(const tdm_release_info *info, tdm_text *out)
{
    char when[48], bytes[32];
    text_printf(out, "%s@%s\nentity %s, key", info->name, info->id, info->entity);
    for (size_t i = 0; i < info->n_key; i++)
        text_printf(out, "%s %s", i ? "," : "", info->key[i]);
    text_printf(out, "; packed %s\n\n", instant_text(info->packed_us, when));
    show_features(info, out);
    tdm_text_add(out, "\n");
    for (size_t i = 0; i < info->n_models; i++) {
        const tdm_release_model *m = &info->model[i];
        text_printf(out, "model %s: %s (%s), %zu input%s, %zu output%s", m->name, m->file, m->kind, m->n_inputs,
                    plural(m->n_inputs), m->n_outputs, plural(m->n_outputs));
        if (m->n_trees)
            text_printf(out, ", %zu tree%s", m->n_trees, plural(m->n_trees));
        tdm_text_add(out, "\n");
    }
    for (size_t i = 0; i < info->n_predictions; i++) {
        const tdm_release_prediction *p = &info->prediction[i];
        text_printf(out, "prediction %s: output %zu of %s%s", p->name, p->output, p->model, p->raw ? ", raw" : "");
        if (isfinite(p->low) || isfinite(p->high)) {
            tdm_text_add(out, ", in [");
            tdm_text_f64(out, p->low);
            tdm_text_add(out, ", ");
            tdm_text_f64(out, p->high);
            tdm_text_add(out, "]");
        }
        tdm_text_add(out, "\n");
    }
    tdm_text_add(out, "\n");
    for (size_t i = 0; i < info->n_settings; i++)
        text_printf(out, "%-24s %s\n", info->setting[i].name, info->setting[i].text);
    tdm_text_add(out, "\n");
    for (size_t i = 0; i < info->n_files; i++)
        text_printf(out, "%.12s  %9s  %s\n", info->file[i].sha256, human_bytes(info->file[i].bytes, bytes),
                    info->file[i].path);
}

COMMAND(command_release_show)
{
    tdm_release *release;
    tdm_text out = {0};
    tdm_status s = open_home(c, err);
    if (!s)
        s = tdm_release_open(c->home, c->argument[0], &release, err);
    if (s)
        return s;
    if (c->json)
        release_as_json(tdm_release_describe(release), &out);
    else
        show_release(tdm_release_describe(release), &out);
    tdm_release_close(&release);
    return print_text(&out, err);
}
