/* The admin routes: commands for the home that the server holds, at admin.sock in it and at an address if one is asked for.
 *
 * A thread takes connections, and each has a short-lived thread of its own: one request, one answer, then it is closed. None
 * of them answers predictions. The socket in the home can be opened by its owner alone; an admin address is as safe as who
 * can reach it. What a command does stands in admin_jobs.c, what its answer looks like in admin_wire.h. */
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/memory.h"
#include "os/clock.h"
#include "release/epoch_file.h"
#include "server/admin_jobs.h"

enum {
    CALLERS_MAX = 16,
    READ_BYTES = 16 << 10,
    REQUEST_MS_MAX = 30000,       /* from the connection to the request's last byte */
    TELL_NS = 100000000,          /* between two lines of progress */
    PATIENCE_NS = 1000000000,     /* how long a patient command waits for idle time */
    TURN_MS = 250                 /* how long a thread may not see that the server closes */
};

typedef struct caller {
    tdm__admin *admin;
    tdm__thread *thread;          /* the acceptor's alone; NULL: the place was never used, or is free */
    tdm__socket socket;
    atomic_bool done;             /* the thread is about to end */
    _Atomic uint64_t hurry_ns;    /* when a patient command is to be hurried; 0: it is not one */
} caller;

struct tdm__admin {
    tdm_server *server;
    tdm__home_hooks hooks;
    tdm__socket local, remote;
    char path[TDM__PATH_MAX];     /* of admin.sock; "": there is none */
    tdm__poller *poller;
    tdm__thread *thread;
    atomic_bool stopping;
    caller caller[CALLERS_MAX];
};

static const tdm__http_limits LIMITS = {.head_bytes_max = 16384,
                                        .headers_max = 100,
                                        .target_bytes_max = 1024,
                                        .body_bytes_max = TDM__ADMIN_REQUEST_BYTES_MAX};

/* ---- one answer ---- */

typedef struct reply {
    tdm__admin *admin;
    caller *caller;
    tdm__socket socket;
    bool chunked;                 /* HTTP/1.1 */
    bool begun;                   /* the head is out: lines follow */
    bool gone;                    /* nobody waits for it any more */
    tdm__buf out;                 /* not yet taken by the socket */
    size_t sent;                  /* of it */
    uint64_t told_ns;
} reply;

/* Hands over what the socket takes now. */
static void flush(reply *r)
{
    while (!r->gone && r->sent < r->out.len) {
        size_t n;
        tdm__io io = tdm__socket_write(r->socket, r->out.ptr + r->sent, r->out.len - r->sent, &n);
        if (io == TDM__IO_WAIT)
            return;
        r->gone = io != TDM__IO_DONE;
        r->sent += n;
    }
    if (r->sent == r->out.len) {
        tdm__buf_reset(&r->out);
        r->sent = 0;
    }
}

/* All of it, unless whoever asked does not read for write_s, or the server closes. */
static void flush_all(reply *r)
{
    uint64_t patience = r->admin->server->settings.write_s * 1000000000u, moved = tdm__monotonic_ns();
    for (size_t before = SIZE_MAX; flush(r), r->out.len && !r->gone; before = r->sent) {
        uint64_t now = tdm__monotonic_ns();
        if (r->sent != before)
            moved = now;
        r->gone = now - moved > patience || (atomic_load(&r->admin->stopping) && now - moved > 1000000000u);
        tdm__socket_wait(r->socket, true, TURN_MS);
    }
}

static void begin(reply *r, int status, const char *type)
{
    tdm__buf_printf(&r->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nConnection: close\r\n%s\r\n", status,
                    tdm__http_reason(status), type, r->chunked ? "Transfer-Encoding: chunked\r\n" : "");
    r->begun = true;
}

static void add_line(reply *r, const tdm_text *line)
{
    if (r->chunked)
        tdm__buf_printf(&r->out, "%zx\r\n", line->len + 1);
    tdm__buf_add(&r->out, line->ptr, line->len);
    tdm__buf_text(&r->out, r->chunked ? "\n\r\n" : "\n");
}

/* Whoever asked has closed, or the server does: the work is not wanted any more. */
static bool is_over(reply *r)
{
    char bytes[4096]; /* there is only one request: what follows it is nothing */
    size_t n;
    tdm__io io = TDM__IO_DONE;
    for (int i = 0; i < 16 && io == TDM__IO_DONE; i++)
        io = tdm__socket_read(r->socket, bytes, sizeof bytes, &n);
    return io == TDM__IO_CLOSED || io == TDM__IO_FAILED || r->gone || atomic_load(&r->admin->stopping);
}

/* A tdm_progress_fn. A line that finds the one before still waiting is left out. */
static bool tell(void *self, const tdm_progress *p)
{
    reply *r = self;
    uint64_t now = tdm__monotonic_ns();
    flush(r);
    if (is_over(r))
        return false;
    if (r->out.len || (r->told_ns && now - r->told_ns < TELL_NS))
        return true;
    tdm_text line = {0};
    tdm_json j = {.out = &line};
    tdm_json_begin(&j, NULL, '{');
    tdm__wire_progress_write(p, &j);
    tdm_json_end(&j, '}');
    if (!line.failed) {
        if (!r->begun)
            begin(r, 200, "application/x-ndjson");
        add_line(r, &line);
        flush(r);
        r->told_ns = now;
    }
    tdm_text_free(&line);
    return true;
}

static void finish(reply *r)
{
    if (r->chunked)
        tdm__buf_text(&r->out, "0\r\n\r\n");
    r->gone |= r->out.failed;
    flush_all(r);
}

/* The last line, and the status when no line went before. */
static void end_with(reply *r, int status, const tdm_text *line)
{
    if (!r->begun)
        begin(r, status, "application/x-ndjson");
    add_line(r, line);
    r->out.failed |= line->failed;
    finish(r);
}

static void end_with_error(reply *r, const tdm_error *error, const tdm_diagnostics *diagnostics, const tdm_text *report)
{
    tdm_text line = {0};
    tdm_json j = {.out = &line};
    tdm_json_begin(&j, NULL, '{');
    tdm__wire_error_write(error, diagnostics, "error", &j);
    if (r->admin->server->home)
        tdm_json_text(&j, "home", tdm_home_dir(r->admin->server->home));
    if (report) {
        tdm_text_add(&line, ",\"report\":");
        tdm_text_addn(&line, report->ptr, report->len);
    }
    tdm_json_end(&j, '}');
    line.failed |= report && report->failed;
    end_with(r, tdm_status_http(error->status), &line);
    tdm_text_free(&line);
}

/* ---- one request ---- */

static const tdm__admin_command *find_command(const tdm__http_request *request, tdm_error *err)
{
    tdm_str name = request->path;
    bool ours = tdm__str_starts(name, TDM__ADMIN_PATH);
    if (ours)
        name = tdm__strn(name.ptr + strlen(TDM__ADMIN_PATH), name.len - strlen(TDM__ADMIN_PATH));
    for (size_t i = 0; ours && i < tdm__n_admin_commands; i++) {
        const tdm__admin_command *command = &tdm__admin_commands[i];
        if (!tdm__str_is(name, command->name))
            continue;
        if (command->method == request->method)
            return command;
        tdm__fail(err, TDM_HTTP_METHOD, command->name, "the command is not asked for by this method");
        tdm__fail_expected(err, "%s", tdm__http_method_name(command->method));
        tdm__fail_found(err, "%s", tdm__http_method_name(request->method));
        return NULL;
    }
    tdm__fail(err, TDM_NOT_FOUND, NULL, "there is no such admin command");
    tdm__fail_found_text(err, request->path);
    return NULL;
}

/* An empty body asks for nothing in particular. */
static tdm_status read_body(tdm_str body, json_t **out, tdm_error *err)
{
    json_error_t at;
    *out = NULL;
    if (!tdm__str_trim(body).len)
        return TDM_OK;
    *out = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &at);
    if (json_is_object(*out))
        return TDM_OK;
    tdm_status s = *out ? tdm__fail(err, TDM_JSON_SYNTAX, "body", "the request is not a JSON object")
                        : tdm__fail(err, TDM_JSON_SYNTAX, "body", "%s, at byte %d", at.text, at.position);
    json_decref(*out);
    *out = NULL;
    return s;
}

static tdm_status do_command(reply *r, const tdm__admin_command *command, tdm_str body, tdm__admin_job *job, tdm_error *err)
{
    json_t *request;
    tdm_status s = read_body(body, &request, err);
    if (!s && command->method == TDM__HTTP_POST && atomic_load(&r->admin->server->stopping))
        s = tdm__fail(err, TDM_DRAINING, command->name, "the server is stopping");
    job->request = request;
    if (!s)
        s = tdm__admin_job_run(command, job, err);
    json_decref(request);
    return s;
}

static void answer(reply *r, const tdm__http_request *request)
{
    tdm_error err = {0};
    tdm_text text = {0};
    const tdm__admin_command *command = find_command(request, &err);
    tdm__admin_job job = {.server = r->admin->server, .progress = tell, .self = r, .result = {.out = &text}};
    if (!command) {
        end_with_error(r, &err, NULL, NULL);
        return;
    }
    bool page = command->method == TDM__HTTP_GET;
    job.diagnostics = tdm_diagnostics_new();
    if (!page)
        tdm_json_begin(&job.result, NULL, '{');
    if (command->pace == TDM__PACE_PATIENT) {
        atomic_store(&r->caller->hurry_ns, tdm__monotonic_ns() + PATIENCE_NS);
        tdm__poller_wake(r->admin->poller);
    }
    tdm_status s = do_command(r, command, request->body, &job, &err);
    if (!page)
        tdm_json_end(&job.result, '}');
    if (s) {
        end_with_error(r, &err, job.diagnostics, job.reported ? &text : NULL);
    } else if (page) {
        begin(r, 200, "application/json");
        add_line(r, &text);
        r->out.failed |= text.failed;
        finish(r);
    } else {
        tdm_text line = {0};
        tdm_text_add(&line, "{\"result\":");
        tdm_text_addn(&line, text.ptr, text.len);
        tdm_text_add(&line, "}");
        line.failed |= text.failed;
        end_with(r, 200, &line);
        tdm_text_free(&line);
    }
    tdm_diagnostics_close(&job.diagnostics);
    tdm_text_free(&text);
}

/* Waits for bytes; false when there is no time left, or the server closes. */
static bool wait_for_bytes(const reply *r, uint64_t until_ns)
{
    while (tdm__monotonic_ns() < until_ns && !atomic_load(&r->admin->stopping))
        if (tdm__socket_wait(r->socket, false, TURN_MS))
            return true;
    return false;
}

/* One step of reading: takes what waits in `in`, else more from the socket. TDM__HTTP_MORE goes on; TDM__HTTP_FAULT with
 * err->status TDM_OK ends silently. */
static tdm__http_step read_on(reply *r, tdm__http_reader *reader, char *bytes, uint64_t until_ns, tdm__http_request *request,
                              tdm_error *err)
{
    size_t n;
    tdm__io io = TDM__IO_WAIT;
    if (wait_for_bytes(r, until_ns))
        io = tdm__socket_read(r->socket, bytes, READ_BYTES, &n);
    else
        return tdm__fail(err, TDM_HTTP_TIMEOUT, NULL, "the request did not arrive in time"), TDM__HTTP_FAULT;
    if (io == TDM__IO_WAIT)
        return TDM__HTTP_MORE;
    err->status = TDM_OK;
    if (io != TDM__IO_DONE)
        return TDM__HTTP_FAULT;
    tdm_str in = tdm__strn(bytes, n);
    tdm__http_step step = tdm__http_next(reader, &in, request, err);
    if (step != TDM__HTTP_CONTINUE)
        return step;
    tdm__buf_text(&r->out, tdm__http_continue_line);
    flush_all(r);
    return TDM__HTTP_MORE;
}

static void serve(reply *r)
{
    tdm__http_reader reader;
    tdm__http_request request;
    tdm_error err = {0};
    char bytes[READ_BYTES];
    uint64_t until = tdm__monotonic_ns() + (uint64_t)REQUEST_MS_MAX * 1000000u;
    tdm__http_step step;
    tdm__http_reader_init(&reader, &LIMITS);
    do
        step = read_on(r, &reader, bytes, until, &request, &err);
    while (step == TDM__HTTP_MORE);
    if (step == TDM__HTTP_REQUEST) {
        r->chunked = request.minor == 1;
        answer(r, &request);
    } else if (err.status) {
        end_with_error(r, &err, NULL, NULL);
    }
    tdm__http_reader_free(&reader);
}

static void run_caller(void *arg)
{
    caller *c = arg;
    reply r = {.admin = c->admin, .caller = c, .socket = c->socket};
    serve(&r);
    tdm__buf_free(&r.out);
    tdm__socket_close(&c->socket);
    atomic_store(&c->done, true);
}

/* ---- connections ---- */

/* A place without a thread, or with one that is done. */
static caller *free_place(tdm__admin *admin)
{
    for (size_t i = 0; i < CALLERS_MAX; i++) {
        caller *c = &admin->caller[i];
        if (c->thread && !atomic_load(&c->done))
            continue;
        tdm__thread_join(&c->thread);
        return c;
    }
    return NULL;
}

/* Said without waiting: who does not read it learns as much from the end of the connection. */
static void refuse(tdm__admin *admin, tdm__socket *socket)
{
    tdm_error err;
    reply r = {.admin = admin, .socket = *socket};
    tdm__fail(&err, TDM_OVERLOADED, "admin", "%d commands are at work already", CALLERS_MAX);
    tdm_text line = {0};
    tdm_json j = {.out = &line};
    tdm_json_begin(&j, NULL, '{');
    tdm__wire_error_write(&err, NULL, "error", &j);
    tdm_json_end(&j, '}');
    begin(&r, tdm_status_http(err.status), "application/x-ndjson");
    add_line(&r, &line);
    flush(&r);
    tdm_text_free(&line);
    tdm__buf_free(&r.out);
    tdm__socket_close(socket);
}

static void take_connections(tdm__admin *admin, tdm__socket listener)
{
    tdm__socket socket;
    tdm__io io;
    while ((io = tdm__accept(listener, &socket)) == TDM__IO_DONE) {
        caller *c = free_place(admin);
        if (!c) {
            refuse(admin, &socket);
            continue;
        }
        c->admin = admin;
        c->socket = socket;
        atomic_store(&c->hurry_ns, 0);
        atomic_store(&c->done, false);
        if (tdm__thread_start("tandem-command", run_caller, c, &c->thread, NULL))
            tdm__socket_close(&c->socket);
    }
    if (io == TDM__IO_FAILED)
        tdm__sleep_us(100000); /* no descriptors are left: accepting at once again would spin */
}

/* Hurries the patient ones whose time has come; true when there are others that it may come for. */
static bool hurry_some(tdm__admin *admin)
{
    uint64_t now = tdm__monotonic_ns();
    bool more = false;
    for (size_t i = 0; i < CALLERS_MAX; i++) {
        caller *c = &admin->caller[i];
        uint64_t when = atomic_load(&c->hurry_ns);
        if (!when || !c->thread || atomic_load(&c->done))
            continue;
        if (now < when) {
            more = true;
            continue;
        }
        tdm__thread_hurry(c->thread);
        atomic_store(&c->hurry_ns, 0);
    }
    return more;
}

static void run_admin(void *arg)
{
    tdm__admin *admin = arg;
    tdm__ready ready[4];
    while (!atomic_load(&admin->stopping)) {
        size_t n = tdm__poller_wait(admin->poller, ready, 4, hurry_some(admin) ? TURN_MS : -1);
        for (size_t i = 0; i < n; i++)
            if (ready[i].tag)
                take_connections(admin, *(const tdm__socket *)ready[i].tag);
    }
}

/* ---- the home's hooks ---- */

/* What the cutover changes must be fit to be served; another service that is not was so before, and is no reason to refuse:
 * least of all a rollback. A repair changes nothing, it makes current what can be read. */
static tdm_status prepare(void *self, const tdm__epoch *next, tdm_error *err)
{
    tdm_server *server = ((tdm__admin *)self)->server;
    tdm_status s = tdm__serving_prepare(server, next, err);
    if (s || !strcmp(next->cause, "repair"))
        return s;
    const tdm__served *changed = tdm__serving_find(server->prepared, tdm__str(next->changed));
    if (!changed || !changed->error.status)
        return TDM_OK;
    s = changed->error.status;
    if (err)
        *err = changed->error;
    tdm__serving_finish(server, false);
    return s;
}

static void finish_cutover(void *self, bool flipped)
{
    tdm__serving_finish(((tdm__admin *)self)->server, flipped);
}

/* ---- opening and closing ---- */

static tdm_status listen_local(tdm__admin *admin, tdm_home *home, tdm_error *err)
{
    tdm_status s = tdm__home_path(home, admin->path, err, TDM__ADMIN_SOCKET);
    if (!s)
        s = tdm__listen_unix(admin->path, &admin->local, err);
    if (s)
        admin->path[0] = 0; /* nothing of ours is there to be removed */
    else
        s = tdm__poller_add(admin->poller, admin->local, &admin->local, true, false, err);
    return s;
}

static tdm_status listen_remote(tdm__admin *admin, const char *address, tdm_error *err)
{
    tdm_status s = tdm__listen_tcp(address, TDM__ALONE, &admin->remote, admin->server->admin_address, err);
    return s ? s : tdm__poller_add(admin->poller, admin->remote, &admin->remote, true, false, err);
}

tdm_status tdm__admin_open(tdm_server *server, const char *address, tdm__admin **out, tdm_error *err)
{
    tdm_home *home = server->home;
    *out = NULL;
    tdm__admin *admin = tdm__new(tdm__admin);
    if (!admin)
        return tdm__no_memory(err, "admin");
    admin->server = server;
    admin->local = admin->remote = TDM__NO_SOCKET;
    admin->hooks = (tdm__home_hooks){prepare, finish_cutover, admin};
    tdm_status s = tdm__poller_new(&admin->poller, err);
    if (!s && home)
        s = listen_local(admin, home, err);
    if (!s && address)
        s = listen_remote(admin, address, err);
    if (!s && home)
        home->hooks = &admin->hooks; /* before the first command can come */
    if (!s)
        s = tdm__thread_start("tandem-admin", run_admin, admin, &admin->thread, err);
    if (s) {
        tdm__admin_close(&admin);
        return s;
    }
    *out = admin;
    return TDM_OK;
}

void tdm__admin_close(tdm__admin **out)
{
    tdm__admin *admin = *out;
    if (!admin)
        return;
    atomic_store(&admin->stopping, true);
    if (admin->thread)
        tdm__poller_wake(admin->poller);
    tdm__thread_join(&admin->thread);
    for (size_t i = 0; i < CALLERS_MAX; i++)
        tdm__thread_join(&admin->caller[i].thread);
    if (admin->server->home)
        admin->server->home->hooks = NULL;
    tdm__socket_close(&admin->local);
    tdm__socket_close(&admin->remote);
    if (admin->path[0])
        tdm__remove(tdm__fs_posix(), admin->path, NULL);
    tdm__poller_close(&admin->poller);
    tdm__free(admin);
    *out = NULL;
}
