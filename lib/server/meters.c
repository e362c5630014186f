/* Counting and timing: recording, and adding up what all threads recorded.
 *
 * A meter has one writer, so recording needs no locked instruction: plain loads and stores that are atomic by
 * themselves. The bucket is stored last, with release, and read first, with acquire: whoever sees a value in its bucket
 * sees a maximum and a sum that know of it.
 *
 * The book of meters by service only grows. A reader takes the number of entries and then the entries, without a lock;
 * writers, which are rare, have a mutex. It does not know which services are current: a service that comes back after a
 * rollback goes on where it was. */
#include <string.h>
#include "base/memory.h"
#include "server/server_impl.h"

const char *tdm__stage_name(tdm__stage stage)
{
    static const char *const names[] = {"read", "parse", "queue", "features", "model", "write", "total"};
    _Static_assert(sizeof names / sizeof *names == TDM__STAGE_COUNT, "one name for every stage");
    return names[stage];
}

static void store(uint64_t *at, uint64_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELAXED);
}

void tdm__meter_record(tdm__meter *meter, uint64_t value)
{
    tdm__histogram *h = &meter->h;
    uint64_t *bucket = &h->bucket[tdm__histogram_bucket(value)];
    tdm__add(&h->sum, value);
    if (value > tdm__read(&h->max))
        store(&h->max, value);
    __atomic_store_n(bucket, tdm__read(bucket) + 1, __ATOMIC_RELEASE);
}

void tdm__meter_read(const tdm__meter *meter, tdm__histogram *into)
{
    const tdm__histogram *h = &meter->h;
    for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++) {
        uint64_t n = __atomic_load_n(&h->bucket[i], __ATOMIC_ACQUIRE);
        into->bucket[i] += n;
        into->count += n;
    }
    uint64_t max = tdm__read(&h->max);
    into->sum += tdm__read(&h->sum);
    into->max = max > into->max ? max : into->max;
}

/* ---- the book ---- */

typedef struct book_entry {
    char name[256];
    tdm__service_meters meters[]; /* one a seat */
} book_entry;

typedef struct tdm__meter_book {
    tdm__mutex *mutex;                       /* between those who add */
    _Atomic size_t n;
    book_entry *entry[TDM__METERED_MAX + 1]; /* the last one is "(other)" */
} tdm__meter_book;

static tdm__meter_book *book_of(const tdm_server *server)
{
    return __atomic_load_n(&server->book, __ATOMIC_ACQUIRE);
}

static void book_free(tdm__meter_book *book)
{
    for (size_t i = 0; i < atomic_load_explicit(&book->n, memory_order_relaxed); i++)
        tdm__free(book->entry[i]);
    tdm__mutex_close(&book->mutex);
    tdm__free(book);
}

/* The server's book, made at the first call; of two threads that make one, one wins. */
static tdm__meter_book *book_make(tdm_server *server)
{
    tdm__meter_book *there = book_of(server), *fresh;
    if (there)
        return there;
    if (!(fresh = tdm__new(tdm__meter_book)))
        return NULL;
    if (!(fresh->mutex = tdm__mutex_new())) {
        tdm__free(fresh);
        return NULL;
    }
    if (__atomic_compare_exchange_n(&server->book, &there, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return fresh;
    book_free(fresh);
    return there;
}

static book_entry *entry_new(const char *name, unsigned seats)
{
    book_entry *entry = tdm__zalloc(1, sizeof *entry + seats * sizeof entry->meters[0]);
    if (!entry)
        return NULL;
    size_t n = strlen(name);
    memcpy(entry->name, name, n < sizeof entry->name ? n : sizeof entry->name - 1);
    for (unsigned i = 0; i < seats; i++)
        entry->meters[i].service = entry->name;
    return entry;
}

/* Under the mutex. A name is known by what of it fits. */
static book_entry *entry_of(tdm__meter_book *book, const char *name, unsigned seats)
{
    size_t n = atomic_load_explicit(&book->n, memory_order_relaxed);
    for (size_t i = 0; i < n; i++)
        if (!strncmp(book->entry[i]->name, name, sizeof book->entry[i]->name - 1))
            return book->entry[i];
    if (n > TDM__METERED_MAX)
        return book->entry[TDM__METERED_MAX];
    book->entry[n] = entry_new(n == TDM__METERED_MAX ? "(other)" : name, seats);
    if (!book->entry[n])
        return NULL;
    atomic_store_explicit(&book->n, n + 1, memory_order_release);
    return book->entry[n];
}

tdm__service_meters *tdm__meters_of(tdm_server *server, const char *service)
{
    tdm__meter_book *book = book_make(server);
    if (!book)
        return NULL;
    tdm__mutex_lock(book->mutex);
    book_entry *entry = entry_of(book, service, server->n_seats);
    tdm__mutex_unlock(book->mutex);
    return entry ? entry->meters : NULL;
}

size_t tdm__metered(const tdm_server *server)
{
    tdm__meter_book *book = book_of(server);
    return book ? atomic_load_explicit(&book->n, memory_order_acquire) : 0;
}

const tdm__service_meters *tdm__metered_at(const tdm_server *server, size_t i)
{
    return book_of(server)->entry[i]->meters;
}

void tdm__meter_book_close(tdm_server *server)
{
    if (server->book)
        book_free(server->book);
    server->book = NULL;
}

/* ---- sums ---- */

uint64_t tdm__server_count(const tdm_server *server, tdm__count count)
{
    uint64_t sum = count == TDM__COUNT_LOG_DROPPED ? tdm__access_log_lost(server->log) : 0;
    for (unsigned i = 0; i < server->n_seats; i++)
        sum += tdm__read(&server->seat[i]->meters.count[count]);
    return sum;
}

void tdm__server_stage(const tdm_server *server, tdm__stage stage, tdm__histogram *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < server->n_seats; i++)
        tdm__meter_read(&server->seat[i]->meters.stage[stage], out);
}

void tdm__service_latency(const tdm_server *server, const tdm__service_meters *meters, tdm__histogram *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < server->n_seats; i++)
        tdm__meter_read(&meters[i].total, out);
}

static void add_one(const tdm__service_meters *from, tdm__service_meters *into)
{
    into->requests += tdm__read(&from->requests);
    into->rows += tdm__read(&from->rows);
    into->errors += tdm__read(&from->errors);
    for (size_t i = 0; i < sizeof from->rung / sizeof *from->rung; i++)
        into->rung[i] += tdm__read(&from->rung[i]);
    into->features_ns += tdm__read(&from->features_ns);
    into->models_ns += tdm__read(&from->models_ns);
    into->total_ns += tdm__read(&from->total_ns);
    int64_t last = __atomic_load_n(&from->last_us, __ATOMIC_RELAXED);
    into->last_us = last > into->last_us ? last : into->last_us;
    tdm__meter_read(&from->total, &into->total.h);
}

void tdm__service_sum(const tdm_server *server, const tdm__service_meters *meters, tdm__service_meters *out)
{
    memset(out, 0, sizeof *out);
    out->service = meters->service;
    for (unsigned i = 0; i < server->n_seats; i++)
        add_one(&meters[i], out);
}
