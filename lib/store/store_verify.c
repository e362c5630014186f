/* Stores, verified: every byte against a digest, every record and index entry against each other.
 *
 * The block digests find what changed after the build. The rest finds what a build could have got wrong: that each
 * record passes its check, each mark points where it says, each entry is reachable from its key's hash, and
 * that entries and records are the same set (equal counts, equal sums of their hashed offsets). */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "store/store_format.h"

/* All between header and digests, in blocks; and the digests themselves. */
static tdm_status verify_blocks(const tdm__store *store, tdm_error *err)
{
    const tdm__store_header *h = &store->head;
    const uint8_t *digests = store->map.ptr + h->digests_offset;
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
    }
    return TDM_OK;
}

static uint64_t offset_hash(uint64_t offset)
{
    return tdm__hash64(&offset, sizeof offset);
}

/* Each record in order, each mark where it points; adds up the hashed offsets. */
static tdm_status verify_records(const tdm__store *store, uint64_t *sum, tdm_error *err)
{
    tdm__store_cursor cursor = {store, 0, TDM__STORE_HEADER_BYTES};
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
        *sum += offset_hash(offset);
    }
}

static void prefetch_bucket_records(const tdm__store *store, uint64_t number)
{
    if (number >= store->head.buckets)
        return;
    const uint8_t *bucket = store->index + number * TDM__STORE_BUCKET_BYTES;
    for (int i = 0; i < TDM__STORE_BUCKET_SLOTS; i++) {
        uint64_t offset = tdm__entry_offset(tdm__get64(bucket + 8 + i * 8));
        if (offset < store->map.len)
            __builtin_prefetch(store->map.ptr + offset);
    }
}

/* The entry must carry its key's tag and lie where a search from its home comes by. `open_from` is the first bucket
 * from which overflow flags lead here without a gap. */
static tdm_status verify_entry(const tdm__store *store, uint64_t entry, uint64_t number, uint64_t open_from,
                               tdm_error *err)
{
    uint64_t offset = tdm__entry_offset(entry), end = TDM__STORE_HEADER_BYTES + store->head.records_bytes;
    const uint8_t *record = store->map.ptr + offset;
    if (offset < TDM__STORE_HEADER_BYTES || offset + TDM__RECORD_HEAD > end ||
        offset + TDM__RECORD_HEAD + tdm__get16(record + 8) > end)
        return tdm__store_damage(store, "an index entry points outside the records", offset, err);
    uint64_t hash = tdm__hash64(record + TDM__RECORD_HEAD, tdm__get16(record + 8));
    uint64_t home = tdm__bucket_home(hash, store->head.buckets_home);
    if (entry >> 48 != (hash & 0xffff) || home > number || home < open_from)
        return tdm__store_damage(store, "an index entry does not fit the record", offset, err);
    return TDM_OK;
}

static tdm_status verify_index(const tdm__store *store, uint64_t sum, tdm_error *err)
{
    enum { AHEAD = 4 };
    uint64_t entries = 0, open_from = 0;
    for (uint64_t number = 0; number < store->head.buckets; number++) {
        const uint8_t *bucket = store->index + number * TDM__STORE_BUCKET_BYTES;
        uint64_t at = store->head.index_offset + number * TDM__STORE_BUCKET_BYTES;
        uint32_t word = tdm__get32(bucket + 4), slots = word & 0xff;
        if (tdm__bucket_check(bucket, number) != tdm__get32(bucket) || slots > TDM__STORE_BUCKET_SLOTS ||
            word >> 9 != 0)
            return tdm__store_damage(store, "the index bucket does not match its check", at, err);
        prefetch_bucket_records(store, number + AHEAD);
        for (uint32_t i = 0; i < slots; i++) {
            uint64_t entry = tdm__get64(bucket + 8 + i * 8);
            tdm_status s = verify_entry(store, entry, number, open_from, err);
            if (s)
                return s;
            sum -= offset_hash(tdm__entry_offset(entry));
        }
        entries += slots;
        if (!(word & TDM__STORE_OVERFLOW))
            open_from = number + 1;
    }
    if (entries != store->head.rows || sum != 0 || open_from != store->head.buckets)
        return tdm__fail(err, TDM_CORRUPT, store->path, "index and records do not hold the same rows");
    return TDM_OK;
}

tdm_status tdm__store_verify(const tdm__store *store, tdm_error *err)
{
    uint64_t sum = 0;
    tdm__map_advise(&store->map, 0, store->map.len, TDM__ADVICE_WILL_NEED);
    if (tdm__hash64(store->map.ptr, TDM__STORE_HEADER_BYTES - 8) != store->head.check)
        return tdm__store_damage(store, "the header does not match its digest", 0, err);
    tdm_status s = verify_blocks(store, err);
    if (!s)
        s = verify_records(store, &sum, err);
    if (!s)
        s = verify_index(store, sum, err);
    return s;
}
