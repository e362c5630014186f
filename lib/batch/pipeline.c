/* Threads of a run. The lock covers counters only; reading has a lock of its own, scoring has none, and appending is
 * done by one thread at a time, in the order of the pieces. */
#include "batch/pipeline.h"

#include <string.h>
#include "base/fail.h"
#include "os/clock.h"
#include "os/threads.h"

enum { THREADS_MAX = 256, PROGRESS_US = 200000, RETRIES_MAX = 3, RETRY_PAUSE_US = 10000 };

typedef struct pipeline {
    tdm__population *population;
    const char *run;
    int64_t as_of_us;
    tdm__store_builder *builder;
    tdm__line_file *quarantine;
    tdm__pipeline_counts *counts;
    tdm__mutex *reading, *lock;
    tdm__cond *moved;          /* a piece was appended, or the end is known */
    tdm__piece *piece;         /* piece i lies at i % window */
    uint64_t window;
    uint64_t next_append;      /* pieces before it are in the table */
    uint64_t end;              /* how many pieces there are; UINT64_MAX: not known yet */
    bool appending;
    unsigned running;          /* workers that have not ended */
    uint64_t done, total;      /* for progress */
    const char *unit;
    tdm_status status;         /* of the first failure */
    tdm_error error;
} pipeline;

typedef struct helper {
    pipeline *p;
    tdm__scorer *scorer;
    tdm__thread *thread;
} helper;

static void fail(pipeline *p, tdm_status status, const tdm_error *error)
{
    if (!p->status) {
        p->status = status;
        p->error = *error;
    }
    tdm__cond_broadcast(p->moved);
}

/* The next piece, read into its place; NULL when there is none or the run failed. */
static tdm__piece *take(pipeline *p)
{
    tdm__piece *piece = NULL;
    tdm_error err;
    tdm__mutex_lock(p->reading);
    uint64_t index = p->population->next_piece;
    tdm__mutex_lock(p->lock);
    while (!p->status && p->end == UINT64_MAX && index >= p->next_append + p->window)
        tdm__cond_wait(p->moved, p->lock);
    bool stop = p->status || p->end != UINT64_MAX;
    tdm__mutex_unlock(p->lock);
    if (!stop) {
        piece = &p->piece[index % p->window];
        tdm_status s = tdm__population_next(p->population, &piece->input, &err);
        tdm__mutex_lock(p->lock);
        tdm__population_progress(p->population, &p->done, &p->total, &p->unit);
        if (s)
            fail(p, s, &err);
        else if (piece->input.ended)
            p->end = index;
        if (s || piece->input.ended) {
            piece = NULL;
            tdm__cond_broadcast(p->moved);
        }
        tdm__mutex_unlock(p->lock);
    }
    tdm__mutex_unlock(p->reading);
    return piece;
}

static tdm_status append(pipeline *p, tdm__piece *piece, tdm_error *err)
{
    if (piece->status) {
        *err = piece->error;
        return piece->status;
    }
    tdm_status s = tdm__store_builder_add_encoded(p->builder, tdm__strn(piece->records.ptr, piece->records.len),
                                                  piece->n_records, piece->tag, err);
    if (!s && piece->quarantine.len)
        s = tdm__line_file_add(p->quarantine, tdm__strn(piece->quarantine.ptr, piece->quarantine.len), err);
    tdm__population_done(p->population, &piece->input);
    return s;
}

static void count(pipeline *p, const tdm__piece *piece)
{
    p->counts->rows_in += piece->rows;
    p->counts->rows_quarantined += piece->rows_quarantined;
    for (size_t i = 0; i < TDM_STATUS_COUNT; i++)
        p->counts->code[i] += piece->code[i];
}

/* Appends whatever is next in order and done. Whoever comes while another appends leaves it to that one. */
static void put(pipeline *p, tdm__piece *piece)
{
    tdm_error err;
    tdm__mutex_lock(p->lock);
    piece->done = true;
    while (!p->appending && !p->status && p->piece[p->next_append % p->window].done) {
        tdm__piece *next = &p->piece[p->next_append % p->window];
        p->appending = true;
        tdm__mutex_unlock(p->lock);
        tdm_status s = append(p, next, &err);
        tdm__mutex_lock(p->lock);
        p->appending = false;
        next->done = false;
        if (s) {
            fail(p, s, &err);
            break;
        }
        count(p, next);
        p->next_append++;
        tdm__cond_broadcast(p->moved);
    }
    tdm__mutex_unlock(p->lock);
}

/* A failure of the machine, unlike one of the data, may pass: the piece is scored again, a few times, with a pause that
 * grows. */
static void score(pipeline *p, helper *h, tdm__piece *piece)
{
    for (unsigned again = 0;; again++) {
        tdm__scorer_run(h->scorer, piece);
        bool passing = piece->status == TDM_IO || piece->status == TDM_NO_MEMORY || piece->status == TDM_SYSTEM;
        if (!passing || again == RETRIES_MAX)
            return;
        tdm__mutex_lock(p->lock);
        bool stop = p->status != TDM_OK;
        tdm__mutex_unlock(p->lock);
        if (stop)
            return;
        tdm__sleep_us(RETRY_PAUSE_US << (2 * again));
    }
}

static void work(void *arg)
{
    helper *h = arg;
    pipeline *p = h->p;
    for (tdm__piece *piece; (piece = take(p));) {
        score(p, h, piece);
        put(p, piece);
    }
    tdm__mutex_lock(p->lock);
    p->running--;
    tdm__cond_broadcast(p->moved);
    tdm__mutex_unlock(p->lock);
}

/* Waits for the workers, telling the caller how far they are. */
static void watch(pipeline *p, tdm_progress_fn progress, void *self)
{
    tdm__mutex_lock(p->lock);
    while (p->running) {
        tdm__cond_wait_for(p->moved, p->lock, PROGRESS_US);
        tdm_progress now = {.stage = "score",
                            .done = p->done,
                            .total = p->total,
                            .unit = p->unit,
                            .rows = p->counts->rows_in,
                            .rows_quarantined = p->counts->rows_quarantined};
        if (!progress || p->status)
            continue;
        tdm__mutex_unlock(p->lock);
        bool go_on = progress(self, &now);
        tdm__mutex_lock(p->lock);
        if (!go_on) {
            tdm_error err;
            tdm_status s = tdm__fail(&err, TDM_CANCELLED, "run", "the run was cancelled; nothing was published");
            fail(p, s, &err);
        }
    }
    tdm__mutex_unlock(p->lock);
}

static void add_scorer_counts(pipeline *p, const tdm__scorer *scorer)
{
    tdm__histogram_merge(&p->counts->block_ns, tdm__scorer_block_ns(scorer));
    size_t n = tdm__engine_package(p->population->engine)->n_slots;
    for (size_t i = 0; i < n; i++) {
        p->counts->defaults[i] += tdm__worker_default_counts(tdm__scorer_worker(scorer))[i];
        p->counts->nulls[i] += tdm__worker_null_counts(tdm__scorer_worker(scorer))[i];
    }
}

static tdm_status start(pipeline *p, helper *helpers, unsigned threads, tdm_error *err)
{
    tdm_status s = TDM_OK;
    for (unsigned i = 0; !s && i < threads; i++) {
        helpers[i].p = p;
        s = tdm__scorer_new(p->population->engine, p->population, p->run, p->as_of_us, &helpers[i].scorer, err);
    }
    for (unsigned i = 0; !s && i < threads; i++) {
        tdm__mutex_lock(p->lock);
        p->running++;
        tdm__mutex_unlock(p->lock);
        s = tdm__thread_start("score", work, &helpers[i], &helpers[i].thread, err);
        if (s) {
            tdm__mutex_lock(p->lock);
            p->running--;
            fail(p, s, err);
            tdm__mutex_unlock(p->lock);
        }
    }
    return s;
}

static void finish(pipeline *p, helper *helpers, unsigned threads)
{
    for (unsigned i = 0; i < threads; i++) {
        tdm__thread_join(&helpers[i].thread);
        if (helpers[i].scorer)
            add_scorer_counts(p, helpers[i].scorer);
        tdm__scorer_close(&helpers[i].scorer);
    }
    for (uint64_t i = 0; p->piece && i < p->window; i++)
        tdm__piece_free(&p->piece[i]);
    tdm__free(p->piece);
    tdm__mutex_close(&p->reading);
    tdm__mutex_close(&p->lock);
    tdm__cond_close(&p->moved);
    tdm__free(helpers);
}

tdm_status tdm__pipeline_run(tdm__population *population, const char *run, int64_t as_of_us, unsigned threads,
                             tdm__store_builder *builder, tdm__line_file *quarantine, tdm_progress_fn progress,
                             void *self, tdm__pipeline_counts *out, tdm_error *err)
{
    tdm_error own;
    err = err ? err : &own;
    threads = threads > THREADS_MAX ? THREADS_MAX : threads;
    pipeline p = {.population = population,
                  .run = run,
                  .as_of_us = as_of_us,
                  .builder = builder,
                  .quarantine = quarantine,
                  .counts = out,
                  .window = 2 * threads + 2,
                  .end = UINT64_MAX,
                  .unit = "bytes"};
    helper *helpers = tdm__zalloc(threads, sizeof *helpers);
    p.piece = tdm__zalloc(p.window, sizeof *p.piece);
    p.reading = tdm__mutex_new();
    p.lock = tdm__mutex_new();
    p.moved = tdm__cond_new();
    tdm_status s = helpers && p.piece && p.reading && p.lock && p.moved ? TDM_OK : tdm__no_memory(err, "run");
    if (!s) {
        s = start(&p, helpers, threads, err);
        watch(&p, progress, self);
    }
    finish(&p, helpers, helpers ? threads : 0);
    if (!s && p.status) {
        *err = p.error;
        s = p.status;
    }
    return s;
}
