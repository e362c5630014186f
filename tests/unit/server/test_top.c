/* `tandem top`: what the server tells, reading it back, and the screen drawn from two of its words. */
#include "support.h"

#include <jansson.h>

#include "server_desk.h"

#include "base/random.h"
#include "os/clock.h"
#include "server/top_frame.h"

static char *told(server_desk *desk)
{
    static char text[1 << 20];
    tdm_text out = {0};
    tdm_json j = {.out = &out};
    tdm__top_json(&desk->server, &j);
    assert_false(out.failed);
    assert_true(out.len < sizeof text);
    memcpy(text, out.ptr, out.len);
    text[out.len] = 0;
    tdm_text_free(&out);
    return text;
}

static void busy_desk(server_desk *desk)
{
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    desk_open(desk, 2);
    strcpy(desk->server.address, "127.0.0.1:8000");
    desk->server.started_ns = tdm__monotonic_ns() - 5000000000;
    desk->server.started_us = 1371175200000000;
    atomic_store(&desk->server.connections, 9);
    tdm__service_meters *m = tdm__meters_of(&desk->server, "flights");
    for (int i = 0; i < 500; i++) {
        uint64_t ns = tdm__random_next(&r) >> (30 + tdm__random_below(&r, 20));
        tdm__meter_record(&desk->seat[i % 2].meters.stage[TDM__STAGE_TOTAL], ns);
        tdm__meter_record(&m[i % 2].total, ns);
    }
    desk->seat[0].meters.count[TDM__COUNT_ROWS] = 700;
    desk->seat[1].meters.error[TDM_FIELD_TYPE] = 3;
    m[0].requests = 500;
    m[1].rung[TDM__RUNG_STALE] = 4;
}

static json_int_t whole(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);
    if (!json_is_integer(v))
        fail_msg("%s is not there", name);
    return json_integer_value(v);
}

static void test_what_is_told(void **state)
{
    (void)state;
    server_desk desk;
    busy_desk(&desk);
    tdm__manifest manifest = {.promise = {.p99_us = 5000}};
    tdm__package package = {.manifest = &manifest};
    tdm__servable servable = {.package = &package};
    tdm__served served = {.name = "flights", .release = "9f3c", .servable = &servable};
    tdm__served *services[] = {&served};
    tdm_str names[] = {{"flights", 7}};
    tdm__serving serving = {.epoch = 7, .service = services, .n = 1};
    assert_true(tdm__names_index_make(&serving.by_name, names, 1, &serving.arena));
    atomic_store(&desk.server.current, &serving);
    json_error_t why;
    json_t *top = json_loads(told(&desk), JSON_REJECT_DUPLICATES, &why);
    if (!top)
        fail_msg("%s", why.text);
    assert_int_equal(whole(top, "epoch"), 7);
    assert_int_equal(whole(top, "connections"), 9);
    assert_true(whole(top, "uptime_us") >= 5000000);
    assert_int_equal(whole(json_object_get(top, "counts"), "rows"), 700);
    assert_int_equal(json_object_size(json_object_get(top, "counts")), TDM__COUNT_COUNT);
    assert_int_equal(whole(json_object_get(top, "errors"), "field_type"), 3);
    const json_t *stage = json_array_get(json_object_get(top, "stages"), TDM__STAGE_TOTAL);
    tdm__histogram h;
    tdm__server_stage(&desk.server, TDM__STAGE_TOTAL, &h);
    assert_int_equal(whole(stage, "count"), 500);
    assert_int_equal(whole(stage, "max_ns"), h.max);
    assert_true(json_number_value(json_object_get(stage, "p99_us")) ==
                (double)tdm__histogram_quantile(&h, 0.99) / 1000);
    const json_t *service = json_array_get(json_object_get(top, "services"), 0);
    assert_int_equal(whole(service, "requests"), 500);
    assert_int_equal(whole(service, "promise_p99_us"), 5000);
    assert_int_equal(whole(json_object_get(service, "rungs"), "stale"), 4);
    assert_int_equal(atomic_load(&desk.server.held), 0);
    json_decref(top);
    tdm__arena_free(&serving.arena);
    desk_close(&desk);
}

static void test_reading_it_back(void **state)
{
    (void)state;
    server_desk desk;
    busy_desk(&desk);
    tdm_error err;
    tdm__top *top, *later;
    assert_ok(tdm__top_read(tdm__str(told(&desk)), &top, &err), &err);
    tdm__histogram h;
    tdm__server_stage(&desk.server, TDM__STAGE_TOTAL, &h);
    assert_memory_equal(&h, &top->stage[TDM__STAGE_TOTAL], sizeof h);
    tdm__service_latency(&desk.server, tdm__meters_of(&desk.server, "flights"), &h);
    assert_int_equal(top->n_services, 1);
    assert_memory_equal(&h, &top->service[0].h, sizeof h);
    assert_int_equal(top->count[TDM__COUNT_ROWS], 700);
    assert_int_equal(top->error[TDM_FIELD_TYPE], 3);
    assert_int_equal(top->value[TDM__TOP_CONNECTIONS], 9);

    /* what comes later, and nothing else, is what remains */
    static tdm__histogram more;
    tdm__service_meters *m = tdm__meters_of(&desk.server, "flights"), *fresh = tdm__meters_of(&desk.server, "new");
    desk.seat[0].meters.count[TDM__COUNT_ROWS] += 11;
    for (uint64_t ns = 100; ns < 100000; ns = ns * 5 / 4) {
        tdm__meter_record(&desk.seat[0].meters.stage[TDM__STAGE_TOTAL], ns);
        tdm__histogram_record(&more, ns);
    }
    m[0].requests += 2;
    fresh[0].requests = 5;
    tdm__sleep_us(2000);
    assert_ok(tdm__top_read(tdm__str(told(&desk)), &later, &err), &err);
    assert_true(tdm__top_same_server(top, later));
    assert_false(tdm__top_same_server(later, top));
    assert_in_range(tdm__top_subtract(later, top), 2000, 10000000);
    assert_int_equal(later->count[TDM__COUNT_ROWS], 11);
    assert_memory_equal(later->stage[TDM__STAGE_TOTAL].bucket, more.bucket, sizeof more.bucket);
    assert_int_equal(later->stage[TDM__STAGE_TOTAL].count, more.count);
    assert_true(later->stage[TDM__STAGE_TOTAL].max >= more.max);
    assert_int_equal(later->service[0].requests, 2);
    assert_int_equal(later->service[1].requests, 5);
    assert_int_equal(later->service[0].h.count, 0);
    tdm__top_close(&top);
    tdm__top_close(&later);
    desk_close(&desk);
}

/* ---- the screen ---- */

static char *recorded(const char *name)
{
    const char *dir = support_path(support_source_root(), "tests/unit/server/top");
    return support_read_file(support_path(dir, name), NULL);
}

static char *frame_of(const char *before, const char *now, tdm_top_look look)
{
    static char text[1 << 18];
    tdm_text out = {0};
    tdm_error err;
    assert_ok(tdm_top_frame(tdm__str(before), tdm__str(now), &look, &out, &err), &err);
    assert_true(out.len < sizeof text);
    memcpy(text, out.ptr, out.len);
    text[out.len] = 0;
    tdm_text_free(&out);
    return text;
}

/* With TANDEM_RECORD set it is written instead: read it before it is committed. */
static void same_as(const char *made, const char *name)
{
    if (getenv("TANDEM_RECORD"))
        support_write_file(support_path(support_path(support_source_root(), "tests/unit/server/top"), name), made,
                           strlen(made));
    char *wanted = recorded(name);
    if (strcmp(made, wanted))
        fail_msg("%s differs; made:\n%s", name, made);
    support_free(wanted);
}

static void test_recorded_frames(void **state)
{
    (void)state;
    char *before = recorded("before.json"), *now = recorded("now.json");
    same_as(frame_of(before, now, (tdm_top_look){.columns = 100}), "interval.txt");
    same_as(frame_of("", now, (tdm_top_look){.columns = 100}), "start.txt");
    assert_string_equal(frame_of(now, before, (tdm_top_look){.columns = 100}),
                        frame_of("", before, (tdm_top_look){.columns = 100})); /* a server that began anew */
    support_free(before);
    support_free(now);
}

/* Whatever the size, no line is wider, there are not more, and nothing but our own sequences moves the cursor. */
static void test_the_screen_is_kept(void **state)
{
    (void)state;
    char *before = recorded("before.json"), *now = recorded("now.json");
    for (unsigned columns = 40; columns < 130; columns += 7) {
        for (unsigned rows = 1; rows < 40; rows += 3) {
            unsigned width = 0, lines = 1;
            const char *p = frame_of(before, now, (tdm_top_look){columns, rows, true, true});
            assert_memory_equal(p, "\033[H", 3);
            for (; *p; p++) {
                if (*p == '\033') { /* [H [J [K or a colour */
                    p += 1 + strspn(p + 1, "[0123456789;");
                    assert_non_null(strchr("HJKm", *p));
                } else if (*p == '\r') {
                    assert_int_equal(*++p, '\n');
                    width = 0;
                    lines++;
                } else {
                    assert_true((unsigned char)*p >= 0x20);
                    width += ((unsigned char)*p & 0xc0) != 0x80;
                    assert_true(width <= columns);
                }
            }
            assert_true(lines <= rows);
        }
    }
    support_free(before);
    support_free(now);
}

static void test_names_cannot_move_the_cursor(void **state)
{
    (void)state;
    const char *now = "{\"uptime_us\":1000000,\"listening\":\"\\u001b[2J\\n\",\"services\":[{\"service\":\"a\\rb\"}]}";
    const char *made = frame_of("", now, (tdm_top_look){.columns = 80});
    assert_null(strchr(made, '\033'));
    assert_null(strchr(made, '\r'));
    assert_non_null(strstr(made, "?[2J?"));
    assert_non_null(strstr(made, "a?b"));
}

static void test_what_is_no_answer(void **state)
{
    (void)state;
    static const struct { const char *text; tdm_status status; } bad[] = {
        {"", TDM_JSON_SYNTAX}, {"{", TDM_JSON_SYNTAX}, {"[]", TDM_FIELD_TYPE}, {"{} {}", TDM_JSON_SYNTAX},
        {"{\"epoch\":-1}", TDM_FIELD_RANGE}, {"{\"epoch\":\"7\"}", TDM_FIELD_TYPE},
        {"{\"stages\":[{\"buckets\":[[976,1]]}]}", TDM_FIELD_RANGE},
        {"{\"stages\":[{\"buckets\":[[1,2,3]]}]}", TDM_JSON_SYNTAX}, {"{\"listening\":\"\xff\"}", TDM_TEXT_ENCODING},
    };
    tdm_top_look look = {.columns = 80};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tdm_text out = {0};
        tdm_error err;
        assert_status(tdm_top_frame(tdm__str(""), tdm__str(bad[i].text), &look, &out, &err), bad[i].status, &err);
        assert_int_equal(out.len, 0);
    }
}

static void test_without_memory(void **state)
{
    (void)state;
    char *before = recorded("before.json"), *now = recorded("now.json");
    tdm_top_look look = {.columns = 80};
    for (uint64_t n = 1;; n++) {
        tdm_text out = {0};
        tdm_error err;
        support_fail_alloc_at(n);
        tdm_status s = tdm_top_frame(tdm__str(before), tdm__str(now), &look, &out, &err);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        tdm_text_free(&out);
        if (!hit) {
            assert_ok(s, &err);
            break;
        }
        assert_status(s, TDM_NO_MEMORY, &err);
    }
    support_free(before);
    support_free(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_told),
        cmocka_unit_test(test_reading_it_back),
        cmocka_unit_test(test_recorded_frames),
        cmocka_unit_test(test_the_screen_is_kept),
        cmocka_unit_test(test_names_cannot_move_the_cursor),
        cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
