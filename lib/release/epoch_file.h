/* Epochs on disk: every one that was, and CURRENT, which names the one that is.
 *
 * epochs/000007 is a sealed document, written before CURRENT names it. CURRENT is a sealed document of two members, the
 * number and the digest of that file; its replacement by one rename is the flip. A reader reads CURRENT, then the file,
 * and checks that the digest fits: it sees one epoch whole, whatever is written meanwhile. */
#ifndef TDM_RELEASE_EPOCH_FILE_H
#define TDM_RELEASE_EPOCH_FILE_H

#include "state/home.h"

enum { TDM__SERVICES_MAX = 256 };

typedef struct tdm__service {
    char name[65];
    char release[65];      /* id */
    char table[16];        /* "" for none */
    uint64_t since_epoch;  /* the epoch that brought this content */
    uint64_t before_epoch; /* where this service's content before this one stands; 0: there is none */
} tdm__service;

typedef struct tdm__epoch {
    uint64_t number;       /* 0: there is none yet */
    int64_t since_us;
    char cause[16];        /* "promote", "rollback" */
    char changed[65];      /* the service that this epoch changed */
    size_t n;
    tdm__service service[TDM__SERVICES_MAX]; /* by name */
} tdm__epoch;

/* A home without an epoch gives number 0. TDM_CORRUPT. */
tdm_status tdm__epoch_read_current(tdm_home *home, tdm__epoch *out, tdm_error *err);
tdm_status tdm__epoch_read(tdm_home *home, uint64_t number, tdm__epoch *out, tdm_error *err);
/* The newest epoch that can be read, and the highest number that there is. TDM_REFUSED when none can be. */
tdm_status tdm__epoch_newest_whole(tdm_home *home, tdm__epoch *out, uint64_t *highest, tdm_error *err);
/* Writes `epoch` as number and makes it current. The writer's lock must be held, and epoch->number one more than the
 * current. */
tdm_status tdm__epoch_flip(tdm_home *home, const tdm__epoch *epoch, tdm_error *err);
/* Makes sure that the current epoch, which can be seen, survives a loss of power: it does unless its flip failed in the
 * last step. For whoever acknowledges what he found. */
tdm_status tdm__epoch_settle(tdm_home *home, tdm_error *err);
/* NULL when the epoch does not have it. */
tdm__service *tdm__epoch_find(tdm__epoch *epoch, const char *service);
/* Adds or returns the service's entry; NULL when there are too many. */
tdm__service *tdm__epoch_put(tdm__epoch *epoch, const char *service);

#endif
