/* Exact math of angles: sin, cos, asin. exact.c says what holds for all of them.
 *
 * An angle is a multiple j of pi/256 and a rest r, and the sine comes from a table of 129 and short polynomials in r.
 * The reduction multiplies the argument's integer significand with the right 192 bits of 256/pi (M. Payne and
 * R. Hanek, 1983), so it is equally exact for every argument: no double comes nearer to a multiple of pi/2 than 2^-61,
 * and even there 73 bits of the rest are good. asin goes the other way: a rough polynomial finds j, the addition
 * theorem to twice a double's precision gives the sine of the rest. */
#include "base/exact.h"

#include <math.h>

#include "base/exact_parts.h"
#include "base/exact_tables.h"

__extension__ typedef unsigned __int128 u128;

enum {
    QUARTER = 128,    /* steps of pi/256 in a right angle */
    WINDOW_START = 60 /* where the bits of 256/pi begin that matter to a significand of weight 2^0 */
};
#define STEP_HALF 0x1.9p-8 /* just below pi/512: no reduction needed */

/* v, or -v when `negative` is 1 */
static inline double flip(double v, uint64_t negative)
{
    return from_bits(to_bits(v) ^ negative << 63);
}

/* An angle as j steps of pi/256, 0 <= j < 512, and a rest of at most half a step. */
typedef struct angle {
    int j;
    sum rest;
} angle;

/* Of x >= STEP_HALF, finite. */
static angle reduce(double x)
{
    uint64_t bits = to_bits(x);
    uint64_t m = (bits & FRACTION_MASK) | (FRACTION_MASK + 1);
    int start = (int)(bits >> 52) - 1075 + WINDOW_START;
    /* m times the 192 bits from the weight 2^8 on, modulo 512: 9 bits are j, 183 the fraction of a step */
    const uint64_t *w = tdm__exact_angle_steps + start / 64;
    int shift = start % 64;
    uint64_t w2 = w[0] << shift | w[1] >> 1 >> (63 - shift);
    uint64_t w1 = w[1] << shift | w[2] >> 1 >> (63 - shift);
    uint64_t w0 = w[2] << shift | w[3] >> 1 >> (63 - shift);
    u128 low = (u128)m * w0;
    u128 middle = (u128)m * w1 + (uint64_t)(low >> 64);
    uint64_t high = m * w2 + (uint64_t)(middle >> 64);
    u128 fraction = (u128)high << 73 | (u128)(uint64_t)middle << 9 | (uint64_t)low >> 55;
    /* Nearer to the next step, the rest is negative. The signs are random, so they are taken without branches; that the
     * complement is one less than the negative is far below what counts. */
    uint64_t negative = high >> 54 & 1;
    int j = (int)(((high >> 55) + negative) & 511);
    fraction ^= -(u128)negative;
    int zeros = __builtin_clzll((uint64_t)(fraction >> 64) | 1); /* never near 64: see above */
    fraction <<= zeros;
    double scale = from_bits((uint64_t)(1023 - 53 - zeros) << 52 | negative << 63);
    double hi = (double)(int64_t)(uint64_t)(fraction >> 75) * scale;
    double lo = (double)(int64_t)((uint64_t)(fraction >> 22) & (FRACTION_MASK * 2 + 1)) * (scale * 0x1p-53);
    const double *step = tdm__exact_angle_step[0];
    sum rest = multiply_exact(hi, step[0]);
    rest.lo += hi * step[1] + lo * step[0];
    return (angle){j, rest};
}

/* s cos(r) + c sin(r) */
static inline double turn(const double s[2], const double c[2], sum r)
{
    const double *sp = tdm__exact_sin_tail, *cp = tdm__exact_cos_tail;
    double r2 = r.hi * r.hi;
    double sine_tail = r2 * r.hi * (sp[0] + r2 * (sp[1] + r2 * sp[2])) + r.lo;
    double cosine_tail = r2 * (cp[0] + r2 * (cp[1] + r2 * cp[2]));
    double c_top = top(c[0]), r_top = top(r.hi);
    sum first = add_smaller(s[0], c_top * r_top);
    double c_rest = (c[0] - c_top) * r_top + c[0] * ((r.hi - r_top) + sine_tail) + c[1] * r.hi;
    return first.hi + (first.lo + (c_rest + (s[0] * cosine_tail + s[1])));
}

/* The sine, or with `sign` its negative. */
static inline double sine_of(angle a, uint64_t sign)
{
    uint64_t falling = (uint64_t)a.j / QUARTER & 1, lower_half = (uint64_t)a.j / (2 * QUARTER) & 1;
    int in_quarter = a.j % QUARTER;
    int j = in_quarter + (int)falling * (QUARTER - 2 * in_quarter); /* a falling quarter is a rising one mirrored */
    sum rest = {flip(a.rest.hi, falling), flip(a.rest.lo, falling)};
    return flip(turn(tdm__exact_sine[j], tdm__exact_sine[QUARTER - j], rest), lower_half ^ sign);
}

static inline double sine(double x, int turned, uint64_t sign)
{
    double size = fabs(x);
    if (!(size < HUGE_VAL))
        return not_a_number();
    angle a = {0, {size, 0}};
    if (size >= STEP_HALF)
        a = reduce(size);
    a.j = (a.j + turned) & (4 * QUARTER - 1);
    return sine_of(a, sign);
}

double tdm__sin(double x)
{
    if (fabs(x) < 0x1p-27)
        return x; /* the cube is below half of the last bit */
    return sine(x, 0, to_bits(x) >> 63);
}

double tdm__cos(double x)
{
    return sine(x, QUARTER, 0);
}

/* sqrt(1 - x^2) to twice a double's precision, 0 <= x < 1 */
static inline sum cosine_from_sine(double x)
{
    sum square = multiply_exact(x, x);
    sum w = add_smaller(1, -square.hi);
    w = add_smaller(w.hi, w.lo - square.lo);
    double y = sqrt(w.hi);
    sum y2 = multiply_exact(y, y);
    return (sum){y, ((w.hi - y2.hi) - y2.lo + w.lo) / (2 * y)};
}

/* asin(x) to within half a step, in steps, by the sine or the cosine, whichever is smaller */
static inline int rough_steps(double x, double cosine)
{
    const double *p = tdm__exact_asin_rough;
    double v = x < cosine ? x : cosine, t = v * v;
    double steps = (v + v * t * (p[0] + t * (p[1] + t * (p[2] + t * p[3])))) * (1 / tdm__exact_angle_step[0][0]);
    int j = (int)(steps + 0.5);
    return j + (x >= cosine) * (QUARTER - 2 * j);
}

/* x = sin(j steps + rest): the sine of the rest */
static inline sum sine_of_rest(double x, sum cosine, int j)
{
    const double *s = tdm__exact_sine[j], *c = tdm__exact_sine[QUARTER - j];
    sum p = multiply_exact(x, c[0]), q = multiply_exact(cosine.hi, s[0]);
    sum d = add_any(p.hi, -q.hi);
    d.lo += (p.lo - q.lo) + (x * c[1] - (cosine.hi * s[1] + cosine.lo * s[0]));
    return add_smaller(d.hi, d.lo);
}

double tdm__asin(double x)
{
    double size = fabs(x);
    if (!(size <= 1))
        return not_a_number();
    if (size < 0x1p-27)
        return x; /* the cube is below half of the last bit */
    int j = QUARTER;
    sum d = {0, 0};
    if (size < 1) {
        sum cosine = cosine_from_sine(size);
        j = rough_steps(size, cosine.hi);
        d = j ? sine_of_rest(size, cosine, j) : (sum){size, 0};
    }
    const double *p = tdm__exact_asin_tail, *multiple = tdm__exact_angle_multiple[0];
    double t = d.hi * d.hi;
    double tail = d.hi * t * (p[0] + t * (p[1] + t * (p[2] + t * p[3])));
    sum first = add_smaller(j * multiple[0], d.hi);
    double v = first.hi + (first.lo + (d.lo + (j * multiple[1] + tail)));
    return flip(v, to_bits(x) >> 63);
}
