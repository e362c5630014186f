/* The manifest: from a release.yaml's text to its struct. Here the top, the entity, models, predictions and lookups;
 * features in manifest_features.c, promise, online and batch in manifest_policies.c.
 *
 * Faults never stop the rest from being read; what refers to something faulty is not faulted again. */
#include "release/manifest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "release/manifest_impl.h"

/* ---- entity ---- */

static void read_key_part(tdm__manifest_reader *r, tdm__place *at)
{
    tdm__manifest *m = r->m;
    if (at->kind != TDM__YAML_SCALAR || m->n_entity_key == TDM__ENTITY_KEY_MAX) {
        tdm__manifest_fault(r, at, "a key is the name of a column, or a list of 1 to %d of them",
                            (int)TDM__ENTITY_KEY_MAX);
        return;
    }
    tdm_str name;
    if (!tdm__manifest_name(r, at, "a key column", &name))
        return;
    for (size_t i = 0; i < m->n_entity_key; i++)
        if (tdm__str_equal(m->entity_key[i], name))
            tdm__manifest_fault(r, at, "key column '%.*s' is named twice", TDM__SHOWN(name));
    m->entity_key[m->n_entity_key++] = name;
}

static void read_entity(tdm__manifest_reader *r, tdm__place *node)
{
    tdm__manifest *m = r->m;
    if (!node)
        return;
    m->entity_place = node;
    if (node->kind == TDM__YAML_SCALAR) {
        tdm__manifest_name(r, node, "an entity", &m->entity);
        return;
    }
    if (!tdm__manifest_section(r, node, "entity", "the entity"))
        return;
    tdm__place *at = tdm__manifest_scalar(r, node, "name");
    if (at)
        tdm__manifest_name(r, at, "an entity", &m->entity);
    m->entity_key_place = at = tdm__yaml_get(node, "key");
    if (!at)
        return;
    if (at->kind != TDM__YAML_LIST)
        read_key_part(r, at);
    else if (!at->n)
        tdm__manifest_fault(r, at, "the list of key columns is empty");
    else
        for (size_t i = 0; i < at->n && i <= TDM__ENTITY_KEY_MAX; i++)
            read_key_part(r, at->item[i]);
}

/* ---- models ---- */

static tdm_status read_inputs(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_model *model)
{
    if (!map || map->kind != TDM__YAML_MAP)
        return TDM_OK;
    model->input = tdm__arena_array(r->arena, map->n, tdm__manifest_input);
    if (!model->input)
        return TDM_NO_MEMORY;
    for (size_t i = 0; i < map->n; i++) {
        tdm__place *from = map->item[i];
        if (from->kind == TDM__YAML_SCALAR && from->text.len)
            model->input[model->n_inputs++] =
                (tdm__manifest_input){ map->key[i]->text, from->text, map->key[i], from };
        else
            tdm__manifest_fault(r, from, "an input takes the name of a feature");
    }
    return TDM_OK;
}

static tdm_status read_model(tdm__manifest_reader *r, tdm__place *name, tdm__place *map, tdm__manifest_model *model)
{
    model->place = name;
    tdm__manifest_name(r, name, "a model", &model->name);
    if (!tdm__manifest_section(r, map, "model", "a model"))
        return TDM_OK;
    model->file_place = tdm__manifest_file(r, map, "file", &model->file);
    model->format_place = tdm__manifest_scalar(r, map, "format");
    if (model->format_place)
        model->format = model->format_place->text;
    return read_inputs(r, tdm__yaml_get(map, "inputs"), model);
}

/* Room for the n entries of a map of 1 to max; NULL with *status set, or when there is nothing to read. */
static void *room(tdm__manifest_reader *r, tdm__place *map, size_t max, size_t size, const char *what,
                  tdm_status *status)
{
    *status = TDM_OK;
    if (!map || map->kind != TDM__YAML_MAP)
        return NULL;
    if (!map->n || map->n > max) {
        tdm__manifest_fault(r, map, "a release has 1 to %zu %s, this has %zu", max, what, map->n);
        return NULL;
    }
    void *items = tdm__arena_zalloc(r->arena, map->n, size);
    *status = items ? TDM_OK : TDM_NO_MEMORY;
    return items;
}

tdm_status tdm__manifest_models(tdm__manifest_reader *r, tdm__place *root)
{
    tdm__manifest *m = r->m;
    tdm_status s;
    tdm__place *map = tdm__yaml_get(root, "models");
    m->model = room(r, map, TDM__MODELS_MAX, sizeof *m->model, "models", &s);
    for (size_t i = 0; m->model && !s && i < map->n; i++) {
        s = read_model(r, map->key[i], map->item[i], &m->model[i]);
        if (tdm__str_is(map->key[i]->text, "simple"))
            m->simple = (int)i;
        m->n_models++;
    }
    return s;
}

/* ---- predictions ---- */

static void read_range(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_prediction *p)
{
    tdm__place *at = tdm__yaml_get(map, "range");
    if (!at || at->kind != TDM__YAML_LIST)
        return;
    p->range_place = at;
    double lo, hi;
    if (at->n != 2)
        tdm__manifest_fault(r, at, "a range has two numbers, the least and the greatest allowed");
    else if (tdm__manifest_number(r, at->item[0], "range", &lo) && tdm__manifest_number(r, at->item[1], "range", &hi)) {
        p->lo = lo;
        p->hi = hi;
        if (lo > hi)
            tdm__manifest_fault(r, at, "the range is empty: its first number is the greater one");
    }
}

static void read_kind(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_prediction *p)
{
    static const char *const kinds[] = { "prediction", "raw" };
    tdm__place *at = tdm__manifest_scalar(r, map, "kind");
    if (!at)
        return;
    p->raw = tdm__str_is(at->text, "raw");
    if (!p->raw && !tdm__str_is(at->text, "prediction"))
        tdm__manifest_not_among(r, at, "kind of output", kinds, 2);
}

static void read_model_of(tdm__manifest_reader *r, tdm__place *map, tdm__manifest_prediction *p)
{
    tdm__place *at = tdm__manifest_scalar(r, map, "model");
    if (!at || !r->m->n_models)
        return;
    int i = tdm__manifest_find_model(r->m, at->text);
    const char *names[TDM__MODELS_MAX];
    for (size_t k = 0; k < r->m->n_models; k++)
        names[k] = r->m->model[k].name.ptr;
    if (i < 0)
        tdm__manifest_not_among(r, at, "model", names, r->m->n_models);
    else
        p->model = i;
}

static void read_prediction(tdm__manifest_reader *r, tdm__place *name, tdm__place *map, tdm__manifest_prediction *p)
{
    *p = (tdm__manifest_prediction){ .place = name, .model = -1, .lo = -INFINITY, .hi = INFINITY };
    tdm__manifest_name(r, name, "a prediction", &p->name);
    if (!tdm__manifest_section(r, map, "prediction", "a prediction"))
        return;
    read_model_of(r, map, p);
    uint64_t output = 0;
    tdm__manifest_count(r, map, "output", 1000000, &output);
    p->output = (uint32_t)output;
    p->output_place = tdm__yaml_get(map, "output");
    read_kind(r, map, p);
    read_range(r, map, p);
    tdm_type type = { .kind = TDM_F64 };
    tdm__place *at = tdm__manifest_type(r, map, "type", &type);
    if (at && (type.kind != TDM_F64 || type.nullable))
        tdm__manifest_wrong(r, at, "this", "a prediction's type", "f64");
}

static tdm_status read_predictions(tdm__manifest_reader *r, tdm__place *map)
{
    tdm__manifest *m = r->m;
    tdm_status s;
    m->prediction = room(r, map, TDM__PREDICTIONS_MAX, sizeof *m->prediction, "predictions", &s);
    for (size_t i = 0; m->prediction && i < map->n; i++)
        read_prediction(r, map->key[i], map->item[i], &m->prediction[m->n_predictions++]);
    return s;
}

/* ---- lookups ---- */

static void read_lookup(tdm__manifest_reader *r, tdm__place *name, tdm__place *map, tdm__manifest_lookup *l)
{
    *l = (tdm__manifest_lookup){ .place = name, .key_type = { .kind = TDM_STRING } };
    tdm__manifest_name(r, name, "a lookup", &l->name);
    if (!tdm__manifest_section(r, map, "lookup", "a lookup"))
        return;
    l->file_place = tdm__manifest_file(r, map, "file", &l->file);
    l->key_place = tdm__manifest_scalar(r, map, "key");
    l->value_place = tdm__manifest_scalar(r, map, "value");
    if (l->key_place)
        tdm__manifest_name(r, l->key_place, "a column", &l->key);
    if (l->value_place)
        tdm__manifest_name(r, l->value_place, "a column", &l->value);
    if (l->key_place && l->value_place && tdm__str_equal(l->key, l->value))
        tdm__manifest_fault(r, l->value_place, "key and value are the same column");
    tdm__manifest_type(r, map, "type", &l->value_type);
    tdm__place *at = tdm__manifest_type(r, map, "key_type", &l->key_type);
    if (at && ((l->key_type.kind != TDM_STRING && l->key_type.kind != TDM_I64) || l->key_type.nullable))
        tdm__manifest_wrong(r, at, "this", "a lookup's key type", "string or i64");
}

static tdm_status read_lookups(tdm__manifest_reader *r, tdm__place *map)
{
    tdm__manifest *m = r->m;
    tdm_status s;
    if (map && map->kind == TDM__YAML_MAP && !map->n)
        return TDM_OK;
    m->lookup = room(r, map, TDM__LOOKUPS_MAX, sizeof *m->lookup, "lookups", &s);
    for (size_t i = 0; m->lookup && i < map->n; i++)
        read_lookup(r, map->key[i], map->item[i], &m->lookup[m->n_lookups++]);
    return s;
}

/* ---- the whole ---- */

static int by_name(const void *a, const void *b)
{
    return tdm__str_compare(((const tdm__manifest_name_index *)a)->name, ((const tdm__manifest_name_index *)b)->name);
}

static tdm_status index_features(tdm__manifest_reader *r)
{
    tdm__manifest *m = r->m;
    m->by_name = tdm__arena_array(r->arena, m->n_features, tdm__manifest_name_index);
    if (!m->by_name)
        return TDM_NO_MEMORY;
    for (size_t i = 0; i < m->n_features; i++)
        m->by_name[i] = (tdm__manifest_name_index){ m->feature[i].name, (int)i };
    qsort(m->by_name, m->n_features, sizeof *m->by_name, by_name);
    return TDM_OK;
}

static tdm_status read_all(tdm__manifest_reader *r, tdm__place *root)
{
    tdm__manifest *m = r->m;
    if (!tdm__manifest_section(r, root, "", "a release"))
        return TDM_OK;
    tdm__place *at = tdm__manifest_scalar(r, root, "name");
    if (at)
        tdm__manifest_name(r, at, "a release", &m->name);
    read_entity(r, tdm__yaml_get(root, "entity"));
    size_t before = r->doc->errors; /* a fault so far may have left out what features are resolved by */
    tdm_status s = read_lookups(r, tdm__yaml_get(root, "lookups"));
    m->plannable = !before && !r->doc->errors;
    if (!s)
        s = tdm__manifest_features(r, tdm__yaml_get(root, "features"));
    if (!s)
        s = index_features(r);
    if (!s)
        s = tdm__manifest_models(r, root);
    if (!s)
        s = read_predictions(r, tdm__yaml_get(root, "prediction"));
    if (!s)
        s = tdm__manifest_policies(r, root);
    tdm__place *batch = tdm__yaml_get(root, "batch");
    m->plannable &= m->n_features && (!batch || m->batch.population_place || !r->doc->errors);
    m->golden_place = tdm__manifest_file(r, root, "golden", &m->golden);
    return s;
}

tdm_status tdm__manifest_parse(tdm_str text, const char *name, tdm__arena *arena, tdm_diagnostics *list,
                               tdm__manifest *out)
{
    *out = (tdm__manifest){ .simple = -1 };
    tdm_status s = tdm__yaml_parse(text, name, arena, list, &out->doc);
    if (s == TDM_NO_MEMORY || !out->doc.complete || !out->doc.root)
        return s;
    tdm__manifest_reader r = { out, &out->doc, arena };
    if (read_all(&r, out->doc.root))
        return TDM_NO_MEMORY;
    return out->doc.errors ? TDM_MANIFEST : TDM_OK;
}

int tdm__manifest_find_feature(const tdm__manifest *m, tdm_str name)
{
    tdm__manifest_name_index key = { name, 0 };
    if (!m->n_features)
        return -1;
    const tdm__manifest_name_index *at = bsearch(&key, m->by_name, m->n_features, sizeof key, by_name);
    return at ? at->index : -1;
}

int tdm__manifest_find_model(const tdm__manifest *m, tdm_str name)
{
    for (size_t i = 0; i < m->n_models; i++)
        if (tdm__str_equal(m->model[i].name, name))
            return (int)i;
    return -1;
}
