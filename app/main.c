/* The program: finds the command, runs it, prints its error, chooses the exit code.
 *
 * It knows the public API only, so whatever it can do an embedding program can do. */
#include <stdio.h>
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
        size_t order[DIAGNOSTICS_MAX], n = many ? diagnostics_order(c->diagnostics, order) : 0;
        tdm_json_begin(&j, NULL, '{');
        tdm_json_error(&j, "error", many ? tdm_diagnostics_error(c->diagnostics, order[0]) : err);
        if (many) {
            tdm_json_begin(&j, "errors", '[');
            for (size_t i = 0; i < n; i++)
                tdm_json_error(&j, NULL, tdm_diagnostics_error(c->diagnostics, order[i]));
            tdm_json_end(&j, ']');
        }
        tdm_json_end(&j, '}');
        tdm_text_add(&out, "\n");
        print_text(&out, &ignored);
    }
    bool unread = s == TDM_CANCELLED && !strcmp(err->where, "standard output"); /* `| head` has what it wanted */
    if (s && many)
        print_diagnostics(c->diagnostics);
    else if (s && !unread)
        print_error(err);
    tdm_diagnostics_close(&c->diagnostics);
    tdm_home_close(&c->home);
    return tdm_status_exit(s);
}

static tdm_status unknown_global(const char *word, tdm_error *err)
{
    static const char *const known[] = {"--home", "--json", "--help", "--version"};
    tdm_status s = usage_error(err, word, "there is no such option before a command");
    const char *near = tdm_nearest((tdm_str){word, strcspn(word, "=")}, known, sizeof known / sizeof *known);
    if (near)
        snprintf(err->hint, sizeof err->hint, "did you mean '%s'?", near);
    else
        snprintf(err->hint, sizeof err->hint,
                 "options of a command come behind it; 'tandem --help' lists the commands");
    return s;
}

static bool asks_for_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

void give_home(context *c, const char *dir)
{
    c->home_dir = dir;
    c->home_given = true;
}

/* What stands before the command. *at becomes the index of the command's word, or of a word that asks for help. */
static tdm_status global_options(context *c, int argc, char **argv, int *at, tdm_error *err)
{
    for (*at = 1; *at < argc && argv[*at][0] == '-' && !asks_for_help(argv[*at]); (*at)++) {
        char *word = argv[*at];
        if (!strcmp(word, "--version")) {
            argv[*at] = (char *)"version";
            break;
        }
        if (!strcmp(word, "--json"))
            c->json = true;
        else if (!strncmp(word, "--home=", 7))
            give_home(c, word + 7);
        else if (!strcmp(word, "--home") && *at + 1 < argc)
            give_home(c, argv[++*at]);
        else
            return strcmp(word, "--home") ? unknown_global(word, err)
                                          : usage_error(err, word, "the option needs a folder");
    }
    if (*at < argc)
        return TDM_OK;
    tdm_status s = usage_error(err, "tandem", "there is no command");
    snprintf(err->hint, sizeof err->hint, "'tandem --help' lists the commands");
    return s;
}

/* `tandem --help`, `tandem help [COMMAND]`, `tandem table --help`: whether one of them was asked for. */
static bool gave_help(int argc, char **argv, tdm_status *s, tdm_error *err)
{
    tdm_text out = {0};
    int used;
    bool first = asks_for_help(argv[0]);
    if (!first && (argc < 2 || !asks_for_help(argv[1]) || !strcmp(argv[1], "help")))
        return false;
    const char *word = !first ? argv[0] : argc > 1 ? argv[1] : NULL;
    const command_row *command = word ? find_command(argc - first, argv + first, &used, err) : NULL;
    if (command)
        print_help(command, &out);
    *s = command || print_overview(word, &out) ? print_text(&out, err) : err->status;
    tdm_text_free(&out);
    return true;
}

int main(int argc, char **argv)
{
    static context c;
    tdm_error err = {0};
    const char *home = getenv("TANDEM_HOME");
    bool help = false;
    int used, at;
    c.home_given = home && *home;
    c.home_dir = c.home_given ? home : "tandem-home";
    tdm_status s = global_options(&c, argc, argv, &at, &err);
    if (s || gave_help(argc - at, argv + at, &s, &err))
        return finish(&c, s, &err);
    c.command = find_command(argc - at, argv + at, &used, &err);
    if (!c.command)
        return finish(&c, err.status, &err);
    s = parse_arguments(&c, argc - at - used + 1, argv + at + used - 1, &help, &err);
    if (s)
        return finish(&c, s, &err);
    if (help) {
        tdm_text out = {0};
        print_help(c.command, &out);
        return finish(&c, print_text(&out, &err), &err);
    }
    c.diagnostics = tdm_diagnostics_new();
    return finish(&c, c.command->run(&c, &err), &err);
}
