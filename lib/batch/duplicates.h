/* Records of a population that an earlier record's key shadows.
 *
 * They are found when the table's index is built, by row number. Their places are found by reading the population once
 * more, which only a run that has any pays for. */
#ifndef TDM_BATCH_DUPLICATES_H
#define TDM_BATCH_DUPLICATES_H

#include "batch/population.h"
#include "state/quarantine.h"

enum { TDM__DUPLICATES_MAX = 1000000 }; /* that get a line; the rest are counted */

typedef struct tdm__duplicates_found {
    uint64_t *row;   /* ascending; the first TDM__DUPLICATES_MAX of them */
    size_t n, cap;
    uint64_t total;
} tdm__duplicates_found;

/* For tdm__store_build_options.loser; self is a tdm__duplicates_found. */
tdm_status tdm__duplicates_note(void *self, const tdm__store_loser *loser, tdm_error *err);
/* Writes a line for each; opens the population, a file, anew. */
tdm_status tdm__duplicates_quarantine(const tdm__duplicates_found *found, const tdm__population *population,
                                      const char *run, tdm__line_file *out, tdm_error *err);

#endif
