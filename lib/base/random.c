/* xoshiro256** (Blackman and Vigna 2018), its state filled by splitmix64 so that any seed is a good one. */
#include "base/random.h"

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

void tdm__random_seed(tdm__random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&seed);
}

uint64_t tdm__random_next(tdm__random *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* What lies below 2^64 mod n is drawn again: the rest is a whole number of n's. */
uint64_t tdm__random_below(tdm__random *r, uint64_t n)
{
    uint64_t unfair = (0 - n) % n;
    uint64_t x;
    do
        x = tdm__random_next(r);
    while (x < unfair);
    return x % n;
}

double tdm__random_unit(tdm__random *r)
{
    return (double)(tdm__random_next(r) >> 11) * 0x1p-53;
}
