/* What the tests of expressions share: names of every type, with columns of random values that hold all the edges.
 *
 * Each kind has two nullable names and `z`, `w` are never null. Header only: each test is one file. */
#ifndef TANDEM_TESTS_EXPR_FIXTURE_H
#define TANDEM_TESTS_EXPR_FIXTURE_H

#include "support.h"

#include <math.h>

#include "base/random.h"
#include "feature/expression.h"

/*    name               type            */
#define FIXTURE_SLOTS(X)                   \
    X("n",               "i64?")           \
    X("m",               "i64?")           \
    X("w",               "i64")            \
    X("x",               "f64?")           \
    X("y",               "f64?")           \
    X("z",               "f64")            \
    X("f",               "f32?")           \
    X("d",               "decimal(12,2)?") \
    X("e",               "decimal(9,4)?")  \
    X("s",               "string?")        \
    X("u",               "string?")        \
    X("b",               "bool?")          \
    X("c",               "bool?")          \
    X("schedule.dep",    "timestamp?")     \
    X("t",               "timestamp?")     \
    X("schedule.origin", "string?")        \
    X("dash-ed",         "i64?")

#define FIXTURE_COUNT(name, type) +1
enum { FIXTURE_N = 0 FIXTURE_SLOTS(FIXTURE_COUNT) };

static const char *const fixture_names[] = {
#define FIXTURE_NAME(name, type) name,
    FIXTURE_SLOTS(FIXTURE_NAME)
#undef FIXTURE_NAME
};
static const char *const fixture_types[] = {
#define FIXTURE_TYPE(name, type) type,
    FIXTURE_SLOTS(FIXTURE_TYPE)
#undef FIXTURE_TYPE
};

typedef struct fixture {
    tdm__arena arena;
    tdm_type type[FIXTURE_N];
    tdm__column column[FIXTURE_N];
    const tdm__column *slots[FIXTURE_N];
    tdm__expression_scope scope;
    tdm__lookup_table tables[2];
} fixture;

static int fixture_slot(void *self, tdm_str name, tdm_type *type)
{
    fixture *fx = self;
    for (int i = 0; i < FIXTURE_N; i++)
        if (tdm__str_is(name, fixture_names[i])) {
            *type = fx->type[i];
            return i;
        }
    return -1;
}

/* seats: "AA" 100, "UA" null, "" 7 */
static void fixture_seats(const void *self, const tdm_value *key, tdm_value *out)
{
    (void)self;
    *out = (tdm_value){.kind = TDM_I64, .presence = TDM_PRESENT};
    if (tdm__str_is(key->as.str, "AA"))
        out->as.i64 = 100;
    else if (tdm__str_is(key->as.str, ""))
        out->as.i64 = 7;
    else
        out->presence = tdm__str_is(key->as.str, "UA") ? TDM_NULL : TDM_MISSING;
}

/* words: even numbers "even", others are not there */
static void fixture_words(const void *self, const tdm_value *key, tdm_value *out)
{
    (void)self;
    *out = (tdm_value){.kind = TDM_STRING, .presence = key->as.i64 % 2 ? TDM_MISSING : TDM_PRESENT};
    out->as.str = tdm__str("even");
}

static void fixture_open(fixture *fx)
{
    tdm_error err = {0};
    memset(fx, 0, sizeof *fx);
    for (int i = 0; i < FIXTURE_N; i++) {
        assert_ok(tdm__type_parse(tdm__str(fixture_types[i]), &fx->type[i], &err), &err);
        assert_true(tdm__column_init(&fx->column[i], &fx->type[i], &fx->arena));
        fx->slots[i] = &fx->column[i];
    }
    fx->tables[0] = (tdm__lookup_table){tdm__str("seats"), {.kind = TDM_STRING}, {.kind = TDM_I64, .nullable = true},
                                        fixture_seats, NULL};
    fx->tables[1] =
        (tdm__lookup_table){tdm__str("words"), {.kind = TDM_I64}, {.kind = TDM_STRING}, fixture_words, NULL};
    fx->scope = (tdm__expression_scope){.self = fx, .slot = fixture_slot, .names = fixture_names, .n_names = FIXTURE_N,
                                        .lookups = fx->tables, .n_lookups = 2};
}

static void fixture_close(fixture *fx)
{
    tdm__arena_free(&fx->arena);
}

static inline tdm_i128 fixture_decimal(int64_t v)
{
    return (tdm_i128){(uint64_t)v, v < 0 ? -1 : 0};
}

/* A value of the kind: an edge one time in two. */
static inline void fixture_value(tdm__random *r, const tdm_type *type, tdm_value *out)
{
    static const int64_t whole[] = {0, 1, -1, 2, 7, 100, INT64_MAX, INT64_MIN, INT64_MAX - 1, (INT64_C(1) << 53) + 1,
                                    -(INT64_C(1) << 53) - 1, 3};
    static const double real[] = {0.0, -0.0, 1, -1, 0.5, -2.5, 1e308, -1e308, 5e-324, 9007199254740992.0,
                                  9223372036854775808.0,
                                  1e-9, INFINITY, -INFINITY, NAN, 3};
    static const char *const texts[] = {"", "a", "AA", "UA", "Hello World", "\xc3\xa4\xc3\x96z", "12", "-3.5", "ab",
                                        "nan"};
    bool edge = tdm__random_below(r, 2) == 0;
    double any_real = real[tdm__random_below(r, sizeof real / sizeof *real)];
    int64_t small = (int64_t)tdm__random_below(r, 2001) - 1000;
    *out = (tdm_value){.kind = type->kind, .presence = TDM_PRESENT, .scale = type->scale};
    switch (type->kind) {
    case TDM_BOOL: out->as.b = tdm__random_below(r, 2) == 0; break;
    case TDM_I64: out->as.i64 = edge ? whole[tdm__random_below(r, sizeof whole / sizeof *whole)] : small; break;
    case TDM_F32: out->as.f32 = edge ? (float)any_real : (float)small / 8; break;
    case TDM_F64: out->as.f64 = edge ? any_real : (double)small / 7; break;
    case TDM_DECIMAL: out->as.dec = fixture_decimal(edge ? small / 100 * 100 : small); break;
    case TDM_STRING: out->as.str = tdm__str(texts[tdm__random_below(r, sizeof texts / sizeof *texts)]); break;
    default:
        out->as.time_us = (int64_t)tdm__random_below(r, UINT64_C(4000000000000000)) - INT64_C(1000000000000000);
        if (edge)
            out->as.time_us = tdm__random_below(r, 2) ? 0 : out->as.time_us / 3600000000 * 3600000000;
    }
}

/* Rows [0, rows) of every column. About one value in eight is null, one in sixteen missing, where the type allows
 * it. */
static inline void fixture_fill(fixture *fx, tdm__random *r, size_t rows)
{
    for (int i = 0; i < FIXTURE_N; i++)
        for (size_t row = 0; row < rows; row++) {
            tdm_value v;
            fixture_value(r, &fx->type[i], &v);
            uint64_t absent = tdm__random_below(r, 16);
            if (fx->type[i].nullable && absent < 3)
                v.presence = absent == 0 ? TDM_MISSING : TDM_NULL;
            tdm__column_set(&fx->column[i], row, &v);
        }
}

#endif
