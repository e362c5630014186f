/* One tree of a LightGBM text model. Private to lightgbm_*.c. */
#ifndef TDM_MODEL_LIGHTGBM_TREE_H
#define TDM_MODEL_LIGHTGBM_TREE_H

#include "model/lightgbm_forest.h"
#include "model/lightgbm_text.h"

/* Reads the block that begins with the line "Tree=..." just read, up to its blank line, and checks all of it: on
 * success the tree keeps the invariants of lightgbm_forest.h. Scratch memory is the caller's to reset. */
tdm_status tdm__lightgbm_tree_read(tdm__lightgbm_text *text, size_t n_features, tdm__lightgbm_tree *out);

#endif
