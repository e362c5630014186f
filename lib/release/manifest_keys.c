/* The table of all keys of a release.yaml: the walker checks by it, and docs/reference/release-yaml.md is held
 * against it by a test. The type's first word says the shape: map, list, or else a text; "or map" and
 * "or list" allow both. */
#include <string.h>

#include "release/manifest_impl.h"

#define REQUIRED "required"

/*  section, key, type, what holds when it is absent, meaning */
static const tdm__manifest_key keys[] = {
    {"", "name", "name", REQUIRED, "the release's name; callers and commands use it"},
    {"", "entity", "name or map", REQUIRED, "what a prediction is about"},
    {"", "features", "map of features", REQUIRED, "the values that models and other features take"},
    {"", "lookups", "map of lookups", "none", "small tables shipped with the release, for `lookup(NAME, x)`"},
    {"", "models", "map of models", REQUIRED, "trained models; one named `simple` serves the rung `simple`"},
    {"", "prediction", "map of predictions", REQUIRED, "the columns of an answer"},
    {"", "promise", "map", "none", "what the release undertakes; measured and shown, never enforced"},
    {"", "online", "map", "the defaults below", "how a single answer is given"},
    {"", "batch", "map", "the defaults below", "how a whole population is scored"},
    {"", "golden", "file", "none",
     "inputs and exact outputs, checked whenever the release is staged; `tandem predict --golden` prints its rows"},

    {"entity", "name", "name", REQUIRED, "what a prediction is about"},
    {"entity", "key", "column or list of columns", "the population's key, else the entity's name",
     "the columns that identify one"},

    {"feature", "request", "type", "-", "given by the caller, or by the population's column of that name"},
    {"feature", "column", "source.column", "-", "a column of a source"},
    {"feature", "expr", "expression", "-", "computed from features and columns; docs/reference/expressions.md"},
    {"feature", "window", "aggregate", "-", "AGG(source.column) over events"},
    {"feature", "by", "name or map", "the source's key columns, by their names",
     "how a source's row is found: a feature, or KEY_COLUMN: FEATURE for each column of its key"},
    {"feature", "over", "duration", "-", "a window's span"},
    {"feature", "where", "expression", "all events", "which events a window takes"},
    {"feature", "keep", "count", "all", "how many of the newest events a window takes"},
    {"feature", "max_age", "duration", "none", "older values are stale"},
    {"feature", "last_good", "duration", "none", "how long a last known good value may stand in"},
    {"feature", "default", "value", "none", "stands in for null and missing, before expressions are computed"},
    {"feature", "required", "true or false", "true for what cannot be null and has no default",
     "without a value there is no answer (`feature_missing`); by itself so for a request that is not nullable, and for "
     "a column that is not nullable in a source found by the entity's key: an entity that is not there has no answer"},
    {"feature", "unit", "unit", "the type's", "the value's unit"},

    {"lookup", "file", "file", REQUIRED, "a CSV file with a header"},
    {"lookup", "key", "column", REQUIRED, "its column with the keys"},
    {"lookup", "value", "column", REQUIRED, "its column with the values"},
    {"lookup", "type", "type", REQUIRED, "the values' type"},
    {"lookup", "key_type", "type", "string", "the keys' type: string or i64"},

    {"model", "file", "file", REQUIRED, "the model as its framework saved it"},
    {"model", "format", "format", "found by content", "the format that it must have"},
    {"model", "inputs", "map of names", "each input is the feature of its name",
     "MODEL_INPUT: FEATURE, where the two names differ"},

    {"prediction", "model", "name", REQUIRED, "the model that gives it"},
    {"prediction", "output", "count", "0", "which of the model's outputs, counted from 0"},
    {"prediction", "kind", "prediction or raw", "prediction",
     "what the framework's predict() gives, or the margin before its transform"},
    {"prediction", "range", "list of two numbers", "[-inf, inf]",
     "the least and the greatest allowed value; NaN never is"},
    {"prediction", "type", "type", "f64", "f64 is the only one"},

    {"promise", "p99", "duration", "none", "99 of 100 answers are faster"},
    {"promise", "freshness", "duration", "none", "the oldest input is younger"},
    {"promise", "ready_by", "time of day and zone", "none", "when the night's table is current"},
    {"promise", "coverage", "percent", "none", "share of the population that gets a prediction"},

    {"online", "deadline", "duration", "50ms", "what a request gets when it names none"},
    {"online", "rungs", "list of rungs", "[fresh, stale, defaulted]",
     "the kinds of answer allowed, best first; `{defaulted: N}` allows N features from defaults"},
    {"online", "prior", "map of numbers", "none", "PREDICTION: the constant of the rung `prior`"},

    {"batch", "population", "source", "none: a run is given a file", "the table source with a row for each entity"},
    {"batch", "ttl", "duration", "24h", "how long a table is fresh"},
    {"batch", "last_good", "duration", "72h", "how long an older table is still served, flagged"},
    {"batch", "gates", "map", "the defaults below", "what a table must pass to be published"},
    {"batch", "quarantine", "map", "none", "absolute limits of records that could not be scored"},

    {"batch.gates", "coverage", "percent", "99%", "least share of the population with a prediction"},
    {"batch.gates", "quarantined", "percent", "1%", "greatest share of records in quarantine"},
    {"batch.gates", "psi", "number", "not checked", "greatest shift of the distribution against the previous table"},
    {"batch.gates", "null_rate", "percent", "not checked", "greatest share of nulls in any feature"},
    {"batch.gates", "previous_rows", "percent", "not checked", "least share of the previous table's rows"},
    {"batch.gates", "default_rate", "percent", "not checked", "greatest share of defaults in any feature"},
    {"batch.gates", "rows_min", "count", "1", "least number of rows"},

    {"batch.quarantine", "rows_max", "count", "none", "most records in quarantine"},
    {"batch.quarantine", "codes", "map of counts", "none", "CODE: most records with that error code"},
};
enum { N_KEYS = sizeof keys / sizeof *keys };

const tdm__manifest_key *tdm__manifest_keys(size_t *n)
{
    *n = N_KEYS;
    return keys;
}

static tdm__yaml_kind shape(const char *type)
{
    if (strncmp(type, "map", 3) == 0)
        return TDM__YAML_MAP;
    if (strncmp(type, "list", 4) == 0)
        return TDM__YAML_LIST;
    bool several = strstr(type, " or map") || strstr(type, " or list");
    return several ? (tdm__yaml_kind)TDM__YAML_ANY : TDM__YAML_SCALAR;
}

bool tdm__manifest_section(tdm__manifest_reader *r, tdm__place *node, const char *section, const char *what)
{
    tdm__yaml_field fields[TDM__YAML_FIELDS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < N_KEYS && n < TDM__YAML_FIELDS_MAX; i++)
        if (strcmp(keys[i].section, section) == 0)
            fields[n++] = (tdm__yaml_field){ keys[i].name, shape(keys[i].type),
                                               strcmp(keys[i].fallback, REQUIRED) == 0 };
    return tdm__yaml_check_map(r->doc, node, what, fields, n);
}
