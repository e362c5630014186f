/* Meters: the same buckets as the plain histogram, sums over seats, the book's bound, reading while others write. */
#include "support.h"

#include "base/memory.h"
#include "base/random.h"
#include "server_desk.h"

static void test_the_same_as_a_histogram(void **state)
{
    (void)state;
    static tdm__meter meter;
    static tdm__histogram plain, read;
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int i = 0; i < 20000; i++) {
        uint64_t value = tdm__random_next(&r) >> tdm__random_below(&r, 64);
        tdm__histogram_record(&plain, value);
        tdm__meter_record(&meter, value);
    }
    tdm__meter_read(&meter, &read);
    assert_memory_equal(&plain, &read, sizeof plain);
    tdm__meter_read(&meter, &read);
    assert_int_equal(read.count, 40000);
    assert_true(read.max == plain.max);
}

/* The bucket of every edge, by the edges alone. */
static void test_bucket_of_edges(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++) {
        assert_int_equal(tdm__histogram_bucket(tdm__histogram_low(i)), i);
        assert_int_equal(tdm__histogram_bucket(tdm__histogram_high(i)), i);
    }
}

static void test_sums_over_seats(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 3);
    tdm__histogram h;
    for (unsigned i = 0; i < 3; i++) {
        tdm__add(&desk.seat[i].meters.count[TDM__COUNT_ROWS], 10 + i);
        tdm__meter_record(&desk.seat[i].meters.stage[TDM__STAGE_MODEL], 1000 * (i + 1));
    }
    assert_int_equal(tdm__server_count(&desk.server, TDM__COUNT_ROWS), 33);
    assert_int_equal(tdm__server_count(&desk.server, TDM__COUNT_LATE), 0);
    tdm__server_stage(&desk.server, TDM__STAGE_MODEL, &h);
    assert_int_equal(h.count, 3);
    assert_int_equal(h.sum, 6000);
    assert_int_equal(h.max, 3000);
    tdm__server_stage(&desk.server, TDM__STAGE_READ, &h);
    assert_int_equal(h.count, 0);
    desk_close(&desk);
}

static void test_services(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 2);
    assert_int_equal(tdm__metered(&desk.server), 0);
    tdm__service_meters *a = tdm__meters_of(&desk.server, "a"), *b = tdm__meters_of(&desk.server, "b"), sum;
    assert_true(a && b && a != b);
    assert_ptr_equal(tdm__meters_of(&desk.server, "a"), a);
    assert_int_equal(tdm__metered(&desk.server), 2);
    assert_ptr_equal(tdm__metered_at(&desk.server, 1), b);
    for (unsigned i = 0; i < 2; i++) {
        tdm__add(&a[i].requests, 1 + i);
        tdm__add(&a[i].rung[TDM__RUNG_TABLE], 5);
        a[i].last_us = 100 - i;
        tdm__meter_record(&a[i].total, 7);
    }
    tdm__service_sum(&desk.server, a, &sum);
    assert_string_equal(sum.service, "a");
    assert_int_equal(sum.requests, 3);
    assert_int_equal(sum.rung[TDM__RUNG_TABLE], 10);
    assert_int_equal(sum.last_us, 100);
    assert_int_equal(sum.total.h.count, 2);
    tdm__histogram h;
    tdm__service_latency(&desk.server, a, &h);
    assert_int_equal(h.bucket[7], 2);
    tdm__service_sum(&desk.server, b, &sum);
    assert_int_equal(sum.requests, 0);
    desk_close(&desk);
}

/* However many names come, the memory is bounded, and nothing that was counted is lost. */
static void test_the_book_is_bounded(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 1);
    char name[32];
    for (int i = 0; i < TDM__METERED_MAX + 50; i++) {
        snprintf(name, sizeof name, "s%d", i);
        tdm__service_meters *m = tdm__meters_of(&desk.server, name);
        assert_non_null(m);
        assert_string_equal(m->service, i < TDM__METERED_MAX ? name : "(other)");
    }
    assert_int_equal(tdm__metered(&desk.server), TDM__METERED_MAX + 1);
    assert_string_equal(tdm__meters_of(&desk.server, "s7")->service, "s7");
    char longer[400];
    memset(longer, 'x', sizeof longer);
    longer[399] = 0;
    assert_string_equal(tdm__meters_of(&desk.server, longer)->service, "(other)");
    desk_close(&desk);
}

static void test_long_names_are_cut(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 1);
    char name[400];
    memset(name, 'x', sizeof name);
    name[399] = 0;
    tdm__service_meters *m = tdm__meters_of(&desk.server, name);
    assert_int_equal(strlen(m->service), 255);
    assert_ptr_equal(tdm__meters_of(&desk.server, name), m);
    desk_close(&desk);
}

static void test_without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        server_desk desk;
        desk_open(&desk, 2);
        support_fail_alloc_at(n);
        tdm__service_meters *m = tdm__meters_of(&desk.server, "a");
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        assert_true(hit ? m == NULL : m != NULL);
        assert_non_null(tdm__meters_of(&desk.server, "a"));
        desk_close(&desk);
        if (!hit)
            break;
        assert_true(n < 20);
    }
}

/* ---- a writer and a reader at once ---- */

enum { RECORDS = 100000 };

static void record_many(void *arg)
{
    tdm__service_meters *m = arg;
    for (uint64_t i = 1; i <= RECORDS; i++) {
        tdm__meter_record(&m->total, i);
        tdm__add(&m->requests, 1);
    }
}

static void test_reading_while_writing(void **state)
{
    (void)state;
    server_desk desk;
    desk_open(&desk, 2);
    tdm__service_meters *m = tdm__meters_of(&desk.server, "a"), sum;
    tdm__thread *writer[2];
    tdm_error err;
    for (int i = 0; i < 2; i++)
        assert_ok(tdm__thread_start("writer", record_many, &m[i], &writer[i], &err), &err);
    for (uint64_t before = 0; before < 2 * RECORDS;) {
        tdm__service_sum(&desk.server, m, &sum);
        uint64_t count = 0;
        unsigned last = 0;
        for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++) {
            count += sum.total.h.bucket[i];
            last = sum.total.h.bucket[i] ? i : last;
        }
        assert_true(count == sum.total.h.count && count >= before);
        assert_true(sum.total.h.max >= tdm__histogram_low(last)); /* the maximum knows of all that is counted */
        before = count;
    }
    for (int i = 0; i < 2; i++)
        tdm__thread_join(&writer[i]);
    tdm__service_sum(&desk.server, m, &sum);
    assert_int_equal(sum.requests, 2 * RECORDS);
    assert_int_equal(sum.total.h.max, RECORDS);
    assert_true(sum.total.h.sum == (uint64_t)RECORDS * (RECORDS + 1));
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_as_a_histogram),
        cmocka_unit_test(test_bucket_of_edges),
        cmocka_unit_test(test_sums_over_seats),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_the_book_is_bounded),
        cmocka_unit_test(test_long_names_are_cut),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_reading_while_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
