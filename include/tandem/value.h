/* Values: what a field can hold, and the three ways of holding it.
 *
 * A value has a kind and is present, null or missing. Null was said ("there is none"), missing was not
 * said. Null, missing, NaN, 0 and "" are five different things and stay so through every format. */
#ifndef TANDEM_VALUE_H
#define TANDEM_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that somebody else owns; not terminated. {NULL, 0} is the empty text. */
typedef struct tdm_str {
    const char *ptr;
    size_t len;
} tdm_str;

/*   enum name   spelling in manifests */
#define TDM_KINDS(X)          \
    X(BOOL,      "bool")      \
    X(I64,       "i64")       \
    X(F32,       "f32")       \
    X(F64,       "f64")       \
    X(DECIMAL,   "decimal")   \
    X(STRING,    "string")    \
    X(TIMESTAMP, "timestamp")

typedef enum tdm_kind {
#define TDM_KIND_ENUM(name, text) TDM_##name,
    TDM_KINDS(TDM_KIND_ENUM)
#undef TDM_KIND_ENUM
    TDM_KIND_COUNT
} tdm_kind;

/* A declared type: "f64? mi", "decimal(12,2)", "timestamp ms". */
typedef struct tdm_type {
    uint8_t kind;      /* tdm_kind */
    bool nullable;     /* a '?' follows */
    uint8_t precision; /* decimal: digits in all, 1..38 */
    uint8_t scale;     /* decimal: digits after the point, 0..precision */
    char unit[20];     /* "" when none; for a timestamp the unit of integers in files: s, ms or us */
} tdm_type;

typedef enum tdm_presence {
    TDM_MISSING = 0, /* nobody said */
    TDM_NULL = 1,    /* said to be none */
    TDM_PRESENT = 2
} tdm_presence;

/* A decimal's integer: value x 10^scale, two's complement, little end first. */
typedef struct tdm_i128 {
    uint64_t lo;
    int64_t hi;
} tdm_i128;

/* One value. Only the member of `kind` is set, and only when present. A string lies with its owner. */
typedef struct tdm_value {
    uint8_t kind;     /* tdm_kind */
    uint8_t presence; /* tdm_presence */
    uint8_t scale;    /* decimal only */
    union {
        bool b;
        int64_t i64;
        float f32;
        double f64;
        tdm_i128 dec;
        tdm_str str;
        int64_t time_us; /* microseconds since 1970-01-01T00:00:00Z, leap seconds not counted */
    } as;
} tdm_value;

#ifdef __cplusplus
}
#endif
#endif
