/* gzip and deflate bodies.
 *
 * One inflate state reads all formats and one deflate state writes both: the frame around raw deflate (ten bytes before
 * and eight behind for gzip, two and four for zlib's format) is written here, since zlib cannot change it on a state that
 * stands. Both states are made when first needed and then kept. */
#include "net/content_coding.h"

#include <string.h>

#include <zlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "net/http_impl.h"

enum { WINDOW_BITS = 15, GZIP_BITS = WINDOW_BITS + 16, RAW_BITS = -WINDOW_BITS, FEED_MAX = 1 << 30, LEVEL = 1 };

struct tdm__coder {
    z_stream in, out;
    bool reads, writes; /* the states stand */
};

/* ---- fields ---- */

const char *tdm__coding_name(tdm__coding coding)
{
    return coding == TDM__CODING_GZIP ? "gzip" : coding == TDM__CODING_DEFLATE ? "deflate" : "identity";
}

/* False when it is none of ours. */
static bool find_coding(tdm_str name, tdm__coding *out)
{
    *out = tdm__http_same(name, "gzip") || tdm__http_same(name, "x-gzip") ? TDM__CODING_GZIP
           : tdm__http_same(name, "deflate")                              ? TDM__CODING_DEFLATE
                                                                          : TDM__CODING_NONE;
    return *out || tdm__http_same(name, "identity");
}

tdm_status tdm__coding_of(tdm_str content_encoding, tdm__coding *out, tdm_error *err)
{
    *out = TDM__CODING_NONE;
    if (!content_encoding.ptr || find_coding(tdm__str_trim(content_encoding), out))
        return TDM_OK;
    tdm_status status = tdm__fail(err, TDM_HTTP_MEDIA_TYPE, "header Content-Encoding", "this coding is not taken");
    tdm__fail_expected(err, "gzip, deflate or identity");
    tdm__fail_found_text(err, content_encoding);
    return status;
}

/* "q=0.25" as 250; -1 when it is no weight. */
static int weight_of(tdm_str parameter)
{
    tdm_str text, name = tdm__str_trim(tdm__str_cut(tdm__str_trim(parameter), '=', &text));
    text = tdm__str_trim(text);
    if (!tdm__http_same(name, "q") || text.len < 1 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.'))
        return -1;
    int q = (text.ptr[0] - '0') * 1000, unit = 100;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        q += (text.ptr[i] - '0') * unit;
    }
    return q <= 1000 ? q : -1;
}

tdm__coding tdm__coding_accepted(tdm_str accept_encoding)
{
    int gzip = -1, deflate = -1, any = 0;
    for (tdm_str list = accept_encoding; list.ptr;) {
        tdm_str parameter, one = tdm__str_cut(list, ',', &list);
        tdm_str name = tdm__str_trim(tdm__str_cut(one, ';', &parameter));
        int weight = parameter.ptr ? weight_of(parameter) : 1000;
        if (weight < 0)
            return TDM__CODING_NONE;
        if (tdm__http_same(name, "gzip") || tdm__http_same(name, "x-gzip"))
            gzip = weight;
        else if (tdm__http_same(name, "deflate"))
            deflate = weight;
        else if (tdm__http_same(name, "*"))
            any = weight;
    }
    gzip = gzip < 0 ? any : gzip;
    deflate = deflate < 0 ? any : deflate;
    if (gzip <= 0 && deflate <= 0)
        return TDM__CODING_NONE;
    return gzip >= deflate ? TDM__CODING_GZIP : TDM__CODING_DEFLATE;
}

/* ---- states ---- */

static void *zlib_alloc(void *self, unsigned items, unsigned size)
{
    (void)self;
    return tdm__zalloc(items, size);
}

static void zlib_free(void *self, void *p)
{
    (void)self;
    tdm__free(p);
}

tdm__coder *tdm__coder_new(void)
{
    tdm__coder *coder = tdm__new(tdm__coder);
    if (!coder)
        return NULL;
    coder->in.zalloc = coder->out.zalloc = zlib_alloc;
    coder->in.zfree = coder->out.zfree = zlib_free;
    return coder;
}

void tdm__coder_close(tdm__coder **coder)
{
    if (!*coder)
        return;
    if ((*coder)->reads)
        inflateEnd(&(*coder)->in);
    if ((*coder)->writes)
        deflateEnd(&(*coder)->out);
    tdm__free(*coder);
    *coder = NULL;
}

/* ---- expanding ---- */

static tdm_status damaged(tdm_error *err, const char *what)
{
    return tdm__fail(err, TDM_HTTP_CODING, "body", "the compressed body is damaged: %s", what);
}

/* Clients call two formats deflate. A first byte of zlib's would begin a raw stream by a stored block with padding that
 * is not zero, which nobody writes. */
static int deflate_bits(tdm_str body)
{
    unsigned a = body.len > 1 ? (unsigned char)body.ptr[0] : 0, b = body.len > 1 ? (unsigned char)body.ptr[1] : 0;
    return (a & 15) == Z_DEFLATED && (a << 8 | b) % 31 == 0 ? WINDOW_BITS : RAW_BITS;
}

static bool start_reading(tdm__coder *coder, tdm__coding coding, tdm_str body)
{
    int bits = coding == TDM__CODING_GZIP ? GZIP_BITS : deflate_bits(body);
    if (coder->reads)
        return inflateReset2(&coder->in, bits) == Z_OK;
    coder->in.next_in = NULL;
    coder->in.avail_in = 0;
    coder->reads = inflateInit2(&coder->in, bits) == Z_OK;
    return coder->reads;
}

/* More than this is refused. */
static uint64_t expansion_max(tdm_str body, uint64_t bytes_max, unsigned ratio_max)
{
    const uint64_t ever = UINT64_C(1) << 40; /* no block of ours is larger */
    uint64_t by_ratio;
    if (__builtin_mul_overflow((uint64_t)body.len, (uint64_t)ratio_max, &by_ratio) || by_ratio > ever)
        by_ratio = ever;
    if (by_ratio < TDM__EXPANSION_FREE_BYTES)
        by_ratio = TDM__EXPANSION_FREE_BYTES;
    return by_ratio < bytes_max ? by_ratio : bytes_max;
}

static tdm_status too_large(uint64_t most, uint64_t bytes_max, tdm_error *err)
{
    tdm_status status = tdm__fail(err, TDM_TOO_LARGE, "body", most < bytes_max ? "the body expands too far"
                                                                              : "the expanded body is too large");
    tdm__fail_expected(err, "at most %llu bytes", (unsigned long long)most);
    return status;
}

/* Inflates what there is input for into the room at the end of `out`, of which at most `room` bytes are used. */
static int inflate_some(z_stream *z, tdm_str *body, tdm__buf *out, size_t room)
{
    size_t given = body->len < FEED_MAX ? body->len : FEED_MAX;
    z->next_in = (Bytef *)(uintptr_t)body->ptr;
    z->avail_in = (unsigned)given;
    z->next_out = (Bytef *)out->ptr + out->len;
    z->avail_out = (unsigned)(room < FEED_MAX ? room : FEED_MAX);
    unsigned before = z->avail_out;
    int r = inflate(z, Z_NO_FLUSH);
    *body = tdm__strn(body->ptr + (given - z->avail_in), body->len - (given - z->avail_in));
    out->len += before - z->avail_out;
    return r;
}

/* One byte of room more than is allowed tells too much from just enough. */
static tdm_status expand(tdm__coder *coder, tdm_str body, uint64_t most, uint64_t bytes_max, tdm__buf *out, tdm_error *err)
{
    enum { STEP_MIN = 4 << 10 };
    int r = Z_OK;
    while (r != Z_STREAM_END) {
        size_t room = out->cap > out->len + STEP_MIN ? out->cap - out->len - 1 : out->len + STEP_MIN;
        if (room > most + 1 - out->len)
            room = (size_t)(most + 1 - out->len);
        if (!tdm__buf_reserve(out, room))
            return tdm__no_memory(err, NULL);
        size_t before = out->len;
        r = inflate_some(&coder->in, &body, out, room);
        if (out->len > most)
            return too_large(most, bytes_max, err);
        if (r == Z_MEM_ERROR)
            return tdm__no_memory(err, NULL);
        if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
            return damaged(err, coder->in.msg ? coder->in.msg : "it needs a dictionary");
        if (r != Z_STREAM_END && body.len == 0 && out->len - before < room)
            return damaged(err, "it is cut short");
    }
    return body.len ? damaged(err, "bytes follow its end") : TDM_OK;
}

tdm_status tdm__coder_expand(tdm__coder *coder, tdm__coding coding, tdm_str body, uint64_t bytes_max, unsigned ratio_max,
                             tdm__buf *out, tdm_error *err)
{
    uint64_t most = expansion_max(body, bytes_max, ratio_max);
    tdm__buf_reset(out);
    if (coding == TDM__CODING_NONE) {
        if (body.len > bytes_max)
            return too_large(bytes_max, bytes_max, err);
        tdm__buf_str(out, body);
        return tdm__buf_check(out, err);
    }
    if (!start_reading(coder, coding, body))
        return tdm__no_memory(err, NULL);
    return expand(coder, body, most, bytes_max, out, err);
}

/* ---- packing ---- */

static bool start_writing(tdm__coder *coder)
{
    enum { MEMORY_LEVEL = 8 };
    if (coder->writes)
        return deflateReset(&coder->out) == Z_OK;
    coder->writes = deflateInit2(&coder->out, LEVEL, Z_DEFLATED, RAW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
    return coder->writes;
}

static bool deflate_all(z_stream *z, tdm_str body, tdm__buf *out)
{
    enum { STEP = 64 << 10 };
    int r = Z_OK;
    while (r == Z_OK || r == Z_BUF_ERROR) {
        size_t given = body.len < FEED_MAX ? body.len : FEED_MAX;
        size_t bound = deflateBound(z, (uLong)given), room = bound > STEP ? bound : STEP;
        char *to = tdm__buf_reserve(out, room);
        if (!to)
            return false;
        z->next_in = (Bytef *)(uintptr_t)body.ptr;
        z->avail_in = (unsigned)given;
        z->next_out = (Bytef *)to;
        z->avail_out = (unsigned)(room < FEED_MAX ? room : FEED_MAX);
        unsigned before = z->avail_out;
        r = deflate(z, given == body.len ? Z_FINISH : Z_NO_FLUSH);
        out->len += before - z->avail_out;
        body = tdm__strn(body.ptr + (given - z->avail_in), body.len - (given - z->avail_in));
    }
    return r == Z_STREAM_END;
}

static void add_u32(tdm__buf *out, uint32_t v, bool big_endian)
{
    unsigned char bytes[4];
    tdm__store32(bytes, big_endian ? __builtin_bswap32(v) : v);
    tdm__buf_add(out, bytes, sizeof bytes);
}

static bool pack(tdm__coder *coder, tdm__coding coding, tdm_str body, tdm__buf *out)
{
    static const unsigned char gzip_head[10] = {0x1F, 0x8B, Z_DEFLATED, 0, 0, 0, 0, 0, 4, 255}; /* fastest; no system */
    static const unsigned char zlib_head[2] = {0x78, 0x01};
    bool gzip = coding == TDM__CODING_GZIP;
    const Bytef *bytes = (const Bytef *)body.ptr;
    tdm__buf_add(out, gzip ? gzip_head : zlib_head, gzip ? sizeof gzip_head : sizeof zlib_head);
    if (!start_writing(coder) || !deflate_all(&coder->out, body, out))
        return false;
    if (gzip) {
        add_u32(out, (uint32_t)(body.len ? crc32_z(0, bytes, body.len) : 0), false);
        add_u32(out, (uint32_t)body.len, false);
    } else {
        add_u32(out, (uint32_t)(body.len ? adler32_z(1, bytes, body.len) : 1), true);
    }
    return !out->failed;
}

tdm_status tdm__coder_pack(tdm__coder *coder, tdm__coding coding, tdm_str body, tdm__buf *out, tdm_error *err)
{
    size_t before = out->len;
    if (out->failed)
        return tdm__no_memory(err, NULL);
    if (coding == TDM__CODING_NONE)
        tdm__buf_str(out, body);
    else if (!pack(coder, coding, body, out))
        out->failed = true;
    if (!out->failed)
        return TDM_OK;
    out->len = before;
    out->failed = false;
    return tdm__no_memory(err, NULL);
}
