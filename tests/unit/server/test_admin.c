/* Commands through a real admin socket: the same results as at home, turns, cancellation, cutovers that are served. */
#include "serving_desk.h"
#include "server/admin_ask.h"

/* A server over a full home that it holds, and another process's handle of that home. */
typedef struct hall {
    serving_desk d;
    tdm_home *mine;
    tdm_error err;
} hall;

/* The text with a terminating zero; ours as long as it is. */
static const char *text_z(tdm_text *text)
{
    tdm_text_addn(text, "", 1);
    text->len--;
    return text->ptr;
}

static void hall_open_over(hall *h) /* the fixture that h has */
{
    assert_ok(tdm__home_hold(h->d.f.home, "serve", &h->err), &h->err);
    serving_open(&h->d, 2);
    assert_ok(tdm__admin_open(&h->d.server, "127.0.0.1:0", &h->d.server.admin, &h->err), &h->err);
    assert_ok(tdm_home_open(tdm_home_dir(h->d.f.home), &h->mine, &h->err), &h->err);
}

static void hall_open(hall *h, size_t flights)
{
    memset(h, 0, sizeof *h);
    fixture_full(&h->d.f, tdm__fs_posix(), flights);
    hall_open_over(h);
}

static void hall_close(hall *h)
{
    tdm__admin_close(&h->d.server.admin);
    assert_false(tdm__exists(tdm__fs_posix(), fixture_print("%s/admin.sock", tdm_home_dir(h->mine))));
    serving_close(&h->d);
    tdm_home_close(&h->mine);
    fixture_close(&h->d.f);
}

/* The page or lines that one request gets, ours until the next; with the head. */
static const char *ask_raw(hall *h, const char *request)
{
    static char text[65536];
    tdm__socket s;
    size_t n, len = 0;
    assert_true(tdm__admin_reach(h->mine, &s));
    for (size_t at = 0; request[at]; at += n) {
        tdm__socket_wait(s, true, 1000);
        if (tdm__socket_write(s, request + at, strlen(request + at), &n) != TDM__IO_DONE)
            break;
    }
    while (tdm__socket_wait(s, false, 5000) &&
           tdm__socket_read(s, text + len, sizeof text - 1 - len, &n) == TDM__IO_DONE)
        len += n;
    text[len] = 0;
    tdm__socket_close(&s);
    return text;
}

static const char *post(hall *h, const char *command, const char *body)
{
    return ask_raw(h, fixture_print("POST /admin/v1/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", command,
                                    strlen(body), body));
}

static void commands_give_what_they_give_at_home(void **state)
{
    (void)state;
    static tdm_run_report r, again;
    hall h;
    tdm_load_report loaded;
    tdm_source_added added;
    tdm_release *release;
    uint64_t epoch;
    hall_open(&h, 50);
    const char *path = fixture_file(&h.d.f, "more.csv", fixture_flights_csv(40, 60));
    assert_ok(tdm_load(h.mine, "flights", &path, 1, NULL, &loaded, &h.err), &h.err);
    assert_true(loaded.version == 2 && loaded.rows_in == 20 && loaded.rows_replaced == 10 && loaded.rows_total == 60);
    path = fixture_file(&h.d.f, "sources.yaml", fixture_sources_yaml);
    assert_ok(tdm_source_add(h.mine, path, NULL, &added, &h.err), &h.err);
    assert_true(!added.added && added.unchanged == 2);
    const char *dir = fixture_release_dir(&h.d.f, "other", fixture_edit(fixture_release_yaml, "late: 42", "late: 43"), NULL);
    assert_ok(tdm_release_pack(h.mine, dir, NULL, &release, &h.err), &h.err);
    assert_int_equal(strlen(tdm_release_describe(release)->id), 64);
    assert_true(tdm_release_describe(release)->packed_us > 0 && tdm_release_describe(release)->n_features > 0);
    size_t notes = tdm_release_describe(release)->n_notes, found = 0;
    tdm_release_close(&release);
    support_write_file(support_path(dir, "notes.txt"), "dear", 4); /* a file that nobody names is told of, here as there */
    assert_ok(tdm_release_pack(h.mine, dir, NULL, &release, &h.err), &h.err);
    assert_int_equal(tdm_release_describe(release)->n_notes, notes + 1);
    for (size_t i = 0; i <= notes; i++)
        found += strstr(tdm_release_describe(release)->note[i], "'notes.txt'") != NULL;
    assert_int_equal(found, 1);
    tdm_release_close(&release);
    tdm_run_options options = {.has_as_of = true, .as_of_us = fixture_as_of_us, .threads = 1};
    assert_ok(tdm_run(h.mine, "late", &options, &r, &h.err), &h.err);
    assert_true(r.rows_in == 60 && r.rows_scored == 60 && !r.existed && r.threads == 1 && r.n_gates > 0 && r.seconds > 0);
    assert_string_equal(r.table, "v000001");
    assert_ok(tdm_run(h.mine, "late", &options, &again, &h.err), &h.err);
    assert_true(again.existed && !strcmp(again.run, r.run) && again.n_gates == r.n_gates);
    assert_memory_equal(again.gate, r.gate, sizeof r.gate);
    assert_ok(tdm_promote(h.mine, "late", NULL, TDM_EXPECT_NONE, NULL, NULL, &epoch, &h.err), &h.err);
    assert_int_equal(epoch, 1);
    assert_status(tdm_promote(h.mine, "late", NULL, 9, NULL, NULL, &epoch, &h.err), TDM_MOVED, &h.err);
    assert_string_equal(h.err.expected, "9");
    assert_status(tdm_rollback(h.mine, NULL, &epoch, &h.err), TDM_REFUSED, &h.err);
    assert_string_equal(h.err.where, "late");
    hall_close(&h);
}

/* What a cutover makes current is what is served when it returns, and what a load brings is. */
static void what_changes_is_served(void **state)
{
    (void)state;
    hall h;
    uint64_t epoch;
    tdm_load_report loaded;
    hall_open(&h, 20);
    assert_int_equal(tdm__serving_hold(&h.d.server)->epoch, 0);
    tdm__serving_release(&h.d.server);
    for (uint64_t n = 1; n <= 3; n++) {
        fixture_pack(&h.d.f, fixture_edit(fixture_release_yaml, "late: 42", fixture_print("late: %d", (int)n)), NULL);
        assert_ok(tdm_promote(h.mine, h.d.f.id, NULL, 0, NULL, NULL, &epoch, &h.err), &h.err);
        const tdm__serving *now = tdm__serving_hold(&h.d.server);
        assert_true(now->epoch == n && now->n == 1 && !strcmp(now->service[0]->release, h.d.f.id));
        tdm__serving_release(&h.d.server);
    }
    assert_ok(tdm_rollback(h.mine, "late", &epoch, &h.err), &h.err);
    const tdm__serving *now = tdm__serving_hold(&h.d.server);
    uint64_t position = now->position;
    assert_int_equal(now->epoch, 4);
    tdm__serving_release(&h.d.server);
    const char *path = fixture_file(&h.d.f, "more.csv", fixture_flights_csv(20, 30));
    assert_ok(tdm_load(h.mine, "flights", &path, 1, NULL, &loaded, &h.err), &h.err);
    now = tdm__serving_hold(&h.d.server);
    assert_true(now->epoch == 4 && now->position > position);
    tdm__serving_release(&h.d.server);
    fixture_flip(&h.d.f, "CURRENT", 30); /* a damaged one is repaired through the server too */
    assert_ok(tdm_rollback(h.mine, NULL, &epoch, &h.err), &h.err);
    assert_int_equal(epoch, 5);
    now = tdm__serving_hold(&h.d.server);
    assert_int_equal(now->epoch, 5);
    tdm__serving_release(&h.d.server);
    hall_close(&h);
}

/* A service that cannot be served hinders nobody else's cutover, and is refused its own. */
static void a_broken_service_is_alone(void **state)
{
    (void)state;
    hall h;
    uint64_t epoch;
    memset(&h, 0, sizeof h);
    fixture_full(&h.d.f, tdm__fs_posix(), 20);
    assert_ok(tdm_promote(h.d.f.home, "late", NULL, 0, NULL, NULL, &epoch, &h.err), &h.err);
    fixture_flip(&h.d.f, fixture_print("releases/%s/main.json", h.d.f.id), 20);
    hall_open_over(&h);
    fixture_pack(&h.d.f, fixture_edit(fixture_release_yaml, "name: late", "name: soon"), NULL);
    assert_ok(tdm_promote(h.mine, "soon", NULL, 0, NULL, NULL, &epoch, &h.err), &h.err);
    const tdm__serving *now = tdm__serving_hold(&h.d.server);
    assert_true(now->epoch == 2 && now->n == 2);
    assert_int_equal(tdm__serving_find(now, tdm__str("late"))->error.status, TDM_CORRUPT);
    assert_int_equal(tdm__serving_find(now, tdm__str("soon"))->error.status, TDM_OK);
    tdm__serving_release(&h.d.server);
    assert_status(tdm_promote(h.mine, "late", NULL, 0, NULL, NULL, &epoch, &h.err), TDM_CORRUPT, &h.err);
    hall_close(&h);
}

/* A command at work in the server: the next is told which, with the form of the lock's own words. */
static void commands_take_turns(void **state)
{
    (void)state;
    hall h;
    tdm__writing at_work;
    tdm_load_report loaded;
    uint64_t epoch;
    hall_open(&h, 20);
    assert_ok(tdm__writing_begin(h.d.f.home, "run", &at_work, &h.err), &h.err);
    const char *path = fixture_file(&h.d.f, "more.csv", fixture_flights_csv(20, 30));
    assert_status(tdm_load(h.mine, "flights", &path, 1, NULL, &loaded, &h.err), TDM_BUSY, &h.err);
    assert_non_null(strstr(h.err.found, "tandem run, process "));
    assert_status(tdm_promote(h.mine, "late", NULL, 0, NULL, NULL, &epoch, &h.err), TDM_BUSY, &h.err);
    tdm__writing_end(&at_work);
    assert_ok(tdm_load(h.mine, "flights", &path, 1, NULL, &loaded, &h.err), &h.err);
    hall_close(&h);
}

static bool stop_at_once(void *self, const tdm_progress *p)
{
    (void)p;
    return ++*(size_t *)self < 2;
}

/* Whoever asked wants no more, or is gone: the work ends, and nothing is changed. */
static void what_nobody_waits_for_is_cancelled(void **state)
{
    (void)state;
    hall h;
    uint64_t epoch;
    size_t calls = 0;
    tdm_load_report loaded;
    tdm__socket s;
    hall_open(&h, 20);
    tdm_load_options options = {.bad_share_max = 0.5, .progress = stop_at_once, .self = &calls};
    const char *pipe = support_path(support_temp_dir(), "endless.csv");
    tdm__buf big = {0};
    tdm__buf_text(&big, fixture_flights_csv(0, 1));
    for (size_t i = 0; i < 400000; i++)
        tdm__buf_printf(&big, "%zu,2013-06-14T10:00:00Z,EWR,N1,100\n", i);
    support_write_file(pipe, big.ptr, big.len);
    tdm__buf_free(&big);
    tdm_status status = tdm_load(h.mine, "flights", &pipe, 1, &options, &loaded, &h.err);
    assert_status(status, TDM_CANCELLED, &h.err);
    assert_string_equal(h.err.where, "flights");
    assert_string_equal(h.err.what, "the load was cancelled; nothing was changed");
    char bytes[512];
    size_t n;
    assert_true(tdm__admin_reach(h.mine, &s)); /* one that does not wait for its answer */
    n = (size_t)snprintf(bytes, sizeof bytes, "{\"source\":\"flights\",\"bad_share_max\":1,\"files\":[\"%s\"]}", pipe);
    const char *request = fixture_print("POST /admin/v1/load HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", n, bytes);
    assert_int_equal(tdm__socket_write(s, request, strlen(request), &n), TDM__IO_DONE);
    tdm__socket_close(&s);
    for (int i = 0; i < 500; i++) { /* the turn is free again soon */
        status = tdm_promote(h.mine, "late", NULL, 0, NULL, NULL, &epoch, &h.err);
        if (status != TDM_BUSY)
            break;
        tdm__sleep_us(10000);
    }
    assert_ok(status, &h.err);
    tdm_source_list *list;
    assert_ok(tdm_sources(h.mine, &list, &h.err), &h.err);
    for (size_t i = 0; i < tdm_source_count(list); i++)
        assert_int_equal(tdm_source_at(list, i)->version, 1);
    tdm_source_list_close(&list);
    hall_close(&h);
}

static void requests_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *command, *body, *status, *text;
    } cases[] = {
        {"promote", "{}", "400", "\"code\":\"usage\",\"message\":\"the member is missing\",\"where\":\"release\""},
        {"promote", "", "400", "\"where\":\"release\""},
        {"promote", "{", "400", "\"code\":\"json_syntax\""},
        {"promote", "[]", "400", "\"code\":\"json_syntax\""},
        {"promote", "{\"release\":\"a\",\"release\":\"b\"}", "400", "\"code\":\"json_syntax\""},
        {"promote", "{\"release\":7}", "400", "\"code\":\"field_type\""},
        {"promote", "{\"release\":\"late\",\"expect\":-1}", "400", "\"where\":\"expect\""},
        {"promote", "{\"release\":\"late\",\"tabel\":\"v000001\"}", "400", "did you mean 'table'?"},
        {"promote", "{\"release\":\"nobody\"}", "404", "\"code\":\"not_found\""},
        {"load", "{\"source\":\"flights\",\"files\":[]}", "400", "no file to load was named"},
        {"load", "{\"source\":\"flights\",\"files\":[7]}", "400", "\"where\":\"files\""},
        {"load", "{\"source\":\"flights\",\"files\":[\"/a\"],\"names\":[]}", "400", "\"where\":\"names\""},
        {"load", "{\"source\":\"flights\",\"files\":[\"/a\"],\"bad_share_max\":\"all\"}", "400", "\"where\":\"bad_share_max\""},
        {"run", "{\"release\":\"late\",\"as_of\":\"noon\"}", "400", "\"where\":\"as_of\""},
        {"run", "{\"release\":\"late\",\"promote\":1}", "400", "\"where\":\"promote\""},
        {"drain", "{\"x\":1}", "400", "\"code\":\"field_unknown\""},
        {"flatten", "{}", "404", "there is no such admin command"},
        {"status", "{}", "405", "\"expected\":\"GET\""},
    };
    hall h;
    hall_open(&h, 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *answer = post(&h, cases[i].command, cases[i].body);
        assert_true(tdm__str_starts(tdm__str(answer), fixture_print("HTTP/1.1 %s ", cases[i].status)));
        if (!strstr(answer, cases[i].text))
            fail_msg("%s: %s", cases[i].command, answer);
    }
    assert_true(tdm__str_starts(tdm__str(ask_raw(&h, "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")), "HTTP/1.1 404 "));
    assert_true(tdm__str_starts(tdm__str(ask_raw(&h, "GET /admin/v1/promote HTTP/1.1\r\nHost: x\r\n\r\n")), "HTTP/1.1 405 "));
    assert_true(tdm__str_starts(tdm__str(ask_raw(&h, "hello\r\n\r\n")), "HTTP/1.1 400 "));
    assert_true(tdm__str_starts(tdm__str(ask_raw(&h, "POST /admin/v1/load HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")),
                                "HTTP/1.1 413 "));
    const char *old = ask_raw(&h, "GET /admin/v1/status HTTP/1.0\r\n\r\n"); /* no chunks then */
    assert_true(tdm__str_starts(tdm__str(old), "HTTP/1.1 200 ") && !strstr(old, "chunked") && strstr(old, "\r\n\r\n{\"home\":"));
    hall_close(&h);
}

static void pages(void **state)
{
    (void)state;
    hall h;
    uint64_t epoch;
    tdm_text text = {0};
    tdm_live *live;
    hall_open(&h, 20);
    assert_true(h.d.server.admin_address[0]);
    assert_ok(tdm_promote(h.mine, "late", NULL, 0, NULL, NULL, &epoch, &h.err), &h.err);
    assert_ok(tdm_status_json(h.mine, &text, &h.err), &h.err);
    assert_non_null(strstr(text_z(&text), "\"epoch\":1"));
    assert_non_null(strstr(text_z(&text), "\"server\":{"));
    tdm_text_free(&text);
    assert_ok(tdm_server_top(h.mine, &text, &h.err), &h.err);
    assert_true(text.ptr[0] == '{');
    tdm_text_free(&text);
    assert_ok(tdm_live_open(h.mine, &live, &h.err), &h.err);
    assert_true(tdm_live_describe(live)->ready && tdm_live_describe(live)->pid > 0);
    tdm_live_close(&live);
    assert_non_null(strstr(post(&h, "drain", "{}"), "{\"result\":{\"draining\":true}}"));
    assert_ok(tdm_live_open(h.mine, &live, &h.err), &h.err);
    assert_true(!tdm_live_describe(live)->ready && tdm_live_describe(live)->draining);
    tdm_live_close(&live);
    atomic_store(&h.d.server.stopping, true);
    assert_non_null(strstr(post(&h, "rollback", "{}"), "\"code\":\"draining\""));
    atomic_store(&h.d.server.stopping, false);
    hall_close(&h);
}

/* More callers than places: one is told so, and the places come back. */
static void many_callers(void **state)
{
    (void)state;
    hall h;
    tdm__socket idle[16], one;
    char text[512] = {0};
    size_t n = 0;
    hall_open(&h, 20);
    for (size_t i = 0; i < 16; i++)
        assert_true(tdm__admin_reach(h.mine, &idle[i]));
    assert_true(tdm__admin_reach(h.mine, &one));
    assert_true(tdm__socket_wait(one, false, 5000));
    assert_int_equal(tdm__socket_read(one, text, sizeof text - 1, &n), TDM__IO_DONE);
    assert_true(tdm__str_starts(tdm__str(text), "HTTP/1.1 503 ") && strstr(text, "\"code\":\"overloaded\""));
    tdm__socket_close(&one);
    for (size_t i = 0; i < 16; i++)
        tdm__socket_close(&idle[i]);
    for (int i = 0; i < 500; i++) {
        const char *answer = post(&h, "drain", "{}");
        if (strstr(answer, "\"draining\":true"))
            break;
        assert_true(i < 499);
        tdm__sleep_us(2000);
    }
    for (size_t i = 0; i < 3; i++) /* and some are still there when the server closes */
        assert_true(tdm__admin_reach(h.mine, &idle[i]));
    hall_close(&h);
    for (size_t i = 0; i < 3; i++)
        tdm__socket_close(&idle[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_give_what_they_give_at_home),
        cmocka_unit_test(what_changes_is_served),
        cmocka_unit_test(a_broken_service_is_alone),
        cmocka_unit_test(commands_take_turns),
        cmocka_unit_test(what_nobody_waits_for_is_cancelled),
        cmocka_unit_test(requests_that_are_none),
        cmocka_unit_test(pages),
        cmocka_unit_test(many_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
