/* Types of calls: most follow the letters of the table in expr_functions.h, the rest has a rule each. */
#include <string.h>

#include "feature/expr_impl.h"

static const char *function_name(const tdm__expr_node *node)
{
    return tdm__function_table[node->op].name;
}

static tdm_status refuse(tdm__expr_work *w, const tdm__expr_node *node, const tdm__expr_node *kid, const char *wanted)
{
    return tdm__expr_type_fault(w, kid, function_name(node), wanted);
}

static bool any_nullable(tdm__expr_work *w, const tdm__expr_node *node)
{
    bool nullable = false;
    for (uint32_t i = 0; i < node->n_kids; i++)
        nullable |= tdm__expr_kid(w, node, i)->type.nullable;
    return nullable;
}

static tdm_status take_zone(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *kid)
{
    if (kid->form != TDM__F_LITERAL || kid->type.kind != TDM_STRING)
        return refuse(w, node, kid, "the literal name of a time zone");
    tdm_str name = kid->value.as.str;
    tdm__expr_want(kid, TDM__KIND_TAKEN);
    if (tdm__str_is(name, "UTC"))
        return TDM_OK;
    tdm_error why = {0};
    if (w->scope->zone)
        node->extra.zone = w->scope->zone(w->scope->self, name, &why);
    if (node->extra.zone)
        return TDM_OK;
    tdm_status s = tdm__expr_fail(w, kid->at, "this time zone cannot be used%s%s", why.what[0] ? ": " : "", why.what);
    tdm__fail_found_text(w->err, name);
    if (why.hint[0])
        tdm__fail_hint(w->err, "%s", why.hint);
    return s;
}

/* One argument by its letter. */
static tdm_status check_param(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *kid, char letter)
{
    unsigned kind = kid->type.kind;
    switch (letter) {
    case 'z': return take_zone(w, node, kid);
    case 'd':
        tdm__expr_want(kid, TDM_F64);
        return tdm__expr_is_number(kind) || kind == TDM__KIND_NONE ? TDM_OK : refuse(w, node, kid, "a number");
    case 's':
        tdm__expr_want(kid, TDM_STRING);
        return kind == TDM_STRING || kind == TDM__KIND_NONE ? TDM_OK : refuse(w, node, kid, "string");
    default:
        tdm__expr_want(kid, TDM_TIMESTAMP);
        if (kind == TDM_STRING && kid->form == TDM__F_LITERAL)
            return tdm__expr_text_to_time(w, kid);
        return kind == TDM_TIMESTAMP || kind == TDM__KIND_NONE ? TDM_OK : refuse(w, node, kid, "timestamp");
    }
}

/* Functions whose row of the table says all: the kernel has the function's name. */
static const struct simple {
    tdm__kernel *kernel;
    bool adds_null;
} simple[TDM__FN_COUNT] = {
#define SIMPLE(name, adds) [TDM__FN_##name] = {tdm__k_##name, adds}
    SIMPLE(log, true), SIMPLE(log1p, true), SIMPLE(exp, false), SIMPLE(sqrt, true), SIMPLE(haversine, true),
    SIMPLE(lower, false), SIMPLE(upper, false), SIMPLE(contains, false), SIMPLE(starts_with, false),
    SIMPLE(ends_with, false), SIMPLE(length, false), SIMPLE(hour, false), SIMPLE(minute, false),
    SIMPLE(day_of_week, false), SIMPLE(day_of_month, false), SIMPLE(day_of_year, false), SIMPLE(month, false),
    SIMPLE(year, false), SIMPLE(age, true), SIMPLE(as_of, false), SIMPLE(seconds_between, true),
#undef SIMPLE
};

static tdm_status check_simple(tdm__expr_work *w, tdm__expr_node *node)
{
    const tdm__function_row *row = &tdm__function_table[node->op];
    for (uint32_t i = 0; i < node->n_kids; i++) {
        tdm_status s = check_param(w, node, tdm__expr_kid(w, node, i), row->params[i]);
        if (s)
            return s;
    }
    bool nullable = any_nullable(w, node) || simple[node->op].adds_null;
    tdm__expr_set_type(node, row->result, nullable, simple[node->op].kernel);
    return TDM_OK;
}

/* The kernel of a family made for each width of value. */
static tdm__kernel *by_size(unsigned kind, tdm__kernel *one, tdm__kernel *four, tdm__kernel *eight,
                            tdm__kernel *sixteen)
{
    switch (tdm__kind_size(kind)) {
    case 1: return one;
    case 4: return four;
    case 8: return eight;
    default: return sixteen;
    }
}

static tdm_status check_if(tdm__expr_work *w, tdm__expr_node *node)
{
    tdm__expr_node *condition = tdm__expr_kid(w, node, 0);
    tdm__expr_node *a = tdm__expr_kid(w, node, 1), *b = tdm__expr_kid(w, node, 2);
    if (condition->type.kind != TDM_BOOL && condition->type.kind != TDM__KIND_NONE)
        return refuse(w, node, condition, "bool");
    tdm__expr_want(condition, TDM_BOOL);
    tdm_status s = tdm__expr_unify(w, "if", a, b, &node->type);
    if (s)
        return s;
    node->type.nullable = a->type.nullable || b->type.nullable;
    node->kernel = by_size(node->type.kind, tdm__k_if_1, tdm__k_if_4, tdm__k_if_8, tdm__k_if_16);
    return TDM_OK;
}

static tdm_status check_coalesce(tdm__expr_work *w, tdm__expr_node *node)
{
    tdm__expr_node *a = tdm__expr_kid(w, node, 0), *b = tdm__expr_kid(w, node, 1);
    tdm_status s = tdm__expr_unify(w, "coalesce", a, b, &node->type);
    if (s)
        return s;
    node->type.nullable = a->type.nullable && b->type.nullable;
    node->kernel = by_size(node->type.kind, tdm__k_coalesce_1, tdm__k_coalesce_4, tdm__k_coalesce_8,
                           tdm__k_coalesce_16);
    return TDM_OK;
}

static tdm_status check_is(tdm__expr_work *w, tdm__expr_node *node)
{
    tdm__expr_node *x = tdm__expr_kid(w, node, 0);
    bool missing = node->op == TDM__FN_is_missing;
    if (missing && x->form != TDM__F_NAME)
        return refuse(w, node, x, "a name");
    if (x->type.kind == TDM__KIND_NONE)
        tdm__expr_want(x, TDM_BOOL);
    tdm__expr_set_type(node, TDM_BOOL, false, missing ? tdm__k_is_missing : tdm__k_is_null);
    return TDM_OK;
}

/* All operands numbers, or all timestamps: i64 or timestamp when all are, else f64. Nulls fit either. */
static tdm_status common_order(tdm__expr_work *w, tdm__expr_node *node, unsigned *kind)
{
    *kind = TDM__KIND_NONE;
    for (uint32_t i = 0; i < node->n_kids; i++) {
        tdm__expr_node *kid = tdm__expr_kid(w, node, i);
        unsigned own = kid->type.kind;
        if (own == TDM__KIND_NONE)
            continue;
        if (own == TDM_STRING && kid->form == TDM__F_LITERAL && *kind == TDM_TIMESTAMP) {
            tdm_status s = tdm__expr_text_to_time(w, kid);
            if (s)
                return s;
            own = TDM_TIMESTAMP;
        }
        bool time = own == TDM_TIMESTAMP;
        if ((!time && !tdm__expr_is_number(own)) || (*kind != TDM__KIND_NONE && time != (*kind == TDM_TIMESTAMP)))
            return refuse(w, node, kid, *kind == TDM_TIMESTAMP ? "timestamp" : *kind == TDM__KIND_NONE ?
                          "a number or timestamp" : "a number");
        *kind = *kind == TDM__KIND_NONE || *kind == own ? own : TDM_F64;
    }
    if (*kind == TDM__KIND_NONE)
        return tdm__expr_fail(w, node->at, "nothing tells the type of null here");
    if (*kind == TDM_F32 || *kind == TDM_DECIMAL)
        *kind = TDM_F64;
    for (uint32_t i = 0; i < node->n_kids; i++)
        tdm__expr_want(tdm__expr_kid(w, node, i), *kind);
    return TDM_OK;
}

static tdm_status check_extreme(tdm__expr_work *w, tdm__expr_node *node)
{
    unsigned kind;
    tdm_status s = common_order(w, node, &kind);
    if (s)
        return s;
    bool least = node->op == TDM__FN_min, real = kind == TDM_F64;
    tdm__kernel *kernel = least ? (real ? tdm__k_min_f64 : tdm__k_min_i64) : real ? tdm__k_max_f64 : tdm__k_max_i64;
    tdm__expr_set_type(node, kind, any_nullable(w, node), kernel);
    return TDM_OK;
}

static bool is_number_literal(const tdm__expr_node *node)
{
    return node->form == TDM__F_LITERAL && tdm__expr_is_number(node->type.kind);
}

static tdm_status check_clip(tdm__expr_work *w, tdm__expr_node *node)
{
    unsigned kind;
    tdm_status s = common_order(w, node, &kind);
    if (s)
        return s;
    const tdm__expr_node *low = tdm__expr_kid(w, node, 1), *high = tdm__expr_kid(w, node, 2);
    bool settled = is_number_literal(low) && is_number_literal(high);
    if (settled && tdm__expr_literal_f64(low) > tdm__expr_literal_f64(high))
        return tdm__expr_fail(w, high->at, "the high limit of clip is below the low one");
    tdm__kernel *kernel = kind == TDM_F64 ? tdm__k_clip_f64 : tdm__k_clip_i64;
    tdm__expr_set_type(node, kind, any_nullable(w, node) || !settled, kernel);
    return TDM_OK;
}

static tdm_status check_rounding(tdm__expr_work *w, tdm__expr_node *node)
{
    tdm__expr_node *x = tdm__expr_kid(w, node, 0);
    if (!tdm__expr_is_number(x->type.kind))
        return refuse(w, node, x, "a number");
    bool whole = x->type.kind == TDM_I64, nullable = x->type.nullable;
    tdm__kernel *kernel =
        node->op == TDM__FN_floor ? tdm__k_floor : node->op == TDM__FN_ceil ? tdm__k_ceil : tdm__k_round;
    if (node->op == TDM__FN_abs) {
        kernel = whole ? tdm__k_abs_i64 : tdm__k_abs_f64;
        nullable |= whole;
    } else if (whole) {
        kernel = tdm__k_same_8;
    }
    tdm__expr_set_type(node, whole ? TDM_I64 : TDM_F64, nullable, kernel);
    tdm__expr_want(x, node->type.kind);
    return TDM_OK;
}

/* The least i64 that is not below the border; false when there is none. */
static bool border_i64(const tdm__expr_node *border, int64_t *out)
{
    if (border->type.kind == TDM_I64) {
        *out = border->value.as.i64;
        return true;
    }
    double v = border->value.as.f64;
    if (v >= 0x1p63)
        return false;
    *out = v <= -0x1p63 ? INT64_MIN : (int64_t)v + ((double)(int64_t)v < v);
    return true;
}

/* The borders as the kind of x counts them, ascending as written. */
static tdm_status take_borders(tdm__expr_work *w, tdm__expr_node *node, const tdm__expr_node *x)
{
    bool whole = x->type.kind == TDM_I64;
    int64_t *i64 = tdm__arena_array(w->keep, node->n_kids, int64_t);
    double *f64 = tdm__arena_array(w->keep, node->n_kids, double);
    if (!i64 || !f64)
        return tdm__no_memory(w->err, NULL);
    const tdm__expr_node *before = NULL;
    tdm__expr_node *border = &w->node[x->next];
    for (uint32_t i = 1; i < node->n_kids; i++, before = border, border = &w->node[border->next]) {
        if (!is_number_literal(border))
            return refuse(w, node, border, "a literal number");
        if (before && !(tdm__expr_literal_f64(before) < tdm__expr_literal_f64(border)))
            return tdm__expr_fail(w, border->at, "the borders of bucket must ascend");
        tdm__expr_want(border, TDM__KIND_TAKEN);
        f64[i - 1] = tdm__expr_literal_f64(border);
        if (!whole || border_i64(border, &i64[i - 1]))
            node->extra.n = i;
    }
    node->extra.i64 = i64;
    node->extra.f64 = f64;
    return TDM_OK;
}

static tdm_status check_bucket(tdm__expr_work *w, tdm__expr_node *node)
{
    tdm__expr_node *x = tdm__expr_kid(w, node, 0);
    if (!tdm__expr_is_number(x->type.kind))
        return refuse(w, node, x, "a number");
    bool whole = x->type.kind == TDM_I64;
    tdm_status s = take_borders(w, node, x);
    if (s)
        return s;
    tdm__expr_set_type(node, TDM_I64, x->type.nullable || !whole, whole ? tdm__k_bucket_i64 : tdm__k_bucket_f64);
    tdm__expr_want(x, whole ? TDM_I64 : TDM_F64);
    return TDM_OK;
}

static tdm_status check_hash(tdm__expr_work *w, tdm__expr_node *node)
{
    tdm__expr_node *x = tdm__expr_kid(w, node, 0);
    unsigned kind = x->type.kind;
    if (kind != TDM_STRING && kind != TDM_I64 && kind != TDM_TIMESTAMP)
        return refuse(w, node, x, "string, i64 or timestamp");
    if (node->n_kids == 2) {
        tdm__expr_node *n = tdm__expr_kid(w, node, 1);
        if (n->form != TDM__F_LITERAL || n->type.kind != TDM_I64 || n->value.as.i64 < 1)
            return refuse(w, node, n, "a literal i64 of at least 1");
        tdm__expr_want(n, TDM__KIND_TAKEN);
        node->extra.modulus = n->value.as.i64;
    }
    tdm__expr_set_type(node, TDM_I64, x->type.nullable, kind == TDM_STRING ? tdm__k_hash_text : tdm__k_hash_i64);
    return TDM_OK;
}

static tdm_status check_concat(tdm__expr_work *w, tdm__expr_node *node)
{
    if (node->n_kids > TDM__EXPR_ARGS)
        return tdm__expr_fail(w, node->at, "concat takes at most %d texts at once", TDM__EXPR_ARGS);
    for (uint32_t i = 0; i < node->n_kids; i++) {
        tdm_status s = check_param(w, node, tdm__expr_kid(w, node, i), 's');
        if (s) {
            tdm__fail_hint(w->err, "to_string(x) makes a text of any value");
            return s;
        }
    }
    node->extra.n = node->n_kids;
    tdm__expr_set_type(node, TDM_STRING, true, tdm__k_concat);
    return TDM_OK;
}

static tdm_status find_table(tdm__expr_work *w, tdm__expr_node *node, tdm__expr_node *name)
{
    if (name->form != TDM__F_LITERAL || name->type.kind != TDM_STRING)
        return refuse(w, node, name, "the name of a table");
    tdm__expr_want(name, TDM__KIND_TAKEN);
    for (size_t i = 0; i < w->scope->n_lookups; i++)
        if (tdm__str_equal(w->scope->lookups[i].name, name->value.as.str)) {
            node->extra.table = &w->scope->lookups[i];
            return TDM_OK;
        }
    tdm_status s = tdm__expr_fail(w, name->at, "the release ships no table of this name");
    tdm__fail_found_text(w->err, name->value.as.str);
    return s;
}

/* The operand fits the table's type as it is, is null, or is a literal integer where f64 is wanted. */
static bool fits_table(const tdm__expr_node *kid, const tdm_type *type)
{
    unsigned kind = kid->type.kind;
    if (kind == TDM__KIND_NONE || (kid->form == TDM__F_LITERAL && kind == TDM_I64 && type->kind == TDM_F64))
        return true;
    return kind == type->kind && (kind != TDM_DECIMAL || kid->type.scale == type->scale);
}

static tdm_status check_lookup(tdm__expr_work *w, tdm__expr_node *node)
{
    tdm_status s = find_table(w, node, tdm__expr_kid(w, node, 0));
    if (s)
        return s;
    const tdm__lookup_table *table = node->extra.table;
    tdm__expr_node *key = tdm__expr_kid(w, node, 1), *other = node->n_kids > 2 ? tdm__expr_kid(w, node, 2) : NULL;
    if (!fits_table(key, &table->key))
        return refuse(w, node, key, tdm__expr_kind_text(table->key.kind));
    tdm__expr_want(key, table->key.kind);
    node->type = table->value;
    node->type.nullable = !other || other->type.nullable || table->value.nullable;
    memset(node->type.unit, 0, sizeof node->type.unit);
    node->kernel = tdm__k_lookup;
    if (!other)
        return TDM_OK;
    node->extra.n = 1; /* there is a default */
    tdm__expr_want(other, table->value.kind);
    return fits_table(other, &table->value) ? TDM_OK : refuse(w, node, other, tdm__expr_kind_text(table->value.kind));
}

static tdm_status check_conversion(tdm__expr_work *w, tdm__expr_node *node)
{
    static tdm__kernel *const to_f64[TDM_KIND_COUNT] = {
        tdm__k_bool_to_f64, tdm__k_i64_to_f64,     tdm__k_f32_to_f64,
        tdm__k_same_8,      tdm__k_decimal_to_f64, tdm__k_text_to_f64, NULL};
    static tdm__kernel *const to_i64[TDM_KIND_COUNT] = {
        tdm__k_bool_to_i64, tdm__k_same_8,         tdm__k_f64_to_i64,
        tdm__k_f64_to_i64,  tdm__k_decimal_to_i64, tdm__k_text_to_i64, tdm__k_same_8};
    tdm__expr_node *x = tdm__expr_kid(w, node, 0);
    unsigned kind = x->type.kind, result = tdm__function_table[node->op].result;
    if (kind == TDM__KIND_NONE)
        return refuse(w, node, x, "a value");
    node->extra.scale[0] = x->type.scale;
    tdm__kernel *kernel = result == TDM_F64 ? to_f64[kind] : result == TDM_I64 ? to_i64[kind] : tdm__k_to_text;
    if (!kernel)
        return refuse(w, node, x, "a number, bool or text");
    if (kind == TDM_F32 && result == TDM_I64)
        tdm__expr_want(x, TDM_F64);
    bool always = kind == TDM_BOOL || kind == TDM_TIMESTAMP || kind == result || result == TDM_STRING ||
                  (result == TDM_F64 && kind != TDM_STRING);
    tdm__expr_set_type(node, result, x->type.nullable || !always, kernel);
    return TDM_OK;
}

tdm_status tdm__expr_check_call(tdm__expr_work *w, tdm__expr_node *node)
{
    switch (node->op) {
    case TDM__FN_if: return check_if(w, node);
    case TDM__FN_coalesce: return check_coalesce(w, node);
    case TDM__FN_is_null:
    case TDM__FN_is_missing: return check_is(w, node);
    case TDM__FN_min:
    case TDM__FN_max: return check_extreme(w, node);
    case TDM__FN_clip: return check_clip(w, node);
    case TDM__FN_abs:
    case TDM__FN_floor:
    case TDM__FN_ceil:
    case TDM__FN_round: return check_rounding(w, node);
    case TDM__FN_bucket: return check_bucket(w, node);
    case TDM__FN_hash: return check_hash(w, node);
    case TDM__FN_concat: return check_concat(w, node);
    case TDM__FN_lookup: return check_lookup(w, node);
    case TDM__FN_to_f64:
    case TDM__FN_to_i64:
    case TDM__FN_to_string: return check_conversion(w, node);
    default: return check_simple(w, node);
    }
}
