# A release is checked, packed, listed and shown; pack prints the id alone, the same one every time.
. "$DATA/try.sh"
quiet tandem source add "$DATA/shop/sources.yaml"
try tandem release list
try tandem release check "$DATA/shop"
id=$(tandem release pack "$DATA/shop" 2>notes)
echo "$id"
cat notes
cp -r "$DATA/shop" elsewhere
[ "$(tandem release pack elsewhere 2>notes)" = "$id" ] && echo "the same id"
sed -i 's/ttl: 1h/ttl: 3h/' elsewhere/release.yaml
try tandem release pack elsewhere
try tandem release list
try tandem release show churn | head -2
try tandem release show "${id:0:8}"
try tandem release show --json "$id"
try tandem release show "${id:0:2}" | head -2
try tandem release show "${id:0:7}x"
try tandem release show chrn
