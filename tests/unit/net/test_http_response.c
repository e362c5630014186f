/* Answers as a client reads them, in one piece and byte by byte. */
#include "support.h"

#include "net/http.h"

typedef struct row {
    const char *bytes, *expected; /* "STATUS body", "STATUS body..." when it is not whole, or the fault's sentence */
} row;

static const row rows[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello"},
    {"HTTP/1.1 200 OK\r\ncontent-length:0000000005 \r\nX: y\r\n\r\nhello", "200 hello"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200 "},
    {"HTTP/1.1 204 No Content\r\n\r\n", "204 "},
    {"HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nX: y\r\n\r\n", "200 hello!"},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "404 no"},
    {"HTTP/1.0 200 OK\r\n\r\nto the end", "200 to the end..."},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "200 hel..."},
    {"HTTP/1.1 200 OK\r\nContent-Le", "0 ..."},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay", "bytes follow the end of the answer"},
    {"HTTP/2 200 OK\r\n\r\n", "this is not an answer of HTTP/1.1"},
    {"HTTP/1.1 099 OK\r\n\r\n", "this is not an answer of HTTP/1.1"},
    {"\r\n", "the answer is empty"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "the answer has both a length and chunks"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "the length stands twice"},
    {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "this is not a length"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n", "this is not a length"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "this transfer coding is not taken"},
    {"HTTP/1.1 200 OK\r\nX y\r\n\r\n", "this is not a field"},
    {"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "a line has a control byte"},
    {"HTTP/1.1 200 OK\nX: a\r\n\r\n", "a line has a control byte"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n", "the chunk is longer than its size"},
};

static tdm_status take(const char *bytes, size_t step, tdm__buf *found)
{
    tdm__http_response response = {0};
    tdm__buf body = {0};
    tdm_error err = {0};
    tdm_status status = TDM_OK;
    tdm__buf_reset(found);
    for (size_t at = 0, n = strlen(bytes); at < n && !status; at += step)
        status = tdm__http_response_take(&response, tdm__strn(bytes + at, n - at < step ? n - at : step), &body, &err);
    if (status)
        tdm__buf_text(found, err.what);
    else
        tdm__buf_printf(found, "%d %.*s%s", response.status, (int)body.len, body.len ? body.ptr : "",
                        response.done ? "" : "...");
    tdm__http_response_free(&response);
    tdm__buf_free(&body);
    return status;
}

static void test_rows(void **state)
{
    tdm__buf found = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step < 200; step += 66) {
            take(rows[i].bytes, step, &found);
            assert_string_equal(tdm__buf_z(&found), rows[i].expected);
        }
    tdm__buf_free(&found);
}

static void test_a_head_without_end(void **state)
{
    tdm__http_response response = {0};
    tdm__buf body = {0};
    tdm_error err;
    tdm_status status = TDM_OK;
    (void)state;
    for (int i = 0; i < 70000 && !status; i++)
        status = tdm__http_response_take(&response, tdm__str("a"), &body, &err);
    assert_int_equal(status, TDM_HTTP_SYNTAX);
    assert_string_equal(err.what, "the head is too long");
    tdm__http_response_free(&response);
}

static void test_no_memory(void **state)
{
    tdm__buf found = {0};
    char *room = tdm__buf_reserve(&found, 1000);
    (void)state;
    assert_non_null(room);
    for (uint64_t n = 1;; n++) {
        support_fail_alloc_at(n);
        tdm_status status = take(rows[4].bytes, 1, &found);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (!hit) {
            assert_true(n > 2);
            break;
        }
        assert_int_equal(status, TDM_NO_MEMORY);
    }
    tdm__buf_free(&found);
}

/* What http_answer.c writes, it reads. */
static void test_our_own_heads(void **state)
{
    (void)state;
    tdm__http_response response = {0};
    tdm__buf out = {0}, body = {0};
    tdm__http_answer answer = {.status = 503, .type = "application/json", .close = true};
    tdm__http_write_head(&out, &answer, 2);
    tdm__buf_text(&out, "{}");
    assert_ok(tdm__http_response_take(&response, tdm__strn(out.ptr, out.len), &body, NULL), NULL);
    assert_true(response.done && response.status == 503);
    assert_string_equal(tdm__buf_z(&body), "{}");
    tdm__http_response_free(&response);
    tdm__buf_free(&out);
    tdm__buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_a_head_without_end),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_our_own_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
