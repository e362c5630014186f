/* What a file system implements: posix_files.c and sim_files.c. Nobody else includes this.
 * files.c has checked paths (not empty, shorter than TDM__PATH_MAX), ranges, and set outputs to empty. */
#ifndef TDM_OS_FILES_IMPL_H
#define TDM_OS_FILES_IMPL_H

#include <stdatomic.h>

#include "os/files.h"

typedef struct tdm__fs_ops {
    tdm_status (*open)(tdm__fs *fs, const char *path, unsigned flags, tdm__file **out, tdm_error *err);
    void (*close)(tdm__file *file);
    tdm_status (*read_at)(tdm__file *file, uint64_t offset, void *to, size_t n, size_t *got, tdm_error *err);
    tdm_status (*read_next)(tdm__file *file, void *to, size_t n, size_t *got, tdm_error *err);
    tdm_status (*write_at)(tdm__file *file, uint64_t offset, const void *from, size_t n, tdm_error *err);
    tdm_status (*size)(tdm__file *file, uint64_t *out, tdm_error *err);
    tdm_status (*truncate)(tdm__file *file, uint64_t size, tdm_error *err);
    tdm_status (*sync)(tdm__file *file, tdm_error *err);
    tdm_status (*stat)(tdm__fs *fs, const char *path, tdm__stat *out, tdm_error *err);
    tdm_status (*rename)(tdm__fs *fs, const char *from, const char *to, tdm_error *err);
    /* TDM_BAD_INPUT when it is a folder and `dir` is false: tdm__remove_tree counts on it. */
    tdm_status (*remove)(tdm__fs *fs, const char *path, bool dir, tdm_error *err);
    tdm_status (*make_dir)(tdm__fs *fs, const char *path, tdm_error *err);
    tdm_status (*dir_sync)(tdm__fs *fs, const char *path, tdm_error *err);
    tdm_status (*list)(tdm__fs *fs, const char *path, tdm__names *out, tdm_error *err);
    tdm_status (*map)(tdm__fs *fs, const char *path, tdm__mapping *out, tdm_error *err);
    void (*unmap)(tdm__mapping *map);
    void (*advise)(const tdm__mapping *map, size_t offset, size_t len, enum tdm__advice advice);
    tdm_status (*lock)(tdm__fs *fs, const char *path, const char *note, tdm__lock **out, tdm_error *err);
    void (*unlock)(tdm__lock *lock);
} tdm__fs_ops;

struct tdm__fs { const tdm__fs_ops *ops; };

enum { TDM__NAMES_MAX = 1 << 20 }; /* in one folder */

/* Each is the first member of an implementation's own struct. */
struct tdm__file {
    tdm__fs *fs;
    char *path;
    atomic_bool sync_failed; /* files.c's */
};
struct tdm__lock { tdm__fs *fs; };
struct tdm__mapping_owner { tdm__fs *fs; }; /* what tdm__mapping.owner points to */

#endif
