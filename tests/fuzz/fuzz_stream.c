/* Streams from any bytes, as they are and compressed here: sizes of reads do not matter, and what was packed comes
 * out. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "codec/stream.h"
#include "os/sim_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 20 }; /* a small file may unpack to anything */

static void must(bool held)
{
    if (!held)
        abort();
}

static void write_file(tdm__fs *fs, const void *bytes, size_t n)
{
    tdm__file *file;
    must(!tdm__file_open(fs, "/f", TDM__WRITE | TDM__CREATE | TDM__TRUNCATE, &file, NULL));
    must(!tdm__file_write_at(file, 0, bytes, n, NULL));
    tdm__file_close(&file);
}

/* Reads up to OUT_MAX bytes, `step` at a time. */
static tdm_status read_file(tdm__fs *fs, size_t step, tdm__buf *out)
{
    tdm__stream *s;
    tdm_error err;
    size_t got = 1;
    tdm__buf_reset(out);
    tdm_status status = tdm__stream_open(fs, "/f", &s, &err);
    if (status)
        return status;
    while (!status && got > 0 && out->len < OUT_MAX) {
        char *to = tdm__buf_reserve(out, step);
        got = 0;
        must(to != NULL);
        status = tdm__stream_read(s, to, step, &got, &err);
        must(got <= step);
        out->len += got;
    }
    must(!status || (err.where[0] && err.what[0]));
    tdm__stream_close(&s);
    return status;
}

static void check_packed(tdm__fs *fs, const void *packed, size_t n, const uint8_t *data, size_t size, tdm__buf *out)
{
    write_file(fs, packed, n);
    must(!read_file(fs, 1 << 16, out) && out->len == size && (size == 0 || memcmp(out->ptr, data, size) == 0));
}

static void pack_and_check(tdm__fs *fs, const uint8_t *data, size_t size, tdm__buf *out)
{
    size_t room = ZSTD_compressBound(size) + compressBound(size) + 64;
    uint8_t *packed = malloc(room);
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)data, .avail_in = (unsigned)size, .next_out = packed, .avail_out = (unsigned)room};
    must(packed && deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    must(deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t n = room - z.avail_out;
    deflateEnd(&z);
    check_packed(fs, packed, n, data, size, out);
    n = ZSTD_compress(packed, room, data, size, 1);
    must(!ZSTD_isError(n));
    check_packed(fs, packed, n, data, size, out);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__fs *fs = tdm__fs_sim_new(1);
    tdm__buf small = {0}, large = {0};
    must(fs != NULL && size < 1 << 20);
    write_file(fs, data, size);
    tdm_status a = read_file(fs, 1 + size % 61, &small), b = read_file(fs, OUT_MAX, &large);
    size_t both = small.len < large.len ? small.len : large.len;
    must(a == b || small.len >= OUT_MAX || large.len >= OUT_MAX);
    must(both == 0 || memcmp(small.ptr, large.ptr, both) == 0);
    pack_and_check(fs, data, size, &large);
    tdm__buf_free(&small);
    tdm__buf_free(&large);
    tdm__fs_sim_close(&fs);
    return 0;
}
