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
 * docs/formats/home.md tells each. Readers take no lock: whatever they open is immutable, and CURRENT and the log name
 * only what is complete. */
#ifndef TDM_STATE_HOME_H
#define TDM_STATE_HOME_H

#include <tandem/home.h>
#include "log/log.h"
#include "os/files.h"

struct tdm_home {
    tdm__fs *fs;
    char *dir;
};

/* A home on any file system. */
tdm_status tdm__home_open_on(tdm__fs *fs, const char *dir, tdm_home **out, tdm_error *err);
/* "DIR/…" by a printf format; TDM_BAD_INPUT when it is too long. */
tdm_status tdm__home_path(const tdm_home *home, char out[TDM__PATH_MAX], tdm_error *err, const char *format, ...)
    TDM_PRINTF(4, 5);

/* A time of writing: the lock is held and the log is open for it. `what` names the command for others' messages. Makes
 * the home when it is absent. TDM_BUSY names the holder. */
typedef struct tdm__writing {
    tdm__lock *lock;
    tdm__log_handle *log;
} tdm__writing;
tdm_status tdm__writing_begin(tdm_home *home, const char *what, tdm__writing *out, tdm_error *err);
void tdm__writing_end(tdm__writing *writing);

#endif
