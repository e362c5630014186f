/* The inside of expressions: what the lexer, parser, checker, emitter and kernels share.
 *
 * A compilation goes text -> tokens -> nodes -> types -> steps. Nodes lie in one array in post-order (operands before
 * the operation), so every pass after the parser is one loop and only the parser recurses, to a bounded depth. A step
 * is one operation over columns; a program is a list of steps over a table of columns: slots read, result, constants,
 * registers. */
#ifndef TDM_FEATURE_EXPR_IMPL_H
#define TDM_FEATURE_EXPR_IMPL_H

#include "feature/expression.h"
#include "feature/expr_functions.h"

enum {
    TDM__EXPR_TEXT_BYTES = 64 * 1024,
    TDM__EXPR_DEPTH = 64,      /* parentheses, calls and prefixes inside each other */
    TDM__EXPR_NODES = 4096,
    TDM__EXPR_ARGS = 64,       /* of a function that is no fold and takes no list of literals */
    TDM__EXPR_REGISTERS = 256, /* intermediate columns alive at once */
    TDM__EXPR_MADE_BYTES = 64 * 1024, /* the longest text that concat() makes */
};

/* Kinds beside tdm_kind: the literal null before its place gives it one, and an operand that the checker consumed. */
enum { TDM__KIND_NONE = TDM_KIND_COUNT, TDM__KIND_TAKEN = 0xff };

/*   name      spelling */
#define TDM__TOKENS(X)       \
    X(END,     "the end")    \
    X(NAME,    "a name")     \
    X(INTEGER, "an integer") \
    X(DECIMAL, "a number")   \
    X(TEXT,    "a text")     \
    X(OPEN,    "'('")        \
    X(CLOSE,   "')'")        \
    X(COMMA,   "','")        \
    X(ADD,     "'+'")        \
    X(SUB,     "'-'")        \
    X(MUL,     "'*'")        \
    X(DIV,     "'/'")        \
    X(REM,     "'%'")        \
    X(EQ,      "'='")        \
    X(NE,      "'!='")       \
    X(LT,      "'<'")        \
    X(LE,      "'<='")       \
    X(GT,      "'>'")        \
    X(GE,      "'>='")       \
    X(AND,     "'and'")      \
    X(OR,      "'or'")       \
    X(NOT,     "'not'")      \
    X(IN,      "'in'")       \
    X(TRUE,    "'true'")     \
    X(FALSE,   "'false'")    \
    X(NULL,    "'null'")

enum tdm__token_kind {
#define TDM__TOKEN_ENUM(name, text) TDM__T_##name,
    TDM__TOKENS(TDM__TOKEN_ENUM)
#undef TDM__TOKEN_ENUM
    TDM__T_COUNT
};

typedef struct tdm__token {
    uint8_t kind;
    size_t at, end; /* its bytes in the text */
    tdm_str text;   /* a name or a text without its quotes; else as written */
} tdm__token;

/* What a kernel works on: the operands' columns, the result's column, and the rows. */
typedef struct tdm__frame {
    const tdm__column **in;
    tdm__column *out;
    size_t rows;
    int64_t as_of_us;
    tdm__arena *arena;
} tdm__frame;

/* What an operation knows beside its operands, fixed when compiling. */
typedef struct tdm__expr_extra {
    const tdm__zone *zone;
    const tdm__lookup_table *table;
    uint32_t n;           /* entries of the list below; concat(): texts; lookup(): 1 when there is a default */
    const int64_t *i64;   /* sorted: borders, or the values of in() */
    const double *f64;
    const tdm_str *text;
    int64_t modulus;      /* hash(): 0 for none */
    uint8_t mask;         /* comparisons: bits less, equal, greater, unordered */
    uint8_t scale[2];     /* decimals compared */
    uint8_t negated;      /* not in */
} tdm__expr_extra;

/* One operation over a block. Reads f->in, writes f->out for rows [0, f->rows). False when out of memory. */
typedef bool tdm__kernel(const tdm__expr_extra *extra, const tdm__frame *f);

enum tdm__expr_form { TDM__F_LITERAL, TDM__F_NAME, TDM__F_OPERATION, TDM__F_IN, TDM__F_CALL };

typedef struct tdm__expr_node {
    uint8_t form;
    uint8_t op;       /* a token kind for operations, a function for calls */
    uint8_t wanted;   /* the kind in which its parent reads it */
    bool negated;     /* not in */
    uint32_t kids, last, n_kids, next; /* first and last operand, their number; the next operand of the same parent */
    size_t at;        /* where a fault in it is shown */
    tdm_type type;
    tdm_value value;  /* literals */
    tdm_str name;
    int slot;
    tdm__kernel *kernel;
    tdm__expr_extra extra;
} tdm__expr_node;

/* One compilation. `keep` outlives it, `scratch` does not. */
typedef struct tdm__expr_work {
    tdm_str text;
    const tdm__expression_scope *scope;
    tdm__arena *keep, scratch;
    tdm__expr_node *node;
    size_t n_nodes, cap_nodes;
    size_t at;      /* the lexer's place */
    tdm__token now; /* the parser's token */
    unsigned depth;
    size_t fault;
    tdm_error *err;
} tdm__expr_work;

typedef struct tdm__step {
    tdm__kernel *kernel;
    uint32_t *in; /* columns */
    uint32_t n_in;
    uint32_t out; /* column */
    tdm_type type;
    tdm__expr_extra extra;
} tdm__step;

/* Columns are numbered: slots [0, n_slots), the result, constants, registers. */
struct tdm__expression {
    tdm_type type;
    int *slot;
    size_t n_slots;
    tdm__column *constant; /* of one row each */
    size_t n_constants;
    uint8_t *register_bytes; /* the widest value each holds */
    size_t n_registers;
    tdm__step *step;
    size_t n_steps;
    size_t n_in_max;
    bool reads_as_of;
};

/* Fills the error and the offset. Always TDM_EXPRESSION. */
tdm_status tdm__expr_fail(tdm__expr_work *w, size_t at, const char *what, ...) TDM_PRINTF(3, 4);
/* "a number", "'+'" and so on, for messages. */
const char *tdm__expr_token_text(unsigned kind);
/* Reads the next token into w->now. */
tdm_status tdm__expr_next(tdm__expr_work *w);
/* Fills w->node; the root is the last. */
tdm_status tdm__expr_parse(tdm__expr_work *w);
/* Types, kernels and extras for all nodes. */
tdm_status tdm__expr_check(tdm__expr_work *w);
/* Type, kernel and extra of one call. */
tdm_status tdm__expr_check_call(tdm__expr_work *w, tdm__expr_node *node);
/* Steps from checked nodes. */
tdm_status tdm__expr_emit(tdm__expr_work *w, tdm__expression **out);

/* Shared by the checkers. */
bool tdm__expr_is_number(unsigned kind);
const char *tdm__expr_kind_text(unsigned kind);
tdm__expr_node *tdm__expr_kid(tdm__expr_work *w, const tdm__expr_node *node, unsigned i);
void tdm__expr_set_type(tdm__expr_node *node, unsigned kind, bool nullable, tdm__kernel *kernel);
/* Marks the operand as read in this kind; it must fit (equal, null, or a number that widens). */
void tdm__expr_want(tdm__expr_node *kid, unsigned kind);
tdm_status tdm__expr_type_fault(tdm__expr_work *w, const tdm__expr_node *kid, const char *who, const char *expected);
/* Makes the literal text beside a timestamp a timestamp. */
tdm_status tdm__expr_text_to_time(tdm__expr_work *w, tdm__expr_node *kid);
/* The kind in which both can be read: equal kinds stay, numbers widen to f64; decimals stay when of one scale. */
tdm_status tdm__expr_unify(tdm__expr_work *w, const char *who, tdm__expr_node *a, tdm__expr_node *b, tdm_type *type);
/* A literal number as f64. */
double tdm__expr_literal_f64(const tdm__expr_node *literal);

/* Exact three-way comparison: 0 less, 1 equal, 2 greater, 3 unordered (the bits of extra.mask). */
unsigned tdm__order_i64_f64(int64_t a, double b);
unsigned tdm__order_decimal(tdm_i128 a, unsigned scale_a, tdm_i128 b, unsigned scale_b);

/* Every NaN that an operation makes is this one, so that bits do not depend on the order of operands. */
double tdm__expr_nan(void);

/* A kernel for each operation and kind. */
#define TDM__KERNELS(X)                                                                                                \
    X(add_i64) X(sub_i64) X(mul_i64) X(rem_i64) X(neg_i64) X(abs_i64) X(min_i64) X(max_i64) X(clip_i64)                \
    X(add_f64) X(sub_f64) X(mul_f64) X(div_f64) X(rem_f64) X(neg_f64) X(abs_f64) X(min_f64) X(max_f64) X(clip_f64)     \
    X(eq_i64) X(ne_i64) X(lt_i64) X(le_i64) X(gt_i64) X(ge_i64)                                                        \
    X(eq_f64) X(ne_f64) X(lt_f64) X(le_f64) X(gt_f64) X(ge_f64)                                                        \
    X(order_mixed) X(order_mixed_swapped) X(order_decimal) X(order_text) X(order_bool)                                 \
    X(and_bool) X(or_bool) X(not_bool)                                                                                 \
    X(in_i64) X(in_f64) X(in_text)                                                                                     \
    X(i64_to_f64) X(f32_to_f64) X(decimal_to_f64) X(bool_to_f64) X(text_to_f64)                                        \
    X(i64_to_decimal) X(f64_to_i64) X(decimal_to_i64) X(bool_to_i64) X(text_to_i64) X(to_text)                         \
    X(copy_1) X(copy_4) X(copy_8) X(copy_16) X(same_8)                                                                 \
    X(if_1) X(if_4) X(if_8) X(if_16) X(coalesce_1) X(coalesce_4) X(coalesce_8) X(coalesce_16)                          \
    X(is_null) X(is_missing)                                                                                           \
    X(log) X(log1p) X(exp) X(sqrt) X(floor) X(ceil) X(round) X(haversine)                                              \
    X(bucket_i64) X(bucket_f64) X(hash_i64) X(hash_text)                                                               \
    X(lower) X(upper) X(concat) X(contains) X(starts_with) X(ends_with) X(length) X(lookup)                            \
    X(hour) X(minute) X(day_of_week) X(day_of_month) X(day_of_year) X(month) X(year)                                   \
    X(age) X(as_of) X(seconds_between)

#define TDM__KERNEL_DECLARE(name) tdm__kernel tdm__k_##name;
TDM__KERNELS(TDM__KERNEL_DECLARE)
#undef TDM__KERNEL_DECLARE

#endif
