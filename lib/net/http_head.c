/* The head of a request: request line and fields, line by line.
 *
 * A line is looked at once, when all of it is there; a byte that may stand in no line is refused as soon as it comes.
 * Texts are kept as offsets, since the bytes may move between calls. What the machine acts on (framing, host, connection)
 * is checked here to the end; all other fields are checked to be fields and forgotten. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "net/http_impl.h"

static const char *const method_names[TDM__HTTP_METHOD_COUNT] = {
#define NAME(name) #name,
    TDM__HTTP_METHODS(NAME)
#undef NAME
};

static const bool field_once[TDM__HTTP_FIELD_COUNT] = {
#define ONCE(name, text, once) once,
    TDM__HTTP_FIELDS(ONCE)
#undef ONCE
};

const char *tdm__http_method_name(unsigned method)
{
    return method < TDM__HTTP_METHOD_COUNT ? method_names[method] : "";
}

static tdm__http_span span_of(const char *base, tdm_str text)
{
    return (tdm__http_span){(uint32_t)(text.ptr - base), (uint32_t)text.len};
}

static bool refuse(tdm_error *err, tdm_status status, const char *where, tdm_str found, const char *what)
{
    tdm__fail(err, status, where, "%s", what);
    tdm__fail_found_text(err, found);
    return false;
}

/* ---- the request line ---- */

static const char request_line[] = "request line";

/* Cuts "METHOD SP target SP HTTP/d.d", where d.d is at least 1.0; what lies between is checked later. */
static bool cut_request_line(tdm_str line, tdm_str *method, tdm_str *target, tdm_str *version)
{
    enum { VERSION_LEN = 8 };
    *method = tdm__str_cut(line, ' ', target);
    if (!method->len || !tdm__http_all(*method, TDM__BYTE_TOKEN) || target->len < VERSION_LEN + 2)
        return false;
    *version = tdm__strn(target->ptr + target->len - VERSION_LEN, VERSION_LEN);
    target->len -= VERSION_LEN + 1;
    const char *v = version->ptr;
    return v[-1] == ' ' && memcmp(v, "HTTP/", 5) == 0 && v[5] >= '1' && v[5] <= '9' && v[6] == '.' && v[7] >= '0' &&
           v[7] <= '9';
}

static bool find_method(tdm_str name, uint8_t *out)
{
    for (uint8_t i = 0; i < TDM__HTTP_METHOD_COUNT; i++)
        if (tdm__str_is(name, method_names[i])) {
            *out = i;
            return true;
        }
    return false;
}

/* Takes "http://authority" off an absolute form. What is left begins with '/' or '?' or is empty. */
static bool cut_authority(tdm_str *target)
{
    enum { SCHEME_LEN = 7 };
    if (target->len <= SCHEME_LEN || !tdm__http_same(tdm__strn(target->ptr, SCHEME_LEN), "http://"))
        return false;
    size_t i = SCHEME_LEN;
    while (i < target->len && target->ptr[i] != '/' && target->ptr[i] != '?')
        i++;
    tdm_str authority = tdm__strn(target->ptr + SCHEME_LEN, i - SCHEME_LEN);
    *target = tdm__strn(target->ptr + i, target->len - i);
    return authority.len && tdm__http_all(authority, TDM__BYTE_HOST);
}

static bool read_target(tdm__http_head *head, const char *base, tdm_str target, tdm_error *err)
{
    tdm_str all = target, query;
    if (!tdm__http_all(target, TDM__BYTE_TARGET)) {
        refuse(err, TDM_HTTP_SYNTAX, request_line, all, "the target has a byte that it may not have");
        tdm__fail_hint(err, "blanks, '#' and bytes above 0x7e are percent-encoded in a target");
        return false;
    }
    bool star = tdm__str_is(target, "*") && head->method == TDM__HTTP_OPTIONS;
    if (target.ptr[0] != '/' && !star && !cut_authority(&target)) {
        refuse(err, TDM_HTTP_SYNTAX, request_line, all, "the target is not a path");
        tdm__fail_expected(err, "/path or http://host/path");
        return false;
    }
    target = tdm__str_cut(target, '?', &query);
    head->path = span_of(base, target);
    if (query.ptr)
        head->query = span_of(base, query);
    return true;
}

static bool read_request_line(tdm__http_head *head, const char *base, tdm_str line, const tdm__http_limits *limits,
                              tdm_error *err)
{
    tdm_str method, target, version;
    if (!cut_request_line(line, &method, &target, &version)) {
        refuse(err, TDM_HTTP_SYNTAX, request_line, line, "this is not a request line");
        tdm__fail_expected(err, "METHOD /path HTTP/1.1");
        return false;
    }
    if (version.ptr[5] != '1' || version.ptr[7] > '1') {
        refuse(err, TDM_HTTP_VERSION, request_line, version, "this version of HTTP is not spoken here");
        tdm__fail_expected(err, "HTTP/1.1 or HTTP/1.0");
        return false;
    }
    head->minor = (uint8_t)(version.ptr[7] - '0');
    if (!find_method(method, &head->method))
        return refuse(err, TDM_HTTP_UNKNOWN, request_line, method, "HTTP has no such method");
    if (head->method == TDM__HTTP_CONNECT)
        return refuse(err, TDM_HTTP_UNKNOWN, request_line, method, "tunnels are not offered");
    if (target.len > limits->target_bytes_max) {
        refuse(err, TDM_HTTP_TARGET_LONG, request_line, target, "the target is too long");
        tdm__fail_expected(err, "at most %u bytes", limits->target_bytes_max);
        return false;
    }
    head->started = true;
    return read_target(head, base, target, err);
}

/* ---- fields ---- */

/* "header Content-Length", with the name as it was sent. */
static const char *where_of(tdm_str name, char out[80])
{
    snprintf(out, 80, "header %.*s", (int)(name.len < 64 ? name.len : 64), name.ptr);
    return out;
}

/* The same for a line that may be none. */
static const char *where_of_line(const tdm__http_head *head, tdm_str line, char out[80])
{
    tdm_str rest, name = tdm__str_cut(line, ':', &rest);
    if (!head->started)
        return request_line;
    if (rest.ptr && name.len && tdm__http_all(name, TDM__BYTE_TOKEN))
        return where_of(name, out);
    snprintf(out, 80, "header line %u", head->headers + 1);
    return out;
}

static void note_connection(tdm__http_head *head, tdm_str list)
{
    while (list.ptr) {
        tdm_str one = tdm__str_trim(tdm__str_cut(list, ',', &list));
        head->close |= tdm__http_same(one, "close");
        head->keep_alive |= tdm__http_same(one, "keep-alive");
    }
}

/* What the value of a field that the machine acts on must be. Transfer-Encoding waits for the head's end, where more is
 * known. */
static bool check_value(tdm__http_head *head, unsigned field, tdm_str name, tdm_str value, tdm_error *err)
{
    char where[80];
    switch (field) {
    case TDM__HTTP_CONNECTION:
        note_connection(head, value);
        return true;
    case TDM__HTTP_HOST:
        if (value.len && tdm__http_all(value, TDM__BYTE_HOST))
            return true;
        return refuse(err, TDM_HTTP_SYNTAX, where_of(name, where), value, "this is not a host");
    case TDM__HTTP_CONTENT_LENGTH:
        if (tdm__http_number(value, &head->content_length))
            return true;
        refuse(err, TDM_HTTP_SYNTAX, where_of(name, where), value, "this is not a length");
        tdm__fail_expected(err, "decimal digits");
        return false;
    case TDM__HTTP_EXPECT:
        head->expects = tdm__http_same(value, "100-continue");
        if (head->expects)
            return true;
        refuse(err, TDM_HTTP_EXPECTATION, where_of(name, where), value, "this expectation cannot be met");
        tdm__fail_expected(err, "100-continue");
        return false;
    default:
        return true;
    }
}

static bool bad_field_line(const tdm__http_head *head, tdm_str line, size_t name_len, tdm_error *err)
{
    char where[80];
    char at = name_len < line.len ? line.ptr[name_len] : 0;
    bool blank = at == ' ' || at == '\t';
    const char *what = name_len == 0 && blank ? "a field may not be folded over lines"
                       : name_len == 0        ? "a field has no name"
                       : blank                ? "a blank stands between a field's name and its colon"
                                              : "this is not a field";
    snprintf(where, sizeof where, "header line %u", head->headers + 1);
    refuse(err, TDM_HTTP_SYNTAX, where, line, what);
    tdm__fail_expected(err, "Name: value");
    return false;
}

static bool read_field(tdm__http_head *head, const char *base, tdm_str line, tdm_error *err)
{
    size_t n = 0;
    while (n < line.len && tdm__http_is(line.ptr[n], TDM__BYTE_TOKEN))
        n++;
    if (n == 0 || n == line.len || line.ptr[n] != ':')
        return bad_field_line(head, line, n, err);
    tdm_str name = tdm__strn(line.ptr, n);
    unsigned field = tdm__http_field_of(name);
    if (field == TDM__HTTP_FIELD_COUNT)
        return true;
    tdm_str value = tdm__str_trim(tdm__strn(line.ptr + n + 1, line.len - n - 1));
    bool again = head->present >> field & 1;
    if (again && field_once[field]) {
        char where[80];
        return refuse(err, TDM_HTTP_SYNTAX, where_of(name, where), value, "the field stands twice");
    }
    if (!again)
        head->field[field] = span_of(base, value);
    head->present |= 1u << field;
    return check_value(head, field, name, value, err);
}

/* ---- the end of a head ---- */

static bool is_present(const tdm__http_head *head, unsigned field)
{
    return head->present >> field & 1;
}

static bool check_coding(tdm__http_head *head, tdm_str coding, tdm_error *err)
{
    static const char where[] = "header Transfer-Encoding";
    if (is_present(head, TDM__HTTP_CONTENT_LENGTH)) {
        refuse(err, TDM_HTTP_SYNTAX, where, coding, "it stands beside a Content-Length");
        tdm__fail_hint(err, "send one of the two");
        return false;
    }
    if (head->minor == 0)
        return refuse(err, TDM_HTTP_SYNTAX, where, coding, "HTTP/1.0 has no transfer codings");
    head->chunked = tdm__http_same(coding, "chunked");
    if (head->chunked)
        return true;
    unsigned chunked = 0;
    for (tdm_str list = coding; list.ptr;)
        chunked += tdm__http_same(tdm__str_trim(tdm__str_cut(list, ',', &list)), "chunked");
    refuse(err, chunked > 1 || !coding.len ? TDM_HTTP_SYNTAX : TDM_HTTP_UNKNOWN, where, coding,
           "this transfer coding is not taken");
    tdm__fail_expected(err, "chunked");
    return false;
}

static bool check_head(tdm__http_head *head, const char *base, const tdm__http_limits *limits, tdm_error *err)
{
    tdm__http_span coding = head->field[TDM__HTTP_TRANSFER_ENCODING];
    if (head->minor == 1 && !is_present(head, TDM__HTTP_HOST)) {
        tdm__fail(err, TDM_HTTP_SYNTAX, "header Host", "the field is missing");
        return false;
    }
    if (is_present(head, TDM__HTTP_TRANSFER_ENCODING) &&
        !check_coding(head, tdm__strn(base + coding.at, coding.len), err))
        return false;
    if (head->content_length <= limits->body_bytes_max)
        return true;
    tdm__fail(err, TDM_TOO_LARGE, "header Content-Length", "the body is too large");
    tdm__fail_expected(err, "at most %llu bytes", (unsigned long long)limits->body_bytes_max);
    tdm__fail_found(err, "%llu", (unsigned long long)head->content_length);
    return false;
}

/* ---- lines ---- */

/* A byte that may stand in no line: `line` ends with it. */
static bool bad_byte(const tdm__http_head *head, tdm_str line, tdm_error *err)
{
    char where[80], byte = line.ptr[line.len - 1];
    const char *what = byte == '\n'   ? "a line feed without a carriage return"
                       : byte == '\r' ? "a carriage return without a line feed"
                       : byte == 0    ? "a zero byte"
                                      : "a control byte";
    refuse(err, TDM_HTTP_SYNTAX, where_of_line(head, line, where), line, what);
    if (!head->started && line.ptr[0] == 0x16)
        tdm__fail_hint(err, "this looks like TLS; the server speaks plain HTTP");
    return false;
}

/* The head does not end within its bound. */
static bool too_large(const tdm__http_head *head, tdm_str line, const tdm__http_limits *limits, tdm_error *err)
{
    tdm_str target;
    tdm__str_cut(line, ' ', &target);
    if (!head->started && target.len > limits->target_bytes_max) {
        refuse(err, TDM_HTTP_TARGET_LONG, request_line, target, "the target is too long");
        tdm__fail_expected(err, "at most %u bytes", limits->target_bytes_max);
        return false;
    }
    tdm__fail(err, TDM_HTTP_HEAD_LARGE, "head", "the request line and headers are too long");
    tdm__fail_expected(err, "at most %u bytes", limits->head_bytes_max);
    return false;
}

static bool too_many(const tdm__http_limits *limits, tdm_error *err)
{
    tdm__fail(err, TDM_HTTP_HEAD_LARGE, "head", "there are too many header lines");
    tdm__fail_expected(err, "at most %u", limits->headers_max);
    return false;
}

/* One whole line without its end. *done: it was the empty one behind the fields. */
static bool read_line(tdm__http_head *head, const char *base, tdm_str line, const tdm__http_limits *limits, bool *done,
                      tdm_error *err)
{
    if (line.len == 0) {
        *done = head->started;
        if (!head->started && head->blank)
            return refuse(err, TDM_HTTP_SYNTAX, request_line, line, "more than one empty line before a request");
        head->blank |= !head->started;
        return !*done || check_head(head, base, limits, err);
    }
    if (!head->started)
        return read_request_line(head, base, line, limits, err);
    if (head->headers == limits->headers_max)
        return too_many(limits, err);
    if (!read_field(head, base, line, err))
        return false;
    head->headers++;
    return true;
}

tdm__http_part tdm__http_head_take(tdm__http_head *head, tdm_str text, const tdm__http_limits *limits, tdm_error *err)
{
    bool full = text.len >= limits->head_bytes_max, done = false;
    const char *base = text.ptr, *end = base + (full ? limits->head_bytes_max : text.len);
    while (!done) {
        const char *line = base + head->line, *stop = tdm__http_line_end(base + head->scanned, end);
        head->scanned = (uint32_t)(stop - base);
        if (stop == end || (*stop == '\r' && stop + 1 == end)) {
            if (!full)
                return TDM__PART_MORE;
            too_large(head, tdm__strn(line, (size_t)(end - line)), limits, err);
            return TDM__PART_FAULT;
        }
        if (stop[0] != '\r' || stop[1] != '\n') {
            bad_byte(head, tdm__strn(line, (size_t)(stop + 1 - line)), err);
            return TDM__PART_FAULT;
        }
        if (!read_line(head, base, tdm__strn(line, (size_t)(stop - line)), limits, &done, err))
            return TDM__PART_FAULT;
        head->line = head->scanned = (uint32_t)(stop + 2 - base);
    }
    return TDM__PART_DONE;
}

void tdm__http_head_fill(const tdm__http_head *head, const char *base, tdm__http_request *out)
{
    *out = (tdm__http_request){.method = head->method, .minor = head->minor};
    out->keep_alive = !head->close && (head->minor == 1 || head->keep_alive);
    out->path = head->path.len ? tdm__strn(base + head->path.at, head->path.len) : tdm__str("/");
    if (head->query.at)
        out->query = tdm__strn(base + head->query.at, head->query.len);
    for (unsigned i = 0; i < TDM__HTTP_FIELD_COUNT; i++)
        if (is_present(head, i))
            out->field[i] = tdm__strn(base + head->field[i].at, head->field[i].len);
}
