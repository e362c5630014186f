/* A run in this process.
 *
 * tdm_run (server/admin_client.c) comes here unless a server holds the home: then the server does. */
#ifndef TDM_BATCH_RUN_H
#define TDM_BATCH_RUN_H

#include <tandem/run.h>

/* As tdm_run. `name`: what the table and the quarantine call the population's file; NULL: by its path. */
tdm_status tdm__run_here(tdm_home *home, const char *release, const tdm_run_options *options, const char *name,
                         tdm_run_report *out, tdm_error *err);

#endif
