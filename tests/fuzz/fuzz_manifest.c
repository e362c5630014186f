/* Manifests from any bytes: what is accepted is sound, and each fault has a place in the text. */
#include <stdlib.h>
#include <string.h>

#include "release/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void check_feature(const tdm__manifest *m, size_t i)
{
    const tdm__manifest_feature *f = &m->feature[i];
    bool named = f->origin == TDM__ORIGIN_REQUEST ? tdm__label_valid(f->name) : tdm__name_valid(f->name);
    must(named && f->definition && tdm__manifest_find_feature(m, f->name) == (int)i);
    must((f->origin == TDM__ORIGIN_REQUEST) == (f->type.kind != TDM_KIND_COUNT));
    must(f->origin != TDM__ORIGIN_COLUMN || (f->source.len && f->column.len));
    must(f->origin != TDM__ORIGIN_WINDOW || f->window.over_us > 0);
    must(!f->last_good_us || f->last_good_us >= f->max_age_us);
}

static void check_file(tdm_str path)
{
    must(path.len && path.ptr[0] != '/' && path.ptr[0] != '.' && !strstr(path.ptr, "/.") && !strstr(path.ptr, "//"));
}

static void check(const tdm__manifest *m)
{
    must(tdm__name_valid(m->name) && tdm__name_valid(m->entity));
    must(m->n_features && m->n_models && m->n_predictions);
    for (size_t i = 0; i < m->n_features; i++)
        check_feature(m, i);
    for (size_t i = 0; i < m->n_models; i++)
        check_file(m->model[i].file);
    for (size_t i = 0; i < m->n_lookups; i++)
        check_file(m->lookup[i].file);
    for (size_t i = 0; i < m->n_predictions; i++) {
        const tdm__manifest_prediction *p = &m->prediction[i];
        must(p->model >= 0 && (size_t)p->model < m->n_models && p->lo <= p->hi);
    }
    for (size_t i = 0; i < m->online.n_rungs; i++) {
        must(m->online.rung[i] != TDM__RUNG_PRIOR || m->online.prior);
        must(m->online.rung[i] != TDM__RUNG_SIMPLE || m->simple >= 0);
    }
    must(m->batch.ttl_us <= m->batch.last_good_us && m->batch.gates.coverage >= 0 && m->batch.gates.coverage <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__arena arena = { 0 };
    tdm_diagnostics *list = tdm_diagnostics_new();
    tdm__manifest m;
    tdm_status s = tdm__manifest_parse((tdm_str){ (const char *)data, size }, "fuzz", &arena, list, &m);
    must((s == TDM_OK) == !tdm_diagnostics_total(list));
    for (size_t i = 0; i < tdm_diagnostics_count(list); i++)
        must(strncmp(tdm_diagnostics_error(list, i)->where, "fuzz:", 5) == 0);
    if (!s)
        check(&m);
    tdm_diagnostics_close(&list);
    tdm__arena_free(&arena);
    return 0;
}
