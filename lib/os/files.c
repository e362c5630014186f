/* Files: checks that hold for every file system, and what is built from its calls alone.
 *
 * A call checks its path and hands on to the file system's table. After a failed sync a file refuses every
 * further sync: the system may have thrown the bytes away and would report success for nothing.
 * Temporary files of tdm__write_file_durably have names of their own, so that two writers never share one. */
#include "os/files_impl.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "os/process.h"

static tdm_status check_path(const char *path, tdm_error *err)
{
    size_t n = strlen(path);
    if (n == 0)
        return tdm__fail(err, TDM_BAD_INPUT, NULL, "the path is empty");
    if (n >= TDM__PATH_MAX) {
        tdm_status s = tdm__fail(err, TDM_BAD_INPUT, path, "the path is too long");
        tdm__fail_expected(err, "fewer than %d bytes", TDM__PATH_MAX);
        tdm__fail_found(err, "%zu", n);
        return s;
    }
    return TDM_OK;
}

tdm_status tdm__file_open(tdm__fs *fs, const char *path, unsigned flags, tdm__file **out, tdm_error *err)
{
    *out = NULL;
    tdm_status s = check_path(path, err);
    return s ? s : fs->ops->open(fs, path, flags, out, err);
}

void tdm__file_close(tdm__file **file)
{
    if (!file || !*file)
        return;
    (*file)->fs->ops->close(*file);
    *file = NULL;
}

const char *tdm__file_path(const tdm__file *file)
{
    return file->path;
}

/* Offsets are signed in every system below us. */
static tdm_status check_range(const tdm__file *file, uint64_t offset, uint64_t n, tdm_error *err)
{
    if (offset > INT64_MAX || n > INT64_MAX - offset)
        return tdm__fail(err, TDM_TOO_LARGE, file->path, "no file reaches beyond 2^63 bytes");
    return TDM_OK;
}

tdm_status tdm__file_read_at(tdm__file *file, uint64_t offset, void *to, size_t n, size_t *got, tdm_error *err)
{
    *got = 0;
    tdm_status s = check_range(file, offset, n, err);
    return s ? s : file->fs->ops->read_at(file, offset, to, n, got, err);
}

tdm_status tdm__file_read_next(tdm__file *file, void *to, size_t n, size_t *got, tdm_error *err)
{
    *got = 0;
    return file->fs->ops->read_next(file, to, n, got, err);
}

tdm_status tdm__file_write_at(tdm__file *file, uint64_t offset, const void *from, size_t n, tdm_error *err)
{
    tdm_status s = check_range(file, offset, n, err);
    return s ? s : file->fs->ops->write_at(file, offset, from, n, err);
}

tdm_status tdm__file_size(tdm__file *file, uint64_t *out, tdm_error *err)
{
    return file->fs->ops->size(file, out, err);
}

tdm_status tdm__file_truncate(tdm__file *file, uint64_t size, tdm_error *err)
{
    tdm_status s = check_range(file, size, 0, err);
    return s ? s : file->fs->ops->truncate(file, size, err);
}

tdm_status tdm__file_sync(tdm__file *file, tdm_error *err)
{
    if (atomic_load(&file->sync_failed))
        return tdm__fail(err, TDM_IO, file->path, "an earlier sync failed, what it should have kept is in doubt");
    tdm_status s = file->fs->ops->sync(file, err);
    if (s)
        atomic_store(&file->sync_failed, true);
    return s;
}

tdm_status tdm__stat_path(tdm__fs *fs, const char *path, tdm__stat *out, tdm_error *err)
{
    tdm_status s = check_path(path, err);
    return s ? s : fs->ops->stat(fs, path, out, err);
}

bool tdm__exists(tdm__fs *fs, const char *path)
{
    tdm__stat st;
    return tdm__stat_path(fs, path, &st, NULL) == TDM_OK;
}

tdm_status tdm__rename(tdm__fs *fs, const char *from, const char *to, tdm_error *err)
{
    tdm_status s = check_path(from, err);
    if (!s)
        s = check_path(to, err);
    return s ? s : fs->ops->rename(fs, from, to, err);
}

tdm_status tdm__remove(tdm__fs *fs, const char *path, tdm_error *err)
{
    tdm_status s = check_path(path, err);
    return s ? s : fs->ops->remove(fs, path, false, err);
}

tdm_status tdm__remove_dir(tdm__fs *fs, const char *path, tdm_error *err)
{
    tdm_status s = check_path(path, err);
    return s ? s : fs->ops->remove(fs, path, true, err);
}

/* Each path is first removed as a file and only then, when it turns out to be a folder, entered: so a symbolic link is
 * removed and never followed. The depth is bounded by the length of a path. */
static tdm_status remove_below(tdm__fs *fs, char path[TDM__PATH_MAX], tdm_error *err)
{
    tdm_status s = tdm__remove(fs, path, err);
    if (s == TDM_OK || s == TDM_NOT_FOUND)
        return TDM_OK;
    if (s != TDM_BAD_INPUT) /* not a folder */
        return s;
    tdm__names names;
    s = tdm__list_dir(fs, path, &names, err);
    if (s)
        return s == TDM_NOT_FOUND ? TDM_OK : s;
    size_t len = strlen(path);
    for (size_t i = 0; !s && i < names.n; i++) {
        int n = snprintf(path + len, TDM__PATH_MAX - len, "/%s", names.name[i]);
        s = (size_t)n < TDM__PATH_MAX - len ? remove_below(fs, path, err)
                                            : tdm__fail(err, TDM_BAD_INPUT, path, "a path in the folder is too long");
        path[len] = 0;
    }
    tdm__names_free(&names);
    if (!s)
        s = tdm__remove_dir(fs, path, err);
    return s == TDM_NOT_FOUND ? TDM_OK : s;
}

tdm_status tdm__remove_tree(tdm__fs *fs, const char *path, tdm_error *err)
{
    char buf[TDM__PATH_MAX];
    tdm_status s = check_path(path, err);
    if (s)
        return s;
    memcpy(buf, path, strlen(path) + 1);
    return remove_below(fs, buf, err);
}

tdm_status tdm__make_dir(tdm__fs *fs, const char *path, tdm_error *err)
{
    tdm_status s = check_path(path, err);
    return s ? s : fs->ops->make_dir(fs, path, err);
}

tdm_status tdm__dir_sync(tdm__fs *fs, const char *path, tdm_error *err)
{
    tdm_status s = check_path(path, err);
    return s ? s : fs->ops->dir_sync(fs, path, err);
}

static tdm_status sync_parent(tdm__fs *fs, const char *path, tdm_error *err)
{
    char dir[TDM__PATH_MAX];
    tdm__path_dir(dir, sizeof dir, path);
    return tdm__dir_sync(fs, dir, err);
}

static tdm_status check_dir(tdm__fs *fs, const char *path, tdm_error *err)
{
    tdm__stat st;
    tdm_status s = tdm__stat_path(fs, path, &st, err);
    return s ? s : st.is_dir ? TDM_OK : TDM_BAD_INPUT;
}

/* Calls `act` on the first `end` bytes of path. */
static tdm_status on_level(tdm__fs *fs, char *path, size_t end, tdm_status (*act)(tdm__fs *, const char *, tdm_error *),
                           tdm_error *err)
{
    char kept = path[end];
    path[end] = 0;
    tdm_status s = act(fs, path, err);
    path[end] = kept;
    return s;
}

/* "a/b" ends at 1 and 3: where the level above that of `end` ends (0: none), and where the one below does. */
static size_t level_above(const char *path, size_t end)
{
    while (end > 0 && path[end - 1] != '/')
        end--;
    while (end > 0 && path[end - 1] == '/')
        end--;
    return end;
}

static size_t level_below(const char *path, size_t end)
{
    end += strspn(path + end, "/");
    return end + strcspn(path + end, "/");
}

/* A level is made only after the one above is durable. So of the levels that exist, only the deepest can stem from
 * somebody who was stopped before syncing it: that one is synced once more. When the system forbids us to (it lies in
 * a folder that we may not read), it is not one of ours. */
tdm_status tdm__make_dirs(tdm__fs *fs, const char *path, tdm_error *err)
{
    char level[TDM__PATH_MAX];
    tdm_status s = check_path(path, err);
    if (s)
        return s;
    size_t len = strlen(path);
    memcpy(level, path, len + 1);
    while (len > 1 && level[len - 1] == '/')
        level[--len] = 0;
    size_t have = len;
    while (have > 0 && on_level(fs, level, have, check_dir, NULL) != TDM_OK)
        have = level_above(level, have);
    if (have > 0)
        s = on_level(fs, level, have, sync_parent, err);
    if (s == TDM_SYSTEM)
        s = TDM_OK;
    while (!s && have < len) {
        have = level_below(level, have);
        s = on_level(fs, level, have, tdm__make_dir, err);
        if (!s)
            s = on_level(fs, level, have, sync_parent, err);
    }
    return s;
}

tdm_status tdm__list_dir(tdm__fs *fs, const char *path, tdm__names *out, tdm_error *err)
{
    *out = (tdm__names){0};
    tdm_status s = check_path(path, err);
    return s ? s : fs->ops->list(fs, path, out, err);
}

void tdm__names_free(tdm__names *names)
{
    for (size_t i = 0; i < names->n; i++)
        tdm__free(names->name[i]);
    tdm__free(names->name);
    *names = (tdm__names){0};
}

/* Reads to the end in order, so that it works on pipes and on files whose size is not known. */
static tdm_status read_all(tdm__file *file, size_t limit, tdm__buf *out, tdm_error *err)
{
    enum { STEP = 64 * 1024 };
    uint64_t size = 0;
    bool known = tdm__file_size(file, &size, NULL) == TDM_OK && size > 0 && size <= limit && size < SIZE_MAX;
    for (;;) {
        /* A size that holds costs one buffer; a byte beyond it tells whether it does. */
        size_t step = known && out->len <= size ? (size_t)size + 1 - out->len : STEP > out->len ? STEP : out->len;
        if (step > limit - out->len)
            step = limit - out->len + (limit < SIZE_MAX - 1); /* one more tells a file that is too large */
        char *to = tdm__buf_reserve(out, step);
        if (!to)
            return tdm__no_memory(err, file->path);
        size_t got;
        tdm_status s = tdm__file_read_next(file, to, step, &got, err);
        if (s)
            return s;
        if (got == 0)
            return TDM_OK;
        out->len += got;
        if (out->len > limit) {
            s = tdm__fail(err, TDM_TOO_LARGE, file->path, "the file is larger than the limit");
            tdm__fail_expected(err, "at most %zu bytes", limit);
            return s;
        }
    }
}

tdm_status tdm__read_file(tdm__fs *fs, const char *path, size_t limit, tdm__buf *out, tdm_error *err)
{
    tdm__file *file;
    *out = (tdm__buf){0};
    tdm_status s = tdm__file_open(fs, path, TDM__READ, &file, err);
    if (s)
        return s;
    s = read_all(file, limit, out, err);
    if (!s && !tdm__buf_z(out))
        s = tdm__no_memory(err, path);
    tdm__file_close(&file);
    if (s)
        tdm__buf_free(out);
    return s;
}

/* Opens a new file ".tandem-PID-N.tmp" beside `path`. Another process may have our number (in a container, or before a
 * crash), so a name that exists is left alone and the next is tried. */
static tdm_status open_temporary(tdm__fs *fs, const char *path, char temp[TDM__PATH_MAX], tdm__file **out,
                                 tdm_error *err)
{
    enum { TRIES = 1000 };
    static atomic_uint counter;
    char dir[TDM__PATH_MAX], name[64];
    if (!tdm__path_dir(dir, sizeof dir, path))
        return tdm__fail(err, TDM_BAD_INPUT, path, "the path is too long");
    tdm_status s = TDM_EXISTS;
    for (int i = 0; s == TDM_EXISTS && i < TRIES; i++) {
        unsigned n = atomic_fetch_add(&counter, 1);
        snprintf(name, sizeof name, ".tandem-%lld-%u.tmp", (long long)tdm__process_id(), n);
        if (!tdm__path_join(temp, TDM__PATH_MAX, dir, name))
            return tdm__fail(err, TDM_BAD_INPUT, path, "the path is too long for a temporary file beside it");
        s = tdm__file_open(fs, temp, TDM__WRITE | TDM__CREATE | TDM__EXCLUSIVE, out, err);
    }
    return s;
}

tdm_status tdm__write_file_durably(tdm__fs *fs, const char *path, const void *bytes, size_t n, tdm_error *err)
{
    char temp[TDM__PATH_MAX];
    tdm__file *file = NULL;
    tdm_status s = check_path(path, err);
    if (!s)
        s = open_temporary(fs, path, temp, &file, err);
    if (s)
        return s;
    s = tdm__file_write_at(file, 0, bytes, n, err);
    if (!s)
        s = tdm__file_sync(file, err);
    tdm__file_close(&file);
    if (!s)
        s = tdm__rename(fs, temp, path, err);
    if (s) {
        tdm__remove(fs, temp, NULL); /* the first failure is the one to report */
        return s;
    }
    return sync_parent(fs, path, err);
}

tdm_status tdm__map_file(tdm__fs *fs, const char *path, tdm__mapping *out, tdm_error *err)
{
    *out = (tdm__mapping){0};
    tdm_status s = check_path(path, err);
    return s ? s : fs->ops->map(fs, path, out, err);
}

void tdm__unmap(tdm__mapping *map)
{
    if (map->owner)
        ((struct tdm__mapping_owner *)map->owner)->fs->ops->unmap(map);
    *map = (tdm__mapping){0};
}

void tdm__map_advise(const tdm__mapping *map, size_t offset, size_t len, enum tdm__advice advice)
{
    if (!map->owner || offset >= map->len)
        return;
    if (len > map->len - offset)
        len = map->len - offset;
    ((struct tdm__mapping_owner *)map->owner)->fs->ops->advise(map, offset, len, advice);
}

tdm_status tdm__lock_take(tdm__fs *fs, const char *path, const char *note, tdm__lock **out, tdm_error *err)
{
    *out = NULL;
    tdm_status s = check_path(path, err);
    return s ? s : fs->ops->lock(fs, path, note, out, err);
}

void tdm__lock_release(tdm__lock **lock)
{
    if (!lock || !*lock)
        return;
    (*lock)->fs->ops->unlock(*lock);
    *lock = NULL;
}

int tdm__path_join(char *out, size_t size, const char *dir, const char *name)
{
    size_t n = strlen(dir);
    const char *slash = n && dir[n - 1] != '/' ? "/" : "";
    int len = snprintf(out, size, "%s%s%s", dir, slash, name);
    return len >= 0 && (size_t)len < size;
}

int tdm__path_dir(char *out, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 1;
    const char *from = slash ? path : ".";
    if (slash == path)
        n = 1; /* "/x" lies in "/" */
    if (n >= size)
        return 0;
    memcpy(out, from, n);
    out[n] = 0;
    return 1;
}

const char *tdm__path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
