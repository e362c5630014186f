/* The log: order, groups, segments, torn ends, damage, failing disks.
 *
 * The oracle is the list of groups that were appended; their bytes are made anew from their numbers. */
#include "log_groups.h"

enum { GROUPS = 30, ROLL = 2000 };
static const char dir[] = "/home/log";
static uint64_t number[GROUPS * 2];

static tdm__fs *new_disk(void)
{
    tdm__fs *fs = tdm__fs_sim_new(support_seed());
    assert_non_null(fs);
    for (uint64_t i = 0; i < GROUPS * 2; i++)
        number[i] = i;
    return fs;
}

static tdm__log_handle *open_writer(tdm__fs *fs, uint64_t roll)
{
    tdm_error err;
    tdm__log_handle *log;
    assert_ok(tdm__log_open_writer(fs, dir, &log, &err), &err);
    tdm__log_tune(log, roll);
    return log;
}

/* Groups 0 to n - 1 in segments of about `roll` bytes. */
static void fill(tdm__fs *fs, uint64_t n, uint64_t roll)
{
    tdm_error err;
    tdm__log_handle *log = open_writer(fs, roll);
    for (uint64_t i = 0; i < n; i++)
        assert_ok(group_append(log, i, NULL, &err), &err);
    tdm__log_close(&log);
}

static void assert_groups(tdm__fs *fs, bool writer, size_t n)
{
    tdm_error err;
    tdm__log_handle *log;
    tdm_status s;
    assert_ok(writer ? tdm__log_open_writer(fs, dir, &log, &err) : tdm__log_open(fs, dir, &log, &err), &err);
    assert_int_equal(groups_read(log, number, n, &s), n);
    assert_int_equal(s, TDM_OK);
    tdm__log_close(&log);
}

static void segment_bytes(tdm__fs *fs, uint64_t segment, tdm__buf *out)
{
    char path[TDM__PATH_MAX];
    tdm_error err;
    assert_true(tdm__segment_path(dir, segment, path));
    assert_ok(tdm__read_file(fs, path, 1 << 26, out, &err), &err);
}

static void set_segment_bytes(tdm__fs *fs, uint64_t segment, const void *bytes, size_t n)
{
    char path[TDM__PATH_MAX];
    tdm_error err;
    assert_true(tdm__segment_path(dir, segment, path));
    assert_ok(tdm__write_file_durably(fs, path, bytes, n, &err), &err);
}

static uint64_t segments(tdm__fs *fs)
{
    uint64_t last;
    tdm_error err;
    assert_ok(tdm__segments_list(fs, dir, &last, &err), &err);
    return last;
}

static void frames_come_back_in_order(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    uint64_t position[GROUPS], end = 0;
    for (uint64_t i = 0; i < GROUPS; i++) {
        tdm__log_handle *log = open_writer(fs, ROLL); /* opened anew each time, as by another process */
        assert_int_equal(tdm__log_end(log), end);
        assert_ok(group_append(log, i, &position[i], &err), &err);
        assert_true(position[i] > end);
        end = position[i];
        assert_int_equal(tdm__log_end(log), end);
        assert_ok(tdm__log_append(log, NULL, 0, &end, &err), &err);
        assert_int_equal(end, position[i]);
        assert_groups(fs, false, i + 1);
        tdm__log_close(&log);
    }
    assert_true(segments(fs) > 4);
    tdm__log_handle *log;
    assert_ok(tdm__log_open(fs, dir, &log, &err), &err);
    for (uint64_t i = 0; i + 1 < GROUPS; i++) { /* from each position goes on the next group */
        tdm__log_cursor *c;
        tdm__frame frame;
        group g;
        group_make(&g, i + 1);
        assert_ok(tdm__log_cursor_new(log, position[i], &c, &err), &err);
        assert_ok(tdm__log_next(c, &frame, NULL, &err), &err);
        assert_true(tdm__str_equal(frame.payload, g.frame[0].payload));
        tdm__log_cursor_close(&c);
    }
    tdm__log_close(&log);
    tdm__fs_sim_close(&fs);
}

static void a_cursor_follows_the_writer(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    tdm__log_handle *log = open_writer(fs, ROLL);
    tdm__log_cursor *c;
    tdm__frame frame;
    assert_ok(tdm__log_cursor_new(log, 0, &c, &err), &err);
    for (uint64_t i = 0; i < GROUPS; i++) {
        group g;
        group_make(&g, i);
        assert_int_equal(tdm__log_next(c, &frame, NULL, &err), TDM_NOT_FOUND);
        assert_ok(group_append(log, i, NULL, &err), &err);
        for (size_t k = 0; k < g.n; k++) {
            assert_ok(tdm__log_next(c, &frame, NULL, &err), &err);
            assert_true(tdm__str_equal(frame.payload, g.frame[k].payload));
        }
    }
    tdm__log_cursor_close(&c);
    tdm__log_close(&log);
    tdm__fs_sim_close(&fs);
}

static void on_a_real_disk(void **state)
{
    (void)state;
    tdm_error err;
    tdm_status s;
    uint64_t groups[2] = {3, 4};
    const char *path = support_path(support_temp_dir(), "deep/log");
    for (size_t i = 0; i < 2; i++) {
        tdm__log_handle *log;
        assert_ok(tdm__log_open_writer(tdm__fs_posix(), path, &log, &err), &err);
        assert_ok(group_append(log, groups[i], NULL, &err), &err);
        tdm__log_close(&log);
        assert_ok(tdm__log_open(tdm__fs_posix(), path, &log, &err), &err);
        assert_int_equal(groups_read(log, groups, 2, &s), i + 1);
        tdm__log_close(&log);
        assert_null(log);
    }
}

static void an_absent_folder_is_an_empty_log(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    tdm__log_handle *log;
    assert_ok(tdm__log_open(fs, dir, &log, &err), &err);
    assert_int_equal(tdm__log_end(log), 0);
    assert_int_equal(group_append(log, 0, NULL, &err), TDM_REFUSED);
    assert_false(tdm__exists(fs, dir));
    tdm__log_close(&log);
    tdm__fs_sim_close(&fs);
}

static void limits_and_wrong_positions(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    tdm__log_cursor *c;
    tdm__frame frame = {1, {NULL, TDM__FRAME_BYTES_MAX + 1}};
    tdm__log_handle *log = open_writer(fs, ROLL);
    assert_int_equal(tdm__log_append(log, &frame, 1, NULL, &err), TDM_TOO_LARGE);
    assert_ok(group_append(log, 0, NULL, &err), &err);
    assert_int_equal(tdm__log_cursor_new(log, tdm__log_end(log) + 1, &c, &err), TDM_NOT_FOUND);
    assert_null(c);
    assert_ok(tdm__log_cursor_new(log, 1, &c, &err), &err);
    assert_int_equal(tdm__log_next(c, &frame, NULL, &err), TDM_CORRUPT);
    tdm__log_cursor_close(&c);
    tdm__log_close(&log);
    tdm__fs_sim_close(&fs);
}

/* --- torn ends and damage --- */

/* The last group cut off at every length: it is gone, all others are there, and the log goes on. */
static void a_cut_end_is_mended(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    tdm__buf whole = {0}, before = {0};
    fill(fs, 5, UINT64_MAX);
    segment_bytes(fs, 1, &before);
    tdm__log_handle *log = open_writer(fs, UINT64_MAX);
    assert_ok(group_append(log, 5, NULL, &err), &err);
    tdm__log_close(&log);
    segment_bytes(fs, 1, &whole);
    for (size_t n = before.len; n < whole.len; n += 7) {
        set_segment_bytes(fs, 1, whole.ptr, n);
        assert_groups(fs, false, 5);
        log = open_writer(fs, UINT64_MAX);
        assert_ok(group_append(log, 5, NULL, &err), &err);
        tdm__log_close(&log);
        assert_groups(fs, false, 6);
    }
    tdm__buf_free(&before);
    tdm__buf_free(&whole);
    tdm__fs_sim_close(&fs);
}

/* Any one byte of any segment flipped: found at opening or on the way to it, by writer and reader; never a shorter
 * log. */
static void every_flip_is_found(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    fill(fs, 8, ROLL);
    uint64_t last = segments(fs);
    assert_true(last > 1);
    for (uint64_t segment = 1; segment <= last; segment++) {
        tdm__buf bytes = {0};
        segment_bytes(fs, segment, &bytes);
        for (size_t i = 0; i < bytes.len; i++) {
            tdm__log_handle *log;
            tdm_status s = TDM_OK;
            bytes.ptr[i] ^= (char)(1 << i % 8);
            set_segment_bytes(fs, segment, bytes.ptr, bytes.len);
            bool writer = i & 1;
            s = writer ? tdm__log_open_writer(fs, dir, &log, &err) : tdm__log_open(fs, dir, &log, &err);
            if (s == TDM_OK) {
                groups_read(log, number, 8, &s);
                tdm__log_close(&log);
            }
            assert_int_equal(s, TDM_CORRUPT);
            bytes.ptr[i] ^= (char)(1 << i % 8);
        }
        set_segment_bytes(fs, segment, bytes.ptr, bytes.len);
        tdm__buf_free(&bytes);
    }
    assert_groups(fs, true, 8);
    tdm__fs_sim_close(&fs);
}

/* A lost sector in the last group is torn; the same in an earlier group is damage, since a later one proves it was
 * whole. */
static void lost_sectors(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    tdm__log_handle *log = open_writer(fs, UINT64_MAX);
    static char long_text[5000];
    memset(long_text, 'x', sizeof long_text);
    tdm__frame frame = {9, {long_text, sizeof long_text}};
    assert_ok(group_append(log, 0, NULL, &err), &err);
    assert_ok(tdm__log_append(log, &frame, 1, NULL, &err), &err);
    tdm__log_close(&log);
    tdm__buf bytes = {0};
    segment_bytes(fs, 1, &bytes);
    memset(bytes.ptr + 3 * TDM__SECTOR, 0, TDM__SECTOR);
    set_segment_bytes(fs, 1, bytes.ptr, bytes.len);
    assert_groups(fs, false, 1);
    log = open_writer(fs, UINT64_MAX); /* mends */
    assert_ok(group_append(log, 1, NULL, &err), &err);
    assert_ok(group_append(log, 2, NULL, &err), &err);
    tdm__log_close(&log);
    assert_groups(fs, true, 3);
    set_segment_bytes(fs, 1, bytes.ptr, bytes.len);
    tdm__buf_free(&bytes);
    segment_bytes(fs, 1, &bytes);
    log = open_writer(fs, UINT64_MAX);
    assert_ok(tdm__log_append(log, &frame, 1, NULL, &err), &err);
    assert_ok(group_append(log, 1, NULL, &err), &err);
    tdm__log_close(&log);
    tdm__buf_free(&bytes);
    segment_bytes(fs, 1, &bytes);
    memset(bytes.ptr + 3 * TDM__SECTOR, 0, TDM__SECTOR);
    set_segment_bytes(fs, 1, bytes.ptr, bytes.len);
    assert_int_equal(tdm__log_open_writer(fs, dir, &log, &err), TDM_CORRUPT);
    assert_null(log);
    assert_int_equal(tdm__log_open(fs, dir, &log, &err), TDM_CORRUPT);
    tdm__buf_free(&bytes);
    tdm__fs_sim_close(&fs);
}

static void missing_and_strange_segments(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    tdm_status s;
    tdm__log_handle *log;
    char path[TDM__PATH_MAX];
    tdm__buf bytes = {0};
    fill(fs, 20, ROLL);
    assert_true(segments(fs) >= 3);
    segment_bytes(fs, 2, &bytes);
    assert_ok(tdm__write_file_durably(fs, "/home/log/notes.txt", "x", 1, &err), &err); /* nobody's business */
    assert_groups(fs, true, 20);
    assert_true(tdm__segment_path(dir, 2, path));
    assert_ok(tdm__remove(fs, path, &err), &err);
    assert_int_equal(tdm__log_open(fs, dir, &log, &err), TDM_CORRUPT);
    assert_int_equal(tdm__log_open_writer(fs, dir, &log, &err), TDM_CORRUPT);
    for (int cut = 0; cut < 2; cut++) { /* one byte too few, then one too many */
        set_segment_bytes(fs, 2, bytes.ptr, bytes.len - 1 + 2 * (size_t)cut);
        assert_ok(tdm__log_open(fs, dir, &log, &err), &err);
        groups_read(log, number, 20, &s);
        assert_int_equal(s, TDM_CORRUPT);
        tdm__log_close(&log);
    }
    set_segment_bytes(fs, 2, bytes.ptr, bytes.len);
    assert_groups(fs, true, 20);
    tdm__buf_free(&bytes);
    tdm__fs_sim_close(&fs);
}

/* A new segment whose header never became whole is made again. */
static void a_blank_segment(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    static const char zeros[TDM__SEGMENT_HEADER];
    fill(fs, 8, ROLL);
    uint64_t last = segments(fs);
    for (size_t n = 0; n <= sizeof zeros; n += 32) {
        set_segment_bytes(fs, last + 1, zeros, n);
        assert_groups(fs, false, 8);
    }
    tdm__log_handle *log = open_writer(fs, UINT64_MAX);
    assert_ok(group_append(log, 8, NULL, &err), &err);
    tdm__log_close(&log);
    assert_int_equal(segments(fs), last + 1);
    assert_groups(fs, true, 9);
    tdm__fs_sim_close(&fs);
}

/* --- failing disks and memory --- */

static void a_full_disk_is_not_the_end(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    fill(fs, 3, ROLL);
    for (uint64_t room = 0; room < 3000; room += 170) { /* some fail in a frame, some at a new segment */
        tdm__buf bytes = {0};
        uint64_t used = 0, last = segments(fs);
        for (uint64_t i = 1; i <= last; i++, used += bytes.len, tdm__buf_free(&bytes))
            segment_bytes(fs, i, &bytes);
        tdm__log_handle *log = open_writer(fs, ROLL);
        tdm__fs_sim_capacity(fs, used + room);
        tdm_status s = TDM_OK;
        size_t n = 3;
        for (; n < GROUPS && !s; n += !s)
            s = group_append(log, n, NULL, &err);
        assert_int_equal(s, TDM_DISK_FULL);
        assert_groups(fs, false, n);
        tdm__fs_sim_capacity(fs, UINT64_MAX);
        assert_ok(group_append(log, n, NULL, &err), &err);
        assert_groups(fs, false, n + 1);
        tdm__log_close(&log);
        tdm__fs_sim_close(&fs);
        fs = new_disk();
        fill(fs, 3, ROLL);
    }
    tdm__fs_sim_close(&fs);
}

/* The n-th call that changes the disk fails, at every n: what was acknowledged stays, and opening anew goes on. */
static void every_call_fails_once(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        tdm__fs *fs = new_disk();
        tdm_error err;
        tdm_status s;
        tdm__log_handle *log;
        uint64_t before = tdm__fs_sim_calls(fs);
        size_t acknowledged = 0;
        tdm__fs_sim_fail_at(fs, n, TDM_IO);
        s = tdm__log_open_writer(fs, dir, &log, &err);
        for (uint64_t i = 0; i < 12 && !s; i++) {
            tdm__log_tune(log, ROLL);
            s = group_append(log, i, NULL, &err);
            acknowledged += !s;
        }
        bool done = tdm__fs_sim_calls(fs) - before < n;
        assert_int_equal(s, done ? TDM_OK : TDM_IO);
        tdm__log_close(&log);
        tdm__fs_sim_fail_at(fs, 0, TDM_OK);
        tdm__fs_sim_crash(fs);
        assert_ok(tdm__log_open_writer(fs, dir, &log, &err), &err);
        size_t found = groups_read(log, number, 12, &s);
        assert_int_equal(s, TDM_OK);
        assert_true(found == acknowledged || found == acknowledged + 1);
        assert_ok(group_append(log, found, NULL, &err), &err);
        tdm__log_close(&log);
        assert_groups(fs, false, found + 1);
        tdm__fs_sim_close(&fs);
        if (done)
            break;
    }
}

static void after_a_failed_sync_nothing_is_taken(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    fill(fs, 2, UINT64_MAX);
    tdm__log_handle *log = open_writer(fs, UINT64_MAX);
    tdm__fs_sim_fail_at(fs, 2, TDM_IO); /* the write, then the sync */
    assert_int_equal(group_append(log, 2, NULL, &err), TDM_IO);
    assert_int_equal(group_append(log, 2, NULL, &err), TDM_REFUSED);
    assert_int_equal(group_append(log, 2, NULL, &err), TDM_REFUSED);
    tdm__log_close(&log);
    tdm__fs_sim_fail_at(fs, 0, TDM_OK);
    log = open_writer(fs, UINT64_MAX); /* the process restarts, the power stays: the group is made durable now */
    assert_ok(group_append(log, 3, NULL, &err), &err);
    tdm__log_close(&log);
    tdm__fs_sim_crash(fs);
    assert_groups(fs, true, 4);
    tdm__fs_sim_close(&fs);
}

static void memory_fails_at_every_allocation(void **state)
{
    (void)state;
    tdm__fs *fs = new_disk();
    tdm_error err;
    size_t groups = 3;
    fill(fs, groups, ROLL);
    for (uint64_t n = 1;; n++) {
        tdm__log_handle *log = NULL;
        tdm__log_cursor *c = NULL;
        tdm__frame frame;
        support_fail_alloc_at(n);
        tdm_status s = tdm__log_open_writer(fs, dir, &log, &err);
        if (!s)
            s = tdm__log_cursor_new(log, 0, &c, &err);
        if (!s)
            s = tdm__log_next(c, &frame, NULL, &err);
        if (!s) {
            tdm__log_tune(log, ROLL);
            s = group_append(log, groups, NULL, &err);
            groups += !s;
        }
        bool hit = support_alloc_failed();
        support_fail_alloc_at(0);
        tdm__log_cursor_close(&c);
        tdm__log_close(&log);
        if (!hit)
            break;
        assert_true(s == TDM_NO_MEMORY || s == TDM_OK);
        assert_groups(fs, true, groups);
    }
    tdm__fs_sim_close(&fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_back_in_order),       cmocka_unit_test(a_cursor_follows_the_writer),
        cmocka_unit_test(on_a_real_disk),                  cmocka_unit_test(an_absent_folder_is_an_empty_log),
        cmocka_unit_test(limits_and_wrong_positions),      cmocka_unit_test(a_cut_end_is_mended),
        cmocka_unit_test(every_flip_is_found),             cmocka_unit_test(lost_sectors),
        cmocka_unit_test(missing_and_strange_segments),    cmocka_unit_test(a_blank_segment),
        cmocka_unit_test(a_full_disk_is_not_the_end),      cmocka_unit_test(every_call_fails_once),
        cmocka_unit_test(after_a_failed_sync_nothing_is_taken), cmocka_unit_test(memory_fails_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
