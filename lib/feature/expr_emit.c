/* From checked nodes to steps: numbers the columns, turns literals to constants, gives registers to results.
 *
 * Post-order again makes this one loop. A register is free again once its one reader is emitted; the reader's own
 * result gets another register, so a kernel's output never overlaps its input. */
#include <string.h>

#include "feature/expr_impl.h"

typedef struct emitter {
    tdm__expr_work *w;
    tdm__expression *e;
    uint32_t *column;     /* of each node: where its value lies, in the kind that its parent wants */
    uint16_t free[TDM__EXPR_REGISTERS];
    size_t n_free, n_steps_max;
    uint32_t first_constant, first_register;
} emitter;

static void sort_slots(int *slot, size_t *n)
{
    for (size_t i = 1; i < *n; i++)
        for (size_t j = i; j > 0 && slot[j - 1] > slot[j]; j--) {
            int held = slot[j];
            slot[j] = slot[j - 1];
            slot[j - 1] = held;
        }
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++)
        if (kept == 0 || slot[kept - 1] != slot[i])
            slot[kept++] = slot[i];
    *n = kept;
}

static uint32_t slot_column(const tdm__expression *e, int slot)
{
    size_t low = 0, high = e->n_slots;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (e->slot[middle] <= slot)
            low = middle;
        else
            high = middle;
    }
    return (uint32_t)low;
}

/* Counts what the nodes need and makes room for it. */
static tdm_status prepare(emitter *m)
{
    tdm__expr_work *w = m->w;
    size_t n_slots = 0, n_constants = 0;
    for (size_t i = 0; i < w->n_nodes; i++) {
        n_slots += w->node[i].form == TDM__F_NAME;
        n_constants += w->node[i].form == TDM__F_LITERAL && w->node[i].wanted != TDM__KIND_TAKEN;
    }
    tdm__expression *e = m->e = tdm__arena_new(w->keep, tdm__expression);
    if (!e)
        return tdm__no_memory(w->err, NULL);
    m->n_steps_max = 2 * w->n_nodes + 1; /* each result may be converted; a lone leaf is copied */
    e->slot = tdm__arena_array(w->keep, n_slots + 1, int);
    e->constant = tdm__arena_array(w->keep, n_constants + 1, tdm__column);
    e->step = tdm__arena_array(&w->scratch, m->n_steps_max, tdm__step);
    e->register_bytes = tdm__arena_zalloc(w->keep, TDM__EXPR_REGISTERS, 1);
    m->column = tdm__arena_array(&w->scratch, w->n_nodes, uint32_t);
    if (!e->slot || !e->constant || !e->step || !e->register_bytes || !m->column)
        return tdm__no_memory(w->err, NULL);
    for (size_t i = 0; i < w->n_nodes; i++)
        if (w->node[i].form == TDM__F_NAME)
            e->slot[e->n_slots++] = w->node[i].slot;
    sort_slots(e->slot, &e->n_slots);
    m->first_constant = (uint32_t)e->n_slots + 1;
    m->first_register = m->first_constant + (uint32_t)n_constants;
    return TDM_OK;
}

static tdm_status new_register(emitter *m, unsigned kind, size_t at, uint32_t *out)
{
    tdm__expression *e = m->e;
    if (m->n_free == 0) {
        if (e->n_registers == TDM__EXPR_REGISTERS)
            return tdm__expr_fail(m->w, at, "the expression needs more than %d intermediate values at once",
                                  TDM__EXPR_REGISTERS);
        m->free[m->n_free++] = (uint16_t)e->n_registers++;
    }
    unsigned chosen = m->free[--m->n_free];
    size_t size = tdm__kind_size(kind);
    if (e->register_bytes[chosen] < size)
        e->register_bytes[chosen] = (uint8_t)size;
    *out = m->first_register + chosen;
    return TDM_OK;
}

static void release(emitter *m, uint32_t column)
{
    if (column >= m->first_register)
        m->free[m->n_free++] = (uint16_t)(column - m->first_register);
}

/* One step. The root's result is the expression's own column. */
static tdm_status add_step(emitter *m, tdm__kernel *kernel, const tdm_type *type, size_t at, uint32_t *in,
                           uint32_t n_in, uint32_t *out)
{
    tdm_status s = new_register(m, type->kind, at, out);
    if (s)
        return s;
    for (uint32_t i = 0; i < n_in; i++)
        release(m, in[i]);
    m->e->step[m->e->n_steps++] =
        (tdm__step){.kernel = kernel, .in = in, .n_in = n_in, .out = *out, .type = *type};
    if (n_in > m->e->n_in_max)
        m->e->n_in_max = n_in;
    return TDM_OK;
}

static tdm__kernel *conversion(unsigned from, unsigned to)
{
    if (to == TDM_DECIMAL)
        return tdm__k_i64_to_decimal;
    return from == TDM_I64 ? tdm__k_i64_to_f64 : from == TDM_F32 ? tdm__k_f32_to_f64 : tdm__k_decimal_to_f64;
}

/* A value lies in `*column` in its own kind; afterwards in the kind that the parent wants. */
static tdm_status convert(emitter *m, const tdm__expr_node *node, uint32_t *column)
{
    unsigned from = node->type.kind, to = node->wanted;
    if (from == to)
        return TDM_OK;
    uint32_t *in = tdm__arena_array(m->w->keep, 1, uint32_t);
    if (!in)
        return tdm__no_memory(m->w->err, NULL);
    in[0] = *column;
    tdm_type type = {.kind = (uint8_t)to};
    tdm_status s = add_step(m, conversion(from, to), &type, node->at, in, 1, column);
    if (!s)
        m->e->step[m->e->n_steps - 1].extra.scale[0] = node->type.scale;
    return s;
}

static bool set_constant(tdm__column *column, const tdm__expr_node *node, tdm__arena *keep)
{
    tdm_value v = node->value;
    *column = (tdm__column){.type = {.kind = node->wanted, .nullable = v.presence != TDM_PRESENT}};
    column->presence = tdm__arena_zalloc(keep, 1, 1);
    column->as.any = tdm__arena_zalloc(keep, 1, tdm__kind_size(node->wanted));
    if (!column->presence || !column->as.any)
        return false;
    column->presence[0] = v.presence;
    if (v.presence != TDM_PRESENT)
        return true;
    bool whole = v.kind == TDM_I64;
    switch (node->wanted) {
    case TDM_BOOL: column->as.b[0] = v.as.b; break;
    case TDM_F64: column->as.f64[0] = tdm__expr_literal_f64(node); break;
    case TDM_F32: column->as.f32[0] = (float)tdm__expr_literal_f64(node); break;
    case TDM_DECIMAL: column->as.dec[0] = (tdm_i128){(uint64_t)v.as.i64, whole && v.as.i64 < 0 ? -1 : 0}; break;
    case TDM_STRING: return tdm__arena_str(keep, v.as.str, &column->as.str[0]);
    default: column->as.i64[0] = v.as.i64; break;
    }
    return true;
}

static tdm_status emit_constant(emitter *m, const tdm__expr_node *node, uint32_t *column)
{
    if (node->wanted == TDM__KIND_TAKEN)
        return TDM_OK;
    *column = m->first_constant + (uint32_t)m->e->n_constants;
    if (!set_constant(&m->e->constant[m->e->n_constants++], node, m->w->keep))
        return tdm__no_memory(m->w->err, NULL);
    return TDM_OK;
}

static tdm_status emit_operation(emitter *m, const tdm__expr_node *node, uint32_t *column)
{
    uint32_t *in = tdm__arena_array(m->w->keep, node->n_kids + 1, uint32_t), n_in = 0;
    if (!in)
        return tdm__no_memory(m->w->err, NULL);
    uint32_t kid = node->kids;
    for (uint32_t i = 0; i < node->n_kids; i++, kid = m->w->node[kid].next)
        if (m->w->node[kid].wanted != TDM__KIND_TAKEN)
            in[n_in++] = m->column[kid];
    tdm_status s = add_step(m, node->kernel, &node->type, node->at, in, n_in, column);
    if (s)
        return s;
    m->e->step[m->e->n_steps - 1].extra = node->extra;
    m->e->reads_as_of |= node->form == TDM__F_CALL && (node->op == TDM__FN_age || node->op == TDM__FN_as_of);
    return TDM_OK;
}

static tdm_status emit_node(emitter *m, size_t i)
{
    const tdm__expr_node *node = &m->w->node[i];
    uint32_t *column = &m->column[i];
    if (node->form == TDM__F_LITERAL)
        return emit_constant(m, node, column);
    tdm_status s = TDM_OK;
    if (node->form == TDM__F_NAME)
        *column = slot_column(m->e, node->slot);
    else
        s = emit_operation(m, node, column);
    return s ? s : convert(m, node, column);
}

static tdm__kernel *copy_of(unsigned kind)
{
    switch (tdm__kind_size(kind)) {
    case 1: return tdm__k_copy_1;
    case 4: return tdm__k_copy_4;
    case 8: return tdm__k_copy_8;
    default: return tdm__k_copy_16;
    }
}

/* The root's column becomes the result: a leaf is copied, a step writes there itself. */
static tdm_status finish(emitter *m)
{
    tdm__expr_work *w = m->w;
    tdm__expression *e = m->e;
    const tdm__expr_node *root = &w->node[w->n_nodes - 1];
    uint32_t column = m->column[w->n_nodes - 1];
    e->type = root->type;
    if (column < m->first_register) {
        uint32_t *in = tdm__arena_array(w->keep, 1, uint32_t);
        if (!in)
            return tdm__no_memory(w->err, NULL);
        in[0] = column;
        tdm_status s = add_step(m, copy_of(root->type.kind), &root->type, root->at, in, 1, &column);
        if (s)
            return s;
    }
    e->step[e->n_steps - 1].out = (uint32_t)e->n_slots;
    tdm__step *kept = tdm__arena_array(w->keep, e->n_steps, tdm__step);
    if (!kept)
        return tdm__no_memory(w->err, NULL);
    memcpy(kept, e->step, e->n_steps * sizeof *kept);
    e->step = kept;
    return TDM_OK;
}

tdm_status tdm__expr_emit(tdm__expr_work *w, tdm__expression **out)
{
    emitter m = {.w = w};
    tdm_status s = prepare(&m);
    for (size_t i = 0; !s && i < w->n_nodes; i++)
        s = emit_node(&m, i);
    if (!s)
        s = finish(&m);
    if (!s)
        *out = m.e;
    return s;
}
