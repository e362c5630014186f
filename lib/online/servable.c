/* Opening a servable: everything about a release that answers share is made once, here.
 *
 * Names are escaped, indexed and measured now, so that an answer copies bytes. */
#include "online/servable.h"

#include <stdio.h>
#include <string.h>
#include "base/fail.h"

enum { NUMBER_BYTES = 34, FIXED_BYTES = 320 }; /* of an answer: a number with quotes; all that has no name of the release */

static bool has_rung(const tdm__package *package, tdm__rung rung)
{
    for (size_t i = 0; i < package->manifest->online.n_rungs; i++)
        if (package->manifest->online.rung[i] == rung)
            return true;
    return false;
}

/* A table of another release is none of ours. One that is damaged makes its rung fail, where there is one, not the opening;
 * without that rung nobody need be warned but who asks for the table itself. */
static tdm_status open_table(tdm__servable *v, tdm_home *home, const char *table, tdm_error *err)
{
    char text[sizeof(tdm_error)];
    tdm__buf json = {0};
    if (!table[0])
        return TDM_OK;
    tdm_status s = tdm__table_open_name(home, table, &v->table, &v->table_error);
    if (s == TDM_NO_MEMORY)
        return tdm__no_memory(err, table);
    if (!s) {
        v->table_error.status = TDM_OK;
        if (strcmp(v->table->info.release, v->package->id))
            tdm_table_close(&v->table);
        return TDM_OK;
    }
    if (!has_rung(v->package, TDM__RUNG_TABLE))
        return TDM_OK;
    tdm_error_format(&v->table_error, text, sizeof text);
    tdm__buf_json_text(&json, tdm__str(text));
    s = tdm__buf_check(&json, err);
    if (!s && !tdm__arena_str(&v->arena, tdm__strn(json.ptr, json.len), &v->warning))
        s = tdm__no_memory(err, table);
    tdm__buf_free(&json);
    return s;
}

static void note_inputs(tdm__servable *v)
{
    for (size_t i = 0; i < v->package->n_sources; i++) {
        const tdm__source_state *source = tdm__state_find(v->state, v->package->source[i].name);
        if (!v->has_inputs || source->loaded_us < v->inputs_us)
            v->inputs_us = source->loaded_us;
        v->has_inputs = true;
    }
}

/* "\"NAME\":" for each field. */
static const char *const *make_labels(tdm__servable *v, const tdm__schema *schema)
{
    const char **label = tdm__arena_array(&v->arena, schema->n + 1, const char *);
    tdm__buf text = {0};
    for (size_t i = 0; label && i < schema->n; i++) {
        tdm__buf_reset(&text);
        tdm__buf_json_text(&text, schema->field[i].name);
        tdm__buf_char(&text, ':');
        label[i] = text.failed ? NULL : tdm__arena_copy(&v->arena, text.ptr, text.len);
        if (!label[i])
            label = NULL;
    }
    tdm__buf_free(&text);
    return label;
}

static bool make_request_labels(tdm__servable *v)
{
    tdm__buf text = {0};
    size_t n = v->package->n_request, made = 0;
    v->request_label = tdm__arena_array(&v->arena, n + 1, tdm_str);
    while (v->request_label && made < n) {
        tdm__buf_reset(&text);
        tdm__buf_json_text(&text, v->request_name[made]);
        tdm__buf_char(&text, ':');
        if (text.failed || !tdm__arena_str(&v->arena, tdm__strn(text.ptr, text.len), &v->request_label[made]))
            break;
        made++;
    }
    tdm__buf_free(&text);
    return v->request_label && made == n;
}

static bool make_names(tdm__servable *v)
{
    const tdm__package *p = v->package;
    tdm__arena *a = &v->arena;
    if (!(v->key_name = tdm__arena_array(a, p->key.n + 1, tdm_str)) ||
        !(v->request_name = tdm__arena_array(a, p->n_request + 1, tdm_str)))
        return false;
    for (size_t i = 0; i < p->key.n; i++)
        if (!tdm__arena_str(a, p->key.field[i].name, &v->key_name[i]))
            return false;
    for (size_t i = 0; i < p->n_request; i++)
        if (!tdm__arena_str(a, p->slot[p->request_slot[i]].name, &v->request_name[i]))
            return false;
    return make_request_labels(v) && tdm__names_index_make(&v->key_index, v->key_name, p->key.n, a) &&
           tdm__names_index_make(&v->request_index, v->request_name, p->n_request, a) &&
           (v->key_label = make_labels(v, &p->key)) && (v->prediction_label = make_labels(v, &p->prediction));
}

static tdm_status make_texts(tdm__servable *v, tdm_error *err)
{
    const tdm__package *p = v->package;
    snprintf(v->name, sizeof v->name, "%.*s", (int)p->manifest->name.len, p->manifest->name.ptr);
    snprintf(v->release_text, sizeof v->release_text, "\"%s@%s\"", v->name, p->id);
    if (!make_names(v))
        return tdm__no_memory(err, v->name);
    v->answer_bytes = FIXED_BYTES + strlen(v->release_text);
    for (size_t i = 0; i < p->prediction.n; i++)
        v->answer_bytes += strlen(v->prediction_label[i]) + NUMBER_BYTES;
    return TDM_OK;
}

tdm_status tdm__servable_open(tdm_home *home, const tdm__state *state, tdm__package *package, const char *table,
                              tdm__servable **out, tdm_error *err)
{
    *out = NULL;
    tdm__servable *v = tdm__new(tdm__servable);
    if (!v) {
        tdm__package_close(&package);
        return tdm__no_memory(err, "servable");
    }
    v->package = package;
    v->state = state;
    tdm_status s = make_texts(v, err);
    if (!s)
        s = tdm__engine_new(package, state, &v->engine, err);
    v->needs_key = !s && tdm__engine_reads_key(v->engine);
    if (!s)
        s = open_table(v, home, table, err);
    if (!s)
        note_inputs(v);
    if (s)
        tdm__servable_close(&v);
    *out = v;
    return s;
}

void tdm__servable_close(tdm__servable **servable)
{
    tdm__servable *v = *servable;
    if (!v)
        return;
    tdm_table_close(&v->table);
    tdm__engine_close(&v->engine);
    tdm__package_close(&v->package);
    tdm__arena_free(&v->arena);
    tdm__free(v);
    *servable = NULL;
}
