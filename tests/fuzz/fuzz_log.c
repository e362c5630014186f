/* Logs with changed bytes: a reader gets a beginning of what was written, or is told of the damage.
 *
 * Input: a byte that says whether the checks of the frames are made to fit again (1), and whether bytes replace the
 * body of the last segment (2); then edits of three bytes: offset (u16) over both segments, what to xor there; or the
 * raw body. */
#include <stdlib.h>
#include <string.h>

#include "log/segment.h"
#include "os/sim_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { GROUPS = 6, FRAMES = 2 * GROUPS, FORGE = 1, RAW = 2 };
static tdm__fs *disk;
static tdm__buf base[2];
static const char dir[] = "/log";

static void must(bool held)
{
    if (!held)
        abort();
}

static tdm__frame make_frame(size_t i)
{
    static char text[FRAMES][300];
    memset(text[i], (int)('a' + i), sizeof text[i]);
    return (tdm__frame){(uint8_t)i, tdm__strn(text[i], i * 37 % sizeof text[i])};
}

static void write_segment(uint64_t number, const void *bytes, size_t n)
{
    char path[TDM__PATH_MAX];
    must(tdm__segment_path(dir, number, path));
    must(tdm__write_file_durably(disk, path, bytes, n, NULL) == TDM_OK);
}

static void build_base(void)
{
    tdm__log_handle *log;
    must((disk = tdm__fs_sim_new(1)) != NULL);
    must(tdm__log_open_writer(disk, dir, &log, NULL) == TDM_OK);
    tdm__log_tune(log, 700);
    for (size_t i = 0; i < FRAMES; i += 2) {
        tdm__frame frame[2] = {make_frame(i), make_frame(i + 1)};
        must(tdm__log_append(log, frame, 2, NULL, NULL) == TDM_OK);
    }
    must(log->segment.number >= 2);
    tdm__log_close(&log);
    for (uint64_t i = 0; i < 2; i++) {
        char path[TDM__PATH_MAX];
        must(tdm__segment_path(dir, i + 1, path));
        must(tdm__read_file(disk, path, 1 << 20, &base[i], NULL) == TDM_OK);
    }
    tdm__fs_sim_close(&disk);
}

/* Makes the checks of frames fit, as far as their lengths lead. */
static void forge(uint8_t *bytes, size_t n)
{
    uint64_t first = tdm__load64(bytes + 24);
    for (size_t at = TDM__SEGMENT_HEADER; at + TDM__FRAME_HEAD <= n;) {
        uint8_t *frame = bytes + at;
        uint32_t length = tdm__load32(frame + 4);
        if (length > n - at - TDM__FRAME_HEAD)
            return;
        tdm__store32(frame + 8, tdm__check32(frame + TDM__FRAME_HEAD, length));
        tdm__store32(frame, (uint32_t)tdm__hash64_seed(frame + 4, TDM__FRAME_HEAD - 4,
                                                       first + at - TDM__SEGMENT_HEADER));
        at += TDM__FRAME_HEAD + length;
    }
}

/* Reads to the end; returns the frames. With `honest` they must be the written ones, from the first on. */
static size_t read_all(tdm__log_handle *log, bool honest, tdm_status *s)
{
    tdm__log_cursor *c;
    tdm__frame frame;
    size_t n = 0;
    uint64_t position = 0, next;
    must(tdm__log_cursor_new(log, 0, &c, NULL) == TDM_OK);
    while ((*s = tdm__log_next(c, &frame, &next, NULL)) == TDM_OK) {
        must(next > position && next <= tdm__log_end(log));
        position = next;
        if (honest && n < FRAMES) {
            tdm__frame written = make_frame(n);
            must(frame.kind == written.kind && tdm__str_equal(frame.payload, written.payload));
        }
        n++;
    }
    must(*s == TDM_NOT_FOUND || *s == TDM_CORRUPT);
    must(*s == TDM_CORRUPT || position == tdm__log_end(log));
    tdm__log_cursor_close(&c);
    return n;
}

static void look(bool honest)
{
    tdm__log_handle *log;
    tdm_status s = tdm__log_open(disk, dir, &log, NULL), read, again;
    must(s == TDM_OK || s == TDM_CORRUPT || s == TDM_UNSUPPORTED);
    if (s)
        return;
    size_t n = read_all(log, honest, &read);
    uint64_t end = tdm__log_end(log);
    must(!honest || n <= FRAMES);
    tdm__log_close(&log);
    must(tdm__log_open_writer(disk, dir, &log, NULL) == TDM_OK); /* what a reader takes, a writer mends */
    must(tdm__log_end(log) == end && read_all(log, honest, &again) == n && again == read);
    tdm__frame frame = make_frame(3);
    must(tdm__log_append(log, &frame, 1, NULL, NULL) == TDM_OK);
    must(read == TDM_CORRUPT || read_all(log, false, &again) == n + 1);
    tdm__log_close(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!base[0].len)
        build_base();
    if (size < 1)
        return 0;
    tdm__buf bytes[2] = {{0}, {0}};
    must((disk = tdm__fs_sim_new(1)) != NULL && tdm__make_dirs(disk, dir, NULL) == TDM_OK);
    for (int k = 0; k < 2; k++)
        tdm__buf_add(&bytes[k], base[k].ptr, base[k].len);
    if (data[0] & RAW) {
        bytes[1].len = TDM__SEGMENT_HEADER;
        tdm__buf_add(&bytes[1], data + 1, size - 1);
    } else {
        for (size_t i = 1; i + 3 <= size; i += 3) {
            size_t at = tdm__load16(data + i) % (base[0].len + base[1].len);
            bool second = at >= base[0].len;
            bytes[second].ptr[second ? at - base[0].len : at] ^= (char)data[i + 2];
        }
    }
    for (uint64_t k = 0; k < 2; k++) {
        must(!bytes[k].failed);
        if (data[0] & FORGE)
            forge((uint8_t *)bytes[k].ptr, bytes[k].len);
        write_segment(k + 1, bytes[k].ptr, bytes[k].len);
        tdm__buf_free(&bytes[k]);
    }
    look(!(data[0] & (FORGE | RAW)));
    tdm__fs_sim_close(&disk);
    return 0;
}
