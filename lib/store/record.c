/* Records: a key and its values as bytes, and back.
 *
 *     u32 check | u32 length | u16 key length | key | presence, 2 bits a column | slots | bytes of strings
 *
 * A slot has its kind's fixed width, a string's is (u32 begin, u32 length) with `begin` counted from the end of the
 * slots. Strings lie back to back in column order, absent values have zero slots: equal values give equal bytes. The
 * check is the low half of XXH3 over all behind it. */
#include <string.h>

#include "base/fail.h"
#include "store/store_format.h"

/* Bytes of a slot, by kind. */
static const uint8_t slot_bytes[TDM_KIND_COUNT] = {
    [TDM_BOOL] = 1,     [TDM_I64] = 8,    [TDM_F32] = 4,       [TDM_F64] = 8,
    [TDM_DECIMAL] = 16, [TDM_STRING] = 8, [TDM_TIMESTAMP] = 8,
};

static uint32_t presence_bytes(size_t columns)
{
    return (uint32_t)((columns + 3) / 4);
}

bool tdm__record_layout_init(tdm__record_layout *layout, const tdm__schema *schema, tdm__arena *arena)
{
    *layout = (tdm__record_layout){.schema = schema, .presence_bytes = presence_bytes(schema->n)};
    layout->slot = tdm__arena_array(arena, schema->n + 1, uint32_t);
    layout->text = tdm__arena_array(arena, schema->n + 1, uint32_t);
    if (!layout->slot || !layout->text)
        return false;
    uint32_t at = layout->presence_bytes;
    for (size_t i = 0; i < schema->n; i++) {
        layout->slot[i] = at;
        if (schema->field[i].type.kind == TDM_STRING)
            layout->text[layout->texts++] = at;
        at += slot_bytes[schema->field[i].type.kind];
    }
    layout->fixed_bytes = at;
    return true;
}

/* Strings must lie back to back from `begin`, and end where the record does. */
static bool texts_hold(const tdm__record_layout *layout, const uint8_t *body, uint64_t texts_bytes)
{
    uint64_t begin = 0;
    for (size_t i = 0; i < layout->texts; i++) {
        const uint8_t *slot = body + layout->text[i];
        uint32_t from = tdm__get32(slot), n = tdm__get32(slot + 4);
        if (n == 0 && from == 0)
            continue;
        if (from != begin)
            return false;
        begin += n;
    }
    return begin == texts_bytes;
}

uint32_t tdm__record_check(const tdm__record_layout *layout, const uint8_t *from, uint64_t room)
{
    if (room < TDM__RECORD_HEAD)
        return 0;
    uint32_t length = tdm__get32(from + 4);
    uint64_t fixed = (uint64_t)TDM__RECORD_HEAD + tdm__get16(from + 8) + layout->fixed_bytes;
    if (length > room || length < fixed || length > TDM__RECORD_BYTES_MAX)
        return 0;
    if (tdm__check32(from + 4, length - 4) != tdm__get32(from))
        return 0;
    const uint8_t *body = from + fixed - layout->fixed_bytes;
    for (uint32_t i = 0; i < layout->presence_bytes; i++)
        if (body[i] & (body[i] >> 1) & 0x55) /* 3 is no presence */
            return 0;
    return texts_hold(layout, body, length - fixed) ? length : 0;
}

/* Writes one present value's slot; returns where the strings go on. */
static uint8_t *put_value(const tdm_value *v, uint8_t *slot, uint8_t *texts, uint8_t *text)
{
    uint32_t narrow;
    uint64_t wide;
    switch (v->kind) {
    case TDM_BOOL:
        slot[0] = v->as.b;
        break;
    case TDM_F32:
        memcpy(&narrow, &v->as.f32, 4);
        tdm__put32(slot, narrow);
        break;
    case TDM_DECIMAL:
        tdm__put64(slot, v->as.dec.lo);
        tdm__put64(slot + 8, (uint64_t)v->as.dec.hi);
        break;
    case TDM_STRING:
        if (v->as.str.len == 0)
            break;
        tdm__put32(slot, (uint32_t)(text - texts));
        tdm__put32(slot + 4, (uint32_t)v->as.str.len);
        memcpy(text, v->as.str.ptr, v->as.str.len);
        return text + v->as.str.len;
    default: /* i64, f64, timestamp: 8 bytes */
        memcpy(&wide, &v->as, 8);
        tdm__put64(slot, wide);
    }
    return text;
}

/* Bytes that the record will take, in two parts. Fails when a value does not fit its column or all is too long. */
static tdm_status measure(const tdm__schema *schema, tdm_str key, const tdm_value *values, size_t *fixed, size_t *texts,
                          tdm_error *err)
{
    if (key.len < 1 || key.len > UINT16_MAX)
        return tdm__fail(err, TDM_TOO_LARGE, "key", "a key has 1 to 65535 bytes, this one has %zu", key.len);
    *fixed = TDM__RECORD_HEAD + key.len + presence_bytes(schema->n);
    *texts = 0;
    for (size_t i = 0; i < schema->n; i++) {
        const tdm_type *type = &schema->field[i].type;
        *fixed += slot_bytes[type->kind];
        if (values[i].presence > TDM_PRESENT)
            return tdm__fail(err, TDM_MISMATCH, "value", "column %zu is neither present, null nor missing", i + 1);
        if (values[i].presence != TDM_PRESENT)
            continue;
        if (values[i].kind != type->kind || (type->kind == TDM_DECIMAL && values[i].scale != type->scale))
            return tdm__fail(err, TDM_MISMATCH, "value", "column %zu has another type in the schema", i + 1);
        if (type->kind == TDM_STRING) {
            if (values[i].as.str.len > TDM__RECORD_BYTES_MAX)
                return tdm__fail(err, TDM_TOO_LARGE, "value", "the text of column %zu is longer than a record", i + 1);
            *texts += values[i].as.str.len;
        }
    }
    if (*fixed + *texts > TDM__RECORD_BYTES_MAX)
        return tdm__fail(err, TDM_TOO_LARGE, "record", "a record has at most %d bytes, this one has %zu",
                         TDM__RECORD_BYTES_MAX, *fixed + *texts);
    return TDM_OK;
}

tdm_status tdm__store_encode(const tdm__schema *schema, tdm_str key, const tdm_value *values, tdm__buf *out,
                             tdm_error *err)
{
    size_t fixed = 0, texts_bytes = 0;
    tdm_status s = measure(schema, key, values, &fixed, &texts_bytes, err);
    if (s)
        return s;
    uint8_t *record = (uint8_t *)tdm__buf_reserve(out, fixed + texts_bytes);
    if (!record)
        return tdm__no_memory(err, "record");
    tdm__put32(record + 4, (uint32_t)(fixed + texts_bytes));
    record[8] = (uint8_t)key.len, record[9] = (uint8_t)(key.len >> 8);
    memcpy(record + TDM__RECORD_HEAD, key.ptr, key.len);
    uint8_t *body = record + TDM__RECORD_HEAD + key.len, *texts = record + fixed, *text = texts;
    memset(body, 0, (size_t)(texts - body));
    uint8_t *slot = body + presence_bytes(schema->n);
    for (size_t i = 0; i < schema->n; i++) {
        body[i / 4] |= (uint8_t)((values[i].presence & 3) << i % 4 * 2);
        if (values[i].presence == TDM_PRESENT)
            text = put_value(&values[i], slot, texts, text);
        slot += slot_bytes[schema->field[i].type.kind];
    }
    tdm__put32(record, tdm__check32(record + 4, fixed + texts_bytes - 4));
    out->len += fixed + texts_bytes;
    return TDM_OK;
}

void tdm__record_value(const tdm__record *record, size_t i, tdm_value *out)
{
    const tdm__record_layout *layout = &record->store->layout;
    const tdm_type *type = &layout->schema->field[i].type;
    const uint8_t *body = record->bytes + TDM__RECORD_HEAD + record->key.len;
    const uint8_t *slot = body + layout->slot[i];
    *out = (tdm_value){.kind = type->kind, .presence = body[i / 4] >> i % 4 * 2 & 3, .scale = type->scale};
    if (out->presence != TDM_PRESENT)
        return;
    uint32_t narrow;
    uint64_t wide;
    switch (type->kind) {
    case TDM_BOOL:
        out->as.b = slot[0] != 0;
        break;
    case TDM_F32:
        narrow = tdm__get32(slot);
        memcpy(&out->as.f32, &narrow, 4);
        break;
    case TDM_DECIMAL:
        out->as.dec = (tdm_i128){.lo = tdm__get64(slot), .hi = (int64_t)tdm__get64(slot + 8)};
        break;
    case TDM_STRING:
        out->as.str = tdm__strn((const char *)body + layout->fixed_bytes + tdm__get32(slot), tdm__get32(slot + 4));
        break;
    default:
        wide = tdm__get64(slot);
        memcpy(&out->as, &wide, 8);
    }
}
