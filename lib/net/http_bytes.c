/* Bytes of HTTP: their classes, where a line ends, names without regard to case, numbers.
 *
 * A line's end is its first control byte. That one search finds the carriage return of a good line and whatever must not
 * stand in a bad one, so nothing behind it looks for control bytes again. */
#include <string.h>

#include "net/http_impl.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* One letter a kind of byte, so that the table can be read: the rows are 16 bytes each. */
enum {
    C = 0,                                                                 /* control */
    P = TDM__BYTE_PLAIN,                                                   /* only inside a value */
    T = P | TDM__BYTE_TARGET,                                              /* " < > \ and their like */
    K = P | TDM__BYTE_TOKEN,                                               /* # */
    B = P | TDM__BYTE_TARGET | TDM__BYTE_TOKEN,                            /* ^ ` | */
    H = P | TDM__BYTE_TARGET | TDM__BYTE_HOST,                             /* ( ) , : ; = [ ] */
    A = P | TDM__BYTE_TARGET | TDM__BYTE_HOST | TDM__BYTE_TOKEN            /* letters, digits and - . _ ~ ! $ % & ' * + */
};

const uint8_t tdm__http_class[256] = {
    C, C, C, C, C, C, C, C, C, P, C, C, C, C, C, C, /* 00: the tab is plain */
    C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, /* 10 */
    P, A, T, K, A, A, A, A, H, H, A, A, H, A, A, T, /* 20:   ! " # $ % & ' ( ) * + , - . / */
    A, A, A, A, A, A, A, A, A, A, H, H, T, H, T, T, /* 30: 0-9 : ; < = > ? */
    T, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, /* 40: @ A-O */
    A, A, A, A, A, A, A, A, A, A, A, H, T, H, B, A, /* 50: P-Z [ \ ] ^ _ */
    B, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, /* 60: ` a-o */
    A, A, A, A, A, A, A, A, A, A, A, T, B, T, A, C, /* 70: p-z { | } ~ delete */
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
    P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
};

bool tdm__http_all(tdm_str text, unsigned class)
{
    unsigned all = class;
    for (size_t i = 0; i < text.len; i++)
        all &= tdm__http_class[(unsigned char)text.ptr[i]];
    return all == class;
}

const char *tdm__http_line_end_plain(const char *p, const char *end)
{
    while (p < end && tdm__http_is(*p, TDM__BYTE_PLAIN))
        p++;
    return p;
}

#if defined(__SSE2__)
/* 16 bytes a step: below 0x20 but not the tab, or 0x7F. A field line takes two or three. */
const char *tdm__http_line_end(const char *p, const char *end)
{
    const __m128i highest = _mm_set1_epi8(0x1F), tab = _mm_set1_epi8('\t'), rubout = _mm_set1_epi8(0x7F);
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i low = _mm_andnot_si128(_mm_cmpeq_epi8(v, tab), _mm_cmpeq_epi8(_mm_min_epu8(v, highest), v));
        int mask = _mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(v, rubout)));
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
    }
    return tdm__http_line_end_plain(p, end);
}
#else
const char *tdm__http_line_end(const char *p, const char *end)
{
    return tdm__http_line_end_plain(p, end);
}
#endif

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool tdm__http_same(tdm_str text, const char *wanted)
{
    for (size_t i = 0; i < text.len; i++)
        if (!wanted[i] || lower(text.ptr[i]) != wanted[i])
            return false;
    return wanted[text.len] == 0;
}

const char *const tdm__http_field_names[TDM__HTTP_FIELD_COUNT] = {
#define NAME(name, text, once) text,
    TDM__HTTP_FIELDS(NAME)
#undef NAME
};

static uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Whether a token of n bytes is the field name `name`. A name has only lower case letters and dashes; of the bytes of a
 * token none but their upper case becomes one of these by the bit of lower case. Eight bytes a step, the last ones once
 * more. */
static bool is_name(const char *token, const char *name, size_t n)
{
    const uint64_t bits = UINT64_C(0x2020202020202020);
    uint64_t differs = 0;
    if (n < 8) {
        for (size_t i = 0; i < n; i++)
            differs |= (uint64_t)((token[i] | 0x20) != name[i]);
        return !differs;
    }
    for (size_t i = 0; i + 8 < n; i += 8)
        differs |= (load8(token + i) | bits) ^ load8(name + i);
    return !(differs | ((load8(token + n - 8) | bits) ^ load8(name + n - 8)));
}

/* No two names are of one length, so the length finds the only candidate; should that ever change, this does not
 * compile. */
unsigned tdm__http_field_of(tdm_str name)
{
    unsigned field;
    switch (name.len) {
#define CASE(name, text, once)  \
    case sizeof text - 1:       \
        field = TDM__HTTP_##name; \
        break;
        TDM__HTTP_FIELDS(CASE)
#undef CASE
    default:
        return TDM__HTTP_FIELD_COUNT;
    }
    return is_name(name.ptr, tdm__http_field_names[field], name.len) ? field : TDM__HTTP_FIELD_COUNT;
}

bool tdm__http_number(tdm_str text, uint64_t *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
            return false;
    }
    *out = n;
    return text.len > 0;
}
