/* The models of a package: loaded, their inputs bound to slots, their outputs checked against the predictions, and
 * what each needs. */
#include <string.h>

#include "release/manifest_impl.h"
#include "release/package_impl.h"

/* ---- inputs ---- */

static bool is_number(unsigned kind)
{
    return kind == TDM_BOOL || kind == TDM_I64 || kind == TDM_F32 || kind == TDM_F64 || kind == TDM_DECIMAL;
}

/* The name of the feature that an input takes. */
static tdm_str feature_of(const tdm__manifest_model *m, tdm_str input, tdm__place **at)
{
    *at = m->place;
    for (size_t i = 0; i < m->n_inputs; i++)
        if (tdm__str_equal(m->input[i].input, input)) {
            *at = m->input[i].feature_place;
            return m->input[i].feature;
        }
    return input;
}

static void fault_no_feature(tdm__package_box *b, const tdm__manifest_model *m, tdm_str input, tdm_str feature,
                             tdm__place *at)
{
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "model '%.*s' takes the input '%.*s', and there is no feature '%.*s'",
              TDM__SHOWN(m->name), TDM__SHOWN(input), TDM__SHOWN(feature));
    const char *near = tdm__nearest(feature, b->scope.names, b->manifest.n_features);
    if (near)
        tdm__fail_hint(&error, "did you mean '%s'? 'inputs' maps the model's names to features", near);
    else
        tdm__fail_hint(&error, "add the feature, or map the input to one under 'inputs'");
    tdm__yaml_fault_error(&b->manifest.doc, at, &error);
}

static int bind_input(tdm__package_box *b, const tdm__manifest_model *m, tdm_str input)
{
    tdm__place *at;
    tdm_str name = feature_of(m, input, &at);
    int feature = tdm__manifest_find_feature(&b->manifest, name);
    if (feature < 0) {
        fault_no_feature(b, m, input, name, at);
        return -1;
    }
    int slot = b->feature_slot[feature];
    if (slot < 0 || is_number(b->slot[slot].type.kind))
        return slot;
    tdm_error error;
    tdm__fail(&error, TDM_MANIFEST, NULL, "model '%.*s' cannot take feature '%.*s'", TDM__SHOWN(m->name),
              TDM__SHOWN(name));
    tdm__fail_expected(&error, "a number or bool");
    tdm__fail_found(&error, "%s", tdm__kind_name(b->slot[slot].type.kind));
    tdm__fail_hint(&error, "an expression makes numbers of texts and times: lookup, hash, hour, age");
    tdm__yaml_fault_error(&b->manifest.doc, m->n_inputs ? at : b->manifest.feature[feature].place, &error);
    return -1;
}

/* Entries of `inputs` that the model does not have. */
static tdm_status check_input_names(tdm__package_box *b, const tdm__manifest_model *m, const tdm__model_info *info)
{
    const char **names = tdm__arena_array(&b->arena, info->n_inputs, const char *);
    if (!names)
        return TDM_NO_MEMORY;
    for (size_t i = 0; i < info->n_inputs; i++) {
        names[i] = tdm__arena_copy(&b->arena, info->input[i].ptr, info->input[i].len);
        if (!names[i])
            return TDM_NO_MEMORY;
    }
    for (size_t k = 0; k < m->n_inputs; k++) {
        size_t i = 0;
        while (i < info->n_inputs && !tdm__str_equal(info->input[i], m->input[k].input))
            i++;
        if (i < info->n_inputs)
            continue;
        tdm_error error;
        tdm__fail(&error, TDM_MANIFEST, NULL, "model '%.*s' has no input '%.*s'", TDM__SHOWN(m->name),
                  TDM__SHOWN(m->input[k].input));
        const char *near = tdm__nearest(m->input[k].input, names, info->n_inputs);
        if (near)
            tdm__fail_hint(&error, "did you mean '%s'?", near);
        tdm__yaml_fault_error(&b->manifest.doc, m->input[k].place, &error);
    }
    return TDM_OK;
}

static tdm_status bind_inputs(tdm__package_box *b, const tdm__manifest_model *m, tdm__package_model *out)
{
    const tdm__model_info *info = tdm__model_info_of(out->model);
    out->input_slot = tdm__arena_array(&b->arena, info->n_inputs, int);
    if (!out->input_slot)
        return TDM_NO_MEMORY;
    for (size_t i = 0; i < info->n_inputs; i++)
        out->input_slot[i] = bind_input(b, m, info->input[i]);
    return m->n_inputs ? check_input_names(b, m, info) : TDM_OK;
}

/* ---- loading ---- */

static tdm_status load_model(tdm__package_box *b, const tdm__manifest_model *m, tdm__package_model *out, tdm_error *err)
{
    int file;
    tdm_error error;
    tdm_status s = tdm__package_bytes(b, m->file.ptr, TDM__MODEL_BYTES_MAX, m->file_place, &file, err);
    if (s || file < 0)
        return s;
    tdm__model *model = NULL;
    s = tdm__model_load(b->file[file].bytes, m->file.ptr, m->format.len ? m->format.ptr : NULL, &model, &error);
    if (s == TDM_NO_MEMORY) {
        *err = error;
        return s;
    }
    if (s == TDM_USAGE)
        tdm__yaml_fault_error(&b->manifest.doc, m->format_place, &error);
    else if (s)
        tdm__package_fault_error(b, &error);
    out->model = model;
    return TDM_OK;
}

/* ---- outputs ---- */

static void check_output(tdm__package_box *b, const tdm__manifest_prediction *p, int model, tdm__place *at)
{
    const tdm__model *loaded = b->package.model[model].model;
    if (!loaded)
        return;
    size_t n = tdm__model_info_of(loaded)->n_outputs;
    if (p->output >= n)
        tdm__package_fault(b, at, TDM_MANIFEST,
                           "prediction '%.*s' is output %u of model '%.*s', which has %zu, counted from 0",
                           TDM__SHOWN(p->name), (unsigned)p->output, TDM__SHOWN(b->manifest.model[model].name), n);
}

static void check_outputs(tdm__package_box *b)
{
    const tdm__manifest *m = &b->manifest;
    for (size_t i = 0; i < m->n_predictions; i++) {
        const tdm__manifest_prediction *p = &m->prediction[i];
        check_output(b, p, p->model, p->output_place ? p->output_place : p->place);
    }
    bool simple = false;
    for (size_t i = 0; i < m->online.n_rungs; i++)
        simple |= m->online.rung[i] == TDM__RUNG_SIMPLE;
    for (size_t i = 0; simple && i < m->n_predictions; i++)
        if (m->prediction[i].model != m->simple)
            check_output(b, &m->prediction[i], m->simple, m->model[m->simple].place);
}

/* ---- needs ---- */

/* Whatever a slot reads has a smaller number, so one pass from the top marks all. */
static void mark_needs(const tdm__package *p, uint8_t *needs)
{
    for (size_t i = p->n_slots; i-- > 0;) {
        const tdm__slot *slot = &p->slot[i];
        if (!needs[i])
            continue;
        if (slot->join >= 0)
            for (size_t k = 0; k < p->source[p->join[slot->join].source].n_key; k++)
                needs[p->join[slot->join].key_slot[k]] = 1;
        if (slot->expression) {
            size_t n;
            const int *reads = tdm__expression_slots(slot->expression, &n);
            for (size_t k = 0; k < n; k++)
                needs[reads[k]] = 1;
        }
    }
}

static tdm_status set_needs(tdm__package_box *b, tdm__package_model *m)
{
    m->needs = tdm__arena_array(&b->arena, b->n_slots, uint8_t);
    if (!m->needs)
        return TDM_NO_MEMORY;
    for (size_t i = 0; i < tdm__model_info_of(m->model)->n_inputs; i++)
        if (m->input_slot[i] >= 0)
            m->needs[m->input_slot[i]] = 1;
    mark_needs(&b->package, m->needs);
    return TDM_OK;
}

static tdm_status note_unused(tdm__package_box *b)
{
    const tdm__manifest *m = &b->manifest;
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < m->n_models; i++) {
        bool used = (int)i == m->simple;
        for (size_t k = 0; k < m->n_predictions; k++)
            used |= m->prediction[k].model == (int)i;
        if (!used)
            s = tdm__package_note(b, "model '%.*s' is used by no prediction", TDM__SHOWN(m->model[i].name));
    }
    for (size_t f = 0; !s && f < m->n_features; f++) {
        bool used = b->feature_slot[f] < 0;
        for (size_t i = 0; !used && i < m->n_models; i++)
            used = !b->package.model[i].needs || b->package.model[i].needs[b->feature_slot[f]];
        if (!used)
            s = tdm__package_note(b, "feature '%.*s' is used by no model", TDM__SHOWN(m->feature[f].name));
    }
    return s;
}

static tdm_status set_predictions(tdm__package_box *b)
{
    const tdm__manifest *m = &b->manifest;
    tdm__schema *schema = &b->package.prediction;
    schema->field = tdm__arena_array(&b->arena, m->n_predictions, tdm__field);
    if (!schema->field)
        return TDM_NO_MEMORY;
    for (schema->n = 0; schema->n < m->n_predictions; schema->n++)
        schema->field[schema->n] = (tdm__field){ m->prediction[schema->n].name, { .kind = TDM_F64 } };
    return TDM_OK;
}

tdm_status tdm__package_models(tdm__package_box *b, tdm_error *err)
{
    const tdm__manifest *m = &b->manifest;
    b->package.model = tdm__arena_array(&b->arena, m->n_models, tdm__package_model);
    if (!b->package.model)
        return tdm__no_memory(err, b->dir);
    tdm_status s = set_predictions(b);
    for (size_t i = 0; !s && i < m->n_models; i++) {
        tdm__package_model *model = &b->package.model[i];
        s = load_model(b, &m->model[i], model, err);
        if (s)
            return s;
        if (model->model)
            s = bind_inputs(b, &m->model[i], model);
        if (!s && model->model)
            s = set_needs(b, model);
    }
    if (!s) {
        check_outputs(b);
        s = note_unused(b);
    }
    return s ? tdm__no_memory(err, b->dir) : TDM_OK;
}
