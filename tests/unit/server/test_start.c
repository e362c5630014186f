/* Starting a server, and failing to: the n-th allocation fails for every n, with bare models and with a home on the real
 * disk; the address or the home is another's. After each failure the home and the address are free, and nothing leaks. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "os/clock.h"
#include "server/server_impl.h"

enum { FLIGHTS = 20 };
#define BUDGET_NS UINT64_C(700000000) /* of one test: from there on the steps grow */

static const char linear_json[] = "{\"kind\":\"linear\",\"inputs\":[\"a\",\"b\"],\"weights\":[1,10],\"intercept\":0.5}";
static tdm_server_model model[2]; /* made once */

static tdm_server_options bare_options(void)
{
    tdm_server_options options = {.listen = "127.0.0.1:0", .model = model, .n_models = 2, .threads = 2};
    tdm_server_settings_default(&options.settings);
    return options;
}

static tdm_server_options home_options(void)
{
    tdm_server_options options = bare_options();
    options.n_models = 0;
    options.admin = "127.0.0.1:0";
    return options;
}

static int make_models(void **state)
{
    (void)state;
    const char *linear = support_path(support_temp_dir(), "linear.json");
    support_write_file(linear, linear_json, strlen(linear_json));
    model[0] = (tdm_server_model){"lin", linear};
    model[1] = (tdm_server_model){"trees", support_path(support_source_root(), "tests/parity/data/multiclass-v4.txt")};
    return 0;
}

/* On the real disk, with a table and an epoch. */
static void open_home(fixture *f)
{
    tdm_run_report report;
    uint64_t epoch;
    fixture_full(f, tdm__fs_posix(), FLIGHTS);
    assert_ok(fixture_run(f, NULL, &report), &f->err);
    assert_ok(tdm_promote(f->home, f->id, report.table, 0, NULL, NULL, &epoch, &f->err), &f->err);
}

/* ---- a client ---- */

/* One request on a connection of its own; its answer up to the end of the connection, ours until the next. */
static const char *ask(const char *address, const char *request)
{
    static char answer[16384];
    const char *port = strrchr(address, ':') + 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    size_t n = 0;
    ssize_t got;
    while ((got = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0)
        n += (size_t)got;
    assert_int_equal(got, 0);
    answer[n] = 0;
    close(fd);
    return answer;
}

static const char *post(const char *address, const char *path, const char *body)
{
    char request[1024];
    snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
             path, strlen(body), body);
    return ask(address, request);
}

static void must_hold(const char *answer, const char *text)
{
    if (!strstr(answer, text))
        fail_msg("no '%s' in: %s", text, answer);
}

static void must_answer_bare(tdm_server *server)
{
    const char *answer = post(tdm_server_address(server), "/v2/models/lin/infer",
                              "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP64\",\"shape\":[1,2],\"data\":[2,3]}]}");
    must_hold(answer, "HTTP/1.1 200 OK\r\n");
    must_hold(answer, "\"data\":[32.5]");
}

static void must_answer_home(tdm_server *server)
{
    char key[16], body[128], late[64];
    fixture_key(3, key);
    snprintf(body, sizeof body, "{\"keys\":{\"flight\":\"%s\"},\"features\":{\"cabin\":1}}", key);
    snprintf(late, sizeof late, "\"prediction\":{\"late\":%.0f}", fixture_late(3, 1));
    const char *answer = post(tdm_server_address(server), "/v1/decide/late", body);
    must_hold(answer, "HTTP/1.1 200 OK\r\n");
    must_hold(answer, late);
    snprintf(body, sizeof body, "GET /v1/predictions/late/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", key);
    must_hold(ask(tdm_server_address(server), body), "the table is older than its last_good"); /* it is of 2013 */
}

static void stop(tdm_server **server)
{
    tdm_error err;
    tdm_server_stop(*server);
    assert_ok(tdm_server_wait(*server, &err), &err);
    tdm_server_close(server);
    assert_null(*server);
}

/* ---- the n-th allocation fails ---- */

/* What a service that could not be opened says for itself; TDM_OK when all could. */
static tdm_status service_error(const tdm_server *server)
{
    const tdm__serving *serving = atomic_load(&server->current);
    for (size_t i = 0; i < serving->n; i++)
        if (serving->service[i]->error.status)
            return serving->service[i]->error.status;
    return TDM_OK;
}

/* Starts with the n-th allocation failing; false when there are fewer. */
static bool start_fails(tdm_home *home, const tdm_server_options *options, uint64_t n)
{
    tdm_error err = {0};
    tdm_server *server;
    support_fail_alloc_at(n);
    tdm_status s = tdm_server_start(home, options, &server, &err);
    bool hit = support_alloc_failed();
    support_fail_alloc_at(0);
    if (!s) { /* a service without memory is kept with its error; what only tidies up may fail unseen */
        tdm_status service = service_error(server);
        if (service && (service != TDM_NO_MEMORY || !hit))
            fail_msg("at allocation %llu: the service has %s", (unsigned long long)n, tdm_status_name(service));
        tdm_server_close(&server);
        return hit;
    }
    if (s != TDM_NO_MEMORY)
        print_error("at allocation %llu\n", (unsigned long long)n);
    assert_status(s, TDM_NO_MEMORY, &err);
    assert_true(hit);
    assert_null(server);
    return true;
}

/* Each of the first, then further and further apart once the time for it is used up. */
static void fail_all(tdm_home *home, const tdm_server_options *options)
{
    uint64_t begin = tdm__monotonic_ns(), step = 1, tried = 0, n = 1;
    while (start_fails(home, options, n)) {
        tried++;
        if (tdm__monotonic_ns() - begin > BUDGET_NS)
            step += 1 + step / 4;
        n += step;
    }
    fprintf(stderr, "%llu starts failed, of about %llu allocations\n", (unsigned long long)tried, (unsigned long long)n);
    assert_true(tried > 20);
}

/* Allocations of JSON fail here too, and from here on. Not in the test of a home: when its text buffer cannot grow, jansson
 * 2.14 writes behind the end of a text of more than 15 bytes, and this model has none. */
static void bare_models_without_memory(void **state)
{
    (void)state;
    tdm_error err;
    tdm_server *server;
    tdm_server_options options = bare_options();
    fixture_count_json();
    fail_all(NULL, &options);
    assert_ok(tdm_server_start(NULL, &options, &server, &err), &err);
    must_answer_bare(server);
    stop(&server);
}

static void a_home_without_memory(void **state)
{
    (void)state;
    fixture f;
    tdm_server *server;
    tdm_server_options options = home_options();
    open_home(&f);
    fail_all(f.home, &options);
    assert_ok(tdm_server_start(f.home, &options, &server, &f.err), &f.err);
    must_answer_home(server);
    must_hold(ask(tdm_server_admin_address(server), "GET /admin/v1/status HTTP/1.1\r\nHost: x\r\n\r\n"), "\"epoch\":1");
    stop(&server);
    fixture_close(&f);
}

/* ---- what is another's ---- */

static void one_home_twice(void **state)
{
    (void)state;
    fixture f;
    tdm_home *again;
    tdm_server *server, *second;
    tdm_server_options options = home_options();
    open_home(&f);
    assert_ok(tdm_server_start(f.home, &options, &server, &f.err), &f.err);
    assert_status(tdm_server_start(f.home, &options, &second, &f.err), TDM_USAGE, &f.err);
    assert_null(second);
    for (int i = 0; i < 2; i++) { /* the first one has lost nothing by it: others are refused still */
        assert_ok(tdm__home_open_on(f.fs, tdm_home_dir(f.home), &again, &f.err), &f.err);
        assert_status(tdm_server_start(again, &options, &second, &f.err), TDM_BUSY, &f.err);
        assert_non_null(strstr(f.err.found, "serve"));
        tdm_home_close(&again);
    }
    must_answer_home(server);
    stop(&server);
    assert_ok(tdm_server_start(f.home, &options, &server, &f.err), &f.err);
    stop(&server);
    fixture_close(&f);
}

/* The child is made before there are threads; it tries once the server runs. */
static void one_home_in_two_processes(void **state)
{
    (void)state;
    fixture f;
    tdm_server *server;
    tdm_server_options options = home_options();
    int go[2], status = 0;
    char byte = 0;
    open_home(&f);
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool told = read(go[0], &byte, 1) == 1;
        _exit(told ? (int)tdm_server_start(f.home, &options, &server, &f.err) : 255);
    }
    assert_ok(tdm_server_start(f.home, &options, &server, &f.err), &f.err);
    assert_int_equal(write(go[1], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), TDM_BUSY);
    close(go[0]);
    close(go[1]);
    must_answer_home(server);
    stop(&server);
    fixture_close(&f);
}

static void a_port_that_is_taken(void **state)
{
    (void)state;
    static const unsigned loops[][2] = {{1, 1}, {2, 2}, {1, 2}, {2, 1}};
    tdm_error err;
    tdm_server *server, *second;
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        tdm_server_options options = bare_options(), more = bare_options();
        options.threads = loops[i][0];
        more.threads = loops[i][1];
        assert_ok(tdm_server_start(NULL, &options, &server, &err), &err);
        more.listen = tdm_server_address(server);
        assert_status(tdm_server_start(NULL, &more, &second, &err), TDM_REFUSED, &err);
        more.listen = "127.0.0.1:0";
        more.admin = tdm_server_address(server);
        assert_status(tdm_server_start(NULL, &more, &second, &err), TDM_REFUSED, &err);
        must_answer_bare(server);
        stop(&server);
    }
}

static void an_address_that_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *listen;
        tdm_status status;
    } cases[] = {
        {"", TDM_BAD_INPUT}, {"8000", TDM_BAD_INPUT}, {"127.0.0.1", TDM_BAD_INPUT}, {"127.0.0.1:", TDM_BAD_INPUT},
        {"127.0.0.1:65536", TDM_BAD_INPUT}, {"127.0.0.1:-1", TDM_BAD_INPUT}, {"127.0.0.1:80x", TDM_BAD_INPUT},
        {"::1:0", TDM_BAD_INPUT}, {"127.0.0.1:000000", TDM_BAD_INPUT}, {"[:0", TDM_BAD_INPUT},
        {"203.0.113.7:0", TDM_REFUSED}, /* for documentation: nobody's */
    };
    fixture f;
    tdm_server *server;
    open_home(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdm_server_options options = home_options(), admin = home_options();
        options.listen = admin.admin = cases[i].listen;
        assert_status(tdm_server_start(f.home, &options, &server, &f.err), cases[i].status, &f.err);
        assert_status(tdm_server_start(f.home, &admin, &server, &f.err), cases[i].status, &f.err);
        assert_null(server);
    }
    tdm_server_options options = home_options();
    assert_ok(tdm_server_start(f.home, &options, &server, &f.err), &f.err);
    stop(&server);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_home_without_memory),   cmocka_unit_test(one_home_twice),
        cmocka_unit_test(one_home_in_two_processes), cmocka_unit_test(a_port_that_is_taken),
        cmocka_unit_test(an_address_that_is_none), cmocka_unit_test(bare_models_without_memory),
    };
    return cmocka_run_group_tests(tests, make_models, NULL);
}
