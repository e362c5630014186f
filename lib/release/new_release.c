/* A starter folder for a trained model: what `tandem new` writes.
 *
 * It packs as it is: every input is a request field named as in the model, and the population is a file with a column
 * `row`. Names that no field can have (control characters, the key's own) get one of ours, and the model's `inputs`
 * says which is which. */
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/memory.h"
#include "model/model.h"
#include "os/files.h"
#include "release/manifest.h"
#include "schema/block.h"

#include <tandem/release.h>

enum { MODEL_BYTES_MAX = 1 << 30 };

static tdm_status check_folder(tdm__fs *fs, const char *dir, tdm_error *err)
{
    tdm__names names;
    tdm_status s = tdm__list_dir(fs, dir, &names, err);
    if (s == TDM_NOT_FOUND)
        return TDM_OK;
    if (s)
        return s;
    if (names.n) {
        s = tdm__fail(err, TDM_EXISTS, dir, "the folder exists and is not empty");
        tdm__fail_found(err, "%s", names.name[0]);
    }
    tdm__names_free(&names);
    return s;
}

/* The release's name: the folder's, with what a name may not hold replaced. */
static void name_of_folder(const char *dir, char out[65])
{
    char path[TDM__PATH_MAX];
    snprintf(path, sizeof path, "%s", dir);
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
        path[n - 1] = 0;
    const char *base = tdm__path_base(path);
    size_t n = 0;
    for (; *base && n < 64; base++) {
        char c = *base;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        out[n++] = plain ? c : '_';
    }
    out[n] = 0;
    if (strspn(out, "_-") == n || !tdm__name_valid(tdm__strn(out, n))) /* "." */
        snprintf(out, 65, "model");
}

static void quote(tdm__buf *out, tdm_str s)
{
    tdm__buf_char(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\'')
            tdm__buf_char(out, '\'');
        tdm__buf_char(out, s.ptr[i]);
    }
    tdm__buf_char(out, '\'');
}

/* Whether some input begins as our own names do. */
static bool has_like_names(const tdm__model_info *info)
{
    for (size_t i = 0; i < info->n_inputs; i++)
        if (tdm__str_starts(info->input[i], "input_"))
            return true;
    return false;
}

static bool is_input(const tdm__model_info *info, const char *name)
{
    for (size_t i = 0; i < info->n_inputs; i++)
        if (tdm__str_is(info->input[i], name))
            return true;
    return false;
}

/* Whether a feature can have the input's own name; `row` is the key's. */
static bool keeps_name(tdm_str input)
{
    return tdm__label_valid(input) && !tdm__str_is(input, "row");
}

/* A feature's name for an input: the input's own, else input_N, with as many '_' behind it as no input's own name has.
 * Only a model with names of that kind needs the search. */
static void write_feature_name(tdm__buf *out, const tdm__model_info *info, bool search, size_t i)
{
    char name[64];
    if (keeps_name(info->input[i])) {
        if (tdm__name_valid(info->input[i]))
            tdm__buf_str(out, info->input[i]);
        else
            quote(out, info->input[i]);
        return;
    }
    size_t n = (size_t)snprintf(name, 40, "input_%zu", i);
    while (search && is_input(info, name) && n < sizeof name - 1) {
        name[n++] = '_';
        name[n] = 0;
    }
    tdm__buf_text(out, name);
}

static void write_models(tdm__buf *out, const tdm__model_info *info, const char *file, const char *format, bool search)
{
    bool renamed = false;
    tdm__buf_text(out, "models:\n  main:\n    file: ");
    quote(out, tdm__str(file));
    tdm__buf_char(out, '\n');
    if (format)
        tdm__buf_printf(out, "    format: %s\n", format);
    for (size_t i = 0; i < info->n_inputs; i++) {
        if (keeps_name(info->input[i]))
            continue;
        if (!renamed)
            tdm__buf_text(out, "    inputs:                      # the model's own name: the feature it takes\n");
        renamed = true;
        tdm__buf_text(out, "      ");
        quote(out, info->input[i]);
        tdm__buf_text(out, ": ");
        write_feature_name(out, info, search, i);
        tdm__buf_char(out, '\n');
    }
}

static void write_manifest(tdm__buf *out, const tdm__model_info *info, const char *name, const char *file,
                           const char *format)
{
    bool search = has_like_names(info);
    tdm__buf_printf(out,
                    "# A starter for %s (%s, %zu inputs). docs/reference/release-yaml.md explains every key.\n"
                    "name: %s\n"
                    "entity: row                      # a prediction is about a row; its key is the column `row`\n"
                    "features:\n", file, info->format, info->n_inputs, name);
    for (size_t i = 0; i < info->n_inputs; i++) {
        tdm__buf_text(out, "  ");
        write_feature_name(out, info, search, i);
        tdm__buf_text(out, ": {request: f64?}\n");
    }
    write_models(out, info, file, format, search);
    tdm__buf_text(out, "prediction:\n");
    for (size_t i = 0; i < info->n_outputs; i++) {
        if (info->n_outputs == 1)
            tdm__buf_text(out, "  prediction: {model: main}\n");
        else
            tdm__buf_printf(out, "  prediction_%zu: {model: main, output: %zu}\n", i, i);
    }
    tdm__buf_text(out, "batch:\n"
                       "  gates: {coverage: 99.9%, quarantined: 0.1%}\n");
}

static void write_readme(tdm__buf *out, const char *name)
{
    tdm__buf_printf(out,
                    "# %s\n\n"
                    "A release made by `tandem new`. Rows to score are a CSV with a column `row` (the key) and the "
                    "model's inputs.\n\n"
                    "    tandem release check .\n"
                    "    tandem release pack .\n"
                    "    tandem run %s --population rows.csv\n"
                    "    tandem promote %s\n"
                    "    tandem predict %s --key row=1 --set INPUT=VALUE\n",
                    name, name, name, name);
}

static tdm_status write_folder(tdm__fs *fs, const char *dir, const tdm__model *model, const char *file,
                               const char *format, tdm_str bytes, tdm_error *err)
{
    char name[65], path[TDM__PATH_MAX];
    tdm__buf manifest = {0}, readme = {0};
    name_of_folder(dir, name);
    write_manifest(&manifest, tdm__model_info_of(model), name, file, format);
    write_readme(&readme, name);
    struct { const char *name; tdm_str bytes;
    } out[] = {{file, bytes},
               {"README.md", tdm__strn(readme.ptr, readme.len)},
               {"release.yaml", tdm__strn(manifest.ptr, manifest.len)}};
    tdm_status s = tdm__buf_check(&manifest, err);
    if (!s)
        s = tdm__buf_check(&readme, err);
    if (!s)
        s = tdm__make_dirs(fs, dir, err);
    for (size_t i = 0; !s && i < sizeof out / sizeof *out; i++) {
        if (!tdm__path_join(path, sizeof path, dir, out[i].name))
            s = tdm__fail(err, TDM_BAD_INPUT, dir, "the path is too long");
        else
            s = tdm__write_file_durably(fs, path, out[i].bytes.ptr, out[i].bytes.len, err);
    }
    tdm__buf_free(&manifest);
    tdm__buf_free(&readme);
    return s;
}

/* The model's file name in the folder: its own, unless a manifest, a YAML comment or the folder's other files are
 * against it. */
static const char *name_of_file(const char *model_path)
{
    static const char *const taken[] = {"release.yaml", "README.md", "MANIFEST", "sources.txt", "zones"};
    const char *base = tdm__path_base(model_path);
    bool plain = base[0] != '.' && base[0] != '-' && strlen(base) <= 100 && tdm__utf8_valid(tdm__str(base));
    for (size_t i = 0; base[i]; i++)
        plain &= (unsigned char)base[i] >= 0x20 && base[i] != 0x7f && base[i] != '\\';
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        plain &= strcmp(base, taken[i]) != 0;
    return plain ? base : "model";
}

tdm_status tdm_release_new(const char *dir, const char *model_path, const char *format, tdm_error *err)
{
    tdm__fs *fs = tdm__fs_posix();
    tdm__buf bytes = {0};
    tdm__model *model = NULL;
    tdm_status s = check_folder(fs, dir, err);
    if (!s)
        s = tdm__read_file(fs, model_path, MODEL_BYTES_MAX, &bytes, err);
    if (!s)
        s = tdm__model_load(tdm__strn(bytes.ptr, bytes.len), model_path, format, &model, err);
    if (!s && tdm__model_info_of(model)->n_inputs > TDM__FEATURES_MAX) {
        s = tdm__fail(err, TDM_TOO_LARGE, model_path, "the model has more inputs than a release has features");
        tdm__fail_expected(err, "at most %d", (int)TDM__FEATURES_MAX);
        tdm__fail_found(err, "%zu", tdm__model_info_of(model)->n_inputs);
    }
    if (!s)
        s = write_folder(fs, dir, model, name_of_file(model_path), format, tdm__strn(bytes.ptr, bytes.len), err);
    tdm__model_close(&model);
    tdm__buf_free(&bytes);
    return s;
}
