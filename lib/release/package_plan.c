/* The plan of a package: which slot every name is, how sources are joined, in what order all is computed.
 *
 * Features are resolved depth first in the manifest's order; whatever one reads is resolved before it gets its own
 * slot, so slots and steps come out in an order that can be walked, the same for the same manifest. A name that is met
 * again while it is being resolved is a circle, and is told as one. What depends on something faulty fails silently:
 * its cause was told. */
#include <stdio.h>
#include <string.h>

#include "release/manifest_impl.h"
#include "release/package_impl.h"

enum { DEPTH_MAX = sizeof ((tdm__package_box *)0)->path / sizeof(int), FAILED = -1, NO_MEMORY = -2, NAMES_MAX = 20000 };

static int out_of_memory(tdm__package_box *b)
{
    b->no_memory = true;
    return FAILED;
}

static int blame(tdm__package_box *b)
{
    b->blamed = true;
    return FAILED;
}

/* ---- slots ---- */

static int add_slot(tdm__package_box *b, const tdm__slot *slot, tdm__place *at)
{
    if (b->n_slots == TDM__SLOTS_MAX) {
        tdm__package_fault(b, at, TDM_TOO_LARGE, "the release needs more than %d values a row", (int)TDM__SLOTS_MAX);
        return blame(b);
    }
    if (!tdm__grow(b->slot, b->slots_cap, b->n_slots + 1))
        return out_of_memory(b);
    b->slot[b->n_slots] = *slot;
    return (int)b->n_slots++;
}

static bool add_step(tdm__package_box *b, tdm__step_kind kind, int index)
{
    if (!tdm__grow(b->step, b->steps_cap, b->n_steps + 1))
        return out_of_memory(b), false;
    b->step[b->n_steps++] = (tdm__step){ kind, index };
    return true;
}

/* The attributes of a feature, once its type is known. */
static bool set_attributes(tdm__package_box *b, const tdm__manifest_feature *f, tdm__slot *slot)
{
    slot->required = f->required;
    slot->max_age_us = f->max_age_us;
    slot->last_good_us = f->last_good_us;
    if (f->unit.len && f->origin != TDM__ORIGIN_REQUEST) {
        if (slot->type.unit[0] && !tdm__str_is(f->unit, slot->type.unit)) {
            tdm__package_fault(b, f->unit_place, TDM_MANIFEST, "feature '%.*s' has the unit '%s' from its column",
                               TDM__SHOWN(f->name), slot->type.unit);
            return false;
        }
        memcpy(slot->type.unit, f->unit.ptr, f->unit.len);
        slot->type.unit[f->unit.len] = 0;
    }
    if (!f->fallback)
        return true;
    tdm_error error;
    if (!tdm__value_parse(&slot->type, f->fallback->text, &slot->fallback, &error))
        return true;
    error.status = TDM_MANIFEST;
    tdm__yaml_fault_error(&b->manifest.doc, f->fallback, &error);
    return false;
}

static int key_part(const tdm__package_box *b, tdm_str name)
{
    return tdm__schema_find(&b->package.key, name);
}

/* ---- sources ---- */

/* The package may outlive the catalog: a copy by way of the canonical text, in the package's own memory. */
static const tdm__source *copy_source(tdm__package_box *b, const tdm__source *source)
{
    tdm__buf text = { 0 };
    tdm__sources copies = { 0 };
    tdm__source_canonical(source, &text);
    bool good = !text.failed &&
                !tdm__sources_parse((tdm_str){ text.ptr, text.len }, "sources", &b->arena, NULL, &copies);
    tdm__buf_free(&text);
    return good && copies.n == 1 ? copies.source : NULL;
}

int tdm__package_source(tdm__package_box *b, tdm_str name)
{
    for (size_t i = 0; i < b->n_sources; i++)
        if (tdm__str_equal(b->source[i]->name, name))
            return (int)i;
    const tdm__source *found = b->catalog->find ? b->catalog->find(b->catalog->self, name) : NULL;
    if (!found)
        return FAILED;
    if (!b->packed)
        found = copy_source(b, found);
    if (!found || !tdm__grow(b->source, b->sources_cap, b->n_sources + 1)) {
        out_of_memory(b);
        return NO_MEMORY;
    }
    b->source[b->n_sources] = found;
    return (int)b->n_sources++;
}

static void fault_no_source(tdm__package_box *b, tdm_str name, tdm__place *at)
{
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "there is no source '%.*s'", TDM__SHOWN(name));
    const char *near = b->catalog->names ? tdm__nearest(name, b->catalog->names, b->catalog->n_names) : NULL;
    if (near)
        tdm__fail_hint(&error, "did you mean '%s'?", near);
    else
        tdm__fail_hint(&error, "sources are defined with `tandem source add`");
    tdm__yaml_fault_error(&b->manifest.doc, at, &error);
}

static int fault_no_column(tdm__package_box *b, const tdm__source *source, tdm_str column, tdm__place *at)
{
    const char **names = tdm__arena_array(&b->arena, source->schema.n, const char *);
    if (!names)
        return out_of_memory(b);
    for (size_t i = 0; i < source->schema.n; i++)
        names[i] = source->schema.field[i].name.ptr; /* terminated: scalars of a document are */
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "source '%.*s' has no column '%.*s'", TDM__SHOWN(source->name),
              TDM__SHOWN(column));
    const char *near = tdm__nearest(column, names, source->schema.n);
    if (near)
        tdm__fail_hint(&error, "did you mean '%s'?", near);
    tdm__yaml_fault_error(&b->manifest.doc, at, &error);
    return blame(b);
}

/* ---- joins ---- */

static bool key_fits(tdm__package_box *b, const tdm__source *source, size_t part, int slot, tdm__place *at)
{
    const tdm__field *column = &source->schema.field[source->key[part]];
    const tdm_type *have = &b->slot[slot].type;
    if (have->kind == column->type.kind && have->scale == column->type.scale)
        return true;
    char want_text[64], have_text[64];
    tdm__type_format(&column->type, want_text);
    tdm__type_format(have, have_text);
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "'%.*s' cannot be key column '%.*s' of source '%.*s'",
              TDM__SHOWN(b->slot[slot].name), TDM__SHOWN(column->name), TDM__SHOWN(source->name));
    tdm__fail_expected(&error, "%s", want_text);
    tdm__fail_found(&error, "%s", have_text);
    tdm__yaml_fault_error(&b->manifest.doc, at, &error);
    return false;
}

static int fault_by(tdm__package_box *b, const tdm__source *source, tdm_str key, tdm__place *at)
{
    if (b->no_key)
        return blame(b); /* the population that would have said is itself at fault */
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "nothing says which row of source '%.*s' to take: there is no feature '%.*s'",
              TDM__SHOWN(source->name), TDM__SHOWN(key));
    tdm__fail_hint(&error, "define a feature with 'by: FEATURE' that finds key column '%.*s'", TDM__SHOWN(key));
    tdm__yaml_fault_error(&b->manifest.doc, at, &error);
    return blame(b);
}

/* What `by` says of a key column of the source; NULL when it says nothing, which is a fault. */
static const tdm__manifest_by *find_by(tdm__package_box *b, const tdm__source *source, const tdm__manifest_feature *f,
                                       tdm_str key)
{
    for (size_t i = 0; i < f->n_by; i++)
        if (!f->by[i].key.len || tdm__str_equal(f->by[i].key, key))
            return &f->by[i];
    tdm__package_fault(b, f->n_by ? f->by[0].place : f->place, TDM_MANIFEST,
                       "'by' lacks key column '%.*s' of source '%.*s'", TDM__SHOWN(key), TDM__SHOWN(source->name));
    return NULL;
}

/* The slot that gives a key column. `f` is the feature that is joined, NULL for a column read without one. */
static int key_slot(tdm__package_box *b, const tdm__source *source, size_t part, const tdm__manifest_feature *f,
                    tdm__place *at)
{
    tdm_str key = source->schema.field[source->key[part]].name;
    int slot;
    if (f && f->by) {
        const tdm__manifest_by *by = find_by(b, source, f, key);
        if (!by)
            return blame(b);
        at = by->place;
        slot = tdm__package_resolve(b, by->from, at);
        if (slot == FAILED && !b->blamed && !b->no_memory) {
            tdm_error error;
            tdm__fail(&error, TDM_MANIFEST, NULL, "there is no feature '%.*s'", TDM__SHOWN(by->from));
            const char *near = tdm__nearest(by->from, b->scope.names, b->scope.n_names);
            if (near)
                tdm__fail_hint(&error, "did you mean '%s'?", near);
            tdm__yaml_fault_error(&b->manifest.doc, at, &error);
            return blame(b);
        }
    } else {
        slot = key_part(b, key);
        if (slot < 0 && tdm__manifest_find_feature(&b->manifest, key) < 0)
            return fault_by(b, source, key, at);
        if (slot < 0)
            slot = tdm__package_resolve(b, key, at);
    }
    if (slot < 0)
        return FAILED;
    return key_fits(b, source, part, slot, at) ? slot : blame(b);
}

static bool is_by_entity(const tdm__package_box *b, const tdm__source *source, const tdm__join *join)
{
    bool same = source->n_key == b->package.key.n;
    for (size_t i = 0; same && i < source->n_key; i++)
        same = join->key_slot[i] == (int)i;
    return same;
}

/* The join of a source by the keys that `f` asks for, made at its first use. */
static int find_join(tdm__package_box *b, int source, const tdm__manifest_feature *f, tdm__place *at)
{
    const tdm__source *s = b->source[source];
    tdm__join join = { .source = source };
    bool whole = true;
    for (size_t i = 0; i < s->n_key; i++) {
        join.key_slot[i] = key_slot(b, s, i, f, at);
        whole &= join.key_slot[i] >= 0;
    }
    if (!whole)
        return FAILED;
    for (size_t i = 0; i < b->n_joins; i++)
        if (b->join[i].source == source &&
            memcmp(b->join[i].key_slot, join.key_slot, s->n_key * sizeof *join.key_slot) == 0)
            return (int)i;
    join.by_entity = is_by_entity(b, s, &join);
    if (!tdm__grow(b->join, b->joins_cap, b->n_joins + 1))
        return out_of_memory(b);
    b->join[b->n_joins] = join;
    if (!add_step(b, TDM__STEP_JOIN, (int)b->n_joins))
        return FAILED;
    return (int)b->n_joins++;
}

/* Whether a feature's `by` has the shape of the source's key. */
static bool check_by(tdm__package_box *b, const tdm__source *s, const tdm__manifest_feature *f)
{
    for (size_t i = 0; i < f->n_by; i++) {
        const tdm__manifest_by *by = &f->by[i];
        size_t k = 0;
        while (k < s->n_key && !tdm__str_equal(s->schema.field[s->key[k]].name, by->key))
            k++;
        if (by->key.len ? k < s->n_key : s->n_key == 1)
            continue;
        if (by->key.len)
            tdm__package_fault(b, by->place, TDM_MANIFEST, "'%.*s' is not a key column of source '%.*s'",
                               TDM__SHOWN(by->key), TDM__SHOWN(s->name));
        else
            tdm__package_fault(b, by->place, TDM_MANIFEST,
                               "source '%.*s' has %zu key columns: 'by' must be a map with one entry for each",
                               TDM__SHOWN(s->name), s->n_key);
        return false;
    }
    return true;
}

static int add_column(tdm__package_box *b, int source, int column, tdm_str name, int feature, tdm__place *at)
{
    const tdm__manifest_feature *f = feature >= 0 ? &b->manifest.feature[feature] : NULL;
    const tdm__source *s = b->source[source];
    if (s->kind == TDM__SOURCE_EVENTS) {
        tdm__package_fault(b, at, TDM_UNSUPPORTED,
                           "'%.*s' reads events, and columns of events are not supported by this version",
                           TDM__SHOWN(name));
        return blame(b);
    }
    if (f && !check_by(b, s, f))
        return blame(b);
    int join = find_join(b, source, f, at);
    if (join < 0)
        return FAILED;
    tdm__slot slot = { .name = name, .origin = TDM__ORIGIN_COLUMN, .type = s->schema.field[column].type,
                       .feature = feature, .join = join, .column = column };
    slot.type.nullable = true; /* the row may be absent */
    if (f && !set_attributes(b, f, &slot))
        return blame(b);
    if (!f || !f->required_given)
        slot.required =
            b->join[join].by_entity && !s->schema.field[column].type.nullable &&
            slot.fallback.presence != TDM_PRESENT; /* an entity that the source does not know has no answer */
    return add_slot(b, &slot, at);
}

/* ---- features ---- */

static int add_request(tdm__package_box *b, int feature)
{
    const tdm__manifest_feature *f = &b->manifest.feature[feature];
    tdm__slot slot = { .name = f->name, .origin = TDM__ORIGIN_REQUEST, .type = f->type, .feature = feature, .join = -1,
                       .column = -1 };
    int part = key_part(b, f->name);
    if (part < 0)
        return set_attributes(b, f, &slot) ? add_slot(b, &slot, f->place) : blame(b);
    tdm__slot *key = &b->slot[part];
    if (key->type.kind != f->type.kind || key->type.scale != f->type.scale) {
        tdm__package_fault(b, f->definition, TDM_MANIFEST, "'%.*s' is a part of the entity's key, with another type",
                           TDM__SHOWN(f->name));
        return blame(b);
    }
    if (f->fallback) {
        tdm__package_fault(b, f->fallback, TDM_MANIFEST, "'%.*s' is a part of the entity's key and takes no default",
                           TDM__SHOWN(f->name));
        return blame(b);
    }
    key->feature = feature;
    return part;
}

static int add_column_feature(tdm__package_box *b, int feature)
{
    const tdm__manifest_feature *f = &b->manifest.feature[feature];
    int source = tdm__package_source(b, f->source);
    if (source < 0) {
        if (source == FAILED)
            fault_no_source(b, f->source, f->definition);
        return blame(b);
    }
    int column = tdm__schema_find(&b->source[source]->schema, f->column);
    if (column < 0)
        return fault_no_column(b, b->source[source], f->column, f->definition);
    return add_column(b, source, column, f->name, feature, f->definition);
}

static int add_expression(tdm__package_box *b, int feature)
{
    const tdm__manifest_feature *f = &b->manifest.feature[feature];
    tdm__expression *compiled;
    tdm_error error;
    size_t at = 0;
    bool blamed = b->blamed;
    b->blamed = false;
    tdm_status s = tdm__expression_compile(f->expression, &b->scope, &b->arena, &compiled, &at, &error);
    if (s == TDM_NO_MEMORY || b->no_memory)
        return out_of_memory(b);
    if (s && !b->blamed)
        tdm__yaml_fault_inside(&b->manifest.doc, f->definition, at, &error);
    if (s)
        return blame(b);
    b->blamed = blamed;
    tdm__slot slot = { .name = f->name, .origin = TDM__ORIGIN_EXPRESSION, .type = tdm__expression_type(compiled),
                       .feature = feature, .join = -1, .column = -1, .expression = compiled };
    if (!set_attributes(b, f, &slot))
        return blame(b);
    int index = add_slot(b, &slot, f->place);
    if (index < 0 || !add_step(b, TDM__STEP_EXPRESSION, index))
        return FAILED;
    b->package.reads_as_of |= tdm__expression_reads_as_of(compiled);
    return index;
}

static int add_feature(tdm__package_box *b, int feature)
{
    const tdm__manifest_feature *f = &b->manifest.feature[feature];
    switch (f->origin) {
    case TDM__ORIGIN_REQUEST:
        return add_request(b, feature);
    case TDM__ORIGIN_COLUMN:
        return add_column_feature(b, feature);
    case TDM__ORIGIN_EXPRESSION:
        return add_expression(b, feature);
    default:
        tdm__package_fault(b, f->definition, TDM_UNSUPPORTED,
                           "feature '%.*s' is a window, and windows over events are not supported by this version",
                           TDM__SHOWN(f->name));
        return blame(b);
    }
}

static int fault_circle(tdm__package_box *b, int feature)
{
    char text[256];
    size_t len = 0, from = 0;
    while (b->path[from] != feature)
        from++;
    for (size_t i = from; i <= b->depth && len < sizeof text; i++) {
        tdm_str name = b->manifest.feature[i < b->depth ? b->path[i] : feature].name;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", i > from ? " -> " : "", TDM__SHOWN(name));
    }
    tdm__package_fault(b, b->manifest.feature[feature].definition, TDM_MANIFEST,
                       "features depend on each other in a circle: %s", text);
    return blame(b);
}

static int resolve_feature(tdm__package_box *b, int feature)
{
    const tdm__manifest_feature *f = &b->manifest.feature[feature];
    if (b->state[feature] == TDM__FEATURE_DONE)
        return b->feature_slot[feature];
    if (b->state[feature] == TDM__FEATURE_FAILED)
        return blame(b);
    if (b->state[feature] == TDM__FEATURE_OPEN)
        return fault_circle(b, feature);
    if (b->depth == DEPTH_MAX) {
        tdm__package_fault(b, f->definition, TDM_TOO_LARGE,
                           "features depend on each other more than %d deep; list first what others use",
                           (int)DEPTH_MAX);
        return blame(b);
    }
    b->state[feature] = TDM__FEATURE_OPEN;
    b->path[b->depth++] = feature;
    int slot = add_feature(b, feature);
    b->depth--;
    b->state[feature] = slot < 0 ? TDM__FEATURE_FAILED : TDM__FEATURE_DONE;
    b->feature_slot[feature] = slot;
    return slot;
}

/* ---- names ---- */

static int resolve_column(tdm__package_box *b, tdm_str name, tdm__place *at)
{
    for (size_t i = 0; i < b->n_slots; i++)
        if (b->slot[i].feature < 0 && tdm__str_equal(b->slot[i].name, name))
            return (int)i;
    tdm_str column, source_name = tdm__str_cut(name, '.', &column);
    int source = column.ptr ? tdm__package_source(b, source_name) : FAILED;
    if (source < 0)
        return FAILED;
    int index = tdm__schema_find(&b->source[source]->schema, column);
    tdm_str copy;
    if (index < 0)
        return FAILED;
    if (!tdm__arena_str(&b->arena, name, &copy))
        return out_of_memory(b);
    return add_column(b, source, index, copy, -1, at);
}

int tdm__package_resolve(tdm__package_box *b, tdm_str name, tdm__place *at)
{
    int feature = tdm__manifest_find_feature(&b->manifest, name);
    if (feature >= 0)
        return resolve_feature(b, feature);
    int part = key_part(b, name);
    return part >= 0 ? part : resolve_column(b, name, at);
}

/* A name inside an expression. */
static int scope_slot(void *self, tdm_str name, tdm_type *type)
{
    tdm__package_box *b = self;
    tdm__place *at = b->depth ? b->manifest.feature[b->path[b->depth - 1]].definition : NULL;
    int slot = tdm__package_resolve(b, name, at);
    if (slot < 0)
        return -1;
    *type = b->slot[slot].type;
    if (b->slot[slot].fallback.presence == TDM_PRESENT)
        type->nullable = false;
    return slot;
}

static const tdm__zone *scope_zone(void *self, tdm_str name, tdm_error *err)
{
    return tdm__package_zone(self, name, err);
}

/* "source.column" of every column of a table, for "did you mean". */
static bool add_column_names(tdm__package_box *b, const tdm__source *source, const char **names, size_t *n)
{
    for (size_t i = 0; i < source->schema.n && *n < NAMES_MAX; i++) {
        char text[160];
        int len = snprintf(text, sizeof text, "%.*s.%.*s", TDM__SHOWN(source->name),
                           TDM__SHOWN(source->schema.field[i].name));
        names[*n] = tdm__arena_copy(&b->arena, text, (size_t)len);
        if (!names[(*n)++])
            return false;
    }
    return true;
}

static bool set_names(tdm__package_box *b)
{
    const tdm__manifest *m = &b->manifest;
    size_t n = 0, most = m->n_features + b->package.key.n;
    for (size_t i = 0; i < b->catalog->n_names; i++) {
        const tdm__source *s = b->catalog->find(b->catalog->self, tdm__str(b->catalog->names[i]));
        most += s ? s->schema.n : 0;
    }
    const char **names = tdm__arena_array(&b->arena, most < NAMES_MAX ? most : NAMES_MAX, const char *);
    if (!names)
        return false;
    for (size_t i = 0; i < m->n_features; i++)
        if (m->feature[i].name.len)
            names[n++] = m->feature[i].name.ptr;
    for (size_t i = 0; i < b->package.key.n; i++)
        names[n++] = b->package.key.field[i].name.ptr;
    for (size_t i = 0; i < b->catalog->n_names; i++) {
        const tdm__source *s = b->catalog->find(b->catalog->self, tdm__str(b->catalog->names[i]));
        if (s && !add_column_names(b, s, names, &n))
            return false;
    }
    b->scope.names = names;
    b->scope.n_names = n;
    return true;
}

/* ---- the entity's key ---- */

/* The source of the population, faulted when there is none; -1 then, and when none is named. */
static int find_population(tdm__package_box *b)
{
    const tdm__manifest *m = &b->manifest;
    if (!m->batch.population_place)
        return FAILED;
    int source = tdm__package_source(b, m->batch.population);
    if (source == FAILED)
        fault_no_source(b, m->batch.population, m->batch.population_place);
    else if (source >= 0 && b->source[source]->kind == TDM__SOURCE_EVENTS) {
        tdm__package_fault(b, m->batch.population_place, TDM_MANIFEST, "the population must be a table source");
        source = FAILED;
    }
    return source;
}

/* A key column of that name in some source that features read; NULL when there is none. */
static const tdm_type *key_column_type(tdm__package_box *b, tdm_str name)
{
    for (size_t i = 0; i < b->manifest.n_features; i++) {
        const tdm__manifest_feature *f = &b->manifest.feature[i];
        int source = f->origin == TDM__ORIGIN_COLUMN ? tdm__package_source(b, f->source) : FAILED;
        for (size_t k = 0; source >= 0 && k < b->source[source]->n_key; k++) {
            const tdm__field *field = &b->source[source]->schema.field[b->source[source]->key[k]];
            if (tdm__str_equal(field->name, name))
                return &field->type;
        }
    }
    return NULL;
}

/* Without a population: as the request or a source says, else a text. */
static tdm_type key_type(tdm__package_box *b, tdm_str name)
{
    int feature = tdm__manifest_find_feature(&b->manifest, name);
    const tdm_type *column = key_column_type(b, name);
    tdm_type type = { .kind = TDM_STRING };
    if (feature >= 0 && b->manifest.feature[feature].origin == TDM__ORIGIN_REQUEST &&
        !b->manifest.feature[feature].faulty)
        type = b->manifest.feature[feature].type;
    else if (column)
        type = *column;
    type.nullable = false;
    return type;
}

static void check_population_key(tdm__package_box *b, const tdm__source *s)
{
    const tdm__manifest *m = &b->manifest;
    bool same = m->n_entity_key == s->n_key;
    for (size_t i = 0; same && i < s->n_key; i++)
        same = tdm__str_equal(m->entity_key[i], s->schema.field[s->key[i]].name);
    if (!same)
        tdm__package_fault(b, m->entity_key_place, TDM_MANIFEST,
                           "the entity's key must be the key of its population, source '%.*s'", TDM__SHOWN(s->name));
}

static bool set_key(tdm__package_box *b, int population)
{
    const tdm__manifest *m = &b->manifest;
    const tdm__source *s = population >= 0 ? b->source[population] : NULL;
    tdm__schema *key = &b->package.key;
    key->field = tdm__arena_array(&b->arena, TDM__ENTITY_KEY_MAX, tdm__field);
    if (!key->field)
        return false;
    key->n = s ? s->n_key : m->n_entity_key ? m->n_entity_key : 1;
    for (size_t i = 0; i < key->n; i++) {
        tdm_str name = m->n_entity_key ? m->entity_key[i] : m->entity;
        key->field[i] = s ? s->schema.field[s->key[i]] : (tdm__field){ name, key_type(b, name) };
        tdm__slot slot = { .name = key->field[i].name, .origin = TDM__ORIGIN_KEY, .type = key->field[i].type,
                           .feature = -1, .join = -1, .column = -1, .required = true };
        if (add_slot(b, &slot, m->entity_place) < 0)
            return false;
    }
    if (s && m->n_entity_key)
        check_population_key(b, s);
    return true;
}

/* ---- the whole ---- */

tdm_status tdm__package_plan(tdm__package_box *b, tdm_error *err)
{
    size_t n = b->manifest.n_features;
    b->feature_slot = tdm__arena_array(&b->arena, n, int);
    b->state = tdm__arena_array(&b->arena, n, tdm__feature_state);
    if (!b->feature_slot || !b->state)
        return tdm__no_memory(err, b->dir);
    int population = find_population(b);
    b->no_key = population < 0 && b->manifest.batch.population_place;
    if (!set_key(b, population) || !set_names(b))
        return tdm__no_memory(err, b->dir);
    b->scope.self = b;
    b->scope.slot = scope_slot;
    b->scope.zone = scope_zone;
    for (size_t i = 0; i < n; i++)
        if (b->manifest.feature[i].faulty) {
            b->state[i] = TDM__FEATURE_FAILED;
            b->feature_slot[i] = FAILED;
        }
    for (size_t i = 0; i < n && !b->no_memory; i++) {
        b->blamed = false;
        resolve_feature(b, (int)i);
    }
    if (b->no_memory || !tdm__package_layout(b, population))
        return tdm__no_memory(err, b->dir);
    return TDM_OK;
}
