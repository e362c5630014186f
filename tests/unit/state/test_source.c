/* Source definitions: the contract's example, faults all at once, canonical text both ways, fingerprints, growth. */
#include "state/source.h"

#include "base/random.h"
#include "fault_text.h"

typedef struct fixture {
    tdm__arena arena;
    tdm_diagnostics *list;
    tdm__buf text;
    tdm__sources sources;
} fixture;

static tdm_status parse(fixture *f, const char *yaml)
{
    *f = (fixture){ 0 };
    f->list = tdm_diagnostics_new();
    assert_non_null(f->list);
    return tdm__sources_parse(tdm__str(yaml), "s.yaml", &f->arena, f->list, &f->sources);
}

static void stop(fixture *f)
{
    tdm_diagnostics_close(&f->list);
    tdm__arena_free(&f->arena);
    tdm__buf_free(&f->text);
}

static const char example[] =
    "schedule:                      # a table: the newest row by key\n"
    "  kind: table\n"
    "  key: flight_key\n"
    "  columns: {flight_key: string, sched_dep_utc: timestamp, origin: string, tailnum: string?, distance: f64 mi}\n"
    "planes:\n"
    "  kind: table\n"
    "  key: tailnum\n"
    "  nulls: [NA]                  # texts that stand for null in files, beside the empty field\n"
    "  columns: {tailnum: string, year: i64?, seats: i64?}\n"
    "departures:                    # events: what happened, when\n"
    "  kind: events\n"
    "  id: event_id\n"
    "  time: time_utc\n"
    "  heartbeat: 10m               # silence longer than this is lag\n"
    "  columns: {event_id: string, time_utc: timestamp, origin: string, tailnum: string?, dep_delay_min: f64 min}\n"
    "weather:\n"
    "  kind: events\n"
    "  id: event_id\n"
    "  time: time_utc\n"
    "  known: known_utc             # when a row of loaded history became known\n"
    "  columns: {event_id: string, time_utc: timestamp, known_utc: timestamp, station: string, precip: f64? in}\n";

static void test_example(void **state)
{
    (void)state;
    fixture f;
    assert_ok(parse(&f, example), NULL);
    assert_int_equal(f.sources.n, 4);
    const tdm__source *s = f.sources.source;
    assert_true(tdm__str_is(s[0].name, "schedule"));
    assert_int_equal(s[0].kind, TDM__SOURCE_TABLE);
    assert_int_equal(s[0].n_key, 1);
    assert_int_equal(s[0].key[0], 0);
    assert_int_equal(s[0].schema.n, 5);
    assert_string_equal(s[0].schema.field[4].type.unit, "mi");
    assert_true(s[0].schema.field[3].type.nullable);
    assert_int_equal(s[0].id, -1);
    assert_int_equal(s[1].n_nulls, 1);
    assert_true(tdm__str_is(s[1].nulls[0], "NA"));
    assert_int_equal(s[2].kind, TDM__SOURCE_EVENTS);
    assert_int_equal(s[2].heartbeat_us, 600000000);
    assert_int_equal(s[2].id, 0);
    assert_int_equal(s[2].time, 1);
    assert_int_equal(s[2].known, -1);
    assert_int_equal(s[3].known, 2);
    tdm__source_canonical(&s[1], &f.text);
    assert_string_equal(tdm__buf_z(&f.text), "planes:\n  kind: table\n  key: [tailnum]\n  nulls:\n    - NA\n"
                                             "  columns:\n    tailnum: string\n    year: i64?\n    seats: i64?\n");
    stop(&f);
}

static void test_faults(void **state)
{
    (void)state;
    fixture f;
    assert_int_equal(parse(&f, "a.b:\n"
                               "  kind: tabel\n"
                               "  columns: {x: strin, y: decimal(12,2), z: i64}\n"
                               "t:\n"
                               "  kind: table\n"
                               "  key: [flihgt_key, when, ratio]\n"
                               "  time: when\n"
                               "  nulls: ['', NA]\n"
                               "  columns: {flight_key: string, when: timestamp?, ratio: f64}\n"
                               "e:\n"
                               "  kind: events\n"
                               "  key: id\n"
                               "  id: id\n"
                               "  heartbeat: 10 minutes\n"
                               "  colums: {id: f64}\n"
                               "ok:\n"
                               "  kind: table\n"
                               "  key: k\n"
                               "  columns: {k: string}\n"),
                     TDM_MANIFEST);
    assert_string_equal(
        fault_text(f.list, &f.text),
        "s.yaml:1:1: this is not a source's name: expected letters, digits, '_' and '-', 64 at most, found \"a.b\" "
        "(a dot stands between source and column)\n  a.b:\n  ^\n"
        "s.yaml:3:16: there is no such type: expected bool, i64, f32, f64, decimal(p,s), string or timestamp, "
        "found \"strin\" (did you mean 'string'?)\n"
        "    columns: {x: strin, y: decimal(12,2), z: i64}\n                 ^\n"
        "s.yaml:3:26: a decimal needs its digits in all and after the point: expected decimal(p,s) with p from 1 to 38 "
        "and s from 0 to p, found \"decimal(12\" (inside { } a comma ends the value: put the type in quotes)\n"
        "    columns: {x: strin, y: decimal(12,2), z: i64}\n                           ^\n"
        "s.yaml:2:9: unknown kind of source: expected table or events, found \"tabel\" (did you mean 'table'?)\n"
        "    kind: tabel\n          ^\n"
        "s.yaml:7:9: 'time' is not for a source of kind table\n    time: when\n          ^\n"
        "s.yaml:6:9: key column 'flihgt_key' is not among the columns (did you mean 'flight_key'?)\n"
        "    key: [flihgt_key, when, ratio]\n          ^\n"
        "s.yaml:6:21: key column 'when' may not be nullable\n"
        "    key: [flihgt_key, when, ratio]\n                      ^\n"
        "s.yaml:6:27: key column 'ratio' may not be a float: equal keys must have equal texts\n"
        "    key: [flihgt_key, when, ratio]\n                            ^\n"
        "s.yaml:8:11: a text that stands for null has 1 to 64 bytes; the empty field is null already\n"
        "    nulls: ['', NA]\n            ^\n"
        "s.yaml:15:3: unknown key 'colums' in a source (did you mean 'columns'?)\n    colums: {id: f64}\n    ^\n"
        "s.yaml:12:8: 'key' is not for a source of kind events\n    key: id\n         ^\n"
        "s.yaml:13:7: id 'id' is not among the columns\n    id: id\n        ^\n"
        "s.yaml:11:3: an event source lacks 'time'\n    kind: events\n    ^\n"
        "s.yaml:14:14: 'heartbeat' is not a duration: expected a number and us, ms, s, m, h or d, as 15m, "
        "found \"10 minutes\"\n    heartbeat: 10 minutes\n               ^\n");
    assert_int_equal(f.sources.n, 1);
    assert_true(tdm__str_is(f.sources.source[0].name, "ok"));
    stop(&f);
}

/* ---- canonical text ---- */

static const char *const types[] = { "string",        "i64",          "bool?", "f64? mi",
                                     "decimal(12,2)", "timestamp ms", "f32",   "string?" };

static void add_column(tdm__buf *out, tdm__random *r, size_t i)
{
    tdm__buf_printf(out, "    c%zu%s: \"%s\"\n", i, tdm__random_below(r, 3) ? "" : "-x.y",
                    types[tdm__random_below(r, 8)]);
}

/* A random definition of either kind, written as a person might. */
static void add_source(tdm__buf *out, tdm__random *r)
{
    bool table = tdm__random_below(r, 2);
    tdm__buf_printf(out, "s-%u:\n  columns:\n    id: %s\n    at: timestamp\n    k2: string\n",
                    (unsigned)tdm__random_below(r, 99), tdm__random_below(r, 2) ? "string" : "i64");
    for (size_t i = tdm__random_below(r, 5); i; i--)
        add_column(out, r, i);
    if (table) {
        tdm__buf_text(out, tdm__random_below(r, 2) ? "  kind: table\n  key: id\n" : "  kind: table\n  key: [k2, id]\n");
    } else {
        tdm__buf_text(out, "  kind: events\n  id: id\n  time: at\n");
        tdm__buf_text(out, tdm__random_below(r, 2) ? "  known: at\n" : "");
        tdm__buf_text(out, tdm__random_below(r, 2) ? "  heartbeat: 90s\n" : "");
        tdm__buf_text(out, tdm__random_below(r, 2) ? "  retention: 30d\n" : "");
    }
    static const char *const nulls[] = { "NA", "'-'", "\"\\t\\\\\"", "'it''s # x'", "\"\\u0085\"", "'?'", "~", "' '" };
    if (tdm__random_below(r, 2)) {
        tdm__buf_text(out, "  nulls: [NULL");
        for (size_t i = tdm__random_below(r, 5); i; i--)
            tdm__buf_printf(out, ", %s", nulls[tdm__random_below(r, 8)]);
        tdm__buf_text(out, "]\n");
    }
}

static void test_canonical(void **state)
{
    (void)state;
    tdm__random r;
    tdm__random_seed(&r, support_seed());
    for (int round = 0; round < 500; round++) {
        fixture f, g;
        tdm__buf yaml = { 0 };
        add_source(&yaml, &r);
        if (parse(&f, tdm__buf_z(&yaml)))
            fail_msg("%s\n%s", tdm__buf_z(&yaml), fault_text(f.list, &f.text));
        tdm__source_canonical(&f.sources.source[0], &f.text);
        assert_ok(parse(&g, tdm__buf_z(&f.text)), NULL);
        assert_int_equal(g.sources.n, 1);
        assert_true(tdm__source_equal(&f.sources.source[0], &g.sources.source[0]));
        tdm__source_canonical(&g.sources.source[0], &g.text);
        assert_string_equal(tdm__buf_z(&f.text), tdm__buf_z(&g.text));
        tdm__buf_free(&yaml);
        stop(&f);
        stop(&g);
    }
}

/* ---- growth ---- */

#define TABLE(columns) "t:\n  kind: table\n  key: k\n  columns: {" columns "}\n"

static const struct {
    const char *now, *message; /* NULL: allowed */
} changes[] = {
    { TABLE("k: string, a: i64"), NULL },
    { TABLE("k: string, a: i64, b: f64?"), NULL },
    { TABLE("b: f64?, a: i64, k: string"), NULL },
    { TABLE("k: string, a: i64") "  nulls: [NA]\n", NULL },
    { TABLE("k: string, a: i64, b: f64"), "t.b: a new column must be nullable: older rows do not have it" },
    { TABLE("k: string"), "t.a: the column is gone" },
    { TABLE("k: string, a: i64?"), "t.a: the column's type changed: expected i64, found i64?" },
    { TABLE("k: string, a: i64 mi"), "t.a: the column's type changed: expected i64, found i64 mi" },
    { "t:\n  kind: table\n  key: [k, a]\n  columns: {k: string, a: i64}\n",
      "t: the key changed: expected k, found k, a" },
    { "t:\n  kind: events\n  id: k\n  time: b\n  columns: {k: string, a: i64, b: timestamp}\n", "t: the kind changed" },
    { "u:\n  kind: table\n  key: k\n  columns: {k: string, a: i64}\n", "t: the name changed" },
};

static void test_evolve(void **state)
{
    (void)state;
    fixture old;
    assert_ok(parse(&old, TABLE("k: string, a: i64")), NULL);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        fixture now;
        assert_ok(parse(&now, changes[i].now), NULL);
        tdm_error err;
        tdm_status s = tdm__source_evolve_check(old.sources.source, now.sources.source, &err);
        if (changes[i].message) {
            assert_status(s, TDM_REFUSED, NULL);
            char text[1024];
            tdm_error_format(&err, text, sizeof text);
            *strstr(text, " (a source grows by") = 0;
            assert_string_equal(text, changes[i].message);
        } else {
            assert_ok(s, &err);
        }
        stop(&now);
    }
    fixture with, without;
    assert_ok(parse(&with, TABLE("k: string, a: i64") "  nulls: [NA, x]\n"), NULL);
    assert_ok(parse(&without, TABLE("k: string, a: i64") "  nulls: [x]\n"), NULL);
    assert_ok(tdm__source_evolve_check(without.sources.source, with.sources.source, NULL), NULL);
    tdm_error err;
    assert_status(tdm__source_evolve_check(with.sources.source, without.sources.source, &err), TDM_REFUSED, &err);
    assert_string_equal(err.found, "\"NA\"");
    stop(&with);
    stop(&without);
    stop(&old);
}

static void test_fingerprint(void **state)
{
    (void)state;
    static const char *const others[] = {
        TABLE("k: string, a: i64?, z: f64?"),  TABLE("k: i64, a: i64, z: f64?"),    TABLE("k: string, a: i64 mi"),
        "u:\n  kind: table\n  key: k\n  columns: {k: string, a: i64}\n",
        "t:\n  kind: table\n  key: [k, a]\n  columns: {k: string, a: i64}\n",
    };
    fixture f, g;
    int a = 1;
    assert_ok(parse(&f, TABLE("k: string, a: i64")), NULL);
    uint64_t print = tdm__source_fingerprint(f.sources.source, &a, 1);
    stop(&f);
    assert_ok(parse(&g, TABLE("b: f64?, a: i64, k: string") "  nulls: [NA]\n"), NULL);
    assert_true(tdm__source_fingerprint(g.sources.source, &a, 1) == print);
    assert_true(tdm__source_fingerprint(g.sources.source, &a, 0) != print);
    stop(&g);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_ok(parse(&g, others[i]), NULL);
        assert_true(tdm__source_fingerprint(g.sources.source, &a, 1) != print);
        stop(&g);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        tdm__arena arena = { 0 };
        tdm__sources sources;
        support_fail_alloc_at(n);
        tdm_status s = tdm__sources_parse(tdm__str(example), "s.yaml", &arena, NULL, &sources);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        tdm__arena_free(&arena);
        assert_int_equal(s, hit ? TDM_NO_MEMORY : TDM_OK);
        if (!hit)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example), cmocka_unit_test(test_faults),      cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_evolve),  cmocka_unit_test(test_fingerprint), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
