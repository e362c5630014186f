/* The pipeline of a run: read, score on all cores, put together in order.
 *
 * Every worker does all of it in turn: takes the next piece (one at a time), scores it (all at once), and the one that
 * holds the next piece in order appends it to the table and the quarantine. At most `window` pieces are in flight, so
 * memory does not depend on the population. */
#ifndef TDM_BATCH_PIPELINE_H
#define TDM_BATCH_PIPELINE_H

#include <tandem/run.h>
#include "batch/piece.h"
#include "state/quarantine.h"

typedef struct tdm__pipeline_counts {
    uint64_t rows_in, rows_quarantined;
    uint64_t code[TDM_STATUS_COUNT];
    tdm__histogram block_ns;    /* time of each block of up to 1024 rows */
    uint64_t *defaults, *nulls; /* by slot, owned by the caller (n_slots each) */
} tdm__pipeline_counts;

/* Scores the whole population into `builder` and `quarantine`. The first failure stops it. */
tdm_status tdm__pipeline_run(tdm__population *population, const char *run, int64_t as_of_us, unsigned threads,
                             tdm__store_builder *builder, tdm__line_file *quarantine, tdm_progress_fn progress,
                             void *self, tdm__pipeline_counts *out, tdm_error *err);

#endif
