/* A small seeded generator (xoshiro256**, Blackman and Vigna 2018), seeded through splitmix64. For tests,
 * simulation and sampling; never for secrets. One state belongs to one thread. */
#ifndef TDM_BASE_RANDOM_H
#define TDM_BASE_RANDOM_H

#include <stdint.h>

typedef struct tdm__random { uint64_t s[4]; } tdm__random;
void tdm__random_seed(tdm__random *r, uint64_t seed);
uint64_t tdm__random_next(tdm__random *r);
uint64_t tdm__random_below(tdm__random *r, uint64_t n); /* uniform in [0, n), n > 0, without bias */
double tdm__random_unit(tdm__random *r);                /* uniform in [0, 1), 53 bits */

#endif
