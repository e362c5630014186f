/* What the files behind tensor.h share. */
#ifndef TDM_CODEC_TENSOR_IMPL_H
#define TDM_CODEC_TENSOR_IMPL_H

#include "base/fail.h"
#include "codec/tensor.h"

/* Sets where to "[i]" and returns the status. */
static inline tdm_status tdm__tensor_at(tdm_error *err, tdm_status status, size_t i)
{
    tdm__fail_where(err, "[%zu]", i);
    return status;
}

static inline bool tdm__is_signed_integer(tdm__datatype d)
{
    return d >= TDM__DT_INT8 && d <= TDM__DT_INT64;
}

static inline bool tdm__is_unsigned_integer(tdm__datatype d)
{
    return d >= TDM__DT_UINT8 && d <= TDM__DT_UINT64;
}

/* An integer as its sign and size. Whether a double holds it exactly: its bits from the first to the last that is set
 * are at most 53. */
static inline bool tdm__size_is_exact_f64(uint64_t size)
{
    return size == 0 || 64 - __builtin_clzll(size) - __builtin_ctzll(size) <= 53;
}

#endif
