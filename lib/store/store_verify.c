/* Stores, verified: every byte against a digest, every record and index entry against each other.
 *
 * The block digests find what changed after the build. The rest finds what a build could have got wrong: that each
 * record passes its check, each mark points where it says, each entry is reachable from its key's hash, and
 * that entries and records are the same set (equal counts, equal sums of their hashed places).
 *
 * All is read in order, and what was read is let go, so that the memory in use does not depend on the store. That is
 * why an entry is not compared with its record one by one, which would jump all over the file: an entry in its home
 * bucket says all that its record's hash does, so that sums can be compared. Only the tenth that ran over from an
 * earlier bucket goes to its record. When the sums differ, every entry does, to say which one it is. */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "store/store_format.h"

/* Lets the pages from *from to `to` go once they are enough. */
static void let_go(const tdm__store *store, uint64_t *from, uint64_t to)
{
    if (to - *from < TDM__STORE_LET_GO_BYTES)
        return;
    tdm__store_let_go(store, *from, to);
    *from = to;
}

/* All between header and digests, in blocks; and the digests themselves. */
static tdm_status verify_blocks(const tdm__store *store, tdm_error *err)
{
    const tdm__store_header *h = &store->head;
    const uint8_t *digests = store->map.ptr + h->digests_offset;
    uint64_t kept_from = 0;
    if (tdm__hash64(digests, h->digests * 8) != h->digests_digest)
        return tdm__store_damage(store, "the list of digests does not match its own", h->digests_offset, err);
    for (uint64_t i = 0; i < h->digests; i++) {
        uint64_t at = TDM__STORE_HEADER_BYTES + i * TDM__STORE_DIGEST_BLOCK, n = h->digests_offset - at;
        if (n > TDM__STORE_DIGEST_BLOCK)
            n = TDM__STORE_DIGEST_BLOCK;
        if (tdm__hash64(store->map.ptr + at, n) != tdm__get64(digests + i * 8)) {
            tdm_status s = tdm__fail(err, TDM_CORRUPT, store->path, "a block does not match its digest");
            tdm__fail_found(err, "damage between bytes %" PRIu64 " and %" PRIu64, at, at + n);
            return s;
        }
        let_go(store, &kept_from, at);
    }
    return TDM_OK;
}

/* Stands for "the key whose hash has this tag and this home has its record there". */
static uint64_t place_hash(uint64_t entry, uint64_t home)
{
    return tdm__hash64_seed(&entry, sizeof entry, home);
}

/* Each record in order, each mark where it points; adds up the hashed places. */
static tdm_status verify_records(const tdm__store *store, uint64_t *sum, tdm_error *err)
{
    tdm__store_cursor cursor = {.store = store, .offset = TDM__STORE_HEADER_BYTES};
    for (;;) {
        uint64_t offset = cursor.offset;
        tdm__store_cursor mark;
        tdm__record record;
        if (cursor.row % TDM__STORE_MARK == 0 && cursor.row < store->head.rows) {
            tdm_status s = tdm__store_seek(store, cursor.row, &mark, err);
            if (s)
                return s;
            if (mark.offset != offset)
                return tdm__store_damage(store, "a mark points elsewhere than to the record", offset, err);
        }
        tdm_status s = tdm__store_next(&cursor, &record, err);
        if (s)
            return s == TDM_NOT_FOUND ? TDM_OK : s;
        uint64_t hash = tdm__hash64(record.key.ptr, record.key.len);
        *sum += place_hash(tdm__entry_make(hash, offset), tdm__bucket_home(hash, store->head.buckets_home));
    }
}

/* What a walk over the index has found. */
typedef struct index_walk {
    uint64_t sum, entries;
    uint64_t open_from; /* the first bucket from which overflow flags lead to the present one */
    bool each;          /* compare every entry with its record */
    tdm__file *file;    /* a large store's: keys are read from it, since a look at the map takes up to 2 MiB. Else NULL */
} index_walk;

/* The hash of the key of the record at `offset`. */
static tdm_status hash_key(const tdm__store *store, const index_walk *w, uint64_t offset, uint64_t *hash,
                           tdm_error *err)
{
    enum { USUAL_BYTES = 128 };
    uint64_t end = TDM__STORE_HEADER_BYTES + store->head.records_bytes;
    uint8_t bytes[USUAL_BYTES];
    const uint8_t *record = bytes;
    size_t got = 0;
    if (offset < TDM__STORE_HEADER_BYTES || offset + TDM__RECORD_HEAD > end)
        return tdm__store_damage(store, "an index entry points outside the records", offset, err);
    tdm_status s = w->file ? tdm__file_read_at(w->file, offset, bytes, sizeof bytes, &got, err) : TDM_OK;
    if (s)
        return s;
    if (got < sizeof bytes || TDM__RECORD_HEAD + tdm__get16(bytes + 8) > sizeof bytes)
        record = store->map.ptr + offset;
    if (offset + TDM__RECORD_HEAD + tdm__get16(record + 8) > end)
        return tdm__store_damage(store, "an index entry points outside the records", offset, err);
    *hash = tdm__hash64(record + TDM__RECORD_HEAD, tdm__get16(record + 8));
    return TDM_OK;
}

/* The entry must carry its key's tag and lie where a search from its home comes by. Sets *home. */
static tdm_status verify_entry(const tdm__store *store, const index_walk *w, uint64_t entry, uint64_t number,
                               uint64_t *home, tdm_error *err)
{
    uint64_t offset = tdm__entry_offset(entry), hash = 0;
    tdm_status s = hash_key(store, w, offset, &hash, err);
    if (s)
        return s;
    *home = tdm__bucket_home(hash, store->head.buckets_home);
    if (entry >> 48 != (hash & 0xffff) || *home > number || *home < w->open_from)
        return tdm__store_damage(store, "an index entry does not fit the record", offset, err);
    return TDM_OK;
}

static tdm_status verify_bucket(const tdm__store *store, uint64_t number, index_walk *w, tdm_error *err)
{
    const uint8_t *bucket = store->index + number * TDM__STORE_BUCKET_BYTES;
    uint32_t word = tdm__get32(bucket + 4), slots = word & 0xff;
    if (tdm__bucket_check(bucket, number) != tdm__get32(bucket) || slots > TDM__STORE_BUCKET_SLOTS || word >> 9 != 0)
        return tdm__store_damage(store, "the index bucket does not match its check",
                                 store->head.index_offset + number * TDM__STORE_BUCKET_BYTES, err);
    for (uint32_t i = 0; i < slots; i++) {
        uint64_t entry = tdm__get64(bucket + 8 + i * 8), home = number;
        if (w->each || w->open_from < number) {
            tdm_status s = verify_entry(store, w, entry, number, &home, err);
            if (s)
                return s;
        }
        w->sum += place_hash(entry, home);
    }
    w->entries += slots;
    if (!(word & TDM__STORE_OVERFLOW))
        w->open_from = number + 1;
    return TDM_OK;
}

static tdm_status walk_index(const tdm__store *store, index_walk *w, tdm_error *err)
{
    uint64_t kept_from = store->head.index_offset;
    tdm_status s = TDM_OK;
    for (uint64_t number = 0; !s && number < store->head.buckets; number++) {
        s = verify_bucket(store, number, w, err);
        let_go(store, &kept_from, store->head.index_offset + number * TDM__STORE_BUCKET_BYTES);
    }
    return s;
}

static tdm_status verify_index(const tdm__store *store, size_t mapped_bytes_max, uint64_t sum, tdm_error *err)
{
    index_walk walk = {0}, again = {.each = true};
    tdm_status s = TDM_OK;
    if (store->map.len > mapped_bytes_max)
        s = tdm__file_open(store->fs, store->path, TDM__READ, &walk.file, err);
    if (s)
        return s;
    s = walk_index(store, &walk, err);
    if (!s && (walk.sum != sum || walk.entries != store->head.rows || walk.open_from != store->head.buckets)) {
        again.file = walk.file;
        s = walk_index(store, &again, err);
        if (!s)
            s = tdm__fail(err, TDM_CORRUPT, store->path, "index and records do not hold the same rows");
    }
    tdm__file_close(&walk.file);
    return s;
}

tdm_status tdm__store_verify(const tdm__store *store, tdm_error *err)
{
    enum { MAPPED_BYTES_MAX = 16 << 20 }; /* a smaller store may well be in memory whole */
    return tdm__store_verify_within(store, MAPPED_BYTES_MAX, err);
}

tdm_status tdm__store_verify_within(const tdm__store *store, size_t mapped_bytes_max, tdm_error *err)
{
    uint64_t sum = 0;
    tdm__map_advise(&store->map, 0, store->map.len, TDM__ADVICE_WILL_NEED);
    if (tdm__hash64(store->map.ptr, TDM__STORE_HEADER_BYTES - 8) != store->head.check)
        return tdm__store_damage(store, "the header does not match its digest", 0, err);
    tdm_status s = verify_blocks(store, err);
    if (!s)
        s = verify_records(store, &sum, err);
    if (!s)
        s = verify_index(store, mapped_bytes_max, sum, err);
    return s;
}
