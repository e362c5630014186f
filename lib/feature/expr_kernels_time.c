/* Kernels of instants: calendar fields in a zone, and distances in seconds. */
#include "feature/expr_kernel_impl.h"

#define CIVIL(name, field)                                                            \
    static int64_t civil_##name(const tdm__zone *zone, int64_t us)                    \
    {                                                                                 \
        tdm__civil civil;                                                             \
        tdm__civil_of(zone, us, &civil);                                              \
        return civil.field;                                                           \
    }                                                                                 \
    SOME1(name, int64_t, time_us, int64_t, i64, true, civil_##name(extra->zone, x))
#define OF_DAY(name, value)                                                           \
    static int64_t of_day_##name(const tdm__zone *zone, int64_t us)                   \
    {                                                                                 \
        unsigned second = tdm__second_of_day(zone, us);                               \
        return value;                                                                 \
    }                                                                                 \
    SOME1(name, int64_t, time_us, int64_t, i64, true, of_day_##name(extra->zone, x))
OF_DAY(hour, second / 3600)
OF_DAY(minute, second / 60 % 60)
CIVIL(day_of_week, day_of_week)
CIVIL(day_of_month, day)
CIVIL(day_of_year, day_of_year)
CIVIL(month, month)
CIVIL(year, year)

/* Seconds from a to b; false when the difference does not fit. */
static bool seconds(int64_t a, int64_t b, double *out)
{
    int64_t us;
    bool fits = !__builtin_sub_overflow(b, a, &us);
    *out = (double)us / 1e6;
    return fits;
}

bool tdm__k_age(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    present_where_all(f, 1);
    for (size_t i = 0; i < f->rows; i++)
        null_unless(f->out->presence, i, seconds(f->in[0]->as.time_us[i], f->as_of_us, &f->out->as.f64[i]));
    return true;
}

bool tdm__k_seconds_between(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    present_where_all(f, 2);
    for (size_t i = 0; i < f->rows; i++)
        null_unless(f->out->presence, i,
                    seconds(f->in[0]->as.time_us[i], f->in[1]->as.time_us[i], &f->out->as.f64[i]));
    return true;
}

bool tdm__k_as_of(const tdm__expr_extra *extra, const tdm__frame *f)
{
    (void)extra;
    for (size_t i = 0; i < f->rows; i++) {
        f->out->as.time_us[i] = f->as_of_us;
        f->out->presence[i] = TDM_PRESENT;
    }
    return true;
}
