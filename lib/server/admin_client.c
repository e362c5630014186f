/* The commands that write: here, or by the server that holds the home. */
#include "batch/run.h"
#include "engine/cutover.h"
#include "release/releases.h"
#include "state/load.h"

tdm_status tdm_load(tdm_home *home, const char *source, const char *const *paths, size_t n_paths,
                    const tdm_load_options *options, tdm_load_report *out, tdm_error *err)
{
    return tdm__load_here(home, source, paths, NULL, n_paths, options, out, err);
}

tdm_status tdm_source_add(tdm_home *home, const char *path, tdm_diagnostics *diagnostics, tdm_source_added *out,
                          tdm_error *err)
{
    return tdm__source_add_here(home, path, diagnostics, out, err);
}

tdm_status tdm_release_pack(tdm_home *home, const char *dir, tdm_diagnostics *diagnostics, tdm_release **out,
                            tdm_error *err)
{
    return tdm__release_pack_here(home, dir, diagnostics, out, err);
}

tdm_status tdm_run(tdm_home *home, const char *release, const tdm_run_options *options, tdm_run_report *out,
                   tdm_error *err)
{
    return tdm__run_here(home, release, options, NULL, out, err);
}

tdm_status tdm_promote(tdm_home *home, const char *release, const char *table, uint64_t expect,
                       const tdm_progress_fn progress, void *self, uint64_t *epoch, tdm_error *err)
{
    return tdm__promote_here(home, release, table, expect, progress, self, epoch, err);
}

tdm_status tdm_rollback(tdm_home *home, const char *service, uint64_t *epoch, tdm_error *err)
{
    return tdm__rollback_here(home, service, NULL, NULL, epoch, err);
}
