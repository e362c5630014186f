/* The gates, one function each, in the order in which they are reported.
 *
 * Shares are compared as counts where that is exact; a table of nothing passes no gate of a share. */
#include "batch/gates.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include "base/fail.h"
#include "base/number.h"

static void percent(double share, char *out, size_t size)
{
    snprintf(out, size, "%.6g%%", share * 100);
}

/* A share for people: never rounded up to a whole that was not reached. */
static void share_of(uint64_t part, uint64_t whole, char *out, size_t size)
{
    double p = whole ? 100.0 * (double)part / (double)whole : 0;
    char number[32];
    snprintf(number, sizeof number, "%.4f", p);
    if (part < whole && p > 99.9999)
        snprintf(number, sizeof number, "99.9999");
    snprintf(out, size, "%s%% (%" PRIu64 " of %" PRIu64 ")", number, part, whole);
}

/* Whether n is at least, or at most, this share of `whole`. A percent like 7% has no exact double, so its product may
 * lie beside the whole number of rows that is meant; the slack is far below one row. */
static bool share_reached(uint64_t n, double share, uint64_t whole)
{
    double rows = share * (double)whole;
    return (double)n >= rows - rows * 1e-12;
}

static bool share_kept(uint64_t n, double share, uint64_t whole)
{
    double rows = share * (double)whole;
    return (double)n <= rows + rows * 1e-12;
}

/* Every gate that a release can have has a place. */
_Static_assert(TDM_GATES_MAX >= TDM__QUARANTINE_CODES_MAX + 7,
               "rows, coverage, quarantined, two rates, psi, golden, and codes");

static tdm_gate_result *add(tdm__gates *gates, const char *name)
{
    tdm_gate_result *g = &gates->gate[gates->n < TDM_GATES_MAX ? gates->n++ : TDM_GATES_MAX - 1];
    *g = (tdm_gate_result){.applied = true};
    snprintf(g->name, sizeof g->name, "%s", name);
    return g;
}

static void rows_gate(tdm__gates *gates, uint64_t least, const tdm__gate_facts *f)
{
    tdm_gate_result *g = add(gates, "rows");
    snprintf(g->limit, sizeof g->limit, "at least %" PRIu64, least);
    snprintf(g->measured, sizeof g->measured, "%" PRIu64, f->rows_scored);
    g->passed = f->rows_scored >= least;
}

static void coverage_gate(tdm__gates *gates, double least, const tdm__gate_facts *f)
{
    tdm_gate_result *g = add(gates, "coverage");
    char limit[20];
    percent(least, limit, sizeof limit);
    snprintf(g->limit, sizeof g->limit, "at least %s", limit);
    share_of(f->rows_scored, f->rows_in, g->measured, sizeof g->measured);
    g->passed = f->rows_in && share_reached(f->rows_scored, least, f->rows_in);
}

static void quarantined_gate(tdm__gates *gates, const tdm__package *p, const tdm__gate_facts *f)
{
    tdm_gate_result *g = add(gates, "quarantined");
    char limit[20];
    uint64_t most = tdm__quarantine_limit(p, f->rows_in);
    percent(p->manifest->batch.gates.quarantined, limit, sizeof limit);
    snprintf(g->limit, sizeof g->limit, "at most %s", limit);
    if (most == p->manifest->batch.quarantine_rows_max) /* the count is the tighter of the two */
        snprintf(g->limit, sizeof g->limit, "at most %" PRIu64 " row%s", most, most == 1 ? "" : "s");
    share_of(f->rows_quarantined, f->rows_in, g->measured, sizeof g->measured);
    g->passed = f->rows_quarantined <= most;
}

static void code_gates(tdm__gates *gates, const tdm__package *p, const tdm__gate_facts *f)
{
    for (size_t i = 0; i < p->manifest->batch.n_quarantine_codes; i++) {
        tdm_status code = p->manifest->batch.quarantine_code[i].code;
        tdm_gate_result *g = add(gates, tdm_status_name(code));
        snprintf(g->limit, sizeof g->limit, "at most %" PRIu64, p->manifest->batch.quarantine_code[i].rows_max);
        snprintf(g->measured, sizeof g->measured, "%" PRIu64, f->code[code]);
        g->passed = f->code[code] <= p->manifest->batch.quarantine_code[i].rows_max;
    }
}

/* The feature with the largest count against the limit. */
static void rate_gate(tdm__gates *gates, const char *name, double most, const uint64_t *count, const tdm__package *p,
                      const tdm__gate_facts *f)
{
    if (isnan(most))
        return;
    tdm_gate_result *g = add(gates, name);
    uint64_t worst = 0;
    char limit[20];
    percent(most, limit, sizeof limit);
    snprintf(g->limit, sizeof g->limit, "at most %s", limit);
    for (size_t i = 0; i < p->manifest->n_features; i++) {
        uint64_t n = count[p->feature_slot[i]];
        if (n < worst || (!n && i))
            continue;
        worst = n;
        tdm_str feature = p->manifest->feature[i].name;
        snprintf(g->why, sizeof g->why, "most in '%.*s'", (int)(feature.len < 64 ? feature.len : 64), feature.ptr);
    }
    share_of(worst, f->rows_in, g->measured, sizeof g->measured);
    g->passed = f->rows_in && share_kept(worst, most, f->rows_in);
}

static const tdm__spread *spread_of(const tdm_table *table, tdm_str prediction)
{
    for (size_t i = 0; i < table->info.n_predictions; i++)
        if (tdm__str_is(prediction, table->info.prediction[i]))
            return &table->spread[i];
    return NULL;
}

/* Whether there is a table to compare with. There is none on a first run, which says so; one that cannot be read fails
 * the gate. */
static bool has_previous(tdm_gate_result *g, const tdm__gate_facts *f)
{
    if (f->previous)
        return true;
    g->applied = f->previous_error != NULL;
    g->passed = !f->previous_error;
    if (f->previous_error)
        snprintf(g->why, sizeof g->why, "the table to compare with: %.66s", f->previous_error->what);
    else
        snprintf(g->why, sizeof g->why, "there is no earlier table to compare with");
    return false;
}

static void previous_rows_gate(tdm__gates *gates, double least, const tdm__gate_facts *f)
{
    if (isnan(least))
        return;
    tdm_gate_result *g = add(gates, "previous_rows");
    char limit[20];
    percent(least, limit, sizeof limit);
    snprintf(g->limit, sizeof g->limit, "at least %s", limit);
    if (!has_previous(g, f))
        return;
    snprintf(g->measured, sizeof g->measured, "%" PRIu64 " rows, %" PRIu64 " in %s", f->rows_scored,
             f->previous->info.rows, f->previous->info.name);
    g->passed = share_reached(f->rows_scored, least, f->previous->info.rows);
}

static void psi_gate(tdm__gates *gates, const tdm__package *p, const tdm__gate_facts *f)
{
    double most = p->manifest->batch.gates.psi, worst = 0;
    if (isnan(most))
        return;
    tdm_gate_result *g = add(gates, "psi");
    snprintf(g->limit, sizeof g->limit, "at most %.6g", most);
    if (!has_previous(g, f))
        return;
    g->passed = true;
    for (size_t i = 0; i < p->prediction.n; i++) {
        const tdm__spread *before = spread_of(f->previous, p->prediction.field[i].name);
        double psi = before ? tdm__spread_psi(before, &f->spread[i]) : NAN;
        if (isnan(psi)) {
            g->passed = false;
            snprintf(g->why, sizeof g->why, "table %s has no comparable spread of '%.*s'", f->previous->info.name,
                     (int)(p->prediction.field[i].name.len < 40 ? p->prediction.field[i].name.len : 40),
                     p->prediction.field[i].name.ptr);
            return;
        }
        worst = psi > worst ? psi : worst;
    }
    snprintf(g->measured, sizeof g->measured, "%.4f against %s", worst, f->previous->info.name);
    g->passed = worst <= most;
}

static void golden_gate(tdm__gates *gates, const tdm__package *p, tdm_status golden, const tdm_error *error)
{
    tdm_gate_result *g = add(gates, "golden");
    snprintf(g->limit, sizeof g->limit, "equal to the bit");
    g->passed = !golden;
    g->applied = p->n_golden > 0;
    if (golden)
        snprintf(g->why, sizeof g->why, "%.90s", error->what);
    else if (!p->n_golden)
        snprintf(g->why, sizeof g->why, "the release has no golden rows");
    else
        snprintf(g->measured, sizeof g->measured, "%zu rows", p->n_golden);
}

uint64_t tdm__quarantine_limit(const tdm__package *package, uint64_t rows_in)
{
    const tdm__manifest_batch *b = &package->manifest->batch;
    double share = b->gates.quarantined * (double)rows_in * (1 + 1e-12);
    uint64_t most = share < 1e18 ? (uint64_t)share : UINT64_MAX;
    return most < b->quarantine_rows_max ? most : b->quarantine_rows_max;
}

static tdm_status judge(const tdm__package *p, const tdm__gates *gates, tdm_error *err)
{
    const tdm_gate_result *first = NULL;
    bool other = false;
    for (size_t i = 0; i < gates->n; i++) {
        const tdm_gate_result *g = &gates->gate[i];
        if (g->passed)
            continue;
        first = first ? first : g;
        bool quarantine = tdm__str_is(tdm__str(g->name), "quarantined");
        for (size_t c = 0; c < p->manifest->batch.n_quarantine_codes; c++)
            quarantine |= tdm__str_is(tdm__str(g->name), tdm_status_name(p->manifest->batch.quarantine_code[c].code));
        other |= !quarantine;
    }
    if (!first)
        return TDM_OK;
    char where[48];
    snprintf(where, sizeof where, "gate '%s'", first->name);
    tdm_status s = other ? TDM_GATE_FAILED : TDM_QUARANTINE_FULL;
    tdm__fail(err, s, where, "%s; nothing was published", first->why[0] ? first->why : "the table does not pass it");
    tdm__fail_expected(err, "%s", first->limit);
    tdm__fail_found(err, "%s", first->measured);
    return s;
}

tdm_status tdm__gates_check(const tdm__package *package, const tdm__gate_facts *facts, tdm__gates *out, tdm_error *err)
{
    const tdm__manifest_batch *b = &package->manifest->batch;
    out->n = 0;
    rows_gate(out, b->gates.rows_min, facts);
    coverage_gate(out, b->gates.coverage, facts);
    quarantined_gate(out, package, facts);
    code_gates(out, package, facts);
    rate_gate(out, "null_rate", b->gates.null_rate, facts->nulls, package, facts);
    rate_gate(out, "default_rate", b->gates.default_rate, facts->defaults, package, facts);
    previous_rows_gate(out, b->gates.previous_rows, facts);
    psi_gate(out, package, facts);
    golden_gate(out, package, facts->golden, facts->golden_error);
    return judge(package, out, err);
}

tdm_status tdm__gates_golden(const tdm__package *package, tdm_status golden, const tdm_error *golden_error,
                             tdm__gates *out, tdm_error *err)
{
    out->n = 0;
    golden_gate(out, package, golden, golden_error);
    return judge(package, out, err);
}
