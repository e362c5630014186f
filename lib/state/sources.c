/* The home's sources through the public API: list them, add and evolve them.
 *
 * Adding is one group of log frames: all definitions of a file become known together, or none. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "state/load.h"
#include "state/state.h"

struct tdm_source_list {
    tdm__arena arena;
    size_t n;
    tdm_source_info *info;
};

static const char *copy_text(tdm__arena *arena, tdm_str s)
{
    return tdm__arena_copy(arena, s.ptr, s.len);
}

static int describe_columns(const tdm__source *source, tdm_source_info *info, tdm__arena *arena)
{
    tdm_column_info *column = tdm__arena_array(arena, source->schema.n + 1, tdm_column_info);
    if (!column)
        return 0;
    for (size_t i = 0; i < source->schema.n; i++) {
        char type[64];
        size_t n = tdm__type_format(&source->schema.field[i].type, type);
        column[i].name = copy_text(arena, source->schema.field[i].name);
        column[i].type = tdm__arena_copy(arena, type, n);
        for (size_t k = 0; k < source->n_key; k++)
            column[i].key |= source->key[k] == (int)i;
        if (!column[i].name || !column[i].type)
            return 0;
    }
    info->column = column;
    info->n_columns = source->schema.n;
    return 1;
}

static tdm_status describe(const tdm__source_state *state, tdm_source_info *info, tdm__arena *arena, tdm_error *err)
{
    const tdm__source *source = &state->source;
    tdm__buf text = {0};
    char fingerprint[17];
    int all[TDM__SOURCE_COLUMNS_MAX];
    for (size_t i = 0; i < source->schema.n; i++)
        all[i] = (int)i;
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, tdm__source_fingerprint(source, all, source->schema.n));
    tdm__source_canonical(source, &text);
    info->name = copy_text(arena, source->name);
    info->kind = source->kind == TDM__SOURCE_TABLE ? TDM_SOURCE_TABLE : TDM_SOURCE_EVENTS;
    info->fingerprint = tdm__arena_copy(arena, fingerprint, 16);
    info->definition = text.failed ? NULL : tdm__arena_copy(arena, text.ptr, text.len);
    info->version = state->version;
    info->rows = state->rows;
    info->loaded_us = state->loaded_us;
    tdm__buf_free(&text);
    bool ok = info->name && info->fingerprint && info->definition && describe_columns(source, info, arena);
    return ok ? TDM_OK : tdm__no_memory(err, "sources");
}

tdm_status tdm_sources(tdm_home *home, tdm_source_list **out, tdm_error *err)
{
    tdm__state *state;
    *out = NULL;
    tdm_status s = tdm__state_read(home, NULL, UINT64_MAX, &state, err);
    if (s)
        return s;
    tdm_source_list *list = tdm__new(tdm_source_list);
    if (list)
        list->info = tdm__arena_array(&list->arena, state->n + 1, tdm_source_info);
    if (!list || !list->info)
        s = tdm__no_memory(err, "sources");
    for (size_t i = 0; !s && i < state->n; i++) {
        s = describe(&state->source[i], &list->info[i], &list->arena, err);
        list->n = i + 1;
    }
    tdm__state_close(&state);
    if (s)
        tdm_source_list_close(&list);
    *out = list;
    return s;
}

size_t tdm_source_count(const tdm_source_list *list)
{
    return list->n;
}

const tdm_source_info *tdm_source_at(const tdm_source_list *list, size_t i)
{
    return i < list->n ? &list->info[i] : NULL;
}

void tdm_source_list_close(tdm_source_list **list)
{
    if (!list || !*list)
        return;
    tdm__arena_free(&(*list)->arena);
    tdm__free(*list);
    *list = NULL;
}

/* The frames for what is new or changed; payloads lie in the arena. */
static tdm_status collect_frames(const tdm__state *state, const tdm__sources *parsed, tdm__arena *arena,
                                 tdm__frame *frames, tdm_source_added *out, tdm_error *err)
{
    for (size_t i = 0; i < parsed->n; i++) {
        const tdm__source *now = &parsed->source[i];
        const tdm__source_state *old = tdm__state_find(state, now->name);
        if (old && tdm__source_equal(&old->source, now)) {
            out->unchanged++;
            continue;
        }
        tdm_status s = old ? tdm__source_evolve_check(&old->source, now, err) : TDM_OK;
        if (s)
            return s;
        tdm__buf text = {0};
        tdm__frame *frame = &frames[out->added + out->evolved];
        tdm__source_canonical(now, &text);
        frame->kind = TDM__LOG_SOURCE;
        bool ok = !text.failed && tdm__arena_str(arena, tdm__strn(text.ptr, text.len), &frame->payload);
        tdm__buf_free(&text);
        if (!ok)
            return tdm__no_memory(err, "sources");
        if (old)
            out->evolved++;
        else
            out->added++;
    }
    return TDM_OK;
}

static tdm_status add_parsed(tdm_home *home, const tdm__sources *parsed, tdm__arena *arena, tdm_source_added *out,
                             tdm_error *err)
{
    tdm__writing writing;
    tdm__state *state = NULL;
    tdm_status s = tdm__writing_begin(home, "source add", &writing, err);
    if (s)
        return s;
    s = tdm__state_read(home, writing.log, UINT64_MAX, &state, err);
    tdm__frame *frames = tdm__arena_array(arena, parsed->n + 1, tdm__frame);
    if (!s && !frames)
        s = tdm__no_memory(err, "sources");
    if (!s)
        s = collect_frames(state, parsed, arena, frames, out, err);
    if (!s && out->added + out->evolved)
        s = tdm__log_append(writing.log, frames, out->added + out->evolved, NULL, err);
    tdm__state_close(&state);
    tdm__writing_end(&writing);
    return s;
}

tdm_status tdm__source_add_text(tdm_home *home, tdm_str text, const char *path, tdm_diagnostics *diagnostics,
                                tdm_source_added *out, tdm_error *err)
{
    tdm__arena arena = {0};
    tdm__sources parsed;
    *out = (tdm_source_added){0};
    tdm_status s = tdm__sources_parse(text, path, &arena, diagnostics, &parsed);
    if (s == TDM_MANIFEST) {
        const tdm_error *first = diagnostics ? tdm_diagnostics_error(diagnostics, 0) : NULL;
        if (first && err)
            *err = *first;
        else
            tdm__fail(err, TDM_MANIFEST, path, "the source definitions have errors");
    } else if (s) {
        s = tdm__no_memory(err, path);
    } else {
        s = add_parsed(home, &parsed, &arena, out, err);
    }
    if (s)
        *out = (tdm_source_added){0};
    tdm__arena_free(&arena);
    return s;
}

tdm_status tdm__source_add_here(tdm_home *home, const char *path, tdm_diagnostics *diagnostics, tdm_source_added *out,
                                tdm_error *err)
{
    tdm__buf text = {0};
    *out = (tdm_source_added){0};
    tdm_status s = tdm__read_file(tdm__fs_posix(), path, TDM__SOURCES_BYTES_MAX, &text, err);
    if (!s)
        s = tdm__source_add_text(home, tdm__strn(text.ptr, text.len), path, diagnostics, out, err);
    tdm__buf_free(&text);
    return s;
}
