/* The manifest: a release.yaml as a struct.
 *
 * Parsing checks all that the file alone can tell: keys, kinds, types, durations, percents, names that refer to
 * each other. What needs the sources, the models or the expressions is package.h's business; for its faults the
 * manifest keeps the document and the node of everything that can be wrong later. Every key stands in one table
 * (tdm__manifest_keys), from which the walker's checks and docs/reference/release-yaml.md come.
 *
 * Everything lies in the arena and is read-only after parsing. */
#ifndef TDM_RELEASE_MANIFEST_H
#define TDM_RELEASE_MANIFEST_H

#include "codec/yaml_doc.h"
#include "schema/block.h"

enum {
    TDM__FEATURES_MAX = 4096,
    TDM__MODELS_MAX = 16,
    TDM__PREDICTIONS_MAX = 1024,
    TDM__LOOKUPS_MAX = 64,
    TDM__ENTITY_KEY_MAX = 8,
    TDM__RUNGS_MAX = 6,
    TDM__QUARANTINE_CODES_MAX = 32
};

typedef const tdm__yaml_node tdm__place; /* where something stands, for tdm__yaml_fault */

typedef enum tdm__origin {
    TDM__ORIGIN_KEY,        /* a part of the entity's key (slots only, never a manifest's feature) */
    TDM__ORIGIN_REQUEST,    /* {request: TYPE}: given by the caller, or by the population's column of that name */
    TDM__ORIGIN_COLUMN,     /* {column: SOURCE.COLUMN} */
    TDM__ORIGIN_EXPRESSION, /* {expr: TEXT} */
    TDM__ORIGIN_WINDOW      /* {window: ...}: parsed, refused when packing */
} tdm__origin;

/* How one key column of a joined source is found: `from` is a feature, a key part or SOURCE.COLUMN. */
typedef struct tdm__manifest_by {
    tdm_str key;  /* the source's key column; empty for `by: NAME`, which is for sources with one key column */
    tdm_str from;
    tdm__place *place;
} tdm__manifest_by;

typedef struct tdm__manifest_window {
    tdm_str aggregate;           /* "mean"; one of tdm__window_aggregates */
    tdm_str source, column;      /* column empty for count and time_since_last */
    int64_t over_us;
    tdm_str where;               /* expression, or empty */
    uint64_t keep;               /* 0: all */
} tdm__manifest_window;

typedef struct tdm__manifest_feature {
    tdm_str name;
    tdm__place *place;           /* the name */
    tdm__origin origin;
    tdm__place *definition;      /* the value of request, column, expr or window */
    tdm_type type;               /* request: as declared, with its unit; others: kind TDM_KIND_COUNT (see tdm__slot) */
    tdm_str source, column;      /* column */
    tdm_str expression;          /* expr */
    tdm__manifest_window window; /* window */
    tdm__manifest_by *by;        /* NULL when omitted */
    size_t n_by;
    int64_t max_age_us, last_good_us; /* 0 when not given */
    tdm__place *fallback;        /* the value of `default`, or NULL; its text is typed when the type is known */
    tdm_str unit;                /* `unit`, or empty */
    tdm__place *unit_place;
    bool required;               /* as given; not given: a request that is neither nullable nor has a default */
    bool required_given;
    bool faulty;                 /* it has faults, which were told: nobody resolves it */
} tdm__manifest_feature;

typedef struct tdm__manifest_lookup {
    tdm_str name, file, key, value; /* file and the names of its two columns */
    tdm_type key_type, value_type;  /* key_type string or i64 */
    tdm__place *place, *file_place, *key_place, *value_place;
} tdm__manifest_lookup;

/* One entry of a model's `inputs`: the model's own name of an input, and the feature that it takes. */
typedef struct tdm__manifest_input {
    tdm_str input, feature;
    tdm__place *place, *feature_place;
} tdm__manifest_input;

typedef struct tdm__manifest_model {
    tdm_str name, file;
    tdm_str format;              /* or empty: found by content */
    tdm__manifest_input *input;  /* inputs that are not named as their features */
    size_t n_inputs;
    tdm__place *place, *file_place, *format_place;
} tdm__manifest_model;

typedef struct tdm__manifest_prediction {
    tdm_str name;
    int model;                   /* index in tdm__manifest.model */
    uint32_t output;             /* column of the model's output, 0-based */
    bool raw;                    /* kind: raw: the margin; else what the framework's predict() gives */
    double lo, hi;               /* both ends allowed; -inf and inf when not given */
    tdm__place *place, *output_place, *range_place; /* the last two are NULL when not given */
} tdm__manifest_prediction;

typedef enum tdm__rung {
    TDM__RUNG_FRESH, TDM__RUNG_STALE, TDM__RUNG_DEFAULTED, TDM__RUNG_SIMPLE, TDM__RUNG_TABLE, TDM__RUNG_PRIOR,
    TDM__RUNG_COUNT
} tdm__rung;
const char *tdm__rung_name(tdm__rung rung);

typedef struct tdm__manifest_promise {
    int64_t p99_us;              /* 0: none */
    int64_t freshness_us;        /* 0: none */
    bool has_ready_by;
    uint16_t ready_by_minute;    /* of the day */
    tdm_str ready_by_zone;       /* "America/New_York"; "UTC" when none was written */
    tdm__place *ready_by_place;
    double coverage;             /* 0..1; NaN: none */
} tdm__manifest_promise;

typedef struct tdm__manifest_online {
    int64_t deadline_us;         /* default 50 ms */
    tdm__rung rung[TDM__RUNGS_MAX]; /* in order, each once; default: fresh, stale, defaulted */
    size_t n_rungs;
    uint32_t defaulted_max;      /* features that may come from defaults; UINT32_MAX: all */
    double *prior;               /* one a prediction, or NULL when none is given */
} tdm__manifest_online;

typedef struct tdm__manifest_batch {
    tdm_str population;          /* a table source, or empty: then a run is given a file */
    tdm__place *population_place;
    int64_t ttl_us, last_good_us; /* default 24 h and 72 h */
    struct {
        double coverage;         /* least share of the population scored; default 0.99; all in 0..1 */
        double quarantined;      /* most; default 0.01 */
        double psi;              /* most, against the previous table; NaN: not checked (default) */
        double null_rate;        /* most, of any feature; NaN: not checked (default) */
        double previous_rows;    /* least share of the previous table's rows; NaN: not checked (default) */
        double default_rate;     /* most, of any feature; NaN: not checked (default) */
        uint64_t rows_min;       /* default 1 */
    } gates;
    uint64_t quarantine_rows_max; /* UINT64_MAX: none (default) */
    struct {
        tdm_status code;
        uint64_t rows_max;
    } quarantine_code[TDM__QUARANTINE_CODES_MAX];
    size_t n_quarantine_codes;
} tdm__manifest_batch;

typedef struct tdm__manifest_name_index {
    tdm_str name;
    int index;
} tdm__manifest_name_index;

typedef struct tdm__manifest {
    tdm__yaml_doc doc;           /* for faults; its diagnostics are set by whoever checks on */
    bool plannable;              /* sound enough for its sound features to be resolved: faults lie elsewhere only */
    tdm_str name;
    tdm_str entity;
    tdm__place *entity_place;
    tdm_str entity_key[TDM__ENTITY_KEY_MAX]; /* as written; none: the population's key, else the entity's name */
    size_t n_entity_key;
    tdm__place *entity_key_place;
    tdm__manifest_feature *feature; /* in the file's order, as all lists here */
    size_t n_features;
    tdm__manifest_name_index *by_name; /* the features, sorted */
    tdm__manifest_lookup *lookup;
    size_t n_lookups;
    tdm__manifest_model *model;
    size_t n_models;
    int simple;                  /* the model named `simple`, or -1 */
    tdm__manifest_prediction *prediction;
    size_t n_predictions;
    tdm__manifest_promise promise;
    tdm__manifest_online online;
    tdm__manifest_batch batch;
    tdm_str golden;              /* a file, or empty */
    tdm__place *golden_place;
} tdm__manifest;

/* Parses. All errors at once go to `list` (may be NULL). `text` must outlive the manifest (it is what excerpts
 * are cut from), as must `name`. TDM_MANIFEST when there was any error; *out is then filled as far as it was read
 * and fit only for looking at, and, when plannable, for telling more faults (package.h). TDM_NO_MEMORY. */
tdm_status tdm__manifest_parse(tdm_str text, const char *name, tdm__arena *arena, tdm_diagnostics *list,
                               tdm__manifest *out);
/* Index, or -1. */
int tdm__manifest_find_feature(const tdm__manifest *m, tdm_str name);
int tdm__manifest_find_model(const tdm__manifest *m, tdm_str name);

/* The table of all keys, for the walker and the docs. */
typedef struct tdm__manifest_key {
    const char *section;  /* "" (the top), "entity", "feature", "model", "batch", "batch.gates" ... */
    const char *name;
    const char *type;     /* "duration", "percent", "map", ... */
    const char *fallback; /* what holds when it is absent; "required" when it must be there */
    const char *text;
} tdm__manifest_key;
const tdm__manifest_key *tdm__manifest_keys(size_t *n);

#endif
