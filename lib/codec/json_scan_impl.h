/* What the files behind json_scan.h share, inline since it is called for every few bytes: space, words, the text of a
 * string, and numbers in one pass.
 *
 * Digits are read eight at a time, without a loop over them: numbers differ in length, and each wrong guess at where
 * one ends costs more than all its digits. */
#ifndef TDM_CODEC_JSON_SCAN_IMPL_H
#define TDM_CODEC_JSON_SCAN_IMPL_H

#include <string.h>

#include "base/number.h"
#include "codec/json_scan.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte of a word is its lowest");

/* The first byte from p on that is no space. Most often it is p. */
static inline const char *tdm__json_space_end(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

static inline void tdm__json_skip_space(tdm__json_scan *s)
{
    s->at = tdm__json_space_end(s->at, s->end);
}

static inline bool tdm__json_eat(tdm__json_scan *s, char c)
{
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static inline bool tdm__json_eat_word(tdm__json_scan *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

/* ---- numbers ---- */

/* A number's text taken apart: digits * 10^exponent. */
typedef struct tdm__json_number {
    uint64_t digits;
    int64_t exponent;
    bool negative;
    bool exact;   /* there were at most 19 digits, so that `digits` are all of them */
    bool integer; /* neither point nor exponent */
} tdm__json_number;

/* Eight bytes at p, zeros beyond the end; `far`: the end is known to be far enough. */
static inline uint64_t tdm__json_load8(const char *p, const char *end, bool far)
{
    uint64_t v = 0;
    if (far || end - p >= 8)
        memcpy(&v, p, 8);
    else if (p < end)
        memcpy(&v, p, (size_t)(end - p));
    return v;
}

/* Up to eight digits at p onto the end of *w, which may wrap: the caller counts. Returns how many there were. */
static inline unsigned tdm__json_digits8(const char *p, const char *end, bool far, uint64_t *w)
{
    static const uint64_t ten[9] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f), pairs = UINT64_C(0x000000ff000000ff);
    uint64_t v = tdm__json_load8(p, end, far) ^ UINT64_C(0x3030303030303030);
    uint64_t others = (((v & low) + UINT64_C(0x7676767676767676)) | v) & ~low; /* the top bit of what is above 9 */
    unsigned n = others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
    if (n == 0)
        return 0;
    v <<= 64 - 8 * n; /* zeros before the first digit, which is the lowest byte */
    v = v * 10 + (v >> 8);
    uint64_t upper = (v & pairs) * (100 + (UINT64_C(1000000) << 32));
    uint64_t lower = ((v >> 16) & pairs) * (1 + (UINT64_C(10000) << 32));
    *w = *w * ten[n] + ((upper + lower) >> 32);
    return n;
}

/* Up to 16 digits without a loop, and then all. `far`: 16 bytes from p on can be read. */
static inline const char *tdm__json_digits(const char *p, const char *end, bool far, uint64_t *w)
{
    unsigned n = tdm__json_digits8(p, end, far, w);
    p += n;
    if (n == 8)
        for (n = tdm__json_digits8(p, end, far, w), p += n; n == 8; p += n)
            n = tdm__json_digits8(p, end, false, w);
    return p;
}

static inline bool tdm__json_is_digit(const char *p, const char *end)
{
    return p < end && (unsigned char)(*p - '0') < 10;
}

/* What follows the e; NULL when no digit does. Exponents that no text's digits can make up for are cut. */
static inline const char *tdm__json_exponent(const char *p, const char *end, int64_t *exponent)
{
    bool negative = p < end && *p == '-';
    int64_t e = 0;
    p += p < end && (*p == '-' || *p == '+');
    if (!tdm__json_is_digit(p, end))
        return NULL;
    for (; tdm__json_is_digit(p, end); p++)
        if (e < INT64_C(100000000000000000))
            e = e * 10 + (*p - '0');
    *exponent += negative ? -e : e;
    return p;
}

/* As tdm__json_read_number. `far`: 32 bytes from p on can be read. */
static inline const char *tdm__json_read_number_at(const char *p, const char *end, bool far, tdm__json_number *out)
{
    out->negative = p < end && *p == '-';
    p += out->negative;
    if (!tdm__json_is_digit(p, end))
        return NULL;
    const char *from = p;
    uint64_t w = (uint64_t)(*p++ - '0');
    if (tdm__json_is_digit(p, end)) {
        if (w == 0)
            return NULL;
        p = tdm__json_digits(p, end, far, &w);
        far = far && p - from < 8;
    }
    ptrdiff_t n = p - from;
    out->exponent = 0;
    out->integer = true;
    if (p < end && *p == '.') {
        const char *fraction = p + 1;
        p = tdm__json_digits(fraction, end, far, &w);
        if (p == fraction)
            return NULL;
        n += p - fraction;
        out->exponent = fraction - p;
        out->integer = false;
    }
    out->digits = w;
    out->exact = n <= 19;
    if (p < end && (*p | 0x20) == 'e') {
        out->integer = false;
        p = tdm__json_exponent(p + 1, end, &out->exponent);
    }
    return p;
}

/* The same near the bytes' end. */
const char *tdm__json_read_last_number(const char *p, const char *end, tdm__json_number *out);

/* The number at p. Returns what follows it, or NULL when there is none: tdm__json_take_number then says why. */
static inline const char *tdm__json_read_number(const char *p, const char *end, tdm__json_number *out)
{
    return end - p >= 32 ? tdm__json_read_number_at(p, end, true, out) : tdm__json_read_last_number(p, end, out);
}

/* The number whose text is [from, to), as the nearest double; an infinity when there is none. */
static inline double tdm__json_to_f64(const tdm__json_number *n, const char *from, const char *to)
{
    static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double v;
    if (n->exact && n->digits <= UINT64_C(1) << 53 && n->exponent <= 22 && n->exponent >= -22) {
        v = (double)(int64_t)n->digits; /* both are exact, so that one operation rounds once (Clinger 1990) */
        v = n->exponent < 0 ? v / ten[-n->exponent] : v * ten[n->exponent];
    } else if (n->exact) {
        v = tdm__scale_f64(n->digits, n->exponent);
    } else {
        tdm__parse_f64(tdm__strn(from, (size_t)(to - from)), &v, NULL);
        return v;
    }
    return n->negative ? -v : v;
}

static inline bool tdm__json_is_finite(double v)
{
    return v - v == 0;
}

/* ---- errors ---- */

/* Moves behind the value that begins here and says that it is not what was expected: its text or its kind is found. */
tdm_status tdm__json_wrong_kind(tdm__json_scan *scan, const char *what, const char *expected);

#endif
