/* The generator against its published outputs, and its ranges against counting. */
#include "support.h"

#include "base/random.h"

/* The reference's output for the state 1, 2, 3, 4. */
static void test_published_sequence(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600,
        16172922978634559625u, 8476171486693032832, 10595114339597558777u, 2904607092377533576,
    };
    tdm__random r = { { 1, 2, 3, 4 } };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_true(tdm__random_next(&r) == expected[i]);
}

/* The seed goes through splitmix64, whose first outputs for 1234567 are published. */
static void test_seeding(void **state)
{
    (void)state;
    static const uint64_t expected[] = { 6457827717110365317, 3203168211198807973, 9817491932198370423u,
                                         4593380528125082431 };
    tdm__random r;
    tdm__random_seed(&r, 1234567);
    assert_memory_equal(r.s, expected, sizeof expected);
}

static void test_below(void **state)
{
    (void)state;
    enum { N = 7, DRAWS = 70000 };
    int seen[N] = {0};
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < DRAWS; i++)
        seen[tdm__random_below(&r, N)]++;
    for (int i = 0; i < N; i++)
        assert_in_range(seen[i], DRAWS / N - 600, DRAWS / N + 600); /* six standard deviations */
    for (int i = 0; i < 100; i++) {
        assert_int_equal(tdm__random_below(&r, 1), 0);
        assert_true(tdm__random_below(&r, UINT64_MAX) < UINT64_MAX);
    }
}

/* Below 3/4 of 2^64, a plain remainder would give the lower third twice as often as the rest. */
static void test_below_is_unbiased(void **state)
{
    (void)state;
    const uint64_t n = UINT64_C(3) << 62;
    int low = 0;
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < 30000; i++)
        low += tdm__random_below(&r, n) < n / 3;
    assert_in_range(low, 9500, 10500);
}

static void test_unit(void **state)
{
    (void)state;
    double sum = 0, least = 1, most = 0;
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < 100000; i++) {
        double u = tdm__random_unit(&r);
        assert_true(u >= 0 && u < 1);
        sum += u;
        least = u < least ? u : least;
        most = u > most ? u : most;
    }
    assert_true(sum > 49400 && sum < 50600);
    assert_true(least < 0.001 && most > 0.999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_sequence),
        cmocka_unit_test(test_seeding),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_below_is_unbiased),
        cmocka_unit_test(test_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
