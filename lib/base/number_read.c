/* Reading numbers, correctly rounded, the same on every machine and in every locale.
 *
 * A decimal becomes 19 digits and a power of ten. Their product with a 128-bit power of ten (Eisel-Lemire; D. Lemire,
 * "Number parsing at a gigabyte per second", 2021) is exact enough to round whatever has no more digits (N. Mushtak
 * and D. Lemire, "Fast number parsing without fallback", 2023). With more digits the last one is uncertain by one: when
 * both ends round alike they are the answer, else big integers decide (number_slow.c). The work is linear in the text's
 * length, whatever it says. Short decimals, the bulk of real data, have shortcuts for their digits and their rounding.
 * The locale does not matter; the rounding mode must be the default one. */
#include "base/number.h"

#include <string.h>

#include "base/number_slow.h"
#include "base/powers_of_ten.h"

__extension__ typedef unsigned __int128 u128;

enum {
    DIGITS_SAFE = 19,            /* any 19 digits fit 64 bits */
    DIGITS_I64_SAFE = 18
};
#define EXPONENT_MAX INT64_C(100000000000000000) /* more than any text's digits can make up for */

/* A binary format, and where in it the decimals need care. */
typedef struct layout {
    int fraction_bits;
    int exponent_bias;
    int exponent_inf;
    int power_first, power_last; /* w * 10^q is zero below, infinite above, for any 19 digits */
    int tie_first, tie_last;     /* only within can w * 10^q lie right between two neighbours */
} layout;

static const layout layout_f64 = {52, 1023, 0x7ff, -342, 308, -4, 23};
static const layout layout_f32 = {23, 127, 0xff, -65, 38, -17, 10};

/* What a decimal text says: digits * 10^exponent. */
typedef struct decimal {
    uint64_t digits;   /* all of them, or the first 19 that count */
    int64_t exponent;
    const char *first; /* the text of the digits, a point may be among them */
    const char *end;
    bool cut;          /* there were more than 19 */
} decimal;

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first digit of a word is its lowest byte");

static inline uint64_t load_eight(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Each byte is '0' to '9': its high half is 3, and stays so when 6 is added. */
static inline bool are_eight_digits(uint64_t v)
{
    const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0), six = UINT64_C(0x0606060606060606);
    return ((v & high) | (((v + six) & high) >> 4)) == UINT64_C(0x3333333333333333);
}

/* Neighbours are joined three times: to 4 pairs, 2 fours, one eight. The first digit is the lowest byte. */
static inline uint64_t eight_digits(uint64_t v)
{
    const uint64_t mask = UINT64_C(0x000000ff000000ff);
    v -= UINT64_C(0x3030303030303030);
    v = v * 10 + (v >> 8);
    uint64_t upper = (v & mask) * (100 + (UINT64_C(1000000) << 32));
    uint64_t lower = ((v >> 16) & mask) * (1 + (UINT64_C(10000) << 32));
    return (upper + lower) >> 32;
}

/* Takes digits into *w (which may wrap: the caller counts) and returns where they end. */
static inline const char *take_digits(const char *p, const char *end, uint64_t *w)
{
    uint64_t value = *w;
    while (end - p >= 8) {
        uint64_t v = load_eight(p);
        if (!are_eight_digits(v))
            break;
        value = value * 100000000 + eight_digits(v);
        p += 8;
    }
    for (; p < end && is_digit(*p); p++)
        value = value * 10 + (uint64_t)(*p - '0');
    *w = value;
    return p;
}

/* "12", "+12", "-12" after the e or p. Any size is right: what is beyond EXPONENT_MAX says the same as it. */
static const char *take_exponent(const char *p, const char *end, int64_t *exponent)
{
    bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    if (p == end || !is_digit(*p))
        return NULL;
    int64_t e = 0;
    for (; p < end && is_digit(*p); p++)
        if (e < EXPONENT_MAX)
            e = e * 10 + (*p - '0');
    *exponent += negative ? -e : e;
    return p;
}

/* More than 19 digits: leading zeros do not count, and of the others only the first 19 are kept. */
__attribute__((noinline)) static void cut_digits(decimal *d, int64_t count)
{
    const char *p = d->first;
    for (; p < d->end && (*p == '0' || *p == '.'); p++)
        count -= *p == '0';
    d->first = p;
    if (count <= DIGITS_SAFE)
        return; /* digits wrapped only if it was more */
    uint64_t w = 0;
    for (int taken = 0; taken < DIGITS_SAFE;) {
        if (taken <= DIGITS_SAFE - 8 && d->end - p >= 8 && are_eight_digits(load_eight(p))) {
            w = w * 100000000 + eight_digits(load_eight(p));
            taken += 8;
            p += 8;
            continue;
        }
        if (*p != '.') {
            w = w * 10 + (uint64_t)(*p - '0');
            taken++;
        }
        p++;
    }
    d->digits = w;
    d->exponent += count - DIGITS_SAFE;
    d->cut = true;
}

/* A byte of v that is a point has its top bit set in the result; above the lowest one there may be false ones. */
static inline uint64_t points_in(uint64_t v)
{
    uint64_t t = v ^ UINT64_C(0x2e2e2e2e2e2e2e2e);
    return (t - UINT64_C(0x0101010101010101)) & ~t & UINT64_C(0x8080808080808080);
}

/* 1 to 8 bytes at the end of a word, after zeros ('0'), the last one highest. */
static inline uint64_t load_up_to_eight(const char *p, size_t n)
{
    const uint64_t zeros = UINT64_C(0x3030303030303030);
    if (n == 8)
        return load_eight(p);
    uint64_t v;
    if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, p, 4);
        memcpy(&last, p + n - 4, 4);
        v = (uint64_t)last << 32 | (uint64_t)first << (64 - 8 * n);
    } else { /* 1 to 3: the first, the middle and the last may be the same one */
        v = (uint64_t)(unsigned char)p[n - 1] << 56 | (uint64_t)(unsigned char)p[n / 2] << (64 - 8 * (n - n / 2)) |
            (uint64_t)(unsigned char)p[0] << (64 - 8 * n);
    }
    return v | zeros >> 8 * n;
}

/* Digits and at most one point, 1 to 8 bytes in all: without a loop, since loops over a few digits of varying number
 * cost more in wrong guesses than in work. False: look at it the long way. */
static inline bool scan_short(const char *p, const char *end, decimal *d)
{
    size_t n = (size_t)(end - p);
    uint64_t v = load_up_to_eight(p, n);
    uint64_t points = points_in(v);
    int after_point = 0;
    if (points) {
        int at = __builtin_ctzll(points) & ~7; /* its lowest bit; what is below moves up by a byte */
        uint64_t above = ~UINT64_C(0) << at << 8;
        v = (v & above) | ((v << 8 | '0') & ~above);
        after_point = 7 - at / 8;
        n--;
    }
    if (!n || !are_eight_digits(v))
        return false;
    *d = (decimal){eight_digits(v), -after_point, p, end, false};
    return true;
}

/* All of [p, end) must be an unsigned decimal. */
static inline bool scan_decimal(const char *p, const char *end, decimal *d)
{
    uint64_t w = 0;
    const char *start = p;
    p = take_digits(p, end, &w);
    int64_t count = p - start, after_point = 0;
    if (p < end && *p == '.') {
        const char *point = ++p;
        p = take_digits(p, end, &w);
        after_point = p - point;
        count += after_point;
    }
    if (!count)
        return false;
    *d = (decimal){w, -after_point, start, p, false};
    if (p < end) {
        if ((*p | 32) != 'e')
            return false;
        p = take_exponent(p + 1, end, &d->exponent);
        if (p != end)
            return false;
    }
    if (count > DIGITS_SAFE)
        cut_digits(d, count);
    return true;
}

/* The upper 128 bits of w times the power of ten, as far as they matter: the lower half of the power is used only when
 * the upper half leaves the rounding open. */
static inline void multiply(uint64_t w, const tdm__power_of_ten *power, uint64_t open_mask, uint64_t *hi, uint64_t *lo)
{
    u128 t = (u128)w * power->hi;
    *hi = (uint64_t)(t >> 64);
    *lo = (uint64_t)t;
    if ((*hi & open_mask) != open_mask)
        return;
    uint64_t more = (uint64_t)(((u128)w * power->lo) >> 64);
    *lo += more;
    *hi += *lo < more;
}

/* The bits, without the sign, of the double or float nearest to w * 10^q. */
static inline uint64_t nearest(const layout *f, uint64_t w, int64_t q)
{
    const uint64_t inf = (uint64_t)f->exponent_inf << f->fraction_bits;
    if (!w || q < f->power_first)
        return 0;
    if (q > f->power_last)
        return inf;
    int zeros = __builtin_clzll(w);
    uint64_t hi, lo;
    multiply(w << zeros, &tdm__powers_of_ten[q - TDM__POWER_FIRST], ~UINT64_C(0) >> (f->fraction_bits + 3), &hi, &lo);
    int top = (int)(hi >> 63);
    int shift = top + 64 - f->fraction_bits - 3; /* leaves the significand and one bit to round by */
    uint64_t m = hi >> shift;
    int exponent = tdm__power_of_ten_log2((int)q) + 63 + top - zeros + f->exponent_bias;
    if (exponent <= 0) { /* subnormal: no ties here, they need powers near 0 */
        if (exponent <= -63)
            return 0;
        m >>= 1 - exponent;
        return (m >> 1) + (m & 1);
    }
    /* Right between two neighbours, so to the even one: all that was cut off is zero. */
    if (lo <= 1 && q >= f->tie_first && q <= f->tie_last && (m & 3) == 1 && m << shift == hi)
        m -= 1;
    uint64_t bits = ((uint64_t)(exponent - 1) << f->fraction_bits) + (m >> 1) + (m & 1);
    return bits < inf ? bits : inf;
}

/* Both ends of the last digit round apart: is the number beyond the middle between them? */
__attribute__((noinline)) static uint64_t settle(const layout *f, const decimal *d, uint64_t below)
{
    uint64_t fraction_end = UINT64_C(1) << f->fraction_bits;
    int exponent = (int)(below >> f->fraction_bits);
    uint64_t m = (below & (fraction_end - 1)) + (exponent ? fraction_end : 0);
    int power = (exponent ? exponent : 1) - f->exponent_bias - f->fraction_bits;
    int side = tdm__compare_decimal(d->first, d->end, (int)d->exponent, 2 * m + 1, power - 1);
    return below + (side > 0 || (side == 0 && (m & 1)));
}

/* Few digits and a small power are exact as doubles, so that one division rounds once (W. Clinger, "How to read
 * floating point numbers accurately", 1990). It saves a third of what a short decimal costs. */
static inline bool divide_f64(const decimal *d, uint64_t *bits)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->digits > UINT64_C(1) << 53 || d->exponent > 0 || d->exponent < -22)
        return false;
    double v = (double)(int64_t)d->digits / tens[-d->exponent];
    memcpy(bits, &v, sizeof v);
    return true;
}

static inline bool divide_f32(const decimal *d, uint64_t *bits)
{
    static const float tens[] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f};
    if (d->digits > UINT64_C(1) << 24 || d->exponent > 0 || d->exponent < -10)
        return false;
    float v = (float)(int64_t)d->digits / tens[-d->exponent];
    uint32_t bits32;
    memcpy(&bits32, &v, sizeof v);
    *bits = bits32;
    return true;
}

static inline uint64_t round_decimal(const layout *f, const decimal *d)
{
    uint64_t bits;
    if (f == &layout_f64 ? divide_f64(d, &bits) : divide_f32(d, &bits))
        return bits;
    bits = nearest(f, d->digits, d->exponent);
    if (d->cut && bits != nearest(f, d->digits + 1, d->exponent))
        bits = settle(f, d, bits);
    return bits;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    int lower = c | 32;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The bits of w * 2^e, and a little more when `more`, rounded to the nearest, ties to even. */
static uint64_t round_binary(const layout *f, uint64_t w, int64_t e, bool more)
{
    const uint64_t inf = (uint64_t)f->exponent_inf << f->fraction_bits;
    if (!w)
        return 0;
    int zeros = __builtin_clzll(w);
    w <<= zeros;
    int64_t exponent = e - zeros + 63 + f->exponent_bias;
    if (exponent >= f->exponent_inf)
        return inf;
    if (exponent < -f->fraction_bits)
        return 0; /* below half of the smallest */
    int shift = 63 - f->fraction_bits + (exponent < 1 ? (int)(1 - exponent) : 0);
    uint64_t m = shift < 64 ? w >> shift : 0;
    uint64_t rest = shift < 64 ? w << (64 - shift) : w;
    const uint64_t half = UINT64_C(1) << 63;
    m += rest > half || (rest == half && (more || (m & 1)));
    return exponent < 1 ? m : ((uint64_t)(exponent - 1) << f->fraction_bits) + m; /* a carry moves the exponent up */
}

/* All of [p, end) must be what follows the "0x" of a hexadecimal float. */
static bool read_hex(const layout *f, const char *p, const char *end, uint64_t *bits)
{
    uint64_t w = 0;
    int64_t e = 0;
    bool more = false, point = false, any = false;
    for (; p < end; p++) {
        int digit = hex_value(*p);
        if (digit < 0 && (*p != '.' || point))
            break;
        if (digit < 0) {
            point = true;
            continue;
        }
        any = true;
        e -= point ? 4 : 0;
        if (w >> 60) {
            e += 4;
            more |= digit != 0;
        } else
            w = w << 4 | (uint64_t)digit;
    }
    if (!any)
        return false;
    if (p < end) {
        if ((*p | 32) != 'p')
            return false;
        p = take_exponent(p + 1, end, &e);
        if (p != end)
            return false;
    }
    *bits = round_binary(f, w, e, more);
    return true;
}

static bool is_word(const char *p, const char *end, const char *word)
{
    for (; p < end && *word; p++, word++)
        if ((*p | 32) != *word)
            return false;
    return p == end && !*word;
}

/* Whatever is not a plain decimal: nan, infinities, hexadecimal. */
__attribute__((noinline)) static bool read_other(const layout *f, const char *p, const char *end, uint64_t *bits,
                                                 bool *nan, bool *overflow)
{
    const uint64_t inf = (uint64_t)f->exponent_inf << f->fraction_bits;
    *bits = inf;
    if (is_word(p, end, "inf") || is_word(p, end, "infinity"))
        return true;
    if (is_word(p, end, "nan")) {
        *bits = inf | UINT64_C(1) << (f->fraction_bits - 1);
        *nan = true;
        return true;
    }
    if (end - p < 2 || p[0] != '0' || (p[1] | 32) != 'x' || !read_hex(f, p + 2, end, bits))
        return false;
    *overflow = *bits == inf;
    return true;
}

/* Everything but the sign's place, which the caller knows. */
static inline bool read(const layout *f, tdm_str s, uint64_t *bits, bool *negative, bool *overflow)
{
    if (!s.len)
        return false;
    const char *p = s.ptr, *end = p + s.len;
    decimal d;
    bool nan = false, too_big = false;
    *negative = *p == '-';
    p += *p == '-' || *p == '+';
    bool is_short = end - p <= 8 && p < end && scan_short(p, end, &d);
    if (is_short || scan_decimal(p, end, &d)) {
        *bits = round_decimal(f, &d);
        too_big = *bits >> f->fraction_bits == (uint64_t)f->exponent_inf;
    } else if (!read_other(f, p, end, bits, &nan, &too_big))
        return false;
    *negative &= !nan;
    if (overflow)
        *overflow = too_big;
    return true;
}

bool tdm__parse_f64(tdm_str s, double *out, bool *overflow)
{
    uint64_t bits;
    bool negative;
    if (!read(&layout_f64, s, &bits, &negative, overflow))
        return false;
    bits |= (uint64_t)negative << 63;
    memcpy(out, &bits, sizeof *out);
    return true;
}

double tdm__scale_f64(uint64_t digits, int64_t exponent)
{
    decimal d = {.digits = digits, .exponent = exponent};
    uint64_t bits = round_decimal(&layout_f64, &d);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

bool tdm__parse_f32(tdm_str s, float *out, bool *overflow)
{
    uint64_t bits;
    bool negative;
    if (!read(&layout_f32, s, &bits, &negative, overflow))
        return false;
    uint32_t bits32 = (uint32_t)bits | (uint32_t)negative << 31;
    memcpy(out, &bits32, sizeof *out);
    return true;
}

bool tdm__parse_i64(tdm_str s, int64_t *out, bool *overflow)
{
    if (!s.len)
        return false;
    const char *p = s.ptr, *end = p + s.len;
    bool negative = *p == '-', too_big = false;
    p += *p == '-' || *p == '+';
    if (p == end)
        return false;
    const uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t w = 0;
    const char *safe = end - p <= DIGITS_I64_SAFE ? end : p + DIGITS_I64_SAFE;
    for (; p < safe; p++) {
        if (!is_digit(*p))
            return false;
        w = w * 10 + (uint64_t)(*p - '0');
    }
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        uint64_t digit = (uint64_t)(*p - '0');
        too_big |= w > (limit - digit) / 10;
        w = too_big ? limit : w * 10 + digit;
    }
    if (too_big && !overflow)
        return false;
    if (overflow)
        *overflow = too_big;
    *out = negative ? (int64_t)(0 - w) : (int64_t)w;
    return true;
}
