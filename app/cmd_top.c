/* top: what a server does now, drawn anew each second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tandem/serve.h>

#include "command.h"
#include "print.h"

static const char ENTER[] = "\033[?1049h\033[?25l"; /* the other screen, no cursor */
static const char LEAVE[] = "\033[?25h\033[?1049l";

static tdm_status read_interval(const context *c, double *seconds, tdm_error *err)
{
    const char *text = option_value(c, "interval");
    *seconds = 1;
    if (!text || (tdm_f64_read((tdm_str){text, strlen(text)}, seconds) && *seconds >= 0.1 && *seconds <= 3600))
        return TDM_OK;
    tdm_status s = usage_error(err, "--interval", "this is not a number of seconds");
    snprintf(err->expected, sizeof err->expected, "0.1 to 3600");
    snprintf(err->found, sizeof err->found, "\"%.80s\"", text);
    return s;
}

static tdm_str view(const tdm_text *text)
{
    return (tdm_str){text->ptr, text->len};
}

static bool wants_colours(void)
{
    const char *no = getenv("NO_COLOR");
    return !(no && *no);
}

/* True when the user wants no more. */
static bool quits(double seconds)
{
    double until = tdm_seconds() + seconds;
    for (int key; (key = tdm_terminal_key(until - tdm_seconds())) >= 0;)
        if (key == 'q' || key == 'Q')
            return true;
    return tdm_interrupted();
}

/* One frame of one interval, as plain text. */
static tdm_status one_frame(context *c, double seconds, tdm_error *err)
{
    const unsigned columns = tdm_terminal_columns(1);
    const tdm_top_look look = {.columns = columns ? columns : 100};
    tdm_text before = {0}, now = {0}, out = {0};
    tdm_status s = tdm_server_top(c->home, &before, err);
    if (!s && !quits(seconds)) {
        s = tdm_server_top(c->home, &now, err);
        if (!s)
            s = tdm_top_frame(view(&before), view(&now), &look, &out, err);
        if (!s)
            s = print_text(&out, err);
    }
    tdm_text_free(&before);
    tdm_text_free(&now);
    tdm_text_free(&out);
    return s;
}

/* The server's own words, a line each. */
static tdm_status json_lines(context *c, double seconds, bool once, tdm_error *err)
{
    tdm_status s;
    do {
        tdm_text line = {0};
        s = tdm_server_top(c->home, &line, err);
        tdm_text_add(&line, "\n");
        c->told = !s;
        if (!s)
            s = print_text(&line, err);
        tdm_text_free(&line);
    } while (!s && !once && !quits(seconds));
    return s;
}

static tdm_status draw(const tdm_text *before, const tdm_text *now, tdm_error *err)
{
    tdm_text frame = {0};
    const tdm_top_look look = {tdm_terminal_columns(1), tdm_terminal_rows(1), wants_colours(), true};
    tdm_status s = tdm_top_frame(view(before), view(now), &look, &frame, err);
    if (!s)
        s = print_text(&frame, err);
    tdm_text_free(&frame);
    return s;
}

/* The screen and the keys come back however it ends. */
static tdm_status live(context *c, double seconds, tdm_error *err)
{
    tdm_text before = {0}, now = {0};
    tdm_error ignored;
    tdm_status s = tdm_server_top(c->home, &now, err);
    if (s)
        return s;
    tdm_interrupted();
    tdm_terminal_keys(true);
    tdm_write(1, ENTER, sizeof ENTER - 1, &ignored);
    while (!(s = draw(&before, &now, err)) && !quits(seconds)) {
        tdm_text_free(&before);
        before = now;
        now = (tdm_text){0};
        if ((s = tdm_server_top(c->home, &now, err)) != TDM_OK)
            break;
    }
    tdm_write(1, LEAVE, sizeof LEAVE - 1, &ignored);
    tdm_terminal_keys(false);
    tdm_text_free(&before);
    tdm_text_free(&now);
    return s;
}

COMMAND(command_top)
{
    double seconds;
    bool once = option_given(c, "once");
    tdm_status s = read_interval(c, &seconds, err);
    if (!s)
        s = open_home(c, err);
    if (s)
        return s;
    if (c->json)
        return json_lines(c, seconds, once, err);
    return once || !tdm_terminal_columns(1) ? one_frame(c, seconds, err) : live(c, seconds, err);
}
