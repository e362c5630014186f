/* The server's settings, all of them out of one table (tandem/serve.h). */
#include <inttypes.h>
#include <tandem/serve.h>
#include "base/fail.h"
#include "base/text.h"

typedef struct setting {
    const char *name;
    size_t offset; /* in tdm_server_settings */
    uint64_t value, low, high;
} setting;

static const setting SETTINGS[] = {
#define ROW(name, value, low, high, text) {#name, offsetof(tdm_server_settings, name), value, low, high},
    TDM_SERVER_SETTINGS(ROW)
#undef ROW
};
enum { N_SETTINGS = sizeof SETTINGS / sizeof *SETTINGS };

static uint64_t *member(tdm_server_settings *settings, const setting *row)
{
    return (uint64_t *)((char *)settings + row->offset);
}

void tdm_server_settings_default(tdm_server_settings *settings)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        *member(settings, &SETTINGS[i]) = SETTINGS[i].value;
}

static tdm_status unknown(tdm_str name, tdm_error *err)
{
    const char *names[N_SETTINGS];
    for (size_t i = 0; i < N_SETTINGS; i++)
        names[i] = SETTINGS[i].name;
    tdm_status s = tdm__fail(err, TDM_BAD_INPUT, NULL, "there is no such setting of the server");
    tdm__fail_where(err, "%.*s", (int)(name.len < 64 ? name.len : 64), name.len ? name.ptr : "");
    const char *near = tdm__nearest(name, names, N_SETTINGS);
    if (near)
        tdm__fail_hint(err, "did you mean '%s'?", near);
    return s;
}

/* Digits alone: no sign, no space, no fraction. */
static bool read_whole(tdm_str text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - '0';
        if (digit > 9 || *out > (UINT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return text.len != 0;
}

tdm_status tdm_server_settings_set(tdm_server_settings *settings, tdm_str name, tdm_str value, tdm_error *err)
{
    uint64_t number;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const setting *row = &SETTINGS[i];
        if (!tdm__str_is(name, row->name))
            continue;
        if (read_whole(value, &number) && number >= row->low && number <= row->high) {
            *member(settings, row) = number;
            return TDM_OK;
        }
        tdm_status s = tdm__fail(err, TDM_BAD_INPUT, row->name, "the setting cannot have this value");
        tdm__fail_expected(err, "a whole number from %" PRIu64 " to %" PRIu64, row->low, row->high);
        tdm__fail_found_text(err, value);
        return s;
    }
    return unknown(name, err);
}
