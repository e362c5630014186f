/* The manifest of a prediction table: what docs/formats/table.md lists, in both directions.
 *
 * Doubles that matter to the bit (the range of a prediction) are written as text in the shortest form. */
#include "table/table_manifest.h"

#include <math.h>
#include <string.h>
#include "base/fail.h"
#include "base/number.h"
#include "state/document.h"

static json_t *texts(const char *const *text, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        list = tdm__document_item(list, json_string(text[i]));
    return list;
}

static json_t *number_text(double v)
{
    char text[32];
    tdm__format_f64(v, text);
    return json_string(text);
}

/* A path is any bytes; JSON is UTF-8. What is not becomes U+FFFD. */
static json_t *path_text(const char *path)
{
    tdm__buf quoted = {0};
    tdm__buf_json_text(&quoted, tdm__str(path));
    json_t *text = quoted.failed ? NULL : json_loadb(quoted.ptr, quoted.len, JSON_DECODE_ANY, NULL);
    tdm__buf_free(&quoted);
    return text;
}

static json_t *write_gates(const tdm_table_info *info)
{
    json_t *list = json_array();
    for (size_t i = 0; i < info->n_gates; i++) {
        const tdm_gate_result *g = &info->gate[i];
        json_t *gate = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "name", g->name, "limit", g->limit, "measured",
                                 g->measured, "why", g->why, "passed", g->passed, "applied", g->applied);
        list = tdm__document_item(list, gate);
    }
    return list;
}

static json_t *write_spreads(const tdm__spread *spread, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *bins = json_array();
        for (size_t b = 0; b < TDM__SPREAD_BINS; b++)
            bins = tdm__document_item(bins, json_integer((json_int_t)spread[i].bin[b]));
        json_t *one = json_pack("{s:o, s:o, s:o, s:I, s:o}", "low", number_text(spread[i].low), "high",
                                number_text(spread[i].high), "sum", number_text(spread[i].sum), "n",
                                (json_int_t)spread[i].n, "bins", bins);
        list = tdm__document_item(list, one);
    }
    return list;
}

json_t *tdm__table_manifest_write(const tdm_table_info *info, const tdm__spread *spread)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "name",
                     info->name, "release", info->release, "service", info->service, "run", info->run, "digest",
                     info->digest, "population", path_text(info->population), "key", texts(info->key, info->n_key),
                     "prediction", texts(info->prediction, info->n_predictions), "rows", (json_int_t)info->rows,
                     "rows_in", (json_int_t)info->rows_in, "rows_quarantined", (json_int_t)info->rows_quarantined,
                     "as_of_us", (json_int_t)info->as_of_us, "created_us", (json_int_t)info->created_us, "snapshot",
                     (json_int_t)info->snapshot, "gates", write_gates(info), "spread",
                     write_spreads(spread, info->n_predictions));
}

static tdm_status read_texts(const json_t *root, const char *name, const char *path, tdm__arena *arena,
                             const char *const **out, size_t *n, tdm_error *err)
{
    const json_t *list = json_object_get(root, name);
    *n = json_array_size(list);
    const char **text = tdm__arena_array(arena, *n + 1, const char *);
    if (!text)
        return tdm__no_memory(err, path);
    for (size_t i = 0; i < *n; i++) {
        const char *z = json_string_value(json_array_get(list, i));
        if (!z)
            return tdm__fail(err, TDM_CORRUPT, path, "the member '%s' is not a list of texts", name);
        text[i] = tdm__arena_copy(arena, z, strlen(z));
        if (!text[i])
            return tdm__no_memory(err, path);
    }
    *out = text;
    return TDM_OK;
}

static tdm_status read_gates(const json_t *root, const char *path, tdm_table_info *info, tdm_error *err)
{
    const json_t *list = json_object_get(root, "gates");
    tdm_status s = TDM_OK;
    info->n_gates = json_array_size(list) < TDM_GATES_MAX ? json_array_size(list) : TDM_GATES_MAX;
    for (size_t i = 0; !s && i < info->n_gates; i++) {
        const json_t *g = json_array_get(list, i);
        tdm_gate_result *r = &info->gate[i];
        s = tdm__document_copy(g, "name", path, r->name, sizeof r->name, err);
        if (!s)
            s = tdm__document_copy(g, "limit", path, r->limit, sizeof r->limit, err);
        if (!s)
            s = tdm__document_copy(g, "measured", path, r->measured, sizeof r->measured, err);
        if (!s)
            s = tdm__document_copy(g, "why", path, r->why, sizeof r->why, err);
        r->passed = json_is_true(json_object_get(g, "passed"));
        r->applied = json_is_true(json_object_get(g, "applied"));
    }
    return s;
}

static tdm_status read_number(const json_t *object, const char *name, const char *path, double *out, tdm_error *err)
{
    const char *text;
    tdm_status s = tdm__document_text(object, name, path, &text, err);
    if (!s && !tdm__parse_f64(tdm__str(text), out, NULL))
        s = tdm__fail(err, TDM_CORRUPT, path, "the member '%s' is not a number", name);
    return s;
}

static tdm_status read_spread(const json_t *o, const char *path, tdm__spread *spread, tdm_error *err)
{
    const json_t *bins = json_object_get(o, "bins");
    tdm_status s = read_number(o, "low", path, &spread->low, err);
    if (!s)
        s = read_number(o, "high", path, &spread->high, err);
    if (!s)
        s = read_number(o, "sum", path, &spread->sum, err);
    if (!s)
        s = tdm__document_u64(o, "n", path, &spread->n, err);
    if (!s && json_array_size(bins) != TDM__SPREAD_BINS)
        s = tdm__fail(err, TDM_CORRUPT, path, "a spread does not have %d bins", TDM__SPREAD_BINS);
    for (size_t b = 0; !s && b < TDM__SPREAD_BINS; b++)
        spread->bin[b] = (uint64_t)json_integer_value(json_array_get(bins, b));
    return s;
}

static tdm_status read_spreads(const json_t *root, const char *path, tdm_table *t, tdm_error *err)
{
    const json_t *list = json_object_get(root, "spread");
    size_t n = t->info.n_predictions;
    double *mean = tdm__arena_array(&t->arena, n + 1, double);
    t->spread = tdm__arena_array(&t->arena, n + 1, tdm__spread);
    if (!mean || !t->spread)
        return tdm__no_memory(err, path);
    if (json_array_size(list) != n)
        return tdm__fail(err, TDM_CORRUPT, path, "the manifest does not have a spread for each prediction");
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < n; i++) {
        s = read_spread(json_array_get(list, i), path, &t->spread[i], err);
        mean[i] = t->spread[i].n ? t->spread[i].sum / (double)t->spread[i].n : NAN;
    }
    t->info.mean = mean;
    return s;
}

static tdm_status read_counts(const json_t *root, const char *path, tdm_table_info *info, tdm_error *err)
{
    struct { const char *name; uint64_t *to;
    } count[] = {{"rows", &info->rows},
                 {"rows_in", &info->rows_in},
                 {"rows_quarantined", &info->rows_quarantined},
                 {"snapshot", &info->snapshot}};
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < sizeof count / sizeof *count; i++)
        s = tdm__document_u64(root, count[i].name, path, count[i].to, err);
    if (!s)
        s = tdm__document_i64(root, "as_of_us", path, &info->as_of_us, err);
    return s ? s : tdm__document_i64(root, "created_us", path, &info->created_us, err);
}

tdm_status tdm__table_manifest_read(const json_t *root, const char *path, tdm_table *t, tdm_error *err)
{
    tdm_table_info *info = &t->info;
    struct { const char *name; char *to; size_t size; } text[] = {
        {"name", info->name, sizeof info->name},       {"release", info->release, sizeof info->release},
        {"service", info->service, sizeof info->service}, {"run", info->run, sizeof info->run},
        {"digest", info->digest, sizeof info->digest}};
    const char *population;
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < sizeof text / sizeof *text; i++)
        s = tdm__document_copy(root, text[i].name, path, text[i].to, text[i].size, err);
    if (!s)
        s = tdm__document_text(root, "population", path, &population, err);
    if (!s)
        info->population = tdm__arena_copy(&t->arena, population, strlen(population));
    if (!s && !info->population)
        s = tdm__no_memory(err, path);
    if (!s)
        s = read_texts(root, "key", path, &t->arena, &info->key, &info->n_key, err);
    if (!s)
        s = read_texts(root, "prediction", path, &t->arena, &info->prediction, &info->n_predictions, err);
    if (!s)
        s = read_counts(root, path, info, err);
    if (!s)
        s = read_gates(root, path, info, err);
    return s ? s : read_spreads(root, path, t, err);
}
