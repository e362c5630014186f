/* Exact math: transcendental functions that give the same bits on every machine.
 *
 * Each is one fixed sequence of IEEE double operations (no FMA, no table of the libm, no rounding-mode
 * dependence), so scalar and vector builds, gcc and clang, agree to the bit. Accuracy is within 0.501 ulp of the
 * true value where stated, checked against MPFR by tests/unit/base. The edge rows (NaN, infinities, zeros,
 * overflow) follow C11 Annex F. Pure; any thread. */
#ifndef TDM_BASE_EXACT_H
#define TDM_BASE_EXACT_H

#include <stddef.h>

double tdm__exp(double x);   /* within 0.501 ulp */
double tdm__log(double x);   /* within 0.501 ulp */
double tdm__log1p(double x); /* within 0.501 ulp */
double tdm__sin(double x);   /* within 0.501 ulp for |x| <= 2^20; NaN for infinities */
double tdm__cos(double x);
double tdm__asin(double x);  /* within 0.501 ulp */
double tdm__sqrt(double x);  /* correctly rounded by the hardware */
double tdm__floor(double x);

#endif
