"""POST /v1/decide and GET /v1/predictions: what is answered, to the bit, and what each bad question is told.

The bits are compared with fares.py (Python), with `tandem run` over a CSV, with `tandem predict` in a process of its
own, with the same questions as binary tensors, and with a server that was started anew.
"""

import csv
import io
import json
import re
import struct
import time
import urllib.parse

import server
import tap
import wire
import fares

home = server.once(lambda: fares.FareHome())
main_server = server.once(lambda: server.Server(home()))
connection = server.once(lambda: main_server().connect())

FARE, PLAIN, STRICT = "/v1/decide/fare", "/v1/decide/plain", "/v1/decide/strict"
R1 = fares.QUESTIONS[0]


def ask(target, body, fields=()):
    return connection().ask("POST", target, body, fields)


def decided(target, body, fields=()):
    answer = ask(target, body, fields)
    assert answer.status == 200, answer
    return answer.json()


def row(**features):
    return {"keys": {"ride": "r1"}, "features": dict(fares.decide_row(R1)["features"], **features), "as_of": fares.AS_OF}


def strict(**features):
    return {"keys": {"room": "a", "place": "b"}, "features": dict({"x0": 0.5, "x1": 2, "x2": True}, **features)}


def raw(body, name, text):
    """JSON of `body` with the value of a feature in literal text."""
    marked = dict(body, features=dict(body["features"], **{name: "@@@"}))
    return json.dumps(marked).replace('"@@@"', text).encode("utf-8", "surrogatepass")


def refused(target, body, status, code, fields=(), **members):
    """The answer is this error, and the connection goes on. Members: exact text, or a compiled expression."""
    answer = ask(target, body, fields)
    assert answer.status == status, f"{status} {code} is wanted for {str(body)[:300]}: {answer}"
    error = answer.error()
    check_members(error, dict(members, code=code), body)
    assert not answer.closes, answer
    return error


def check_members(error, members, body):
    for name, text in members.items():
        found = error.get(name)
        fits = text.search(found or "") if isinstance(text, re.Pattern) else found == text
        assert fits, f"{name}: {text!r} is wanted for {str(body)[:300]}: {error}"


def literal(text):
    """A number or a word of JSON, told as it stands or in quotes."""
    return re.compile(f'^"?{re.escape(text)}"?$')


def all_refused(cases):
    wrong = []
    for target, body, status, code, members in cases:
        try:
            refused(target, body, status, code, **members)
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong)


# ---------------------------------------------------------------- answers

MEMBERS = ["id", "epoch", "release", "rung", "prediction", "as_of", "position", "oldest_input_ms"]


def test_an_answer_has_what_the_contract_says():
    answer = ask(FARE, fares.decide_row(R1))
    body = answer.json()
    assert [m for m in body if m not in ("stale", "warning")] == MEMBERS, body
    assert re.fullmatch(r"[0-9a-f]{32}", body["id"])
    assert body["epoch"] == 4 and body["release"] == f"fare@{home().a}"
    assert body["rung"] == "fresh" and body["as_of"] == fares.AS_OF
    assert isinstance(body["position"], int) and body["position"] > 0
    assert body["oldest_input_ms"] is None or body["oldest_input_ms"] >= 0
    assert body["prediction"] == {"amount": fares.amount(R1)}
    assert answer.get("Tandem-Epoch") == "4" and answer.get("Tandem-Rung") == "fresh"
    assert decided(FARE, fares.decide_row(R1))["id"] != body["id"], "an id is used twice"


def test_every_question_to_the_bit():
    for question in fares.QUESTIONS:
        body = decided(FARE, fares.decide_row(question))
        assert body["prediction"] == {"amount": fares.amount(question)}, (question, body)
        assert body["rung"] == fares.rung(question), (question, body)


def test_many_rows():
    rows = [fares.decide_row(q) for q in fares.QUESTIONS] * 40
    answer = ask(FARE, {"rows": rows})
    answers = answer.json()["answers"]
    assert list(answer.json()) == ["answers"] and len(answers) == len(rows)
    for question, one in zip(fares.QUESTIONS * 40, answers):
        assert one["prediction"]["amount"] == fares.amount(question) and one["rung"] == fares.rung(question)
    assert len({one["id"] for one in answers}) == len(answers), "an id is used twice"
    assert answer.get("Tandem-Epoch") == "4" and answer.get("Tandem-Rung") == "defaulted", answer.fields


def test_rungs():
    def rung_of(body):
        answer = ask(FARE, body)
        assert answer.get("Tandem-Rung") == answer.json()["rung"]
        return answer.json()["rung"], answer.json()["prediction"]["amount"]
    far = row(seats=10**9)                      # the amount is out of range, the simple model's too: the table's row
    assert rung_of(far) == ("table", fares.amount(R1))
    assert rung_of(dict(far, keys={"ride": "nobody"})) == ("prior", fares.PRIOR)
    missing = row()
    del missing["features"]["loyal"]            # required by the main model only
    assert rung_of(missing) == ("simple", 3.0 * R1["seats"] + 5.0)
    nothing = {"keys": {"ride": "nobody"}, "as_of": fares.AS_OF}
    assert rung_of(nothing) == ("prior", fares.PRIOR)
    worst = ask(FARE, {"rows": [fares.decide_row(R1), far, nothing, fares.decide_row(R1)]})
    assert worst.get("Tandem-Rung") == "prior"


def test_a_row_from_the_table_tells_its_age():
    body = decided(FARE, row(seats=10**9))
    assert body["rung"] == "table" and body["oldest_input_ms"] == 86400_000, body


def test_absent_null_and_default_are_three_things():
    base = {"keys": {"ride": "r1"}, "features": {"seats": 1, "loyal": True}, "as_of": fares.AS_OF}
    bare = {"ride": "r1", "seats": 1, "loyal": True}
    assert decided(FARE, base)["prediction"]["amount"] == fares.amount(bare)
    base["features"].update(load=None, cabin=None, booked=None, price=None, half=None)
    assert decided(FARE, base)["prediction"]["amount"] == fares.amount(bare)
    refused(FARE, row(seats=None), 400, "field_null", where="features.seats")


def test_keys_in_all_their_forms():
    value = fares.amount(fares.QUESTIONS[4])
    body = fares.decide_row(fares.QUESTIONS[4])
    for keys in ({"ride": "a|b"}, {"ride_id": "a|b"}):      # a key of one column is taken as it is
        assert decided(FARE, dict(body, keys=keys))["prediction"]["amount"] == value, keys
    for keys in ({"room": "a", "place": "b"}, {"spot": "a|b"}, {"spot": "a\\|x|b\\\\"}):
        assert decided(STRICT, dict(strict(), keys=keys))["prediction"] == {"y": fares.strict_value(0.5, 2, 1)}
    refused(STRICT, dict(strict(), keys={"spot": "a|b|c"}), 400, re.compile("^(syntax|field_type)$"), where="keys.spot")


def test_values_in_all_their_forms():
    def value(**features):
        return decided(FARE, row(**features))["prediction"]["amount"]
    def expected(**features):
        return fares.amount(dict(R1, **features))
    for price in (12.5, "12.5", 7, "7", "-0.01", 0.1):
        assert value(price=price) == expected(price=str(price)), price
    us = fares.instant_us("2013-06-01T07:00:00Z")
    for booked in ("2013-06-01T07:00:00Z", "2013-06-01 09:30:00.5+02:00", us, "2013-06-01t07:59:59.999999z"):
        assert value(booked=booked) == expected(booked="2013-06-01T07:00:00Z"), booked
    for load in (1, -0.0, 1e22, 5e-324, 123456789012345678901234567890, "inf", 0.1):
        number = float(load)
        answer = decided(FARE, row(load=load))
        if abs(number) < 1e9:
            assert answer["prediction"]["amount"] == expected(load=number), load
        else:
            assert answer["rung"] in ("simple", "table", "prior"), (load, answer)
    assert value(half=0.1) == expected(half=0.1)
    assert decided(FARE, raw(row(), "seats", "9223372036854775807"))["rung"] in ("simple", "table", "prior")
    assert decided(PLAIN, b'{"keys":{"row":"k"},"features":{"x0":1E2,"x1":-0,"x2":0.1e-1,"x3":1.5e+1}}'
                   )["prediction"]["prediction"] == fares.plain_value([100.0, 0.0, 0.01, 15.0])
    assert decided(PLAIN, b'\n{ "keys" : {"\\u0072ow" : "k" } , "features":{"x\\u0030":7 } }\t'
                   )["prediction"]["prediction"] == fares.plain_value([7, None, None, None])


def test_integers_beyond_doubles_keep_their_digits():
    """2^53 + 1 as an i64 is not 2^53: the expression of a feature would tell; the model rounds it once."""
    body = {"keys": {"room": "a", "place": "b"}, "features": {"x0": 0, "x1": 0, "x2": False}}
    assert decided(STRICT, body)["prediction"]["y"] == 0.25
    huge = row(seats=2**53 + 1)
    assert decided(FARE, huge)["rung"] == "table"


def test_as_of():
    body = fares.decide_row(R1)
    for text, told in (("2013-06-06T02:00:00+02:00", fares.AS_OF), ("2013-06-06 00:00:00.25Z",
                                                                    "2013-06-06T00:00:00.250000Z")):
        assert decided(FARE, dict(body, as_of=text))["as_of"] == told
    del body["as_of"]
    before = time.time()
    now = fares.instant_us(decided(FARE, body)["as_of"]) / 1e6
    assert before - 1 < now < time.time() + 1
    answers = decided(FARE, {"rows": [body, dict(body, as_of="2014-01-01T00:00:00Z")], "as_of": fares.AS_OF})["answers"]
    assert [a["as_of"] for a in answers] == [fares.AS_OF, "2014-01-01T00:00:00.000000Z"]


def test_nothing_is_asked_beyond_the_keys():
    """Whatever order the members stand in."""
    body = fares.decide_row(R1)
    turned = {name: body[name] for name in ("as_of", "features", "keys")}
    turned["features"] = dict(reversed(turned["features"].items()))
    assert decided(FARE, turned)["prediction"]["amount"] == fares.amount(R1)


def test_content_types():
    for kind in ("application/json", "application/json; charset=utf-8", "application/vnd.x+json", "text/json",
                 "text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "APPLICATION/JSON"):
        assert decided(PLAIN, {"keys": {"row": "k"}}, [("Content-Type", kind)])["epoch"] == 4, kind
    for kind in ("text/html", "image/png", "multipart/form-data; boundary=x", "application/xml"):
        refused(PLAIN, {"keys": {"row": "k"}}, 415, "http_media_type", [("Content-Type", kind)])


# ---------------------------------------------------------------- what bad questions are told

def test_services_that_are_none():
    error = refused("/v1/decide/fares", fares.decide_row(R1), 404, "not_found", hint=re.compile("'fare'"))
    assert "fares" in json.dumps(error)
    for target in ("/v1/decide/", "/v1/decide", "/v1/decide/fare/x", "/v1/decide/..%2ffare"):
        refused(target, fares.decide_row(R1), 404, "not_found")
    assert decided("/v1/decide/f%61re?x=y", fares.decide_row(R1))["epoch"] == 4


def test_bad_values():
    all_refused([
        (FARE, row(seats="3"), 400, "field_type", dict(where="features.seats", expected=re.compile("i64"), found='"3"')),
        (FARE, row(seats=True), 400, "field_type", dict(where="features.seats", found=literal("true"))),
        (FARE, raw(row(), "seats", "1.0"), 400, "field_type", dict(where="features.seats", found=literal("1.0"))),
        (FARE, raw(row(), "seats", "1e3"), 400, "field_type", dict(where="features.seats", found=literal("1e3"))),
        (FARE, raw(row(), "seats", "9223372036854775808"), 400, "field_range", dict(where="features.seats")),
        (FARE, raw(row(), "seats", "-9223372036854775809"), 400, "field_range", dict(where="features.seats")),
        (FARE, raw(row(), "seats", "9" * 400), 400, "field_range", dict(where="features.seats")),
        (FARE, row(seats=[1]), 400, "field_type", dict(where="features.seats")),
        (FARE, row(seats={"a": 1}), 400, "field_type", dict(where="features.seats")),
        (FARE, row(load="much"), 400, "field_type", dict(where="features.load", expected=re.compile("f64"),
                                                         found='"much"')),
        (FARE, row(load="1"), 400, "field_type", dict(where="features.load")),
        (FARE, row(load=False), 400, "field_type", dict(where="features.load", found=literal("false"))),
        (FARE, raw(row(), "load", "1e400"), 400, "field_range", dict(where="features.load", found=literal("1e400"))),
        (FARE, raw(row(), "load", "-1e400"), 400, "field_range", dict(where="features.load")),
        (FARE, raw(row(), "half", "1e39"), 400, "field_range", dict(where="features.half")),
        (FARE, row(loyal=1), 400, "field_type", dict(where="features.loyal", expected=re.compile("bool"), found=literal("1"))),
        (FARE, row(loyal="true"), 400, "field_type", dict(where="features.loyal")),
        (FARE, row(loyal=None), 400, "field_null", dict(where="features.loyal")),
        (FARE, row(cabin=7), 400, "field_type", dict(where="features.cabin", expected=re.compile("string"), found=literal("7"))),
        (FARE, row(booked="yesterday"), 400, "field_type", dict(where="features.booked")),
        (FARE, row(booked="2013-06-01T07:00:00"), 400, "field_type", dict(where="features.booked")),
        (FARE, row(booked="2013-02-30T07:00:00Z"), 400, re.compile("^field_(type|range)$"),
         dict(where="features.booked")),
        (FARE, row(booked=1.5), 400, "field_type", dict(where="features.booked")),
        (FARE, row(price="1.234"), 400, re.compile("^field_(type|range)$"), dict(where="features.price")),
        (FARE, row(price=12345678.0), 400, "field_range", dict(where="features.price")),
        (FARE, row(price="x"), 400, "field_type", dict(where="features.price")),
        (FARE, row(seets=3), 400, "field_unknown", dict(where="features.seets", hint=re.compile("seats"))),
        (FARE, row(distance=3), 400, "field_unknown", dict(where="features.distance")),
        (STRICT, strict(x0=None), 400, "field_null", dict(where="features.x0")),
    ])


def test_bad_members():
    good = fares.decide_row(R1)
    all_refused([
        (FARE, dict(good, key={"ride": "r1"}), 400, "field_unknown", dict(where="key", hint=re.compile("keys"))),
        (FARE, dict(good, rows=[good]), 400, re.compile("."), dict(where=re.compile("rows|keys|features"))),
        (FARE, dict(good, keys={"rid": "r1"}), 400, "field_unknown", dict(where="keys.rid", hint=re.compile("ride"))),
        (FARE, dict(good, keys={"ride": None}), 400, "field_null", dict(where="keys.ride")),
        (FARE, dict(good, keys={"ride": ["r1"]}), 400, "field_type", dict(where="keys.ride")),
        (FARE, dict(good, keys={}), 400, "key_missing", dict(where="keys.ride")),
        (FARE, {"features": good["features"]}, 400, "key_missing", dict(where="keys.ride")),
        (FARE, {}, 400, "key_missing", dict(where="keys.ride")),
        (FARE, dict(good, keys="r1"), 400, "field_type", dict(where="keys")),
        (FARE, dict(good, keys=["r1"]), 400, "field_type", dict(where="keys")),
        (FARE, dict(good, features=[1]), 400, "field_type", dict(where="features")),
        (FARE, dict(good, as_of="2013-06-06T00:00:00"), 400, "field_type", dict(where="as_of")),
        (FARE, dict(good, as_of="now"), 400, "field_type", dict(where="as_of", found='"now"')),
        (FARE, dict(good, as_of=17), 400, "field_type", dict(where="as_of", found=literal("17"))),
        (FARE, dict(good, as_of=""), 400, "field_type", dict(where="as_of")),
        (FARE, {"rows": []}, 400, re.compile("."), dict(where="rows")),
        (FARE, {"rows": {}}, 400, "field_type", dict(where="rows")),
        (FARE, {"rows": 3}, 400, "field_type", dict(where="rows")),
        (FARE, {"rows": [good], "keys": {"ride": "r1"}}, 400, re.compile("."), {}),
        (FARE, {"rows": [good], "x": 1}, 400, "field_unknown", dict(where="x")),
        (STRICT, dict(strict(), keys={"room": "a"}), 400, "key_missing", dict(where="keys.place")),
        (STRICT, dict(strict(), keys={"room": "a", "place": "b", "spot": "a|b"}), 400, re.compile("."),
         dict(where=re.compile("^keys"))),
    ])


def test_answers_that_cannot_be_given():
    missing = strict()
    del missing["features"]["x0"]
    all_refused([
        (STRICT, missing, 422, "unanswered", {}),
        (STRICT, strict(x1=10**6), 422, "unanswered", {}),
        (STRICT, strict(x0="nan"), 422, "unanswered", {}),
        (STRICT, strict(x2=None), 422, "unanswered", {}),
    ])


JSON_FAULTS = [
    (b"", 0), (b" ", None), (b"x", 0), (b"{", None), (b"}", 0), (b"[]", None), (b'"x"', None), (b"null", None),
    (b'{"keys":}', 8), (b'{"keys":{"row":"k"},}', 20), (b'{"keys":{"row":"k"}', None), (b'{"keys":{"row":"k"}}x', 20),
    (b'{"keys":{"row":"k"}} {}', 21), (b'{"keys":{"row":"k"}}\0', 20), (b"{'keys':1}", 1), (b'{keys:1}', 1),
    (b'{"keys":{"row":"k"} "features":{}}', 20), (b'{"keys" {"row":"k"}}', 8), (b'{"keys":{"row":"k\n"}}', None),
    (b'{"keys":{"row":"k\0"}}', None), (b'{"keys":{"row":"\\x41"}}', None), (b'{"keys":{"row":"\\u12"}}', None),
    (b'{"keys":{"row":"\\u00zz"}}', None), (b'/*a*/{}', 0), (b'{"keys":{"row":"k"},"keys":{"row":"k"}}', None),
    (b'{"keys":{"row":"k","row":"k"}}', None), (b'{"keys":{"row":"k"},"features":{"x0":1,"x0":1}}', None),
    (b'{"keys":{"row":"k"},"features":{"x0":1,"x\\u0030":1}}', None), (b"\xef\xbb\xbf{}", None),
    (b'{"keys":{"row":"k"},"features":{"x0":NaN}}', 37), (b'{"keys":{"row":"k"},"features":{"x0":Infinity}}', 37),
    (b'{"keys":{"row":"k"},"features":{"x0":-Infinity}}', None), (b'{"keys":{"row":"k"},"features":{"x0":01}}', None),
    (b'{"keys":{"row":"k"},"features":{"x0":+1}}', 37), (b'{"keys":{"row":"k"},"features":{"x0":.5}}', 37),
    (b'{"keys":{"row":"k"},"features":{"x0":5.}}', None), (b'{"keys":{"row":"k"},"features":{"x0":1e}}', None),
    (b'{"keys":{"row":"k"},"features":{"x0":0x1}}', None), (b'{"keys":{"row":"k"},"features":{"x0":--1}}', None),
    (b'{"keys":{"row":"k"},"features":{"x0":tru}}', None), (b'{"keys":{"row":"k"},"features":{"x0":True}}', 37),
    (b'{"keys":{"row":"k"},"features":{"x0":1,,"x1":1}}', None), (b'{"rows":[{"keys":{"row":"k"}},]}', None),
    (b'{"rows":[{"keys":{"row":"k"}} {"keys":{"row":"k"}}]}', None),
]


def test_json_faults():
    wrong = []
    for body, at in JSON_FAULTS:
        try:
            error = refused(PLAIN, body, 400, re.compile("^(json_syntax|field_type)$") if body in
                            (b"[]", b'"x"', b"null") else "json_syntax")
            text = " ".join(error.values())
            if error["code"] == "json_syntax" and "keys" not in error.get("where", ""):
                found = re.search(r"at byte (\d+)", text)
                assert found, f"no 'at byte N' for {body!r}: {error}"
                # Whether a byte is counted from 0 or 1 is not the point: it must be the right place.
                assert at is None or int(found[1]) - at in (0, 1), f"byte {at} is at fault in {body!r}: {error}"
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, f"{len(wrong)} of {len(JSON_FAULTS)}:\n" + "\n".join(wrong)


def test_texts_that_are_no_text():
    for bad in (b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"a\x80"):
        refused(FARE, raw(row(), "cabin", '"@"').replace(b"@", bad), 400, re.compile("^(text_encoding|json_syntax)$"))
        refused(PLAIN, b'{"keys":{"row":"k' + bad + b'"}}', 400, re.compile("^(text_encoding|json_syntax)$"))
        refused(PLAIN, b'{"keys' + bad + b'":{"row":"k"}}', 400, re.compile("^(text_encoding|json_syntax)$"))
    for bad in ("\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud800x", "\\udc00\\ud800", "\\ud83d\\n"):
        refused(FARE, raw(row(), "cabin", f'"{bad}"'), 400, re.compile("^(text_encoding|json_syntax)$"))
    assert decided(FARE, raw(row(), "cabin", '"\\ud83d\\ude80"'))["prediction"]["amount"] == \
           fares.amount(dict(R1, cabin="🚀"))
    assert decided(FARE, raw(row(), "cabin", '"\\u0066irst"'))["prediction"]["amount"] == fares.amount(R1)
    assert decided(FARE, raw(row(), "cabin", '"a\\u0000b"'))["rung"] == "fresh"


def test_depth():
    for depth in (33, 100, 1000, 100_000, 1_000_000):
        for start, end in (("[", "]"), ('{"a":', "}")):
            body = ('{"keys":{"row":"k"},"deep":' + start * depth + "1" + end * depth + "}").encode()
            refused(PLAIN, body, 400, "json_syntax")
    refused(PLAIN, b"[" * 2_000_000, 400, "json_syntax")
    shallow = b'{"keys":{"row":"k"},"deep":' + b"[" * 20 + b"]" * 20 + b"}"
    refused(PLAIN, shallow, 400, "field_unknown", where="deep")


def test_one_bad_row_leaves_the_others():
    rows = [fares.decide_row(q) for q in fares.QUESTIONS * 8]
    clean = decided(FARE, {"rows": rows})["answers"]
    bad = {3: (dict(rows[3], features={"seats": "x"}), "field_type", "rows[3].features.seats"),
           11: (dict(rows[11], keys={}), "key_missing", "rows[11].keys.ride"),
           12: (dict(rows[12], what=1), "field_unknown", "rows[12].what"),
           20: (dict(rows[20], as_of="never"), "field_type", "rows[20].as_of"),
           21: (dict(rows[21], keys={"ride": None}), "field_null", "rows[21].keys.ride"),
           30: (7, "field_type", "rows[30]")}
    mixed = [bad[i][0] if i in bad else r for i, r in enumerate(rows)]
    answer = ask(FARE, {"rows": mixed})
    assert answer.status == 200, answer
    answers = answer.json()["answers"]
    assert len(answers) == len(rows)
    for i, (one, was) in enumerate(zip(answers, clean)):
        if i in bad:
            assert set(one) == {"error"}, (i, one)
            check_members(wire.check_error(one["error"]), {"code": bad[i][1], "where": bad[i][2]}, mixed[i])
        else:
            assert one["prediction"] == was["prediction"] and one["rung"] == was["rung"], (i, one, was)
    alone = ask(STRICT, {"rows": [strict(x0=None), strict(x1=10**6)]})
    assert alone.status == 200 and alone.get("Tandem-Rung") is None, alone
    assert all("error" in one for one in alone.json()["answers"])


def test_a_syntax_error_in_one_row_fails_all():
    rows = [json.dumps(fares.decide_row(q)) for q in fares.QUESTIONS]
    for bad in ("{", '{"keys":{"ride":"r1","ride":"r1"}}', '{"as_of":NaN}', '{"keys":{"ride":"\\ud800"}}'):
        body = ('{"rows":[' + ",".join(rows[:3] + [bad] + rows[3:]) + "]}").encode()
        refused(FARE, body, 400, re.compile("^(json_syntax|text_encoding)$"))


def test_rows_max():
    body = {"rows": [{"keys": {"row": "k"}}] * 100_000}
    assert len(decided(PLAIN, body)["answers"]) == 100_000
    body["rows"].append({"keys": {"row": "k"}})
    refused(PLAIN, body, 413, "too_large", where="rows")


def test_deadlines():
    body = fares.decide_row(R1)
    for text in ("1", "1000", "3600000"):
        answer = ask(FARE, body, [("Tandem-Deadline-Ms", text)])
        assert answer.status == 200 or text == "1" and answer.code() == "deadline" and answer.status == 504, answer
    for text in ("0", "-1", "3600001", "1.5", "1e3", "x", "", "0x10", "99999999999999999999", "5 5"):
        refused(FARE, body, 400, "deadline_invalid", [("Tandem-Deadline-Ms", text)])
    with main_server().connect() as own:
        twice = own.ask("POST", FARE, body, [("Tandem-Deadline-Ms", "5"), ("tandem-deadline-ms", "6")])
        assert twice.status == 400 and twice.error(), twice


def test_a_deadline_that_passed_while_the_body_came():
    sent = wire.request("POST", FARE, fares.decide_row(R1), [("Tandem-Deadline-Ms", "50")])
    with main_server().connect() as slow:
        slow.send(sent[:-1])
        time.sleep(0.3)
        slow.send(sent[-1:])
        answer = slow.answer()
        assert answer.status == 504 and answer.code() == "deadline", answer
        assert slow.ask("POST", FARE, fares.decide_row(R1)).status == 200


# ---------------------------------------------------------------- predictions

def prediction(service, key, status=200):
    answer = connection().ask("GET", f"/v1/predictions/{service}/{urllib.parse.quote(key, safe='')}")
    assert answer.status == status, answer
    return answer


def test_predictions():
    for question in fares.QUESTIONS:
        body = prediction("fare", question["ride"]).json()
        assert body["prediction"] == {"amount": fares.amount(question)}, (question, body)
        assert body["release"] == f"fare@{home().a}" and body["table"] == home().table_a and body["epoch"] == 4
        assert body["rung"] == "table" and body["as_of"] == fares.TABLE_AS_OF and body["stale"] is True
        assert body["age_ms"] > 86400_000
    assert list(body) == ["key", "epoch", "release", "table", "rung", "prediction", "as_of", "age_ms", "stale"], body
    assert prediction("fare", "a\\|b").json()["prediction"]["amount"] == fares.amount(fares.QUESTIONS[4])
    assert prediction("fare", "r1").get("Tandem-Epoch") == "4"


def test_predictions_that_are_none():
    for service, key, status, code in (("fare", "nobody", 404, "not_found"), ("fair", "r1", 404, "not_found"),
                                       ("plain", "k", 404, "not_found"), ("aged", "a", 422, "unanswered")):
        assert prediction(service, key, status).code() == code
    for target, status in (("/v1/predictions/fare", 404), ("/v1/predictions/fare/", 404),
                           ("/v1/predictions/fare/r1/x", 404), ("/v1/predictions/fare/%zz", 400),
                           ("/v1/predictions/fare/%", 400), ("/v1/predictions/fare/%ff", 400),
                           ("/v1/predictions/fare/r1%00", 400)):
        answer = connection().ask("GET", target)
        assert answer.status in (status, 404) and answer.error(), (target, answer)
    answer = connection().ask("POST", "/v1/predictions/fare/r1", {})
    assert answer.status == 405 and "GET" in answer.get("Allow"), answer


# ---------------------------------------------------------------- bits, status, metrics

def bits(number):
    return struct.pack("<d", number).hex()


def exported(table):
    return {r["ride"]: bits(float(r["amount"])) for r in csv.DictReader(io.StringIO(home()("table", "export", table)))}


def by_decide(one):
    answers = one.ask("POST", FARE, {"rows": [fares.decide_row(q) for q in fares.QUESTIONS]}).json()["answers"]
    return {q["ride"]: bits(a["prediction"]["amount"]) for q, a in zip(fares.QUESTIONS, answers)}


def texts(values):
    return b"".join(struct.pack("<I", len(v.encode())) + v.encode() for v in values)


def by_tensors(one, questions):
    """The same questions as one binary request; a null text or instant cannot be said there, so only full rows."""
    n = len(questions)
    column = lambda name: [q[name] for q in questions]
    tensors = [("ride", "BYTES", texts(column("ride"))), ("cabin", "BYTES", texts(column("cabin"))),
               ("seats", "INT64", struct.pack(f"<{n}q", *column("seats"))),
               ("load", "FP64", struct.pack(f"<{n}d", *column("load"))),
               ("loyal", "BOOL", bytes(map(int, column("loyal")))), ("booked", "BYTES", texts(column("booked"))),
               ("price", "BYTES", texts(column("price"))), ("half", "FP32", struct.pack(f"<{n}f", *column("half")))]
    head = json.dumps({"inputs": [{"name": name, "shape": [n], "datatype": kind,
                                   "parameters": {"binary_data_size": len(data)}} for name, kind, data in tensors],
                       "parameters": {"binary_data_output": True, "as_of": fares.AS_OF}}).encode()
    answer = one.ask("POST", "/v2/models/fare/infer", head + b"".join(data for _, _, data in tensors),
                     [("Inference-Header-Content-Length", str(len(head)))])
    assert answer.status == 200, answer
    length = int(answer.get("Inference-Header-Content-Length"))
    output = json.loads(answer.body[:length])["outputs"][0]
    assert output["name"] == "amount" and output["datatype"] == "FP64" and output["shape"] == [n], output
    return {q["ride"]: bits(v) for q, v in zip(questions, struct.unpack(f"<{n}d", answer.body[length:]))}


def test_equal_bits_everywhere():
    """Batch from CSV, online from JSON, binary tensors, `predict`, the table's route, and after a restart."""
    wanted = {q["ride"]: bits(fares.amount(q)) for q in fares.QUESTIONS}
    full = [q for q in fares.QUESTIONS if None not in q.values()]
    assert len(full) >= 4
    assert exported(home().table_a) == wanted
    assert by_decide(main_server()) == wanted
    assert by_tensors(main_server(), full) == {q["ride"]: wanted[q["ride"]] for q in full}
    assert {q["ride"]: bits(home().predict(q)["prediction"]["amount"]) for q in fares.QUESTIONS} == wanted
    assert {q["ride"]: bits(prediction("fare", q["ride"]).json()["prediction"]["amount"])
            for q in fares.QUESTIONS} == wanted
    again = fares.FareHome(small=True)      # another home, packed anew: the same ids, the same bits
    assert again.a == home().a
    for _ in range(2):
        one = server.Server(again)
        assert by_decide(one) == wanted and by_tensors(one, full) == {q["ride"]: wanted[q["ride"]] for q in full}
        one.stop()


def test_predict_prints_what_the_server_answers():
    for question in fares.QUESTIONS[:3]:
        printed, answered = home().predict(question), decided(FARE, fares.decide_row(question))
        assert list(printed) == list(answered), (printed, answered)
        for name in printed:
            assert name == "id" or printed[name] == answered[name], (name, printed, answered)


def test_status():
    answer = connection().ask("GET", "/v1/status").json()
    printed = json.loads(home()("--json", "status"))
    about = answer.pop("server")
    printed.pop("server", None)     # the command may ask the server about itself
    assert list(printed) == list(answer) and answer["epoch"] == printed["epoch"] == 4
    assert [s["service"] for s in answer["services"]] == ["aged", "fare", "plain", "strict"]
    for mine, its in zip(printed["services"], answer["services"]):
        assert (mine["release"], mine["table"]) == (its["release"], its["table"])
    fare = next(s for s in answer["services"] if s["service"] == "fare")
    assert fare["promises"]["p99"]["measured"], fare
    assert set(about) >= {"version", "pid", "started", "uptime_s", "listening", "threads", "ready", "draining",
                          "connections", "requests", "errors", "models"}, about
    assert about["pid"] == main_server().pid and about["ready"] is True and about["draining"] is False
    assert str(main_server().port) in json.dumps(about["listening"]) and about["models"] == []
    assert about["connections"] >= 1 and about["requests"] > 10 and about["errors"] > 0


def samples():
    """{"name{labels}": value} of /metrics"""
    text = connection().ask("GET", "/metrics").body.decode()
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[:1] != "#"}


def test_metrics_count():
    def about(name, before, after, **labels):
        """By how much the series grew whose name holds `name` and whose labels hold these values."""
        return sum(after[k] - before.get(k, 0) for k in after if name in k.split("{")[0] and
                   not k.split("{")[0].endswith(("_bucket", "_sum")) and
                   all(f'{key}="{value}"' in k for key, value in labels.items()))
    before = samples()
    for _ in range(7):
        decided(FARE, fares.decide_row(R1))
    refused(FARE, row(seats="x"), 400, "field_type")
    decided(FARE, {"rows": [fares.decide_row(q) for q in fares.QUESTIONS]})
    after = samples()
    assert all(key.startswith(("tandem_", "process_")) for key in after)
    falling = [k for k in before if k.split("{")[0].endswith(("_total", "_count", "_bucket")) and after[k] < before[k]]
    assert not falling, falling
    assert about("requests", before, after) >= 9, {k: v for k, v in after.items() if "requests" in k}
    assert about("", before, after, rung="fresh") >= 7, {k: v for k, v in after.items() if "rung" in k}
    assert about("", before, after, code="field_type") == 1, {k: v for k, v in after.items() if "code=" in k}


def test_access_log():
    logged = server.Server(home=None, models={"plain": home().folder / "plain.json"},
                           more=["--access-log", home().folder / "access.log"])
    assert logged.ask("GET", "/v2/health/live").status == 200
    assert logged.ask("GET", "/nothing%0ahere").status == 404
    logged.stop()
    lines = [json.loads(line) for line in (home().folder / "access.log").read_text().splitlines()]
    # Two connections may be on two loops, so either may come first.
    assert sorted(line["status"] for line in lines) == [200, 404], lines
    assert sorted(line["path"].split("%")[0] for line in lines) == ["/nothing", "/v2/health/live"], lines


def test_zz_the_server_stops_cleanly():
    main_server().stop()


if __name__ == "__main__":
    server.need_program()
    tap.main(globals())
