/* Packages: a release with all its files, checked, compiled and frozen.
 *
 * A package comes from a folder that a person wrote (tdm__package_check) or from a packed, immutable one
 * (tdm__package_open); in memory the two are the same. A packed release is releases/<id>/: the files byte for byte,
 * zones/ as used, sources.txt (canonical definitions of the sources read) and MANIFEST (a line "sha256 size path"
 * a file, sorted by path, written last). The id is the SHA-256 of MANIFEST's bytes: the same input has the same
 * id on any machine. A folder counts only with a MANIFEST whose digest is its name; anything else in releases/ is
 * the rest of a crash.
 *
 * A package is immutable after it was made: any number of threads read it at once.
 *
 * THE PLAN. What the engine walks lies in flat arrays:
 *   slot[]  every value a row can have, numbered 0..n_slots: the entity's key parts first (0..key.n), then request
 *           inputs, columns of sources and expressions. The numbers are those that compiled expressions read.
 *   join[]  every lookup in a source: the source, the slots whose values make its key, the columns and their slots.
 *   step[]  the order: a join or an expression. What a step reads is the key, the request, or an earlier step's.
 * So a block is scored like this: fill the key and request slots and apply their defaults; walk the steps, where a
 * join fills its columns' slots (all missing where a part of the key is null or missing, or where there is no such
 * row) and an expression its own, each slot's default being applied as soon as it is filled; then gather each
 * model's input slots. */
#ifndef TDM_RELEASE_PACKAGE_H
#define TDM_RELEASE_PACKAGE_H

#include "feature/expression.h"
#include "model/model.h"
#include "os/files.h"
#include "release/manifest.h"
#include "state/source.h"

enum {
    TDM__SLOTS_MAX = 8192,
    TDM__MODEL_BYTES_MAX = 1 << 30,
    TDM__PACKED_FILE_BYTES_MAX = 64 << 20, /* any file but a model */
    TDM__GOLDEN_ROWS_MAX = 10000,
    TDM__ID_LETTERS = 64
};

typedef struct tdm__slot {
    tdm_str name;       /* feature, key part, or "source.column" for a column read without a feature of its own */
    tdm__origin origin; /* never TDM__ORIGIN_WINDOW */
    tdm_type type;      /* of the column to hold it; columns of sources are nullable here: the row may be absent */
    int feature;        /* index in manifest->feature; -1 for key parts and unnamed columns */
    int join, column;   /* TDM__ORIGIN_COLUMN: index in join[], and in that source's schema; else -1 */
    const tdm__expression *expression; /* TDM__ORIGIN_EXPRESSION; else NULL */
    tdm_value fallback; /* the default, TDM_PRESENT, kind as type; TDM_MISSING when there is none */
    bool required; /* no value after the default: FEATURE_MISSING. As the manifest says; unsaid, what cannot be null
                      and has no default: a request, a column of a source found by the entity's key */
    int64_t max_age_us, last_good_us; /* 0 when not given */
} tdm__slot;

typedef struct tdm__join_column {
    int column; /* in the source's schema */
    int slot;
} tdm__join_column;

typedef struct tdm__join {
    int source;                       /* index in package->source */
    int key_slot[TDM__KEY_PARTS_MAX]; /* one for each of the source's key columns, in its order; kinds are equal */
    bool by_entity; /* the key slots are the entity's key parts: with source == population, the population's own row */
    tdm__join_column *column;         /* what to take; a column may go to several slots */
    size_t n_columns;
} tdm__join;

typedef enum tdm__step_kind { TDM__STEP_JOIN, TDM__STEP_EXPRESSION } tdm__step_kind;
typedef struct tdm__step {
    tdm__step_kind kind;
    int index;          /* of join[], or of slot[] */
} tdm__step;

typedef struct tdm__package_model {
    const tdm__model *model;
    int *input_slot;    /* one an input of the model; the slot's kind is bool, i64, f32, f64 or decimal */
    uint8_t *needs;     /* n_slots: 1 for each slot that its inputs depend on, themselves included */
} tdm__package_model;

/* A row of the golden file: `{"as_of":TIME,"features":{NAME:VALUE,...},"prediction":{NAME:NUMBER,...}}`. NAME is
 * a request input, a key part, a column feature or SOURCE.COLUMN: columns are given here instead of looked up,
 * what is not given is missing; expressions are computed. The prediction must come out to the bit. */
typedef struct tdm__golden_row {
    uint64_t line;      /* in the golden file, 1-based */
    int64_t as_of_us;   /* 0 when not given */
    size_t n_given;
    int *slot;          /* n_given of them: never an expression's */
    tdm_value *value;   /* n_given: present or null */
    double *prediction; /* manifest->n_predictions */
} tdm__golden_row;

typedef struct tdm__package_file {
    const char *path;   /* relative, '/' between parts */
    uint64_t size;
    char sha256[65];
    tdm_str bytes;      /* of a checked package, until closed; {NULL, 0} in an opened one */
} tdm__package_file;

typedef struct tdm__package {
    char id[TDM__ID_LETTERS + 1];
    const tdm__manifest *manifest;

    const tdm__source *source;    /* those read, sorted by name */
    const uint64_t *fingerprint;  /* of each, over the columns read, ascending (tdm__source_fingerprint) */
    size_t n_sources;
    int population;               /* index in source, or -1 */

    tdm__schema key;              /* the entity's key parts: slots 0..key.n */
    tdm__slot *slot;
    size_t n_slots;
    const int *feature_slot;      /* manifest feature -> slot */
    const int *request_slot;      /* slots of origin REQUEST, in the manifest's order */
    size_t n_request;
    tdm__join *join;
    size_t n_joins;
    tdm__step *step;
    size_t n_steps;
    bool reads_as_of;             /* some expression reads the as-of itself */

    tdm__package_model *model;    /* as in the manifest */
    tdm__schema prediction;       /* one f64 column a prediction */

    tdm__golden_row *golden;
    size_t n_golden;

    const tdm__package_file *file; /* sorted by path, MANIFEST not among them */
    size_t n_files;
    const char *const *note;      /* of a checked package: unused features and files, where zones came from */
    size_t n_notes;
} tdm__package;

/* Reads dir/release.yaml and all that it names, and checks all of it. All errors at once go to `list` (may be
 * NULL), with line and caret where they are the manifest's. `zoneinfo` is the folder of time zones for those not
 * in dir/zones (NULL: the system's). TDM_MANIFEST when the list got any (err then holds the first),
 * TDM_UNSUPPORTED when all that was wrong is not supported by this version, else what stopped it: TDM_NOT_FOUND,
 * TDM_IO, TDM_NO_MEMORY. *out is NULL on failure; the caller closes it. */
tdm_status tdm__package_check(tdm__fs *fs, const char *dir, const tdm__source_catalog *sources, const char *zoneinfo,
                              tdm_diagnostics *list, tdm__package **out, tdm_error *err);
/* Packs a checked package into releases_dir (made when absent): durable when it returns TDM_OK. Packing again, by
 * anybody, is a no-op. The id is package->id, known since the check. Removes nothing but its own half-written
 * folder. */
tdm_status tdm__package_write(tdm__fs *fs, const tdm__package *package, const char *releases_dir, tdm_error *err);
/* Opens a packed release and verifies every digest. TDM_NOT_FOUND (no such id, or never completed), TDM_CORRUPT
 * (naming the file), TDM_NO_MEMORY, TDM_UNSUPPORTED (packed by a newer version). */
tdm_status tdm__package_open(tdm__fs *fs, const char *releases_dir, const char *id, tdm__package **out, tdm_error *err);
/* Frees and sets NULL; NULL is allowed. */
void tdm__package_close(tdm__package **package);

/* Whether the present definitions still give every column that the package reads, with its type and the same keys.
 * TDM_MISMATCH names source and column. */
tdm_status tdm__package_fits(const tdm__package *package, const tdm__source_catalog *sources, tdm_error *err);
/* Index of the slot of that name (feature, key part, "source.column"), or -1. */
int tdm__package_find_slot(const tdm__package *package, tdm_str name);

#endif
