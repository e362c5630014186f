/* The real file system: thin over the system's calls.
 *
 * Each call is repeated when a signal interrupts it, and short reads and writes are carried on. An error says
 * what was attempted and the system's own words for why not. Nothing is buffered and no state is kept beside
 * the descriptor, so any number of threads may use one file. Locks are posix_lock.c's. */
#define _GNU_SOURCE
#include "os/posix_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"

static tdm_status status_of(int code)
{
    switch (code) {
    case ENOENT: return TDM_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY: return TDM_EXISTS;
    case ENOSPC:
    case EDQUOT: return TDM_DISK_FULL;
    case ENOMEM: return TDM_NO_MEMORY;
    case EISDIR:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP: return TDM_BAD_INPUT;
    case EIO:
    case EFBIG:
    case EPIPE:
    case ESTALE: return TDM_IO;
    default: return TDM_SYSTEM;
    }
}

tdm_status tdm__posix_fail(tdm_error *err, int code, const char *path, const char *doing)
{
    char text[128];
    return tdm__fail(err, status_of(code), path, "%s failed: %s", doing, strerror_r(code, text, sizeof text));
}

typedef struct posix_file {
    tdm__file base;
    int fd;
    bool ours; /* not standard input */
} posix_file;

static int fd_of(const tdm__file *file)
{
    return ((const posix_file *)file)->fd;
}

int tdm__posix_open(const char *path, int flags)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static int flags_of(unsigned flags)
{
    int how = flags & TDM__WRITE ? flags & TDM__READ ? O_RDWR : O_WRONLY : O_RDONLY;
    if (flags & TDM__CREATE)
        how |= O_CREAT;
    if (flags & TDM__EXCLUSIVE)
        how |= O_EXCL;
    if (flags & TDM__TRUNCATE)
        how |= O_TRUNC;
    return how;
}

/* A folder can be opened for reading; saying so here is clearer than a failing read later. */
static tdm_status refuse_dir(int fd, const char *path, tdm_error *err)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return tdm__posix_fail(err, EISDIR, path, "opening");
    return TDM_OK;
}

static tdm_status posix_open(tdm__fs *fs, const char *path, unsigned flags, tdm__file **out, tdm_error *err)
{
    size_t len = strlen(path);
    posix_file *f = tdm__zalloc(1, sizeof *f + len + 1);
    if (!f)
        return tdm__no_memory(err, path);
    f->base.fs = fs;
    f->base.path = (char *)(f + 1);
    memcpy(f->base.path, path, len + 1);
    f->ours = strcmp(path, "-") != 0;
    f->fd = f->ours ? tdm__posix_open(path, flags_of(flags)) : STDIN_FILENO;
    tdm_status s = f->fd < 0 ? tdm__posix_fail(err, errno, path, flags & TDM__CREATE ? "creating" : "opening")
                             : refuse_dir(f->fd, path, err);
    if (s) {
        if (f->fd >= 0 && f->ours)
            close(f->fd);
        tdm__free(f);
        return s;
    }
    *out = &f->base;
    return TDM_OK;
}

static void posix_close(tdm__file *file)
{
    posix_file *f = (posix_file *)file;
    if (f->ours)
        close(f->fd);
    tdm__free(f);
}

static tdm_status posix_read_at(tdm__file *file, uint64_t offset, void *to, size_t n, size_t *got, tdm_error *err)
{
    while (*got < n) {
        ssize_t r = pread(fd_of(file), (char *)to + *got, n - *got, (off_t)(offset + *got));
        if (r == 0)
            break;
        if (r > 0)
            *got += (size_t)r;
        else if (errno != EINTR)
            return tdm__posix_fail(err, errno, file->path, "reading");
    }
    return TDM_OK;
}

static tdm_status posix_read_next(tdm__file *file, void *to, size_t n, size_t *got, tdm_error *err)
{
    ssize_t r;
    do
        r = read(fd_of(file), to, n);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return tdm__posix_fail(err, errno, file->path, "reading");
    *got = (size_t)r;
    return TDM_OK;
}

tdm_status tdm__posix_write_at(int fd, const char *path, uint64_t offset, const void *from, size_t n, tdm_error *err)
{
    size_t done = 0;
    while (done < n) {
        ssize_t w = pwrite(fd, (const char *)from + done, n - done, (off_t)(offset + done));
        if (w > 0)
            done += (size_t)w;
        else if (w == 0 || errno != EINTR) /* 0 must not happen; taken as an error it cannot loop */
            return tdm__posix_fail(err, w == 0 ? EIO : errno, path, "writing");
    }
    return TDM_OK;
}

static tdm_status posix_write_at(tdm__file *file, uint64_t offset, const void *from, size_t n, tdm_error *err)
{
    return tdm__posix_write_at(fd_of(file), file->path, offset, from, n, err);
}

static tdm_status posix_size(tdm__file *file, uint64_t *out, tdm_error *err)
{
    struct stat st;
    if (fstat(fd_of(file), &st) != 0)
        return tdm__posix_fail(err, errno, file->path, "asking for the size");
    *out = (uint64_t)st.st_size;
    return TDM_OK;
}

static tdm_status posix_truncate(tdm__file *file, uint64_t size, tdm_error *err)
{
    int r;
    do
        r = ftruncate(fd_of(file), (off_t)size);
    while (r != 0 && errno == EINTR);
    return r == 0 ? TDM_OK : tdm__posix_fail(err, errno, file->path, "setting the size");
}

/* fdatasync: bytes and size, not the time of the change, which nothing of ours depends on. */
static tdm_status posix_sync(tdm__file *file, tdm_error *err)
{
    int r;
    do
        r = fdatasync(fd_of(file));
    while (r != 0 && errno == EINTR);
    return r == 0 ? TDM_OK : tdm__posix_fail(err, errno, file->path, "syncing");
}

static tdm_status posix_stat(tdm__fs *fs, const char *path, tdm__stat *out, tdm_error *err)
{
    (void)fs;
    struct stat st;
    if (stat(path, &st) != 0)
        return tdm__posix_fail(err, errno, path, "looking it up");
    out->size = (uint64_t)st.st_size;
    out->modified_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
    out->is_dir = S_ISDIR(st.st_mode);
    out->is_other = !out->is_dir && !S_ISREG(st.st_mode);
    return TDM_OK;
}

tdm_status tdm__path_absolute(const char *path, char out[], size_t size, tdm_error *err)
{
    char here[TDM__PATH_MAX];
    if (path[0] != '/' && !getcwd(here, sizeof here))
        return tdm__posix_fail(err, errno, path, "asking for the working directory");
    int n = path[0] == '/' ? snprintf(out, size, "%s", path) : snprintf(out, size, "%s/%s", here[1] ? here : "", path);
    return n > 0 && (size_t)n < size ? TDM_OK : tdm__fail(err, TDM_BAD_INPUT, path, "the path is too long");
}

static tdm_status posix_rename(tdm__fs *fs, const char *from, const char *to, tdm_error *err)
{
    (void)fs;
    if (rename(from, to) == 0)
        return TDM_OK;
    int code = errno;
    tdm_status s = tdm__posix_fail(err, code, from, "renaming");
    tdm__fail_hint(err, "the new name was to be %s", to);
    return s;
}

static tdm_status posix_remove(tdm__fs *fs, const char *path, bool dir, tdm_error *err)
{
    (void)fs;
    return (dir ? rmdir(path) : unlink(path)) == 0 ? TDM_OK : tdm__posix_fail(err, errno, path, "removing");
}

static tdm_status posix_make_dir(tdm__fs *fs, const char *path, tdm_error *err)
{
    (void)fs;
    if (mkdir(path, 0777) == 0)
        return TDM_OK;
    int code = errno;
    struct stat st;
    if (code == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return TDM_OK;
    return tdm__posix_fail(err, code, path, "making the folder");
}

/* EINVAL: this file system has no notion of syncing a folder, so there is nothing that we could do better. */
static tdm_status posix_dir_sync(tdm__fs *fs, const char *path, tdm_error *err)
{
    (void)fs;
    int fd = tdm__posix_open(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return tdm__posix_fail(err, errno, path, "opening the folder to sync it");
    int r;
    do
        r = fsync(fd);
    while (r != 0 && errno == EINTR);
    tdm_status s = r == 0 || errno == EINVAL ? TDM_OK : tdm__posix_fail(err, errno, path, "syncing the folder");
    close(fd);
    return s;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static tdm_status read_names(DIR *dir, const char *path, tdm__names *out, tdm_error *err)
{
    size_t cap = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? tdm__posix_fail(err, errno, path, "listing the folder") : TDM_OK;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (out->n == TDM__NAMES_MAX)
            return tdm__fail(err, TDM_TOO_LARGE, path, "the folder has more than %d names", TDM__NAMES_MAX);
        size_t size = strlen(entry->d_name) + 1;
        char *name = tdm__grow(out->name, cap, out->n + 1) ? tdm__alloc(size) : NULL;
        if (!name)
            return tdm__no_memory(err, path);
        memcpy(name, entry->d_name, size);
        out->name[out->n++] = name;
    }
}

static tdm_status posix_list(tdm__fs *fs, const char *path, tdm__names *out, tdm_error *err)
{
    (void)fs;
    DIR *dir = opendir(path);
    if (!dir)
        return tdm__posix_fail(err, errno, path, "listing the folder");
    tdm_status s = read_names(dir, path, out, err);
    closedir(dir);
    if (s)
        tdm__names_free(out);
    else if (out->n > 1)
        qsort(out->name, out->n, sizeof *out->name, compare_names);
    return s;
}

static const tdm__fs_ops ops;
static tdm__fs fs_posix = { &ops };
static struct tdm__mapping_owner mapping_owner = { &fs_posix };

static tdm_status map_fd(int fd, const char *path, tdm__mapping *out, tdm_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return tdm__posix_fail(err, errno, path, "asking for the size");
    if (!S_ISREG(st.st_mode))
        return tdm__fail(err, TDM_BAD_INPUT, path, "only a regular file can be mapped");
    if (st.st_size == 0)
        return TDM_OK;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return tdm__posix_fail(err, errno, path, "mapping");
    *out = (tdm__mapping){ p, (size_t)st.st_size, &mapping_owner };
    return TDM_OK;
}

static tdm_status posix_map(tdm__fs *fs, const char *path, tdm__mapping *out, tdm_error *err)
{
    (void)fs;
    int fd = tdm__posix_open(path, O_RDONLY);
    if (fd < 0)
        return tdm__posix_fail(err, errno, path, "opening");
    tdm_status s = map_fd(fd, path, out, err);
    close(fd);
    return s;
}

static void posix_unmap(tdm__mapping *map)
{
    munmap((void *)(uintptr_t)map->ptr, map->len);
}

static void posix_advise(const tdm__mapping *map, size_t offset, size_t len, enum tdm__advice advice)
{
    static const int how[] = { [TDM__ADVICE_RANDOM] = MADV_RANDOM,
                               [TDM__ADVICE_SEQUENTIAL] = MADV_SEQUENTIAL,
                               [TDM__ADVICE_WILL_NEED] = MADV_WILLNEED,
                               [TDM__ADVICE_DONT_NEED] = MADV_DONTNEED,
                               [TDM__ADVICE_POPULATE] = MADV_POPULATE_READ };
    enum { AT_ONCE_BYTES = 1 << 20 }; /* what is populated in one call keeps the core to itself */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t before = offset % page, left = len + before;
    const uint8_t *at = map->ptr + offset - before;
    while (left > 0) {
        size_t n = advice == TDM__ADVICE_POPULATE && left > AT_ONCE_BYTES ? AT_ONCE_BYTES : left;
        if (madvise((void *)(uintptr_t)at, n, how[advice]))
            return;
        at += n;
        left -= n;
    }
}

static const tdm__fs_ops ops = {
    .open = posix_open,
    .close = posix_close,
    .read_at = posix_read_at,
    .read_next = posix_read_next,
    .write_at = posix_write_at,
    .size = posix_size,
    .truncate = posix_truncate,
    .sync = posix_sync,
    .stat = posix_stat,
    .rename = posix_rename,
    .remove = posix_remove,
    .make_dir = posix_make_dir,
    .dir_sync = posix_dir_sync,
    .list = posix_list,
    .map = posix_map,
    .unmap = posix_unmap,
    .advise = posix_advise,
    .lock = tdm__posix_lock,
    .unlock = tdm__posix_unlock,
};

tdm__fs *tdm__fs_posix(void)
{
    return &fs_posix;
}
