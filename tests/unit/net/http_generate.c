/* The grammar is a little wider than HTTP: odd methods, targets, versions and fields come up by themselves, and framing
 * is sometimes contradictory. Mutations then put control bytes, blanks and digits where they do not belong. */
#include "net/http_generate.h"

#include <string.h>

#define PICK(random, list) (list)[tdm__random_below((random), sizeof(list) / sizeof *(list))]

static bool one_in(tdm__random *random, uint64_t n)
{
    return tdm__random_below(random, n) == 0;
}

static const char *const methods[] = {"GET", "GET", "POST", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH",
                                      "TRACE"};
static const char *const odd_methods[] = {"PROPFIND", "get", "CONNECT", "PRI", "G", "X-Y", "GE T"};
static const char *const targets[] = {"/", "/v1/decide/x", "/v1/decide/x", "/a?b=c", "/a?", "/?", "/p/EWR%7C1|2", "/%zz",
                                      "http://h/p", "http://h", "http://h:80?x=1", "HTTP://h/"};
static const char *const odd_targets[] = {"*", "x", "/a#b", "/a b", "https://h/", "http:///p", "/\x80", "//", "/\\", "",
                                          "http://a@b/", "h:443"};
static const char *const versions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"};
static const char *const odd_versions[] = {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "http/1.1", "HTTP/1.10", "HTTP/11", "", "X"};
static const char *const fields[] = {
    "User-Agent: test/1.0 (x; y)", "Accept: */*", "Content-Type: application/json", "Connection: close",
    "Connection: keep-alive", "connection: Upgrade, Keep-Alive", "Accept-Encoding: gzip, deflate;q=0.5", "X:", "X: \t ",
    "Tandem-Deadline-Ms:250", "Inference-Header-Content-Length: 10", "Content-Encoding: gzip", "Expect: 100-continue",
    "Cookie: a=b; c=\"d\"", "X-High: \xC3\xA4\xFF", "Upgrade: h2c", "A!#$%&'*+-.^_`|~9: odd but good", "Accept: text/plain",
    "CONNECTION: x", "Content-Type: \t text/plain\t"};
static const char *const odd_fields[] = {
    "Host: again", "X : blank", " folded", ": no name", "no colon", "Expect: coffee", "X: a\rb", "X: a\nb", "Connection: close",
    "Content-Length: 3", "Content-Length: 3, 3", "Content-Length: +3", "Content-Length: 0x3", "Content-Length:",
    "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked", "Transfer-Encoding: xchunked",
    "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: identity", "X\x80: y",
    "Content-Type: again", "X: \x01"};
static const char *const hosts[] = {"Host: localhost", "Host: localhost:8000", "host:[::1]:80", "HOST: \t a.example \t"};
static const char *const odd_hosts[] = {"Host:", "Host: a b", "Host: a/b", "X-Host: h"};
static const char *const extensions[] = {";a", ";a=b", ";a=\"q\\\"r\"", ";a;b=c;d", ";", ";=b", " ;a", ";a=", ";a b"};
static const char *const trailers[] = {"X-Sum: 12\r\n", "X:\r\n", "X-A: \t b \t\r\n", "Content-Length: 4\r\n", "Host: h\r\n",
                                       "X-Y Z: a\r\n", "X\r\n", "Expect: 100-continue\r\n"};

static void add_line(tdm__buf *out, const char *text)
{
    tdm__buf_text(out, text);
    tdm__buf_text(out, "\r\n");
}

static void add_bytes(tdm__random *random, tdm__buf *out, size_t n)
{
    static const char bytes[] = "{}[]\",:0123456789abc\r\n\0 ";
    for (size_t i = 0; i < n; i++)
        tdm__buf_char(out, bytes[tdm__random_below(random, sizeof bytes - 1)]);
}

static void add_chunks(tdm__random *random, tdm__buf *out)
{
    for (uint64_t left = tdm__random_below(random, 4); left; left--) {
        size_t n = 1 + tdm__random_below(random, one_in(random, 4) ? 60 : 9);
        tdm__buf_printf(out, one_in(random, 2) ? "%zx" : one_in(random, 2) ? "%zX" : "0%zx", n);
        if (one_in(random, 12))
            tdm__buf_text(out, PICK(random, extensions));
        tdm__buf_text(out, "\r\n");
        add_bytes(random, out, n);
        tdm__buf_text(out, "\r\n");
    }
    add_line(out, one_in(random, 6) ? "000" : "0");
    if (one_in(random, 8))
        tdm__buf_text(out, PICK(random, trailers));
    tdm__buf_text(out, "\r\n");
}

static void add_request(tdm__random *random, tdm__buf *out)
{
    uint64_t framing = tdm__random_below(random, 3), n = tdm__random_below(random, one_in(random, 5) ? 200 : 20);
    if (one_in(random, 20))
        tdm__buf_text(out, one_in(random, 3) ? "\r\n\r\n" : "\r\n");
    tdm__buf_text(out, one_in(random, 80) ? PICK(random, odd_methods) : PICK(random, methods));
    tdm__buf_char(out, ' ');
    tdm__buf_text(out, one_in(random, 80) ? PICK(random, odd_targets) : PICK(random, targets));
    tdm__buf_char(out, ' ');
    add_line(out, one_in(random, 80) ? PICK(random, odd_versions) : PICK(random, versions));
    uint64_t before = tdm__random_below(random, 3), behind = tdm__random_below(random, 3);
    while (before--)
        add_line(out, one_in(random, 80) ? PICK(random, odd_fields) : PICK(random, fields));
    add_line(out, one_in(random, 80) ? PICK(random, odd_hosts) : PICK(random, hosts));
    if (framing == 1)
        tdm__buf_printf(out, "%s: %s%u\r\n", one_in(random, 2) ? "Content-Length" : "content-length",
                        one_in(random, 9) ? "000" : "", (unsigned)n);
    if (framing == 2)
        add_line(out, one_in(random, 2) ? "Transfer-Encoding: chunked" : "transfer-encoding:CHUNKED");
    while (behind--)
        add_line(out, one_in(random, 80) ? PICK(random, odd_fields) : PICK(random, fields));
    tdm__buf_text(out, "\r\n");
    if (framing == 1)
        add_bytes(random, out, n);
    if (framing == 2)
        add_chunks(random, out);
}

/* The bytes that parsers of HTTP stumble over. */
static void mutate(tdm__random *random, tdm__buf *out)
{
    static const char bytes[] = "\r\n\0 \t:;,0aF-+#\x80\x7F\x0B\"\\";
    if (!out->len)
        return;
    size_t at = tdm__random_below(random, out->len), n = 1 + tdm__random_below(random, 3);
    char byte = bytes[tdm__random_below(random, sizeof bytes - 1)];
    n = n < out->len - at ? n : out->len - at;
    switch (tdm__random_below(random, 4)) {
    case 0:
        out->ptr[at] = byte;
        break;
    case 1:
        memmove(out->ptr + at, out->ptr + at + n, out->len - at - n);
        out->len -= n;
        break;
    case 2:
        if (tdm__buf_reserve(out, 1)) {
            memmove(out->ptr + at + 1, out->ptr + at, out->len - at);
            out->ptr[at] = byte;
            out->len++;
        }
        break;
    default:
        if (tdm__buf_reserve(out, n)) {
            memmove(out->ptr + at + n, out->ptr + at, out->len - at);
            out->len += n;
        }
    }
}

void http_generate(tdm__random *random, tdm__buf *out)
{
    tdm__buf_reset(out);
    for (uint64_t n = 1 + tdm__random_below(random, 3); n; n--)
        add_request(random, out);
    if (one_in(random, 3))
        for (uint64_t n = 1 + tdm__random_below(random, 3); n; n--)
            mutate(random, out);
}
