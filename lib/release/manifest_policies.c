/* The manifest's promise, online and batch sections: numbers with defaults, and names that must be known. */
#include <math.h>
#include <string.h>

#include "release/manifest_impl.h"
#include "schema/instant.h"

/* ---- promise ---- */

static bool two_digits(tdm_str text, size_t at, unsigned below, unsigned *out)
{
    unsigned tens = (unsigned char)text.ptr[at] - '0', ones = (unsigned char)text.ptr[at + 1] - '0';
    *out = tens * 10 + ones;
    return tens <= 9 && ones <= 9 && *out < below;
}

/* "06:00 America/New_York" */
static void read_ready_by(tdm__manifest_reader *r, tdm__place *map)
{
    tdm__manifest_promise *p = &r->m->promise;
    tdm__place *at = tdm__manifest_scalar(r, map, "ready_by");
    if (!at)
        return;
    unsigned hour, minute;
    tdm_str zone, text = tdm__str_trim(at->text), time = tdm__str_cut(text, ' ', &zone);
    zone = zone.ptr ? tdm__str_trim(zone) : tdm__str("UTC");
    if (time.len == 5 && time.ptr[2] == ':' && two_digits(time, 0, 24, &hour) && two_digits(time, 3, 60, &minute) &&
        tdm__zone_name_valid(zone)) {
        p->has_ready_by = true;
        p->ready_by_minute = (uint16_t)(hour * 60 + minute);
        p->ready_by_zone = zone;
        p->ready_by_place = at;
        return;
    }
    tdm__manifest_wrong(r, at, "'ready_by'", "a time of day", "HH:MM and a zone, as \"06:00 America/New_York\"");
}

static void read_promise(tdm__manifest_reader *r, tdm__place *map)
{
    r->m->promise.coverage = NAN;
    if (!map || !tdm__manifest_section(r, map, "promise", "the promise"))
        return;
    tdm__manifest_duration(r, map, "p99", &r->m->promise.p99_us);
    tdm__manifest_duration(r, map, "freshness", &r->m->promise.freshness_us);
    read_ready_by(r, map);
    tdm__manifest_percent(r, map, "coverage", &r->m->promise.coverage);
}

/* ---- online ---- */

static const char *const rung_names[] = { "fresh", "stale", "defaulted", "simple", "table", "prior" };

const char *tdm__rung_name(tdm__rung rung)
{
    return (unsigned)rung < TDM__RUNG_COUNT ? rung_names[rung] : "unknown";
}

/* "fresh" or {defaulted: 2} */
static void read_rung(tdm__manifest_reader *r, tdm__place *item)
{
    tdm__manifest_online *o = &r->m->online;
    tdm__place *name = item->kind == TDM__YAML_MAP && item->n == 1 ? item->key[0] : item;
    if (name->kind != TDM__YAML_SCALAR) {
        tdm__manifest_fault(r, item, "a rung is a name, or {defaulted: N}");
        return;
    }
    unsigned rung = 0;
    while (rung < TDM__RUNG_COUNT && !tdm__str_is(name->text, rung_names[rung]))
        rung++;
    if (rung == TDM__RUNG_COUNT) {
        tdm__manifest_not_among(r, name, "rung", rung_names, TDM__RUNG_COUNT);
        return;
    }
    for (size_t i = 0; i < o->n_rungs; i++)
        if (o->rung[i] == (tdm__rung)rung) {
            tdm__manifest_fault(r, name, "rung '%s' is named twice", rung_names[rung]);
            return;
        }
    if (rung == TDM__RUNG_SIMPLE && r->m->simple < 0)
        tdm__manifest_fault(r, name, "rung 'simple' needs a model named 'simple'");
    o->rung[o->n_rungs++] = (tdm__rung)rung;
    if (item->kind != TDM__YAML_MAP)
        return;
    uint64_t max = UINT32_MAX;
    if (rung == TDM__RUNG_DEFAULTED)
        tdm__manifest_count(r, item, "defaulted", TDM__FEATURES_MAX, &max);
    else
        tdm__manifest_fault(r, name, "only the rung 'defaulted' takes a number");
    o->defaulted_max = (uint32_t)max;
}

static tdm_status read_prior(tdm__manifest_reader *r, tdm__place *map)
{
    tdm__manifest *m = r->m;
    if (!map || map->kind != TDM__YAML_MAP || !m->n_predictions)
        return TDM_OK;
    const char **names = tdm__arena_array(r->arena, m->n_predictions, const char *);
    m->online.prior = tdm__arena_array(r->arena, m->n_predictions, double);
    if (!names || !m->online.prior)
        return TDM_NO_MEMORY;
    for (size_t p = 0; p < m->n_predictions; p++) {
        names[p] = m->prediction[p].name.ptr;
        m->online.prior[p] = NAN;
    }
    for (size_t i = 0; i < map->n; i++) {
        size_t p = 0;
        while (p < m->n_predictions && !tdm__str_is(map->key[i]->text, names[p]))
            p++;
        double value;
        if (p == m->n_predictions)
            tdm__manifest_not_among(r, map->key[i], "prediction", names, m->n_predictions);
        else if (tdm__manifest_number(r, map->item[i], names[p], &value)) {
            m->online.prior[p] = value;
            if (!(value >= m->prediction[p].lo && value <= m->prediction[p].hi))
                tdm__manifest_fault(r, map->item[i], "the prior of '%s' is outside its range", names[p]);
        }
    }
    for (size_t p = 0; p < m->n_predictions; p++)
        if (!tdm__yaml_get(map, names[p]))
            tdm__manifest_fault(r, map, "the prior lacks '%s'", names[p]);
    return TDM_OK;
}

static tdm_status read_online(tdm__manifest_reader *r, tdm__place *map)
{
    tdm__manifest_online *o = &r->m->online;
    *o = (tdm__manifest_online){ .deadline_us = 50000,
                                 .rung = { TDM__RUNG_FRESH, TDM__RUNG_STALE, TDM__RUNG_DEFAULTED },
                                 .n_rungs = 3,
                                 .defaulted_max = UINT32_MAX };
    if (!map || !tdm__manifest_section(r, map, "online", "the online section"))
        return TDM_OK;
    tdm__manifest_duration(r, map, "deadline", &o->deadline_us);
    tdm_status s = read_prior(r, tdm__yaml_get(map, "prior"));
    tdm__place *rungs = tdm__yaml_get(map, "rungs");
    if (s || !rungs || rungs->kind != TDM__YAML_LIST)
        return s;
    o->n_rungs = 0;
    for (size_t i = 0; i < rungs->n; i++) {
        read_rung(r, rungs->item[i]);
        if (o->n_rungs && o->rung[o->n_rungs - 1] == TDM__RUNG_PRIOR && !tdm__yaml_get(map, "prior")) {
            tdm__manifest_fault(r, rungs->item[i], "rung 'prior' needs 'prior', a constant for each prediction");
            break;
        }
    }
    if (!rungs->n)
        tdm__manifest_fault(r, rungs, "the list of rungs is empty");
    return TDM_OK;
}

/* ---- batch ---- */

static void read_gates(tdm__manifest_reader *r, tdm__place *map)
{
    tdm__manifest_batch *b = &r->m->batch;
    if (!map || !tdm__manifest_section(r, map, "batch.gates", "the gates"))
        return;
    tdm__manifest_percent(r, map, "coverage", &b->gates.coverage);
    tdm__manifest_percent(r, map, "quarantined", &b->gates.quarantined);
    tdm__manifest_percent(r, map, "null_rate", &b->gates.null_rate);
    tdm__manifest_percent(r, map, "previous_rows", &b->gates.previous_rows);
    tdm__manifest_percent(r, map, "default_rate", &b->gates.default_rate);
    tdm__manifest_count(r, map, "rows_min", INT64_MAX, &b->gates.rows_min);
    tdm__place *psi = tdm__manifest_scalar(r, map, "psi");
    if (psi && tdm__manifest_number(r, psi, "psi", &b->gates.psi) && b->gates.psi < 0)
        tdm__manifest_fault(r, psi, "'psi' may not be negative");
}

/* Codes of records: from TDM_CSV_QUOTE to TDM_PREDICTION_NAN, as include/tandem/status.h groups them. */
enum { FIRST_CODE = TDM_CSV_QUOTE, N_CODES = TDM_PREDICTION_NAN - TDM_CSV_QUOTE + 1 };

static void read_codes(tdm__manifest_reader *r, tdm__place *map)
{
    tdm__manifest_batch *b = &r->m->batch;
    const char *names[N_CODES];
    for (unsigned i = 0; i < N_CODES; i++)
        names[i] = tdm_status_name((tdm_status)(FIRST_CODE + i));
    for (size_t i = 0; map && map->kind == TDM__YAML_MAP && i < map->n; i++) {
        unsigned code = 0;
        while (code < N_CODES && !tdm__str_is(map->key[i]->text, names[code]))
            code++;
        if (code == N_CODES) {
            tdm__manifest_not_among(r, map->key[i], "error code of records", names, N_CODES);
            continue;
        }
        uint64_t max = 0;
        tdm__manifest_count(r, map, names[code], INT64_MAX, &max);
        if (b->n_quarantine_codes < TDM__QUARANTINE_CODES_MAX) {
            b->quarantine_code[b->n_quarantine_codes].code = (tdm_status)(FIRST_CODE + code);
            b->quarantine_code[b->n_quarantine_codes++].rows_max = max;
        }
    }
}

static void read_batch(tdm__manifest_reader *r, tdm__place *map)
{
    tdm__manifest_batch *b = &r->m->batch;
    *b = (tdm__manifest_batch){ .ttl_us = INT64_C(24) * 3600 * 1000000,
                                .last_good_us = INT64_C(72) * 3600 * 1000000,
                                .gates = { .coverage = 0.99,
                                           .quarantined = 0.01,
                                           .psi = NAN,
                                           .null_rate = NAN,
                                           .previous_rows = NAN,
                                           .default_rate = NAN,
                                           .rows_min = 1 },
                                .quarantine_rows_max = UINT64_MAX };
    if (!map || !tdm__manifest_section(r, map, "batch", "the batch section"))
        return;
    tdm__place *at = tdm__manifest_scalar(r, map, "population");
    if (at && tdm__manifest_name(r, at, "a source", &b->population))
        b->population_place = at;
    tdm__manifest_duration(r, map, "ttl", &b->ttl_us);
    if (!tdm__yaml_get(map, "last_good") && b->last_good_us < b->ttl_us)
        b->last_good_us = b->ttl_us;
    tdm__manifest_duration(r, map, "last_good", &b->last_good_us);
    if (b->last_good_us < b->ttl_us)
        tdm__manifest_fault(r, tdm__yaml_get(map, "last_good"), "'last_good' is shorter than 'ttl'");
    read_gates(r, tdm__yaml_get(map, "gates"));
    tdm__place *quarantine = tdm__yaml_get(map, "quarantine");
    if (!quarantine || !tdm__manifest_section(r, quarantine, "batch.quarantine", "the quarantine section"))
        return;
    tdm__manifest_count(r, quarantine, "rows_max", INT64_MAX, &b->quarantine_rows_max);
    read_codes(r, tdm__yaml_get(quarantine, "codes"));
}

tdm_status tdm__manifest_policies(tdm__manifest_reader *r, tdm__place *root)
{
    read_promise(r, tdm__yaml_get(root, "promise"));
    read_batch(r, tdm__yaml_get(root, "batch"));
    return read_online(r, tdm__yaml_get(root, "online"));
}
