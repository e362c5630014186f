# Keys of several columns are written a|b, with \| for a bar and \\ for a backslash inside.
. "$DATA/try.sh"
cat >sources.yaml <<'Y'
seats:
  kind: table
  key: [room, seat]
  columns: {room: string, seat: i64, price: f64}
Y
cat >release.yaml <<'Y'
name: seats
entity: {name: seat_id, key: [room, seat]}
features:
  price: {column: seats.price}
models:
  main: {file: main.json}
prediction:
  twice: {model: main}
batch:
  population: seats
Y
echo '{"kind": "linear", "inputs": ["price"], "weights": [2], "intercept": 0}' >main.json
printf 'room,seat,price\nhall,1,10\nhall,2,20\na|b,3,30\na\\b,4,40\n' >seats.csv
quiet tandem source add sources.yaml
quiet tandem load seats seats.csv
quiet tandem release pack .
quiet tandem run seats --as-of 2013-06-14T06:00:00Z
try tandem table export v000001
try tandem table export v000001 --format jsonl
try tandem table get v000001 'hall|2'
try tandem table get v000001 'a\|b|3'
try tandem table get v000001 'a\\b|4'
try tandem table get v000001 'a|b|3'
try tandem table get v000001 hall
try tandem predict seats --key 'room=a|b' --key seat=3 --as-of 2013-06-14T06:00:00Z | cut -d, -f3-5
try tandem predict seats --key 'seat_id=a\|b|3' --as-of 2013-06-14T06:00:00Z | cut -d, -f3-5
try tandem predict seats --key 'seat_id=a\\b|4' --as-of 2013-06-14T06:00:00Z | cut -d, -f3-5
try tandem predict seats --key 'seat_id=a|b|3'
try tandem predict seats --key 'seat_id=hall|x'
try tandem predict seats --key 'seat_id=hall|1' --key seat=1
try tandem predict seats --key room=hall
try tandem predict seats --key seat=hall --key room=hall
try tandem predict seats --key seet=1 --key room=hall

# A key of one column needs no escapes; it may have them.
cat >one.csv <<'C'
row,price
a|b,1
c\d,2
C
quiet tandem new one --model main.json
quiet tandem release pack one
quiet tandem run one --population one.csv
try tandem table get one/v000002 'a|b'
try tandem table get one/v000002 'a\|b'
try tandem table get one/v000002 'c\d'
try tandem table get one/v000002 'c\\d'
try tandem table get one/v000002 'a|c'
