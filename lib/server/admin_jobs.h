/* The commands that the admin routes do: one row each, made from the table in admin_wire.h. Private to lib/server. */
#ifndef TDM_SERVER_ADMIN_JOBS_H
#define TDM_SERVER_ADMIN_JOBS_H

#include "server/admin_wire.h"
#include "server/server_impl.h"

/* One command at work. */
typedef struct tdm__admin_job {
    tdm_server *server;
    const json_t *request;          /* an object, or NULL */
    tdm_progress_fn progress;
    void *self;                     /* of progress */
    tdm_diagnostics *diagnostics;   /* may be NULL: out of memory */
    tdm_json result;                /* members go into an open object; of a GET the whole page */
    bool reported;                  /* it failed, and what it wrote tells about that */
} tdm__admin_job;

typedef struct tdm__admin_command {
    const char *name, *members, *text;
    uint8_t method;                 /* TDM__HTTP_GET or TDM__HTTP_POST */
    tdm__pace pace;
    tdm_status (*run)(tdm__admin_job *job, tdm_error *err);
} tdm__admin_command;
extern const tdm__admin_command tdm__admin_commands[];
extern const size_t tdm__n_admin_commands;

/* Lowers the thread, checks the request's members, does it. What a server without a home cannot do is TDM_REFUSED. */
tdm_status tdm__admin_job_run(const tdm__admin_command *command, tdm__admin_job *job, tdm_error *err);

#endif
