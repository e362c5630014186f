/* Source definitions: sources.yaml to structs and back, fingerprints, and what a definition may become.
 *
 * The shape of the file is checked by the walker's table, the meaning here: names, types, which columns a kind needs.
 * Faults never stop the rest from being read, so that one look shows them all. */
#include "state/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "schema/instant.h"

static const tdm__yaml_field source_fields[] = {
    { "kind", TDM__YAML_SCALAR, true },
    { "key", (tdm__yaml_kind)TDM__YAML_ANY, false },
    { "nulls", TDM__YAML_LIST, false },
    { "id", TDM__YAML_SCALAR, false },
    { "time", TDM__YAML_SCALAR, false },
    { "known", TDM__YAML_SCALAR, false },
    { "heartbeat", TDM__YAML_SCALAR, false },
    { "retention", TDM__YAML_SCALAR, false },
    { "columns", TDM__YAML_MAP, true },
};
enum { N_SOURCE_FIELDS = sizeof source_fields / sizeof *source_fields };

/* What goes together while one definition is read. */
typedef struct reading {
    tdm__yaml_doc *doc;
    tdm__arena *arena;
    const tdm__yaml_node *node; /* the definition */
    tdm__source *source;
} reading;

static void fault(reading *r, const tdm__yaml_node *at, const char *format, ...) TDM_PRINTF(3, 4);

static void fault(reading *r, const tdm__yaml_node *at, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    tdm__yaml_fault(r->doc, at, TDM_MANIFEST, what, NULL, NULL, NULL);
}

#define SHOWN(s) (int)((s).len < 64 ? (s).len : 64), (s).ptr

static tdm__yaml_node *scalar(reading *r, const char *key)
{
    tdm__yaml_node *node = tdm__yaml_get(r->node, key);
    return node && node->kind == TDM__YAML_SCALAR ? node : NULL;
}

/* ---- columns ---- */

/* "decimal(12, 2)" without quotes inside { } falls apart at its comma. */
static bool cut_at_comma(tdm_str type)
{
    return tdm__str_starts(type, "decimal(") && !memchr(type.ptr, ')', type.len);
}

static bool read_column(reading *r, const tdm__yaml_node *name, const tdm__yaml_node *type, tdm__field *out)
{
    tdm_error error;
    if (!tdm__name_valid(name->text)) {
        tdm__fail(&error, TDM_MANIFEST, NULL, "this is not a column's name");
        tdm__fail_expected(&error, "letters, digits, '_', '-' and '.', 64 at most");
        tdm__fail_found_text(&error, name->text);
        tdm__yaml_fault_error(r->doc, name, &error);
        return false;
    }
    if (type->kind != TDM__YAML_SCALAR) {
        fault(r, type, "the type of column '%.*s' must be a text", SHOWN(name->text));
        return false;
    }
    out->name = name->text;
    if (!tdm__type_parse(type->text, &out->type, &error))
        return true;
    error.status = TDM_MANIFEST;
    if (cut_at_comma(type->text))
        tdm__fail_hint(&error, "inside { } a comma ends the value: put the type in quotes");
    tdm__yaml_fault_error(r->doc, type, &error);
    return false;
}

static tdm_status read_columns(reading *r)
{
    const tdm__yaml_node *columns = tdm__yaml_get(r->node, "columns");
    if (!columns || columns->kind != TDM__YAML_MAP)
        return TDM_OK;
    if (!columns->n || columns->n > TDM__SOURCE_COLUMNS_MAX)
        fault(r, columns, "a source has 1 to %d columns, this has %zu", (int)TDM__SOURCE_COLUMNS_MAX, columns->n);
    tdm__schema *schema = &r->source->schema;
    schema->field = tdm__arena_array(r->arena, columns->n, tdm__field);
    if (!schema->field)
        return TDM_NO_MEMORY;
    for (size_t i = 0; i < columns->n && i < TDM__SOURCE_COLUMNS_MAX; i++) {
        if (read_column(r, columns->key[i], columns->item[i], &schema->field[schema->n]))
            schema->n++;
        else if (columns->item[i]->kind == TDM__YAML_SCALAR && cut_at_comma(columns->item[i]->text))
            i++; /* what follows is the other half of that type */
    }
    return TDM_OK;
}

/* The column that a text names; -1 after a fault with "did you mean". */
static int find_column(reading *r, const tdm__yaml_node *at, const char *role)
{
    const tdm__schema *schema = &r->source->schema;
    int i = tdm__schema_find(schema, at->text);
    if (i >= 0)
        return i;
    const tdm__yaml_node *columns = tdm__yaml_get(r->node, "columns");
    const char *names[TDM__SOURCE_COLUMNS_MAX];
    size_t n = 0;
    for (; n < schema->n; n++)
        names[n] = schema->field[n].name.ptr; /* terminated: scalars of a document are */
    for (size_t k = 0; columns && columns->kind == TDM__YAML_MAP && k < columns->n; k++)
        if (tdm__str_equal(columns->key[k]->text, at->text))
            return -1; /* it is there, with a fault of its own */
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "%s '%.*s' is not among the columns", role, SHOWN(at->text));
    const char *near = tdm__nearest(at->text, names, n);
    if (near)
        tdm__fail_hint(&error, "did you mean '%s'?", near);
    tdm__yaml_fault_error(r->doc, at, &error);
    return -1;
}

/* ---- tables ---- */

static void read_key_part(reading *r, const tdm__yaml_node *at)
{
    tdm__source *s = r->source;
    if (at->kind != TDM__YAML_SCALAR || s->n_key == TDM__KEY_PARTS_MAX) {
        fault(r, at, "a key is the name of a column, or a list of 1 to %d of them", (int)TDM__KEY_PARTS_MAX);
        return;
    }
    int column = find_column(r, at, "key column");
    if (column < 0)
        return;
    const tdm_type *type = &s->schema.field[column].type;
    for (size_t i = 0; i < s->n_key; i++)
        if (s->key[i] == column)
            fault(r, at, "key column '%.*s' is named twice", SHOWN(at->text));
    if (type->nullable)
        fault(r, at, "key column '%.*s' may not be nullable", SHOWN(at->text));
    if (type->kind == TDM_F32 || type->kind == TDM_F64)
        fault(r, at, "key column '%.*s' may not be a float: equal keys must have equal texts", SHOWN(at->text));
    s->key[s->n_key++] = column;
}

static void refuse_keys(reading *r, const char *const *keys, size_t n, const char *kind)
{
    for (size_t i = 0; i < n; i++) {
        const tdm__yaml_node *at = tdm__yaml_get(r->node, keys[i]);
        if (at)
            fault(r, at, "'%s' is not for a source of kind %s", keys[i], kind);
    }
}

static void read_table(reading *r)
{
    static const char *const not_here[] = { "id", "time", "known", "heartbeat", "retention" };
    refuse_keys(r, not_here, 5, "table");
    const tdm__yaml_node *key = tdm__yaml_get(r->node, "key");
    if (!key) {
        fault(r, r->node, "a table source lacks 'key'");
        return;
    }
    if (key->kind != TDM__YAML_LIST)
        read_key_part(r, key);
    else
        for (size_t i = 0; i < key->n && i <= TDM__KEY_PARTS_MAX; i++)
            read_key_part(r, key->item[i]);
    if (key->kind == TDM__YAML_LIST && !key->n)
        fault(r, key, "the list of key columns is empty");
}

/* ---- events ---- */

static int read_role(reading *r, const char *role, bool required, unsigned kind, unsigned other_kind)
{
    const tdm__yaml_node *at = scalar(r, role);
    if (!at) {
        if (required && !tdm__yaml_get(r->node, role))
            fault(r, r->node, "an event source lacks '%s'", role);
        return -1;
    }
    int column = find_column(r, at, role);
    if (column < 0)
        return -1;
    const tdm_type *type = &r->source->schema.field[column].type;
    if (type->kind != kind && type->kind != other_kind)
        fault(r, at, "column '%.*s' must be a %s to be the '%s'", SHOWN(at->text), tdm__kind_name(kind), role);
    else if (type->nullable && required)
        fault(r, at, "column '%.*s' may not be nullable to be the '%s'", SHOWN(at->text), role);
    return column;
}

static int64_t read_duration(reading *r, const char *key)
{
    const tdm__yaml_node *at = scalar(r, key);
    int64_t us = 0;
    if (!at || tdm__duration_parse(at->text, &us))
        return us;
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "'%s' is not a duration", key);
    tdm__fail_expected(&error, "a number and us, ms, s, m, h or d, as 15m");
    tdm__fail_found_text(&error, at->text);
    tdm__yaml_fault_error(r->doc, at, &error);
    return 0;
}

static void read_events(reading *r)
{
    static const char *const not_here[] = { "key" };
    refuse_keys(r, not_here, 1, "events");
    tdm__source *s = r->source;
    s->id = read_role(r, "id", true, TDM_STRING, TDM_I64);
    s->time = read_role(r, "time", true, TDM_TIMESTAMP, TDM_TIMESTAMP);
    s->known = read_role(r, "known", false, TDM_TIMESTAMP, TDM_TIMESTAMP);
    s->heartbeat_us = read_duration(r, "heartbeat");
    s->retention_us = read_duration(r, "retention");
}

/* ---- one definition ---- */

static int by_text(const void *a, const void *b)
{
    return tdm__str_compare(*(const tdm_str *)a, *(const tdm_str *)b);
}

static tdm_status read_nulls(reading *r)
{
    const tdm__yaml_node *list = tdm__yaml_get(r->node, "nulls");
    if (!list || list->kind != TDM__YAML_LIST)
        return TDM_OK;
    tdm__source *s = r->source;
    if (list->n > TDM__SOURCE_NULLS_MAX) {
        fault(r, list, "at most %d texts may stand for null", (int)TDM__SOURCE_NULLS_MAX);
        return TDM_OK;
    }
    s->nulls = tdm__arena_array(r->arena, list->n, tdm_str);
    if (!s->nulls)
        return TDM_NO_MEMORY;
    for (size_t i = 0; i < list->n; i++) {
        const tdm__yaml_node *at = list->item[i];
        if (at->kind != TDM__YAML_SCALAR || !at->text.len || at->text.len > 64)
            fault(r, at, "a text that stands for null has 1 to 64 bytes; the empty field is null already");
        else
            s->nulls[s->n_nulls++] = at->text;
    }
    qsort(s->nulls, s->n_nulls, sizeof *s->nulls, by_text);
    size_t kept = 0;
    for (size_t i = 0; i < s->n_nulls; i++)
        if (!i || !tdm__str_equal(s->nulls[i], s->nulls[kept - 1]))
            s->nulls[kept++] = s->nulls[i];
    s->n_nulls = kept;
    return TDM_OK;
}

static void read_name(reading *r, const tdm__yaml_node *name)
{
    r->source->name = name->text;
    bool dot = memchr(name->text.ptr, '.', name->text.len) != NULL;
    if (tdm__name_valid(name->text) && !dot)
        return;
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "this is not a source's name");
    tdm__fail_expected(&error, "letters, digits, '_' and '-', 64 at most");
    tdm__fail_found_text(&error, name->text);
    if (dot)
        tdm__fail_hint(&error, "a dot stands between source and column");
    tdm__yaml_fault_error(r->doc, name, &error);
}

static void read_kind(reading *r)
{
    const tdm__yaml_node *kind = scalar(r, "kind");
    if (!kind)
        return;
    if (tdm__str_is(kind->text, "table")) {
        read_table(r);
        return;
    }
    if (tdm__str_is(kind->text, "events")) {
        r->source->kind = TDM__SOURCE_EVENTS;
        read_events(r);
        return;
    }
    static const char *const kinds[] = { "table", "events" };
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "unknown kind of source");
    tdm__fail_expected(&error, "table or events");
    tdm__fail_found_text(&error, kind->text);
    const char *near = tdm__nearest(kind->text, kinds, 2);
    if (near)
        tdm__fail_hint(&error, "did you mean '%s'?", near);
    tdm__yaml_fault_error(r->doc, kind, &error);
}

static tdm_status read_source(reading *r, const tdm__yaml_node *name)
{
    *r->source = (tdm__source){ .id = -1, .time = -1, .known = -1 };
    read_name(r, name);
    if (!tdm__yaml_check_map(r->doc, r->node, "a source", source_fields, N_SOURCE_FIELDS))
        return TDM_OK;
    tdm_status s = read_columns(r);
    if (s)
        return s;
    read_kind(r);
    return read_nulls(r);
}

tdm_status tdm__sources_parse(tdm_str text, const char *name, tdm__arena *arena, tdm_diagnostics *list,
                              tdm__sources *out)
{
    *out = (tdm__sources){ 0 };
    tdm__yaml_doc doc;
    tdm_status s = tdm__yaml_parse(text, name, arena, list, &doc);
    if (s == TDM_NO_MEMORY || !doc.complete || !doc.root)
        return s;
    if (doc.root->kind != TDM__YAML_MAP || doc.root->n > TDM__SOURCES_MAX) {
        tdm__yaml_fault(&doc, doc.root, TDM_MANIFEST, "the document must be a map of 1 to 1000 sources by name", NULL,
                        NULL, NULL);
        return TDM_MANIFEST;
    }
    bool sound = !doc.errors; /* a fault of YAML's structure may have left anything out */
    out->source = tdm__arena_array(arena, doc.root->n, tdm__source);
    if (!out->source)
        return TDM_NO_MEMORY;
    for (size_t i = 0; i < doc.root->n; i++) {
        size_t before = doc.errors;
        reading r = { &doc, arena, doc.root->item[i], &out->source[out->n] };
        if (read_source(&r, doc.root->key[i]))
            return TDM_NO_MEMORY;
        out->n += sound && doc.errors == before;
    }
    return doc.errors ? TDM_MANIFEST : TDM_OK;
}

/* ---- canonical text and fingerprint ---- */

static void write_entry(tdm__buf *out, const char *key, tdm_str value)
{
    tdm__buf_printf(out, "  %s: ", key);
    tdm__yaml_write_text(out, value);
    tdm__buf_char(out, '\n');
}

static void write_role(tdm__buf *out, const char *key, const tdm__source *s, int column)
{
    if (column >= 0)
        write_entry(out, key, s->schema.field[column].name);
}

static void write_duration(tdm__buf *out, const char *key, int64_t us)
{
    char text[32];
    if (us)
        write_entry(out, key, (tdm_str){ text, tdm__duration_format(us, text) });
}

void tdm__source_canonical(const tdm__source *source, tdm__buf *out)
{
    tdm__buf_str(out, source->name);
    tdm__buf_text(out, ":\n");
    write_entry(out, "kind", tdm__str(source->kind == TDM__SOURCE_TABLE ? "table" : "events"));
    for (size_t i = 0; i < source->n_key; i++) {
        tdm__buf_text(out, i ? ", " : "  key: [");
        tdm__buf_str(out, source->schema.field[source->key[i]].name);
        tdm__buf_text(out, i + 1 < source->n_key ? "" : "]\n");
    }
    write_role(out, "id", source, source->id);
    write_role(out, "time", source, source->time);
    write_role(out, "known", source, source->known);
    write_duration(out, "heartbeat", source->heartbeat_us);
    write_duration(out, "retention", source->retention_us);
    for (size_t i = 0; i < source->n_nulls; i++) {
        tdm__buf_text(out, i ? "    - " : "  nulls:\n    - ");
        tdm__yaml_write_text(out, source->nulls[i]);
        tdm__buf_char(out, '\n');
    }
    tdm__buf_text(out, "  columns:\n");
    for (size_t i = 0; i < source->schema.n; i++) {
        char type[64];
        const tdm__field *field = &source->schema.field[i];
        tdm__buf_text(out, "    ");
        tdm__buf_str(out, field->name);
        tdm__buf_text(out, ": ");
        tdm__yaml_write_text(out, (tdm_str){ type, tdm__type_format(&field->type, type) });
        tdm__buf_char(out, '\n');
    }
}

/* Chained, so that the sequence of texts counts and not only their concatenation. */
static uint64_t add_text(uint64_t hash, tdm_str text)
{
    return tdm__hash64_seed(text.ptr, text.len, hash);
}

static uint64_t add_column(uint64_t hash, const tdm__field *field)
{
    char type[64];
    hash = add_text(hash, field->name);
    return add_text(hash, (tdm_str){ type, tdm__type_format(&field->type, type) });
}

uint64_t tdm__source_fingerprint(const tdm__source *source, const int *columns, size_t n)
{
    uint64_t hash = add_text(1, source->name);
    hash = add_text(hash, tdm__str(source->kind == TDM__SOURCE_TABLE ? "table" : "events"));
    for (size_t i = 0; i < source->n_key; i++)
        hash = add_column(hash, &source->schema.field[source->key[i]]);
    hash = add_text(hash, tdm__str(":"));
    for (size_t i = 0; i < n; i++)
        hash = add_column(hash, &source->schema.field[columns[i]]);
    return hash;
}

/* ---- change ---- */

/* The columns of a role, as a text for comparing and for messages. */
static void roles_text(const tdm__source *s, char out[640])
{
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < s->n_key; i++)
        len += (size_t)snprintf(out + len, 640 - len, "%s%.*s", i ? ", " : "", SHOWN(s->schema.field[s->key[i]].name));
    const int role[] = { s->id, s->time, s->known };
    for (size_t i = 0; i < 3 && s->kind == TDM__SOURCE_EVENTS; i++)
        if (role[i] >= 0)
            len += (size_t)snprintf(out + len, 640 - len, "%s%.*s", i ? ", " : "",
                                    SHOWN(s->schema.field[role[i]].name));
}

static tdm_status changed(tdm_error *err, tdm_str source, tdm_str column, const char *what)
{
    tdm_status s = tdm__fail(err, TDM_REFUSED, NULL, "%s", what);
    tdm__fail_where(err, "%.*s%s%.*s", SHOWN(source), column.len ? "." : "", SHOWN(column));
    tdm__fail_hint(err, "a source grows by nullable columns and null texts only; give what differs a name of its own");
    return s;
}

static tdm_status check_roles(const tdm__source *old, const tdm__source *now, tdm_error *err)
{
    char was[640], is[640];
    roles_text(old, was);
    roles_text(now, is);
    if (strcmp(was, is) == 0)
        return TDM_OK;
    tdm_status s = changed(err, now->name, tdm__str(""),
                           old->kind == TDM__SOURCE_TABLE ? "the key changed" : "id, time or known changed");
    tdm__fail_expected(err, "%s", was);
    tdm__fail_found(err, "%s", is);
    return s;
}

static tdm_status check_columns(const tdm__source *old, const tdm__source *now, tdm_error *err)
{
    for (size_t i = 0; i < old->schema.n; i++) {
        const tdm__field *field = &old->schema.field[i];
        int at = tdm__schema_find(&now->schema, field->name);
        if (at < 0)
            return changed(err, now->name, field->name, "the column is gone");
        if (tdm__type_equal(&field->type, &now->schema.field[at].type))
            continue;
        char was[64], is[64];
        tdm__type_format(&field->type, was);
        tdm__type_format(&now->schema.field[at].type, is);
        tdm_status s = changed(err, now->name, field->name, "the column's type changed");
        tdm__fail_expected(err, "%s", was);
        tdm__fail_found(err, "%s", is);
        return s;
    }
    for (size_t i = 0; i < now->schema.n; i++) {
        const tdm__field *field = &now->schema.field[i];
        if (tdm__schema_find(&old->schema, field->name) < 0 && !field->type.nullable)
            return changed(err, now->name, field->name, "a new column must be nullable: older rows do not have it");
    }
    return TDM_OK;
}

tdm_status tdm__source_evolve_check(const tdm__source *old, const tdm__source *now, tdm_error *err)
{
    const tdm_str none = tdm__str("");
    if (!tdm__str_equal(old->name, now->name))
        return changed(err, old->name, none, "the name changed");
    if (old->kind != now->kind)
        return changed(err, now->name, none, "the kind changed");
    tdm_status s = check_roles(old, now, err);
    if (!s)
        s = check_columns(old, now, err);
    if (s)
        return s;
    if (old->heartbeat_us != now->heartbeat_us || old->retention_us != now->retention_us)
        return changed(err, now->name, none, "heartbeat or retention changed");
    for (size_t i = 0, k = 0; i < old->n_nulls; i++) {
        while (k < now->n_nulls && tdm__str_compare(now->nulls[k], old->nulls[i]) < 0)
            k++;
        if (k == now->n_nulls || !tdm__str_equal(now->nulls[k], old->nulls[i])) {
            s = changed(err, now->name, none, "a text no longer stands for null");
            tdm__fail_found_text(err, old->nulls[i]);
            return s;
        }
    }
    return TDM_OK;
}

static bool schemas_equal(const tdm__schema *a, const tdm__schema *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!tdm__str_equal(a->field[i].name, b->field[i].name) ||
            !tdm__type_equal(&a->field[i].type, &b->field[i].type))
            return false;
    return true;
}

bool tdm__source_equal(const tdm__source *a, const tdm__source *b)
{
    if (!tdm__str_equal(a->name, b->name) || a->kind != b->kind || !schemas_equal(&a->schema, &b->schema) ||
        a->n_key != b->n_key || a->n_nulls != b->n_nulls || a->id != b->id || a->time != b->time ||
        a->known != b->known || a->heartbeat_us != b->heartbeat_us || a->retention_us != b->retention_us)
        return false;
    for (size_t i = 0; i < a->n_key; i++)
        if (a->key[i] != b->key[i])
            return false;
    for (size_t i = 0; i < a->n_nulls; i++)
        if (!tdm__str_equal(a->nulls[i], b->nulls[i]))
            return false;
    return true;
}
