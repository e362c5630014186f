/* What the files of the package's builder share.
 *
 * One builder makes a package from a person's folder and from a packed one; they differ in where files come from
 * (tdm__package_bytes). Faults go to the list and never stop the others; only what makes going on senseless (no
 * memory, a failing disk) is a status. */
#ifndef TDM_RELEASE_PACKAGE_IMPL_H
#define TDM_RELEASE_PACKAGE_IMPL_H

#include "release/package.h"

typedef struct tdm__zone_entry {
    tdm_str name;
    const tdm__zone *zone; /* NULL when it could not be used, which was reported */
} tdm__zone_entry;

typedef enum tdm__feature_state {
    TDM__FEATURE_NEW,
    TDM__FEATURE_OPEN, /* being resolved */
    TDM__FEATURE_DONE,
    TDM__FEATURE_FAILED
} tdm__feature_state;

/* A package and all that it owns. */
typedef struct tdm__package_box {
    tdm__package package; /* first: what callers hold */
    tdm__manifest manifest;
    tdm__arena arena;

    tdm__fs *fs;
    const char *dir;
    const char *zoneinfo; /* NULL in a packed one: zones come from the folder alone */
    bool packed;
    const tdm__source_catalog *catalog;
    tdm_diagnostics *list;
    size_t other_faults;  /* those outside the manifest's document */

    tdm__package_file *file; /* growing; file[i].bytes lies in holder[i] */
    tdm__buf *holder;
    size_t n_files, files_cap, holders_cap;
    const char **note;
    size_t n_notes, notes_cap;
    tdm__slot *slot;
    size_t n_slots, slots_cap;
    tdm__join *join;
    size_t n_joins, joins_cap;
    tdm__step *step;
    size_t n_steps, steps_cap;
    const tdm__source **source; /* of the catalog, in order of first use */
    size_t n_sources, sources_cap;
    tdm__zone_entry *zone;
    size_t n_zones, zones_cap;

    /* While features are resolved. */
    int *feature_slot;
    tdm__feature_state *state;
    int path[64]; /* the features being resolved, outermost first */
    size_t depth;
    bool blamed;  /* the cause of a failure was reported already */
    bool no_memory;
    bool plan_whole; /* the plan has no faults */
    bool no_key;  /* the population is at fault, so the entity's key is not known */
    tdm__expression_scope scope;
} tdm__package_box;

/* Faults at a node of the manifest. */
void tdm__package_fault(tdm__package_box *b, tdm__place *at, tdm_status status, const char *format, ...)
    TDM_PRINTF(4, 5);
/* A fault with a place of its own. */
void tdm__package_fault_error(tdm__package_box *b, const tdm_error *error);
size_t tdm__package_faults(const tdm__package_box *b);
tdm_status tdm__package_note(tdm__package_box *b, const char *format, ...) TDM_PRINTF(2, 3);

/* The bytes of a file of the release, read and hashed once; they stay until the builder ends. *out is -1 after a fault
 * (`at` is the node that names the file); else the index in b->file. TDM_IO, TDM_NO_MEMORY. */
tdm_status tdm__package_bytes(tdm__package_box *b, const char *path, size_t limit, tdm__place *at, int *out,
                              tdm_error *err);
/* Adds a file with these bytes, taking them over. */
tdm_status tdm__package_add_file(tdm__package_box *b, const char *path, tdm__buf *bytes, int *out, tdm_error *err);
int tdm__package_find_file(const tdm__package_box *b, const char *path);
/* Reads MANIFEST of a packed folder, checks it against the id, and reads and verifies every file it names. */
tdm_status tdm__package_load_packed(tdm__package_box *b, const char *id, tdm_error *err);
/* Sorts the files and sets package->id to what packing them gives. */
tdm_status tdm__package_seal(tdm__package_box *b, tdm_error *err);
/* Notes of the files in the folder that the release does not name. */
tdm_status tdm__package_note_unused(tdm__package_box *b, tdm_error *err);
/* Appends the text of MANIFEST. */
void tdm__package_manifest_text(const tdm__package *p, tdm__buf *out);

/* A zone by name, read at its first use. NULL with err filled. */
const tdm__zone *tdm__package_zone(tdm__package_box *b, tdm_str name, tdm_error *err);
/* Reads all lookups into b->scope. */
tdm_status tdm__package_lookups(tdm__package_box *b, tdm_error *err);
/* Slots, joins and steps, from the manifest and the catalog. */
tdm_status tdm__package_plan(tdm__package_box *b, tdm_error *err);
/* Fills package from the lists; `population` is an index in b->source, or -1. False when out of memory. */
bool tdm__package_layout(tdm__package_box *b, int population);
/* Index in b->source of a source, added at its first use; -1 when there is none (nothing is reported), -2 no memory. */
int tdm__package_source(tdm__package_box *b, tdm_str name);
/* The slot of a name in an expression or a `by`: feature, key part or SOURCE.COLUMN; -1 when there is none or it
 * failed (then b->blamed). */
int tdm__package_resolve(tdm__package_box *b, tdm_str name, tdm__place *at);
/* The columns of package->source[source] that joins read, ascending, in the arena; NULL when out of memory. */
int *tdm__package_columns_read(const tdm__package *p, size_t source, tdm__arena *arena, size_t *n);
/* Models, their inputs and outputs, and what they need. */
tdm_status tdm__package_models(tdm__package_box *b, tdm_error *err);
/* The golden file's rows. */
tdm_status tdm__package_golden(tdm__package_box *b, tdm_error *err);

#endif
