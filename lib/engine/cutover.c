/* Cutover: staging a release and a table, and flipping the current epoch; rolling back.
 *
 * Staging reads every byte that the new epoch would serve and compares golden rows to the bit. Then who serves in this
 * process, if anybody does, gets ready for it. Only then is the flip written: one rename (release/epoch_file.h). A rollback
 * is a new epoch with an older content, staged likewise. */
#include "engine/cutover.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "engine/engine.h"
#include "os/clock.h"
#include "release/epoch_file.h"
#include "release/releases.h"
#include "table/tables.h"

typedef struct telling {
    const char *what; /* "promote", "rollback" */
    tdm_progress_fn progress;
    void *self;
} telling;

static tdm_status tell(const telling *t, const char *stage, uint64_t done, tdm_error *err)
{
    tdm_progress p = {.stage = stage, .done = done, .total = 6, .unit = "steps"};
    if (t->progress && !t->progress(t->self, &p))
        return tdm__fail(err, TDM_CANCELLED, t->what, "the cutover was cancelled; nothing was changed");
    return TDM_OK;
}

/* A table fits a release when that release made it. */
static tdm_status check_table(const tdm__package *package, const tdm_table *table, tdm_error *err)
{
    const tdm_table_info *info = &table->info;
    if (strcmp(info->release, package->id)) {
        tdm_status s = tdm__fail(err, TDM_MISMATCH, info->name, "the table was made by another release");
        tdm__fail_expected(err, "release %.12s", package->id);
        tdm__fail_found(err, "release %.12s", info->release);
        return s;
    }
    if (info->n_predictions != package->prediction.n || info->n_key != package->key.n)
        return tdm__fail(err, TDM_MISMATCH, info->name, "the table's columns are not those of the release");
    return tdm_table_verify(table, err);
}

static tdm_status stage(tdm_home *home, const tdm__state *state, const tdm__package *package, const char *table_name,
                        const telling *t, tdm_error *err)
{
    tdm__engine *engine = NULL;
    tdm_table *table = NULL;
    tdm_status s = tell(t, "release", 0, err);
    if (!s)
        s = tdm__engine_new(package, state, &engine, err);
    if (!s)
        s = tell(t, "sources", 1, err);
    for (size_t i = 0; !s && i < package->n_sources; i++)
        s = tdm__store_verify(tdm__engine_store(engine, i), err);
    tdm__engine_close(&engine);
    if (!s)
        s = tell(t, "golden rows", 2, err);
    if (!s)
        s = tdm__engine_check_golden(package, err);
    if (!s)
        s = tell(t, "table", 3, err);
    if (!s && table_name[0])
        s = tdm__table_open_name(home, table_name, &table, err);
    if (!s && table)
        s = check_table(package, table, err);
    if (!s && table)
        s = tdm__table_settle(home, table_name, err);
    tdm_table_close(&table);
    return s;
}

/* The newest table of the release; TDM_NOT_FOUND when it has none. A newer one of it that cannot be read is the one
 * that is meant, so nothing older is taken in its place unseen; a damaged table of another release hurts nobody here.
 */
static tdm_status newest_table(tdm_home *home, const char *release, tdm_table **out, tdm_error *err)
{
    tdm__names names;
    tdm_status s = tdm__table_names(home, &names, err);
    if (s)
        return s;
    for (size_t i = names.n; !s && i-- > 0 && !*out;) {
        s = tdm__table_open_name(home, names.name[i], out, err);
        if (s && tdm__table_of_other(home, names.name[i], release))
            s = TDM_OK;
        else if (s)
            tdm__fail_hint(err, "'--table T' takes another one");
        else if (strcmp((*out)->info.release, release))
            tdm_table_close(out);
    }
    tdm__names_free(&names);
    return s || *out ? s : TDM_NOT_FOUND;
}

/* The bare name of the table to serve: the one given, else the release's newest, else none. */
static tdm_status choose_table(tdm_home *home, const char *release, const char *given, char out[16], tdm_error *err)
{
    tdm_table *table = NULL;
    out[0] = 0;
    tdm_status s = given ? tdm_table_open(home, given, &table, err) : newest_table(home, release, &table, err);
    if (!s)
        memcpy(out, table->info.name, 16);
    tdm_table_close(&table);
    return s == TDM_NOT_FOUND && !given ? TDM_OK : s;
}

/* A flip that failed in its last step can be seen all the same: then that is what must be served. */
static bool is_current(tdm_home *home, const tdm__epoch *epoch)
{
    tdm__epoch now;
    return !tdm__epoch_read_current(home, &now, NULL) && now.number == epoch->number;
}

static tdm_status make_current(tdm_home *home, const tdm__epoch *epoch, const telling *t, tdm_error *err)
{
    const tdm__home_hooks *hooks = home->hooks;
    tdm_status s = tell(t, "prepare", 4, err);
    if (!s && hooks)
        s = hooks->prepare(hooks->self, epoch, err);
    if (s)
        return s;
    bool flipped = false;
    s = tell(t, "flip", 5, err);
    if (!s) {
        s = tdm__epoch_flip(home, epoch, err);
        flipped = !s || is_current(home, epoch);
    }
    if (hooks)
        hooks->finish(hooks->self, flipped);
    return s;
}

/* Writes the next epoch: the current one with `service` changed. */
static tdm_status flip(tdm_home *home, tdm__epoch *epoch, const char *service, const char *release, const char *table,
                       uint64_t before, const telling *t, tdm_error *err)
{
    tdm__service *entry = tdm__epoch_put(epoch, service);
    if (!entry)
        return tdm__fail(err, TDM_TOO_LARGE, service, "an epoch holds at most %d services", TDM__SERVICES_MAX);
    epoch->number++;
    epoch->since_us = tdm__now_us();
    snprintf(epoch->cause, sizeof epoch->cause, "%s", t->what);
    snprintf(epoch->changed, sizeof epoch->changed, "%s", service);
    snprintf(entry->release, sizeof entry->release, "%s", release);
    snprintf(entry->table, sizeof entry->table, "%s", table);
    entry->since_epoch = epoch->number;
    entry->before_epoch = before;
    return make_current(home, epoch, t, err);
}

static tdm_status promote_package(tdm_home *home, const tdm__state *state, const tdm__package *package,
                                  const char *given, uint64_t expect, const telling *t, uint64_t *number,
                                  tdm_error *err)
{
    tdm__epoch epoch;
    char table[16], name[65];
    snprintf(name, sizeof name, "%.*s", (int)package->manifest->name.len, package->manifest->name.ptr);
    tdm_status s = tdm__epoch_read_current(home, &epoch, err);
    if (!s && expect && (expect == TDM_EXPECT_NONE ? 0 : expect) != epoch.number) {
        s = tdm__fail(err, TDM_MOVED, "--expect", "the current epoch is not the one expected");
        tdm__fail_expected(err, "%" PRIu64, expect == TDM_EXPECT_NONE ? 0 : expect);
        tdm__fail_found(err, "%" PRIu64, epoch.number);
    }
    if (!s)
        s = choose_table(home, package->id, given, table, err);
    if (s)
        return s;
    tdm__service *now = tdm__epoch_find(&epoch, name);
    *number = epoch.number;
    if (now && !strcmp(now->release, package->id) && !strcmp(now->table, table))
        return tdm__epoch_settle(home, err);
    s = stage(home, state, package, table, t, err);
    if (!s)
        s = flip(home, &epoch, name, package->id, table, now ? epoch.number : 0, t, err);
    if (!s)
        *number = epoch.number;
    return s;
}

tdm_status tdm__promote_here(tdm_home *home, const char *release, const char *table, uint64_t expect,
                             const tdm_progress_fn progress, void *self, uint64_t *epoch, tdm_error *err)
{
    telling t = {"promote", progress, self};
    tdm__writing writing;
    tdm__state *state = NULL;
    tdm__package *package = NULL;
    *epoch = 0;
    tdm_status s = tdm__writing_begin(home, "promote", &writing, err);
    if (s)
        return s;
    s = tdm__state_read(home, writing.log, UINT64_MAX, &state, err);
    if (!s)
        s = tdm__release_package(home, state, release, &package, err);
    if (!s)
        s = promote_package(home, state, package, table, expect, &t, epoch, err);
    tdm__package_close(&package);
    tdm__state_close(&state);
    tdm__writing_end(&writing);
    return s;
}

/* What the service had before its present content. */
static tdm_status content_before(tdm_home *home, const tdm__epoch *epoch, const char *service, tdm__service *out,
                                 tdm_error *err)
{
    tdm__epoch older;
    tdm__service *now = tdm__epoch_find((tdm__epoch *)epoch, service), *then;
    if (!now)
        return tdm__fail(err, TDM_NOT_FOUND, service, "the current epoch has no such service");
    if (!now->before_epoch)
        return tdm__fail(err, TDM_REFUSED, service, "there is nothing before the current content to roll back to");
    tdm_status s = tdm__epoch_read(home, now->before_epoch, &older, err);
    if (s)
        return s;
    then = tdm__epoch_find(&older, service);
    if (!then)
        return tdm__fail(err, TDM_CORRUPT, service, "epoch %" PRIu64 " does not have the service", now->before_epoch);
    *out = *then;
    return TDM_OK;
}

/* When the current epoch is damaged: the newest whole one, under the number of the newest there is. What it says
 * becomes current again. */
static tdm_status repair(tdm_home *home, tdm__epoch *epoch, const telling *t, tdm_error *err)
{
    uint64_t highest;
    tdm_status s = tdm__epoch_newest_whole(home, epoch, &highest, err);
    if (s)
        return s;
    epoch->number = highest + 1;
    epoch->since_us = tdm__now_us();
    snprintf(epoch->cause, sizeof epoch->cause, "repair");
    return make_current(home, epoch, t, err);
}

static tdm_status rollback_service(tdm_home *home, const tdm__state *state, tdm__epoch *epoch, const char *service,
                                   const telling *t, tdm_error *err)
{
    tdm__package *package = NULL;
    tdm__service before;
    tdm_status s = content_before(home, epoch, service, &before, err);
    if (!s)
        s = tdm__release_package(home, state, before.release, &package, err);
    if (!s)
        s = stage(home, state, package, before.table, t, err);
    if (!s)
        s = flip(home, epoch, service, before.release, before.table, before.before_epoch, t, err);
    tdm__package_close(&package);
    return s;
}

tdm_status tdm__rollback_here(tdm_home *home, const char *service, const tdm_progress_fn progress, void *self,
                              uint64_t *number, tdm_error *err)
{
    telling t = {"rollback", progress, self};
    tdm__writing writing;
    tdm__state *state = NULL;
    tdm__epoch epoch;
    char name[65];
    *number = 0;
    tdm_status s = tdm__writing_begin(home, "rollback", &writing, err);
    if (s)
        return s;
    s = tdm__state_read(home, writing.log, UINT64_MAX, &state, err);
    if (!s)
        s = tdm__epoch_read_current(home, &epoch, err);
    bool damaged = s == TDM_CORRUPT;
    if (damaged)
        s = repair(home, &epoch, &t, err);
    if (!s && !epoch.number)
        s = tdm__fail(err, TDM_REFUSED, "rollback", "nothing was promoted yet");
    if (!s && !damaged) {
        snprintf(name, sizeof name, "%s", service ? service : epoch.changed);
        s = rollback_service(home, state, &epoch, name, &t, err);
    }
    if (!s)
        *number = epoch.number;
    tdm__state_close(&state);
    tdm__writing_end(&writing);
    return s;
}
