/* Content codings: gzip and deflate bodies, both ways, with a bound on what they may expand to.
 *
 * A coder belongs to one thread and is made once: zlib's state (about 40 KB to read, 270 KB to write) is kept between
 * bodies, so that a body costs no allocation once the output buffer is warm. */
#ifndef TDM_NET_CONTENT_CODING_H
#define TDM_NET_CONTENT_CODING_H

#include <stdint.h>
#include <tandem/status.h>
#include "base/text.h"

typedef enum tdm__coding { TDM__CODING_NONE, TDM__CODING_GZIP, TDM__CODING_DEFLATE } tdm__coding;
enum { TDM__EXPANSION_FREE_BYTES = 64 << 10 }; /* up to here the ratio is not looked at */

/* The coding of a Content-Encoding field: absent or "identity" is none, "x-gzip" is gzip. TDM_HTTP_MEDIA_TYPE for any
 * other, lists of several included. */
tdm_status tdm__coding_of(tdm_str content_encoding, tdm__coding *out, tdm_error *err);
/* The best coding that an Accept-Encoding field allows: gzip before deflate unless its q is lower; q=0 forbids; "*" counts;
 * none when absent, empty or not understood. */
tdm__coding tdm__coding_accepted(tdm_str accept_encoding);
const char *tdm__coding_name(tdm__coding coding); /* "gzip" */

typedef struct tdm__coder tdm__coder;
/* NULL when out of memory. */
tdm__coder *tdm__coder_new(void);
void tdm__coder_close(tdm__coder **coder);
/* Expands the whole of a body into `out` (overwritten). deflate is zlib's format; raw deflate is taken too, as clients send
 * both. TDM_HTTP_CODING (damaged, cut short, or bytes behind its end), TDM_TOO_LARGE (more than bytes_max, or beyond
 * TDM__EXPANSION_FREE_BYTES more than ratio_max times the body), TDM_NO_MEMORY. */
tdm_status tdm__coder_expand(tdm__coder *coder, tdm__coding coding, tdm_str body, uint64_t bytes_max, unsigned ratio_max,
                             tdm__buf *out, tdm_error *err);
/* Appends the coded form of `body` to `out`, at zlib's level 1. TDM_NO_MEMORY; then `out` is as before. */
tdm_status tdm__coder_pack(tdm__coder *coder, tdm__coding coding, tdm_str body, tdm__buf *out, tdm_error *err);

#endif
