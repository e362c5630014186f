/* What expressions cost: ns a row, in blocks of 1024 rows and one row at a time. Equal hashes within a group mean equal
 * bits.
 *
 * The floor of one step over a block is its bytes through the first-level cache: 9 in an operand and 9 out, about 0.3
 * ns a row at -O2 without vectors. "plain C" is the whole expression as one hand-written loop over the same columns:
 * what a compiler that knew the expression would do. The floor of one row alone is the walk over the steps: a call and
 * some ten loads and stores each. */
#define _GNU_SOURCE
#include "micro.h"

#include "feature/expression.h"

enum { BLOCKS = 64, BLOCKS_SMALL = 2 };

static const struct slot {
    const char *name;
    tdm_type type;
} slots[] = {{"x", {.kind = TDM_F64, .nullable = true}},     {"y", {.kind = TDM_F64, .nullable = true}},
             {"n", {.kind = TDM_I64, .nullable = true}},     {"m", {.kind = TDM_I64}},
             {"origin", {.kind = TDM_STRING}},               {"t", {.kind = TDM_TIMESTAMP}},
             {"lat", {.kind = TDM_F64}},                     {"lon", {.kind = TDM_F64}}};
enum { SLOTS = sizeof slots / sizeof *slots };

static const char *const texts[] = {"x",
                                    "x * y + 1",
                                    "n + m * 2",
                                    "x > 0.5 and n in (1, 2, 3)",
                                    "if(is_null(x), y, clip(x, 0, 1))",
                                    "log1p(abs(x))",
                                    "bucket(x, 0.1, 0.25, 0.5, 0.75)",
                                    "hour(t) + 24 * day_of_week(t)",
                                    "hash(origin, 1000)",
                                    "origin in ('EWR', 'JFK', 'LGA')",
                                    "lower(concat(origin, '-x'))",
                                    "haversine(lat, lon, 40.64, -73.78)"};
enum { TEXTS = sizeof texts / sizeof *texts };

typedef struct subject {
    tdm__expression *e;
    tdm__column out;
} subject;

static subject subjects[TEXTS];
static tdm__column columns[SLOTS];
static size_t blocks;
static tdm__arena keep, scratch;

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

static uint64_t hash_row(uint64_t hash, const tdm__column *column, size_t row)
{
    tdm_value v;
    tdm__column_get(column, row, &v);
    hash = micro_mix(hash, v.presence);
    if (v.presence != TDM_PRESENT)
        return hash;
    if (v.kind == TDM_STRING)
        for (size_t i = 0; i < v.as.str.len; i++)
            hash = micro_mix(hash, (unsigned char)v.as.str.ptr[i]);
    return micro_mix(hash, v.kind == TDM_STRING ? v.as.str.len : v.kind == TDM_BOOL ? v.as.b : (uint64_t)v.as.i64);
}

/* The same 1024 rows again and again; the last time they are hashed. */
static uint64_t by_block(const void *input)
{
    subject *s = (subject *)(uintptr_t)input;
    const tdm__column *in[SLOTS];
    uint64_t hash = 0;
    for (int i = 0; i < SLOTS; i++)
        in[i] = &columns[i];
    for (size_t b = 0; b < blocks; b++) {
        tdm__arena_reset(&scratch);
        if (tdm__expression_eval(s->e, in, TDM__BLOCK_ROWS, 0, &scratch, &s->out, NULL))
            return 0;
    }
    for (size_t row = 0; row < TDM__BLOCK_ROWS; row++)
        hash = hash_row(hash, &s->out, row);
    return hash;
}

static uint64_t by_row(const void *input)
{
    subject *s = (subject *)(uintptr_t)input;
    tdm__column one[SLOTS];
    const tdm__column *in[SLOTS];
    uint64_t hash = 0;
    for (size_t i = 0; i < blocks * TDM__BLOCK_ROWS; i++) {
        size_t row = i % TDM__BLOCK_ROWS;
        for (int j = 0; j < SLOTS; j++) {
            one[j] = columns[j];
            one[j].presence += row;
            one[j].as.b += row * tdm__kind_size(columns[j].type.kind);
            in[j] = &one[j];
        }
        tdm__arena_reset(&scratch);
        if (tdm__expression_eval(s->e, in, 1, 0, &scratch, &s->out, NULL))
            return 0;
        if (i / TDM__BLOCK_ROWS == blocks - 1)
            hash = hash_row(hash, &s->out, 0);
    }
    return hash;
}

/* x * y + 1 by hand. */
static uint64_t by_hand(const void *input)
{
    subject *s = (subject *)(uintptr_t)input;
    const tdm__column *x = &columns[0], *y = &columns[1];
    uint64_t hash = 0;
    for (size_t b = 0; b < blocks; b++)
        for (size_t i = 0; i < TDM__BLOCK_ROWS; i++) {
            s->out.as.f64[i] = x->as.f64[i] * y->as.f64[i] + 1;
            s->out.presence[i] = (uint8_t)(TDM_NULL + ((x->presence[i] & y->presence[i]) >> 1));
        }
    for (size_t row = 0; row < TDM__BLOCK_ROWS; row++)
        hash = hash_row(hash, &s->out, row);
    return hash;
}

static void fill(void)
{
    static const char *const airports[] = {"EWR", "JFK", "LGA", "LAX", "SFO"};
    uint64_t state = 2013;
    for (size_t row = 0; row < TDM__BLOCK_ROWS; row++)
        for (int i = 0; i < SLOTS; i++) {
            uint64_t bits = micro_random(&state);
            double unit = (double)(bits >> 11) * 0x1p-53;
            tdm_value v = {.kind = slots[i].type.kind, .presence = TDM_PRESENT};
            switch (v.kind) {
            case TDM_F64: v.as.f64 = i >= 6 ? unit * 90 : unit * 2 - 0.5; break;
            case TDM_STRING: v.as.str = tdm__str(airports[bits % 5]); break;
            case TDM_TIMESTAMP: v.as.time_us = (int64_t)(unit * 2e15); break;
            default: v.as.i64 = (int64_t)(bits % 10); break;
            }
            if (slots[i].type.nullable && micro_random(&state) % 16 == 0)
                v.presence = TDM_NULL;
            tdm__column_set(&columns[i], row, &v);
        }
}

static bool prepare(void)
{
    tdm__expression_scope scope = {.slot = find_slot};
    for (int i = 0; i < SLOTS; i++)
        if (!tdm__column_init(&columns[i], &slots[i].type, &keep))
            return false;
    for (int i = 0; i < TEXTS; i++) {
        tdm_error err = {0};
        if (tdm__expression_compile(tdm__str(texts[i]), &scope, &keep, &subjects[i].e, NULL, &err)) {
            printf("# %s: %s\n", texts[i], err.what);
            return false;
        }
        tdm_type type = tdm__expression_type(subjects[i].e);
        if (!tdm__column_init(&subjects[i].out, &type, &keep))
            return false;
    }
    fill();
    return true;
}

int main(int argc, char **argv)
{
    bool small = micro_is_small(argc, argv);
    micro_case cases[2 * TEXTS + 1];
    size_t n = 0;
    blocks = small ? BLOCKS_SMALL : BLOCKS;
    if (!prepare()) {
        printf("1..1\nnot ok 1 - bench_feature\n");
        return 1;
    }
    for (int i = 0; i < TEXTS; i++) {
        cases[n++] = (micro_case){texts[i], "block", by_block, &subjects[i]};
        cases[n++] = (micro_case){texts[i], "one row", by_row, &subjects[i]};
        if (i == 1)
            cases[n++] = (micro_case){texts[i], "plain C", by_hand, &subjects[i]};
    }
    int rc = micro_run("bench_feature", cases, n, blocks * TDM__BLOCK_ROWS, small);
    tdm__arena_free(&scratch);
    tdm__arena_free(&keep);
    return rc;
}
