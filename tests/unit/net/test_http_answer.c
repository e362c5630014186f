/* Heads of answers, and the parts of a target. */
#include "support.h"

#include "net/http.h"

static void expect_head(tdm__http_answer answer, uint64_t length, const char *expected)
{
    tdm__buf out = {0};
    tdm__http_write_head(&out, &answer, length);
    assert_string_equal(tdm__buf_z(&out), expected);
    tdm__buf_free(&out);
}

static void test_heads(void **state)
{
    (void)state;
    expect_head((tdm__http_answer){.status = 200, .type = "application/json"}, 0,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n");
    expect_head((tdm__http_answer){.status = 404, .type = "text/plain", .close = true, .keep_alive_10 = true,
                                   .extra = tdm__str("Allow: GET\r\nX: y\r\n")}, UINT64_MAX,
                "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 18446744073709551615\r\n"
                "Connection: close\r\nAllow: GET\r\nX: y\r\n\r\n");
    expect_head((tdm__http_answer){.status = 204, .keep_alive_10 = true}, 0,
                "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
}

static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 3; n++) {
        tdm__buf out = {0};
        support_fail_alloc_at(n);
        tdm__http_write_head(&out, &(tdm__http_answer){.status = 200, .type = "application/json"}, 7);
        assert_true(support_alloc_failed());
        support_fail_alloc_at(0);
        assert_true(out.failed);
        tdm__buf_free(&out);
    }
}

static void test_every_status_has_a_reason(void **state)
{
    (void)state;
    for (int i = 0; i < TDM_STATUS_COUNT; i++)
        assert_string_not_equal(tdm__http_reason(tdm_status_http((tdm_status)i)), "");
    assert_string_equal(tdm__http_reason(431), "Request Header Fields Too Large");
    assert_string_equal(tdm__http_reason(299), "");
    assert_string_equal(tdm__http_continue_line, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void test_percent(void **state)
{
    static const char *const bad[] = {"%", "%4", "%4g", "%g4", "a%", "%00", "abcdefghi"};
    char out[8];
    size_t n;
    (void)state;
    assert_true(tdm__percent_decode(tdm__str("a%41%c3%A4+%7C"), out, sizeof out, &n));
    assert_int_equal(n, 6);
    assert_memory_equal(out, "aA\xC3\xA4+|", 6);
    assert_true(tdm__percent_decode(tdm__str("%25%41%42%43%44%45%46%47"), out, sizeof out, &n) && n == 8);
    assert_true(tdm__percent_decode(tdm__str(""), out, 0, &n) && n == 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tdm__percent_decode(tdm__str(bad[i]), out, sizeof out, &n));
    assert_false(tdm__percent_decode(tdm__strn("a\0", 2), out, sizeof out, &n));
    assert_false(tdm__percent_decode(tdm__strn("%41", 2), out, sizeof out, &n));
}

static void expect_path(const char *text, const char *expected)
{
    char found[64] = "";
    tdm_str path = tdm__str(text), segment;
    while (tdm__path_next(&path, &segment))
        snprintf(found + strlen(found), sizeof found - strlen(found), "[%.*s]", (int)segment.len, segment.ptr);
    snprintf(found + strlen(found), sizeof found - strlen(found), "%.*s", (int)path.len, path.ptr);
    assert_string_equal(found, expected);
}

static void test_paths(void **state)
{
    (void)state;
    expect_path("/v1/decide/x", "[v1][decide][x]");
    expect_path("/v2/", "[v2][]");
    expect_path("/", "[]");
    expect_path("//a", "[][a]");
    expect_path("", "");
    expect_path("*", "*");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_every_status_has_a_reason),
        cmocka_unit_test(test_percent),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
