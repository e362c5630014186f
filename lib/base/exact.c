/* Exact math: exp, log, log1p and the roundings.
 *
 * Every function splits its argument by a table so that a short rest remains, and carries the result as a sum hi + lo
 * whose last addition is the only rounding that counts: everything before it errs by less than 2^-65 of the result.
 * Products whose rounding would matter are exact because their factors have few bits: `top` keeps 26, and tables keep
 * some of theirs. The tables and polynomials are our own (tools/gen_exact_tables.py). Each function is one sequence of
 * IEEE additions, multiplications and integer operations, so it gives the same bits wherever -ffp-contract=off and the
 * default rounding mode hold. Whatever is not a number is the same one, with the bits of `not_a_number`.
 * The angles (sin, cos, asin) are in exact_angle.c. */
#include "base/exact.h"

#include <float.h>
#include <math.h>

#include "base/exact_parts.h"
#include "base/exact_tables.h"

#if FLT_EVAL_METHOD != 0
#error "exact math needs doubles computed as doubles"
#endif

/* ---- exp */

enum { EXP_ARGUMENT_MAX = 710, EXP_ARGUMENT_MIN = -746 }; /* infinite above, zero below */

/* 2^e for -1022 <= e <= 1023. */
static inline double power_of_two(int e)
{
    return from_bits((uint64_t)(e + 1023) << 52);
}

/* (hi + lo) * 2^e rounded once, where the result may be subnormal or its power beyond the doubles. */
__attribute__((noinline)) static double scale_at_edge(double hi, double lo, int e)
{
    if (e > -1022 || (e == -1022 && hi + lo >= 1))
        return (hi + lo) * power_of_two(e / 2) * power_of_two(e - e / 2);
    /* `grid` has the smallest subnormal, as seen before scaling, for its last bit: adding it rounds hi there, and what
     * that cut off decides together with lo. */
    double grid = power_of_two(-1074 - e + 52);
    double rounded = grid + hi;
    double cut = (hi - (rounded - grid)) + lo;
    return ((rounded + cut) - grid) * power_of_two(e + 200) * power_of_two(-200);
}

double tdm__exp(double x)
{
    if (!(x <= EXP_ARGUMENT_MAX && x >= EXP_ARGUMENT_MIN))
        return x > 0 ? HUGE_VAL : x < 0 ? 0 : not_a_number();
    /* x = k ln2/128 + r, |r| <= ln2/256; the first two subtractions are exact */
    const double *step = tdm__exact_exp_step[0];
    double shifted = x * tdm__exact_exp_steps + ROUND_TO_WHOLE;
    double steps = shifted - ROUND_TO_WHOLE;
    int k = (int)(int64_t)(to_bits(shifted) - to_bits(ROUND_TO_WHOLE));
    double a = x - steps * step[0], b = steps * step[1];
    double r = a - b;
    double r_lo = ((a - r) - b) - steps * step[2];
    /* power * (1 + r + tail): the product of power and r is the one that must be exact to its first bits */
    const double *p = tdm__exact_exp_tail, *power = tdm__exact_exp_power[k & 127];
    double r2 = r * r;
    double tail = r2 * ((p[0] + r * p[1]) + r2 * ((p[2] + r * p[3]) + r2 * p[4])) + r_lo;
    double r_top = top(r), power_top = top(power[0]);
    sum s = add_smaller(power[0], power_top * r_top);
    double power_rest = (power[0] - power_top) + power[1];
    double lo = s.lo + (power[1] + power_rest * r_top + power[0] * ((r - r_top) + tail));
    int e = k >> 7;
    if (e <= -1022 || e > 1023)
        return scale_at_edge(s.hi, lo, e);
    return (s.hi + lo) * power_of_two(e);
}

/* ---- log */

enum { LOG_HIGH_HALF = 53 }; /* from this part of [1, 2) on the significand counts as below 1 */

/* log((hi + lo) * 2^e): hi positive, finite and normal, lo at most half of its last bit. */
static inline double log_of_sum(double hi, double lo, int e)
{
    uint64_t bits = to_bits(hi);
    int j = (int)(bits >> 45) & 127;
    int exponent = (int)(bits >> 52) - 1023;
    double m = from_bits((bits & FRACTION_MASK) | ONE_BITS);
    const double *part = tdm__exact_log_part[j];
    double c = part[0];
    /* z = m c - 1, exact as the sum of z and z_lo but for lo, which is tiny */
    double m_top = top(m);
    sum z = add_smaller(m_top * c - 1, (m - m_top) * c);
    if (lo != 0) {
        z.lo += lo * c * power_of_two(-exponent);
        z = add_smaller(z.hi, z.lo);
    }
    double whole = e + exponent + (j >= LOG_HIGH_HALF);
    /* whole ln2 - log(c) + z - z^2/2, each exact in its first part, and the small rest of each */
    double z_top = top(z.hi);
    sum s1 = add_smaller(whole * tdm__exact_log_two[0][0] + part[1], z.hi);
    sum s2 = add_smaller(s1.hi, -0.5 * z_top * z_top);
    const double *p = tdm__exact_log_tail;
    double z1 = z.hi, z2 = z1 * z1;
    double tail = z2 * z1 * ((p[0] + z1 * p[1]) + z2 * ((p[2] + z1 * p[3]) + z2 * ((p[4] + z1 * p[5]) + z2 * p[6])));
    double rest = (whole * tdm__exact_log_two[0][1] + part[2]) + z.lo * (1 - z1) - 0.5 * (z1 - z_top) * (z1 + z_top);
    return s2.hi + ((s1.lo + s2.lo) + (rest + tail));
}

double tdm__log(double x)
{
    if (!(x > 0 && x < HUGE_VAL))
        return x == 0 ? -HUGE_VAL : x > 0 ? x : not_a_number();
    if (x < DBL_MIN)
        return log_of_sum(x * 0x1p54, 0, -54);
    return log_of_sum(x, 0, 0);
}

double tdm__log1p(double x)
{
    if (!(x > -1 && x < HUGE_VAL))
        return x == -1 ? -HUGE_VAL : x > 0 ? x : not_a_number();
    if (x == 0)
        return x; /* with its sign */
    if (x > 0x1p100)
        return log_of_sum(x, 0, 0); /* the one is lost in the rounding, at any size of the logarithm */
    sum u = add_any(1, x);
    return log_of_sum(u.hi, u.lo, 0);
}

/* ---- roundings */

double tdm__sqrt(double x)
{
    return x >= 0 ? sqrt(x) : not_a_number();
}

double tdm__floor(double x)
{
    return x == x ? floor(x) : not_a_number();
}
