/* Asking a server that runs what it serves and measures; and telling what is current when there is none.
 *
 * The server's page is read as it would be by anybody: what is not there is empty or 0. */
#include <stdio.h>
#include <string.h>
#include <tandem/serve.h>
#include "base/fail.h"
#include "base/memory.h"
#include "engine/cutover.h"
#include "server/admin_ask.h"
#include "state/document.h"

enum { PAGE_MS_MAX = 5000 }; /* people wait for it */

struct tdm_live {
    tdm_live_info info;
    json_t *page;
};

/* The page of the server that holds the home. TDM_NOT_FOUND: none does. */
static tdm_status ask_status(const tdm_home *home, tdm__buf *out, tdm_error *err)
{
    tdm__socket socket;
    if (!tdm__admin_reach(home, &socket))
        return tdm__fail(err, TDM_NOT_FOUND, tdm_home_dir(home), "no server holds the home");
    return tdm__admin_get(&socket, "status", PAGE_MS_MAX, out, err);
}

tdm_status tdm_server_top(tdm_home *home, tdm_text *out, tdm_error *err)
{
    tdm__buf page = {0};
    tdm__socket socket;
    if (!tdm__admin_reach(home, &socket)) {
        tdm_status none = tdm__fail(err, TDM_REFUSED, tdm_home_dir(home), "no server runs in the home");
        tdm__fail_hint(err, "'tandem serve' starts one");
        return none;
    }
    tdm_status s = tdm__admin_get(&socket, "top", PAGE_MS_MAX, &page, err);
    if (!s)
        tdm_text_addn(out, page.ptr, page.len);
    tdm__buf_free(&page);
    return !s && out->failed ? tdm__no_memory(err, "top") : s;
}

static tdm_status tell_home(tdm_home *home, tdm_text *out, tdm_error *err)
{
    tdm_epoch *epoch;
    tdm_json j = {.out = out};
    tdm_status s = tdm_epoch_current(home, &epoch, err);
    if (s)
        return s;
    tdm_json_begin(&j, NULL, '{');
    tdm__epoch_json(home, epoch, NULL, &j);
    tdm_json_end(&j, '}');
    tdm_epoch_close(&epoch);
    return out->failed ? tdm__no_memory(err, "status") : TDM_OK;
}

/* A server that does not answer is no reason to tell nothing. */
tdm_status tdm_status_json(tdm_home *home, tdm_text *out, tdm_error *err)
{
    tdm__buf page = {0};
    json_t *root = NULL;
    bool live = !ask_status(home, &page, NULL) && !tdm__document_parse(tdm__strn(page.ptr, page.len), "status", &root, NULL);
    size_t n = page.len;
    while (live && n && page.ptr[n - 1] == '\n')
        n--;
    if (live)
        tdm_text_addn(out, page.ptr, n);
    json_decref(root);
    tdm__buf_free(&page);
    if (!live)
        return tell_home(home, out, err);
    return out->failed ? tdm__no_memory(err, "status") : TDM_OK;
}

static void copy_text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    snprintf(out, size, "%s", text ? text : "");
}

static uint64_t count(const json_t *object, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(object, name));
    return v > 0 ? (uint64_t)v : 0;
}

static void describe(tdm_live *live)
{
    tdm_live_info *info = &live->info;
    const json_t *server = json_object_get(live->page, "server");
    copy_text(server, "version", info->version, sizeof info->version);
    copy_text(server, "listening", info->address, sizeof info->address);
    info->pid = (int64_t)count(server, "pid");
    info->uptime_s = json_number_value(json_object_get(server, "uptime_s"));
    info->threads = (unsigned)count(server, "threads");
    info->ready = json_is_true(json_object_get(server, "ready"));
    info->draining = json_is_true(json_object_get(server, "draining"));
    info->connections = count(server, "connections");
    info->requests = count(server, "requests");
    info->errors = count(server, "errors");
}

tdm_status tdm_live_open(tdm_home *home, tdm_live **out, tdm_error *err)
{
    tdm__buf text = {0};
    *out = NULL;
    tdm_live *live = tdm__new(tdm_live);
    if (!live)
        return tdm__no_memory(err, "server");
    tdm_status s = ask_status(home, &text, err);
    if (!s)
        s = tdm__document_parse(tdm__strn(text.ptr, text.len), "the server's answer", &live->page, err);
    tdm__buf_free(&text);
    if (s) {
        tdm_live_close(&live);
        return s;
    }
    describe(live);
    *out = live;
    return TDM_OK;
}

void tdm_live_close(tdm_live **live)
{
    if (!live || !*live)
        return;
    json_decref((*live)->page);
    tdm__free(*live);
    *live = NULL;
}

const tdm_live_info *tdm_live_describe(const tdm_live *live)
{
    return &live->info;
}

const char *tdm_live_measured(const tdm_live *live, const char *service, const char *promise)
{
    const json_t *list = json_object_get(live->page, "services");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(v, "service"));
        if (name && !strcmp(name, service))
            return json_string_value(json_object_get(json_object_get(json_object_get(v, "promises"), promise), "measured"));
    }
    return NULL;
}
