/* Files: the only door to the disk, real or simulated.
 *
 * All code above takes a tdm__fs and never calls the system itself. tdm__fs_posix() is the real one; the
 * simulated one (sim_files.h) loses, tears and reorders whatever was not synced when it "crashes".
 * The rules both keep, and callers must count on nothing more:
 *   - written bytes are durable after tdm__file_sync returned TDM_OK, not before;
 *   - a name (create, rename, remove) is durable after tdm__dir_sync of its folder;
 *   - tdm__rename replaces atomically: a reader sees the old file or the new one;
 *   - after a failed sync the file's unsynced bytes are in doubt for ever: do not sync again and go on.
 * Errors of all calls: TDM_NOT_FOUND, TDM_EXISTS, TDM_DISK_FULL, TDM_IO, TDM_NO_MEMORY, TDM_SYSTEM, and TDM_BAD_INPUT
 * for a folder where a file is wanted, or the reverse, or a path that is too long; `where` is the path.
 * A tdm__fs may be used by any number of threads; a tdm__file by any number for *_at calls. */
#ifndef TDM_OS_FILES_H
#define TDM_OS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tandem/status.h>
#include <tandem/value.h>
#include "base/text.h"

typedef struct tdm__fs tdm__fs;
typedef struct tdm__file tdm__file;

tdm__fs *tdm__fs_posix(void); /* a constant; never closed */

enum tdm__open_flags {
    TDM__READ = 1,
    TDM__WRITE = 2,
    TDM__CREATE = 4,    /* make it when absent */
    TDM__EXCLUSIVE = 8, /* with CREATE: TDM_EXISTS when present */
    TDM__TRUNCATE = 16
};
tdm_status tdm__file_open(tdm__fs *fs, const char *path, unsigned flags, tdm__file **out, tdm_error *err);
/* Closes and sets NULL. Never syncs. A NULL file is allowed. */
void tdm__file_close(tdm__file **file);
const char *tdm__file_path(const tdm__file *file);
/* Reads up to n bytes at `offset`; *got < n only at the end of the file. */
tdm_status tdm__file_read_at(tdm__file *file, uint64_t offset, void *to, size_t n, size_t *got, tdm_error *err);
/* Writes all n bytes, or fails (then any part may have been written). */
tdm_status tdm__file_write_at(tdm__file *file, uint64_t offset, const void *from, size_t n, tdm_error *err);
tdm_status tdm__file_size(tdm__file *file, uint64_t *out, tdm_error *err);
tdm_status tdm__file_truncate(tdm__file *file, uint64_t size, tdm_error *err);
/* Once it failed, it fails for this file until closed. */
tdm_status tdm__file_sync(tdm__file *file, tdm_error *err);

/* Reads from a pipe or terminal too: sequential; *got 0 at the end. Path "-" of tdm__file_open is standard
 * input (posix only); only this call works on it. */
tdm_status tdm__file_read_next(tdm__file *file, void *to, size_t n, size_t *got, tdm_error *err);

typedef struct tdm__stat {
    uint64_t size;
    int64_t modified_us;
    bool is_dir;
    bool is_other; /* neither a folder nor a file with a size: a pipe, a device */
} tdm__stat;
/* TDM_NOT_FOUND when absent. */
tdm_status tdm__stat_path(tdm__fs *fs, const char *path, tdm__stat *out, tdm_error *err);
bool tdm__exists(tdm__fs *fs, const char *path);
tdm_status tdm__rename(tdm__fs *fs, const char *from, const char *to, tdm_error *err);
tdm_status tdm__remove(tdm__fs *fs, const char *path, tdm_error *err);       /* a file */
tdm_status tdm__remove_dir(tdm__fs *fs, const char *path, tdm_error *err);   /* an empty folder */
/* A file, or a folder and all in it; links are not followed; absent is TDM_OK. */
tdm_status tdm__remove_tree(tdm__fs *fs, const char *path, tdm_error *err);
tdm_status tdm__make_dir(tdm__fs *fs, const char *path, tdm_error *err);     /* one level; existing is TDM_OK */
/* All levels, each synced into its parent before the next is made. */
tdm_status tdm__make_dirs(tdm__fs *fs, const char *path, tdm_error *err);
tdm_status tdm__dir_sync(tdm__fs *fs, const char *path, tdm_error *err);

/* The names in a folder, sorted bytewise, without "." and "..". Free with tdm__names_free. */
typedef struct tdm__names {
    char **name;
    size_t n;
} tdm__names;
tdm_status tdm__list_dir(tdm__fs *fs, const char *path, tdm__names *out, tdm_error *err);
void tdm__names_free(tdm__names *names);

/* A whole file in memory, followed by a NUL that len does not count. TDM_TOO_LARGE above `limit`. The caller frees
 * with tdm__buf_free; `out` is overwritten, and empty after a failure. "-" is standard input. */
tdm_status tdm__read_file(tdm__fs *fs, const char *path, size_t limit, tdm__buf *out, tdm_error *err);
/* Durable and all or nothing: temporary name beside it, write, sync, rename, sync of the folder. When only the last
 * step fails the new file is there, but may not survive a loss of power. A crash may leave ".tandem-PID-N.tmp". */
tdm_status tdm__write_file_durably(tdm__fs *fs, const char *path, const void *bytes, size_t n, tdm_error *err);

/* A file mapped for reading; ptr NULL when it is empty. The file may be removed or replaced meanwhile, not
 * truncated. */
typedef struct tdm__mapping {
    const uint8_t *ptr;
    size_t len;
    void *owner;
} tdm__mapping;
tdm_status tdm__map_file(tdm__fs *fs, const char *path, tdm__mapping *out, tdm_error *err);
void tdm__unmap(tdm__mapping *map); /* sets it to {0} */
/* Advice: will be read at random / in order / wholly soon / not again; is to be there when it is read, and this waits for it.
 * Never fails. */
enum tdm__advice {
    TDM__ADVICE_RANDOM, TDM__ADVICE_SEQUENTIAL, TDM__ADVICE_WILL_NEED, TDM__ADVICE_DONT_NEED, TDM__ADVICE_POPULATE
};
void tdm__map_advise(const tdm__mapping *map, size_t offset, size_t len, enum tdm__advice advice);

/* An exclusive lock on a file, held by this process until released or until it ends, however it ends. TDM_BUSY when
 * another holds it; then `err->found` is the holder's note, empty when it left none. `note` ("tandem run, pid 71,
 * since ...", up to 160 bytes) is kept in the file. */
typedef struct tdm__lock tdm__lock;
tdm_status tdm__lock_take(tdm__fs *fs, const char *path, const char *note, tdm__lock **out, tdm_error *err);
void tdm__lock_release(tdm__lock **lock);

/* "a/b" from its parts; 0 when it does not fit into `size` bytes. */
int tdm__path_join(char *out, size_t size, const char *dir, const char *name);
/* The part before the last '/', "." when there is none, into `out`; 0 when it does not fit. */
int tdm__path_dir(char *out, size_t size, const char *path);
/* The path as a process with another working directory must write it. TDM_SYSTEM when there is no working directory. */
tdm_status tdm__path_absolute(const char *path, char out[], size_t size, tdm_error *err);
/* What follows the last '/'. */
const char *tdm__path_base(const char *path);

enum { TDM__PATH_MAX = 4096 };

#endif
