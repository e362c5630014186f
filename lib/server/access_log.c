/* The access log: a JSON line a request, written behind the back of the threads that answer.
 *
 * Each seat has a ring of bytes. Its thread makes the line, copies it in and moves `put`; one writer thread copies
 * out what is there, moves `taken`, and appends it to the file. Neither waits for the other and neither takes a
 * lock: a line that finds no room is counted and dropped. What moves is always whole lines.
 *
 * The file only grows by whole batches: after a write that failed (a full disk) it is cut back to the last good
 * byte, the batch is counted as lost, and the next one is tried. It is not synced. When somebody moves it away or cuts it,
 * as programs that rotate logs do, a new one is begun at its place. */
#include "server/access_log.h"

#include <inttypes.h>
#include <string.h>
#include "base/fail.h"
#include "base/memory.h"
#include "os/process.h"
#include "schema/instant.h"

enum { PAUSE_US = 100000, STDERR = 2, FILE_FLAGS = TDM__READ | TDM__WRITE | TDM__CREATE };

/* What the two sides write lies on lines of the cache of its own. */
typedef struct ring {
    _Atomic uint64_t put;    /* bytes so far: the seat's */
    tdm__buf line;           /* the line being made: the seat's; has its full size from the start */
    char apart[64];
    _Atomic uint64_t taken;  /* the writer's */
    char *bytes;
    char apart_too[64];
} ring;

struct tdm__access_log {
    tdm_server *server;
    size_t ring_bytes;
    ring *ring;              /* one a seat */
    char *batch;             /* ring_bytes */
    tdm__fs *fs;
    char *path;
    tdm__file *file;         /* NULL: standard error */
    uint64_t end;            /* of the file's good bytes */
    bool doubtful;           /* there may be others behind */
    uint64_t lost;           /* lines that could not be written; atomic */
    atomic_bool closing;
    tdm__mutex *mutex;       /* for `wake` alone */
    tdm__cond *wake;
    tdm__thread *writer;
};

/* ---- the writer ---- */

static bool write_out(tdm__access_log *log, const char *bytes, size_t n)
{
    tdm_error ignored;
    if (!log->file)
        return tdm__write_fd(STDERR, bytes, n);
    if (log->doubtful && tdm__file_truncate(log->file, log->end, &ignored))
        return false;
    log->doubtful = tdm__file_write_at(log->file, log->end, bytes, n, &ignored) != TDM_OK;
    log->end += log->doubtful ? 0 : n;
    return !log->doubtful;
}

static uint64_t lines_in(const char *bytes, size_t n)
{
    uint64_t lines = 0;
    for (const char *at = bytes; (at = memchr(at, '\n', n - (size_t)(at - bytes))) != NULL; at++)
        lines++;
    return lines;
}

/* Ends a line that somebody's crash has cut. Files that have no places (pipes, terminals) are refused here. */
static tdm_status find_end(tdm__file *file, uint64_t *end, tdm_error *err)
{
    char last = '\n';
    size_t got;
    tdm_status s = tdm__file_size(file, end, err);
    if (!s)
        s = tdm__file_read_at(file, *end ? *end - 1 : 0, &last, 1, &got, err);
    if (!s && last != '\n')
        s = tdm__file_write_at(file, (*end)++, "\n", 1, err);
    if (s && s != TDM_DISK_FULL)
        tdm__fail_hint(err, "the access log is a file, or '-' for standard error");
    return s;
}

/* Whether the file at our path is no longer the one that we have written, as far as can be seen. */
static bool was_rotated(const tdm__access_log *log)
{
    tdm__stat now;
    tdm_error ignored;
    tdm_status s = tdm__stat_path(log->fs, log->path, &now, &ignored);
    return s == TDM_NOT_FOUND || (!s && now.size < log->end);
}

/* Goes on in the file that is at our path now; with the old one when that cannot be. */
static void follow(tdm__access_log *log)
{
    tdm__file *file;
    tdm_error ignored;
    uint64_t end;
    if (!log->file || log->doubtful || !was_rotated(log) ||
        tdm__file_open(log->fs, log->path, FILE_FLAGS, &file, &ignored))
        return;
    if (find_end(file, &end, &ignored)) {
        tdm__file_close(&file);
        return;
    }
    tdm__file_close(&log->file);
    log->file = file;
    log->end = end;
}

static void drain(tdm__access_log *log, ring *r)
{
    uint64_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);
    size_t n = (size_t)(atomic_load_explicit(&r->put, memory_order_acquire) - taken);
    if (n == 0)
        return;
    size_t at = taken & (log->ring_bytes - 1), first = n < log->ring_bytes - at ? n : log->ring_bytes - at;
    memcpy(log->batch, r->bytes + at, first);
    memcpy(log->batch + first, r->bytes, n - first);
    follow(log);
    atomic_store_explicit(&r->taken, taken + n, memory_order_release);
    if (!write_out(log, log->batch, n))
        tdm__add(&log->lost, lines_in(log->batch, n));
}

static void write_all(void *arg)
{
    tdm__access_log *log = arg;
    for (bool last = false; !last;) {
        last = atomic_load(&log->closing); /* before the rings are emptied: nothing comes after it */
        for (unsigned i = 0; i < log->server->n_seats; i++)
            drain(log, &log->ring[i]);
        if (last)
            break;
        tdm__mutex_lock(log->mutex);
        if (!atomic_load(&log->closing))
            tdm__cond_wait_for(log->wake, log->mutex, PAUSE_US);
        tdm__mutex_unlock(log->mutex);
    }
    if (log->doubtful) {
        tdm_error ignored;
        tdm__file_truncate(log->file, log->end, &ignored);
    }
}

uint64_t tdm__access_log_lost(const tdm__access_log *log)
{
    return log ? tdm__read(&log->lost) : 0;
}

/* ---- lines ---- */

static void add_name(tdm__buf *out, const char *name)
{
    tdm__buf_text(out, out->ptr[out->len - 1] == '{' ? "\"" : ",\"");
    tdm__buf_text(out, name);
    tdm__buf_add(out, "\":", 2);
}

static void add_u64(tdm__buf *out, const char *name, uint64_t v)
{
    add_name(out, name);
    tdm__buf_printf(out, "%" PRIu64, v);
}

static void add_text(tdm__buf *out, const char *name, tdm_str text)
{
    add_name(out, name);
    tdm__buf_json_text(out, text);
}

static void add_us(tdm__buf *out, const char *name, uint64_t ns)
{
    add_name(out, name);
    tdm__buf_printf(out, "%" PRIu64 ".%03u", ns / 1000, (unsigned)(ns % 1000));
}

static void add_stages(tdm__buf *out, const tdm__exchange *x)
{
    add_name(out, "stages_us");
    tdm__buf_char(out, '{');
    for (unsigned i = 0; i < TDM__STAGE_TOTAL; i++)
        if (x->stage_ns[i])
            add_us(out, tdm__stage_name((tdm__stage)i), x->stage_ns[i]);
    if (x->spent.features_ns)
        add_us(out, tdm__stage_name(TDM__STAGE_FEATURES), x->spent.features_ns);
    if (x->spent.models_ns)
        add_us(out, tdm__stage_name(TDM__STAGE_MODEL), x->spent.models_ns);
    tdm__buf_char(out, '}');
}

/* Cut where a character of UTF-8 ends. */
static tdm_str cut(tdm_str text, size_t most)
{
    if (text.len <= most)
        return text;
    while (most > 0 && ((unsigned char)text.ptr[most] & 0xc0) == 0x80)
        most--;
    return tdm__strn(text.ptr, most);
}

static void make_line(tdm__buf *out, const tdm__exchange *x, uint64_t total_ns, size_t bytes_out)
{
    char time[40];
    tdm__buf_reset(out);
    tdm__buf_text(out, "{\"time\":\"");
    tdm__buf_add(out, time, tdm__instant_format(x->arrived_us, time));
    tdm__buf_char(out, '"');
    add_text(out, "method", tdm__str(tdm__http_method_name(x->request->method)));
    add_text(out, "path", cut(x->request->path, TDM__LOG_PATH_BYTES));
    add_u64(out, "status", (uint64_t)x->status);
    if (x->code)
        add_text(out, "code", tdm__str(tdm_status_name(x->code)));
    if (x->meters)
        add_text(out, "service", tdm__str(x->meters->service));
    if (x->serving && x->serving->epoch)
        add_u64(out, "epoch", x->serving->epoch);
    if (x->rung >= 0)
        add_text(out, "rung", tdm__str(tdm__rung_name((tdm__rung)x->rung)));
    if (x->rows)
        add_u64(out, "rows", x->rows);
    if (x->rows_failed)
        add_u64(out, "rows_failed", x->rows_failed);
    add_u64(out, "bytes_in", x->request->wire_bytes);
    add_u64(out, "bytes_out", bytes_out);
    add_us(out, "total_us", total_ns);
    add_stages(out, x);
    tdm__buf_add(out, "}\n", 2);
}

/* A path and a name with all their bytes escaped, and the rest. */
_Static_assert((TDM__LOG_PATH_BYTES + 255) * 6 + 1024 <= TDM__LOG_LINE_BYTES, "every line has room");

void tdm__access_log_add(tdm__access_log *log, const tdm__exchange *x, uint64_t total_ns, size_t bytes_out)
{
    tdm__seat *seat = x->seat;
    ring *r = &log->ring[seat->index];
    make_line(&r->line, x, total_ns, bytes_out);
    size_t n = r->line.len, half = log->ring_bytes / 2;
    uint64_t put = atomic_load_explicit(&r->put, memory_order_relaxed);
    size_t used = (size_t)(put - atomic_load_explicit(&r->taken, memory_order_acquire));
    if (r->line.failed || n > log->ring_bytes - used) {
        tdm__add(&seat->meters.count[TDM__COUNT_LOG_DROPPED], 1);
        return;
    }
    size_t at = put & (log->ring_bytes - 1), first = n < log->ring_bytes - at ? n : log->ring_bytes - at;
    memcpy(r->bytes + at, r->line.ptr, first);
    memcpy(r->bytes, r->line.ptr + first, n - first);
    atomic_store_explicit(&r->put, put + n, memory_order_release);
    if (used < half && used + n >= half)
        tdm__cond_signal(log->wake); /* may go unheard: the writer looks by itself soon */
}

/* ---- open and close ---- */

static tdm_status make_rings(tdm__access_log *log, const char *path, tdm_error *err)
{
    size_t seats = log->server->n_seats;
    log->ring = tdm__zalloc(seats, sizeof *log->ring);
    log->batch = tdm__alloc(log->ring_bytes);
    log->mutex = tdm__mutex_new();
    log->wake = tdm__cond_new();
    log->path = tdm__alloc(strlen(path) + 1);
    if (log->path)
        memcpy(log->path, path, strlen(path) + 1);
    bool ok = log->ring && log->batch && log->mutex && log->wake && log->path;
    for (size_t i = 0; i < seats && ok; i++)
        ok = tdm__buf_reserve(&log->ring[i].line, TDM__LOG_LINE_BYTES) &&
             (log->ring[i].bytes = tdm__alloc(log->ring_bytes)) != NULL;
    return ok ? TDM_OK : tdm__no_memory(err, path);
}

tdm_status tdm__access_log_open_at(tdm_server *server, tdm__fs *fs, const char *path, size_t ring_bytes,
                                   tdm__access_log **out, tdm_error *err)
{
    tdm__access_log *log = tdm__new(tdm__access_log);
    *out = NULL;
    if (!log)
        return tdm__no_memory(err, path);
    log->server = server;
    log->ring_bytes = ring_bytes;
    log->fs = fs;
    tdm_status s = make_rings(log, path, err);
    if (!s && strcmp(path, "-") != 0) {
        s = tdm__file_open(fs, path, FILE_FLAGS, &log->file, err);
        if (!s)
            s = find_end(log->file, &log->end, err);
    }
    if (!s)
        s = tdm__thread_start("access-log", write_all, log, &log->writer, err);
    if (s)
        tdm__access_log_close(&log);
    *out = log;
    return s;
}

tdm_status tdm__access_log_open(tdm_server *server, const char *path, tdm__access_log **out, tdm_error *err)
{
    return tdm__access_log_open_at(server, tdm__fs_posix(), path, TDM__LOG_RING_BYTES, out, err);
}

void tdm__access_log_close(tdm__access_log **out)
{
    tdm__access_log *log = *out;
    if (!log)
        return;
    *out = NULL;
    atomic_store(&log->closing, true);
    if (log->writer) {
        tdm__mutex_lock(log->mutex); /* it waits already, or will see the flag before it waits */
        tdm__cond_signal(log->wake);
        tdm__mutex_unlock(log->mutex);
        tdm__thread_join(&log->writer);
    }
    tdm__file_close(&log->file);
    tdm__cond_close(&log->wake);
    tdm__mutex_close(&log->mutex);
    for (unsigned i = 0; log->ring && i < log->server->n_seats; i++) {
        tdm__buf_free(&log->ring[i].line);
        tdm__free(log->ring[i].bytes);
    }
    tdm__free(log->path);
    tdm__free(log->batch);
    tdm__free(log->ring);
    tdm__free(log);
}
