/* The last resort of reading decimals: exact comparison by big integers. Private to lib/base/number_*.c. */
#ifndef TDM_BASE_NUMBER_SLOW_H
#define TDM_BASE_NUMBER_SLOW_H

#include <stdint.h>

/* Compares the decimal D * 10^exponent with m * 2^power: below, at or above zero. D are the digits in [first, end), in
 * which a point may stand and is passed over; the first is not zero; `exponent` belongs to the 19th digit: were there
 * only 19, D * 10^exponent would be the number. There are more than 19.
 * The two must agree in their first 15 digits, and m * 2^power must lie between two neighbouring doubles or floats. */
int tdm__compare_decimal(const char *first, const char *end, int exponent, uint64_t m, int power);

#endif
