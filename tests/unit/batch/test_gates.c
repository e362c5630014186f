/* Gates: each passes at its limit, fails beyond it, says when it does not apply, and fails when it cannot be computed. */
#include "../engine/engine_desk.h"
#include "batch/gates.h"

enum { SLOTS = 64 };

typedef struct gate_bench {
    fixture f;
    desk d;
    tdm__gate_facts facts;
    uint64_t defaults[SLOTS], nulls[SLOTS];
    tdm__spread spread, before_spread;
    tdm_table before;
    tdm__gates gates;
    tdm_error golden_error;
} gate_bench;

/* A release with these lines for its batch section; 1000 rows in, all scored. */
static void open_gates(gate_bench *b, const char *batch)
{
    static const char *const names[] = {"late"};
    memset(b, 0, sizeof *b);
    fixture_new(&b->f, NULL);
    fixture_add_sources(&b->f, fixture_sources_yaml);
    fixture_pack(&b->f, fixture_edit(fixture_release_yaml, "batch: {population: flights, gates: {coverage: 50%, quarantined: 50%}}\n",
                                     fixture_print("batch:\n  population: flights\n%s", batch)), NULL);
    tdm_error *err = &b->f.err;
    assert_ok(tdm__state_read(b->f.home, NULL, UINT64_MAX, &b->d.state, err), err);
    assert_ok(tdm__release_package(b->f.home, b->d.state, b->f.id, &b->d.package, err), err);
    assert_true(b->d.package->n_slots <= SLOTS);
    b->spread = b->before_spread = (tdm__spread){.low = 0, .high = 1e9};
    for (int i = 0; i < 1000; i++) {
        tdm__spread_add(&b->spread, i * 1e6);
        tdm__spread_add(&b->before_spread, i * 1e6);
    }
    b->before = (tdm_table){.info = {.name = "v000007", .prediction = names, .n_predictions = 1}, .spread = &b->before_spread};
    b->facts = (tdm__gate_facts){.rows_in = 1000, .rows_scored = 1000, .defaults = b->defaults, .nulls = b->nulls, .spread = &b->spread,
                                 .golden_error = &b->golden_error};
}

static void close_gates(gate_bench *b)
{
    desk_close(&b->d);
    fixture_close(&b->f);
}

static tdm_status check(gate_bench *b)
{
    return tdm__gates_check(b->d.package, &b->facts, &b->gates, &b->f.err);
}

static const tdm_gate_result *gate(const gate_bench *b, const char *name)
{
    for (size_t i = 0; i < b->gates.n; i++)
        if (!strcmp(b->gates.gate[i].name, name))
            return &b->gates.gate[i];
    return NULL;
}

static void scored(gate_bench *b, uint64_t scored_rows, uint64_t in)
{
    b->facts.rows_in = in;
    b->facts.rows_scored = scored_rows;
    b->facts.rows_quarantined = in - scored_rows;
}

static void rows(void **state)
{
    (void)state;
    gate_bench b;
    open_gates(&b, "  gates: {rows_min: 1000}\n");
    assert_ok(check(&b), &b.f.err);
    assert_string_equal(gate(&b, "rows")->limit, "at least 1000");
    assert_true(gate(&b, "rows")->applied && gate(&b, "rows")->passed);
    scored(&b, 999, 999);
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    assert_string_equal(b.f.err.where, "gate 'rows'");
    assert_string_equal(b.f.err.expected, "at least 1000");
    assert_string_equal(b.f.err.found, "999");
    assert_false(gate(&b, "rows")->passed);
    close_gates(&b);
    open_gates(&b, ""); /* by default a table of nothing is no table */
    scored(&b, 0, 0);
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    close_gates(&b);
}

static void coverage_and_quarantined(void **state)
{
    (void)state;
    gate_bench b;
    open_gates(&b, "  gates: {coverage: 99.5%, quarantined: 0.7%}\n");
    scored(&b, 995, 1000);
    assert_ok(check(&b), &b.f.err);
    assert_string_equal(gate(&b, "coverage")->limit, "at least 99.5%");
    assert_string_equal(gate(&b, "coverage")->measured, "99.5000% (995 of 1000)");
    scored(&b, 994, 1000);
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    assert_true(gate(&b, "quarantined")->passed && !gate(&b, "coverage")->passed);
    close_gates(&b);
    open_gates(&b, "  gates: {coverage: 10%, quarantined: 0.7%}\n");
    scored(&b, 993, 1000);
    assert_ok(check(&b), &b.f.err);
    scored(&b, 992, 1000);
    assert_status(check(&b), TDM_QUARANTINE_FULL, &b.f.err); /* only the quarantine's limit failed */
    assert_string_equal(b.f.err.where, "gate 'quarantined'");
    scored(&b, 50, 1000);
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    scored(&b, 99999999, 100000000);
    assert_ok(check(&b), &b.f.err);
    assert_string_equal(gate(&b, "coverage")->measured, "99.9999% (99999999 of 100000000)"); /* not 100 */
    close_gates(&b);
}

/* Percents mean what they say: N% of 100 rows, of 1000 and of 12,300 are whole numbers of rows, whatever binary makes of it. */
static void percents_are_exact(void **state)
{
    (void)state;
    static const uint64_t whole[] = {100, 1000, 12300};
    for (uint64_t percent = 1; percent < 100; percent += 1) {
        gate_bench b;
        open_gates(&b, fixture_print("  gates: {coverage: %d%%, quarantined: 100%%}\n", (int)percent));
        for (size_t i = 0; i < 3; i++) {
            scored(&b, percent * whole[i] / 100, whole[i]);
            assert_status(check(&b), TDM_OK, &b.f.err);
            scored(&b, percent * whole[i] / 100 - 1, whole[i]);
            assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
        }
        close_gates(&b);
        open_gates(&b, fixture_print("  gates: {coverage: 0%%, quarantined: %d%%}\n", (int)percent));
        for (size_t i = 0; i < 3; i++) {
            uint64_t bad = percent * whole[i] / 100;
            assert_int_equal(tdm__quarantine_limit(b.d.package, whole[i]), bad);
            scored(&b, whole[i] - bad, whole[i]);
            assert_status(check(&b), TDM_OK, &b.f.err);
            scored(&b, whole[i] - bad - 1, whole[i]);
            if (whole[i] - bad > 1)
                assert_status(check(&b), TDM_QUARANTINE_FULL, &b.f.err);
        }
        close_gates(&b);
    }
}

static void absolute_limits_and_codes(void **state)
{
    (void)state;
    gate_bench b;
    open_gates(&b, "  gates: {coverage: 0%, quarantined: 100%}\n  quarantine: {rows_max: 5, codes: {csv_width: 0, field_type: 3}}\n");
    scored(&b, 995, 1000);
    b.facts.code[TDM_FIELD_TYPE] = 3;
    assert_ok(check(&b), &b.f.err);
    assert_string_equal(gate(&b, "field_type")->limit, "at most 3");
    scored(&b, 994, 1000);
    assert_status(check(&b), TDM_QUARANTINE_FULL, &b.f.err);
    scored(&b, 995, 1000);
    b.facts.code[TDM_CSV_WIDTH] = 1;
    assert_status(check(&b), TDM_QUARANTINE_FULL, &b.f.err);
    assert_string_equal(b.f.err.where, "gate 'csv_width'");
    b.facts.rows_scored = 0;
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    close_gates(&b);
}

/* However many codes have a limit, each is a gate. */
static void every_code_is_a_gate(void **state)
{
    (void)state;
    static const tdm_status codes[] = {TDM_CSV_QUOTE, TDM_CSV_WIDTH, TDM_JSON_SYNTAX, TDM_TEXT_ENCODING, TDM_RECORD_TOO_LONG, TDM_FIELD_TYPE,
                                       TDM_FIELD_RANGE, TDM_FIELD_NULL, TDM_FIELD_UNKNOWN, TDM_KEY_MISSING, TDM_KEY_DUPLICATE, TDM_FEATURE_MISSING,
                                       TDM_FEATURE_TYPE, TDM_PREDICTION_RANGE, TDM_PREDICTION_NAN};
    enum { N = sizeof codes / sizeof *codes };
    gate_bench b;
    tdm__buf text = {0};
    tdm__buf_text(&text, "  gates: {coverage: 0%, quarantined: 100%, psi: 1, null_rate: 100%, default_rate: 100%}\n  quarantine: {codes: {");
    for (size_t i = 0; i < N; i++)
        tdm__buf_printf(&text, "%s%s: 2", i ? ", " : "", tdm_status_name(codes[i]));
    tdm__buf_text(&text, "}}\n");
    open_gates(&b, tdm__buf_z(&text));
    tdm__buf_free(&text);
    assert_ok(check(&b), &b.f.err);
    for (size_t i = 0; i < N; i++) {
        memset(b.facts.code, 0, sizeof b.facts.code);
        b.facts.code[codes[i]] = 3;
        assert_status(check(&b), TDM_QUARANTINE_FULL, &b.f.err);
        assert_non_null(gate(&b, tdm_status_name(codes[i])));
        assert_false(gate(&b, tdm_status_name(codes[i]))->passed);
        assert_true(gate(&b, "rows") && gate(&b, "coverage") && gate(&b, "quarantined") && gate(&b, "psi") && gate(&b, "golden") &&
                    gate(&b, "null_rate") && gate(&b, "default_rate"));
    }
    close_gates(&b);
}

static void rates(void **state)
{
    (void)state;
    gate_bench b;
    open_gates(&b, "  gates: {null_rate: 7%, default_rate: 57%}\n");
    int tail = tdm__package_find_slot(b.d.package, tdm__str("tail")), year = tdm__package_find_slot(b.d.package, tdm__str("year"));
    b.nulls[tail] = 70;
    b.defaults[year] = 570;
    assert_ok(check(&b), &b.f.err);
    assert_string_equal(gate(&b, "null_rate")->why, "most in 'tail'");
    assert_string_equal(gate(&b, "default_rate")->measured, "57.0000% (570 of 1000)");
    b.nulls[tail] = 71;
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    assert_string_equal(b.f.err.where, "gate 'null_rate'");
    b.nulls[tail] = 0;
    b.defaults[year] = 571;
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    b.defaults[year] = 0;
    scored(&b, 0, 0); /* no share of nothing */
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    assert_false(gate(&b, "null_rate")->passed || gate(&b, "default_rate")->passed || gate(&b, "coverage")->passed);
    close_gates(&b);
    open_gates(&b, "");
    assert_ok(check(&b), &b.f.err);
    assert_true(!gate(&b, "null_rate") && !gate(&b, "default_rate") && !gate(&b, "psi")); /* not asked for */
    close_gates(&b);
}

static void psi(void **state)
{
    (void)state;
    gate_bench b;
    open_gates(&b, "  gates: {psi: 0.2}\n");
    assert_ok(check(&b), &b.f.err);
    assert_true(!gate(&b, "psi")->applied && gate(&b, "psi")->passed && gate(&b, "psi")->why[0]); /* there is no table before */
    b.facts.previous = &b.before;
    assert_ok(check(&b), &b.f.err);
    assert_true(gate(&b, "psi")->applied && gate(&b, "psi")->passed);
    assert_string_equal(gate(&b, "psi")->measured, "0.0000 against v000007");
    for (int i = 0; i < 2000; i++)
        tdm__spread_add(&b.spread, 5e8);
    assert_true(tdm__spread_psi(&b.before_spread, &b.spread) > 0.2);
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    assert_string_equal(b.f.err.where, "gate 'psi'");
    b.spread = b.before_spread;
    b.before_spread.high = 2e9; /* another range cannot be compared: that is a failure */
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    assert_string_equal(gate(&b, "psi")->why, "table v000007 has no comparable spread of 'late'");
    b.before_spread.high = 1e9;
    static const char *const other[] = {"early"};
    b.before.info.prediction = other;
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    close_gates(&b);
}

static void golden(void **state)
{
    (void)state;
    gate_bench b;
    open_gates(&b, "");
    assert_ok(check(&b), &b.f.err);
    assert_true(!gate(&b, "golden")->applied && gate(&b, "golden")->passed);
    b.facts.golden = TDM_DIFFERS;
    snprintf(b.golden_error.what, sizeof b.golden_error.what, "it comes out otherwise");
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    assert_string_equal(gate(&b, "golden")->why, "it comes out otherwise");
    b.facts.golden = TDM_NO_MEMORY; /* an error in a gate is a failed gate */
    assert_status(check(&b), TDM_GATE_FAILED, &b.f.err);
    close_gates(&b);
    open_gates(&b, "golden: golden.jsonl\n");
    assert_ok(check(&b), &b.f.err);
    assert_true(gate(&b, "golden")->applied && gate(&b, "golden")->passed);
    assert_string_equal(gate(&b, "golden")->measured, "2 rows");
    close_gates(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(coverage_and_quarantined),
        cmocka_unit_test(percents_are_exact),
        cmocka_unit_test(absolute_limits_and_codes),
        cmocka_unit_test(every_code_is_a_gate),
        cmocka_unit_test(rates),
        cmocka_unit_test(psi),
        cmocka_unit_test(golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
