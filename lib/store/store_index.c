/* The index: spooled hashes, one partition after the other, become buckets in the order of the hash.
 *
 * A partition is read into a buffer (several times, a slice of the hash each, when it does not fit), sorted by hash and
 * offset, freed of duplicates, and poured through a queue into buckets: bucket i takes the first seven of what
 * belongs into it or ran over before it. Buckets are in hash order, so they are written once, in order. Keys are
 * compared in full, read back from the temporary file, only where hashes are equal. */
#include <string.h>

#include "base/fail.h"
#include "store/store_build.h"

enum { QUEUE_MAX = 1 << 20, KEY_MAX = UINT16_MAX };

typedef struct pass {
    tdm__store_builder *b;
    bool dedupe;
    tdm__spool_entry *entry, *sorted, *scratch;
    uint32_t *begin;         /* of each digit, while sorting */
    size_t n, room;
    unsigned slice_bits;     /* of the hash behind the partition's bits that choose a slice */
    uint64_t slice;
    uint64_t bucket, buckets_home; /* the bucket being filled */
    uint64_t *queue;         /* entries not yet in a bucket: from `taken` to `queued` */
    size_t taken, queued, queue_cap;
    uint8_t *key[2];
} pass;

static bool after(tdm__spool_entry a, tdm__spool_entry b)
{
    return a.hash > b.hash || (a.hash == b.hash && a.offset > b.offset);
}

static void sift(tdm__spool_entry *e, size_t root, size_t n)
{
    tdm__spool_entry x = e[root];
    for (size_t child; (child = root * 2 + 1) < n; root = child) {
        if (child + 1 < n && after(e[child + 1], e[child]))
            child++;
        if (!after(e[child], x))
            break;
        e[root] = e[child];
    }
    e[root] = x;
}

/* Insertion for the usual few, heap sort for a flood of equal keys. */
static void sort_few(tdm__spool_entry *e, size_t n)
{
    if (n > 32) {
        for (size_t i = n / 2; i-- > 0;)
            sift(e, i, n);
        for (size_t i = n; i-- > 1;) {
            tdm__spool_entry x = e[0];
            e[0] = e[i];
            e[i] = x;
            sift(e, 0, i);
        }
        return;
    }
    for (size_t i = 1; i < n; i++) {
        tdm__spool_entry x = e[i];
        size_t j = i;
        for (; j > 0 && after(e[j - 1], x); j--)
            e[j] = e[j - 1];
        e[j] = x;
    }
}

/* Sorts the buffer by hash and offset: by the next bits of the hash into groups of about four, then each group. */
static void sort_entries(pass *p)
{
    unsigned bits = 1, skip = TDM__SPOOL_BITS + p->slice_bits;
    while (((size_t)4 << bits) < p->n)
        bits++;
    size_t digits = (size_t)1 << bits;
    memset(p->begin, 0, (digits + 1) * sizeof *p->begin);
#define DIGIT(e) ((e).hash << skip >> (64 - bits))
    for (size_t i = 0; i < p->n; i++)
        p->begin[DIGIT(p->entry[i]) + 1]++;
    for (size_t i = 1; i <= digits; i++)
        p->begin[i] += p->begin[i - 1];
    for (size_t i = 0; i < p->n; i++)
        p->sorted[p->begin[DIGIT(p->entry[i])]++] = p->entry[i];
#undef DIGIT
    size_t from = 0; /* each begin[] has moved to its group's end */
    for (size_t i = 0; i < digits; from = p->begin[i++])
        sort_few(p->sorted + from, p->begin[i] - from);
    tdm__spool_entry *swap = p->entry;
    p->entry = p->sorted;
    p->sorted = swap;
}

static tdm_status read_exactly(pass *p, uint64_t offset, void *to, size_t n, tdm_error *err)
{
    size_t got;
    tdm_status s = tdm__file_read_at(p->b->file, offset, to, n, &got, err);
    if (!s && got < n)
        s = tdm__fail(err, TDM_IO, p->b->temporary, "the temporary file was changed while it was in use");
    return s;
}

static tdm_status read_key(pass *p, uint64_t offset, uint8_t *to, size_t *len, tdm_error *err)
{
    uint8_t head[2];
    tdm_status s = read_exactly(p, offset + 8, head, 2, err);
    *len = s ? 0 : tdm__get16(head);
    return s ? s : read_exactly(p, offset + TDM__RECORD_HEAD, to, *len, err);
}

static tdm_status mark_loser(pass *p, uint64_t offset, tdm_error *err)
{
    tdm__store_builder *b = p->b;
    uint8_t length[4];
    if (++b->losers > b->options.losers_max)
        return tdm__fail(err, TDM_QUARANTINE_FULL, b->path, "more than %llu records have the key of another record",
                         (unsigned long long)b->options.losers_max);
    tdm_status s = read_exactly(p, offset + 4, length, 4, err);
    if (s)
        return s;
    tdm__put32(length, tdm__get32(length) | TDM__RECORD_LOST);
    return tdm__file_write_at(b->file, offset + 4, length, 4, err);
}

/* Among n > 1 entries of one hash, in order of offset, keeps one for each key. *n becomes the number kept. */
static tdm_status settle(pass *p, tdm__spool_entry *e, size_t *n, tdm_error *err)
{
    size_t kept = 0, loaded = SIZE_MAX, len[2];
    for (size_t i = 0; i < *n; i++) {
        tdm_status s = read_key(p, e[i].offset, p->key[0], &len[0], err);
        size_t k = 0;
        for (; !s && k < kept; k++) {
            if (loaded != k) /* the flood of one key compares with one that is already here */
                s = read_key(p, e[k].offset, p->key[1], &len[1], err);
            loaded = s ? SIZE_MAX : k;
            if (!s && len[0] == len[1] && memcmp(p->key[0], p->key[1], len[0]) == 0)
                break;
        }
        if (!s && k == kept)
            e[kept++] = e[i];
        else if (!s) {
            bool first = p->b->options.duplicates == TDM__FIRST_WINS;
            s = mark_loser(p, first ? e[i].offset : e[k].offset, err);
            if (!first)
                e[k] = e[i];
        }
        if (s)
            return s;
    }
    *n = kept;
    return TDM_OK;
}

/* Removes duplicates from the sorted buffer. */
static tdm_status dedupe(pass *p, tdm_error *err)
{
    size_t kept = 0;
    for (size_t i = 0, n; i < p->n; i += n) {
        for (n = 1; i + n < p->n && p->entry[i + n].hash == p->entry[i].hash; n++)
            ;
        size_t winners = n;
        if (n > 1) {
            tdm_status s = settle(p, p->entry + i, &winners, err);
            if (s)
                return s;
        }
        memmove(p->entry + kept, p->entry + i, winners * sizeof *p->entry);
        kept += winners;
    }
    p->n = kept;
    return TDM_OK;
}

static tdm_status take(void *self, const tdm__spool_entry *entries, size_t n, tdm_error *err)
{
    pass *p = self;
    for (size_t i = 0; i < n; i++) {
        if (p->slice_bits && entries[i].hash << TDM__SPOOL_BITS >> (64 - p->slice_bits) != p->slice)
            continue;
        if (p->n == p->room) { /* duplicates beyond measure: settle those at hand first */
            sort_entries(p);
            tdm_status s = p->dedupe ? dedupe(p, err) : TDM_OK;
            if (s)
                return s;
            if (p->n > p->room / 8 * 7)
                return tdm__fail(err, TDM_TOO_LARGE, p->b->path, "too many keys have nearly the same hash");
        }
        p->entry[p->n++] = entries[i];
    }
    return TDM_OK;
}

/* Writes the bucket being filled and goes on to the next. */
static tdm_status close_bucket(pass *p, tdm_error *err)
{
    uint8_t bucket[TDM__STORE_BUCKET_BYTES] = {0};
    size_t waiting = p->queued - p->taken, slots = waiting;
    if (slots > TDM__STORE_BUCKET_SLOTS)
        slots = TDM__STORE_BUCKET_SLOTS;
    for (size_t i = 0; i < slots; i++)
        tdm__put64(bucket + 8 + i * 8, p->queue[p->taken++]);
    tdm__put32(bucket + 4, (uint32_t)slots | (waiting > slots ? TDM__STORE_OVERFLOW : 0));
    tdm__put32(bucket, tdm__bucket_check(bucket, p->bucket));
    p->bucket++;
    if (p->taken == p->queued)
        p->taken = p->queued = 0;
    return tdm__store_out_add(&p->b->out, bucket, sizeof bucket, err);
}

static tdm_status enqueue(pass *p, uint64_t entry, tdm_error *err)
{
    if (p->queued == p->queue_cap && p->taken) {
        memmove(p->queue, p->queue + p->taken, (p->queued - p->taken) * sizeof *p->queue);
        p->queued -= p->taken;
        p->taken = 0;
    }
    if (p->queued >= QUEUE_MAX)
        return tdm__fail(err, TDM_TOO_LARGE, p->b->path, "too many keys have nearly the same hash");
    if (!tdm__grow(p->queue, p->queue_cap, p->queued + 1))
        return tdm__no_memory(err, p->b->path);
    p->queue[p->queued++] = entry;
    return TDM_OK;
}

static tdm_status pour(pass *p, tdm_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        uint64_t home = tdm__bucket_home(p->entry[i].hash, p->buckets_home);
        tdm_status s = TDM_OK;
        while (!s && p->bucket < home)
            s = close_bucket(p, err);
        if (!s)
            s = enqueue(p, tdm__entry_make(p->entry[i].hash, p->entry[i].offset), err);
        if (s)
            return s;
    }
    return TDM_OK;
}

static tdm_status index_part(pass *p, size_t part, tdm_error *err)
{
    uint64_t count = p->b->spool.count[part];
    p->slice_bits = 0;
    while (count >> p->slice_bits > p->room / 4 * 3 && p->slice_bits < 24)
        p->slice_bits++;
    for (p->slice = 0; p->slice < UINT64_C(1) << p->slice_bits; p->slice++) {
        p->n = 0;
        tdm_status s = tdm__spool_read(&p->b->spool, part, p->scratch, take, p, err);
        sort_entries(p);
        if (!s && p->dedupe)
            s = dedupe(p, err);
        if (!s && p->b->losers == 0)
            s = pour(p, err);
        if (s)
            return s;
    }
    return TDM_OK;
}

static tdm_status pass_init(pass *p, tdm_error *err)
{
    p->entry = tdm__alloc(p->room * sizeof *p->entry);
    p->sorted = tdm__alloc(p->room * sizeof *p->entry);
    p->scratch = tdm__alloc(TDM__SPOOL_BLOCK * sizeof *p->entry);
    p->begin = tdm__zalloc(p->room + 8, sizeof *p->begin);
    p->key[0] = tdm__alloc(KEY_MAX);
    p->key[1] = tdm__alloc(KEY_MAX);
    if (!p->entry || !p->sorted || !p->scratch || !p->begin || !p->key[0] || !p->key[1])
        return tdm__no_memory(err, p->b->path);
    return TDM_OK;
}

static void pass_free(pass *p)
{
    tdm__free(p->entry);
    tdm__free(p->sorted);
    tdm__free(p->scratch);
    tdm__free(p->begin);
    tdm__free(p->key[0]);
    tdm__free(p->key[1]);
    tdm__free(p->queue);
}

tdm_status tdm__store_index(tdm__store_builder *b, bool dedupe, uint64_t *buckets, tdm_error *err)
{
    pass p = {.b = b, .dedupe = dedupe, .room = b->sort_room, .buckets_home = tdm__store_buckets_home(b->rows)};
    tdm_status s = pass_init(&p, err);
    for (size_t part = 0; !s && part < TDM__SPOOL_PARTS; part++)
        s = index_part(&p, part, err);
    bool whole = b->losers == 0;
    while (!s && whole && (p.bucket < p.buckets_home || p.queued))
        s = close_bucket(&p, err);
    *buckets = p.bucket;
    pass_free(&p);
    return s;
}
