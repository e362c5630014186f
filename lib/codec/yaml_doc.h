/* YAML documents as trees with places: what manifests and source definitions are read from.
 *
 * libyaml scans; this keeps for every node its line and column and its scalar text, and refuses what a manifest must
 * not have: anchors, aliases, tags, several documents, duplicate keys, depth above 32, more than 100,000 nodes, invalid UTF-8. Scalars
 * are texts: their type is decided by whoever reads them, never guessed. */
#ifndef TDM_CODEC_YAML_DOC_H
#define TDM_CODEC_YAML_DOC_H

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"

typedef enum tdm__yaml_kind { TDM__YAML_SCALAR, TDM__YAML_LIST, TDM__YAML_MAP } tdm__yaml_kind;

typedef struct tdm__yaml_node tdm__yaml_node;
struct tdm__yaml_node {
    tdm__yaml_kind kind;
    bool quoted;           /* a scalar in quotes or a block scalar */
    uint32_t line, col;    /* 1-based */
    tdm_str text;          /* scalar */
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
} tdm__yaml_doc;

/* Parses into the arena. All errors of structure go to `list` (duplicate keys and the like do not stop it; a syntax error does).
 * TDM_MANIFEST when there was any; the root is then NULL only when nothing could be read. */
tdm_status tdm__yaml_parse(tdm_str text, const char *name, tdm__arena *arena, tdm_diagnostics *list, tdm__yaml_doc *out);
/* Reports a fault at a node: where, line and caret are filled in. expected, found, hint may be NULL. Never stops anything. */
void tdm__yaml_fault(tdm__yaml_doc *doc, const tdm__yaml_node *node, tdm_status status, const char *what, const char *expected,
                     const char *found, const char *hint);
/* The value under a key of a map; NULL when absent or node is not a map. */
tdm__yaml_node *tdm__yaml_get(const tdm__yaml_node *map, const char *key);

/* The schema walker: a table of what a map may hold. */
typedef struct tdm__yaml_field {
    const char *name;
    tdm__yaml_kind kind;   /* expected kind; TDM__YAML_ANY below allows all */
    bool required;
} tdm__yaml_field;
enum { TDM__YAML_ANY = 9 };
/* Checks that node is a map (faults otherwise), that all its keys are in the table (unknown: fault with "did you mean"), that required ones
 * are there, and that kinds fit. `what` names the map in messages ("a feature"). Returns whether it is a map. */
bool tdm__yaml_check_map(tdm__yaml_doc *doc, const tdm__yaml_node *node, const char *what, const tdm__yaml_field *fields, size_t n);
/* The line and a caret under a column inside a node's text: for expressions. `offset` counts bytes of node->text; falls
 * back to the node's start when the scalar is not a plain single-line one. */
void tdm__yaml_fault_inside(tdm__yaml_doc *doc, const tdm__yaml_node *node, size_t offset, const tdm_error *error);

#endif
