/* Edits of the small release, and the exact text that each gets. TANDEM_RECORD=1 prints what is got now. */
    { "release.yaml", "column: planes.year", "column: plane.year",
      "release.yaml:5:18: there is no source 'plane' (did you mean 'planes'?)\n"
      "    year: {column: plane.year, by: {tailnum: schedule.tailnum}, default: 2000}\n"
      "                   ^\n" },
    { "release.yaml", "column: planes.year", "column: planes.yaer",
      "release.yaml:5:18: source 'planes' has no column 'yaer' (did you mean 'year'?)\n"
      "    year: {column: planes.yaer, by: {tailnum: schedule.tailnum}, default: 2000}\n"
      "                   ^\n" },
    { "release.yaml", "{tailnum: schedule.tailnum}", "{tailnum: schedule.tailnumber}",
      "release.yaml:5:45: there is no feature 'schedule.tailnumber' (did you mean 'schedule.tailnum'?)\n"
      "    year: {column: planes.year, by: {tailnum: schedule.tailnumber}, default: 2000}\n"
      "                                              ^\n" },
    { "release.yaml", "{tailnum: schedule.tailnum}", "{tail: schedule.tailnum}",
      "release.yaml:5:42: 'tail' is not a key column of source 'planes'\n"
      "    year: {column: planes.year, by: {tail: schedule.tailnum}, default: 2000}\n"
      "                                           ^\n" },
    { "release.yaml", "{tailnum: schedule.tailnum}", "distance",
      "release.yaml:5:35: 'distance' cannot be key column 'tailnum' of source 'planes': expected string, found "
      "f64? mi\n"
      "    year: {column: planes.year, by: distance, default: 2000}\n"
      "                                    ^\n" },
    { "release.yaml", ", by: {tailnum: schedule.tailnum}", "",
      "release.yaml:5:18: nothing says which row of source 'planes' to take: there is no feature 'tailnum' "
      "(define a feature with 'by: FEATURE' that finds key column 'tailnum')\n"
      "    year: {column: planes.year, default: 2000}\n"
      "                   ^\n" },
    { "release.yaml", "column: routes.length", "column: routes.length, by: carrier",
      "release.yaml:10:39: source 'routes' has 2 key columns: 'by' must be a map with one entry for each\n"
      "    length: {column: routes.length, by: carrier}\n"
      "                                        ^\n" },
    { "release.yaml", "number: {request: i64, default: 1}", "number: {request: string}",
      "release.yaml:10:20: 'number' cannot be key column 'number' of source 'routes': expected i64, found string\n"
      "    length: {column: routes.length}\n"
      "                     ^\n"
      "golden.jsonl:1: number: the value does not have the feature's type: expected string\n" },
    { "release.yaml", "'year + 1'", "'yaer + 1'",
      "release.yaml:4:21: there is no name 'yaer' (did you mean 'year'?)\n"
      "    late_year: {expr: 'yaer + 1'}\n"
      "                      ^\n" },
    { "release.yaml", "'year + 1'", "'year + carrier'",
      "release.yaml:4:29: '+' does not take this: expected a number, found string (concat(a, b) joins texts)\n"
      "    late_year: {expr: 'year + carrier'}\n"
      "                              ^\n" },
    { "release.yaml", "'year + 1'", "'year + (1'",
      "release.yaml:4:31: the expression cannot be read here: expected ')', found the end\n"
      "    late_year: {expr: 'year + (1'}\n"
      "                                ^\n" },
    { "release.yaml", "'year + 1'", "'year + late_year'",
      "release.yaml:4:21: features depend on each other in a circle: late_year -> late_year\n"
      "    late_year: {expr: 'year + late_year'}\n"
      "                      ^\n" },
    { "release.yaml", "code: {expr: 'lookup(codes, carrier)'}", "code: {expr: 'lookup(coeds, carrier)'}",
      "release.yaml:11:24: the release ships no table of this name: found \"coeds\"\n"
      "    code: {expr: 'lookup(coeds, carrier)'}\n"
      "                         ^\n" },
    { "release.yaml", "code: {expr: 'lookup(codes, carrier)'}",
      "code: {expr: 'code2 + 1'}\n  code2: {expr: 'code3 * 2'}\n  code3: {expr: 'code'}",
      "release.yaml:11:16: features depend on each other in a circle: code -> code2 -> code3 -> code\n"
      "    code: {expr: 'code2 + 1'}\n"
      "                 ^\n" },
    { "release.yaml", "America/New_York", "America/New_Yrok",
      "release.yaml:6:40: this time zone cannot be used: there is no time zone 'America/New_Yrok': found "
      "\"America/New_Yrok\"\n"
      "    dep_hour: {expr: 'hour(schedule.dep, \"America/New_Yrok\")'}\n"
      "                                         ^\n" },
    { "release.yaml", "Europe/Berlin", "Europe/Berlim",
      "release.yaml:20:21: there is no time zone 'Europe/Berlim'\n"
      "  promise: {ready_by: \"06:00 Europe/Berlim\"}\n"
      "                      ^\n" },
    { "release.yaml", "default: 2000", "default: MM",
      "release.yaml:5:73: the text is not an integer: expected i64?, found \"MM\"\n"
      "    year: {column: planes.year, by: {tailnum: schedule.tailnum}, default: MM}\n"
      "                                                                          ^\n" },
    { "release.yaml", "default: 500", "unit: km, default: 500",
      "release.yaml:7:47: feature 'distance' has the unit 'mi' from its column\n"
      "    distance: {column: schedule.distance, unit: km, default: 500}\n"
      "                                                ^\n" },
    { "release.yaml", "population: schedule", "population: shedule",
      "release.yaml:24:15: there is no source 'shedule' (did you mean 'schedule'?)\n"
      "    population: shedule\n"
      "                ^\n" },
    { "release.yaml", "entity: flight\n", "entity: {name: flight, key: tailnum}\n",
      "release.yaml:2:29: the entity's key must be the key of its population, source 'schedule'\n"
      "  entity: {name: flight, key: tailnum}\n"
      "                              ^\n" },
    { "release.yaml", "length: {column: routes.length}", "length: {column: departures.delay}",
      "release.yaml:10:20: 'length' reads events, and columns of events are not supported by this version\n"
      "    length: {column: departures.delay}\n"
      "                     ^\n" },
    { "release.yaml", "file: codes.csv", "file: code.csv",
      "release.yaml:14:17: the folder has no file 'code.csv' (did you mean 'codes.csv'?)\n"
      "    codes: {file: code.csv, key: carrier, value: code, type: i64}\n"
      "                  ^\n" },
    { "release.yaml", "value: code", "value: cod",
      "release.yaml:14:49: 'codes.csv' has no column 'cod' (did you mean 'code'?)\n"
      "    codes: {file: codes.csv, key: carrier, value: cod, type: i64}\n"
      "                                                  ^\n" },
    { "release.yaml", "value: code, type: i64", "value: name, type: i64",
      "codes.csv:2: the text is not an integer: expected i64, found \"United\"\n"
      "codes.csv:3: the text is not an integer: expected i64, found \"Jet, Blue\"\n"
      "codes.csv:4: the text is not an integer: expected i64, found \"American\"\n" },
    { "codes.csv", "B6", "UA",
      "codes.csv: two rows have the same key: found \"UA\"\n" },
    { "release.yaml", "inputs: {Hour: dep_hour}", "inputs: {Hour: dep_huor, hour: year}",
      "release.yaml:16:48: model 'main' takes the input 'Hour', and there is no feature 'dep_huor' (did you mean "
      "'dep_hour'? 'inputs' maps the model's names to features)\n"
      "    main: {file: models/main.txt, inputs: {Hour: dep_huor, hour: year}}\n"
      "                                                 ^\n"
      "release.yaml:16:58: model 'main' has no input 'hour' (did you mean 'Hour'?)\n"
      "    main: {file: models/main.txt, inputs: {Hour: dep_huor, hour: year}}\n"
      "                                                           ^\n" },
    { "release.yaml", ", inputs: {Hour: dep_hour}", "",
      "release.yaml:16:3: model 'main' takes the input 'Hour', and there is no feature 'Hour' (add the feature, "
      "or map the input to one under 'inputs')\n"
      "    main: {file: models/main.txt}\n"
      "    ^\n" },
    { "release.yaml", "inputs: {Hour: dep_hour}", "inputs: {Hour: carrier}",
      "release.yaml:16:48: model 'main' cannot take feature 'carrier': expected a number or bool, found string "
      "(an expression makes numbers of texts and times: lookup, hash, hour, age)\n"
      "    main: {file: models/main.txt, inputs: {Hour: carrier}}\n"
      "                                                 ^\n" },
    { "release.yaml", "range: [0, 1]", "output: 1",
      "release.yaml:19:31: prediction 'late' is output 1 of model 'main', which has 1, counted from 0\n"
      "    late: {model: main, output: 1}\n"
      "                                ^\n"
      "release.yaml:17:3: prediction 'late' is output 1 of model 'simple', which has 1, counted from 0\n"
      "    simple: {file: simple.json}\n"
      "    ^\n" },
    { "release.yaml", "models/main.txt", "models/main.json",
      "release.yaml:16:16: the folder has no file 'models/main.json'\n"
      "    main: {file: models/main.json, inputs: {Hour: dep_hour}}\n"
      "                 ^\n" },
    { "models/main.txt", "version=v4", "version=v9",
      "models/main.txt:2: this version of LightGBM's format is not supported: expected version=v2, v3 or v4, "
      "found \"v9\"\n" },
    { "simple.json", "logistic", "logistik",
      "simple.json:kind: the value is not one of those allowed: expected \"linear\", \"logistic\" or \"softmax\", "
      "found \"logistik\"\n" },
    { "golden.jsonl", "\"number\":7", "\"number\":\"x\",\"nubmer\":7,\"code\":1",
      "golden.jsonl:1: number: the text is not an integer: expected i64, found \"x\"\n"
      "golden.jsonl:1: nubmer: the release has no such input\n"
      "golden.jsonl:1: code: an expression is computed and cannot be given\n" },
    { "golden.jsonl", "\"prediction\":{\"late\":0.5}", "\"prediction\":{}",
      "golden.jsonl:3: late: the row lacks this prediction\n" },
    { "golden.jsonl", "{\"features\":{\"year\":1999}", "{\"features\":{\"year\":1999",
      "golden.jsonl:3: '}' expected near end of file\n" },
    { "release.yaml", "  cabin: {request: string?}\n", "  cabin: {request: string?}\n  flight_key: {request: i64}\n",
      "release.yaml:13:25: 'flight_key' is a part of the entity's key, with another type\n"
      "    flight_key: {request: i64}\n"
      "                          ^\n" },
    /* Faults of the manifest itself do not keep those of other features back; what is at fault is not faulted twice. */
    { "release.yaml", "  dep_hour: {expr: 'hour(schedule.dep, \"America/New_York\")'}\n"
                      "  distance: {column: schedule.distance, default: 500}\n",
      "  dep_hour: {expr: 'hours(schedule.dep)'}\n"
      "  distance: {colum: schedule.distance, default: 500}\n",
      "release.yaml:7:14: unknown key 'colum' in a feature (did you mean 'column'?)\n"
      "    distance: {colum: schedule.distance, default: 500}\n"
      "               ^\n"
      "release.yaml:6:20: there is no function 'hours' (did you mean 'hour'?)\n"
      "    dep_hour: {expr: 'hours(schedule.dep)'}\n"
      "                     ^\n" },
