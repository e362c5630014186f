/* Texts and byte buffers.
 *
 * Views are never terminated and may hold any byte; a view of length 0 may have a NULL pointer. A buffer
 * keeps one byte of room beyond its length for the NUL of tdm__buf_z. Once an append failed, `failed` stays
 * set until reset: a writer of many small pieces checks once. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

tdm_str tdm__str(const char *z)
{
    return (tdm_str){ z, z ? strlen(z) : 0 };
}

tdm_str tdm__strn(const char *p, size_t n)
{
    return (tdm_str){ p, n };
}

bool tdm__str_equal(tdm_str a, tdm_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int tdm__str_compare(tdm_str a, tdm_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool tdm__str_starts(tdm_str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && (n == 0 || memcmp(s.ptr, prefix, n) == 0);
}

bool tdm__str_ends(tdm_str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && (n == 0 || memcmp(s.ptr + s.len - n, suffix, n) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

tdm_str tdm__str_trim(tdm_str s)
{
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    while (s.len && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    return s;
}

tdm_str tdm__str_cut(tdm_str s, char by, tdm_str *rest)
{
    const char *at = s.len ? memchr(s.ptr, by, s.len) : NULL;
    if (!at) {
        *rest = (tdm_str){ NULL, 0 };
        return s;
    }
    size_t before = (size_t)(at - s.ptr);
    *rest = (tdm_str){ at + 1, s.len - before - 1 };
    return (tdm_str){ s.ptr, before };
}

/* Length of the valid UTF-8 sequence at p (n > 0 bytes), or 0. The second byte's range is what shuts out
 * overlong forms (E0, F0), surrogates (ED) and what lies above U+10FFFF (F4). */
static size_t utf8_step(const unsigned char *p, size_t n)
{
    unsigned char a = p[0];
    if (a < 0x80)
        return 1;
    size_t len = a >= 0xC2 && a <= 0xDF ? 2 : a >= 0xE0 && a <= 0xEF ? 3 : a >= 0xF0 && a <= 0xF4 ? 4 : 0;
    if (len == 0 || n < len)
        return 0;
    unsigned char low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;
    unsigned char high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

/* Most texts are ASCII: 32 bytes at a step. Returns how many of the first n bytes were passed over. */
static size_t skip_ascii(const unsigned char *p, size_t n)
{
    size_t i = 0;
    for (uint64_t w[4]; n - i >= sizeof w; i += sizeof w) {
        memcpy(w, p + i, sizeof w);
        if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u)
            break;
    }
    for (uint64_t w; n - i >= sizeof w; i += sizeof w) {
        memcpy(&w, p + i, sizeof w);
        if (w & 0x8080808080808080u)
            break;
    }
    return i;
}

size_t tdm__utf8_prefix(tdm_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t i = 0;
    while (i < s.len) {
        if (p[i] < 0x80 && s.len - i >= 8) {
            size_t ascii = skip_ascii(p + i, s.len - i);
            i += ascii;
            if (ascii)
                continue;
        }
        size_t step = utf8_step(p + i, s.len - i);
        if (!step)
            break;
        i += step;
    }
    return i;
}

bool tdm__utf8_valid(tdm_str s)
{
    return tdm__utf8_prefix(s) == s.len;
}

char *tdm__buf_reserve(tdm__buf *b, size_t n)
{
    size_t need;
    if (b->failed)
        return NULL;
    if (__builtin_add_overflow(b->len, n, &need) || need == SIZE_MAX || !tdm__grow(b->ptr, b->cap, need + 1)) {
        b->failed = true;
        return NULL;
    }
    return b->ptr + b->len;
}

void tdm__buf_add(tdm__buf *b, const void *bytes, size_t n)
{
    char *to = tdm__buf_reserve(b, n);
    if (!to || !n)
        return;
    memcpy(to, bytes, n);
    b->len += n;
}

void tdm__buf_str(tdm__buf *b, tdm_str s)
{
    tdm__buf_add(b, s.ptr, s.len);
}

void tdm__buf_text(tdm__buf *b, const char *z)
{
    tdm__buf_add(b, z, strlen(z));
}

void tdm__buf_char(tdm__buf *b, char c)
{
    tdm__buf_add(b, &c, 1);
}

void tdm__buf_printf(tdm__buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = n < 0 ? NULL : tdm__buf_reserve(b, (size_t)n);
    if (!to) {
        b->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
}

/* The escape of one ASCII byte in a JSON string; NULL when it stands for itself. */
static const char *json_escape(unsigned char c, char hex[7])
{
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
    }
    if (c >= 0x20)
        return NULL;
    static const char digits[] = "0123456789abcdef";
    memcpy(hex, "\\u00", 4);
    hex[4] = digits[c >> 4];
    hex[5] = digits[c & 15];
    hex[6] = 0;
    return hex;
}

void tdm__buf_json_text(tdm__buf *b, tdm_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t plain = 0; /* start of the run that can be copied as it is */
    char hex[7];
    tdm__buf_char(b, '"');
    for (size_t i = 0; i < s.len;) {
        size_t step = utf8_step(p + i, s.len - i);
        const char *instead = step == 0 ? "\xEF\xBF\xBD" : step == 1 ? json_escape(p[i], hex) : NULL;
        if (instead) {
            tdm__buf_add(b, s.ptr + plain, i - plain);
            tdm__buf_text(b, instead);
            plain = i + 1;
        }
        i += step ? step : 1;
    }
    if (s.len)
        tdm__buf_add(b, s.ptr + plain, s.len - plain);
    tdm__buf_char(b, '"');
}

void tdm__buf_reset(tdm__buf *b)
{
    b->len = 0;
    b->failed = false;
}

void tdm__buf_free(tdm__buf *b)
{
    tdm__free(b->ptr);
    *b = (tdm__buf){0};
}

tdm_status tdm__buf_check(const tdm__buf *b, tdm_error *err)
{
    return b->failed ? tdm__no_memory(err, NULL) : TDM_OK;
}

const char *tdm__buf_z(tdm__buf *b)
{
    char *end = tdm__buf_reserve(b, 0);
    if (!end)
        return NULL;
    *end = 0;
    return b->ptr;
}

/* Byte by byte: compilers make one load or store of each, at any alignment. */
uint16_t tdm__load16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] | b[1] << 8);
}

uint32_t tdm__load32(const void *p)
{
    const uint8_t *b = p;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint64_t tdm__load64(const void *p)
{
    return tdm__load32(p) | (uint64_t)tdm__load32((const uint8_t *)p + 4) << 32;
}

void tdm__store16(void *p, uint16_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)v;
    b[1] = (uint8_t)(v >> 8);
}

void tdm__store32(void *p, uint32_t v)
{
    tdm__store16(p, (uint16_t)v);
    tdm__store16((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

void tdm__store64(void *p, uint64_t v)
{
    tdm__store32(p, (uint32_t)v);
    tdm__store32((uint8_t *)p + 4, (uint32_t)(v >> 32));
}
