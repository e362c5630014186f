/* The registry of model kinds, and what they all do alike.
 *
 * The table below is the whole list of formats. A file goes to the first kind that knows its beginning; a file that
 * none knows is refused with the name of what it looks like. The kinds validate; nothing here reads a model's
 * content. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "model/model_impl.h"

enum { MODEL_BYTES_MAX = 1 << 30 };

static const tdm__model_kind *const kinds[] = {&tdm__lightgbm_kind, &tdm__linear_kind};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Files that people will try, known by their beginning or by a word in their first bytes; to name them is all we do. */
static const struct {
    const char *begins, *holds, *is;
} strangers[] = {
    {"{", "\"learner\"", "an XGBoost JSON model"},
    {"{", "\"oblivious_trees\"", "a CatBoost JSON model"},
    {"{L", "learner", "an XGBoost UBJSON model"},
    {"binf", "", "an XGBoost binary model"},
    {"CBM1", "", "a CatBoost binary model"},
    {"\x80", "", "a Python pickle"},
    {"PK\x03\x04", "", "a zip archive"},
    {"\x1f\x8b", "", "a gzip file; unpack it first"},
    {"\x08", "onnx", "an ONNX model"},
    {"<?xml", "PMML", "a PMML model"},
};

static bool holds(tdm_str bytes, const char *word)
{
    size_t n = strlen(word);
    size_t end = bytes.len < 4096 ? bytes.len : 4096;
    for (size_t i = 0; i + n <= end; i++)
        if (memcmp(bytes.ptr + i, word, n) == 0)
            return true;
    return n == 0;
}

static const char *stranger(tdm_str bytes)
{
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (tdm__str_starts(bytes, strangers[i].begins) && holds(bytes, strangers[i].holds))
            return strangers[i].is;
    return NULL;
}

static tdm_status not_known(tdm_str bytes, const char *name, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_UNSUPPORTED, name, "this model format is not supported");
    tdm__fail_expected(err, "a LightGBM text model, or a linear model as JSON");
    if (stranger(bytes))
        tdm__fail_found(err, "%s", stranger(bytes));
    else if (bytes.len == 0)
        tdm__fail_found(err, "an empty file");
    else
        tdm__fail_found_text(err, tdm__strn(bytes.ptr, bytes.len < 24 ? bytes.len : 24));
    return s;
}

static tdm_status find_kind(tdm_str bytes, const char *name, const char *format, const tdm__model_kind **out,
                            tdm_error *err)
{
    const char *names[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        names[i] = kinds[i]->format;
        if (format ? strcmp(format, names[i]) == 0 : kinds[i]->sniff(bytes)) {
            *out = kinds[i];
            return TDM_OK;
        }
    }
    if (!format)
        return not_known(bytes, name, err);
    tdm_status s = tdm__fail(err, TDM_USAGE, name, "there is no model format of this name");
    tdm__fail_found_text(err, tdm__str(format));
    tdm__fail_expected(err, "lightgbm or linear");
    const char *near = tdm__nearest(tdm__str(format), names, KINDS);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    return s;
}

tdm_status tdm__model_load(tdm_str bytes, const char *name, const char *format, tdm__model **out, tdm_error *err)
{
    *out = NULL;
    const tdm__model_kind *kind = NULL;
    if (bytes.len > MODEL_BYTES_MAX)
        return tdm__fail(err, TDM_TOO_LARGE, name, "a model file may have at most %d bytes", MODEL_BYTES_MAX);
    tdm_status s = find_kind(bytes, name, format, &kind, err);
    if (s)
        return s;
    tdm__model *model = tdm__new(tdm__model);
    if (!model)
        return tdm__no_memory(err, name);
    model->kind = kind;
    model->info.fact = model->fact;
    s = kind->load(bytes, name, model, err);
    if (s)
        tdm__model_close(&model);
    *out = model;
    return s;
}

void tdm__model_close(tdm__model **model)
{
    if (!model || !*model)
        return;
    tdm__arena_free(&(*model)->arena);
    tdm__free(*model);
    *model = NULL;
}

const tdm__model_info *tdm__model_info_of(const tdm__model *model)
{
    return &model->info;
}

size_t tdm__model_width(const tdm__model *model, tdm__model_output output)
{
    return output == TDM__LEAF ? model->info.n_leaves_out : model->info.n_outputs;
}

tdm_status tdm__model_predict(const tdm__model *model, tdm__model_output output, const double *x, size_t n, double *out,
                              tdm__arena *scratch, tdm_error *err)
{
    if (tdm__model_width(model, output) == 0)
        return tdm__fail(err, TDM_UNSUPPORTED, NULL, "a %s model has no leaves", model->info.kind);
    return model->kind->predict(model, output, x, n, out, scratch, err);
}

const char *const *tdm__model_formats(size_t *n)
{
    static const char *const names[] = {"lightgbm", "linear"};
    _Static_assert(sizeof names / sizeof *names == KINDS, "one name a kind");
    *n = KINDS;
    return names;
}

bool tdm__model_tell(tdm__model *model, const char *name, const char *format, ...)
{
    char text[256];
    if (model->info.n_facts == TDM__MODEL_FACTS_MAX)
        return true;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    const char *copy = tdm__arena_copy(&model->arena, text, len);
    if (!copy)
        return false;
    model->fact[model->info.n_facts++] = (tdm__model_fact){name, copy};
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return tdm__str_compare(*(const tdm_str *)a, *(const tdm_str *)b);
}

const tdm_str *tdm__model_twice(const tdm_str *names, size_t n, tdm_str *sorted)
{
    memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_bytes);
    for (size_t i = 1; i < n; i++)
        if (tdm__str_equal(sorted[i - 1], sorted[i]))
            return &sorted[i];
    return NULL;
}
