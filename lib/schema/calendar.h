/* The proleptic Gregorian calendar in days, for instant.c and zone.c. */
#ifndef TDM_SCHEMA_CALENDAR_H
#define TDM_SCHEMA_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

/* The quotient rounded towards minus infinity; b > 0. */
int64_t tdm__floor_div(int64_t a, int64_t b);
/* Days since 1970-01-01; month 1..12, day 1..31. */
int64_t tdm__days_from_civil(int64_t year, unsigned month, unsigned day);
void tdm__civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);
bool tdm__leap_year(int64_t year);
unsigned tdm__month_days(int64_t year, unsigned month);

#endif
