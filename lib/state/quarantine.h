/* The quarantine: records that could not be loaded or scored, each with all that is needed to find and mend it.
 *
 * One file a run or load, one JSON object a line (docs/formats/quarantine.md). It exists, whole, once it was finished.
 */
#ifndef TDM_STATE_QUARANTINE_H
#define TDM_STATE_QUARANTINE_H

#include <tandem/run.h>
#include "state/home.h"

typedef struct tdm__quarantined {
    const char *run;      /* run id, or "load-000003" */
    const char *release;  /* id, or the source's name for a load */
    const char *file;     /* the input as it was named */
    uint64_t row, line, offset;
    tdm_str bytes;        /* the original record */
    const char *stage;    /* "read", "key", "features", "model", "prediction", "table" */
    const tdm_error *error; /* status is the code; where the field; found the value; expected the expectation */
} tdm__quarantined;
/* Appends the line. */
void tdm__quarantine_line(const tdm__quarantined *q, tdm__buf *out);

/* A file of lines that appears whole at its end. Until then it lies in the home's tmp/, which the next writer sweeps;
 * the write lock must be held, and one such file is open at a time. */
typedef struct tdm__line_file tdm__line_file;
tdm_status tdm__line_file_new(tdm_home *home, const char *path, tdm__line_file **out, tdm_error *err);
tdm_status tdm__line_file_add(tdm__line_file *f, tdm_str bytes, tdm_error *err);
/* Writes the rest, syncs, renames, syncs the folder; closes whatever happens. */
tdm_status tdm__line_file_finish(tdm__line_file **f, tdm_error *err);
/* Removes what was written. NULL is allowed. */
void tdm__line_file_abort(tdm__line_file **f);

#endif
