/* Zone files from any bytes: a zone that is taken answers for every instant, and civil times lead back. */
#include <stdlib.h>
#include <string.h>

#include "schema/calendar.h"
#include "schema/instant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void check_instant(const tdm__zone *zone, int64_t second)
{
    tdm__civil c, again;
    int32_t offset = tdm__zone_offset(zone, second * 1000000);
    must(offset >= -89999 && offset <= 93599);
    tdm__civil_of(zone, second * 1000000, &c);
    must(c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= tdm__month_days(c.year, c.month) && c.hour < 24);
    int64_t back = tdm__civil_to_instant(zone, &c);
    must(back <= second * 1000000); /* the earlier one of an overlap */
    tdm__civil_of(zone, back, &again);
    must(memcmp(&c, &again, sizeof c) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdm__arena arena = {0};
    tdm__zone *zone = NULL;
    tdm_error err;
    tdm_status s = tdm__zone_parse("fuzz", data, size, &arena, &zone, &err);
    must(s == TDM_OK || s == TDM_CORRUPT || s == TDM_UNSUPPORTED);
    if (s == TDM_OK) {
        uint64_t mixed = size;
        for (int i = 0; i < 200; i++) {
            mixed = mixed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            check_instant(zone, (int64_t)(mixed >> 28) - (INT64_C(1) << 35)); /* about a thousand years around 1970 */
        }
        (void)tdm__zone_offset(zone, INT64_MIN);
        (void)tdm__zone_offset(zone, INT64_MAX);
    } else {
        must(err.what[0] != '\0');
    }
    tdm__arena_free(&arena);
    return 0;
}
