/* Epochs: the one thing that is current, and moving it. */
#ifndef TANDEM_EPOCH_H
#define TANDEM_EPOCH_H

#include <tandem/home.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tdm_service_info {
    char name[65];
    char release[65];
    char table[16];        /* "" when it has none */
    uint64_t since_epoch;  /* the epoch that brought this */
    uint64_t rows, rows_in; /* of the table: scored, and in its population */
    int64_t created_us;    /* when it was published */
    int64_t as_of_us;      /* of the table */
    int64_t age_us;        /* now - as-of */
    int64_t ttl_us, last_good_us; /* 0: none promised */
    bool stale, expired;   /* older than ttl; older than last_good */
    char promise_p99[32], promise_freshness[32], promise_ready_by[48],
        promise_coverage[16]; /* as written; "" when not */
    char error[192];       /* why the release or the table could not be read; "" when they could */
} tdm_service_info;

typedef struct tdm_epoch tdm_epoch;
/* The current epoch with its services. A home without one gives number 0 and no services. TDM_CORRUPT. */
TDM_API tdm_status tdm_epoch_current(tdm_home *home, tdm_epoch **out, tdm_error *err);
TDM_API uint64_t tdm_epoch_number(const tdm_epoch *epoch);
TDM_API int64_t tdm_epoch_since_us(const tdm_epoch *epoch);
TDM_API const char *tdm_epoch_cause(const tdm_epoch *epoch); /* "promote", "rollback" */
TDM_API size_t tdm_epoch_services(const tdm_epoch *epoch);
TDM_API const tdm_service_info *tdm_epoch_service(const tdm_epoch *epoch, size_t i);
TDM_API void tdm_epoch_close(tdm_epoch **epoch);

#define TDM_EXPECT_NONE UINT64_MAX
/* Stages the release and a table of it (NULL: its newest; none is allowed when it has no table) - every digest, every
 * schema, golden rows to the bit - and flips. `expect` is the number that must be current (else TDM_MOVED); 0: any;
 * TDM_EXPECT_NONE: nothing may be current yet. *epoch is the new number. Promoting what is current already changes
 * nothing and gives the current number. Errors: TDM_NOT_FOUND, TDM_MISMATCH, TDM_CORRUPT, TDM_DIFFERS (golden),
 * TDM_BUSY. */
TDM_API tdm_status tdm_promote(tdm_home *home, const char *release, const char *table, uint64_t expect,
                               const tdm_progress_fn progress, void *self, uint64_t *epoch, tdm_error *err);
/* Makes a new epoch with what the service had before. NULL: the service that the current epoch changed. TDM_REFUSED
 * when there is nothing before. When the current epoch
 * itself is damaged, the newest whole one becomes current again instead, whatever the service. */
TDM_API tdm_status tdm_rollback(tdm_home *home, const char *service, uint64_t *epoch, tdm_error *err);

#ifdef __cplusplus
}
#endif
#endif
