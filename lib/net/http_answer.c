/* Heads of answers, and the parts of a target. */
#include <string.h>

#include "base/text.h"
#include "net/http_impl.h"

const char tdm__http_continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* Every status that status.h has, and those of answers that are no errors. */
#define REASONS(X)                                                                                                       \
    X(100, "Continue") X(200, "OK") X(202, "Accepted") X(204, "No Content") X(304, "Not Modified")                       \
    X(400, "Bad Request") X(401, "Unauthorized") X(403, "Forbidden") X(404, "Not Found") X(405, "Method Not Allowed")    \
    X(406, "Not Acceptable") X(408, "Request Timeout") X(409, "Conflict") X(411, "Length Required")                      \
    X(412, "Precondition Failed") X(413, "Content Too Large") X(414, "URI Too Long") X(415, "Unsupported Media Type")    \
    X(417, "Expectation Failed") X(422, "Unprocessable Content") X(426, "Upgrade Required")                              \
    X(429, "Too Many Requests") X(431, "Request Header Fields Too Large") X(500, "Internal Server Error")                \
    X(501, "Not Implemented") X(502, "Bad Gateway") X(503, "Service Unavailable") X(504, "Gateway Timeout")              \
    X(505, "HTTP Version Not Supported") X(507, "Insufficient Storage")

const char *tdm__http_reason(int status)
{
    switch (status) {
#define CASE(code, text) case code: return text;
        REASONS(CASE)
#undef CASE
    default: return "";
    }
}

/* ---- heads ---- */

enum { LENGTH_DIGITS = 20 }; /* of 2^64 */

/* Writes the digits of v so that they end before `end`; returns where they begin. */
static char *put_digits(char *end, uint64_t v)
{
    do
        *--end = (char)('0' + v % 10);
    while (v /= 10);
    return end;
}

static void add_number(tdm__buf *out, uint64_t v)
{
    char digits[LENGTH_DIGITS], *begin = put_digits(digits + sizeof digits, v);
    tdm__buf_add(out, begin, (size_t)(digits + sizeof digits - begin));
}

static void add_status_and_type(tdm__buf *out, const tdm__http_answer *answer)
{
    tdm__buf_text(out, "HTTP/1.1 ");
    add_number(out, (uint64_t)answer->status);
    tdm__buf_char(out, ' ');
    tdm__buf_text(out, tdm__http_reason(answer->status));
    tdm__buf_text(out, "\r\n");
    if (answer->type) {
        tdm__buf_text(out, "Content-Type: ");
        tdm__buf_text(out, answer->type);
        tdm__buf_text(out, "\r\n");
    }
}

static void add_rest(tdm__buf *out, const tdm__http_answer *answer)
{
    if (answer->close)
        tdm__buf_text(out, "Connection: close\r\n");
    else if (answer->keep_alive_10)
        tdm__buf_text(out, "Connection: keep-alive\r\n");
    tdm__buf_str(out, answer->extra);
    tdm__buf_text(out, "\r\n");
}

void tdm__http_write_head(tdm__buf *out, const tdm__http_answer *answer, uint64_t length)
{
    add_status_and_type(out, answer);
    if (answer->status >= 200 && answer->status != 204) {
        tdm__buf_text(out, "Content-Length: ");
        add_number(out, length);
        tdm__buf_text(out, "\r\n");
    }
    add_rest(out, answer);
}

/* ---- parts of a target ---- */

/* 0 to 15, or -1. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool tdm__percent_decode(tdm_str text, char *out, size_t size, size_t *n)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++, len++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text.ptr[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == 0 || len == size)
            return false;
        out[len] = c;
    }
    *n = len;
    return true;
}

bool tdm__path_next(tdm_str *path, tdm_str *segment)
{
    if (path->len == 0 || path->ptr[0] != '/')
        return false;
    const char *begin = path->ptr + 1, *end = path->ptr + path->len;
    const char *slash = path->len > 1 ? memchr(begin, '/', path->len - 1) : NULL;
    if (!slash)
        slash = end;
    *segment = tdm__strn(begin, (size_t)(slash - begin));
    *path = tdm__strn(slash, (size_t)(end - slash));
    return true;
}
