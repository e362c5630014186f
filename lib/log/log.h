/* The log: one append-only file of checksummed frames per home, in one order; its positions name states.
 *
 * A frame is durable when tdm__log_append returned TDM_OK; the writer's own end moves only then. A reader in another
 * process may see one group earlier, between its write and its sync (docs/formats/log.md says what that can mean). A
 * group that a crash left torn at the end is left out at the next opening for writing; damage is TDM_CORRUPT and never
 * cut. After a failed sync the log refuses writes until it is opened anew (the process restarted). One writer
 * (who holds the home's lock), any number of readers in other processes. */
#ifndef TDM_LOG_LOG_H
#define TDM_LOG_LOG_H

#include "os/files.h"

typedef struct tdm__log_handle tdm__log_handle;
enum { TDM__FRAME_BYTES_MAX = 16 << 20 };

/* Opens for reading: sees frames up to the last whole group at this moment, none later. An absent folder is an empty
 * log. */
tdm_status tdm__log_open(tdm__fs *fs, const char *dir, tdm__log_handle **out, tdm_error *err);
/* Opens for writing: makes the folder when absent, repairs a torn end. */
tdm_status tdm__log_open_writer(tdm__fs *fs, const char *dir, tdm__log_handle **out, tdm_error *err);
void tdm__log_close(tdm__log_handle **log);

/* Appends frames durably, all of them or none (a group commit). Each has a kind of the caller's. *position (may be
 * NULL) is the position behind the last. TDM_TOO_LARGE (a payload over 16 MiB, a group over 64), TDM_REFUSED after a
 * failed sync or on a reader. After TDM_DISK_FULL and TDM_IO of a write the group is gone and the log goes on; after a
 * failed sync it is in doubt until the next opening. One thread at a time. */
typedef struct tdm__frame { uint8_t kind; tdm_str payload; } tdm__frame;
tdm_status tdm__log_append(tdm__log_handle *log, const tdm__frame *frames, size_t n, uint64_t *position,
                           tdm_error *err);
/* The position behind the last durable frame; 0 for an empty log. Positions grow; frames are numbered by where they
 * end. */
uint64_t tdm__log_end(const tdm__log_handle *log);

/* Reads on from `position` (0: the start). TDM_NOT_FOUND, err filled, when the log ends before it. A cursor may run
 * beside the writer's thread, and closes before its log. *next is the position behind the frame. TDM_NOT_FOUND at the
 * end (err not filled). The payload is valid until the next read of the same cursor. */
typedef struct tdm__log_cursor tdm__log_cursor;
tdm_status tdm__log_cursor_new(tdm__log_handle *log, uint64_t position, tdm__log_cursor **out, tdm_error *err);
tdm_status tdm__log_next(tdm__log_cursor *cursor, tdm__frame *out, uint64_t *next, tdm_error *err);
void tdm__log_cursor_close(tdm__log_cursor **cursor);

#endif
