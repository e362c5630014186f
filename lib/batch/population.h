/* Populations: what a run scores, cut into pieces that different threads can take.
 *
 * A population is a file of rows (CSV, JSON lines) or a table source as the run's state has it. A piece is a chunk of
 * the file's bytes or a range of the source's rows; pieces come in order and each knows its number, so results can be
 * put together in the population's order whoever finished first. */
#ifndef TDM_BATCH_POPULATION_H
#define TDM_BATCH_POPULATION_H

#include "codec/rows.h"
#include "engine/engine.h"

enum { TDM__PIECE_ROWS = 8 * TDM__STORE_MARK };

typedef struct tdm__population {
    const tdm__engine *engine;
    const char *path;           /* the file, the caller's text; NULL: a source */
    char name[TDM__PATH_MAX];   /* how people call it: the file, or the source's name */
    char identity[64];          /* of its content: "file 1f…" or "source schedule" */
    tdm__fs *fs;
    tdm__reader *reader;        /* a file */
    const tdm__store *store;    /* or a source */
    uint64_t next_row, next_piece;
    tdm__schema schema;         /* of a file: the entity's key, then the request fields that are not part of it */
    int *request_field;         /* one a package->request_slot: its field in the schema */
    char absent[512];           /* request fields that a CSV has no column for: "a, b"; missing in every row */
    tdm__arena arena;
} tdm__population;

typedef struct tdm__piece_input {
    uint64_t index;
    bool ended;        /* there is no piece any more */
    tdm__chunk chunk;  /* a file's */
    uint64_t first;    /* a source's rows [first, first + count) */
    uint64_t count;
} tdm__piece_input;

/* `file`, which must outlive the population, or NULL: the source that the release names. TDM_USAGE when it names none;
 * TDM_MISMATCH when the file lacks a key column or a required request field. */
tdm_status tdm__population_open(tdm__population *p, const tdm__engine *engine, tdm__fs *fs, const char *file,
                                tdm_error *err);
/* What its messages, its table and its quarantine call it from now on, cut to fit. */
void tdm__population_call(tdm__population *p, const char *name);
void tdm__population_close(tdm__population *p);
/* TDM_IO when a file's bytes are no longer those that were opened. */
tdm_status tdm__population_unchanged(const tdm__population *p, tdm_error *err);
/* One thread at a time. */
tdm_status tdm__population_next(tdm__population *p, tdm__piece_input *out, tdm_error *err);
/* The piece was scored and all of it is used: what it had in memory may go. In the order of the pieces. */
void tdm__population_done(const tdm__population *p, const tdm__piece_input *piece);
/* Bytes or rows handed out, and of how many. */
void tdm__population_progress(const tdm__population *p, uint64_t *done, uint64_t *total, const char **unit);
/* A parser for its chunks; a file's only. */
tdm_status tdm__population_parser(const tdm__population *p, tdm__row_parser **out, tdm_error *err);

#endif
