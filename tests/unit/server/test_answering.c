/* From a request's bytes to its answer's: what all routes share, and that a warm answer allocates nothing. */
#include <jansson.h>

#include "server/serving_desk.h"

static serving_desk desk;

static void open_desk(size_t flights)
{
    memset(&desk, 0, sizeof desk);
    fixture_full(&desk.f, NULL, flights);
    tdm_run_report report;
    uint64_t epoch;
    tdm_run_options now = {.threads = 1}; /* a table of today: an old one would not be served */
    assert_ok(tdm_run(desk.f.home, "late", &now, &report, &desk.f.err), &desk.f.err);
    assert_ok(tdm_promote(desk.f.home, "late", NULL, 0, NULL, NULL, &epoch, &desk.f.err), &desk.f.err);
    serving_open(&desk, 2);
}

static void close_desk(void)
{
    serving_close(&desk);
    fixture_close(&desk.f);
}

static int status_of(const char *answer)
{
    return answer && !strncmp(answer, "HTTP/1.1 ", 9) ? atoi(answer + 9) : -1;
}

static json_t *body_of(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");
    assert_non_null(body);
    json_error_t why;
    json_t *o = json_loads(body + 4, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!o)
        fail_msg("%s in %s", why.text, answer);
    return o;
}

static double late_of(const json_t *answer)
{
    return json_number_value(json_object_get(json_object_get(answer, "prediction"), "late"));
}

static const char *code_of(const json_t *answer)
{
    return json_string_value(json_object_get(json_object_get(answer, "error"), "code"));
}

static void one_answer_and_its_fields(void **state)
{
    (void)state;
    open_desk(20);
    const char *answer = serving_post(&desk, 0, "/v1/decide/late", "{\"keys\":{\"flight\":\"f000003\"},\"features\":{\"cabin\":2}}");
    assert_int_equal(status_of(answer), 200);
    assert_non_null(strstr(answer, "\r\nTandem-Epoch: 1\r\n"));
    assert_non_null(strstr(answer, "\r\nTandem-Rung: "));
    json_t *o = body_of(answer);
    assert_true(late_of(o) == fixture_late(3, 2));
    json_decref(o);
    close_desk();
}

/* One bad row leaves its neighbours as they would be alone; the rows keep their order through several blocks. */
static void rows_do_not_hurt_each_other(void **state)
{
    (void)state;
    enum { N = 700 };
    static char body[100 * N];
    open_desk(N);
    size_t n = (size_t)snprintf(body, sizeof body, "{\"rows\":[");
    for (size_t i = 0; i < N; i++)
        n += (size_t)snprintf(body + n, sizeof body - n, "%s{\"keys\":{\"flight\":%s%06zu\"},\"features\":{\"cabin\":%s}}",
                              i ? "," : "", i % 7 == 3 ? "\"g" : "\"f", i, i % 5 == 4 ? "\"much\"" : "1");
    snprintf(body + n, sizeof body - n, "]}");
    assert_null(serving_post(&desk, 0, "/v1/decide/late", body)); /* too long for a loop */
    json_t *o = body_of(serving_post(&desk, 1, "/v1/decide/late", body));
    const json_t *answers = json_object_get(o, "answers");
    assert_int_equal(json_array_size(answers), N);
    for (size_t i = 0; i < N; i++) {
        const json_t *one = json_array_get(answers, i);
        if (i % 5 == 4) {
            assert_string_equal(code_of(one), "field_type");
            assert_string_equal(json_string_value(json_object_get(json_object_get(one, "error"), "where")),
                                fixture_print("rows[%zu].features.cabin", i));
        } else if (i % 7 == 3) {
            assert_true(late_of(one) == 42); /* no such flight: the constant */
        } else {
            assert_true(late_of(one) == fixture_late(i, 1));
        }
    }
    json_decref(o);
    close_desk();
}

/* Rows may each name an as-of; a common one may stand before or behind them. */
static void as_of_of_rows(void **state)
{
    (void)state;
    static const char *const body[] = {
        "{\"as_of\":\"2013-06-01T10:00:00Z\",\"rows\":[{\"keys\":{\"flight\":\"f000001\"}},{\"keys\":{\"flight\":"
        "\"f000002\"},\"as_of\":\"2014-01-01T00:00:00Z\"},{\"keys\":{\"flight\":\"f000003\"}}]}",
        "{\"rows\":[{\"keys\":{\"flight\":\"f000001\"}},{\"keys\":{\"flight\":\"f000002\"},\"as_of\":"
        "\"2014-01-01T00:00:00Z\"},{\"keys\":{\"flight\":\"f000003\"}}] , \"as_of\" : \"2013-06-01T10:00:00Z\" }"};
    open_desk(20);
    for (size_t i = 0; i < 2; i++) {
        json_t *o = body_of(serving_post(&desk, 0, "/v1/decide/late", body[i]));
        const json_t *answers = json_object_get(o, "answers");
        assert_int_equal(json_array_size(answers), 3);
        for (size_t k = 0; k < 3; k++) {
            const json_t *one = json_array_get(answers, k);
            assert_true(late_of(one) == fixture_late(k + 1, 0));
            assert_string_equal(json_string_value(json_object_get(one, "as_of")),
                                k == 1 ? "2014-01-01T00:00:00.000000Z" : "2013-06-01T10:00:00.000000Z");
        }
        json_decref(o);
    }
    close_desk();
}

typedef struct refusal {
    const char *body;
    int status;
    const char *code, *where;
} refusal;

static void refusals_of_the_whole(void **state)
{
    (void)state;
    static const refusal table[] = {
        {"", 400, "json_syntax", NULL},
        {"[]", 400, "field_type", NULL},
        {"{\"rows\":[]}", 400, "bad_input", "rows"},
        {"{\"rows\":{}}", 400, NULL, NULL},
        {"{\"rows\":[{\"keys\":{\"flight\":\"f000001\"}}],\"row\":1}", 400, "field_unknown", "row"},
        {"{\"rows\":[{\"keys\":{\"flight\":\"f000001\"}}],\"rows\":[]}", 400, "json_syntax", NULL},
        {"{\"rows\":[{\"keys\":{\"flight\":\"f000001\"}},]}", 400, "json_syntax", NULL},
        {"{\"rows\":[{\"keys\":{\"flight\":\"f000001\"}}]} x", 400, "json_syntax", NULL},
        {"{\"keys\":{\"flight\":\"f000001\"}} x", 400, "json_syntax", NULL},
        {"{\"keys\":{\"flight\":\"f000001\"},\"as_of\":\"today\"}", 400, "field_type", "as_of"},
        {"{\"as_of\":\"x\",\"rows\":[{\"keys\":{\"flight\":\"f000001\"}}]}", 400, "field_type", "as_of"},
        {"{\"keys\":{}}", 400, "key_missing", "keys.flight"},
        {"{\"keys\":{\"flight\":\"f000001\"},\"features\":{\"cabin\":1e400}}", 400, "field_range", "features.cabin"},
        {"{\"keys\":{\"flight\":\"f000001\"},\"features\":{\"cabin\":NaN}}", 400, "json_syntax", NULL},
        {"{\"keys\":{\"flight\":\"\xff\"}}", 400, "text_encoding", NULL},
    };
    open_desk(20);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *answer = serving_post(&desk, 0, "/v1/decide/late", table[i].body);
        json_t *o = body_of(answer);
        if (status_of(answer) != table[i].status || (table[i].code && strcmp(code_of(o), table[i].code)))
            fail_msg("%s gave %s", table[i].body, answer);
        const char *where = json_string_value(json_object_get(json_object_get(o, "error"), "where"));
        if (table[i].where && (!where || strcmp(where, table[i].where)))
            fail_msg("%s is at %s", table[i].body, where ? where : "nowhere");
        json_decref(o);
    }
    close_desk();
}

static void routes_and_methods(void **state)
{
    (void)state;
    open_desk(20);
    assert_int_equal(status_of(serving_get(&desk, 0, "/")), 200);
    assert_int_equal(status_of(serving_get(&desk, 0, "/healthz")), 200);
    assert_int_equal(status_of(serving_get(&desk, 0, "/v1/status")), 200);
    assert_int_equal(status_of(serving_get(&desk, 0, "/v1/decide")), 404);
    assert_int_equal(status_of(serving_get(&desk, 0, "/v1/predictions/late/f000001?x=1")), 200);
    assert_int_equal(status_of(serving_get(&desk, 0, "/v1/predictions/late/f%30%300001")), 200);
    assert_int_equal(status_of(serving_get(&desk, 0, "/v1/predictions/late/none")), 404);
    assert_int_equal(status_of(serving_get(&desk, 0, "/v1/predictions/late/%zz")), 400);
    assert_int_equal(status_of(serving_get(&desk, 0, "/v1/predictions/nothing/f000001")), 404);
    const char *refused = serving_get(&desk, 0, "/v1/decide/late");
    assert_int_equal(status_of(refused), 405);
    assert_non_null(strstr(refused, "\r\nAllow: POST, OPTIONS\r\n"));
    static const char options[] = "OPTIONS /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    const char *answer = serving_ask(&desk, 0, options, sizeof options - 1);
    assert_int_equal(status_of(answer), 204);
    assert_null(strstr(answer, "Content-Length"));
    static const char head[] = "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    answer = serving_ask(&desk, 0, head, sizeof head - 1);
    assert_non_null(strstr(answer, "Content-Length: 14\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
    close_desk();
}

/* Everything that a loop answers costs no allocation once it was answered before. */
static void warm_answers_allocate_nothing(void **state)
{
    (void)state;
    static const char *const body[] = {
        "{\"keys\":{\"flight\":\"f000003\"},\"features\":{\"cabin\":2}}",
        "{\"keys\":{\"flight\":\"f\\u0030\\u003000\\u003003\"}}",
        "{\"rows\":[{\"keys\":{\"flight\":\"f000001\"}},{\"keys\":{\"flight\":\"none\"}},{\"keys\":{\"flight\":3}},"
        "{\"keys\":{\"flight\":\"f000002\"},\"features\":{\"cabin\":null}},{\"keys\":{}},"
        "{\"keys\":{\"flight\":\"f000004\"},\"features\":{\"none\":1}}]}",
        "{\"keys\":{\"flight\":\"f000003\"},\"features\":{\"cabin\":\"two\"}}",
        "{\"keys\":{\"flight\":",
    };
    open_desk(20);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
            uint64_t before = support_allocs();
            serving_post(&desk, 0, "/v1/decide/late", body[i]);
            serving_get(&desk, 0, "/v1/predictions/late/f000001");
            serving_get(&desk, 0, "/healthz");
            if (round == 2 && support_allocs() != before)
                fail_msg("%s took %llu allocations", body[i], (unsigned long long)(support_allocs() - before));
        }
    close_desk();
}

static void deadlines_are_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "-1", "1.5", "abc", "", "99999999999999999999", "3600001"};
    char request[256];
    open_desk(20);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int n = snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\nHost: x\r\nTandem-Deadline-Ms: %s\r\n\r\n", bad[i]);
        json_t *o = body_of(serving_ask(&desk, 0, request, (size_t)n));
        assert_string_equal(code_of(o), "deadline_invalid");
        json_decref(o);
    }
    close_desk();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_answer_and_its_fields), cmocka_unit_test(rows_do_not_hurt_each_other),
        cmocka_unit_test(as_of_of_rows),             cmocka_unit_test(refusals_of_the_whole),
        cmocka_unit_test(routes_and_methods),        cmocka_unit_test(warm_answers_allocate_nothing),
        cmocka_unit_test(deadlines_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
