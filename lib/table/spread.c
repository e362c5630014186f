/* The spread of a prediction's values and how far two of them lie apart.
 *
 * PSI = sum over bins of (p - q) ln(p / q), p and q the shares now and before (Siddiqi, Credit Risk Scorecards, 2006,
 * there over deciles). Fixed bins are used so that spreads can be added and compared without the values. */
#include <math.h>
#include "base/exact.h"
#include "table/tables.h"

static double asinh_of(double x)
{
    double a = x < 0 ? -x : x;
    double l = a > 1e150 ? tdm__log(a) + 0.6931471805599453 : tdm__log(a + tdm__sqrt(a * a + 1));
    return x < 0 ? -l : l;
}

static unsigned bin_of(const tdm__spread *spread, double value)
{
    double low = spread->low, high = spread->high;
    if (!(isfinite(low) && isfinite(high) && high > low)) {
        value = asinh_of(value);
        low = -32;
        high = 32;
    }
    double at = (value - low) / (high - low) * TDM__SPREAD_BINS;
    if (!(at > 0))
        return 0;
    return at >= TDM__SPREAD_BINS - 1 ? TDM__SPREAD_BINS - 1 : (unsigned)at;
}

void tdm__spread_add(tdm__spread *spread, double value)
{
    spread->bin[bin_of(spread, value)]++;
    spread->sum += value;
    spread->n++;
}

double tdm__spread_psi(const tdm__spread *before, const tdm__spread *now)
{
    if (!before->n || !now->n || before->low != now->low || before->high != now->high)
        return NAN;
    double psi = 0;
    for (unsigned i = 0; i < TDM__SPREAD_BINS; i++) {
        double p = ((double)now->bin[i] + 0.5) / ((double)now->n + 0.5 * TDM__SPREAD_BINS);
        double q = ((double)before->bin[i] + 0.5) / ((double)before->n + 0.5 * TDM__SPREAD_BINS);
        psi += (p - q) * tdm__log(p / q);
    }
    return psi;
}
