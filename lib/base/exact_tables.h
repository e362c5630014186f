/* Tables and polynomials of exact math. Made by tools/gen_exact_tables.py, which says how.
 *
 * A pair {hi, lo} is a number to twice a double's precision. A polynomial's first coefficient is its constant. */
#ifndef TDM_BASE_EXACT_TABLES_H
#define TDM_BASE_EXACT_TABLES_H

#include <stdint.h>

#pragma GCC visibility push(hidden) /* else position-independent code looks up each table's address first */

extern const double tdm__exact_exp_steps;           /* 128 / ln 2 */
extern const double tdm__exact_exp_step[1][3];      /* ln 2 / 128 in three parts, the first two of 33 bits */
extern const double tdm__exact_exp_power[128][2];   /* 2^(j/128) */
extern const double tdm__exact_exp_tail[5];         /* (exp(r) - 1 - r) / r^2 */

extern const double tdm__exact_log_two[1][2];       /* ln 2, hi a multiple of 2^-42 */
extern const double tdm__exact_log_part[128][3];    /* c and -log(c) or -log(2c), its hi a multiple of 2^-42 */
extern const double tdm__exact_log_tail[7];         /* (log(1 + z) - z + z^2/2) / z^3 */

extern const double tdm__exact_angle_step[1][2];    /* pi / 256 */
extern const double tdm__exact_angle_multiple[1][2]; /* the same, hi of 45 bits */
extern const double tdm__exact_sine[129][2];        /* sin(j pi / 256), up to pi/2 */
extern const double tdm__exact_sin_tail[3];         /* (sin(r) - r) / r^3, in r^2 */
extern const double tdm__exact_cos_tail[3];         /* (cos(r) - 1) / r^2, in r^2 */
extern const double tdm__exact_asin_tail[4];        /* (asin(d) - d) / d^3, in d^2 */
extern const double tdm__exact_asin_rough[4];       /* the same, roughly, up to the square root of a half */
extern const uint64_t tdm__exact_angle_steps[21];   /* 256 / pi as bits, the first one's weight is 2^68 */

#pragma GCC visibility pop

#endif
