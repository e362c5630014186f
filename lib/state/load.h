/* Loading rows and adding sources in this process.
 *
 * tdm_load and tdm_source_add (server/admin_client.c) come here unless a server holds the home: then the server does. */
#ifndef TDM_STATE_LOAD_H
#define TDM_STATE_LOAD_H

#include "state/home.h"

/* As tdm_load. `names`: what the quarantine calls the files; NULL: by their paths. */
tdm_status tdm__load_here(tdm_home *home, const char *source, const char *const *paths, const char *const *names,
                          size_t n_paths, const tdm_load_options *options, tdm_load_report *out, tdm_error *err);
/* As tdm_source_add, for a file that was read already: `path` names it. Its length is at most TDM__SOURCES_BYTES_MAX. */
enum { TDM__SOURCES_BYTES_MAX = 16 << 20 };
tdm_status tdm__source_add_text(tdm_home *home, tdm_str text, const char *path, tdm_diagnostics *diagnostics,
                                tdm_source_added *out, tdm_error *err);
/* As tdm_source_add. */
tdm_status tdm__source_add_here(tdm_home *home, const char *path, tdm_diagnostics *diagnostics, tdm_source_added *out,
                                tdm_error *err);

#endif
