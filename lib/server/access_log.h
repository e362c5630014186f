/* The access log, for who opens one on another file system or with rings of another size: the tests. */
#ifndef TDM_SERVER_ACCESS_LOG_H
#define TDM_SERVER_ACCESS_LOG_H

#include "os/files.h"
#include "server/server_impl.h"

enum {
    TDM__LOG_RING_BYTES = 1 << 20, /* one a seat */
    TDM__LOG_LINE_BYTES = 8192,    /* no line is longer */
    TDM__LOG_PATH_BYTES = 512      /* longer paths are cut */
};

/* ring_bytes: a power of two, at least TDM__LOG_LINE_BYTES. */
tdm_status tdm__access_log_open_at(tdm_server *server, tdm__fs *fs, const char *path, size_t ring_bytes,
                                   tdm__access_log **out, tdm_error *err);

#endif
