/* The home: the folder with all state of one host, its sources, and loading data into them.
 *
 * Readers take no lock and see what was durable when they opened. Writers (load, pack, run, promote) take the home's
 * write lock for the length of the call; when another process holds it they return TDM_BUSY at once, and the error says
 * who. */
#ifndef TANDEM_HOME_H
#define TANDEM_HOME_H

#include <tandem/status.h>
#include <tandem/value.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tdm_home tdm_home;

/* Opens the home at `dir`, which need not exist: a writer makes it on first use. A handle belongs to one thread at a
 * time. Errors: TDM_UNSUPPORTED (a newer format), TDM_BAD_INPUT (not a home), TDM_IO. */
TDM_API tdm_status tdm_home_open(const char *dir, tdm_home **out, tdm_error *err);
/* Frees and sets NULL. NULL and a pointer to NULL are allowed. */
TDM_API void tdm_home_close(tdm_home **home);
TDM_API const char *tdm_home_dir(const tdm_home *home);

/* Told from time to time while something long goes on. Fractions are of `total`; 0 when the total is not known.
 * Returning false cancels: the call then ends with TDM_CANCELLED and nothing is changed. */
typedef struct tdm_progress {
    const char *stage; /* "load", "score", "index", "verify" */
    uint64_t done, total;
    const char *unit;  /* "bytes", "rows" */
    uint64_t rows, rows_quarantined;
} tdm_progress;
typedef bool (*tdm_progress_fn)(void *self, const tdm_progress *progress);

/* Sources. */
typedef enum tdm_source_kind { TDM_SOURCE_TABLE, TDM_SOURCE_EVENTS } tdm_source_kind;
typedef struct tdm_column_info {
    const char *name;
    const char *type; /* "f64? mi" */
    bool key;
} tdm_column_info;
typedef struct tdm_source_info {
    const char *name;
    tdm_source_kind kind;
    const tdm_column_info *column;
    size_t n_columns;
    const char *fingerprint; /* 16 hex digits */
    const char *definition;  /* its canonical text, YAML */
    uint64_t version;        /* loads so far; 0: nothing loaded */
    uint64_t rows;           /* of the newest version */
    int64_t loaded_us;       /* when; 0 when nothing is loaded */
} tdm_source_info;

typedef struct tdm_source_list tdm_source_list;
TDM_API tdm_status tdm_sources(tdm_home *home, tdm_source_list **out, tdm_error *err);
TDM_API size_t tdm_source_count(const tdm_source_list *list);
/* The i-th by name; NULL when out of range. Lives in the list. */
TDM_API const tdm_source_info *tdm_source_at(const tdm_source_list *list, size_t i);
TDM_API void tdm_source_list_close(tdm_source_list **list);

typedef struct tdm_source_added {
    size_t added, evolved, unchanged;
} tdm_source_added;
/* Adds or evolves the sources of a file, all of them or none. Errors: TDM_MANIFEST (see diagnostics), TDM_REFUSED (a
 * change that is not the adding of nullable columns), TDM_BUSY. */
TDM_API tdm_status tdm_source_add(tdm_home *home, const char *path, tdm_diagnostics *diagnostics, tdm_source_added *out,
                                  tdm_error *err);

typedef struct tdm_load_options {
    double bad_share_max; /* more bad rows than this share: nothing is loaded (TDM_QUARANTINE_FULL). Default 0.01 */
    bool replace; /* the new version holds the files' rows alone: for a full copy, or when the version before is damaged
                   */
    tdm_progress_fn progress;
    void *self;
} tdm_load_options;
typedef struct tdm_load_report {
    uint64_t version;          /* of the source, after the load */
    uint64_t rows_in;          /* records of the files */
    uint64_t rows_loaded;      /* keys written, after the newest of equal keys won */
    uint64_t rows_replaced;    /* of them, keys that the version before had */
    uint64_t rows_superseded;  /* records that lost to a later record of the same load */
    uint64_t rows_quarantined; /* rows_in = rows_loaded + rows_superseded + rows_quarantined */
    uint64_t rows_total;       /* keys in the new version */
    char quarantine[32];       /* name for tdm_quarantine_open: "load-000003"; "" when no row was bad */
    char ignored[512];         /* columns of the files that the source does not declare, "a, b"; "" when none */
    char absent[512];          /* columns of the source that a CSV lacks; missing in its rows */
    double seconds;
} tdm_load_report;
/* Makes the next version of a table source from rows of files (CSV or JSON lines, gzip and zstd found by content): the
 * newest row of a key wins, keys not named stay. All or nothing, durable on return. `options` NULL: defaults. Errors:
 * TDM_NOT_FOUND (source or file), TDM_UNSUPPORTED (an events source), TDM_QUARANTINE_FULL, TDM_BUSY, TDM_CORRUPT. */
TDM_API tdm_status tdm_load(tdm_home *home, const char *source, const char *const *paths, size_t n_paths,
                            const tdm_load_options *options, tdm_load_report *out, tdm_error *err);

#ifdef __cplusplus
}
#endif
#endif
