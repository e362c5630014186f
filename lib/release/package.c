/* Packages: made from a person's folder or from a packed one by the same steps, and closed.
 *
 * Files, manifest, sources, lookups, plan, models, golden rows, in this order; a step with faults does not stop the
 * next, so that all are told at once. */
#include "release/package.h"

#include <string.h>

#include "release/manifest_impl.h"
#include "release/package_impl.h"

static const char system_zoneinfo[] = "/usr/share/zoneinfo";

static void close_box(tdm__package_box *b)
{
    for (size_t i = 0; b->package.model && i < b->manifest.n_models; i++) {
        tdm__model *model = (tdm__model *)b->package.model[i].model;
        tdm__model_close(&model);
    }
    for (size_t i = 0; i < b->n_files; i++)
        tdm__buf_free(&b->holder[i]);
    tdm__free(b->file);
    tdm__free(b->holder);
    tdm__free(b->note);
    tdm__free(b->slot);
    tdm__free(b->join);
    tdm__free(b->step);
    tdm__free(b->source);
    tdm__free(b->zone);
    tdm__arena_free(&b->arena);
    tdm__free(b);
}

void tdm__package_close(tdm__package **package)
{
    if (!package || !*package)
        return;
    close_box((tdm__package_box *)*package);
    *package = NULL;
}

/* ---- the steps ---- */

/* The manifest's text is what excerpts and names lie in, so it stays. */
static tdm_status read_manifest(tdm__package_box *b, tdm_error *err)
{
    int file = tdm__package_find_file(b, "release.yaml");
    char path[TDM__PATH_MAX];
    tdm_status s = TDM_OK;
    if (file < 0) {
        tdm__buf bytes = { 0 };
        if (!tdm__path_join(path, sizeof path, b->dir, "release.yaml"))
            return tdm__fail(err, TDM_TOO_LARGE, b->dir, "the path is too long");
        s = tdm__read_file(b->fs, path, TDM__YAML_BYTES_MAX, &bytes, err);
        if (s == TDM_NOT_FOUND)
            s = tdm__fail(err, s, b->dir, "the folder has no release.yaml");
        if (!s)
            s = tdm__package_add_file(b, "release.yaml", &bytes, &file, err);
        tdm__buf_free(&bytes);
    }
    tdm_str text;
    if (s)
        return s;
    if (!tdm__arena_str(&b->arena, b->file[file].bytes, &text))
        return tdm__no_memory(err, b->dir);
    b->package.manifest = &b->manifest;
    s = tdm__manifest_parse(text, "release.yaml", &b->arena, b->list, &b->manifest);
    return s == TDM_NO_MEMORY ? tdm__no_memory(err, b->dir) : TDM_OK;
}

static tdm_status add_sources_file(tdm__package_box *b, tdm_error *err)
{
    int file;
    tdm__buf text = { 0 };
    for (size_t i = 0; i < b->package.n_sources; i++)
        tdm__source_canonical(&b->package.source[i], &text);
    tdm_status s = tdm__buf_check(&text, err);
    if (!s && text.len)
        return tdm__package_add_file(b, "sources.txt", &text, &file, err);
    tdm__buf_free(&text);
    return s;
}

static tdm_status use_promised_zone(tdm__package_box *b, tdm_error *err)
{
    const tdm__manifest_promise *p = &b->manifest.promise;
    tdm_error error = { 0 };
    if (!p->has_ready_by || tdm__str_is(p->ready_by_zone, "UTC") || tdm__package_zone(b, p->ready_by_zone, &error))
        return TDM_OK;
    if (b->no_memory)
        return tdm__no_memory(err, b->dir);
    tdm__yaml_fault_error(&b->manifest.doc, p->ready_by_place, &error);
    return TDM_OK;
}

/* All but the manifest. With a manifest that has faults, only as far as more can be told without guessing. */
static tdm_status build(tdm__package_box *b, tdm_error *err)
{
    bool sound = !tdm__package_faults(b);
    if (!sound && !b->manifest.plannable)
        return TDM_OK;
    tdm_status s = tdm__package_lookups(b, err);
    size_t before = tdm__package_faults(b);
    if (!s)
        s = tdm__package_plan(b, err);
    b->plan_whole = tdm__package_faults(b) == before;
    if (!sound)
        return s;
    if (!s)
        s = use_promised_zone(b, err);
    if (!s)
        s = tdm__package_models(b, err);
    if (!s)
        s = tdm__package_golden(b, err);
    return s;
}

/* What the list got since it had `before`: the first goes to err; TDM_UNSUPPORTED when all are. */
static tdm_status faulted(const tdm_diagnostics *list, size_t before, tdm_error *err)
{
    size_t n = tdm_diagnostics_count(list);
    bool unsupported = n > before;
    for (size_t i = before; i < n; i++)
        unsupported &= tdm_diagnostics_error(list, i)->status == TDM_UNSUPPORTED;
    tdm_status s = unsupported ? TDM_UNSUPPORTED : TDM_MANIFEST;
    if (n > before)
        *err = *tdm_diagnostics_error(list, before);
    else
        tdm__fail(err, s, "release.yaml", "the release has faults");
    err->status = s;
    return s;
}

/* ---- a person's folder ---- */

static tdm_status check(tdm__package_box *b, tdm_error *err)
{
    size_t before = tdm_diagnostics_count(b->list);
    tdm_status s = read_manifest(b, err);
    if (!s)
        s = build(b, err);
    if (!s && tdm__package_faults(b))
        s = faulted(b->list, before, err);
    if (!s)
        s = tdm__package_note_unused(b, err);
    if (!s)
        s = add_sources_file(b, err);
    if (!s)
        s = tdm__package_seal(b, err);
    b->package.note = b->note;
    b->package.n_notes = b->n_notes;
    return s;
}

tdm_status tdm__package_check(tdm__fs *fs, const char *dir, const tdm__source_catalog *sources, const char *zoneinfo,
                              tdm_diagnostics *list, tdm__package **out, tdm_error *err)
{
    static const tdm__source_catalog none;
    tdm_error local;
    tdm_diagnostics *own = list ? NULL : tdm_diagnostics_new();
    tdm__package_box *b = tdm__new(tdm__package_box);
    err = err ? err : &local;
    *out = NULL;
    if (!b || (!list && !own)) {
        tdm__free(b);
        tdm_diagnostics_close(&own);
        return tdm__no_memory(err, dir);
    }
    b->fs = fs;
    b->dir = dir;
    b->zoneinfo = zoneinfo ? zoneinfo : system_zoneinfo;
    b->catalog = sources ? sources : &none;
    b->list = list ? list : own;
    tdm_status s = check(b, err);
    b->dir = NULL;
    b->list = b->manifest.doc.diagnostics = NULL;
    if (s)
        close_box(b);
    else
        *out = &b->package;
    tdm_diagnostics_close(&own);
    return s;
}

/* ---- a packed folder ---- */

static const tdm__source *find_packed(void *self, tdm_str name)
{
    const tdm__sources *sources = self;
    for (size_t i = 0; i < sources->n; i++)
        if (tdm__str_equal(sources->source[i].name, name))
            return &sources->source[i];
    return NULL;
}

/* The bytes match what was packed, so a fault means that another version packed it. */
static tdm_status other_version(tdm__package_box *b, size_t before, tdm_error *err)
{
    tdm_error first;
    faulted(b->list, before, &first);
    tdm_status s = tdm__fail(err, TDM_UNSUPPORTED, b->package.id, "this version cannot read the release");
    tdm__fail_found(err, "%s: %s", first.where, first.what);
    tdm__fail_hint(err, "another version packed it; pack it again");
    return s;
}

static tdm_status open_packed(tdm__package_box *b, const char *id, tdm__sources *sources, tdm_error *err)
{
    tdm_status s = tdm__package_load_packed(b, id, err);
    if (s)
        return s;
    int file = tdm__package_find_file(b, "sources.txt");
    s = file < 0 ? TDM_OK : tdm__sources_parse(b->file[file].bytes, "sources.txt", &b->arena, b->list, sources);
    if (s == TDM_NO_MEMORY)
        return tdm__no_memory(err, id);
    if (!s)
        s = read_manifest(b, err);
    if (!s && !tdm__package_faults(b))
        s = build(b, err);
    if (s == TDM_MANIFEST || (!s && tdm__package_faults(b)))
        s = other_version(b, 0, err);
    if (!s)
        s = tdm__package_seal(b, err);
    if (!s && strcmp(b->package.id, id) != 0)
        s = tdm__fail(err, TDM_CORRUPT, id, "the list of files is not the one that packing writes");
    return s;
}

static void drop_bytes(tdm__package_box *b)
{
    for (size_t i = 0; i < b->n_files; i++) {
        b->file[i].bytes = (tdm_str){ NULL, 0 };
        tdm__buf_free(&b->holder[i]);
    }
}

static bool is_id(const char *id)
{
    return strlen(id) == TDM__ID_LETTERS && strspn(id, "0123456789abcdef") == TDM__ID_LETTERS;
}

tdm_status tdm__package_open(tdm__fs *fs, const char *releases_dir, const char *id, tdm__package **out, tdm_error *err)
{
    tdm_error local;
    char dir[TDM__PATH_MAX];
    tdm__sources sources = { 0 };
    tdm__source_catalog catalog = { .self = &sources, .find = find_packed };
    err = err ? err : &local;
    *out = NULL;
    if (!is_id(id))
        return tdm__fail(err, TDM_NOT_FOUND, id, "this is not the id of a release");
    if (!tdm__path_join(dir, sizeof dir, releases_dir, id))
        return tdm__fail(err, TDM_TOO_LARGE, releases_dir, "the path is too long");
    tdm_diagnostics *list = tdm_diagnostics_new();
    tdm__package_box *b = list ? tdm__new(tdm__package_box) : NULL;
    if (!b) {
        tdm_diagnostics_close(&list);
        return tdm__no_memory(err, id);
    }
    b->fs = fs;
    b->dir = dir;
    b->packed = true;
    b->catalog = &catalog;
    b->list = list;
    memcpy(b->package.id, id, sizeof b->package.id);
    tdm_status s = open_packed(b, id, &sources, err);
    drop_bytes(b);
    b->dir = NULL;
    b->catalog = NULL;
    b->list = b->manifest.doc.diagnostics = NULL;
    tdm_diagnostics_close(&list);
    if (s)
        close_box(b);
    else
        *out = &b->package;
    return s;
}

/* ---- asking ---- */

int tdm__package_find_slot(const tdm__package *package, tdm_str name)
{
    int feature = tdm__manifest_find_feature(package->manifest, name);
    if (feature >= 0)
        return package->feature_slot[feature];
    for (size_t i = 0; i < package->n_slots; i++)
        if (tdm__str_equal(package->slot[i].name, name))
            return (int)i;
    return -1;
}

static tdm_status mismatch(tdm_error *err, const tdm__source *source, tdm_str column, const char *what)
{
    tdm_status s = tdm__fail(err, TDM_MISMATCH, NULL, "%s", what);
    tdm__fail_where(err, "%.*s%s%.*s", TDM__SHOWN(source->name), column.len ? "." : "", TDM__SHOWN(column));
    return s;
}

static tdm_status column_fits(const tdm__source *packed, int column, const tdm__source *now, int *out, tdm_error *err)
{
    const tdm__field *field = &packed->schema.field[column];
    *out = tdm__schema_find(&now->schema, field->name);
    if (*out < 0)
        return mismatch(err, packed, field->name, "the release reads a column that the source no longer has");
    if (tdm__type_equal(&field->type, &now->schema.field[*out].type))
        return TDM_OK;
    char was[64], is[64];
    tdm__type_format(&field->type, was);
    tdm__type_format(&now->schema.field[*out].type, is);
    tdm_status s = mismatch(err, packed, field->name, "the column has another type than the release was packed with");
    tdm__fail_expected(err, "%s", was);
    tdm__fail_found(err, "%s", is);
    return s;
}

static tdm_status source_fits(const tdm__package *p, size_t i, const tdm__source *now, tdm__arena *arena,
                              tdm_error *err)
{
    size_t n;
    int *columns = tdm__package_columns_read(p, i, arena, &n);
    tdm_status s = columns ? TDM_OK : tdm__no_memory(err, p->id);
    for (size_t k = 0; !s && k < n; k++)
        s = column_fits(&p->source[i], columns[k], now, &columns[k], err);
    if (!s && tdm__source_fingerprint(now, columns, n) != p->fingerprint[i])
        s = mismatch(err, &p->source[i], tdm__str(""), "the source has another key than the release was packed with");
    return s;
}

tdm_status tdm__package_fits(const tdm__package *package, const tdm__source_catalog *sources, tdm_error *err)
{
    tdm__arena arena = { 0 };
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < package->n_sources; i++) {
        const tdm__source *now = sources->find(sources->self, package->source[i].name);
        s = now ? source_fits(package, i, now, &arena, err)
                : mismatch(err, &package->source[i], tdm__str(""), "the release reads a source that is not defined");
    }
    tdm__arena_free(&arena);
    return s;
}
