/* Numbers as text: exact reading and shortest writing, the same on every machine and in every locale.
 *
 * Reading is correctly rounded (Eisel-Lemire with a big-integer fallback); writing gives the fewest digits
 * that read back to the same bits (Schubfach). Both use one table of powers of ten. */
#ifndef TDM_BASE_NUMBER_H
#define TDM_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tandem/value.h>

/* The whole of s is a number: decimal ("-1.5e3", ".5", "5."), hexadecimal float ("0x1.8p3"), or nan, inf,
 * -inf, infinity in any case, with an optional sign. False on anything else (spaces included). A decimal beyond the
 * range gives an infinity and *overflow true (when not NULL); an underflow gives the nearest double. */
bool tdm__parse_f64(tdm_str s, double *out, bool *overflow);
/* As above, rounded once, straight to float. */
bool tdm__parse_f32(tdm_str s, float *out, bool *overflow);
/* Decimal integer with optional sign, no spaces. False when not one; *overflow true when outside i64. */
bool tdm__parse_i64(tdm_str s, int64_t *out, bool *overflow);

/* Shortest form that reads back to the same bits, at most 32 bytes with the NUL; returns the length.
 * "0.1", "1e+22" is written "1e22", "-0.0" "-0.0"; whole numbers below 1e17 without exponent ("100.0" is "100").
 * NaN is "nan", infinities "inf" and "-inf". */
size_t tdm__format_f64(double v, char out[32]);
size_t tdm__format_f32(float v, char out[32]);
size_t tdm__format_i64(int64_t v, char out[32]);

#endif
