/* Memory: overflow is refused, arenas keep what they gave, a warm arena allocates nothing. */
#include "support.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

static void test_overflow_is_refused(void **state)
{
    (void)state;
    tdm__arena a = {0};
    char *old = tdm__alloc(4);
    assert_null(tdm__zalloc(SIZE_MAX / 2 + 1, 2));
    assert_null(tdm__resize(old, SIZE_MAX / 8, 16));
    assert_null(tdm__arena_zalloc(&a, SIZE_MAX / 8, 16));
    assert_null(tdm__arena_alloc(&a, SIZE_MAX));
    assert_null(tdm__arena_alloc(&a, SIZE_MAX - 40));
    assert_null(tdm__arena_copy(&a, "", SIZE_MAX));
    tdm__free(old);
    tdm__arena_free(&a);
}

static void test_nothing_is_something(void **state)
{
    (void)state;
    void *a = tdm__alloc(0), *b = tdm__zalloc(0, 8), *c = tdm__resize(NULL, 0, 8);
    assert_true(a && b && c && a != b);
    tdm__free(a);
    tdm__free(b);
    tdm__free(c);
    tdm__free(NULL);
}

static void test_grow(void **state)
{
    (void)state;
    int *items = NULL;
    size_t cap = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(tdm__grow(items, cap, (size_t)i + 1));
        items[i] = i;
    }
    assert_in_range(cap, 1000, 2000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    int *before = items;
    size_t cap_before = cap;
    assert_false(tdm__grow(items, cap, SIZE_MAX));
    assert_false(tdm__grow(items, cap, SIZE_MAX / sizeof(int)));
    support_fail_alloc_at(1);
    assert_false(tdm__grow(items, cap, cap + 1));
    support_fail_alloc_at(0);
    assert_true(items == before && cap == cap_before);
    tdm__free(items);
}

/* Blocks of random sizes, each filled with its own byte: none may touch another. */
static void test_arena_blocks_do_not_overlap(void **state)
{
    (void)state;
    enum { N = 400 };
    static unsigned char *block[N];
    static size_t size[N];
    tdm__arena a = {0};
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int round = 0; round < 5; round++) {
        size_t used = 0;
        for (int i = 0; i < N; i++) {
            size[i] = (size_t)tdm__random_below(&r, i % 20 ? 300 : 20000);
            block[i] = tdm__arena_alloc(&a, size[i]);
            assert_non_null(block[i]);
            assert_int_equal((uintptr_t)block[i] % 16, 0);
            memset(block[i], i, size[i]);
            used += size[i];
        }
        assert_true(a.used_bytes >= used);
        for (int i = 0; i < N; i++)
            for (size_t k = 0; k < size[i]; k++)
                assert_int_equal(block[i][k], i & 255);
        tdm__arena_reset(&a);
        assert_int_equal(a.used_bytes, 0);
    }
    tdm__arena_free(&a);
}

static void test_warm_arena_allocates_nothing(void **state)
{
    (void)state;
    tdm__arena a = {0};
    uint64_t calls = 0;
    for (int round = 0; round < 12; round++) {
        uint64_t before = support_allocs();
        for (int i = 0; i < 1000; i++)
            assert_non_null(tdm__arena_alloc(&a, 100));
        calls = support_allocs() - before;
        tdm__arena_reset(&a);
    }
    assert_int_equal(calls, 0);
    assert_non_null(tdm__arena_alloc(&a, 5 << 20)); /* more than any usual chunk */
    tdm__arena_free(&a);
    tdm__arena_free(&a);
    tdm__arena_reset(&a);
}

static void test_arena_copies(void **state)
{
    (void)state;
    tdm__arena a = {0};
    tdm_str s;
    char source[] = "text";
    assert_true(tdm__arena_str(&a, tdm__str(source), &s));
    source[0] = 'X';
    assert_true(tdm__str_is(s, "text"));
    assert_int_equal(s.ptr[4], 0);
    assert_true(tdm__arena_str(&a, tdm__strn(NULL, 0), &s));
    assert_true(s.len == 0 && s.ptr && s.ptr[0] == 0);
    memset(tdm__arena_alloc(&a, 64), 255, 64);
    tdm__arena_reset(&a);
    const uint64_t *zeros = tdm__arena_array(&a, 100, uint64_t);
    for (int i = 0; i < 100; i++)
        assert_true(zeros[i] == 0);
    tdm__arena_free(&a);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    support_fail_alloc_at(1);
    assert_null(tdm__alloc(10));
    support_fail_alloc_at(1);
    assert_null(tdm__new(int));
    for (uint64_t n = 1, made = 0; made < 100; n++) {
        tdm__arena a = {0};
        support_fail_alloc_at(n);
        for (made = 0; made < 100 && tdm__arena_alloc(&a, 1000); made++)
            ;
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_int_equal(hit, made < 100);
        assert_non_null(tdm__arena_alloc(&a, 1000)); /* a failure breaks nothing */
        tdm__arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overflow_is_refused),
        cmocka_unit_test(test_nothing_is_something),
        cmocka_unit_test(test_grow),
        cmocka_unit_test(test_arena_blocks_do_not_overlap),
        cmocka_unit_test(test_warm_arena_allocates_nothing),
        cmocka_unit_test(test_arena_copies),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
