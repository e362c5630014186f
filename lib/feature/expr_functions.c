/* The table of functions, expanded: rows for the compiler, texts for docs and help. Names are unique; nothing else
 * here. */
#include "feature/expr_functions.h"
#include "feature/expression.h"

enum {
    RESULT_bool = TDM_BOOL,
    RESULT_i64 = TDM_I64,
    RESULT_f64 = TDM_F64,
    RESULT_string = TDM_STRING,
    RESULT_timestamp = TDM_TIMESTAMP,
    RESULT_any = TDM_KIND_COUNT
};

#define ROW(id, least, most, letters, kind, signed_as, text, edges)                                                    \
    [TDM__FN_##id] = {.name = #id, .min = least, .max = most, .params = letters, .result = RESULT_##kind,              \
                      .signature = signed_as},
const tdm__function_row tdm__function_table[TDM__FN_COUNT] = {TDM__FUNCTIONS(ROW)};
#undef ROW

#define DOC(id, least, most, letters, kind, signed_as, said, at_edges) {#id, signed_as, said, at_edges},
static const tdm__function_doc docs[TDM__FN_COUNT] = {TDM__FUNCTIONS(DOC)};
#undef DOC

const tdm__function_doc *tdm__function_docs(size_t *n)
{
    *n = TDM__FN_COUNT;
    return docs;
}
