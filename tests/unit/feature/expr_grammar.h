/* Random well-typed trees of the language, and their text with as few parentheses as precedence allows (and some more
 * at random). The trees are for expr_oracle.h; the text is for the code under test. */
#ifndef TANDEM_TESTS_EXPR_GRAMMAR_H
#define TANDEM_TESTS_EXPR_GRAMMAR_H

#include "expr_oracle.h"

#include "schema/instant.h"

typedef struct grammar {
    tdm__random *r;
    const fixture *fx;
    tdm__arena *arena;
} grammar;

static tree *grow(grammar *g, int kind, int depth);

static uint64_t below(grammar *g, uint64_t n)
{
    return tdm__random_below(g->r, n);
}

static tree *make(grammar *g, const char *op, int kind)
{
    tree *t = tdm__arena_new(g->arena, tree);
    assert_non_null(t);
    t->op = op;
    t->kind = kind;
    return t;
}

static tree *with(tree *t, tree *kid)
{
    assert_true(t->n < TREE_KIDS);
    t->kid[t->n++] = kid;
    return t;
}

static const char *pick(grammar *g, const char *const *list, size_t n)
{
    return list[below(g, n)];
}
#define PICK(g, ...) \
    pick((g), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* A literal of the kind; timestamps only beside something that says so. NaN and infinities have none. */
static tree *literal(grammar *g, int kind)
{
    tree *t = make(g, "lit", kind);
    tdm_type type = {.kind = (uint8_t)kind};
    do
        fixture_value(g->r, &type, &t->lit);
    while (kind == TDM_F64 && !isfinite(t->lit.as.f64));
    return t;
}

static tree *name(grammar *g, int kind)
{
    tree *t = make(g, "name", kind);
    do
        t->slot = (int)below(g, FIXTURE_N);
    while (g->fx->type[t->slot].kind != kind);
    return t;
}

static tree *null_of(grammar *g, int kind)
{
    return make(g, "null", kind);
}

/* A number of any kind. */
static tree *number(grammar *g, int depth)
{
    switch (below(g, 8)) {
    case 0: return name(g, TDM_F32);
    case 1: return name(g, TDM_DECIMAL);
    case 2:
    case 3:
    case 4: return grow(g, TDM_I64, depth);
    default: return grow(g, TDM_F64, depth);
    }
}

static tree *two(grammar *g, const char *op, int kind, tree *a, tree *b)
{
    return with(with(make(g, op, kind), a), b);
}

static tree *compared(grammar *g, int depth)
{
    const char *op = PICK(g, "=", "!=", "<", "<=", ">", ">=");
    switch (below(g, 8)) {
    case 0: return two(g, op, TDM_BOOL, grow(g, TDM_STRING, depth), grow(g, TDM_STRING, depth));
    case 1: return two(g, op, TDM_BOOL, grow(g, TDM_TIMESTAMP, depth), grow(g, TDM_TIMESTAMP, depth));
    case 2: return two(g, op, TDM_BOOL, grow(g, TDM_TIMESTAMP, depth), literal(g, TDM_TIMESTAMP));
    case 3: return two(g, PICK(g, "=", "!="), TDM_BOOL, grow(g, TDM_BOOL, depth), grow(g, TDM_BOOL, depth));
    default: return two(g, op, TDM_BOOL, number(g, depth), number(g, depth));
    }
}

static tree *member(grammar *g, int depth)
{
    tree *t = make(g, PICK(g, "in", "not in"), TDM_BOOL);
    int kind = (int[]){TDM_I64, TDM_F64, TDM_STRING, TDM_TIMESTAMP, TDM_F32, TDM_DECIMAL}[below(g, 6)];
    with(t, kind == TDM_F32 || kind == TDM_DECIMAL ? name(g, kind) : grow(g, kind, depth));
    int n = 1 + (int)below(g, 4);
    for (int i = 0; i < n; i++)
        with(t, literal(g, kind == TDM_STRING || kind == TDM_TIMESTAMP ? kind : below(g, 2) ? TDM_I64 : TDM_F64));
    return t;
}

static tree *grow_bool(grammar *g, int depth)
{
    static const int kinds[] = {TDM_BOOL, TDM_I64, TDM_F32, TDM_F64, TDM_DECIMAL, TDM_STRING, TDM_TIMESTAMP};
    switch (below(g, 10)) {
    case 0:
    case 1: return two(g, "and", TDM_BOOL, grow(g, TDM_BOOL, depth), grow(g, TDM_BOOL, depth));
    case 2: return two(g, "or", TDM_BOOL, grow(g, TDM_BOOL, depth),
                       below(g, 8) ? grow(g, TDM_BOOL, depth) : null_of(g, TDM_BOOL));
    case 3: return with(make(g, "not", TDM_BOOL), grow(g, TDM_BOOL, depth));
    case 4: return member(g, depth);
    case 5: return with(make(g, "is_null", TDM_BOOL), number(g, depth));
    case 6: return with(make(g, "is_missing", TDM_BOOL), name(g, kinds[below(g, 7)]));
    case 7: return two(g, PICK(g, "contains", "starts_with", "ends_with"), TDM_BOOL, grow(g, TDM_STRING, depth),
                       grow(g, TDM_STRING, depth));
    default: return compared(g, depth);
    }
}

/* Ascending literals after the counted number. */
static tree *bucketed(grammar *g, int depth)
{
    tree *t = with(make(g, "bucket", TDM_I64), number(g, depth));
    double at = (double)below(g, 100) - 60;
    int n = 1 + (int)below(g, 5);
    for (int i = 0; i < n; i++, at += 0.5 + (double)below(g, 40) / 4) {
        tree *border = make(g, "lit", TDM_F64);
        border->lit = of_f64(at);
        with(t, border);
    }
    return t;
}

static tree *hashed(grammar *g, int depth)
{
    static const int kinds[] = {TDM_STRING, TDM_I64, TDM_TIMESTAMP};
    tree *t = with(make(g, "hash", TDM_I64), grow(g, kinds[below(g, 3)], depth));
    if (below(g, 2)) {
        tree *n = make(g, "lit", TDM_I64);
        n->lit = of_i64(1 + (int64_t)below(g, 1000));
        with(t, n);
    }
    return t;
}

static tree *grow_i64(grammar *g, int depth)
{
    switch (below(g, 12)) {
    case 0:
    case 1:
    case 2: return two(g, PICK(g, "+", "-", "*", "%"), TDM_I64, grow(g, TDM_I64, depth),
                       below(g, 16) ? grow(g, TDM_I64, depth) : null_of(g, TDM_I64));
    case 3: return with(make(g, PICK(g, "neg", "abs", "floor", "ceil", "round"), TDM_I64), grow(g, TDM_I64, depth));
    case 4: return two(g, PICK(g, "min", "max"), TDM_I64, grow(g, TDM_I64, depth), grow(g, TDM_I64, depth));
    case 5: return with(two(g, "clip", TDM_I64, grow(g, TDM_I64, depth), name(g, TDM_I64)), grow(g, TDM_I64, depth));
    case 6: return bucketed(g, depth);
    case 7: return hashed(g, depth);
    case 8: return with(make(g, "length", TDM_I64), grow(g, TDM_STRING, depth));
    case 9: return with(make(g, "to_i64", TDM_I64), below(g, 2) ? number(g, depth) :
                        grow(g, (int[]){TDM_STRING, TDM_BOOL, TDM_TIMESTAMP}[below(g, 3)], depth));
    case 10: {
        tree *t = with(make(g, "lookup", TDM_I64), grow(g, TDM_STRING, depth));
        return below(g, 2) ? with(t, grow(g, TDM_I64, depth)) : t;
    }
    default: return with(make(g, PICK(g, "hour", "minute", "month", "year", "day_of_month", "day_of_year",
                                      "day_of_week"), TDM_I64),
                         grow(g, TDM_TIMESTAMP, depth));
    }
}

/* A number that is no i64, so that the operation is one of f64. */
static tree *fraction(grammar *g, int depth)
{
    tree *t = number(g, depth);
    return t->kind == TDM_I64 ? grow(g, TDM_F64, depth) : t;
}

static tree *grow_f64(grammar *g, int depth)
{
    switch (below(g, 11)) {
    case 0:
    case 1: return two(g, PICK(g, "+", "-", "*", "/", "%"), TDM_F64, number(g, depth), fraction(g, depth));
    case 2: return two(g, PICK(g, "+", "-", "*", "/", "%"), TDM_F64, fraction(g, depth), number(g, depth));
    case 3: return two(g, "/", TDM_F64, grow(g, TDM_I64, depth), grow(g, TDM_I64, depth));
    case 4:
    case 5: return with(make(g, PICK(g, "neg", "abs", "floor", "ceil", "round", "exp", "sqrt", "log", "log1p"),
                             TDM_F64),
                        fraction(g, depth));
    case 6: return with(two(g, PICK(g, "min", "max"), TDM_F64, number(g, depth), number(g, depth)), fraction(g, depth));
    case 7: return with(two(g, "clip", TDM_F64, fraction(g, depth), number(g, 0)), name(g, TDM_F64));
    case 8: return with(make(g, "to_f64", TDM_F64), number(g, depth));
    case 9: return with(make(g, "age", TDM_F64), grow(g, TDM_TIMESTAMP, depth));
    default: return two(g, "seconds_between", TDM_F64, grow(g, TDM_TIMESTAMP, depth), grow(g, TDM_TIMESTAMP, depth));
    }
}

static tree *grow_string(grammar *g, int depth)
{
    switch (below(g, 5)) {
    case 0: return with(make(g, PICK(g, "lower", "upper"), TDM_STRING), grow(g, TDM_STRING, depth));
    case 1: return with(make(g, "to_string", TDM_STRING), grow(g, below(g, 2) ? TDM_I64 : TDM_BOOL, depth));
    case 2: return two(g, "lookup", TDM_STRING, grow(g, TDM_I64, depth), grow(g, TDM_STRING, depth));
    default: {
        tree *t = two(g, "concat", TDM_STRING, grow(g, TDM_STRING, depth), grow(g, TDM_STRING, depth));
        return below(g, 2) ? with(t, grow(g, TDM_STRING, 0)) : t;
    }
    }
}

static tree *grow_timestamp(grammar *g, int depth)
{
    if (below(g, 3) == 0)
        return make(g, "as_of", TDM_TIMESTAMP);
    return two(g, PICK(g, "min", "max"), TDM_TIMESTAMP, grow(g, TDM_TIMESTAMP, depth), grow(g, TDM_TIMESTAMP, depth));
}

static tree *chosen(grammar *g, int kind, int depth)
{
    tree *a = kind == TDM_F64 ? fraction(g, depth) : grow(g, kind, depth);
    tree *b = kind == TDM_F64 ? grow(g, TDM_F64, depth) : grow(g, kind, depth);
    if (below(g, 6) == 0)
        b = a->kind == kind ? null_of(g, kind) : b;
    if (below(g, 2))
        return two(g, "coalesce", kind, a, b);
    return with(two(g, "if", kind, grow(g, TDM_BOOL, depth), a), b);
}

static tree *grow(grammar *g, int kind, int depth)
{
    if (depth <= 0 || below(g, 6) == 0)
        return kind == TDM_TIMESTAMP || below(g, 3) ? name(g, kind) : literal(g, kind);
    if (below(g, 6) == 0)
        return chosen(g, kind, depth - 1);
    switch (kind) {
    case TDM_BOOL: return grow_bool(g, depth - 1);
    case TDM_I64: return grow_i64(g, depth - 1);
    case TDM_F64: return grow_f64(g, depth - 1);
    case TDM_STRING: return grow_string(g, depth - 1);
    default: return grow_timestamp(g, depth - 1);
    }
}

static int binding(const tree *t)
{
    const char *op = t->op;
    if (!strcmp(op, "or"))
        return 1;
    if (!strcmp(op, "and"))
        return 2;
    if (!strcmp(op, "not"))
        return 3;
    if (strchr("=!<>", op[0]) || !strcmp(op, "in") || !strcmp(op, "not in"))
        return 4;
    if (!strcmp(op, "+") || !strcmp(op, "-"))
        return 5;
    if (strchr("*/%", op[0]))
        return 6;
    return strcmp(op, "neg") ? 8 : 7;
}

static void quote(tdm__buf *out, tdm_str s)
{
    tdm__buf_char(out, '\'');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\'')
            tdm__buf_char(out, '\'');
        tdm__buf_char(out, s.ptr[i]);
    }
    tdm__buf_char(out, '\'');
}

static void print_literal(tdm__buf *out, const tdm_value *v)
{
    char digits[40];
    if (v->kind == TDM_STRING) {
        quote(out, v->as.str);
    } else if (v->kind == TDM_TIMESTAMP) {
        tdm__instant_format(v->as.time_us, digits);
        quote(out, tdm__str(digits));
    } else if (v->kind == TDM_F64) {
        tdm__format_f64(v->as.f64, digits);
        tdm__buf_text(out, digits);
        if (!strpbrk(digits, ".e"))
            tdm__buf_text(out, ".0");
    } else {
        tdm__value_format(v, out);
    }
}

static void print_tree(grammar *g, tdm__buf *out, const tree *t, int least);

static void print_list(grammar *g, tdm__buf *out, const tree *t, int from)
{
    for (int i = from; i < t->n; i++) {
        if (i > from)
            tdm__buf_text(out, ", ");
        print_tree(g, out, t->kid[i], 0);
    }
    tdm__buf_char(out, ')');
}

static void print_bare(grammar *g, tdm__buf *out, const tree *t)
{
    int own = binding(t);
    if (!strcmp(t->op, "lit")) {
        print_literal(out, &t->lit);
    } else if (!strcmp(t->op, "null")) {
        tdm__buf_text(out, "null");
    } else if (!strcmp(t->op, "name")) {
        const char *z = fixture_names[t->slot];
        tdm__buf_printf(out, strchr(z, '-') ? "`%s`" : "%s", z);
    } else if (own == 3 || own == 7) {
        tdm__buf_text(out, own == 3 ? "not " : "-");
        print_tree(g, out, t->kid[0], own);
    } else if (!strcmp(t->op, "in") || !strcmp(t->op, "not in")) {
        print_tree(g, out, t->kid[0], 5);
        tdm__buf_printf(out, " %s (", t->op);
        print_list(g, out, t, 1);
    } else if (own < 8) {
        print_tree(g, out, t->kid[0], own == 4 ? 5 : own);
        tdm__buf_printf(out, " %s ", t->op);
        print_tree(g, out, t->kid[1], own + 1);
    } else {
        tdm__buf_printf(out, "%s(", t->op);
        if (!strcmp(t->op, "lookup"))
            tdm__buf_printf(out, "%s, ", t->kind == TDM_I64 ? "seats" : "words");
        print_list(g, out, t, 0);
    }
}

/* In parentheses when it binds looser than `least`. A literal is never wrapped: lists take it bare. */
static void print_tree(grammar *g, tdm__buf *out, const tree *t, int least)
{
    bool leaf = !strcmp(t->op, "lit") || !strcmp(t->op, "name");
    bool wrap = binding(t) < least || (!leaf && below(g, 16) == 0);
    if (wrap)
        tdm__buf_char(out, '(');
    print_bare(g, out, t);
    if (wrap)
        tdm__buf_char(out, ')');
}

#endif
