/* Model files of any bytes: refused with a place and a sentence, or a model whose answers keep their promises: leaves
 * in range, a row's result the same alone and among others, and the same from a second load. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum { ROWS = 6, WIDTH_MAX = 4096 };

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

static const double values[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1e-35, -1e-36, 1.0, -0.5, 33.0, 2147483648.0,
                                1e300};

static tdm__model *load(const uint8_t *data, size_t size)
{
    tdm_error err;
    tdm__model *model = NULL;
    memset(&err, 0, sizeof err);
    tdm_status s = tdm__model_load((tdm_str){(const char *)data, size}, "model", NULL, &model, &err);
    MUST((s == TDM_OK) == (model != NULL));
    if (s) {
        MUST(err.status == s && err.what[0] && strncmp(err.where, "model", 5) == 0);
        MUST(s == TDM_MODEL || s == TDM_UNSUPPORTED);
    }
    return model;
}

static void predict(const tdm__model *model, tdm__model_output output, const double *x, size_t n, double *out)
{
    tdm_error err;
    tdm__arena scratch = {0};
    MUST(tdm__model_predict(model, output, x, n, out, &scratch, &err) == TDM_OK);
    tdm__arena_free(&scratch);
}

static void check_output(const tdm__model *model, const tdm__model *again, tdm__model_output output, const double *x)
{
    const tdm__model_info *info = tdm__model_info_of(model);
    size_t width = tdm__model_width(model, output);
    if (width == 0 || width > WIDTH_MAX)
        return;
    double *all = calloc(ROWS * width, sizeof *all), *one = calloc(ROWS * width, sizeof *one);
    MUST(all && one);
    predict(model, output, x, ROWS, all);
    for (size_t i = 0; i < ROWS; i++)
        predict(model, output, x + i * info->n_inputs, 1, one + i * width);
    MUST(memcmp(all, one, ROWS * width * sizeof *all) == 0);
    predict(again, output, x, ROWS, one);
    MUST(memcmp(all, one, ROWS * width * sizeof *all) == 0);
    for (size_t i = 0; output == TDM__LEAF && i < ROWS * width; i++)
        MUST(all[i] >= 0 && all[i] < (double)info->n_leaves_max && all[i] == floor(all[i]));
    free(all);
    free(one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__model *model = load(data, size), *again = model ? load(data, size) : NULL;
    if (!model)
        return 0;
    MUST(again);
    const tdm__model_info *info = tdm__model_info_of(model);
    MUST(info->n_inputs > 0 && info->n_outputs > 0 && info->kind && info->format && info->objective &&
         info->n_facts > 0);
    double *x = calloc(ROWS * info->n_inputs, sizeof *x);
    MUST(x);
    for (size_t i = 0; i < ROWS * info->n_inputs; i++)
        x[i] = values[(i * 7 + i / info->n_inputs) % (sizeof values / sizeof *values)];
    check_output(model, again, TDM__RAW, x);
    check_output(model, again, TDM__PREDICTION, x);
    check_output(model, again, TDM__LEAF, x);
    free(x);
    tdm__model_close(&model);
    tdm__model_close(&again);
    return 0;
}
