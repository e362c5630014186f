/* Every byte of every file of a small home, flipped one at a time: found, or harmless.
 *
 * The home has a source with two versions, a release with a lookup and golden rows, two tables, two epochs. After each
 * flip a reader looks at all it can (what is current, both tables by key, answers, lists). It must get an error that
 * says so, or exactly what it got before. What reading does not touch, staging must find: then the service is rolled
 * back, both tables are promoted one after the other, and a run is made, and again there is an error, or all goes well.
 * What comes out per file is printed:
 *   - only staging finds: older epochs (by a rollback); gaps, marks and digests of tables' stores (formats/store.md);
 *   - harmless are: the lock's note, gaps and digests of a source's store, its older versions, which nobody reads, and
 *     tables/NAME/release, which tells only whose a damaged table was.
 * Reading uses the public API only. The quarantine's lines carry no digest and are not part of this. */
#define _GNU_SOURCE
#include <tandem/tandem.h>
#include "base/random.h"
#include "os/files.h"
#include "support.h"

#if defined(__SANITIZE_ADDRESS__)
enum { STRIDE = 11 }; /* every byte is the plain build's work */
#else
enum { STRIDE = 1 };
#endif
enum { FILES_MAX = 64, AS_OF = 1371189600 };

static const char *const FILES[][2] = {
    {"sources.yaml", "points:\n  kind: table\n  key: point\n  columns: {point: string, x: f64, kind: string?}\n"},
    {"one.csv", "point,x,kind\na,1,low\nb,2,high\nc,3,\n"},
    {"two.csv", "point,x,kind\na,1.5,high\n"},
    {"kinds.csv", "kind,code\nlow,1\nhigh,2\n"},
    {"main.json", "{\"kind\":\"linear\",\"inputs\":[\"x\",\"code\"],\"weights\":[2,0.25],\"intercept\":1}"},
    {"golden.jsonl", "{\"features\":{\"point\":\"z\",\"x\":4,\"points.kind\":\"low\"},\"prediction\":{\"y\":9.25}}\n"},
    {"release.yaml",
     "name: flips\nentity: point\nfeatures:\n  x: {column: points.x}\n"
     "  code: {expr: 'lookup(kinds, points.kind)', default: 0}\n"
     "lookups:\n  kinds: {file: kinds.csv, key: kind, value: code, type: i64}\n"
     "models:\n  main: {file: main.json}\nprediction:\n  y: {model: main}\n"
     "online:\n  rungs: [fresh, defaulted, table, prior]\n  prior: {y: 0}\n"
     "batch: {population: points}\ngolden: golden.jsonl\n"},
};

static const char UNREAD[] = "sources/points/000001.store"; /* an older version: staging it byte by byte says nothing */

static const char *dir, *work;
static tdm__buf before; /* what a reader saw at first */

static tdm_home *open_home(void)
{
    tdm_home *home;
    tdm_error err;
    assert_ok(tdm_home_open(dir, &home, &err), &err);
    return home;
}

static tdm_status run(tdm_home *home, int hour, char table[16], tdm_error *err)
{
    tdm_run_options options = {.has_as_of = true, .as_of_us = (AS_OF + hour * 3600) * INT64_C(1000000), .threads = 1};
    tdm_run_report report;
    tdm_status s = tdm_run(home, "flips", &options, &report, err);
    memcpy(table, report.table, 16);
    return s;
}

static void load(tdm_home *home, const char *name)
{
    const char *path = support_path(work, name);
    tdm_load_report report;
    tdm_error err;
    assert_ok(tdm_load(home, "points", &path, 1, NULL, &report, &err), &err);
}

static int make_home(void **unused)
{
    (void)unused;
    tdm_source_added added;
    tdm_release *release;
    uint64_t epoch;
    char table[16];
    tdm_error err;
    if (tdm__exists(tdm__fs_posix(), "/dev/shm")) /* syncs cost nothing there, and this is not about them */
        setenv("TMPDIR", "/dev/shm", 1);
    work = support_temp_dir();
    dir = support_path(support_temp_dir(), "home");
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        support_write_file(support_path(work, FILES[i][0]), FILES[i][1], strlen(FILES[i][1]));
    tdm_home *home = open_home();
    assert_ok(tdm_source_add(home, support_path(work, "sources.yaml"), NULL, &added, &err), &err);
    load(home, "one.csv");
    assert_ok(tdm_release_pack(home, work, NULL, &release, &err), &err);
    tdm_release_close(&release);
    for (int hour = 0; hour < 2; hour++) {
        assert_ok(run(home, hour, table, &err), &err);
        assert_ok(tdm_promote(home, "flips", table, 0, NULL, NULL, &epoch, &err), &err);
    }
    load(home, "two.csv"); /* the last group of the log: to lose it in silence would give older answers */
    tdm_home_close(&home);
    return 0;
}

/* ---- what a reader sees ---- */

static tdm_status see_epoch(tdm_home *home, tdm__buf *out, tdm_error *err)
{
    tdm_epoch *epoch;
    tdm_status s = tdm_epoch_current(home, &epoch, err);
    if (s)
        return s;
    tdm__buf_printf(out, "epoch %d %s\n", (int)tdm_epoch_number(epoch), tdm_epoch_cause(epoch));
    for (size_t i = 0; !s && i < tdm_epoch_services(epoch); i++) {
        const tdm_service_info *v = tdm_epoch_service(epoch, i);
        tdm__buf_printf(out, "%s %s %s %d\n", v->name, v->release, v->table, (int)v->rows);
        if (v->error[0]) {
            *err = (tdm_error){.status = TDM_CORRUPT};
            s = TDM_CORRUPT;
        }
    }
    tdm_epoch_close(&epoch);
    return s;
}

static tdm_status see_table(tdm_home *home, const char *name, tdm__buf *out, tdm_error *err)
{
    static const char *const keys[] = {"a", "b", "c", "d"};
    tdm_table *table;
    tdm_status s = tdm_table_open(home, name, &table, err);
    if (s)
        return s;
    const tdm_table_info *info = tdm_table_describe(table);
    tdm__buf_printf(out, "%s %s %s %d %d\n", info->name, info->run, info->digest, (int)info->rows, (int)info->n_gates);
    for (size_t i = 0; !s && i < 4; i++) {
        tdm_value v = {0};
        s = tdm_table_get(table, tdm__str(keys[i]), &v, err);
        tdm__buf_printf(out, "%s %d %016llx\n", keys[i], (int)s, (unsigned long long)v.as.i64);
        s = s == TDM_NOT_FOUND && i == 3 ? TDM_OK : s;
    }
    tdm_table_close(&table);
    return s;
}

static tdm_status see_answers(tdm_home *home, tdm__buf *out, tdm_error *err)
{
    tdm_predictor *predictor;
    tdm_status s = tdm_predictor_open(home, "flips", &predictor, err);
    if (s)
        return s;
    for (char letter = 'a'; !s && letter <= 'd'; letter++) {
        tdm_named_text key = {{"point", 5}, {&letter, 1}};
        tdm_question q = {.key = &key, .n_keys = 1, .has_as_of = true, .explain = true};
        char answer[2048];
        size_t n;
        q.as_of_us = AS_OF * INT64_C(1000000);
        s = tdm_predict(predictor, &q, answer, sizeof answer, &n, err);
        if (!s)
            tdm__buf_printf(out, "%s\n", strstr(answer, "\"epoch\"")); /* behind the id, which is new each time */
    }
    tdm_predictor_close(&predictor);
    return s;
}

static tdm_status see_lists(tdm_home *home, tdm__buf *out, tdm_error *err)
{
    tdm_source_list *sources;
    tdm_release_entry *entry;
    size_t n;
    tdm_status s = tdm_sources(home, &sources, err);
    if (s)
        return s;
    for (size_t i = 0; i < tdm_source_count(sources); i++) {
        const tdm_source_info *v = tdm_source_at(sources, i);
        tdm__buf_printf(out, "%s %d %d %s\n", v->name, (int)v->version, (int)v->rows, v->definition);
    }
    tdm_source_list_close(&sources);
    s = tdm_release_list(home, &entry, &n, err);
    for (size_t i = 0; !s && i < n; i++)
        tdm__buf_printf(out, "%s %s %d\n", entry[i].name, entry[i].id, entry[i].current);
    if (!s)
        tdm_release_entries_free(&entry);
    return s;
}

static tdm_status see(tdm__buf *out, tdm_error *err)
{
    tdm_home *home;
    tdm__buf_reset(out);
    tdm_status s = tdm_home_open(dir, &home, err);
    if (s)
        return s;
    s = see_epoch(home, out, err);
    if (!s)
        s = see_table(home, "v000001", out, err);
    if (!s)
        s = see_table(home, "v000002", out, err);
    if (!s)
        s = see_answers(home, out, err);
    if (!s)
        s = see_lists(home, out, err);
    tdm_home_close(&home);
    return s;
}

/* ---- the files, and putting them back ---- */

typedef struct small_file {
    const char *name; /* below the home */
    char *bytes;
    size_t size;
    unsigned found, staged, harmless;
} small_file;

static small_file file[FILES_MAX];
static size_t n_files;

static void collect(const char *below)
{
    tdm__names names;
    tdm_error err;
    assert_ok(tdm__list_dir(tdm__fs_posix(), support_path(dir, below), &names, &err), &err);
    for (size_t i = 0; i < names.n; i++) {
        const char *name = *below ? support_path(below, names.name[i]) : names.name[i];
        tdm__stat stat;
        assert_ok(tdm__stat_path(tdm__fs_posix(), support_path(dir, name), &stat, &err), &err);
        if (stat.is_dir) {
            collect(name);
            continue;
        }
        assert_true(n_files < FILES_MAX);
        file[n_files].name = support_path("", name) + 1;
        file[n_files].bytes = support_read_file(support_path(dir, name), &file[n_files].size);
        n_files++;
    }
    tdm__names_free(&names);
}

/* Removes what is in the home and was not there at first. */
static void remove_new(const char *below)
{
    tdm__names names;
    tdm_error err;
    char path[TDM__PATH_MAX];
    assert_true(tdm__path_join(path, sizeof path, dir, below));
    assert_ok(tdm__list_dir(tdm__fs_posix(), path, &names, &err), &err);
    for (size_t i = 0; i < names.n; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", dir, below, names.name[i]);
        bool known = false;
        for (size_t k = 0; k < n_files; k++)
            known |= !strncmp(path + strlen(dir) + 1, file[k].name, strlen(path + strlen(dir) + 1));
        if (!known)
            assert_ok(tdm__remove_tree(tdm__fs_posix(), path, &err), &err);
    }
    tdm__names_free(&names);
}

static void write_at(const char *name, size_t offset, const void *bytes, size_t n)
{
    char path[TDM__PATH_MAX];
    tdm__file *f;
    tdm_error err;
    assert_true(tdm__path_join(path, sizeof path, dir, name));
    assert_ok(tdm__file_open(tdm__fs_posix(), path, TDM__WRITE, &f, &err), &err);
    assert_ok(tdm__file_write_at(f, offset, bytes, n, &err), &err);
    tdm__file_close(&f);
}

/* ---- the test ---- */

/* A rollback, both tables promoted, and a run that was not made before: all that verifies. */
static tdm_status stage(tdm_error *err)
{
    tdm_home *home;
    uint64_t epoch;
    char table[16] = "";
    tdm__buf scratch = {0};
    tdm_status s = tdm_home_open(dir, &home, err);
    if (s)
        return s;
    s = tdm_rollback(home, NULL, &epoch, err);
    if (!s)
        s = tdm_promote(home, "flips", "v000002", 0, NULL, NULL, &epoch, err);
    if (!s)
        s = run(home, 2, table, err);
    if (!s)
        s = see_table(home, table, &scratch, err);
    tdm__buf_free(&scratch);
    tdm_home_close(&home);
    return s;
}

static void put_back(const small_file *f, size_t offset)
{
    write_at(f->name, offset, f->bytes + offset, 1);
    for (size_t i = 0; i < n_files; i++)
        if (!strcmp(file[i].name, "CURRENT"))
            write_at("CURRENT", 0, file[i].bytes, file[i].size);
    remove_new("epochs");
    remove_new("tables");
    remove_new("runs");
}

/* An error that a person understands: never "cancelled", "out of memory" or the like. */
static void assert_clear(tdm_status s, const small_file *f, size_t offset)
{
    bool clear = s == TDM_CORRUPT || s == TDM_UNSUPPORTED || s == TDM_BAD_INPUT || s == TDM_NOT_FOUND || s == TDM_IO;
    if (!clear)
        print_message("%s, byte %zu: %s\n", f->name, offset, tdm_status_name(s));
    assert_true(clear);
}

static void flip(small_file *f, size_t offset, uint8_t mask, tdm__buf *now)
{
    tdm_error err = {0};
    uint8_t byte = (uint8_t)((uint8_t)f->bytes[offset] ^ mask);
    write_at(f->name, offset, &byte, 1);
    tdm_status s = see(now, &err);
    if (s) {
        assert_clear(s, f, offset);
        f->found++;
    } else if (now->len != before.len || memcmp(now->ptr, before.ptr, now->len)) {
        fail_msg("%s, byte %zu, mask %02x: no error, and another sight:\n%.*s", f->name, offset, mask, (int)now->len,
                 now->ptr);
    } else if (strcmp(f->name, UNREAD) && (s = stage(&err))) {
        assert_clear(s, f, offset);
        f->staged++;
    } else {
        f->harmless++;
    }
    put_back(f, offset);
}

static bool may_be_harmless(const char *name)
{
    return strstr(name, "sources/points") || !strcmp(name, "lock") || tdm__str_ends(tdm__str(name), "/release");
}

static void test_every_flip_is_found_or_harmless(void **unused)
{
    (void)unused;
    tdm__random random;
    tdm__buf now = {0};
    tdm_error err;
    size_t bytes = 0;
    tdm__random_seed(&random, support_seed());
    collect("");
    assert_ok(see(&before, &err), &err);
    for (size_t i = 0; i < n_files; i++) {
        small_file *f = &file[i];
        size_t step = strcmp(f->name, UNREAD) ? STRIDE : 8 * STRIDE;
        for (size_t offset = i % step; offset < f->size; offset += step)
            flip(f, offset, (uint8_t)(1 + tdm__random_below(&random, 255)), &now);
        print_message("# %-36.36s %5zu bytes: %5u found by reading, %4u by staging, %3u harmless\n", f->name, f->size,
                      f->found, f->staged, f->harmless);
        bytes += f->size;
        assert_true(!f->harmless || may_be_harmless(f->name));
    }
    print_message("# %zu bytes in %zu files\n", bytes, n_files);
    assert_ok(see(&now, &err), &err);
    assert_true(now.len == before.len && !memcmp(now.ptr, before.ptr, now.len));
    tdm__buf_free(&now);
    tdm__buf_free(&before);
    for (size_t i = 0; i < n_files; i++)
        support_free(file[i].bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_flip_is_found_or_harmless)};
    return cmocka_run_group_tests(tests, make_home, NULL);
}
