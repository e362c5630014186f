/* Packing: a checked package becomes an immutable folder, durable and whole, or nothing.
 *
 * Everything is written and synced under a temporary name, MANIFEST last, then renamed to the id and the parent
 * synced. A folder under the id's name is therefore whole, unless the disk damaged it; then each file is replaced by
 * the right bytes, one rename each, and nothing is removed: the release may be the current one. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/number.h"
#include "release/package_impl.h"

static tdm_status too_long(const char *path, tdm_error *err)
{
    return tdm__fail(err, TDM_TOO_LARGE, path, "the path is too long");
}

/* ---- whether it is there ---- */

static bool file_matches(tdm__fs *fs, const char *dir, const tdm__package_file *f)
{
    char path[TDM__PATH_MAX];
    tdm__mapping map;
    tdm__sha256 digest;
    char hex[65] = "";
    if (!tdm__path_join(path, sizeof path, dir, f->path) || tdm__map_file(fs, path, &map, NULL))
        return false;
    if (map.len == f->size && !tdm__sha256_of(map.ptr, map.len, &digest))
        tdm__sha256_hex(&digest, hex);
    tdm__unmap(&map);
    return strcmp(hex, f->sha256) == 0;
}

/* Whether the folder holds the package, to the byte. */
static bool is_whole(tdm__fs *fs, const char *dir, const tdm__package *p, const tdm__buf *manifest)
{
    char path[TDM__PATH_MAX];
    tdm__buf text = { 0 };
    bool same = tdm__path_join(path, sizeof path, dir, "MANIFEST") &&
                !tdm__read_file(fs, path, manifest->len, &text, NULL) && text.len == manifest->len &&
                memcmp(text.ptr, manifest->ptr, text.len) == 0;
    tdm__buf_free(&text);
    for (size_t i = 0; same && i < p->n_files; i++)
        same = file_matches(fs, dir, &p->file[i]);
    return same;
}

/* ---- writing it ---- */

static tdm_status write_file(tdm__fs *fs, const char *dir, const char *name, tdm_str bytes, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm__file *file = NULL;
    if (!tdm__path_join(path, sizeof path, dir, name))
        return too_long(name, err);
    tdm_status s = tdm__file_open(fs, path, TDM__WRITE | TDM__CREATE | TDM__TRUNCATE, &file, err);
    if (!s && bytes.len)
        s = tdm__file_write_at(file, 0, bytes.ptr, bytes.len, err);
    if (!s)
        s = tdm__file_sync(file, err);
    tdm__file_close(&file);
    return s;
}

/* Makes the folders above `name`, or syncs them, from the outermost in. */
static tdm_status each_folder(tdm__fs *fs, const char *dir, const char *name,
                              tdm_status (*visit)(tdm__fs *fs, const char *path, tdm_error *err), tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm_status s = TDM_OK;
    for (const char *slash = strchr(name, '/'); !s && slash; slash = strchr(slash + 1, '/')) {
        int len = snprintf(path, sizeof path, "%s/%.*s", dir, (int)(slash - name), name);
        s = len < (int)sizeof path ? visit(fs, path, err) : too_long(name, err);
    }
    return s;
}

static tdm_status write_folder(tdm__fs *fs, const char *dir, const tdm__package *p, const tdm__buf *manifest,
                               tdm_error *err)
{
    tdm_status s = tdm__make_dir(fs, dir, err);
    for (size_t i = 0; !s && i < p->n_files; i++) {
        s = each_folder(fs, dir, p->file[i].path, tdm__make_dir, err);
        if (!s)
            s = write_file(fs, dir, p->file[i].path, p->file[i].bytes, err);
    }
    for (size_t i = 0; !s && i < p->n_files; i++)
        s = each_folder(fs, dir, p->file[i].path, tdm__dir_sync, err);
    if (!s)
        s = write_file(fs, dir, "MANIFEST", (tdm_str){ manifest->ptr, manifest->len }, err);
    return s ? s : tdm__dir_sync(fs, dir, err);
}

/* Puts right what is damaged in a folder that has the id's name. */
static tdm_status heal(tdm__fs *fs, const char *dir, const tdm__package *p, const tdm__buf *manifest, tdm_error *err)
{
    char path[TDM__PATH_MAX];
    tdm_status s = TDM_OK;
    for (size_t i = 0; !s && i < p->n_files; i++) {
        if (file_matches(fs, dir, &p->file[i]))
            continue;
        s = each_folder(fs, dir, p->file[i].path, tdm__make_dir, err);
        if (!s && !tdm__path_join(path, sizeof path, dir, p->file[i].path))
            s = too_long(dir, err);
        if (!s)
            s = tdm__write_file_durably(fs, path, p->file[i].bytes.ptr, p->file[i].bytes.len, err);
        if (!s)
            s = each_folder(fs, dir, p->file[i].path, tdm__dir_sync, err);
    }
    if (!s && !tdm__path_join(path, sizeof path, dir, "MANIFEST"))
        s = too_long(dir, err);
    return s ? s : tdm__write_file_durably(fs, path, manifest->ptr, manifest->len, err);
}

static tdm_status publish(tdm__fs *fs, const tdm__package *p, const char *releases_dir, const tdm__buf *manifest,
                          tdm_error *err)
{
    char final[TDM__PATH_MAX], half[TDM__PATH_MAX], name[80];
    snprintf(name, sizeof name, "half-%s", p->id);
    if (!tdm__path_join(final, sizeof final, releases_dir, p->id) ||
        !tdm__path_join(half, sizeof half, releases_dir, name))
        return too_long(releases_dir, err);
    tdm_status s = tdm__make_dirs(fs, releases_dir, err);
    if (s)
        return s;
    if (is_whole(fs, final, p, manifest))
        return tdm__dir_sync(fs, releases_dir, err); /* its name may not have been durable yet */
    if (tdm__exists(fs, final)) {
        s = heal(fs, final, p, manifest, err);
        return s ? s : tdm__dir_sync(fs, releases_dir, err);
    }
    s = tdm__remove_tree(fs, half, err);
    if (!s)
        s = write_folder(fs, half, p, manifest, err);
    if (!s)
        s = tdm__rename(fs, half, final, err);
    if (!s)
        s = tdm__dir_sync(fs, releases_dir, err);
    if (s)
        tdm__remove_tree(fs, half, NULL);
    return s;
}

tdm_status tdm__package_write(tdm__fs *fs, const tdm__package *package, const char *releases_dir, tdm_error *err)
{
    for (size_t i = 0; i < package->n_files; i++)
        if (!package->file[i].bytes.ptr)
            return tdm__fail(err, TDM_USAGE, package->id, "only a checked package can be packed");
    tdm__buf manifest = { 0 };
    tdm__package_manifest_text(package, &manifest);
    tdm_status s = tdm__buf_check(&manifest, err);
    if (!s)
        s = publish(fs, package, releases_dir, &manifest, err);
    tdm__buf_free(&manifest);
    return s;
}
