/* What tdm__top_json wrote, read back for the viewer. */
#ifndef TDM_SERVER_TOP_FRAME_H
#define TDM_SERVER_TOP_FRAME_H

#include <tandem/serve.h>
#include "base/memory.h"
#include "base/text.h"
#include "server/meters.h"

enum { TDM__TOP_SERVICES_MAX = 1025 };

/* Numbers of the object itself, and of "process"; `grows`: drawn as what came in the interval.
 *   name             member             grows */
#define TDM__TOP_VALUES(X)                            \
    X(UPTIME_US,       "uptime_us",       false)      \
    X(EPOCH,           "epoch",           false)      \
    X(CONNECTIONS,     "connections",     false)      \
    X(BUFFERED_BYTES,  "buffered_bytes",  false)      \
    X(LARGE_DEPTH,     "large_depth",     false)      \
    X(CPU_US,          "cpu_us",          true)       \
    X(RESIDENT_BYTES,  "resident_bytes",  false)

typedef enum tdm__top_value {
#define TDM__TOP_ENUM(name, member, grows) TDM__TOP_##name,
    TDM__TOP_VALUES(TDM__TOP_ENUM)
#undef TDM__TOP_ENUM
    TDM__TOP_VALUE_COUNT
} tdm__top_value;

typedef struct tdm__top_service {
    const char *name;
    uint64_t requests, rows, errors, promise_us, rung[TDM__RUNG_COUNT];
    bool failed;                /* it cannot be served */
    tdm__histogram h;
} tdm__top_service;

typedef struct tdm__top {
    const char *started, *listening;
    bool ready, draining;
    uint64_t value[TDM__TOP_VALUE_COUNT];
    uint64_t count[TDM__COUNT_COUNT];
    uint64_t error[TDM_STATUS_COUNT];
    tdm__histogram stage[TDM__STAGE_COUNT];
    tdm__top_service *service;
    size_t n_services, cap_services;
    tdm__arena arena;
} tdm__top;

/* Members that are not known are passed over, and absent ones are 0. TDM_JSON_SYNTAX, TDM_FIELD_TYPE, TDM_FIELD_RANGE,
 * TDM_TOO_LARGE, TDM_NO_MEMORY. */
tdm_status tdm__top_read(tdm_str text, tdm__top **out, tdm_error *err);
void tdm__top_close(tdm__top **top);
/* Whether `now` is a later word of the server that said `before`. */
bool tdm__top_same_server(const tdm__top *before, const tdm__top *now);
/* Makes of all that grows in `now` what came since `before`, and returns the microseconds between them. */
uint64_t tdm__top_subtract(tdm__top *now, const tdm__top *before);

#endif
