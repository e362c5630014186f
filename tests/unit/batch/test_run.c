/* Runs end to end: what a run is, what becomes of bad records, and that they hurt nobody else. */
#include "base/random.h"
#include "fixture.h"

static void same_inputs_same_run(void **state)
{
    (void)state;
    fixture f, other;
    tdm_run_report first, r;
    fixture_full(&f, NULL, 100);
    assert_ok(fixture_run(&f, NULL, &first), &f.err);
    assert_string_equal(first.table, "v000001");
    assert_true(!first.existed && first.rows_in == 100 && first.rows_scored == 100 && first.rows_quarantined == 0 && first.n_codes == 0);
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_true(r.existed && !strcmp(r.table, "v000001") && !strcmp(r.run, first.run) && r.rows_scored == 100 && r.n_gates == first.n_gates);
    assert_int_equal(fixture_names(&f, "tables"), 1);
    /* what the release does not read makes no other run; what it reads does */
    fixture_add_sources(&f, "other:\n  kind: table\n  key: a\n  columns: {a: string}\n");
    fixture_load(&f, "other", "a\n1\n");
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_true(r.existed && r.snapshot > first.snapshot);
    fixture_load(&f, "planes", "tail,year\nN000,1999\n");
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_true(!r.existed && strcmp(r.run, first.run));
    assert_string_equal(r.table, "v000002");
    tdm_run_options later = {.has_as_of = true, .as_of_us = fixture_as_of_us + 1};
    assert_ok(tdm_run(f.home, "late", &later, &r, &f.err), &f.err);
    assert_string_equal(r.table, "v000003");
    assert_true(r.threads > 0);
    assert_ok(tdm_run(f.home, "late", NULL, &r, &f.err), &f.err); /* as of now */
    assert_string_equal(r.table, "v000004");
    /* another home with the same inputs: the same run, to the letter */
    fixture_full(&other, NULL, 100);
    assert_ok(fixture_run(&other, NULL, &r), &other.err);
    assert_string_equal(r.run, first.run);
    assert_string_equal(r.release, first.release);
    tdm__buf a = fixture_get(&f, "tables/v000001/store"), b = fixture_get(&other, "tables/v000001/store");
    assert_true(a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0);
    tdm__buf_free(&a);
    tdm__buf_free(&b);
    fixture_close(&other);
    fixture_close(&f);
}

/* Loading the same rows again makes no other run, unless the release asks how old they are. */
static void ages_are_inputs(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report first, r;
    fixture_full(&f, NULL, 10);
    for (int asks = 0; asks < 2; asks++) {
        fixture_pack(&f, asks ? fixture_edit(fixture_release_yaml, "planes.year,", "planes.year, max_age: 1h,") : NULL, NULL);
        assert_ok(fixture_run(&f, NULL, &first), &f.err);
        fixture_load(&f, "planes", fixture_planes_csv());
        assert_ok(fixture_run(&f, NULL, &r), &f.err);
        assert_int_equal(r.existed, !asks);
    }
    fixture_close(&f);
}

static void every_row_is_what_it_must_be(void **state)
{
    (void)state;
    enum { N = 5000 };
    fixture f;
    tdm_run_report r;
    fixture_full(&f, NULL, N);
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    const char *at = fixture_export(&f, r.table, TDM_EXPORT_CSV);
    at = strchr(at, '\n') + 1;
    for (size_t i = 0; i < N; i++) {
        char key[16], *end;
        fixture_key(i, key);
        assert_memory_equal(at, key, strlen(key));
        assert_true(strtod(at + strlen(key) + 1, &end) == fixture_late(i, 0));
        at = end + 1;
    }
    assert_int_equal(*at, 0);
    uint64_t defaulted = 0;
    for (size_t i = 0; i < N; i++) /* cabin in every row; year where the age is that of 2000 */
        defaulted += 1 + (i % 5 == 0 || i * 7 % 40 >= 30 || i * 7 % 40 == 10);
    assert_int_equal(r.defaults, defaulted);
    fixture_close(&f);
}

/* The same rows as CSV, compressed and as JSON lines: the same table, record by record. */
static void formats_do_not_matter(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    char digest[17] = "";
    fixture_full(&f, NULL, 10);
    const char *csv = "flight,note,cabin\nf000003,x,0.1\nf000001,y,\nf000002,\"z\nz\",5e-3\n";
    const char *paths[] = {fixture_file(&f, "p.csv", csv), fixture_gz(&f, "p.csv.gz", csv),
                           fixture_file(&f, "p.jsonl", "{\"flight\":\"f000003\",\"cabin\":0.1}\n{\"cabin\":null,\"flight\":\"f000001\",\"note\":[1]}\n"
                                                       "{\"flight\":\"f000002\",\"cabin\":5e-3}\n")};
    for (size_t i = 0; i < 3; i++) {
        tdm_table *t;
        assert_ok(fixture_run(&f, paths[i], &r), &f.err);
        assert_false(r.existed);
        assert_string_equal(r.ignored, i < 2 ? "note" : "");
        assert_ok(tdm_table_open(f.home, r.table, &t, &f.err), &f.err);
        assert_true(!i || !strcmp(digest, tdm_table_describe(t)->digest));
        snprintf(digest, sizeof digest, "%s", tdm_table_describe(t)->digest);
        tdm_table_close(&t);
    }
    fixture_close(&f);
}

/* Later records of a key are quarantined with their own place, also far into a compressed file. */
static void duplicates(void **state)
{
    (void)state;
    enum { N = 30000 };
    fixture f;
    tdm_run_report r;
    tdm__buf text = {0};
    size_t offset[3] = {0}, n_found = 0, lines;
    fixture_full(&f, NULL, N);
    tdm__buf_text(&text, "flight,cabin\n");
    for (size_t i = 0; i < N; i++) {
        bool again = i == 2 || i == 15000 || i == N - 1;
        if (again)
            offset[n_found++] = text.len;
        tdm__buf_printf(&text, "f%06zu,%zu.0000000000\n", again ? (size_t)1 : i, again ? (size_t)9 : i % 4);
    }
    const char *z = tdm__buf_z(&text);
    const char *paths[] = {fixture_file(&f, "d.csv", z), fixture_gz(&f, "d.csv.gz", z)};
    for (int k = 0; k < 2; k++) {
        assert_ok(fixture_run(&f, paths[k], &r), &f.err);
        assert_true(r.rows_in == N && r.rows_scored == N - 3 && r.rows_quarantined == 3 && r.n_codes == 1 && r.code[0].rows == 3);
        assert_string_equal(r.code[0].code, "key_duplicate");
        const char *q = fixture_quarantine(&f, r.run, &lines);
        assert_int_equal(lines, 3);
        static const size_t row[] = {3, 15001, N};
        for (int i = 0; i < 3; i++) {
            const char *part = fixture_print("\"row\":%zu,\"line\":%zu,\"offset\":%zu,\"bytes\":\"f000001,9.0000000000\",\"stage\":\"table\","
                                             "\"code\":\"key_duplicate\",\"field\":\"flight\"", row[i], row[i] + 1, offset[i]);
            if (!strstr(q, part))
                fail_msg("there is no %s in\n%s", part, q);
        }
        tdm_value v;
        tdm_table *t;
        assert_ok(tdm_table_open(f.home, r.table, &t, &f.err), &f.err);
        assert_ok(tdm_table_get(t, tdm__str("f000001"), &v, &f.err), &f.err);
        assert_true(v.as.f64 == fixture_late(1, 1)); /* the first one won */
        tdm_table_close(&t);
    }
    tdm__buf_free(&text);
    fixture_close(&f);
}

static const char yaml_of_rows[] = "name: rows\nentity: row\nfeatures:\n  x: {request: f64?}\n  n: {request: i64, default: 1}\n  s: {request: string?}\n"
                                   "  y: {request: f64?, required: true}\nmodels: {main: {file: main.json}}\n"
                                   "prediction: {p: {model: main, range: [-1000, 1000]}}\nbatch: {gates: {coverage: 0%, quarantined: 100%, rows_min: 0}}\n";
static const char model_of_rows[] = "{\"kind\":\"linear\",\"inputs\":[\"x\",\"n\",\"y\"],\"weights\":[1,1,1],\"intercept\":0}";

static void rows_home(fixture *f)
{
    fixture_new(f, NULL);
    fixture_pack(f, yaml_of_rows, model_of_rows);
}

static uint64_t code_rows(const tdm_run_report *r, const char *code)
{
    for (size_t i = 0; i < r->n_codes; i++)
        if (!strcmp(r->code[i].code, code))
            return r->code[i].rows;
    return 0;
}

/* Every code that a record can get, each once, between good rows. */
static void every_code(void **state)
{
    (void)state;
    static const struct { const char *line, *code, *stage; } csv[] = {
        {"b1,1,1,\"open,1", "csv_quote", "read"},      {"b2,1,1,s", "csv_width", "read"},         {"b3,1,1,\xff,1", "text_encoding", "read"},
        {"b4,one,1,s,1", "field_type", "read"},        {"b5,1,9223372036854775808,s,1", "field_range", "read"},
        {",1,1,s,1", "field_null", "read"},            {"\"\",1,1,s,1", "key_missing", "key"},    {"g1,1,1,s,1", "key_duplicate", "table"},
        {"b8,1,1,s,", "feature_missing", "features"},  {"b9,1000,1,s,1", "prediction_range", "prediction"},
        {"b10,,1,s,1", "prediction_nan", "prediction"}};
    fixture f;
    tdm_run_report r;
    tdm__buf text = {0};
    enum { N = sizeof csv / sizeof *csv };
    size_t lines;
    rows_home(&f);
    tdm__buf_text(&text, "row,x,n,s,y\n");
    for (size_t i = 0; i < N; i++)
        tdm__buf_printf(&text, "g%zu,%zu,1,s,1\n%s\n", i + 1, i, csv[i].line);
    char *long_line = tdm__buf_reserve(&text, 1100000);
    memset(long_line, 'l', 1100000);
    memcpy(long_line + 1099990, ",1,1,s,1\n", 9);
    text.len += 1099999;
    tdm__buf_text(&text, "last,1,1,s,1\n");
    const char *path = support_path(f.files, "codes.csv");
    support_write_file(path, text.ptr, text.len);
    tdm__buf_free(&text);
    assert_ok(fixture_run(&f, path, &r), &f.err);
    const char *q = fixture_quarantine(&f, r.run, &lines);
    assert_int_equal(lines, N + 1);
    assert_int_equal(r.rows_in, r.rows_scored + r.rows_quarantined);
    assert_int_equal(r.rows_scored, N + 1);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(code_rows(&r, csv[i].code), 1);
        const char *part = fixture_print("\"stage\":\"%s\",\"code\":\"%s\"", csv[i].stage, csv[i].code);
        if (!strstr(q, part))
            fail_msg("there is no %s in\n%.3000s", part, q);
    }
    assert_int_equal(code_rows(&r, "record_too_long"), 1);
    path = fixture_file(&f, "codes.jsonl", "{\"row\":\"a\",\"y\":1,\"x\":1}\n{\"row\":\"b\",\n{\"row\":\"c\",\"y\":[1]}\n"
                                           "{\"row\":\"d\",\"n\":1.5,\"y\":1}\n{\"x\":1,\"y\":1}\n[1]\n");
    assert_ok(fixture_run(&f, path, &r), &f.err);
    assert_true(r.rows_in == 6 && r.rows_scored == 1);
    assert_int_equal(code_rows(&r, "key_missing"), 1);
    assert_true(code_rows(&r, "json_syntax") >= 1 && code_rows(&r, "field_type") >= 1);
    fixture_close(&f);
}

/* One row broken in a random way: it is quarantined, and every other row's output is what it was, to the bit. */
static void a_bad_row_hurts_nobody_else(void **state)
{
    (void)state;
    enum { N = 1500, ROUNDS = 40 };
    static const char *const breaks[] = {"%s,x,1,s,1", "%s,1", "%s,\"1,1,s,1", "%s,1,1,\xfe\xff,1", ",1,1,s,1", "%s,1,1,s,1,1", "%s,1,1,s,", "%s,1e9,1,s,1",
                                         "%s,nan,1,s,1", "%s,1,1.5,s,1", "\"%s\"x,1,1,s,1", "%s,1,1,\"a\"\"", "r000000,2,2,s,2", "%s,inf,1,s,1", "{\"row\":1}"};
    static char line[N][64];
    fixture f;
    tdm_run_report r;
    tdm__random random;
    rows_home(&f);
    tdm__random_seed(&random, support_seed());
    for (size_t i = 0; i < N; i++)
        snprintf(line[i], sizeof line[i], "r%06zu,%.17g,%u,\"s,%zu\",%.17g", i, tdm__random_unit(&random) * 100, (unsigned)tdm__random_below(&random, 99), i,
                 tdm__random_unit(&random) - 0.5);
    char *whole = NULL;
    for (int round = 0; round <= ROUNDS; round++) {
        size_t broken = round ? 1 + tdm__random_below(&random, N - 1) : N, how = tdm__random_below(&random, sizeof breaks / sizeof *breaks);
        tdm__buf text = {0};
        char key[16];
        tdm__buf_text(&text, "row,x,n,s,y\n");
        for (size_t i = 0; i < N; i++) {
            snprintf(key, sizeof key, "r%06zu", i);
            char bad[64];
            const char *at = strstr(breaks[how], "%s");
            snprintf(bad, sizeof bad, "%.*s%s%s", at ? (int)(at - breaks[how]) : 0, breaks[how], at ? key : "", at ? at + 2 : breaks[how]);
            tdm__buf_printf(&text, "%s\n", i == broken ? bad : line[i]);
        }
        const char *path = fixture_file(&f, "rows.csv", tdm__buf_z(&text));
        tdm__buf_free(&text);
        assert_ok(fixture_run(&f, path, &r), &f.err);
        const char *now = fixture_export(&f, r.table, TDM_EXPORT_CSV);
        if (!round) {
            assert_true(r.rows_scored == N && r.rows_quarantined == 0);
            whole = malloc(strlen(now) + 1);
            memcpy(whole, now, strlen(now) + 1);
            continue;
        }
        snprintf(key, sizeof key, "r%06zu", broken);
        const char *gone = strstr(whole, key);
        size_t head = (size_t)(gone - whole);
        if (r.rows_in != N || r.rows_quarantined != 1 || strncmp(whole, now, head) || strcmp(strchr(gone, '\n') + 1, now + head))
            fail_msg("row %zu broken as %s: %d in, %d quarantined, or others changed", broken, breaks[how], (int)r.rows_in, (int)r.rows_quarantined);
    }
    free(whole);
    fixture_close(&f);
}

static void gates_hold_a_table_back(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    size_t lines;
    fixture_full(&f, NULL, 10);
    const char *path = fixture_file(&f, "p.csv", "flight,cabin\nf000001,1\nf000002,x\nf000003,x\nf000004,x\n");
    assert_status(fixture_run(&f, path, &r), TDM_GATE_FAILED, &f.err);
    assert_string_equal(f.err.where, "gate 'coverage'");
    assert_non_null(strstr(f.err.hint, "quarantine show"));
    assert_true(!r.table[0] && r.rows_in == 4 && r.rows_scored == 1 && r.rows_quarantined == 3 && r.n_gates >= 4);
    assert_int_equal(fixture_names(&f, "tables"), 0);
    fixture_quarantine(&f, r.run, &lines);
    assert_int_equal(lines, 3);
    assert_status(fixture_run(&f, path, &r), TDM_GATE_FAILED, &f.err); /* again, the same */
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "coverage: 50%, quarantined: 50%", "coverage: 1%"), NULL);
    assert_status(fixture_run(&f, path, &r), TDM_QUARANTINE_FULL, &f.err);
    assert_int_equal(fixture_names(&f, "tables"), 0);
    path = fixture_file(&f, "p.csv", "flight,cabin\n");
    assert_status(fixture_run(&f, path, &r), TDM_GATE_FAILED, &f.err); /* no rows, no table */
    fixture_close(&f);
}

/* The table before is compared with where psi is asked for; where it is not, its damage does not hold the next one back. */
static void the_table_before(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    uint64_t epoch;
    fixture_full(&f, NULL, 500);
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_ok(tdm_promote(f.home, "late", NULL, 0, NULL, NULL, &epoch, &f.err), &f.err);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "quarantined: 50%", "quarantined: 50%, psi: 0.1"), NULL);
    const char *same = fixture_file(&f, "same.csv", fixture_flights_csv(0, 500));
    assert_ok(fixture_run(&f, same, &r), &f.err);
    const tdm_gate_result *psi = NULL;
    for (size_t i = 0; i < r.n_gates; i++)
        psi = strcmp(r.gate[i].name, "psi") ? psi : &r.gate[i];
    assert_non_null(psi);
    assert_string_equal(psi->measured, "0.0000 against v000001");
    tdm__buf text = {0};
    tdm__buf_text(&text, "flight,cabin\n");
    for (int i = 0; i < 500; i++)
        tdm__buf_printf(&text, "f%06d,50\n", i);
    const char *other = fixture_file(&f, "other.csv", tdm__buf_z(&text));
    tdm__buf_free(&text);
    assert_status(fixture_run(&f, other, &r), TDM_GATE_FAILED, &f.err);
    assert_string_equal(f.err.where, "gate 'psi'");
    fixture_flip(&f, "tables/v000001/store", 9);
    assert_status(fixture_run(&f, other, &r), TDM_GATE_FAILED, &f.err); /* cannot be compared: closed */
    assert_non_null(strstr(f.err.what, "the table to compare with"));
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "late: 42", "late: 43"), NULL);
    assert_ok(fixture_run(&f, other, &r), &f.err);
    fixture_close(&f);
}

typedef struct stop {
    size_t calls;
} stop;

static bool stop_it(void *self, const tdm_progress *p)
{
    (void)p;
    ((stop *)self)->calls++;
    return false;
}

static void cancelling_leaves_nothing(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    stop s = {0};
    fixture_full(&f, NULL, 40000);
    tdm_run_options options = {.has_as_of = true, .as_of_us = fixture_as_of_us, .threads = 2, .progress = stop_it, .self = &s};
    tdm_status status = tdm_run(f.home, "late", &options, &r, &f.err);
    assert_true(s.calls > 0);
    assert_status(status, TDM_CANCELLED, &f.err);
    assert_true(fixture_names(&f, "tables") == 0 && fixture_names(&f, "runs") == 0 && fixture_names(&f, "tmp") == 0);
    assert_string_equal(r.table, "");
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_string_equal(r.table, "v000001");
    fixture_close(&f);
}

static bool stop_after(void *self, const tdm_progress *p)
{
    (void)p;
    return ((stop *)self)->calls-- > 0;
}

/* Until the manifest is written a run can be ended at any of its stages, and leaves nothing. */
static void cancelling_at_each_stage(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    tdm_status s = TDM_CANCELLED;
    size_t n = 0;
    fixture_full(&f, NULL, 100);
    for (; s == TDM_CANCELLED; n++) {
        stop left = {n};
        tdm_run_options options = {.has_as_of = true, .as_of_us = fixture_as_of_us, .threads = 1, .progress = stop_after, .self = &left};
        s = tdm_run(f.home, "late", &options, &r, &f.err);
        assert_int_equal(fixture_names(&f, "tables"), s == TDM_OK);
    }
    assert_ok(s, &f.err);
    assert_true(n >= 4); /* index, verify, publish, and what scoring tells */
    fixture_close(&f);
}

typedef struct append_job {
    const char *path;
    bool done;
} append_job;

static bool append_meanwhile(void *self, const tdm_progress *p)
{
    append_job *a = self;
    if (!a->done && !strcmp(p->stage, "index")) {
        FILE *file = fopen(a->path, "a");
        assert_non_null(file);
        fputs("f000099,1\n", file);
        fclose(file);
        a->done = true;
    }
    return true;
}

/* A file that is still being written would be scored under the name of what it was. */
static void a_population_that_changes(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    fixture_full(&f, NULL, 100);
    append_job job = {fixture_file(&f, "growing.csv", "flight,cabin\nf000001,1\nf000002,2\n"), false};
    tdm_run_options options = {.population = job.path, .has_as_of = true, .as_of_us = fixture_as_of_us, .threads = 1,
                               .progress = append_meanwhile, .self = &job};
    assert_status(tdm_run(f.home, "late", &options, &r, &f.err), TDM_IO, &f.err);
    assert_int_equal(fixture_names(&f, "tables"), 0);
    assert_ok(tdm_run(f.home, "late", &options, &r, &f.err), &f.err);
    assert_int_equal(r.rows_scored, 3);
    fixture_close(&f);
}

/* A source's texts for null are its files' own: in a population they are texts, as they are for a single question. */
static void nulls_of_a_source_are_its_own(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    tdm_table *table;
    tdm_predictor *predictor;
    tdm_value night;
    char answer[4096], expected[64];
    size_t length;
    fixture_new(&f, NULL);
    fixture_add_sources(&f, "people:\n  kind: table\n  key: id\n  nulls: [NA]\n  columns: {id: string, age: i64?}\n");
    fixture_load(&f, "people", "id,age\na,NA\nb,7\n");
    fixture_pack(&f, "name: tags\nentity: person\nfeatures:\n  tag: {request: string?}\n"
                     "  x: {expr: 'if(tag == \"NA\", 1.5, 0.25)'}\nmodels:\n  main: {file: main.json}\n"
                     "prediction: {p: {model: main}}\nbatch: {population: people}\n",
                 "{\"kind\": \"linear\", \"inputs\": [\"x\"], \"weights\": [1], \"intercept\": 0}\n");
    assert_ok(fixture_run(&f, fixture_file(&f, "tags.csv", "id,tag\na,NA\n"), &r), &f.err);
    assert_ok(tdm_table_open(f.home, r.table, &table, &f.err), &f.err);
    assert_ok(tdm_table_get(table, tdm__str("a"), &night, &f.err), &f.err);
    tdm_table_close(&table);
    assert_true(night.as.f64 == 1.5);
    tdm_named_text key = {tdm__str("id"), tdm__str("a")}, set = {tdm__str("tag"), tdm__str("NA")};
    tdm_question question = {.key = &key, .n_keys = 1, .set = &set, .n_set = 1};
    assert_ok(tdm_predictor_open(f.home, "tags", &predictor, &f.err), &f.err);
    assert_ok(tdm_predict(predictor, &question, answer, sizeof answer, &length, &f.err), &f.err);
    tdm_predictor_close(&predictor);
    snprintf(expected, sizeof expected, "{\"p\":1.5}");
    assert_non_null(strstr(answer, expected));
    fixture_close(&f);
}

/* A population cut short is complete in itself: only the table before can tell. */
static void far_fewer_rows_than_before(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    fixture_full(&f, NULL, 100);
    fixture_pack(&f, fixture_edit(fixture_release_yaml, "quarantined: 50%", "quarantined: 50%, previous_rows: 90%"), NULL);
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_ok(fixture_run(&f, fixture_file(&f, "ninety.csv", fixture_flights_csv(0, 90)), &r), &f.err);
    assert_status(fixture_run(&f, fixture_file(&f, "some.csv", fixture_flights_csv(0, 80)), &r), TDM_GATE_FAILED, &f.err);
    assert_string_equal(f.err.where, "gate 'previous_rows'");
    assert_string_equal(f.err.found, "80 rows, 90 in v000002");
    fixture_close(&f);
}

/* A release that changes its predictions begins anew, and is then compared with itself. */
static void another_range_is_a_first_run(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    uint64_t epoch;
    const char *yaml = fixture_edit(fixture_release_yaml, "quarantined: 50%", "quarantined: 50%, psi: 0.1");
    fixture_full(&f, NULL, 100);
    fixture_pack(&f, yaml, NULL);
    assert_ok(fixture_run(&f, NULL, &r), &f.err);
    assert_ok(tdm_promote(f.home, f.id, NULL, 0, NULL, NULL, &epoch, &f.err), &f.err);
    fixture_pack(&f, fixture_edit(yaml, "range: [0, 1000000000]", "range: [0, 2000000000]"), NULL);
    for (int i = 0; i < 2; i++) {
        const char *name = fixture_print("again-%d.csv", i);
        assert_ok(fixture_run(&f, fixture_file(&f, name, fixture_flights_csv(0, (size_t)(100 - i))), &r), &f.err);
        const tdm_gate_result *psi = NULL;
        for (size_t k = 0; k < r.n_gates; k++)
            psi = strcmp(r.gate[k].name, "psi") ? psi : &r.gate[k];
        assert_non_null(psi);
        assert_int_equal(psi->applied, i);
    }
    fixture_close(&f);
}

/* What needs no population is told before the work. */
static void golden_rows_come_first(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    tdm_release *release;
    fixture_full(&f, NULL, 100);
    const char *dir = fixture_release_dir(&f, "golden", fixture_print("%sgolden: golden.jsonl\n", fixture_release_yaml),
                                          fixture_edit(fixture_main_json, "1000,", "1000.0000001,"));
    assert_ok(tdm_release_pack(f.home, dir, NULL, &release, &f.err), &f.err);
    tdm_release_close(&release);
    assert_status(tdm_run(f.home, "late", NULL, &r, &f.err), TDM_GATE_FAILED, &f.err);
    assert_string_equal(f.err.where, "gate 'golden'");
    assert_int_equal(r.rows_in, 0);
    fixture_close(&f);
}

static void what_cannot_be_run(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    fixture_full(&f, NULL, 10);
    assert_status(tdm_run(f.home, "early", NULL, &r, &f.err), TDM_NOT_FOUND, &f.err);
    assert_status(fixture_run(&f, "/no/such/file", &r), TDM_NOT_FOUND, &f.err);
    assert_status(fixture_run(&f, fixture_file(&f, "p.csv", "cabin\n1\n"), &r), TDM_MISMATCH, &f.err);
    assert_status(fixture_run(&f, fixture_file(&f, "p.csv.gz", "\x1f\x8b\x08 damaged"), &r), TDM_CORRUPT, &f.err);
    assert_true(fixture_names(&f, "tables") == 0 && fixture_names(&f, "runs") == 0);
    fixture_close(&f);
}

static void allocations_fail(void **state)
{
    (void)state;
    fixture f;
    tdm_run_report r;
    fixture_full(&f, NULL, 10);
    const char *path = fixture_file(&f, "p.csv", "flight,cabin\nf000001,1\nf000002,x\nf000001,1\nf000003,\nf000004,\n");
    for (uint64_t n = 1, hit = 1; hit; n += 1 + n / 50) {
        support_fail_alloc_at(n);
        tdm_status s = fixture_run(&f, path, &r);
        hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (s && s != TDM_GATE_FAILED)
            assert_status(s, TDM_NO_MEMORY, &f.err);
        assert_true(s != TDM_GATE_FAILED || strstr(f.err.what, "memory")); /* an error in a gate is a failed gate */
        assert_int_equal(fixture_names(&f, "tables"), s == TDM_OK);
        if (!s && hit) { /* of no consequence: begin again */
            assert_ok(tdm__remove_tree(f.fs, "/home/tables", &f.err), &f.err);
            assert_ok(tdm__make_dir(f.fs, "/home/tables", &f.err), &f.err);
        }
    }
    assert_true(r.rows_scored == 3 && r.rows_quarantined == 2);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_inputs_same_run),
        cmocka_unit_test(ages_are_inputs),
        cmocka_unit_test(every_row_is_what_it_must_be),
        cmocka_unit_test(formats_do_not_matter),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(every_code),
        cmocka_unit_test(a_bad_row_hurts_nobody_else),
        cmocka_unit_test(gates_hold_a_table_back),
        cmocka_unit_test(the_table_before),
        cmocka_unit_test(cancelling_leaves_nothing),
        cmocka_unit_test(cancelling_at_each_stage),
        cmocka_unit_test(a_population_that_changes),
        cmocka_unit_test(nulls_of_a_source_are_its_own),
        cmocka_unit_test(far_fewer_rows_than_before),
        cmocka_unit_test(another_range_is_a_first_run),
        cmocka_unit_test(golden_rows_come_first),
        cmocka_unit_test(what_cannot_be_run),
        cmocka_unit_test(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
