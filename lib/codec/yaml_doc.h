/* YAML documents as trees with places: what manifests and source definitions are read from.
 *
 * libyaml scans; this keeps for every node its line and column and its scalar text, and refuses what a manifest must
 * not have: anchors, aliases, tags, several documents, duplicate keys, depth above 32, more than 100,000 nodes, more
 * than 4 MiB, zero bytes, invalid UTF-8. Scalars are texts: their type is decided by whoever reads them, never
 * guessed. Nothing here knows what a manifest is. */
#ifndef TDM_CODEC_YAML_DOC_H
#define TDM_CODEC_YAML_DOC_H

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"

enum { TDM__YAML_DEPTH_MAX = 32, TDM__YAML_NODES_MAX = 100000, TDM__YAML_BYTES_MAX = 4 << 20 };

typedef enum tdm__yaml_kind { TDM__YAML_SCALAR, TDM__YAML_LIST, TDM__YAML_MAP } tdm__yaml_kind;

typedef struct tdm__yaml_node tdm__yaml_node;
struct tdm__yaml_node {
    tdm__yaml_kind kind;
    bool quoted;           /* a scalar in quotes or a block scalar */
    bool faulty;           /* a fault of structure was reported here (an alias, say): further ones are not */
    uint32_t line, col;    /* 1-based; col counts bytes */
    uint32_t at;           /* byte offset in the document */
    tdm_str text;          /* scalar; a NUL follows that len does not count */
    size_t n;              /* items of a list, entries of a map */
    tdm__yaml_node **key;  /* map: scalars */
    tdm__yaml_node **item; /* list items or map values */
};
typedef struct tdm__yaml_doc {
    const char *name;      /* for messages */
    tdm_str text;          /* the whole document; outlives the tree */
    tdm__yaml_node *root;
    tdm_diagnostics *diagnostics;
    size_t errors;         /* reported so far */
    bool complete; /* false when a fault of syntax or size ended it early: the tree is then sound, but not all */
} tdm__yaml_doc;

/* Parses into the arena. All errors of structure go to `list` (duplicate keys and the like do not stop it; a syntax
 * error does). TDM_MANIFEST when there was any; the root is then NULL only when nothing could be read.
 * TDM_NO_MEMORY. */
tdm_status tdm__yaml_parse(tdm_str text, const char *name, tdm__arena *arena, tdm_diagnostics *list,
                           tdm__yaml_doc *out);
/* Reports a fault at a node: where, line and caret are filled in. expected, found, hint may be NULL; node NULL is the
 * document's start. Never stops anything. */
void tdm__yaml_fault(tdm__yaml_doc *doc, const tdm__yaml_node *node, tdm_status status, const char *what,
                     const char *expected, const char *found, const char *hint);
/* The same for an error that somebody else filled, but for where. */
void tdm__yaml_fault_error(tdm__yaml_doc *doc, const tdm__yaml_node *node, const tdm_error *error);
/* The value under a key of a map; NULL when absent or node is not a map. */
tdm__yaml_node *tdm__yaml_get(const tdm__yaml_node *map, const char *key);

/* The schema walker: a table of what a map may hold. */
typedef struct tdm__yaml_field {
    const char *name;
    tdm__yaml_kind kind;   /* expected kind; TDM__YAML_ANY below allows all */
    bool required;
} tdm__yaml_field;
enum { TDM__YAML_ANY = 9, TDM__YAML_FIELDS_MAX = 64 };
/* Checks that node is a map (faults otherwise), that all its keys are in the table (unknown: fault with "did you
 * mean"), that required ones are there, and that kinds fit. `what` names the map in messages ("a feature"). Returns
 * whether it is a map. A value of a wrong kind stays in the map: readers check the kind again, silently. */
bool tdm__yaml_check_map(tdm__yaml_doc *doc, const tdm__yaml_node *node, const char *what,
                         const tdm__yaml_field *fields, size_t n);
/* The line and a caret under a column inside a node's text: for expressions. `offset` counts bytes of node->text;
 * falls back to the node's start where the text does not stand in the document as it is (folded, escaped). */
void tdm__yaml_fault_inside(tdm__yaml_doc *doc, const tdm__yaml_node *node, size_t offset, const tdm_error *error);

/* Appends a text as a YAML scalar that reads back to the same bytes: plain where letters, digits and harmless signs
 * allow it, else in double quotes with escapes. The text is valid UTF-8 without zero bytes. */
void tdm__yaml_write_text(tdm__buf *out, tdm_str text);

#endif
