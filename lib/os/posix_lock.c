/* The lock on a home: exclusive, gone when its holder is gone, with a note of who holds it.
 *
 * Two bytes of the file are locked, each by an "open file description" lock: the kernel drops both when the holder's
 * descriptor closes, which a kill -9 does too, and other descriptors of the same process cannot drop them.
 *   byte 0  the lock itself
 *   byte 1  "the note in the file is mine": taken only once the note is written
 * Whoever finds byte 0 taken reads the note only while byte 1 is taken as well, so that the note of an earlier
 * holder that was killed is never shown as that of the present one. The file itself stays for ever: removing it would
 * let two processes lock two files of one name. A child made by fork without exec would share the lock. */
#define _GNU_SOURCE
#include "os/posix_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "os/clock.h"

enum { BYTE_LOCK = 0, BYTE_NOTE = 1, NOTE_MAX = 160 };

typedef struct posix_lock {
    tdm__lock base;
    int fd;
} posix_lock;

static struct flock one_byte(int byte, short type)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
}

/* 0, or errno's value. */
static int set_lock(int fd, int byte)
{
    struct flock l = one_byte(byte, F_WRLCK);
    int r;
    do
        r = fcntl(fd, F_OFD_SETLK, &l);
    while (r != 0 && errno == EINTR);
    return r == 0 ? 0 : errno;
}

static bool is_locked(int fd, int byte)
{
    struct flock l = one_byte(byte, F_WRLCK);
    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* The note is a courtesy: when it cannot be written (a full disk), the lock holds without one. */
static void write_note(int fd, const char *path, const char *note)
{
    if (ftruncate(fd, 0) == 0 && tdm__posix_write_at(fd, path, 0, note, strnlen(note, NOTE_MAX), NULL) == TDM_OK)
        set_lock(fd, BYTE_NOTE);
}

/* The holder may be between its lock and its note, which takes it microseconds: we wait a little, not for ever. */
static void read_note(int fd, char out[NOTE_MAX + 1])
{
    enum { TRIES = 20, PAUSE_US = 5000 };
    for (int i = 0; i < TRIES; i++) {
        ssize_t n = is_locked(fd, BYTE_NOTE) ? pread(fd, out, NOTE_MAX, 0) : -1;
        if (n >= 0 && is_locked(fd, BYTE_NOTE)) {
            out[n] = 0;
            for (ssize_t k = 0; k < n; k++) /* the file is open to all who may write it: no control bytes from it */
                if ((unsigned char)out[k] < 0x20 || out[k] == 0x7F)
                    out[k] = '?';
            return;
        }
        if (!is_locked(fd, BYTE_LOCK)) /* it has just been released: there is no holder to name */
            break;
        tdm__sleep_us(PAUSE_US);
    }
    out[0] = 0;
}

static tdm_status lock_fd(int fd, const char *path, const char *note, tdm_error *err)
{
    int code = set_lock(fd, BYTE_LOCK);
    if (code == 0) {
        write_note(fd, path, note);
        return TDM_OK;
    }
    if (code != EAGAIN && code != EACCES)
        return tdm__posix_fail(err, code, path, "locking");
    char holder[NOTE_MAX + 1];
    read_note(fd, holder);
    tdm_status s = tdm__fail(err, TDM_BUSY, path, "another process holds the lock");
    if (holder[0])
        tdm__fail_found(err, "%s", holder);
    return s;
}

tdm_status tdm__posix_lock(tdm__fs *fs, const char *path, const char *note, tdm__lock **out, tdm_error *err)
{
    posix_lock *lock = tdm__new(posix_lock);
    if (!lock)
        return tdm__no_memory(err, path);
    lock->base.fs = fs;
    lock->fd = tdm__posix_open(path, O_RDWR | O_CREAT);
    tdm_status s = lock->fd < 0 ? tdm__posix_fail(err, errno, path, "opening the lock")
                                : lock_fd(lock->fd, path, note, err);
    if (s) {
        if (lock->fd >= 0)
            close(lock->fd);
        tdm__free(lock);
        return s;
    }
    *out = &lock->base;
    return TDM_OK;
}

/* Closing drops both locks at once. The note stays, and says nothing without byte 1. */
void tdm__posix_unlock(tdm__lock *base)
{
    posix_lock *lock = (posix_lock *)base;
    close(lock->fd);
    tdm__free(lock);
}
