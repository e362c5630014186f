/* Segments of the log, and frames: their bytes, and where a segment's whole part ends (docs/formats/log.md).
 *
 * Included by the log's own files only. A position counts frame bytes from the start of the log, headers of segments
 * left out; byte `position` lies in the segment whose header says `first` at file offset 64 + position - first. */
#ifndef TDM_LOG_SEGMENT_H
#define TDM_LOG_SEGMENT_H

#include "base/digest.h"
#include "log/log.h"

enum {
    TDM__SEGMENT_HEADER = 64,
    TDM__SEGMENT_VERSION = 1,
    TDM__SEGMENT_ROLL = 64 << 20,   /* a segment with so many bytes of frames is followed by a new one */
    TDM__FRAME_HEAD = 20,
    TDM__FRAME_COMMIT = 1,          /* the last frame of its group */
    TDM__GROUP_BYTES_MAX = 64 << 20,
    TDM__SECTOR = 512
};

/* check u32 | length u32 | payload check u32 | back u32 | kind u8 | flags u8 | 0 u16. The check is seeded with the
 * frame's position, so a frame holds in one place only. `back` leads to the start of the frame's group. */
typedef struct tdm__frame_head {
    uint32_t length, payload_check, back;
    uint8_t kind, flags;
} tdm__frame_head;
void tdm__frame_head_encode(const tdm__frame_head *head, uint64_t position, uint8_t to[TDM__FRAME_HEAD]);
bool tdm__frame_head_decode(const uint8_t *from, uint64_t position, tdm__frame_head *out);

/* A part of a file in memory, moved as needed. */
typedef struct tdm__window {
    tdm__file *file;
    tdm__buf buf;
    uint64_t from;
} tdm__window;
/* Points *at to the bytes from `offset` on; *got of them are there: n, or fewer at the end of the file. */
tdm_status tdm__window_need(tdm__window *w, uint64_t offset, size_t n, const uint8_t **at, size_t *got, tdm_error *err);

typedef struct tdm__segment {
    tdm__file *file;
    uint64_t number, first, size; /* size: of the file, when last looked at */
    bool blank;                   /* made, but its header never became whole: nothing was written behind it */
    uint64_t end;                 /* after a scan: position behind the last whole group */
    uint64_t last_group;          /* and where that begins; equal to `end` when there is none */
} tdm__segment;
/* Where segment `number` lies; false when the path is too long. */
bool tdm__segment_path(const char *dir, uint64_t number, char out[TDM__PATH_MAX]);
/* Opens it and reads its header. */
tdm_status tdm__segment_open(tdm__fs *fs, const char *dir, uint64_t number, bool write, tdm__segment *out,
                             tdm_error *err);
/* Makes it, or makes its header anew when it is blank; durable when this returns TDM_OK. *in_doubt: a sync failed. */
tdm_status tdm__segment_make(tdm__fs *fs, const char *dir, uint64_t number, uint64_t first, tdm__segment *out,
                             bool *in_doubt, tdm_error *err);
/* Finds the end from `end` on (set it to `first` before the first scan). What lies behind it must look like one group
 * that a crash left torn; else TDM_CORRUPT. */
tdm_status tdm__segment_scan(tdm__segment *segment, tdm_error *err);
/* Puts a new file, of what lies before the end, in the place of the old one; durable. Bytes of the old one that are
 * in doubt can then not come back over what is written later. */
tdm_status tdm__segment_replace(tdm__fs *fs, const char *dir, tdm__segment *segment, tdm_error *err);
void tdm__segment_close(tdm__segment *segment);
/* The numbers of the segments in `dir` are 1 to *last; 0 when there is none, or no folder. */
tdm_status tdm__segments_list(tdm__fs *fs, const char *dir, uint64_t *last, tdm_error *err);

struct tdm__log_handle {
    tdm__fs *fs;
    char *dir;
    bool writer, failed;
    tdm__segment segment;    /* a writer's: the one appended to; file NULL while there is none */
    uint64_t roll_bytes;
    _Atomic uint64_t end;
    tdm__buf group;
};
/* For tests: segments of another size. */
void tdm__log_tune(tdm__log_handle *log, uint64_t roll_bytes);

#endif
