/* What posix_files.c and posix_lock.c share. Nobody else includes this. */
#ifndef TDM_OS_POSIX_IMPL_H
#define TDM_OS_POSIX_IMPL_H

#include "os/files_impl.h"

/* "DOING failed: SYSTEM'S WORDS" with the status of errno's value `code`. */
tdm_status tdm__posix_fail(tdm_error *err, int code, const char *path, const char *doing);
/* open, repeated when interrupted, not inherited by programs; -1 and errno. */
int tdm__posix_open(const char *path, int flags);
tdm_status tdm__posix_write_at(int fd, const char *path, uint64_t offset, const void *from, size_t n, tdm_error *err);

tdm_status tdm__posix_lock(tdm__fs *fs, const char *path, const char *note, tdm__lock **out, tdm_error *err);
void tdm__posix_unlock(tdm__lock *lock);

#endif
