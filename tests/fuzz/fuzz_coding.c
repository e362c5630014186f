/* Bodies of any bytes in every content coding, and any text as the fields that name them.
 *
 * What is expanded stays within its bounds and comes out the same from a coder that has failed before; what is packed
 * expands to itself. The first byte chooses the coding and the bounds. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/content_coding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tdm__coder *used;

static void must(bool held)
{
    if (!held)
        abort();
}

static void check_expand(tdm__coding coding, tdm_str body, uint64_t bytes_max, unsigned ratio_max)
{
    tdm__buf a = {0}, b = {0};
    tdm_error err = {0};
    tdm__coder *fresh = tdm__coder_new();
    must(fresh != NULL);
    tdm_status first = tdm__coder_expand(used, coding, body, bytes_max, ratio_max, &a, &err);
    must(!first || (first != TDM_NO_MEMORY && err.what[0] && err.where[0]));
    must(tdm__coder_expand(fresh, coding, body, bytes_max, ratio_max, &b, &err) == first);
    must(a.len <= bytes_max + 1 && a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0));
    if (!first && coding && a.len > TDM__EXPANSION_FREE_BYTES)
        must(a.len <= (uint64_t)ratio_max * body.len);
    tdm__coder_close(&fresh);
    tdm__buf_free(&a);
    tdm__buf_free(&b);
}

static void check_pack(tdm__coding coding, tdm_str body)
{
    tdm__buf packed = {0}, out = {0};
    must(!tdm__coder_pack(used, coding, body, &packed, NULL));
    must(!tdm__coder_expand(used, coding, tdm__strn(packed.ptr, packed.len), body.len, 1100, &out, NULL));
    must(out.len == body.len && (!out.len || memcmp(out.ptr, body.ptr, out.len) == 0));
    tdm__buf_free(&packed);
    tdm__buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__coding named;
    if (size == 0 || size > 1 << 16)
        return 0;
    if (!used)
        used = tdm__coder_new();
    must(used != NULL);
    tdm_str body = tdm__strn((const char *)data + 1, size - 1);
    tdm__coding coding = (tdm__coding)(data[0] % 3);
    check_expand(coding, body, data[0] & 64 ? 1000 : 1 << 20, data[0] & 128 ? 2 : 1000);
    check_pack(coding, body);
    must(tdm__coding_accepted(body) <= TDM__CODING_DEFLATE);
    if (!tdm__coding_of(body, &named, NULL))
        must(named <= TDM__CODING_DEFLATE);
    return 0;
}
