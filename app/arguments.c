/* Arguments by the table: finding the command, its options, its help.
 *
 * getopt_long does the parsing; the table makes its option list. Errors say what was found and what is meant. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "print.h"

static const char *const GROUPS[] = {
    "",           "Models",  "Sources and data", "Releases", "Runs", "Prediction tables", "What is current",
    "One answer", "Serving",         "Program",
};

static size_t words_of(const char *name)
{
    return strchr(name, ' ') ? 2 : 1;
}

static bool begins(const command_row *row, const char *first_word)
{
    size_t first = strcspn(row->name, " ");
    return strlen(first_word) == first && !strncmp(first_word, row->name, first);
}

static bool matches(const command_row *row, int argc, char **argv)
{
    return begins(row, argv[0]) &&
           (words_of(row->name) == 1 || (argc > 1 && !strcmp(argv[1], strchr(row->name, ' ') + 1)));
}

/* The nearest command: by both words, else, where no command begins like this, by the first one. */
static void suggest(const char *typed, const char *first_word, bool first_known, tdm_error *err)
{
    const char *name[64];
    size_t n = 0;
    for (size_t i = 0; i < n_commands && n < 64; i++)
        name[n++] = commands[i].name;
    const char *near = tdm_nearest((tdm_str){typed, strlen(typed)}, name, n);
    if (!near && !first_known)
        near = tdm_nearest((tdm_str){first_word, strlen(first_word)}, name, n);
    if (near)
        snprintf(err->hint, sizeof err->hint, "did you mean '%s'?", near);
    else
        snprintf(err->hint, sizeof err->hint, "'tandem --help' lists the commands");
}

const command_row *find_command(int argc, char **argv, int *used, tdm_error *err)
{
    char typed[128];
    bool first_known = false, second = argc > 1 && argv[1][0] != '-';
    for (size_t i = 0; i < n_commands; i++) {
        if (matches(&commands[i], argc, argv)) {
            *used = (int)words_of(commands[i].name);
            return &commands[i];
        }
        first_known |= begins(&commands[i], argv[0]);
    }
    snprintf(typed, sizeof typed, "%.60s%s%.60s", argv[0], second ? " " : "", second ? argv[1] : "");
    if (first_known && !second)
        usage_error(err, argv[0], "the command lacks its second word");
    else
        usage_error(err, first_known ? typed : argv[0], "there is no such command");
    suggest(typed, argv[0], first_known, err);
    for (size_t i = 0, n = 0; first_known && i < n_commands && n < sizeof err->expected; i++)
        if (begins(&commands[i], argv[0]))
            n += (size_t)snprintf(err->expected + n, sizeof err->expected - n, "%s%s", n ? ", " : "", commands[i].name);
    return NULL;
}

static int option_index(const context *c, const char *name)
{
    for (size_t i = 0; i < c->command->n_options; i++)
        if (!strcmp(c->command->option[i].name, name))
            return (int)i;
    abort(); /* a programming error: the name is not in the command's table */
}

const char *const *option_values(const context *c, const char *name, int *n)
{
    int i = option_index(c, name);
    *n = c->n_values[i];
    return c->value[i];
}

const char *option_value(const context *c, const char *name)
{
    int i = option_index(c, name);
    return c->n_values[i] ? c->value[i][c->n_values[i] - 1] : NULL;
}

bool option_given(const context *c, const char *name)
{
    return option_value(c, name) != NULL;
}

tdm_status option_instant(const context *c, const char *name, bool *given, int64_t *us, tdm_error *err)
{
    const char *text = option_value(c, name);
    *given = text != NULL;
    if (!text || tdm_instant_read((tdm_str){text, strlen(text)}, us))
        return TDM_OK;
    char where[64];
    snprintf(where, sizeof where, "--%s", name);
    tdm_status s = usage_error(err, where, "this is not a time");
    snprintf(err->expected, sizeof err->expected, "RFC 3339 with a zone, such as 2013-06-14T02:00:00-04:00");
    snprintf(err->found, sizeof err->found, "\"%.80s\"", text);
    return s;
}

tdm_status option_count(const context *c, const char *name, uint64_t *out, tdm_error *err)
{
    const char *text = option_value(c, name);
    char *end;
    if (!text)
        return TDM_OK;
    *out = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && strlen(text) < 19)
        return TDM_OK;
    char where[64];
    snprintf(where, sizeof where, "--%s", name);
    tdm_status s = usage_error(err, where, "this is not a count");
    snprintf(err->found, sizeof err->found, "\"%.80s\"", text);
    return s;
}

static tdm_status keep_value(context *c, int i, const char *value, tdm_error *err)
{
    const option_row *row = &c->command->option[i];
    char where[64];
    snprintf(where, sizeof where, "--%s", row->name);
    if (c->n_values[i] && !row->many)
        return usage_error(err, where, "the option is given twice");
    if (c->n_values[i] == VALUES_MAX)
        return usage_error(err, where, "the option is given too often");
    c->value[i][c->n_values[i]++] = value ? value : "";
    return TDM_OK;
}

static tdm_status unknown_option(context *c, const char *found, tdm_error *err)
{
    const char *name[OPTIONS_MAX + 3];
    size_t n = 0, dashes = strspn(found, "-"), length = strcspn(found + dashes, "=");
    for (size_t i = 0; i < c->command->n_options; i++)
        name[n++] = c->command->option[i].name;
    name[n++] = "home";
    name[n++] = "json";
    name[n++] = "help";
    tdm_status s = usage_error(err, found, "the command has no such option");
    const char *near = tdm_nearest((tdm_str){found + dashes, length}, name, n);
    if (near)
        snprintf(err->hint, sizeof err->hint, "did you mean '--%s'?", near);
    else
        snprintf(err->hint, sizeof err->hint, "'tandem %s --help' lists them", c->command->name);
    return s;
}

static size_t make_long_options(const context *c, struct option *out)
{
    size_t n = 0;
    for (size_t i = 0; i < c->command->n_options; i++)
        out[n++] = (struct option){c->command->option[i].name,
                                   c->command->option[i].value ? required_argument : no_argument, NULL, 1000 + (int)i};
    out[n++] = (struct option){"home", required_argument, NULL, 'H'};
    out[n++] = (struct option){"json", no_argument, NULL, 'J'};
    out[n++] = (struct option){"help", no_argument, NULL, 'h'};
    out[n] = (struct option){0};
    return n;
}

static tdm_status check_count(const context *c, tdm_error *err)
{
    const command_row *row = c->command;
    if (c->n_arguments >= row->least && (row->most < 0 || c->n_arguments <= row->most))
        return TDM_OK;
    tdm_status s = usage_error(err, row->name,
                               c->n_arguments < row->least ? "an argument is missing" : "there are too many arguments");
    snprintf(err->expected, sizeof err->expected, "tandem %s%s%s", row->name, row->arguments[0] ? " " : "",
             row->arguments);
    if (c->n_arguments)
        snprintf(err->found, sizeof err->found, "%d argument%s", c->n_arguments, c->n_arguments == 1 ? "" : "s");
    snprintf(err->hint, sizeof err->hint, "'tandem %s --help' explains it", row->name);
    return s;
}

tdm_status parse_arguments(context *c, int argc, char **argv, bool *help, tdm_error *err)
{
    struct option options[OPTIONS_MAX + 4];
    make_long_options(c, options);
    optind = 0;
    opterr = 0;
    for (int at;;) {
        at = optind ? optind : 1;
        int found = getopt_long(argc, argv, ":h", options, NULL);
        if (found == -1)
            break;
        const char *word = argv[optind > 0 ? optind - 1 : at];
        tdm_status s = TDM_OK;
        if (found == 'h')
            *help = true;
        else if (found == 'H')
            give_home(c, optarg);
        else if (found == 'J')
            c->json = true;
        else if (found == ':')
            s = usage_error(err, word, "the option needs a value");
        else if (found == '?')
            s = unknown_option(c, word, err);
        else
            s = keep_value(c, found - 1000, optarg, err);
        if (s)
            return s;
    }
    c->argument = (const char *const *)(argv + optind);
    c->n_arguments = argc - optind;
    return *help ? TDM_OK : check_count(c, err);
}

bool print_overview(const char *first_word, tdm_text *out)
{
    bool any = false;
    int order = 0;
    if (!first_word)
        tdm_text_add(out, "Tandem: nightly scores and instant scores from one release.\n\n"
                          "usage: tandem [--home DIR] [--json] COMMAND ...\n");
    for (size_t i = 0; i < n_commands; i++) {
        if (first_word && !begins(&commands[i], first_word))
            continue;
        any = true;
        if (!first_word && commands[i].order != order) {
            order = commands[i].order;
            text_printf(out, "\n%s\n", GROUPS[order]);
        }
        text_printf(out, "  %-16s %s\n", commands[i].name, commands[i].text);
    }
    if (first_word) {
        tdm_text_add(out, any ? "\n'tandem COMMAND --help' explains one.\n" : "");
        return any;
    }
    tdm_text_add(
        out,
        "\n  --home DIR       where all state lives (else $TANDEM_HOME, else ./tandem-home)\n"
        "  --json           one JSON object, or JSON lines, on standard output\n\n"
        "'tandem COMMAND --help' explains one. Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 bad input,\n"
        "4 refused by state, 5 the system failed.\n");
    return true;
}

void print_help(const command_row *row, tdm_text *out)
{
    text_printf(out, "tandem %s: %s\n\nusage: tandem %s%s%s%s\n", row->name, row->text, row->name,
                row->arguments[0] ? " " : "", row->arguments, row->n_options ? " [options]" : "");
    if (row->more)
        text_printf(out, "\n%s\n", row->more);
    tdm_text_add(out, "\noptions\n");
    for (size_t i = 0; i < row->n_options; i++) {
        char name[48];
        snprintf(name, sizeof name, "--%s%s%s", row->option[i].name, row->option[i].value ? " " : "",
                 row->option[i].value ? row->option[i].value : "");
        text_printf(out, "  %-20s %s%s\n", name, row->option[i].text, row->option[i].many ? "; may be repeated" : "");
    }
    text_printf(out, "  %-20s %s\n  %-20s %s\n", "--home DIR", "where all state lives", "--json",
                "one JSON object, or JSON lines, on standard output");
    if (row->tables)
        row->tables(out);
    text_printf(out, "\nexample\n  %s\n", row->example);
}

tdm_status open_home(context *c, tdm_error *err)
{
    return c->home ? TDM_OK : tdm_home_open(c->home_dir, &c->home, err);
}
