/* From a path to its handler: the table of routes, walked segment by segment.
 *
 * The table is small and its literals differ early, so a walk costs less than a cleverer structure would. */
#include <string.h>
#include "base/fail.h"
#include "server/server_impl.h"

#define ROUTE(method, path, name, text) {TDM__HTTP_##method, path, text, tdm__route_##name},
const tdm__route tdm__routes[] = {TDM__ROUTES(ROUTE)};
#undef ROUTE
const size_t tdm__n_routes = sizeof tdm__routes / sizeof *tdm__routes;

_Static_assert(sizeof tdm__routes / sizeof *tdm__routes <= sizeof((tdm__meters *)0)->route / sizeof(uint64_t),
               "meters.h has too few places for routes");

enum { ARGUMENTS_MAX = sizeof((tdm__exchange *)0)->argument / sizeof(tdm_str) };

/* Whether the path fits the route's; arguments still encoded. A '/' at the end of a path is overlooked. */
static bool fits(const char *pattern, tdm_str path, tdm_str argument[ARGUMENTS_MAX])
{
    size_t n = 0;
    while (*pattern == '/') {
        const char *end = strchr(++pattern, '/');
        size_t len = end ? (size_t)(end - pattern) : strlen(pattern);
        tdm_str segment;
        if (len == 3 && !memcmp(pattern, "{*}", 3)) {
            if (path.len < 2)
                return false;
            argument[n] = tdm__strn(path.ptr + 1, path.len - 1);
            return true;
        }
        if (!tdm__path_next(&path, &segment))
            return len == 0 && !end;
        if (len == 2 && !memcmp(pattern, "{}", 2)) {
            if (segment.len == 0)
                return false;
            argument[n++] = segment;
        } else if (segment.len != len || memcmp(segment.ptr, pattern, len) != 0) {
            return false;
        }
        pattern += len;
    }
    return path.len == 0 || tdm__str_is(path, "/");
}

static bool decode_arguments(tdm__exchange *x, const tdm_str raw[ARGUMENTS_MAX], tdm_error *err)
{
    for (size_t i = 0; i < ARGUMENTS_MAX && raw[i].ptr; i++) {
        char *text = tdm__arena_alloc(&x->seat->texts, raw[i].len + 1);
        size_t n;
        if (!text) {
            tdm__no_memory(err, "path");
            return false;
        }
        if (!tdm__percent_decode(raw[i], text, raw[i].len + 1, &n) || !tdm__utf8_valid(tdm__strn(text, n))) {
            tdm__fail(err, TDM_HTTP_SYNTAX, "path", "this part of the path is not percent-encoded UTF-8");
            tdm__fail_found_text(err, raw[i]);
            return false;
        }
        x->argument[i] = tdm__strn(text, n);
    }
    return true;
}

/* The methods that the path has, as Allow's value; NULL when it is no route's. */
static const char *allowed_methods(tdm_str path)
{
    bool get = false, post = false;
    tdm_str argument[ARGUMENTS_MAX];
    for (size_t i = 0; i < tdm__n_routes; i++)
        if (fits(tdm__routes[i].path, path, argument)) {
            get |= tdm__routes[i].method == TDM__HTTP_GET;
            post |= tdm__routes[i].method == TDM__HTTP_POST;
        }
    return get && post ? "GET, HEAD, POST, OPTIONS" : get ? "GET, HEAD, OPTIONS" : post ? "POST, OPTIONS" : NULL;
}

/* 404, 405, or what OPTIONS asks for. */
static bool no_such_route(tdm__exchange *x)
{
    tdm_error err;
    tdm_str path = x->request->path;
    const char *allow = allowed_methods(path);
    if (!allow && x->request->method == TDM__HTTP_OPTIONS && tdm__str_is(path, "*"))
        allow = "GET, HEAD, POST, OPTIONS";
    if (!allow) {
        tdm__fail(&err, TDM_NOT_FOUND, "path", "there is no such route");
        tdm__fail_found_text(&err, path);
        tdm__fail_hint(&err, "GET / lists them");
        tdm__exchange_fail(x, &err);
        return true;
    }
    if (x->request->method == TDM__HTTP_OPTIONS) {
        x->status = 204;
        x->type = NULL;
    } else {
        tdm__fail(&err, TDM_HTTP_METHOD, "method", "%s", tdm_status_text(TDM_HTTP_METHOD));
        tdm__fail_expected(&err, "%s", allow);
        tdm__fail_found(&err, "%s", tdm__http_method_name(x->request->method));
        tdm__exchange_fail(x, &err);
    }
    tdm__buf_printf(x->fields, "Allow: %s\r\n", allow);
    return true;
}

static bool method_fits(unsigned asked, unsigned has)
{
    return asked == has || (asked == TDM__HTTP_HEAD && has == TDM__HTTP_GET);
}

/* Sets x->route; false when there is none, or none with this method. */
static bool find_route(tdm__exchange *x, tdm_str raw[ARGUMENTS_MAX])
{
    for (size_t i = 0; i < tdm__n_routes; i++) {
        memset(raw, 0, ARGUMENTS_MAX * sizeof *raw);
        if (method_fits(x->request->method, tdm__routes[i].method) && fits(tdm__routes[i].path, x->request->path, raw)) {
            x->route = (unsigned)i;
            return true;
        }
    }
    return false;
}

bool tdm__dispatch(tdm__exchange *x)
{
    tdm_str raw[ARGUMENTS_MAX];
    tdm_error err;
    if (!find_route(x, raw))
        return no_such_route(x);
    if (decode_arguments(x, raw, &err))
        return tdm__routes[x->route].handler(x);
    tdm__exchange_fail(x, &err);
    return true;
}

bool tdm__dispatch_refuses(tdm__exchange *x)
{
    tdm_str raw[ARGUMENTS_MAX];
    return !find_route(x, raw) && no_such_route(x);
}
