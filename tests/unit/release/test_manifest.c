/* The manifest: the contract's example, every value read, and the exact text of what typical mistakes get. */
#include "release/manifest.h"

#include <math.h>

#include "fault_text.h"

#define FOLDER "tests/unit/release/manifests/"

typedef struct fixture {
    tdm__arena arena;
    tdm_diagnostics *list;
    tdm__buf text; /* faults */
    char *yaml;
    tdm__manifest m;
} fixture;

static void start(fixture *f, const char *file)
{
    *f = (fixture){ 0 };
    f->list = tdm_diagnostics_new();
    assert_non_null(f->list);
    f->yaml = support_read_file(support_path(support_source_root(), file), NULL);
}

static void stop(fixture *f)
{
    tdm_diagnostics_close(&f->list);
    tdm__arena_free(&f->arena);
    tdm__buf_free(&f->text);
    support_free(f->yaml);
}

static void parse_well(fixture *f)
{
    tdm_status s = tdm__manifest_parse(tdm__str(f->yaml), "release.yaml", &f->arena, f->list, &f->m);
    if (s)
        fail_msg("%s", fault_text(f->list, &f->text));
}

#define assert_text(s, z) assert_true(tdm__str_is((s), (z)))

static void test_contract(void **state)
{
    (void)state;
    fixture f;
    start(&f, FOLDER "contract.yaml");
    parse_well(&f);
    const tdm__manifest *m = &f.m;
    assert_text(m->name, "flight-delay");
    assert_text(m->entity, "flight");
    assert_int_equal(m->n_entity_key, 0);
    assert_int_equal(m->n_features, 4);
    assert_int_equal(m->feature[0].origin, TDM__ORIGIN_REQUEST);
    assert_true(m->feature[0].type.kind == TDM_STRING && m->feature[0].type.nullable && !m->feature[0].required);
    assert_text(m->feature[1].source, "schedule");
    assert_text(m->feature[1].column, "origin");
    assert_text(m->feature[2].expression, "hour(schedule.sched_dep_utc, \"America/New_York\")");
    const tdm__manifest_feature *w = &m->feature[3];
    assert_int_equal(w->origin, TDM__ORIGIN_WINDOW);
    assert_text(w->window.aggregate, "mean");
    assert_text(w->window.source, "departures");
    assert_text(w->window.column, "dep_delay_min");
    assert_int_equal(w->window.over_us, 3600000000);
    assert_int_equal(w->max_age_us, 900000000);
    assert_int_equal(w->last_good_us, 7200000000);
    assert_int_equal(w->n_by, 1);
    assert_text(w->by[0].from, "origin");
    assert_text(w->fallback->text, "0");
    assert_int_equal(m->simple, 1);
    assert_int_equal(m->n_predictions, 1);
    assert_true(m->prediction[0].lo == 0 && m->prediction[0].hi == 1 && !m->prediction[0].raw);
    assert_int_equal(m->promise.p99_us, 5000);
    assert_int_equal(m->promise.ready_by_minute, 360);
    assert_text(m->promise.ready_by_zone, "America/New_York");
    assert_true(m->promise.coverage == 0.999);
    assert_int_equal(m->online.n_rungs, 6);
    assert_int_equal(m->online.rung[2], TDM__RUNG_DEFAULTED);
    assert_int_equal(m->online.defaulted_max, 2);
    assert_true(m->online.prior[0] == 0.22);
    assert_true(m->batch.gates.quarantined == 0.001 && m->batch.gates.psi == 0.2 && isnan(m->batch.gates.null_rate));
    assert_int_equal(m->batch.last_good_us, INT64_C(72) * 3600 * 1000000);
    assert_text(m->golden, "golden.jsonl");
    stop(&f);
}

static void test_small(void **state)
{
    (void)state;
    fixture f;
    start(&f, FOLDER "small.yaml");
    parse_well(&f);
    const tdm__manifest *m = &f.m;
    assert_int_equal(m->n_entity_key, 1);
    assert_text(m->entity_key[0], "flight_key");
    assert_text(m->feature[1].unit, "mi");
    assert_text(m->feature[2].by[0].from, "tailnum");
    assert_int_equal(m->feature[2].by[0].key.len, 0);
    assert_int_equal(tdm__manifest_find_feature(m, tdm__str("tailnum")), 3);
    assert_int_equal(tdm__manifest_find_feature(m, tdm__str("tail")), -1);
    assert_int_equal(m->n_lookups, 1);
    assert_int_equal(m->lookup[0].key_type.kind, TDM_STRING);
    assert_int_equal(m->lookup[0].value_type.kind, TDM_I64);
    assert_text(m->model[0].input[0].input, "Dist");
    assert_text(m->model[0].input[0].feature, "distance");
    assert_text(m->model[1].format, "logistic");
    assert_true(m->prediction[1].raw && m->prediction[1].output == 1 && m->prediction[1].lo == -INFINITY);
    assert_int_equal(m->batch.quarantine_rows_max, 100);
    assert_int_equal(m->batch.n_quarantine_codes, 2);
    assert_int_equal(m->batch.quarantine_code[0].code, TDM_CSV_WIDTH);
    assert_int_equal(m->batch.quarantine_code[0].rows_max, 10);
    assert_int_equal(m->batch.gates.rows_min, 10);
    assert_true(m->batch.gates.quarantined == 0.01);
    stop(&f);
}

/* ---- mistakes ---- */

/* Copies the text of small.yaml with the first `from` replaced. */
static void edit(const char *yaml, const char *from, const char *to, tdm__buf *out)
{
    const char *at = strstr(yaml, from);
    assert_non_null(at);
    tdm__buf_add(out, yaml, (size_t)(at - yaml));
    tdm__buf_text(out, to);
    tdm__buf_text(out, at + strlen(from));
}

static const struct {
    const char *from, *to, *faults;
} mistakes[] = {
#include "manifest_mistakes.h"
};

static void test_mistakes(void **state)
{
    (void)state;
    bool record = getenv("TANDEM_RECORD") != NULL;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        fixture f;
        start(&f, FOLDER "small.yaml");
        tdm__buf yaml = { 0 };
        edit(f.yaml, mistakes[i].from, mistakes[i].to, &yaml);
        tdm_str text = { yaml.ptr, yaml.len };
        assert_status(tdm__manifest_parse(text, "release.yaml", &f.arena, f.list, &f.m), TDM_MANIFEST, NULL);
        const char *got = fault_text(f.list, &f.text);
        if (record)
            printf("---- %s\n%s", mistakes[i].to, got);
        else
            assert_string_equal(got, mistakes[i].faults);
        tdm__buf_free(&yaml);
        stop(&f);
    }
}

/* All mistakes of lines of their own at once: each is found, whatever the others do. */
static void test_many_at_once(void **state)
{
    (void)state;
    fixture f;
    start(&f, FOLDER "broken.yaml");
    assert_status(tdm__manifest_parse(tdm__str(f.yaml), "release.yaml", &f.arena, f.list, &f.m), TDM_MANIFEST, NULL);
    char *expected = support_read_file(support_path(support_source_root(), FOLDER "broken.txt"), NULL);
    assert_string_equal(fault_text(f.list, &f.text), expected);
    support_free(expected);
    stop(&f);
}

/* ---- the reference page ---- */

static void test_reference(void **state)
{
    (void)state;
    char *page = support_read_file(support_path(support_source_root(), "docs/reference/release-yaml.md"), NULL);
    size_t n;
    const tdm__manifest_key *keys = tdm__manifest_keys(&n);
    tdm__buf row = { 0 };
    for (size_t i = 0; i < n; i++) {
        tdm__buf_reset(&row);
        tdm__buf_printf(&row, "| `%s` | %s | %s | %s |\n", keys[i].name, keys[i].type, keys[i].fallback, keys[i].text);
        if (!strstr(page, tdm__buf_z(&row)))
            fail_msg("docs/reference/release-yaml.md lacks the row\n%s", row.ptr);
    }
    size_t rows = 0;
    for (const char *at = page; (at = strstr(at, "\n| `")); at++)
        rows++;
    assert_int_equal(rows, n);
    tdm__buf_free(&row);
    support_free(page);
}

static void test_no_memory(void **state)
{
    (void)state;
    fixture f;
    start(&f, FOLDER "small.yaml");
    for (uint64_t n = 1;; n++) {
        tdm__arena arena = { 0 };
        tdm__manifest m;
        support_fail_alloc_at(n);
        tdm_status s = tdm__manifest_parse(tdm__str(f.yaml), "release.yaml", &arena, NULL, &m);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        tdm__arena_free(&arena);
        assert_int_equal(s, hit ? TDM_NO_MEMORY : TDM_OK);
        if (!hit)
            break;
    }
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract),     cmocka_unit_test(test_small),     cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_many_at_once), cmocka_unit_test(test_reference), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
