/* The program: finds the command, runs it, prints its error, chooses the exit code.
 *
 * It knows the public API only, so whatever it can do an embedding program can do. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "print.h"

static int finish(context *c, tdm_status s, const tdm_error *err)
{
    bool many = c->diagnostics && tdm_diagnostics_count(c->diagnostics);
    if (s && c->json && !c->told) {
        tdm_text out = {0};
        tdm_json j = {.out = &out};
        tdm_error ignored;
        tdm_json_begin(&j, NULL, '{');
        tdm_json_error(&j, "error", err);
        if (many) {
            tdm_json_begin(&j, "errors", '[');
            for (size_t i = 0; i < tdm_diagnostics_count(c->diagnostics); i++)
                tdm_json_error(&j, NULL, tdm_diagnostics_error(c->diagnostics, i));
            tdm_json_end(&j, ']');
        }
        tdm_json_end(&j, '}');
        tdm_text_add(&out, "\n");
        print_text(&out, &ignored);
    }
    if (s && many)
        print_diagnostics(c->diagnostics);
    else if (s)
        print_error(err);
    tdm_diagnostics_close(&c->diagnostics);
    tdm_home_close(&c->home);
    return tdm_status_exit(s);
}

/* --home and --json before the command. Returns the index of the command's word, or a negative number on an error. */
static int global_options(context *c, int argc, char **argv, tdm_error *err)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (!strcmp(argv[i], "--json"))
            c->json = true;
        else if (!strncmp(argv[i], "--home=", 7))
            c->home_dir = argv[i] + 7;
        else if (!strcmp(argv[i], "--home") && i + 1 < argc)
            c->home_dir = argv[++i];
        else
            return usage_error(err, argv[i],
                               strcmp(argv[i], "--home") ? "there is no such option before a command"
                                                         : "the option needs a folder"),
                   -1;
    }
    return i;
}

static int overview(void)
{
    tdm_text out = {0};
    tdm_error err;
    print_overview(&out);
    return tdm_status_exit(print_text(&out, &err));
}

static bool asks_for_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

int main(int argc, char **argv)
{
    static context c;
    tdm_error err = {0};
    const char *home = getenv("TANDEM_HOME");
    bool help = false;
    int used;
    c.home_dir = home && *home ? home : "tandem-home";
    if (argc > 1 && (asks_for_help(argv[1])))
        return overview();
    if (argc > 1 && !strcmp(argv[1], "--version"))
        argv[1] = (char *)"version";
    int at = global_options(&c, argc, argv, &err);
    if (at < 0)
        return finish(&c, TDM_USAGE, &err);
    if (at >= argc) {
        overview();
        return tdm_status_exit(TDM_USAGE);
    }
    if (asks_for_help(argv[at]))
        return overview();
    c.command = find_command(argc - at, argv + at, &used, &err);
    if (!c.command)
        return finish(&c, TDM_USAGE, &err);
    tdm_status s = parse_arguments(&c, argc - at - used + 1, argv + at + used - 1, &help, &err);
    if (s)
        return finish(&c, s, &err);
    if (help) {
        tdm_text out = {0};
        print_help(c.command, &out);
        return tdm_status_exit(print_text(&out, &err));
    }
    c.diagnostics = tdm_diagnostics_new();
    return finish(&c, c.command->run(&c, &err), &err);
}
