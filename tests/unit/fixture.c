/* See fixture.h. */
#include "fixture.h"

#include <jansson.h>
#include <zlib.h>

const int64_t fixture_as_of_us = INT64_C(1370080800000000); /* 2013-06-01T10:00:00Z */

const char fixture_sources_yaml[] = "flights:\n"
                                    "  kind: table\n"
                                    "  key: flight\n"
                                    "  columns: {flight: string, tail: string?, distance: f64? mi, hour: i64?}\n"
                                    "planes:\n"
                                    "  kind: table\n"
                                    "  key: tail\n"
                                    "  nulls: [NA]\n"
                                    "  columns: {tail: string, year: i64?}\n";

const char fixture_release_yaml[] = "name: late\n"
                                    "entity: flight\n"
                                    "features:\n"
                                    "  tail: {column: flights.tail}\n"
                                    "  distance: {column: flights.distance}\n"
                                    "  hour: {column: flights.hour, required: true}\n"
                                    "  year: {column: planes.year, default: 2000}\n"
                                    "  age: {expr: '2013 - year'}\n"
                                    "  cabin: {request: f64?, default: 0}\n"
                                    "models:\n"
                                    "  main: {file: main.json}\n"
                                    "  simple: {file: simple.json}\n"
                                    "prediction:\n"
                                    "  late: {model: main, range: [0, 1000000000]}\n"
                                    "online: {rungs: [fresh, {defaulted: 2}, simple, table, prior], prior: {late: 42}}\n"
                                    "batch: {population: flights, gates: {coverage: 50%, quarantined: 50%}}\n";

const char fixture_main_json[] = "{\"kind\": \"linear\", \"inputs\": [\"distance\", \"hour\", \"age\", \"cabin\"],"
                                 " \"weights\": [1, 1000, 100000, 10000000], \"intercept\": 0}\n";
const char fixture_simple_json[] = "{\"kind\": \"linear\", \"inputs\": [\"hour\"], \"weights\": [7], \"intercept\": 5}\n";
const char fixture_golden[] =
    "{\"features\":{\"flight\":\"a\",\"distance\":100,\"hour\":3,\"year\":2010,\"cabin\":1},\"prediction\":{\"late\":10303100}}\n"
    "{\"features\":{\"flight\":\"b\",\"distance\":0.5,\"hour\":0},\"prediction\":{\"late\":1300000.5}}\n";

void fixture_new(fixture *f, tdm__fs *fs)
{
    static const char *files; /* of all homes: an input is written just before it is read */
    files = files ? files : support_temp_dir();
    *f = (fixture){.fs = fs, .files = files};
    if (!fs)
        f->fs = f->own = tdm__fs_sim_new(support_seed());
    assert_non_null(f->fs);
    const char *dir = f->fs == tdm__fs_posix() ? support_path(support_temp_dir(), "home") : "/home";
    assert_ok(tdm__home_open_on(f->fs, dir, &f->home, &f->err), &f->err);
}

void fixture_full(fixture *f, tdm__fs *fs, size_t flights)
{
    fixture_new(f, fs);
    const char *csv = fixture_flights_csv(0, flights);
    fixture_add_sources(f, fixture_sources_yaml);
    fixture_load(f, "flights", csv);
    fixture_load(f, "planes", fixture_planes_csv());
    fixture_pack(f, fixture_release_yaml, NULL);
}

void fixture_close(fixture *f)
{
    tdm_home_close(&f->home);
    if (f->own)
        tdm__fs_sim_close(&f->own);
}

static const char *home_path(const fixture *f, const char *name)
{
    return fixture_print("%s/%s", tdm_home_dir(f->home), name);
}

tdm__buf fixture_get(fixture *f, const char *name)
{
    tdm__buf bytes;
    assert_ok(tdm__read_file(f->fs, home_path(f, name), 64 << 20, &bytes, &f->err), &f->err);
    return bytes;
}

void fixture_put(fixture *f, const char *name, const void *bytes, size_t n)
{
    char dir[TDM__PATH_MAX];
    assert_true(tdm__path_dir(dir, sizeof dir, home_path(f, name)));
    assert_ok(tdm__make_dirs(f->fs, dir, &f->err), &f->err);
    assert_ok(tdm__write_file_durably(f->fs, home_path(f, name), bytes, n, &f->err), &f->err);
}

void fixture_flip(fixture *f, const char *name, size_t at)
{
    tdm__buf bytes = fixture_get(f, name);
    assert_true(at < bytes.len);
    bytes.ptr[at] ^= 1;
    fixture_put(f, name, bytes.ptr, bytes.len);
    tdm__buf_free(&bytes);
}

size_t fixture_names(fixture *f, const char *folder)
{
    tdm__names list;
    tdm_status s = tdm__list_dir(f->fs, home_path(f, folder), &list, &f->err);
    if (s == TDM_NOT_FOUND)
        return 0;
    assert_ok(s, &f->err);
    size_t n = list.n;
    tdm__names_free(&list);
    return n;
}

/* A path of an input, the same text each time it is asked for. */
static const char *input_path(const fixture *f, const char *name)
{
    static const char *known[256];
    const char *path = fixture_print("%s/%s", f->files, name);
    size_t i = 0;
    while (i < 255 && known[i] && strcmp(known[i], path))
        i++;
    return known[i] && !strcmp(known[i], path) ? known[i] : (known[i] = support_path(f->files, name));
}

const char *fixture_file(const fixture *f, const char *name, const char *text)
{
    const char *path = input_path(f, name);
    remove(path); /* emptying a file and writing it anew would wait for the disk */
    support_write_file(path, text, strlen(text));
    return path;
}

const char *fixture_gz(const fixture *f, const char *name, const char *text)
{
    const char *path = input_path(f, name);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
    return path;
}

static void write_to_disk(fixture *f, const char *dir, const char *name, const char *text)
{
    assert_ok(tdm__make_dirs(f->fs, dir, &f->err), &f->err);
    assert_ok(tdm__write_file_durably(f->fs, fixture_print("%s/%s", dir, name), text, strlen(text), &f->err), &f->err);
}

const char *fixture_release_dir(fixture *f, const char *name, const char *yaml, const char *main_json)
{
    const char *dir = fixture_print("%s/%s", f->fs == tdm__fs_posix() ? f->files : "/releases", name);
    write_to_disk(f, dir, "release.yaml", yaml ? yaml : fixture_release_yaml);
    write_to_disk(f, dir, "main.json", main_json ? main_json : fixture_main_json);
    write_to_disk(f, dir, "simple.json", fixture_simple_json);
    write_to_disk(f, dir, "golden.jsonl", fixture_golden);
    return dir;
}

void fixture_pack(fixture *f, const char *yaml, const char *main_json)
{
    tdm_release *release;
    const char *dir = fixture_release_dir(f, "release", yaml, main_json);
    assert_ok(tdm_release_pack(f->home, dir, NULL, &release, &f->err), &f->err);
    memcpy(f->id, tdm_release_describe(release)->id, sizeof f->id);
    tdm_release_close(&release);
}

void fixture_add_sources(fixture *f, const char *yaml)
{
    tdm_source_added added;
    const char *path = fixture_file(f, "sources.yaml", yaml);
    assert_ok(tdm_source_add(f->home, path, NULL, &added, &f->err), &f->err);
}

void fixture_load(fixture *f, const char *source, const char *csv)
{
    tdm_load_report report;
    const char *path = fixture_file(f, "load.csv", csv);
    assert_ok(tdm_load(f->home, source, &path, 1, NULL, &report, &f->err), &f->err);
}

tdm_status fixture_run(fixture *f, const char *population, tdm_run_report *out)
{
    tdm_run_options options = {.population = population, .has_as_of = true, .as_of_us = fixture_as_of_us, .threads = 1};
    return tdm_run(f->home, f->id, &options, out, &f->err);
}

static char *next_text(void)
{
    static char text[16][8192];
    static unsigned next;
    return text[next++ % 16];
}

const char *fixture_edit(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    char *out = next_text();
    assert_non_null(at);
    int n = snprintf(out, 8192, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_true(n < 8192);
    return out;
}

const char *fixture_print(const char *format, ...)
{
    char *out = next_text();
    va_list args;
    va_start(args, format);
    assert_true(vsnprintf(out, 8192, format, args) < 8192);
    va_end(args);
    return out;
}

void fixture_key(size_t i, char out[16])
{
    snprintf(out, 16, "f%06zu", i);
}

/* Planes N000 to N039; those from N030 on are not in the register, and N010's year is not known. */
enum { PLANES = 40, PLANES_KNOWN = 30, PLANE_WITHOUT_YEAR = 10 };

static size_t plane_of(size_t i)
{
    return i * 7 % PLANES;
}

const char *fixture_flights_csv(size_t from, size_t to)
{
    static char *out;
    free(out);
    out = malloc(64 + (to - from) * 48);
    assert_non_null(out);
    char *at = out;
    at += sprintf(at, "flight,tail,distance,hour\n");
    for (size_t i = from; i < to; i++) {
        char key[16], tail[16] = "";
        fixture_key(i, key);
        if (i % 5)
            snprintf(tail, sizeof tail, "N%03zu", plane_of(i));
        at += sprintf(at, "%s,%s,%zu,%zu\n", key, tail, i % 3000, i % 24);
    }
    return out;
}

const char *fixture_planes_csv(void)
{
    char *out = next_text(), *at = out;
    at += sprintf(at, "tail,year\n");
    for (int i = 0; i < PLANES_KNOWN; i++)
        at += i == PLANE_WITHOUT_YEAR ? sprintf(at, "N%03d,NA\n", i) : sprintf(at, "N%03d,%d\n", i, 1980 + i);
    return out;
}

double fixture_late(size_t i, double cabin)
{
    size_t plane = plane_of(i);
    bool known = i % 5 && plane < PLANES_KNOWN && plane != PLANE_WITHOUT_YEAR;
    size_t year = known ? 1980 + plane : 2000;
    return (double)(i % 3000 + 1000 * (i % 24) + 100000 * (2013 - year)) + 1e7 * cabin;
}

static tdm_status collect(void *self, const void *bytes, size_t n, tdm_error *err)
{
    (void)err;
    tdm__buf_add(self, bytes, n);
    return TDM_OK;
}

static const char *keep(tdm__buf *text)
{
    static char *kept;
    const char *z = tdm__buf_z(text);
    assert_non_null(z);
    support_free(kept);
    kept = malloc(strlen(z) + 1);
    assert_non_null(kept);
    memcpy(kept, z, strlen(z) + 1);
    tdm__buf_free(text);
    return kept;
}

const char *fixture_export(fixture *f, const char *table, tdm_export_format format)
{
    tdm_table *t;
    tdm__buf text = {0};
    assert_ok(tdm_table_open(f->home, table, &t, &f->err), &f->err);
    assert_ok(tdm_table_export(t, format, collect, &text, &f->err), &f->err);
    tdm_table_close(&t);
    return keep(&text);
}

const char *fixture_quarantine(fixture *f, const char *name, size_t *lines)
{
    tdm_quarantine *q;
    tdm__buf text = {0};
    tdm_str line;
    tdm_status s;
    size_t n = 0;
    assert_ok(tdm_quarantine_open(f->home, name, &q, &f->err), &f->err);
    for (; !(s = tdm_quarantine_next(q, &line, &f->err)); n++) {
        tdm__buf_str(&text, line);
        tdm__buf_char(&text, '\n');
    }
    assert_int_equal(s, TDM_NOT_FOUND);
    tdm_quarantine_close(&q);
    if (lines)
        *lines = n;
    return keep(&text);
}

static void *json_alloc(size_t n)
{
    return malloc(n);
}

static void json_free(void *p)
{
    free(p);
}

void fixture_count_json(void)
{
    json_set_alloc_funcs(json_alloc, json_free);
}
