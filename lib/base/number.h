/* Numbers as text: exact reading and shortest writing, the same on every machine and in every locale.
 *
 * Reading is correctly rounded (Eisel-Lemire with a big-integer fallback); writing gives the fewest digits
 * that read back to the same bits, and of those the nearest (Schubfach). Both use one table of powers of ten. Nothing
 * here allocates or keeps state; any thread. The rounding mode must be the default one. */
#ifndef TDM_BASE_NUMBER_H
#define TDM_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tandem/value.h>

/* The whole of s is a number: decimal ("-1.5e3", ".5", "5."), hexadecimal float ("0x1.8p3", "0x10"), or nan, inf,
 * infinity in any case, with an optional sign ('+' too). False on anything else (spaces included), and then nothing is
 * written. A number beyond the range gives an infinity and *overflow true (when not NULL); an underflow gives the
 * nearest double. A nan of either sign is the one quiet NaN without sign. The work is linear in s.len. */
bool tdm__parse_f64(tdm_str s, double *out, bool *overflow);
/* The double nearest to digits * 10^exponent, for who has read up to 19 digits already: what tdm__parse_f64 makes of the
 * same number without its sign. An infinity when beyond the range. */
double tdm__scale_f64(uint64_t digits, int64_t exponent);
/* As tdm__parse_f64, rounded once, straight to float. */
bool tdm__parse_f32(tdm_str s, float *out, bool *overflow);
/* Decimal integer with optional sign, no spaces. False when not one. Outside i64: *out is the nearest i64, *overflow
 * true, and the answer true; without an `overflow` to tell it, false. */
bool tdm__parse_i64(tdm_str s, int64_t *out, bool *overflow);

/* Shortest form that reads back to the same bits, at most 32 bytes with the NUL; returns the length.
 * "0.1", "1e22", "1.5e-9"; zero is "0", "-0.0" keeps its sign; no exponent from 1e-6 to below 1e17 ("0.000001",
 * "100"), where zeros fill up the digits of a whole number. NaN is "nan", infinities "inf" and "-inf". */
size_t tdm__format_f64(double v, char out[32]);
size_t tdm__format_f32(float v, char out[32]);
size_t tdm__format_i64(int64_t v, char out[32]);

#endif
