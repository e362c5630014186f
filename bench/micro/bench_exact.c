/* What exact math costs, against the C library's functions. The hashes of "tandem" must not depend on compiler,
 * options or machine; those of libm may. */
#define _GNU_SOURCE
#include "micro.h"

#include <math.h>

#include "base/exact.h"

enum { COUNT = 20000, COUNT_SMALL = 500 };

static size_t count;
static double margins[COUNT], positive[COUNT], units[COUNT], angles[COUNT], large_angles[COUNT], mixed[COUNT];

#define CASE(name, function)                                     \
    static uint64_t name(const void *input)                      \
    {                                                            \
        const double *x = input;                                 \
        uint64_t hash = 0;                                       \
        for (size_t i = 0; i < count; i++)                       \
            hash = micro_mix(hash, micro_bits(function(x[i])));  \
        return hash;                                             \
    }

CASE(exp_ours, tdm__exp)
CASE(exp_libm, exp)
CASE(log_ours, tdm__log)
CASE(log_libm, log)
CASE(log1p_ours, tdm__log1p)
CASE(log1p_libm, log1p)
CASE(sin_ours, tdm__sin)
CASE(sin_libm, sin)
CASE(cos_ours, tdm__cos)
CASE(cos_libm, cos)
CASE(asin_ours, tdm__asin)
CASE(asin_libm, asin)

static uint64_t chain_ours(const void *input)
{
    const double *x = input;
    double v = 0;
    for (size_t i = 0; i < count; i++)
        v = tdm__exp(x[i] - v * 0x1p-60);
    return micro_bits(v);
}

static uint64_t chain_libm(const void *input)
{
    const double *x = input;
    double v = 0;
    for (size_t i = 0; i < count; i++)
        v = exp(x[i] - v * 0x1p-60);
    return micro_bits(v);
}

static void prepare(void)
{
    uint64_t state = 7;
    for (size_t i = 0; i < count; i++) {
        double unit = (double)(micro_random(&state) >> 11) * 0x1p-53;
        margins[i] = unit * 16 - 8;
        positive[i] = exp(unit * 40 - 20);
        units[i] = unit * 2 - 1;
        angles[i] = unit * 12 - 6;
        large_angles[i] = (unit - 0.5) * 0x1p21;
        mixed[i] = unit * 4 - 0.5;
    }
}

int main(int argc, char **argv)
{
    bool small = micro_is_small(argc, argv);
    count = small ? COUNT_SMALL : COUNT;
    prepare();
    const micro_case cases[] = {
        {"exp of margins", "tandem", exp_ours, margins},
        {"exp of margins", "libm", exp_libm, margins},
        {"exp, one after another", "tandem", chain_ours, margins},
        {"exp, one after another", "libm", chain_libm, margins},
        {"log", "tandem", log_ours, positive},
        {"log", "libm", log_libm, positive},
        {"log1p", "tandem", log1p_ours, mixed},
        {"log1p", "libm", log1p_libm, mixed},
        {"sin", "tandem", sin_ours, angles},
        {"sin", "libm", sin_libm, angles},
        {"sin to 2^20", "tandem", sin_ours, large_angles},
        {"sin to 2^20", "libm", sin_libm, large_angles},
        {"cos", "tandem", cos_ours, angles},
        {"cos", "libm", cos_libm, angles},
        {"asin", "tandem", asin_ours, units},
        {"asin", "libm", asin_libm, units},
    };
    return micro_run("bench_exact", cases, sizeof cases / sizeof cases[0], count, small);
}
