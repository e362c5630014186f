/* Columns of a block, and schemas: named fields, their canonical form and fingerprint.
 *
 * A column's two arrays come from the block's arena once and keep their size for ever after. A value's place
 * means nothing unless its presence is TDM_PRESENT, so nothing here clears values. */
#include "schema/block.h"

#include <assert.h>
#include <string.h>

#include "base/digest.h"

int tdm__column_init(tdm__column *column, const tdm_type *type, tdm__arena *arena)
{
    return tdm__column_init_rows(column, type, TDM__BLOCK_ROWS, arena);
}

int tdm__column_init_rows(tdm__column *column, const tdm_type *type, size_t rows, tdm__arena *arena)
{
    column->type = *type;
    column->presence = tdm__arena_zalloc(arena, rows, 1);
    column->as.any = tdm__arena_zalloc(arena, rows, tdm__kind_size(type->kind));
    return column->presence && column->as.any;
}

void tdm__column_clear(tdm__column *column, size_t rows)
{
    memset(column->presence, TDM_MISSING, rows);
}

void tdm__column_get(const tdm__column *column, size_t row, tdm_value *out)
{
    memset(out, 0, sizeof *out);
    out->kind = column->type.kind;
    out->scale = column->type.scale;
    out->presence = column->presence[row];
    if (out->presence != TDM_PRESENT)
        return;
    switch ((tdm_kind)column->type.kind) {
    case TDM_BOOL: out->as.b = column->as.b[row] != 0; break;
    case TDM_I64: out->as.i64 = column->as.i64[row]; break;
    case TDM_F32: out->as.f32 = column->as.f32[row]; break;
    case TDM_F64: out->as.f64 = column->as.f64[row]; break;
    case TDM_DECIMAL: out->as.dec = column->as.dec[row]; break;
    case TDM_STRING: out->as.str = column->as.str[row]; break;
    case TDM_TIMESTAMP: out->as.time_us = column->as.time_us[row]; break;
    case TDM_KIND_COUNT: break;
    }
}

void tdm__column_set(tdm__column *column, size_t row, const tdm_value *v)
{
    assert(v->kind == column->type.kind && row < TDM__BLOCK_ROWS);
    column->presence[row] = v->presence;
    if (v->presence != TDM_PRESENT)
        return;
    switch ((tdm_kind)column->type.kind) {
    case TDM_BOOL: column->as.b[row] = v->as.b; break;
    case TDM_I64: column->as.i64[row] = v->as.i64; break;
    case TDM_F32: column->as.f32[row] = v->as.f32; break;
    case TDM_F64: column->as.f64[row] = v->as.f64; break;
    case TDM_DECIMAL: column->as.dec[row] = v->as.dec; break;
    case TDM_STRING: column->as.str[row] = v->as.str; break;
    case TDM_TIMESTAMP: column->as.time_us[row] = v->as.time_us; break;
    case TDM_KIND_COUNT: break;
    }
}

int tdm__schema_find(const tdm__schema *schema, tdm_str name)
{
    for (size_t i = 0; i < schema->n; i++)
        if (tdm__str_equal(schema->field[i].name, name))
            return (int)i;
    return -1;
}

void tdm__schema_canonical(const tdm__schema *schema, tdm__buf *out)
{
    for (size_t i = 0; i < schema->n; i++) {
        char type[64];
        tdm__buf_str(out, schema->field[i].name);
        tdm__buf_text(out, ": ");
        tdm__buf_add(out, type, tdm__type_format(&schema->field[i].type, type));
        tdm__buf_char(out, '\n');
    }
}

uint64_t tdm__schema_fingerprint(const tdm__schema *schema)
{
    uint64_t h = 0;
    for (size_t i = 0; i < schema->n; i++) {
        char type[64];
        size_t n = tdm__type_format(&schema->field[i].type, type);
        h = tdm__hash64_seed(schema->field[i].name.ptr, schema->field[i].name.len, h);
        h = tdm__hash64_seed(type, n, h);
    }
    return h;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool tdm__name_valid(tdm_str name)
{
    if (name.len < 1 || name.len > 64 || !is_letter(name.ptr[0]))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        char c = name.ptr[i];
        bool inside = (c == '-' || c == '.') && i + 1 < name.len;
        if (!is_letter(c) && !is_digit(c) && !inside)
            return false;
    }
    return true;
}

bool tdm__label_valid(tdm_str label)
{
    if (label.len < 1 || label.len > 255 || !tdm__utf8_valid(label))
        return false;
    for (size_t i = 0; i < label.len; i++) {
        const unsigned char *c = (const unsigned char *)label.ptr + i; /* a whole sequence: the text is UTF-8 */
        if (c[0] < 0x20 || c[0] == 0x7F || (c[0] == 0xC2 && c[1] < 0xA0) ||
            (c[0] == 0xE2 && c[1] == 0x80 && (c[2] == 0xA8 || c[2] == 0xA9)) ||
            (c[0] == 0xEF && c[1] == 0xBB && c[2] == 0xBF))
            return false;
    }
    return true;
}
