# Where the home is; what is no home is left alone.
. "$DATA/try.sh"
try tandem source list
ls -A
export TANDEM_HOME=by-variable
quiet tandem source add "$DATA/shop/sources.yaml"
quiet tandem --home=by-option source add "$DATA/shop/sources.yaml"
quiet tandem source add "$DATA/shop/sources.yaml" --home behind
ls
mkdir foreign
touch foreign/letter
try tandem --home foreign source add "$DATA/shop/sources.yaml"
ls foreign
try tandem --home "$DATA/try.sh" status
try tandem --home "$DATA/try.sh" source add "$DATA/shop/sources.yaml"
echo 'tandem home 9' >by-variable/FORMAT
try tandem status
