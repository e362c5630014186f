/* The log: one append-only file of checksummed frames per home, in one order; its positions name states.
 *
 * A frame is durable when tdm__log_append returned TDM_OK, and only durable frames are visible to readers. A frame that
 * a crash left torn at the end is cut off at the next opening for writing; damage before the end is TDM_CORRUPT and
 * never cut. After a failed sync the log refuses writes until it is opened anew (the process restarted). One writer
 * (who holds the home's lock), any number of readers in other processes. */
#ifndef TDM_LOG_LOG_H
#define TDM_LOG_LOG_H

#include "os/files.h"

typedef struct tdm__log_handle tdm__log_handle;
enum { TDM__FRAME_BYTES_MAX = 16 << 20 };

/* Opens for reading: sees frames up to the last durable one at this moment. An absent folder is an empty log. */
tdm_status tdm__log_open(tdm__fs *fs, const char *dir, tdm__log_handle **out, tdm_error *err);
/* Opens for writing: makes the folder when absent, repairs a torn end. */
tdm_status tdm__log_open_writer(tdm__fs *fs, const char *dir, tdm__log_handle **out, tdm_error *err);
void tdm__log_close(tdm__log_handle **log);

/* Appends frames durably, all of them or none (a group commit). Each has a kind of the caller's. *position (may be
 * NULL) is the position behind the last. TDM_REFUSED after a failed sync. */
typedef struct tdm__frame { uint8_t kind; tdm_str payload; } tdm__frame;
tdm_status tdm__log_append(tdm__log_handle *log, const tdm__frame *frames, size_t n, uint64_t *position,
                           tdm_error *err);
/* The position behind the last durable frame; 0 for an empty log. Positions grow; frames are numbered by where they
 * end. */
uint64_t tdm__log_end(const tdm__log_handle *log);

/* Reads on from `position` (0: the start). *next is the position behind the frame. TDM_NOT_FOUND at the end (err not
 * filled). The payload is valid until the next read of the same cursor. */
typedef struct tdm__log_cursor tdm__log_cursor;
tdm_status tdm__log_cursor_new(tdm__log_handle *log, uint64_t position, tdm__log_cursor **out, tdm_error *err);
tdm_status tdm__log_next(tdm__log_cursor *cursor, tdm__frame *out, uint64_t *next, tdm_error *err);
void tdm__log_cursor_close(tdm__log_cursor **cursor);

#endif
