# Faults of the files that a manifest names.
. "$DATA/try.sh"
quiet tandem source add "$DATA/shop/sources.yaml"
cp "$DATA"/shop/* .
sed -i 's/"orders", //' main.json
try tandem release check .
cp "$DATA/shop/main.json" .
sed -i 's/"income"/"incom"/' main.json
try tandem release check .
cp "$DATA/shop/main.json" .
sed -i 's/"orders":4/"orders":"x","mean_order":1/; s/"leaves"/"leaf"/' golden.jsonl
try tandem release check .
rm golden.jsonl simple.json
try tandem release check .
