/* The small parts that exact math is made of: bits of doubles, sums and products without error. Private to
 * lib/base/exact*.c. */
#ifndef TDM_BASE_EXACT_PARTS_H
#define TDM_BASE_EXACT_PARTS_H

#include <stdint.h>
#include <string.h>

#define FRACTION_MASK UINT64_C(0x000fffffffffffff)
#define ONE_BITS UINT64_C(0x3ff0000000000000) /* of 1.0 */
#define ROUND_TO_WHOLE 0x1.8p52               /* added and taken away again, it rounds to the nearest whole number */

/* hi + lo, unrounded */
typedef struct sum {
    double hi, lo;
} sum;

static inline uint64_t to_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static inline double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static inline double not_a_number(void)
{
    return from_bits(UINT64_C(0x7ff8000000000000));
}

/* v cut to its first 26 bits: the product of two such is exact, and what was cut off has 27 bits. */
static inline double top(double v)
{
    return from_bits(to_bits(v) & ~UINT64_C(0x7ffffff));
}

/* a + b exactly; a is zero or |a| >= |b|. */
static inline sum add_smaller(double a, double b)
{
    double hi = a + b;
    return (sum){hi, b - (hi - a)};
}

static inline sum add_any(double a, double b)
{
    double hi = a + b, b_part = hi - a;
    return (sum){hi, (a - (hi - b_part)) + (b - b_part)};
}

/* a * b to 2^-105 of it (T. Dekker, 1971), if nothing of it underflows. */
static inline sum multiply_exact(double a, double b)
{
    double a1 = top(a), b1 = top(b), a2 = a - a1, b2 = b - b1;
    double hi = a * b;
    return (sum){hi, ((a1 * b1 - hi) + a1 * b2 + a2 * b1) + a2 * b2};
}

#endif
