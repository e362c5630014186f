# Outputs of a bare model as CSV; for a LightGBM model equal to the bit to what LightGBM itself gave.
. "$DATA/try.sh"
model=$ROOT/tests/parity/data/binary-v4
sed 1s/f/Column_/g $model.rows.csv >own.csv # the framework's own names
for output in prediction raw leaf; do
    tandem model predict $model.txt --data own.csv --output $output >$output.csv || echo "failed: $?"
    head -1 $output.csv
done
python3 - $model.expect.csv <<'P'
import csv, sys
own = {}
for name in ("prediction", "raw", "leaf"):
    for i, row in enumerate(csv.DictReader(open(name + ".csv"))):
        own.setdefault(i, {}).update({"raw" if name == "raw" else k: float(v) for k, v in row.items()})
rows = list(csv.DictReader(open(sys.argv[1])))
same = sum(own[i]["raw"] == float.fromhex(r["raw_0"]) and own[i]["prediction"] == float.fromhex(r["prediction_0"]) and
           own[i]["leaf_7"] == float.fromhex(r["leaf_7"]) for i, r in enumerate(rows))
print(f"{same} of {len(rows)} rows equal to the bit")
P
printf 'coupon\n1\n-0.5\n' >rows.csv
try tandem model predict "$DATA/shop/simple.json" --data rows.csv
printf '{"coupon":2,"other":true}\n' >rows.jsonl
try tandem model predict "$DATA/shop/simple.json" --data rows.jsonl
printf 'orders,income\n4,41000\n' >some.csv
try tandem model predict "$DATA/shop/main.json" --data some.csv
printf 'other\n1\n' >others.csv
try tandem model predict "$DATA/shop/simple.json" --data others.csv
printf 'coupon\n1\nmuch\n' >text.csv
try tandem model predict "$DATA/shop/simple.json" --data text.csv
try tandem model predict "$DATA/shop/simple.json" --data none.csv
try tandem --json model predict "$DATA/shop/simple.json" --data rows.csv
