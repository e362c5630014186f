/* The log: opening, mending a torn end, appending groups, new segments.
 *
 * Everything acknowledged lies before `end`, and was synced before `end` moved. A writer appends at `end` and nowhere
 * else. When a write fails the bytes behind `end` are cut off again; when that or a sync fails, nobody knows what the
 * disk holds, and the log takes nothing more until it is opened anew. Opening writes the last group a second time and
 * syncs, so that a group that only the page cache of a failed sync holds does not pass for durable; a torn end is
 * left out by a new file in the place of the old one, never by writing over bytes in doubt. */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "log/segment.h"
#include "os/clock.h"

/* The last segment of `last`, scanned, into `out`. When it is blank, the one before it, which must be whole. */
static tdm_status open_last(tdm__log_handle *log, uint64_t last, bool write, tdm__segment *out, tdm_error *err)
{
    tdm_status s = tdm__segment_open(log->fs, log->dir, last, write, out, err);
    bool blank = !s && out->blank;
    if (blank) {
        tdm__segment_close(out);
        *out = (tdm__segment){0};
        if (last == 1)
            return TDM_OK;
        s = tdm__segment_open(log->fs, log->dir, last - 1, write, out, err);
        if (!s && out->blank)
            s = tdm__fail(err, TDM_CORRUPT, tdm__file_path(out->file),
                          "the segment's header is not whole, yet another follows");
    }
    if (!s && out->number == 1 && out->first != 0)
        s = tdm__fail(err, TDM_CORRUPT, tdm__file_path(out->file), "the first segment does not begin at position 0");
    if (!s)
        s = tdm__segment_scan(out, err);
    if (!s && blank && TDM__SEGMENT_HEADER + (out->end - out->first) != out->size)
        s = tdm__fail(err, TDM_CORRUPT, tdm__file_path(out->file),
                      "the segment does not end whole, yet another follows");
    if (s)
        tdm__segment_close(out);
    return s;
}

static tdm_status new_log(tdm__fs *fs, const char *dir, tdm__log_handle **out, tdm_error *err)
{
    tdm__log_handle *log = tdm__new(tdm__log_handle);
    char *copy = tdm__alloc(strlen(dir) + 1);
    if (!log || !copy) {
        tdm__free(log);
        tdm__free(copy);
        return tdm__no_memory(err, dir);
    }
    memcpy(copy, dir, strlen(dir) + 1);
    log->fs = fs;
    log->dir = copy;
    log->roll_bytes = TDM__SEGMENT_ROLL;
    *out = log;
    return TDM_OK;
}

/* A reader may see a group half written and, a moment later, the next one: it looks again before it says "damaged". */
static tdm_status find_end(tdm__log_handle *log, tdm_error *err)
{
    enum { ATTEMPTS = 4 };
    tdm_status s = TDM_OK;
    for (int i = 0; i < ATTEMPTS; i++) {
        uint64_t last;
        tdm__segment segment = {0};
        if (i)
            tdm__sleep_us(250);
        s = tdm__segments_list(log->fs, log->dir, &last, err);
        if (!s && last)
            s = open_last(log, last, false, &segment, err);
        if (!s)
            atomic_store(&log->end, segment.end);
        tdm__segment_close(&segment);
        if (s != TDM_CORRUPT && s != TDM_NOT_FOUND)
            break;
    }
    return s;
}

tdm_status tdm__log_open(tdm__fs *fs, const char *dir, tdm__log_handle **out, tdm_error *err)
{
    tdm__log_handle *log = NULL;
    tdm_status s = new_log(fs, dir, &log, err);
    if (!s)
        s = find_end(log, err);
    if (s)
        tdm__log_close(&log);
    *out = log;
    return s;
}

/* Writes the last group again as it is, or the header when there is none: those of its bytes that a failed sync left in
 * memory only become dirty anew. */
static tdm_status rewrite_last(tdm__segment *segment, tdm_error *err)
{
    enum { PIECE = 64 << 10 };
    tdm__window w = {.file = segment->file};
    tdm_status s = TDM_OK;
    uint64_t end = TDM__SEGMENT_HEADER + (segment->end - segment->first);
    uint64_t at = segment->end == segment->first ? 0 : TDM__SEGMENT_HEADER + (segment->last_group - segment->first);
    while (!s && at < end) {
        const uint8_t *bytes;
        size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE, got = 0;
        s = tdm__window_need(&w, at, n, &bytes, &got, err);
        if (!s && got < n)
            s = tdm__fail(err, TDM_IO, tdm__file_path(segment->file), "the segment was cut while it was read");
        if (!s)
            s = tdm__file_write_at(segment->file, at, bytes, n, err);
        at += n;
    }
    tdm__buf_free(&w.buf);
    return s;
}

/* Leaves out what a crash left torn, or makes sure of what is there. */
static tdm_status mend(tdm__log_handle *log, tdm_error *err)
{
    tdm__segment *segment = &log->segment;
    if (segment->size > TDM__SEGMENT_HEADER + (segment->end - segment->first))
        return tdm__segment_replace(log->fs, log->dir, segment, err);
    tdm_status s = rewrite_last(segment, err);
    if (!s)
        s = tdm__file_sync(segment->file, err);
    return s ? s : tdm__dir_sync(log->fs, log->dir, err); /* its name may be as young as its bytes */
}

static tdm_status open_writer(tdm__log_handle *log, tdm_error *err)
{
    uint64_t last;
    bool in_doubt;
    log->writer = true;
    tdm_status s = tdm__make_dirs(log->fs, log->dir, err);
    if (!s)
        s = tdm__segments_list(log->fs, log->dir, &last, err);
    if (s || last == 0)
        return s;
    s = open_last(log, last, true, &log->segment, err);
    if (s)
        return s;
    uint64_t end = log->segment.end;
    if (log->segment.number < last) { /* 0 when the only one is blank */
        tdm__segment_close(&log->segment);
        s = tdm__segment_make(log->fs, log->dir, last, end, &log->segment, &in_doubt, err);
    } else {
        s = mend(log, err);
    }
    atomic_store(&log->end, end);
    return s;
}

tdm_status tdm__log_open_writer(tdm__fs *fs, const char *dir, tdm__log_handle **out, tdm_error *err)
{
    tdm__log_handle *log = NULL;
    tdm_status s = new_log(fs, dir, &log, err);
    if (!s)
        s = open_writer(log, err);
    if (s)
        tdm__log_close(&log);
    *out = log;
    return s;
}

void tdm__log_close(tdm__log_handle **log)
{
    if (!*log)
        return;
    tdm__segment_close(&(*log)->segment);
    tdm__buf_free(&(*log)->group);
    tdm__free((*log)->dir);
    tdm__free(*log);
    *log = NULL;
}

void tdm__log_tune(tdm__log_handle *log, uint64_t roll_bytes)
{
    log->roll_bytes = roll_bytes;
}

uint64_t tdm__log_end(const tdm__log_handle *log)
{
    return atomic_load(&log->end);
}

/* The group's bytes, as they go to the file. */
static tdm_status encode_group(tdm__log_handle *log, const tdm__frame *frames, size_t n, tdm_error *err)
{
    uint64_t begin = tdm__log_end(log), bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += TDM__FRAME_HEAD + frames[i].payload.len;
        if (frames[i].payload.len > TDM__FRAME_BYTES_MAX || bytes > TDM__GROUP_BYTES_MAX)
            return tdm__fail(err, TDM_TOO_LARGE, log->dir, "a frame of the log has at most 16 MiB, a group 64 MiB");
    }
    tdm__buf_reset(&log->group);
    for (size_t i = 0; i < n; i++) {
        tdm_str payload = frames[i].payload;
        uint8_t bytes_of_head[TDM__FRAME_HEAD];
        tdm__frame_head head = {(uint32_t)payload.len, tdm__check32(payload.ptr, payload.len), (uint32_t)log->group.len,
                                frames[i].kind, i + 1 == n ? TDM__FRAME_COMMIT : 0};
        tdm__frame_head_encode(&head, begin + log->group.len, bytes_of_head);
        tdm__buf_add(&log->group, bytes_of_head, sizeof bytes_of_head);
        tdm__buf_str(&log->group, payload);
    }
    return tdm__buf_check(&log->group, err);
}

/* A new segment once the old one is full. Until it is made, nothing is appended to the old one, so trying again is
 * safe. */
static tdm_status roll(tdm__log_handle *log, tdm_error *err)
{
    tdm__segment next;
    uint64_t end = tdm__log_end(log);
    if (log->segment.file && end - log->segment.first < log->roll_bytes)
        return TDM_OK;
    tdm_status s = tdm__segment_make(log->fs, log->dir, log->segment.number + 1, end, &next, &log->failed, err);
    if (s)
        return s;
    tdm__segment_close(&log->segment);
    log->segment = next;
    return TDM_OK;
}

/* A write failed: its part of the group goes away again, durably, so that it cannot mix with the next. */
static tdm_status take_back(tdm__log_handle *log, uint64_t offset)
{
    tdm_status s = tdm__file_truncate(log->segment.file, offset, NULL);
    return s ? s : tdm__file_sync(log->segment.file, NULL);
}

tdm_status tdm__log_append(tdm__log_handle *log, const tdm__frame *frames, size_t n, uint64_t *position, tdm_error *err)
{
    uint64_t end = tdm__log_end(log);
    if (!log->writer || log->failed)
        return tdm__fail(err, TDM_REFUSED, log->dir,
                         log->writer ? "an earlier write or sync failed; the log must be opened anew"
                                                                 : "the log is open for reading only");
    if (n) {
        tdm_status s = encode_group(log, frames, n, err);
        if (!s)
            s = roll(log, err);
        if (s)
            return s;
        uint64_t offset = TDM__SEGMENT_HEADER + (end - log->segment.first);
        s = tdm__file_write_at(log->segment.file, offset, log->group.ptr, log->group.len, err);
        if (s) {
            log->failed = take_back(log, offset) != TDM_OK;
            return s;
        }
        s = tdm__file_sync(log->segment.file, err);
        log->failed = s != TDM_OK; /* the group stays in place: whether it is durable shows at the next opening */
        if (s)
            return s;
        end += log->group.len;
        atomic_store(&log->end, end);
    }
    if (position)
        *position = end;
    return TDM_OK;
}
