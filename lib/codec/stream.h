/* Byte streams: a file as its decompressed bytes, in order, in bounded memory.
 *
 * gzip (also several members) and zstd (also several frames) are found by their first bytes, not by the name. */
#ifndef TDM_CODEC_STREAM_H
#define TDM_CODEC_STREAM_H

#include "os/files.h"

typedef struct tdm__stream tdm__stream;
/* Path "-" is standard input. Errors of files, and TDM_CORRUPT for damaged compression (where: path and byte). */
tdm_status tdm__stream_open(tdm__fs *fs, const char *path, tdm__stream **out, tdm_error *err);
/* Up to n bytes; *got 0 only at the end. A truncated compressed file is TDM_CORRUPT, never a silent end. */
tdm_status tdm__stream_read(tdm__stream *s, void *to, size_t n, size_t *got, tdm_error *err);
/* Bytes of the file itself consumed so far, and its size (0 when unknown): for progress. */
void tdm__stream_progress(const tdm__stream *s, uint64_t *consumed, uint64_t *total);
void tdm__stream_close(tdm__stream **s);

#endif
