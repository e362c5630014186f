/* new, model check, model predict, version: what needs no home. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "print.h"

COMMAND(command_new)
{
    const char *model = option_value(c, "model"), *dir = c->argument[0];
    if (!model)
        return usage_error(err, "--model", "the trained model's file is missing");
    tdm_status s = tdm_release_new(dir, model, option_value(c, "format"), err);
    if (s)
        return s;
    tdm_text out = {0};
    if (c->json) {
        tdm_json j = {.out = &out};
        tdm_json_begin(&j, NULL, '{');
        tdm_json_text(&j, "folder", dir);
        tdm_json_end(&j, '}');
        tdm_text_add(&out, "\n");
    } else {
        message("%s is ready: 'tandem release pack %s' freezes it", dir, dir);
    }
    return print_text(&out, err);
}

static void model_as_json(const tdm_model_info *info, const char *path, tdm_text *out)
{
    tdm_json j = {.out = out};
    tdm_json_begin(&j, NULL, '{');
    tdm_json_text(&j, "file", path);
    tdm_json_text(&j, "kind", info->kind);
    tdm_json_text(&j, "format", info->format);
    tdm_json_text(&j, "objective", info->objective);
    tdm_json_u64(&j, "outputs", info->n_outputs);
    tdm_json_u64(&j, "trees", info->n_trees);
    tdm_json_u64(&j, "leaves_max", info->n_leaves_max);
    tdm_json_begin(&j, "inputs", '[');
    for (size_t i = 0; i < info->n_inputs; i++)
        tdm_json_str(&j, NULL, info->input[i]);
    tdm_json_end(&j, ']');
    tdm_json_begin(&j, "facts", '{');
    for (size_t i = 0; i < info->n_facts; i++)
        tdm_json_text(&j, info->fact[i].name, info->fact[i].text);
    tdm_json_end(&j, '}');
    tdm_json_end(&j, '}');
    tdm_text_add(out, "\n");
}

static void model_as_text(const tdm_model_info *info, tdm_text *out)
{
    text_printf(out, "kind       %s\nformat     %s\nobjective  %s\n", info->kind, info->format, info->objective);
    if (info->n_trees)
        text_printf(out, "trees      %zu, at most %zu leaves\n", info->n_trees, info->n_leaves_max);
    text_printf(out, "outputs    %zu\ninputs     %zu\n", info->n_outputs, info->n_inputs);
    for (size_t i = 0; i < info->n_inputs; i++)
        text_printf(out, "  %.*s\n", (int)info->input[i].len, info->input[i].ptr);
    for (size_t i = 0; i < info->n_facts; i++)
        text_printf(out, "%s: %s\n", info->fact[i].name, info->fact[i].text);
}

COMMAND(command_model_check)
{
    tdm_model *model;
    tdm_text out = {0};
    tdm_status s = tdm_model_open(c->argument[0], option_value(c, "format"), &model, err);
    if (s)
        return s;
    tdm_model_info info = tdm_model_describe(model);
    if (c->json)
        model_as_json(&info, c->argument[0], &out);
    else
        model_as_text(&info, &out);
    tdm_model_close(&model);
    return print_text(&out, err);
}

static tdm_status choose_output(const context *c, tdm_model_output *out, tdm_error *err)
{
    static const struct { const char *name; tdm_model_output output; } kinds[] = {
        {"prediction", TDM_OUTPUT_PREDICTION}, {"raw", TDM_OUTPUT_RAW}, {"leaf", TDM_OUTPUT_LEAF}};
    const char *name = option_value(c, "output");
    *out = TDM_OUTPUT_PREDICTION;
    if (!name)
        return TDM_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, name)) {
            *out = kinds[i].output;
            return TDM_OK;
        }
    tdm_status s = usage_error(err, "--output", "there is no such output");
    snprintf(err->expected, sizeof err->expected, "prediction, raw or leaf");
    snprintf(err->found, sizeof err->found, "\"%.80s\"", name);
    return s;
}

COMMAND(command_model_predict)
{
    tdm_model *model;
    tdm_model_output output;
    progress_bar bar;
    size_t missing = 0;
    const char *data = option_value(c, "data");
    if (!data)
        return usage_error(err, "--data", "the file of rows is missing");
    tdm_status s = choose_output(c, &output, err);
    if (!s)
        s = tdm_model_open(c->argument[0], option_value(c, "format"), &model, err);
    if (s)
        return s;
    progress_start(&bar, "model predict");
    s = tdm_model_predict_file(model, data, output, c->json, progress_write, &bar, &missing, err);
    progress_end(&bar);
    if (missing && !s)
        message("%s lacks %zu of the model's inputs; they are taken as missing", data, missing);
    tdm_model_close(&model);
    return s;
}

COMMAND(command_version)
{
    tdm_text out = {0};
    text_printf(&out, c->json ? "{\"version\":\"%s\"}\n" : "tandem %s\n", tdm_version());
    return print_text(&out, err);
}
