# What a model file is; and what is refused, with the line.
. "$DATA/try.sh"
try tandem model check "$ROOT/tests/parity/data/multiclass-v4.txt"
try tandem model check "$DATA/shop/main.json"
try tandem model check --json "$DATA/shop/main.json"
try tandem model check "$ROOT/tests/parity/data/broken/child_loop.txt"
try tandem model check "$ROOT/tests/parity/data/broken/version_5.txt"
try tandem model check "$DATA/shop/customers.csv"
try tandem model check --format lightgbm "$DATA/shop/main.json"
try tandem model check --format onnx "$DATA/shop/main.json"
try tandem model check none.txt
try tandem model check --json none.txt
