/* Commands: one table row each, and what a command gets when it runs.
 *
 * The table (commands.c) makes the parser, `--help` and the docs. A command reads its arguments from the context,
 * prints data to standard output and messages to standard error, and returns a status; main.c prints the error and
 * chooses the exit code. */
#ifndef TANDEM_APP_COMMAND_H
#define TANDEM_APP_COMMAND_H

#include <tandem/tandem.h>

enum { OPTIONS_MAX = 12, VALUES_MAX = 4096 };

typedef struct option_row {
    const char *name;  /* "population" */
    const char *value; /* "FILE"; NULL: a switch */
    const char *text;
    bool many;         /* may be given several times */
} option_row;

typedef struct context context;
typedef struct command_row {
    const char *name;      /* "source add" */
    const char *arguments; /* "RELEASE", "SOURCE FILE..." */
    int least, most;       /* arguments; most -1: any number */
    const char *text;      /* one line */
    const char *more;      /* a paragraph, or NULL */
    const char *example;   /* lines */
    const option_row *option;
    size_t n_options;
    tdm_status (*run)(context *c, tdm_error *err);
    int order;             /* of the overview: where its group stands */
    void (*tables)(tdm_text *out); /* what else its help tells, behind the options; NULL: nothing */
} command_row;

struct context {
    const command_row *command;
    const char *home_dir;
    bool home_given;               /* by --home or TANDEM_HOME */
    bool json;
    const char *const *argument; /* in argv, which getopt has put in order */
    int n_arguments;
    const char *value[OPTIONS_MAX][VALUES_MAX]; /* of option i, in order; a switch has "" */
    int n_values[OPTIONS_MAX];
    tdm_home *home;                /* opened on first use */
    tdm_diagnostics *diagnostics;  /* what a manifest's check found; printed by main */
    bool told;                     /* with --json: the command has printed its object, the error with it */
};

extern const command_row commands[];
extern const size_t n_commands;

/* Parses argv[from..] for a command. TDM_USAGE. *help is set when help was asked for. */
tdm_status parse_arguments(context *c, int argc, char **argv, bool *help, tdm_error *err);
/* The row for argv[i] (and argv[i + 1]); *used is how many words it took. NULL with err filled. */
const command_row *find_command(int argc, char **argv, int *used, tdm_error *err);
/* All commands; with a first word ("table") those that begin with it, and whether there are any. */
bool print_overview(const char *first_word, tdm_text *out);
void print_help(const command_row *command, tdm_text *out);

/* The last value of an option, or NULL. The name must be in the command's table. */
const char *option_value(const context *c, const char *name);
/* All of them. */
const char *const *option_values(const context *c, const char *name, int *n);
bool option_given(const context *c, const char *name);
/* A time option; *given tells whether it was there. TDM_USAGE when it is not RFC 3339. */
tdm_status option_instant(const context *c, const char *name, bool *given, int64_t *us, tdm_error *err);
tdm_status option_count(const context *c, const char *name, uint64_t *out, tdm_error *err);
/* The home that the user names. */
void give_home(context *c, const char *dir);
/* The home of the context. */
tdm_status open_home(context *c, tdm_error *err);

/* Every setting of the server, for `serve --help`. */
void print_settings(tdm_text *out);

#define COMMAND(name) tdm_status name(context *c, tdm_error *err)
COMMAND(command_new);
COMMAND(command_model_check);
COMMAND(command_model_predict);
COMMAND(command_source_add);
COMMAND(command_source_list);
COMMAND(command_source_show);
COMMAND(command_load);
COMMAND(command_release_check);
COMMAND(command_release_pack);
COMMAND(command_release_list);
COMMAND(command_release_show);
COMMAND(command_run);
COMMAND(command_quarantine_show);
COMMAND(command_table_list);
COMMAND(command_table_show);
COMMAND(command_table_get);
COMMAND(command_table_export);
COMMAND(command_promote);
COMMAND(command_rollback);
COMMAND(command_status);
COMMAND(command_top);
COMMAND(command_predict);
COMMAND(command_serve);
COMMAND(command_version);

#endif
