/* Streams: plain, gzip and zstd files give the same bytes for any reads; every cut and most flips are told. */
#include "support.h"

#include <zlib.h>
#include <zstd.h>

#include "base/random.h"
#include "codec/stream.h"
#include "os/sim_files.h"

typedef struct bytes {
    unsigned char *ptr;
    size_t len;
} bytes;

static bytes make_text(size_t n)
{
    bytes b = {malloc(n + 1), n};
    tdm__random random;
    tdm__random_seed(&random, support_seed());
    for (size_t i = 0; i < n; i++)
        b.ptr[i] = (unsigned char)("0123456789,\n"[tdm__random_below(&random, 12)]);
    return b;
}

/* Two members of half the text each, and an empty one between. */
static bytes gzip_members(bytes text)
{
    bytes out = {malloc(text.len + 1000), 0};
    size_t at[] = {0, text.len / 2, text.len / 2, text.len};
    for (int i = 0; i < 3; i++) {
        z_stream z = {0};
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
        z.next_in = text.ptr + at[i];
        z.avail_in = (unsigned)(at[i + 1] - at[i]);
        z.next_out = out.ptr + out.len;
        z.avail_out = (unsigned)(text.len + 1000 - out.len);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        out.len = (size_t)(z.next_out - out.ptr);
        deflateEnd(&z);
    }
    return out;
}

/* A frame, one to be skipped, and another frame. */
static bytes zstd_frames(bytes text)
{
    static const unsigned char skip[] = {0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'x', 'y', 'z'};
    size_t room = ZSTD_compressBound(text.len) + 1000, half = text.len / 2;
    bytes out = {malloc(room), 0};
    out.len = ZSTD_compress(out.ptr, room, text.ptr, half, 3);
    assert_false(ZSTD_isError(out.len));
    memcpy(out.ptr + out.len, skip, sizeof skip);
    out.len += sizeof skip;
    size_t n = ZSTD_compress(out.ptr + out.len, room - out.len, text.ptr + half, text.len - half, 3);
    assert_false(ZSTD_isError(n));
    out.len += n;
    return out;
}

/* The files lie on a disk in memory: there are thousands. */
static tdm__fs *disk;

static const char *write_file(bytes b)
{
    tdm__file *file;
    tdm_error err;
    assert_ok(tdm__file_open(disk, "/file", TDM__WRITE | TDM__CREATE | TDM__TRUNCATE, &file, &err), &err);
    assert_ok(tdm__file_write_at(file, 0, b.ptr, b.len, &err), &err);
    tdm__file_close(&file);
    return "/file";
}

/* Reads all with reads of up to `step` bytes; *n is what came. */
static tdm_status read_from(tdm__fs *fs, const char *path, size_t step, unsigned char *to, size_t room, size_t *n, tdm_error *err)
{
    tdm__stream *s;
    *n = 0;
    tdm_status status = tdm__stream_open(fs, path, &s, err);
    if (status)
        return status;
    for (size_t got = 1; !status && got > 0; *n += got) {
        got = 0;
        if (*n == room)
            break;
        status = tdm__stream_read(s, to + *n, room - *n < step ? room - *n : step, &got, err);
    }
    if (!status) {
        uint64_t consumed, total;
        tdm__stream_progress(s, &consumed, &total);
        assert_true(*n == room || consumed == total);
    }
    tdm__stream_close(&s);
    assert_null(s);
    return status;
}

static tdm_status read_all(const char *path, size_t step, unsigned char *to, size_t room, size_t *n, tdm_error *err)
{
    return read_from(disk, path, step, to, room, n, err);
}

static void expect_text(bytes file, bytes text)
{
    static const size_t steps[] = {1, 7, 4096, 1 << 20};
    unsigned char *got = malloc(text.len + 16);
    const char *path = write_file(file);
    for (size_t i = 0; i < 4; i++) {
        size_t n;
        tdm_error err;
        if (i == 0 && text.len > 100000)
            continue;
        assert_ok(read_all(path, steps[i], got, text.len + 16, &n, &err), &err);
        assert_int_equal(n, text.len);
        assert_memory_equal(got, text.ptr, n);
    }
    free(got);
}

static void test_same_bytes(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 4, 100, 70000, 500000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bytes text = make_text(sizes[i]), gz = gzip_members(text), zst = zstd_frames(text);
        expect_text(text, text);
        expect_text(gz, text);
        expect_text(zst, text);
        free(text.ptr);
        free(gz.ptr);
        free(zst.ptr);
    }
}

/* A compressed file cut anywhere: damage, or where it is cut between members and frames, what stands before. */
static void expect_cuts_told(bytes file, bytes text, size_t first)
{
    unsigned char *got = malloc(text.len + 1);
    size_t whole = 0;
    for (size_t cut = first; cut < file.len; cut++) {
        size_t n;
        tdm_error err;
        tdm_status s = read_all(write_file((bytes){file.ptr, cut}), 1 << 20, got, text.len + 1, &n, &err);
        if (s == TDM_OK) {
            assert_true(n == text.len / 2 || n == text.len);
            whole++;
            continue;
        }
        assert_status(s, TDM_CORRUPT, &err);
        assert_non_null(strstr(err.where, ": byte "));
    }
    assert_true(whole <= 3);
    free(got);
}

static void test_cuts(void **state)
{
    (void)state;
    bytes text = make_text(300), gz = gzip_members(text), zst = zstd_frames(text);
    expect_cuts_told(gz, text, 2);
    expect_cuts_told(zst, text, 4);
    free(text.ptr);
    free(gz.ptr);
    free(zst.ptr);
}

/* Each bit of a gzip file flipped: damage, or the same bytes (flags and times of the header are not checked). */
static void test_flips(void **state)
{
    (void)state;
    bytes text = make_text(300), gz = gzip_members(text);
    enum { ROOM = 1 << 18 };
    unsigned char *got = malloc(ROOM); /* whatever a flip unpacks to: all must be read for the check at the end */
    for (size_t i = 16; i < gz.len * 8; i++) {
        size_t n;
        tdm_error err;
        gz.ptr[i / 8] ^= (unsigned char)(1 << i % 8);
        tdm_status s = read_all(write_file(gz), 1 << 20, got, ROOM, &n, &err);
        gz.ptr[i / 8] ^= (unsigned char)(1 << i % 8);
        if (s == TDM_OK && (n != text.len || memcmp(got, text.ptr, n) != 0))
            fail_msg("bit %zu: %zu bytes", i, n);
        if (s == TDM_OK)
            continue;
        else
            assert_status(s, TDM_CORRUPT, &err);
    }
    free(got);
    free(text.ptr);
    free(gz.ptr);
}

static void test_what_follows(void **state)
{
    (void)state;
    bytes text = make_text(100), gz = gzip_members(text);
    unsigned char *longer = calloc(1, gz.len + 10), got[200];
    size_t n;
    tdm_error err;
    memcpy(longer, gz.ptr, gz.len);
    assert_status(read_all(write_file((bytes){longer, gz.len + 10}), 100, got, 200, &n, &err), TDM_CORRUPT, &err);
    free(longer);
    free(text.ptr);
    free(gz.ptr);
}

/* A frame that wants a window of 64 MiB is refused with advice, not served with memory. */
static void test_large_window(void **state)
{
    (void)state;
    bytes text = make_text(1000);
    unsigned char file[4096], got[2000];
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, 26);
    ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    ZSTD_inBuffer in = {text.ptr, text.len, 0};
    ZSTD_outBuffer out = {file, sizeof file, 0};
    ZSTD_compressStream2(c, &out, &in, ZSTD_e_flush);
    assert_int_equal(ZSTD_compressStream2(c, &out, &in, ZSTD_e_end), 0);
    ZSTD_freeCCtx(c);
    size_t n;
    tdm_error err;
    assert_status(read_all(write_file((bytes){file, out.pos}), 100, got, 2000, &n, &err), TDM_UNSUPPORTED, &err);
    assert_true(err.hint[0]);
    free(text.ptr);
}

static void test_no_memory(void **state)
{
    (void)state;
    bytes text = make_text(3000), gz = gzip_members(text);
    const char *path = support_path(support_temp_dir(), "rows.gz"); /* the simulated disk asks for memory too */
    support_write_file(path, gz.ptr, gz.len);
    unsigned char got[4000];
    for (uint64_t i = 1;; i++) {
        size_t n;
        tdm_error err;
        support_fail_alloc_at(i);
        tdm_status s = read_from(tdm__fs_posix(), path, 100, got, sizeof got, &n, &err);
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        if (!hit) {
            assert_ok(s, &err);
            break;
        }
        assert_status(s, TDM_NO_MEMORY, &err);
    }
    free(text.ptr);
    free(gz.ptr);
}

static void test_not_there(void **state)
{
    (void)state;
    tdm__stream *s;
    tdm_error err;
    assert_status(tdm__stream_open(tdm__fs_posix(), "/nowhere/x", &s, &err), TDM_NOT_FOUND, &err);
}

static int make_disk(void **state)
{
    (void)state;
    disk = tdm__fs_sim_new(support_seed());
    return disk ? 0 : -1;
}

static int drop_disk(void **state)
{
    (void)state;
    tdm__fs_sim_close(&disk);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),   cmocka_unit_test(test_cuts),         cmocka_unit_test(test_flips),
        cmocka_unit_test(test_what_follows), cmocka_unit_test(test_large_window), cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_not_there),
    };
    return cmocka_run_group_tests(tests, make_disk, drop_disk);
}
