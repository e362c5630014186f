/* Gates: what must hold before a table is published. A gate that cannot be computed is a gate that failed. */
#ifndef TDM_BATCH_GATES_H
#define TDM_BATCH_GATES_H

#include "engine/engine.h"
#include "table/tables.h"

typedef struct tdm__gate_facts {
    uint64_t rows_in, rows_scored, rows_quarantined;
    uint64_t code[TDM_STATUS_COUNT];
    const uint64_t *defaults, *nulls;   /* rows by slot */
    const tdm__spread *spread;          /* one a prediction */
    const tdm_table *previous;          /* NULL: there is none, or it cannot be read */
    const tdm_error *previous_error;    /* why it cannot be read; NULL otherwise */
    tdm_status golden;                  /* of tdm__engine_check_golden */
    const tdm_error *golden_error;
} tdm__gate_facts;

typedef struct tdm__gates {
    size_t n;
    tdm_gate_result gate[TDM_GATES_MAX];
} tdm__gates;

/* Evaluates all of the release's gates. TDM_OK, or TDM_GATE_FAILED (TDM_QUARANTINE_FULL when only limits of the
 * quarantine failed); err names the first that failed. */
tdm_status tdm__gates_check(const tdm__package *package, const tdm__gate_facts *facts, tdm__gates *out, tdm_error *err);
/* The golden gate alone, before anything is scored: TDM_GATE_FAILED when it is the one that fails. */
tdm_status tdm__gates_golden(const tdm__package *package, tdm_status golden, const tdm_error *golden_error,
                             tdm__gates *out, tdm_error *err);
/* Records that may be quarantined before the run cannot succeed any more, of `rows_in`. */
uint64_t tdm__quarantine_limit(const tdm__package *package, uint64_t rows_in);

#endif
