/* The section writer: the body of a store, in order, a digest for each MiB.
 *
 * Bytes go out in whole blocks, hashed while they are warm. The same file may be read behind the writer's back up to
 * what tdm__store_out_view made visible. */
#include <string.h>

#include "base/fail.h"
#include "store/store_build.h"

tdm_status tdm__store_out_init(tdm__store_out *out, tdm__file *file, tdm_error *err)
{
    *out = (tdm__store_out){.file = file, .at = TDM__STORE_HEADER_BYTES};
    out->buffer = tdm__alloc(TDM__STORE_DIGEST_BLOCK);
    return out->buffer ? TDM_OK : tdm__no_memory(err, tdm__file_path(file));
}

void tdm__store_out_rewind(tdm__store_out *out)
{
    out->at = TDM__STORE_HEADER_BYTES;
    out->held = out->viewed = out->digests = 0;
}

static tdm_status end_block(tdm__store_out *out, tdm_error *err)
{
    if (!tdm__grow(out->digest, out->digest_cap, out->digests + 1))
        return tdm__no_memory(err, tdm__file_path(out->file));
    tdm_status s = tdm__file_write_at(out->file, out->at, out->buffer, out->held, err);
    if (s)
        return s;
    out->digest[out->digests++] = tdm__hash64(out->buffer, out->held);
    out->at += out->held;
    out->held = out->viewed = 0;
    return TDM_OK;
}

tdm_status tdm__store_out_add(tdm__store_out *out, const void *bytes, size_t n, tdm_error *err)
{
    const uint8_t *from = bytes;
    while (n) {
        size_t room = TDM__STORE_DIGEST_BLOCK - out->held, part = n < room ? n : room;
        memcpy(out->buffer + out->held, from, part);
        out->held += part;
        from += part;
        n -= part;
        if (out->held == TDM__STORE_DIGEST_BLOCK) {
            tdm_status s = end_block(out, err);
            if (s)
                return s;
        }
    }
    return TDM_OK;
}

tdm_status tdm__store_out_pad(tdm__store_out *out, uint64_t to, tdm_error *err)
{
    static const uint8_t zeros[64];
    uint64_t n = to - tdm__store_out_offset(out);
    return tdm__store_out_add(out, zeros, n <= sizeof zeros ? n : sizeof zeros, err);
}

tdm_status tdm__store_out_view(tdm__store_out *out, tdm_error *err)
{
    if (out->held == out->viewed)
        return TDM_OK;
    tdm_status s = tdm__file_write_at(out->file, out->at, out->buffer, out->held, err);
    if (!s)
        out->viewed = out->held;
    return s;
}

tdm_status tdm__store_out_end(tdm__store_out *out, tdm_error *err)
{
    return out->held ? end_block(out, err) : TDM_OK;
}

void tdm__store_out_free(tdm__store_out *out)
{
    tdm__free(out->buffer);
    tdm__free(out->digest);
    *out = (tdm__store_out){0};
}
