/* The asking side: a request over a local socket, and lines of JSON until the last one.
 *
 * A command takes as long as it takes: there is no time limit but the caller's own wish to go on, which is asked with
 * every line and ten times a second besides. When the caller wishes no more, our side of the connection is closed; the
 * server cancels and still answers, with the same error as here. Whatever the server sends is checked: it may be of
 * another version, or dying. */
#include "server/admin_ask.h"

#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "net/http.h"
#include "os/clock.h"

enum {
    READ_BYTES = 32 << 10,
    ASK_MS = 100,             /* between two questions whether to go on */
    CANCELLED_MS_MAX = 10000, /* to hear what came of a command that was cancelled */
    SEND_MS_MAX = 10000
};

static const char WHERE[] = TDM__ADMIN_SOCKET;

bool tdm__admin_reach(const tdm_home *home, tdm__socket *out)
{
    char path[TDM__PATH_MAX];
    *out = TDM__NO_SOCKET;
    if (home->fs != tdm__fs_posix() || tdm__home_path(home, path, NULL, TDM__ADMIN_SOCKET))
        return false;
    return tdm__connect_unix(path, out, NULL) == TDM_OK;
}

/* ---- names ---- */

static bool in_path(char c)
{
    bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    return letter || c == '/' || c == '.' || c == '-' || c == '_' || (c >= '0' && c <= '9');
}

/* Puts the caller's name of a file where a text has the server's, as a whole path or as the folder of one. */
static void replace_names(char *text, size_t size, const tdm__alias *alias)
{
    size_t length = strlen(alias->there);
    for (char *at = length ? strstr(text, alias->there) : NULL; at; at = strstr(at, alias->there)) {
        bool whole = (at == text || !in_path(at[-1])) && (at[length] == '/' || !in_path(at[length]));
        if (!whole) {
            at += length;
            continue;
        }
        char rest[sizeof ((tdm_error *)0)->what];
        snprintf(rest, sizeof rest, "%s", at + length);
        size_t room = size - (size_t)(at - text);
        int n = snprintf(at, room, "%s%s", alias->here, rest);
        if (n < 0 || (size_t)n >= room)
            return;
        at += strlen(alias->here);
    }
}

/* The server's folder of the home stands at the front of a place, or not at all: a short name must not be looked for. */
static void replace_home(char *where, size_t size, const char *there, const char *here)
{
    char rest[sizeof ((tdm_error *)0)->where];
    size_t length = strlen(there);
    if (!length || strncmp(where, there, length) || where[length] != '/')
        return;
    snprintf(rest, sizeof rest, "%s", where + length);
    snprintf(where, size, "%s%s", here, rest);
}

static void use_our_names(const tdm__asking *a, const char *home_there, const char *home_here, tdm_error *error)
{
    if (home_there)
        replace_home(error->where, sizeof error->where, home_there, home_here);
    for (size_t i = 0; i < a->n_aliases; i++) {
        replace_names(error->where, sizeof error->where, &a->alias[i]);
        replace_names(error->what, sizeof error->what, &a->alias[i]);
        replace_names(error->expected, sizeof error->expected, &a->alias[i]);
        replace_names(error->found, sizeof error->found, &a->alias[i]);
        replace_names(error->hint, sizeof error->hint, &a->alias[i]);
    }
}

/* ---- lines ---- */

/* What is going on at our side of one command. */
typedef struct talk {
    const tdm_home *home;
    tdm__asking *asking;
    tdm__socket socket;
    tdm__http_response response;
    tdm__buf body;            /* received and not yet read: at most the line at work */
    tdm_progress now;         /* as told last; its texts are below */
    char stage[48], unit[24];
    uint64_t give_up_ns;      /* when the command was cancelled: until then its answer is waited for; else 0 */
    bool ended;               /* the last line came */
} talk;

/* Asks the caller whether to go on. */
static void ask_caller(talk *t)
{
    tdm__asking *a = t->asking;
    if (t->give_up_ns || !a->progress || a->progress(a->self, &t->now))
        return;
    tdm__socket_finish(t->socket);
    t->give_up_ns = tdm__monotonic_ns() + (uint64_t)CANCELLED_MS_MAX * 1000000u;
}

static void take_progress(talk *t, const json_t *progress)
{
    tdm__wire_progress_read(progress, &t->now);
    snprintf(t->stage, sizeof t->stage, "%s", t->now.stage);
    snprintf(t->unit, sizeof t->unit, "%s", t->now.unit);
    t->now.stage = t->stage;
    t->now.unit = t->unit;
    ask_caller(t);
}

/* The command's own error goes to `err`, and is what is returned. */
static tdm_status take_error(talk *t, const tdm__wire_line *line, tdm_error *err)
{
    tdm__asking *a = t->asking;
    tdm_error told = {0};
    tdm_diagnostics *list = tdm_diagnostics_new();
    tdm_status s = list ? tdm__wire_error_read(line->error, &told, list, err) : tdm__no_memory(err, WHERE);
    if (!s) {
        use_our_names(a, line->home, t->home->dir, &told);
        for (size_t i = 0; i < tdm_diagnostics_count(list); i++) {
            tdm_error one = *tdm_diagnostics_error(list, i);
            use_our_names(a, line->home, t->home->dir, &one);
            tdm__diagnose(a->diagnostics, &one, tdm_diagnostics_excerpt(list, i));
        }
        for (size_t i = tdm_diagnostics_count(list); i < tdm_diagnostics_total(list); i++)
            tdm__diagnose(a->diagnostics, &told, NULL); /* a full list counts on */
        if (err)
            *err = told;
        s = told.status;
    }
    tdm_diagnostics_close(&list);
    return s;
}

static tdm_status take_line(talk *t, tdm_str text, tdm_error *err)
{
    tdm__wire_line line;
    tdm_status s = tdm__wire_line_read(text, &line, err);
    if (s)
        return s;
    if (line.progress) {
        take_progress(t, line.progress);
        tdm__wire_line_free(&line);
        return TDM_OK;
    }
    t->ended = true;
    t->asking->last = line;
    return line.error ? take_error(t, &line, err) : TDM_OK;
}

/* All whole lines that were received. */
static tdm_status take_lines(talk *t, tdm_error *err)
{
    size_t at = 0;
    tdm_status s = TDM_OK;
    while (!s && !t->ended && at < t->body.len) {
        const char *end = memchr(t->body.ptr + at, '\n', t->body.len - at);
        if (!end)
            break;
        tdm_str line = tdm__strn(t->body.ptr + at, (size_t)(end - (t->body.ptr + at)));
        at += line.len + 1;
        if (line.len)
            s = take_line(t, line, err);
    }
    if (at)
        memmove(t->body.ptr, t->body.ptr + at, t->body.len - at);
    t->body.len -= at;
    if (!s && t->body.len > TDM__ADMIN_LINE_BYTES_MAX)
        s = tdm__fail(err, TDM_CORRUPT, WHERE, "a line of the server's answer is too long");
    return s;
}

/* ---- bytes ---- */

static tdm_status cut_off(const char *command, tdm_error *err)
{
    tdm_status s = tdm__fail(err, TDM_SYSTEM, WHERE,
                             "the server went away before it had answered: whether '%s' was done is not known", command);
    tdm__fail_hint(err, "ask 'tandem status' and the lists of what there is, then do it again: doing it twice does no harm");
    return s;
}

/* Sends all of it. A server that answers before it has read everything is listened to: *stopped then. */
static tdm_status send_all(tdm__socket socket, tdm_str bytes, bool *stopped, tdm_error *err)
{
    uint64_t until = tdm__monotonic_ns() + (uint64_t)SEND_MS_MAX * 1000000u;
    *stopped = false;
    while (bytes.len) {
        size_t n;
        tdm__io io = tdm__socket_write(socket, bytes.ptr, bytes.len, &n);
        bytes = tdm__strn(bytes.ptr + n, bytes.len - n);
        *stopped = io == TDM__IO_CLOSED || io == TDM__IO_FAILED;
        if (*stopped)
            return TDM_OK;
        if (io == TDM__IO_WAIT && tdm__monotonic_ns() > until)
            return tdm__fail(err, TDM_SYSTEM, WHERE, "the server does not take the command");
        if (io == TDM__IO_WAIT)
            tdm__socket_wait(socket, true, ASK_MS);
    }
    return TDM_OK;
}

static tdm_status send_request(tdm__socket socket, const char *method, const char *command, tdm_str body, tdm_error *err)
{
    tdm__buf head = {0};
    bool stopped = false;
    tdm__buf_printf(&head, "%s " TDM__ADMIN_PATH "%s HTTP/1.1\r\nHost: tandem\r\n", method, command);
    if (body.len)
        tdm__buf_printf(&head, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.len);
    tdm__buf_text(&head, "\r\n");
    tdm_status s = tdm__buf_check(&head, err);
    if (!s)
        s = send_all(socket, tdm__strn(head.ptr, head.len), &stopped, err);
    if (!s && !stopped)
        s = send_all(socket, body, &stopped, err);
    tdm__buf_free(&head);
    return s;
}

/* Waits for more of the answer and appends its body's bytes. *closed: no more will come. Nothing may have come yet. */
static tdm_status receive(tdm__socket socket, int wait_ms, tdm__http_response *response, tdm__buf *body, bool *closed,
                          tdm_error *err)
{
    char bytes[READ_BYTES];
    size_t n;
    *closed = false;
    if (!tdm__socket_wait(socket, false, wait_ms))
        return TDM_OK;
    tdm__io io = tdm__socket_read(socket, bytes, sizeof bytes, &n);
    *closed = io == TDM__IO_CLOSED || io == TDM__IO_FAILED;
    if (io != TDM__IO_DONE)
        return TDM_OK;
    tdm_status s = tdm__http_response_take(response, tdm__strn(bytes, n), body, err);
    if (!s)
        s = tdm__buf_check(body, err);
    if (s == TDM_HTTP_SYNTAX) { /* an error of the request to a server; to us, an answer that is none */
        tdm_error as_read = err ? *err : (tdm_error){0};
        s = tdm__fail(err, TDM_CORRUPT, WHERE, "%s", as_read.what);
    }
    return s;
}

static tdm_status converse(talk *t, tdm_error *err)
{
    tdm_status s = TDM_OK;
    while (!s && !t->ended) {
        bool closed;
        s = receive(t->socket, ASK_MS, &t->response, &t->body, &closed, err);
        if (!s)
            s = take_lines(t, err);
        if (s || t->ended)
            break;
        if (closed || t->response.done)
            return cut_off(t->asking->command, err);
        ask_caller(t);
        if (t->give_up_ns && tdm__monotonic_ns() > t->give_up_ns)
            return tdm__fail(err, TDM_CANCELLED, t->asking->command,
                             "the command was cancelled, but the server has not said yet that it stopped");
    }
    return s;
}

tdm_status tdm__admin_ask(const tdm_home *home, tdm__socket *socket, tdm__asking *asking, tdm_error *err)
{
    talk t = {.home = home, .asking = asking, .socket = *socket, .now = {.stage = "start", .unit = "steps"}};
    asking->last = (tdm__wire_line){0};
    tdm_status s = send_request(*socket, "POST", asking->command, asking->request, err);
    if (!s)
        s = converse(&t, err);
    tdm__http_response_free(&t.response);
    tdm__buf_free(&t.body);
    tdm__socket_close(socket);
    return s;
}

tdm_status tdm__admin_get(tdm__socket *socket, const char *page, int timeout_ms, tdm__buf *out, tdm_error *err)
{
    tdm__http_response response = {0};
    uint64_t until = tdm__monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
    bool closed = false;
    tdm_status s = send_request(*socket, "GET", page, (tdm_str){0}, err);
    while (!s && !response.done) {
        s = receive(*socket, ASK_MS, &response, out, &closed, err);
        if (!s && !response.done && (closed || tdm__monotonic_ns() > until || out->len > TDM__ADMIN_LINE_BYTES_MAX))
            s = tdm__fail(err, TDM_SYSTEM, WHERE, "the server does not answer");
    }
    if (!s && response.status != 200)
        s = tdm__fail(err, TDM_SYSTEM, WHERE, "the server answers with status %d", response.status);
    tdm__http_response_free(&response);
    tdm__socket_close(socket);
    return s;
}
