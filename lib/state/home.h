/* The home: where its files lie, and who may write.
 *
 *     FORMAT        "tandem home 1"
 *     lock          the write lock; its holder's note inside
 *     log/          every source definition and every load, in one order
 *     sources/NAME/000003.store          versions of a table source
 *     releases/ID/                       packed releases
 *     tables/v000001/{store,manifest}    prediction tables; one exists once its manifest does
 *     runs/ID/quarantine.jsonl           what a run could not score
 *     loads/load-000003/quarantine.jsonl
 *     epochs/000007                      every epoch that was
 *     tmp/                               what is being written; swept by the next writer
 *     CURRENT                            the number and digest of the one that is
 *
 * A server adds admin.sock, through which others ask it to write. docs/formats/home.md tells each. Readers take no lock:
 * whatever they open is immutable, and CURRENT and the log name only what is complete. */
#ifndef TDM_STATE_HOME_H
#define TDM_STATE_HOME_H

#include <tandem/home.h>
#include "log/log.h"
#include "os/files.h"

struct tdm__epoch; /* release/epoch_file.h */

/* What a server wants to know of a cutover in its own process. */
typedef struct tdm__home_hooks {
    /* Staging has checked the content of `next`; it becomes current if this is TDM_OK. Nothing is verified here again. */
    tdm_status (*prepare)(void *self, const struct tdm__epoch *next, tdm_error *err);
    /* Once for every prepare that was TDM_OK: whether what was prepared is current now. */
    void (*finish)(void *self, bool flipped);
    void *self;
} tdm__home_hooks;

typedef struct tdm__held tdm__held;

struct tdm_home {
    tdm__fs *fs;
    char *dir;
    tdm__held *hold;         /* NULL: each command takes the lock for itself */
    const tdm__home_hooks *hooks; /* NULL: nobody serves in this process. The server's, which sets it while it holds */
};

/* A home on any file system. */
tdm_status tdm__home_open_on(tdm__fs *fs, const char *dir, tdm_home **out, tdm_error *err);
/* "DIR/…" by a printf format; TDM_BAD_INPUT when it is too long. */
tdm_status tdm__home_path(const tdm_home *home, char out[TDM__PATH_MAX], tdm_error *err, const char *format, ...)
    TDM_PRINTF(4, 5);

/* Takes the write lock and opens the log for writing until tdm__home_release_hold, or until the home is closed. `what`
 * names the holder for other processes. Makes the home, and sweeps it, as a time of writing would. From then on any thread
 * of this process may use the home; TDM_BUSY names the holder. */
tdm_status tdm__home_hold(tdm_home *home, const char *what, tdm_error *err);
/* When nobody writes any more. A home that is not held is allowed. */
void tdm__home_release_hold(tdm_home *home);
/* The held log, for reading on from a position; NULL when the home is not held. */
tdm__log_handle *tdm__home_log(const tdm_home *home);

/* A time of writing: the lock is held and the log is open for it. `what` names the command for others' messages. Makes
 * the home when it is absent. TDM_BUSY names the holder. On a home that is held, lock and log are the hold's, and one
 * writer at a time has them: a second one gets TDM_BUSY at once. */
typedef struct tdm__writing {
    tdm__lock *lock;
    tdm__log_handle *log;
    tdm__held *hold; /* whose they are; NULL: our own */
} tdm__writing;
tdm_status tdm__writing_begin(tdm_home *home, const char *what, tdm__writing *out, tdm_error *err);
void tdm__writing_end(tdm__writing *writing);

#endif
