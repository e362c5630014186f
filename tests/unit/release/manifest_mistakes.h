/* Edits of manifests/small.yaml, and the exact text that each gets. TANDEM_RECORD=1 prints what is got now. */
    { "name: small", "nmae: small",
      "release.yaml:1:1: unknown key 'nmae' in a release (did you mean 'name'?)\n"
      "  nmae: small\n"
      "  ^\n" },
    { "name: small", "name: small one",
      "release.yaml:1:7: this is not a name for a release: expected a letter or '_', then letters, digits, '_', "
      "'-' and '.', 64 at most, found \"small one\"\n"
      "  name: small one\n"
      "        ^\n" },
    { "entity: {name: flight, key: flight_key}", "entity: {name: flight, keys: flight_key}",
      "release.yaml:2:24: unknown key 'keys' in the entity (did you mean 'key'?)\n"
      "  entity: {name: flight, keys: flight_key}\n"
      "                         ^\n" },
    { "request: string?", "request: strng?",
      "release.yaml:4:20: there is no such type: expected bool, i64, f32, f64, decimal(p,s), string or timestamp, "
      "found \"strng\" (did you mean 'string'?)\n"
      "    cabin: {request: strng?, default: economy}\n"
      "                     ^\n" },
    { "request: string?", "request: decimal(9,2)",
      "release.yaml:4:30: unknown key '2)' in a feature (known are request, column, expr, window, by, over, "
      "where, keep, max_age, last_good, default, required, unit)\n"
      "    cabin: {request: decimal(9,2), default: economy}\n"
      "                               ^\n"
      "release.yaml:4:20: a decimal needs its digits in all and after the point: expected decimal(p,s) with p "
      "from 1 to 38 and s from 0 to p, found \"decimal(9\" (inside { } a comma ends the value: put the type in "
      "quotes)\n"
      "    cabin: {request: decimal(9,2), default: economy}\n"
      "                     ^\n" },
    { "default: economy", "default: economy, required: yes",
      "release.yaml:4:57: 'required' is not true or false: expected true or false, found \"yes\"\n"
      "    cabin: {request: string?, default: economy, required: yes}\n"
      "                                                          ^\n" },
    { "cabin: {request: string?, default: economy}", "cabin: {request: i64, default: economy}",
      "release.yaml:4:34: the text is not an integer: expected i64, found \"economy\"\n"
      "    cabin: {request: i64, default: economy}\n"
      "                                   ^\n" },
    { "column: schedule.distance", "column: distance",
      "release.yaml:5:22: this is not a source's column: expected source.column, found \"distance\"\n"
      "    distance: {column: distance, unit: mi, default: 0}\n"
      "                       ^\n" },
    { "column: schedule.distance", "column: schedule.distance, expr: 'year + 1'",
      "release.yaml:5:47: feature 'distance' has two definitions; one of request, column, expr and window\n"
      "    distance: {column: schedule.distance, expr: 'year + 1', unit: mi, default: 0}\n"
      "                                                ^\n" },
    { "far: {expr: 'distance > 1000'}", "far: {exp: 'distance > 1000'}",
      "release.yaml:8:9: unknown key 'exp' in a feature (did you mean 'expr'?)\n"
      "    far: {exp: 'distance > 1000'}\n"
      "          ^\n" },
    { "far: {expr: 'distance > 1000'}", "far: {by: tailnum}",
      "release.yaml:8:8: feature 'far' lacks a definition: one of request, column, expr and window\n"
      "    far: {by: tailnum}\n"
      "         ^\n" },
    { "far: {expr: 'distance > 1000'}", "far: distance > 1000",
      "release.yaml:8:8: a feature must be a map: expected a map, found a text\n"
      "    far: distance > 1000\n"
      "         ^\n" },
    { "far: {expr: 'distance > 1000'}", "far: {window: men(departures.delay), over: 1h}",
      "release.yaml:8:17: there is no aggregate 'men' (did you mean 'mean'?)\n"
      "    far: {window: men(departures.delay), over: 1h}\n"
      "                  ^\n" },
    { "far: {expr: 'distance > 1000'}", "far: {window: mean(departures), over: 1 h}",
      "release.yaml:8:17: this is not a source's column: expected source.column, found \"departures\"\n"
      "    far: {window: mean(departures), over: 1 h}\n"
      "                  ^\n"
      "release.yaml:8:41: 'over' is not a duration: expected a positive integer and us, ms, s, m, h or d, as 15m, "
      "found \"1 h\"\n"
      "    far: {window: mean(departures), over: 1 h}\n"
      "                                          ^\n" },
    { "far: {expr: 'distance > 1000'}", "far: {expr: 'distance > 1000', by: year, over: 1h}",
      "release.yaml:8:50: 'over' is for windows\n"
      "    far: {expr: 'distance > 1000', by: year, over: 1h}\n"
      "                                                   ^\n"
      "release.yaml:8:38: 'by' is for columns and windows\n"
      "    far: {expr: 'distance > 1000', by: year, over: 1h}\n"
      "                                       ^\n" },
    { "unit: mi", "unit: square miles",
      "release.yaml:5:47: this is not a unit: expected 1 to 19 letters without spaces, found \"square miles\"\n"
      "    distance: {column: schedule.distance, unit: square miles, default: 0}\n"
      "                                                ^\n" },
    { "by: tailnum", "by: [tailnum]",
      "release.yaml:6:35: 'by' is a name, or a map from the source's key columns to names\n"
      "    year: {column: planes.year, by: [tailnum]}\n"
      "                                    ^\n" },
    { "tailnum: {column: schedule.tailnum}", "tailnum: {column: schedule.tailnum}\n  cabin: {request: string}",
      "release.yaml:8:3: the key 'cabin' stands here twice\n"
      "    cabin: {request: string}\n"
      "    ^\n" },
    { "tailnum: {column: schedule.tailnum}", "tailnum: {column: schedule.tailnum, max_age: 1h, last_good: 15m}",
      "release.yaml:7:63: 'last_good' is shorter than 'max_age'\n"
      "    tailnum: {column: schedule.tailnum, max_age: 1h, last_good: 15m}\n"
      "                                                                ^\n" },
    { "type: i64}", "type: i64, key_type: f64}",
      "release.yaml:10:78: this is not a lookup's key type: expected string or i64, found \"f64\"\n"
      "    code: {file: carriers.csv, key: carrier, value: code, type: i64, key_type: f64}\n"
      "                                                                               ^\n" },
    { "file: main.txt", "file: ../main.txt",
      "release.yaml:12:16: 'file' is not a file of this folder: expected a relative path of at most 200 bytes, no "
      "part of which starts with '.', found \"../main.txt\"\n"
      "    main: {file: ../main.txt, inputs: {Dist: distance}}\n"
      "                 ^\n" },
    { "file: main.txt", "file: MANIFEST",
      "release.yaml:12:16: 'MANIFEST' is a name that packing keeps for itself\n"
      "    main: {file: MANIFEST, inputs: {Dist: distance}}\n"
      "                 ^\n" },
    { "model: main, range", "model: mian, range",
      "release.yaml:15:17: there is no model 'mian' (did you mean 'main'?)\n"
      "    late: {model: mian, range: [0, 1]}\n"
      "                  ^\n" },
    { "range: [0, 1]", "range: [1, 0]",
      "release.yaml:15:30: the range is empty: its first number is the greater one\n"
      "    late: {model: main, range: [1, 0]}\n"
      "                               ^\n"
      "release.yaml:21:17: the prior of 'late' is outside its range\n"
      "    prior: {late: 0.22, margin: -1}\n"
      "                  ^\n" },
    { "range: [0, 1]", "range: [0, nan]",
      "release.yaml:15:34: 'range' is not a number: expected a number, as 0.5 or inf, found \"nan\"\n"
      "    late: {model: main, range: [0, nan]}\n"
      "                                   ^\n" },
    { "kind: raw, output: 1", "kind: raw, output: -1",
      "release.yaml:16:44: 'output' is not a count: expected an integer from 0 to 1000000, found \"-1\"\n"
      "    margin: {model: main, kind: raw, output: -1}\n"
      "                                             ^\n" },
    { "p99: 5ms", "p99: 5 milliseconds",
      "release.yaml:17:16: 'p99' is not a duration: expected a positive integer and us, ms, s, m, h or d, as 15m, "
      "found \"5 milliseconds\"\n"
      "  promise: {p99: 5 milliseconds, ready_by: \"06:00 America/New_York\", coverage: 99.9%}\n"
      "                 ^\n" },
    { "06:00 America/New_York", "25:00",
      "release.yaml:17:31: 'ready_by' is not a time of day: expected HH:MM and a zone, as \"06:00 "
      "America/New_York\", found \"25:00\"\n"
      "  promise: {p99: 5ms, ready_by: \"25:00\", coverage: 99.9%}\n"
      "                                ^\n" },
    { "99.9%, psi", "99.9, psi",
      "release.yaml:25:21: 'coverage' is not a percent: expected 0% to 100%, with its sign, as 99.9%, found "
      "\"99.9\"\n"
      "    gates: {coverage: 99.9, psi: 0.2, rows_min: 10}\n"
      "                      ^\n" },
    { "coverage: 99.9%}", "coverage: 101%}",
      "release.yaml:17:67: 'coverage' is not a percent: expected 0% to 100%, with its sign, as 99.9%, found "
      "\"101%\"\n"
      "  promise: {p99: 5ms, ready_by: \"06:00 America/New_York\", coverage: 101%}\n"
      "                                                                    ^\n" },
    { "rungs: [fresh, {defaulted: 2}, simple, prior]", "rungs: [fresh, default, fresh]",
      "release.yaml:20:18: there is no rung 'default' (did you mean 'defaulted'?)\n"
      "    rungs: [fresh, default, fresh]\n"
      "                   ^\n"
      "release.yaml:20:27: rung 'fresh' is named twice\n"
      "    rungs: [fresh, default, fresh]\n"
      "                            ^\n" },
    { "  simple: {file: models/simple.json, format: logistic}\n", "",
      "release.yaml:19:34: rung 'simple' needs a model named 'simple'\n"
      "    rungs: [fresh, {defaulted: 2}, simple, prior]\n"
      "                                   ^\n" },
    { "prior: {late: 0.22, margin: -1}", "prior: {late: 1.5}",
      "release.yaml:21:17: the prior of 'late' is outside its range\n"
      "    prior: {late: 1.5}\n"
      "                  ^\n"
      "release.yaml:21:10: the prior lacks 'margin'\n"
      "    prior: {late: 1.5}\n"
      "           ^\n" },
    { "ttl: 12h", "ttl: 100h\n  last_good: 1h",
      "release.yaml:25:14: 'last_good' is shorter than 'ttl'\n"
      "    last_good: 1h\n"
      "               ^\n" },
    { "codes: {csv_width: 10", "codes: {csv_widht: 10",
      "release.yaml:26:39: there is no error code of records 'csv_widht' (did you mean 'csv_width'?)\n"
      "    quarantine: {rows_max: 100, codes: {csv_widht: 10, field_type: 0}}\n"
      "                                        ^\n" },
    { "rows_max: 100", "rows_max: -1",
      "release.yaml:26:26: 'rows_max' is not a count: expected an integer from 0 to 9223372036854775807, found "
      "\"-1\"\n"
      "    quarantine: {rows_max: -1, codes: {csv_width: 10, field_type: 0}}\n"
      "                           ^\n" },
    { "golden: golden.jsonl", "golden:",
      "release.yaml:27:8: 'golden' is empty\n"
      "  golden:\n"
      "         ^\n" },
    { "golden: golden.jsonl", "goldn: golden.jsonl",
      "release.yaml:27:1: unknown key 'goldn' in a release (did you mean 'golden'?)\n"
      "  goldn: golden.jsonl\n"
      "  ^\n" },
    { "features:\n", "features: &f\n",
      "release.yaml:3:11: anchors are not allowed (write the value again where it is needed)\n"
      "  features: &f\n"
      "            ^\n" },
