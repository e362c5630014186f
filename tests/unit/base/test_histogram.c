/* Histograms against a sorted array of the same values. */
#include "support.h"

#include "base/histogram.h"
#include "base/random.h"

/* Buckets follow each other without a gap over all of 64 bits, none wider than 1/16 of its low end. */
static void test_buckets_tile_the_integers(void **state)
{
    (void)state;
    assert_int_equal(tdm__histogram_low(0), 0);
    for (unsigned i = 0; i + 1 < TDM__HISTOGRAM_BUCKETS; i++) {
        uint64_t low = tdm__histogram_low(i), high = tdm__histogram_high(i);
        assert_true(low <= high);
        assert_true(tdm__histogram_low(i + 1) == high + 1);
        assert_true(high - low <= low / 16);
    }
    assert_true(tdm__histogram_high(TDM__HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
}

static void test_each_value_falls_into_its_bucket(void **state)
{
    (void)state;
    static tdm__histogram h;
    for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++) {
        tdm__histogram_record(&h, tdm__histogram_low(i));
        tdm__histogram_record(&h, tdm__histogram_high(i));
        assert_int_equal(h.bucket[i], 2);
    }
    assert_int_equal(h.count, 2 * TDM__HISTOGRAM_BUCKETS);
    assert_true(h.max == UINT64_MAX);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void test_quantiles(void **state)
{
    (void)state;
    enum { N = 5000 };
    static uint64_t values[N];
    static tdm__histogram h;
    tdm__random r;
    uint64_t sum = 0;
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < N; i++) {
        values[i] = tdm__random_next(&r) >> tdm__random_below(&r, 64);
        tdm__histogram_record(&h, values[i]);
        sum += values[i];
    }
    qsort(values, N, sizeof *values, compare);
    assert_true(h.sum == sum && h.max == values[N - 1]);
    static const struct { double q; int rank; } cases[] = {
        { 0, 1 }, { 0.0001, 1 }, { 0.25, N / 4 }, { 0.5, N / 2 }, { 0.9, N * 9 / 10 }, { 0.9998, N - 1 }, { 1, N },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t exact = values[cases[i].rank - 1], got = tdm__histogram_quantile(&h, cases[i].q);
        assert_true(got >= exact);
        assert_true(got - exact <= exact / 16);
    }
    assert_true(tdm__histogram_quantile(&h, 1) == h.max);
}

/* The quantile is the least value with at least that share at or below it. */
static void test_ranks_round_up(void **state)
{
    (void)state;
    static tdm__histogram h;
    for (uint64_t v = 1; v <= 4; v++)
        tdm__histogram_record(&h, v);
    assert_int_equal(tdm__histogram_quantile(&h, 0.25), 1);
    assert_int_equal(tdm__histogram_quantile(&h, 0.26), 2);
    assert_int_equal(tdm__histogram_quantile(&h, 0.5), 2);
    assert_int_equal(tdm__histogram_quantile(&h, 0.76), 4);
}

static void test_merge_is_recording_both(void **state)
{
    (void)state;
    static tdm__histogram a, b, both;
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    assert_int_equal(tdm__histogram_quantile(&a, 0.5), 0);
    for (int i = 0; i < 2000; i++) {
        uint64_t v = tdm__random_below(&r, 1u << 20);
        tdm__histogram_record(i % 3 ? &a : &b, v);
        tdm__histogram_record(&both, v);
    }
    tdm__histogram_merge(&a, &b);
    assert_memory_equal(&a, &both, sizeof both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_tile_the_integers),
        cmocka_unit_test(test_each_value_falls_into_its_bucket),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_ranks_round_up),
        cmocka_unit_test(test_merge_is_recording_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
