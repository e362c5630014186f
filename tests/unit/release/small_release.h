/* A small release with one of everything, written to any file system: what the package's tests take apart. */
#ifndef TANDEM_TESTS_SMALL_RELEASE_H
#define TANDEM_TESTS_SMALL_RELEASE_H

#include "release/package.h"
#include "support.h"

static const char small_sources[] =
    "schedule:\n"
    "  kind: table\n"
    "  key: flight_key\n"
    "  columns: {flight_key: string, dep: timestamp, carrier: string, tailnum: string?, distance: f64 mi}\n"
    "planes:\n"
    "  kind: table\n"
    "  key: tailnum\n"
    "  nulls: [NA]\n"
    "  columns: {tailnum: string, year: i64?, seats: i64?}\n"
    "departures:\n"
    "  kind: events\n"
    "  id: id\n"
    "  time: at\n"
    "  columns: {id: string, at: timestamp, delay: f64 min}\n"
    "routes:\n"
    "  kind: table\n"
    "  key: [carrier, number]\n"
    "  columns: {carrier: string, number: i64, length: f64}\n";

static const char small_yaml[] =
    "name: small\n"
    "entity: flight\n"
    "features:\n"
    "  late_year: {expr: 'year + 1'}\n"
    "  year: {column: planes.year, by: {tailnum: schedule.tailnum}, default: 2000}\n"
    "  dep_hour: {expr: 'hour(schedule.dep, \"America/New_York\")'}\n"
    "  distance: {column: schedule.distance, default: 500}\n"
    "  carrier: {column: schedule.carrier}\n"
    "  number: {request: i64, default: 1}\n"
    "  length: {column: routes.length}\n"
    "  code: {expr: 'lookup(codes, carrier)'}\n"
    "  cabin: {request: string?}\n"
    "lookups:\n"
    "  codes: {file: codes.csv, key: carrier, value: code, type: i64}\n"
    "models:\n"
    "  main: {file: models/main.txt, inputs: {Hour: dep_hour}}\n"
    "  simple: {file: simple.json}\n"
    "prediction:\n"
    "  late: {model: main, range: [0, 1]}\n"
    "promise: {ready_by: \"06:00 Europe/Berlin\"}\n"
    "online:\n"
    "  rungs: [fresh, simple]\n"
    "batch:\n"
    "  population: schedule\n"
    "golden: golden.jsonl\n";

static const char small_model[] =
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=3\n"
    "objective=binary sigmoid:1\nfeature_names=Hour distance code late_year\nfeature_infos=none none none none\n\n"
    "Tree=0\nnum_leaves=3\nnum_cat=0\nsplit_feature=0 1\nthreshold=11.5 800\ndecision_type=2 2\n"
    "left_child=-1 -2\nright_child=1 -3\nleaf_value=-1 0.5 1.25\nleaf_count=5 6 7\nis_linear=0\nshrinkage=1\n\n\n"
    "end of trees\n\nparameters:\n[boosting: gbdt]\n[learning_rate: 0.5]\nend of parameters\n\n"
    "pandas_categorical:null\n";

static const char small_simple[] =
    "{\"kind\": \"logistic\", \"inputs\": [\"distance\"], \"weights\": [0.001], \"intercept\": -1}\n";
static const char small_codes[] = "carrier,code,name\nUA,1,United\nB6,2,\"Jet, Blue\"\nAA,3,American\n";
static const char small_golden[] =
    "{\"as_of\":\"2013-06-01T06:00:00Z\",\"features\":{\"flight_key\":\"a\",\"schedule.dep\":\"2013-06-01T10:00:00Z\","
    "\"distance\":719.5,\"carrier\":\"UA\",\"number\":7,\"cabin\":null},"
    "\"prediction\":{\"late\":0.26894142136999512}}\n"
    "\n"
    "{\"features\":{\"year\":1999},\"prediction\":{\"late\":0.5}}\n";

static const struct small_file {
    const char *path, *text;
} small_files[] = {
    { "release.yaml", small_yaml },   { "models/main.txt", small_model }, { "simple.json", small_simple },
    { "codes.csv", small_codes },     { "golden.jsonl", small_golden },
};
enum { SMALL_FILES = sizeof small_files / sizeof *small_files };

static inline void small_write(tdm__fs *fs, const char *dir, const char *name, const void *bytes, size_t n)
{
    char path[TDM__PATH_MAX], folder[TDM__PATH_MAX];
    tdm_error err;
    assert_true(tdm__path_join(path, sizeof path, dir, name) && tdm__path_dir(folder, sizeof folder, path));
    assert_ok(tdm__make_dirs(fs, folder, &err), &err);
    assert_ok(tdm__write_file_durably(fs, path, bytes, n, &err), &err);
}

/* Zones as the system has them, into the folder: a simulated disk has no others. */
static inline void small_zones(tdm__fs *fs, const char *dir)
{
    static const char *const zones[] = { "America/New_York", "Europe/Berlin" };
    for (size_t i = 0; i < 2; i++) {
        char path[256];
        size_t n;
        snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zones[i]);
        char *bytes = support_read_file(path, &n);
        snprintf(path, sizeof path, "zones/%s", zones[i]);
        small_write(fs, dir, path, bytes, n);
        support_free(bytes);
    }
}

static inline void small_release(tdm__fs *fs, const char *dir)
{
    for (size_t i = 0; i < SMALL_FILES; i++)
        small_write(fs, dir, small_files[i].path, small_files[i].text, strlen(small_files[i].text));
    small_zones(fs, dir);
}

/* The sources as a catalog. */
typedef struct small_catalog {
    tdm__arena arena;
    tdm__sources sources;
    const char *names[8];
    tdm__source_catalog catalog;
} small_catalog;

static inline const tdm__source *small_find(void *self, tdm_str name)
{
    small_catalog *c = self;
    for (size_t i = 0; i < c->sources.n; i++)
        if (tdm__str_equal(c->sources.source[i].name, name))
            return &c->sources.source[i];
    return NULL;
}

static inline void small_open(small_catalog *c, const char *yaml)
{
    *c = (small_catalog){ 0 };
    assert_ok(tdm__sources_parse(tdm__str(yaml), "sources.yaml", &c->arena, NULL, &c->sources), NULL);
    for (size_t i = 0; i < c->sources.n; i++)
        c->names[i] = c->sources.source[i].name.ptr;
    c->catalog = (tdm__source_catalog){ c, small_find, c->names, c->sources.n };
}

static inline void small_close(small_catalog *c)
{
    tdm__arena_free(&c->arena);
}

#endif
