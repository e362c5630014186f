/* Where a run's time goes: its steps on one thread, one after the other, each as ns per row beside its floor.
 *
 *     job_split HOME RELEASE CSV FOLDER ROWS
 *
 * The steps are those of lib/batch (name the content, read, parse, features, model, encode, append, index, verify),
 * called as it calls them, on the first ROWS rows of a population file; a table's store is made in FOLDER and removed.
 * The floor of a step is the bytes that it must touch at the speed that memory has in the same process (a copy of a
 * block larger than the caches), or, for what goes to disk, at the speed of a plain write and sync of the same bytes.
 * bench/job/job.py calls this and prints its lines; they are "name ns_per_row bytes_per_row floor_ns_per_row". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/population.h"
#include "model/lightgbm_forest.h"
#include "os/clock.h"
#include "release/releases.h"
#include "table/tables.h"

#define STEPS(X)                                                                          \
    X(NAME, "name") X(READ, "read") X(PARSE, "parse") X(FEATURES, "features")             \
    X(MODEL, "model") X(ENCODE, "encode") X(APPEND, "append") X(INDEX, "index") X(VERIFY, "verify")
enum step {
#define STEP_ENUM(name, text) name,
    STEPS(STEP_ENUM)
#undef STEP_ENUM
    N_STEPS
};
static const char *const step_name[] = {
#define STEP_TEXT(name, text) text,
    STEPS(STEP_TEXT)
#undef STEP_TEXT
};

typedef struct split {
    const char *folder;
    uint64_t rows_wanted, rows;
    uint64_t ns[N_STEPS], bytes[N_STEPS], mark;
    tdm__state *state;
    tdm__package *package;
    tdm__engine *engine;
    tdm__worker *worker;
    tdm__population population;
    tdm__row_parser *parser;
    tdm__store_builder *builder;
    tdm__buf keys, records;
    double hash;
} split;

static void need(tdm_status s, const tdm_error *err)
{
    char text[512];
    if (!s)
        return;
    tdm_error_format(err, text, sizeof text);
    fprintf(stderr, "%s\n", text);
    exit(1);
}

static void begin(split *s)
{
    s->mark = tdm__monotonic_ns();
}

static void end(split *s, enum step step)
{
    s->ns[step] += tdm__monotonic_ns() - s->mark;
}

static void open_all(split *s, tdm_home *home, const char *release, const char *csv)
{
    tdm_error err;
    need(tdm__state_read(home, NULL, UINT64_MAX, &s->state, &err), &err);
    need(tdm__release_package(home, s->state, release, &s->package, &err), &err);
    need(tdm__engine_new(s->package, s->state, &s->engine, &err), &err);
    need(tdm__worker_new(s->engine, TDM__BLOCK_ROWS, &s->worker, &err), &err);
    begin(s);
    need(tdm__population_open(&s->population, s->engine, tdm__fs_posix(), csv, &err), &err);
    end(s, NAME);
    need(tdm__population_parser(&s->population, &s->parser, &err), &err);
}

static void encode(split *s, const tdm__row_block *block)
{
    const tdm__package *p = s->package;
    tdm_value part[16], prediction[16];
    tdm_error err;
    tdm__buf_reset(&s->records);
    for (size_t row = 0; row < block->n; row++) {
        tdm__buf_reset(&s->keys);
        for (size_t k = 0; k < p->key.n; k++)
            tdm__column_get(&block->column[k], row, &part[k]);
        tdm__key_join(part, p->key.n, &s->keys);
        for (size_t i = 0; i < p->prediction.n; i++) {
            double y = tdm__worker_predictions(s->worker)[row * p->prediction.n + i];
            prediction[i] = (tdm_value){.kind = TDM_F64, .presence = TDM_PRESENT, .as.f64 = y};
            s->hash += y;
        }
        tdm_str text = tdm__strn(s->keys.ptr, s->keys.len);
        need(tdm__store_encode(&p->prediction, text, prediction, &s->records, &err), &err);
    }
}

static void score_block(split *s, const tdm__row_block *block)
{
    const tdm__package *p = s->package;
    const tdm__column *key[16], *request[256];
    tdm_error err;
    if (p->key.n > 16 || p->prediction.n > 16 || p->n_request > 256)
        exit(2);
    for (size_t k = 0; k < p->key.n; k++)
        key[k] = &block->column[k];
    for (size_t i = 0; i < p->n_request; i++) {
        request[i] = &block->column[s->population.request_field[i]];
        s->bytes[FEATURES] += block->n * (1 + tdm__kind_size(request[i]->type.kind));
    }
    tdm__engine_input input = {.rows = block->n, .key = key, .request = request};
    begin(s);
    need(tdm__engine_features(s->worker, &input, &err), &err);
    end(s, FEATURES);
    begin(s);
    need(tdm__engine_predict(s->worker, TDM__USE_MAIN, &err), &err);
    end(s, MODEL);
    begin(s);
    encode(s, block);
    end(s, ENCODE);
    begin(s);
    tdm_str records = tdm__strn(s->records.ptr, s->records.len);
    need(tdm__store_builder_add_encoded(s->builder, records, block->n, NULL, &err), &err);
    end(s, APPEND);
    s->rows += block->n;
    s->bytes[ENCODE] += s->records.len;
}

static void score_file(split *s, const char *path)
{
    tdm__piece_input piece = {0};
    tdm__store_build_options options = {.losers_max = UINT64_MAX};
    tdm_error err;
    need(tdm__store_builder_new(tdm__fs_posix(), path, &s->package->prediction, &options, &s->builder, &err), &err);
    while (s->rows < s->rows_wanted) {
        begin(s);
        need(tdm__population_next(&s->population, &piece, &err), &err);
        end(s, READ);
        if (piece.ended)
            break;
        s->bytes[READ] += piece.chunk.bytes.len;
        tdm__row_parser_start(s->parser, &piece.chunk);
        for (const tdm__row_block *block;;) {
            begin(s);
            need(tdm__row_parser_next(s->parser, &block, &err), &err);
            end(s, PARSE);
            if (!block->n && !block->n_bad)
                break;
            if (block->n)
                score_block(s, block);
        }
    }
    tdm__chunk_free(&piece.chunk);
}

/* As a run does it: the store's own check, then each record once more for the gates. */
static void verify(const tdm__store *store)
{
    tdm__store_cursor cursor;
    tdm__record record;
    tdm__spread spread = {.low = 0, .high = 1};
    tdm_status s;
    tdm_error err;
    need(tdm__store_verify(store, &err), &err);
    need(tdm__store_seek(store, 0, &cursor, &err), &err);
    while (!(s = tdm__store_next(&cursor, &record, &err))) {
        tdm_value v;
        tdm__record_value(&record, 0, &v);
        tdm__spread_add(&spread, v.as.f64);
    }
    need(s == TDM_NOT_FOUND ? TDM_OK : s, &err);
}

static void finish_table(split *s, const char *path)
{
    tdm__store *store;
    tdm__stat stat;
    tdm_error err;
    begin(s);
    need(tdm__store_builder_finish(&s->builder, (tdm_str){0}, &err), &err);
    end(s, INDEX);
    need(tdm__store_open(tdm__fs_posix(), path, &store, &err), &err);
    begin(s);
    verify(store);
    end(s, VERIFY);
    tdm__store_close(&store);
    need(tdm__stat_path(tdm__fs_posix(), path, &stat, &err), &err);
    s->bytes[VERIFY] = stat.size;
    s->bytes[INDEX] = stat.size;
    s->bytes[APPEND] = s->bytes[ENCODE];
    s->bytes[PARSE] = s->bytes[NAME] = s->bytes[READ];
}

/* The name is made of the whole file: here only the share of the rows scored counts. */
static void scale_name(split *s, const char *csv)
{
    tdm__stat stat;
    tdm_error err;
    need(tdm__stat_path(tdm__fs_posix(), csv, &stat, &err), &err);
    if (stat.size)
        s->ns[NAME] = (uint64_t)((double)s->ns[NAME] * (double)s->bytes[READ] / (double)stat.size);
}

/* Bytes per ns of a copy that no cache holds, the best of some. */
static double memory_speed(void)
{
    enum { BYTES = 64 << 20, TIMES = 7 };
    char *from = malloc(BYTES), *to = malloc(BYTES);
    double best = 0;
    if (!from || !to)
        exit(1);
    memset(from, 1, BYTES);
    memset(to, 2, BYTES);
    for (int i = 0; i < TIMES; i++) {
        uint64_t start = tdm__monotonic_ns();
        memcpy(to, from, BYTES);
        double speed = BYTES / (double)(tdm__monotonic_ns() - start);
        from[i] = to[BYTES - 1 - i]; /* used, so that the copy is made */
        best = speed > best ? speed : best;
    }
    free(from);
    free(to);
    return best;
}

/* Bytes per ns of reading the file in order, as the page cache gives it. */
static double read_speed(const char *path)
{
    enum { PIECE = 256 << 10, MOST = 512 << 20 };
    tdm__file *file;
    tdm_error err;
    uint64_t at = 0, start = tdm__monotonic_ns();
    char *piece = malloc(PIECE);
    need(tdm__file_open(tdm__fs_posix(), path, TDM__READ, &file, &err), &err);
    for (size_t got = 1; piece && got && at < MOST; at += got)
        need(tdm__file_read_at(file, at, piece, PIECE, &got, &err), &err);
    tdm__file_close(&file);
    free(piece);
    return (double)at / (double)(tdm__monotonic_ns() - start);
}

/* Bytes per ns of writing and syncing so many bytes. */
static double disk_speed(const char *path, uint64_t bytes)
{
    enum { PIECE = 1 << 20 };
    tdm__file *file;
    tdm_error err;
    char *piece = malloc(PIECE);
    if (!piece)
        exit(1);
    memset(piece, 1, PIECE);
    uint64_t start = tdm__monotonic_ns();
    need(tdm__file_open(tdm__fs_posix(), path, TDM__WRITE | TDM__CREATE | TDM__TRUNCATE, &file, &err), &err);
    for (uint64_t at = 0; at < bytes; at += PIECE)
        need(tdm__file_write_at(file, at, piece, bytes - at < PIECE ? bytes - at : PIECE, &err), &err);
    need(tdm__file_sync(file, &err), &err);
    double speed = (double)bytes / (double)(tdm__monotonic_ns() - start);
    tdm__file_close(&file);
    tdm__remove(tdm__fs_posix(), path, NULL);
    free(piece);
    return speed;
}

static void print(const split *s, double memory, double reading, double disk)
{
    const double speed[N_STEPS] = {[NAME] = reading,    [READ] = reading, [PARSE] = memory,
                                   [FEATURES] = memory, [MODEL] = memory, [ENCODE] = memory,
                                   [APPEND] = memory,   [INDEX] = disk,   [VERIFY] = memory};
    double rows = (double)s->rows;
    for (int i = 0; i < N_STEPS; i++)
        printf("%s %.2f %.1f %.2f\n", step_name[i], (double)s->ns[i] / rows, (double)s->bytes[i] / rows,
               (double)s->bytes[i] / rows / speed[i]);
    printf("rows %" PRIu64 "\nmemory %.3f\nreading %.3f\ndisk %.3f\n", s->rows, memory, reading, disk);
    printf("sum %.17g\nnode_bytes %zu\n", s->hash, sizeof(tdm__lightgbm_node));
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: job_split HOME RELEASE CSV FOLDER ROWS\n");
        return 2;
    }
    split s = {.folder = argv[4], .rows_wanted = strtoull(argv[5], NULL, 10)};
    char path[TDM__PATH_MAX], probe[TDM__PATH_MAX];
    tdm_home *home;
    tdm_error err;
    need(tdm_home_open(argv[1], &home, &err), &err);
    open_all(&s, home, argv[2], argv[3]);
    if (!tdm__path_join(path, sizeof path, s.folder, "split.store") ||
        !tdm__path_join(probe, sizeof probe, s.folder, "probe"))
        return 2;
    score_file(&s, path);
    finish_table(&s, path);
    scale_name(&s, argv[3]);
    s.bytes[MODEL] = s.rows * (tdm__model_info_of(s.package->model[0].model)->n_inputs + s.package->prediction.n) * 8;
    tdm__remove(tdm__fs_posix(), path, NULL);
    print(&s, memory_speed(), read_speed(argv[3]), disk_speed(probe, s.bytes[VERIFY]));
    tdm__row_parser_close(&s.parser);
    tdm__population_close(&s.population);
    tdm__worker_close(&s.worker);
    tdm__engine_close(&s.engine);
    tdm__package_close(&s.package);
    tdm__state_close(&s.state);
    tdm__buf_free(&s.keys);
    tdm__buf_free(&s.records);
    tdm_home_close(&home);
    return 0;
}
