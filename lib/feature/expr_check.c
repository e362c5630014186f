/* Types: each node gets its type, the kinds in which it reads its operands, and its kernel.
 *
 * One loop over the nodes in post-order: operands are typed before the operation. Literals are turned to what their
 * place wants (a text beside a timestamp is an instant, an integer beside f64 a number), so no conversion is left for
 * run time. The rules of calls are in expr_calls.c. */
#include <stdlib.h>
#include <string.h>

#include "feature/expr_impl.h"

bool tdm__expr_is_number(unsigned kind)
{
    return kind == TDM_I64 || kind == TDM_F32 || kind == TDM_F64 || kind == TDM_DECIMAL;
}

const char *tdm__expr_kind_text(unsigned kind)
{
    return kind == TDM__KIND_NONE ? "null" : tdm__kind_name(kind);
}

tdm__expr_node *tdm__expr_kid(tdm__expr_work *w, const tdm__expr_node *node, unsigned i)
{
    uint32_t kid = node->kids;
    while (i--)
        kid = w->node[kid].next;
    return &w->node[kid];
}

void tdm__expr_set_type(tdm__expr_node *node, unsigned kind, bool nullable, tdm__kernel *kernel)
{
    node->type = (tdm_type){.kind = (uint8_t)kind, .nullable = nullable};
    node->kernel = kernel;
}

void tdm__expr_want(tdm__expr_node *kid, unsigned kind)
{
    kid->wanted = (uint8_t)kind;
}

tdm_status tdm__expr_type_fault(tdm__expr_work *w, const tdm__expr_node *kid, const char *who, const char *wanted)
{
    tdm_status s = tdm__expr_fail(w, kid->at, "%s does not take this", who);
    tdm__fail_expected(w->err, "%s", wanted);
    tdm__fail_found(w->err, "%s", tdm__expr_kind_text(kid->type.kind));
    return s;
}

double tdm__expr_literal_f64(const tdm__expr_node *literal)
{
    return literal->value.kind == TDM_I64 ? (double)literal->value.as.i64 : literal->value.as.f64;
}

static bool is_literal(const tdm__expr_node *node, unsigned kind)
{
    return node->form == TDM__F_LITERAL && node->type.kind == kind;
}

/* A literal number that is not zero: what makes a division safe. */
static bool is_nonzero(const tdm__expr_node *node)
{
    return (is_literal(node, TDM_I64) || is_literal(node, TDM_F64)) && tdm__expr_literal_f64(node) != 0;
}

tdm_status tdm__expr_text_to_time(tdm__expr_work *w, tdm__expr_node *kid)
{
    int64_t us;
    if (!tdm__instant_parse(kid->value.as.str, &us)) {
        tdm_status s = tdm__expr_fail(w, kid->at, "the text beside a timestamp is not an instant");
        tdm__fail_expected(w->err, "RFC 3339 with a zone");
        tdm__fail_found_text(w->err, kid->value.as.str);
        return s;
    }
    kid->value.kind = kid->type.kind = kid->wanted = TDM_TIMESTAMP;
    kid->value.as.time_us = us;
    return TDM_OK;
}

/* A literal text beside a timestamp becomes one. */
static tdm_status align_times(tdm__expr_work *w, tdm__expr_node *a, tdm__expr_node *b)
{
    if (a->type.kind == TDM_TIMESTAMP && is_literal(b, TDM_STRING))
        return tdm__expr_text_to_time(w, b);
    if (b->type.kind == TDM_TIMESTAMP && is_literal(a, TDM_STRING))
        return tdm__expr_text_to_time(w, a);
    return TDM_OK;
}

static tdm_status differ(tdm__expr_work *w, const char *who, const tdm__expr_node *a, const tdm__expr_node *b)
{
    tdm_status s = tdm__expr_fail(w, b->at, "the operands of %s do not fit each other", who);
    tdm__fail_expected(w->err, "%s", tdm__expr_kind_text(a->type.kind));
    tdm__fail_found(w->err, "%s", tdm__expr_kind_text(b->type.kind));
    return s;
}

tdm_status tdm__expr_unify(tdm__expr_work *w, const char *who, tdm__expr_node *a, tdm__expr_node *b, tdm_type *type)
{
    tdm_status s = align_times(w, a, b);
    if (s)
        return s;
    unsigned ka = a->type.kind, kb = b->type.kind;
    if (ka == TDM__KIND_NONE && kb == TDM__KIND_NONE)
        return tdm__expr_fail(w, b->at, "nothing tells the type of null here");
    *type = ka == TDM__KIND_NONE ? b->type : a->type;
    if (ka == kb && ka == TDM_DECIMAL && b->type.precision > type->precision)
        type->precision = b->type.precision;
    bool one_scale = ka != TDM_DECIMAL || a->type.scale == b->type.scale;
    if (ka != TDM__KIND_NONE && kb != TDM__KIND_NONE && !(ka == kb && one_scale)) {
        if (!tdm__expr_is_number(ka) || !tdm__expr_is_number(kb))
            return differ(w, who, a, b);
        *type = (tdm_type){.kind = TDM_F64};
    }
    memset(type->unit, 0, sizeof type->unit);
    tdm__expr_want(a, type->kind);
    tdm__expr_want(b, type->kind);
    return TDM_OK;
}

static tdm_status check_numbers(tdm__expr_work *w, const tdm__expr_node *node, tdm__expr_node *a, tdm__expr_node *b)
{
    tdm__expr_node *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        unsigned kind = both[i]->type.kind;
        if (tdm__expr_is_number(kind) || (kind == TDM__KIND_NONE && both[!i]->type.kind != TDM__KIND_NONE))
            continue;
        tdm_status s = tdm__expr_type_fault(w, both[i], tdm__expr_token_text(node->op), "a number");
        if (kind == TDM_TIMESTAMP)
            tdm__fail_hint(w->err, "seconds_between(a, b) tells how far instants are apart");
        else if (kind == TDM_STRING && node->op == TDM__T_ADD)
            tdm__fail_hint(w->err, "concat(a, b) joins texts");
        return s;
    }
    return TDM_OK;
}

static bool is_i64_or_null(const tdm__expr_node *node)
{
    return node->type.kind == TDM_I64 || node->type.kind == TDM__KIND_NONE;
}

static tdm_status check_arithmetic(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *a, tdm__expr_node *b)
{
    static tdm__kernel *const of_i64[] = {tdm__k_add_i64, tdm__k_sub_i64, tdm__k_mul_i64, NULL, tdm__k_rem_i64};
    static tdm__kernel *const of_f64[] = {tdm__k_add_f64, tdm__k_sub_f64, tdm__k_mul_f64, tdm__k_div_f64,
                                          tdm__k_rem_f64};
    tdm_status s = check_numbers(w, node, a, b);
    if (s)
        return s;
    unsigned op = node->op - TDM__T_ADD;
    bool whole = is_i64_or_null(a) && is_i64_or_null(b) && node->op != TDM__T_DIV;
    bool nullable = a->type.nullable || b->type.nullable;
    switch (node->op) {
    case TDM__T_DIV: nullable |= !is_nonzero(b); break;
    case TDM__T_REM: nullable |= !whole || !is_nonzero(b); break;
    default: nullable |= whole; break; /* overflow */
    }
    tdm__expr_set_type(node, whole ? TDM_I64 : TDM_F64, nullable, whole ? of_i64[op] : of_f64[op]);
    tdm__expr_want(a, node->type.kind);
    tdm__expr_want(b, node->type.kind);
    return TDM_OK;
}

static tdm_status check_minus(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *a)
{
    if (!tdm__expr_is_number(a->type.kind))
        return tdm__expr_type_fault(w, a, "'-'", "a number");
    bool whole = a->type.kind == TDM_I64;
    tdm__kernel *kernel = whole ? tdm__k_neg_i64 : tdm__k_neg_f64;
    tdm__expr_set_type(node, whole ? TDM_I64 : TDM_F64, a->type.nullable || whole, kernel);
    tdm__expr_want(a, node->type.kind);
    return TDM_OK;
}

static tdm_status check_logic(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *a, tdm__expr_node *b)
{
    tdm__expr_node *both[] = {a, b};
    bool nullable = false;
    for (int i = 0; i < (b ? 2 : 1); i++) {
        if (both[i]->type.kind != TDM_BOOL && both[i]->type.kind != TDM__KIND_NONE)
            return tdm__expr_type_fault(w, both[i], tdm__expr_token_text(node->op), "bool");
        nullable |= both[i]->type.nullable;
        tdm__expr_want(both[i], TDM_BOOL);
    }
    tdm__kernel *kernel =
        node->op == TDM__T_AND ? tdm__k_and_bool : node->op == TDM__T_OR ? tdm__k_or_bool : tdm__k_not_bool;
    tdm__expr_set_type(node, TDM_BOOL, nullable, kernel);
    return TDM_OK;
}

static bool fits_i64(double v)
{
    return v >= -0x1p63 && v < 0x1p63 && (double)(int64_t)v == v;
}

static bool fits_f64(int64_t v)
{
    return v >= -(INT64_C(1) << 53) && v <= INT64_C(1) << 53;
}

/* A literal beside a number of the other kind takes that kind where nothing is lost. */
static void align_literal(tdm__expr_node *literal, const tdm__expr_node *other)
{
    if (is_literal(literal, TDM_I64) && (other->type.kind == TDM_F64 || other->type.kind == TDM_F32)) {
        if (!fits_f64(literal->value.as.i64))
            return;
        literal->value.as.f64 = (double)literal->value.as.i64;
        literal->value.kind = literal->type.kind = literal->wanted = TDM_F64;
    } else if (is_literal(literal, TDM_F64) && other->type.kind == TDM_I64 && fits_i64(literal->value.as.f64)) {
        literal->value.as.i64 = (int64_t)literal->value.as.f64;
        literal->value.kind = literal->type.kind = literal->wanted = TDM_I64;
    }
}

static const struct comparison {
    tdm__kernel *i64, *f64;
    uint8_t mask; /* 1 less, 2 equal, 4 greater, 8 unordered */
} comparisons[] = {
    {tdm__k_eq_i64, tdm__k_eq_f64, 2}, {tdm__k_ne_i64, tdm__k_ne_f64, 1 | 4 | 8}, {tdm__k_lt_i64, tdm__k_lt_f64, 1},
    {tdm__k_le_i64, tdm__k_le_f64, 3}, {tdm__k_gt_i64, tdm__k_gt_f64, 4},         {tdm__k_ge_i64, tdm__k_ge_f64, 6},
};

static tdm_status check_number_order(tdm__expr_node *node, tdm__expr_node *a, tdm__expr_node *b)
{
    const struct comparison *how = &comparisons[node->op - TDM__T_EQ];
    align_literal(a, b);
    align_literal(b, a);
    unsigned ka = a->type.kind, kb = b->type.kind, kind = TDM_F64;
    node->kernel = how->f64;
    if (ka == TDM_I64 && kb == TDM_I64) {
        kind = TDM_I64;
        node->kernel = how->i64;
    } else if ((ka == TDM_DECIMAL || ka == TDM_I64) && (kb == TDM_DECIMAL || kb == TDM_I64)) {
        kind = TDM_DECIMAL;
        node->kernel = tdm__k_order_decimal;
        node->extra.scale[0] = ka == TDM_DECIMAL ? a->type.scale : 0;
        node->extra.scale[1] = kb == TDM_DECIMAL ? b->type.scale : 0;
    } else if ((ka == TDM_I64 || kb == TDM_I64)) {
        node->kernel = ka == TDM_I64 ? tdm__k_order_mixed : tdm__k_order_mixed_swapped;
        tdm__expr_want(a, ka == TDM_I64 ? TDM_I64 : TDM_F64);
        tdm__expr_want(b, kb == TDM_I64 ? TDM_I64 : TDM_F64);
        return TDM_OK;
    }
    tdm__expr_want(a, kind);
    tdm__expr_want(b, kind);
    return TDM_OK;
}

static tdm_status check_order(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *a, tdm__expr_node *b)
{
    const struct comparison *how = &comparisons[node->op - TDM__T_EQ];
    tdm_status s = align_times(w, a, b);
    if (s)
        return s;
    const tdm__expr_node *null = a->type.kind == TDM__KIND_NONE ? a : b->type.kind == TDM__KIND_NONE ? b : NULL;
    if (null) {
        s = tdm__expr_fail(w, null->at, "a comparison with null is always null");
        tdm__fail_hint(w->err, "use is_null(x)");
        return s;
    }
    tdm__expr_set_type(node, TDM_BOOL, a->type.nullable || b->type.nullable, NULL);
    node->extra.mask = how->mask;
    unsigned kind = a->type.kind;
    if (tdm__expr_is_number(kind) && tdm__expr_is_number(b->type.kind))
        return check_number_order(node, a, b);
    if (kind != b->type.kind)
        return differ(w, tdm__expr_token_text(node->op), a, b);
    if (kind == TDM_BOOL && node->op != TDM__T_EQ && node->op != TDM__T_NE)
        return tdm__expr_type_fault(w, a, tdm__expr_token_text(node->op), "a type that has an order");
    node->kernel = kind == TDM_TIMESTAMP ? how->i64 : kind == TDM_STRING ? tdm__k_order_text : tdm__k_order_bool;
    return TDM_OK;
}

static tdm_status check_operation(tdm__expr_work *w, tdm__expr_node *node)
{
    tdm__expr_node *a = tdm__expr_kid(w, node, 0), *b = node->n_kids > 1 ? tdm__expr_kid(w, node, 1) : NULL;
    if (node->op == TDM__T_AND || node->op == TDM__T_OR || node->op == TDM__T_NOT)
        return check_logic(w, node, a, b);
    if (!b)
        return check_minus(w, node, a);
    bool ordered = node->op >= TDM__T_EQ && node->op <= TDM__T_GE;
    return ordered ? check_order(w, node, a, b) : check_arithmetic(w, node, a, b);
}

static int order_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int order_f64(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int order_str(const void *a, const void *b)
{
    return tdm__str_compare(*(const tdm_str *)a, *(const tdm_str *)b);
}

/* The list's texts, sorted. */
static tdm_status list_texts(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *tested)
{
    tdm_str *list = tdm__arena_array(w->keep, node->n_kids, tdm_str);
    if (!list)
        return tdm__no_memory(w->err, NULL);
    tdm__expr_node *kid = tested;
    for (uint32_t i = 1; i < node->n_kids; i++) {
        kid = &w->node[kid->next];
        if (kid->type.kind != TDM_STRING)
            return differ(w, "'in'", tested, kid);
        if (!tdm__arena_str(w->keep, kid->value.as.str, &list[node->extra.n++]))
            return tdm__no_memory(w->err, NULL);
    }
    qsort(list, node->extra.n, sizeof *list, order_str);
    node->extra.text = list;
    node->kernel = tdm__k_in_text;
    return TDM_OK;
}

/* The list's integers or instants, sorted; a fraction can never be met and is left out. */
static tdm_status list_i64(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *tested)
{
    int64_t *list = tdm__arena_array(w->keep, node->n_kids, int64_t);
    if (!list)
        return tdm__no_memory(w->err, NULL);
    bool times = tested->type.kind == TDM_TIMESTAMP;
    tdm__expr_node *kid = tested;
    for (uint32_t i = 1; i < node->n_kids; i++) {
        kid = &w->node[kid->next];
        if (times && kid->type.kind == TDM_STRING) {
            tdm_status s = tdm__expr_text_to_time(w, kid);
            if (s)
                return s;
            list[node->extra.n++] = kid->value.as.time_us;
            continue;
        }
        if (times || !tdm__expr_is_number(kid->type.kind))
            return differ(w, "'in'", tested, kid);
        if (kid->type.kind == TDM_I64)
            list[node->extra.n++] = kid->value.as.i64;
        else if (fits_i64(kid->value.as.f64))
            list[node->extra.n++] = (int64_t)kid->value.as.f64;
    }
    qsort(list, node->extra.n, sizeof *list, order_i64);
    node->extra.i64 = list;
    node->kernel = tdm__k_in_i64;
    return TDM_OK;
}

/* The list's numbers, sorted; an integer that f64 cannot hold can never be met and is left out. */
static tdm_status list_f64(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *tested)
{
    double *list = tdm__arena_array(w->keep, node->n_kids, double);
    if (!list)
        return tdm__no_memory(w->err, NULL);
    tdm__expr_node *kid = tested;
    for (uint32_t i = 1; i < node->n_kids; i++) {
        kid = &w->node[kid->next];
        if (!tdm__expr_is_number(kid->type.kind))
            return differ(w, "'in'", tested, kid);
        double v = tdm__expr_literal_f64(kid);
        if (kid->type.kind == TDM_F64 || tdm__order_i64_f64(kid->value.as.i64, v) == 1)
            list[node->extra.n++] = v;
    }
    qsort(list, node->extra.n, sizeof *list, order_f64);
    node->extra.f64 = list;
    node->kernel = tdm__k_in_f64;
    tdm__expr_want(tested, TDM_F64);
    return TDM_OK;
}

static tdm_status check_in(tdm__expr_work *w, tdm__expr_node *node)
{
    tdm__expr_node *tested = tdm__expr_kid(w, node, 0), *kid = tested;
    for (uint32_t i = 1; i < node->n_kids; i++) {
        kid = &w->node[kid->next];
        tdm__expr_want(kid, TDM__KIND_TAKEN);
        if (kid->type.kind == TDM__KIND_NONE)
            return tdm__expr_type_fault(w, kid, "'in'", "a literal that can be equal");
    }
    tdm__expr_set_type(node, TDM_BOOL, tested->type.nullable, NULL);
    node->extra.negated = node->negated;
    switch (tested->type.kind) {
    case TDM_STRING: return list_texts(w, node, tested);
    case TDM_I64:
    case TDM_TIMESTAMP: return list_i64(w, node, tested);
    case TDM_F32:
    case TDM_F64:
    case TDM_DECIMAL: return list_f64(w, node, tested);
    default: return tdm__expr_type_fault(w, tested, "'in'", "a number, text or timestamp");
    }
}

static tdm_status check_name(tdm__expr_work *w, tdm__expr_node *node)
{
    node->slot = w->scope->slot ? w->scope->slot(w->scope->self, node->name, &node->type) : -1;
    if (node->slot >= 0)
        return TDM_OK;
    int shown = node->name.len > 64 ? 64 : (int)node->name.len;
    tdm_status s = tdm__expr_fail(w, node->at, "there is no name '%.*s'", shown, node->name.ptr);
    const char *near = tdm__nearest(node->name, w->scope->names, w->scope->n_names);
    if (near)
        tdm__fail_hint(w->err, "did you mean '%s'?", near);
    return s;
}

static tdm_status check_node(tdm__expr_work *w, tdm__expr_node *node)
{
    switch (node->form) {
    case TDM__F_LITERAL:
        tdm__expr_set_type(node, node->value.kind, node->value.presence != TDM_PRESENT, NULL);
        return TDM_OK;
    case TDM__F_NAME: return check_name(w, node);
    case TDM__F_OPERATION: return check_operation(w, node);
    case TDM__F_IN: return check_in(w, node);
    default: return tdm__expr_check_call(w, node);
    }
}

/* The table of lookup() is a name of another sort: it must not be sought among the slots. */
static void name_tables(tdm__expr_work *w)
{
    for (size_t i = 0; i < w->n_nodes; i++) {
        tdm__expr_node *node = &w->node[i];
        if (node->form != TDM__F_CALL || node->op != TDM__FN_lookup)
            continue;
        tdm__expr_node *table = tdm__expr_kid(w, node, 0);
        if (table->form != TDM__F_NAME)
            continue;
        table->form = TDM__F_LITERAL;
        table->value = (tdm_value){.kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = table->name};
    }
}

tdm_status tdm__expr_check(tdm__expr_work *w)
{
    name_tables(w);
    for (size_t i = 0; i < w->n_nodes; i++) {
        tdm__expr_node *node = &w->node[i];
        tdm_status s = check_node(w, node);
        if (s)
            return s;
        node->wanted = node->type.kind;
    }
    const tdm__expr_node *root = &w->node[w->n_nodes - 1];
    if (root->type.kind == TDM__KIND_NONE)
        return tdm__expr_fail(w, root->at, "nothing tells the type of null here");
    return TDM_OK;
}
