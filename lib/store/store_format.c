/* The header and the record layout of stores, to and from bytes.
 *
 * The header's offsets all follow from five counts, so decoding recomputes them and compares: there is one valid
 * placing, and no arithmetic on an offset that somebody else chose. */
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "store/store_format.h"

static const char magic[8] = {'T', 'D', 'M', 'S', 'T', 'O', 'R', 'E'};

/* The header's fields behind magic, version and size, in order. */
#define HEADER_FIELDS(X)                                                                                          \
    X(file_bytes) X(rows) X(records_bytes) X(marks_offset) X(marks) X(index_offset) X(buckets_home) X(buckets)    \
    X(texts_offset) X(schema_bytes) X(meta_bytes) X(texts_digest) X(digests_offset) X(digests) X(digests_digest)

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

uint64_t tdm__store_buckets_home(uint64_t rows)
{
    return rows ? (rows * 2 + 8) / 9 : 1;
}

void tdm__store_header_place(tdm__store_header *h)
{
    h->buckets_home = tdm__store_buckets_home(h->rows);
    h->marks = (h->rows + TDM__STORE_MARK - 1) / TDM__STORE_MARK;
    h->marks_offset = round_up(TDM__STORE_HEADER_BYTES + h->records_bytes, 64);
    h->index_offset = round_up(h->marks_offset + h->marks * TDM__STORE_MARK_BYTES, 64);
    h->texts_offset = h->index_offset + h->buckets * TDM__STORE_BUCKET_BYTES;
    h->digests_offset = round_up(h->texts_offset + h->schema_bytes + h->meta_bytes, 8);
    h->digests = (h->digests_offset - TDM__STORE_HEADER_BYTES + TDM__STORE_DIGEST_BLOCK - 1) / TDM__STORE_DIGEST_BLOCK;
    h->file_bytes = h->digests_offset + h->digests * 8;
}

void tdm__store_header_encode(tdm__store_header *h, uint8_t to[TDM__STORE_HEADER_BYTES])
{
    memset(to, 0, TDM__STORE_HEADER_BYTES);
    memcpy(to, magic, sizeof magic);
    tdm__put32(to + 8, TDM__STORE_VERSION);
    tdm__put32(to + 12, TDM__STORE_HEADER_BYTES);
    uint8_t *at = to + 16;
#define PUT(name) tdm__put64(at, h->name), at += 8;
    HEADER_FIELDS(PUT)
#undef PUT
    h->check = tdm__hash64(to, TDM__STORE_HEADER_BYTES - 8);
    tdm__put64(to + TDM__STORE_HEADER_BYTES - 8, h->check);
}

/* The counts and offsets as written must be those that follow from the counts, and fill the file exactly. */
static bool placing_holds(const tdm__store_header *h, uint64_t file_bytes)
{
    if (h->file_bytes != file_bytes || file_bytes > TDM__STORE_OFFSET_MAX)
        return false;
    if (h->records_bytes > file_bytes || h->rows > h->records_bytes ||
        h->buckets > file_bytes / TDM__STORE_BUCKET_BYTES ||
        h->schema_bytes > TDM__STORE_SCHEMA_MAX || h->meta_bytes > TDM__STORE_META_MAX)
        return false;
    tdm__store_header p = *h;
    tdm__store_header_place(&p);
    return memcmp(&p, h, sizeof p) == 0 && p.buckets >= p.buckets_home;
}

tdm_status tdm__store_header_decode(const uint8_t *from, uint64_t file_bytes, const char *path, tdm__store_header *out,
                                    tdm_error *err)
{
    if (file_bytes < TDM__STORE_HEADER_BYTES || memcmp(from, magic, sizeof magic) != 0)
        return tdm__fail(err, TDM_CORRUPT, path, "this is not a store, or its first bytes are damaged");
    out->check = tdm__get64(from + TDM__STORE_HEADER_BYTES - 8);
    if (tdm__hash64(from, TDM__STORE_HEADER_BYTES - 8) != out->check)
        return tdm__fail(err, TDM_CORRUPT, path, "the header does not match its digest");
    uint32_t version = tdm__get32(from + 8);
    if (version != TDM__STORE_VERSION) {
        tdm_status s = tdm__fail(err, TDM_UNSUPPORTED, path, "the store has a newer format");
        tdm__fail_expected(err, "version %d", TDM__STORE_VERSION);
        tdm__fail_found(err, "version %" PRIu32, version);
        return s;
    }
    const uint8_t *at = from + 16;
#define GET(name) out->name = tdm__get64(at), at += 8;
    HEADER_FIELDS(GET)
#undef GET
    if (tdm__get32(from + 12) != TDM__STORE_HEADER_BYTES || !placing_holds(out, file_bytes)) {
        tdm_status s = tdm__fail(err, TDM_CORRUPT, path, "the sections of the header do not fill the file");
        tdm__fail_expected(err, "%" PRIu64 " bytes", out->file_bytes);
        tdm__fail_found(err, "%" PRIu64 " bytes", file_bytes);
        return s;
    }
    return TDM_OK;
}
