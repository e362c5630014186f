/* GET /metrics of a server made by hand, read by a strict reader of the format. */
#include <math.h>

#include "exposition.h"
#include "server_desk.h"

#include "os/clock.h"
#include "server/metrics.h"

/* ---- the reader itself ---- */

static exposition read_back;

static void test_the_reader_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a 1\n",                                                     /* no family */
        "# HELP a_total x\n# TYPE a_total counter\na_total 1",       /* no end of line */
        "# HELP a_total x\na_total 1\n",                             /* no TYPE */
        "# TYPE a_total counter\na_total 1\n",
        "# HELP a x\n# TYPE a counter\na 1\n",                       /* a counter without _total */
        "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n",
        "# HELP a x\n# TYPE a gauge\nb 1\n",                         /* another's sample */
        "# HELP a x\n# TYPE a gauge\na 1\na 2\n",                    /* twice */
        "# HELP a x\n# TYPE a gauge\na{b=\"1\",} 1\n# HELP a x\n# TYPE a gauge\n",
        "# HELP a x\n# TYPE a gauge\na{b=\"\\x\"} 1\n",              /* a bad escape */
        "# HELP a x\n# TYPE a gauge\na{b=\"1} 1\n",
        "# HELP a x\n# TYPE a gauge\na{1b=\"1\"} 1\n",
        "# HELP a x\n# TYPE a gauge\na  1\n",
        "# HELP a x\n# TYPE a gauge\na 1e5x\n",
        "# HELP a_total x\n# TYPE a_total counter\na_total -1\n",
        "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
        "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
        "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"2\"} 0\nh_bucket{le=\"1\"} 0\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (exposition_parse(&read_back, bad[i]))
            fail_msg("the reader took %s", bad[i]);
    assert_true(exposition_parse(&read_back,
                                 "# HELP h x\n# TYPE h histogram\nh_bucket{a=\"\\\"\",le=\"0.5\"} 1\n"
                                 "h_bucket{a=\"\\\"\",le=\"+Inf\"} 2\nh_sum{a=\"\\\"\"} 3.25\nh_count{a=\"\\\"\"} 2\n"));
    assert_true(expo_value(&read_back, "h_sum", "a=\"\\\"\",") == 3.25);
}

/* ---- ours ---- */

static void render(server_desk *desk, const tdm__serving *serving)
{
    tdm__buf out = {0};
    tdm__metrics_write(&desk->server, serving, &out);
    assert_false(out.failed);
    if (!exposition_parse(&read_back, tdm__buf_z(&out)))
        fail_msg("%s", read_back.why);
    tdm__buf_free(&out);
}

static double value(const char *name, const char *labels)
{
    return expo_value(&read_back, name, labels);
}

static void test_a_new_server(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 2);
    render(&desk, NULL);
    assert_true(value("tandem_rows_total", "") == 0);
    assert_true(value("tandem_ready", "") == 0);
    assert_true(value("tandem_stage_seconds_count", "stage=\"total\",") == 0);
    assert_true(value("tandem_requests_total", "route=\"/v1/decide/{}\",") == 0);
    assert_true(value("tandem_process_resident_bytes", "") > 1e6);
    assert_true(value("tandem_process_threads", "") >= 1);
    assert_true(value("tandem_process_open_fds", "") >= 3);
    assert_null(expo_find(&read_back, "tandem_errors_total", ""));
    desk_close(&desk);
}

static void test_counters(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 3);
    for (unsigned i = 0; i < 3; i++) {
        tdm__meters *m = &desk.seat[i].meters;
        m->count[TDM__COUNT_ROWS] = 100 + i;
        m->count[TDM__COUNT_BYTES_OUT] = UINT64_C(1) << 40;
        m->status[2] = 7;
        m->status[5] = i;
        m->error[TDM_FIELD_TYPE] = 2 * i;
        m->route[1] = 5;
        m->route[tdm__n_routes] = i;
    }
    atomic_store(&desk.server.connections, 12);
    atomic_store(&desk.server.buffered_bytes, 4096);
    atomic_store(&desk.server.drained, true);
    desk.server.started_us = INT64_C(1371175200250000);
    render(&desk, NULL);
    assert_true(value("tandem_rows_total", "") == 303);
    assert_true(value("tandem_sent_bytes_total", "") == 3 * 0x1p40);
    assert_true(value("tandem_responses_total", "status=\"2xx\",") == 21);
    assert_true(value("tandem_responses_total", "status=\"5xx\",") == 3);
    assert_true(value("tandem_responses_total", "status=\"4xx\",") == 0);
    assert_true(value("tandem_errors_total", "code=\"field_type\",") == 6);
    assert_true(value("tandem_requests_total", "route=\"/healthz\",") == 15);
    assert_true(value("tandem_requests_total", "route=\"none\",") == 3);
    assert_true(value("tandem_connections", "") == 12);
    assert_true(value("tandem_buffered_bytes", "") == 4096);
    assert_true(value("tandem_draining", "") == 1);
    assert_true(value("tandem_process_start_time_seconds", "") == 1371175200.25);
    desk_close(&desk);
}

/* Every count of the server is in some metric: bump one, and exactly one number without labels moves. */
static void test_every_count_is_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TDM__COUNT_COUNT; i++) {
        if (i == TDM__COUNT_REQUESTS)
            continue; /* told by route */
        server_desk desk;
        desk_open(&desk, 2);
        desk.seat[1].meters.count[i] = 987654321;
        render(&desk, NULL);
        size_t moved = 0;
        for (size_t k = 0; k < read_back.n_samples; k++)
            moved += read_back.sample[k].value == 987654321;
        if (moved != 1)
            fail_msg("count %u is in %zu metrics", i, moved);
        desk_close(&desk);
    }
}

/* Cumulative counts against the values themselves. */
static void test_histograms(void **state)
{
    (void)state;
    static const uint64_t ns[] = {0, 1, 1023, 1024, 1025, 2047, 2048, 50000, 999999, 1000000, 8000000000, 8589934591,
                                  8589934592, UINT64_C(3600000000000)};
    enum { N = sizeof ns / sizeof *ns };
    server_desk desk;
    desk_open(&desk, 2);
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        tdm__meter_record(&desk.seat[i % 2].meters.stage[TDM__STAGE_MODEL], ns[i]);
        sum += (double)ns[i];
    }
    render(&desk, NULL);
    size_t buckets = 0;
    for (size_t k = 0; k < read_back.n_samples; k++) {
        const sample *s = &read_back.sample[k];
        if (strcmp(s->name, "tandem_stage_seconds_bucket") || strcmp(s->labels, "stage=\"model\","))
            continue;
        size_t wanted = 0;
        for (size_t i = 0; i < N; i++)
            wanted += (double)ns[i] <= rint(s->le * 1e9) || isinf(s->le);
        if (s->value != (double)wanted)
            fail_msg("le %.9f has %g, wanted %zu", s->le, s->value, wanted);
        buckets++;
    }
    assert_int_equal(buckets, TDM__LE_LAST_BIT - TDM__LE_FIRST_BIT + 2);
    assert_true(value("tandem_stage_seconds_count", "stage=\"model\",") == N);
    assert_true(fabs(value("tandem_stage_seconds_sum", "stage=\"model\",") - sum / 1e9) < 1e-6);
    desk_close(&desk);
}

/* ---- services ---- */

static void test_services(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 2);
    tdm_table table = {.info = {.as_of_us = tdm__now_us() - 7200 * INT64_C(1000000)}};
    tdm__manifest manifest = {.batch = {.ttl_us = 3600 * INT64_C(1000000)}};
    tdm__package package = {.manifest = &manifest};
    tdm__servable servable = {.package = &package, .table = &table};
    tdm__served one = {.name = "flight-delay", .release = "9f3c", .table_name = "v000002", .servable = &servable};
    tdm__served two = {.name = "odd", .error = {.status = TDM_CORRUPT}};
    tdm__served *services[] = {&one, &two};
    tdm__serving serving = {.epoch = 7, .position = 1234, .since_us = 1500000, .service = services, .n = 2};
    tdm__service_meters *m = tdm__meters_of(&desk.server, "flight-delay");
    tdm__service_meters *odd = tdm__meters_of(&desk.server, "a\"b\\c\nd\xff");
    m[0].requests = 3;
    m[1].requests = 4;
    m[1].errors = 2;
    m[0].models_ns = 1500000000;
    m[0].rung[TDM__RUNG_FRESH] = 9;
    m[1].rung[TDM__RUNG_TABLE] = 1;
    tdm__meter_record(&m[1].total, 5000);
    odd[0].requests = 1;
    render(&desk, &serving);
    assert_true(value("tandem_service_requests_total", "service=\"flight-delay\",") == 7);
    assert_true(value("tandem_service_errors_total", "service=\"flight-delay\",") == 2);
    assert_true(value("tandem_service_models_seconds_total", "service=\"flight-delay\",") == 1.5);
    assert_true(value("tandem_service_requests_total", "service=\"a\\\"b\\\\c\\nd?\",") == 1);
    assert_true(value("tandem_rungs_total", "service=\"flight-delay\",rung=\"fresh\",") == 9);
    assert_true(value("tandem_rungs_total", "service=\"flight-delay\",rung=\"table\",") == 1);
    assert_true(value("tandem_service_seconds_sum", "service=\"flight-delay\",") == 5e-6);
    assert_true(value("tandem_service_info",
                      "service=\"flight-delay\",release=\"9f3c\",table=\"v000002\",epoch=\"7\",") == 1);
    assert_true(value("tandem_service_ready", "service=\"odd\",") == 0);
    assert_true(value("tandem_service_ready", "service=\"flight-delay\",") == 1);
    assert_true(fabs(value("tandem_table_age_seconds", "service=\"flight-delay\",") - 7200) < 5);
    assert_true(value("tandem_table_stale", "service=\"flight-delay\",") == 1);
    assert_null(expo_find(&read_back, "tandem_table_age_seconds", "service=\"odd\","));
    assert_true(value("tandem_epoch", "") == 7);
    assert_true(value("tandem_epoch_since_seconds", "") == 1.5);
    assert_true(value("tandem_log_position", "") == 1234);
    assert_true(value("tandem_ready", "") == 0); /* one cannot be asked */
    two.error.status = TDM_OK;
    manifest.batch.ttl_us = 0;
    render(&desk, &serving);
    assert_true(value("tandem_ready", "") == 1);
    assert_true(value("tandem_table_stale", "service=\"flight-delay\",") == 0);
    desk_close(&desk);
}

/* ---- the route ---- */

static void test_the_route(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 4);
    tdm__exchange x = {.seat = &desk.seat[0], .body = &desk.seat[0].body, .status = 200};
    assert_true(tdm__route_metrics(&x));
    assert_string_equal(x.type, "text/plain; version=0.0.4; charset=utf-8");
    assert_true(x.body->len > 1000);
    char name[16];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_non_null(tdm__meters_of(&desk.server, name));
    }
    tdm__buf_reset(x.body);
    assert_false(tdm__route_metrics(&x)); /* too much for an event loop */
    assert_int_equal(x.body->len, 0);
    x.seat = &desk.seat[3];
    assert_true(tdm__route_metrics(&x));
    assert_true(exposition_parse(&read_back, tdm__buf_z(x.body)));
    tdm__buf_free(x.body);
    desk_close(&desk);
}

static void test_allocations(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 2);
    tdm__buf out = {0};
    assert_non_null(tdm__meters_of(&desk.server, "a"));
    tdm__metrics_write(&desk.server, NULL, &out);
    uint64_t before = support_allocs();
    tdm__buf_reset(&out);
    tdm__metrics_write(&desk.server, NULL, &out);
    assert_int_equal(support_allocs(), before); /* the body has grown once; nothing else takes memory */
    tdm__buf_free(&out);
    for (uint64_t n = 1; n < 4; n++) {
        support_fail_alloc_at(n);
        tdm__metrics_write(&desk.server, NULL, &out);
        support_fail_alloc_at(0);
        assert_true(out.failed);
        tdm__buf_free(&out);
        out = (tdm__buf){0};
    }
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_reader_refuses),
        cmocka_unit_test(test_a_new_server),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_every_count_is_told),
        cmocka_unit_test(test_histograms),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_the_route),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
