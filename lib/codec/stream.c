/* A file as its decompressed bytes.
 *
 * The first bytes choose one of three decoders; each reads from the same input buffer and writes straight to the
 * caller's memory. A compressed stream may end only between members or frames: an end anywhere else is damage. Memory
 * is the input buffer and the decoder's window (32 KiB for gzip, at most 8 MiB for zstd: what its format asks all
 * decoders to take; frames that need more are refused). */
#include "codec/stream.h"

#include <stdio.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/fail.h"
#include "base/memory.h"

enum { INPUT_BYTES = 128 << 10, WINDOW_LOG_MAX = 23 };

typedef struct decoder {
    /* Turns input into up to n bytes at `to`. *got may be 0 with input left or not: then it wants more input. */
    tdm_status (*decode)(tdm__stream *s, void *to, size_t n, size_t *got, tdm_error *err);
    void (*close)(tdm__stream *s);
} decoder;

struct tdm__stream {
    tdm__file *file;
    const char *path; /* the file's */
    const decoder *decoder;
    union {
        z_stream gzip;
        ZSTD_DStream *zstd;
    } state;
    bool between; /* no member or frame is open */
    bool ended;   /* of the file */
    uint64_t read_bytes, total_bytes;
    size_t at, end; /* input not yet decoded */
    unsigned char input[INPUT_BYTES];
};

static tdm_status damaged(const tdm__stream *s, const char *what, tdm_error *err)
{
    char where[256];
    snprintf(where, sizeof where, "%.200s: byte %llu", s->path, (unsigned long long)(s->read_bytes - (s->end - s->at)));
    return tdm__fail(err, TDM_CORRUPT, where, "the compressed data is damaged: %s", what);
}

/* ---- plain ---- */

static tdm_status plain_decode(tdm__stream *s, void *to, size_t n, size_t *got, tdm_error *err)
{
    (void)err;
    *got = n < s->end - s->at ? n : s->end - s->at;
    memcpy(to, s->input + s->at, *got);
    s->at += *got;
    return TDM_OK;
}

static void plain_close(tdm__stream *s)
{
    (void)s;
}

static const decoder plain = {plain_decode, plain_close};

/* ---- gzip ---- */

static void *gzip_alloc(void *self, unsigned items, unsigned size)
{
    (void)self;
    return tdm__zalloc(items, size);
}

static void gzip_free(void *self, void *p)
{
    (void)self;
    tdm__free(p);
}

static tdm_status gzip_decode(tdm__stream *s, void *to, size_t n, size_t *got, tdm_error *err)
{
    z_stream *z = &s->state.gzip;
    *got = 0;
    if (s->between && s->at < s->end) {
        if (inflateReset(z) != Z_OK)
            return tdm__fail(err, TDM_SYSTEM, s->path, "zlib could not be started");
        s->between = false;
    }
    if (s->between)
        return TDM_OK;
    size_t room = n < (1u << 30) ? n : 1u << 30;
    z->next_in = s->input + s->at;
    z->avail_in = (unsigned)(s->end - s->at);
    z->next_out = to;
    z->avail_out = (unsigned)room;
    int r = inflate(z, Z_NO_FLUSH);
    s->at = s->end - z->avail_in;
    *got = room - z->avail_out;
    s->between = r == Z_STREAM_END;
    if (r == Z_MEM_ERROR)
        return tdm__no_memory(err, s->path);
    if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
        return damaged(s, z->msg ? z->msg : "not gzip", err);
    return TDM_OK;
}

static void gzip_close(tdm__stream *s)
{
    inflateEnd(&s->state.gzip);
}

static const decoder gzip = {gzip_decode, gzip_close};

/* ---- zstd ---- */

static tdm_status zstd_decode(tdm__stream *s, void *to, size_t n, size_t *got, tdm_error *err)
{
    ZSTD_inBuffer in = {s->input, s->end, s->at};
    ZSTD_outBuffer out = {to, n, 0};
    *got = 0;
    if (s->between && s->at == s->end)
        return TDM_OK;
    size_t r = ZSTD_decompressStream(s->state.zstd, &out, &in);
    s->at = in.pos;
    *got = out.pos;
    if (ZSTD_isError(r) && ZSTD_getErrorCode(r) == ZSTD_error_frameParameter_windowTooLarge) {
        tdm_status status = tdm__fail(err, TDM_UNSUPPORTED, s->path, "the zstd window is larger than 8 MiB");
        tdm__fail_hint(err, "compress it without --long and at a level below 20");
        return status;
    }
    if (ZSTD_isError(r))
        return damaged(s, ZSTD_getErrorName(r), err);
    s->between = r == 0;
    return TDM_OK;
}

static void zstd_close(tdm__stream *s)
{
    ZSTD_freeDStream(s->state.zstd);
}

static const decoder zstd = {zstd_decode, zstd_close};

/* ---- the stream ---- */

/* More input behind what is left of it. */
static tdm_status fill(tdm__stream *s, tdm_error *err)
{
    size_t got = 0;
    memmove(s->input, s->input + s->at, s->end - s->at);
    s->end -= s->at;
    s->at = 0;
    if (s->end == INPUT_BYTES)
        return TDM_OK;
    tdm_status status = tdm__file_read_next(s->file, s->input + s->end, INPUT_BYTES - s->end, &got, err);
    s->ended = !status && got == 0;
    s->end += got;
    s->read_bytes += got;
    return status;
}

/* zstd's frames, and those that it skips, are told by 4 bytes. */
static bool is_zstd(const unsigned char *p)
{
    return (p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd) ||
           ((p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18);
}

static tdm_status choose_decoder(tdm__stream *s, tdm_error *err)
{
    tdm_status status = TDM_OK;
    while (!status && !s->ended && s->end < 4)
        status = fill(s, err);
    if (status)
        return status;
    s->decoder = &plain;
    s->between = true;
    if (s->end >= 2 && s->input[0] == 0x1f && s->input[1] == 0x8b) {
        s->state.gzip = (z_stream){.zalloc = gzip_alloc, .zfree = gzip_free};
        if (inflateInit2(&s->state.gzip, 15 + 16) != Z_OK)
            return tdm__no_memory(err, s->path);
        s->decoder = &gzip;
    } else if (s->end >= 4 && is_zstd(s->input)) {
        s->state.zstd = ZSTD_createDStream();
        if (!s->state.zstd)
            return tdm__no_memory(err, s->path);
        s->decoder = &zstd;
        if (ZSTD_isError(ZSTD_DCtx_setParameter(s->state.zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
            return tdm__fail(err, TDM_SYSTEM, s->path, "zstd could not be started");
    }
    return TDM_OK;
}

tdm_status tdm__stream_open(tdm__fs *fs, const char *path, tdm__stream **out, tdm_error *err)
{
    tdm__stream *s = tdm__new(tdm__stream);
    if (!s)
        return tdm__no_memory(err, path);
    tdm_status status = tdm__file_open(fs, path, TDM__READ, &s->file, err);
    if (status)
        goto open;
    s->path = tdm__file_path(s->file);
    if (strcmp(path, "-") != 0 && (status = tdm__file_size(s->file, &s->total_bytes, err)))
        goto start;
    status = choose_decoder(s, err);
    if (status)
        goto start;
    *out = s;
    return TDM_OK;
start:
    if (s->decoder)
        s->decoder->close(s);
    tdm__file_close(&s->file);
open:
    tdm__free(s);
    return status;
}

/* Large reads of a plain file go past the buffer. */
static tdm_status read_plainly(tdm__stream *s, void *to, size_t n, size_t *got, tdm_error *err)
{
    tdm_status status = tdm__file_read_next(s->file, to, n, got, err);
    s->read_bytes += *got;
    s->ended = !status && *got == 0;
    return status;
}

tdm_status tdm__stream_read(tdm__stream *s, void *to, size_t n, size_t *got, tdm_error *err)
{
    *got = 0;
    if (s->decoder == &plain && s->at == s->end && n > 0 && !s->ended)
        return read_plainly(s, to, n, got, err);
    while (n > 0) {
        size_t before = s->at;
        tdm_status status = s->decoder->decode(s, to, n, got, err);
        if (status || *got > 0)
            return status;
        if (s->at > before)
            continue;
        if (!s->ended) {
            if ((status = fill(s, err)))
                return status;
        } else {
            return s->between && s->at == s->end ? TDM_OK : damaged(s, "it is cut short", err);
        }
    }
    return TDM_OK;
}

void tdm__stream_progress(const tdm__stream *s, uint64_t *consumed, uint64_t *total)
{
    *consumed = s->read_bytes - (s->end - s->at);
    *total = s->total_bytes;
}

void tdm__stream_close(tdm__stream **stream)
{
    if (!stream || !*stream)
        return;
    tdm__stream *s = *stream;
    s->decoder->close(s);
    tdm__file_close(&s->file);
    tdm__free(s);
    *stream = NULL;
}
