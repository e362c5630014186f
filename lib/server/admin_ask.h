/* Asking the server that holds a home to do a command: the asking side of admin_wire.h. Private to lib/server. */
#ifndef TDM_SERVER_ADMIN_ASK_H
#define TDM_SERVER_ADMIN_ASK_H

#include "os/sockets.h"
#include "server/admin_wire.h"
#include "state/home.h"

/* What the server calls a file, and what our caller does. */
typedef struct tdm__alias {
    const char *there, *here;
} tdm__alias;

typedef struct tdm__asking {
    const char *command;          /* "load" */
    tdm_str request;              /* a JSON object */
    const tdm__alias *alias;      /* files that the request names: errors are told with the caller's names */
    size_t n_aliases;
    tdm_progress_fn progress;     /* may be NULL; it is also asked every 100 ms whether to go on */
    void *self;
    tdm_diagnostics *diagnostics; /* may be NULL */
    tdm__wire_line last;          /* after: the line with the result or the error's report; freed by the caller */
} tdm__asking;

/* A connection to the server of the home; false when there is none. */
bool tdm__admin_reach(const tdm_home *home, tdm__socket *out);
/* Asks over the connection, which it closes. What the server answers is what it returns: TDM_OK with last.result, or the
 * error. TDM_SYSTEM: the connection ended before the answer did, and nobody knows what became of the command. */
tdm_status tdm__admin_ask(const tdm_home *home, tdm__socket *socket, tdm__asking *asking, tdm_error *err);
/* GET: the page's text, appended to `out`. TDM_SYSTEM when it does not come in `timeout_ms`. Closes the connection. */
tdm_status tdm__admin_get(tdm__socket *socket, const char *page, int timeout_ms, tdm__buf *out, tdm_error *err);

#endif
