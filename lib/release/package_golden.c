/* The golden file: one JSON object a line, with inputs and the exact outputs they must give.
 *
 * Names and types are checked here; whether the outputs come out is the engine's business when a release is staged. */
#include <jansson.h>
#include <string.h>

#include "base/number.h"
#include "release/manifest_impl.h"
#include "release/package_impl.h"
#include "schema/instant.h"

enum { GOLDEN_FAULTS_MAX = 10 };

typedef struct golden_reader {
    tdm__package_box *b;
    tdm__golden_row *row;
    size_t faults;
} golden_reader;

static tdm_error *begin_fault(golden_reader *r, const char *name, tdm_error *error, const char *what)
{
    tdm__fail(error, TDM_BAD_INPUT, NULL, "%s", what);
    tdm__fail_where(error, "%.*s:%llu%s%s", TDM__SHOWN(r->b->manifest.golden), (unsigned long long)r->row->line,
                    *name ? ": " : "", name);
    return error;
}

static void end_fault(golden_reader *r, tdm_error *error)
{
    if (r->faults++ < GOLDEN_FAULTS_MAX)
        tdm__package_fault_error(r->b, error);
}

static void fault(golden_reader *r, const char *name, const char *what)
{
    tdm_error error;
    end_fault(r, begin_fault(r, name, &error, what));
}

/* ---- values ---- */

/* A JSON scalar as the text that tdm__value_parse reads; false for lists and objects. */
static bool scalar_text(const json_t *json, char number[40], tdm_str *out)
{
    if (json_is_string(json))
        *out = (tdm_str){ json_string_value(json), json_string_length(json) };
    else if (json_is_integer(json))
        *out = (tdm_str){ number, tdm__format_i64(json_integer_value(json), number) };
    else if (json_is_real(json))
        *out = (tdm_str){ number, tdm__format_f64(json_real_value(json), number) };
    else if (json_is_boolean(json))
        *out = tdm__str(json_is_true(json) ? "true" : "false");
    else
        return false;
    return true;
}

static bool kind_fits(const json_t *json, unsigned kind)
{
    if (json_is_boolean(json))
        return kind == TDM_BOOL;
    if (json_is_integer(json) || json_is_real(json))
        return kind != TDM_STRING && kind != TDM_BOOL;
    return json_is_string(json) && kind != TDM_BOOL;
}

static tdm_status read_value(golden_reader *r, const char *name, const json_t *json, int slot)
{
    const tdm_type *type = &r->b->package.slot[slot].type;
    tdm_value *v = &r->row->value[r->row->n_given];
    char number[40];
    tdm_str text;
    tdm_error error;
    *v = (tdm_value){ .kind = type->kind, .scale = type->scale, .presence = TDM_NULL };
    if (!json_is_null(json)) {
        if (!kind_fits(json, type->kind) || !scalar_text(json, number, &text)) {
            begin_fault(r, name, &error, "the value does not have the feature's type");
            tdm__fail_expected(&error, "%s", tdm__kind_name(type->kind));
            end_fault(r, &error);
            return TDM_OK;
        }
        if (!tdm__arena_str(&r->b->arena, text, &text))
            return TDM_NO_MEMORY;
        if (tdm__value_parse(type, text, v, &error)) {
            tdm__fail_where(&error, "%.*s:%llu: %s", TDM__SHOWN(r->b->manifest.golden),
                            (unsigned long long)r->row->line, name);
            end_fault(r, &error);
            return TDM_OK;
        }
    }
    r->row->slot[r->row->n_given++] = slot;
    return TDM_OK;
}

static tdm_status read_features(golden_reader *r, json_t *features)
{
    tdm__golden_row *row = r->row;
    size_t n = json_object_size(features);
    row->slot = tdm__arena_array(&r->b->arena, n, int);
    row->value = tdm__arena_array(&r->b->arena, n, tdm_value);
    if (!row->slot || !row->value)
        return TDM_NO_MEMORY;
    const char *name;
    json_t *json;
    tdm_status s = TDM_OK;
    json_object_foreach(features, name, json)
    {
        int slot = tdm__package_find_slot(&r->b->package, tdm__str(name));
        if (slot < 0 && r->b->plan_whole)
            fault(r, name, "the release has no such input");
        else if (slot < 0)
            continue; /* it may be one that has a fault */
        else if (r->b->package.slot[slot].origin == TDM__ORIGIN_EXPRESSION)
            fault(r, name, "an expression is computed and cannot be given");
        else if (!s)
            s = read_value(r, name, json, slot);
    }
    return s;
}

static tdm_status read_predictions(golden_reader *r, const json_t *predictions)
{
    const tdm__manifest *m = &r->b->manifest;
    r->row->prediction = tdm__arena_array(&r->b->arena, m->n_predictions, double);
    if (!r->row->prediction)
        return TDM_NO_MEMORY;
    for (size_t i = 0; i < m->n_predictions; i++) {
        const json_t *json = json_object_get(predictions, m->prediction[i].name.ptr);
        char number[40];
        tdm_str text;
        if (!json)
            fault(r, m->prediction[i].name.ptr, "the row lacks this prediction");
        else if (json_is_boolean(json) || !scalar_text(json, number, &text) ||
                 !tdm__parse_f64(text, &r->row->prediction[i], NULL))
            fault(r, m->prediction[i].name.ptr, "a prediction is a number");
    }
    if (json_object_size(predictions) > m->n_predictions)
        fault(r, "prediction", "there are more predictions than the release has");
    return TDM_OK;
}

/* ---- rows ---- */

static tdm_status read_row(golden_reader *r, const json_t *root)
{
    static const char *const known[] = { "as_of", "features", "prediction" };
    json_t *as_of = json_object_get(root, "as_of"), *features = json_object_get(root, "features");
    json_t *prediction = json_object_get(root, "prediction");
    size_t found = 0;
    for (size_t i = 0; i < 3; i++)
        found += json_object_get(root, known[i]) != NULL;
    if (found != json_object_size(root))
        fault(r, "", "a golden row has as_of, features and prediction, and nothing else");
    if (!json_is_object(features) || !json_is_object(prediction)) {
        fault(r, "", "a golden row has the objects 'features' and 'prediction'");
        return TDM_OK;
    }
    if (as_of && (!json_is_string(as_of) || !tdm__instant_parse(tdm__str(json_string_value(as_of)), &r->row->as_of_us)))
        fault(r, "as_of", "this is not an instant, as 2013-06-01T10:00:00Z");
    tdm_status s = read_features(r, features);
    return s ? s : read_predictions(r, prediction);
}

static tdm_status read_line(golden_reader *r, tdm_str line)
{
    json_error_t why;
    json_t *root = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!root || !json_is_object(root)) {
        fault(r, "", root ? "a golden row is a JSON object" : why.text);
        json_decref(root);
        return TDM_OK;
    }
    tdm_status s = read_row(r, root);
    json_decref(root);
    return s;
}

static bool is_blank(tdm_str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

static size_t count_rows(tdm_str text)
{
    size_t n = 0;
    for (tdm_str rest = text; rest.len;)
        n += !is_blank(tdm__str_cut(rest, '\n', &rest));
    return n;
}

tdm_status tdm__package_golden(tdm__package_box *b, tdm_error *err)
{
    int file;
    tdm__package *p = &b->package;
    if (!b->manifest.golden_place)
        return TDM_OK;
    tdm_status s = tdm__package_bytes(b, b->manifest.golden.ptr, TDM__PACKED_FILE_BYTES_MAX, b->manifest.golden_place,
                                      &file, err);
    if (s || file < 0)
        return s;
    tdm_str text = b->file[file].bytes;
    size_t n = count_rows(text);
    if (n > TDM__GOLDEN_ROWS_MAX) {
        tdm__package_fault(b, b->manifest.golden_place, TDM_TOO_LARGE,
                           "a golden file has at most %d rows, this has %zu", (int)TDM__GOLDEN_ROWS_MAX, n);
        return TDM_OK;
    }
    p->golden = tdm__arena_array(&b->arena, n, tdm__golden_row);
    if (!p->golden)
        return tdm__no_memory(err, b->manifest.golden.ptr);
    golden_reader r = { .b = b };
    uint64_t number = 1;
    for (tdm_str rest = text; rest.len; number++) {
        tdm_str line = tdm__str_cut(rest, '\n', &rest);
        if (is_blank(line))
            continue;
        r.row = &p->golden[p->n_golden++];
        r.row->line = number;
        if (read_line(&r, line))
            return tdm__no_memory(err, b->manifest.golden.ptr);
    }
    return TDM_OK;
}
