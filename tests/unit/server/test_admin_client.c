/* The asking side against a server that the test plays: sound answers, broken ones, slow ones, a server that dies, and
 * callers that want no more. */
#include <tandem/tandem.h>

#include "fixture.h"
#include "os/clock.h"
#include "os/sockets.h"
#include "os/threads.h"
#include "state/load.h"

/* One connection: what is answered, in what pieces. */
typedef struct fake {
    tdm__socket listener;
    tdm__thread *thread;
    const char *answer;      /* as it is; NULL: the connection is closed without one */
    size_t piece;            /* bytes at a time; 0: all */
    unsigned pause_us;       /* before each piece */
    const char *after_cancel; /* sent once the other side has closed its half; NULL: that is not waited for */
    char request[65536];
    size_t n;
    bool half_closed;
} fake;

/* The text with a terminating zero; ours as long as it is. */
static const char *text_z(tdm_text *text)
{
    tdm_text_addn(text, "", 1);
    text->len--;
    return text->ptr;
}

static bool request_is_whole(const fake *s)
{
    const char *end = strstr(s->request, "\r\n\r\n"), *length = strstr(s->request, "Content-Length: ");
    size_t body = length ? (size_t)strtoul(length + 16, NULL, 10) : 0;
    return end && s->n >= (size_t)(end + 4 - s->request) + body;
}

static void send_text(tdm__socket to, const char *text, size_t piece, unsigned pause_us)
{
    for (size_t left = strlen(text), n; left; text += n, left -= n) {
        if (pause_us)
            tdm__sleep_us(pause_us);
        tdm__socket_wait(to, true, 1000);
        if (tdm__socket_write(to, text, piece && piece < left ? piece : left, &n) != TDM__IO_DONE)
            return;
    }
}

static void run_fake(void *arg)
{
    fake *s = arg;
    tdm__socket c;
    size_t got;
    if (!tdm__socket_wait(s->listener, false, 5000) || tdm__accept(s->listener, &c) != TDM__IO_DONE)
        return;
    while (!request_is_whole(s) && tdm__socket_wait(c, false, 5000) &&
           tdm__socket_read(c, s->request + s->n, sizeof s->request - 1 - s->n, &got) == TDM__IO_DONE)
        s->n += got;
    if (s->answer)
        send_text(c, s->answer, s->piece, s->pause_us);
    if (s->after_cancel) {
        char byte;
        s->half_closed = tdm__socket_wait(c, false, 5000) && tdm__socket_read(c, &byte, 1, &got) == TDM__IO_CLOSED;
        send_text(c, s->after_cancel, 0, 0);
    }
    tdm__socket_close(&c);
}

/* A home that somebody holds, and who plays its server. */
typedef struct stage {
    fixture f;
    tdm_home *mine;      /* the caller's handle of the home */
    fake server;
    tdm_error err;
} stage;

static void stage_open(stage *g)
{
    memset(g, 0, sizeof *g);
    fixture_new(&g->f, tdm__fs_posix());
    assert_ok(tdm__home_hold(g->f.home, "serve", &g->err), &g->err);
    assert_ok(tdm_home_open(tdm_home_dir(g->f.home), &g->mine, &g->err), &g->err);
}

static void serve(stage *g, const char *answer)
{
    g->server = (fake){.answer = answer};
    assert_ok(tdm__listen_unix(fixture_print("%s/admin.sock", tdm_home_dir(g->f.home)), &g->server.listener, &g->err), &g->err);
    assert_ok(tdm__thread_start("fake", run_fake, &g->server, &g->server.thread, &g->err), &g->err);
}

static void served(stage *g)
{
    tdm__thread_join(&g->server.thread);
    tdm__socket_close(&g->server.listener);
    remove(fixture_print("%s/admin.sock", tdm_home_dir(g->f.home)));
}

static void stage_close(stage *g)
{
    tdm_home_close(&g->mine);
    fixture_close(&g->f);
}

#define HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* An answer of one chunk. The last two live. */
static const char *chunked(const char *lines)
{
    static char text[2][200000];
    static int at;
    char *out = text[at++ % 2];
    snprintf(out, sizeof text[0], HEAD "%zx\r\n%s\r\n0\r\n\r\n", strlen(lines), lines);
    return out;
}

typedef struct watch {
    size_t calls, stop_at;
    tdm_progress last;
    char stage[32], unit[32]; /* its texts live only as long as the call */
} watch;
static bool look(void *self, const tdm_progress *p)
{
    watch *w = self;
    w->last = *p;
    snprintf(w->unit, sizeof w->unit, "%s", p->unit);
    if (strcmp(p->stage, "start"))
        snprintf(w->stage, sizeof w->stage, "%s", p->stage);
    return ++w->calls != w->stop_at;
}

static tdm_status load(stage *g, const char *path, watch *w, tdm_load_report *r)
{
    tdm_load_options options = {.bad_share_max = 0.25, .replace = true, .progress = w ? look : NULL, .self = w};
    return tdm_load(g->mine, "flights", &path, 1, &options, r, &g->err);
}

static const char LOADED[] =
    "{\"progress\":{\"stage\":\"load\",\"done\":5,\"total\":9,\"unit\":\"bytes\",\"rows\":2,\"rows_quarantined\":1}}\n"
    "{\"result\":{\"version\":3,\"rows_in\":7,\"rows_total\":90,\"quarantine\":\"load-000001\",\"seconds\":0.5}}\n";

/* Whatever the pieces that it comes in. */
static void an_answer_is_given_back(void **state)
{
    (void)state;
    static const size_t pieces[] = {0, 1, 7, 50};
    stage g;
    tdm_load_report r;
    stage_open(&g);
    for (size_t i = 0; i < 4; i++) {
        watch w = {0};
        serve(&g, chunked(LOADED));
        g.server.piece = pieces[i];
        assert_ok(load(&g, "some/flights.csv", &w, &r), &g.err);
        served(&g);
        assert_true(r.version == 3 && r.rows_in == 7 && r.rows_total == 90 && r.seconds == 0.5 && !r.rows_loaded);
        assert_string_equal(r.quarantine, "load-000001");
        assert_string_equal(w.stage, "load");
        assert_true(w.calls >= 1 && w.last.done == 5 && w.last.total == 9 && w.last.rows == 2 && w.last.rows_quarantined == 1);
        assert_string_equal(w.unit, "bytes");
        assert_true(tdm__str_starts(tdm__str(g.server.request), "POST /admin/v1/load HTTP/1.1\r\n"));
        assert_non_null(strstr(g.server.request, "\"names\":[\"some/flights.csv\"]"));
        assert_non_null(strstr(g.server.request, "/some/flights.csv\"],\"names\""));
        assert_null(strstr(g.server.request, "\"files\":[\"some")); /* it is absolute */
        assert_non_null(strstr(g.server.request, "\"replace\":true"));
        assert_non_null(strstr(g.server.request, "\"bad_share_max\":0.25"));
    }
    stage_close(&g);
}

/* An answer that is none ends with an error, and with nothing else: no crash, no waiting. */
static void broken_answers(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        tdm_status status;
    } cases[] = {
        {NULL, TDM_SYSTEM},
        {"", TDM_SYSTEM},
        {"HTTP/1.1 200 OK\r\n", TDM_SYSTEM},
        {HEAD, TDM_SYSTEM},
        {HEAD "400\r\n{\"progress\":{\"stage\":\"load\"}}\n", TDM_SYSTEM},
        {HEAD "10\r\n{\"result\":{\"vers", TDM_SYSTEM},
        {HEAD "e\r\n{\"result\":{}}\n", TDM_OK}, /* dies behind its last line: the command was done */
        {HEAD "d\r\n{\"result\":{}}\r\n0\r\n\r\n", TDM_SYSTEM}, /* a line without an end */
        {HEAD "0\r\n\r\n", TDM_SYSTEM},
        {HEAD "zz\r\n", TDM_CORRUPT},
        {"SSH-2.0-OpenSSH\r\n\r\n", TDM_CORRUPT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", TDM_CORRUPT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n", TDM_CORRUPT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"result\":[]}\n", TDM_CORRUPT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n{\"result\":{\"version\":\"two\"}}\n", TDM_CORRUPT},
        {"HTTP/1.1 503 x\r\n\r\n{\"error\":{\"code\":\"overloaded\",\"message\":\"come back\"}}\n", TDM_OVERLOADED},
        {"HTTP/1.1 200 OK\r\n\r\n\n\n{\"error\":{\"code\":\"refused\",\"message\":\"no\"}}\n{\"result\":{}}\n", TDM_REFUSED},
    };
    stage g;
    tdm_load_report r;
    stage_open(&g);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        serve(&g, cases[i].answer);
        tdm_status s = load(&g, "flights.csv", NULL, &r);
        served(&g);
        assert_status(s, cases[i].status, &g.err);
        assert_true(!s || g.err.what[0]);
    }
    stage_close(&g);
}

static void errors_carry_our_names(void **state)
{
    (void)state;
    stage g;
    tdm_load_report r;
    char path[TDM__PATH_MAX];
    stage_open(&g);
    assert_ok(tdm__path_absolute("rows/bad.csv", path, sizeof path, &g.err), &g.err);
    serve(&g, chunked(fixture_print("{\"error\":{\"code\":\"csv_quote\",\"message\":\"%s and %s2 and x%s\",\"where\":\"%s:17:4\","
                                    "\"found\":\"%s\",\"hint\":\"%s/x\"}}\n", path, path, path, path, path, path)));
    assert_status(load(&g, "rows/bad.csv", NULL, &r), TDM_CSV_QUOTE, &g.err);
    served(&g);
    assert_string_equal(g.err.where, "rows/bad.csv:17:4");
    assert_string_equal(g.err.what, fixture_print("rows/bad.csv and %s2 and x%s", path, path)); /* those are other files */
    assert_string_equal(g.err.found, "rows/bad.csv");
    assert_string_equal(g.err.hint, "rows/bad.csv/x");
    serve(&g, chunked("{\"error\":{\"code\":\"corrupt\",\"message\":\"x\",\"where\":\"there/home/tables/v000001\"},"
                      "\"home\":\"there/home\"}\n"));
    assert_status(load(&g, "flights.csv", NULL, &r), TDM_CORRUPT, &g.err);
    served(&g);
    assert_string_equal(g.err.where, fixture_print("%s/tables/v000001", tdm_home_dir(g.mine)));
    serve(&g, chunked("{\"error\":{\"code\":\"not_found\",\"message\":\"x\",\"where\":\"late\"},\"home\":\"late\"}\n"));
    assert_status(load(&g, "flights.csv", NULL, &r), TDM_NOT_FOUND, &g.err);
    served(&g);
    assert_string_equal(g.err.where, "late"); /* a service may be called what a folder is */
    stage_close(&g);
}

static void diagnostics_are_given_back(void **state)
{
    (void)state;
    stage g;
    tdm_source_added added;
    tdm_diagnostics *list = tdm_diagnostics_new();
    char path[TDM__PATH_MAX];
    stage_open(&g);
    const char *file = fixture_file(&g.f, "sources.yaml", fixture_sources_yaml);
    snprintf(path, sizeof path, "%s", file);
    serve(&g, chunked(fixture_print(
        "{\"error\":{\"code\":\"manifest\",\"message\":\"one\",\"where\":\"%s:1:1\",\"diagnostics\":[{\"code\":\"manifest\","
        "\"message\":\"one\",\"where\":\"%s:1:1\",\"excerpt\":\"a\\n^\"},{\"code\":\"syntax\",\"message\":\"two\",\"where\":\"x\","
        "\"excerpt\":\"\"}],\"diagnostics_total\":2}}\n", path, path)));
    assert_status(tdm_source_add(g.mine, path, list, &added, &g.err), TDM_MANIFEST, &g.err);
    served(&g);
    assert_int_equal(tdm_diagnostics_count(list), 2);
    assert_int_equal(tdm_diagnostics_total(list), 2);
    assert_string_equal(tdm_diagnostics_excerpt(list, 0), "a\n^");
    assert_int_equal(tdm_diagnostics_error(list, 1)->status, TDM_SYNTAX);
    serve(&g, chunked("{\"result\":{\"added\":2,\"evolved\":1,\"unchanged\":5}}\n"));
    assert_ok(tdm_source_add(g.mine, path, list, &added, &g.err), &g.err);
    served(&g);
    assert_true(added.added == 2 && added.evolved == 1 && added.unchanged == 5);
    tdm_diagnostics_close(&list);
    stage_close(&g);
}

/* A gate that fails has an error and a report. */
static void a_run_that_fails_tells_why(void **state)
{
    (void)state;
    static tdm_run_report r;
    stage g;
    tdm_run_options options = {.population = "rows.csv", .has_as_of = true, .as_of_us = -17, .threads = 3};
    stage_open(&g);
    serve(&g, chunked("{\"error\":{\"code\":\"gate_failed\",\"message\":\"coverage\"},\"report\":{\"run\":\"94a9\",\"rows_in\":5,"
                      "\"gates\":[{\"name\":\"coverage\",\"limit\":\"at least 50%\",\"passed\":false,\"applied\":true}]}}\n"));
    assert_status(tdm_run(g.mine, "late", &options, &r, &g.err), TDM_GATE_FAILED, &g.err);
    served(&g);
    assert_true(r.rows_in == 5 && r.n_gates == 1 && !r.gate[0].passed && r.gate[0].applied && !r.table[0]);
    assert_string_equal(r.gate[0].name, "coverage");
    assert_non_null(strstr(g.server.request, "\"release\":\"late\""));
    assert_non_null(strstr(g.server.request, "\"name\":\"rows.csv\""));
    assert_non_null(strstr(g.server.request, "/rows.csv\",\"name\""));
    assert_non_null(strstr(g.server.request, "\"as_of\":-17"));
    assert_non_null(strstr(g.server.request, "\"threads\":3"));
    stage_close(&g);
}

static void cutovers(void **state)
{
    (void)state;
    stage g;
    uint64_t epoch;
    stage_open(&g);
    serve(&g, chunked("{\"result\":{\"epoch\":7}}\n"));
    assert_ok(tdm_promote(g.mine, "late", "v000002", TDM_EXPECT_NONE, NULL, NULL, &epoch, &g.err), &g.err);
    served(&g);
    assert_int_equal(epoch, 7);
    assert_non_null(strstr(g.server.request, "{\"release\":\"late\",\"table\":\"v000002\",\"expect\":0}"));
    serve(&g, chunked("{\"result\":{\"epoch\":8}}\n"));
    assert_ok(tdm_promote(g.mine, "late", NULL, 7, NULL, NULL, &epoch, &g.err), &g.err);
    served(&g);
    assert_non_null(strstr(g.server.request, "{\"release\":\"late\",\"expect\":7}"));
    serve(&g, chunked("{\"result\":{\"epoch\":9}}\n"));
    assert_ok(tdm_rollback(g.mine, NULL, &epoch, &g.err), &g.err);
    served(&g);
    assert_true(epoch == 9 && strstr(g.server.request, "\r\n\r\n{}"));
    serve(&g, chunked("{\"result\":{}}\n"));
    assert_status(tdm_rollback(g.mine, "late", &epoch, &g.err), TDM_CORRUPT, &g.err);
    served(&g);
    stage_close(&g);
}

/* A caller that wants no more closes its half, and is told what the server says to that. A server that is slow to say
 * anything at all is asked to stop just the same. */
static void cancelling(void **state)
{
    (void)state;
    static const char *const said[] = {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n{\"progress\":{\"stage\":\"load\"}}\n"};
    stage g;
    tdm_load_report r;
    stage_open(&g);
    for (size_t i = 0; i < 2; i++)
        for (size_t stop_at = 1; stop_at <= 2; stop_at++) {
            watch w = {.stop_at = stop_at};
            serve(&g, said[i]);
            g.server.after_cancel = "{\"error\":{\"code\":\"cancelled\",\"message\":\"the load was cancelled\"}}\n";
            assert_status(load(&g, "flights.csv", &w, &r), TDM_CANCELLED, &g.err);
            served(&g);
            assert_string_equal(g.err.what, "the load was cancelled");
            assert_true(g.server.half_closed && w.calls == stop_at);
        }
    stage_close(&g);
}

/* Nobody at the socket: the error of the lock, as ever. */
static void without_a_server(void **state)
{
    (void)state;
    stage g;
    tdm_load_report r;
    tdm__socket left;
    tdm_live *live;
    tdm_text text = {0};
    stage_open(&g);
    assert_status(load(&g, "flights.csv", NULL, &r), TDM_BUSY, &g.err);
    assert_non_null(strstr(g.err.found, "tandem serve, process "));
    assert_ok(tdm__listen_unix(fixture_print("%s/admin.sock", tdm_home_dir(g.mine)), &left, &g.err), &g.err);
    tdm__socket_close(&left); /* a server that was killed leaves its socket */
    assert_status(load(&g, "flights.csv", NULL, &r), TDM_BUSY, &g.err);
    assert_status(tdm_live_open(g.mine, &live, &g.err), TDM_NOT_FOUND, &g.err);
    assert_status(tdm_server_top(g.mine, &text, &g.err), TDM_REFUSED, &g.err);
    assert_ok(tdm_status_json(g.mine, &text, &g.err), &g.err);
    assert_non_null(strstr(text_z(&text), "\"epoch\":0,\"services\":[]}"));
    tdm_text_free(&text);
    stage_close(&g);
}

static void the_status_of_a_live_server(void **state)
{
    (void)state;
    static const char page[] =
        "{\"epoch\":7,\"services\":[{\"service\":\"late\",\"promises\":{\"p99\":{\"promised\":\"5ms\",\"measured\":\"312us\"},"
        "\"freshness\":{\"measured\":null}}}],\"server\":{\"version\":\"9.9\",\"pid\":71,\"uptime_s\":2.5,\"listening\":"
        "\"127.0.0.1:8000\",\"threads\":2,\"ready\":true,\"draining\":false,\"connections\":3,\"requests\":40,\"errors\":1}}";
    stage g;
    tdm_live *live;
    tdm_text text = {0};
    stage_open(&g);
    serve(&g, chunked(fixture_print("%s\n", page)));
    assert_ok(tdm_live_open(g.mine, &live, &g.err), &g.err);
    served(&g);
    const tdm_live_info *v = tdm_live_describe(live);
    assert_true(v->pid == 71 && v->uptime_s == 2.5 && v->threads == 2 && v->ready && !v->draining);
    assert_true(v->connections == 3 && v->requests == 40 && v->errors == 1);
    assert_string_equal(v->address, "127.0.0.1:8000");
    assert_string_equal(tdm_live_measured(live, "late", "p99"), "312us");
    assert_null(tdm_live_measured(live, "late", "freshness"));
    assert_null(tdm_live_measured(live, "late", "coverage"));
    assert_null(tdm_live_measured(live, "early", "p99"));
    tdm_live_close(&live);
    serve(&g, chunked(fixture_print("%s\n", page)));
    assert_ok(tdm_status_json(g.mine, &text, &g.err), &g.err);
    served(&g);
    assert_int_equal(text.len, strlen(page)); /* as the server says it, without the line's end */
    assert_memory_equal(text.ptr, page, text.len);
    tdm_text_free(&text);
    static const char *const broken[] = {NULL, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200 OK\r\n\r\n{}",
                                         "HTTP/1.1 404 x\r\nContent-Length: 2\r\n\r\n{}"};
    for (size_t i = 0; i < 4; i++) { /* then it is the home that is told of */
        serve(&g, broken[i]);
        assert_ok(tdm_status_json(g.mine, &text, &g.err), &g.err);
        served(&g);
        assert_non_null(strstr(text_z(&text), "\"epoch\":0"));
        tdm_text_free(&text);
        serve(&g, broken[i]);
        assert_int_not_equal(tdm_live_open(g.mine, &live, &g.err), TDM_OK);
        assert_null(live);
        served(&g);
    }
    stage_close(&g);
}

/* What only this process can read is put into the home, and taken away again. */
static void a_pipe_is_spooled(void **state)
{
    (void)state;
    stage g;
    tdm_load_report r;
    tdm__names names;
    stage_open(&g);
    serve(&g, chunked(LOADED));
    assert_ok(load(&g, "/dev/null", NULL, &r), &g.err);
    served(&g);
    assert_non_null(strstr(g.server.request, "/tmp/spool-"));
    assert_non_null(strstr(g.server.request, "\"names\":[\"/dev/null\"]"));
    assert_ok(tdm__list_dir(tdm__fs_posix(), fixture_print("%s/tmp", tdm_home_dir(g.mine)), &names, &g.err), &g.err);
    assert_int_equal(names.n, 0);
    tdm__names_free(&names);
    stage_close(&g);
}

/* Each allocation fails once: a status, and the answer of the next try is whole. */
static void allocations_fail(void **state)
{
    (void)state;
    stage g;
    tdm_load_report r;
    stage_open(&g);
    for (uint64_t n = 1;; n++) {
        serve(&g, chunked(LOADED));
        support_fail_alloc_at(n);
        tdm_status s = load(&g, "flights.csv", NULL, &r);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (s == TDM_BUSY || (s && !g.server.n)) { /* it was not asked: let it go */
            tdm__socket c;
            assert_ok(tdm__connect_unix(fixture_print("%s/admin.sock", tdm_home_dir(g.mine)), &c, &g.err), &g.err);
            tdm__socket_close(&c);
        }
        served(&g);
        assert_true(s == TDM_OK || hit);
        assert_true(!s || s == TDM_NO_MEMORY || s == TDM_BUSY);
        if (!hit)
            break;
    }
    stage_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_given_back),
        cmocka_unit_test(broken_answers),
        cmocka_unit_test(errors_carry_our_names),
        cmocka_unit_test(diagnostics_are_given_back),
        cmocka_unit_test(a_run_that_fails_tells_why),
        cmocka_unit_test(cutovers),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(without_a_server),
        cmocka_unit_test(the_status_of_a_live_server),
        cmocka_unit_test(a_pipe_is_spooled),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
