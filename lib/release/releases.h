/* The home's releases: finding one by id, prefix or name, and opening its package. */
#ifndef TDM_RELEASE_RELEASES_H
#define TDM_RELEASE_RELEASES_H

#include <tandem/release.h>
#include "release/package.h"
#include "state/state.h"

/* The id that `text` means: an id, a unique prefix of 8 digits or more, or a name (then the one packed last).
 * TDM_NOT_FOUND with a hint. */
tdm_status tdm__release_resolve(const tdm__state *state, const char *text, char id[65], tdm_error *err);
/* Resolves, opens and verifies. */
tdm_status tdm__release_package(tdm_home *home, const tdm__state *state, const char *text, tdm__package **out,
                                tdm_error *err);

/* As tdm_release_pack, in this process; that one (server/admin_client.c) comes here unless a server holds the home. */
tdm_status tdm__release_pack_here(tdm_home *home, const char *dir, tdm_diagnostics *diagnostics, tdm_release **out,
                                  tdm_error *err);

#endif
