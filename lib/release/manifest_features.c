/* The manifest's features: each has one origin, and attributes that fit it.
 *
 * Windows are read far enough for a good message about what they say; that this version cannot compute them is said
 * when packing. */
#include <string.h>

#include "release/manifest_impl.h"
#include "schema/instant.h"

static const char *const aggregates[] = { "count", "sum",  "mean",     "min",  "max", "std",
                                          "first", "last", "distinct", "time_since_last" };
enum { N_AGGREGATES = sizeof aggregates / sizeof *aggregates };

/* ---- origins ---- */

/* "source.column"; faults when it is not. */
static bool split_column(tdm__manifest_reader *r, tdm__place *at, tdm_str text, tdm_str *source, tdm_str *column)
{
    *source = tdm__str_cut(text, '.', column);
    if (tdm__name_valid(*source) && column->ptr && tdm__name_valid(*column))
        return true;
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "this is not a source's column");
    tdm__fail_expected(&error, "source.column");
    tdm__fail_found_text(&error, text);
    tdm__yaml_fault_error(r->doc, at, &error);
    return false;
}

static void read_request(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_feature *f)
{
    f->origin = TDM__ORIGIN_REQUEST;
    if (!tdm__manifest_type(r, map, "request", &f->type))
        f->type.kind = TDM_KIND_COUNT;
}

static void read_column(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_feature *f)
{
    f->origin = TDM__ORIGIN_COLUMN;
    tdm__place *at = tdm__manifest_scalar(r, map, "column");
    if (at)
        split_column(r, at, at->text, &f->source, &f->column);
}

static void read_expression(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_feature *f)
{
    f->origin = TDM__ORIGIN_EXPRESSION;
    tdm__place *at = tdm__manifest_scalar(r, map, "expr");
    if (at)
        f->expression = at->text;
}

static bool needs_column(tdm_str aggregate)
{
    return !tdm__str_is(aggregate, "count") && !tdm__str_is(aggregate, "time_since_last");
}

/* "AGG(source.column)", or "AGG(source)" for those that count rows. */
static void read_aggregate(tdm__manifest_reader *r, tdm__place *at, tdm__manifest_window *w)
{
    tdm_str inside, text = tdm__str_trim(at->text);
    w->aggregate = tdm__str_trim(tdm__str_cut(text, '(', &inside));
    if (!inside.ptr || !inside.len || inside.ptr[inside.len - 1] != ')') {
        tdm__manifest_wrong(r, at, "this", "a window", "AGG(source.column), as mean(departures.dep_delay_min)");
        return;
    }
    inside.len--;
    inside = tdm__str_trim(inside);
    size_t i = 0;
    while (i < N_AGGREGATES && !tdm__str_is(w->aggregate, aggregates[i]))
        i++;
    if (i == N_AGGREGATES) {
        tdm__yaml_node name = *at;
        name.text = w->aggregate;
        tdm__manifest_not_among(r, &name, "aggregate", aggregates, N_AGGREGATES);
    }
    bool rows = i < N_AGGREGATES && !needs_column(w->aggregate);
    if (rows && tdm__name_valid(inside) && !memchr(inside.ptr, '.', inside.len))
        w->source = inside;
    else
        split_column(r, at, inside, &w->source, &w->column);
}

static void read_window(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_feature *f)
{
    f->origin = TDM__ORIGIN_WINDOW;
    tdm__place *at = tdm__manifest_scalar(r, map, "window");
    if (at)
        read_aggregate(r, at, &f->window);
    if (!tdm__yaml_get(map, "over"))
        tdm__manifest_fault(r, map, "window '%.*s' lacks 'over'", TDM__SHOWN(f->name));
    tdm__manifest_duration(r, map, "over", &f->window.over_us);
    tdm__manifest_count(r, map, "keep", 1000000, &f->window.keep);
    at = tdm__manifest_scalar(r, map, "where");
    if (at)
        f->window.where = at->text;
}

static const struct {
    const char *key;
    void (*read)(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_feature *f);
} origins[] = {
    { "request", read_request },
    { "column", read_column },
    { "expr", read_expression },
    { "window", read_window },
};
enum { N_ORIGINS = sizeof origins / sizeof *origins };

static void read_origin(tdm__manifest_reader *r, tdm__place *map, bool known_keys, tdm__manifest_feature *f)
{
    for (size_t i = 0; i < N_ORIGINS; i++) {
        tdm__place *at = tdm__yaml_get(map, origins[i].key);
        if (!at)
            continue;
        if (f->definition) {
            tdm__manifest_fault(r, at, "feature '%.*s' has two definitions; one of request, column, expr and window",
                                TDM__SHOWN(f->name));
            return;
        }
        f->definition = at;
        origins[i].read(r, map, f);
    }
    if (!f->definition && known_keys)
        tdm__manifest_fault(r, map, "feature '%.*s' lacks a definition: one of request, column, expr and window",
                            TDM__SHOWN(f->name));
}

/* ---- attributes ---- */

static void read_by_entry(tdm__manifest_reader *r, tdm__place *key, tdm__place *from, tdm__manifest_feature *f)
{
    if (from->kind != TDM__YAML_SCALAR || !from->text.len) {
        tdm__manifest_fault(r, from, "'by' names a feature, a part of the key, or SOURCE.COLUMN");
        return;
    }
    f->by[f->n_by++] = (tdm__manifest_by){ key ? key->text : tdm__str(""), from->text, from };
}

static tdm_status read_by(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_feature *f)
{
    tdm__place *by = tdm__yaml_get(map, "by");
    if (!by)
        return TDM_OK;
    if (f->origin == TDM__ORIGIN_REQUEST || f->origin == TDM__ORIGIN_EXPRESSION) {
        tdm__manifest_fault(r, by, "'by' is for columns and windows");
        return TDM_OK;
    }
    if (by->kind == TDM__YAML_LIST || (by->kind == TDM__YAML_MAP && (!by->n || by->n > TDM__ENTITY_KEY_MAX))) {
        tdm__manifest_fault(r, by, "'by' is a name, or a map from the source's key columns to names");
        return TDM_OK;
    }
    size_t n = by->kind == TDM__YAML_MAP ? by->n : 1;
    f->by = tdm__arena_array(r->arena, n, tdm__manifest_by);
    if (!f->by)
        return TDM_NO_MEMORY;
    if (by->kind == TDM__YAML_SCALAR)
        read_by_entry(r, NULL, by, f);
    else
        for (size_t i = 0; i < n; i++)
            read_by_entry(r, by->key[i], by->item[i], f);
    return TDM_OK;
}

static void read_unit(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_feature *f)
{
    tdm__place *at = tdm__manifest_scalar(r, map, "unit");
    if (!at)
        return;
    f->unit_place = at;
    f->unit = at->text;
    if (!at->text.len || at->text.len >= sizeof f->type.unit || memchr(at->text.ptr, ' ', at->text.len)) {
        tdm__manifest_wrong(r, at, "this", "a unit", "1 to 19 letters without spaces");
        return;
    }
    if (f->origin != TDM__ORIGIN_REQUEST)
        return;
    if (f->type.unit[0] && !tdm__str_is(at->text, f->type.unit))
        tdm__manifest_fault(r, at, "feature '%.*s' has another unit in its type: %s", TDM__SHOWN(f->name),
                            f->type.unit);
    else
        memcpy(f->type.unit, at->text.ptr, at->text.len + 1);
}

static void read_default(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_feature *f)
{
    tdm__place *at = tdm__manifest_scalar(r, map, "default");
    if (!at)
        return;
    f->fallback = at;
    if (f->type.kind == TDM_KIND_COUNT)
        return; /* checked when the type is known */
    tdm_value value;
    tdm_error error;
    if (!tdm__value_parse(&f->type, at->text, &value, &error))
        return;
    error.status = TDM_MANIFEST;
    tdm__yaml_fault_error(r->doc, at, &error);
}

static void read_required(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_feature *f)
{
    f->required = f->origin == TDM__ORIGIN_REQUEST && !f->type.nullable && !f->fallback;
    tdm__place *at = tdm__manifest_scalar(r, map, "required");
    if (!at)
        return;
    f->required_given = true;
    f->required = tdm__str_is(at->text, "true");
    if (!f->required && !tdm__str_is(at->text, "false"))
        tdm__manifest_wrong(r, at, "'required'", "true or false", "true or false");
}

static void refuse_window_keys(tdm__manifest_reader *r, tdm__place *map)
{
    static const char *const only[] = { "over", "where", "keep" };
    for (size_t i = 0; i < 3; i++) {
        tdm__place *at = tdm__yaml_get(map, only[i]);
        if (at)
            tdm__manifest_fault(r, at, "'%s' is for windows", only[i]);
    }
}

static tdm_status read_feature(tdm__manifest_reader *r, tdm__place *name, tdm__place *map, tdm__manifest_feature *f)
{
    f->place = name;
    f->type.kind = TDM_KIND_COUNT;
    if (map->kind == TDM__YAML_MAP && tdm__yaml_get(map, "request"))
        tdm__manifest_label(r, name, "a name for a request", &f->name); /* callers and files call it so */
    else
        tdm__manifest_name(r, name, "a feature", &f->name);
    size_t before = r->doc->errors;
    if (!tdm__manifest_section(r, map, "feature", "a feature"))
        return TDM_OK;
    read_origin(r, map, r->doc->errors == before, f);
    if (f->definition && f->origin != TDM__ORIGIN_WINDOW)
        refuse_window_keys(r, map);
    tdm__manifest_duration(r, map, "max_age", &f->max_age_us);
    tdm__manifest_duration(r, map, "last_good", &f->last_good_us);
    if (f->max_age_us && f->last_good_us && f->last_good_us < f->max_age_us)
        tdm__manifest_fault(r, tdm__yaml_get(map, "last_good"), "'last_good' is shorter than 'max_age'");
    read_unit(r, map, f);
    read_default(r, map, f);
    read_required(r, map, f);
    return read_by(r, map, f);
}

tdm_status tdm__manifest_features(tdm__manifest_reader *r, tdm__place *map)
{
    tdm__manifest *m = r->m;
    if (!map || map->kind != TDM__YAML_MAP)
        return TDM_OK;
    if (!map->n || map->n > TDM__FEATURES_MAX) {
        tdm__manifest_fault(r, map, "a release has 1 to %d features, this has %zu", (int)TDM__FEATURES_MAX, map->n);
        return TDM_OK;
    }
    m->feature = tdm__arena_array(r->arena, map->n, tdm__manifest_feature);
    if (!m->feature)
        return TDM_NO_MEMORY;
    for (m->n_features = 0; m->n_features < map->n; m->n_features++) {
        size_t i = m->n_features, before = r->doc->errors;
        if (read_feature(r, map->key[i], map->item[i], &m->feature[i]))
            return TDM_NO_MEMORY;
        m->feature[i].faulty = r->doc->errors != before;
    }
    return TDM_OK;
}
