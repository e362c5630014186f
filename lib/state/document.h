/* Documents: small JSON files that say what is, each sealed with its kind, length and digest.
 *
 * Epochs, table manifests, run reports and CURRENT are documents. One that was written is whole or absent (it is
 * written durably under a temporary name), and one whose bytes changed since is TDM_CORRUPT, never another document. */
#ifndef TDM_STATE_DOCUMENT_H
#define TDM_STATE_DOCUMENT_H

#include <jansson.h>
#include "os/files.h"

enum { TDM__DOCUMENT_BYTES_MAX = 16 << 20 };

/* Writes `root` as the document at `path`; durable on return. Takes over the reference to root, whatever happens; a
 * NULL root is out of memory. */
tdm_status tdm__document_write(tdm__fs *fs, const char *path, const char *kind, json_t *root, tdm_error *err);
/* Reads it; *out is a JSON object, released with json_decref. TDM_NOT_FOUND, TDM_CORRUPT, TDM_UNSUPPORTED (a newer
 * format). */
tdm_status tdm__document_read(tdm__fs *fs, const char *path, const char *kind, json_t **out, tdm_error *err);

/* The JSON object that a text is; released with json_decref, NULL on failure. TDM_CORRUPT with that `where`,
 * TDM_NO_MEMORY. */
tdm_status tdm__document_parse(tdm_str text, const char *where, json_t **out, tdm_error *err);
/* Appends an item to a list that is being made and returns the list; takes over both references. NULL when either is
 * NULL or there is no memory, so that a list that lost an item is no list. */
json_t *tdm__document_item(json_t *list, json_t *item);
/* Appends `root` as compact JSON with sorted names; takes over the reference. A NULL root, or no memory, sets
 * out->failed. */
void tdm__document_dump(json_t *root, tdm__buf *out);

/* Members of a document that was read; one that is absent or of another type is TDM_CORRUPT with where = path. */
tdm_status tdm__document_text(const json_t *object, const char *name, const char *path, const char **out,
                              tdm_error *err);
tdm_status tdm__document_copy(const json_t *object, const char *name, const char *path, char *out, size_t size,
                              tdm_error *err);
tdm_status tdm__document_i64(const json_t *object, const char *name, const char *path, int64_t *out, tdm_error *err);
tdm_status tdm__document_u64(const json_t *object, const char *name, const char *path, uint64_t *out, tdm_error *err);

#endif
