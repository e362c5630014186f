/* Replaying the log into the state.
 *
 * A frame that this version cannot read is TDM_CORRUPT, never skipped: the state would be another one. */
#include "state/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "state/document.h"

static int find(const tdm__state *state, tdm_str name, size_t *at)
{
    size_t low = 0, high = state->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = tdm__str_compare(state->source[mid].source.name, name);
        if (!order) {
            *at = mid;
            return 1;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *at = low;
    return 0;
}

static tdm_status apply_source(tdm__state *state, tdm_str text, tdm_error *err)
{
    tdm__sources parsed;
    tdm_str copy;
    if (!tdm__arena_str(&state->arena, text, &copy))
        return tdm__no_memory(err, "log");
    tdm_status s = tdm__sources_parse(copy, "log", &state->arena, NULL, &parsed);
    if (s == TDM_NO_MEMORY)
        return tdm__no_memory(err, "log");
    if (s || parsed.n != 1)
        return tdm__fail(err, TDM_CORRUPT, "log", "a source definition in the log cannot be read");
    size_t at;
    if (!find(state, parsed.source[0].name, &at)) {
        if (!tdm__grow(state->source, state->cap, state->n + 1))
            return tdm__no_memory(err, "log");
        memmove(state->source + at + 1, state->source + at, (state->n - at) * sizeof *state->source);
        state->source[at] = (tdm__source_state){0};
        state->n++;
    }
    state->source[at].source = parsed.source[0];
    return TDM_OK;
}

static tdm_status apply_table(tdm__state *state, tdm_str text, tdm_error *err)
{
    json_t *root;
    const char *name;
    size_t at;
    tdm__source_state v = {0};
    tdm_status s = tdm__document_parse(text, "log", &root, err);
    if (!s)
        s = tdm__document_text(root, "source", "log", &name, err);
    if (!s)
        s = tdm__document_u64(root, "version", "log", &v.version, err);
    if (!s)
        s = tdm__document_u64(root, "rows", "log", &v.rows, err);
    if (!s)
        s = tdm__document_i64(root, "loaded_us", "log", &v.loaded_us, err);
    if (!s)
        s = tdm__document_copy(root, "digest", "log", v.digest, sizeof v.digest, err);
    if (!s && !find(state, tdm__str(name), &at))
        s = tdm__fail(err, TDM_CORRUPT, "log", "a load in the log names a source that was never defined");
    if (!s) {
        v.source = state->source[at].source;
        state->source[at] = v;
    }
    json_decref(root);
    return s;
}

static tdm_status apply_release(tdm__state *state, tdm_str text, tdm_error *err)
{
    json_t *root;
    tdm__release_state r = {0};
    tdm_status s = tdm__document_parse(text, "log", &root, err);
    if (!s)
        s = tdm__document_copy(root, "id", "log", r.id, sizeof r.id, err);
    if (!s)
        s = tdm__document_copy(root, "name", "log", r.name, sizeof r.name, err);
    if (!s)
        s = tdm__document_i64(root, "packed_us", "log", &r.packed_us, err);
    json_decref(root);
    if (s)
        return s;
    size_t kept = 0;
    for (size_t i = 0; i < state->n_releases; i++)
        if (strcmp(state->release[i].id, r.id))
            state->release[kept++] = state->release[i];
    state->n_releases = kept;
    if (!tdm__grow(state->release, state->cap_releases, kept + 1))
        return tdm__no_memory(err, "log");
    state->release[state->n_releases++] = r;
    return TDM_OK;
}

static tdm_status apply(tdm__state *state, const tdm__frame *frame, tdm_error *err)
{
    switch (frame->kind) {
    case TDM__LOG_SOURCE:
        return apply_source(state, frame->payload, err);
    case TDM__LOG_TABLE:
        return apply_table(state, frame->payload, err);
    case TDM__LOG_RELEASE:
        return apply_release(state, frame->payload, err);
    default:
        return tdm__fail(err, TDM_UNSUPPORTED, "log",
                         "the log holds a frame of kind %d, which this version does not know", frame->kind);
    }
}

static tdm_status replay(tdm__state *state, tdm__log_handle *log, uint64_t position, tdm_error *err)
{
    tdm__log_cursor *cursor;
    tdm_status s = tdm__log_cursor_new(log, 0, &cursor, err);
    if (s)
        return s;
    for (;;) {
        tdm__frame frame;
        uint64_t next;
        s = tdm__log_next(cursor, &frame, &next, err);
        if (s || next > position)
            break;
        s = apply(state, &frame, err);
        if (s)
            break;
        state->position = next;
    }
    tdm__log_cursor_close(&cursor);
    return s == TDM_NOT_FOUND ? TDM_OK : s;
}

tdm_status tdm__state_read(tdm_home *home, tdm__log_handle *log, uint64_t position, tdm__state **out, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm__log_handle *own = NULL;
    *out = NULL;
    tdm__state *state = tdm__new(tdm__state);
    if (!state)
        return tdm__no_memory(err, home->dir);
    state->home = home;
    tdm_status s = TDM_OK;
    if (!log)
        log = tdm__home_log(home); /* its end moves as it is written, and shows nothing that is not durable */
    if (!log) {
        s = tdm__home_path(home, path, err, "log");
        if (!s)
            s = tdm__log_open(home->fs, path, &own, err);
        log = own;
    }
    if (!s)
        s = replay(state, log, position, err);
    tdm__log_close(&own);
    if (s)
        tdm__state_close(&state);
    *out = state;
    return s;
}

void tdm__state_close(tdm__state **state)
{
    if (!*state)
        return;
    tdm__free((*state)->source);
    tdm__free((*state)->release);
    tdm__arena_free(&(*state)->arena);
    tdm__free(*state);
    *state = NULL;
}

const tdm__source_state *tdm__state_find(const tdm__state *state, tdm_str name)
{
    size_t at;
    return find(state, name, &at) ? &state->source[at] : NULL;
}

tdm_status tdm__state_need(const tdm__state *state, tdm_str name, const tdm__source_state **out, tdm_error *err)
{
    *out = tdm__state_find(state, name);
    if (*out)
        return TDM_OK;
    char where[80];
    snprintf(where, sizeof where, "%.*s", (int)(name.len < 64 ? name.len : 64), name.ptr);
    tdm_status s = tdm__fail(err, TDM_NOT_FOUND, where, "there is no such source in the home");
    for (size_t i = 0; i < state->n; i++) {
        char known[80];
        const char *list[1] = {known};
        snprintf(known, sizeof known, "%.*s", (int)state->source[i].source.name.len, state->source[i].source.name.ptr);
        if (tdm__nearest(name, list, 1)) {
            tdm__fail_hint(err, "did you mean '%s'?", known);
            return s;
        }
    }
    tdm__fail_hint(err, state->n ? "'tandem source list' shows them" : "'tandem source add FILE' adds sources");
    return s;
}

tdm_status tdm__state_open_store(const tdm__state *state, const tdm__source_state *source, tdm__store **out,
                                 tdm_error *err)
{
    char path[TDM__PATH_MAX], digest[17], name[80];
    *out = NULL;
    snprintf(name, sizeof name, "%.*s", (int)source->source.name.len, source->source.name.ptr);
    if (!source->version)
        return tdm__fail(err, TDM_NOT_FOUND, name, "nothing was loaded into this source yet");
    tdm_status s = tdm__home_path(state->home, path, err, "sources/%s/%06" PRIu64 ".store", name, source->version);
    if (!s)
        s = tdm__store_open(state->home->fs, path, out, err);
    if (s)
        return s == TDM_NOT_FOUND ? tdm__fail(err, TDM_CORRUPT, path, "the store that was loaded is gone") : s;
    snprintf(digest, sizeof digest, "%016" PRIx64, tdm__store_digest(*out));
    if (strcmp(digest, source->digest)) {
        s = tdm__fail(err, TDM_CORRUPT, path, "this is not the store that was loaded");
        tdm__fail_expected(err, "digest %s", source->digest);
        tdm__fail_found(err, "%s", digest);
        tdm__store_close(out);
    }
    return s;
}

static const tdm__source *catalog_find(void *self, tdm_str name)
{
    const tdm__source_state *found = tdm__state_find(self, name);
    return found ? &found->source : NULL;
}

tdm__source_catalog tdm__state_catalog(tdm__state *state)
{
    tdm__source_catalog catalog = {.self = state, .find = catalog_find};
    const char **names = tdm__arena_array(&state->arena, state->n + 1, const char *);
    for (size_t i = 0; names && i < state->n; i++) {
        names[i] = tdm__arena_copy(&state->arena, state->source[i].source.name.ptr, state->source[i].source.name.len);
        if (!names[i])
            names = NULL;
    }
    if (names) {
        catalog.names = names;
        catalog.n_names = state->n;
    }
    return catalog;
}
