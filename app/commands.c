/* The table of commands. Everything that --help says stands here and nowhere else. */
#include "command.h"

static const option_row new_options[] = {
    {"model", "FILE", "the trained model (LightGBM text, or linear JSON)", false},
    {"format", "NAME", "its format, when its content does not tell", false},
};
static const option_row model_options[] = {
    {"format", "NAME", "the model's format, when its content does not tell", false},
};
static const option_row model_predict_options[] = {
    {"data", "ROWS", "CSV or JSON lines with the model's inputs by name", false},
    {"output", "KIND", "prediction (default), raw (margins), or leaf", false},
    {"format", "NAME", "the model's format, when its content does not tell", false},
};
static const option_row load_options[] = {
    {"replace", NULL, "the new version holds these files' rows alone", false},
    {"bad-max", "PERCENT", "load nothing when more records are bad (default 1%)", false},
};
static const option_row run_options[] = {
    {"population", "FILE", "rows to score: CSV or JSON lines (default: what the release names)", false},
    {"as-of", "TIME", "the instant that features are computed for, RFC 3339 (default: now)", false},
    {"promote", NULL, "make the table current when it was published", false},
    {"threads", "N", "workers (default: all cores)", false},
};
static const option_row export_options[] = {
    {"format", "FORMAT", "csv (default) or jsonl", false},
};
static const option_row promote_options[] = {
    {"table", "T", "the table to serve (default: the release's newest, if it has one)", false},
    {"expect", "EPOCH", "refuse unless this epoch is current (0: none yet)", false},
};
static const option_row predict_options[] = {
    {"key", "K=V", "the entity's key: its column, or the entity's name", true},
    {"set", "F=V", "a request feature; an empty value is null", true},
    {"as-of", "TIME", "the instant that features are computed for, RFC 3339 (default: now)", false},
    {"features", NULL, "add the value of every feature to the answer", false},
    {"golden", NULL, "print a row for the release's golden file instead of an answer", false},
};
static const option_row top_options[] = {
    {"interval", "SECONDS", "between two looks (default 1)", false},
    {"once", NULL, "one interval as text, then end; also where standard output is no terminal", false},
};
static const option_row serve_options[] = {
    {"listen", "HOST:PORT", "where to answer (default 127.0.0.1:8000); port 0 picks a free one", false},
    {"model", "NAME=FILE", "serve a bare model too, by the Open Inference Protocol", true},
    {"threads", "N", "event loops (default: one a core)", false},
    {"admin", "HOST:PORT", "take commands there too, from whoever can reach it", false},
    {"access-log", "FILE", "append a JSON line a request; - is standard error", false},
    {"set", "NAME=VALUE", "a setting of the list below", true},
};

#define OPTIONS(table) table, sizeof table / sizeof *table

const command_row commands[] = {
    {"new", "DIR", 1, 1, "make a starter release folder for a trained model",
     "Writes release.yaml, the model and a README. Every input becomes a request field named as in the model;\n"
     "the key is a column `row`. The folder packs as it is.",
     "tandem new churn --model churn.txt", OPTIONS(new_options), command_new, 1, NULL},
    {"model check", "FILE", 1, 1, "tell what a model file is, what it needs, how it was trained", NULL,
     "tandem model check churn.txt", OPTIONS(model_options), command_model_check, 1, NULL},
    {"model predict", "FILE", 1, 1, "score rows with a bare model; CSV to standard output",
     "Columns are matched by name and read as f64; an empty field is missing. raw is the margin before the\n"
     "objective's transform, bit-equal to the framework's own.",
     "tandem model predict churn.txt --data rows.csv --output raw", OPTIONS(model_predict_options),
     command_model_predict, 1, NULL},
    {"source add", "FILE", 1, 1, "define sources, or evolve them by adding nullable columns", NULL,
     "tandem source add sources.yaml", NULL, 0, command_source_add, 2, NULL},
    {"source list", "", 0, 0, "list the sources", NULL, "tandem source list", NULL, 0, command_source_list, 2, NULL},
    {"source show", "NAME", 1, 1, "show a source's definition", NULL, "tandem source show planes", NULL, 0,
     command_source_show, 2, NULL},
    {"load", "SOURCE FILE...", 2, -1, "load rows into a table source: its next version",
     "The newest row of a key wins; keys that the files do not name stay. All or nothing, and durable when it is\n"
     "done. Records that cannot be read go to a quarantine of their own. FILE - is standard input.",
     "tandem load planes planes.csv", OPTIONS(load_options), command_load, 2, NULL},
    {"release check", "DIR", 1, 1, "check a release folder and change nothing", NULL, "tandem release check flights/",
     NULL, 0, command_release_check, 3, NULL},
    {"release pack", "DIR", 1, 1, "check a release folder and freeze it; prints its id", NULL,
     "tandem release pack flights/", NULL, 0, command_release_pack, 3, NULL},
    {"release list", "", 0, 0, "list the releases, newest first", NULL, "tandem release list", NULL, 0,
     command_release_list, 3, NULL},
    {"release show", "RELEASE", 1, 1, "show a release: features, models, predictions, promises, files", NULL,
     "tandem release show flight-delay", NULL, 0, command_release_show, 3, NULL},
    {"run", "RELEASE", 1, 1, "score a population and publish a prediction table; prints its name",
     "The same release, data, population and as-of are the same run: running it again prints the same table.\n"
     "What cannot be scored is quarantined. When a gate of the release fails, nothing is published and the exit\n"
     "code is 1.",
     "tandem run flight-delay --as-of 2013-06-14T02:00:00-04:00 --promote", OPTIONS(run_options), command_run, 4, NULL},
    {"quarantine show", "RUN", 1, 1, "show the records that a run (or a load) could not use, and why",
     "RUN is a run's id or its first digits, a table (v000001), or a load (load-000001).",
     "tandem quarantine show v000001", NULL, 0, command_quarantine_show, 4, NULL},
    {"table list", "", 0, 0, "list the prediction tables, newest first", NULL, "tandem table list", NULL, 0,
     command_table_list, 5, NULL},
    {"table show", "T", 1, 1, "show a table: its run, gates and means", NULL, "tandem table show v000001", NULL, 0,
     command_table_show, 5, NULL},
    {"table get", "T KEY", 2, 2, "look an entity up in a table",
     "KEY of several columns is written a|b, with \\| for a bar inside.",
     "tandem table get v000001 20130614-UA1686-EWR", NULL, 0, command_table_get, 5, NULL},
    {"table export", "T", 1, 1, "write a table as CSV or JSON lines to standard output", NULL,
     "tandem table export v000001 > night.csv", OPTIONS(export_options), command_table_export, 5, NULL},
    {"promote", "RELEASE", 1, 1, "verify a release and its table, and make them current",
     "Every byte is checked and golden rows are compared to the bit before the flip, which is one rename.",
     "tandem promote flight-delay --table v000001 --expect 3", OPTIONS(promote_options), command_promote, 6, NULL},
    {"rollback", "[SERVICE]", 0, 1, "give a service back what it had before",
     "Without a name: the service that the last cutover changed. It is a new epoch with an older content; again goes\n"
     "further back. When the current epoch is damaged, the newest whole one becomes current instead.",
     "tandem rollback flight-delay",
     NULL, 0, command_rollback, 6, NULL},
    {"status", "", 0, 0, "what is current, how old it is, and what was promised", NULL, "tandem status", NULL, 0,
     command_status, 6, NULL},
    {"top", "", 0, 0, "watch the server of this home: rates, latencies by stage, services and rungs",
     "Redrawn each interval; q or Ctrl-C ends it. All figures are of the last interval. --json prints the counters and\n"
     "histograms since the server began, a line an interval. It asks through the home: a server without a home, or on\n"
     "another machine, cannot be watched; its GET /metrics tells the same. No colours when NO_COLOR is set.",
     "tandem top --interval 2", OPTIONS(top_options), command_top, 6, NULL},
    {"predict", "RELEASE", 1, 1, "answer for one entity, computed now, without a server",
     "The features and models are those of a run, so the bits are the same. --golden prints the inputs and the exact\n"
     "output as a line for the file that the release's `golden` names.",
     "tandem predict flight-delay --key flight=20130614-UA1686-EWR --as-of 2013-06-14T06:00:00Z",
     OPTIONS(predict_options), command_predict, 7, NULL},
    {"serve", "", 0, 0, "answer over HTTP what is current in the home, and bare models",
     "Says 'listening on http://HOST:PORT' on standard error once it is ready, and stops cleanly at SIGTERM or SIGINT:\n"
     "what was received is answered. It holds the home meanwhile; commands that write are then done by it and behave as\n"
     "ever. With --model and no home named, it needs none.",
     "tandem serve --listen 127.0.0.1:8000 --set body_bytes_max=16777216", OPTIONS(serve_options), command_serve, 8,
     print_settings},
    {"version", "", 0, 0, "print the version", NULL, "tandem version", NULL, 0, command_version, 9, NULL},
};
const size_t n_commands = sizeof commands / sizeof *commands;
