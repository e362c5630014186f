/* Any byte of a store flipped: what finds it, and that nothing ever answers wrongly.
 *
 * For every byte of a small store: opening or verify must find the flip; without verify every lookup gives the right
 * record, or TDM_CORRUPT, never another record and never a false "not found"; so does going through in order. Then
 * hostile bytes: the header's digests are made to fit, so that the checks behind them are reached. */
#include "store_rows.h"

#include "os/sim_files.h"
#include "store/store_format.h"

enum { ROWS = 40, ABSENT = 20 };
static const char path[] = "/s.tdm";

static tdm__fs *disk_with_store(tdm__buf *bytes, uint64_t rows)
{
    tdm_error err;
    tdm__fs *fs = tdm__fs_sim_new(1);
    assert_non_null(fs);
    assert_ok(rows_build(fs, path, 0, rows, 0, &err), &err);
    assert_ok(tdm__read_file(fs, path, 1 << 26, bytes, &err), &err);
    return fs;
}

static tdm_status open_bytes(tdm__fs *fs, const tdm__buf *bytes, tdm__store **store)
{
    tdm_error err;
    assert_ok(tdm__write_file_durably(fs, path, bytes->ptr, bytes->len, &err), &err);
    return tdm__store_open(fs, path, store, &err);
}

typedef struct found { bool open, verify, get, scan, seek; } found;

/* What of an opened store notices damage; fails the test on any wrong answer. */
static void look(const tdm__store *store, uint64_t rows, found *f)
{
    tdm_error err;
    tdm__record record;
    tdm__store_cursor cursor;
    f->verify = tdm__store_verify(store, &err) == TDM_CORRUPT;
    assert_int_equal(tdm__store_verify_within(store, 0, &err) == TDM_CORRUPT, f->verify);
    for (uint64_t i = 0; i < rows + ABSENT; i++) {
        rows_row row;
        rows_make(&row, i);
        tdm_status s = tdm__store_get(store, row.key, &record, &err);
        if (s == TDM_CORRUPT)
            f->get = true;
        else
            assert_int_equal(s, i < rows ? TDM_OK : TDM_NOT_FOUND);
        if (s == TDM_OK)
            rows_assert(&record, i, i);
    }
    tdm_status s = tdm__store_seek(store, 0, &cursor, &err);
    f->seek = s == TDM_CORRUPT;
    for (uint64_t i = 0; s == TDM_OK; i++) {
        s = tdm__store_next(&cursor, &record, &err);
        f->scan |= s == TDM_CORRUPT;
        assert_true(s != TDM_NOT_FOUND || i == rows);
        if (s == TDM_OK)
            rows_assert(&record, i, i);
    }
}

/* The parts of a store, and what of them must be found without verify. */
static void every_flip_is_found(void **state)
{
    (void)state;
    tdm__buf bytes = {0};
    tdm__fs *fs = disk_with_store(&bytes, ROWS);
    tdm__store *store;
    assert_int_equal(open_bytes(fs, &bytes, &store), TDM_OK);
    tdm__store_header h = store->head;
    found none = {0};
    look(store, ROWS, &none);
    assert_false(none.verify || none.get || none.scan || none.seek);
    tdm__store_close(&store);
    size_t only_verify = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        found f = {0};
        char flip = (char)(i % 3 ? 1 << i % 8 : 0xff);
        bytes.ptr[i] ^= flip;
        f.open = open_bytes(fs, &bytes, &store) == TDM_CORRUPT;
        bytes.ptr[i] ^= flip;
        if (!f.open) {
            look(store, ROWS, &f);
            tdm__store_close(&store);
        }
        assert_true(f.open || f.verify);
        bool in_records = i >= TDM__STORE_HEADER_BYTES && i < TDM__STORE_HEADER_BYTES + h.records_bytes;
        bool in_marks = i >= h.marks_offset && i < h.marks_offset + h.marks * TDM__STORE_MARK_BYTES;
        bool in_index = i >= h.index_offset && i < h.texts_offset;
        bool in_texts = i >= h.texts_offset && i < h.texts_offset + h.schema_bytes + h.meta_bytes;
        assert_true(f.open == (i < TDM__STORE_HEADER_BYTES || in_texts));
        assert_true(!in_records || (f.get && f.scan));
        assert_true(!in_marks || f.seek);
        assert_true(!in_index || f.get);
        bool padding_or_digests = !f.open && !in_records && !in_marks && !in_index;
        assert_true(padding_or_digests == !(f.open || f.get || f.scan || f.seek));
        only_verify += padding_or_digests;
    }
    printf("# %zu bytes; %zu of them, padding and block digests, are found by verify only\n", bytes.len, only_verify);
    tdm__buf_free(&bytes);
    tdm__fs_sim_close(&fs);
}

/* Makes digests and header fit whatever the body now says. */
static void forge(tdm__buf *bytes, const tdm__store_header *original)
{
    tdm__store_header h = *original;
    uint8_t *b = (uint8_t *)bytes->ptr;
    for (uint64_t i = 0; i < h.digests; i++) {
        uint64_t at = TDM__STORE_HEADER_BYTES + i * TDM__STORE_DIGEST_BLOCK, n = h.digests_offset - at;
        n = n < TDM__STORE_DIGEST_BLOCK ? n : TDM__STORE_DIGEST_BLOCK;
        tdm__store64(b + h.digests_offset + i * 8, tdm__hash64(b + at, n));
    }
    h.digests_digest = tdm__hash64(b + h.digests_offset, h.digests * 8);
    h.texts_digest = tdm__hash64(b + h.texts_offset, h.schema_bytes + h.meta_bytes);
    tdm__store_header_encode(&h, b);
}

/* Swaps an entry with one far away: as many entries, of the same records, and two where no search finds them. */
static void swap_with_last(uint8_t *b, const tdm__store_header *h, uint8_t *entry)
{
    uint64_t number = h->buckets - 1, mine = tdm__load64(entry);
    uint8_t *other = b + h->index_offset + number * TDM__STORE_BUCKET_BYTES;
    for (; tdm__load32(other + 4) % 256 == 0; number--)
        other -= TDM__STORE_BUCKET_BYTES;
    tdm__store64(entry, tdm__load64(other + 8));
    tdm__store64(other + 8, mine);
    tdm__store32(other, tdm__bucket_check(other, number));
}

/* Digests that fit do not help: verify compares records, marks and index with each other. */
static void forged_bodies(void **state)
{
    (void)state;
    tdm__buf bytes = {0}, copy = {0};
    tdm__fs *fs = disk_with_store(&bytes, ROWS);
    tdm__store *store;
    tdm_error err;
    assert_int_equal(open_bytes(fs, &bytes, &store), TDM_OK);
    tdm__store_header h = store->head;
    tdm__store_close(&store);
    for (int what = 0; what < 7; what++) {
        tdm__buf_reset(&copy);
        tdm__buf_add(&copy, bytes.ptr, bytes.len);
        uint8_t *b = (uint8_t *)copy.ptr, *bucket = b + h.index_offset, *mark = b + h.marks_offset;
        while (tdm__load32(bucket + 4) < 2)
            bucket += TDM__STORE_BUCKET_BYTES;
        uint64_t number = (uint64_t)(bucket - b - h.index_offset) / TDM__STORE_BUCKET_BYTES;
        if (what == 0) /* an entry twice */
            memcpy(bucket + 8, bucket + 16, 8);
        else if (what == 1) /* an entry of another hash */
            bucket[15] ^= 1;
        else if (what == 2) /* an entry less */
            tdm__store32(bucket + 4, tdm__load32(bucket + 4) - 1);
        else if (what == 3) /* an entry far outside */
            tdm__store64(bucket + 8, UINT64_MAX);
        else if (what == 4) { /* a mark elsewhere */
            tdm__store64(mark, TDM__STORE_HEADER_BYTES + 1);
            tdm__store64(mark + 8, tdm__mark_check(mark, 0));
        } else if (what == 5)
            swap_with_last(b, &h, bucket + 8);
        else /* more slots than a bucket has */
            bucket[4] = 200;
        tdm__store32(bucket, tdm__bucket_check(bucket, number));
        forge(&copy, &h);
        assert_int_equal(open_bytes(fs, &copy, &store), TDM_OK);
        assert_int_equal(tdm__store_verify(store, &err), TDM_CORRUPT);
        assert_int_equal(tdm__store_verify_within(store, 0, &err), TDM_CORRUPT);
        tdm__store_close(&store);
    }
    tdm__buf_free(&bytes);
    tdm__buf_free(&copy);
    tdm__fs_sim_close(&fs);
}

/* Header fields set to anything, with a check that fits: no arithmetic leads outside. */
static void forged_headers(void **state)
{
    (void)state;
    tdm__buf bytes = {0};
    tdm__fs *fs = disk_with_store(&bytes, ROWS);
    tdm__store *store;
    static const uint64_t values[] = {0, 1, 63, 4096, UINT32_MAX, UINT64_C(1) << 47, UINT64_C(1) << 63, UINT64_MAX,
                                      UINT64_MAX - 63};
    uint8_t *b = (uint8_t *)bytes.ptr;
    for (size_t field = 16; field < 16 + 15 * 8; field += 8)
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            uint64_t before = tdm__load64(b + field);
            tdm__store64(b + field, values[i]);
            tdm__store64(b + TDM__STORE_HEADER_BYTES - 8, tdm__hash64(b, TDM__STORE_HEADER_BYTES - 8));
            tdm_status s = open_bytes(fs, &bytes, &store);
            if (s == TDM_OK) {
                found f = {0};
                assert_true(values[i] == before || field >= 16 + 11 * 8);
                look(store, ROWS, &f);
                assert_true(f.verify == (values[i] != before));
                tdm__store_close(&store);
            } else {
                assert_int_equal(s, TDM_CORRUPT);
            }
            tdm__store64(b + field, before);
        }
    tdm__buf_free(&bytes);
    tdm__fs_sim_close(&fs);
}

/* Blocks of more than one digest: verify names the block. */
static void verify_names_the_block(void **state)
{
    (void)state;
    tdm__buf bytes = {0};
    tdm__fs *fs = disk_with_store(&bytes, 12000);
    tdm__store *store;
    tdm_error err;
    assert_true(bytes.len > 2 * TDM__STORE_DIGEST_BLOCK - 700000);
    bytes.ptr[TDM__STORE_HEADER_BYTES + TDM__STORE_DIGEST_BLOCK + 5] ^= 4;
    assert_int_equal(open_bytes(fs, &bytes, &store), TDM_OK);
    assert_int_equal(tdm__store_verify(store, &err), TDM_CORRUPT);
    assert_non_null(strstr(err.found, "between bytes 1052672 and "));
    tdm__store_close(&store);
    tdm__buf_free(&bytes);
    tdm__fs_sim_close(&fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flip_is_found),
        cmocka_unit_test(forged_bodies),
        cmocka_unit_test(forged_headers),
        cmocka_unit_test(verify_names_the_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
