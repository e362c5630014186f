/* Source definitions: what a table or a stream of events is, apart from any release.
 *
 * A definition is read from a sources.yaml, kept in the home's log as its canonical text, and compared by that
 * text. The canonical text is itself a sources.yaml of one entry: parsing it gives the same definition. A
 * definition only grows: by nullable columns and by more null texts, so that a release packed against an older
 * one keeps its meaning. Rows and their versions are not here (table.h and the stores). */
#ifndef TDM_STATE_SOURCE_H
#define TDM_STATE_SOURCE_H

#include "codec/yaml_doc.h"
#include "schema/block.h"

enum {
    TDM__SOURCES_MAX = 1000,       /* definitions in one file */
    TDM__SOURCE_COLUMNS_MAX = 2000,
    TDM__SOURCE_NULLS_MAX = 32,    /* texts */
    TDM__KEY_PARTS_MAX = 8         /* columns of one key */
};

typedef enum tdm__source_kind { TDM__SOURCE_TABLE, TDM__SOURCE_EVENTS } tdm__source_kind;

/* All that it points to lies in the arena it was parsed into. */
typedef struct tdm__source {
    tdm_str name; /* a valid name without a dot, so that "source.column" cuts at the first one */
    tdm__source_kind kind;
    tdm__schema schema;          /* columns in the file's order */
    int key[TDM__KEY_PARTS_MAX]; /* table: columns of the key, in its order; never nullable */
    size_t n_key;                /* table: at least 1; events: 0 */
    tdm_str *nulls;              /* texts that stand for null, beside the empty field; sorted, no duplicates */
    size_t n_nulls;
    int id, time, known;         /* events: columns; known is -1 when not given; table: all -1 */
    int64_t heartbeat_us;        /* events: 0 when not given */
    int64_t retention_us;        /* events: 0 for ever */
} tdm__source;

typedef struct tdm__sources {
    tdm__source *source; /* in the file's order */
    size_t n;
} tdm__sources;

/* Reads a sources.yaml. All errors at once go to `list` (may be NULL). What is kept of `text`
 * is copied. TDM_MANIFEST when there was any error (out then holds the definitions without one, or nothing when the
 * YAML itself is at fault), TDM_NO_MEMORY. */
tdm_status tdm__sources_parse(tdm_str text, const char *name, tdm__arena *arena, tdm_diagnostics *list,
                              tdm__sources *out);

/* Appends the canonical text: what is logged, hashed and shown. The same definition always gives the same bytes. */
void tdm__source_canonical(const tdm__source *source, tdm__buf *out);

/* A digest of what a reader of these columns depends on: the source's name, kind, key, and the columns' names and
 * types, in the order given. Adding columns does not change it. */
uint64_t tdm__source_fingerprint(const tdm__source *source, const int *columns, size_t n);

/* Whether `now` may replace `old`: the same name, kind, key, id, time, known, heartbeat and retention; every old
 * column with its type, in any order; what is new is nullable; no null text is lost. TDM_REFUSED says the first
 * thing that differs (where "source.column"), with expected and found. */
tdm_status tdm__source_evolve_check(const tdm__source *old, const tdm__source *now, tdm_error *err);

/* Every part equal, order of columns included. */
bool tdm__source_equal(const tdm__source *a, const tdm__source *b);

/* Where definitions are found by name: the home's present ones, or those packed with a release. */
typedef struct tdm__source_catalog {
    void *self;
    /* NULL when there is none. What it returns outlives whoever was given the catalog. */
    const tdm__source *(*find)(void *self, tdm_str name);
    const char *const *names; /* all names, for "did you mean"; may be NULL */
    size_t n_names;
} tdm__source_catalog;

#endif
