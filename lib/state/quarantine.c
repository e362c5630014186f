/* Writing and reading the quarantine's lines.
 *
 * Bytes that are not UTF-8 are kept in base64, so that nothing of the original is lost. */
#include "state/quarantine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/memory.h"
#include "state/document.h"

enum { BUFFER_BYTES = 256 << 10, LINE_BYTES_MAX = 16 << 20 };

static void add_base64(tdm__buf *out, tdm_str s)
{
    static const char letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = (const uint8_t *)s.ptr;
    tdm__buf_char(out, '"');
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0u);
        tdm__buf_char(out, letter[v >> 18]);
        tdm__buf_char(out, letter[v >> 12 & 63]);
        tdm__buf_char(out, n > 1 ? letter[v >> 6 & 63] : '=');
        tdm__buf_char(out, n > 2 ? letter[v & 63] : '=');
    }
    tdm__buf_char(out, '"');
}

static void add_text(tdm__buf *out, const char *name, const char *z)
{
    tdm__buf_printf(out, ",\"%s\":", name);
    tdm__buf_json_text(out, tdm__str(z));
}

void tdm__quarantine_line(const tdm__quarantined *q, tdm__buf *out)
{
    tdm__buf_text(out, "{\"run\":");
    tdm__buf_json_text(out, tdm__str(q->run));
    add_text(out, "release", q->release);
    add_text(out, "file", q->file);
    tdm__buf_printf(out, ",\"row\":%" PRIu64 ",\"line\":%" PRIu64 ",\"offset\":%" PRIu64, q->row, q->line, q->offset);
    if (tdm__utf8_valid(q->bytes)) {
        tdm__buf_text(out, ",\"bytes\":");
        tdm__buf_json_text(out, q->bytes);
    } else {
        tdm__buf_text(out, ",\"bytes_base64\":");
        add_base64(out, q->bytes);
    }
    add_text(out, "stage", q->stage);
    add_text(out, "code", tdm_status_name(q->error->status));
    add_text(out, "field", q->error->where);
    add_text(out, "value", q->error->found);
    add_text(out, "expected", q->error->expected);
    add_text(out, "message", q->error->what);
    tdm__buf_text(out, "}\n");
}

struct tdm__line_file {
    tdm__fs *fs;
    tdm__file *file;
    tdm__buf pending;
    uint64_t written;
    char path[TDM__PATH_MAX], temporary[TDM__PATH_MAX];
};

tdm_status tdm__line_file_new(tdm_home *home, const char *path, tdm__line_file **out, tdm_error *err)
{
    *out = NULL;
    tdm__line_file *f = tdm__new(tdm__line_file);
    if (!f)
        return tdm__no_memory(err, path);
    f->fs = home->fs;
    tdm_status s = tdm__home_path(home, f->temporary, err, "tmp/lines.tmp");
    if (!s && snprintf(f->path, sizeof f->path, "%s", path) >= (int)sizeof f->path)
        s = tdm__fail(err, TDM_BAD_INPUT, path, "the path is too long");
    if (!s)
        s = tdm__file_open(f->fs, f->temporary, TDM__WRITE | TDM__CREATE | TDM__TRUNCATE, &f->file, err);
    if (s)
        tdm__free(f);
    else
        *out = f;
    return s;
}

static tdm_status flush(tdm__line_file *f, tdm_error *err)
{
    tdm_status s = tdm__buf_check(&f->pending, err);
    if (!s)
        s = tdm__file_write_at(f->file, f->written, f->pending.ptr, f->pending.len, err);
    f->written += f->pending.len;
    tdm__buf_reset(&f->pending);
    return s;
}

tdm_status tdm__line_file_add(tdm__line_file *f, tdm_str bytes, tdm_error *err)
{
    tdm__buf_str(&f->pending, bytes);
    return f->pending.failed || f->pending.len >= BUFFER_BYTES ? flush(f, err) : TDM_OK;
}

tdm_status tdm__line_file_finish(tdm__line_file **f, tdm_error *err)
{
    tdm__line_file *l = *f;
    char dir[TDM__PATH_MAX];
    tdm_status s = flush(l, err);
    if (!s)
        s = tdm__file_sync(l->file, err);
    tdm__file_close(&l->file);
    if (!s)
        s = tdm__rename(l->fs, l->temporary, l->path, err);
    if (!s && tdm__path_dir(dir, sizeof dir, l->path))
        s = tdm__dir_sync(l->fs, dir, err);
    if (s)
        tdm__remove(l->fs, l->temporary, NULL);
    tdm__buf_free(&l->pending);
    tdm__free(l);
    *f = NULL;
    return s;
}

void tdm__line_file_abort(tdm__line_file **f)
{
    if (!*f)
        return;
    tdm__file_close(&(*f)->file);
    tdm__remove((*f)->fs, (*f)->temporary, NULL);
    tdm__buf_free(&(*f)->pending);
    tdm__free(*f);
    *f = NULL;
}

struct tdm_quarantine {
    tdm__file *file;
    char path[TDM__PATH_MAX];
    tdm__buf bytes; /* read and not yet given */
    size_t at;
    uint64_t offset;
    bool ended;
};

/* The run of a table, from its manifest. */
static tdm_status run_of_table(tdm_home *home, const char *table, char out[80], tdm_error *err)
{
    char path[TDM__PATH_MAX];
    json_t *manifest;
    tdm_status s = tdm__home_path(home, path, err, "tables/%s/manifest", table);
    if (!s)
        s = tdm__document_read(home->fs, path, "table", &manifest, err);
    if (s)
        return s == TDM_NOT_FOUND ? tdm__fail(err, TDM_NOT_FOUND, table, "there is no such table") : s;
    s = tdm__document_copy(manifest, "run", path, out, 80, err);
    json_decref(manifest);
    return s;
}

/* The one name in runs/ that starts with the text. */
static tdm_status run_of_prefix(tdm_home *home, const char *prefix, char out[80], tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm__names names = {0};
    size_t found = 0;
    tdm_status s = tdm__home_path(home, path, err, "runs");
    if (!s) {
        s = tdm__list_dir(home->fs, path, &names, err);
        if (s == TDM_NOT_FOUND)
            s = TDM_OK;
    }
    for (size_t i = 0; !s && strlen(prefix) >= 6 && i < names.n; i++)
        if (!strncmp(names.name[i], prefix, strlen(prefix)) && strlen(names.name[i]) < 80) {
            snprintf(out, 80, "%s", names.name[i]);
            found++;
        }
    tdm__names_free(&names);
    if (!s && found != 1) {
        s = tdm__fail(err, TDM_NOT_FOUND, prefix,
                      found ? "several runs begin with this" : "there is no such run, table or load");
        tdm__fail_expected(err, "a run's id or its first 6 digits or more, a table (v000001), or a load (load-000003)");
    }
    return s;
}

static tdm_status find_lines(tdm_home *home, const char *name, char path[TDM__PATH_MAX], tdm_error *err)
{
    char run[80];
    if (strchr(name, '/') || strlen(name) >= sizeof run)
        return tdm__fail(err, TDM_NOT_FOUND, name, "there is no such run, table or load");
    if (!strncmp(name, "load-", 5))
        return tdm__home_path(home, path, err, "loads/%s/quarantine.jsonl", name);
    bool table = name[0] == 'v' && strlen(name) == 7 && strspn(name + 1, "0123456789") == 6;
    tdm_status s = table ? run_of_table(home, name, run, err) : run_of_prefix(home, name, run, err);
    return s ? s : tdm__home_path(home, path, err, "runs/%s/quarantine.jsonl", run);
}

tdm_status tdm_quarantine_open(tdm_home *home, const char *run, tdm_quarantine **out, tdm_error *err)
{
    *out = NULL;
    tdm_quarantine *q = tdm__new(tdm_quarantine);
    if (!q)
        return tdm__no_memory(err, run);
    tdm_status s = find_lines(home, run, q->path, err);
    if (!s) {
        s = tdm__file_open(home->fs, q->path, TDM__READ, &q->file, err);
        if (s == TDM_NOT_FOUND && strncmp(run, "load-", 5)) { /* a run that quarantined nothing wrote no file */
            q->ended = true;
            s = TDM_OK;
        } else if (s == TDM_NOT_FOUND) {
            s = tdm__fail(err, TDM_NOT_FOUND, run, "no load of this name quarantined anything");
        }
    }
    if (s)
        tdm_quarantine_close(&q);
    *out = q;
    return s;
}

/* Reads more; keeps what was not given yet at the front. */
static tdm_status refill(tdm_quarantine *q, tdm_error *err)
{
    if (q->at)
        memmove(q->bytes.ptr, q->bytes.ptr + q->at, q->bytes.len - q->at);
    q->bytes.len -= q->at;
    q->at = 0;
    if (q->bytes.len > LINE_BYTES_MAX)
        return tdm__fail(err, TDM_CORRUPT, q->path, "a line is longer than %d bytes", LINE_BYTES_MAX);
    char *to = tdm__buf_reserve(&q->bytes, BUFFER_BYTES);
    size_t got;
    if (!to)
        return tdm__no_memory(err, q->path);
    tdm_status s = tdm__file_read_at(q->file, q->offset, to, BUFFER_BYTES, &got, err);
    if (s)
        return s;
    q->bytes.len += got;
    q->offset += got;
    q->ended = got < BUFFER_BYTES;
    return TDM_OK;
}

tdm_status tdm_quarantine_next(tdm_quarantine *q, tdm_str *line, tdm_error *err)
{
    for (;;) {
        size_t left = q->bytes.len - q->at;
        char *end = left ? memchr(q->bytes.ptr + q->at, '\n', left) : NULL;
        if (end) {
            *line = tdm__strn(q->bytes.ptr + q->at, (size_t)(end - (q->bytes.ptr + q->at)));
            q->at += line->len + 1;
            return TDM_OK;
        }
        if (q->ended)
            return left ? tdm__fail(err, TDM_CORRUPT, q->path, "the last line has no end") : TDM_NOT_FOUND;
        tdm_status s = refill(q, err);
        if (s)
            return s;
    }
}

void tdm_quarantine_close(tdm_quarantine **q)
{
    if (!q || !*q)
        return;
    tdm__file_close(&(*q)->file);
    tdm__buf_free(&(*q)->bytes);
    tdm__free(*q);
    *q = NULL;
}
