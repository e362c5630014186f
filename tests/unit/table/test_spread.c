/* Spreads and their stability index, against a plain computation with long doubles and libm. */
#include <math.h>

#include "base/random.h"
#include "fixture.h"
#include "table/tables.h"

static unsigned naive_bin(double low, double high, double x)
{
    long double at;
    if (isfinite(low) && isfinite(high))
        at = ((long double)x - low) / ((long double)high - low) * TDM__SPREAD_BINS;
    else
        at = (asinhl((long double)x) + 32) / 64 * TDM__SPREAD_BINS;
    return at < 0 ? 0 : at >= TDM__SPREAD_BINS ? TDM__SPREAD_BINS - 1 : (unsigned)at;
}

static long double naive_psi(const double *a, size_t n_a, const double *b, size_t n_b, double low, double high)
{
    long double in_a[TDM__SPREAD_BINS] = {0}, in_b[TDM__SPREAD_BINS] = {0}, psi = 0;
    for (size_t i = 0; i < n_a; i++)
        in_a[naive_bin(low, high, a[i])]++;
    for (size_t i = 0; i < n_b; i++)
        in_b[naive_bin(low, high, b[i])]++;
    for (int i = 0; i < TDM__SPREAD_BINS; i++) {
        long double p = (in_a[i] + 0.5L) / (n_a + 32), q = (in_b[i] + 0.5L) / (n_b + 32);
        psi += (p - q) * logl(p / q);
    }
    return psi;
}

static tdm__spread spread_of(const double *x, size_t n, double low, double high)
{
    tdm__spread s = {.low = low, .high = high};
    for (size_t i = 0; i < n; i++)
        tdm__spread_add(&s, x[i]);
    return s;
}

static void psi_is_the_naive_one(void **state)
{
    (void)state;
    enum { N = 400 };
    static const double ends[][2] = {{0, 1}, {-5, 5}, {-INFINITY, INFINITY}, {0, INFINITY}, {-INFINITY, 0}};
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int round = 0; round < 500; round++) {
        double a[N], b[N], low = ends[round % 5][0], high = ends[round % 5][1];
        size_t n_a = 1 + tdm__random_below(&r, N), n_b = 1 + tdm__random_below(&r, N);
        double shift = tdm__random_unit(&r) - 0.5, wide = round % 5 < 2 ? 1 : 1000;
        for (size_t i = 0; i < N; i++) {
            a[i] = tdm__random_unit(&r) * wide;
            b[i] = (tdm__random_unit(&r) * tdm__random_unit(&r) + shift) * wide;
        }
        tdm__spread before = spread_of(a, n_a, low, high), now = spread_of(b, n_b, low, high);
        long double expect = naive_psi(b, n_b, a, n_a, low, high);
        double psi = tdm__spread_psi(&before, &now);
        if (!(fabsl(expect - psi) <= 1e-12L * (1 + expect)))
            fail_msg("round %d: %.17g, expected %.17Lg", round, psi, expect);
        assert_true(before.n == n_a && now.n == n_b);
        assert_true(tdm__spread_psi(&before, &before) == 0);
    }
}

static void every_value_has_a_bin(void **state)
{
    (void)state;
    static const double values[] = {0, -0.0, 1, 0.999999999999, -1e308, 1e308, 1e154, 5e-324, -5e-324, 63.0 / 64, 1.0 / 64};
    static const double ends[][2] = {{0, 1}, {-INFINITY, INFINITY}, {3, 3}};
    for (size_t e = 0; e < 3; e++) {
        tdm__spread s = {.low = ends[e][0], .high = ends[e][1]};
        uint64_t sum = 0;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            tdm__spread_add(&s, values[i]);
        for (int i = 0; i < TDM__SPREAD_BINS; i++)
            sum += s.bin[i];
        assert_int_equal(sum, sizeof values / sizeof *values);
    }
    tdm__spread s = {.low = 0, .high = 1};
    tdm__spread_add(&s, 1); /* the upper end is inside */
    tdm__spread_add(&s, 0);
    assert_true(s.bin[63] == 1 && s.bin[0] == 1 && s.sum == 1);
}

static void what_cannot_be_compared_is_nan(void **state)
{
    (void)state;
    double x[] = {0.5};
    tdm__spread one = spread_of(x, 1, 0, 1), other = spread_of(x, 1, 0, 2), none = spread_of(x, 0, 0, 1);
    assert_true(isnan(tdm__spread_psi(&one, &other)));
    assert_true(isnan(tdm__spread_psi(&one, &none)));
    assert_true(isnan(tdm__spread_psi(&none, &one)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(psi_is_the_naive_one),
        cmocka_unit_test(every_value_has_a_bin),
        cmocka_unit_test(what_cannot_be_compared_is_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
