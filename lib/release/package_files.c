/* The files of a package: read once, hashed once, verified when packed, and listed for what packing writes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/number.h"
#include "release/package_impl.h"

enum { MANIFEST_BYTES_MAX = 1 << 20, FOLDER_DEPTH_MAX = 8 };

/* ---- reading ---- */

int tdm__package_find_file(const tdm__package_box *b, const char *path)
{
    for (size_t i = 0; i < b->n_files; i++)
        if (strcmp(b->file[i].path, path) == 0)
            return (int)i;
    return -1;
}

tdm_status tdm__package_add_file(tdm__package_box *b, const char *path, tdm__buf *bytes, int *out, tdm_error *err)
{
    tdm__sha256 digest;
    tdm_status s = tdm__sha256_of(bytes->ptr, bytes->len, &digest);
    char *name = tdm__arena_copy(&b->arena, path, strlen(path));
    if (s || !name || !tdm__grow(b->file, b->files_cap, b->n_files + 1) ||
        !tdm__grow(b->holder, b->holders_cap, b->n_files + 1)) {
        tdm__buf_free(bytes);
        return s ? tdm__fail(err, s, path, "the digest could not be computed") : tdm__no_memory(err, path);
    }
    tdm__package_file *f = &b->file[b->n_files];
    b->holder[b->n_files] = *bytes;
    *f = (tdm__package_file){ .path = name, .size = bytes->len, .bytes = { bytes->ptr, bytes->len } };
    tdm__sha256_hex(&digest, f->sha256);
    *bytes = (tdm__buf){ 0 };
    *out = (int)b->n_files++;
    return TDM_OK;
}

static const char *full_path(const tdm__package_box *b, const char *name, char out[TDM__PATH_MAX])
{
    return tdm__path_join(out, TDM__PATH_MAX, b->dir, name) ? out : NULL;
}

/* "there is no such file", with the file of the folder that was probably meant. */
static void fault_absent(tdm__package_box *b, const char *path, tdm__place *at)
{
    tdm__names names = { 0 };
    tdm_error error;
    tdm__fail(&error, TDM_NOT_FOUND, NULL, "the folder has no file '%s'", path);
    if (!tdm__list_dir(b->fs, b->dir, &names, NULL)) {
        const char *near = tdm__nearest(tdm__str(path), (const char *const *)names.name, names.n);
        if (near)
            tdm__fail_hint(&error, "did you mean '%s'?", near);
        tdm__names_free(&names);
    }
    tdm__yaml_fault_error(&b->manifest.doc, at, &error);
}

tdm_status tdm__package_bytes(tdm__package_box *b, const char *path, size_t limit, tdm__place *at, int *out,
                              tdm_error *err)
{
    *out = tdm__package_find_file(b, path);
    if (*out >= 0)
        return TDM_OK;
    char full[TDM__PATH_MAX];
    tdm_error error = { 0 };
    tdm__buf bytes = { 0 };
    tdm_status s = TDM_NOT_FOUND;
    if (!b->packed && full_path(b, path, full))
        s = tdm__read_file(b->fs, full, limit, &bytes, &error);
    if (!s)
        return tdm__package_add_file(b, path, &bytes, out, err);
    tdm__buf_free(&bytes);
    if (s == TDM_NO_MEMORY) {
        *err = error;
        return s;
    }
    if (s == TDM_NOT_FOUND)
        fault_absent(b, path, at);
    else
        tdm__yaml_fault_error(&b->manifest.doc, at, &error);
    return TDM_OK;
}

/* ---- packed folders ---- */

static tdm_status corrupt(tdm__package_box *b, const char *name, const char *what, tdm_error *err)
{
    char full[TDM__PATH_MAX];
    return tdm__fail(err, TDM_CORRUPT, full_path(b, name, full) ? full : name, "%s", what);
}

/* Relative, and no part of it leads out of the folder. */
static bool path_stays_inside(tdm_str path)
{
    if (!path.len || path.len > 300)
        return false;
    for (tdm_str rest = path; rest.ptr;) {
        tdm_str part = tdm__str_cut(rest, '/', &rest);
        if (!part.len || part.ptr[0] == '.' || memchr(part.ptr, 0, part.len))
            return false;
    }
    return true;
}

/* One line: "sha256 size path". */
static tdm_status load_line(tdm__package_box *b, tdm_str line, tdm_error *err)
{
    tdm_str rest, path, digest = tdm__str_cut(line, ' ', &rest), size_text = tdm__str_cut(rest, ' ', &path);
    int64_t size;
    char name[304], full[TDM__PATH_MAX];
    if (digest.len != 64 || !path_stays_inside(path) || !tdm__parse_i64(size_text, &size, NULL) || size < 0 ||
        size > TDM__MODEL_BYTES_MAX)
        return corrupt(b, "MANIFEST", "a line of the list of files is malformed", err);
    memcpy(name, path.ptr, path.len);
    name[path.len] = 0;
    if (!full_path(b, name, full))
        return tdm__fail(err, TDM_TOO_LARGE, name, "the path is too long");
    tdm__buf bytes = { 0 };
    tdm_status s = tdm__read_file(b->fs, full, (size_t)size, &bytes, err);
    if (s) {
        tdm__buf_free(&bytes);
        if (s == TDM_NOT_FOUND)
            return corrupt(b, name, "a file of the release is gone", err);
        return s == TDM_TOO_LARGE ? corrupt(b, name, "a file of the release changed its size", err) : s;
    }
    int index;
    s = tdm__package_add_file(b, name, &bytes, &index, err);
    if (s)
        return s;
    const tdm__package_file *f = &b->file[index];
    if (f->size != (uint64_t)size || memcmp(f->sha256, digest.ptr, 64) != 0)
        return corrupt(b, name, "the file's bytes do not match the digest they were packed with", err);
    return TDM_OK;
}

static tdm_status load_manifest(tdm__package_box *b, const char *id, tdm__buf *text, tdm_error *err)
{
    char full[TDM__PATH_MAX], hex[65];
    tdm__sha256 digest;
    if (!full_path(b, "MANIFEST", full))
        return tdm__fail(err, TDM_TOO_LARGE, b->dir, "the path is too long");
    tdm_status s = tdm__read_file(b->fs, full, MANIFEST_BYTES_MAX, text, err);
    if (s == TDM_NOT_FOUND)
        return tdm__fail(err, s, id, "there is no packed release with this id");
    if (s == TDM_TOO_LARGE)
        return corrupt(b, "MANIFEST", "the list of files is too long", err);
    if (!s)
        s = tdm__sha256_of(text->ptr, text->len, &digest);
    if (s)
        return s;
    tdm__sha256_hex(&digest, hex);
    if (strcmp(hex, id) != 0)
        return corrupt(b, "MANIFEST", "the list of files does not match the release's id", err);
    return TDM_OK;
}

tdm_status tdm__package_load_packed(tdm__package_box *b, const char *id, tdm_error *err)
{
    tdm__buf text = { 0 };
    tdm_status s = load_manifest(b, id, &text, err);
    for (tdm_str rest = { text.ptr, text.len }; !s && rest.len;) {
        tdm_str line = tdm__str_cut(rest, '\n', &rest);
        s = load_line(b, line, err);
    }
    tdm__buf_free(&text);
    return s;
}

/* ---- sealing ---- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const tdm__package_file *)a)->path, ((const tdm__package_file *)b)->path);
}

void tdm__package_manifest_text(const tdm__package *p, tdm__buf *out)
{
    for (size_t i = 0; i < p->n_files; i++)
        tdm__buf_printf(out, "%s %llu %s\n", p->file[i].sha256, (unsigned long long)p->file[i].size, p->file[i].path);
}

tdm_status tdm__package_seal(tdm__package_box *b, tdm_error *err)
{
    tdm__buf text = { 0 };
    tdm__sha256 digest;
    qsort(b->file, b->n_files, sizeof *b->file, by_path);
    b->package.file = b->file;
    b->package.n_files = b->n_files;
    tdm__package_manifest_text(&b->package, &text);
    tdm_status s = tdm__buf_check(&text, err);
    if (!s)
        s = tdm__sha256_of(text.ptr, text.len, &digest);
    if (!s)
        tdm__sha256_hex(&digest, b->package.id);
    tdm__buf_free(&text);
    return s;
}

/* ---- faults and notes ---- */

void tdm__package_fault(tdm__package_box *b, tdm__place *at, tdm_status status, const char *format, ...)
{
    char what[320];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    tdm__yaml_fault(&b->manifest.doc, at, status, what, NULL, NULL, NULL);
}

void tdm__package_fault_error(tdm__package_box *b, const tdm_error *error)
{
    b->other_faults++;
    tdm__diagnose(b->list, error, NULL);
}

size_t tdm__package_faults(const tdm__package_box *b)
{
    return b->manifest.doc.errors + b->other_faults;
}

tdm_status tdm__package_note(tdm__package_box *b, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = tdm__arena_copy(&b->arena, text, strlen(text));
    if (!copy || !tdm__grow(b->note, b->notes_cap, b->n_notes + 1))
        return TDM_NO_MEMORY;
    b->note[b->n_notes++] = copy;
    return TDM_OK;
}

/* Whether some file of the package lies in the folder. */
static bool folder_used(const tdm__package_box *b, const char *folder)
{
    size_t n = strlen(folder);
    for (size_t i = 0; i < b->n_files; i++)
        if (strncmp(b->file[i].path, folder, n) == 0 && b->file[i].path[n] == '/')
            return true;
    return false;
}

/* A file that has its place beside a release without being of it. */
static bool belongs_beside(const char *path)
{
    return strcmp(path, "sources.yaml") == 0 || strcmp(path, "README.md") == 0;
}

/* `folder` is relative to the release's, "" for itself. */
static tdm_status note_folder(tdm__package_box *b, const char *folder, int depth, tdm_error *err)
{
    char full[TDM__PATH_MAX], path[TDM__PATH_MAX];
    tdm__names names = { 0 };
    if (!tdm__path_join(full, sizeof full, b->dir, *folder ? folder : "."))
        return TDM_OK;
    tdm_status s = tdm__list_dir(b->fs, *folder ? full : b->dir, &names, err);
    for (size_t i = 0; !s && i < names.n; i++) {
        tdm__stat stat;
        if (names.name[i][0] == '.' ||
            (*folder ? !tdm__path_join(path, sizeof path, folder, names.name[i])
                     : snprintf(path, sizeof path, "%s", names.name[i]) >= (int)sizeof path) ||
            !full_path(b, path, full) || tdm__stat_path(b->fs, full, &stat, NULL))
            continue;
        if (stat.is_dir && !folder_used(b, path))
            s = tdm__package_note(b, "release.yaml names no file in folder '%s': it is not packed", path);
        else if (stat.is_dir && depth < FOLDER_DEPTH_MAX)
            s = note_folder(b, path, depth + 1, err);
        else if (!stat.is_dir && tdm__package_find_file(b, path) < 0 && !belongs_beside(path))
            s = tdm__package_note(b, "release.yaml does not name file '%s': it is not packed", path);
    }
    tdm__names_free(&names);
    return s;
}

tdm_status tdm__package_note_unused(tdm__package_box *b, tdm_error *err)
{
    return note_folder(b, "", 0, err);
}
