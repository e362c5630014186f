/* Making servings ready, and freeing them. Private to serving.c, staging.c and bare_models.c. */
#ifndef TDM_SERVER_STAGING_H
#define TDM_SERVER_STAGING_H

#include "server/server_impl.h"

/* A state that several services read; freed with the last of them. Counted under the control side's mutex. */
typedef struct tdm__pinned_state {
    tdm__state *state;
    unsigned uses;
} tdm__pinned_state;

/* tdm__serving_prepare for whoever holds server->change already, and keeps it. */
tdm_status tdm__serving_stage(tdm_server *server, const tdm__epoch *content, tdm_error *err);
/* Frees it and whatever only it used. NULL is allowed. */
void tdm__serving_free(tdm__serving *serving);

#endif
