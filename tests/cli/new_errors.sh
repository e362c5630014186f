# What `new` refuses, and what it does about names that an expression cannot say.
. "$DATA/try.sh"
mkdir full
touch full/x
try tandem new full --model "$DATA/shop/main.json"
try tandem new a --model none.txt
try tandem new a --model "$ROOT/tests/parity/data/broken/child_loop.txt"
ls -A
sed 's/"orders"/"orders (all)"/; s/"coupon"/"source.coupon"/' "$DATA/shop/main.json" >"my model.json"
try tandem --json new "a b" --model "my model.json"
cat "a b/release.yaml"
try tandem release check "a b"
mkdir here
cd here
quiet tandem new . --model "$DATA/shop/main.json"
grep name: release.yaml
