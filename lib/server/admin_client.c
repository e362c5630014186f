/* The commands that write, as the public API has them: done here, or by the server that holds the home.
 *
 * Each is tried in this process first. Only where the home turns out to be held, and its holder is a server that answers at
 * admin.sock, is that one asked; it gives back the same report, error, diagnostics and progress, so callers see no
 * difference. Inputs that only this process can read (standard input, pipes) are put into the home's tmp folder first. */
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/memory.h"
#include "batch/run.h"
#include "engine/cutover.h"
#include "os/clock.h"
#include "os/process.h"
#include "release/release_info.h"
#include "release/releases.h"
#include "server/admin_ask.h"
#include "state/load.h"

enum { SPOOL_PIECE_BYTES = 1 << 20 };

/* ---- inputs, as another process can read them ---- */

typedef struct inputs {
    tdm_home *home;
    tdm_progress_fn progress;
    void *self;
    const char *stage;       /* that the progress of spooling is told under */
    tdm__arena arena;
    tdm__alias *alias;       /* one a file, in their order */
    bool *spooled;
    size_t n, cap, cap_spooled;
} inputs;

static void drop_inputs(inputs *in)
{
    for (size_t i = 0; i < in->n; i++)
        if (in->spooled[i])
            tdm__remove(in->home->fs, in->alias[i].there, NULL);
    tdm__free(in->alias);
    tdm__free(in->spooled);
    tdm__arena_free(&in->arena);
}

/* Whether only this process sees what the path means; JSON has no way to name a path that is not UTF-8. */
static bool is_ours_alone(tdm_home *home, const char *path)
{
    tdm__stat stat;
    if (!strcmp(path, "-") || !strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6) || !tdm__utf8_valid(tdm__str(path)))
        return true;
    return !tdm__stat_path(home->fs, path, &stat, NULL) && stat.is_other;
}

static tdm_status copy_rest(inputs *in, tdm__file *from, tdm__file *to, char *piece, tdm_error *err)
{
    for (uint64_t at = 0;;) {
        size_t got;
        tdm_progress p = {.stage = in->stage, .done = at, .unit = "bytes"};
        if (in->progress && !in->progress(in->self, &p))
            return tdm__fail(err, TDM_CANCELLED, in->stage, "the command was cancelled; nothing was changed");
        tdm_status s = tdm__file_read_next(from, piece, SPOOL_PIECE_BYTES, &got, err);
        if (!s && got)
            s = tdm__file_write_at(to, at, piece, got, err);
        if (s || !got)
            return s;
        at += got;
    }
}

/* A name under tmp that nobody else takes; what a crash leaves there is swept by the next holder of the home. */
static tdm_status spool_path(inputs *in, char out[TDM__PATH_MAX], tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm_status s = tdm__home_path(in->home, path, err, "tmp/spool-%lld-%llu-%zu.tmp", (long long)tdm__process_id(),
                                  (unsigned long long)tdm__monotonic_ns(), in->n);
    return s ? s : tdm__path_absolute(path, out, TDM__PATH_MAX, err);
}

static tdm_status spool_file(inputs *in, const char *path, const char *to, tdm_error *err)
{
    tdm__file *from = NULL, *file = NULL;
    char *piece = tdm__alloc(SPOOL_PIECE_BYTES);
    tdm_status s = piece ? tdm__file_open(in->home->fs, path, TDM__READ, &from, err) : tdm__no_memory(err, path);
    if (!s)
        s = tdm__file_open(in->home->fs, to, TDM__WRITE | TDM__CREATE | TDM__EXCLUSIVE, &file, err);
    if (!s)
        s = copy_rest(in, from, file, piece, err);
    tdm__file_close(&from);
    tdm__file_close(&file);
    tdm__free(piece);
    if (s)
        tdm__remove(in->home->fs, to, NULL);
    return s;
}

/* Adds a file: a path that the server can open, and the caller's name for it. `text`: its content when it was read here
 * already and cannot be read again (ptr NULL: it was not). */
static tdm_status add_input(inputs *in, const char *path, tdm_str text, tdm_error *err)
{
    char there[TDM__PATH_MAX];
    bool spool = is_ours_alone(in->home, path);
    tdm_status s = spool ? spool_path(in, there, err) : tdm__path_absolute(path, there, sizeof there, err);
    if (!s && (!tdm__grow(in->alias, in->cap, in->n + 1) || !tdm__grow(in->spooled, in->cap_spooled, in->n + 1)))
        s = tdm__no_memory(err, path);
    char *kept = s ? NULL : tdm__arena_copy(&in->arena, there, strlen(there));
    if (!kept)
        return s ? s : tdm__no_memory(err, path);
    if (spool && text.ptr)
        s = tdm__write_file_durably(in->home->fs, kept, text.ptr, text.len, err);
    else if (spool)
        s = spool_file(in, path, kept, err);
    if (s)
        return s;
    in->alias[in->n] = (tdm__alias){.there = kept, .here = path};
    in->spooled[in->n++] = spool;
    return TDM_OK;
}

/* ---- requests ---- */

/* A request that is being written: an object is open. */
typedef struct request {
    tdm_text text;
    tdm_json j;
} request;

static void request_begin(request *r)
{
    *r = (request){0};
    r->j.out = &r->text;
    tdm_json_begin(&r->j, NULL, '{');
}

static void optional_text(request *r, const char *name, const char *text)
{
    if (text)
        tdm_json_text(&r->j, name, text);
}

/* Sends it and frees it. */
static tdm_status send(tdm_home *home, tdm__socket *socket, request *r, tdm__asking *asking, tdm_error *err)
{
    tdm_json_end(&r->j, '}');
    asking->request = tdm__strn(r->text.ptr, r->text.len);
    tdm_status s = r->text.failed ? tdm__no_memory(err, asking->command) : tdm__admin_ask(home, socket, asking, err);
    tdm__socket_close(socket);
    tdm_text_free(&r->text);
    return s;
}

/* ---- load ---- */

static tdm_status load_there(tdm_home *home, tdm__socket *socket, const char *source, inputs *in,
                             const tdm_load_options *options, tdm_load_report *out, tdm_error *err)
{
    request r;
    tdm__asking asking = {
        .command = "load", .alias = in->alias, .n_aliases = in->n, .progress = in->progress, .self = in->self};
    request_begin(&r);
    tdm_json_text(&r.j, "source", source);
    tdm_json_begin(&r.j, "files", '[');
    for (size_t i = 0; i < in->n; i++)
        tdm_json_text(&r.j, NULL, in->alias[i].there);
    tdm_json_end(&r.j, ']');
    tdm_json_begin(&r.j, "names", '[');
    for (size_t i = 0; i < in->n; i++)
        tdm_json_text(&r.j, NULL, in->alias[i].here);
    tdm_json_end(&r.j, ']');
    if (options) {
        tdm_json_bool(&r.j, "replace", options->replace);
        tdm_json_f64(&r.j, "bad_share_max", options->bad_share_max);
    }
    tdm_status s = send(home, socket, &r, &asking, err);
    tdm_status read = tdm__report_read(&tdm__report_load, s ? asking.last.report : asking.last.result, out, s ? NULL : err);
    tdm__wire_line_free(&asking.last);
    return s ? s : read;
}

tdm_status tdm_load(tdm_home *home, const char *source, const char *const *paths, size_t n_paths,
                    const tdm_load_options *options, tdm_load_report *out, tdm_error *err)
{
    tdm__socket socket;
    tdm_status s = tdm__load_here(home, source, paths, NULL, n_paths, options, out, err);
    if (s != TDM_BUSY || !tdm__admin_reach(home, &socket))
        return s;
    inputs in = {.home = home, .stage = "load", .progress = options ? options->progress : NULL,
                 .self = options ? options->self : NULL};
    s = TDM_OK;
    for (size_t i = 0; !s && i < n_paths; i++)
        s = add_input(&in, paths[i], (tdm_str){0}, err);
    if (!s)
        s = load_there(home, &socket, source, &in, options, out, err);
    tdm__socket_close(&socket);
    drop_inputs(&in);
    return s;
}

/* ---- source add ---- */

static tdm_status add_there(tdm_home *home, tdm__socket *socket, const inputs *in, tdm_diagnostics *diagnostics,
                            tdm_source_added *out, tdm_error *err)
{
    request r;
    tdm__asking asking = {.command = "source_add", .alias = in->alias, .n_aliases = in->n, .diagnostics = diagnostics};
    request_begin(&r);
    tdm_json_text(&r.j, "path", in->alias[0].there);
    tdm_status s = send(home, socket, &r, &asking, err);
    if (!s)
        s = tdm__report_read(&tdm__report_added, asking.last.result, out, err);
    tdm__wire_line_free(&asking.last);
    return s;
}

/* The file is read once: it may be one that cannot be read again. */
tdm_status tdm_source_add(tdm_home *home, const char *path, tdm_diagnostics *diagnostics, tdm_source_added *out,
                          tdm_error *err)
{
    tdm__buf text = {0};
    tdm__socket socket;
    inputs in = {.home = home, .stage = "source add"};
    *out = (tdm_source_added){0};
    tdm_status s = tdm__read_file(tdm__fs_posix(), path, TDM__SOURCES_BYTES_MAX, &text, err);
    if (s)
        return s;
    s = tdm__source_add_text(home, tdm__strn(text.ptr, text.len), path, diagnostics, out, err);
    if (s == TDM_BUSY && tdm__admin_reach(home, &socket)) {
        s = add_input(&in, path, tdm__strn(text.ptr, text.len), err);
        if (!s)
            s = add_there(home, &socket, &in, diagnostics, out, err);
        tdm__socket_close(&socket);
        drop_inputs(&in);
    }
    tdm__buf_free(&text);
    return s;
}

/* ---- pack ---- */

/* The release that a packing names, with the notes of its check. */
static tdm_status open_packed(tdm_home *home, const json_t *result, tdm_release **out, tdm_error *err)
{
    const char *id = json_string_value(json_object_get(result, "id"));
    const json_t *list = json_object_get(result, "notes");
    tdm__arena arena = {0};
    if (!id)
        return tdm__fail(err, TDM_CORRUPT, "pack", "the server's answer does not name the release");
    const char **note = tdm__arena_array(&arena, json_array_size(list) + 1, const char *);
    tdm_status s = note ? tdm_release_open(home, id, out, err) : tdm__no_memory(err, "pack");
    for (size_t i = 0; !s && i < json_array_size(list); i++) {
        note[i] = json_string_value(json_array_get(list, i));
        note[i] = note[i] ? note[i] : "";
    }
    if (!s)
        s = tdm__release_info_note(*out, note, json_array_size(list), err);
    tdm__arena_free(&arena);
    if (s)
        tdm_release_close(out);
    return s;
}

tdm_status tdm_release_pack(tdm_home *home, const char *dir, tdm_diagnostics *diagnostics, tdm_release **out,
                            tdm_error *err)
{
    char there[TDM__PATH_MAX];
    tdm__socket socket;
    request r;
    tdm_status s = tdm__release_pack_here(home, dir, diagnostics, out, err);
    if (s != TDM_BUSY || !tdm__admin_reach(home, &socket))
        return s;
    s = tdm__path_absolute(dir, there, sizeof there, err);
    if (s) {
        tdm__socket_close(&socket);
        return s;
    }
    const tdm__alias alias = {.there = there, .here = dir};
    tdm__asking asking = {.command = "pack", .alias = &alias, .n_aliases = 1, .diagnostics = diagnostics};
    request_begin(&r);
    tdm_json_text(&r.j, "dir", there);
    s = send(home, &socket, &r, &asking, err);
    if (!s)
        s = open_packed(home, asking.last.result, out, err);
    tdm__wire_line_free(&asking.last);
    return s;
}

/* ---- run ---- */

/* A population is named as the caller does. "-" is refused by a run, and says so in the server too. */
static tdm_status add_population(inputs *in, const char *population, tdm_error *err)
{
    return population && strcmp(population, "-") ? add_input(in, population, (tdm_str){0}, err) : TDM_OK;
}

static tdm_status run_there(tdm_home *home, tdm__socket *socket, const char *release, const tdm_run_options *options,
                            const inputs *in, tdm_run_report *out, tdm_error *err)
{
    request r;
    tdm__asking asking = {
        .command = "run", .alias = in->alias, .n_aliases = in->n, .progress = in->progress, .self = in->self};
    request_begin(&r);
    tdm_json_text(&r.j, "release", release);
    if (options) {
        optional_text(&r, "population", in->n ? in->alias[0].there : options->population);
        optional_text(&r, "name", options->population);
        if (options->has_as_of)
            tdm_json_i64(&r.j, "as_of", options->as_of_us);
        tdm_json_u64(&r.j, "threads", options->threads);
    }
    tdm_status s = send(home, socket, &r, &asking, err);
    tdm_status read = tdm__report_read_run(s ? asking.last.report : asking.last.result, out, s ? NULL : err);
    tdm__wire_line_free(&asking.last);
    return s ? s : read;
}

tdm_status tdm_run(tdm_home *home, const char *release, const tdm_run_options *options, tdm_run_report *out,
                   tdm_error *err)
{
    tdm__socket socket;
    tdm_status s = tdm__run_here(home, release, options, NULL, out, err);
    if (s != TDM_BUSY || !tdm__admin_reach(home, &socket))
        return s;
    inputs in = {.home = home, .stage = "score", .progress = options ? options->progress : NULL,
                 .self = options ? options->self : NULL};
    memset(out, 0, sizeof *out);
    s = add_population(&in, options ? options->population : NULL, err);
    if (!s)
        s = run_there(home, &socket, release, options, &in, out, err);
    tdm__socket_close(&socket);
    drop_inputs(&in);
    return s;
}

/* ---- cutovers ---- */

static tdm_status cut_over_there(tdm_home *home, tdm__socket *socket, request *r, tdm__asking *asking, uint64_t *epoch,
                                 tdm_error *err)
{
    tdm_status s = send(home, socket, r, asking, err);
    const json_t *number = json_object_get(asking->last.result, "epoch");
    if (!s && !json_is_integer(number))
        s = tdm__fail(err, TDM_CORRUPT, asking->command, "the server's answer does not name the epoch");
    if (!s)
        *epoch = (uint64_t)json_integer_value(number);
    tdm__wire_line_free(&asking->last);
    return s;
}

tdm_status tdm_promote(tdm_home *home, const char *release, const char *table, uint64_t expect,
                       const tdm_progress_fn progress, void *self, uint64_t *epoch, tdm_error *err)
{
    tdm__socket socket;
    request r;
    tdm__asking asking = {.command = "promote", .progress = progress, .self = self};
    tdm_status s = tdm__promote_here(home, release, table, expect, progress, self, epoch, err);
    if (s != TDM_BUSY || !tdm__admin_reach(home, &socket))
        return s;
    request_begin(&r);
    tdm_json_text(&r.j, "release", release);
    optional_text(&r, "table", table);
    if (expect)
        tdm_json_u64(&r.j, "expect", expect == TDM_EXPECT_NONE ? 0 : expect);
    return cut_over_there(home, &socket, &r, &asking, epoch, err);
}

tdm_status tdm_rollback(tdm_home *home, const char *service, uint64_t *epoch, tdm_error *err)
{
    tdm__socket socket;
    request r;
    tdm__asking asking = {.command = "rollback"};
    tdm_status s = tdm__rollback_here(home, service, NULL, NULL, epoch, err);
    if (s != TDM_BUSY || !tdm__admin_reach(home, &socket))
        return s;
    request_begin(&r);
    optional_text(&r, "service", service);
    return cut_over_there(home, &socket, &r, &asking, epoch, err);
}
