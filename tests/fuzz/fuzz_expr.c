/* Expressions from any bytes: a refusal names a place inside the text; what compiles keeps its promises (type, null,
 * slots) and gives the same bits for rows alone and together. */
#include <stdlib.h>
#include <string.h>

#include "feature/expression.h"

enum { ROWS = 37 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct slot {
    const char *name;
    tdm_type type;
} slots[] = {
    {"n", {.kind = TDM_I64, .nullable = true}},
    {"w", {.kind = TDM_I64}},
    {"x", {.kind = TDM_F64, .nullable = true}},
    {"z", {.kind = TDM_F64}},
    {"f", {.kind = TDM_F32, .nullable = true}},
    {"d", {.kind = TDM_DECIMAL, .nullable = true, .precision = 9, .scale = 2}},
    {"s", {.kind = TDM_STRING, .nullable = true}},
    {"b", {.kind = TDM_BOOL, .nullable = true}},
    {"t", {.kind = TDM_TIMESTAMP, .nullable = true}},
    {"schedule.origin", {.kind = TDM_STRING}},
};
enum { SLOTS = sizeof slots / sizeof *slots };

static void must(bool held)
{
    if (!held)
        abort();
}

static int find_slot(void *self, tdm_str name, tdm_type *type)
{
    (void)self;
    for (int i = 0; i < SLOTS; i++)
        if (tdm__str_is(name, slots[i].name)) {
            *type = slots[i].type;
            return i;
        }
    return -1;
}

static void find_entry(const void *self, const tdm_value *key, tdm_value *out)
{
    (void)self;
    *out = (tdm_value){.kind = TDM_I64, .presence = (uint8_t)(key->as.str.len % 3), .as.i64 = (int64_t)key->as.str.len};
}

static void fill(tdm__column *columns, tdm__arena *arena)
{
    static const double reals[] = {0.0, -0.0, 1.5, -1e300, 1e19, 0.0 / 1e-300};
    static const int64_t wholes[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1000000007};
    static const char *const texts[] = {"", "AA", "a b", "12", "\xc3\xa4", "1e5"};
    for (int i = 0; i < SLOTS; i++) {
        must(tdm__column_init(&columns[i], &slots[i].type, arena));
        for (size_t row = 0; row < ROWS; row++) {
            tdm_value v = {.kind = slots[i].type.kind, .scale = slots[i].type.scale, .presence = TDM_PRESENT};
            size_t pick = (row + (size_t)i) % 6;
            switch (v.kind) {
            case TDM_F64: v.as.f64 = reals[pick]; break;
            case TDM_F32: v.as.f32 = (float)reals[pick]; break;
            case TDM_DECIMAL: v.as.dec = (tdm_i128){(uint64_t)(int64_t)row - 18, row < 18 ? -1 : 0}; break;
            case TDM_STRING: v.as.str = tdm__str(texts[pick]); break;
            case TDM_BOOL: v.as.b = pick % 2; break;
            default: v.as.i64 = wholes[pick]; break;
            }
            if (slots[i].type.nullable && row % 7 < 2)
                v.presence = (uint8_t)(row % 7);
            tdm__column_set(&columns[i], row, &v);
        }
    }
}

static void evaluate(const tdm__expression *e, const tdm__column *columns, size_t first, size_t n, tdm__arena *arena,
                     tdm__column *out)
{
    tdm__column views[SLOTS];
    const tdm__column *in[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
        views[i] = columns[i];
        views[i].presence += first;
        views[i].as.b += first * tdm__kind_size(views[i].type.kind);
        in[i] = &views[i];
    }
    tdm_type type = tdm__expression_type(e);
    must(tdm__column_init(out, &type, arena));
    must(tdm__expression_eval(e, in, n, INT64_C(1370080800000000), arena, out, NULL) == TDM_OK);
}

static void check_rows(const tdm__expression *e, const tdm__column *columns, tdm__arena *arena)
{
    tdm__column whole, one;
    tdm_type type = tdm__expression_type(e);
    tdm__arena alone = {0};
    evaluate(e, columns, 0, ROWS, arena, &whole);
    for (size_t row = 0; row < ROWS; row++) {
        tdm_value a, b;
        evaluate(e, columns, row, 1, &alone, &one);
        tdm__column_get(&whole, row, &a);
        tdm__column_get(&one, 0, &b);
        must(tdm__value_same(&a, &b));
        must(type.nullable || a.presence == TDM_PRESENT);
        must(a.presence <= TDM_PRESENT);
        must(a.presence != TDM_PRESENT || a.kind != TDM_BOOL || whole.as.b[row] <= 1);
        tdm__arena_reset(&alone);
    }
    tdm__arena_free(&alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const tdm__lookup_table table = {{"seats", 5}, {.kind = TDM_STRING}, {.kind = TDM_I64, .nullable = true},
                                            find_entry, NULL};
    static const char *const names[] = {"n", "w", "x", "z", "schedule.origin"};
    tdm__expression_scope scope = {.slot = find_slot, .names = names, .n_names = 5, .lookups = &table, .n_lookups = 1};
    tdm__arena arena = {0};
    tdm__column columns[SLOTS];
    tdm__expression *e = NULL;
    tdm_error err = {0};
    size_t at = 0, n = 0;
    tdm_status s = tdm__expression_compile((tdm_str){(const char *)data, size}, &scope, &arena, &e, &at, &err);
    if (s) {
        must(s == TDM_EXPRESSION && err.status == s && at <= size && err.what[0]);
    } else {
        const int *slot = tdm__expression_slots(e, &n);
        for (size_t i = 0; i < n; i++)
            must(slot[i] < SLOTS && (i == 0 || slot[i - 1] < slot[i]));
        must(tdm__expression_type(e).kind < TDM_KIND_COUNT);
        fill(columns, &arena);
        check_rows(e, columns, &arena);
    }
    tdm__arena_free(&arena);
    return 0;
}
