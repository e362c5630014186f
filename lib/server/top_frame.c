/* One screen of `tandem top`: two answers of tdm__top_json, read back, subtracted, drawn.
 *
 * What is drawn is the interval between the two, so quantiles are those of the last second and not of the week. The
 * input is a text from outside like any other: bounded, checked, and its names are stripped of control bytes before
 * they reach a terminal. No floats and no locale: everything is drawn from whole numbers. */
#include "server/top_frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fail.h"
#include "base/memory.h"

enum { COLUMNS_MIN = 40, COLUMNS_MAX = 500, CHART_ROWS = 4, CHART_COLUMNS = 64, NAME_COLUMNS = 24 };

typedef struct frame {
    const tdm_top_look *look;
    tdm__top *now;           /* its counters and histograms are those of the interval */
    uint64_t elapsed_us;
    bool from_start;         /* there is no earlier answer of this server */
    unsigned columns, width; /* of the screen; so far in this line */
    unsigned lines;
    tdm__buf out;
} frame;

/* ---- lines ---- */

static bool full(const frame *f)
{
    return f->look->rows && f->lines >= f->look->rows;
}

/* As much as the line has room for; what would move the cursor becomes '?'. */
static void put(frame *f, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p && !full(f); p++) {
        bool begins = (*p & 0xc0) != 0x80;
        if (begins && f->width == f->columns)
            return;
        f->width += begins;
        tdm__buf_char(&f->out, *p < 0x20 || *p == 0x7f ? '?' : (char)*p);
    }
}

static void paint(frame *f, const char *code)
{
    if (f->look->colours && !full(f))
        tdm__buf_text(&f->out, code);
}

static void pad(frame *f, size_t n)
{
    while (n--)
        put(f, " ");
}

static size_t letters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void left(frame *f, const char *text, size_t width)
{
    size_t n = letters(text);
    put(f, text);
    pad(f, n < width ? width - n : 0);
}

static void right(frame *f, const char *text, size_t width)
{
    size_t n = letters(text);
    pad(f, n < width ? width - n : 0);
    put(f, text);
}

static void end_line(frame *f)
{
    if (full(f))
        return;
    bool last = f->look->rows && f->lines + 1 == f->look->rows; /* an end of line there would scroll the screen */
    while (f->out.len && f->out.ptr[f->out.len - 1] == ' ')
        f->out.len--;
    if (f->look->live)
        tdm__buf_text(&f->out, last ? "\033[K" : "\033[K\r\n");
    else
        tdm__buf_char(&f->out, '\n');
    f->width = 0;
    f->lines++;
}

/* ---- numbers ---- */

typedef char number[32];

/* Three digits with a unit: value/1000^k, for a value in thousandths of the first unit. */
static const char *scaled(uint64_t v, const char *const *unit, size_t units, number out)
{
    size_t u = 0;
    uint64_t whole = v, rest = 0; /* rest: thousandths */
    for (; whole >= 1000 && u + 1 < units; u++) {
        rest = whole % 1000;
        whole /= 1000;
    }
    if (u == 0 || whole >= 100)
        snprintf(out, sizeof(number), "%" PRIu64 " %s", whole, unit[u]);
    else if (whole >= 10)
        snprintf(out, sizeof(number), "%" PRIu64 ".%u %s", whole, (unsigned)rest / 100, unit[u]);
    else
        snprintf(out, sizeof(number), "%" PRIu64 ".%02u %s", whole, (unsigned)rest / 10, unit[u]);
    return out;
}

static const char *duration(uint64_t ns, number out)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    return scaled(ns, units, 4, out);
}

static const char *bytes(uint64_t n, number out)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    return scaled(n, units, 6, out);
}

static const char *whole(uint64_t n, number out)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

/* n of the interval as so many a second, times `scale`; what no server reaches is cut. */
static uint64_t a_second(const frame *f, uint64_t n, uint64_t scale)
{
    double v = (double)n * (double)scale * 1e6 / (double)f->elapsed_us + 0.5;
    return v < 1e18 ? (uint64_t)v : UINT64_C(1000000000000000000);
}

static const char *rate(const frame *f, uint64_t n, number out)
{
    uint64_t tenths = a_second(f, n, 10);
    if (tenths >= 1000 || tenths % 10 == 0)
        return whole((tenths + 5) / 10, out);
    snprintf(out, sizeof(number), "%" PRIu64 ".%u", tenths / 10, (unsigned)(tenths % 10));
    return out;
}

static const char *age(uint64_t s, number out)
{
    if (s < 120)
        snprintf(out, sizeof(number), "%" PRIu64 " s", s);
    else if (s < 7200)
        snprintf(out, sizeof(number), "%" PRIu64 " min", s / 60);
    else if (s < 172800)
        snprintf(out, sizeof(number), "%" PRIu64 " h", s / 3600);
    else
        snprintf(out, sizeof(number), "%" PRIu64 " days", s / 86400);
    return out;
}

/* ---- parts of the screen ---- */

static void item(frame *f, const char *value, const char *what)
{
    put(f, f->width ? ", " : "");
    put(f, value);
    put(f, what);
}

static void head(frame *f)
{
    const tdm__top *t = f->now;
    number n;
    paint(f, "\033[1m");
    put(f, "tandem top");
    paint(f, "\033[0m");
    put(f, "  ");
    put(f, t->listening);
    put(f, "  up ");
    put(f, age(t->value[TDM__TOP_UPTIME_US] / 1000000, n));
    put(f, "  epoch ");
    put(f, whole(t->value[TDM__TOP_EPOCH], n));
    put(f, "  ");
    bool well = t->ready && !t->draining;
    paint(f, well ? "\033[32m" : "\033[31m");
    put(f, t->draining ? "draining" : t->ready ? "ready" : "not ready");
    paint(f, "\033[0m");
    end_line(f);
}

static void rates(frame *f)
{
    const tdm__top *t = f->now;
    number n;
    uint64_t tenths = f->elapsed_us / 100000;
    snprintf(n, sizeof n, "%" PRIu64 ".%u s: ", tenths / 10, (unsigned)(tenths % 10));
    put(f, f->from_start ? "since the start, " : "last ");
    put(f, n);
    put(f, rate(f, t->count[TDM__COUNT_REQUESTS], n));
    put(f, " requests/s");
    item(f, rate(f, t->count[TDM__COUNT_ROWS], n), " rows/s");
    uint64_t errors = 0;
    for (unsigned i = 0; i < TDM_STATUS_COUNT; i++)
        errors += t->error[i];
    put(f, ", ");
    paint(f, errors ? "\033[31m" : "");
    put(f, rate(f, errors, n));
    put(f, " errors/s");
    paint(f, errors ? "\033[0m" : "");
    item(f, bytes(a_second(f, t->count[TDM__COUNT_BYTES_IN], 1), n), "/s in");
    item(f, bytes(a_second(f, t->count[TDM__COUNT_BYTES_OUT], 1), n), "/s out");
    end_line(f);
}

static void state(frame *f)
{
    const tdm__top *t = f->now;
    number n;
    item(f, whole(t->value[TDM__TOP_CONNECTIONS], n), " connections");
    item(f, bytes(t->value[TDM__TOP_BUFFERED_BYTES], n), " buffered");
    item(f, whole(t->value[TDM__TOP_LARGE_DEPTH], n), " large");
    item(f, whole(a_second(f, t->value[TDM__TOP_CPU_US], 100) / 1000000, n), "% CPU");
    item(f, bytes(t->value[TDM__TOP_RESIDENT_BYTES], n), "");
    if (t->count[TDM__COUNT_LATE])
        item(f, whole(t->count[TDM__COUNT_LATE], n), " late");
    if (t->count[TDM__COUNT_TIMED_OUT])
        item(f, whole(t->count[TDM__COUNT_TIMED_OUT], n), " timed out");
    if (t->count[TDM__COUNT_LOG_DROPPED])
        item(f, whole(t->count[TDM__COUNT_LOG_DROPPED], n), " log lines dropped");
    end_line(f);
    end_line(f);
}

static void column_heads(frame *f, const char *first, size_t width, const char *const *name, size_t n)
{
    paint(f, "\033[2m");
    left(f, first, width);
    for (size_t i = 0; i < n; i++)
        right(f, name[i], 10);
    paint(f, "\033[0m");
    end_line(f);
}

static void quantile(frame *f, const tdm__histogram *h, double q)
{
    number n;
    right(f, h->count ? duration(tdm__histogram_quantile(h, q), n) : "-", 10);
}

static void stages(frame *f)
{
    static const char *const heads[] = {"requests", "p50", "p90", "p99", "p99.9", "max"};
    number n;
    column_heads(f, "stage", 10, heads, 6);
    for (unsigned i = 0; i < TDM__STAGE_COUNT; i++) {
        const tdm__histogram *h = &f->now->stage[i];
        left(f, tdm__stage_name((tdm__stage)i), 10);
        right(f, whole(h->count, n), 10);
        quantile(f, h, 0.5);
        quantile(f, h, 0.9);
        quantile(f, h, 0.99);
        quantile(f, h, 0.999);
        quantile(f, h, 1);
        end_line(f);
    }
    end_line(f);
}

/* How dense a bucket is on a scale of ratios: the buckets of an octave are equally wide, so they are not equal there. */
static double density(const tdm__histogram *h, unsigned i)
{
    double low = (double)tdm__histogram_low(i), next = (double)tdm__histogram_high(i) + 1;
    return (double)h->bucket[i] * (low + next) / (next - low);
}

/* Sums of neighbouring buckets, so that all that are not empty fit, from *first to *last. Returns how many. */
static unsigned chart_columns(const tdm__histogram *h, unsigned most, double sum[CHART_COLUMNS], unsigned *first,
                              unsigned *last)
{
    *first = TDM__HISTOGRAM_BUCKETS;
    *last = 0;
    for (unsigned i = 0; i < TDM__HISTOGRAM_BUCKETS; i++) {
        if (h->bucket[i]) {
            *first = i < *first ? i : *first;
            *last = i;
        }
    }
    if (*first > *last)
        return 0;
    unsigned span = *last - *first + 1, each = (span + most - 1) / most;
    memset(sum, 0, CHART_COLUMNS * sizeof *sum);
    for (unsigned i = *first; i <= *last; i++)
        sum[(i - *first) / each] += density(h, i);
    return (span + each - 1) / each;
}

/* The time of whole requests, low to high, on the histogram's own scale: 16 steps an octave. */
static void chart(frame *f)
{
    static const char *const block[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const tdm__histogram *h = &f->now->stage[TDM__STAGE_TOTAL];
    double sum[CHART_COLUMNS], highest = 0;
    unsigned first, last, most = f->columns - 2 < CHART_COLUMNS ? f->columns - 2 : CHART_COLUMNS;
    unsigned n = chart_columns(h, most, sum, &first, &last);
    if (!n)
        return;
    for (unsigned i = 0; i < n; i++)
        highest = sum[i] > highest ? sum[i] : highest;
    for (unsigned row = CHART_ROWS; row--;) {
        put(f, "  ");
        for (unsigned i = 0; i < n; i++) {
            unsigned level = (unsigned)(sum[i] / highest * (CHART_ROWS * 8));
            level = sum[i] > 0 && !level ? 1 : level;
            put(f, block[level <= row * 8 ? 0 : level - row * 8 < 8 ? level - row * 8 : 8]);
        }
        end_line(f);
    }
    number low, high;
    duration(tdm__histogram_low(first), low);
    uint64_t end = tdm__histogram_high(last);
    duration(end < h->max ? end : h->max, high);
    size_t used = strlen(low) + strlen(high);
    put(f, "  ");
    put(f, low);
    pad(f, used + 2 < n ? n - used : 2);
    put(f, high);
    end_line(f);
    end_line(f);
}

static void rungs(frame *f, const tdm__top_service *s)
{
    double all = 0;
    for (unsigned i = 0; i < TDM__RUNG_COUNT; i++)
        all += (double)s->rung[i];
    for (unsigned i = 0; i < TDM__RUNG_COUNT; i++) {
        if (!s->rung[i])
            continue;
        char text[64];
        unsigned share = (unsigned)((double)s->rung[i] * 1000 / all + 0.5);
        snprintf(text, sizeof text, "  %s %u.%u%%", tdm__rung_name((tdm__rung)i), share / 10, share % 10);
        put(f, text);
    }
}

static void service(frame *f, const tdm__top_service *s, size_t width)
{
    number n;
    bool broken = s->promise_us && s->h.count && tdm__histogram_quantile(&s->h, 0.99) > s->promise_us * 1000;
    left(f, s->name, width);
    right(f, rate(f, s->requests, n), 10);
    right(f, rate(f, s->rows, n), 10);
    paint(f, s->errors ? "\033[31m" : "");
    right(f, rate(f, s->errors, n), 10);
    paint(f, s->errors ? "\033[0m" : "");
    quantile(f, &s->h, 0.5);
    paint(f, broken ? "\033[31m" : "");
    quantile(f, &s->h, 0.99);
    paint(f, broken ? "\033[0m" : "");
    right(f, s->promise_us ? duration(s->promise_us * 1000, n) : "-", 10);
    if (s->failed)
        put(f, "  cannot be served");
    rungs(f, s);
    end_line(f);
}

/* The busiest first; equal ones by name. */
static bool before(const tdm__top_service *a, const tdm__top_service *b)
{
    return a->requests != b->requests ? a->requests > b->requests : strcmp(a->name, b->name) < 0;
}

static void services(frame *f)
{
    static const char *const heads[] = {"requests/s", "rows/s", "errors/s", "p50", "p99", "promised"};
    size_t n = f->now->n_services, width = 10;
    uint16_t order[TDM__TOP_SERVICES_MAX];
    for (size_t i = 0; i < n; i++) {
        const tdm__top_service *s = &f->now->service[i];
        size_t at = i;
        for (; at && before(s, &f->now->service[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = (uint16_t)i;
        size_t length = letters(s->name);
        width = length > width ? length : width;
    }
    width = width > NAME_COLUMNS ? NAME_COLUMNS : width;
    if (n)
        column_heads(f, "service", width, heads, 6);
    for (size_t i = 0; i < n && !full(f); i++)
        service(f, &f->now->service[order[i]], width);
}

static void errors(frame *f)
{
    number n;
    bool any = false;
    for (unsigned i = 0; i < TDM_STATUS_COUNT; i++) {
        if (!f->now->error[i])
            continue;
        if (!any)
            end_line(f);
        put(f, any ? ", " : "errors: ");
        put(f, whole(f->now->error[i], n));
        put(f, " ");
        put(f, tdm_status_name((tdm_status)i));
        any = true;
    }
    if (any)
        end_line(f);
}

/* ---- all of it ---- */

static void draw(frame *f)
{
    if (f->look->live)
        tdm__buf_text(&f->out, "\033[H");
    head(f);
    rates(f);
    state(f);
    stages(f);
    chart(f);
    services(f);
    errors(f);
    if (f->look->live)
        tdm__buf_text(&f->out, "\033[J");
}

tdm_status tdm_top_frame(tdm_str before_text, tdm_str now_text, const tdm_top_look *look, tdm_text *out, tdm_error *err)
{
    tdm__top *now = NULL, *earlier = NULL;
    tdm_status s = tdm__top_read(now_text, &now, err);
    if (!s && before_text.len)
        s = tdm__top_read(before_text, &earlier, err);
    if (s)
        goto read;
    frame f = {.look = look, .now = now, .columns = look->columns};
    f.columns = f.columns < COLUMNS_MIN ? COLUMNS_MIN : f.columns > COLUMNS_MAX ? COLUMNS_MAX : f.columns;
    f.from_start = !earlier || !tdm__top_same_server(earlier, now);
    f.elapsed_us = now->value[TDM__TOP_UPTIME_US];
    if (!f.from_start)
        f.elapsed_us = tdm__top_subtract(now, earlier);
    f.elapsed_us += f.elapsed_us == 0;
    draw(&f);
    s = tdm__buf_check(&f.out, err);
    if (!s)
        tdm_text_addn(out, f.out.ptr, f.out.len);
    if (!s && out->failed)
        s = tdm__no_memory(err, "top");
    tdm__buf_free(&f.out);
read:
    tdm__top_close(&earlier);
    tdm__top_close(&now);
    return s;
}
