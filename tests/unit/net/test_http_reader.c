/* The reader: what is taken and what is refused, however it is cut; bounds, memory, phases, 100-continue. */
#include "support.h"

#include "base/text.h"
#include "net/http_check.h"

/* ---- a table of streams ---- */

typedef struct row {
    const char *name, *bytes;
    size_t len;
    const char *expected; /* requests as "METHOD path?query body; ", then the fault as "400 http_syntax WHERE", if any */
} row;

#define ROW(name, bytes, expected) {name, bytes, sizeof bytes - 1, expected}
#define H "Host: h\r\n"
#define POST "POST /x HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const row rows[] = {
    /* The probe of eight servers: each of these was taken wrongly by at least one of them. */
    ROW("chunked body", CHUNKED "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "POST /x abc0123456789; "),
    ROW("pipelined", "GET /1 HTTP/1.1\r\n" H "\r\n" POST "Content-Length: 2\r\n\r\nokGET /3 HTTP/1.1\r\n" H "\r\n",
        "GET /1 ; POST /x ok; GET /3 ; "),
    ROW("both lengths", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "400 http_syntax header Transfer-Encoding"),
    ROW("both lengths, the other way", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "400 http_syntax header Transfer-Encoding"),
    ROW("two lengths", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400 http_syntax header Content-Length"),
    ROW("two equal lengths", POST "Content-Length: 3\r\ncontent-length: 3\r\n\r\nabc",
        "400 http_syntax header content-length"),
    ROW("a list of lengths", POST "Content-Length: 3, 3\r\n\r\nabc", "400 http_syntax header Content-Length"),
    ROW("a signed length", POST "Content-Length: +7\r\n\r\n1234567", "400 http_syntax header Content-Length"),
    ROW("a negative length", POST "Content-Length: -1\r\n\r\n", "400 http_syntax header Content-Length"),
    ROW("a length in hexadecimal", POST "Content-Length: 0x7\r\n\r\n1234567", "400 http_syntax header Content-Length"),
    ROW("no length", POST "Content-Length: \r\n\r\n", "400 http_syntax header Content-Length"),
    ROW("a length of two words", POST "Content-Length: 1 2\r\n\r\n", "400 http_syntax header Content-Length"),
    ROW("a length beyond 2^64", POST "Content-Length: 18446744073709551616\r\n\r\n",
        "400 http_syntax header Content-Length"),
    ROW("the largest length", POST "Content-Length: 18446744073709551615\r\n\r\n", "413 too_large header Content-Length"),
    ROW("zeros before a length", POST "Content-Length: 0003\r\n\r\nabc", "POST /x abc; "),
    ROW("a blank before the colon", POST "Content-Length : 3\r\n\r\nabc", "400 http_syntax header line 2"),
    ROW("an unknown coding", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "501 http_unknown header Transfer-Encoding"),
    ROW("gzip as a transfer coding", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "501 http_unknown header Transfer-Encoding"),
    ROW("chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "400 http_syntax header Transfer-Encoding"),
    ROW("chunked in two lines", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "400 http_syntax header Transfer-Encoding"),
    ROW("no coding", POST "Transfer-Encoding:\r\n\r\n", "400 http_syntax header Transfer-Encoding"),
    ROW("identity", POST "Transfer-Encoding: identity\r\n\r\n", "501 http_unknown header Transfer-Encoding"),
    ROW("a coding with a tab", POST "Transfer-Encoding:\tchunked\t\r\n\r\n0\r\n\r\n", "POST /x ; "),
    ROW("a coding with a vertical tab", POST "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n",
        "400 http_syntax header Transfer-Encoding"),
    ROW("a chunk beyond 2^64", CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("the largest chunk", CHUNKED "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "413 too_large chunk"),
    ROW("a NUL in a value", "GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n", "400 http_syntax header X"),
    ROW("no Host", "GET / HTTP/1.1\r\n\r\n", "400 http_syntax header Host"),
    ROW("two Hosts", "GET / HTTP/1.1\r\n" H H "\r\n", "400 http_syntax header Host"),
    ROW("an empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", "400 http_syntax header Host"),
    ROW("a Host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 http_syntax header Host"),
    ROW("no Host in 1.0", "GET / HTTP/1.0\r\n\r\n", "GET / ; "),
    /* The request line. */
    ROW("one empty line first", "\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET / ; "),
    ROW("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a line feed first", "\nGET / HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("an absolute target", "GET http://h:80/a/b?c HTTP/1.1\r\n" H "\r\n", "GET /a/b?c ; "),
    ROW("an absolute target, no path", "GET HTTP://h?c HTTP/1.1\r\n" H "\r\n", "GET /?c ; "),
    ROW("an absolute target, no host", "GET http:///a HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("another scheme", "GET https://h/a HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a star", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * ; "),
    ROW("a star for others", "GET * HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("no target", "GET HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("no path", "GET x HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("two blanks", "GET  / HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a blank at the end", "GET / HTTP/1.1 \r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a blank at the begin", " GET / HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a tab", "GET\t/ HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a blank in the target", "GET /a b HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a high byte", "GET /\xC3\xA4 HTTP/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a bar, as keys have it", "GET /a|b%7c HTTP/1.1\r\n" H "\r\n", "GET /a|b%7c ; "),
    ROW("an empty query", "GET /a? HTTP/1.1\r\n" H "\r\n", "GET /a? ; "),
    ROW("an unknown method", "BREW / HTTP/1.1\r\n" H "\r\n", "501 http_unknown request line"),
    ROW("a method in lower case", "get / HTTP/1.1\r\n" H "\r\n", "501 http_unknown request line"),
    ROW("a tunnel", "CONNECT h:443 HTTP/1.1\r\n" H "\r\n", "501 http_unknown request line"),
    ROW("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 http_version request line"),
    ROW("HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n", "505 http_version request line"),
    ROW("HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n", "505 http_version request line"),
    ROW("HTTP/0.9", "GET /\r\n", "400 http_syntax request line"),
    ROW("HTTP/0.9, said", "GET / HTTP/0.9\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a version in lower case", "GET / http/1.1\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("a version of two digits", "GET / HTTP/1.10\r\n" H "\r\n", "400 http_syntax request line"),
    ROW("TLS", "\x16\x03\x01\x02\x00\x01\x00", "400 http_syntax request line"),
    ROW("noise", "\x80\x81\r\n", "400 http_syntax request line"),
    /* Lines. */
    ROW("line feeds alone", "GET / HTTP/1.1\nHost: h\n\n", "400 http_syntax request line"),
    ROW("a line feed in a value", "GET / HTTP/1.1\r\n" H "X: a\nY: b\r\n\r\n", "400 http_syntax header X"),
    ROW("a carriage return in a value", "GET / HTTP/1.1\r\n" H "X: a\rContent-Length: 7\r\n\r\n", "400 http_syntax header X"),
    ROW("a head that ends in CR X", "GET / HTTP/1.1\r\n" H "\r\n\rX", "GET / ; 400 http_syntax request line"),
    ROW("a head that ends in LF", "GET / HTTP/1.1\r\n" H "\n", "400 http_syntax header line 2"),
    ROW("a control byte in a value", "GET / HTTP/1.1\r\n" H "X: a\x01\r\n\r\n", "400 http_syntax header X"),
    ROW("a delete in a value", "GET / HTTP/1.1\r\n" H "X: a\x7f\r\n\r\n", "400 http_syntax header X"),
    ROW("high bytes in a value", "GET / HTTP/1.1\r\n" H "X: \xC3\xA4\xFF\t.\r\n\r\n", "GET / ; "),
    ROW("a folded field", "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n", "400 http_syntax header line 3"),
    ROW("a blank first line", "GET / HTTP/1.1\r\n X: a\r\n" H "\r\n", "400 http_syntax header line 1"),
    ROW("no name", "GET / HTTP/1.1\r\n" H ": a\r\n\r\n", "400 http_syntax header line 2"),
    ROW("no colon", "GET / HTTP/1.1\r\n" H "X\r\n\r\n", "400 http_syntax header line 2"),
    ROW("a name in brackets", "GET / HTTP/1.1\r\n" H "(X): a\r\n\r\n", "400 http_syntax header line 2"),
    ROW("a high byte in a name", "GET / HTTP/1.1\r\n" H "X\x80: a\r\n\r\n", "400 http_syntax header line 2"),
    ROW("a type that stands twice", "GET / HTTP/1.1\r\n" H "Content-Type: a\r\nContent-Type: a\r\n\r\n",
        "400 http_syntax header Content-Type"),
    /* Chunks. */
    ROW("chunked in 1.0", "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "400 http_syntax header Transfer-Encoding"),
    ROW("no chunks", CHUNKED "0\r\n\r\n", "POST /x ; "),
    ROW("one chunk", CHUNKED "5\r\nhello\r\n0\r\n\r\n", "POST /x hello; "),
    ROW("extensions", CHUNKED "5;a;b=c;d=\"x y;\"\r\nhello\r\n000;e\r\n\r\n", "POST /x hello; "),
    ROW("a blank extension", CHUNKED "5 ;a\r\nhello\r\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("an empty extension", CHUNKED "5;\r\nhello\r\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("a line feed in an extension", CHUNKED "5;a\nhello\r\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("a size that is none", CHUNKED "g\r\n", "400 http_syntax chunk"),
    ROW("an empty size", CHUNKED "\r\n", "400 http_syntax chunk"),
    ROW("a signed size", CHUNKED "+5\r\nhello\r\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("a size with 0x", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("a size behind a blank", CHUNKED " 5\r\nhello\r\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("a line feed behind a size", CHUNKED "5\nhello\r\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("a line feed behind data", CHUNKED "5\r\nhello\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("a chunk that is longer", CHUNKED "5\r\nhello!\r\n0\r\n\r\n", "400 http_syntax chunk"),
    ROW("a last line feed alone", CHUNKED "0\r\n\n", "400 http_syntax trailer"),
    ROW("trailers", CHUNKED "1\r\na\r\n0\r\nX-Sum: 12\r\nY:\t\r\n\r\n", "POST /x a; "),
    ROW("a length in a trailer", CHUNKED "0\r\nContent-LENGTH: 5\r\n\r\n", "400 http_syntax trailer"),
    ROW("nearly a length in a trailer", CHUNKED "0\r\nContent-Lengths: 5\r\nContent: 5\r\n\r\n", "POST /x ; "),
    ROW("a folded trailer", CHUNKED "0\r\nX: a\r\n b\r\n\r\n", "400 http_syntax trailer"),
    ROW("a smuggled request", CHUNKED "0\r\n\r\nGET /admin HTTP/1.1\r\n" H "\r\n", "POST /x ; GET /admin ; "),
    /* Expect. */
    ROW("another expectation", POST "Expect: coffee\r\n\r\n", "417 http_expectation header Expect"),
    ROW("100-continue with its body", POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nok", "POST /x ok; "),
    ROW("100-continue, no body", POST "Expect: 100-continue\r\n\r\n", "POST /x ; "),
};

/* Appends what came out, in the words of the table. */
static void run(tdm_str stream, size_t step_bytes, tdm__buf *out)
{
    tdm__http_reader reader;
    tdm__http_step step = TDM__HTTP_MORE;
    tdm__http_reader_init(&reader, &http_usual_limits);
    for (size_t at = 0; at < stream.len && step != TDM__HTTP_FAULT; at += step_bytes) {
        size_t n = stream.len - at < step_bytes ? stream.len - at : step_bytes;
        char *piece = malloc(n);
        memcpy(piece, stream.ptr + at, n);
        tdm_str in = tdm__strn(piece, n);
        do {
            tdm__http_request r;
            tdm_error e = {0};
            step = tdm__http_next(&reader, &in, &r, &e);
            if (step == TDM__HTTP_REQUEST)
                tdm__buf_printf(out, "%s %.*s%s%.*s %.*s; ", tdm__http_method_name(r.method), (int)r.path.len, r.path.ptr,
                                r.query.ptr ? "?" : "", (int)r.query.len, r.query.ptr ? r.query.ptr : "", (int)r.body.len,
                                r.body.len ? r.body.ptr : "");
            if (step == TDM__HTTP_FAULT)
                tdm__buf_printf(out, "%d %s %s", tdm_status_http(e.status), tdm_status_name(e.status), e.where);
        } while (step == TDM__HTTP_REQUEST || step == TDM__HTTP_CONTINUE);
        free(piece);
    }
    tdm__http_reader_free(&reader);
}

static void test_conformance(void **state)
{
    static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 7};
    size_t bad = 0;
    tdm__buf out = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            tdm__buf_reset(&out);
            run(tdm__strn(rows[i].bytes, rows[i].len), steps[k], &out);
            if (strcmp(tdm__buf_z(&out), rows[i].expected) == 0)
                continue;
            print_message("%s, by %zu: expected \"%s\", found \"%s\"\n", rows[i].name, steps[k], rows[i].expected, out.ptr);
            bad++;
        }
    tdm__buf_free(&out);
    assert_int_equal(bad, 0);
}

/* Only the last byte of each stream makes it whole: before it nothing must come out but what came before. */
static void test_nothing_comes_early(void **state)
{
    static const char stream[] = CHUNKED "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n";
    tdm__buf out = {0};
    (void)state;
    for (size_t n = 0; n < sizeof stream - 1; n++)
        run(tdm__strn(stream, n), SIZE_MAX / 2, &out);
    assert_int_equal(out.len, 0);
    tdm__buf_free(&out);
}

/* ---- bounds ---- */

static tdm__buf text;

static void begin(const char *z)
{
    tdm__buf_reset(&text);
    tdm__buf_text(&text, z);
}

static void repeat(char c, size_t n)
{
    while (n--)
        tdm__buf_char(&text, c);
}

static void expect(const char *expected)
{
    static const size_t steps[] = {SIZE_MAX / 2, 1, 1000};
    for (size_t k = 0; k < 3; k++) {
        tdm__buf out = {0};
        run(tdm__strn(text.ptr, text.len), steps[k], &out);
        const char *found = out.len ? tdm__buf_z(&out) : "";
        assert_string_equal(strncmp(found, expected, strlen(expected)) == 0 ? expected : found, expected);
        tdm__buf_free(&out);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    begin("GET / HTTP/1.1\r\n" H "X: ");
    repeat('a', 64 << 10);
    expect("431 http_head_large head");
    begin("GET / HTTP/1.1\r\n" H "X: "); /* exactly 16 KiB, and one more */
    repeat('a', (16 << 10) - text.len - 4);
    tdm__buf_text(&text, "\r\n\r\n");
    expect("GET / ; ");
    begin("GET / HTTP/1.1\r\n" H "X: ");
    repeat('a', (16 << 10) - text.len - 3);
    tdm__buf_text(&text, "\r\n\r\n");
    expect("431 http_head_large head");
    begin("GET / HTTP/1.1\r\n" H);
    for (int i = 0; i < 99; i++)
        tdm__buf_text(&text, "X: y\r\n");
    tdm__buf_text(&text, "\r\n");
    expect("GET / ; ");
    text.len -= 2;
    tdm__buf_text(&text, "X: y\r\n\r\n");
    expect("431 http_head_large head");
    begin("GET /");
    repeat('a', 8191);
    tdm__buf_text(&text, " HTTP/1.1\r\n" H "\r\n");
    expect("GET /aaaa");
    begin("GET /");
    repeat('a', 8192);
    tdm__buf_text(&text, " HTTP/1.1\r\n" H "\r\n");
    expect("414 http_target_long request line");
    begin("GET /");
    repeat('a', 64 << 10);
    expect("414 http_target_long request line");
    begin("");
    repeat('A', 64 << 10);
    expect("431 http_head_large head");
}

static void test_body_bounds(void **state)
{
    (void)state;
    begin(POST "Content-Length: 8388609\r\n\r\n");
    expect("413 too_large header Content-Length");
    begin(CHUNKED "1\r\na\r\n800000\r\n");
    expect("413 too_large chunk");
    begin(CHUNKED "0\r\n");
    for (int i = 0; i < 3000; i++)
        tdm__buf_text(&text, "X: y\r\n");
    expect("400 http_syntax trailer");
    begin(CHUNKED "5;");
    repeat('a', 4095);
    tdm__buf_text(&text, "\r\nhello\r\n0\r\n\r\n");
    expect("POST /x hello; ");
    begin(CHUNKED "5;");
    repeat('a', 4097);
    expect("400 http_syntax chunk");
    begin(CHUNKED); /* many small chunks with extensions: the bound of all together */
    for (int i = 0; i < 200; i++) {
        tdm__buf_text(&text, "1;");
        repeat('a', 99);
        tdm__buf_text(&text, "\r\nx\r\n");
    }
    expect("400 http_syntax chunk");
    begin(CHUNKED "00000000000000000001\r\n");
    expect("400 http_syntax chunk");
}

/* ---- memory ---- */

static const char whole[] = "POST /v1/decide/x?y HTTP/1.1\r\n" H "Content-Type: application/json\r\nContent-Length: 11\r\n\r\n"
                            "hello world" CHUNKED "5\r\nhello\r\n0\r\n\r\n";

static void test_in_place(void **state)
{
    tdm__http_reader reader;
    tdm__http_request r;
    tdm_error e;
    tdm_str in = tdm__str(whole);
    uint64_t before = support_allocs();
    (void)state;
    tdm__http_reader_init(&reader, &http_usual_limits);
    assert_int_equal(tdm__http_next(&reader, &in, &r, &e), TDM__HTTP_REQUEST);
    assert_true(r.path.ptr == whole + 5 && r.path.len == 12 && r.query.len == 1);
    assert_true(tdm__str_is(r.field[TDM__HTTP_CONTENT_TYPE], "application/json"));
    assert_null(r.field[TDM__HTTP_EXPECT].ptr);
    assert_true(tdm__str_is(r.body, "hello world") && r.body.ptr > whole && r.body.ptr < whole + sizeof whole);
    assert_int_equal(tdm__http_next(&reader, &in, &r, &e), TDM__HTTP_REQUEST);
    assert_true(tdm__str_is(r.body, "hello") && r.body.ptr > whole && r.body.ptr < whole + sizeof whole);
    assert_int_equal(in.len, 0);
    assert_int_equal(tdm__http_next(&reader, &in, &r, &e), TDM__HTTP_MORE);
    assert_int_equal(support_allocs(), before);
    assert_int_equal(tdm__http_reader_held(&reader), 0);
    tdm__http_reader_free(&reader);
}

static tdm__http_step give(tdm__http_reader *reader, tdm_str in, tdm__http_request *r)
{
    tdm_error e;
    tdm__http_step step = tdm__http_next(reader, &in, r, &e);
    assert_int_equal(in.len, 0);
    return step;
}

static void test_an_announced_body_costs_nothing(void **state)
{
    enum { BODY = 1 << 20, STEP = 1000 };
    static char bytes[STEP];
    tdm__http_reader reader;
    tdm__http_request r;
    (void)state;
    tdm__http_reader_init(&reader, &http_usual_limits);
    memset(bytes, 'b', sizeof bytes);
    uint64_t before = support_allocs();
    assert_int_equal(give(&reader, tdm__str(POST "Content-Length: 1048576\r\n\r\n"), &r), TDM__HTTP_MORE);
    assert_true(tdm__http_reader_held(&reader) <= 1024);
    assert_int_equal(reader.phase, TDM__HTTP_IN_BODY);
    for (size_t at = 0; at < BODY; at += STEP) {
        size_t n = BODY - at < STEP ? BODY - at : STEP;
        assert_int_equal(give(&reader, tdm__strn(bytes, n), &r), at + n < BODY ? TDM__HTTP_MORE : TDM__HTTP_REQUEST);
        assert_true(tdm__http_reader_held(&reader) <= 2 * (at + n) + 1024);
    }
    assert_true(support_allocs() - before <= 12);
    assert_int_equal(r.body.len, BODY);
    assert_true(tdm__http_reader_held(&reader) < BODY + 100);
    assert_int_equal(reader.phase, TDM__HTTP_IDLE);
    assert_int_equal(give(&reader, tdm__str(""), &r), TDM__HTTP_MORE);
    assert_int_equal(tdm__http_reader_held(&reader), 0);
    tdm__http_reader_free(&reader);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        tdm__http_reader reader;
        tdm__http_request r;
        tdm_error e = {0};
        tdm__http_step step = TDM__HTTP_MORE;
        size_t requests = 0;
        tdm__http_reader_init(&reader, &http_usual_limits);
        begin(CHUNKED "5\r\nhello\r\n800\r\n");
        repeat('x', 0x800);
        tdm__buf_text(&text, "\r\n0\r\n\r\n" POST "Content-Length: 3000\r\n\r\n");
        repeat('y', 3000);
        support_fail_alloc_at(n);
        for (size_t at = 0; at < text.len && step != TDM__HTTP_FAULT; at++) {
            tdm_str in = tdm__strn(text.ptr + at, 1);
            step = tdm__http_next(&reader, &in, &r, &e);
            requests += step == TDM__HTTP_REQUEST;
        }
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_int_equal(tdm__http_reader_held(&reader) == 0, hit);
        tdm__http_reader_free(&reader);
        if (!hit) {
            assert_int_equal(requests, 2);
            assert_true(n > 3);
            return;
        }
        assert_int_equal(step, TDM__HTTP_FAULT);
        assert_int_equal(e.status, TDM_NO_MEMORY);
    }
}

/* ---- the rest ---- */

static void test_continue(void **state)
{
    tdm__http_reader reader;
    tdm__http_request r;
    (void)state;
    tdm__http_reader_init(&reader, &http_usual_limits);
    assert_int_equal(give(&reader, tdm__str("POST /y HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-"), &r), TDM__HTTP_MORE);
    assert_int_equal(give(&reader, tdm__str("Length: 3\r\n\r\n"), &r), TDM__HTTP_CONTINUE);
    assert_true(tdm__str_is(r.path, "/y") && r.method == TDM__HTTP_POST && r.body.len == 0);
    assert_int_equal(give(&reader, tdm__str(""), &r), TDM__HTTP_MORE);
    assert_int_equal(give(&reader, tdm__str("ab"), &r), TDM__HTTP_MORE);
    assert_int_equal(give(&reader, tdm__str("c"), &r), TDM__HTTP_REQUEST);
    assert_true(tdm__str_is(r.body, "abc"));
    assert_int_equal(give(&reader, tdm__str(POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"), &r),
                     TDM__HTTP_CONTINUE);
    assert_int_equal(give(&reader, tdm__str("0\r\n\r\n"), &r), TDM__HTTP_REQUEST);
    /* A client that has begun its body does not wait, nor does one of 1.0. */
    assert_int_equal(give(&reader, tdm__str(POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\na"), &r), TDM__HTTP_MORE);
    assert_int_equal(give(&reader, tdm__str("bc"), &r), TDM__HTTP_REQUEST);
    assert_int_equal(give(&reader, tdm__str("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"), &r),
                     TDM__HTTP_MORE);
    tdm__http_reader_free(&reader);
}

static bool stays_open(const char *line, const char *fields)
{
    tdm__http_reader reader;
    tdm__http_request r;
    begin(line);
    tdm__buf_text(&text, fields);
    tdm__buf_text(&text, "\r\n");
    tdm__http_reader_init(&reader, &http_usual_limits);
    assert_int_equal(give(&reader, tdm__strn(text.ptr, text.len), &r), TDM__HTTP_REQUEST);
    tdm__http_reader_free(&reader);
    return r.keep_alive;
}

static void test_keep_alive(void **state)
{
    static const char new[] = "GET / HTTP/1.1\r\n" H, old[] = "GET / HTTP/1.0\r\n";
    (void)state;
    assert_true(stays_open(new, ""));
    assert_false(stays_open(new, "Connection: close\r\n"));
    assert_false(stays_open(new, "Connection: x, CLOSE ,y\r\n"));
    assert_false(stays_open(new, "Connection: x\r\nConnection: close\r\n"));
    assert_true(stays_open(new, "Connection: closed\r\n"));
    assert_false(stays_open(old, ""));
    assert_true(stays_open(old, "Connection: Keep-Alive\r\n"));
    assert_false(stays_open(old, "Connection: keep-alive, close\r\n"));
}

static void test_phases(void **state)
{
    tdm__http_reader reader;
    tdm__http_request r;
    tdm_error e;
    (void)state;
    tdm__http_reader_init(&reader, &http_usual_limits);
    assert_int_equal(reader.phase, TDM__HTTP_IDLE);
    give(&reader, tdm__str("\r\n"), &r);
    assert_int_equal(reader.phase, TDM__HTTP_IDLE);
    give(&reader, tdm__str("P"), &r);
    assert_int_equal(reader.phase, TDM__HTTP_IN_HEAD);
    give(&reader, tdm__str("OST / HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n"), &r);
    assert_int_equal(reader.phase, TDM__HTTP_IN_BODY);
    assert_int_equal(give(&reader, tdm__str("ok"), &r), TDM__HTTP_REQUEST);
    assert_int_equal(reader.phase, TDM__HTTP_IDLE);
    assert_int_equal(r.wire_bytes, 2 + 17 + 8 + 19 + 1 + 4);
    tdm_str in = tdm__str("\x16\x03\x01");
    assert_int_equal(tdm__http_next(&reader, &in, &r, &e), TDM__HTTP_FAULT);
    assert_int_equal(reader.phase, TDM__HTTP_FAILED);
    assert_string_equal(e.hint, "this looks like TLS; the server speaks plain HTTP");
    assert_int_equal(in.len, 0);
    in = tdm__str("GET / HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(tdm__http_next(&reader, &in, &r, &e), TDM__HTTP_FAULT);
    tdm__http_reader_free(&reader);
}

static void test_faults_say_what(void **state)
{
    tdm__http_reader reader;
    tdm__http_request r;
    tdm_error e;
    char line[512];
    tdm_str in = tdm__str(POST "Content-Length: 0x\"7\r\n\r\n");
    (void)state;
    tdm__http_reader_init(&reader, &http_usual_limits);
    assert_int_equal(tdm__http_next(&reader, &in, &r, &e), TDM__HTTP_FAULT);
    tdm_error_format(&e, line, sizeof line);
    assert_string_equal(line, "header Content-Length: this is not a length: expected decimal digits, found \"0x\\\"7\"");
    tdm__http_reader_free(&reader);
}

static int teardown(void **state)
{
    (void)state;
    tdm__buf_free(&text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conformance),
        cmocka_unit_test(test_nothing_comes_early),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_body_bounds),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_an_announced_body_costs_nothing),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_faults_say_what),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
