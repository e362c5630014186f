/* Scoring a piece: from a population's piece to encoded records and quarantine lines.
 *
 * A scorer belongs to one thread. What it makes of a piece depends on the piece alone, so any thread may score any
 * piece. */
#ifndef TDM_BATCH_PIECE_H
#define TDM_BATCH_PIECE_H

#include "base/histogram.h"
#include "batch/population.h"

typedef struct tdm__scorer tdm__scorer;

typedef struct tdm__piece {
    tdm__piece_input input;
    tdm__buf records;       /* encoded for the table's store, back to back */
    uint64_t *tag;          /* of each record: its row number in the population, from 1 */
    size_t n_records, cap_records;
    tdm__buf quarantine;    /* lines */
    uint64_t rows, rows_quarantined;
    uint64_t code[TDM_STATUS_COUNT];
    bool done;
    tdm_status status;      /* not TDM_OK: the piece could not be scored at all, and so the run fails */
    tdm_error error;
} tdm__piece;

tdm_status tdm__scorer_new(const tdm__engine *engine, const tdm__population *population, const char *run,
                           int64_t as_of_us, tdm__scorer **out, tdm_error *err);
void tdm__scorer_close(tdm__scorer **scorer);
const tdm__worker *tdm__scorer_worker(const tdm__scorer *scorer);
/* Nanoseconds of each block of up to 1024 rows: features, models, encoding. */
const tdm__histogram *tdm__scorer_block_ns(const tdm__scorer *scorer);
/* Scores piece->input; sets all results, and piece->status. */
void tdm__scorer_run(tdm__scorer *scorer, tdm__piece *piece);
void tdm__piece_free(tdm__piece *piece);

#endif
