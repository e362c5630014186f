/* Exact math: transcendental functions that give the same bits on every machine.
 *
 * Each is one fixed sequence of IEEE double operations in the default rounding mode (no FMA, no table of the libm), so
 * every build, by gcc or clang, agrees to the bit. Accuracy is within 0.501 ulp of the true value where stated, checked
 * against MPFR by tests/unit/base. The edges (NaN, infinities, zeros, overflow) follow C11 Annex F in value, not in the
 * floating-point flags. Every NaN that comes out is the quiet one without sign and payload. Pure; any thread. */
#ifndef TDM_BASE_EXACT_H
#define TDM_BASE_EXACT_H

#include <stddef.h>

double tdm__exp(double x);   /* within 0.501 ulp */
double tdm__log(double x);   /* within 0.501 ulp */
double tdm__log1p(double x); /* within 0.501 ulp */
double tdm__sin(double x);   /* within 0.501 ulp, however large x is; NaN for infinities */
double tdm__cos(double x);   /* likewise */
double tdm__asin(double x);  /* within 0.501 ulp */
double tdm__sqrt(double x);  /* correctly rounded by the hardware */
double tdm__floor(double x);

#endif
