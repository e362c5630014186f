/* Cutovers in this process, and telling what is current.
 *
 * tdm_promote and tdm_rollback (server/admin_client.c) come here unless a server holds the home: then the server does. */
#ifndef TDM_ENGINE_CUTOVER_H
#define TDM_ENGINE_CUTOVER_H

#include <tandem/epoch.h>
#include <tandem/json.h>
#include "release/epoch_file.h"
#include "release/package.h"

/* As tdm_promote and tdm_rollback. The stages that `progress` is told: release, sources, golden rows, table, prepare, flip;
 * when it returns false before the flip nothing is changed. home->hooks hear of the last two. */
tdm_status tdm__promote_here(tdm_home *home, const char *release, const char *table, uint64_t expect,
                             const tdm_progress_fn progress, void *self, uint64_t *epoch, tdm_error *err);
tdm_status tdm__rollback_here(tdm_home *home, const char *service, const tdm_progress_fn progress, void *self,
                              uint64_t *number, tdm_error *err);

/* Describes `content`: opens the header of every table, and every release (all its digests) that is not in `known`, which has
 * a package or NULL for each service; it may be NULL itself. */
tdm_status tdm__epoch_describe(tdm_home *home, const tdm__epoch *content, const tdm__package *const *known,
                               tdm_epoch **out, tdm_error *err);
/* Ages, `stale` and `expired` as of now; reads nothing. One thread at a time. */
void tdm__epoch_refresh_ages(tdm_epoch *epoch, int64_t now_us);

/* What is measured of a service's promise ("p99", "freshness"): a text in `out`, which is returned, or NULL. */
typedef struct tdm__measured {
    const char *(*measure)(void *self, const char *service, const char *promise, char out[48]);
    void *self;
} tdm__measured;
/* The members of `tandem status --json` into the object that is open: home, epoch, since, cause, services. `measured` NULL:
 * only what tables tell of promises. */
void tdm__epoch_json(const tdm_home *home, const tdm_epoch *epoch, const tdm__measured *measured, tdm_json *j);

#endif
