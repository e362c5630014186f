/* What reading a request costs: ns a request, beside llhttp where it is installed.
 *
 * Two heads with a body of two bytes: a short one of 111 bytes and one of 361 as browsers and proxies send them. "in
 * parts" gets the head in two pieces, so that it is kept and read from there. "lines" is the search for the ends of its
 * lines alone. The floor is to look at each byte once: some 20 ns for 361 bytes at 16 a step, and about 1 ns a byte where
 * a table decides, which is names and the target. */
#define _GNU_SOURCE
#include "micro.h"

#include "net/http_impl.h"

enum { REQUESTS = 100000, REQUESTS_SMALL = 500 };

static const char head_111[] = "POST /v1/decide/flight-delay HTTP/1.1\r\nHost: 10.20.30.40:8000\r\n"
                               "Content-Type: text/x-json\r\nContent-Length: 2\r\n\r\n{}";
static const char head_361[] =
    "POST /v1/decide/flight-delay HTTP/1.1\r\nHost: tandem.example.org:8000\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: application/json, text/plain, */*\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\n"
    "Content-Type: application/json\r\nX-Request-Id: 5d41402abc4b2a76b9719d911017c5\r\nContent-Length: 2\r\n\r\n{}";
_Static_assert(sizeof head_111 - 1 - 2 == 111 && sizeof head_361 - 1 - 2 == 361, "the sizes of the heads");

static const tdm__http_limits limits = {16384, 100, 8192, 8 << 20};
static size_t requests;
static tdm_str short_one, long_one;

static uint64_t take(tdm__http_reader *reader, tdm_str in, uint64_t hash)
{
    tdm__http_request r;
    while (tdm__http_next(reader, &in, &r, NULL) == TDM__HTTP_REQUEST)
        hash = micro_mix(hash, r.path.len + r.body.len + r.wire_bytes);
    return hash;
}

static uint64_t work_whole(const void *input)
{
    const tdm_str *text = input;
    tdm__http_reader reader;
    uint64_t hash = 0;
    tdm__http_reader_init(&reader, &limits);
    for (size_t i = 0; i < requests; i++)
        hash = take(&reader, *text, hash);
    tdm__http_reader_free(&reader);
    return hash;
}

static uint64_t work_parts(const void *input)
{
    const tdm_str *text = input;
    size_t first = text->len / 2;
    tdm__http_reader reader;
    uint64_t hash = 0;
    tdm__http_reader_init(&reader, &limits);
    for (size_t i = 0; i < requests; i++) {
        hash = take(&reader, tdm__strn(text->ptr, first), hash);
        hash = take(&reader, tdm__strn(text->ptr + first, text->len - first), hash);
    }
    tdm__http_reader_free(&reader);
    return hash;
}

static uint64_t count_lines(tdm_str text, const char *(*find)(const char *, const char *))
{
    uint64_t hash = 0;
    for (size_t i = 0; i < requests; i++) {
        const char *end = text.ptr + text.len;
        uint64_t n = 0;
        for (const char *p = text.ptr; (p = find(p, end)) < end; p += 2)
            n++;
        hash = micro_mix(hash, n);
    }
    return hash;
}

static uint64_t work_lines(const void *input)
{
    return count_lines(*(const tdm_str *)input, tdm__http_line_end);
}

static uint64_t work_lines_plain(const void *input)
{
    return count_lines(*(const tdm_str *)input, tdm__http_line_end_plain);
}

#ifdef HAVE_LLHTTP
#include <llhttp.h>

static uint64_t told;

static int on_text(llhttp_t *parser, const char *at, size_t n)
{
    (void)parser;
    told += n + (unsigned char)*at;
    return 0;
}

static uint64_t work_llhttp(const void *input)
{
    const tdm_str *text = input;
    llhttp_settings_t settings;
    llhttp_t parser;
    llhttp_settings_init(&settings);
    settings.on_url = settings.on_header_field = settings.on_header_value = settings.on_body = on_text;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    told = 0;
    for (size_t i = 0; i < requests; i++)
        if (llhttp_execute(&parser, text->ptr, text->len) != HPE_OK)
            return 0;
    return told;
}
#endif

int main(int argc, char **argv)
{
    bool small = micro_is_small(argc, argv);
    const micro_case cases[] = {
        {"head of 111 bytes", "tandem", work_whole, &short_one},
        {"head of 361 bytes", "tandem", work_whole, &long_one},
        {"head of 361, in parts", "tandem", work_parts, &long_one},
        {"lines of 361", "fast", work_lines, &long_one},
        {"lines of 361", "plain", work_lines_plain, &long_one},
#ifdef HAVE_LLHTTP
        {"head of 111 bytes", "llhttp", work_llhttp, &short_one},
        {"head of 361 bytes", "llhttp", work_llhttp, &long_one},
#endif
    };
    requests = small ? REQUESTS_SMALL : REQUESTS;
    short_one = tdm__strn(head_111, sizeof head_111 - 1);
    long_one = tdm__strn(head_361, sizeof head_361 - 1);
    return micro_run("bench_http", cases, sizeof cases / sizeof *cases, requests, small);
}
