/* serve: the server from its options to its end. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "print.h"

void print_settings(tdm_text *out)
{
    tdm_text_add(out, "\nsettings (--set NAME=VALUE)\n");
#define LINE(name, value, low, high, text) \
    text_printf(out, "  %-20s %s; default %llu, %llu to %llu\n", #name, text, value##ull, low##ull, high##ull);
    TDM_SERVER_SETTINGS(LINE)
#undef LINE
}

/* "NAME=VALUE" in two; false when there is no name or no '='. */
static bool split(const char *text, tdm_str *name, tdm_str *value)
{
    const char *equals = strchr(text, '=');
    *name = (tdm_str){text, equals ? (size_t)(equals - text) : 0};
    *value = (tdm_str){equals ? equals + 1 : "", equals ? strlen(equals + 1) : 0};
    return name->len != 0;
}

static tdm_status not_a_pair(const char *option, const char *text, const char *expected, tdm_error *err)
{
    tdm_status s = usage_error(err, option, "this is not a pair");
    snprintf(err->expected, sizeof err->expected, "%s", expected);
    snprintf(err->found, sizeof err->found, "\"%.80s\"", text);
    return s;
}

static tdm_status read_settings(const context *c, tdm_server_settings *out, tdm_error *err)
{
    int n;
    const char *const *given = option_values(c, "set", &n);
    tdm_server_settings_default(out);
    for (int i = 0; i < n; i++) {
        tdm_str name, value;
        if (!split(given[i], &name, &value))
            return not_a_pair("--set", given[i], "NAME=VALUE", err);
        if (tdm_server_settings_set(out, name, value, err)) {
            if (!err->hint[0])
                snprintf(err->hint, sizeof err->hint, "'tandem serve --help' lists the settings");
            return err->status = TDM_USAGE;
        }
    }
    return TDM_OK;
}

enum { MODELS_MAX = 256, NAME_MAX = 256 };
static struct {
    tdm_server_model row[MODELS_MAX];
    char name[MODELS_MAX][NAME_MAX];
} models;

static tdm_status read_models(const context *c, tdm_server_options *out, tdm_error *err)
{
    int n;
    const char *const *given = option_values(c, "model", &n);
    if (n > MODELS_MAX)
        return usage_error(err, "--model", "there are too many models");
    for (int i = 0; i < n; i++) {
        tdm_str name, file;
        if (!split(given[i], &name, &file) || !file.len || name.len >= NAME_MAX)
            return not_a_pair("--model", given[i], "NAME=FILE", err);
        memcpy(models.name[i], name.ptr, name.len);
        models.row[i] = (tdm_server_model){models.name[i], file.ptr};
    }
    out->model = models.row;
    out->n_models = (size_t)n;
    return TDM_OK;
}

static tdm_status tell_address(const context *c, const tdm_server *server, tdm_error *err)
{
    tdm_text out = {0};
    const char *admin = tdm_server_admin_address(server);
    if (c->json) {
        tdm_json j = {.out = &out};
        tdm_json_begin(&j, NULL, '{');
        tdm_json_text(&j, "listening", tdm_server_address(server));
        tdm_json_text(&j, "admin", admin[0] ? admin : NULL);
        tdm_json_end(&j, '}');
        tdm_text_add(&out, "\n");
    }
    tdm_status s = print_text(&out, err);
    if (admin[0])
        text_printf(&out, "commands on http://%s/admin/v1/\n", admin);
    text_printf(&out, "listening on http://%s\n", tdm_server_address(server));
    if (!s && out.ptr) /* scripts wait for this line: it is written whole, and last */
        s = tdm_write(2, out.ptr, out.len, err);
    tdm_text_free(&out);
    return s;
}

COMMAND(command_serve)
{
    tdm_server *server;
    uint64_t threads = 0;
    tdm_server_options options = {.listen = option_value(c, "listen"), .admin = option_value(c, "admin"),
                                  .access_log = option_value(c, "access-log")};
    tdm_status s = option_count(c, "threads", &threads, err);
    if (!s && threads > 256)
        s = usage_error(err, "--threads", "there can be at most 256 event loops");
    if (!s)
        s = read_settings(c, &options.settings, err);
    if (!s)
        s = read_models(c, &options, err);
    if (!s && (c->home_given || !options.n_models))
        s = open_home(c, err);
    if (s)
        return s;
    options.threads = (unsigned)threads;
    tdm_interrupted(); /* a signal that comes while it starts stops it as soon as it has */
    s = tdm_server_start(c->home, &options, &server, err);
    if (s)
        return s == TDM_BAD_INPUT && !strcmp(err->where, "address") ? (err->status = TDM_USAGE) : s;
    s = tell_address(c, server, err);
    if (!s)
        s = tdm_server_wait(server, err);
    tdm_server_close(&server);
    return s;
}
