/* Groups of frames for the tests of the log: group `g` follows from its number alone. */
#ifndef TANDEM_TESTS_LOG_GROUPS_H
#define TANDEM_TESTS_LOG_GROUPS_H

#include "support.h"

#include "base/random.h"
#include "log/segment.h"
#include "os/sim_files.h"

enum { GROUP_FRAMES = 4, GROUP_PAYLOAD = 700 };

typedef struct group {
    size_t n;
    tdm__frame frame[GROUP_FRAMES];
    char bytes[GROUP_FRAMES][GROUP_PAYLOAD];
} group;

/* One to four frames; mostly short, some longer than a sector, some empty. Never a zero byte, so no sector looks
 * lost. */
static inline void group_make(group *g, uint64_t number)
{
    tdm__random r;
    tdm__random_seed(&r, number);
    g->n = 1 + tdm__random_below(&r, GROUP_FRAMES);
    for (size_t i = 0; i < g->n; i++) {
        size_t len = tdm__random_below(&r, tdm__random_below(&r, 4) ? 60 : GROUP_PAYLOAD);
        for (size_t k = 0; k < len; k++)
            g->bytes[i][k] = (char)(1 + tdm__random_below(&r, 255));
        g->frame[i] = (tdm__frame){(uint8_t)tdm__random_next(&r), tdm__strn(g->bytes[i], len)};
    }
}

static inline tdm_status group_append(tdm__log_handle *log, uint64_t number, uint64_t *position, tdm_error *err)
{
    group g;
    group_make(&g, number);
    return tdm__log_append(log, g.frame, g.n, position, err);
}

/* Reads the log from its start: groups number[0], number[1], ... of which at most `max` are there. Returns how many
 * whole groups there are; fails the test when anything else comes. A status other than TDM_OK goes to *status. */
static inline size_t groups_read(tdm__log_handle *log, const uint64_t *number, size_t max, tdm_status *status)
{
    tdm_error err;
    tdm__log_cursor *c = NULL;
    size_t groups = 0;
    *status = tdm__log_cursor_new(log, 0, &c, &err);
    while (*status == TDM_OK) {
        group g;
        uint64_t next = 0;
        if (groups < max)
            group_make(&g, number[groups]);
        else
            g.n = 1;
        for (size_t i = 0; i < g.n; i++) {
            tdm__frame frame;
            *status = tdm__log_next(c, &frame, &next, &err);
            if (*status) {
                assert_true(*status != TDM_NOT_FOUND || i == 0); /* no half group */
                break;
            }
            assert_true(groups < max);
            assert_int_equal(frame.kind, g.frame[i].kind);
            assert_true(tdm__str_equal(frame.payload, g.frame[i].payload));
        }
        groups += *status == TDM_OK;
    }
    if (*status == TDM_NOT_FOUND)
        *status = TDM_OK;
    tdm__log_cursor_close(&c);
    return groups;
}

#endif
