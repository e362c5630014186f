/* Instants, durations and the calendar, against the C library's calendar and texts written by hand. */
#include "support.h"

#include <time.h>

#include "base/random.h"
#include "schema/calendar.h"
#include "schema/instant.h"

static const struct {
    const char *text;
    int64_t us;
} known[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01t00:00:00z", 0},
    {"1970-01-01 00:00:00Z", 0},
    {"2013-06-01T10:00:00.000000Z", INT64_C(1370080800000000)},
    {"2013-06-01T12:00:00+02:00", INT64_C(1370080800000000)},
    {"2013-06-01T04:30:00-05:30", INT64_C(1370080800000000)},
    {"2013-06-01T10:00:00-00:00", INT64_C(1370080800000000)},
    {"1969-12-31T23:59:59.999999Z", -1},
    {"1969-12-31T23:59:59.5Z", -500000},
    {"2000-02-29T00:00:00.1234560000Z", INT64_C(951782400123456)},
    {"0001-01-01T00:00:00Z", INT64_C(-62135596800000000)},
    {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999)},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        int64_t us = 1;
        if (!tdm__instant_parse(tdm__str(known[i].text), &us) || us != known[i].us)
            fail_msg("%s: %lld", known[i].text, (long long)us);
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "2013", "2013-06-01", "2013-06-01T10:00:00", "2013-06-01T10:00Z", "2013-06-01T10:00:00 Z", "2013-6-01T10:00:00Z",
        "2013-13-01T10:00:00Z", "2013-00-01T10:00:00Z", "2013-06-31T10:00:00Z", "2013-02-29T10:00:00Z", "1900-02-29T10:00:00Z",
        "2013-06-00T10:00:00Z", "2013-06-01T24:00:00Z", "2013-06-01T10:60:00Z", "2013-06-01T10:00:60Z", "2013-06-01T10:00:00.Z",
        "2013-06-01T10:00:00.1234567Z", "2013-06-01T10:00:00.1", "2013-06-01T10:00:00+2:00", "2013-06-01T10:00:00+0200",
        "2013-06-01T10:00:00+02:60", "2013-06-01T10:00:00+24:00", "2013-06-01T10:00:00ZZ", "2013-06-01X10:00:00Z",
        "2013/06/01T10:00:00Z", "0000-12-31T23:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:00-00:01",
        "2013-06-01T10-00-00Z", " 2013-06-01T10:00:00Z", "2013-06-01T10:00:00Z ", "+013-06-01T10:00:00Z",
    };
    int64_t us;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (tdm__instant_parse(tdm__str(bad[i]), &us))
            fail_msg("'%s' was taken for an instant", bad[i]);
    assert_false(tdm__instant_parse(tdm__strn("2013-06-01T10:00:00\0Z", 21), &us));
}

/* Random instants of years 1 to 9999: what is written is what gmtime says, and reads back. */
static void test_against_gmtime(void **state)
{
    (void)state;
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    for (int i = 0; i < 50000; i++) {
        int64_t us = (int64_t)tdm__random_below(&random, UINT64_C(315537897600000000)) - INT64_C(62135596800000000);
        char text[40], want[96];
        time_t t = (time_t)tdm__floor_div(us, 1000000);
        const struct tm tm = *gmtime(&t);
        snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                 tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us - (int64_t)t * 1000000));
        assert_int_equal(tdm__instant_format(us, text), 27);
        assert_string_equal(text, want);
        int64_t back;
        assert_true(tdm__instant_parse(tdm__str(text), &back));
        assert_int_equal(back, us);
        tdm__civil c;
        tdm__civil_of(NULL, us, &c);
        assert_int_equal(c.day_of_week, tm.tm_wday ? tm.tm_wday : 7);
        assert_int_equal(c.day_of_year, tm.tm_yday + 1);
        assert_int_equal(tdm__civil_to_instant(NULL, &c), (int64_t)t * 1000000);
    }
}

/* Every day of some thousand years, each the one after the last. */
static void test_calendar(void **state)
{
    (void)state;
    int64_t year = -1200, day_number = tdm__days_from_civil(-1200, 1, 1);
    for (; year < 2800; year++)
        for (unsigned month = 1; month <= 12; month++)
            for (unsigned day = 1; day <= tdm__month_days(year, month); day++, day_number++) {
                int64_t y;
                unsigned m, d;
                tdm__civil_from_days(day_number, &y, &m, &d);
                if (y != year || m != month || d != day || tdm__days_from_civil(year, month, day) != day_number)
                    fail_msg("day %lld is not %lld-%u-%u", (long long)day_number, (long long)year, month, day);
            }
}

static void test_extremes(void **state)
{
    (void)state;
    char text[40];
    tdm__civil c;
    tdm__instant_format(INT64_MIN, text);
    assert_string_equal(text, "-9223372036854775808");
    tdm__instant_format(INT64_C(253402300800000000), text);
    assert_string_equal(text, "253402300800000000");
    tdm__civil_of(NULL, INT64_MAX, &c);
    assert_int_equal(c.year, 294247);
    tdm__civil_of(NULL, INT64_MIN, &c);
    assert_int_equal(c.year, -290308);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
        int64_t us;
    } good[] = {
        {"250us", "250us", 250}, {"20ms", "20ms", 20000}, {"30s", "30s", 30000000}, {"15m", "15m", INT64_C(900000000)},
        {"1h", "1h", INT64_C(3600000000)}, {"7d", "7d", INT64_C(604800000000)}, {"60m", "1h", INT64_C(3600000000)},
        {"1000us", "1ms", 1000}, {"11574d", "11574d", INT64_C(999993600000000)},
        {"1000000000000000us", "1000000000s", INT64_C(1000000000000000)},
    };
    static const char *const bad[] = {
        "", "15", "m", "0s", "-1s", "+1s", "1.5h", "1 h", "1H", "1w", "1h30m", "11575d", "1000000000000001us",
        "99999999999999999999s", "1hh", " 1h",
    };
    char text[32];
    int64_t us;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(tdm__duration_parse(tdm__str(good[i].text), &us));
        assert_int_equal(us, good[i].us);
        assert_int_equal(tdm__duration_format(us, text), strlen(good[i].written));
        assert_string_equal(text, good[i].written);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (tdm__duration_parse(tdm__str(bad[i]), &us))
            fail_msg("'%s' was taken for a duration", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),    cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_against_gmtime),
        cmocka_unit_test(test_calendar), cmocka_unit_test(test_extremes),      cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
