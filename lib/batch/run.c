/* A run, from a release and a population to a published table.
 *
 * The order of steps is the order of promises: pin what is read, name the run by it, score, build, verify every byte of
 * what was built, pass the gates, and only then write the manifest that makes the table exist. A crash at any point
 * leaves files that nobody names; the next run sweeps them. */
#include "batch/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/digest.h"
#include "base/fail.h"
#include "batch/duplicates.h"
#include "batch/gates.h"
#include "batch/pipeline.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/threads.h"
#include "release/epoch_file.h"
#include "release/releases.h"

typedef struct run_job {
    tdm_home *home;
    const tdm_run_options *options;
    const char *name;          /* of the population's file; NULL: its path */
    tdm_run_report *report;
    tdm__state *state;
    tdm__package *package;
    tdm__engine *engine;
    tdm__population population;
    bool population_open;
    char store_path[TDM__PATH_MAX], lines_path[TDM__PATH_MAX];
    tdm__line_file *lines;
    tdm__pipeline_counts counts;
    tdm__duplicates_found duplicates;
    tdm__store *store;
    tdm__spread *spread;
} run_job;

static tdm_status pin(run_job *j, const char *release, tdm__log_handle *log, tdm_error *err)
{
    tdm_status s = tdm__state_read(j->home, log, UINT64_MAX, &j->state, err);
    if (!s)
        s = tdm__release_package(j->home, j->state, release, &j->package, err);
    if (!s)
        s = tdm__engine_new(j->package, j->state, &j->engine, err);
    if (!s)
        s = tdm__population_open(&j->population, j->engine, tdm__fs_posix(), j->options->population, err);
    j->population_open = !s;
    if (s)
        return s;
    if (j->name && j->population.path)
        tdm__population_call(&j->population, j->name);
    memcpy(j->report->release, j->package->id, sizeof j->report->release);
    snprintf(j->report->service, sizeof j->report->service, "%.*s", (int)j->package->manifest->name.len,
             j->package->manifest->name.ptr);
    j->report->as_of_us = j->options->has_as_of ? j->options->as_of_us : tdm__now_us();
    j->report->snapshot = j->state->position;
    memcpy(j->report->absent, j->population.absent, sizeof j->report->absent);
    return TDM_OK;
}

/* Whether the release asks how old the source's rows are. */
static bool asks_age(const tdm__package *p, size_t source)
{
    for (size_t i = 0; i < p->n_slots; i++)
        if (p->slot[i].join >= 0 && p->slot[i].max_age_us && (size_t)p->join[p->slot[i].join].source == source)
            return true;
    return false;
}

/* The run's id: SHA-256 over what it reads. Versions of sources stand for the snapshot, so that what the release does
 * not read does not make it another run. */
static tdm_status name_run(run_job *j, tdm_error *err)
{
    tdm__buf text = {0};
    tdm__sha256 digest;
    char hex[65];
    tdm__buf_printf(&text, "tandem run 1\nrelease %s\nas_of %" PRId64 "\npopulation %s\n", j->package->id,
                    j->report->as_of_us, j->population.identity);
    for (size_t i = 0; i < j->package->n_sources; i++) {
        const tdm__source_state *source = tdm__state_find(j->state, j->package->source[i].name);
        tdm__buf_printf(&text, "source %.*s %s\n", (int)source->source.name.len, source->source.name.ptr,
                        source->digest);
        if (asks_age(j->package, i))
            tdm__buf_printf(&text, "loaded %" PRId64 "\n", source->loaded_us);
    }
    tdm_status s = tdm__buf_check(&text, err);
    if (!s && tdm__sha256_of(text.ptr, text.len, &digest))
        s = tdm__fail(err, TDM_SYSTEM, "run", "the run's digest could not be computed");
    if (!s) {
        tdm__sha256_hex(&digest, hex);
        snprintf(j->report->run, sizeof j->report->run, "%.32s", hex);
    }
    tdm__buf_free(&text);
    return s;
}

static bool same_run(const void *self, const tdm_table_info *info)
{
    return !strcmp(info->run, self);
}

static void report_table(run_job *j, const tdm_table_info *info)
{
    tdm_run_report *r = j->report;
    memcpy(r->table, info->name, sizeof r->table);
    r->rows_in = info->rows_in;
    r->rows_scored = info->rows;
    r->rows_quarantined = info->rows_quarantined;
    r->n_gates = info->n_gates;
    memcpy(r->gate, info->gate, sizeof r->gate);
}

static void report_ignored(run_job *j)
{
    tdm__row_parser *parser;
    size_t n, used = 0;
    if (!j->population.reader || tdm__population_parser(&j->population, &parser, NULL))
        return;
    const tdm_str *ignored = tdm__row_parser_ignored(parser, &n);
    char *out = j->report->ignored;
    for (size_t i = 0; i < n && used + ignored[i].len + 3 < sizeof j->report->ignored; i++)
        used += (size_t)snprintf(out + used, sizeof j->report->ignored - used, "%s%.*s", used ? ", " : "",
                                 (int)ignored[i].len, ignored[i].ptr);
    tdm__row_parser_close(&parser);
}

static tdm_status open_lines(run_job *j, tdm_error *err)
{
    char dir[TDM__PATH_MAX];
    tdm_status s = tdm__home_path(j->home, dir, err, "runs/%s", j->report->run);
    if (!s)
        s = tdm__make_dirs(j->home->fs, dir, err);
    if (!s)
        s = tdm__home_path(j->home, j->lines_path, err, "runs/%s/quarantine.jsonl", j->report->run);
    return s ? s : tdm__line_file_new(j->home, j->lines_path, &j->lines, err);
}

/* Says how far the run is, and ends it when the caller wants no more: until the manifest is written nothing was
 * published. */
static tdm_status tell(const run_job *j, const char *stage, uint64_t done, uint64_t total, tdm_error *err)
{
    tdm_progress p = {.stage = stage, .done = done, .total = total, .unit = "rows", .rows = j->counts.rows_in,
                      .rows_quarantined = j->counts.rows_quarantined};
    if (j->options->progress && !j->options->progress(j->options->self, &p))
        return tdm__fail(err, TDM_CANCELLED, "run", "the run was cancelled; nothing was published");
    return TDM_OK;
}

/* Scores everything and builds the store, with the duplicates left out and quarantined. */
static tdm_status score(run_job *j, tdm_error *err)
{
    tdm_run_report *r = j->report;
    tdm__store_builder *builder = NULL;
    tdm__store_build_options build = {.duplicates = TDM__FIRST_WINS,
                                      .loser = tdm__duplicates_note,
                                      .self = &j->duplicates,
                                      .losers_max = UINT64_MAX};
    uint64_t start = tdm__monotonic_ns();
    tdm_status s = tdm__store_builder_new(j->home->fs, j->store_path, &j->package->prediction, &build, &builder, err);
    if (!s)
        s = tdm__pipeline_run(&j->population, r->run, r->as_of_us, r->threads, builder, j->lines, j->options->progress,
                              j->options->self, &j->counts, err);
    r->seconds_score = (double)(tdm__monotonic_ns() - start) * 1e-9;
    start = tdm__monotonic_ns();
    if (!s)
        s = tell(j, "index", 0, j->counts.rows_in, err);
    if (!s)
        s = tdm__store_builder_finish(&builder, (tdm_str){0}, err);
    if (builder)
        tdm__store_builder_abort(&builder);
    if (!s)
        s = tdm__duplicates_quarantine(&j->duplicates, &j->population, r->run, j->lines, err);
    if (!s)
        s = tdm__population_unchanged(&j->population, err);
    r->seconds_index = (double)(tdm__monotonic_ns() - start) * 1e-9;
    return s;
}

static void report_counts(run_job *j)
{
    tdm_run_report *r = j->report;
    j->counts.code[TDM_KEY_DUPLICATE] += j->duplicates.total;
    r->rows_in = j->counts.rows_in;
    r->rows_quarantined = j->counts.rows_quarantined + j->duplicates.total;
    for (size_t i = 0; i < TDM_STATUS_COUNT && r->n_codes < sizeof r->code / sizeof *r->code; i++) {
        if (!j->counts.code[i])
            continue;
        snprintf(r->code[r->n_codes].code, sizeof r->code->code, "%s", tdm_status_name((tdm_status)i));
        r->code[r->n_codes++].rows = j->counts.code[i];
    }
    r->block_us_p50 = tdm__histogram_quantile(&j->counts.block_ns, 0.5) / 1000;
    r->block_us_p99 = tdm__histogram_quantile(&j->counts.block_ns, 0.99) / 1000;
    r->block_us_max = j->counts.block_ns.max / 1000;
    for (size_t i = 0; i < j->package->manifest->n_features; i++)
        r->defaults += j->counts.defaults[j->package->feature_slot[i]];
}

/* Reads back what was built: every byte against its digest, every record into the spread. */
static tdm_status verify(run_job *j, tdm_error *err)
{
    const tdm__manifest *m = j->package->manifest;
    tdm__store_cursor cursor;
    tdm__record record;
    uint64_t done = 0;
    tdm_status s = tdm__store_open(j->home->fs, j->store_path, &j->store, err);
    if (!s)
        s = tell(j, "verify", 0, j->counts.rows_in, err);
    if (!s)
        s = tdm__store_verify(j->store, err);
    if (!s)
        s = tdm__store_seek(j->store, 0, &cursor, err);
    for (size_t i = 0; i < m->n_predictions; i++)
        j->spread[i] = (tdm__spread){.low = m->prediction[i].lo, .high = m->prediction[i].hi};
    while (!s && !(s = tdm__store_next(&cursor, &record, err))) {
        for (size_t i = 0; i < m->n_predictions; i++) {
            tdm_value v;
            tdm__record_value(&record, i, &v);
            tdm__spread_add(&j->spread[i], v.as.f64);
        }
        if (++done % 65536 == 0)
            s = tell(j, "verify", done, tdm__store_rows(j->store), err);
    }
    j->report->rows_scored = j->store ? tdm__store_rows(j->store) : 0;
    if (s == TDM_NOT_FOUND)
        s = TDM_OK;
    if (!s && j->report->rows_scored + j->report->rows_quarantined != j->report->rows_in)
        s = tdm__fail(err, TDM_CORRUPT, j->store_path, "the rows scored and quarantined are not the rows read");
    return s;
}

static bool same_service(const void *self, const tdm_table_info *info)
{
    return !strcmp(info->service, self);
}

/* Whether both tell the same predictions in the same ranges, so that their spreads can be compared. */
static bool is_comparable(const run_job *j, const tdm_table *table)
{
    if (table->info.n_predictions != j->package->prediction.n)
        return false;
    for (size_t i = 0; i < table->info.n_predictions; i++)
        if (!tdm__str_is(j->package->prediction.field[i].name, table->info.prediction[i]) ||
            table->spread[i].low != j->spread[i].low || table->spread[i].high != j->spread[i].high)
            return false;
    return true;
}

static bool same_release(const void *self, const tdm_table_info *info)
{
    return !strcmp(info->release, self);
}

/* The table to compare with, for a release that asks for it: the service's current one, else its newest. When that one
 * tells something else, the newest of this very release, if there is one: the first run of a release that changes its
 * predictions is a first run, and not one that can never pass. */
static tdm_status previous_table(run_job *j, tdm_table **out, tdm_error *err)
{
    tdm__epoch epoch;
    *out = NULL;
    if (isnan(j->package->manifest->batch.gates.psi) && isnan(j->package->manifest->batch.gates.previous_rows))
        return TDM_OK;
    tdm_status s = tdm__epoch_read_current(j->home, &epoch, err);
    if (s)
        return s;
    tdm__service *service = tdm__epoch_find(&epoch, j->report->service);
    if (service && service->table[0])
        s = tdm__table_open_name(j->home, service->table, out, err);
    else
        s = tdm__table_newest(j->home, same_service, j->report->service, out, err);
    if (!s && !is_comparable(j, *out)) {
        tdm_table_close(out);
        s = tdm__table_newest(j->home, same_release, j->report->release, out, err);
    }
    return s == TDM_NOT_FOUND ? TDM_OK : s;
}

static tdm_status pass_gates(run_job *j, tdm_error *err)
{
    tdm_run_report *r = j->report;
    tdm_table *previous = NULL;
    tdm_error previous_error = {0};
    tdm__gates gates;
    bool unreadable = previous_table(j, &previous, &previous_error) != TDM_OK;
    tdm__gate_facts facts = {.rows_in = r->rows_in,
                             .rows_scored = r->rows_scored,
                             .rows_quarantined = r->rows_quarantined,
                             .defaults = j->counts.defaults,
                             .nulls = j->counts.nulls,
                             .spread = j->spread,
                             .previous = previous,
                             .previous_error = unreadable ? &previous_error : NULL};
    memcpy(facts.code, j->counts.code, sizeof facts.code);
    tdm_status s = tdm__gates_check(j->package, &facts, &gates, err);
    r->n_gates = gates.n;
    memcpy(r->gate, gates.gate, sizeof r->gate);
    tdm_table_close(&previous);
    if (s && r->rows_quarantined)
        tdm__fail_hint(err, "'tandem quarantine show %.12s' shows the records", r->run);
    return s;
}

/* Golden rows need no population: a release that fails them is told before the work, not after it. */
static tdm_status pass_golden(run_job *j, tdm_error *err)
{
    tdm_error golden_error = {0};
    tdm__gates gates;
    tdm_status golden = tdm__engine_check_golden(j->package, &golden_error);
    if (golden == TDM_NO_MEMORY)
        return tdm__no_memory(err, "run");
    tdm_status s = tdm__gates_golden(j->package, golden, &golden_error, &gates, err);
    j->report->n_gates = gates.n;
    memcpy(j->report->gate, gates.gate, sizeof j->report->gate);
    return s;
}

static tdm_status publish(run_job *j, const char *name, tdm_error *err)
{
    const char *key[TDM__KEY_PARTS_MAX], *prediction[TDM__PREDICTIONS_MAX];
    tdm__arena arena = {0};
    tdm_run_report *r = j->report;
    tdm_table_info info = {.rows = r->rows_scored,
                           .rows_in = r->rows_in,
                           .rows_quarantined = r->rows_quarantined,
                           .as_of_us = r->as_of_us,
                           .created_us = tdm__now_us(),
                           .snapshot = r->snapshot,
                           .population = j->population.name,
                           .n_gates = r->n_gates,
                           .key = key,
                           .n_key = j->package->key.n,
                           .prediction = prediction,
                           .n_predictions = j->package->prediction.n};
    bool ok = true;
    for (size_t i = 0; i < info.n_key; i++)
        ok &= (key[i] = tdm__arena_copy(&arena, j->package->key.field[i].name.ptr,
                                        j->package->key.field[i].name.len)) != NULL;
    for (size_t i = 0; i < info.n_predictions; i++) {
        tdm_str field = j->package->prediction.field[i].name;
        ok &= (prediction[i] = tdm__arena_copy(&arena, field.ptr, field.len)) != NULL;
    }
    snprintf(info.name, sizeof info.name, "%s", name);
    memcpy(info.release, r->release, sizeof info.release);
    memcpy(info.service, r->service, sizeof info.service);
    memcpy(info.run, r->run, sizeof info.run);
    snprintf(info.digest, sizeof info.digest, "%016" PRIx64, tdm__store_digest(j->store));
    memcpy(info.gate, r->gate, sizeof info.gate);
    tdm_status s = ok ? tdm__table_publish(j->home, &info, j->spread, err) : tdm__no_memory(err, name);
    tdm__arena_free(&arena);
    if (!s)
        memcpy(r->table, info.name, sizeof r->table);
    return s;
}

static tdm_status make_room(run_job *j, tdm_error *err)
{
    j->counts.defaults = tdm__zalloc(j->package->n_slots + 1, sizeof(uint64_t));
    j->counts.nulls = tdm__zalloc(j->package->n_slots + 1, sizeof(uint64_t));
    j->spread = tdm__zalloc(j->package->prediction.n + 1, sizeof *j->spread);
    return j->counts.defaults && j->counts.nulls && j->spread ? TDM_OK : tdm__no_memory(err, "run");
}

/* A run that failed leaves its quarantine, if it came so far, and no empty folder. */
static void forget_run(run_job *j)
{
    char dir[TDM__PATH_MAX];
    if (!tdm__home_path(j->home, dir, NULL, "runs/%s", j->report->run))
        tdm__remove_dir(j->home->fs, dir, NULL);
}

/* Everything after the run was named and found to be new. */
static tdm_status run_anew(run_job *j, tdm_error *err)
{
    char name[16] = "";
    report_ignored(j);
    tdm_status s = make_room(j, err);
    if (!s)
        s = pass_golden(j, err);
    if (!s)
        s = tdm__table_reserve(j->home, name, j->store_path, err);
    if (!s)
        s = open_lines(j, err);
    if (!s)
        s = score(j, err);
    if (!s) {
        report_counts(j);
        if (j->report->rows_quarantined)
            s = tdm__line_file_finish(&j->lines, err);
    }
    tdm__line_file_abort(&j->lines);
    if (!s)
        s = verify(j, err);
    if (!s)
        s = pass_gates(j, err);
    if (!s)
        s = tell(j, "publish", 1, 1, err);
    if (!s)
        s = publish(j, name, err);
    tdm__store_close(&j->store);
    if (s && name[0])
        tdm__table_discard(j->home, name);
    if (s)
        forget_run(j);
    return s;
}

static void close_job(run_job *j)
{
    if (j->population_open)
        tdm__population_close(&j->population);
    tdm__engine_close(&j->engine);
    tdm__package_close(&j->package);
    tdm__state_close(&j->state);
    tdm__free(j->counts.defaults);
    tdm__free(j->counts.nulls);
    tdm__free(j->spread);
    tdm__free(j->duplicates.row);
}

tdm_status tdm__run_here(tdm_home *home, const char *release, const tdm_run_options *options, const char *name,
                         tdm_run_report *out, tdm_error *err)
{
    static const tdm_run_options defaults = {0};
    run_job job = {.home = home, .options = options ? options : &defaults, .name = name, .report = out};
    tdm__writing writing;
    tdm_table *before = NULL;
    tdm_error own;
    uint64_t start = tdm__monotonic_ns();
    err = err ? err : &own;
    memset(out, 0, sizeof *out);
    out->threads = job.options->threads ? job.options->threads : tdm__cores();
    tdm_status s = tdm__writing_begin(home, "run", &writing, err);
    if (s)
        return s;
    s = pin(&job, release, writing.log, err);
    if (!s)
        s = name_run(&job, err);
    if (!s) {
        s = tdm__table_newest(home, same_run, out->run, &before, err);
        if (s == TDM_NOT_FOUND)
            s = run_anew(&job, err);
    }
    if (before) {
        s = tdm__table_settle(home, before->info.name, err);
        out->existed = !s;
        if (!s)
            report_table(&job, &before->info);
        tdm_table_close(&before);
    }
    close_job(&job);
    tdm__writing_end(&writing);
    out->seconds = (double)(tdm__monotonic_ns() - start) * 1e-9;
    out->peak_memory_bytes = tdm__peak_memory_bytes();
    return s;
}
