/* One segment: header, frames, and the question where the log ends.
 *
 * The end is behind the last group that is whole. What follows is either the one group that was being written when
 * the power went, or damage. It is taken for torn only when the file ends inside it or a sector of it is all zeros
 * (what a lost sector of a growing file reads as), and when no frame of a later group lies behind it: a later group
 * is written only after the sync of the one before. Anything else is damage, and is never cut off. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "log/segment.h"

enum { COPY_BYTES = 64 << 10 };
static const char magic[8] = {'T', 'D', 'M', 'L', 'O', 'G', '\r', '\n'};

void tdm__frame_head_encode(const tdm__frame_head *head, uint64_t position, uint8_t to[TDM__FRAME_HEAD])
{
    tdm__store32(to + 4, head->length);
    tdm__store32(to + 8, head->payload_check);
    tdm__store32(to + 12, head->back);
    tdm__store32(to + 16, head->kind | (uint32_t)head->flags << 8);
    tdm__store32(to, (uint32_t)tdm__hash64_seed(to + 4, TDM__FRAME_HEAD - 4, position));
}

bool tdm__frame_head_decode(const uint8_t *from, uint64_t position, tdm__frame_head *out)
{
    uint32_t word = tdm__load32(from + 16);
    *out = (tdm__frame_head){tdm__load32(from + 4), tdm__load32(from + 8), tdm__load32(from + 12), (uint8_t)word,
                             (uint8_t)(word >> 8)};
    return word >> 16 == 0 && out->flags <= TDM__FRAME_COMMIT && out->length <= TDM__FRAME_BYTES_MAX &&
           out->back <= TDM__GROUP_BYTES_MAX && out->back <= position &&
           (uint32_t)tdm__hash64_seed(from + 4, TDM__FRAME_HEAD - 4, position) == tdm__load32(from);
}

tdm_status tdm__window_need(tdm__window *w, uint64_t offset, size_t n, const uint8_t **at, size_t *got, tdm_error *err)
{
    enum { READ_BYTES = 128 << 10 };
    if (offset < w->from || offset + n > w->from + w->buf.len) {
        size_t want = n > READ_BYTES ? n : READ_BYTES;
        tdm__buf_reset(&w->buf);
        char *to = tdm__buf_reserve(&w->buf, want);
        if (!to)
            return tdm__no_memory(err, tdm__file_path(w->file));
        w->from = offset;
        size_t read = 0;
        tdm_status s = tdm__file_read_at(w->file, offset, to, want, &read, err);
        if (s)
            return s;
        w->buf.len = read;
    }
    *at = (const uint8_t *)w->buf.ptr + (offset - w->from);
    *got = w->from + w->buf.len - offset;
    if (*got > n)
        *got = n;
    return TDM_OK;
}

bool tdm__segment_path(const char *dir, uint64_t number, char out[TDM__PATH_MAX])
{
    char name[32];
    snprintf(name, sizeof name, "%012" PRIu64 ".log", number);
    return tdm__path_join(out, TDM__PATH_MAX, dir, name) != 0;
}

static void encode_header(uint64_t number, uint64_t first, uint8_t to[TDM__SEGMENT_HEADER])
{
    memset(to, 0, TDM__SEGMENT_HEADER);
    memcpy(to, magic, sizeof magic);
    tdm__store32(to + 8, TDM__SEGMENT_VERSION);
    tdm__store32(to + 12, TDM__SEGMENT_HEADER);
    tdm__store64(to + 16, number);
    tdm__store64(to + 24, first);
    tdm__store64(to + 56, tdm__hash64(to, 56));
}

static tdm_status read_header(tdm__segment *segment, tdm_error *err)
{
    uint8_t h[TDM__SEGMENT_HEADER];
    size_t got = 0;
    const char *path = tdm__file_path(segment->file);
    tdm_status s = tdm__file_size(segment->file, &segment->size, err);
    if (!s)
        s = tdm__file_read_at(segment->file, 0, h, sizeof h, &got, err);
    if (s)
        return s;
    bool whole = got == sizeof h && memcmp(h, magic, sizeof magic) == 0 && tdm__load64(h + 56) == tdm__hash64(h, 56);
    if (!whole) {
        segment->blank = segment->size <= TDM__SEGMENT_HEADER;
        if (segment->blank)
            return TDM_OK;
        return tdm__fail(err, TDM_CORRUPT, path, "the segment's header does not match its check");
    }
    if (tdm__load32(h + 8) != TDM__SEGMENT_VERSION)
        return tdm__fail(err, TDM_UNSUPPORTED, path, "the log has a newer format");
    if (tdm__load64(h + 16) != segment->number || tdm__load32(h + 12) != TDM__SEGMENT_HEADER)
        return tdm__fail(err, TDM_CORRUPT, path, "the segment's header belongs to another file");
    segment->first = tdm__load64(h + 24);
    if (segment->first > UINT64_MAX / 2)
        return tdm__fail(err, TDM_CORRUPT, path, "the segment begins at an impossible position");
    return TDM_OK;
}

tdm_status tdm__segment_open(tdm__fs *fs, const char *dir, uint64_t number, bool write, tdm__segment *out,
                             tdm_error *err)
{
    char path[TDM__PATH_MAX];
    *out = (tdm__segment){.number = number};
    if (!tdm__segment_path(dir, number, path))
        return tdm__fail(err, TDM_TOO_LARGE, dir, "the path is too long");
    tdm_status s = tdm__file_open(fs, path, write ? TDM__READ | TDM__WRITE : TDM__READ, &out->file, err);
    if (!s)
        s = read_header(out, err);
    if (s)
        tdm__segment_close(out);
    out->end = out->last_group = out->first;
    return s;
}

tdm_status tdm__segment_make(tdm__fs *fs, const char *dir, uint64_t number, uint64_t first, tdm__segment *out,
                             bool *in_doubt, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    uint8_t header[TDM__SEGMENT_HEADER];
    *out = (tdm__segment){.number = number, .first = first, .end = first, .last_group = first};
    out->size = TDM__SEGMENT_HEADER;
    if (!tdm__segment_path(dir, number, path))
        return tdm__fail(err, TDM_TOO_LARGE, dir, "the path is too long");
    encode_header(number, first, header);
    tdm_status s = tdm__file_open(fs, path, TDM__READ | TDM__WRITE | TDM__CREATE, &out->file, err);
    if (!s)
        s = tdm__file_write_at(out->file, 0, header, sizeof header, err);
    if (!s) {
        *in_doubt = true;
        s = tdm__file_sync(out->file, err);
        if (!s)
            s = tdm__dir_sync(fs, dir, err);
        *in_doubt = s != TDM_OK;
    }
    if (s)
        tdm__segment_close(out);
    return s;
}

/* Goes on over whole groups; *runs_out when the file ends inside the group behind the last. */
static tdm_status scan_groups(tdm__segment *segment, tdm__window *w, bool *runs_out, tdm_error *err)
{
    *runs_out = false;
    for (uint64_t group = segment->end, at = group;;) {
        const uint8_t *bytes;
        size_t got;
        tdm__frame_head head;
        uint64_t offset = TDM__SEGMENT_HEADER + (at - segment->first);
        tdm_status s = tdm__window_need(w, offset, TDM__FRAME_HEAD, &bytes, &got, err);
        if (s || got < TDM__FRAME_HEAD)
            return *runs_out = true, s;
        if (!tdm__frame_head_decode(bytes, at, &head) || head.back != at - group)
            return TDM_OK;
        s = tdm__window_need(w, offset + TDM__FRAME_HEAD, head.length, &bytes, &got, err);
        if (s || got < head.length)
            return *runs_out = true, s;
        if (tdm__check32(bytes, head.length) != head.payload_check)
            return TDM_OK;
        at += TDM__FRAME_HEAD + head.length;
        if (head.flags & TDM__FRAME_COMMIT) {
            segment->last_group = group;
            segment->end = group = at;
        }
    }
}

/* Whether a sector, or the part of one, behind the end is all zeros. */
static tdm_status find_lost_sector(tdm__segment *segment, tdm__window *w, bool *found, tdm_error *err)
{
    uint64_t offset = TDM__SEGMENT_HEADER + (segment->end - segment->first);
    *found = false;
    while (offset < segment->size && !*found) {
        const uint8_t *bytes;
        size_t got, n = TDM__SECTOR - offset % TDM__SECTOR;
        tdm_status s = tdm__window_need(w, offset, n, &bytes, &got, err);
        if (s || got == 0)
            return s;
        *found = true;
        for (size_t i = 0; i < got && *found; i++)
            *found = bytes[i] == 0;
        offset += n;
    }
    return TDM_OK;
}

/* Whether the head of a frame of a later group lies behind the end. */
static tdm_status find_later_group(tdm__segment *segment, tdm__window *w, bool *found, tdm_error *err)
{
    *found = false;
    for (uint64_t at = segment->end + 1; !*found; at++) {
        const uint8_t *bytes;
        size_t got;
        tdm__frame_head head;
        tdm_status s = tdm__window_need(w, TDM__SEGMENT_HEADER + (at - segment->first), TDM__FRAME_HEAD, &bytes, &got,
                                        err);
        if (s || got < TDM__FRAME_HEAD)
            return s;
        *found = tdm__frame_head_decode(bytes, at, &head) && at - head.back > segment->end;
    }
    return TDM_OK;
}

tdm_status tdm__segment_scan(tdm__segment *segment, tdm_error *err)
{
    tdm__window w = {.file = segment->file};
    bool runs_out, lost = false, later = false;
    tdm_status s = scan_groups(segment, &w, &runs_out, err);
    uint64_t offset = TDM__SEGMENT_HEADER + (segment->end - segment->first);
    if (!s)
        s = tdm__file_size(segment->file, &segment->size, err);
    if (!s && offset < segment->size) {
        s = find_later_group(segment, &w, &later, err);
        if (!s && !runs_out && !later)
            s = find_lost_sector(segment, &w, &lost, err);
        if (!s && (later || !(runs_out || lost)))
            s = tdm__fail(err, TDM_CORRUPT, tdm__file_path(segment->file),
                          "the group of frames at byte %" PRIu64 " is damaged%s", offset,
                          later ? " and others follow it" : "");
    }
    tdm__buf_free(&w.buf);
    return s;
}

tdm_status tdm__segment_replace(tdm__fs *fs, const char *dir, tdm__segment *segment, tdm_error *err)
{
    char path[TDM__PATH_MAX], temporary[TDM__PATH_MAX + 4];
    tdm__window w = {.file = segment->file};
    tdm__file *copy = NULL;
    uint64_t bytes = TDM__SEGMENT_HEADER + (segment->end - segment->first);
    if (!tdm__segment_path(dir, segment->number, path))
        return tdm__fail(err, TDM_TOO_LARGE, dir, "the path is too long");
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    tdm_status s = tdm__file_open(fs, temporary, TDM__READ | TDM__WRITE | TDM__CREATE | TDM__TRUNCATE, &copy, err);
    for (uint64_t at = 0; !s && at < bytes;) {
        const uint8_t *from;
        size_t got = 0, n = bytes - at < COPY_BYTES ? (size_t)(bytes - at) : COPY_BYTES;
        s = tdm__window_need(&w, at, n, &from, &got, err);
        if (!s && got < n)
            s = tdm__fail(err, TDM_IO, path, "the segment was cut while it was read");
        if (!s)
            s = tdm__file_write_at(copy, at, from, n, err);
        at += n;
    }
    if (!s)
        s = tdm__file_sync(copy, err);
    if (!s)
        s = tdm__rename(fs, temporary, path, err);
    if (!s)
        s = tdm__dir_sync(fs, dir, err);
    tdm__buf_free(&w.buf);
    tdm__file_close(&copy);
    if (s)
        return s;
    tdm__file_close(&segment->file);
    segment->size = bytes;
    return tdm__file_open(fs, path, TDM__READ | TDM__WRITE, &segment->file, err);
}

void tdm__segment_close(tdm__segment *segment)
{
    tdm__file_close(&segment->file);
}

static bool segment_number(const char *name, uint64_t *out)
{
    *out = 0;
    for (int i = 0; i < 12; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(name[i] - '0');
    }
    return strcmp(name + 12, ".log") == 0;
}

tdm_status tdm__segments_list(tdm__fs *fs, const char *dir, uint64_t *last, tdm_error *err)
{
    tdm__names names;
    *last = 0;
    tdm_status s = tdm__list_dir(fs, dir, &names, err);
    if (s)
        return s == TDM_NOT_FOUND ? TDM_OK : s;
    for (size_t i = 0; !s && i < names.n; i++) { /* sorted, so by number */
        uint64_t number;
        if (!segment_number(names.name[i], &number))
            continue;
        if (number != *last + 1)
            s = tdm__fail(err, TDM_CORRUPT, dir, "segment %012" PRIu64 ".log of the log is missing", *last + 1);
        *last = number;
    }
    tdm__names_free(&names);
    return s;
}
