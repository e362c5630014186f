/* Releases through the public API: check, pack, open, list.
 *
 * What is packed is told to the log, so that "the newest of a name" is the one packed last, and a release is known to
 * the home exactly when its package is durable. */
#include "release/releases.h"

#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "os/clock.h"
#include "release/epoch_file.h"
#include "release/release_info.h"
#include "state/document.h"

static tdm_status releases_dir(const tdm_home *home, char out[TDM__PATH_MAX], tdm_error *err)
{
    return tdm__home_path(home, out, err, "releases");
}

static tdm_status not_found(const tdm__state *state, const char *text, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_NOT_FOUND, text, "there is no such release in the home");
    tdm__fail_expected(err, "an id, the first digits of just one, or a name");
    for (size_t i = state->n_releases; i-- > 0;) {
        const char *known[1] = {state->release[i].name};
        if (tdm__nearest(tdm__str(text), known, 1)) {
            tdm__fail_hint(err, "did you mean '%s'?", known[0]);
            return s;
        }
    }
    tdm__fail_hint(err, state->n_releases ? "'tandem release list' shows them" : "'tandem release pack DIR' makes one");
    return s;
}

tdm_status tdm__release_resolve(const tdm__state *state, const char *text, char id[65], tdm_error *err)
{
    size_t length = strlen(text), matches = 0, at = 0;
    for (size_t i = state->n_releases; i-- > 0;) {
        if (!strcmp(state->release[i].name, text)) {
            memcpy(id, state->release[i].id, 65);
            return TDM_OK;
        }
        if (length && length <= 64 && !strncmp(state->release[i].id, text, length)) {
            matches++;
            at = i;
        }
    }
    if (matches > 1)
        return tdm__fail(err, TDM_NOT_FOUND, text, "%zu releases begin with these digits", matches);
    if (!matches)
        return not_found(state, text, err);
    memcpy(id, state->release[at].id, 65);
    return TDM_OK;
}

tdm_status tdm__release_package(tdm_home *home, const tdm__state *state, const char *text, tdm__package **out,
                                tdm_error *err)
{
    char dir[TDM__PATH_MAX], id[65];
    *out = NULL;
    tdm_status s = tdm__release_resolve(state, text, id, err);
    if (!s)
        s = releases_dir(home, dir, err);
    if (!s)
        s = tdm__package_open(home->fs, dir, id, out, err);
    return s;
}

/* Checks the folder against the state's sources; diagnostics get everything, err the first. */
static tdm_status check(tdm_home *home, tdm__state *state, const char *dir, tdm_diagnostics *diagnostics,
                        tdm__package **out, tdm_error *err)
{
    tdm__source_catalog catalog = tdm__state_catalog(state);
    return tdm__package_check(home->fs, dir, &catalog, NULL, diagnostics, out, err);
}

tdm_status tdm_release_check(tdm_home *home, const char *dir, tdm_diagnostics *diagnostics, tdm_release **out,
                             tdm_error *err)
{
    tdm__state *state;
    tdm__package *package = NULL;
    if (out)
        *out = NULL;
    tdm_status s = tdm__state_read(home, NULL, UINT64_MAX, &state, err);
    if (s)
        return s;
    s = check(home, state, dir, diagnostics, &package, err);
    if (!s && out)
        s = tdm__release_info_new(package, 0, out, err);
    tdm__package_close(&package);
    tdm__state_close(&state);
    return s;
}

static tdm_status log_packing(tdm__log_handle *log, const tdm__package *package, int64_t now_us, tdm_error *err)
{
    tdm__buf text = {0};
    tdm_str name = package->manifest->name;
    tdm__document_dump(
        json_pack("{s:s, s:s%, s:I}", "id", package->id, "name", name.ptr, name.len, "packed_us", (json_int_t)now_us),
        &text);
    tdm_status s = tdm__buf_check(&text, err);
    if (!s) {
        tdm__frame frame = {.kind = TDM__LOG_RELEASE, .payload = tdm__strn(text.ptr, text.len)};
        s = tdm__log_append(log, &frame, 1, NULL, err);
    }
    tdm__buf_free(&text);
    return s;
}

/* Whether the release is the newest of its name already; then *packed_us is when. */
static bool is_newest(const tdm__state *state, const tdm__package *package, int64_t *packed_us)
{
    for (size_t i = state->n_releases; i-- > 0;)
        if (tdm__str_is(package->manifest->name, state->release[i].name)) {
            *packed_us = state->release[i].packed_us;
            return !strcmp(state->release[i].id, package->id);
        }
    return false;
}

tdm_status tdm__release_pack_here(tdm_home *home, const char *dir, tdm_diagnostics *diagnostics, tdm_release **out,
                                  tdm_error *err)
{
    char releases[TDM__PATH_MAX];
    tdm__writing writing;
    tdm__state *state = NULL;
    tdm__package *package = NULL;
    int64_t packed_us = 0;
    *out = NULL;
    tdm_status s = tdm__writing_begin(home, "release pack", &writing, err);
    if (s)
        return s;
    s = tdm__state_read(home, writing.log, UINT64_MAX, &state, err);
    if (!s)
        s = releases_dir(home, releases, err);
    if (!s)
        s = check(home, state, dir, diagnostics, &package, err);
    if (!s)
        s = tdm__package_write(home->fs, package, releases, err);
    if (!s && !is_newest(state, package, &packed_us)) {
        packed_us = tdm__now_us();
        s = log_packing(writing.log, package, packed_us, err);
    }
    if (!s)
        s = tdm__release_info_new(package, packed_us, out, err);
    tdm__package_close(&package);
    tdm__state_close(&state);
    tdm__writing_end(&writing);
    return s;
}

tdm_status tdm_release_open(tdm_home *home, const char *release, tdm_release **out, tdm_error *err)
{
    tdm__state *state;
    tdm__package *package = NULL;
    int64_t packed_us = 0;
    *out = NULL;
    tdm_status s = tdm__state_read(home, NULL, UINT64_MAX, &state, err);
    if (s)
        return s;
    s = tdm__release_package(home, state, release, &package, err);
    for (size_t i = 0; !s && i < state->n_releases; i++)
        if (!strcmp(state->release[i].id, package->id))
            packed_us = state->release[i].packed_us;
    if (!s)
        s = tdm__release_info_new(package, packed_us, out, err);
    tdm__package_close(&package);
    tdm__state_close(&state);
    return s;
}

static void mark_current(tdm_release_entry *entry, const tdm__epoch *epoch)
{
    for (size_t i = 0; i < epoch->n; i++)
        entry->current |= !strcmp(epoch->service[i].release, entry->id);
}

tdm_status tdm_release_list(tdm_home *home, tdm_release_entry **out, size_t *n, tdm_error *err)
{
    tdm__state *state;
    tdm__epoch epoch;
    *out = NULL;
    *n = 0;
    tdm_status s = tdm__epoch_read_current(home, &epoch, err);
    if (s == TDM_CORRUPT) /* then nothing is known to be current; the releases are there all the same */
        memset(&epoch, 0, sizeof epoch);
    if (!s || s == TDM_CORRUPT)
        s = tdm__state_read(home, NULL, UINT64_MAX, &state, err);
    if (s)
        return s;
    *out = tdm__zalloc(state->n_releases + 1, sizeof **out);
    for (size_t i = state->n_releases; *out && i-- > 0;) {
        tdm_release_entry *entry = &(*out)[(*n)++];
        memcpy(entry->id, state->release[i].id, sizeof entry->id);
        memcpy(entry->name, state->release[i].name, sizeof entry->name);
        entry->packed_us = state->release[i].packed_us;
        mark_current(entry, &epoch);
    }
    tdm__state_close(&state);
    return *out ? TDM_OK : tdm__no_memory(err, "releases");
}

void tdm_release_entries_free(tdm_release_entry **entries)
{
    tdm__free(*entries);
    *entries = NULL;
}
