/* Instants, durations and calendars: RFC 3339, "15m", and time zones from TZif files.
 *
 * An instant is microseconds since 1970-01-01T00:00:00Z in the proleptic Gregorian calendar, no leap seconds. */
#ifndef TDM_SCHEMA_INSTANT_H
#define TDM_SCHEMA_INSTANT_H

#include "base/memory.h"
#include "base/text.h"

/* RFC 3339 with a zone ("Z", "+02:00"), up to 6 fraction digits (more must be zeros), years 0001 to 9999; a second of
 * 60 is refused. False when it is not one. */
bool tdm__instant_parse(tdm_str text, int64_t *out_us);
/* "2013-06-01T10:00:00.000000Z": 27 letters and a NUL. Instants outside years 0001..9999 are written as integers. */
size_t tdm__instant_format(int64_t us, char out[40]);
/* "250us 20ms 30s 15m 1h 7d": a positive integer and a unit; false when not one or beyond 10^15 us. */
bool tdm__duration_parse(tdm_str text, int64_t *out_us);
/* The largest unit that divides it. */
size_t tdm__duration_format(int64_t us, char out[32]);

typedef struct tdm__civil {
    int32_t year;
    uint8_t month, day;         /* 1.. */
    uint8_t hour, minute, second;
    uint8_t day_of_week;        /* ISO: 1 Monday .. 7 Sunday */
    uint16_t day_of_year;       /* 1.. */
} tdm__civil;

/* A zone, from the bytes of a TZif file (RFC 8536, version 2 and up, with its footer rule for later times). */
typedef struct tdm__zone tdm__zone;
/* TDM_CORRUPT with the reason for anything malformed. The zone lives in the arena and copies what it needs. */
tdm_status tdm__zone_parse(const char *name, const void *bytes, size_t n, tdm__arena *arena, tdm__zone **out,
                           tdm_error *err);
/* Seconds to add to UTC at the instant. zone NULL is UTC. */
int32_t tdm__zone_offset(const tdm__zone *zone, int64_t us);
void tdm__civil_of(const tdm__zone *zone, int64_t us, tdm__civil *out);
/* What the clock shows since midnight, in seconds: all that hours and minutes need, for a third of tdm__civil_of's
 * work. */
unsigned tdm__second_of_day(const tdm__zone *zone, int64_t us);
/* A civil time in a zone as an instant; a time inside a gap is read with the offset
 * before the gap, one inside an overlap is the earlier instant. */
int64_t tdm__civil_to_instant(const tdm__zone *zone, const tdm__civil *civil);
/* A plausible zone name ("America/New_York"): letters, digits, + - _ and single '/', no "..". */
bool tdm__zone_name_valid(tdm_str name);

#endif
