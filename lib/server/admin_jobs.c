/* What each admin command does: its members out of the request, the work as any process would do it, its report.
 *
 * The work is that of tdm__promote_here and the like on the home that the server holds, so that writers take turns as they
 * do between processes. What changed is then served: cutovers through the home's hooks (admin.c), loads by a refresh. */
#include "server/admin_jobs.h"

#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/memory.h"
#include "batch/run.h"
#include "engine/cutover.h"
#include "release/releases.h"
#include "state/load.h"

/* ---- the request's members ---- */

static tdm_status wrong(const char *name, const json_t *found, const char *expected, tdm_error *err)
{
    static const char *const types[] = {"an object", "a list", "a text", "an integer", "a number", "true", "false", "null"};
    tdm_status s = tdm__fail(err, found ? TDM_FIELD_TYPE : TDM_USAGE, name,
                             found ? "the member does not have its type" : "the member is missing");
    tdm__fail_expected(err, "%s", expected);
    if (found)
        tdm__fail_found(err, "%s", types[json_typeof(found)]);
    return s;
}

/* NULL when an optional one is absent or null. */
static tdm_status text_member(const json_t *o, const char *name, bool required, const char **out, tdm_error *err)
{
    const json_t *v = json_object_get(o, name);
    *out = json_string_value(v);
    if (*out || (!required && (!v || json_is_null(v))))
        return TDM_OK;
    return wrong(name, v, "a text", err);
}

static tdm_status bool_member(const json_t *o, const char *name, bool *out, tdm_error *err)
{
    const json_t *v = json_object_get(o, name);
    *out = json_is_true(v);
    return !v || json_is_boolean(v) || json_is_null(v) ? TDM_OK : wrong(name, v, "true or false", err);
}

static tdm_status count_member(const json_t *o, const char *name, bool *given, uint64_t *out, tdm_error *err)
{
    const json_t *v = json_object_get(o, name);
    *given = v && !json_is_null(v);
    *out = *given && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
    return !*given || (json_is_integer(v) && json_integer_value(v) >= 0) ? TDM_OK : wrong(name, v, "a count", err);
}

/* Microseconds since 1970, or RFC 3339. */
static tdm_status instant_member(const json_t *o, const char *name, bool *given, int64_t *out, tdm_error *err)
{
    const json_t *v = json_object_get(o, name);
    *given = v && !json_is_null(v);
    *out = json_integer_value(v);
    if (!*given || json_is_integer(v))
        return TDM_OK;
    if (json_is_string(v) && tdm_instant_read(tdm__str(json_string_value(v)), out))
        return TDM_OK;
    tdm_status s = wrong(name, v, "RFC 3339 with a zone, or microseconds since 1970", err);
    if (json_is_string(v))
        tdm__fail_found_text(err, tdm__str(json_string_value(v)));
    return s;
}

/* A list of texts in memory of the caller's; *out NULL when an optional one is absent. */
static tdm_status texts_member(const json_t *o, const char *name, bool required, tdm__arena *arena, const char *const **out,
                               size_t *n, tdm_error *err)
{
    const json_t *v = json_object_get(o, name);
    *n = json_array_size(v);
    *out = NULL;
    if (!v && !required)
        return TDM_OK;
    if (!json_is_array(v) || *n > TDM__ADMIN_FILES_MAX)
        return wrong(name, v, "a list of texts", err);
    const char **text = tdm__arena_array(arena, *n + 1, const char *);
    if (!text)
        return tdm__no_memory(err, name);
    for (size_t i = 0; i < *n; i++)
        if (!(text[i] = json_string_value(json_array_get(v, i))))
            return wrong(name, json_array_get(v, i), "a list of texts", err);
    *out = text;
    return TDM_OK;
}

/* Every member is one that the command knows: a slip is told, not passed over. */
static tdm_status check_members(const tdm__admin_command *command, const json_t *request, tdm_error *err)
{
    const char *known[16];
    char words[128];
    size_t n = 0;
    snprintf(words, sizeof words, "%s", command->members);
    for (char *word = words; *word && n < sizeof known / sizeof *known;) {
        known[n++] = word;
        word += strcspn(word, " ");
        if (*word)
            *word++ = 0;
    }
    for (void *i = json_object_iter((json_t *)request); i; i = json_object_iter_next((json_t *)request, i)) {
        const char *name = json_object_iter_key(i);
        bool found = false;
        for (size_t k = 0; k < n; k++)
            found |= !strcmp(known[k], name);
        if (found)
            continue;
        tdm_status s = tdm__fail(err, TDM_FIELD_UNKNOWN, name, "the command has no such member");
        const char *near = tdm__nearest(tdm__str(name), known, n);
        if (near)
            tdm__fail_hint(err, "did you mean '%s'?", near);
        return s;
    }
    return TDM_OK;
}

/* ---- the commands ---- */

static tdm_status run_promote(tdm__admin_job *job, tdm_error *err)
{
    const char *release, *table;
    uint64_t expect, epoch;
    bool expects;
    tdm_status s = text_member(job->request, "release", true, &release, err);
    if (!s)
        s = text_member(job->request, "table", false, &table, err);
    if (!s)
        s = count_member(job->request, "expect", &expects, &expect, err);
    if (s)
        return s;
    if (expects && !expect)
        expect = TDM_EXPECT_NONE;
    s = tdm__promote_here(job->server->home, release, table, expect, job->progress, job->self, &epoch, err);
    if (!s)
        tdm_json_u64(&job->result, "epoch", epoch);
    return s;
}

static tdm_status run_rollback(tdm__admin_job *job, tdm_error *err)
{
    const char *service;
    uint64_t epoch;
    tdm_status s = text_member(job->request, "service", false, &service, err);
    if (!s)
        s = tdm__rollback_here(job->server->home, service, job->progress, job->self, &epoch, err);
    if (!s)
        tdm_json_u64(&job->result, "epoch", epoch);
    return s;
}

/* What was loaded is durable, whether or not it can be served: a service that cannot use it says so in the status. */
static void refresh(tdm__admin_job *job)
{
    tdm_error err = {0};
    tdm__thread_yielding(); /* the long part is done: what others wait for now must not take the leavings of the core */
    if (tdm__serving_refresh(job->server, &err))
        tdm__wire_error_write(&err, NULL, "not_served", &job->result);
}

static tdm_status run_load(tdm__admin_job *job, tdm_error *err)
{
    const char *source, *const *file = NULL, *const *name = NULL;
    size_t n = 0, n_names = 0;
    tdm__arena arena = {0};
    tdm_load_report report = {0};
    tdm_load_options options = {.bad_share_max = 0.01, .progress = job->progress, .self = job->self};
    const json_t *share = json_object_get(job->request, "bad_share_max");
    tdm_status s = text_member(job->request, "source", true, &source, err);
    if (!s)
        s = texts_member(job->request, "files", true, &arena, &file, &n, err);
    if (!s)
        s = texts_member(job->request, "names", false, &arena, &name, &n_names, err);
    if (!s && name && n_names != n)
        s = tdm__fail(err, TDM_USAGE, "names", "there are not as many names as files");
    if (!s)
        s = bool_member(job->request, "replace", &options.replace, err);
    if (!s && share && !json_is_number(share))
        s = wrong("bad_share_max", share, "a number from 0 to 1", err);
    if (!s && share)
        options.bad_share_max = json_number_value(share);
    if (!s) {
        s = tdm__load_here(job->server->home, source, file, name, n, &options, &report, err);
        tdm__report_write(&tdm__report_load, &report, &job->result);
        job->reported = true;
    }
    if (!s)
        refresh(job);
    tdm__arena_free(&arena);
    return s;
}

static tdm_status run_run(tdm__admin_job *job, tdm_error *err)
{
    const char *release, *name;
    uint64_t threads, epoch;
    bool given, promote;
    tdm_run_options options = {.progress = job->progress, .self = job->self};
    tdm_status s = text_member(job->request, "release", true, &release, err);
    if (!s)
        s = text_member(job->request, "population", false, &options.population, err);
    if (!s)
        s = text_member(job->request, "name", false, &name, err);
    if (!s)
        s = instant_member(job->request, "as_of", &options.has_as_of, &options.as_of_us, err);
    if (!s)
        s = count_member(job->request, "threads", &given, &threads, err);
    if (!s)
        s = bool_member(job->request, "promote", &promote, err);
    tdm_run_report *report = s ? NULL : tdm__new(tdm_run_report);
    if (!report)
        return s ? s : tdm__no_memory(err, "run");
    options.threads = (unsigned)(threads < 256 ? threads : 256);
    s = tdm__run_here(job->server->home, release, &options, name, report, err);
    tdm__report_write_run(report, &job->result);
    job->reported = true;
    if (!s && promote)
        s = tdm__promote_here(job->server->home, report->release, report->table, 0, job->progress, job->self, &epoch, err);
    if (!s && promote)
        tdm_json_u64(&job->result, "epoch", epoch);
    tdm__free(report);
    return s;
}

static tdm_status run_source_add(tdm__admin_job *job, tdm_error *err)
{
    const char *path;
    tdm_source_added added;
    tdm_status s = text_member(job->request, "path", true, &path, err);
    if (!s)
        s = tdm__source_add_here(job->server->home, path, job->diagnostics, &added, err);
    if (s)
        return s;
    tdm__report_write(&tdm__report_added, &added, &job->result);
    refresh(job);
    return TDM_OK;
}

static tdm_status run_pack(tdm__admin_job *job, tdm_error *err)
{
    const char *dir;
    tdm_release *release = NULL;
    tdm_status s = text_member(job->request, "dir", true, &dir, err);
    if (!s)
        s = tdm__release_pack_here(job->server->home, dir, job->diagnostics, &release, err);
    if (s)
        return s;
    const tdm_release_info *info = tdm_release_describe(release);
    tdm_json_text(&job->result, "id", info->id);
    tdm_json_text(&job->result, "name", info->name);
    tdm_json_begin(&job->result, "notes", '[');
    for (size_t i = 0; i < info->n_notes; i++)
        tdm_json_text(&job->result, NULL, info->note[i]);
    tdm_json_end(&job->result, ']');
    tdm_release_close(&release);
    return TDM_OK;
}

static tdm_status run_drain(tdm__admin_job *job, tdm_error *err)
{
    (void)err;
    atomic_store(&job->server->drained, true);
    tdm_json_bool(&job->result, "draining", true);
    return TDM_OK;
}

static tdm_status run_status(tdm__admin_job *job, tdm_error *err)
{
    (void)err;
    tdm__server_status_json(job->server, tdm__serving_hold(job->server), &job->result);
    tdm__serving_release(job->server);
    return TDM_OK;
}

static tdm_status run_top(tdm__admin_job *job, tdm_error *err)
{
    (void)err;
    tdm__top_json(job->server, &job->result);
    return TDM_OK;
}

const tdm__admin_command tdm__admin_commands[] = {
#define ROW(method, name, pace, members, text) {#name, members, text, TDM__HTTP_##method, TDM__PACE_##pace, run_##name},
    TDM__ADMIN_COMMANDS(ROW)
#undef ROW
};
const size_t tdm__n_admin_commands = sizeof tdm__admin_commands / sizeof *tdm__admin_commands;

tdm_status tdm__admin_job_run(const tdm__admin_command *command, tdm__admin_job *job, tdm_error *err)
{
    tdm_status s = check_members(command, job->request, err);
    if (s)
        return s;
    if (!job->server->home && command->pace != TDM__PACE_EQUAL) {
        s = tdm__fail(err, TDM_REFUSED, command->name, "the server has no home: it serves bare models alone");
        tdm__fail_hint(err, "'tandem --home DIR serve' serves what is current in a home");
        return s;
    }
    if (command->pace != TDM__PACE_EQUAL)
        tdm__thread_background();
    return command->run(job, err);
}
