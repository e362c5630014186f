/* Writing numbers: the fewest digits that read back to the same bits, and of those the nearest.
 *
 * Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020): scale the number and the ends of its rounding
 * interval by one power of ten, so that few candidates remain, and pick by integer comparison. The layout of the
 * digits is number.h's. Every function writes at most 32 bytes, the NUL among them; none can fail. */
#include "base/number.h"

#include <string.h>

#include "base/powers_of_ten.h"

__extension__ typedef unsigned __int128 u128;

enum {
    DIGITS_MAX = 17,
    WHOLE_EXPONENT_MAX = 16, /* 1e17 is the first with an exponent */
    SMALL_EXPONENT_MIN = -6  /* 0.000001 is the last without */
};

/* v = digits * 10^exponent */
typedef struct decimal {
    uint64_t digits;
    int exponent;
} decimal;

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* ---- shortest digits */

/* floor(g * x / 2^128), its last bit set when that cut anything off: enough to compare with what lies between. The
 * power g is too large by less than one, which shows as a rest of at most one in the middle word. */
static inline uint64_t scale(tdm__power_of_ten g, uint64_t x)
{
    u128 low = (u128)g.lo * x;
    u128 high = (u128)g.hi * x + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static inline tdm__power_of_ten upper_power(int q)
{
    tdm__power_of_ten g = tdm__powers_of_ten[q - TDM__POWER_FIRST];
    if (q > TDM__POWER_EXACT_LAST) {
        g.lo++;
        g.hi += !g.lo;
    }
    return g;
}

/* Of c * 2^q, c > 0. `uneven`: the neighbour below is at half the distance of the one above. */
static inline decimal shortest(uint64_t c, int q, bool uneven)
{
    /* floor(log10(2^q)), or of 3/4 of it: the interval is at least 10^k wide, and less than 10^(k+1) */
    int k = (q * 1262611 - (uneven ? 524031 : 0)) >> 22;
    int h = q + tdm__power_of_ten_log2(-k) + 1;
    tdm__power_of_ten g = upper_power(-k);
    /* Four times the number and the ends of its interval, in units of 10^k. The ends belong to it when c is even. */
    uint64_t odd = c & 1;
    uint64_t lower = scale(g, (4 * c - 2 + uneven) << h) + odd;
    uint64_t value = scale(g, (4 * c) << h);
    uint64_t upper = scale(g, (4 * c + 2) << h) - odd;
    uint64_t s = value / 4;
    if (s >= 10) { /* one digit less? */
        uint64_t ten = s / 10;
        bool down = lower <= 40 * ten, up = 40 * ten + 40 <= upper;
        if (down != up)
            return (decimal){ten + up, k + 1};
    }
    bool down = lower <= 4 * s, up = 4 * s + 4 <= upper;
    if (down == up) { /* both or neither: the nearer one, a tie to the even one */
        uint64_t middle = 4 * s + 2;
        up = value > middle || (value == middle && (s & 1));
    }
    return (decimal){s + up, k};
}

/* ---- digits as text */

static inline void put_pair(char *out, unsigned pair)
{
    memcpy(out, pairs + 2 * pair, 2);
}

/* Exactly eight digits. */
static inline void put_eight(char *out, uint32_t v)
{
    uint32_t high = v / 10000, low = v % 10000;
    put_pair(out, high / 100);
    put_pair(out + 2, high % 100);
    put_pair(out + 4, low / 100);
    put_pair(out + 6, low % 100);
}

static inline int count_digits(uint64_t v)
{
    static const uint64_t tens[] = {0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
                                    10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000,
                                    1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
                                    10000000000000000000u};
    int guess = (64 - __builtin_clzll(v | 1)) * 1233 >> 12; /* log10(2) = 1233/4096 */
    return guess + (v >= tens[guess]);
}

/* v without leading zeros; returns how many digits. */
static inline int put_digits(char *out, uint64_t v)
{
    int count = count_digits(v), at = count;
    while (v >= 100000000) {
        at -= 8;
        put_eight(out + at, (uint32_t)(v % 100000000));
        v /= 100000000;
    }
    uint32_t rest = (uint32_t)v;
    for (; rest >= 100; rest /= 100) {
        at -= 2;
        put_pair(out + at, rest % 100);
    }
    if (rest >= 10)
        put_pair(out, rest);
    else
        out[0] = (char)('0' + rest);
    return count;
}

/* ---- layout */

static size_t put_exponent(char *out, int exponent)
{
    char *p = out;
    *p++ = 'e';
    if (exponent < 0) {
        *p++ = '-';
        exponent = -exponent;
    }
    p += put_digits(p, (uint64_t)exponent);
    return (size_t)(p - out);
}

/* The digits of d with a point, zeros or an exponent, as number.h lays them out; no NUL. */
static size_t put_decimal(char *out, decimal d)
{
    char text[24];
    int count = put_digits(text, d.digits);
    int top = d.exponent + count - 1; /* the exponent of the first digit */
    while (count > 1 && text[count - 1] == '0')
        count--;
    if (top >= count - 1 && top <= WHOLE_EXPONENT_MAX) { /* whole */
        memcpy(out, text, (size_t)count);
        memset(out + count, '0', (size_t)(top + 1 - count));
        return (size_t)top + 1;
    }
    if (top >= 0 && top <= WHOLE_EXPONENT_MAX) { /* the point is among the digits */
        memcpy(out, text, (size_t)top + 1);
        out[top + 1] = '.';
        memcpy(out + top + 2, text + top + 1, (size_t)(count - top - 1));
        return (size_t)count + 1;
    }
    if (top < 0 && top >= SMALL_EXPONENT_MIN) {
        memcpy(out, "0.000000", 8);
        memcpy(out + 1 - top, text, (size_t)count);
        return (size_t)(1 - top + count);
    }
    out[0] = text[0];
    size_t at = 1;
    if (count > 1) {
        out[1] = '.';
        memcpy(out + 2, text + 1, (size_t)count - 1);
        at = (size_t)count + 1;
    }
    return at + put_exponent(out + at, top);
}

static size_t put_word(char *out, const char *word)
{
    size_t n = strlen(word);
    memcpy(out, word, n + 1);
    return n;
}

/* A number of `fraction_bits` and `exponent_bits`, given by its bits without the sign. */
static inline size_t format(char *start, bool negative, uint64_t bits, int fraction_bits, int exponent_bits)
{
    const int inf = (1 << exponent_bits) - 1;
    const uint64_t hidden = UINT64_C(1) << fraction_bits;
    int exponent = (int)(bits >> fraction_bits);
    uint64_t fraction = bits & (hidden - 1);
    if (exponent == inf)
        return put_word(start, fraction ? "nan" : negative ? "-inf" : "inf");
    if (!bits)
        return put_word(start, negative ? "-0.0" : "0");
    char *out = start;
    if (negative)
        *out++ = '-';
    uint64_t c = exponent ? fraction | hidden : fraction;
    int q = (exponent ? exponent : 1) - (inf >> 1) - fraction_bits;
    if (q <= 0 && q >= -fraction_bits && !(c & ((UINT64_C(1) << -q) - 1)))
        out += put_digits(out, c >> -q); /* whole, and every digit of it counts */
    else
        out += put_decimal(out, shortest(c, q, !fraction && exponent > 1));
    *out = 0;
    return (size_t)(out - start);
}

size_t tdm__format_f64(double v, char out[32])
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return format(out, bits >> 63, bits & ~(UINT64_C(1) << 63), 52, 11);
}

size_t tdm__format_f32(float v, char out[32])
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return format(out, bits >> 31, bits & ~(UINT32_C(1) << 31), 23, 8);
}

size_t tdm__format_i64(int64_t v, char out[32])
{
    char *p = out;
    uint64_t magnitude = (uint64_t)v;
    if (v < 0) {
        *p++ = '-';
        magnitude = 0 - magnitude;
    }
    p += put_digits(p, magnitude);
    *p = 0;
    return (size_t)(p - out);
}
