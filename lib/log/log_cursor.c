/* Cursors: the log's frames from a position on, segment after segment.
 *
 * A cursor has a file and a buffer of its own and asks the log only for its end, so that it may run beside the writer.
 * Whatever lies before the end was whole once: anything that does not hold there is TDM_CORRUPT. */
#include <inttypes.h>

#include "base/fail.h"
#include "base/memory.h"
#include "log/segment.h"

struct tdm__log_cursor {
    tdm__log_handle *log;
    tdm__segment segment;
    tdm__window window;
    uint64_t position;
};

/* Replaces the open segment by number `number`. */
static tdm_status enter(tdm__log_cursor *c, uint64_t number, tdm_error *err)
{
    tdm__segment_close(&c->segment);
    tdm_status s = tdm__segment_open(c->log->fs, c->log->dir, number, false, &c->segment, err);
    if (!s && c->segment.blank)
        s = tdm__fail(err, TDM_CORRUPT, tdm__file_path(c->segment.file), "the segment's header is not whole");
    c->window.file = c->segment.file;
    tdm__buf_reset(&c->window.buf);
    return s;
}

/* The last segment that begins at or before the position. */
static tdm_status find_segment(tdm__log_cursor *c, tdm_error *err)
{
    uint64_t low = 1, high;
    tdm_status s = tdm__segments_list(c->log->fs, c->log->dir, &high, err);
    while (!s && low < high) {
        tdm__segment segment;
        uint64_t middle = low + (high - low + 1) / 2;
        s = tdm__segment_open(c->log->fs, c->log->dir, middle, false, &segment, err);
        if (!s && !segment.blank && segment.first <= c->position)
            low = middle;
        else
            high = middle - 1;
        tdm__segment_close(&segment);
    }
    if (!s)
        s = enter(c, low, err);
    if (!s && (c->segment.first > c->position || (low == 1 && c->segment.first != 0)))
        s = tdm__fail(err, TDM_CORRUPT, c->log->dir, "no segment of the log holds position %" PRIu64, c->position);
    return s;
}

tdm_status tdm__log_cursor_new(tdm__log_handle *log, uint64_t position, tdm__log_cursor **out, tdm_error *err)
{
    *out = NULL;
    if (position > tdm__log_end(log)) {
        tdm_status s = tdm__fail(err, TDM_NOT_FOUND, log->dir, "the log ends before position %" PRIu64, position);
        tdm__fail_found(err, "an end at %" PRIu64, tdm__log_end(log));
        return s;
    }
    tdm__log_cursor *c = tdm__new(tdm__log_cursor);
    if (!c)
        return tdm__no_memory(err, log->dir);
    c->log = log;
    c->position = position;
    *out = c;
    return TDM_OK;
}

static tdm_status damaged(const tdm__log_cursor *c, const char *what, tdm_error *err)
{
    return tdm__fail(err, TDM_CORRUPT, tdm__file_path(c->segment.file), "%s at position %" PRIu64 " of the log", what,
                     c->position);
}

/* The head of the next frame, in the next segment when this one is used up. */
static tdm_status read_head(tdm__log_cursor *c, tdm__frame_head *head, tdm_error *err)
{
    const uint8_t *bytes = NULL;
    size_t got = 0;
    tdm_status s = c->segment.file ? TDM_OK : find_segment(c, err);
    for (int i = 0; !s && i < 2; i++) {
        uint64_t offset = TDM__SEGMENT_HEADER + (c->position - c->segment.first);
        s = tdm__window_need(&c->window, offset, TDM__FRAME_HEAD, &bytes, &got, err);
        if (s || got || i)
            break;
        s = enter(c, c->segment.number + 1, err);
        if (s == TDM_NOT_FOUND)
            return tdm__fail(err, TDM_CORRUPT, c->log->dir, "the log is cut off at position %" PRIu64, c->position);
        if (!s && c->segment.first != c->position)
            return damaged(c, "the segment does not go on", err);
    }
    if (s)
        return s;
    if (got < TDM__FRAME_HEAD || !tdm__frame_head_decode(bytes, c->position, head))
        return damaged(c, "there is no whole frame", err);
    return TDM_OK;
}

tdm_status tdm__log_next(tdm__log_cursor *c, tdm__frame *out, uint64_t *next, tdm_error *err)
{
    tdm__frame_head head;
    const uint8_t *bytes = NULL;
    size_t got = 0;
    uint64_t end = tdm__log_end(c->log);
    if (c->position >= end)
        return TDM_NOT_FOUND;
    tdm_status s = read_head(c, &head, err);
    if (s)
        return s;
    uint64_t offset = TDM__SEGMENT_HEADER + (c->position - c->segment.first) + TDM__FRAME_HEAD;
    s = tdm__window_need(&c->window, offset, head.length, &bytes, &got, err);
    if (s)
        return s;
    if (got < head.length || tdm__check32(bytes, head.length) != head.payload_check ||
        head.length + TDM__FRAME_HEAD > end - c->position)
        return damaged(c, "the frame does not match its check", err);
    *out = (tdm__frame){head.kind, tdm__strn((const char *)bytes, head.length)};
    c->position += TDM__FRAME_HEAD + head.length;
    if (next)
        *next = c->position;
    return TDM_OK;
}

void tdm__log_cursor_close(tdm__log_cursor **cursor)
{
    if (!*cursor)
        return;
    tdm__segment_close(&(*cursor)->segment);
    tdm__buf_free(&(*cursor)->window.buf);
    tdm__free(*cursor);
    *cursor = NULL;
}
