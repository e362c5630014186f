/* Time zones: a TZif file's bytes as a table of spans, and civil times by it.
 *
 * The file gives instants at which the offset changes and, for all later time, a rule in the POSIX TZ form. Both are
 * brought into one ascending table at parsing (the rule's changes up to the year 2100), so that a lookup is one binary
 * search; later instants ask the rule. Only offsets are kept: no abbreviations, no "is it summer". Leap seconds are
 * refused, since instants do not count them. */
#include <string.h>

#include "base/fail.h"
#include "schema/calendar.h"
#include "schema/instant.h"

enum { TABLE_YEAR_LAST = 2100, CHANGES_MAX = 4096, UNFOLDED_MAX = 512, OFFSET_MIN = -89999, OFFSET_MAX = 93599 };
/* No change lies further from 1970 than this; sums of such seconds cannot overflow. */
#define CHANGE_MAX (INT64_C(1) << 60)

/* When in a year a rule changes the offset: "J60", "59" or "M3.2.0", and the second of the local day. */
typedef struct rule_date {
    char form; /* 'J': day 1..365, 29 February not counted; 'D': day 0..365, counted; 'M': month, week, weekday */
    int16_t day;
    uint8_t month, week, weekday;
    int32_t second;
} rule_date;

typedef struct zone_rule {
    bool given, has_summer;
    int32_t standard, summer; /* seconds east of UTC */
    rule_date begin, end;     /* of summer: in standard and in summer time */
} zone_rule;

struct tdm__zone {
    size_t n;
    int64_t *at;     /* ascending seconds: from at[i] on, offset[i + 1] holds */
    int32_t *offset; /* n + 1 */
    zone_rule rule;  /* from rule_from on */
    int64_t rule_from;
};

static int64_t big_endian(const uint8_t *p, int n)
{
    uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

/* ---- the rule ---- */

typedef struct rule_text {
    const char *at, *end;
} rule_text;

static bool eat(rule_text *t, char c)
{
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

/* An unsigned number up to `max`; false when there is none. */
static bool eat_number(rule_text *t, int max, int *out)
{
    const char *from = t->at;
    int v = 0;
    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++) {
        v = v * 10 + (*t->at - '0');
        if (v > max)
            return false;
    }
    *out = v;
    return t->at > from;
}

/* "EST" or "<+03>": at least three characters. */
static bool eat_name(rule_text *t)
{
    bool quoted = eat(t, '<');
    const char *from = t->at;
    for (; t->at < t->end; t->at++) {
        char c = *t->at;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool inside = quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-');
        if (!letter && !inside)
            break;
    }
    return t->at - from >= 3 && (!quoted || eat(t, '>'));
}

/* "[+-]H[:MM[:SS]]" as seconds; hours up to `hours_max`. */
static bool eat_time(rule_text *t, int hours_max, int32_t *out)
{
    bool negative = eat(t, '-');
    if (!negative)
        eat(t, '+');
    int hour, minute = 0, second = 0;
    if (!eat_number(t, hours_max, &hour))
        return false;
    if (eat(t, ':')) {
        if (!eat_number(t, 59, &minute))
            return false;
        if (eat(t, ':') && !eat_number(t, 59, &second))
            return false;
    }
    *out = (negative ? -1 : 1) * (hour * 3600 + minute * 60 + second);
    return true;
}

/* ",M3.2.0/2" and its like. */
static bool eat_date(rule_text *t, rule_date *out)
{
    int day = 0, month = 0, week = 0, weekday = 0;
    *out = (rule_date){.form = 'D', .second = 7200};
    if (!eat(t, ','))
        return false;
    if (eat(t, 'M')) {
        out->form = 'M';
        bool well = eat_number(t, 12, &month) && eat(t, '.') && eat_number(t, 5, &week) && eat(t, '.') &&
                    eat_number(t, 6, &weekday);
        if (!well || month < 1 || week < 1)
            return false;
    } else {
        if (eat(t, 'J'))
            out->form = 'J';
        if (!eat_number(t, 365, &day) || (out->form == 'J' && day < 1))
            return false;
    }
    out->day = (int16_t)day;
    out->month = (uint8_t)month;
    out->week = (uint8_t)week;
    out->weekday = (uint8_t)weekday;
    return !eat(t, '/') || eat_time(t, 167, &out->second);
}

/* "EST5EDT,M3.2.0,M11.1.0"; offsets there count westwards. Empty: no rule. */
static bool parse_rule(rule_text t, zone_rule *out)
{
    memset(out, 0, sizeof *out);
    if (t.at == t.end)
        return true;
    int32_t west;
    if (!eat_name(&t) || !eat_time(&t, 24, &west))
        return false;
    out->given = true;
    out->standard = out->summer = -west;
    if (t.at == t.end)
        return true;
    out->has_summer = true;
    if (!eat_name(&t))
        return false;
    out->summer = out->standard + 3600;
    if (t.at < t.end && *t.at != ',') {
        if (!eat_time(&t, 24, &west))
            return false;
        out->summer = -west;
    }
    return eat_date(&t, &out->begin) && eat_date(&t, &out->end) && t.at == t.end;
}

/* The date in that year, in seconds since 1970 of the local clock. */
static int64_t rule_second(const rule_date *d, int64_t year)
{
    int64_t day;
    if (d->form == 'M') {
        int64_t first = tdm__days_from_civil(year, d->month, 1);
        int64_t weekday = first + 4 - 7 * tdm__floor_div(first + 4, 7); /* 0: Sunday */
        int64_t of_month = (d->weekday - weekday + 7) % 7 + (d->week - 1) * 7;
        if (of_month >= (int64_t)tdm__month_days(year, d->month))
            of_month -= 7;
        day = first + of_month;
    } else if (d->form == 'J') {
        day = tdm__days_from_civil(year, 1, 1) + d->day - 1 + (tdm__leap_year(year) && d->day >= 60);
    } else {
        day = tdm__days_from_civil(year, 1, 1) + d->day;
    }
    return day * 86400 + d->second;
}

/* A stretch of time with one offset: from <= s < until. */
typedef struct zone_span {
    int64_t from, until;
    int32_t offset;
} zone_span;

/* Changes fall at most a week and a day outside of their year, so three years hold the neighbours of s. Where summer
 * begins in the second in which it ends, it goes on. */
static zone_span rule_span(const zone_rule *rule, int64_t s)
{
    zone_span span = {INT64_MIN, INT64_MAX, rule->standard};
    if (!rule->has_summer)
        return span;
    int64_t year;
    unsigned month, day;
    tdm__civil_from_days(tdm__floor_div(s, 86400), &year, &month, &day);
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t begin = rule_second(&rule->begin, y) - rule->standard;
        int64_t end = rule_second(&rule->end, y) - rule->summer;
        if (end <= s && end > span.from)
            span = (zone_span){end, span.until, rule->standard};
        else if (end > s && end < span.until)
            span.until = end;
        if (begin <= s && begin >= span.from)
            span = (zone_span){begin, span.until, rule->summer};
        else if (begin > s && begin < span.until)
            span.until = begin;
    }
    return span;
}

/* ---- lookup ---- */

static zone_span span_at(const tdm__zone *z, int64_t s)
{
    if (z->rule.given && s >= z->rule_from) {
        zone_span span = rule_span(&z->rule, s);
        if (span.from < z->rule_from)
            span.from = z->rule_from;
        return span;
    }
    size_t low = 0, high = z->n; /* low: how many changes are at or before s */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->at[middle] <= s)
            low = middle + 1;
        else
            high = middle;
    }
    zone_span span = {low ? z->at[low - 1] : INT64_MIN, low < z->n ? z->at[low] : INT64_MAX, z->offset[low]};
    if (z->rule.given && span.until > z->rule_from)
        span.until = z->rule_from;
    return span;
}

int32_t tdm__zone_offset(const tdm__zone *zone, int64_t us)
{
    return zone ? span_at(zone, tdm__floor_div(us, 1000000)).offset : 0;
}

static int64_t seconds_to_us(int64_t s)
{
    const int64_t max = INT64_MAX / 1000000;
    return (s > max ? max : s < -max ? -max : s) * 1000000;
}

/* The spans that can hold the local time are tried in order: the first that does gives the earlier instant of an
 * overlap. When none does, the time is in a gap: it lies behind one span and before the next. */
int64_t tdm__civil_to_instant(const tdm__zone *zone, const tdm__civil *c)
{
    int64_t local =
        tdm__days_from_civil(c->year, c->month, c->day) * 86400 + c->hour * 3600 + c->minute * 60 + c->second;
    if (!zone)
        return seconds_to_us(local);
    zone_span span = span_at(zone, local - OFFSET_MAX - 1);
    int32_t before = span.offset; /* of the last span that the time lies behind, until it is in a gap */
    bool in_gap = false;
    for (;;) {
        int64_t at = local - span.offset;
        if (at >= span.from && at < span.until)
            return seconds_to_us(at);
        in_gap = in_gap || at < span.from;
        if (!in_gap)
            before = span.offset;
        if (span.until > local - OFFSET_MIN)
            return seconds_to_us(local - before);
        span = span_at(zone, span.until);
    }
}

/* ---- the file ---- */

/* The counts of a TZif header. */
typedef struct tzif_counts {
    size_t utc_marks, standard_marks, leaps, times, types, chars;
} tzif_counts;

enum { TZIF_HEADER = 44 };

typedef struct tzif_source {
    const char *name;
    const uint8_t *at, *end;
    tdm_error *err;
} tzif_source;

static tdm_status damaged(const tzif_source *f, const char *what)
{
    return tdm__fail(f->err, TDM_CORRUPT, f->name, "not a usable zone file: %s", what);
}

static tdm_status read_counts(tzif_source *f, tzif_counts *c)
{
    if (f->end - f->at < TZIF_HEADER || memcmp(f->at, "TZif", 4) != 0)
        return damaged(f, "it does not begin as TZif");
    if (f->at[4] < '2')
        return damaged(f, "it is of version 1, which has no 64-bit times");
    size_t *into[6] = {&c->utc_marks, &c->standard_marks, &c->leaps, &c->times, &c->types, &c->chars};
    for (int i = 0; i < 6; i++) {
        int64_t v = big_endian(f->at + 20 + 4 * i, 4);
        if (v < 0 || v > 65536)
            return damaged(f, "a count is out of range");
        *into[i] = (size_t)v;
    }
    f->at += TZIF_HEADER;
    return TDM_OK;
}

/* Bytes of the data block, for times of `width` bytes. */
static size_t block_bytes(const tzif_counts *c, size_t width)
{
    return c->times * (width + 1) + c->types * 6 + c->chars + c->leaps * (width + 4) + c->standard_marks + c->utc_marks;
}

static tdm_status read_offsets(tzif_source *f, const tzif_counts *c, int32_t offsets[256])
{
    const uint8_t *types = f->at + c->times * 9;
    for (size_t i = 0; i < c->types; i++) {
        int64_t v = big_endian(types + 6 * i, 4);
        if (v < OFFSET_MIN || v > OFFSET_MAX)
            return damaged(f, "an offset is out of range");
        offsets[i] = (int32_t)v;
    }
    return TDM_OK;
}

/* The changes as the file lists them. */
static tdm_status read_changes(tzif_source *f, const tzif_counts *c, tdm__zone *z)
{
    int32_t offsets[256];
    tdm_status s = read_offsets(f, c, offsets);
    if (s)
        return s;
    z->offset[0] = offsets[0];
    for (size_t i = 0; i < c->times; i++) {
        int64_t at = big_endian(f->at + 8 * i, 8);
        uint8_t type = f->at[8 * c->times + i];
        if (type >= c->types)
            return damaged(f, "a change has no type");
        if (at < -CHANGE_MAX || at > CHANGE_MAX)
            return damaged(f, "a change lies out of range");
        if (i > 0 && at <= z->at[i - 1])
            return damaged(f, "the changes are not in order");
        z->at[i] = at;
        z->offset[i + 1] = offsets[type];
    }
    z->n = c->times;
    f->at += block_bytes(c, 8);
    return TDM_OK;
}

/* Footer: the rule between two line ends. */
static tdm_status read_footer(tzif_source *f, tdm__zone *z)
{
    if (f->end - f->at < 2 || f->at[0] != '\n')
        return damaged(f, "it has no footer");
    const uint8_t *from = f->at + 1;
    const uint8_t *stop = memchr(from, '\n', (size_t)(f->end - from));
    if (!stop)
        return damaged(f, "its footer has no end");
    rule_text text = {(const char *)from, (const char *)stop};
    if (!parse_rule(text, &z->rule))
        return damaged(f, "its footer is no rule that is known");
    return TDM_OK;
}

/* Appends the rule's changes from the last listed one to the table's last year, as far as there is room. */
static void unfold_rule(tdm__zone *z)
{
    size_t room = z->n + UNFOLDED_MAX;
    if (!z->rule.given)
        return;
    z->rule_from = z->n ? z->at[z->n - 1] : INT64_MIN;
    if (!z->n || !z->rule.has_summer)
        return;
    int64_t stop = tdm__days_from_civil(TABLE_YEAR_LAST + 1, 1, 1) * 86400;
    for (;;) {
        int64_t next = rule_span(&z->rule, z->rule_from).until;
        if (next >= stop || z->n == room)
            return;
        z->at[z->n] = next;
        z->offset[++z->n] = rule_span(&z->rule, next).offset;
        z->rule_from = next;
    }
}

tdm_status tdm__zone_parse(const char *name, const void *bytes, size_t n, tdm__arena *arena, tdm__zone **out,
                           tdm_error *err)
{
    tzif_source f = {name, bytes, (const uint8_t *)bytes + n, err};
    tzif_counts c;
    tdm_status s = read_counts(&f, &c);
    if (s)
        return s;
    if (block_bytes(&c, 4) > (size_t)(f.end - f.at))
        return damaged(&f, "it is cut short");
    f.at += block_bytes(&c, 4);
    s = read_counts(&f, &c);
    if (s)
        return s;
    if (block_bytes(&c, 8) > (size_t)(f.end - f.at))
        return damaged(&f, "it is cut short");
    if (c.types < 1 || c.types > 256 || c.times > CHANGES_MAX)
        return damaged(&f, "a count is out of range");
    if (c.leaps)
        return tdm__fail(err, TDM_UNSUPPORTED, name, "the zone file counts leap seconds, and instants do not");
    tdm__zone *z = tdm__arena_new(arena, tdm__zone);
    size_t room = c.times + UNFOLDED_MAX;
    if (!z || !(z->at = tdm__arena_array(arena, room, int64_t)) ||
        !(z->offset = tdm__arena_array(arena, room + 1, int32_t)))
        return tdm__no_memory(err, name);
    if ((s = read_changes(&f, &c, z)) || (s = read_footer(&f, z)))
        return s;
    unfold_rule(z);
    *out = z;
    return TDM_OK;
}

bool tdm__zone_name_valid(tdm_str name)
{
    if (name.len < 1 || name.len > 64 || name.ptr[0] == '/' || name.ptr[name.len - 1] == '/')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '+' && c != '-' && c != '_' && (c != '/' || name.ptr[i - 1] == '/'))
            return false;
    }
    return true;
}
