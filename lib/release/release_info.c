/* A release as its users see it: names, types, models, files and settings as texts.
 *
 * Everything is copied into one arena, so that the description outlives the package. */
#include "release/release_info.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "schema/instant.h"

enum { SETTINGS_MAX = 96 };

struct tdm_release {
    tdm_release_info info;
    tdm__arena arena;
    bool failed; /* an allocation did not succeed */
};

static const char *keep(tdm_release *r, tdm_str s)
{
    const char *copy = tdm__arena_copy(&r->arena, s.ptr ? s.ptr : "", s.len);
    r->failed |= !copy;
    return copy ? copy : "";
}

static const char *keep_format(tdm_release *r, const char *format, ...) TDM_PRINTF(2, 3);
static const char *keep_format(tdm_release *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return keep(r, tdm__str(text));
}

static void *list(tdm_release *r, size_t n, size_t size)
{
    void *items = tdm__arena_zalloc(&r->arena, n + 1, size);
    r->failed |= !items;
    return items;
}

static void add_features(tdm_release *r, const tdm__package *p)
{
    const tdm__manifest *m = p->manifest;
    tdm_release_feature *f = list(r, m->n_features, sizeof *f);
    for (size_t i = 0; f && i < m->n_features; i++) {
        const tdm__manifest_feature *from = &m->feature[i];
        const tdm__slot *slot = &p->slot[p->feature_slot[i]];
        char type[64];
        tdm__type_format(&slot->type, type);
        f[i].name = keep(r, from->name);
        f[i].type = keep(r, tdm__str(type));
        f[i].required = slot->required;
        f[i].has_default = slot->fallback.presence == TDM_PRESENT;
        if (from->origin == TDM__ORIGIN_REQUEST)
            f[i].definition = "request";
        else if (from->origin == TDM__ORIGIN_COLUMN)
            f[i].definition = keep_format(r, "column %.*s.%.*s", (int)from->source.len, from->source.ptr,
                                          (int)from->column.len, from->column.ptr);
        else
            f[i].definition = keep_format(r, "expr %.*s", (int)from->expression.len, from->expression.ptr);
    }
    r->info.feature = f;
    r->info.n_features = m->n_features;
}

static void add_models(tdm_release *r, const tdm__package *p)
{
    const tdm__manifest *m = p->manifest;
    tdm_release_model *models = list(r, m->n_models, sizeof *models);
    tdm_release_prediction *predictions = list(r, m->n_predictions, sizeof *predictions);
    for (size_t i = 0; models && i < m->n_models; i++) {
        const tdm__model_info *info = tdm__model_info_of(p->model[i].model);
        models[i] = (tdm_release_model){.name = keep(r, m->model[i].name), .file = keep(r, m->model[i].file),
                                        .kind = keep(r, tdm__str(info->kind)), .n_inputs = info->n_inputs,
                                        .n_outputs = info->n_outputs, .n_trees = info->n_trees};
    }
    for (size_t i = 0; predictions && i < m->n_predictions; i++) {
        const tdm__manifest_prediction *from = &m->prediction[i];
        predictions[i] = (tdm_release_prediction){.name = keep(r, from->name),
                                                  .model = keep(r, m->model[from->model].name),
                                                  .output = from->output,
                                                  .raw = from->raw,
                                                  .low = from->lo,
                                                  .high = from->hi};
    }
    r->info.model = models;
    r->info.n_models = m->n_models;
    r->info.prediction = predictions;
    r->info.n_predictions = m->n_predictions;
}

static void add_files(tdm_release *r, const tdm__package *p)
{
    tdm_release_file *files = list(r, p->n_files, sizeof *files);
    const char **notes = list(r, p->n_notes, sizeof *notes);
    const char **key = list(r, p->key.n, sizeof *key);
    for (size_t i = 0; files && i < p->n_files; i++)
        files[i] = (tdm_release_file){.path = keep(r, tdm__str(p->file[i].path)),
                                      .sha256 = keep(r, tdm__str(p->file[i].sha256)),
                                      .bytes = p->file[i].size};
    for (size_t i = 0; notes && i < p->n_notes; i++)
        notes[i] = keep(r, tdm__str(p->note[i]));
    for (size_t i = 0; key && i < p->key.n; i++)
        key[i] = keep(r, p->key.field[i].name);
    r->info.file = files;
    r->info.n_files = p->n_files;
    r->info.note = notes;
    r->info.n_notes = p->n_notes;
    r->info.key = key;
    r->info.n_key = p->key.n;
}

static void add_setting(tdm_release *r, tdm_release_setting *settings, const char *name, const char *text)
{
    if (!settings || !*text || r->info.n_settings == SETTINGS_MAX)
        return;
    settings[r->info.n_settings++] = (tdm_release_setting){.name = name, .text = text};
}

static const char *duration(tdm_release *r, int64_t us)
{
    char text[32] = "";
    if (us > 0)
        tdm__duration_format(us, text);
    return keep(r, tdm__str(text));
}

static const char *percent(tdm_release *r, double share)
{
    char text[32];
    if (share != share)
        return "";
    size_t n = tdm__format_f64(share * 100, text);
    char rounded[32];
    snprintf(rounded, sizeof rounded, "%.6g", share * 100); /* 99.9 * 0.01 * 100 is not 99.9 to the last bit */
    return keep_format(r, "%s%%", n > 8 ? rounded : text);
}

static const char *number(tdm_release *r, double v)
{
    char text[32];
    return v != v ? "" : keep(r, tdm__strn(text, tdm__format_f64(v, text)));
}

static void add_settings(tdm_release *r, const tdm__manifest *m)
{
    tdm_release_setting *t = list(r, SETTINGS_MAX, sizeof *t);
    tdm__buf rungs = {0};
    for (size_t i = 0; i < m->online.n_rungs; i++) {
        tdm__buf_printf(&rungs, "%s%s", i ? ", " : "", tdm__rung_name(m->online.rung[i]));
        if (m->online.rung[i] == TDM__RUNG_DEFAULTED && m->online.defaulted_max != UINT32_MAX)
            tdm__buf_printf(&rungs, " (at most %u)", (unsigned)m->online.defaulted_max);
    }
    r->failed |= rungs.failed;
    add_setting(r, t, "promise.p99", duration(r, m->promise.p99_us));
    add_setting(r, t, "promise.freshness", duration(r, m->promise.freshness_us));
    if (m->promise.has_ready_by)
        add_setting(r, t, "promise.ready_by",
                    keep_format(r, "%02u:%02u %.*s", m->promise.ready_by_minute / 60u, m->promise.ready_by_minute % 60u,
                                (int)m->promise.ready_by_zone.len, m->promise.ready_by_zone.ptr));
    add_setting(r, t, "promise.coverage", percent(r, m->promise.coverage));
    add_setting(r, t, "online.deadline", duration(r, m->online.deadline_us));
    add_setting(r, t, "online.rungs", keep(r, tdm__strn(rungs.ptr, rungs.len)));
    add_setting(r, t, "batch.population", keep(r, m->batch.population));
    add_setting(r, t, "batch.ttl", duration(r, m->batch.ttl_us));
    add_setting(r, t, "batch.last_good", duration(r, m->batch.last_good_us));
    add_setting(r, t, "batch.gates.coverage", percent(r, m->batch.gates.coverage));
    add_setting(r, t, "batch.gates.quarantined", percent(r, m->batch.gates.quarantined));
    add_setting(r, t, "batch.gates.null_rate", percent(r, m->batch.gates.null_rate));
    add_setting(r, t, "batch.gates.default_rate", percent(r, m->batch.gates.default_rate));
    add_setting(r, t, "batch.gates.previous_rows", percent(r, m->batch.gates.previous_rows));
    add_setting(r, t, "batch.gates.psi", number(r, m->batch.gates.psi));
    add_setting(r, t, "batch.gates.rows_min", keep_format(r, "%" PRIu64, m->batch.gates.rows_min));
    if (m->batch.quarantine_rows_max != UINT64_MAX)
        add_setting(r, t, "batch.quarantine.rows_max", keep_format(r, "%" PRIu64, m->batch.quarantine_rows_max));
    for (size_t i = 0; i < m->batch.n_quarantine_codes; i++)
        add_setting(r, t,
                    keep_format(r, "batch.quarantine.codes.%s", tdm_status_name(m->batch.quarantine_code[i].code)),
                    keep_format(r, "%" PRIu64, m->batch.quarantine_code[i].rows_max));
    for (size_t i = 0; m->online.prior && i < m->n_predictions; i++)
        add_setting(r, t,
                    keep_format(r, "online.prior.%.*s", (int)m->prediction[i].name.len, m->prediction[i].name.ptr),
                    number(r, m->online.prior[i]));
    add_setting(r, t, "golden", keep(r, m->golden));
    tdm__buf_free(&rungs);
    r->info.setting = t;
}

tdm_status tdm__release_info_new(const tdm__package *package, int64_t packed_us, tdm_release **out, tdm_error *err)
{
    *out = NULL;
    tdm_release *r = tdm__new(tdm_release);
    if (!r)
        return tdm__no_memory(err, "release");
    memcpy(r->info.id, package->id, sizeof r->info.id);
    r->info.name = keep(r, package->manifest->name);
    r->info.entity = keep(r, package->manifest->entity);
    r->info.packed_us = packed_us;
    add_features(r, package);
    add_models(r, package);
    add_files(r, package);
    add_settings(r, package->manifest);
    if (r->failed) {
        tdm_release_close(&r);
        return tdm__no_memory(err, "release");
    }
    *out = r;
    return TDM_OK;
}

tdm_status tdm__release_info_note(tdm_release *release, const char *const *note, size_t n, tdm_error *err)
{
    const char **notes = list(release, n, sizeof *notes);
    for (size_t i = 0; notes && i < n; i++)
        notes[i] = keep(release, tdm__str(note[i]));
    if (release->failed)
        return tdm__no_memory(err, "release");
    release->info.note = notes;
    release->info.n_notes = n;
    return TDM_OK;
}

const tdm_release_info *tdm_release_describe(const tdm_release *release)
{
    return &release->info;
}

void tdm_release_close(tdm_release **release)
{
    if (!release || !*release)
        return;
    tdm__arena_free(&(*release)->arena);
    tdm__free(*release);
    *release = NULL;
}
