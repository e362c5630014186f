/* Random expressions: equal to the oracle in every row, and to the bit however the rows are split. */
#include "expr_grammar.h"

enum { ROUNDS = 1500 };

static fixture fx;
static const int64_t as_of_us = INT64_C(1370080800000000);

typedef struct subject {
    tdm__expression *e;
    const char *text;
    tdm__column whole;
    size_t rows;
} subject;

/* Rows [first, first + n) as columns of their own. */
static void view(const tdm__column *of, size_t first, tdm__column *out)
{
    *out = *of;
    out->presence += first;
    out->as.b += first * tdm__kind_size(of->type.kind);
}

static void evaluate(const subject *s, size_t first, size_t n, tdm__arena *arena, tdm__column *out)
{
    tdm__column columns[FIXTURE_N];
    const tdm__column *slots[FIXTURE_N];
    tdm_error err = {0};
    for (int i = 0; i < FIXTURE_N; i++) {
        view(&fx.column[i], first, &columns[i]);
        slots[i] = &columns[i];
    }
    out->type = tdm__expression_type(s->e);
    assert_true(tdm__column_init(out, &out->type, arena));
    assert_ok(tdm__expression_eval(s->e, slots, n, as_of_us, arena, out, &err), &err);
}

static void differ(const subject *s, const char *how, size_t row, const tdm_value *found, const tdm_value *want)
{
    tdm__buf text = {0};
    static const char *const presence[] = {"missing", "null", "present"};
    tdm__buf_printf(&text, "%s\n  row %zu, %s: %s ", s->text, row, how, presence[found->presence]);
    tdm__value_format(found, &text);
    tdm__buf_printf(&text, ", not %s ", presence[want->presence]);
    tdm__value_format(want, &text);
    fail_msg("%s", tdm__buf_z(&text));
}

static void equals_the_oracle(const subject *s, const tree *t, tdm__arena *arena)
{
    oracle o = {.fx = &fx, .as_of_us = as_of_us, .arena = arena};
    tdm_type type = tdm__expression_type(s->e);
    for (o.row = 0; o.row < s->rows; o.row++) {
        tdm_value found, want = oracle_eval(&o, t);
        tdm__column_get(&s->whole, o.row, &found);
        want.scale = found.scale;
        if (!tdm__value_same(&found, &want))
            differ(s, "oracle", o.row, &found, &want);
        if (!type.nullable && found.presence != TDM_PRESENT)
            differ(s, "not nullable", o.row, &found, &want);
    }
}

static void equals_itself(const subject *s, size_t first, size_t n, tdm__arena *arena)
{
    tdm__column part;
    evaluate(s, first, n, arena, &part);
    for (size_t i = 0; i < n; i++) {
        tdm_value found, want;
        tdm__column_get(&part, i, &found);
        tdm__column_get(&s->whole, first + i, &want);
        if (!tdm__value_same(&found, &want))
            differ(s, "split", first + i, &found, &want);
    }
}

static void any_split_is_equal(const subject *s, tdm__random *r, tdm__arena *arena)
{
    size_t largest = 1 + (size_t)tdm__random_below(r, s->rows);
    for (size_t first = 0; first < s->rows;) {
        size_t n = 1 + (size_t)tdm__random_below(r, largest);
        if (n > s->rows - first)
            n = s->rows - first;
        equals_itself(s, first, n, arena);
        first += n;
        tdm__arena_reset(arena);
    }
    equals_itself(s, (size_t)tdm__random_below(r, s->rows), 1, arena);
}

static void one_round(tdm__random *r, tdm__arena *arena, tdm__arena *scratch)
{
    static const int kinds[] = {TDM_BOOL, TDM_I64, TDM_F64, TDM_F64, TDM_STRING, TDM_TIMESTAMP};
    grammar g = {r, &fx, arena};
    tree *t = grow(&g, kinds[tdm__random_below(r, 6)], 1 + (int)tdm__random_below(r, 5));
    tdm__buf text = {0};
    tdm_error err = {0};
    subject s = {.rows = tdm__random_below(r, 20) ? 1 + (size_t)tdm__random_below(r, 70) : TDM__BLOCK_ROWS};
    print_tree(&g, &text, t, 0);
    s.text = tdm__buf_z(&text);
    tdm_status status = tdm__expression_compile(tdm__strn(text.ptr, text.len), &fx.scope, arena, &s.e, NULL, &err);
    if (status)
        print_message("%s\n", s.text);
    assert_ok(status, &err);
    assert_int_equal(tdm__expression_type(s.e).kind, t->kind);
    evaluate(&s, 0, s.rows, arena, &s.whole);
    equals_the_oracle(&s, t, scratch);
    any_split_is_equal(&s, r, scratch);
    tdm__buf_free(&text);
    tdm__arena_reset(arena);
    tdm__arena_reset(scratch);
}

static void random_expressions(void **state)
{
    (void)state;
    tdm__random r;
    tdm__arena arena = {0}, scratch = {0};
    tdm__random_seed(&r, support_seed());
    fixture_open(&fx);
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 50 == 0)
            fixture_fill(&fx, &r, TDM__BLOCK_ROWS);
        one_round(&r, &arena, &scratch);
    }
    tdm__arena_free(&arena);
    tdm__arena_free(&scratch);
    fixture_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_expressions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
