/* Instants and durations as text, and the proleptic Gregorian calendar.
 *
 * Days are counted by eras of 400 years that begin on the first of March, so that the leap day comes last and the
 * formulas need no table (the method is Howard Hinnant's). All arithmetic is on integers and total over i64
 * microseconds. Zones are zone.c's business. */
#include "schema/instant.h"

#include <string.h>

#include "base/number.h"
#include "schema/calendar.h"

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_S)
/* 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z. */
#define FIRST_US (INT64_C(-719162) * US_PER_DAY)
#define END_US (INT64_C(2932897) * US_PER_DAY)

int64_t tdm__floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}

int64_t tdm__days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = tdm__floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

bool tdm__leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned tdm__month_days(int64_t year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && tdm__leap_year(year));
}

void tdm__civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = tdm__floor_div(days, 146097);
    int64_t of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = (unsigned)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

/* `n` digits at p as a number; -1 when one of them is none. */
static int digits(const char *p, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        unsigned d = (unsigned)(p[i] - '0');
        if (d > 9)
            return -1;
        v = v * 10 + (int)d;
    }
    return v;
}

/* "HH:MM" as minutes; -1 when it is not one. */
static int hour_minute(const char *p)
{
    int hour = digits(p, 2), minute = digits(p + 3, 2);
    return hour < 0 || hour > 23 || minute < 0 || minute > 59 || p[2] != ':' ? -1 : hour * 60 + minute;
}

/* ".123456" at *p: microseconds, *p behind it. -1 when malformed or finer than a microsecond. */
static int64_t parse_fraction(const char **p, const char *end)
{
    int64_t us = 0;
    int n = 0;
    const char *at = *p + 1;
    for (; at < end && *at >= '0' && *at <= '9'; at++, n++)
        if (n < 6)
            us = us * 10 + (*at - '0');
        else if (*at != '0')
            return -1;
    if (at == *p + 1)
        return -1;
    for (; n < 6; n++)
        us *= 10;
    *p = at;
    return us;
}

/* "Z" or "+HH:MM" up to `end`: minutes east into *out. */
static bool parse_offset(const char *p, const char *end, int *out)
{
    if (end - p == 1 && (*p == 'Z' || *p == 'z')) {
        *out = 0;
        return true;
    }
    if (end - p != 6 || (*p != '+' && *p != '-'))
        return false;
    int minutes = hour_minute(p + 1);
    *out = *p == '-' ? -minutes : minutes;
    return minutes >= 0;
}

bool tdm__instant_parse(tdm_str text, int64_t *out_us)
{
    const char *p = text.ptr, *end = p + text.len;
    if (text.len < 20 || p[4] != '-' || p[7] != '-' || (p[10] != 'T' && p[10] != 't' && p[10] != ' ') || p[16] != ':')
        return false;
    int year = digits(p, 4), month = digits(p + 5, 2), day = digits(p + 8, 2);
    int minutes = hour_minute(p + 11), second = digits(p + 17, 2);
    if (year < 1 || month < 1 || month > 12 || minutes < 0 || second < 0 || second > 59)
        return false;
    if (day < 1 || (unsigned)day > tdm__month_days(year, (unsigned)month))
        return false;
    p += 19;
    int64_t fraction = *p == '.' ? parse_fraction(&p, end) : 0;
    int east = 0;
    if (fraction < 0 || !parse_offset(p, end, &east))
        return false;
    int64_t days = tdm__days_from_civil(year, (unsigned)month, (unsigned)day);
    int64_t us = days * US_PER_DAY + ((int64_t)(minutes - east) * 60 + second) * US_PER_S + fraction;
    if (us < FIRST_US || us >= END_US)
        return false; /* only an offset at either end of the calendar leads here */
    *out_us = us;
    return true;
}

/* `v` in `n` digits with leading zeros. */
static char *put_digits(char *p, unsigned v, int n)
{
    for (int i = n - 1; i >= 0; i--, v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + n;
}

size_t tdm__instant_format(int64_t us, char out[40])
{
    if (us < FIRST_US || us >= END_US)
        return tdm__format_i64(us, out);
    tdm__civil c;
    tdm__civil_of(NULL, us, &c);
    char *p = put_digits(out, (unsigned)c.year, 4);
    *p++ = '-';
    p = put_digits(p, c.month, 2);
    *p++ = '-';
    p = put_digits(p, c.day, 2);
    *p++ = 'T';
    p = put_digits(p, c.hour, 2);
    *p++ = ':';
    p = put_digits(p, c.minute, 2);
    *p++ = ':';
    p = put_digits(p, c.second, 2);
    *p++ = '.';
    p = put_digits(p, (unsigned)(us - tdm__floor_div(us, US_PER_S) * US_PER_S), 6);
    *p++ = 'Z';
    *p = '\0';
    return (size_t)(p - out);
}

/* Largest first. */
static const struct duration_unit {
    const char *name;
    int64_t us;
} duration_units[] = {
    {"d", US_PER_DAY}, {"h", 3600 * US_PER_S}, {"m", 60 * US_PER_S}, {"s", US_PER_S}, {"ms", 1000}, {"us", 1},
};
enum { N_DURATION_UNITS = sizeof duration_units / sizeof duration_units[0] };
#define DURATION_US_MAX INT64_C(1000000000000000)

bool tdm__duration_parse(tdm_str text, int64_t *out_us)
{
    int64_t v = 0;
    size_t at = 0;
    for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
        v = v * 10 + (text.ptr[at] - '0');
        if (v > DURATION_US_MAX)
            return false;
    }
    if (at == 0 || v == 0)
        return false;
    tdm_str unit = tdm__strn(text.ptr + at, text.len - at);
    for (size_t i = 0; i < N_DURATION_UNITS; i++)
        if (tdm__str_is(unit, duration_units[i].name)) {
            if (v > DURATION_US_MAX / duration_units[i].us)
                return false;
            *out_us = v * duration_units[i].us;
            return true;
        }
    return false;
}

size_t tdm__duration_format(int64_t us, char out[32])
{
    size_t i = 0;
    while (us % duration_units[i].us != 0)
        i++;
    size_t n = tdm__format_i64(us / duration_units[i].us, out);
    size_t unit = strlen(duration_units[i].name);
    memcpy(out + n, duration_units[i].name, unit + 1);
    return n + unit;
}

void tdm__civil_of(const tdm__zone *zone, int64_t us, tdm__civil *out)
{
    int64_t seconds = tdm__floor_div(us, US_PER_S) + tdm__zone_offset(zone, us);
    int64_t days = tdm__floor_div(seconds, 86400), year;
    unsigned month, day, of_day = (unsigned)(seconds - days * 86400);
    tdm__civil_from_days(days, &year, &month, &day);
    out->year = (int32_t)year;
    out->month = (uint8_t)month;
    out->day = (uint8_t)day;
    out->hour = (uint8_t)(of_day / 3600);
    out->minute = (uint8_t)(of_day / 60 % 60);
    out->second = (uint8_t)(of_day % 60);
    out->day_of_week = (uint8_t)(tdm__floor_div(days + 3, 7) * -7 + days + 4); /* 1970-01-01 was a Thursday */
    out->day_of_year = (uint16_t)(days - tdm__days_from_civil(year, 1, 1) + 1);
}

unsigned tdm__second_of_day(const tdm__zone *zone, int64_t us)
{
    int64_t seconds = tdm__floor_div(us, US_PER_S) + tdm__zone_offset(zone, us);
    return (unsigned)(seconds - tdm__floor_div(seconds, 86400) * 86400);
}
