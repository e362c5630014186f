/* Runs: scoring a population under one release, one as-of and one snapshot; and what could not be scored. */
#ifndef TANDEM_RUN_H
#define TANDEM_RUN_H

#include <tandem/table.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tdm_run_options {
    const char *population; /* a file; NULL: what the release names */
    bool has_as_of;
    int64_t as_of_us;       /* else: now */
    unsigned threads;       /* 0: all cores */
    tdm_progress_fn progress;
    void *self;
} tdm_run_options;

typedef struct tdm_run_code { char code[32]; uint64_t rows; } tdm_run_code;
typedef struct tdm_run_report {
    char run[33];
    char table[16];   /* "" when it was not published */
    char release[65], service[65];
    bool existed;     /* the same run was published before: nothing was done */
    int64_t as_of_us;
    uint64_t snapshot;
    uint64_t rows_in, rows_scored, rows_quarantined;
    uint64_t defaults; /* feature values that a default stood in for */
    unsigned threads;
    double seconds, seconds_score, seconds_index;
    uint64_t block_us_p50, block_us_p99, block_us_max; /* features, models and encoding of up to 1024 rows */
    uint64_t peak_memory_bytes;
    char ignored[512]; /* columns of the population that nobody reads */
    char absent[512];  /* request fields that the population has no column for: missing in every row */
    size_t n_codes;
    tdm_run_code code[32];
    size_t n_gates;
    tdm_gate_result gate[TDM_GATES_MAX];
} tdm_run_report;
/* Runs, validates and publishes. The same inputs are the same run: a second call returns the table of the first. On
 * TDM_GATE_FAILED and TDM_QUARANTINE_FULL nothing is published and `out` tells why; the quarantine can be read. Durable
 * on return. Errors besides: TDM_NOT_FOUND, TDM_MISMATCH, TDM_BUSY, TDM_CANCELLED, bad input of the population as a
 * whole. */
TDM_API tdm_status tdm_run(tdm_home *home, const char *release, const tdm_run_options *options, tdm_run_report *out,
                           tdm_error *err);

typedef struct tdm_quarantine tdm_quarantine;
/* By run id (or unique prefix of 6 or more), by table ("v000001"), or by load ("load-000003"). TDM_NOT_FOUND. */
TDM_API tdm_status tdm_quarantine_open(tdm_home *home, const char *run, tdm_quarantine **out, tdm_error *err);
/* The next record as one JSON object in a line (docs/formats/quarantine.md); valid until the next call. TDM_NOT_FOUND
 * at the end. */
TDM_API tdm_status tdm_quarantine_next(tdm_quarantine *q, tdm_str *line, tdm_error *err);
TDM_API void tdm_quarantine_close(tdm_quarantine **q);

#ifdef __cplusplus
}
#endif
#endif
