/* The JSON scanner: what may stand next, names, texts, and values that nobody wants.
 *
 * scan->at never passes scan->end, and begin to end is valid UTF-8 all along, so that no text needs a second check.
 * Strings are looked at 16 bytes at a time. Numbers and values of columns are json_value.c's. */
#include "base/fail.h"
#include "codec/json_scan_impl.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* ---- begin, end, faults ---- */

tdm_status tdm__json_begin_scan(tdm__json_scan *scan, tdm_str bytes, tdm__arena *texts, tdm_error *err)
{
    const char *from = bytes.ptr ? bytes.ptr : "";
    *scan = (tdm__json_scan){.begin = from, .at = from, .end = from + bytes.len, .texts = texts, .err = err};
    size_t valid = tdm__utf8_prefix(bytes);
    if (valid == bytes.len)
        return TDM_OK;
    tdm_status status = tdm__fail(err, TDM_TEXT_ENCODING, NULL, "the text is not valid UTF-8, at byte %zu", valid + 1);
    tdm__fail_found_text(err, tdm__strn(from + valid, 1));
    return status;
}

tdm_status tdm__json_end_scan(tdm__json_scan *scan)
{
    tdm__json_skip_space(scan);
    return scan->at == scan->end ? TDM_OK : tdm__json_fault(scan, NULL, "nothing may follow the value");
}

static tdm_status fault_at(tdm__json_scan *scan, const char *at, const char *what)
{
    const char *of = scan->within ? " of the " : "", *within = scan->within ? scan->within : "";
    size_t place = (size_t)(at - scan->begin) + 1;
    return tdm__fail(scan->err, TDM_JSON_SYNTAX, NULL, "%s, at byte %zu%s%s", what, place, of, within);
}

tdm_status tdm__json_fault(tdm__json_scan *scan, const char *at, const char *what)
{
    at = at ? at : scan->at;
    tdm_status status = fault_at(scan, at, what);
    if (at < scan->end)
        tdm__fail_found_text(scan->err, tdm__strn(at, 1));
    else
        tdm__fail_found(scan->err, "the %s's end", scan->within ? scan->within : "text");
    return status;
}

tdm_status tdm__json_twice(tdm__json_scan *scan, tdm_str name)
{
    bool in_place = name.ptr > scan->begin && name.ptr < scan->end; /* else its escapes were undone elsewhere */
    tdm_status status = fault_at(scan, in_place ? name.ptr - 1 : scan->at, "the object has the same name twice");
    tdm__fail_found_text(scan->err, name);
    return status;
}

tdm_status tdm__json_wrong_kind(tdm__json_scan *scan, const char *what, const char *expected)
{
    const char *from = scan->at;
    char first = from < scan->end ? *from : 0;
    tdm_status status = tdm__json_skip(scan);
    if (status)
        return status;
    status = tdm__fail(scan->err, TDM_FIELD_TYPE, NULL, "%s", what);
    tdm__fail_expected(scan->err, "%s", expected);
    if (first == '{' || first == '[')
        tdm__fail_found(scan->err, "%s", first == '{' ? "an object" : "a list");
    else
        tdm__fail_found_json(scan->err, tdm__strn(from, (size_t)(scan->at - from)));
    return status;
}

char tdm__json_peek(tdm__json_scan *scan)
{
    tdm__json_skip_space(scan);
    char c = scan->at < scan->end ? *scan->at : 0;
    if (c == '-' || (unsigned char)(c - '0') < 10)
        return '0';
    return c && strchr("{[\"tfn", c) ? c : 0;
}

/* ---- strings ---- */

/* Four hexadecimal digits at p; -1 when they are not there. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static size_t put_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00 >> n) | c); /* 110xxxxx, 1110xxxx, 11110xxx */
    return n;
}

/* The escape whose backslash is at p: its bytes to `out`, *n of them. Returns what follows it; NULL when it is none. */
static const char *unescape_one(const char *p, const char *end, char out[4], size_t *n)
{
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *known = p + 1 < end && p[1] ? strchr(plain, p[1]) : NULL;
    if (known) {
        out[0] = meant[known - plain];
        *n = 1;
        return p + 2;
    }
    int32_t c = p + 1 < end && p[1] == 'u' ? hex4(p + 2, end) : -1;
    if (c < 0 || (c >= 0xdc00 && c <= 0xdfff))
        return NULL;
    p += 6;
    if (c >= 0xd800 && c <= 0xdbff) {
        int32_t low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    *n = put_utf8((uint32_t)c, out);
    return p;
}

/* The first quote, backslash or control character from p on; end when there is none. */
static inline const char *plain_end_bytewise(const char *p, const char *end)
{
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}

#if defined(__SSE2__)
static inline const char *plain_end(const char *p, const char *end)
{
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stops = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        int mask = _mm_movemask_epi8(_mm_or_si128(stops, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v)));
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
    return plain_end_bytewise(p, end);
}
#else
static inline const char *plain_end(const char *p, const char *end)
{
    return plain_end_bytewise(p, end);
}
#endif

/* The rest of a string whose text begins at `from` and is plain up to p. */
__attribute__((noinline)) static tdm_status eat_escaped(tdm__json_scan *s, const char *from, const char *p, tdm_str *out)
{
    char bytes[4];
    size_t n;
    while (p < s->end && *p == '\\') {
        const char *next = unescape_one(p, s->end, bytes, &n);
        if (!next)
            return tdm__json_fault(s, p, "this escape is none, or half of a surrogate pair");
        p = plain_end(next, s->end);
    }
    if (p == s->end)
        return tdm__json_fault(s, p, "the string is not closed");
    if (*p != '"')
        return tdm__json_fault(s, p, "a control character in a string must be escaped");
    *out = tdm__strn(from, (size_t)(p - from));
    s->at = p + 1;
    return TDM_OK;
}

/* The string at s->at, quotes off, escapes checked and still there. */
static inline tdm_status eat_raw_string(tdm__json_scan *s, tdm_str *out, bool *escaped)
{
    const char *from = s->at + 1, *p = plain_end(from, s->end);
    *escaped = p == s->end || *p != '"';
    if (*escaped)
        return eat_escaped(s, from, p, out);
    out->ptr = from;
    out->len = (size_t)(p - from);
    s->at = p + 1;
    return TDM_OK;
}

static tdm_status unescape(tdm__json_scan *s, tdm_str *text)
{
    char *to = tdm__arena_alloc(s->texts, text->len + 4), bytes[4];
    if (!to)
        return tdm__no_memory(s->err, "texts");
    size_t n = 0, one;
    for (const char *p = text->ptr, *end = p + text->len; p < end;) {
        if (*p != '\\') {
            to[n++] = *p++;
            continue;
        }
        p = unescape_one(p, end, bytes, &one);
        memcpy(to + n, bytes, one);
        n += one;
    }
    *text = tdm__strn(to, n);
    return TDM_OK;
}

/* The string at s->at as its text, which lies in the bytes or in s->texts. */
static inline tdm_status eat_string(tdm__json_scan *s, tdm_str *out)
{
    bool escaped;
    tdm_status status = eat_raw_string(s, out, &escaped);
    return status || !escaped ? status : unescape(s, out);
}

tdm_status tdm__json_take_text(tdm__json_scan *scan, tdm_str *out)
{
    tdm__json_skip_space(scan);
    if (scan->at < scan->end && *scan->at == '"')
        return eat_string(scan, out);
    return tdm__json_wrong_kind(scan, "the value is not a string", "a string");
}

/* ---- objects and lists ---- */

tdm_status tdm__json_open(tdm__json_scan *scan, char bracket)
{
    tdm__json_skip_space(scan);
    if (tdm__json_eat(scan, bracket))
        return TDM_OK;
    if (bracket == '{')
        return tdm__json_wrong_kind(scan, "the value is not an object", "an object");
    return tdm__json_wrong_kind(scan, "the value is not a list", "a list");
}

/* Whether one more follows in what `closing` closes; the comma before it is taken. */
static inline tdm_status step(tdm__json_scan *s, char closing, bool *first, bool *more)
{
    const char *p = tdm__json_space_end(s->at, s->end);
    char c = p < s->end ? *p : 0;
    s->at = p;
    *more = c != closing;
    if (c == closing) {
        s->at = p + 1;
        return TDM_OK;
    }
    if (*first) {
        *first = false;
        return TDM_OK;
    }
    if (c != ',')
        return tdm__json_fault(s, NULL, closing == '}' ? "a comma or the closing brace must follow"
                                                       : "a comma or the closing bracket must follow");
    s->at = tdm__json_space_end(p + 1, s->end);
    return TDM_OK;
}

static inline tdm_status colon(tdm__json_scan *s)
{
    const char *p = tdm__json_space_end(s->at, s->end);
    if (p == s->end || *p != ':')
        return tdm__json_fault(s, p, "a colon must follow the name");
    s->at = tdm__json_space_end(p + 1, s->end);
    return TDM_OK;
}

tdm_status tdm__json_next_name(tdm__json_scan *scan, bool *first, tdm_str *name, bool *more)
{
    tdm_status status = step(scan, '}', first, more);
    if (status || !*more)
        return status;
    if (scan->at == scan->end || *scan->at != '"')
        return tdm__json_fault(scan, NULL, "a name in quotes must stand here");
    status = eat_string(scan, name);
    return status ? status : colon(scan);
}

tdm_status tdm__json_next_item(tdm__json_scan *scan, bool *first, bool *more)
{
    return step(scan, ']', first, more);
}

/* ---- values nobody wants ---- */

/* A value that does not nest. */
static tdm_status skip_scalar(tdm__json_scan *s)
{
    tdm_str text;
    bool escaped;
    char c = s->at < s->end ? *s->at : 0;
    if (c == '"')
        return eat_raw_string(s, &text, &escaped);
    if (s->words && (tdm__json_eat_word(s, "NaN") || tdm__json_eat_word(s, "Infinity") ||
                     tdm__json_eat_word(s, "-Infinity")))
        return TDM_OK;
    if (c == '-' || (unsigned char)(c - '0') < 10)
        return tdm__json_take_number(s, &text);
    if (tdm__json_eat_word(s, "null") || tdm__json_eat_word(s, "true") || tdm__json_eat_word(s, "false"))
        return TDM_OK;
    return tdm__json_fault(s, NULL, "a value must stand here");
}

/* "NAME :" of an object. */
static tdm_status skip_name(tdm__json_scan *s)
{
    tdm_str text;
    bool escaped;
    tdm__json_skip_space(s);
    if (s->at == s->end || *s->at != '"')
        return tdm__json_fault(s, NULL, "a name in quotes must stand here");
    tdm_status status = eat_raw_string(s, &text, &escaped);
    return status ? status : colon(s);
}

tdm_status tdm__json_skip(tdm__json_scan *s)
{
    uint64_t objects = 0; /* a bit for each open level: 1 an object */
    unsigned depth = 0;
    do {
        tdm__json_skip_space(s);
        bool object = tdm__json_eat(s, '{'), list = !object && tdm__json_eat(s, '[');
        if (object || list) {
            if (depth == TDM__JSON_DEPTH_MAX)
                return tdm__json_fault(s, s->at - 1, "values nest deeper than 32");
            objects = objects << 1 | object;
            depth++;
            tdm__json_skip_space(s);
            bool empty = tdm__json_eat(s, object ? '}' : ']');
            tdm_status status = empty || list ? TDM_OK : skip_name(s);
            if (status)
                return status;
            if (!empty)
                continue;
            objects >>= 1;
            depth--;
        } else {
            tdm_status status = skip_scalar(s);
            if (status)
                return status;
        }
        for (; depth > 0; objects >>= 1, depth--) {
            tdm__json_skip_space(s);
            if (tdm__json_eat(s, ','))
                break;
            if (!tdm__json_eat(s, objects & 1 ? '}' : ']'))
                return tdm__json_fault(s, NULL, "a comma or the closing bracket must follow");
        }
        if (depth > 0 && objects & 1) {
            tdm_status status = skip_name(s);
            if (status)
                return status;
        }
    } while (depth > 0);
    return TDM_OK;
}
