/* Reads a model and rows, and prints what this library answers, for run_parity.py to compare.
 *
 *     parity_driver MODEL ROWS.csv     a header, then for each row raw_*, prediction_*, leaf_* as hexadecimal floats
 *     parity_driver MODEL              loads only; a refused model's error is printed: "STATUS<tab>text", exit code 3
 *
 * Each row is scored twice, among all rows and alone: a difference in one bit ends it with exit code 1. */
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "model/model.h"
#include "os/files.h"

typedef struct rows {
    double *value; /* n x width */
    size_t n, cap, width;
} rows;

static int fail(const tdm_error *err)
{
    char text[1400];
    tdm_error_format(err, text, sizeof text);
    printf("%s\t%s\n", tdm_status_name(err->status), text);
    return 3;
}

static int read_rows(const char *path, rows *out)
{
    tdm_error err;
    tdm__buf file = {0};
    if (tdm__read_file(tdm__fs_posix(), path, (size_t)1 << 28, &file, &err))
        return fail(&err);
    tdm_str rest = {file.ptr, file.len}, line;
    for (int header = 1; rest.len; header = 0) {
        line = tdm__str_cut(rest, '\n', &rest);
        while (!header && line.ptr) {
            tdm_str field = tdm__str_cut(line, ',', &line);
            if (!tdm__grow(out->value, out->cap, out->n + 1) || !tdm__parse_f64(field, &out->value[out->n++], NULL))
                return fputs("parity_driver: rows are not hexadecimal floats\n", stderr), 2;
        }
    }
    out->n /= out->width;
    tdm__buf_free(&file);
    return 0;
}

/* All rows at once into `out`, then each alone: both must agree. */
static int score(const tdm__model *model, tdm__model_output output, const rows *x, double *out, double *one)
{
    tdm_error err;
    tdm__arena scratch = {0};
    size_t width = tdm__model_width(model, output);
    tdm_status s = tdm__model_predict(model, output, x->value, x->n, out, &scratch, &err);
    int differs = 0;
    for (size_t i = 0; i < x->n && !s; i++) {
        s = tdm__model_predict(model, output, x->value + i * x->width, 1, one, &scratch, &err);
        differs |= memcmp(one, out + i * width, width * sizeof *one) != 0;
    }
    tdm__arena_free(&scratch);
    if (differs)
        fputs("parity_driver: a row scored alone differs from the same row among others\n", stderr);
    return s ? fail(&err) : differs;
}

static int print_all(const tdm__model *model, const rows *x)
{
    static const char *const names[] = {"raw", "prediction", "leaf"};
    double *out[3] = {NULL, NULL, NULL}, *one[3] = {NULL, NULL, NULL};
    size_t width[3];
    int failed = 0;
    for (int o = 0; o < 3; o++) {
        width[o] = tdm__model_width(model, (tdm__model_output)o);
        out[o] = tdm__zalloc(x->n * width[o], sizeof **out);
        one[o] = tdm__zalloc(width[o], sizeof **one);
        if (!failed && width[o])
            failed = !out[o] || !one[o] ? 5 : score(model, (tdm__model_output)o, x, out[o], one[o]);
        for (size_t k = 0; k < width[o]; k++)
            printf("%s%s_%zu", o + k ? "," : "", names[o], k);
    }
    putchar('\n');
    for (size_t i = 0; i < x->n && !failed; i++) {
        for (int o = 0; o < 3; o++)
            for (size_t k = 0; k < width[o]; k++)
                printf("%s%a", o + (int)k ? "," : "", out[o][i * width[o] + k]);
        putchar('\n');
    }
    for (int o = 0; o < 3; o++) {
        tdm__free(out[o]);
        tdm__free(one[o]);
    }
    return failed;
}

int main(int argc, char **argv)
{
    tdm_error err;
    tdm__buf file = {0};
    tdm__model *model;
    if (argc != 2 && argc != 3)
        return fputs("usage: parity_driver MODEL [ROWS.csv]\n", stderr), 2;
    if (tdm__read_file(tdm__fs_posix(), argv[1], (size_t)1 << 30, &file, &err) ||
        tdm__model_load((tdm_str){file.ptr, file.len}, tdm__path_base(argv[1]), NULL, &model, &err)) {
        tdm__buf_free(&file);
        return fail(&err);
    }
    tdm__buf_free(&file);
    const tdm__model_info *info = tdm__model_info_of(model);
    rows x = {.width = info->n_inputs};
    int failed = argc == 3 ? read_rows(argv[2], &x) : 0;
    if (!failed && argc == 3)
        failed = print_all(model, &x);
    for (size_t i = 0; argc == 2 && i < info->n_facts; i++)
        printf("%s: %s\n", info->fact[i].name, info->fact[i].text);
    tdm__free(x.value);
    tdm__model_close(&model);
    return failed;
}
