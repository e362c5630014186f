/* The grammar, by recursive descent: tokens to nodes in post-order.
 *
 *   expression = and-term { "or" and-term }        comparison = sum [ ("=" | "!=" | "<" ...) sum | ["not"] "in" list ]
 *   and-term   = not-term { "and" not-term }       sum        = product { ("+" | "-") product }
 *   not-term   = "not" not-term | comparison       product    = prefix { ("*" | "/" | "%") prefix }
 *   prefix     = "-" prefix | primary              primary    = literal | name | call | "(" expression ")"
 *
 * Depth and nodes are bounded, each token is looked at once: the time is linear in the text. Functions of any number of
 * arguments that fold (min, max, coalesce) become nested pairs here. No types in this file. */
#include <string.h>

#include "base/number.h"
#include "feature/expr_impl.h"

static tdm_status parse_or(tdm__expr_work *w, uint32_t *out);

static tdm_status expected(tdm__expr_work *w, const char *what)
{
    tdm_status s = tdm__expr_fail(w, w->now.at, "the expression cannot be read here");
    tdm__fail_expected(w->err, "%s", what);
    if (w->now.kind == TDM__T_END)
        tdm__fail_found(w->err, "the end");
    else
        tdm__fail_found_text(w->err, tdm__strn(w->text.ptr + w->now.at, w->now.end - w->now.at));
    return s;
}

static tdm_status accept(tdm__expr_work *w, unsigned kind)
{
    if (w->now.kind != kind)
        return expected(w, tdm__expr_token_text(kind));
    return tdm__expr_next(w);
}

static tdm_status new_node(tdm__expr_work *w, unsigned form, size_t at, uint32_t *out)
{
    if (w->n_nodes == TDM__EXPR_NODES) {
        tdm_status s = tdm__expr_fail(w, at, "the expression has too many parts");
        tdm__fail_expected(w->err, "at most %d", TDM__EXPR_NODES);
        return s;
    }
    if (!tdm__grow(w->node, w->cap_nodes, w->n_nodes + 1))
        return tdm__no_memory(w->err, NULL);
    tdm__expr_node *node = &w->node[w->n_nodes];
    memset(node, 0, sizeof *node);
    node->form = (uint8_t)form;
    node->at = at;
    node->slot = -1;
    *out = (uint32_t)w->n_nodes++;
    return TDM_OK;
}

static void add_kid(tdm__expr_work *w, uint32_t parent, uint32_t kid)
{
    tdm__expr_node *node = &w->node[parent];
    if (node->n_kids++ == 0)
        node->kids = kid;
    else
        w->node[node->last].next = kid;
    node->last = kid;
}

static tdm_status new_operation(tdm__expr_work *w, unsigned op, size_t at, uint32_t a, uint32_t b, uint32_t *out)
{
    tdm_status s = new_node(w, TDM__F_OPERATION, at, out);
    if (s)
        return s;
    w->node[*out].op = (uint8_t)op;
    add_kid(w, *out, a);
    if (b != a)
        add_kid(w, *out, b);
    return TDM_OK;
}

static tdm_status deeper(tdm__expr_work *w)
{
    if (++w->depth <= TDM__EXPR_DEPTH)
        return TDM_OK;
    tdm_status s = tdm__expr_fail(w, w->now.at, "the expression is nested too deeply");
    tdm__fail_expected(w->err, "at most %d levels", TDM__EXPR_DEPTH);
    return s;
}

static tdm_status read_integer(tdm__expr_work *w, tdm_str digits, size_t at, tdm_value *out)
{
    bool overflow = false;
    if (tdm__parse_i64(digits, &out->as.i64, &overflow) && !overflow) {
        out->kind = TDM_I64;
        return TDM_OK;
    }
    tdm_status s = tdm__expr_fail(w, at, "the integer does not fit i64");
    tdm__fail_found_text(w->err, digits);
    tdm__fail_hint(w->err, "write a decimal point for f64");
    return s;
}

static tdm_status read_decimal(tdm__expr_work *w, tdm_str digits, size_t at, tdm_value *out)
{
    bool overflow = false;
    out->kind = TDM_F64;
    if (tdm__parse_f64(digits, &out->as.f64, &overflow) && !overflow)
        return TDM_OK;
    tdm_status s = tdm__expr_fail(w, at, "the number does not fit f64");
    tdm__fail_found_text(w->err, digits);
    return s;
}

/* A number, with the minus before it when there is one: so the least i64 can be written. */
static tdm_status read_number(tdm__expr_work *w, bool minus, size_t at, tdm_value *out)
{
    tdm_str digits = w->now.text;
    if (minus) {
        char *copy = tdm__arena_alloc(&w->scratch, digits.len + 1);
        if (!copy)
            return tdm__no_memory(w->err, NULL);
        copy[0] = '-';
        memcpy(copy + 1, digits.ptr, digits.len);
        digits = tdm__strn(copy, digits.len + 1);
    }
    return w->now.kind == TDM__T_INTEGER ? read_integer(w, digits, at, out) : read_decimal(w, digits, at, out);
}

static bool is_number_token(const tdm__expr_work *w)
{
    return w->now.kind == TDM__T_INTEGER || w->now.kind == TDM__T_DECIMAL;
}

static bool is_literal_token(const tdm__expr_work *w)
{
    unsigned kind = w->now.kind;
    return is_number_token(w) || kind == TDM__T_TEXT || (kind >= TDM__T_TRUE && kind <= TDM__T_NULL);
}

/* The literal under the parser, after the minus at `at` when `minus`. */
static tdm_status parse_literal(tdm__expr_work *w, bool minus, size_t at, uint32_t *out)
{
    tdm_value value = {.presence = TDM_PRESENT};
    if (is_number_token(w)) {
        tdm_status s = read_number(w, minus, at, &value);
        if (s)
            return s;
    } else if (w->now.kind == TDM__T_TEXT) {
        value.kind = TDM_STRING;
        value.as.str = w->now.text;
    } else if (w->now.kind == TDM__T_NULL) {
        value.kind = TDM__KIND_NONE;
        value.presence = TDM_NULL;
    } else {
        value.kind = TDM_BOOL;
        value.as.b = w->now.kind == TDM__T_TRUE;
    }
    tdm_status s = new_node(w, TDM__F_LITERAL, at, out);
    if (s)
        return s;
    w->node[*out].value = value;
    return tdm__expr_next(w);
}

/* A literal of a list, with a minus or without. */
static tdm_status parse_list_literal(tdm__expr_work *w, uint32_t *out)
{
    size_t at = w->now.at;
    bool minus = w->now.kind == TDM__T_SUB;
    if (minus) {
        tdm_status s = tdm__expr_next(w);
        if (s)
            return s;
    }
    if (minus ? is_number_token(w) : is_literal_token(w))
        return parse_literal(w, minus, at, out);
    return expected(w, minus ? "a number" : "a literal");
}

static tdm_status find_function(tdm__expr_work *w, const tdm__token *name, unsigned *out)
{
    const char *names[TDM__FN_COUNT];
    for (unsigned i = 0; i < TDM__FN_COUNT; i++) {
        names[i] = tdm__function_table[i].name;
        *out = i;
        if (tdm__str_is(name->text, names[i]))
            return TDM_OK;
    }
    int shown = name->text.len > 64 ? 64 : (int)name->text.len;
    tdm_status s = tdm__expr_fail(w, name->at, "there is no function '%.*s'", shown, name->text.ptr);
    const char *near = tdm__nearest(name->text, names, TDM__FN_COUNT);
    if (near)
        tdm__fail_hint(w->err, "did you mean '%s'?", near);
    return s;
}

static tdm_status check_count(tdm__expr_work *w, unsigned function, size_t at, unsigned n)
{
    const tdm__function_row *row = &tdm__function_table[function];
    if (n >= row->min && (row->max == 0 || n <= row->max))
        return TDM_OK;
    tdm_status s = tdm__expr_fail(w, at, "the number of arguments does not fit %s", row->signature);
    if (row->max == row->min)
        tdm__fail_expected(w->err, "%u", row->min);
    else if (row->max)
        tdm__fail_expected(w->err, "%u to %u", row->min, row->max);
    else
        tdm__fail_expected(w->err, "at least %u", row->min);
    tdm__fail_found(w->err, "%u", n);
    return s;
}

static tdm_status new_call(tdm__expr_work *w, unsigned function, size_t at, uint32_t *out)
{
    tdm_status s = new_node(w, TDM__F_CALL, at, out);
    if (!s)
        w->node[*out].op = (uint8_t)function;
    return s;
}

/* Arguments of a fold: f(a, b, c) becomes f(f(a, b), c), each pair made as soon as it is read. */
static tdm_status fold_argument(tdm__expr_work *w, unsigned function, size_t at, uint32_t kid, unsigned n,
                                uint32_t *out)
{
    uint32_t left = *out;
    if (n == 0) {
        *out = kid;
        return TDM_OK;
    }
    tdm_status s = new_call(w, function, at, out);
    if (s)
        return s;
    add_kid(w, *out, left);
    add_kid(w, *out, kid);
    return TDM_OK;
}

/* Arguments up to the closing parenthesis. Folds leave their node in *out, others the chain of operands in `first`. */
static tdm_status parse_arguments(tdm__expr_work *w, unsigned function, bool fold, size_t at, uint32_t *out,
                                  unsigned *n)
{
    uint32_t previous = 0;
    for (*n = 0; w->now.kind != TDM__T_CLOSE; ++*n) {
        uint32_t kid;
        tdm_status s = *n ? accept(w, TDM__T_COMMA) : TDM_OK;
        if (s || (s = parse_or(w, &kid)))
            return s;
        if (fold) {
            if ((s = fold_argument(w, function, at, kid, *n, out)))
                return s;
        } else if (*n == 0) {
            *out = kid;
        } else {
            w->node[previous].next = kid;
        }
        previous = kid;
        if (w->now.kind != TDM__T_CLOSE && w->now.kind != TDM__T_COMMA)
            return expected(w, "',' or ')'");
    }
    return tdm__expr_next(w);
}

/* A chain of n operands, first to last, becomes the node's. */
static void adopt(tdm__expr_work *w, uint32_t parent, uint32_t first, unsigned n)
{
    tdm__expr_node *node = &w->node[parent];
    node->kids = node->last = first;
    node->n_kids = n;
    for (unsigned i = 1; i < n; i++)
        node->last = w->node[node->last].next;
}

static tdm_status parse_call(tdm__expr_work *w, const tdm__token *name, uint32_t *out)
{
    unsigned function, n;
    uint32_t first = 0;
    tdm_status s = find_function(w, name, &function);
    if (s || (s = accept(w, TDM__T_OPEN)))
        return s;
    bool fold = function == TDM__FN_min || function == TDM__FN_max || function == TDM__FN_coalesce;
    s = parse_arguments(w, function, fold, name->at, &first, &n);
    if (s || (s = check_count(w, function, name->at, n)))
        return s;
    if (fold) {
        *out = first;
        return TDM_OK;
    }
    s = new_call(w, function, name->at, out);
    if (!s && n)
        adopt(w, *out, first, n);
    return s;
}

static tdm_status parse_name(tdm__expr_work *w, uint32_t *out)
{
    tdm__token name = w->now;
    tdm_status s = tdm__expr_next(w);
    if (s)
        return s;
    if (w->now.kind == TDM__T_OPEN)
        return parse_call(w, &name, out);
    s = new_node(w, TDM__F_NAME, name.at, out);
    if (!s)
        w->node[*out].name = name.text;
    return s;
}

static tdm_status parse_primary(tdm__expr_work *w, uint32_t *out)
{
    if (is_literal_token(w))
        return parse_literal(w, false, w->now.at, out);
    if (w->now.kind == TDM__T_NAME)
        return parse_name(w, out);
    if (w->now.kind != TDM__T_OPEN)
        return expected(w, "a value");
    tdm_status s = tdm__expr_next(w);
    if (s || (s = parse_or(w, out)))
        return s;
    return accept(w, TDM__T_CLOSE);
}

static tdm_status parse_prefix(tdm__expr_work *w, uint32_t *out)
{
    if (w->now.kind != TDM__T_SUB)
        return parse_primary(w, out);
    size_t at = w->now.at;
    uint32_t kid;
    tdm_status s = tdm__expr_next(w);
    if (s)
        return s;
    if (is_number_token(w))
        return parse_literal(w, true, at, out);
    if ((s = deeper(w)) || (s = parse_prefix(w, &kid)))
        return s;
    w->depth--;
    return new_operation(w, TDM__T_SUB, at, kid, kid, out);
}

/* Left-associative levels of operators with two operands, see `levels` below. */
static tdm_status parse_level(tdm__expr_work *w, unsigned level, uint32_t *out);

static tdm_status parse_product(tdm__expr_work *w, uint32_t *out)
{
    return parse_level(w, 0, out);
}

static tdm_status parse_sum(tdm__expr_work *w, uint32_t *out)
{
    return parse_level(w, 1, out);
}

static tdm_status parse_in(tdm__expr_work *w, uint32_t tested, bool negated, uint32_t *out)
{
    size_t at = w->now.at;
    uint32_t previous = tested, kid;
    unsigned n = 1;
    tdm_status s = accept(w, TDM__T_IN);
    if (s || (s = accept(w, TDM__T_OPEN)))
        return s;
    for (;; n++) {
        if ((s = parse_list_literal(w, &kid)))
            return s;
        w->node[previous].next = kid;
        previous = kid;
        if (w->now.kind == TDM__T_CLOSE)
            break;
        if (w->now.kind != TDM__T_COMMA)
            return expected(w, "',' or ')'");
        if ((s = tdm__expr_next(w)))
            return s;
    }
    if ((s = tdm__expr_next(w)) || (s = new_node(w, TDM__F_IN, at, out)))
        return s;
    w->node[*out].negated = negated;
    adopt(w, *out, tested, n + 1);
    return TDM_OK;
}

static bool is_comparison(const tdm__expr_work *w)
{
    return w->now.kind >= TDM__T_EQ && w->now.kind <= TDM__T_GE;
}

static tdm_status parse_comparison(tdm__expr_work *w, uint32_t *out)
{
    uint32_t a, b;
    tdm_status s = parse_sum(w, &a);
    if (s)
        return s;
    tdm__token sign = w->now;
    bool negated = sign.kind == TDM__T_NOT;
    if (negated && (s = tdm__expr_next(w)))
        return s;
    if (negated || sign.kind == TDM__T_IN) {
        if ((s = parse_in(w, a, negated, out)))
            return s;
    } else if (is_comparison(w)) {
        if ((s = tdm__expr_next(w)) || (s = parse_sum(w, &b)) || (s = new_operation(w, sign.kind, sign.at, a, b, out)))
            return s;
    } else {
        *out = a;
        return TDM_OK;
    }
    if (!is_comparison(w) && w->now.kind != TDM__T_IN)
        return TDM_OK;
    s = tdm__expr_fail(w, w->now.at, "comparisons cannot be chained");
    tdm__fail_hint(w->err, "join two of them with 'and'");
    return s;
}

static tdm_status parse_not(tdm__expr_work *w, uint32_t *out)
{
    if (w->now.kind != TDM__T_NOT)
        return parse_comparison(w, out);
    size_t at = w->now.at;
    uint32_t kid;
    tdm_status s = deeper(w);
    if (s || (s = tdm__expr_next(w)) || (s = parse_not(w, &kid)))
        return s;
    w->depth--;
    return new_operation(w, TDM__T_NOT, at, kid, kid, out);
}

static tdm_status parse_and(tdm__expr_work *w, uint32_t *out)
{
    return parse_level(w, 2, out);
}

static const struct level {
    uint8_t first, last; /* token kinds */
    tdm_status (*operand)(tdm__expr_work *w, uint32_t *out);
} levels[] = {
    {TDM__T_MUL, TDM__T_REM, parse_prefix},
    {TDM__T_ADD, TDM__T_SUB, parse_product},
    {TDM__T_AND, TDM__T_AND, parse_not},
    {TDM__T_OR, TDM__T_OR, parse_and},
};

static tdm_status parse_level(tdm__expr_work *w, unsigned level, uint32_t *out)
{
    const struct level *l = &levels[level];
    tdm_status s = l->operand(w, out);
    while (!s && w->now.kind >= l->first && w->now.kind <= l->last) {
        tdm__token sign = w->now;
        uint32_t a = *out, b;
        if ((s = tdm__expr_next(w)) || (s = l->operand(w, &b)))
            break;
        s = new_operation(w, sign.kind, sign.at, a, b, out);
    }
    return s;
}

static tdm_status parse_or(tdm__expr_work *w, uint32_t *out)
{
    tdm_status s = deeper(w);
    if (s || (s = parse_level(w, 3, out)))
        return s;
    w->depth--;
    return TDM_OK;
}

tdm_status tdm__expr_parse(tdm__expr_work *w)
{
    uint32_t root;
    tdm_status s = tdm__expr_next(w);
    if (s || (s = parse_or(w, &root)))
        return s;
    if (w->now.kind != TDM__T_END)
        return expected(w, "an operator or the end");
    return TDM_OK;
}
