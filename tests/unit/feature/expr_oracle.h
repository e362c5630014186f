/* An independent evaluator: walks a tree row by row, with nothing of lib/feature in it.
 *
 * It knows values only as tdm_value. Exact comparisons go through long double (64 bits of mantissa hold any i64 and any
 * f64) and through 128-bit integers; the calendar is the C library's gmtime. Slow and plain on purpose. */
#ifndef TANDEM_TESTS_EXPR_ORACLE_H
#define TANDEM_TESTS_EXPR_ORACLE_H

#include "expr_fixture.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <time.h>

#include "base/digest.h"
#include "base/exact.h"
#include "base/number.h"

_Static_assert(LDBL_MANT_DIG >= 64, "the oracle compares through long double");
__extension__ typedef __int128 oracle_wide;

enum { TREE_KIDS = 6 };

typedef struct tree {
    const char *op; /* "lit", "null", "name", an operator, "neg", or a function's name */
    int kind, n, slot;
    tdm_value lit;
    struct tree *kid[TREE_KIDS];
} tree;

typedef struct oracle {
    const fixture *fx;
    size_t row;
    int64_t as_of_us;
    tdm__arena *arena;
} oracle;

static tdm_value oracle_eval(const oracle *o, const tree *t);

static tdm_value absent(int kind)
{
    return (tdm_value){.kind = (uint8_t)kind, .presence = TDM_NULL};
}

static tdm_value of_f64(double v)
{
    uint64_t bits = UINT64_C(0x7ff8000000000000);
    if (v != v)
        memcpy(&v, &bits, 8);
    return (tdm_value){.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = v};
}

static tdm_value of_i64(int64_t v)
{
    return (tdm_value){.kind = TDM_I64, .presence = TDM_PRESENT, .as.i64 = v};
}

static tdm_value of_bool(bool v)
{
    return (tdm_value){.kind = TDM_BOOL, .presence = TDM_PRESENT, .as.b = v};
}

static bool here(tdm_value v)
{
    return v.presence == TDM_PRESENT;
}

static oracle_wide wide_decimal(tdm_value v)
{
    return v.kind == TDM_I64 ? v.as.i64 : (oracle_wide)(int64_t)v.as.dec.lo;
}

/* The fixture's decimals are below 2^53, so one division rounds once. */
static double real(tdm_value v)
{
    switch (v.kind) {
    case TDM_I64: return (double)v.as.i64;
    case TDM_F32: return (double)v.as.f32;
    case TDM_DECIMAL: return (double)(int64_t)v.as.dec.lo / (v.scale == 2 ? 100.0 : 10000.0);
    case TDM_BOOL: return v.as.b;
    default: return v.as.f64;
    }
}

/* The operand in the kind that the operation computes in. */
static tdm_value eval_as(const oracle *o, const tree *t, int kind)
{
    tdm_value v = oracle_eval(o, t);
    if (!here(v))
        return absent(kind);
    if (kind == TDM_F64)
        return v.kind == TDM_F64 ? v : of_f64(real(v));
    return v;
}

/* -1, 0, 1; 2 when unordered */
static int order(tdm_value a, tdm_value b)
{
    if (a.kind == TDM_STRING) {
        size_t n = a.as.str.len < b.as.str.len ? a.as.str.len : b.as.str.len;
        int c = n ? memcmp(a.as.str.ptr, b.as.str.ptr, n) : 0;
        return c ? (c > 0) - (c < 0) : (a.as.str.len > b.as.str.len) - (a.as.str.len < b.as.str.len);
    }
    if (a.kind == TDM_TIMESTAMP)
        return (a.as.time_us > b.as.time_us) - (a.as.time_us < b.as.time_us);
    if (a.kind == TDM_BOOL)
        return a.as.b - b.as.b;
    bool whole_a = a.kind == TDM_I64 || a.kind == TDM_DECIMAL, whole_b = b.kind == TDM_I64 || b.kind == TDM_DECIMAL;
    if (whole_a && whole_b) {
        oracle_wide x = wide_decimal(a), y = wide_decimal(b);
        for (int i = a.kind == TDM_I64 ? 0 : a.scale; i < 4; i++)
            x *= 10;
        for (int i = b.kind == TDM_I64 ? 0 : b.scale; i < 4; i++)
            y *= 10;
        return (x > y) - (x < y);
    }
    long double x = a.kind == TDM_I64 ? (long double)a.as.i64 : (long double)real(a);
    long double y = b.kind == TDM_I64 ? (long double)b.as.i64 : (long double)real(b);
    return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}

static tdm_value arithmetic(const oracle *o, const tree *t)
{
    tdm_value a = eval_as(o, t->kid[0], t->kind), b = eval_as(o, t->kid[1], t->kind);
    char op = t->op[0];
    if (!here(a) || !here(b))
        return absent(t->kind);
    if (t->kind == TDM_I64) {
        oracle_wide x = a.as.i64, y = b.as.i64, r;
        if (op == '%' && y == 0)
            return absent(TDM_I64);
        r = op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x % y;
        return r < INT64_MIN || r > INT64_MAX ? absent(TDM_I64) : of_i64((int64_t)r);
    }
    double x = a.as.f64, y = b.as.f64;
    if ((op == '/' || op == '%') && y == 0)
        return absent(TDM_F64);
    if (op == '%' && (x == INFINITY || x == -INFINITY) && y == y)
        return absent(TDM_F64);
    return of_f64(op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : op == '/' ? x / y : fmod(x, y));
}

static tdm_value comparison(const oracle *o, const tree *t)
{
    tdm_value a = oracle_eval(o, t->kid[0]), b = oracle_eval(o, t->kid[1]);
    if (!here(a) || !here(b))
        return absent(TDM_BOOL);
    int c = order(a, b);
    if (!strcmp(t->op, "="))
        return of_bool(c == 0);
    if (!strcmp(t->op, "!="))
        return of_bool(c != 0);
    bool or_equal = t->op[1] == '=';
    return of_bool(c != 2 && ((t->op[0] == '<' ? c < 0 : c > 0) || (or_equal && c == 0)));
}

static tdm_value membership(const oracle *o, const tree *t)
{
    tdm_value x = oracle_eval(o, t->kid[0]);
    bool found = false;
    if (!here(x))
        return absent(TDM_BOOL);
    if (x.kind == TDM_DECIMAL || x.kind == TDM_F32)
        x = of_f64(real(x));
    for (int i = 1; i < t->n; i++)
        found |= order(x, t->kid[i]->lit) == 0;
    return of_bool(found != (t->op[0] == 'n'));
}

/* By the truth tables: unknown is 2. */
static tdm_value logic(const oracle *o, const tree *t)
{
    static const int and_table[3][3] = {{0, 0, 0}, {0, 1, 2}, {0, 2, 2}};
    static const int or_table[3][3] = {{0, 1, 2}, {1, 1, 1}, {2, 1, 2}};
    int truth[2] = {2, 2};
    for (int i = 0; i < t->n; i++) {
        tdm_value v = oracle_eval(o, t->kid[i]);
        truth[i] = here(v) ? v.as.b : 2;
    }
    int r = t->op[0] == 'a' ? and_table[truth[0]][truth[1]] : t->op[0] == 'o' ? or_table[truth[0]][truth[1]] :
            truth[0] == 2 ? 2 : !truth[0];
    return r == 2 ? absent(TDM_BOOL) : of_bool(r);
}

static double extreme(bool least, double x, double y)
{
    if (x != x || y != y)
        return NAN;
    if (x == 0 && y == 0)
        return least ? (signbit(x) || signbit(y) ? -0.0 : 0.0) : signbit(x) && signbit(y) ? -0.0 : 0.0;
    return least ? fmin(x, y) : fmax(x, y);
}

static tdm_value extremes(const oracle *o, const tree *t)
{
    bool least = !strcmp(t->op, "min"), any_absent = false;
    tdm_value best = absent(t->kind);
    for (int i = 0; i < t->n; i++) {
        tdm_value v = eval_as(o, t->kid[i], t->kind);
        any_absent |= !here(v);
        if (i == 0)
            best = v;
        else if (any_absent)
            continue;
        else if (t->kind == TDM_F64)
            best = of_f64(extreme(least, best.as.f64, v.as.f64));
        else if (least ? order(v, best) < 0 : order(v, best) > 0)
            best = v;
    }
    return any_absent ? absent(t->kind) : t->kind == TDM_F64 ? of_f64(best.as.f64) : best;
}

static tdm_value clip(const oracle *o, const tree *t)
{
    tdm_value x = eval_as(o, t->kid[0], t->kind);
    tdm_value low = eval_as(o, t->kid[1], t->kind), high = eval_as(o, t->kid[2], t->kind);
    if (!here(x) || !here(low) || !here(high) || order(low, high) == 1)
        return absent(t->kind);
    if (order(x, low) == 2 || order(x, high) == 2 || order(low, high) == 2)
        return of_f64(NAN);
    return order(x, low) < 0 ? low : order(x, high) > 0 ? high : x;
}

static tdm_value one_number(const char *op, int kind, tdm_value v)
{
    if (kind == TDM_I64) {
        if (v.as.i64 == INT64_MIN && (!strcmp(op, "neg") || !strcmp(op, "abs")))
            return absent(TDM_I64);
        return of_i64(!strcmp(op, "neg") ? -v.as.i64 : !strcmp(op, "abs") ? llabs(v.as.i64) : v.as.i64);
    }
    double x = v.as.f64;
    switch (op[0]) {
    case 'n': return of_f64(-x);
    case 'a': return of_f64(fabs(x));
    case 'f': return of_f64(floor(x));
    case 'c': return of_f64(ceil(x));
    case 'r': return of_f64(round(x));
    case 'e': return of_f64(tdm__exp(x));
    case 's': return x < 0 ? absent(TDM_F64) : of_f64(sqrt(x));
    default: break;
    }
    if (!strcmp(op, "log"))
        return x <= 0 ? absent(TDM_F64) : of_f64(tdm__log(x));
    return x <= -1 ? absent(TDM_F64) : of_f64(tdm__log1p(x));
}

static tdm_value bucket(const tree *t, tdm_value x)
{
    int64_t n = 0;
    if (x.kind != TDM_I64)
        x = of_f64(real(x));
    if (x.kind == TDM_F64 && x.as.f64 != x.as.f64)
        return absent(TDM_I64);
    for (int i = 1; i < t->n; i++)
        n += order(t->kid[i]->lit, x) <= 0;
    return of_i64(n);
}

static tdm_value hash(const tree *t, tdm_value x)
{
    unsigned char bytes[8];
    uint64_t h;
    if (x.kind == TDM_STRING) {
        h = tdm__hash64(x.as.str.ptr, x.as.str.len);
    } else {
        for (int i = 0; i < 8; i++)
            bytes[i] = (unsigned char)((uint64_t)x.as.i64 >> 8 * i);
        h = tdm__hash64(bytes, 8);
    }
    int64_t v = (int64_t)(h << 1 >> 1);
    return of_i64(t->n > 1 ? v % t->kid[1]->lit.as.i64 : v);
}

static tdm_value calendar(const char *op, int64_t us)
{
    time_t s = us / 1000000 - (us % 1000000 < 0);
    struct tm tm = *gmtime(&s);
    if (!strcmp(op, "hour"))
        return of_i64(tm.tm_hour);
    if (!strcmp(op, "minute"))
        return of_i64(tm.tm_min);
    if (!strcmp(op, "month"))
        return of_i64(tm.tm_mon + 1);
    if (!strcmp(op, "year"))
        return of_i64(tm.tm_year + 1900);
    if (!strcmp(op, "day_of_month"))
        return of_i64(tm.tm_mday);
    if (!strcmp(op, "day_of_year"))
        return of_i64(tm.tm_yday + 1);
    return of_i64(tm.tm_wday ? tm.tm_wday : 7);
}

static tdm_value text_of_bytes(const oracle *o, const char *bytes, size_t n)
{
    tdm_value v = {.kind = TDM_STRING, .presence = TDM_PRESENT};
    assert_true(tdm__arena_str(o->arena, tdm__strn(bytes, n), &v.as.str));
    return v;
}

/* Case, by one table of letters each. */
static tdm_value cased(const oracle *o, bool lower, tdm_str s)
{
    static const char small[] = "abcdefghijklmnopqrstuvwxyz", capital[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    char bytes[4096];
    assert_true(s.len <= sizeof bytes);
    for (size_t i = 0; i < s.len; i++) {
        const char *at = s.ptr[i] ? strchr(lower ? capital : small, s.ptr[i]) : NULL;
        bytes[i] = at ? (lower ? small[at - capital] : capital[at - small]) : s.ptr[i];
    }
    return text_of_bytes(o, bytes, s.len);
}

static tdm_value concat(const oracle *o, const tree *t)
{
    char bytes[4096];
    size_t n = 0;
    for (int i = 0; i < t->n; i++) {
        tdm_value v = oracle_eval(o, t->kid[i]);
        if (!here(v))
            return absent(TDM_STRING);
        for (size_t j = 0; j < v.as.str.len; j++) {
            assert_true(n < sizeof bytes);
            bytes[n++] = v.as.str.ptr[j];
        }
    }
    return text_of_bytes(o, bytes, n);
}

/* contains, starts_with, ends_with by trying every place */
static tdm_value part_of(const char *op, tdm_str s, tdm_str part)
{
    bool found = false;
    for (size_t at = 0; at + part.len <= s.len; at++) {
        if ((op[0] == 's' && at != 0) || (op[0] == 'e' && at + part.len != s.len))
            continue;
        bool same = true;
        for (size_t i = 0; i < part.len; i++)
            same &= s.ptr[at + i] == part.ptr[i];
        found |= same;
    }
    return of_bool(found);
}

static tdm_value lookup(const oracle *o, const tree *t)
{
    bool seats = t->kind == TDM_I64;
    tdm_value key = oracle_eval(o, t->kid[0]), found = {.presence = TDM_MISSING};
    if (here(key))
        (seats ? fixture_seats : fixture_words)(NULL, &key, &found);
    if (found.presence == TDM_MISSING && t->n > 1)
        found = oracle_eval(o, t->kid[1]);
    return here(found) ? found : absent(t->kind);
}

static tdm_value to_i64(tdm_value v)
{
    if (v.kind == TDM_STRING) {
        char z[4096], *end;
        assert_true(v.as.str.len < sizeof z);
        memcpy(z, v.as.str.ptr, v.as.str.len);
        z[v.as.str.len] = 0;
        errno = 0;
        long long n = strtoll(z, &end, 10);
        return *z && !*end && errno == 0 ? of_i64(n) : absent(TDM_I64);
    }
    if (v.kind == TDM_F64 || v.kind == TDM_F32) {
        double x = real(v);
        return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? of_i64((int64_t)trunc(x)) : absent(TDM_I64);
    }
    if (v.kind == TDM_DECIMAL)
        return of_i64((int64_t)v.as.dec.lo / (v.scale == 2 ? 100 : 10000));
    return of_i64(v.kind == TDM_BOOL ? v.as.b : v.as.i64);
}

static tdm_value to_text(const oracle *o, tdm_value v)
{
    char bytes[64];
    if (v.kind == TDM_BOOL)
        return text_of_bytes(o, v.as.b ? "true" : "false", v.as.b ? 4 : 5);
    snprintf(bytes, sizeof bytes, "%" PRId64, v.as.i64);
    return text_of_bytes(o, bytes, strlen(bytes));
}

static tdm_value characters(tdm_str s)
{
    int64_t n = 0;
    for (size_t i = 0; i < s.len; n++) {
        unsigned char c = (unsigned char)s.ptr[i];
        i += c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    }
    return of_i64(n);
}

/* Functions that are null when their first operand is. */
static tdm_value strict(const oracle *o, const tree *t, tdm_value a)
{
    static const char *const dates[] = {"hour", "minute", "month", "year", "day_of_month", "day_of_year",
                                        "day_of_week"};
    static const char *const numbers[] = {"neg", "abs", "floor", "ceil", "round", "exp", "sqrt", "log", "log1p"};
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        if (!strcmp(t->op, dates[i]))
            return calendar(t->op, a.as.time_us);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(t->op, numbers[i]))
            return one_number(t->op, t->kind, t->kind == TDM_F64 && a.kind != TDM_F64 ? of_f64(real(a)) : a);
    if (!strcmp(t->op, "bucket"))
        return bucket(t, a);
    if (!strcmp(t->op, "hash"))
        return hash(t, a);
    if (!strcmp(t->op, "lower") || !strcmp(t->op, "upper"))
        return cased(o, t->op[0] == 'l', a.as.str);
    if (!strcmp(t->op, "length"))
        return characters(a.as.str);
    if (!strcmp(t->op, "to_i64"))
        return to_i64(a);
    if (!strcmp(t->op, "to_f64"))
        return of_f64(real(a));
    if (!strcmp(t->op, "to_string"))
        return to_text(o, a);
    if (!strcmp(t->op, "age"))
        return of_f64((double)(o->as_of_us - a.as.time_us) / 1e6);
    tdm_value b = oracle_eval(o, t->kid[1]);
    if (!here(b))
        return absent(t->kind);
    if (!strcmp(t->op, "seconds_between"))
        return of_f64((double)(b.as.time_us - a.as.time_us) / 1e6);
    return part_of(t->op, a.as.str, b.as.str);
}

static tdm_value choice(const oracle *o, const tree *t)
{
    if (!strcmp(t->op, "if")) {
        tdm_value condition = oracle_eval(o, t->kid[0]);
        return eval_as(o, t->kid[here(condition) && condition.as.b ? 1 : 2], t->kind);
    }
    for (int i = 0; i < t->n; i++) {
        tdm_value v = eval_as(o, t->kid[i], t->kind);
        if (here(v))
            return v;
    }
    return absent(t->kind);
}

static tdm_value oracle_eval(const oracle *o, const tree *t)
{
    tdm_value v;
    if (!strcmp(t->op, "lit"))
        return t->lit;
    if (!strcmp(t->op, "null"))
        return absent(t->kind);
    if (!strcmp(t->op, "as_of"))
        return (tdm_value){.kind = TDM_TIMESTAMP, .presence = TDM_PRESENT, .as.time_us = o->as_of_us};
    if (!strcmp(t->op, "name")) {
        tdm__column_get(&o->fx->column[t->slot], o->row, &v);
        return v;
    }
    if (!strcmp(t->op, "is_null"))
        return of_bool(!here(oracle_eval(o, t->kid[0])));
    if (!strcmp(t->op, "is_missing"))
        return of_bool(oracle_eval(o, t->kid[0]).presence == TDM_MISSING);
    if (!strcmp(t->op, "and") || !strcmp(t->op, "or") || !strcmp(t->op, "not"))
        return logic(o, t);
    if (!strcmp(t->op, "in") || !strcmp(t->op, "not in"))
        return membership(o, t);
    if (!strcmp(t->op, "if") || !strcmp(t->op, "coalesce"))
        return choice(o, t);
    if (!strcmp(t->op, "min") || !strcmp(t->op, "max"))
        return extremes(o, t);
    if (!strcmp(t->op, "clip"))
        return clip(o, t);
    if (!strcmp(t->op, "concat"))
        return concat(o, t);
    if (!strcmp(t->op, "lookup"))
        return lookup(o, t);
    if (strchr("+-*/%", t->op[0]))
        return arithmetic(o, t);
    if (strchr("=!<>", t->op[0]))
        return comparison(o, t);
    v = oracle_eval(o, t->kid[0]);
    return here(v) ? strict(o, t, v) : absent(t->kind);
}

#endif
