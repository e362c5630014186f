/* Records of a stream, and llhttp beside the reader. tests/meson.build defines HAVE_LLHTTP where its source is. */
#include "net/http_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"

const tdm__http_limits http_small_limits = {256, 8, 64, 300};
const tdm__http_limits http_usual_limits = {16384, 100, 8192, 8 << 20};

/* ---- records ---- */

static void add_text(tdm__buf *out, const char *name, tdm_str text)
{
    if (!text.ptr)
        return;
    tdm__buf_printf(out, " %s=", name);
    tdm__buf_json_text(out, text);
}

static void add_request(tdm__buf *out, const tdm__http_request *r, size_t end)
{
    static const char *const names[] = {
#define NAME(name, text, once) text,
        TDM__HTTP_FIELDS(NAME)
#undef NAME
    };
    tdm__buf_printf(out, "%s 1.%u%s", tdm__http_method_name(r->method), r->minor, r->keep_alive ? " stays" : "");
    add_text(out, "path", r->path);
    add_text(out, "query", r->query);
    for (int i = 0; i < TDM__HTTP_FIELD_COUNT; i++)
        add_text(out, names[i], r->field[i]);
    tdm__buf_printf(out, " body(%zu)=", r->body.len);
    tdm__buf_str(out, r->body);
    tdm__buf_printf(out, " wire %zu end %zu\n", r->wire_bytes, end);
}

static void add_fault(tdm__buf *out, const tdm_error *e)
{
    tdm__buf_printf(out, "fault %s|%s|%s|%s|%s|%s\n", tdm_status_name(e->status), e->where, e->what, e->expected, e->found,
                    e->hint);
}

static size_t piece_len(tdm__random *random, uint64_t cuts, size_t left)
{
    if (cuts == HTTP_WHOLE)
        return left;
    uint64_t kind = cuts == HTTP_BYTES ? 0 : tdm__random_below(random, 4);
    uint64_t n = cuts == HTTP_BYTES ? 1 : kind == 0 ? 1 : 1 + tdm__random_below(random, kind == 1 ? 8 : kind == 2 ? 64 : 4096);
    return n < left ? (size_t)n : left;
}

/* Goes on in one piece until all of it was taken. False: the reader has failed. */
static bool take_piece(tdm__http_reader *reader, tdm_str in, size_t *at, unsigned *waits, tdm__buf *out)
{
    for (;;) {
        tdm__http_request request;
        tdm_error err = {0};
        size_t before = in.len;
        tdm__http_step step = tdm__http_next(reader, &in, &request, &err);
        *at += before - in.len;
        if (step == TDM__HTTP_FAULT) {
            add_fault(out, &err);
            return false;
        }
        if (step == TDM__HTTP_CONTINUE && (in.len || request.body.len || ++*waits > 1 || request.wire_bytes > *at))
            tdm__buf_text(out, "a wrong continue\n");
        if (step == TDM__HTTP_REQUEST) {
            add_request(out, &request, *at);
            *waits = 0;
        }
        if (step == TDM__HTTP_MORE) {
            if (in.len)
                tdm__buf_text(out, "bytes were left\n");
            return true;
        }
    }
}

void http_record(tdm_str stream, const tdm__http_limits *limits, uint64_t cuts, tdm__buf *out)
{
    enum { FIRST_BYTES = 1 << 10 };
    tdm__random random;
    tdm__http_reader reader;
    size_t at = 0, given = 0;
    unsigned waits = 0;
    bool going = true;
    tdm__random_seed(&random, cuts);
    tdm__http_reader_init(&reader, limits);
    while (going && given < stream.len) {
        size_t n = piece_len(&random, cuts, stream.len - given);
        char *piece = malloc(n);
        if (!piece)
            abort();
        memcpy(piece, stream.ptr + given, n);
        going = take_piece(&reader, tdm__strn(piece, n), &at, &waits, out);
        given += n;
        free(piece);
        if (tdm__http_reader_held(&reader) > FIRST_BYTES + limits->head_bytes_max + limits->body_bytes_max)
            tdm__buf_text(out, "too much is held\n");
    }
    tdm__buf_printf(out, "phase %u\n", reader.phase);
    tdm__http_reader_free(&reader);
}

/* ---- the oracle ---- */

http_exception http_exceptions[] = {
    {"a line feed without a carriage return", "llhttp ends lines by it", 0},
    {"a carriage return without a line feed", "llhttp takes it for the end of a line (CVE-2023-30589)", 0},
    {"more than one empty line before a request", "llhttp skips any number", 0},
    {"HTTP has no such method", "llhttp knows WebDAV and more", 0},
    {"tunnels are not offered", "llhttp reads CONNECT", 0},
    {"this version of HTTP is not spoken here", "llhttp reads 2.0", 0},
    {"this is not a request line", "llhttp takes several blanks, 0.9, and no version", 0},
    {"the target has a byte that it may not have", "llhttp takes fragments", 0},
    {"the target is not a path", "llhttp takes any scheme, and '*' with any method", 0},
    {"the target is too long", "a bound", 0},
    {"the request line and headers are too long", "a bound", 0},
    {"there are too many header lines", "a bound", 0},
    {"the body is too large", "a bound", 0},
    {"chunk extensions are too long", "a bound", 0},
    {"the trailers are too long", "a bound", 0},
    {"the chunk's size has too many digits", "llhttp takes any number of zeros", 0},
    {"a field may not be folded over lines", "llhttp joins lines", 0},
    {"a field has no name", "llhttp takes an empty one", 0},
    {"the field is missing", "llhttp does not look for Host", 0},
    {"the field stands twice", "llhttp tells all", 0},
    {"this is not a host", "llhttp takes any value", 0},
    {"this expectation cannot be met", "llhttp does not look at it", 0},
    {"HTTP/1.0 has no transfer codings", "llhttp takes them", 0},
    {"a field that counts may not come behind the body", "llhttp takes some", 0},
    {"this transfer coding is not taken", "llhttp takes lists that end in chunked, and any beside an Upgrade", 0},
    {"this may not stand in a chunk's extension", "llhttp takes more", 0},
    {"this is not a field", "llhttp ends trailers by a line feed", 0},
};
const size_t http_exceptions_n = sizeof http_exceptions / sizeof *http_exceptions;

#ifndef HAVE_LLHTTP

bool http_oracle_present(void)
{
    return false;
}

const char *http_disagreement(tdm_str stream, const tdm__http_limits *limits)
{
    (void)stream;
    (void)limits;
    return NULL;
}

#else
#include <llhttp.h>

bool http_oracle_present(void)
{
    return true;
}

/* One message as llhttp tells it. */
typedef struct oracle {
    llhttp_t parser;
    tdm__buf url, name, value, body;
    tdm__buf field[TDM__HTTP_FIELD_COUNT];
    bool has[TDM__HTTP_FIELD_COUNT];
    bool keep_alive, in_trailer;
} oracle;

static const char *const kept_names[] = {
#define NAME(name, text, once) text,
    TDM__HTTP_FIELDS(NAME)
#undef NAME
};

static int on_begin(llhttp_t *p)
{
    oracle *o = p->data;
    tdm__buf_reset(&o->url);
    tdm__buf_reset(&o->name);
    tdm__buf_reset(&o->value);
    tdm__buf_reset(&o->body);
    for (int i = 0; i < TDM__HTTP_FIELD_COUNT; i++)
        tdm__buf_reset(&o->field[i]);
    memset(o->has, 0, sizeof o->has);
    o->in_trailer = false;
    return 0;
}

static int on_url(llhttp_t *p, const char *at, size_t n)
{
    tdm__buf_add(&((oracle *)p->data)->url, at, n);
    return 0;
}

static int on_name(llhttp_t *p, const char *at, size_t n)
{
    tdm__buf_add(&((oracle *)p->data)->name, at, n);
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    tdm__buf_add(&((oracle *)p->data)->value, at, n);
    return 0;
}

static int on_value_end(llhttp_t *p)
{
    oracle *o = p->data;
    for (size_t i = 0; i < o->name.len; i++)
        if (o->name.ptr[i] >= 'A' && o->name.ptr[i] <= 'Z')
            o->name.ptr[i] = (char)(o->name.ptr[i] + 32);
    for (int i = 0; i < TDM__HTTP_FIELD_COUNT && !o->in_trailer; i++)
        if (!o->has[i] && tdm__str_is(tdm__strn(o->name.ptr, o->name.len), kept_names[i])) {
            o->has[i] = true;
            tdm__buf_str(&o->field[i], tdm__str_trim(tdm__strn(o->value.ptr, o->value.len)));
        }
    tdm__buf_reset(&o->name);
    tdm__buf_reset(&o->value);
    return 0;
}

static int on_head(llhttp_t *p)
{
    oracle *o = p->data;
    o->keep_alive = llhttp_should_keep_alive(p);
    o->in_trailer = true;
    return 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    tdm__buf_add(&((oracle *)p->data)->body, at, n);
    return 0;
}

static int on_end(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

/* The next message of *in, which moves behind it. False: it is not whole, or llhttp refuses it. */
static bool oracle_next(oracle *o, tdm_str *in)
{
    llhttp_errno_t e = llhttp_execute(&o->parser, in->ptr, in->len);
    if (e == HPE_PAUSED_UPGRADE) { /* the message before asked for an upgrade; nobody granted it */
        llhttp_resume_after_upgrade(&o->parser);
        e = llhttp_execute(&o->parser, in->ptr, in->len);
    }
    if (e != HPE_PAUSED)
        return false;
    const char *end = llhttp_get_error_pos(&o->parser);
    *in = tdm__strn(end, in->len - (size_t)(end - in->ptr));
    llhttp_resume(&o->parser);
    return true;
}

static void oracle_free(oracle *o)
{
    tdm__buf *all[] = {&o->url, &o->name, &o->value, &o->body};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        tdm__buf_free(all[i]);
    for (int i = 0; i < TDM__HTTP_FIELD_COUNT; i++)
        tdm__buf_free(&o->field[i]);
}

static bool same_text(tdm_str ours, const tdm__buf *theirs)
{
    return tdm__str_equal(ours, tdm__strn(theirs->ptr, theirs->len));
}

/* Our path and query as one text must be what llhttp's target is without a scheme and host. */
static bool same_target(const tdm__http_request *r, const tdm__buf *url)
{
    tdm_str query, target = tdm__strn(url->ptr, url->len);
    if (target.len && target.ptr[0] != '/' && target.ptr[0] != '*') {
        size_t i = 7;
        while (i < target.len && target.ptr[i] != '/' && target.ptr[i] != '?')
            i++;
        target = i <= target.len ? tdm__strn(target.ptr + i, target.len - i) : target;
    }
    target = tdm__str_cut(target, '?', &query);
    return tdm__str_equal(r->path, target.len ? target : tdm__str("/")) && tdm__str_equal(r->query, query) &&
           !r->query.ptr == !query.ptr;
}

static const char *difference(const tdm__http_request *r, const oracle *o)
{
    if (strcmp(tdm__http_method_name(r->method), llhttp_method_name(o->parser.method)) != 0)
        return "the method differs";
    if (!same_target(r, &o->url))
        return "the target differs";
    if (r->minor != o->parser.http_minor || o->parser.http_major != 1)
        return "the version differs";
    for (int i = 0; i < TDM__HTTP_FIELD_COUNT; i++)
        if (!r->field[i].ptr != !o->has[i] || !same_text(r->field[i], &o->field[i]))
            return kept_names[i];
    return same_text(r->body, &o->body) ? NULL : "the body differs";
}

static bool is_exception(const char *what)
{
    for (size_t i = 0; i < http_exceptions_n; i++)
        if (strcmp(http_exceptions[i].what, what) == 0) {
            http_exceptions[i].met++;
            return true;
        }
    return false;
}

/* Whether `word`, which is in lower case, stands somewhere, in any case. */
static bool has_word(tdm_str text, const char *word)
{
    for (size_t i = 0, n = strlen(word); i + n <= text.len; i++) {
        size_t k = 0;
        while (k < n && (text.ptr[i + k] >= 'A' && text.ptr[i + k] <= 'Z' ? text.ptr[i + k] + 32 : text.ptr[i + k]) == word[k])
            k++;
        if (k == n)
            return true;
    }
    return false;
}

/* Where llhttp refuses what RFC 9112 allows: a chunk extension behind one with a value ("5;a=b;c"), whose place is behind
 * that value in the line of the chunk's size; a tab behind the value of Content-Length or Transfer-Encoding. */
static bool is_llhttps_fault(const oracle *o, tdm_str stream)
{
    const char *at = llhttp_get_error_pos(&o->parser), *begin = stream.ptr, *why = o->parser.reason ? o->parser.reason : "";
    bool value = false, size = strcmp(why, "Invalid character in chunk size") == 0;
    if (at <= begin || at >= stream.ptr + stream.len)
        return false;
    if (strcmp(why, "Invalid character in Content-Length") == 0)
        return *at == '\t';
    if (strcmp(why, "Request has invalid `Transfer-Encoding`") == 0)
        return has_word(tdm__strn(begin, (size_t)(at - begin)), "chunked\t");
    while (--at > begin && *at != '\n')
        value |= *at == '=';
    return size && value;
}

/* One request by each. NULL: they agree, and *going tells whether there may be another. */
static const char *compare_next(tdm__http_reader *reader, oracle *o, tdm_str *ours, tdm_str *theirs, bool *going)
{
    static char text[1024];
    tdm__http_request request;
    tdm_error err = {0};
    tdm__http_step step = tdm__http_next(reader, ours, &request, &err);
    while (step == TDM__HTTP_CONTINUE)
        step = tdm__http_next(reader, ours, &request, &err);
    *going = false;
    if (step == TDM__HTTP_MORE)
        return NULL;
    tdm_str from = *theirs;
    bool next = oracle_next(o, theirs);
    if (step == TDM__HTTP_FAULT) {
        if (!next || is_exception(err.what))
            return NULL;
        snprintf(text, sizeof text, "llhttp takes what was refused: %s: %s, found %s", err.where, err.what, err.found);
        return text;
    }
    if (!next && is_llhttps_fault(o, from))
        return NULL;
    if (!next) {
        snprintf(text, sizeof text, "llhttp refuses what was taken: %s", o->parser.reason ? o->parser.reason : "no reason");
        return text;
    }
    const char *differs = difference(&request, o);
    if (differs)
        return differs;
    if (theirs->ptr != ours->ptr)
        return "the request's end differs";
    /* Ours lets "close" win over "keep-alive" in 1.0, as RFC 9112 has it. */
    if (request.keep_alive && !o->keep_alive)
        return "ours stays open";
    if (!request.keep_alive && o->keep_alive && request.minor == 1)
        return "theirs stays open";
    *going = request.keep_alive;
    return NULL;
}

const char *http_disagreement(tdm_str stream, const tdm__http_limits *limits)
{
    llhttp_settings_t settings;
    tdm__http_reader reader;
    oracle o = {0};
    tdm_str ours = stream, theirs = stream;
    bool going = !has_word(stream, "proxy-connection"); /* llhttp takes that for Connection; a server has no such field */
    const char *differs = NULL;
    llhttp_settings_init(&settings);
    settings.on_message_begin = on_begin;
    settings.on_url = on_url;
    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    settings.on_header_value_complete = on_value_end;
    settings.on_headers_complete = on_head;
    settings.on_body = on_body;
    settings.on_message_complete = on_end;
    llhttp_init(&o.parser, HTTP_REQUEST, &settings);
    o.parser.data = &o;
    tdm__http_reader_init(&reader, limits);
    while (going && !differs)
        differs = compare_next(&reader, &o, &ours, &theirs, &going);
    tdm__http_reader_free(&reader);
    oracle_free(&o);
    return differs;
}
#endif
