# Sources are added, listed, shown, and evolved by nullable columns only.
. "$DATA/try.sh"
try tandem source list
try tandem source add "$DATA/shop/sources.yaml"
try tandem source add "$DATA/shop/sources.yaml"
try tandem source list
try tandem --json source list
try tandem source show regions
try tandem --json source show regions
tandem source show regions >regions.yaml
try tandem source add regions.yaml
echo '    people: i64?' >>regions.yaml
try tandem source add --json regions.yaml
sed -i 's/people: i64?/people: string?/' regions.yaml
try tandem source add regions.yaml
try tandem source add "$DATA/shop/sources.yaml"
try tandem source show region
