/* Linear, logistic and softmax models as JSON: read, checked, evaluated. docs/formats/linear-model.md draws the file.
 *
 * One document is one object; an unknown, repeated or missing member is an error, as is every number that is not
 * finite. An output is intercept + sum of weight * ((x - mean) / scale) in the order of the inputs, in double: one
 * fixed sequence, so its bits are the same on every machine. jansson reads the JSON; it and the bytes are gone after
 * loading. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/exact.h"
#include "base/fail.h"
#include "model/model_impl.h"

enum { INPUTS_MAX = 1 << 16 };

typedef enum link { LINK_NONE, LINK_LOGISTIC, LINK_SOFTMAX } link;
typedef enum missing { MISSING_REFUSE, MISSING_ZERO, MISSING_MEAN, MISSING_FILL } missing;

static const char *const link_names[] = {"linear", "logistic", "softmax"};
static const char *const missing_names[] = {"refuse", "zero", "mean", "fill"};
#define OR_KINDS "\"linear\", \"logistic\" or \"softmax\""
#define OR_RULES "\"refuse\", \"zero\", \"mean\" or \"fill\""
static const char *const members[] = {"kind", "inputs", "weights", "intercept", "mean", "scale", "missing", "fill",
                                      "note"};
#define LENGTH(array) (sizeof(array) / sizeof *(array))

typedef struct linear {
    link link;
    missing missing;
    size_t n_inputs, n_outputs;
    const double *weight;    /* n_outputs x n_inputs */
    const double *intercept; /* n_outputs */
    const double *mean, *scale, *fill; /* n_inputs, or NULL */
} linear;

typedef struct reader {
    const char *name;
    json_t *root;
    tdm__model *model;
    linear *linear;
    tdm_error *err;
} reader;

static tdm_status no_memory(const reader *r)
{
    return tdm__no_memory(r->err, r->name);
}

/* "name:member", or "name:member[i]". */
static tdm_status fail_at(const reader *r, const char *member, size_t i, const char *what)
{
    tdm_status s = tdm__fail(r->err, TDM_MODEL, r->name, "%s", what);
    if (i == SIZE_MAX)
        tdm__fail_where(r->err, "%s:%s", r->name, member);
    else
        tdm__fail_where(r->err, "%s:%s[%zu]", r->name, member, i);
    return s;
}

static const char *type_name(const json_t *v)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer", "a number", "true", "false",
                                        "null"};
    return v ? names[json_typeof(v)] : "nothing";
}

static tdm_status wrong_type(const reader *r, const char *member, size_t i, const json_t *v, const char *expected)
{
    tdm_status s = fail_at(r, member, i, v ? "the value has the wrong type" : "the member is missing");
    tdm__fail_expected(r->err, "%s", expected);
    tdm__fail_found(r->err, "%s", type_name(v));
    return s;
}

/* Without memory jansson 2.14 may call good JSON wrong, or read a number without its last digits and report success. So the
 * text is read twice: what is not the same both times is not the text's fault. */
static bool is_the_same_again(tdm_str bytes, const json_t *root, const json_error_t *e)
{
    json_error_t now = {0};
    json_t *again = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, &now);
    bool same = root ? again && json_equal(root, again) : !again && json_error_code(e) == json_error_code(&now);
    json_decref(again);
    return same;
}

static tdm_status parse(reader *r, tdm_str bytes)
{
    json_error_t e = {0};
    r->root = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, &e);
    if (!is_the_same_again(bytes, r->root, &e) || (!r->root && json_error_code(&e) == json_error_out_of_memory))
        return no_memory(r);
    if (r->root)
        return TDM_OK;
    tdm_status s = tdm__fail(r->err, TDM_MODEL, r->name, "the JSON is not valid: %s", e.text);
    if (e.line > 0)
        tdm__fail_where(r->err, "%s:%d:%d", r->name, e.line, e.column);
    return s;
}

static tdm_status check_members(const reader *r)
{
    const char *key;
    json_t *v;
    if (!json_is_object(r->root))
        return wrong_type(r, "$", SIZE_MAX, r->root, "an object");
    json_object_foreach(r->root, key, v) {
        size_t i = 0;
        while (i < LENGTH(members) && strcmp(key, members[i]) != 0)
            i++;
        if (i < LENGTH(members))
            continue;
        tdm_status s = fail_at(r, "$", SIZE_MAX, "there is no member of this name");
        tdm__fail_found_text(r->err, tdm__str(key));
        const char *near = tdm__nearest(tdm__str(key), members, LENGTH(members));
        if (near)
            tdm__fail_hint(r->err, "did you mean '%s'?", near);
        return s;
    }
    return TDM_OK;
}

/* A text that must be one of `names`; *out its index. */
static tdm_status choice(const reader *r, const char *member, const char *const *names, size_t n, const char *expected,
                         size_t *out)
{
    const json_t *v = json_object_get(r->root, member);
    if (!json_is_string(v))
        return wrong_type(r, member, SIZE_MAX, v, expected);
    for (*out = 0; *out < n; ++*out)
        if (strcmp(json_string_value(v), names[*out]) == 0)
            return TDM_OK;
    tdm_status s = fail_at(r, member, SIZE_MAX, "the value is not one of those allowed");
    tdm__fail_expected(r->err, "%s", expected);
    tdm__fail_found_text(r->err, tdm__str(json_string_value(v)));
    return s;
}

static tdm_status number(const reader *r, const char *member, size_t i, const json_t *v, double *out)
{
    if (!json_is_number(v))
        return wrong_type(r, member, i, v, "a number");
    *out = json_number_value(v); /* jansson refuses what is not finite */
    return TDM_OK;
}

static tdm_status need_array(const reader *r, const char *member, const json_t *v, size_t n)
{
    if (!json_is_array(v))
        return wrong_type(r, member, SIZE_MAX, v, "an array of numbers");
    if (json_array_size(v) == n)
        return TDM_OK;
    tdm_status s = fail_at(r, member, SIZE_MAX, "the array has the wrong length");
    tdm__fail_expected(r->err, "%zu numbers", n);
    tdm__fail_found(r->err, "%zu", json_array_size(v));
    return s;
}

/* An array of exactly n numbers, written from *out on. */
static tdm_status numbers_into(const reader *r, const char *member, const json_t *v, size_t n, double *out)
{
    tdm_status s = need_array(r, member, v, n);
    for (size_t i = 0; i < n && !s; i++)
        s = number(r, member, i, json_array_get(v, i), &out[i]);
    return s;
}

/* One number for each input, or *out NULL when the member is absent. */
static tdm_status per_input(const reader *r, const char *member, const double **out)
{
    const json_t *v = json_object_get(r->root, member);
    *out = NULL;
    if (!v)
        return TDM_OK;
    double *kept = tdm__arena_array(&r->model->arena, r->linear->n_inputs, double);
    if (!kept)
        return no_memory(r);
    *out = kept;
    return numbers_into(r, member, v, r->linear->n_inputs, kept);
}

static tdm_status copy_names(const reader *r, const json_t *v, tdm_str *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(v, i);
        if (!json_is_string(one) || json_string_length(one) == 0)
            return wrong_type(r, "inputs", i, one, "a name that is not empty");
        if (!tdm__arena_str(&r->model->arena, tdm__strn(json_string_value(one), json_string_length(one)), &names[i]))
            return no_memory(r);
    }
    return TDM_OK;
}

static tdm_status read_inputs(reader *r)
{
    const json_t *v = json_object_get(r->root, "inputs");
    size_t n = json_is_array(v) ? json_array_size(v) : 0;
    if (n == 0 || n > INPUTS_MAX)
        return wrong_type(r, "inputs", SIZE_MAX, v, "an array of 1 to 65536 names");
    tdm_str *names = tdm__arena_array(&r->model->arena, n, tdm_str);
    tdm_str *sorted = tdm__arena_array(&r->model->arena, n, tdm_str);
    if (!names || !sorted)
        return no_memory(r);
    tdm_status s = copy_names(r, v, names, n);
    if (s)
        return s;
    const tdm_str *twice = tdm__model_twice(names, n, sorted);
    if (twice) {
        s = fail_at(r, "inputs", SIZE_MAX, "two inputs have the same name");
        tdm__fail_found_text(r->err, *twice);
        return s;
    }
    r->linear->n_inputs = r->model->info.n_inputs = n;
    r->model->info.input = names;
    return TDM_OK;
}

/* One output: an array of numbers and a number; several: an array of arrays and an array. */
static tdm_status read_weights(reader *r)
{
    const json_t *weights = json_object_get(r->root, "weights"), *intercept = json_object_get(r->root, "intercept");
    bool several = json_is_array(json_array_get(weights, 0));
    size_t n = r->linear->n_inputs, outputs = several ? json_array_size(weights) : 1;
    if (outputs > TDM__MODEL_OUTPUTS_MAX)
        return wrong_type(r, "weights", SIZE_MAX, weights, "at most 4096 outputs");
    tdm_status s = TDM_OK;
    for (size_t k = 0; several && k < outputs && !s; k++) /* before memory is taken for them */
        s = need_array(r, "weights", json_array_get(weights, k), n);
    if (s)
        return s;
    double *w = tdm__arena_array(&r->model->arena, n * outputs, double);
    double *b = tdm__arena_array(&r->model->arena, outputs, double);
    if (!w || !b)
        return no_memory(r);
    for (size_t k = 0; several && k < outputs && !s; k++)
        s = numbers_into(r, "weights", json_array_get(weights, k), n, w + k * n);
    if (!several)
        s = numbers_into(r, "weights", weights, n, w);
    if (!s)
        s = several ? numbers_into(r, "intercept", intercept, outputs, b)
                    : number(r, "intercept", SIZE_MAX, intercept, b);
    r->linear->weight = w;
    r->linear->intercept = b;
    r->linear->n_outputs = r->model->info.n_outputs = outputs;
    return s;
}

static tdm_status read_missing(reader *r)
{
    linear *m = r->linear;
    size_t which = MISSING_REFUSE;
    tdm_status s = TDM_OK;
    if (json_object_get(r->root, "missing"))
        s = choice(r, "missing", missing_names, LENGTH(missing_names), OR_RULES, &which);
    m->missing = (missing)which;
    if (s)
        return s;
    if (m->missing == MISSING_MEAN && !m->mean)
        return fail_at(r, "missing", SIZE_MAX, "the rule \"mean\" needs the member \"mean\"");
    if ((m->missing == MISSING_FILL) != (m->fill != NULL))
        return fail_at(r, "missing", SIZE_MAX, "the rule \"fill\" and the member \"fill\" need each other");
    for (size_t i = 0; m->scale && i < m->n_inputs; i++)
        if (!(m->scale[i] > 0.0))
            return fail_at(r, "scale", i, "a scale must be above zero");
    return TDM_OK;
}

static tdm_status read_model(reader *r)
{
    size_t kind = 0;
    tdm_status s = check_members(r);
    if (s || (s = choice(r, "kind", link_names, LENGTH(link_names), OR_KINDS, &kind)) ||
        (s = read_inputs(r)) || (s = read_weights(r)) || (s = per_input(r, "mean", &r->linear->mean)) ||
        (s = per_input(r, "scale", &r->linear->scale)) || (s = per_input(r, "fill", &r->linear->fill)) ||
        (s = read_missing(r)))
        return s;
    r->linear->link = (link)kind;
    if (r->linear->link == LINK_SOFTMAX && r->linear->n_outputs < 2)
        return fail_at(r, "weights", SIZE_MAX, "a softmax needs at least two outputs");
    r->model->info.kind = r->model->info.objective = link_names[kind];
    r->model->info.format = "linear model JSON";
    bool ok = tdm__model_tell(r->model, "missing values", "%s", missing_names[r->linear->missing]) &&
              tdm__model_tell(r->model, "standardised", "%s", r->linear->mean || r->linear->scale ? "yes" : "no");
    const json_t *note = json_object_get(r->root, "note");
    if (ok && note) {
        if (!json_is_string(note))
            return wrong_type(r, "note", SIZE_MAX, note, "a string");
        ok = tdm__model_tell(r->model, "note", "%.200s", json_string_value(note));
    }
    return ok ? TDM_OK : no_memory(r);
}

static tdm_status load(tdm_str bytes, const char *name, tdm__model *model, tdm_error *err)
{
    tdm_error unseen;
    reader r = {.name = name, .model = model, .err = err ? err : &unseen};
    model->body = r.linear = tdm__arena_new(&model->arena, linear);
    if (!r.linear)
        return no_memory(&r);
    tdm_status s = parse(&r, bytes);
    if (!s)
        s = read_model(&r);
    json_decref(r.root);
    return s;
}

/* A value as the weights take it. NaN stays where missing values are refused, and makes the row's outputs NaN. */
static double prepared(const linear *m, size_t i, double x)
{
    if (isnan(x) && m->missing != MISSING_REFUSE)
        x = m->missing == MISSING_ZERO ? 0.0 : m->missing == MISSING_MEAN ? m->mean[i] : m->fill[i];
    if (m->mean)
        x -= m->mean[i];
    return m->scale ? x / m->scale[i] : x;
}

static void score_row(const linear *m, const double *x, double *score)
{
    for (size_t k = 0; k < m->n_outputs; k++) {
        double sum = m->intercept[k];
        for (size_t i = 0; i < m->n_inputs; i++)
            sum += m->weight[k * m->n_inputs + i] * prepared(m, i, x[i]);
        score[k] = sum;
    }
}

static void softmax(double *score, size_t n)
{
    double max = score[0], sum = 0.0;
    for (size_t k = 1; k < n; k++)
        max = max < score[k] ? score[k] : max;
    for (size_t k = 0; k < n; k++) {
        score[k] = tdm__exp(score[k] - max);
        sum += score[k];
    }
    for (size_t k = 0; k < n; k++)
        score[k] /= sum;
}

static tdm_status predict(const tdm__model *model, tdm__model_output output, const double *x, size_t n, double *out,
                          tdm__arena *scratch, tdm_error *err)
{
    const linear *m = model->body;
    (void)scratch;
    (void)err;
    for (size_t row = 0; row < n; row++) {
        double *score = out + row * m->n_outputs;
        score_row(m, x + row * m->n_inputs, score);
        if (output == TDM__RAW)
            continue;
        if (m->link == LINK_SOFTMAX)
            softmax(score, m->n_outputs);
        for (size_t k = 0; m->link == LINK_LOGISTIC && k < m->n_outputs; k++)
            score[k] = 1.0 / (1.0 + tdm__exp(-score[k]));
    }
    return TDM_OK;
}

/* An object with "kind" among its first bytes. */
static bool sniff(tdm_str bytes)
{
    size_t i = 0, end = bytes.len < 4096 ? bytes.len : 4096;
    while (i < end && strchr(" \t\r\n", bytes.ptr[i]))
        i++;
    if (i == end || bytes.ptr[i] != '{')
        return false;
    for (; i + 6 <= end; i++)
        if (memcmp(bytes.ptr + i, "\"kind\"", 6) == 0)
            return true;
    return false;
}

const tdm__model_kind tdm__linear_kind = {"linear", sniff, load, predict};
