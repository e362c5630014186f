/* Compiling and evaluating, as expression.h promises: the driver around lexer, parser, checker, emitter and kernels.
 *
 * An evaluation makes a table of columns (slots, result, constants, registers) in the caller's arena and runs the steps
 * one after another over all rows. Nothing here depends on the number of rows but the sizes, which is why any split of
 * a block gives the same bits. */
#include <string.h>

#include "feature/expr_impl.h"

static tdm_status compile(tdm__expr_work *w, tdm__expression **out)
{
    if (w->text.len > TDM__EXPR_TEXT_BYTES) {
        tdm_status s = tdm__expr_fail(w, TDM__EXPR_TEXT_BYTES, "the expression is too long");
        tdm__fail_expected(w->err, "at most %d bytes", TDM__EXPR_TEXT_BYTES);
        tdm__fail_found(w->err, "%zu bytes", w->text.len);
        return s;
    }
    tdm_status s = tdm__expr_parse(w);
    if (s || (s = tdm__expr_check(w)))
        return s;
    return tdm__expr_emit(w, out);
}

tdm_status tdm__expression_compile(tdm_str text, const tdm__expression_scope *scope, tdm__arena *arena,
                                   tdm__expression **out, size_t *at, tdm_error *err)
{
    tdm__expr_work w = {.text = text.ptr ? text : tdm__str(""), .scope = scope, .keep = arena, .err = err};
    tdm_status s = compile(&w, out);
    if (at)
        *at = w.fault;
    tdm__free(w.node);
    tdm__arena_free(&w.scratch);
    return s;
}

tdm_type tdm__expression_type(const tdm__expression *e)
{
    return e->type;
}

const int *tdm__expression_slots(const tdm__expression *e, size_t *n)
{
    *n = e->n_slots;
    return e->slot;
}

bool tdm__expression_reads_as_of(const tdm__expression *e)
{
    return e->reads_as_of;
}

/* `rows` copies of the one row, of 1, 4, 8 or 16 bytes: doubles what is there already. */
static void repeat(void *out, const void *one, size_t size, size_t rows)
{
    char *to = out;
    memcpy(to, one, size);
    for (size_t done = 1; done < rows;) {
        size_t more = done < rows - done ? done : rows - done;
        memcpy(to + done * size, to, more * size);
        done += more;
    }
}

static bool make_column(tdm__column *column, size_t size, size_t rows, tdm__arena *arena)
{
    column->presence = tdm__arena_alloc(arena, rows);
    column->as.any = tdm__arena_alloc(arena, rows * size);
    return column->presence && column->as.any;
}

/* Constants as columns: a single row reads the program's own, a block gets copies. */
static bool spread_constants(const tdm__expression *e, size_t rows, tdm__column *made, const tdm__column **table,
                             tdm__arena *arena)
{
    for (size_t i = 0; i < e->n_constants; i++) {
        const tdm__column *one = &e->constant[i];
        table[i] = one;
        if (rows == 1)
            continue;
        size_t size = tdm__kind_size(one->type.kind);
        if (!make_column(&made[i], size, rows, arena))
            return false;
        made[i].type = one->type;
        memset(made[i].presence, one->presence[0], rows);
        repeat(made[i].as.any, one->as.any, size, rows);
        table[i] = &made[i];
    }
    return true;
}

static bool run_steps(const tdm__expression *e, const tdm__column **table, tdm__column *registers, tdm__column *out,
                      tdm__frame *f)
{
    size_t first_register = e->n_slots + 1 + e->n_constants;
    for (size_t i = 0; i < e->n_steps; i++) {
        const tdm__step *step = &e->step[i];
        for (uint32_t j = 0; j < step->n_in; j++)
            f->in[j] = table[step->in[j]];
        f->out = step->out == e->n_slots ? out : &registers[step->out - first_register];
        if (f->out != out)
            f->out->type = step->type;
        if (!step->kernel(&step->extra, f))
            return false;
    }
    return true;
}

tdm_status tdm__expression_eval(const tdm__expression *e, const tdm__column *const *slots, size_t rows,
                                int64_t as_of_us, tdm__arena *arena, tdm__column *out, tdm_error *err)
{
    size_t n_made = e->n_constants + e->n_registers;
    const tdm__column **table = tdm__arena_alloc(arena, (e->n_slots + 1 + n_made + e->n_in_max) * sizeof *table);
    tdm__column *made = tdm__arena_alloc(arena, (n_made + 1) * sizeof *made);
    if (!table || !made)
        return tdm__no_memory(err, NULL);
    for (size_t i = 0; i < e->n_slots; i++)
        table[i] = slots[e->slot[i]];
    table[e->n_slots] = out;
    const tdm__column **constants = table + e->n_slots + 1;
    if (!spread_constants(e, rows, made, constants, arena))
        return tdm__no_memory(err, NULL);
    tdm__column *registers = made + e->n_constants;
    for (size_t i = 0; i < e->n_registers; i++) {
        if (!make_column(&registers[i], e->register_bytes[i], rows, arena))
            return tdm__no_memory(err, NULL);
        constants[e->n_constants + i] = &registers[i];
    }
    tdm__frame f = {.in = constants + n_made, .rows = rows, .as_of_us = as_of_us, .arena = arena};
    return run_steps(e, table, registers, out, &f) ? TDM_OK : tdm__no_memory(err, NULL);
}
