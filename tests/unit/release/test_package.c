/* Packages: the plan, what a broken release is told, and packing that is the same everywhere, whole or absent, and
 * never silently damaged. */
#include "fault_text.h"
#include "os/sim_files.h"
#include "small_release.h"

static tdm_error err;

static tdm__package *check_in(tdm__fs *fs, const char *dir)
{
    small_catalog c;
    tdm__package *p = NULL;
    tdm__buf text = { 0 };
    tdm_diagnostics *list = tdm_diagnostics_new();
    small_open(&c, small_sources);
    if (tdm__package_check(fs, dir, &c.catalog, NULL, list, &p, &err))
        fail_msg("%s", fault_text(list, &text));
    tdm_diagnostics_close(&list);
    small_close(&c); /* the package does not need the catalog any more */
    return p;
}

static const char *fresh_release(void)
{
    const char *dir = support_temp_dir();
    small_release(tdm__fs_posix(), dir);
    return dir;
}

#define assert_text(s, z) assert_true(tdm__str_is((s), (z)))

/* ---- the plan ---- */

static const tdm__slot *slot_of(const tdm__package *p, const char *name)
{
    int i = tdm__package_find_slot(p, tdm__str(name));
    if (i < 0)
        fail_msg("there is no slot %s", name);
    return &p->slot[i];
}

static void test_plan(void **state)
{
    (void)state;
    tdm__package *p = check_in(tdm__fs_posix(), fresh_release());
    assert_int_equal(p->key.n, 1);
    assert_text(p->key.field[0].name, "flight_key");
    assert_int_equal(p->slot[0].origin, TDM__ORIGIN_KEY);
    assert_int_equal(p->n_sources, 3);
    assert_text(p->source[0].name, "planes");
    assert_text(p->source[2].name, "schedule");
    assert_int_equal(p->population, 2);

    assert_int_equal(p->n_joins, 3);
    const tdm__slot *year = slot_of(p, "year"), *tail = slot_of(p, "schedule.tailnum");
    assert_int_equal(p->join[year->join].source, 0);
    assert_int_equal(p->join[year->join].key_slot[0], tail - p->slot);
    assert_false(p->join[year->join].by_entity);
    assert_true(p->join[tail->join].by_entity);
    assert_int_equal(p->join[tail->join].n_columns, 4); /* tailnum, dep, distance, carrier */
    const tdm__join *routes = &p->join[slot_of(p, "length")->join];
    assert_int_equal(routes->key_slot[0], slot_of(p, "carrier") - p->slot);
    assert_int_equal(routes->key_slot[1], slot_of(p, "number") - p->slot);

    assert_true(year->type.nullable && year->fallback.presence == TDM_PRESENT && year->fallback.as.i64 == 2000);
    assert_string_equal(slot_of(p, "distance")->type.unit, "mi");
    assert_true(slot_of(p, "distance")->fallback.as.f64 == 500);
    assert_int_equal(p->n_request, 2);
    assert_text(p->slot[p->request_slot[0]].name, "number");
    assert_text(p->slot[p->request_slot[1]].name, "cabin");
    assert_false(p->slot[p->request_slot[0]].required);
    assert_true(slot_of(p, "carrier")->required);           /* not nullable, found by the entity's key */
    assert_true(slot_of(p, "schedule.dep")->required);
    assert_false(slot_of(p, "schedule.tailnum")->required); /* nullable */
    assert_false(slot_of(p, "distance")->required);         /* has a default */
    assert_false(slot_of(p, "length")->required);           /* its row is found by something else */
    assert_false(p->reads_as_of);
    assert_int_equal(p->model[0].input_slot[0], slot_of(p, "dep_hour") - p->slot);
    assert_int_equal(p->n_golden, 2);
    assert_int_equal(p->golden[0].as_of_us, INT64_C(1370066400000000));
    assert_int_equal(p->golden[0].n_given, 6);
    assert_int_equal(p->golden[1].line, 3);
    tdm__package_close(&p);
    assert_null(p);
}

/* Whatever a step reads was filled before it: walked here as the engine would. */
static void test_order(void **state)
{
    (void)state;
    tdm__package *p = check_in(tdm__fs_posix(), fresh_release());
    bool filled[64] = { false };
    assert_true(p->n_slots < 64);
    for (size_t i = 0; i < p->n_slots; i++)
        filled[i] = p->slot[i].origin == TDM__ORIGIN_KEY || p->slot[i].origin == TDM__ORIGIN_REQUEST;
    for (size_t i = 0; i < p->n_steps; i++) {
        int at = p->step[i].index;
        if (p->step[i].kind == TDM__STEP_JOIN) {
            for (size_t k = 0; k < p->source[p->join[at].source].n_key; k++)
                assert_true(filled[p->join[at].key_slot[k]]);
            for (size_t k = 0; k < p->join[at].n_columns; k++)
                filled[p->join[at].column[k].slot] = true;
            continue;
        }
        size_t n;
        const int *reads = tdm__expression_slots(p->slot[at].expression, &n);
        for (size_t k = 0; k < n; k++)
            assert_true(filled[reads[k]]);
        filled[at] = true;
    }
    for (size_t i = 0; i < p->n_slots; i++)
        assert_true(filled[i]);
    tdm__package_close(&p);
}

static void test_needs(void **state)
{
    (void)state;
    static const char *const main_needs[] = { "dep_hour", "schedule.dep", "distance", "code", "carrier", "late_year",
                                              "year", "schedule.tailnum", "flight_key" };
    tdm__package *p = check_in(tdm__fs_posix(), fresh_release());
    size_t n = 0;
    for (size_t i = 0; i < p->n_slots; i++)
        n += p->model[0].needs[i];
    assert_int_equal(n, 9);
    for (size_t i = 0; i < 9; i++)
        assert_true(p->model[0].needs[slot_of(p, main_needs[i]) - p->slot]);
    for (size_t i = 0; i < p->n_slots; i++)
        assert_int_equal(p->model[1].needs[i], tdm__str_is(p->slot[i].name, "distance") || i == 0);
    tdm__package_close(&p);
}

static void test_notes(void **state)
{
    (void)state;
    const char *dir = fresh_release();
    tdm__fs *fs = tdm__fs_posix();
    small_write(fs, dir, "old/notes.txt", "x", 1);
    small_write(fs, dir, "main.bak", "x", 1);
    small_write(fs, dir, "README.md", "x", 1);
    assert_ok(tdm__remove_tree(fs, support_path(dir, "zones/Europe"), &err), &err);
    tdm__package *p = check_in(fs, dir);
    static const char *const notes[] = {
        "time zone 'Europe/Berlin' is taken from /usr/share/zoneinfo",
        "feature 'length' is used by no model",
        "feature 'number' is used by no model",
        "feature 'cabin' is used by no model",
        "release.yaml does not name file 'main.bak': it is not packed",
        "release.yaml names no file in folder 'old': it is not packed",
    };
    assert_int_equal(p->n_notes, sizeof notes / sizeof *notes);
    for (size_t i = 0; i < p->n_notes; i++) {
        bool found = false;
        for (size_t k = 0; k < p->n_notes; k++)
            found |= strcmp(p->note[k], notes[i]) == 0;
        if (!found)
            fail_msg("no note says: %s", notes[i]);
    }
    tdm__package_close(&p);
}

/* ---- what a broken release is told ---- */

static const struct {
    const char *file, *from, *to, *faults;
} mistakes[] = {
#include "package_mistakes.h"
};

static void edit(const char *text, const char *from, const char *to, tdm__buf *out)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    tdm__buf_add(out, text, (size_t)(at - text));
    tdm__buf_text(out, to);
    tdm__buf_text(out, at + strlen(from));
}

static const char *text_of(const char *file)
{
    for (size_t i = 0; i < SMALL_FILES; i++)
        if (strcmp(small_files[i].path, file) == 0)
            return small_files[i].text;
    fail_msg("no file %s", file);
    return NULL;
}

static void test_mistakes(void **state)
{
    (void)state;
    bool record = getenv("TANDEM_RECORD") != NULL;
    small_catalog c;
    small_open(&c, small_sources);
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        tdm__fs *fs = tdm__fs_sim_new(1);
        tdm__buf text = { 0 }, faults = { 0 };
        tdm_diagnostics *list = tdm_diagnostics_new();
        tdm__package *p = NULL;
        small_release(fs, "/r");
        edit(text_of(mistakes[i].file), mistakes[i].from, mistakes[i].to, &text);
        small_write(fs, "/r", mistakes[i].file, text.ptr, text.len);
        tdm_status s = tdm__package_check(fs, "/r", &c.catalog, "/zones", list, &p, &err);
        const char *got = fault_text(list, &faults);
        if (record)
            printf("---- %s\n%s", mistakes[i].to, got);
        else
            assert_string_equal(got, mistakes[i].faults);
        assert_true(s == TDM_MANIFEST || s == TDM_UNSUPPORTED);
        assert_int_equal(err.status, s);
        assert_null(p);
        tdm__buf_free(&text);
        tdm__buf_free(&faults);
        tdm_diagnostics_close(&list);
        tdm__fs_sim_close(&fs);
    }
    small_close(&c);
}

static void test_unsupported(void **state)
{
    (void)state;
    small_catalog c;
    tdm__package *p = NULL;
    tdm__buf text = { 0 };
    tdm__fs *fs = tdm__fs_sim_new(1);
    small_open(&c, small_sources);
    small_release(fs, "/r");
    edit(small_yaml, "  cabin: {request: string?}\n", "  cabin: {window: mean(departures.delay), over: 1h}\n", &text);
    small_write(fs, "/r", "release.yaml", text.ptr, text.len);
    assert_status(tdm__package_check(fs, "/r", &c.catalog, NULL, NULL, &p, &err), TDM_UNSUPPORTED, &err);
    assert_string_equal(err.what,
                        "feature 'cabin' is a window, and windows over events are not supported by this version");
    assert_string_equal(err.where, "release.yaml:12:19");
    assert_status(tdm__package_check(fs, "/none", &c.catalog, NULL, NULL, &p, &err), TDM_NOT_FOUND, &err);
    tdm__buf_free(&text);
    tdm__fs_sim_close(&fs);
    small_close(&c);
}

/* Features that use what is listed after them are resolved by recursion, which has a bound; in order they have none. */
static void test_chains(void **state)
{
    (void)state;
    static const struct {
        int n;
        bool forward;
        tdm_status status;
    } cases[] = { { 60, false, TDM_OK }, { 80, false, TDM_MANIFEST }, { 1000, true, TDM_OK } };
    small_catalog c;
    small_open(&c, small_sources);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdm__fs *fs = tdm__fs_sim_new(1);
        tdm__buf text = { 0 }, yaml = { 0 };
        tdm__package *p = NULL;
        for (int k = 0; k < cases[i].n; k++)
            tdm__buf_printf(&text, "  f%d: {expr: '%s%d + 1'}\n", k, k || !cases[i].forward ? "f" : "number + 0 * ",
                            cases[i].forward ? (k ? k - 1 : 0) : k + 1);
        if (!cases[i].forward)
            tdm__buf_printf(&text, "  f%d: {request: i64}\n", cases[i].n);
        tdm__buf_text(&text, "lookups:");
        small_release(fs, "/r");
        edit(small_yaml, "lookups:", tdm__buf_z(&text), &yaml);
        small_write(fs, "/r", "release.yaml", yaml.ptr, yaml.len);
        assert_status(tdm__package_check(fs, "/r", &c.catalog, NULL, NULL, &p, &err), cases[i].status, &err);
        if (cases[i].status)
            assert_non_null(strstr(err.what, "features depend on each other more than 64 deep"));
        tdm__package_close(&p);
        tdm__buf_free(&text);
        tdm__buf_free(&yaml);
        tdm__fs_sim_close(&fs);
    }
    small_close(&c);
}

/* Without a population the key's types come from the sources that it finds. */
static void test_key_types(void **state)
{
    (void)state;
    small_catalog c;
    tdm__package *p = NULL;
    tdm__buf yaml = { 0 }, again = { 0 }, text = { 0 };
    tdm_diagnostics *list = tdm_diagnostics_new();
    tdm__fs *fs = tdm__fs_sim_new(1);
    small_open(&c, small_sources);
    small_release(fs, "/r");
    edit(small_yaml, "entity: flight\n", "entity: {name: route, key: [carrier, number, flight_key]}\n", &yaml);
    edit(tdm__buf_z(&yaml), "  number: {request: i64, default: 1}\n", "", &again);
    tdm__buf_reset(&yaml);
    edit(tdm__buf_z(&again), "  population: schedule\n", "  ttl: 1h\n", &yaml);
    small_write(fs, "/r", "release.yaml", yaml.ptr, yaml.len);
    if (tdm__package_check(fs, "/r", &c.catalog, NULL, list, &p, &err))
        fail_msg("%s", fault_text(list, &text));
    assert_int_equal(p->key.n, 3);
    assert_int_equal(p->slot[0].type.kind, TDM_STRING);
    assert_int_equal(p->slot[1].type.kind, TDM_I64);
    assert_int_equal(p->population, -1);
    assert_int_equal(p->n_request, 1);
    const tdm__join *routes = &p->join[slot_of(p, "length")->join];
    assert_true(routes->key_slot[0] == 0 && routes->key_slot[1] == 1 && !routes->by_entity);
    tdm__package_close(&p);
    tdm_diagnostics_close(&list);
    tdm__buf_free(&yaml);
    tdm__buf_free(&again);
    tdm__buf_free(&text);
    tdm__fs_sim_close(&fs);
    small_close(&c);
}

/* ---- packing ---- */

static tdm__package *pack(tdm__fs *fs, const char *dir, const char *releases, char id[65])
{
    tdm__package *p = check_in(fs, dir);
    assert_ok(tdm__package_write(fs, p, releases, &err), &err);
    memcpy(id, p->id, 65);
    return p;
}

static void test_same_id(void **state)
{
    (void)state;
    char id[3][65];
    const char *releases = support_path(support_temp_dir(), "a/releases");
    tdm__package *p = pack(tdm__fs_posix(), fresh_release(), releases, id[0]);
    tdm__package_close(&p);
    p = pack(tdm__fs_posix(), fresh_release(), releases, id[1]);
    tdm__package_close(&p);
    tdm__fs *fs = tdm__fs_sim_new(1);
    small_release(fs, "/elsewhere/r");
    p = pack(fs, "/elsewhere/r", "/releases", id[2]);
    assert_string_equal(id[0], id[1]);
    assert_string_equal(id[0], id[2]);
    tdm__names names;
    assert_ok(tdm__list_dir(tdm__fs_posix(), releases, &names, &err), &err);
    assert_int_equal(names.n, 1);
    assert_string_equal(names.name[0], id[0]);
    tdm__names_free(&names);
    /* A line for each file, sorted, and the bytes of each file are those of the folder. */
    static const char *const order[] = { "codes.csv",    "golden.jsonl", "models/main.txt",        "release.yaml",
                                         "simple.json",  "sources.txt",  "zones/America/New_York",
                                         "zones/Europe/Berlin" };
    assert_int_equal(p->n_files, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(p->file[i].path, order[i]);
        size_t n;
        char *bytes = support_read_file(support_path(support_path(releases, id[0]), order[i]), &n);
        assert_int_equal(n, p->file[i].size);
        assert_memory_equal(bytes, p->file[i].bytes.ptr, n);
        support_free(bytes);
    }
    tdm__package_close(&p);
    tdm__fs_sim_close(&fs);
}

static void assert_same_package(const tdm__package *a, const tdm__package *b)
{
    assert_string_equal(a->id, b->id);
    assert_int_equal(a->n_slots, b->n_slots);
    for (size_t i = 0; i < a->n_slots; i++) {
        assert_true(tdm__str_equal(a->slot[i].name, b->slot[i].name));
        assert_true(tdm__type_equal(&a->slot[i].type, &b->slot[i].type));
        assert_true(a->slot[i].origin == b->slot[i].origin && a->slot[i].join == b->slot[i].join);
        assert_true(tdm__value_same(&a->slot[i].fallback, &b->slot[i].fallback));
    }
    assert_int_equal(a->n_steps, b->n_steps);
    assert_memory_equal(a->step, b->step, a->n_steps * sizeof *a->step);
    assert_int_equal(a->n_sources, b->n_sources);
    for (size_t i = 0; i < a->n_sources; i++) {
        assert_true(tdm__source_equal(&a->source[i], &b->source[i]));
        assert_true(a->fingerprint[i] == b->fingerprint[i]);
    }
    assert_int_equal(a->population, b->population);
    assert_int_equal(a->n_golden, b->n_golden);
    for (size_t i = 0; i < a->n_golden; i++)
        for (size_t k = 0; k < a->golden[i].n_given; k++)
            assert_true(a->golden[i].slot[k] == b->golden[i].slot[k] &&
                        tdm__value_same(&a->golden[i].value[k], &b->golden[i].value[k]));
}

/* The expression that looks up, run in the opened package: the table came along. */
static void assert_lookup(const tdm__package *p)
{
    static const struct {
        const char *carrier;
        int64_t code;
    } cases[] = { { "UA", 1 }, { "B6", 2 }, { "AA", 3 }, { "ZZ", -1 } };
    const tdm__slot *code = slot_of(p, "code"), *carrier = slot_of(p, "carrier");
    tdm__arena arena = { 0 };
    tdm__column in, out;
    const tdm__column *columns[64] = { NULL };
    assert_true(tdm__column_init(&in, &carrier->type, &arena) && tdm__column_init(&out, &code->type, &arena));
    columns[carrier - p->slot] = &in;
    for (size_t i = 0; i < 4; i++) {
        tdm_value v = { .kind = TDM_STRING, .presence = TDM_PRESENT, .as.str = tdm__str(cases[i].carrier) };
        tdm__column_set(&in, 0, &v);
        assert_ok(tdm__expression_eval(code->expression, columns, 1, 0, &arena, &out, &err), &err);
        tdm__column_get(&out, 0, &v);
        if (cases[i].code < 0)
            assert_int_not_equal(v.presence, TDM_PRESENT);
        else
            assert_true(v.presence == TDM_PRESENT && v.as.i64 == cases[i].code);
    }
    tdm__arena_free(&arena);
}

static void test_open(void **state)
{
    (void)state;
    char id[65];
    const char *releases = support_temp_dir();
    tdm__package *packed = pack(tdm__fs_posix(), fresh_release(), releases, id), *p = NULL;
    assert_ok(tdm__package_open(tdm__fs_posix(), releases, id, &p, &err), &err);
    assert_same_package(packed, p);
    assert_lookup(packed);
    assert_lookup(p);
    double x[4] = { 6, 719.5, 1, 2001 }, a[1], b[1];
    tdm__arena arena = { 0 };
    assert_ok(tdm__model_predict(packed->model[0].model, TDM__PREDICTION, x, 1, a, &arena, &err), &err);
    assert_ok(tdm__model_predict(p->model[0].model, TDM__PREDICTION, x, 1, b, &arena, &err), &err);
    assert_memory_equal(a, b, sizeof a);
    tdm__arena_free(&arena);
    tdm__package_close(&packed);
    tdm__package_close(&p);
    assert_status(tdm__package_open(tdm__fs_posix(), releases, "../r", &p, &err), TDM_NOT_FOUND, &err);
    id[0] = id[0] == '0' ? '1' : '0';
    assert_status(tdm__package_open(tdm__fs_posix(), releases, id, &p, &err), TDM_NOT_FOUND, &err);
    assert_null(p);
}

/* ---- damage ---- */

static void assert_corrupt(const char *releases, const char *id, const char *file)
{
    tdm__package *p = NULL;
    assert_status(tdm__package_open(tdm__fs_posix(), releases, id, &p, &err), TDM_CORRUPT, &err);
    if (!strstr(err.where, file))
        fail_msg("damage in %s was told of %s", file, err.where);
}

static void test_every_byte(void **state)
{
    (void)state;
    char id[65];
    const char *releases = support_temp_dir();
    tdm__package *p = pack(tdm__fs_posix(), fresh_release(), releases, id);
    const char *dir = support_path(releases, id);
    for (size_t f = 0; f <= p->n_files; f++) {
        const char *name = f < p->n_files ? p->file[f].path : "MANIFEST", *path = support_path(dir, name);
        size_t n;
        char *bytes = support_read_file(path, &n);
        for (size_t i = 0; i < n; i++) {
            bytes[i] ^= (char)(1 << (i % 8));
            support_write_file(path, bytes, n);
            assert_corrupt(releases, id, name);
            bytes[i] ^= (char)(1 << (i % 8));
        }
        support_write_file(path, bytes, n - 1);
        assert_corrupt(releases, id, name);
        support_write_file(path, bytes, n);
        support_free(bytes);
    }
    /* A file that is gone; then packing again mends the folder. */
    assert_ok(tdm__remove(tdm__fs_posix(), support_path(dir, "codes.csv"), &err), &err);
    assert_corrupt(releases, id, "codes.csv");
    assert_ok(tdm__package_write(tdm__fs_posix(), p, releases, &err), &err);
    tdm__package_close(&p);
    assert_ok(tdm__package_open(tdm__fs_posix(), releases, id, &p, &err), &err);
    tdm__package_close(&p);
}

static void expect_whole_or_absent(tdm__fs *fs, const char *id)
{
    tdm__package *p = NULL;
    tdm_status s = tdm__package_open(fs, "/releases", id, &p, &err);
    if (s)
        assert_status(s, TDM_NOT_FOUND, &err);
    tdm__package_close(&p);
}

/* Power is lost inside every call of packing; the release is then whole or absent, and packing again makes it whole. */
static void test_power_loss(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        tdm__fs *fs = tdm__fs_sim_new(support_seed() + n);
        assert_non_null(fs);
        small_release(fs, "/r");
        tdm__package *p = check_in(fs, "/r");
        uint64_t before = tdm__fs_sim_calls(fs);
        tdm__fs_sim_crash_at(fs, n);
        tdm_status s = tdm__package_write(fs, p, "/releases", &err);
        bool over = tdm__fs_sim_calls(fs) - before < n;
        tdm__fs_sim_crash_at(fs, 0);
        tdm__fs_sim_crash(fs);
        expect_whole_or_absent(fs, p->id);
        if (!over)
            assert_status(s, TDM_IO, &err);
        assert_ok(tdm__package_write(fs, p, "/releases", &err), &err);
        tdm__fs_sim_crash(fs);
        tdm__package *again = NULL;
        assert_ok(tdm__package_open(fs, "/releases", p->id, &again, &err), &err);
        tdm__package_close(&again);
        tdm__package_close(&p);
        tdm__fs_sim_close(&fs);
        if (over)
            break;
    }
}

static void test_disk_full(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        tdm__fs *fs = tdm__fs_sim_new(support_seed());
        assert_non_null(fs);
        small_release(fs, "/r");
        tdm__package *p = check_in(fs, "/r");
        uint64_t before = tdm__fs_sim_calls(fs);
        tdm__fs_sim_fail_at(fs, n, TDM_DISK_FULL);
        tdm_status s = tdm__package_write(fs, p, "/releases", &err);
        bool over = tdm__fs_sim_calls(fs) - before < n;
        tdm__fs_sim_fail_at(fs, 0, TDM_OK);
        assert_true(over ? !s : s == TDM_DISK_FULL);
        expect_whole_or_absent(fs, p->id);
        assert_ok(tdm__package_write(fs, p, "/releases", &err), &err);
        tdm__package_close(&p);
        tdm__fs_sim_close(&fs);
        if (over)
            break;
    }
}

/* ---- memory ---- */

static void test_no_memory(void **state)
{
    (void)state;
    char id[65];
    const char *dir = fresh_release(), *releases = support_temp_dir();
    tdm__package *p = pack(tdm__fs_posix(), dir, releases, id);
    tdm__package_close(&p);
    small_catalog c;
    small_open(&c, small_sources);
    for (int open = 0; open < 2; open++) {
        uint64_t n = 1;
        for (;; n++) {
            support_fail_alloc_at(n);
            tdm_status s = open ? tdm__package_open(tdm__fs_posix(), releases, id, &p, &err)
                                : tdm__package_check(tdm__fs_posix(), dir, &c.catalog, NULL, NULL, &p, &err);
            bool hit = support_alloc_failed();
            support_fail_alloc_at(0);
            if (hit && s)
                assert_status(s, TDM_NO_MEMORY, &err);
            else
                assert_ok(s, &err);
            assert_true(!s == (p != NULL));
            tdm__package_close(&p);
            if (!hit)
                break;
        }
        assert_true(n > 50);
    }
    small_close(&c);
}

/* ---- sources that changed ---- */

static void test_fits(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message; /* NULL: fits */
    } cases[] = {
        { "seats: i64?", "seats: f64, more: i64?", NULL },
        { "year: i64?", "year: f64?", "planes.year: the column has another type than the release was packed with: "
                                      "expected i64?, found f64?" },
        { "distance: f64 mi", "far: f64 mi",
          "schedule.distance: the release reads a column that the source no longer has" },
        { "key: tailnum", "key: [tailnum, seats]",
          "planes: the source has another key than the release was packed with" },
        { "planes:", "plains:", "planes: the release reads a source that is not defined" },
    };
    tdm__package *p = check_in(tdm__fs_posix(), fresh_release());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        small_catalog c;
        tdm__buf yaml = { 0 };
        edit(small_sources, cases[i].from, cases[i].to, &yaml);
        if (i == 3) { /* a key may not be nullable */
            tdm__buf again = { 0 };
            edit(tdm__buf_z(&yaml), "seats: i64?", "seats: i64", &again);
            tdm__buf_free(&yaml);
            yaml = again;
        }
        small_open(&c, tdm__buf_z(&yaml));
        tdm_status s = tdm__package_fits(p, &c.catalog, &err);
        if (cases[i].message) {
            char text[1024];
            assert_status(s, TDM_MISMATCH, &err);
            tdm_error_format(&err, text, sizeof text);
            assert_string_equal(text, cases[i].message);
        } else {
            assert_ok(s, &err);
        }
        small_close(&c);
        tdm__buf_free(&yaml);
    }
    tdm__package_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),        cmocka_unit_test(test_order),      cmocka_unit_test(test_needs),
        cmocka_unit_test(test_notes),       cmocka_unit_test(test_mistakes),   cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_chains),      cmocka_unit_test(test_key_types),
        cmocka_unit_test(test_same_id),     cmocka_unit_test(test_open),       cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_power_loss),  cmocka_unit_test(test_disk_full),  cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
