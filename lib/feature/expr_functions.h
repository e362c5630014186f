/* The one table of functions: parser, checker and docs/reference/expressions.md come from it.
 *
 * `params` spells what each argument is read as: d number as f64, s text, t timestamp, z literal name of a zone; ""
 * means that a rule of its own checks the call (expr_calls.c). `max` 0 means any number. */
#ifndef TDM_FEATURE_EXPR_FUNCTIONS_H
#define TDM_FEATURE_EXPR_FUNCTIONS_H

/*    id               min max params  result      signature, text, edges */
#define TDM__FUNCTIONS(X)                                                                                              \
    X(if,               3,  3, "",     any,        "if(condition, a, b)",                                              \
      "a where the condition is true, else b",                                                                         \
      "a null condition gives b; a and b are of one type, numbers of different types become f64")                      \
    X(coalesce,         2,  0, "",     any,        "coalesce(a, b, ...)",                                              \
      "the first value that is neither null nor missing",                                                              \
      "null when all are; types as for if")                                                                            \
    X(is_null,          1,  1, "",     bool,       "is_null(x)",                                                       \
      "true for null and for missing",                                                                                 \
      "never null; NaN is not null")                                                                                   \
    X(is_missing,       1,  1, "",     bool,       "is_missing(name)",                                                 \
      "true where nobody said a value at all",                                                                         \
      "never null; only for a name, since an operation's result is never missing")                                     \
    X(clip,             3,  3, "",     any,        "clip(x, low, high)",                                               \
      "x, raised to low or lowered to high",                                                                           \
      "null when low > high; NaN when any is NaN")                                                                     \
    X(min,              2,  0, "",     any,        "min(a, b, ...)",                                                   \
      "the least; numbers, or timestamps",                                                                             \
      "null when any is null; NaN when any is NaN; -0.0 is less than 0.0")                                             \
    X(max,              2,  0, "",     any,        "max(a, b, ...)",                                                   \
      "the greatest; numbers, or timestamps",                                                                          \
      "null when any is null; NaN when any is NaN; -0.0 is less than 0.0")                                             \
    X(abs,              1,  1, "",     any,        "abs(x)",                                                           \
      "the value without its sign; i64 stays i64",                                                                     \
      "null for -9223372036854775808")                                                                                 \
    X(log,              1,  1, "d",    f64,        "log(x)",                                                           \
      "natural logarithm",                                                                                             \
      "null for x <= 0")                                                                                               \
    X(log1p,            1,  1, "d",    f64,        "log1p(x)",                                                         \
      "natural logarithm of 1 + x",                                                                                    \
      "null for x <= -1")                                                                                              \
    X(exp,              1,  1, "d",    f64,        "exp(x)",                                                           \
      "e to the power of x",                                                                                           \
      "infinity on overflow, 0 on underflow")                                                                          \
    X(sqrt,             1,  1, "d",    f64,        "sqrt(x)",                                                          \
      "square root",                                                                                                   \
      "null for x < 0; sqrt(-0.0) is -0.0")                                                                            \
    X(floor,            1,  1, "",     any,        "floor(x)",                                                         \
      "the next whole number down; i64 stays i64",                                                                     \
      "infinities and zeros stay")                                                                                     \
    X(ceil,             1,  1, "",     any,        "ceil(x)",                                                          \
      "the next whole number up; i64 stays i64",                                                                       \
      "ceil(-0.5) is -0.0")                                                                                            \
    X(round,            1,  1, "",     any,        "round(x)",                                                         \
      "the nearest whole number; i64 stays i64",                                                                       \
      "halves go away from zero: round(2.5) is 3, round(-2.5) is -3")                                                  \
    X(bucket,           2,  0, "",     i64,        "bucket(x, b1, b2, ...)",                                           \
      "how many of the borders are <= x; the borders are literal numbers, ascending",                                  \
      "null for NaN")                                                                                                  \
    X(hash,             1,  2, "",     i64,        "hash(x[, n])",                                                     \
      "XXH3 (64 bits, seed 0) of a text's bytes, or of an i64 or timestamp as 8 bytes, little end first, without its " \
      "top bit; with a literal n > 0 the remainder by n",                                                              \
      "never negative; the same on every machine")                                                                     \
    X(lower,            1,  1, "s",    string,     "lower(text)",                                                      \
      "A to Z in lower case, all other bytes as they are",                                                             \
      "letters outside ASCII are not changed")                                                                         \
    X(upper,            1,  1, "s",    string,     "upper(text)",                                                      \
      "a to z in upper case, all other bytes as they are",                                                             \
      "letters outside ASCII are not changed")                                                                         \
    X(concat,           2,  0, "",     string,     "concat(a, b, ...)",                                                \
      "the texts, one after another; at most 64 of them",                                                              \
      "null when any is null, or when the result is longer than 65536 bytes")                                          \
    X(contains,         2,  2, "ss",   bool,       "contains(text, part)",                                             \
      "whether the part stands somewhere in the text, byte for byte",                                                  \
      "the empty part is in every text")                                                                               \
    X(starts_with,      2,  2, "ss",   bool,       "starts_with(text, part)",                                          \
      "whether the text begins with the part",                                                                         \
      "every text begins with the empty part")                                                                         \
    X(ends_with,        2,  2, "ss",   bool,       "ends_with(text, part)",                                            \
      "whether the text ends with the part",                                                                           \
      "every text ends with the empty part")                                                                           \
    X(length,           1,  1, "s",    i64,        "length(text)",                                                     \
      "the number of characters (Unicode code points)",                                                                \
      "0 for the empty text")                                                                                          \
    X(lookup,           2,  3, "",     any,        "lookup(table, key[, default])",                                    \
      "the key's value in a table that the release ships",                                                             \
      "the default, or null, when the key is null or not in the table; a null in the table stays null")                \
    X(hour,             1,  2, "tz",   i64,        "hour(t[, zone])",                                                  \
      "hour of the day in the zone, 0 to 23; the zone is a literal name, UTC when left out", "")                       \
    X(minute,           1,  2, "tz",   i64,        "minute(t[, zone])",                                                \
      "minute of the hour in the zone, 0 to 59", "")                                                                   \
    X(day_of_week,      1,  2, "tz",   i64,        "day_of_week(t[, zone])",                                           \
      "1 Monday to 7 Sunday (ISO 8601)", "")                                                                           \
    X(day_of_month,     1,  2, "tz",   i64,        "day_of_month(t[, zone])",                                          \
      "1 to 31", "")                                                                                                   \
    X(day_of_year,      1,  2, "tz",   i64,        "day_of_year(t[, zone])",                                           \
      "1 to 366", "")                                                                                                  \
    X(month,            1,  2, "tz",   i64,        "month(t[, zone])",                                                 \
      "1 to 12", "")                                                                                                   \
    X(year,             1,  2, "tz",   i64,        "year(t[, zone])",                                                  \
      "the year of the proleptic Gregorian calendar", "")                                                              \
    X(age,              1,  1, "t",    f64,        "age(t)",                                                           \
      "seconds from t to the as-of",                                                                                   \
      "negative when t lies after it; null when the difference exceeds 2^63 microseconds")                             \
    X(as_of,            0,  0, "",     timestamp,  "as_of()",                                                          \
      "the instant for which features are computed",                                                                   \
      "never null")                                                                                                    \
    X(seconds_between,  2,  2, "tt",   f64,        "seconds_between(a, b)",                                            \
      "seconds from a to b, with microseconds",                                                                        \
      "negative when b lies before a; null when the difference exceeds 2^63 microseconds")                             \
    X(haversine,        4,  4, "dddd", f64,        "haversine(lat1, lon1, lat2, lon2)",                                \
      "great-circle distance in km, of degrees, on a sphere of radius 6371.0088 km",                                   \
      "null for a latitude beyond 90 or a longitude beyond 360 degrees either way")                                    \
    X(to_f64,           1,  1, "",     f64,        "to_f64(x)",                                                        \
      "a number, bool (0 or 1), or text as f64",                                                                       \
      "null for a text that is no number; i64 and decimal are rounded to the nearest f64")                             \
    X(to_i64,           1,  1, "",     i64,        "to_i64(x)",                                                        \
      "a number (cut towards zero), bool, text, or timestamp (microseconds since 1970) as i64",                        \
      "null for NaN, for what does not fit i64, and for a text that is no integer")                                    \
    X(to_string,        1,  1, "",     string,     "to_string(x)",                                                     \
      "any value as text: shortest numbers, true and false, RFC 3339 timestamps",                                      \
      "NaN is \"nan\", infinities are \"inf\" and \"-inf\"")

enum tdm__function {
#define TDM__FUNCTION_ENUM(id, min, max, params, result, signature, text, edges) TDM__FN_##id,
    TDM__FUNCTIONS(TDM__FUNCTION_ENUM)
#undef TDM__FUNCTION_ENUM
    TDM__FN_COUNT
};

typedef struct tdm__function_row {
    const char *name;
    unsigned char min, max;
    const char *params;
    unsigned char result; /* tdm_kind, or TDM_KIND_COUNT when the arguments settle it */
    const char *signature;
} tdm__function_row;

extern const tdm__function_row tdm__function_table[TDM__FN_COUNT];

#endif
