/* The access log: what a line says, hostile paths, full rings, full disks, several threads at once. */
#include "support.h"

#include <jansson.h>

#include "server_desk.h"

#include "os/clock.h"
#include "os/sim_disk.h"
#include "os/sim_files.h"
#include "server/access_log.h"

static tdm__access_log *open_log(server_desk *desk, tdm__fs *fs, const char *path, size_t ring_bytes)
{
    tdm_error err;
    tdm__access_log *log;
    assert_ok(tdm__access_log_open_at(&desk->server, fs, path, ring_bytes, &log, &err), &err);
    desk->server.log = log;
    return log;
}

static void close_log(server_desk *desk)
{
    tdm__access_log_close(&desk->server.log);
    assert_null(desk->server.log);
}

/* A file's lines as JSON objects in a list, which the caller gives up by json_decref. */
static json_t *lines_of(tdm__fs *fs, const char *path)
{
    tdm__buf text;
    tdm_error err;
    json_t *list = json_array();
    assert_ok(tdm__read_file(fs, path, 64 << 20, &text, &err), &err);
    for (char *at = text.ptr, *end; at < text.ptr + text.len; at = end + 1) {
        json_error_t why;
        end = memchr(at, '\n', (size_t)(text.ptr + text.len - at));
        if (!end)
            fail_msg("the last line has no end: %s", at);
        json_t *line = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
        if (!line)
            fail_msg("no JSON: %s: %.*s", why.text, (int)(end - at), at);
        json_array_append_new(list, line);
    }
    tdm__buf_free(&text);
    return list;
}

static tdm__exchange exchange_of(server_desk *desk, unsigned seat, const tdm__http_request *request)
{
    return (tdm__exchange){.seat = &desk->seat[seat], .request = request, .status = 200, .rung = -1};
}

static double number(const json_t *line, const char *name)
{
    const json_t *v = json_object_get(line, name);
    if (!json_is_number(v))
        fail_msg("%s is no number", name);
    return json_number_value(v);
}

static const char *text(const json_t *line, const char *name)
{
    const char *v = json_string_value(json_object_get(line, name));
    if (!v)
        fail_msg("%s is no text", name);
    return v;
}

static void test_a_line(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 2);
    const char *path = support_path(support_temp_dir(), "access.jsonl");
    tdm__access_log *log = open_log(&desk, tdm__fs_posix(), path, TDM__LOG_RING_BYTES);
    tdm__serving serving = {.epoch = 7};
    tdm__http_request request = {.method = TDM__HTTP_POST, .path = tdm__str("/v1/decide/flights"), .wire_bytes = 321};
    tdm__exchange x = exchange_of(&desk, 1, &request);
    x.serving = &serving;
    x.meters = tdm__meters_of(&desk.server, "flights") + 1;
    x.arrived_us = INT64_C(1371175200250000);
    x.rung = TDM__RUNG_TABLE;
    x.rows = 3;
    x.rows_failed = 1;
    x.stage_ns[TDM__STAGE_PARSE] = 1500;
    x.spent.features_ns = 20007;
    x.spent.models_ns = 1000000;
    tdm__access_log_add(log, &x, 1234567, 99);
    request.method = TDM__HTTP_GET;
    request.path = tdm__str("/nowhere");
    x = exchange_of(&desk, 0, &request);
    x.status = 404;
    x.code = TDM_NOT_FOUND;
    tdm__access_log_add(log, &x, 999, 12);
    close_log(&desk);
    json_t *list = lines_of(tdm__fs_posix(), path);
    assert_int_equal(json_array_size(list), 2);
    const json_t *second = json_array_get(list, 0), *first = json_array_get(list, 1); /* the seats' order */
    assert_string_equal(text(first, "time"), "2013-06-14T02:00:00.250000Z");
    assert_string_equal(text(first, "method"), "POST");
    assert_string_equal(text(first, "path"), "/v1/decide/flights");
    assert_true(number(first, "status") == 200);
    assert_null(json_object_get(first, "code"));
    assert_string_equal(text(first, "service"), "flights");
    assert_true(number(first, "epoch") == 7);
    assert_string_equal(text(first, "rung"), "table");
    assert_true(number(first, "rows") == 3 && number(first, "rows_failed") == 1);
    assert_true(number(first, "bytes_in") == 321 && number(first, "bytes_out") == 99);
    assert_true(number(first, "total_us") == 1234.567);
    const json_t *stages = json_object_get(first, "stages_us");
    assert_int_equal(json_object_size(stages), 3);
    assert_true(number(stages, "parse") == 1.5 && number(stages, "features") == 20.007 && number(stages, "model") == 1000);
    assert_string_equal(text(second, "code"), "not_found");
    assert_true(number(second, "total_us") == 0.999);
    assert_null(json_object_get(second, "service"));
    assert_null(json_object_get(second, "rung"));
    json_decref(list);
    desk_close(&desk);
}

/* Every byte there is, paths that are too long, cut between characters; and nothing is allocated for a line. */
static void test_hostile_paths(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 1);
    const char *path = support_path(support_temp_dir(), "access.jsonl");
    char bytes[1024];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    char wide[600];
    for (size_t i = 0; i < sizeof wide; i += 2)
        memcpy(wide + i, "\xc3\xa9", 2);
    wide[0] = '/'; /* so that 512 falls inside a character */
    memmove(wide + 1, wide + 2, sizeof wide - 2);
    char controls[600], service[300];
    memset(controls, 1, sizeof controls);
    memset(service, 2, sizeof service);
    service[299] = 0;
    tdm__access_log *log = open_log(&desk, tdm__fs_posix(), path, TDM__LOG_RING_BYTES);
    tdm__service_meters *meters = tdm__meters_of(&desk.server, service);
    tdm__http_request request = {.method = TDM__HTTP_GET};
    tdm__exchange x = exchange_of(&desk, 0, &request);
    x.meters = meters;
    uint64_t before = support_allocs();
    request.path = tdm__strn(bytes, sizeof bytes);
    tdm__access_log_add(log, &x, 1, 1);
    request.path = tdm__strn(wide, sizeof wide - 1);
    tdm__access_log_add(log, &x, 1, 1);
    request.path = tdm__strn(controls, sizeof controls);
    tdm__access_log_add(log, &x, 1, 1);
    request.path = tdm__strn(NULL, 0);
    tdm__access_log_add(log, &x, 1, 1);
    assert_int_equal(support_allocs(), before);
    close_log(&desk);
    json_t *list = lines_of(tdm__fs_posix(), path);
    assert_int_equal(json_array_size(list), 4);
    assert_int_equal(strlen(text(json_array_get(list, 1), "path")), 511);
    assert_int_equal(strlen(text(json_array_get(list, 2), "path")), 512);
    assert_int_equal(strlen(text(json_array_get(list, 2), "service")), 255);
    json_decref(list);
    desk_close(&desk);
}

/* ---- rings that are full ---- */

/* A line whose `rows` is its number. */
static void add_numbered(server_desk *desk, unsigned seat, uint32_t number_of)
{
    static const tdm__http_request request = {.method = TDM__HTTP_GET, .path = {"/v1/status", 10}};
    tdm__exchange x = exchange_of(desk, seat, &request);
    x.rows = number_of;
    tdm__access_log_add(desk->server.log, &x, seat, 0);
}

/* Every line is there or counted; what is there stands in order. Returns how many are there. */
static size_t check_lines(server_desk *desk, tdm__fs *fs, const char *path, uint64_t added, uint64_t dropped)
{
    json_t *list = lines_of(fs, path), *line;
    double last[DESK_SEATS_MAX] = {0};
    size_t i, n = json_array_size(list);
    json_array_foreach(list, i, line) {
        size_t seat = (size_t)(number(line, "total_us") * 1000 + 0.5);
        assert_true(seat < desk->server.n_seats && number(line, "rows") > last[seat]);
        last[seat] = number(line, "rows");
    }
    assert_int_equal(n + dropped, added);
    json_decref(list);
    return n;
}

/* The disk stands still: a ring and what the writer holds already find room, and the seat never waits. */
static void test_a_full_ring(void **state)
{
    (void)state;
    enum { LINES = 1000 };
    server_desk desk;
    desk_open(&desk, 1);
    tdm__fs *fs = tdm__fs_sim_new(support_seed());
    assert_non_null(fs);
    tdm__mutex *disk = ((sim_disk *)(void *)fs)->mutex;
    open_log(&desk, fs, "access.jsonl", TDM__LOG_LINE_BYTES);
    tdm__mutex_lock(disk);
    for (uint32_t i = 1; i <= LINES; i++)
        add_numbered(&desk, 0, i);
    tdm__mutex_unlock(disk);
    uint64_t dropped = tdm__server_count(&desk.server, TDM__COUNT_LOG_DROPPED);
    close_log(&desk);
    size_t n = check_lines(&desk, fs, "access.jsonl", LINES, dropped);
    assert_in_range(n, TDM__LOG_LINE_BYTES / 220, 2 * TDM__LOG_LINE_BYTES / 120); /* by a line's shortest and longest */
    tdm__fs_sim_close(&fs);
    desk_close(&desk);
}

static void add_many(void *arg)
{
    tdm__seat *seat = arg;
    server_desk *desk = (server_desk *)(void *)((char *)seat->server - offsetof(server_desk, server));
    for (uint32_t i = 1; i <= 2000; i++) {
        add_numbered(desk, seat->index, i);
        if (i % 200 == 0)
            tdm__sleep_us(1000);
    }
}

static void test_several_threads(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 3);
    tdm__thread *thread[3];
    tdm_error err;
    const char *path = support_path(support_temp_dir(), "access.jsonl");
    open_log(&desk, tdm__fs_posix(), path, 8 * TDM__LOG_LINE_BYTES);
    for (unsigned i = 0; i < 3; i++)
        assert_ok(tdm__thread_start("seat", add_many, &desk.seat[i], &thread[i], &err), &err);
    while (tdm__server_count(&desk.server, TDM__COUNT_LOG_DROPPED) == UINT64_MAX) /* a reader meanwhile */
        ;
    for (unsigned i = 0; i < 3; i++)
        tdm__thread_join(&thread[i]);
    close_log(&desk);
    check_lines(&desk, tdm__fs_posix(), path, 6000, tdm__server_count(&desk.server, TDM__COUNT_LOG_DROPPED));
    desk_close(&desk);
}

/* Written without being asked for, within some pauses of the writer. */
static void test_lines_come_soon(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 1);
    const char *path = support_path(support_temp_dir(), "access.jsonl");
    open_log(&desk, tdm__fs_posix(), path, TDM__LOG_RING_BYTES);
    add_numbered(&desk, 0, 1);
    size_t size = 0;
    for (int i = 0; i < 500 && size == 0; i++) {
        tdm__sleep_us(10000);
        support_free(support_read_file(path, &size));
    }
    assert_true(size > 0);
    close_log(&desk);
    desk_close(&desk);
}

/* ---- the file ---- */

static void test_a_full_disk(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 1);
    tdm_error err;
    tdm__fs *fs = tdm__fs_sim_new(support_seed());
    assert_non_null(fs);
    open_log(&desk, fs, "access.jsonl", TDM__LOG_RING_BYTES);
    add_numbered(&desk, 0, 1);
    tdm__stat st = {0};
    for (int i = 0; i < 500 && st.size == 0; i++) {
        tdm__sleep_us(10000);
        assert_ok(tdm__stat_path(fs, "access.jsonl", &st, &err), &err);
    }
    tdm__fs_sim_capacity(fs, st.size + 100); /* part of a line would fit */
    add_numbered(&desk, 0, 2);
    add_numbered(&desk, 0, 3);
    for (int i = 0; i < 500 && tdm__access_log_lost(desk.server.log) < 2; i++)
        tdm__sleep_us(10000);
    assert_int_equal(tdm__server_count(&desk.server, TDM__COUNT_LOG_DROPPED), 2);
    tdm__fs_sim_capacity(fs, UINT64_MAX);
    add_numbered(&desk, 0, 4);
    close_log(&desk);
    assert_int_equal(check_lines(&desk, fs, "access.jsonl", 4, 2), 2);
    tdm__fs_sim_close(&fs);
    desk_close(&desk);
}

static void test_appending(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 1);
    const char *path = support_path(support_temp_dir(), "access.jsonl");
    support_write_file(path, "{\"rows\":1,\"total_us\":0}\n{}", 26); /* the last line was cut */
    for (uint32_t i = 1; i <= 2; i++) {
        open_log(&desk, tdm__fs_posix(), path, TDM__LOG_RING_BYTES);
        add_numbered(&desk, 0, i);
        close_log(&desk);
    }
    json_t *list = lines_of(tdm__fs_posix(), path);
    assert_int_equal(json_array_size(list), 4);
    json_decref(list);
    desk_close(&desk);
}

/* Until the file at `path` has so many lines. */
static void wait_for_lines(const char *path, size_t lines)
{
    size_t n = 0;
    for (int i = 0; n < lines && i < 2000; i++) {
        json_t *list = tdm__exists(tdm__fs_posix(), path) ? lines_of(tdm__fs_posix(), path) : NULL;
        n = json_array_size(list);
        json_decref(list);
        if (n < lines)
            tdm__sleep_us(5000);
    }
    assert_int_equal(n, lines);
}

/* The file is moved away, moved away with an empty one put there, and cut: nothing is lost and nothing has holes. */
static void test_rotation(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 1);
    const char *dir = support_temp_dir(), *path = support_path(dir, "access.jsonl");
    const char *old = support_path(dir, "access.jsonl.1"), *older = support_path(dir, "access.jsonl.2");
    open_log(&desk, tdm__fs_posix(), path, TDM__LOG_RING_BYTES);
    add_numbered(&desk, 0, 1);
    add_numbered(&desk, 0, 2);
    wait_for_lines(path, 2);
    assert_int_equal(rename(path, older), 0);
    add_numbered(&desk, 0, 3);
    wait_for_lines(path, 1);
    assert_int_equal(rename(path, old), 0);
    support_write_file(path, "", 0);
    add_numbered(&desk, 0, 4);
    wait_for_lines(path, 1);
    support_write_file(path, "", 0);
    add_numbered(&desk, 0, 5);
    wait_for_lines(path, 1);
    close_log(&desk);
    wait_for_lines(older, 2);
    wait_for_lines(old, 1);
    wait_for_lines(path, 1);
    desk_close(&desk);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 1);
    tdm_error err;
    const char *path = support_path(support_temp_dir(), "none/access.jsonl");
    assert_status(tdm__access_log_open(&desk.server, path, &desk.server.log, &err), TDM_NOT_FOUND, &err);
    assert_null(desk.server.log);
    assert_status(tdm__access_log_open(&desk.server, support_temp_dir(), &desk.server.log, &err), TDM_BAD_INPUT, &err);
    assert_string_equal(err.where[0] ? "has a place" : "", "has a place");
    desk_close(&desk);
}

static void test_without_memory(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 2);
    const char *path = support_path(support_temp_dir(), "access.jsonl");
    for (uint64_t n = 1;; n++) {
        tdm_error err;
        support_fail_alloc_at(n);
        tdm_status s = tdm__access_log_open(&desk.server, path, &desk.server.log, &err);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (!hit) {
            assert_ok(s, &err);
            break;
        }
        assert_status(s, TDM_NO_MEMORY, &err);
        assert_null(desk.server.log);
    }
    close_log(&desk);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line),
        cmocka_unit_test(test_hostile_paths),
        cmocka_unit_test(test_a_full_ring),
        cmocka_unit_test(test_several_threads),
        cmocka_unit_test(test_lines_come_soon),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_appending), cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
